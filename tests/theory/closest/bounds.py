"""One bound at a time, whatever the search would take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np

from theory.closest.coordinates import Coordinates
from theory.closest.everything import Everything
from theory.closest.projections import Projections
from theory.closest.sides import Sides, Sorted
from theory.device import HOST, Place, read_device

Bound = Projections | Coordinates | Everything
# torch's arrays, by the same code as a card's.
TORCH = read_device("cpu")
BOUNDS: dict[str, Callable[[Sides, float, float], Bound]] = {
    "projections": lambda sides, p, reach: Projections(sides, p),
    "one direction": lambda sides, p, reach: Projections(sides, p, directions=1),
    "coordinates": lambda sides, p, reach: Coordinates(sides, reach),
    "projections by torch": lambda sides, p, reach: Projections(sides, p, on=TORCH),
    "coordinates by torch": lambda sides, p, reach: Coordinates(sides, reach, TORCH),
    "everything": lambda sides, p, reach: Everything(sides, p),
}


def is_usable(bound: Bound) -> bool:
    return isinstance(bound, Everything) or bound.usable


def sides_of(points: np.ndarray, labels: np.ndarray, *, same: bool) -> Sides:
    order = np.argsort(labels, kind="stable")
    x = Sorted(points, order)
    return Sides(x, x, labels[order], labels[order], same)


def sides_between(points: np.ndarray, labels: np.ndarray, others: np.ndarray, other_labels: np.ndarray) -> Sides:
    first, second = np.argsort(labels, kind="stable"), np.argsort(other_labels, kind="stable")
    return Sides(Sorted(points, first), Sorted(others, second), labels[first], other_labels[second], same=False)


@contextmanager
def forced(name: str) -> Iterator[None]:
    """Every search takes this bound, where it is usable; coordinates for p < 2 too."""
    from theory.closest import search

    ordinary = search.candidates

    def take(
        sides: Sides,
        p: float,
        reach: float | None = None,
        projections: Projections | None = None,
        on: Place = HOST,
    ) -> tuple[Bound, float]:
        _, found = ordinary(sides, p, reach, projections, on)
        bound = BOUNDS[name](sides, p, found)
        return (bound if is_usable(bound) else Everything(sides, p)), found

    with mock.patch("theory.closest.search.candidates", take):
        yield
