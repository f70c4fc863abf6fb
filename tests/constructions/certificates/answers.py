"""Networks and balls for the front door, and whether its answers are true."""

import math
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np

from constructions import Affine, Certificate, ReLUNetwork
from tests.rational import rational_value, rationals

LINE = ReLUNetwork((Affine(np.array([[1.0]]), np.array([-0.5])),))
PLANE = ReLUNetwork((Affine(np.array([[1.0, 1.0]]), np.array([-0.5])),))
EVERY = ("reals", "rational", "float64", "float32")
EXECUTED = ("float64", "float32")


def deep(seed: int = 0, *widths: int) -> ReLUNetwork:
    rng = np.random.default_rng(seed)
    sizes = widths or (3, 16, 16, 16, 3)
    return ReLUNetwork(
        tuple(Affine(rng.normal(size=(b, a)) * (2 / a) ** 0.5, 0.1 * rng.normal(size=b)) for a, b in pairwise(sizes))
    )


def some_balls(network: ReLUNetwork, count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(seed).uniform(-1, 1, (count, network.inputs))
    return points, network(points).argmax(axis=1)


def margin(network: Any, x: np.ndarray, label: int) -> Fraction:
    """By the tests' own rational evaluation."""
    values = rational_value(network, rationals(x))
    if len(values) == 1:
        return label * values[0]
    return values[label] - max(v for c, v in enumerate(values) if c != label)


def is_in(x: np.ndarray, centre: np.ndarray, radius: Any, p: float, low: Any = None, high: Any = None) -> bool:
    """Whether a point is in the ball and between the ends, in rational arithmetic; p = 1, 2 or ∞."""
    steps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(x.tolist(), centre.tolist(), strict=True)]
    each = [Fraction(r) for r in np.broadcast_to(radius, centre.shape).tolist()]
    if math.isinf(p):
        inside = all(step <= r for step, r in zip(steps, each, strict=True))
    else:
        inside = sum(step ** int(p) for step in steps) <= each[0] ** int(p)
    ends = (
        np.broadcast_to(-np.inf if low is None else low, x.shape),
        np.broadcast_to(np.inf if high is None else high, x.shape),
    )
    return bool(inside and (ends[0] <= x).all() and (x <= ends[1]).all())


def assert_true(
    found: Certificate, network: ReLUNetwork, points: np.ndarray, labels: np.ndarray, radius: Any, p: float, **ends: Any
) -> None:
    """Witnesses are in their regions and errors, exactly; no point of a proved region is one; the rest is explained."""
    rng = np.random.default_rng(0)
    radii = np.broadcast_to(radius, points.shape)
    low, high = (
        np.broadcast_to(ends.get(name, none), points.shape) for name, none in (("low", -np.inf), ("high", np.inf))
    )
    known = {"low": None, "high": None} | ends
    assert set(found.counterexamples) == set(np.flatnonzero(found.status == "refuted").tolist())
    for i, x in found.counterexamples.items():
        own = {name: None if end is None else np.broadcast_to(end, points.shape)[i] for name, end in known.items()}
        assert is_in(x, points[i], radii[i] if math.isinf(p) else radius, p, **own)
        assert margin(network, x, int(labels[i])) <= Fraction(found.upper[i]) <= 0
        assert found.lower[i] <= found.upper[i]
    corners = np.array(list(product([-1.0, 1.0], repeat=points.shape[1])))
    for i in np.flatnonzero(found.certified):
        steps = np.concatenate([corners, rng.uniform(-1, 1, (200, points.shape[1]))])
        if not math.isinf(p):
            steps = steps / np.maximum(np.linalg.norm(steps, p, axis=1, keepdims=True), 1.0)
        # Within rounding of the region, and so errors only within rounding of the bound.
        x = np.clip(points[i] + radii[i] * steps, low[i], high[i])
        values = network(x)
        own = (
            labels[i] * values[:, 0]
            if values.shape[1] == 1
            else values[:, labels[i]] - np.delete(values, labels[i], 1).max(axis=1)
        )
        if math.isinf(p) or not ends:
            assert own.min() >= found.lower[i] - 1e-9
        assert found.lower[i] > 0
    assert set(found.untried) <= set(np.flatnonzero(found.status == "undecided").tolist())
