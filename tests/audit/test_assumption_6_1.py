"""Assumption 6.1 and what the paper says of it: the constant, section 5, homogeneous classifiers."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.strategies import EXPONENTS, arrays, dyadic
from theory.balls.small_margin import affine_distance
from theory.errors import AssumptionError
from theory.gaussian.laws import linear_clean_error
from theory.generalization.transfer import log_linear_transfer_constant, transfer_bound, transfer_constant
from theory.setting.losses import clean_error, margins
from theory.setting.separation import separation
from theory.sizes.hard_distribution import hard_distribution
from theory.witnesses.sample_size import angle_beyond, other_directions

assumption = pytest.mark.statement("assumption-6.1", form="repaired")
seeds = st.integers(0, 2**32 - 1)
angles = st.floats(0.01, 1.5)
LIMIT = 1e-6


# --- the assumption itself ---------------------------------------------------------------------------


@assumption
@given(st.integers(0, 20), st.integers(1, 20), st.floats(0, 1))
def test_the_least_constant_is_the_least_and_bounds_the_clean_error(wrong_small, wrong_large, mu) -> None:
    small, large = wrong_small / 20, wrong_large / 20
    constant = transfer_constant(small, large)
    assert small <= constant * large * (1 + 2**-50)
    assert constant == 0 or small > 0.99 * constant * large
    whole = (1 - mu) * large + mu * small
    # Equality for the least C: a bound with μ and 1 - μ swapped fails.
    assert abs(transfer_bound(large, mu, constant) - whole) <= 1e-12


@pytest.mark.statement("assumption-6.1", form="printed")
@given(st.integers(0, 50), st.integers(1, 50))
def test_for_one_classifier_with_an_error_the_printed_form_says_nothing(wrong_small, wrong_large) -> None:
    """Some C there always is, the ratio, however bad f is on small-margin data; and none is enough for every f."""
    constant = transfer_constant(wrong_small / 50, wrong_large / 50)
    assert constant == pytest.approx(wrong_small / wrong_large, rel=1e-12)
    assert transfer_constant(wrong_small / 50, wrong_large / 50 / 8) == pytest.approx(8 * constant, rel=1e-12)


@assumption
@given(seeds, st.integers(2, 4), st.integers(2, 3), st.sampled_from([0.5, 0.9]))
def test_the_memorizer_meets_it_with_constant_0(seed, dim, m, mu) -> None:
    """f̂ of Corollary 3.4, on fresh points of the distribution of Theorem 3.5."""
    from constructions import Affine, robust_memorizer

    rng = np.random.default_rng(seed)
    hard = hard_distribution(dim, m, rng.choice([-1, 1], m ** (dim - 1)), mu=mu)
    points, labels = hard.sample(12, rng)
    assume(len(set(labels.tolist())) == 2)
    clean = Affine(hard.f_clean.weight, hard.f_clean.bias)
    shell = hard.separation - 2 * hard.radius
    built = robust_memorizer(points, labels, radius=hard.radius, p=math.inf, clean=clean, shell=shell)
    cubes = hard.sample_cubes(200, rng)
    wrong = margins(built(hard.points_in(cubes, rng)), hard.labels_of(cubes)) <= 0
    small = cubes < hard.cubes
    assert transfer_constant(float(wrong[small].mean()), 0.0 if small.all() else float(wrong[~small].mean())) == 0.0


# --- "verified in section 5" -------------------------------------------------------------------------

verified = pytest.mark.statement("assumption-6.1-verification", form="printed")
with_angle = pytest.mark.statement("assumption-6.1-verification", form="repaired")


@verified
@given(st.floats(1.0, 1e12), st.floats(0.5, 6), st.floats(0.01, 0.9))
def test_whatever_the_constant_small_angles_need_more(constant, alpha, share) -> None:
    """Both errors from the law of the margin, at the angle of the witness and below."""
    beta = share * alpha
    angle = angle_beyond(constant, alpha, beta)
    for smaller in (angle, angle / 1.5, angle / 3):
        small, large = linear_clean_error(beta, smaller), linear_clean_error(alpha, smaller)
        if large > 1e-300:
            assert small > constant * large
    # Not sooner than needed: the angle before still meets the constant.
    if angle < math.pi / 4:
        assert linear_clean_error(beta, 2 * angle) <= constant * linear_clean_error(alpha, 2 * angle) * (1 + 1e-9)


@with_angle
@given(angles, angles, st.floats(0.5, 4), st.floats(0.05, 0.9))
def test_the_constant_is_the_ratio_of_the_errors_and_falls_with_the_angle(first, second, alpha, share) -> None:
    beta = share * alpha
    log = log_linear_transfer_constant(alpha, beta, first)
    small, large = linear_clean_error(beta, first), linear_clean_error(alpha, first)
    if large > 1e-280:
        assert abs(log - math.log(transfer_constant(small, large))) <= 1e-6 * (1 + abs(log))
    low, high = sorted((first, second))
    if high > 1.001 * low:
        assert log_linear_transfer_constant(alpha, beta, low) > log_linear_transfer_constant(alpha, beta, high)
    assert log > 0


@with_angle
def test_the_logarithm_grows_like_the_squared_cotangent() -> None:
    """(α² - β²) cot² θ / 2, where both errors underflow."""
    for angle in (1e-3, 1e-5):
        leading = (4 - 1) / (2 * math.tan(angle) ** 2)
        log = log_linear_transfer_constant(2.0, 1.0, angle)
        assert abs(log - leading - math.log(2)) <= 1e-5 * leading**0.5


@with_angle
@pytest.mark.parametrize("angle", [0.4, 0.8, 1.2])
def test_the_two_errors_on_data_that_are_drawn(angle) -> None:
    """x = c y w* + ξ in R^5, both parts; frequencies within binomial limits. Catches a tangent for the cotangent."""
    rng = np.random.default_rng(51)
    draws, dim = 20_000, 5
    w_star, w = np.eye(dim)[0], math.cos(angle) * np.eye(dim)[0] + math.sin(angle) * np.eye(dim)[1]
    for scale in (2.0, 0.5):
        y = rng.choice([-1, 1], draws)
        noise = rng.normal(size=(draws, dim)) * (1 - w_star)
        wrong = int(np.count_nonzero(y * ((scale * y)[:, None] * w_star + noise).dot(w) <= 0))
        error = linear_clean_error(scale, angle)
        assert binom.ppf(LIMIT / 2, draws, error) <= wrong <= binom.isf(LIMIT / 2, draws, error)


@with_angle
def test_at_angle_0_both_errors_are_0() -> None:
    assert transfer_constant(linear_clean_error(0.1, 0.0), linear_clean_error(4.0, 0.0)) == 0.0


# --- homogeneous classifiers -------------------------------------------------------------------------


@pytest.mark.statement("assumption-6.1-remark", form="printed")
@given(st.integers(1, 128).map(lambda k: k / 1024), st.integers(1, 40), st.integers(2, 5))
def test_small_norms_in_other_directions_are_all_misclassified(radius, bits, dim) -> None:
    """Norms as small as one likes, and every assumption of section 3 holds."""
    found = other_directions(radius, radius / 2**bits, dim)
    large = np.setdiff1d(np.arange(3), found.small)
    sizes = np.abs(found.points).max(axis=1)
    assert sizes[found.small].max() <= 2.0**-bits * sizes[large].min()
    assert ((found.points >= 0) & (found.points <= 1)).all()
    clean = margins(found.f_clean(found.points), found.labels)
    assert clean_error(clean) == 0.0
    for p in EXPONENTS:
        assert separation(found.points, found.labels, p).distance > 2 * radius
        gaps = affine_distance(found.f_clean.weight, found.f_clean.bias, found.points, found.labels, p)
        assert (gaps < radius).nonzero()[0].tolist() == found.small.tolist()
    values = margins(found.homogeneous(found.points), found.labels)
    small, wide = clean_error(values[found.small]), clean_error(values[large])
    assert (small, wide) == (1.0, 0.0)
    assert transfer_constant(small, wide) == math.inf
    # Homogeneous: exactly so for powers of two.
    np.testing.assert_array_equal(found.homogeneous(4 * found.points), 4 * found.homogeneous(found.points))


@st.composite
def homogeneous_networks(draw: Any, dim: int) -> Any:
    """ReLU networks without biases: f(tx) = t f(x), to the last bit on dyadic data."""
    from constructions import Affine, ReLUNetwork

    sizes = [dim, *draw(st.lists(st.integers(1, 4), max_size=2)), 1]
    return ReLUNetwork(
        tuple(Affine(draw(arrays((after, before))), np.zeros(after)) for before, after in pairwise(sizes))
    )


@st.composite
def scaled_parts(draw: Any) -> Any:
    dim = draw(st.integers(1, 4))
    directions = draw(arrays((draw(st.integers(1, 12)), dim)))
    labels = np.array([draw(st.sampled_from([-1, 1])) for _ in directions])
    # As a multiset of pairs (direction, label), the small part is any number of copies of the large one.
    copies = draw(st.integers(1, 3))
    scales = draw(arrays((copies * len(labels), 1), dyadic(0.125, 8.0)))
    small = scales * np.tile(directions, (copies, 1))
    return draw(homogeneous_networks(dim)), directions, labels, small, np.tile(labels, copies)


@pytest.mark.statement("assumption-6.1-remark", form="repaired")
@given(scaled_parts(), st.integers(1, 3))
def test_equal_directions_give_equal_errors_at_any_norm(case, degree) -> None:
    """C = 1, exactly, for nets and for their k-th powers with the sign kept; norms smaller and larger."""
    network, large, labels, small, small_labels = case

    def error(points: np.ndarray, y: np.ndarray) -> float:
        values = network(points)[:, 0]
        return clean_error(margins(np.sign(values) * np.abs(values) ** degree, y))

    assert error(small, small_labels) == error(large, labels)


@pytest.mark.statement("assumption-6.1-remark", form="repaired")
def test_a_bias_breaks_the_equality() -> None:
    """The planted fault: f(x) = x - 1 is not homogeneous, and scaling changes its error."""
    points, labels = np.array([[2.0], [-2.0]]), np.array([1, -1])
    errors = [clean_error(margins(t * points[:, 0] - 1.0, labels)) for t in (1.0, 0.25)]
    assert errors == [0.0, 0.5]


# --- bad calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: transfer_constant(1.5, 0.5), ValueError, "in \\[0, 1\\]"),
        (lambda: transfer_constant(0.5, math.nan), ValueError, "in \\[0, 1\\]"),
        (lambda: transfer_bound(0.5, 1.5, 1.0), ValueError, "transfer_bound needs"),
        (lambda: transfer_bound(0.5, 0.5, math.inf), ValueError, "finite constant"),
        (lambda: transfer_bound(0.5, 0.5, -1.0), ValueError, "constant >= 0"),
        (lambda: log_linear_transfer_constant(1.0, 1.0, 0.5), AssumptionError, "0 < beta < alpha"),
        (lambda: log_linear_transfer_constant(1.0, 0.5, 0.0), AssumptionError, "at angle 0 both"),
        (lambda: log_linear_transfer_constant(1.0, 0.5, math.nan), AssumptionError, "angle in"),
        (lambda: angle_beyond(math.inf, 1.0, 0.5), ValueError, "finite constant"),
        (lambda: angle_beyond(1.0, 0.5, 1.0), AssumptionError, "0 < beta < alpha"),
        (lambda: other_directions(0.2, 0.1), AssumptionError, "<= 1/8"),
        (lambda: other_directions(0.1, 0.1), AssumptionError, "scale < radius"),
        (lambda: other_directions(0.1, math.nan), AssumptionError, "scale < radius"),
        (lambda: other_directions(0.1, 0.05, 1), AssumptionError, "dim >= 2"),
    ],
)
def test_bad_calls_are_refused(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
