"""The certificate against dense search, the conditions against the certificate, the probability against frequencies."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi, chi2

from constructions import Affine, ReLUNetwork
from theory import blocks, margin_lower_bound
from theory.errors import AssumptionError
from theory.gaussian import mixed_model
from theory.gaussian.mixed_model import (
    MixedModel,
    margin_certificate,
    neuron_cosine_bound,
    target_model,
)
from theory.gaussian.overlap import overlap_certificate
from theory.gaussian.target_conditions import memorization_failure, target_conditions


def random_model(rng, dim, width) -> MixedModel:
    return MixedModel(
        rng.standard_normal(dim),
        rng.standard_normal((width, dim)),
        rng.choice([-1.0, 1.0, 0.5, -2.0], width),
        float(rng.random()),
    )


def as_network(model) -> ReLUNetwork:
    """The strict ReLU network: `w_0·x = σ(w_0·x) - σ(-w_0·x)`."""
    width = len(model.signs)
    first = np.vstack([model.linear, -model.linear, model.weights])
    bias = np.concatenate([[0.0, 0.0], np.full(width, -model.threshold)])
    return ReLUNetwork((Affine(first, bias), Affine(np.concatenate([[1.0, -1.0], model.signs])[None], np.zeros(1))))


def disc(radius, count=400) -> np.ndarray:
    """A dense net of the disc, its rim included."""
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    rings = radius * np.linspace(0, 1, 21)[:, None, None]
    return (rings * np.column_stack([np.cos(angles), np.sin(angles)])).reshape(-1, 2)


@pytest.mark.statement("definition-mixed-model", form="printed")
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 6))
def test_the_mixed_model_is_a_relu_network(seed, dim, width) -> None:
    rng = np.random.default_rng(seed)
    model, x = random_model(rng, dim, width), rng.standard_normal((8, dim))
    # A dozen operations on numbers below 100.
    assert np.abs(model(x) - as_network(model)(x)[:, 0]).max() <= 1e-12


def violations(seed, radius=0.4) -> int:
    """Points of a plane whose certified bound is above a value that is reached in the ball."""
    rng = np.random.default_rng(seed)
    model, x, y = random_model(rng, 2, 6), rng.standard_normal((6, 2)), rng.choice([-1, 1], 6)
    lower = margin_certificate(model, x, y, radius)
    net = disc(radius * (1 - 1e-12))
    reached = np.array([(b * model(a + net)).min() for a, b in zip(x, y, strict=True)])
    return int((lower > reached).sum())


@pytest.mark.statement("theorem-5.2", form="repaired")
@given(st.integers(0, 2**32 - 1))
def test_the_certificate_is_below_every_value_in_the_ball(seed) -> None:
    assert violations(seed) == 0


def test_a_certificate_with_too_small_norms_is_caught(monkeypatch) -> None:
    monkeypatch.setattr(mixed_model, "row_norms", lambda rows: 0.5 * np.linalg.norm(rows, axis=1))
    assert sum(violations(seed) for seed in range(20)) > 0


def test_a_certificate_that_mixes_up_the_signs_is_caught(monkeypatch) -> None:
    original = MixedModel.__call__
    monkeypatch.setattr(
        MixedModel,
        "__call__",
        lambda self, x: original(MixedModel(self.linear, self.weights, -self.signs, self.threshold), x),
    )
    assert sum(violations(seed) for seed in range(20)) > 0


def test_the_certificate_is_exact_for_one_neuron_along_the_linear_part() -> None:
    # f(x) = x_1 + σ(2 x_1 - 1) on the ball of radius 1/2 around (2, 0): least at x_1 = 3/2.
    model = MixedModel(np.array([1.0, 0.0]), np.array([[2.0, 0.0]]), np.array([1.0]), 1.0)
    (lower,) = margin_certificate(model, np.array([[2.0, 0.0]]), np.array([1]), 0.5)
    assert 3.5 - 1e-12 <= lower <= 3.5
    (wrong,) = margin_certificate(model, np.array([[2.0, 0.0]]), np.array([-1]), 0.5)
    assert -2.5 - 4.0 - 1e-12 <= wrong <= -6.5


@pytest.mark.parametrize(
    ("weight", "sign", "threshold"),
    [
        # w·x = 1 - 2^-54 is rounded to 1: a neuron that helps would look twice as high as it is.
        ([1.0, -(2.0**-54)], 1.0, 1 - 2.0**-53),
        # w·x = 1 + 2^-53 is rounded to 1: a neuron that harms would look as if it were off.
        ([1.0, 2.0**-53], -1.0, 1.0),
    ],
)
def test_a_neuron_on_the_verge_of_its_threshold_is_bounded_over_the_reals(weight, sign, threshold) -> None:
    model = MixedModel(np.zeros(2), np.array([weight]), np.array([sign]), threshold)
    height = max(sum(map(Fraction, weight)) - Fraction(threshold), Fraction(0))
    assert height > 0
    (lower,) = margin_certificate(model, np.ones((1, 2)), np.array([1]), 0.0)
    assert Fraction(float(lower)) <= int(sign) * height
    # Executed, the value is above that of the reals: the rounding of the product cannot be left out.
    assert Fraction(float(model(np.ones((1, 2)))[0])) > int(sign) * height


@given(st.integers(0, 2**32 - 1))
def test_two_sound_bounds_are_both_below_the_attack(seed) -> None:
    """The general relaxation of a ReLU network, an independent certificate, never contradicts this one."""
    rng = np.random.default_rng(seed)
    model, x, y = random_model(rng, 3, 5), rng.standard_normal((5, 3)), rng.choice([-1, 1], 5)
    lower = margin_certificate(model, x, y, 0.3)
    general = margin_lower_bound(as_network(model).layers, x, y, 0.3, 2.0)
    steps = rng.standard_normal((500, 3))
    steps *= 0.3 / np.linalg.norm(steps, axis=1, keepdims=True)
    reached = np.array([(b * model(a + (1 - 1e-12) * steps)).min() for a, b in zip(x, y, strict=True)])
    assert (np.maximum(lower, general) <= reached).all()


def target_sample(seed, n, dim, n_small, alpha, beta) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.choice([-1, 1], n)
    small = np.arange(n) < n_small
    points = np.hstack([(labels * np.where(small, beta, alpha))[:, None], rng.standard_normal((n, dim - 1))])
    noise = points[small]
    noise[:, 0] = 0
    return points, labels, small, noise


@pytest.mark.statement("theorem-5.2", form="repaired")
@given(
    st.integers(0, 2**32 - 1),
    st.integers(20, 300),
    st.integers(1, 20),
    st.floats(0.02, 0.6),
    st.floats(0.2, 0.8),
)
def test_under_the_conditions_the_target_is_certified(seed, dim, n_small, r, q) -> None:
    points, labels, small, noise = target_sample(seed, 20, dim, n_small, 4 * dim**0.5, 0.1)
    radius, b = r * dim**0.5, q * dim
    conditions = target_conditions(points, small, noise, alpha=4 * dim**0.5, beta=0.1, radius=radius, b=b)
    w_star = np.eye(1, dim)[0]
    target = target_model(w_star, noise, labels[small], b)
    apart = margin_certificate(target, points, labels, radius)
    lower = np.maximum(apart, overlap_certificate(target, points, labels, radius))
    if conditions.hold:
        assert (lower > 0).all()
        assert conditions.failed == ()
    else:
        assert len(conditions.failed) >= 1
    if conditions.others_off >= 0 and conditions.own_wins > 0:
        # Each neuron at its own worst point: what the condition was with two minima, never more than with one.
        norms = np.linalg.norm(noise, axis=1)
        two = 0.1 - radius + norms**2 - radius * norms - b
        assert abs(apart[small].min() - max(two.min(), 0.1 - radius)) <= 1e-9 * dim or not two.min() > 0
        assert two.min() <= conditions.own_wins
        # At the worst point of all together the target has that value, if its own neuron is on there.
        steps = labels[small][:, None] * w_star + noise
        worst = points[small] - (1 - 1e-12) * radius * steps / np.linalg.norm(steps, axis=1)[:, None]
        reached = labels[small] * target(worst)
        assert (reached >= conditions.own_wins - 1e-9 * dim).all()
        if (np.einsum("ij,ij->i", worst, noise) > b).all():
            assert abs(reached.min() - conditions.own_wins) <= 1e-9 * dim


def test_each_condition_can_fail_alone() -> None:
    points, labels, small, noise = target_sample(0, 20, 400, 10, 4.0, 0.1)
    call = dict(points=points, small=small, noise=noise, alpha=4.0, beta=0.1)
    assert target_conditions(**call, radius=3.0, b=200.0).hold
    for radius, b, words in ((3.0, 100.0, "ξ_j‖ fails by"), (3.0, 350.0, "least difference"), (4.0, 200.0, "δ < α")):
        failed = target_conditions(**call, radius=radius, b=b).failed
        assert len(failed) == 1
        assert any(word in failed[0] for word in words.split("|"))
    assert labels.shape == (20,)


def test_conditions_without_small_points_ask_for_the_radius_only() -> None:
    points, _, small, noise = target_sample(0, 5, 10, 0, 4.0, 0.1)
    assert target_conditions(points, small, noise, alpha=4.0, beta=0.1, radius=3.9, b=1.0).hold
    assert not target_conditions(points, small, noise, alpha=4.0, beta=0.1, radius=4.0, b=1.0).hold


def failures(dim, n, n_small, radius, b, trials) -> int:
    count = 0
    for seed in range(trials):
        points, _, small, noise = target_sample(seed, n, dim, n_small, 10.0, 0.1)
        count += not target_conditions(points, small, noise, alpha=10.0, beta=0.1, radius=radius, b=b).hold
    return count


@pytest.mark.statement("theorem-5.2", form="repaired")
@pytest.mark.parametrize(("dim", "r", "n", "n_small"), [(500, 0.1, 10, 4), (1000, 0.2, 10, 4), (300, 0.02, 8, 2)])
def test_the_conditions_hold_as_often_as_the_probability_says(dim, r, n, n_small, record) -> None:
    bound = memorization_failure(dim, n, n_small, alpha=10.0, beta=0.1, radius=r * dim**0.5, b=dim / 2)
    assert bound < 0.7
    found = failures(dim, n, n_small, r * dim**0.5, dim / 2, 150)
    record("examples", 150)
    assert binom.sf(found - 1, 150, bound) >= 1e-6


def test_a_probability_for_another_threshold_is_caught() -> None:
    """At b = d/4 with r = 0.2 wrong neurons are on far more often than the bound for b = d/2 allows."""
    bound = memorization_failure(1000, 10, 4, alpha=10.0, beta=0.1, radius=0.2 * 1000**0.5, b=500.0)
    found = failures(1000, 10, 4, 0.2 * 1000**0.5, 190.0, 40)
    assert binom.sf(found - 1, 40, bound) < 1e-6


def test_the_probability_bound_has_its_limits() -> None:
    call = dict(alpha=10.0, beta=0.1, radius=3.0, b=500.0)
    assert memorization_failure(1000, 400, 200, **call) < 1e-4
    assert memorization_failure(1000, 400, 200, **{**call, "radius": 10.0}) == 1.0
    assert memorization_failure(50, 400, 200, **{**call, "b": 25.0}) == 1.0
    assert memorization_failure(1000, 400, 0, **call) == 0.0
    # Half the separation and a threshold in the middle: any r < 1/2 in the limit, none above.
    for r, possible in ((0.45, True), (0.52, False)):
        bound = memorization_failure(10**6, 10**4, 10**4, alpha=1e4, beta=0.1, radius=r * 1e3, b=5e5)
        assert (bound < 1e-6) == possible


@pytest.mark.parametrize(
    ("dim", "n", "n_small", "r", "q"), [(300, 10, 4, 0.02, 0.3), (2000, 400, 200, 0.3, 0.5), (2000, 10, 4, 0.1, 0.8)]
)
def test_the_probability_bound_is_that_of_the_largest_t(dim, n, n_small, r, q) -> None:
    """The deviation read off the bound meets the ledger's inequalities, written out here; no larger one does."""
    beta, radius, b = 0.1, r * dim**0.5, q * dim
    bound = memorization_failure(dim, n, n_small, alpha=1e3, beta=beta, radius=radius, b=b)
    assert 0 < bound < 1
    t = math.log(n_small * (n + 1) / bound)

    def meets(t) -> bool:
        noise_dim = dim - 1
        above = noise_dim**0.5 + (2 * t) ** 0.5
        below = (noise_dim - 2 * (noise_dim * t) ** 0.5) ** 0.5
        length = (1 + below**2) ** 0.5
        return above * ((2 * t) ** 0.5 + radius) <= b < beta + below**2 - radius * length and radius <= 2 * length

    assert meets(t * (1 - 1e-9))
    assert not meets(t * (1 + 1e-9))


@pytest.mark.parametrize("share", [0.7, 0.8, 0.9])
@pytest.mark.parametrize("dim", [401, 10001])
def test_for_one_point_the_bound_is_above_the_exact_chance_of_too_short_a_noise(dim, share) -> None:
    """At δ = 0 only `β + ‖ξ‖² > b` is at stake, and `‖ξ‖²` is a χ² with d - 1 degrees; at most two tails of e^{-t}."""
    b = share * (dim - 1)
    bound = memorization_failure(dim, 1, 1, alpha=1e3, beta=0.5, radius=0.0, b=b)
    chance = float(chi2.cdf(b - 0.5, dim - 1))
    assert chance <= bound
    # The tail is that of Laurent and Massart: `b - β = D - 2 √(Dt)`.
    t = (dim - 1 + 0.5 - b) ** 2 / (4 * (dim - 1))
    assert bound == pytest.approx(min(1.0, 2 * math.exp(-t)), rel=1e-9)
    # The planted fault: with half of its deviation the bound falls below the chance.
    assert 2 * math.exp(-4 * t) < chance


def test_noise_shorter_than_half_the_radius_says_nothing_of_a_longer_one() -> None:
    """`s² - δ√(1 + s²)` falls until `√(1 + s²) = δ/2 = 11`: a bound for ‖ξ‖ near 10 is none for a longer one."""
    alpha, radius, dim = 1e6, 22.0, 101
    # `wins = (√(1 + ‖ξ‖²) - 11)² - 0.9` for the one point: not enough for a χ between these two.
    b = alpha - 122.0 + 0.9
    ends = [math.sqrt((11 + side * math.sqrt(0.9)) ** 2 - 1) for side in (-1, 1)]
    chance = float(np.diff(chi.cdf(ends, dim - 1))[0])
    assert chance > 0.4
    assert memorization_failure(dim, 1, 1, alpha=alpha, beta=alpha, radius=radius, b=b) >= chance


@pytest.mark.statement("theorem-5.2", form="repaired")
def test_one_minimum_allows_more_than_two() -> None:
    """D = 99, b = D/4: δ up to √(1 + D)-fold, and not (1 + √D)-fold, of what is left: a tenth more."""
    points, labels, small = np.array([[0.1, *np.ones(99)]]), np.array([1]), np.array([True])
    noise = np.array([[0.0, *np.ones(99)]])
    left = 0.1 + 99 - 99 / 4
    one, two = left / math.sqrt(100), left / (1 + math.sqrt(99))
    assert one == pytest.approx(1.1 * two, rel=0.01)
    call = {"alpha": 100.0, "beta": 0.1, "b": 99 / 4}
    target = target_model(np.eye(1, 100)[0], noise, labels, 99 / 4)
    for radius, holds in ((one * (1 - 1e-9), True), (one * (1 + 1e-9), False)):
        assert target_conditions(points, small, noise, radius=radius, **call).hold == holds
        assert bool(overlap_certificate(target, points, labels, radius)[0] > 0) == holds
        # An attack at the worst point of all.
        step = np.eye(1, 100)[0] + noise[0]
        assert bool(target(points - radius * step / np.linalg.norm(step))[0] > 0) == holds
    assert margin_certificate(target, points, labels, (one + two) / 2)[0] <= 0


def test_the_cosine_bound_at_its_ends() -> None:
    one = np.ones(1)
    call = dict(beta=0.1, radius=2.0, b=50.0)
    assert neuron_cosine_bound(9.0 * one, 10.0 * one, **call, direction_error=0.0)[0] == pytest.approx(
        9 / math.hypot(9, 0.4), abs=1e-15
    )
    # Without room, b <= ‖x‖, nothing is said; nor at a right angle with ρ above ‖ξ‖.
    assert neuron_cosine_bound(9.0 * one, 50.0 * one, **call, direction_error=0.0)[0] == -1
    assert neuron_cosine_bound(0.1 * one, 10.0 * one, **call, direction_error=1.5)[0] == -1


GOOD = MixedModel(np.ones(2), np.ones((1, 2)), np.ones(1), 0.5)
X, Y = np.ones((2, 2)), np.array([1, -1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MixedModel(np.ones(2), np.ones((1, 2)), np.ones(1), math.nan), "finite"),
        (lambda: MixedModel(np.zeros(0), np.zeros((0, 0)), np.zeros(0), 1.0), "needs linear"),
        (lambda: margin_certificate(GOOD, X, Y, -1.0), "radius >= 0"),
        (lambda: margin_certificate(GOOD, X, Y, math.nan), "radius >= 0"),
        (lambda: margin_certificate(GOOD, X * math.nan, Y, 1.0), "finite"),
        (lambda: margin_certificate(GOOD, X, Y * 0, 1.0), "got 0 at row 0"),
        (lambda: margin_certificate(GOOD, np.zeros((0, 2)), np.zeros(0, int), 1.0), "n >= 1"),
        (lambda: margin_certificate(GOOD, np.ones((2, 3)), Y, 1.0), r"shape \(n >= 1, 2\)"),
        (lambda: target_model(np.ones(2), np.ones((1, 2)), np.zeros(1, int), 1.0), "got 0 at row 0"),
        (lambda: memorization_failure(1, 5, 2, alpha=1.0, beta=0.1, radius=0.5, b=1.0), "dim >= 2"),
        (lambda: memorization_failure(5, 5, 6, alpha=1.0, beta=0.1, radius=0.5, b=1.0), "n_small"),
        (
            lambda: target_conditions(X, np.array([True, True]), X[:1], alpha=1.0, beta=0.1, radius=0.5, b=1.0),
            "one noise vector",
        ),
    ],
)
def test_bad_calls(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_an_overflow_is_no_bound() -> None:
    model = MixedModel(np.full(2, 1e200), np.full((1, 2), 1e200), np.ones(1), 0.5)
    with np.errstate(all="ignore"):
        lower = margin_certificate(model, np.full((1, 2), 1e200), np.array([1]), 1e200)
    assert lower.tolist() == [-np.inf]


@pytest.mark.parametrize(
    ("alpha", "beta", "radius"), [(0.5, 100.0, 0.1), (4.0, 0.0, 0.1), (4.0, 0.1, -5.0), (4.0, 0.1, math.nan)]
)
def test_scales_beyond_the_theorem_are_refused(alpha, beta, radius) -> None:
    """Conditions that hold by a negative radius, or a beta above alpha, would promise what no theorem says."""
    scales = {"alpha": alpha, "beta": beta, "radius": radius, "b": 200.0}
    with pytest.raises(AssumptionError, match="0 < beta <= alpha and radius >= 0"):
        memorization_failure(400, 8, 4, **scales)
    with pytest.raises(AssumptionError, match="0 < beta <= alpha and radius >= 0"):
        target_conditions(np.ones((2, 3)), np.array([True, False]), np.ones((1, 3)), **scales)


@pytest.mark.parametrize(
    ("noise", "radius", "expected"), [(1e-200, 1e200, 1.0), (1e-165, 1e165, 1.0), (1e200, 1e-200, 1.0)]
)
def test_conditions_where_squares_of_the_noise_are_no_floats(noise, radius, expected) -> None:
    """Neurons move by `δ‖ξ‖ = 1`: with b = ½ the others are not off."""
    points, small = np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([True, False])
    scales = {"alpha": 1e300, "beta": 1e300, "radius": radius, "b": 0.5}
    found = target_conditions(points, small, np.array([[0.0, noise]]), **scales)
    assert found.others_off == pytest.approx(0.5 - expected, rel=1e-12)


def test_a_product_beyond_the_floats_is_not_forgotten_among_the_blocks(monkeypatch) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_BYTES", 1)
    points, small = np.array([[1.0, 1.0], [0.0, 0.0], [1e200, -1e200]]), np.array([True, False, False])
    scales = {"alpha": 1e300, "beta": 1e300, "radius": 0.0, "b": 0.5}
    assert target_conditions(points, small, np.full((1, 2), 1e200), **scales).others_off == -math.inf


@pytest.mark.usefixtures("untyped")
def test_scales_and_sizes_of_numpy_do_not_wrap_around() -> None:
    none = np.zeros((0, 2))
    scales = {"alpha": np.uint8(4), "beta": np.uint8(1), "radius": np.uint8(5), "b": np.uint8(1)}
    assert target_conditions(np.ones((1, 2)), np.array([False]), none, **scales).large_margin == -1.0
    call = dict(alpha=10.0, beta=0.1, radius=3.0, b=500.0)
    sizes = (np.int32(1000), np.int32(70_000), np.int32(70_000))
    assert memorization_failure(*sizes, **call) == memorization_failure(1000, 70_000, 70_000, **call) > 0


@pytest.mark.usefixtures("untyped")
def test_what_float64_does_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="float64 holds exactly"):
        MixedModel(np.array([2**53 + 1]), np.zeros((0, 1)), np.zeros(0), 0.0)
    with pytest.raises(ValueError, match="real numbers"):
        margin_certificate(GOOD, X * 1j, Y, 1.0)
    with pytest.raises(ValueError, match="threshold"):
        MixedModel(np.ones(2), np.ones((1, 2)), np.ones(1), "1")
