"""Transport distances: permutations, duals, quantiles and Lipschitz functions against the solvers."""

import itertools
import math
from typing import Any

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import arrays, dyadic
from theory.generalization.transport import MOST_PAIRS, expected_w1_bound, w1, w1_bracket, w_infinity

NORMS = (1.0, 2.0, math.inf)
ROUNDING = 1e-12  # a few hundred operations on numbers below 10


@st.composite
def pairs(draw, equal=False, most=5) -> Any:
    dim = draw(st.integers(1, 3))
    n = draw(st.integers(1, most))
    m = n if equal else draw(st.integers(1, most))
    return draw(arrays((n, dim), dyadic())), draw(arrays((m, dim), dyadic())), draw(st.sampled_from(NORMS))


def lengths(x, z, p) -> np.ndarray:
    return np.linalg.norm(x[:, None] - z[None], p, axis=2)


def repeated(x, z) -> tuple[np.ndarray, np.ndarray]:
    """The same two measures on samples of one size."""
    size = math.lcm(len(x), len(z))
    return np.repeat(x, size // len(x), axis=0), np.repeat(z, size // len(z), axis=0)


@given(pairs(equal=True))
def test_both_are_minima_over_permutations(case) -> None:
    # Birkhoff: uniform couplings of equal samples are mixtures of permutations.
    x, z, p = case
    cost = lengths(x, z, p)
    rows = np.arange(len(x))
    each = [cost[rows, list(order)] for order in itertools.permutations(range(len(x)))]
    assert abs(w1(x, z, p) - min(c.mean() for c in each)) <= ROUNDING
    assert abs(w_infinity(x, z, p) - min(c.max() for c in each)) <= ROUNDING


@given(pairs())
def test_the_program_the_assignment_and_the_dual_agree(case) -> None:
    x, z, p = case
    lower, upper = w1_bracket(x, z, p)
    assert lower - ROUNDING <= w1(x, z, p) <= upper + ROUNDING
    assert upper - lower <= 1e-7
    assert abs(w1(*repeated(x, z), p) - w1(x, z, p)) <= 1e-7
    # Catches masses that are counted wrongly in the flow: repeated points take the matching.
    assert abs(w_infinity(*repeated(x, z), p) - w_infinity(x, z, p)) <= ROUNDING


@given(pairs(), st.integers(0, 10**6))
def test_no_lipschitz_function_tells_more_apart_than_w1(case, seed) -> None:
    x, z, p = case
    rng = np.random.default_rng(seed)
    anchors, heights = rng.normal(size=(4, x.shape[1])), rng.normal(size=4)

    def g(points) -> np.ndarray:
        return (lengths(points, anchors, p) + heights).min(axis=1)

    assert abs(g(x).mean() - g(z).mean()) <= w1(x, z, p) + ROUNDING
    assert w1(x, z, p) <= w_infinity(x, z, p) + ROUNDING
    # Hausdorff: all mass has to go somewhere.
    cost = lengths(x, z, p)
    assert max(cost.min(axis=0).max(), cost.min(axis=1).max()) <= w_infinity(x, z, p) + ROUNDING


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 10**6))
def test_on_the_line_sorting_agrees_with_the_plane(n, m, seed) -> None:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(n, 1)), rng.normal(size=(m, 1))
    flat_x, flat_z = (np.hstack([a, np.zeros_like(a)]) for a in (x, z))
    assert abs(w1(x, z) - w1(flat_x, flat_z)) <= 1e-7
    assert abs(w_infinity(x, z) - w_infinity(flat_x, flat_z)) <= ROUNDING


def test_one_point_against_two() -> None:
    # Half of the mass moves by 1, half by 3.
    x, z = np.array([[0.0, 0.0]]), np.array([[1.0, 0.5], [-3.0, 2.0]])
    assert abs(w1(x, z) - 2.0) <= ROUNDING
    assert w_infinity(x, z) == 3.0
    assert abs(w1(x, z, 1.0) - 3.25) <= ROUNDING


def test_the_bottleneck_may_lie_far_above_the_nearest_points() -> None:
    # Every point has another within 1, yet two of three go to the one far cluster. Catches the Hausdorff distance.
    x, z = np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0]]), np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 1.0]])
    assert w_infinity(x, z) == 9.0
    assert abs(w1(x, z, math.inf) - 3.0) <= ROUNDING


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_expected_distance_of_a_sample_is_below_its_bound(dim) -> None:
    # On the line against the uniform law itself, W_1 = ∫ |F_n - t| dt; else against a finite population.
    rng = np.random.default_rng(7)
    for n in (1, 4, 16, 64):
        if dim == 1:
            values = [_w1_to_uniform(rng.random(n)) for _ in range(200)]
        else:
            population = rng.random((128, dim))
            values = [w1(population, population[rng.integers(128, size=n)]) for _ in range(20)]
        # Each value lies in [0, 1]: Hoeffding at 1e-6.
        slack = math.sqrt(math.log(1e6) / (2 * len(values)))
        assert np.mean(values) <= expected_w1_bound(n, dim) + slack
        # And not only thanks to the slack.
        assert np.mean(values) <= expected_w1_bound(n, dim)


def _w1_to_uniform(x) -> float:
    n = len(x)
    ends = np.concatenate([[0.0], np.sort(x), [1.0]])
    level = np.arange(n + 1) / n
    low, high = ends[:-1] - level, ends[1:] - level
    return float(np.sum((high * np.abs(high) - low * np.abs(low)) / 2))


def test_the_bound_has_the_known_rates() -> None:
    big, huge = 10**8, 10**10
    for dim, exponent in ((1, 0.5), (3, 1 / 3), (5, 0.2), (10, 0.1)):
        slope = math.log(expected_w1_bound(big, dim) / expected_w1_bound(huge, dim)) / math.log(huge / big)
        assert abs(slope - exponent) < 0.03, (dim, slope)
    assert 1 < expected_w1_bound(big, 2) / expected_w1_bound(huge, 2) / (80 / 100) < 12
    assert expected_w1_bound(1, 3) == 1.0


POINTS = np.zeros((2, 2))


@pytest.mark.parametrize("function", [w1, w1_bracket, w_infinity])
@pytest.mark.parametrize(
    ("x", "z", "p", "message"),
    [
        (np.zeros((0, 2)), POINTS, 2.0, "n >= 1"),
        (np.zeros((2, 0)), np.zeros((2, 0)), 2.0, "d >= 1"),
        (POINTS, np.array([[0.0, math.nan]]), 2.0, "finite"),
        (POINTS, POINTS, 0.5, "p >= 1"),
        (POINTS, POINTS, math.nan, "p >= 1"),
    ],
)
def test_bad_samples_are_refused(function, x, z, p, message) -> None:
    with pytest.raises(ValueError, match=message):
        function(x, z, p)


@pytest.mark.parametrize("function", [w1, w1_bracket, w_infinity])
def test_samples_of_two_dimensions_are_refused(function) -> None:
    # By the shapes while tests run, by the check without them.
    with pytest.raises((ValueError, jaxtyping.TypeCheckError)):
        function(POINTS, np.zeros((2, 3)))


def test_programs_that_are_too_large_are_refused() -> None:
    x, z = np.zeros((MOST_PAIRS, 2)), np.zeros((2, 2))
    for function in (w1, w1_bracket, w_infinity):
        with pytest.raises(ValueError, match="at most"):
            function(x, z)
    with pytest.raises(ValueError, match="n >= 1"):
        expected_w1_bound(0, 2)
    with pytest.raises(ValueError, match="dim >= 1"):
        expected_w1_bound(2, 0)


@pytest.mark.parametrize(
    ("p", "step"), [(100.0, 1e-4), (1000.0, 0.4), (10.0, 1e-33), (2.0, 1e-170), (3.0, 1e-170), (2000.0, 2.0)]
)
def test_distances_whose_powers_vanish_or_overflow(p: float, step: float) -> None:
    a, b = np.array([[step, 0.0]] * 2), np.zeros((1, 2))
    assert w_infinity(a, b, p) == pytest.approx(step, rel=1e-14)
    assert w1(a, b, p) >= step * (1 - 1e-12)


@pytest.mark.parametrize("scale", [-900, -27, 27, 900])
@pytest.mark.parametrize("p", NORMS)
def test_distances_scale_with_the_samples(p: float, scale: int) -> None:
    """Tolerances of the solvers are absolute: a sample of small numbers would be transported by any plan."""
    rng = np.random.default_rng(0)
    x, z = rng.random((5, 2)), rng.random((7, 2))
    for a, b in ((x, z), (x, z[:5]), (x[:, :1], z[:, :1])):
        large_a, large_b = np.ldexp(a, scale), np.ldexp(b, scale)
        assert math.ldexp(w1(large_a, large_b, p), -scale) == pytest.approx(w1(a, b, p), rel=1e-15)
        assert math.ldexp(w_infinity(large_a, large_b, p), -scale) == pytest.approx(w_infinity(a, b, p), rel=1e-15)
        bracket = [math.ldexp(end, -scale) for end in w1_bracket(large_a, large_b, p)]
        assert bracket == pytest.approx(w1_bracket(a, b, p), rel=1e-15)
        assert 0 <= bracket[0] <= bracket[1] <= bracket[0] + 1e-7


def test_distances_of_numbers_at_the_ends_of_the_floats() -> None:
    least, large = 2.0**-1074, 2.0**1023
    for function in (w1, w_infinity):
        assert function(np.full((100, 1), least), np.zeros((100, 1))) == least
        assert function(np.full((3, 1), large), np.zeros((2, 1))) == large
        assert function(np.full((3, 2), large), np.zeros((2, 2)), math.inf) == pytest.approx(large, rel=1e-7)
        assert function(np.full((3, 2), large), np.zeros((3, 2)), math.inf) == large
        for dim, other in ((1, 2), (2, 2), (2, 3)):
            with pytest.raises(ValueError, match="scale both samples down"):
                function(np.full((2, dim), large), np.full((other, dim), -large))
    assert w1_bracket(np.zeros((2, 2)), np.zeros((3, 2))) == (0.0, 0.0)


@pytest.mark.usefixtures("untyped")
def test_counts_of_numpy_are_whole_numbers() -> None:
    assert expected_w1_bound(np.uint8(200), np.uint8(3)) == expected_w1_bound(200, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whole number"):
        expected_w1_bound(2.5, 3)  # type: ignore[arg-type]
