"""The bound on coordinates, against the least set found by trying all, and against changed certificates."""

import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import mpmath
import numpy as np
import pytest

from theory import AssumptionError
from theory.lower_bounds.coordinates import CoordinateBound, coordinates_needed, proved_coordinates
from theory.lower_bounds.covering import demands


def enough(steps: np.ndarray, chosen: Iterable[int], radius: float, p: float) -> bool:
    """Whether no pair of closed balls has points that are equal on the chosen coordinates, in rationals."""
    reach = 2 * Fraction(radius)
    for row in steps:
        sizes = [abs(row[j]) for j in chosen]
        total = max(sizes, default=Fraction(0)) if math.isinf(p) else sum(size ** int(p) for size in sizes)
        if total <= (reach if math.isinf(p) else reach ** int(p)):
            return False
    return True


def least_set(points: np.ndarray, labels: np.ndarray, radius: float, p: float) -> int:
    """The least number of coordinates that a robust function reads, by trying all."""
    exact = [[Fraction(float(v)) for v in row] for row in points]
    steps = np.array(
        [
            [a - b for a, b in zip(exact[i], exact[j], strict=True)]
            for i, j in combinations(range(len(points)), 2)
            if labels[i] != labels[j]
        ],
        dtype=object,
    )
    dim = points.shape[1]
    return next(k for k in range(dim + 1) if any(enough(steps, s, radius, p) for s in combinations(range(dim), k)))


def sample(seed: int, p: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Points on a grid, labels, and a radius of which 2δ is often a difference, so that equality counts."""
    rng = np.random.default_rng(seed)
    while True:
        points = rng.integers(0, 5, (12, 7)) / 4
        labels = rng.integers(0, 3, 12)
        radius = float(rng.choice([0.0, 0.125, 0.25]))
        steps = np.abs(points[:, None] - points[None])[labels[:, None] != labels[None]]
        size = steps.max(axis=-1) if math.isinf(p) else (steps**p).sum(axis=-1) ** (1 / p)
        if size.size and size.min() > 2 * radius + 1e-9:
            return points, labels, radius


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("seed", range(12))
def test_no_bound_is_above_the_least_set(seed: int, p: float) -> None:
    points, labels, radius = sample(seed, p)
    bound = coordinates_needed(points, labels, radius=radius, p=p)
    bound.check(points, labels)
    assert 1 <= bound.count <= least_set(points, labels, radius, p)


def test_sums_of_integers_are_not_rounded() -> None:
    """In floats these weights prove a hair more than 2, so 3; two coordinates tell all pairs apart."""
    rows = ["1001010", "0110010", "0100001", "1011010", "0001110", "1101010", "0001001", "0011000", "1011011"]
    points = 2.0 * np.array([[0] * 7, *([int(digit) for digit in row] for row in rows)])
    labels = np.array([0] + [1] * len(rows))
    bound = coordinates_needed(points, labels, radius=0.45, p=5.0)
    bound.check(points, labels)
    assert bound.count <= least_set(points, labels, 0.45, 5.0) == 2


@pytest.mark.parametrize("p", [1.5, 3.0, 5.0, 17.0])
def test_demands_are_whole_numbers(p: float) -> None:
    points, labels, radius = sample(3, 3.0)
    pairs = np.array([(i, j) for i in range(12) for j in range(i) if labels[i] != labels[j]])
    sizes, reach = demands(points, pairs, max(radius, 0.05), p)
    assert {type(size) for size in sizes.ravel().tolist()} == {int}
    assert type(reach) is int


def test_no_bound_is_above_the_dimension() -> None:
    """Weights on balls that meet prove anything: no function is right on them."""
    points, pairs = np.array([[0.0, 0.0], [0.5, 0.5]]), np.array([[1, 0]])
    with pytest.raises(ValueError, match="of 2 coordinates"):
        CoordinateBound(256, 1.0, 3.0, 2, pairs, np.array([[2.0**10]])).check(points, [0, 1])


def test_any_weights_on_any_pairs_are_sound() -> None:
    rng = np.random.default_rng(0)
    for seed in range(30):
        p = (1.0, 2.0, math.inf)[seed % 3]
        points, labels, radius = sample(seed, p)
        pairs = np.array([(i, j) for i in range(12) for j in range(i) if labels[i] != labels[j]])
        weights = rng.exponential(size=len(pairs)) * (rng.random(len(pairs)) < 0.3) * rng.choice([0.1, 0.5, 2.0])
        assert proved_coordinates(points, pairs, weights, radius, p) <= least_set(points, labels, radius, p)


def test_the_bound_is_attained_where_each_pair_asks_for_a_coordinate_of_its_own() -> None:
    points = np.vstack([np.zeros(6), np.eye(6)])
    labels = [0] + [1] * 6
    for p, radius in ((1, 0.375), (2, 0.375), (2.5, 0.375), (np.inf, 0.375), (2, 0.0)):
        assert coordinates_needed(points, labels, radius=radius, p=p).count == 6
    pairs = np.array([[0, j] for j in range(1, 7)])
    for weight, proved in ((0.5, 3), (1.0, 6), (3.0, 6), (10.0, 6)):
        assert proved_coordinates(points, pairs, np.full(6, weight), 0.375, 2.0) == proved


def test_a_coordinate_at_distance_exactly_two_radii_is_not_enough() -> None:
    points, labels = np.array([[0.0, 0.0], [1.0, 1.0]]), [0, 1]
    assert least_set(points, np.array(labels), 0.5, 2) == 2
    sizes, reach = demands(points, np.array([[0, 1]]), 0.5, np.inf)
    assert not (sizes > reach).any()
    with pytest.raises(AssumptionError, match=r"the balls of points 0 and 1 meet .*take a smaller radius"):
        coordinates_needed(points, labels, radius=0.5, p=np.inf)


@pytest.mark.parametrize("p", [1.5, 7.25, 900.0])
def test_powers_are_rounded_up(p: float) -> None:
    rng = np.random.default_rng(1)
    points = np.array([np.zeros(40), rng.uniform(0.0, 0.7, 40)])
    points[1, 0] = 5e-324
    sizes, reach = demands(points, np.array([[1, 0]]), 0.25, p)
    with mpmath.workdps(60):
        for size, x in zip(sizes[0], points[1], strict=True):
            assert size > reach if x > 0.5 else mpmath.mpf(int(size)) / reach >= (mpmath.mpf(float(x)) * 2) ** p
            assert x > 0.5 or int(size) / reach <= (float(x) * 2) ** p * (1 + 1e-11) + 1e-17


@pytest.fixture(scope="module")
def bound() -> tuple[CoordinateBound, np.ndarray, np.ndarray]:
    """A bound and its data."""
    rng = np.random.default_rng(5)
    points, labels = rng.integers(0, 256, (300, 20)) / 255, rng.integers(0, 4, 300)
    return coordinates_needed(points, labels, radius=0.2, p=2), points, labels


def test_a_changed_certificate_is_refused(bound: tuple[CoordinateBound, np.ndarray, np.ndarray]) -> None:
    right, points, labels = bound
    right.check(points, labels)
    assert right.count > 1
    own = np.flatnonzero(labels == labels[0])[:2]
    wrong = [
        replace(right, count=right.count + 1),
        replace(right, weights=right.weights / 2),
        replace(right, weights=right.weights * 4),
        replace(right, weights=-right.weights),
        replace(right, weights=np.full_like(right.weights, np.nan)),
        replace(right, radius=right.radius / 2),
        replace(right, pairs=right.pairs + len(points)),
        replace(right, dim=21),
    ]
    for changed in wrong:
        with pytest.raises(ValueError, match=r"a (CoordinateBound|bound) (by cases )?needs"):
            changed.check(points, labels)
    with pytest.raises(ValueError, match="pairs of differently labelled points"):
        replace(right, pairs=np.concatenate([own[None], right.pairs[1:]])).check(points, labels)
    with pytest.raises(ValueError, match="it is of other points"):
        right.check(2 * points, labels)
    assert not right.weights.flags.writeable


def test_no_time_still_gives_a_sound_bound(bound: tuple[CoordinateBound, np.ndarray, np.ndarray]) -> None:
    right, points, labels = bound
    quick = coordinates_needed(points, labels, radius=0.2, p=2, seconds=0)
    quick.check(points, labels)
    assert 1 <= quick.count <= right.count


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius": -0.1}, "needs a radius that is finite and >= 0, got radius=-0.1"),
        ({"radius": math.nan}, "needs a radius that is finite"),
        ({"p": 0.5}, "needs p >= 1"),
        ({"p": 2.0**30}, "needs p <= 2\\^20 or p = ∞"),
        ({"labels": [1, 1]}, "needs at least two different labels, got only 1"),
        ({"labels": [1]}, "one label a point"),
    ],
)
def test_bad_calls(change: dict[str, object], message: str) -> None:
    arguments = {"points": [[0.0], [1.0]], "labels": [0, 1], "radius": 0.1, "p": 2} | change
    with pytest.raises(ValueError, match=message):
        coordinates_needed(arguments.pop("points"), arguments.pop("labels"), **arguments)
