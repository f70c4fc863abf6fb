"""Networks, balls and labels of every kind and scale, drawn from a seed; nothing here is a memorizer.

A network is drawn along a *path* of exponents: the inputs are of the size `2^path[0]`, the values of layer k of the
size `2^path[k]`. So a product may be subnormal, vanish or overflow in the middle of a network whose outputs are
ordinary numbers, and a bound that forgets this is wrong by as much as one likes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions import Affine, ReLUNetwork
from constructions.networks.network import dense
from tests.soundness.truth import exact_margins, least_margin_found

EXPONENTS = (1.0, 1 + 2.0**-40, 1.5, 2.0, 3.0, 10.0, 100.0, np.inf)
BALLS = 4


@dataclass(frozen=True, eq=False)
class Case:
    """One network and a few balls with labels."""

    seed: tuple[int, ...]
    kind: str
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    stored_sparse: tuple[bool, ...]
    points: np.ndarray
    labels: np.ndarray
    radius: float
    p: float

    @property
    def network(self) -> ReLUNetwork:
        layers = zip(self.weights, self.biases, self.stored_sparse, strict=True)
        return ReLUNetwork(tuple(Affine(sp.csr_array(w) if s else w, b) for w, b, s in layers))

    def __str__(self) -> str:
        """The case as text that Python reads."""
        layers = [(w.tolist(), b.tolist()) for w, b in zip(self.weights, self.biases, strict=True)]
        return (
            f"seed={self.seed} kind={self.kind}\nlayers = {layers}\npoints = {self.points.tolist()}\n"
            f"labels, radius, p = {self.labels.tolist()}, {self.radius!r}, {self.p!r}"
        )


@dataclass(frozen=True)
class Scale:
    """Least and greatest exponents of a format, and how far in between ordinary values lie."""

    least: int
    greatest: int
    ordinary: int


SCALES = {"float64": Scale(-1074, 1022, 20), "float32": Scale(-149, 126, 8)}

Path = Callable[[np.random.Generator, Scale, int], np.ndarray]


def _ordinary(rng: np.random.Generator, scale: Scale, depth: int) -> np.ndarray:
    return np.zeros(depth + 1, dtype=int)


def _scaled(rng: np.random.Generator, scale: Scale, depth: int) -> np.ndarray:
    return rng.integers(scale.least // 4, scale.greatest // 4, depth + 1)


def _vanishing(rng: np.random.Generator, scale: Scale, depth: int) -> np.ndarray:
    """Subnormal or smaller somewhere, ordinary at the end."""
    path = rng.integers(scale.least // 8, scale.greatest // 8, depth + 1)
    path[rng.integers(depth)] = scale.least + rng.integers(-30, 60)
    path[-1] = rng.integers(-10, 10)
    return path


def _overflowing(rng: np.random.Generator, scale: Scale, depth: int) -> np.ndarray:
    path = rng.integers(scale.least // 8, scale.greatest // 8, depth + 1)
    path[rng.integers(depth + 1)] = scale.greatest + rng.integers(-20, 10)
    return path


def _anything(rng: np.random.Generator, scale: Scale, depth: int) -> np.ndarray:
    return rng.integers(scale.least, scale.greatest + 1, depth + 1)


PATHS: dict[str, Path] = {
    "dyadic": _ordinary,
    "normal": _ordinary,
    "signed": _ordinary,
    "active": _ordinary,
    "long": _ordinary,
    "scaled": _scaled,
    "vanishing": _vanishing,
    "overflowing": _overflowing,
    "anything": _anything,
}


def draw(seed: tuple[int, ...], arithmetic: str = "float64", kind: str | None = None, dim: int | None = None) -> Case:
    """The case of this seed; weights, data and radius in the range of the format.

    In half of the cases the output is shifted by the least margin that was found on the first ball, so that the truth
    there is next to zero.
    """
    rng = np.random.default_rng(seed)
    scale = SCALES["float32" if arithmetic == "float32" else "float64"]
    kind = kind or str(rng.choice(list(PATHS)))
    depth, outputs = int(rng.choice([1, 1, 2, 2, 3, 4, 5])), int(rng.choice([1, 1, 2, 3]))
    if dim is None:
        dim = int(rng.integers(4, 40)) if kind == "long" else int(rng.choice([1, 1, 2, 3]))
    depth = min(depth, 2) if kind in ("long", "signed") else depth
    widths = [dim, *rng.integers(1, 5, depth - 1).tolist(), outputs]
    path = PATHS[kind](rng, scale, depth)
    weights, biases = [], []
    for k, (before, after) in enumerate(pairwise(widths)):
        weight = _mantissas(rng, kind, (after, before))
        if rng.random() < 0.5:
            weight = np.where(rng.random(weight.shape) < 0.5, weight, 0.0)
        if kind == "signed" or rng.random() < 0.2:
            # Sums of terms of one sign, for which there are rules of their own.
            weight = np.abs(weight) * rng.choice([-1.0, 1.0], (after, 1))
        bias = _mantissas(rng, kind, (after,)) * rng.choice([0.0, 0.0, 1.0])
        if kind == "signed":
            bias = np.abs(bias) * np.where(weight.sum(axis=1) < 0, -1.0, 1.0) * rng.choice([0.0, 1.0])
        if kind == "active" and k < depth - 1:
            bias = np.abs(bias) + 2.0 ** rng.integers(3, 8)
        weights.append(_ldexp(weight, int(path[k + 1] - path[k]), scale))
        biases.append(_ldexp(bias, int(path[k + 1]), scale))
    points = _ldexp(_points(rng, kind, dim), int(path[0]), scale)
    radius = float(_ldexp(np.array(rng.uniform(0.5, 1)), int(path[0] - _depth_of_radius(rng)), scale))
    p = float(rng.choice(EXPONENTS))
    stored = tuple(bool(s) for s in rng.random(depth) < 0.3)
    case = Case(
        seed, kind, tuple(weights), tuple(biases), stored, points, np.ones(BALLS, np.int64), max(radius, 5e-324), p
    )
    case = _labelled(case, rng)
    return _on_the_edge(case, scale) if rng.random() < 0.5 else case


def _mantissas(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    if kind == "dyadic":
        return np.asarray(rng.integers(-8, 9, shape) / 4)
    if rng.random() < 0.3:
        return np.asarray(rng.choice([-1.0, 1.0], shape))
    return rng.normal(size=shape)


def _points(rng: np.random.Generator, kind: str, dim: int) -> np.ndarray:
    if kind == "dyadic":
        return np.asarray(rng.integers(-8, 9, (BALLS, dim)) / 4)
    points = rng.normal(size=(BALLS, dim))
    # Some near each other and far from zero, where centre ± radius is no float.
    return points if rng.random() < 0.7 else np.asarray(rng.choice([-1, 1]) * (1 + 2.0**-20 * np.abs(points)))


def _depth_of_radius(rng: np.random.Generator) -> int:
    """How many powers of two the radius is below the data; beyond 52 it is below their last bit."""
    low, high = [(-3, 4), (4, 30), (48, 70)][int(rng.integers(3))]
    return int(rng.integers(low, high))


def _ldexp(array: np.ndarray, exponent: int, scale: Scale) -> np.ndarray:
    """`array 2^exponent` within the format: what overflows is its greatest power of two."""
    greatest = 2.0**scale.greatest
    with np.errstate(over="ignore", under="ignore"):
        # In two steps, as one power alone may be no float.
        half = exponent // 2
        moved = np.ldexp(np.ldexp(array, half), exponent - half)
    moved = np.clip(moved, -greatest, greatest)
    if scale.least == -149:
        with np.errstate(under="ignore"):
            moved = moved.astype(np.float32).astype(np.float64)
    return np.asarray(moved)


def _labelled(case: Case, rng: np.random.Generator) -> Case:
    """Labels that are right at the centres, and a few that are wrong."""
    outputs = len(case.biases[-1])
    codes = [-1, 1] if outputs == 1 else list(range(outputs))
    labels = rng.choice(codes, BALLS).astype(np.int64)
    for i, x in enumerate(case.points):
        if rng.random() < 0.9:
            found = [exact_margins(case.weights, case.biases, [list(map(Fraction, x))], code)[0] for code in codes]
            labels[i] = codes[int(np.argmax([_sign(f) for f in found]))]
    return replace(case, labels=labels)


def case_of(network: ReLUNetwork, balls: Sequence[Any], seed: tuple[int, ...], kind: str) -> Case:
    """A network of the project on balls: points, labels, radius, p."""
    points, labels, radius, p = balls
    weights = tuple(dense(layer.weight) for layer in network.layers)
    biases, sparse = tuple(layer.bias for layer in network.layers), (False,) * network.depth
    return Case(seed, kind, weights, biases, sparse, points, labels, float(radius), float(p))


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _on_the_edge(case: Case, scale: Scale) -> Case:
    """The output shifted so that the least margin found on the first ball is next to 0."""
    label = int(case.labels[0])
    least = least_margin_found(case, 0)
    shift = np.zeros_like(case.biases[-1])
    try:
        amount = float(least)
    except OverflowError:
        return case
    shift[0 if len(shift) == 1 else label] = -(label if len(shift) == 1 else 1) * amount
    greatest = 2.0**scale.greatest
    bias = case.biases[-1] + shift
    if not (np.abs(bias) <= greatest).all():
        return case
    if scale.least == -149:
        with np.errstate(under="ignore"):
            bias = bias.astype(np.float32).astype(np.float64)
    return replace(case, biases=(*case.biases[:-1], bias))
