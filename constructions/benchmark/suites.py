"""Which instances a benchmark has: `small` for a first look, `full` with networks that take verifiers long."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from constructions.benchmark import families
from constructions.benchmark.margins import Instance
from constructions.benchmark.models import Model, model
from constructions.benchmark.samples import Spread, spread
from constructions.compact.memorizer import compact_memorizer
from constructions.memorizers.max_tree import max_tree_memorizer
from constructions.memorizers.memorizer import robust_memorizer
from constructions.memorizers.narrow_deep import narrow_deep_memorizer
from constructions.memorizers.projection import projection_memorizer
from constructions.networks.network import ReLUNetwork, network
from constructions.rules.memorizer import rule_memorizer

INFINITY = float("inf")
SIZES = ("small", "full")
# 2^-4 to 2^-23 are about 6e-2 to 1e-7.
_SCALES = {"small": (4, 10, 14, 17, 20, 23), "full": tuple(range(4, 24))}
_BITS = {"small": (1, 4, 8, 16, 24, 32, 40, 48, 52), "full": tuple(range(1, 53))}


@dataclass(frozen=True)
class Shape:
    """A sample: d, n, the gap, and how many classes."""

    dim: int
    size: int
    gap: float = 0.25
    classes: int = 2

    def sample(self, seed: int) -> tuple[str, Spread]:
        text = f"spread({self.dim}, {self.size}, {self.gap}, classes={self.classes}, seed={seed})"
        return text, spread(self.dim, self.size, self.gap, classes=self.classes, seed=seed)

    @property
    def name(self) -> str:
        return f"d{self.dim}_n{self.size}" + (f"_c{self.classes}" if self.classes > 2 else "")


# Samples for constructions whose networks grow with n d, for the squares of p = 2, and for rules.
_PLAIN = {
    "small": (Shape(2, 4), Shape(4, 8), Shape(3, 6, classes=3)),
    "full": (
        *(Shape(2, 4), Shape(4, 8), Shape(3, 6, classes=3), Shape(8, 16), Shape(16, 32, classes=4)),
        *(Shape(32, 64), Shape(64, 16), Shape(2, 40, 2.0**-4), Shape(5, 200)),
    ),
}
_EUCLIDEAN = {
    "small": (Shape(2, 2), Shape(4, 6)),
    "full": (Shape(2, 2), Shape(4, 6), Shape(8, 12), Shape(16, 24), Shape(32, 32)),
}
_RULES = {
    "small": (Shape(4, 8), Shape(6, 12, classes=3)),
    "full": (
        *(Shape(4, 8), Shape(6, 12, classes=3), Shape(16, 64), Shape(64, 100, classes=5)),
        *(Shape(196, 200), Shape(784, 200, classes=10)),
    ),
}
_NEEDLES = {"small": (2, 4, 8), "full": (2, 4, 8, 16, 32, 64)}


def instances(size: str, seed: int) -> Iterator[Instance]:
    """All instances, model by model, those of few inputs first within a construction.

    Raises:
        ValueError: for another size.
    """
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, got {size!r}")
    yield from _of_indicators(size, seed)
    yield from _of_others(size, seed)
    yield from _of_needles(size, seed)


def _of_indicators(size: str, seed: int) -> Iterator[Instance]:
    for method in ("shared", "per_point"):
        for shape in _PLAIN[size]:
            made = _memorizer(f"{method}_inf_{shape.name}", shape, seed, p=INFINITY, method=method)
            yield from _common(made, shape)
            if shape.dim * shape.size <= 32 and shape.classes == 2:
                yield from families.tight(made, _BITS[size], _SCALES[size])
                if method == "per_point":
                    yield from families.crossing(made, _SCALES[size])
    for shape in _PLAIN[size][:2]:
        # Without a clean classifier the lock has the weight 2^-28.
        made = _memorizer(f"faint_{shape.name}", shape, seed, p=INFINITY, method="per_point", clean=None)
        for instance in _common(made, shape):
            yield replace(instance, family=f"{instance.family}, faint weight")
    for p, shapes in ((1.0, _PLAIN[size][:2]), (2.0, _EUCLIDEAN[size])):
        for method in ("shared", "per_point"):
            for shape in shapes[: 3 if method == "per_point" else None]:
                made = _memorizer(f"{method}_{p:g}_{shape.name}", shape, seed, p=p, method=method)
                yield from _common(made, shape)
                yield from families.tight(made, _BITS[size][::4], ())


def _of_others(size: str, seed: int) -> Iterator[Instance]:
    plain = _PLAIN[size]
    for builder, name, most in ((max_tree_memorizer, "max_tree", 512), (narrow_deep_memorizer, "narrow_deep", 1024)):
        for shape in (one for one in plain if one.dim * one.size <= most):
            yield from _common(_built(f"{name}_{shape.name}", builder, shape, seed, **_room(shape)), shape)
    for shape in _RULES[size]:
        made = _built(f"rules_{shape.name}", rule_memorizer, shape, seed, radius=shape.gap / 4, p=INFINITY, seed=seed)
        yield from _common(made, shape)
    for shape in _EUCLIDEAN[size][1:]:
        room = {"radius": shape.gap / 4, "shell": shape.gap / 4}
        made = _built(f"projection_{shape.name}", projection_memorizer, shape, seed, **room, seed=seed)
        yield from _common(made, shape)
        widths: dict[str, Any] = {"features": shape.dim, "hidden": (shape.dim,), "coordinates": shape.dim}
        options = {"radius": shape.gap / 4, **widths, "steps": 300, "seed": seed}
        yield from _common(_built(f"compact_{shape.name}", compact_memorizer, shape, seed, **options), shape)


def _of_needles(size: str, seed: int) -> Iterator[Instance]:
    for dim in _NEEDLES[size]:
        shape = Shape(dim, 6 if dim > 2 else 4)
        text, sample = shape.sample(seed)
        options: dict[str, Any] = {"p": INFINITY, "method": "per_point", "clean": _constant(shape), **_room(shape)}
        small = np.flatnonzero(sample.labels < 0).tolist()
        made = model(f"needle_{shape.name}", robust_memorizer, text, sample, small=small, **options)
        yield from families.needles(made, 3, (2, 4, 10), _BITS[size])
        half = network((np.eye(dim)[[0]], [-0.5]))
        options = {"p": INFINITY, "method": "shared", "clean": half, **_room(shape)}
        made = model(f"clean_{shape.name}", robust_memorizer, text, sample, **options)
        yield from families.balls(made, 2)
        yield from families.clean_errors(made, 2, 0, 0.5)


def _common(made: Model, shape: Shape) -> Iterator[Instance]:
    """What every construction is asked."""
    for family in (families.balls, families.wrong_labels, families.reaching):
        yield from family(made, min(2, shape.size))
    if shape.size > 2:
        yield from families.unions(made, 3)


def _memorizer(name: str, shape: Shape, seed: int, /, **options: Any) -> Model:
    """With f_clean the constant 1/2 for the last of two classes, or the first of more."""
    given = {"clean": _constant(shape), "small": "all", **options}
    return _built(name, robust_memorizer, shape, seed, **_room(shape), **given)


def _built(name: str, builder: Any, shape: Shape, seed: int, /, **options: Any) -> Model:
    return model(name, builder, *shape.sample(seed), **options)


def _room(shape: Shape) -> dict[str, float]:
    return {"radius": shape.gap / 4, "shell": shape.gap / 2}


def _constant(shape: Shape) -> ReLUNetwork:
    outputs = 1 if shape.classes == 2 else shape.classes
    return network((np.zeros((outputs, shape.dim)), np.eye(outputs)[0] / 2))
