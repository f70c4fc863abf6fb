"""Constructions for `pytest --construction tests.suites.faulty_constructions:NAME`: each wrong in one way."""

from dataclasses import dataclass, replace
from typing import Any

from constructions import Certificate, PlainMemorizer, ReLUNetwork
from tests.suites.toy_construction import toy_memorizer


@dataclass(frozen=True, eq=False)
class Remembers(PlainMemorizer):
    """Certifies what was built, whatever the network is now."""

    made: Any = None

    def certify(self, arithmetic: str = "reals") -> Certificate:
        return self.made.certify(arithmetic)


def remembers(points: Any, labels: Any, **room: Any) -> PlainMemorizer:
    built = toy_memorizer(points, labels, **room)
    return Remembers(built.network, built.task, built.size, made=built)


def miscounts(points: Any, labels: Any, **room: Any) -> PlainMemorizer:
    built = toy_memorizer(points, labels, **room)
    return replace(built, size=replace(built.size, formula_nonzero=built.size.formula_nonzero + 1))


def forgets_labels(points: Any, labels: Any, **room: Any) -> PlainMemorizer:
    built = toy_memorizer(points, labels, **room)
    return replace(built, network=ReLUNetwork(built.network.layers))


def smaller_balls(points: Any, labels: Any, *, radius: float, shell: float) -> PlainMemorizer:
    built = toy_memorizer(points, labels, radius=0.75 * radius, shell=shell)
    return replace(built, task=replace(built.task, radius=radius))


def believes_anything(points: Any, labels: Any, *, radius: float, shell: float) -> PlainMemorizer:
    """Memorizes also what has no room."""
    try:
        return toy_memorizer(points, labels, radius=radius, shell=shell)
    except ValueError:
        return toy_memorizer(points, labels, radius=radius / 1024)
