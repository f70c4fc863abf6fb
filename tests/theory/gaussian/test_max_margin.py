"""The max-margin direction by three solvers, its angle by the margin of the noise, and the laws of that margin."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom, chi, norm
from sklearn.svm import SVC

from theory.errors import AssumptionError
from theory.gaussian import max_margin
from theory.gaussian.max_margin import (
    angle_bounds,
    exact_limit_bound,
    gordon_margin,
    limit_angle,
    max_margin_direction,
    noise_margin,
    wendel_probability,
)
from theory.witnesses.noise import direction_lost_in_noise


def sample(seed, n, dim, alpha) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w* = e_1, so that the first coordinate is the signal and the others are the noise."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([-1, 1], n)
    noise = np.hstack([np.zeros((n, 1)), rng.standard_normal((n, dim - 1))])
    points = noise.copy()
    points[:, 0] = alpha * labels
    return points, labels, noise


sizes = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 25), st.sampled_from([0.5, 2.0, 8.0]))


@given(sizes)
def test_the_tangent_of_the_angle_is_the_margin_of_the_noise_over_alpha(size) -> None:
    """û by active sets on the points, s* by an interior method on the noise. Catches s* without its positive part."""
    points, labels, noise = sample(*size)
    u = max_margin_direction(points, labels)
    bracket = noise_margin(noise, labels)
    tangent = np.linalg.norm(u[1:]) / u[0]
    # The accuracies of the two solvers, seen near 1e-14 and 1e-12; the claim is an equation.
    assert bracket.lower / size[3] - 1e-8 <= tangent <= bracket.upper / size[3] + 1e-8
    # A bracket that says something.
    assert bracket.upper - bracket.lower <= 1e-6 * math.sqrt(size[2])


@given(sizes)
def test_the_direction_against_libsvm(size) -> None:
    """An SVM by another library: the intercept of the points z_i and -z_i is 0 by symmetry."""
    points, labels, _ = sample(*size)
    signed = labels[:, None] * points
    best = (signed @ max_margin_direction(points, labels)).min()
    machine = SVC(kernel="linear", C=1e6, tol=1e-6, cache_size=1)
    v = machine.fit(np.vstack([signed, -signed]), np.repeat([1, -1], len(signed))).coef_[0]
    reached = (signed @ v).min() / np.linalg.norm(v)
    # libsvm stops at a violation of 1e-6 of margins scaled to 1; ours may not be below what it reached.
    assert best * (1 - 1e-5) <= reached <= best * (1 + 1e-9)


@given(sizes)
def test_no_direction_has_a_larger_margin(size) -> None:
    points, labels, _ = sample(*size)
    signed = labels[:, None] * points
    u = max_margin_direction(points, labels)
    best = (signed @ u).min()
    rng = np.random.default_rng(1)
    others = u + rng.standard_normal((200, size[2])) * 10.0 ** rng.uniform(-6, 1, (200, 1))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert (others @ signed.T).min(axis=1).max() <= best + 1e-9 * (1 + best)


def test_one_point_and_two_opposite_ones() -> None:
    points, labels = np.array([[1.0, 2.0]]), np.array([-1])
    assert np.allclose(max_margin_direction(points, labels), np.array([-1.0, -2.0]) / math.sqrt(5), rtol=0, atol=1e-15)
    bracket = noise_margin(np.array([[0.0, 3.0]]), np.array([1]))
    assert (bracket.lower, bracket.upper) == (3.0, 3.0)
    opposite = noise_margin(np.array([[0.0, 3.0], [0.0, -3.0]]), np.array([1, 1]))
    assert opposite.lower == 0
    assert opposite.upper <= 1e-9
    zero = noise_margin(np.zeros((2, 2)), np.array([1, 1]))
    assert (zero.lower, zero.upper) == (0.0, 0.0)


def test_a_wrong_sign_of_a_label_is_seen_in_the_margin() -> None:
    points, labels, _ = sample(3, 60, 3, 4.0)
    labels[0] *= -1
    with pytest.raises(AssumptionError, match="separates, got a largest relative margin"):
        max_margin_direction(points, labels)


def test_the_limit_angle_of_the_three_cases() -> None:
    assert limit_angle(-1.0, 2.0) == 0.0
    assert limit_angle(2.0, 2.0) == math.pi / 4
    assert limit_angle(1.0, 2.0) == math.atan(0.5)


@pytest.mark.parametrize(("n", "dim"), [(1, 1), (2, 1), (5, 3), (12, 4), (40, 19), (3, 8)])
def test_wendel_in_rationals(n, dim) -> None:
    exact = Fraction(sum(math.comb(n - 1, k) for k in range(dim)), 2 ** (n - 1))
    assert abs(wendel_probability(n, dim) - float(exact)) <= 1e-13
    assert (exact == 1) == (n <= dim)


def test_hoeffding_bounds_wendel() -> None:
    for dim in (1, 2, 10, 50):
        for n in range(2 * dim, 8 * dim + 10):
            if n - 1 > 2 * (dim - 1):
                assert wendel_probability(n, dim) <= exact_limit_bound(n, dim)
    with pytest.raises(AssumptionError, match="take n larger"):
        exact_limit_bound(19, 10)


@given(st.floats(1e-4, 1e4))
def test_gordon_by_quadrature(ratio) -> None:
    """The closed form of the mean against its integral."""
    kappa = gordon_margin(ratio)
    mean, _ = quad(lambda g: (kappa + g) ** 2 * norm.pdf(g), max(-kappa, -40), 40, epsabs=0, epsrel=1e-11, limit=200)
    assert abs(mean - ratio) <= 1e-8 * ratio
    assert (kappa > 0) == (ratio > 0.5) or abs(kappa) < 1e-12


def test_gordon_against_the_solver_for_large_dimensions() -> None:
    """s* at D = 300 within 4 standard errors of its mean over seeds, plus the known bias of order 1/√D."""
    for n in (75, 300, 450):
        found = [noise_margin(*_noise(seed, n, 300)).lower for seed in range(4)]
        assert abs(np.mean(found) - gordon_margin(300 / n)) <= 4 * np.std(found, ddof=1) / 2 + 1 / math.sqrt(300)


def _noise(seed, n, dim) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dim)), np.ones(n, int)


def exceptions(t, upper_factor=1.0, trials=400) -> tuple[int, int]:
    """How often the tangent leaves its bounds, each way."""
    above = below = 0
    for seed in range(trials):
        points, labels, _ = sample(seed, 6, 60, 2.0)
        u = max_margin_direction(points, labels)
        tangent, bounds = np.linalg.norm(u[1:]) / u[0], angle_bounds(60, 6, 2.0, t)
        above += tangent > upper_factor * bounds.upper
        below += tangent < bounds.lower
    return above, below


def test_the_angle_keeps_its_bounds_as_often_as_they_say() -> None:
    for t in (0.5, 1.0, 2.0):
        failure = angle_bounds(60, 6, 2.0, t).failure
        for count in exceptions(t):
            assert binom.sf(count - 1, 400, failure) >= 1e-6


def one_point_exceptions(dim, t, deviation=1.0) -> tuple[float, float, float]:
    """For one point s* is the norm of its noise, a χ with `dim - 1` degrees: the exact chances to leave the bounds."""
    bounds = angle_bounds(dim, 1, 0.5, t)
    root = math.sqrt(dim - 1)
    upper = root + deviation * (0.5 * bounds.upper - root)
    lower = root - 1 - deviation * (root - 1 - 0.5 * bounds.lower)
    return float(chi.sf(upper, dim - 1)), float(chi.cdf(lower, dim - 1)), bounds.failure


@pytest.mark.parametrize("dim", [10, 300, 10**4 + 1])
@pytest.mark.parametrize("t", [0.5, 2.0, 4.0, 8.0])
def test_for_one_point_the_bounds_keep_to_the_law_of_its_norm(dim, t) -> None:
    above, below, failure = one_point_exceptions(dim, t)
    assert above <= failure
    assert below <= failure


def test_half_of_the_deviation_would_not_do_for_one_point() -> None:
    """The planted fault, on either side, where the tails differ by far more than their rounding."""
    above, below, failure = one_point_exceptions(10**4 + 1, 8.0, deviation=0.5)
    assert above > 10 * failure
    assert below > 10 * failure


def test_a_bound_without_its_leading_term_is_caught() -> None:
    above, _ = exceptions(2.0, upper_factor=0.5)
    assert binom.sf(above - 1, 400, angle_bounds(60, 6, 2.0, 2.0).failure) < 1e-6


def test_the_direction_lost_in_noise_is_lost_and_ever_more() -> None:
    angles = []
    for dim in (400, 1600, 6400):
        lost = direction_lost_in_noise(dim, 4, 2.0)
        u = max_margin_direction(lost.points, lost.labels)
        cosine = float(u @ lost.w_star)
        assert math.sqrt(1 - cosine**2) / cosine >= lost.bounds.lower >= 1
        angles.append(math.degrees(math.acos(cosine)))
    assert angles == sorted(angles)
    assert angles[-1] > 85


def test_swapping_the_solvers_data_is_caught(monkeypatch) -> None:
    """Planted: labels forgotten, so that the hull is that of ξ_i and not of y_i ξ_i."""
    points, labels, noise = sample(5, 10, 20, 2.0)
    u = max_margin_direction(points, labels)
    monkeypatch.setattr(max_margin, "_signed", lambda x, y: x)
    assert abs(np.linalg.norm(u[1:]) / u[0] - noise_margin(noise, labels).upper / 2) > 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: max_margin_direction(np.zeros((0, 2)), np.zeros(0, int)), "n >= 1"),
        (lambda: max_margin_direction(np.zeros((1, 2)), np.array([1])), "all 0"),
        (lambda: max_margin_direction(np.full((1, 2), np.nan), np.array([1])), "finite"),
        (lambda: max_margin_direction(np.ones((1, 2)), np.array([0])), "got 0 at row 0"),
        (lambda: max_margin_direction(np.array([[1.0, 0], [1.0, 0]]), np.array([1, -1])), "separates"),
        (lambda: noise_margin(np.full((1, 2), np.inf), np.array([1])), "finite"),
        (lambda: limit_angle(math.nan, 1.0), "got nan"),
        (lambda: limit_angle(1.0, 0.0), "alpha > 0, got 0"),
        (lambda: angle_bounds(1, 4, 1.0, 1.0), "dim >= 2"),
        (lambda: angle_bounds(4, 0, 1.0, 1.0), "n >= 1"),
        (lambda: angle_bounds(4, 4, math.nan, 1.0), "alpha > 0, got nan"),
        (lambda: angle_bounds(4, 4, 1.0, -1.0), "t >= 0"),
        (lambda: wendel_probability(0, 3), "n=0"),
        (lambda: gordon_margin(0.0), "ratio > 0"),
        (lambda: gordon_margin(math.nan), "ratio > 0"),
        (lambda: direction_lost_in_noise(20, 10, 2.0), "raise dim"),
    ],
)
def test_bad_calls(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("scale", [-1000, -660, 660, 1000])
def test_directions_and_margins_scale_with_the_points(scale) -> None:
    points, labels, noise = sample(5, 12, 6, 2.0)
    u = max_margin_direction(points, labels)
    assert np.array_equal(max_margin_direction(np.ldexp(points, scale), labels), u)
    plain, scaled = noise_margin(noise[:4], labels[:4]), noise_margin(np.ldexp(noise[:4], scale), labels[:4])
    assert (math.ldexp(scaled.lower, -scale), math.ldexp(scaled.upper, -scale)) == (plain.lower, plain.upper)
    assert plain.lower > 0


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e-160, 1e200, 1.7e308])
def test_one_point_of_any_size_is_its_own_margin(size) -> None:
    bracket = noise_margin(np.array([[size]]), np.array([1]))
    assert (bracket.lower, bracket.upper) == (size, size)
    assert max_margin_direction(np.array([[size, 0.0]]), np.array([-1])).tolist() == [-1.0, 0.0]


def test_points_of_two_scales() -> None:
    """The hull of `e_1` and `1e-200 e_2` comes within 1e-200 of 0; no margin is larger than that."""
    bracket = noise_margin(np.array([[1.0, 0.0], [0.0, 1e-200]]), np.array([1, 1]))
    assert bracket.lower <= 1e-200 <= bracket.upper
    with pytest.raises(AssumptionError, match="or too near for float64"):
        max_margin_direction(np.array([[1.0, 0.0], [0.0, 1e-20]]), np.array([1, 1]))


def test_a_margin_beyond_the_floats() -> None:
    """`‖(1.7e308, 1.7e308)‖` is no float: the bracket is the largest one and infinity."""
    bracket = noise_margin(np.full((1, 2), 1.7e308), np.array([1]))
    assert (bracket.lower, bracket.upper) == (np.finfo(float).max, math.inf)


@pytest.mark.usefixtures("untyped")
def test_counts_of_numpy_do_not_wrap_around() -> None:
    t, dim, n = np.uint8(3), np.uint8(200), np.uint8(250)
    assert angle_bounds(dim, n, np.float32(2.0), t) == angle_bounds(200, 250, 2.0, 3.0)
    assert exact_limit_bound(n, np.uint8(10)) == exact_limit_bound(250, 10) < 1
    assert wendel_probability(n, dim) == wendel_probability(250, 200)
    assert limit_angle(np.float32(2.0), np.uint8(2)) == math.pi / 4
