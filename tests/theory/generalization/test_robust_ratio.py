"""Bounds of the ratio of errors: by hand, by integrals over the population, by samples, by points in balls of R^d."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom

from theory.errors import AssumptionError
from theory.generalization.columns import Columns
from theory.generalization.robust_ratio import (
    expected_ratio_bound,
    log_ball_mass,
    log_sample_threshold,
    log_threshold,
    probable_ratio_bound,
    ratio_bound,
)
from theory.setting.norms import norm

LN10 = math.log(10)
shares = st.floats(1e-9, 1 - 1e-9)


# --- by hand ----------------------------------------------------------------------------------------


def test_the_bounds_are_their_formulas() -> None:
    assert ratio_bound(3, 0.5, 0.0625) == 1 - 3 * 0.0625 / 0.5
    assert ratio_bound(100, 0.5, 0.0625) == 0.0
    assert ratio_bound(0, 1.0, 0.25) == 1.0
    assert abs(expected_ratio_bound(3, 0.25) - 27 / 64) <= 1e-15
    assert expected_ratio_bound(0, 7.0) == 1.0
    assert expected_ratio_bound(1, 1.0) == 0.0
    # √(8 ln e² / 2) = √8, times 1/32.
    assert abs(probable_ratio_bound(8, 2.0**-5, 0.5, 2.0**-6, math.exp(-2)) - (31 / 32) ** 8 + 8**0.5 / 32) <= 1e-15
    assert probable_ratio_bound(100, 0.5, 0.5, 0.5, 0.5) == 0.0
    # p = ∞: μ (4δ)^{-d} / (2κ) = 0.5 · 8^3 / 4; p = 1: 3! as many; p = 2: by 4π/3 for 8.
    for p, few in ((math.inf, 1.0), (1, 6.0), (2, 6 / math.pi)):
        assert abs(log_threshold(3, 1 / 32, 0.5, 2.0, p) - math.log(64 * few)) <= 1e-13
    assert log_threshold(2000, 1 / 32, 0.5, 2.0, math.inf) > 4000
    assert abs(log_ball_mass(2, 0.25, 3.0, 2.0) - math.log(3 * math.pi / 4)) <= 1e-14


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
def test_the_cube_says_nothing_where_the_ball_says_much() -> None:
    """d = 784, δ = ½, μ = κ = 1: with the cube's volume fewer than one point; with the ball's more than 10^652."""
    cube, ball = (log_threshold(784, 0.5, 1.0, 1.0, p) / LN10 for p in (math.inf, 2.0))
    assert math.floor(cube) == -237
    assert math.floor(ball) == 652
    assert math.floor(ball - cube) == 889
    draws = log_sample_threshold(log_ball_mass(784, 0.5, 1.0, 2.0)) / LN10
    assert math.floor(draws) == 652
    assert draws - ball == pytest.approx(math.log10(2 * math.log(2)), abs=1e-9)
    # Dimension 100: 70 decades; the radius from which on not one point is left, 0.25 for the cube in any dimension.
    assert math.floor(log_threshold(100, 0.1, 1, 1, 2.0) / LN10 - log_threshold(100, 0.1, 1, 1, math.inf) / LN10) == 69
    for p, low, high in ((1.0, 71.0, 73.0), (2.0, 3.3, 3.5), (math.inf, 0.24, 0.25)):
        assert log_threshold(784, low, 1.0, 1.0, p) > 0 > log_threshold(784, high, 1.0, 1.0, p)


@given(st.integers(1, 1000), st.floats(1e-3, 10.0), shares, st.floats(0.1, 10.0))
def test_the_threshold_falls_with_p_to_that_of_the_cube(dim: int, radius: float, mu: float, density: float) -> None:
    found = [log_threshold(dim, radius, mu, density, p) for p in (1, 1.5, 2, 5, math.inf)]
    assert all(a >= b - 1e-9 for a, b in pairwise(found))
    assert abs(found[-1] - (math.log(mu / (2 * density)) - dim * math.log(4 * radius))) <= 1e-8


@given(st.floats(-800, -1e-3))
def test_the_draws_up_to_which_the_mean_is_a_half(log_mass: float) -> None:
    """Between `ln 2 (1/q - 1)` and `ln 2 / q`; and the power itself, where a float holds the numbers."""
    threshold = log_sample_threshold(log_mass)
    assert math.log(math.log(2)) - log_mass >= threshold - 1e-12
    if log_mass > -30:
        mass = math.exp(log_mass)
        assert math.exp(threshold) >= math.log(2) * (1 / mass - 1) * (1 - 1e-9)
        assert math.exp(threshold) * math.log1p(-mass) == pytest.approx(-math.log(2), rel=1e-9)


def test_the_quotient_of_ln_2_by_q_would_be_too_many() -> None:
    """q = 0.3: `ln 2 / q` is above 2, and two draws leave 0.49."""
    assert math.log(2) / 0.3 > 2 > math.exp(log_sample_threshold(math.log(0.3))) > 1
    assert expected_ratio_bound(2, 0.3) < 0.5 <= expected_ratio_bound(1, 0.3)
    assert log_sample_threshold(0.0) == log_sample_threshold(math.log(2)) == -math.inf


def test_masses_next_to_one_and_next_to_none() -> None:
    """`1 - q` is `-ln q` there: `ln(1 - q)` from the digits of ln q, of which q itself keeps none."""
    for log_mass in (-1e-17, -3e-16, -1e-300, -1e-9):
        exact = math.log(math.log(2)) - math.log(-math.log(-log_mass * (1 + log_mass / 2)))
        assert log_sample_threshold(log_mass) == pytest.approx(exact, rel=1e-14)
    # Where the forms change they agree, and they fall.
    for switch in (-1.0, -40.0):
        near = [log_sample_threshold(switch * (1 + by)) for by in (1e-12, 0.0, -1e-12)]
        assert sorted(near, reverse=True) == near
        assert near[0] - near[2] < 2e-10


# --- the mean over samples --------------------------------------------------------------------------


def mean_and_limit(population: Columns, n: int, seeds: int, mass: float, ratio: Any) -> tuple[float, float]:
    """The mean of a ratio over samples; one of `seeds · n` draws moves it by `mass/(μ seeds)`: McDiarmid at 1e-6."""
    found = []
    for seed in range(seeds):
        points, _ = population.sample(n, np.random.default_rng([seed, n]))
        found.append(ratio(points))
    return float(np.mean(found)), mass / population.mu * math.sqrt(n * math.log(2e6) / 2 / seeds)


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
@pytest.mark.parametrize(("dim", "m"), [(2, 5), (3, 3)])
def test_for_atoms_the_mean_of_the_ratio_is_the_bound(dim: int, m: int, record: Any) -> None:
    """Over the sample's size the bound for every sample is 0 long before; `(1 - q)^N` is the mean to the end."""
    population = Columns(dim, m, 2.0**-5, 0.0, 2.0**-5, 0.5)
    mass, seeds = 0.5 / population.columns, 300
    assert population.ball_mass == mass
    for n in (1, population.columns, 4 * population.columns):
        mean, limit = mean_and_limit(population, n, seeds, mass, population.adversarial_ratio)
        assert abs(mean - expected_ratio_bound(n, mass)) <= limit
        if n == population.columns:
            # A bound with half of the mass, or twice, is told from it.
            assert min(abs(mean - expected_ratio_bound(n, part * mass)) for part in (0.5, 2)) > limit
    assert ratio_bound(round(n * population.mu), population.mu, mass) == 0 < expected_ratio_bound(n, mass)
    record("examples", 3 * seeds)


def share_near(u: float, width: float, reach: float) -> float:
    """Of an interval of a width the part within reach of its point u, by length."""
    return (min(u + reach, width) - max(u - reach, 0.0)) / width


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
@pytest.mark.parametrize("half_width", [2.0**-6, 2.0**-4, 2.0**-3])
def test_for_columns_the_mean_is_the_integral_and_above_the_bound(half_width: float, record: Any) -> None:
    """d = 2: `∫ (1 - μ share(u)/K)^N du` by quadrature, by the samples, and Jensen's bound with the mean of q_x.

    Bases narrower than 2δ, and up to 8 times as wide; heights differ by less than δ and do not matter.
    """
    radius, seeds = 2.0**-5, 200
    population = Columns(2, 3, radius, half_width, radius / 4, 0.5)
    width, reach, part = 2 * half_width, 2 * radius, population.mu / population.columns
    kinks = sorted({k for k in (reach, width - reach) if 0 < k < width})
    average = lambda g: quad(g, 0, width, points=kinks)[0] / width  # noqa: E731
    mean_mass = average(lambda u: part * share_near(u, width, reach))
    assert mean_mass <= population.ball_mass + 1e-12
    for n in (4, 24):
        exact = average(lambda u, n=n: (1 - part * share_near(u, width, reach)) ** n)
        mean, limit = mean_and_limit(population, n, seeds, population.ball_mass, population.far_ratio)
        assert abs(mean - exact) <= limit
        jensen, largest = expected_ratio_bound(n, mean_mass), expected_ratio_bound(n, population.ball_mass)
        assert exact >= jensen - 1e-12
        assert jensen >= largest - 1e-12
        # With the mean it is the sharper one, wherever q_x is not constant.
        assert width <= reach or exact - 1e-9 > jensen > largest + 1e-3
    record("examples", 2 * seeds)


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
@given(st.sampled_from([(2, 16, 0.0), (3, 5, 0.0), (2, 3, 2.0**-4)]), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_no_sample_is_far_below_the_mean(shape: tuple[int, int, float], n: int, seed: int) -> None:
    """With a failure of 1e-9 a sample; the bound is positive for most of them."""
    dim, m, half_width = shape
    radius = 2.0**-6
    population = Columns(dim, m, radius, half_width, radius / 4 if half_width else radius, 0.5)
    points, _ = population.sample(n, np.random.default_rng(seed))
    mass = population.ball_mass
    assert population.far_ratio(points) > probable_ratio_bound(n, mass, 0.5, mass, 1e-9) - 1e-12


def test_the_deviation_is_seen_without_its_root() -> None:
    """Planted fault: the mean itself as a bound of every sample fails for a part of them, and the deviation holds it.

    Δ = 1/4, 400 samples: fails at most as often as the binomial allows at 1e-6; the mean alone fails far more often.
    """
    population = Columns(3, 3, 2.0**-4, 0.0, 2.0**-4, 0.5)
    mass, n, seeds = population.ball_mass, 12, 400
    found = np.array(
        [population.far_ratio(population.sample(n, np.random.default_rng([7, seed]))[0]) for seed in range(seeds)]
    )
    most = binom.ppf(1 - 1e-6, seeds, 0.25)
    assert (found <= probable_ratio_bound(n, mass, 0.5, mass, 0.25)).sum() <= most
    assert (found <= expected_ratio_bound(n, mass)).sum() > most


# --- balls in R^d, for every p ----------------------------------------------------------------------


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("dim", [2, 5])
def test_the_share_far_from_a_sample_is_above_both_bounds(dim: int, p: float) -> None:
    """X_small the cube, density 1: of 2,000 new points the share more than 2δ from N others; seed 3, binomial at 1e-6.

    N at the threshold of the bound for every sample, and of that in the mean. In the cube the balls are cut off, so
    the shares are above ½; a torus has no border, and there the mean is `(1 - q)^N` itself.
    """
    rng, fresh = np.random.default_rng(3), 2000
    radius = 0.25 * math.exp(-(log_ball_mass(dim, 0.5, 1.0, p) + math.log(60)) / dim) * 2
    few, draws = (
        math.floor(math.exp(log))
        for log in (
            log_threshold(dim, radius, 1.0, 1.0, p),
            log_sample_threshold(log_ball_mass(dim, radius, 1.0, p)),
        )
    )
    assert 20 < few < draws
    mass = math.exp(log_ball_mass(dim, radius, 1.0, p))
    for n in (few, draws):
        steps = np.abs(rng.random((fresh, 1, dim)) - rng.random((1, n, dim)))
        for torus in (False, True):
            length = norm(np.minimum(steps, 1 - steps) if torus else steps, p)
            far = int((length.min(axis=1) > 2 * radius).sum())
            assert binom.cdf(far, fresh, 0.5) >= 1e-6
    # Each of many samples anew, one point each: independent, with probability (1 - q)^N.
    steps = np.abs(rng.random((fresh, draws, dim)) - rng.random((fresh, 1, dim)))
    far = int((norm(np.minimum(steps, 1 - steps), p).min(axis=1) > 2 * radius).sum())
    expected = expected_ratio_bound(draws, mass)
    assert expected >= 0.5
    assert binom.ppf(5e-7, fresh, expected) <= far <= binom.ppf(1 - 5e-7, fresh, expected)


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ratio_bound(1, 0.0, 0.1), AssumptionError, "got mu=0.0"),
        (lambda: ratio_bound(-1, 0.5, 0.1), ValueError, "n_small >= 0"),
        (lambda: ratio_bound(1, 0.5, math.nan), ValueError, "ball_mass >= 0"),
        (lambda: expected_ratio_bound(-1, 0.5), ValueError, "n >= 0 and mean_mass >= 0, got -1"),
        (lambda: expected_ratio_bound(1, math.nan), ValueError, "mean_mass >= 0"),
        (lambda: probable_ratio_bound(1, 0.1, 2.0, 0.1, 0.5), AssumptionError, "got mu=2.0"),
        (lambda: probable_ratio_bound(1, 0.1, 0.5, 0.1, 0.0), ValueError, "failure in .0, 1., got 0.1 and 0.0"),
        (lambda: log_ball_mass(2, 0.1, 0.0, 2), AssumptionError, "density=0.0"),
        (lambda: log_threshold(0, 0.1, 0.5, 1.0, 2), ValueError, "dim >= 1, got 0"),
        (lambda: log_threshold(2, 0.0, 0.5, 1.0, 2), AssumptionError, "radius=0.0"),
        (lambda: log_threshold(2, 0.1, 0.5, math.inf, 2), AssumptionError, "density=inf"),
        (lambda: log_threshold(2, 0.1, math.nan, 1.0, 2), AssumptionError, "mu=nan"),
        (lambda: log_threshold(2, 0.1, 0.5, 1.0, 0.5), ValueError, "p >= 1, got p=0.5"),
        (lambda: log_sample_threshold(math.nan), ValueError, "logarithm of a mass, got nan"),
    ],
)
def test_bad_calls(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
