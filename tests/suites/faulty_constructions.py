"""Constructions for `pytest --construction tests.suites.faulty_constructions:NAME`: each is wrong in one way."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from constructions import Affine, Certificate, PlainMemorizer, ReLUNetwork
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


@dataclass(frozen=True, eq=False)
class OfTheFirstTask(PlainMemorizer):
    """Certifies the network of now, for the task of then."""

    first: Any = None

    def certify(self, arithmetic: str = "reals") -> Certificate:
        return PlainMemorizer.certify(replace(self, task=self.first), arithmetic)


def ignores_the_task(points: Any, labels: Any, **room: Any) -> PlainMemorizer:
    built = toy_memorizer(points, labels, **room)
    return OfTheFirstTask(built.network, built.task, built.size, first=built.task)


@dataclass(frozen=True, eq=False)
class OfTheReals(PlainMemorizer):
    """Answers for the reals, whatever was asked; saves in single precision."""

    def certify(self, arithmetic: str = "reals") -> Certificate:
        return super().certify()

    def save(self, path: Any) -> None:
        layers = tuple(Affine(f.weight.astype(np.float32), f.bias.astype(np.float32)) for f in self.network.layers)
        ReLUNetwork(layers, self.network.classes).save(path)


def ignores_the_arithmetic(points: Any, labels: Any, **room: Any) -> PlainMemorizer:
    built = toy_memorizer(points, labels, **room)
    return OfTheReals(built.network, built.task, built.size)


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
