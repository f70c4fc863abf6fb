"""The finite-sample bound of the margin: its integrals by quadrature, and its claim against exact laws and draws."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr
from scipy.stats import binom, chi, norm

from theory.gaussian import margin_tail as module
from theory.gaussian.margin_tail import (
    angle_quantile,
    log_comparison,
    log_length_moment,
    log_reach_moment,
    margin_tail,
)
from theory.gaussian.max_margin import angle_bounds, gordon_margin, noise_margin, wendel_probability

REPAIRED = pytest.mark.statement("theorem-5.1", form="repaired")


def log_integral(log_of, ends) -> float:
    """The logarithm of the integral of `exp(log_of)`, piece by piece, by adaptive quadrature."""
    top = max(log_of(x) for low, high in itertools.pairwise(ends) for x in np.linspace(low, high, 400)[1:-1])
    parts = [
        quad(lambda x: math.exp(log_of(x) - top), low, high, epsabs=0, epsrel=1e-11, limit=400)[0]
        for low, high in itertools.pairwise(ends)
    ]
    return top + math.log(sum(parts))


@pytest.mark.parametrize(("dim", "rate"), [(1, 0.01), (1, 10.0), (3, 2.0), (40, 5.0), (1000, 40.0)])
def test_the_moment_of_the_length_by_quadrature(dim, rate) -> None:
    peak = (rate + math.sqrt(rate**2 + 4 * dim)) / 2
    found = log_integral(
        lambda h: float(chi.logpdf(h, dim)) + rate * h, [max(peak - 30, 1e-300), peak, peak + 3, peak + 30]
    )
    assert log_length_moment(dim, rate) == pytest.approx(found, abs=1e-9, rel=1e-12)


@pytest.mark.parametrize(("n", "margin", "rate"), [(1, 0.0, 5.0), (1, 0.7, 2.0), (1, 2.0, 0.01), (1, 1.0, 30.0)])
def test_for_one_point_the_reach_is_the_coordinate_itself(n, margin, rate) -> None:
    """`p(v) = v` for n = 1: `E e^{-r(g + c)} = e^{r²/2 - rc}`. Catches 0 in the place of a negative coordinate."""
    assert log_reach_moment(n, margin, rate) == pytest.approx(rate**2 / 2 - rate * margin, abs=1e-9, rel=1e-12)


@pytest.mark.parametrize(("margin", "rate"), [(0.0, 3.0), (0.5, 1.5), (1.5, 6.0)])
def test_for_two_points_the_reach_by_a_sum_over_the_plane(margin, rate) -> None:
    grid, step = np.linspace(-12, 12, 1201, retstep=True)
    a, b = np.meshgrid(grid + margin, grid + margin)
    reach = np.where(np.maximum(a, b) > 0, np.hypot(np.maximum(a, 0), np.maximum(b, 0)), np.maximum(a, b))
    weights = norm.pdf(grid) * step
    # The kinks of p cost the sum a square of its step.
    total = weights @ np.exp(-rate * reach) @ weights
    assert log_reach_moment(2, margin, rate) == pytest.approx(math.log(total), abs=20 * rate * step**2)


@pytest.mark.parametrize(("n", "margin", "rate"), [(8, 0.0, 3.0), (8, 0.5, 2.0), (70, 0.3, 2.0)])
def test_the_reach_against_draws(n, margin, rate) -> None:
    g = np.random.default_rng(0).standard_normal((20_000, n)) + margin
    p = np.where((g > 0).any(axis=1), np.linalg.norm(np.maximum(g, 0), axis=1), g.max(axis=1))
    draws = np.exp(-rate * p - log_reach_moment(n, margin, rate))
    assert abs(draws.mean() - 1) <= 5 * draws.std() / math.sqrt(len(draws))


@REPAIRED
@pytest.mark.parametrize("margin", [0.0, 0.5, 1.0, 2.0, 4.0])
def test_the_tail_is_above_the_exact_laws(margin) -> None:
    """Of one point s* is a χ_D; of D = 1 it is beyond c if all of the points are, on one side; at c = 0 Wendel's."""
    for dim in (1, 2, 10, 100):
        assert chi.sf(margin, dim) <= margin_tail(1, dim, margin)
    for n in (1, 2, 5, 20):
        assert 2 * norm.sf(margin) ** n <= margin_tail(n, 1, margin) or margin_tail(n, 1, margin) == 1
    for n, dim in ((5, 2), (20, 5), (40, 19), (100, 40), (300, 100)):
        assert wendel_probability(n, dim) <= margin_tail(n, dim, 0.0)


def closed_length(dim, rate) -> float:
    """`ln E e^{r‖h‖}`: for D = 1 `2 e^{r²/2} Φ(r)`; for D = 2 `1 + r√(2π) e^{r²/2} Φ(r)`."""
    one = rate * rate / 2 + float(log_ndtr(rate))
    return math.log(2) + one if dim == 1 else float(np.logaddexp(0.0, math.log(rate * math.sqrt(2 * math.pi)) + one))


RATES = [float(rate) for rate in np.geomspace(1e-3, 300.0, 60)]


@pytest.mark.parametrize("depth", [45.0, 3.0])
def test_the_integrals_are_never_below_their_closed_forms(depth, monkeypatch) -> None:
    """And above by rounding alone, but where more is left to the geometric series: at a depth of 3 it shows."""
    monkeypatch.setattr(module, "_DEPTH", depth)
    found = [log_length_moment(dim, rate) - closed_length(dim, rate) for dim in (1, 2) for rate in RATES]
    slack = [1e-10 + 1e-12 * rate**2 for _ in (1, 2) for rate in RATES]
    for margin in (0.0, 0.033, 0.5, 3.0, 30.0, 1000.0):
        found += [log_reach_moment(1, margin, rate) - (rate**2 / 2 - rate * margin) for rate in RATES]
        slack += [1e-10 + 1e-12 * rate**2 + 1e-12 * rate * margin for rate in RATES]
    assert min(found) >= 0.0
    assert depth < 45 or all(above <= most for above, most in zip(found, slack, strict=True))
    assert depth == 45 or 0.01 < max(found) < 3.0


@pytest.mark.parametrize(("n", "margin"), [(2, 0.0), (50, 0.0), (50, 0.7), (10_000, 0.1), (10, 20.0)])
def test_what_is_cut_off_is_added(n, margin, monkeypatch) -> None:
    rates = RATES[::6]
    deep = [log_reach_moment(n, margin, rate) for rate in rates]
    monkeypatch.setattr(module, "_DEPTH", 3.0)
    assert all(log_reach_moment(n, margin, rate) >= was - 1e-9 for rate, was in zip(rates, deep, strict=True))


def test_the_slope_falls_once() -> None:
    """`E z⁴ - p(E z²)² <= 4 E z²` with the least p, z a positive normal variable of mean θ before it was cut."""
    theta = np.linspace(0.0, 30.0, 30_001)
    least = math.sqrt(2 * math.pi) * theta * norm.cdf(theta) * np.exp(theta**2 / 2)
    ratio = norm.pdf(theta) / norm.cdf(theta)
    second, fourth = 1 + theta**2 + theta * ratio, theta**4 + 6 * theta**2 + 3 + (theta**3 + 5 * theta) * ratio
    assert (fourth - least / (1 + least) * second**2 <= 4 * second - 0.9).all()


@REPAIRED
@pytest.mark.parametrize("dim", [10**4, 10**5, 10**6])
def test_the_tail_is_above_the_exact_laws_in_many_dimensions(dim) -> None:
    """One point: χ_D, about `√D + N(0, ½)`. At c = 0: Wendel, whose sum is half at n = 2D."""
    for beyond in (-100.0, -30.0, -1.0, 0.0, 1.0, 3.0, 10.0):
        exact, found = chi.sf(math.sqrt(dim) + beyond, dim), margin_tail(1, dim, math.sqrt(dim) + beyond)
        assert exact <= found
        # A quarter of the square in the exponent goes to γ: the variance of χ is ½, and that of g is 1.
        assert found <= math.exp(-(max(beyond, 0.0) ** 2) / 2) * (1 + 1e-4)
    for n in (dim, 2 * dim - 1, 2 * dim + 3 * math.isqrt(2 * dim), 2 * dim + 8 * math.isqrt(2 * dim)):
        assert wendel_probability(n, dim) <= margin_tail(n, dim, 0.0)
    assert margin_tail(dim, dim, 0.0) == 1.0
    assert margin_tail(2 * dim + 20 * math.isqrt(2 * dim), dim, 0.0) < 0.1


@REPAIRED
@pytest.mark.parametrize(("dim", "n"), [(150_529, 100), (50_101, 100_000), (10**6, 1), (10**6, 10**6)])
def test_the_angle_in_many_dimensions(dim, n) -> None:
    """What is exceeded with a probability above 5 % is below: `angle_bounds` from below fails with less than 95 %."""
    found = angle_quantile(dim, n, 1.0, 0.05)
    bounds = angle_bounds(dim, n, 1.0, math.sqrt(2 * math.log(20)))
    below = angle_bounds(dim, n, 1.0, 0.4)
    assert below.failure < 0.95
    assert max(below.lower, gordon_margin((dim - 1) / n) * (1 - 1e-3)) <= found <= bounds.upper


def test_all_sizes_are_answered_and_nothing_is_called_impossible() -> None:
    """Planted: a grid down to `ln peak - (40 + r peak)/D` has 7e8 points at (20, 5, 60)."""
    assert margin_tail(20, 5, 60.0) == margin_tail(5000, 10, 0.0) == margin_tail(1, 1, 1e300) == math.ulp(0.0)
    sizes = (1, 20, 10**4, 10**8, 10**12, 10**30)
    for n, dim, margin in itertools.product(sizes, sizes, (0.0, 1e-300, 1.0, 60.0, 1e200)):
        assert 0.0 < margin_tail(n, dim, margin) <= 1.0
    for n, dim in ((1, 10**12), (10**8, 10**8), (10**30, 10**30), (10**12, 3)):
        assert 0.0 <= angle_quantile(dim + 1, n, 1.0, 0.05) <= angle_bounds(dim + 1, n, 1.0, 2.45).upper


def test_the_variance_of_the_additional_normal_counts_once(monkeypatch) -> None:
    """Planted: `e^{-r²}` in the place of `e^{-r²/2}` falls below the law of one point."""
    monkeypatch.setattr(module, "log_comparison", lambda rate, a, b: log_comparison(rate, a, b) - rate**2 / 2)
    assert margin_tail(1, 10, 5.0) < chi.sf(5.0, 10)


@REPAIRED
@pytest.mark.parametrize(("dim", "n"), [(8, 4), (20, 34)])
def test_the_angle_exceeds_its_quantile_as_seldom_as_it_says(dim, n, record) -> None:
    """At 5 %; half of it would be exceeded far too often, and the norm of the mean gives more."""
    trials, failure, rng = 120, 0.05, np.random.default_rng([dim, n])
    ours = angle_quantile(dim + 1, n, 1.0, failure)
    found = np.array([noise_margin(rng.standard_normal((n, dim)), np.ones(n, int)).upper for _ in range(trials)])
    record("examples", trials)
    assert binom.sf(int((found > ours).sum()) - 1, trials, failure) >= 1e-6
    assert binom.sf(int((found > ours / 2).sum()) - 1, trials, failure) < 1e-6
    assert ours < angle_bounds(dim + 1, n, 1.0, math.sqrt(-2 * math.log(failure))).upper


def classical_quantile(dim, n, failure) -> float:
    """The least c with `2 P(‖(g + c1)_+‖ <= ‖h‖) <= failure`, by draws, below it with an error of 1e-6 at most."""
    rng, draws = np.random.default_rng(1), 4000
    g, h = rng.standard_normal((draws, n)), np.sqrt(rng.chisquare(dim, draws))
    low, high = 0.0, 10.0
    for _ in range(30):
        c = (low + high) / 2
        count = int((np.linalg.norm(np.maximum(g + c, 0), axis=1) <= h).sum())
        low, high = (c, high) if binom.sf(count - 1, draws, failure / 2) < 1e-6 else (low, c)
    return low


def test_the_numbers_at_forty_dimensions_and_seventy_points() -> None:
    """0.233 by draws; 0.493 by the usual form of Gordon's bound; 1.048 by the norm of the mean."""
    assert angle_quantile(41, 70, 1.0, 0.05) == pytest.approx(0.2951, abs=1e-4)
    assert classical_quantile(40, 70, 0.05) == pytest.approx(0.48, abs=0.04)
    assert angle_bounds(41, 70, 1.0, math.sqrt(2 * math.log(20))).upper == pytest.approx(1.048, abs=1e-3)
    # Wendel: exactly w* with a probability of 0.978; and the scale divides.
    assert angle_quantile(41, 100, 1.0, 0.05) == 0.0
    assert angle_quantile(41, 70, 4.0, 0.05) == angle_quantile(41, 70, 1.0, 0.05) / 4


def test_it_is_zero_where_wendel_allows_it_and_not_before() -> None:
    for dim, n in ((11, 30), (41, 100)):
        exact, fewer = wendel_probability(n, dim - 1), wendel_probability(n, dim - 2)
        assert angle_quantile(dim, n, 1.0, exact) == 0.0
        assert angle_quantile(dim, n, 1.0, math.sqrt(exact * fewer)) > 0.0


def test_it_tends_to_gordons_limit() -> None:
    for ratio in (0.8, 2.0):
        gaps = [
            angle_quantile(dim + 1, round(dim / ratio), 1.0, 0.01) - gordon_margin(dim / round(dim / ratio))
            for dim in (20, 200, 2000)
        ]
        assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 0


def test_it_falls_with_the_failure_that_is_allowed_and_ends_where_the_mean_does() -> None:
    found = [angle_quantile(21, 15, 1.0, failure) for failure in (1e-100, 1e-6, 0.01, 0.5)]
    assert found == sorted(found, reverse=True)
    for failure in (1e-100, 0.5):
        most = angle_bounds(21, 15, 1.0, math.sqrt(-2 * math.log(failure))).upper
        assert angle_quantile(21, 15, 1.0, failure) <= most * (1 + 1e-12)
    assert margin_tail(15, 20, 0.1) == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: margin_tail(0, 1, 1.0), "n >= 1"),
        (lambda: margin_tail(1, 0, 1.0), "noise_dim >= 1"),
        (lambda: margin_tail(1, 1, -1.0), "margin >= 0"),
        (lambda: margin_tail(1, 1, math.nan), "margin >= 0"),
        (lambda: angle_quantile(1, 1, 1.0, 0.1), "dim >= 2"),
        (lambda: angle_quantile(2, 0, 1.0, 0.1), "n_large >= 1"),
        (lambda: angle_quantile(2, 1, 0.0, 0.1), "alpha > 0"),
        (lambda: angle_quantile(2, 1, 1.0, 1.0), "failure in"),
        (lambda: angle_quantile(2, 1, 1.0, 1e-200), "failure in"),
    ],
)
def test_bad_calls(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
