"""The separation at every scale of float64, against rational arithmetic and 80 digits."""

import itertools
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from fractions import Fraction
from typing import Any
from unittest import mock

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from theory.errors import AssumptionError
from theory.setting.nearest import nearest_of_other_label
from theory.setting.separation import separation

LEAST, GREATEST = math.ulp(0.0), sys.float_info.max
EXACT = (1.0, 2.0, math.inf)
exponents = st.sampled_from([*EXACT, 1 + 2.0**-40, 1.5, 3.0, math.pi, 10.0, 100.0, 1e6])


def power_sum(x: np.ndarray, y: np.ndarray, p: float) -> Any:
    """What grows with the distance: the distance itself, or its square for p = 2, a `Fraction` where one is it."""
    steps = [abs(Fraction(float(a)) - Fraction(float(b))) for a, b in zip(x, y, strict=True)]
    if math.isinf(p):
        return max(steps)
    if p in EXACT:
        return sum((step ** int(p) for step in steps), Fraction(0))
    with mpmath.workdps(80):
        powers = [(mpmath.mpf(s.numerator) / s.denominator) ** mpmath.mpf(p) for s in steps if s]
        return mpmath.fsum(powers) ** (1 / mpmath.mpf(p))


def check(points: np.ndarray, labels: np.ndarray, p: float) -> None:
    """Every claim that a separation makes."""
    size, dim = points.shape
    found, nearest = separation(points, labels, p), nearest_of_other_label(points, labels, p)
    power = 2 if p == 2 else 1
    unit = Fraction(dim + (8 if p in EXACT else 72), 2**53)
    slack = 4 * unit / (1 - unit)
    other = [[j for j in range(size) if labels[j] != labels[i]] for i in range(size)]
    true = {(i, j): power_sum(points[i], points[j], p) for i in range(size) for j in other[i] if i < j}
    true |= {(j, i): value for (i, j), value in true.items()}

    def number(value: Fraction) -> Any:
        with mpmath.workdps(80):
            return value if p in EXACT else mpmath.mpf(value.numerator) / value.denominator

    # Room for the last of 80 digits.
    above = number(1 + (Fraction(0) if p in EXACT else Fraction(1, 10**75)))
    with mpmath.workdps(80):
        least = min(true.values())
        assert 0 < found.distance <= GREATEST
        assert number(Fraction(found.distance) ** power) <= least * above
        i, j = found.pair
        if p in EXACT:
            up = math.nextafter(found.distance, math.inf)
            assert math.isinf(up) or Fraction(up) ** power > least
            assert (i, j) == min(pair for pair, value in true.items() if value == least)
        else:
            assert i < j
            assert true[i, j] <= least * number(1 + 2 * slack)
            reached = min(least, number(Fraction(GREATEST)))
            assert number(Fraction(found.distance) + Fraction(LEAST)) >= reached * number(1 - slack)
        for i in range(size):
            least = min(true[i, j] for j in other[i])
            bound = Fraction(float(nearest.distances[i]))
            assert 0 < bound <= Fraction(GREATEST)
            assert number(bound**power) <= least * above
            reached = min(least, number(Fraction(GREATEST) ** power))
            assert number((bound + Fraction(LEAST)) ** power) >= reached * number((1 - slack) ** power)
            assert true[i, int(nearest.indices[i])] <= least * number((1 + slack) ** power)


EDGES = [0.0, -0.0, LEAST, 2.0**-1022, 2.0**-537, 1e-162, 2e-167, 5.8e-4, 1.0, 0.5, 2.0**511, 2.0**971, 1e308, GREATEST]


@st.composite
def samples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Points of one scale, of mixed ones, beside an offset, or the same up to order and sign; some of them twice."""
    size, dim = draw(st.integers(2, 8)), draw(st.integers(1, 4))
    scale = draw(st.integers(-1074, 1023))
    scaled = st.builds(math.ldexp, st.floats(-1, 1), st.sampled_from([scale, scale - 1, scale - 50, min(-scale, 1023)]))
    edge = st.sampled_from(EDGES) | st.sampled_from(EDGES).map(lambda t: -t)
    offset = draw(edge)
    beside = st.integers(-3, 3).map(lambda k: offset + k * math.ulp(min(abs(offset), 1e308)))
    kinds = [scaled, edge, beside, st.integers(-4, 4).map(lambda k: k * LEAST), st.floats(-GREATEST, GREATEST)]
    element = draw(st.sampled_from([*kinds, st.one_of(kinds)])).filter(math.isfinite)
    points = np.array(draw(st.lists(st.lists(element, min_size=dim, max_size=dim), min_size=size, max_size=size)))
    labels = np.array(draw(st.lists(st.integers(0, 2), min_size=size, max_size=size)))
    for a, b in draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=4)):
        same = draw(st.booleans())
        points[b] = points[a] if same else -points[a][::-1]
        labels[b] = labels[a] if same else labels[b]
    assume(len(set(labels.tolist())) > 1)
    return points, labels


@contextmanager
def pruned(block: int, share: float = 1.0) -> Iterator[None]:
    """Bounds and blocks as for many points; a bound is taken if it leaves less than a share of the pairs."""
    modules = ["coordinates._PART", *(f"{name}.BLOCK" for name in ("sides", "everything", "projections", "search"))]
    with ExitStack() as stack:
        for name in modules:
            stack.enter_context(mock.patch(f"theory.closest.{name}", block))
        stack.enter_context(mock.patch("theory.closest.search._FEW", 0))
        stack.enter_context(mock.patch("theory.closest.search._SHARE", share))
        yield


@given(samples(), exponents, st.booleans())
def test_every_claim_at_every_scale(sample: tuple[np.ndarray, np.ndarray], p: float, many: bool) -> None:
    points, labels = sample
    pairs = itertools.combinations(range(len(points)), 2)
    equal = any(labels[i] != labels[j] and np.array_equal(points[i], points[j]) for i, j in pairs)
    with pruned(2, share=2.0) if many else nullcontext():
        if equal:
            with pytest.raises(AssumptionError, match="equal points must have equal labels"):
                separation(points, labels, p)
        else:
            check(points, labels, p)


@pytest.mark.parametrize("p", [1.0, 2.0, 1.5, 100.0, math.inf])
@pytest.mark.parametrize("scale", [-1074, -538, 300, 1010])
def test_a_class_of_more_than_a_block(p: float, scale: int) -> None:
    """On a line, where the nearest of three points is known."""
    few = np.array([-5000.0, 2050.0, 9000.5]) if scale > -1074 else np.array([-5000.0, 2050.0, 9001.0])
    points = np.ldexp(np.concatenate([np.arange(1500.0), few]), scale)[:, None]
    labels = np.repeat([0, 1], [1500, 3])
    found, nearest = separation(points, labels, p), nearest_of_other_label(points, labels, p)
    gaps = 2050.0 - np.arange(1500.0)
    expected = np.ldexp(np.append(gaps, [5000.0, 551.0, few[2] - 1499.0]), scale)
    slack = 0.0 if p == math.inf else 4 * 80 * 2.0**-53
    assert np.all(nearest.distances <= expected)
    assert np.all(nearest.distances >= expected * (1 - 4 * 80 * 2.0**-53) - LEAST)
    assert np.all(nearest.indices[:1500] == 1501)
    assert found.pair == (1499, 1501)
    assert expected.min() * (1 - slack) - (LEAST if slack else 0.0) <= found.distance <= expected.min()


def at(values: list[list[float]], labels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(values), np.array(labels)


UNIT = math.ldexp(1.0, -614)
SQUARE = 2.0**-537
FAR = 2.0**30 + np.array([[242.0], [37], [29], [94], [167], [304]])
HARD = {
    "subnormal if scaled down": (at([[0.0], [1.5 * UNIT], [0.75 * 2.0**460]], [0, 1, 1]), 1.0),
    "unequal, equal if scaled down": (at([[0.0], [0.25 * UNIT], [0.75 * 2.0**460]], [0, 1, 1]), math.inf),
    "squares underflow": (
        at([[0, 0, 0], [0.7**0.5 * SQUARE] * 2 + [0], [0, 0, 1], [1.45**0.5 * SQUARE, 0, 1]], [0, 1, 0, 1]),
        2.0,
    ),
    "squares overflow": (at([[1e200, 0], [0, 2e200], [3e200, 3e200]], [0, 1, 0]), 2.0),
    "differences overflow": (at([[-1.7e308], [1.7e308], [1.6e308]], [0, 1, 1]), 3.0),
    "powers underflow": (at([[0.5], [0.50058], [1.0]], [0, 1, 1]), 100.0),
    "powers are subnormal": (at([[0.5], [0.50059], [1.0]], [0, 1, 1]), 100.0),
    "powers of 1.5 underflow": (at([[0.0, 0.0], [2e-217, 1e-217], [1.0, 1.0]], [0, 1, 1]), 1.5),
    "subnormal root, rounded": (at([[0.0] * 4, [LEAST] * 4], [0, 1]), 3.0),
    "nearly tied in l_2": (at([[0, 0], [3, 4], [20, 0], [25, 2.0**-40]], [0, 1, 0, 1]), 2.0),
    "nearly tied in l_1": (at([[0, 0], [1, 2.0**-53], [9, 0], [8, 0]], [0, 1, 0, 1]), 1.0),
    "nearly tied in l_inf": (at([[0], [1], [-20], [-19 + 2.0**-40], [9.0], [10.0]], [0, 1, 0, 1, 0, 1]), math.inf),
    "rounded out of order in l_1": (at([[0, 0, 0], [0.1, 0.2, 0.3], [0.2, 0.3, 0.1 + 2.0**-56]], [0, 1, 1]), 1.0),
    "rounded out of order in l_2": (at([[0, 0, 0], [0.2, 0.15, 0.7], [0.2, 0.7, 0.15 + 2.0**-55]], [0, 1, 1]), 2.0),
    "rounded to a tie in l_inf": (at([[-(2.0**-60)], [1], [7], [8]], [0, 1, 0, 1]), math.inf),
    "near, far from the origin": ((FAR, np.array([1, 0, 1, 1, 0, 1])), 2.0),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_samples(name: str) -> None:
    (points, labels), p = HARD[name]
    check(points, labels, p)


# What `check` finds, or the package itself.
WRONG = (AssertionError, AssumptionError, ValueError, IndexError)


def rounded_in_scaling(points: Any) -> np.ndarray:
    return np.asarray(np.ldexp(np.ldexp(points, -460), 460))


def nearest_floats(fractions: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    return np.asarray(np.ldexp(fractions, exponents))


def nearest_by_floats(x: np.ndarray, y: np.ndarray, p: float) -> tuple[int, Fraction]:
    found = np.linalg.norm(x - y, p, axis=1)
    return int(found.argmin()), Fraction(float(found.min())) ** (2 if p == 2 else 1)


def everything_in_range(distances: np.ndarray, p: float) -> np.ndarray:
    return np.ones(distances.shape, dtype=bool)


def unscaled(x: np.ndarray, y: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(over="ignore"):
        fractions, exponents = np.frexp(np.minimum(np.linalg.norm(x - y, p, axis=1), GREATEST))
    return fractions, np.where(fractions > 0, exponents.astype(np.int64), -4000)


@pytest.mark.parametrize(
    ("fault", "put", "names"),
    [
        (
            "setting.separation.read_points",
            rounded_in_scaling,
            ["subnormal if scaled down", "unequal, equal if scaled down"],
        ),
        ("closest.everything.has_relative_error", everything_in_range, ["squares overflow"]),
        (
            "closest.search.scaled_distances",
            unscaled,
            [
                *("squares underflow", "squares overflow", "differences overflow"),
                *("powers underflow", "powers of 1.5 underflow"),
            ],
        ),
        ("setting.separation.floats_below", nearest_floats, ["subnormal root, rounded"]),
        ("setting.nearest.floats_below", nearest_floats, ["subnormal root, rounded"]),
        (
            "closest.search.exactly_nearest",
            nearest_by_floats,
            ["nearly tied in l_1", "rounded to a tie in l_inf"],
        ),
    ],
)
def test_planted_faults_are_caught(fault: str, put: Callable[..., Any], names: list[str]) -> None:
    for name in names:
        (points, labels), p = HARD[name]
        with mock.patch(f"theory.{fault}", put), pytest.raises(WRONG):
            check(points, labels, p)


def near_duplicates(seed: int) -> np.ndarray:
    """Twenty pairs of points of a cube, 1e-9 apart: single precision tells no such pair apart."""
    rng = np.random.default_rng(seed)
    points = rng.choice([-1.0, 1.0], (20, 30)) * rng.uniform(0.9, 1.0, (20, 30))
    return np.concatenate([points, points + 1e-9 * rng.uniform(0.9, 1.0, points.shape)])


def check_near_duplicates(p: float) -> None:
    for seed in range(6):
        points = near_duplicates(seed)
        with pruned(7):
            i, j = separation(points, np.arange(40), p).pair
        between = [power_sum(points[k], points[k + 20], p) for k in range(20)]
        assert j == i + 20
        assert between[i] == min(between)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_near_duplicates_among_far_points(p: float) -> None:
    check_near_duplicates(p)
    # Planted fault: the product as if it were not rounded.
    with mock.patch("theory.closest.projections._gamma32", return_value=0.0), pytest.raises(WRONG):
        check_near_duplicates(p)
