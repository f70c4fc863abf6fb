"""For every point the nearest differently labelled one, of its own sample or of another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from rich.console import Console
from rich.progress import track

from theory.arguments.read_only import handed_over, restore
from theory.arguments.scalars import read_exponent
from theory.arguments.subnormals import check_subnormals
from theory.closest.search import nearest_columns
from theory.errors import AssumptionError
from theory.exact.exact_distance import floats_below, relative_error
from theory.setting.labelled_points import read_codes, read_points, sides_between, sides_of

__all__ = ["Nearest", "nearest_of_other_label"]


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each point how far it is to the next differently labelled one, within the `u` of `Separation`.

    Attributes:
        p: in [1, ∞].
        distances: lower bounds, by a relative `4 u` and the least float at most; 0 for equal points; read-only.
        indices: of that point, or of one within a relative `8 u` of it; read-only.
    """

    p: float
    distances: Float[np.ndarray, " n"]
    indices: Int[np.ndarray, " n"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)


def nearest_of_other_label(
    points: Shaped[np.ndarray, "n d"],
    labels: Any,
    p: Any,
    *,
    others: Any = None,
    other_labels: Any = None,
    progress: bool = False,
) -> Nearest:
    """The nearest differently labelled point of every point.

    Of the same sample or, if one is given, of another. Slower than `separation`, which need not know how far those are
    that are farther.

    Args:
        points, labels: as for `separation`.
        p: in [1, ∞].
        others, other_labels: the sample to look in.
        progress: whether to show a progress bar.

    Raises:
        ValueError: as `separation`, or if only one of `others` and `other_labels` is given.
        AssumptionError: if there is a point without a differently labelled one.
    """
    p = read_exponent(p)
    check_subnormals("a distance")
    if (others is None) != (other_labels is None):
        raise ValueError("others and other_labels must be given together, got one of them")
    if others is None:
        points = read_points(points)
        sides = sides_of(points, labels, read_codes(labels, len(points)), same=False)
    else:
        sides = sides_between(points, labels, others, other_labels)
        if sides.y_codes[0] == sides.y_codes[-1] and (alone := np.flatnonzero(sides.x_codes == sides.y_codes[0])).size:
            raise AssumptionError(
                f"every point needs a differently labelled one among the others, which all have one label, that of "
                f"point {sides.x.order[alone[0]]}"
            )
    units = track(sides.units(), "nearest", disable=not progress, console=Console(stderr=True))
    found = nearest_columns(sides, p, units)
    distances, indices = np.empty(len(found)), np.empty(len(found), dtype=np.int64)
    below = floats_below(found.fractions * (1 - 2 * relative_error(sides.x.dim, p)), found.exponents)
    distances[sides.x.order] = np.where(found.fractions > 0, below, 0.0)
    indices[sides.x.order] = sides.y.order[found.j]
    return Nearest(p, handed_over(distances), handed_over(indices))
