"""Wrong neurons that are on: the bound against dense search, its sharpness, the probability against frequencies."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi, norm

from theory.errors import AssumptionError
from theory.gaussian import overlap
from theory.gaussian.mixed_model import MixedModel, margin_certificate, target_model
from theory.gaussian.overlap import overlap_certificate, overlap_conditions, overlap_failure, overlap_radius

REPAIRED = pytest.mark.statement("theorem-5.2", form="repaired")


def random_case(seed, dim, width=6, n=6) -> tuple[MixedModel, np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0, 0.5, -2.0], width)
    model = MixedModel(rng.standard_normal(dim), rng.standard_normal((width, dim)), signs, float(rng.random()))
    return model, rng.standard_normal((n, dim)), rng.choice([-1, 1], n), rng


def violations(seed, dim=2, radius=0.7) -> int:
    """Points whose bound is above a value that is reached in the ball, among 4,000 of it and its worst directions."""
    model, x, y, rng = random_case(seed, dim)
    lower = overlap_certificate(model, x, y, radius)
    steps = rng.standard_normal((4000, dim))
    # Towards sums of neurons, where several are on.
    sums = rng.integers(-1, 2, (2000, len(model.signs))) @ model.weights + rng.integers(-1, 2, (2000, 1)) * model.linear
    steps = np.vstack([steps, sums])
    steps *= radius * (1 - 1e-12) * rng.random((6000, 1)) ** 0.1 / (np.linalg.norm(steps, axis=1, keepdims=True) + 1e-9)
    reached = np.array([(b * model(a + steps)).min() for a, b in zip(x, y, strict=True)])
    return int((lower > reached).sum())


@REPAIRED
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_the_bound_is_below_every_value_in_the_ball(seed, dim) -> None:
    assert violations(seed, dim) == 0


@pytest.mark.parametrize("fault", ["half the radius", "the products of wrong neurons left out", "labels flipped"])
def test_a_faulty_bound_is_caught(fault, monkeypatch) -> None:
    original = overlap._one_ball

    def faulty(x, linear, scaled, level, lengths, wrong, product, radius) -> float:
        if fault == "half the radius":
            return original(x, linear, scaled, level, lengths, wrong, product, radius / 2)
        if fault == "labels flipped":
            return original(x, linear, scaled, level, lengths, ~wrong, product, radius)
        return original(x, linear, scaled, level, lengths, wrong, -product, radius)

    monkeypatch.setattr(overlap, "_one_ball", faulty)
    assert sum(violations(seed, dim) for seed in range(60) for dim in (1, 2)) > 0


def test_the_bound_by_hand() -> None:
    """f(x) = x_1 - σ(2 x_2 - 1) at (3, 0), δ = 1: the worst ζ is along (-1, 2), where f = 3 + 1 - √5."""
    model = MixedModel(np.array([1.0, 0.0]), np.array([[0.0, 2.0]]), np.array([-1.0]), 1.0)
    (together,) = overlap_certificate(model, np.array([[3.0, 0.0]]), np.array([1]), 1.0)
    worst = np.array([[3.0, 0.0]]) + np.array([[-1.0, 2.0]]) / math.sqrt(5)
    assert 4 - math.sqrt(5) - 1e-11 <= together <= model(worst)[0] + 1e-15
    # The terms apart lose: 3 - 1 - (2 - 1) = 1.
    assert margin_certificate(model, np.array([[3.0, 0.0]]), np.array([1]), 1.0)[0] <= 1.0


def orthogonal(size, n_small, alpha) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Noise vectors exactly orthogonal, of norm √size, in the few dimensions that they span."""
    labels = np.tile([1, -1], n_small)[: n_small + 2]
    small = np.arange(n_small + 2) < n_small
    noise = math.sqrt(size) * np.eye(n_small + 2, n_small + 3, 1)
    points = noise + (labels * np.where(small, 0.1, alpha))[:, None] * np.eye(1, n_small + 3)
    return points, labels, small, noise[small]


@REPAIRED
@pytest.mark.parametrize("q", [0.1, 0.2, 0.25, 0.29, 0.4, 0.6])
def test_the_radius_is_sharp(q) -> None:
    """Orthogonal noise of norm 10^4: 2 % below every ball is certified, 2 % above a point of one is misclassified."""
    size, w_star = 1e8, np.eye(1, 43)[0]
    points, labels, small, noise = orthogonal(size, 40, 100 * size)
    target = target_model(w_star, noise, labels[small], q * size)
    scales = {"alpha": 100 * size, "beta": 0.1, "b": q * size}
    below, above = (f * overlap_radius(q) * math.sqrt(size) for f in (0.98, 1.02))
    assert overlap_conditions(points, small, noise, radius=below, **scales).hold
    assert (overlap_certificate(target, points, labels, below) > 0).all()
    assert not overlap_conditions(points, small, noise, radius=above, **scales).hold
    rivals = noise[labels[small] == -1]
    directions = [w_star + noise[0] - rivals[:k].sum(axis=0) for k in range(len(rivals) + 1)]
    reached = [float(target((points[0] - above * v / np.linalg.norm(v))[None])[0]) for v in directions]
    assert min(reached) < 0


def test_the_radius_in_numbers() -> None:
    assert overlap_radius(0.25) == 1 / math.sqrt(2)
    assert overlap_radius(0.5) == 0.5
    assert overlap_radius(0.9) == pytest.approx(0.1, abs=1e-15)
    for q in np.linspace(0.01, 0.99, 99):
        k = np.arange(400)
        assert overlap_radius(float(q)) == pytest.approx(((1 + (k - 1) * q) / np.sqrt(k + 1)).min(), abs=1e-14)
        # Half the separation of the noise: no classifier does better.
        assert overlap_radius(float(q)) <= math.sqrt(0.5) + 1e-15
    ends = (math.sqrt(1.5) - 1, 1 - math.sqrt(0.5))
    for q, beyond in ((ends[0], -0.01), (ends[1], 0.01)):
        assert overlap_radius(q) == pytest.approx(math.sqrt(0.5), abs=1e-12)
        assert overlap_radius(q + beyond) < math.sqrt(0.5) - 1e-3
    assert overlap_radius(1e-9) < 1e-4


def gaussian(seed, n, dim, n_small, alpha) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels, small = rng.choice([-1, 1], n), np.arange(n) < n_small
    points = np.hstack([(labels * np.where(small, 0.1, alpha))[:, None], rng.standard_normal((n, dim - 1))])
    noise = points[small]
    noise[:, 0] = 0
    return points, labels, small, noise


@REPAIRED
@pytest.mark.parametrize("seed", range(3))
def test_under_the_conditions_the_target_is_certified_where_the_terms_apart_say_nothing(seed) -> None:
    """d = 10,000, b = d/4, δ = 0.6 √d, α = d: beyond the r < 1/2 of any threshold with wrong neurons off."""
    dim, b, radius = 10_000, 2500.0, 60.0
    points, labels, small, noise = gaussian(seed, 20, dim, 10, float(dim))
    scales = {"beta": 0.1, "radius": radius, "b": b}
    conditions = overlap_conditions(points, small, noise, alpha=float(dim), **scales)
    assert conditions.hold
    assert conditions.failed == ()
    target = target_model(np.eye(1, dim)[0], noise, labels[small], b)
    lower = overlap_certificate(target, points, labels, radius)
    assert lower[small].min() >= conditions.small_margin * (1 - 1e-6) > 0
    assert lower[~small].min() >= conditions.large_margin * (1 - 1e-6) > 0
    assert (margin_certificate(target, points, labels, radius) <= 0).any()
    # The wrong neurons are on: with α = 4√d large-margin points fall.
    low = overlap_conditions(points, small, noise, alpha=4 * dim**0.5, **scales)
    assert [text.split(",")[0] for text in low.failed] == ["wrong neurons may win on large-margin points"]
    assert "raise alpha" in low.failed[0]


@REPAIRED
@pytest.mark.parametrize(("dim", "r", "q"), [(1500, 0.3, 0.25), (2500, 0.4, 0.3)])
def test_the_conditions_hold_as_often_as_the_probability_says(dim, r, q, record) -> None:
    scales = {"alpha": float(dim), "beta": 0.1, "radius": r * dim**0.5, "b": q * dim}
    bound = overlap_failure(dim, 8, 4, **scales)
    assert bound < 0.7
    failed = 0
    for seed in range(100):
        points, _, small, noise = gaussian(seed, 8, dim, 4, float(dim))
        failed += not overlap_conditions(points, small, noise, **scales).hold
    record("examples", 100)
    assert binom.sf(failed - 1, 100, bound) >= 1e-6


def test_the_probability_bound_has_its_limits() -> None:
    call = {"alpha": 1e8, "beta": 0.1, "b": 2.5e7}
    # r = 0.7 of 0.7071, with a threshold at which wrong neurons are on.
    assert overlap_failure(10**8, 400, 200, radius=7000.0, **call) < 1e-6
    assert overlap_failure(10**8, 400, 200, radius=7100.0, **call) == 1.0
    assert overlap_failure(10**8, 400, 200, radius=7000.0, **{**call, "alpha": 4e4}) == 1.0
    assert overlap_failure(10**8, 400, 200, radius=7000.0, **{**call, "b": 4e7}) == 1.0
    assert overlap_failure(10**8, 400, 0, radius=7000.0, **call) == 0.0
    assert overlap_failure(10**4, 400, 0, radius=7000.0, **{**call, "alpha": 10.0}) == 1.0


def test_the_bound_is_above_the_chance_that_one_of_many_products_is_too_large() -> None:
    """One small point, δ = 0: the conditions fail if a product with another of n - 1 points is beyond α + b.

    Given ‖ξ‖ the products are independent N(0, ‖ξ‖²), and half of the time ‖ξ‖ is above its median.
    """
    dim, n, reach = 10**6 + 1, 1000, 4255.0
    bound = overlap_failure(dim, n, 1, alpha=5.0, beta=0.1, radius=0.0, b=reach - 5.0)
    one = 2 * norm.sf(reach / chi.median(dim - 1))
    chance = (1 - (1 - one) ** (n - 1)) / 2
    assert 1e-3 < chance < bound < 1
    # The planted fault: as many tails as small points, not as pairs, falls below the chance.
    assert 2 * bound / (2 * n + 1) < chance


def square_sample(seed, alpha) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As many small-margin points as the noise has a quarter of dimensions: its largest singular value is 3/2 √D."""
    points, _, small, noise = gaussian(seed, 100, 401, 100, alpha)
    return points, small, noise


def test_the_largest_singular_value_grows_with_the_number_of_points() -> None:
    """k wrong neurons cost `δ √(k λ) - k b`, most of all near k = 20: what α must outweigh, for a λ of 30² or 35²."""
    for alpha, holds in ((40_000.0, False), (64_000.0, True)):
        scales = {"alpha": alpha, "beta": alpha, "radius": 596.3, "b": 2000.0}
        found = [overlap_conditions(*square_sample(seed, alpha), **scales).hold for seed in range(10)]
        assert found == [holds] * 10
        # All fail, so no bound below 1/4 is credible, at 4^-10 < 1e-6; where all hold, the bound knows.
        assert (overlap_failure(401, 100, 100, **scales) < 0.25) == holds


def test_the_largest_product_is_that_of_others() -> None:
    """A product with itself, counted as one with another, would make the conditions fail; one left out, hold."""
    points, labels, small, noise = orthogonal(100.0, 4, 1000.0)
    scales = {"alpha": 1000.0, "beta": 0.1, "radius": 4.0, "b": 30.0}
    assert overlap_conditions(points, small, noise, **scales).hold
    # A large-margin point beside the noise of another.
    points[5] = 1000.0 * labels[5] * np.eye(1, 7)[0] + 3 * noise[0]
    assert not overlap_conditions(points, small, noise, **scales).hold


X, SMALL, SCALES = np.ones((2, 2)), np.array([True, False]), {"alpha": 2.0, "beta": 0.1, "radius": 0.5, "b": 1.0}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: overlap_radius(0.0), ValueError, "q in"),
        (lambda: overlap_radius(math.nan), ValueError, "got nan"),
        (lambda: overlap_conditions(X, SMALL, X, **SCALES), ValueError, "one noise vector"),
        (lambda: overlap_conditions(X[:0], SMALL[:0], X[:0], **SCALES), ValueError, "n >= 1"),
        (lambda: overlap_conditions(X * math.nan, SMALL, X[:1], **SCALES), ValueError, "finite points"),
        (lambda: overlap_conditions(X, SMALL, X[:1], **{**SCALES, "b": math.nan}), ValueError, "b=nan"),
        (lambda: overlap_conditions(X, SMALL, X[:1], **{**SCALES, "beta": 3.0}), AssumptionError, "beta <= alpha"),
        (lambda: overlap_failure(1, 2, 1, **SCALES), ValueError, "dim >= 2"),
        (lambda: overlap_failure(5, 2, 3, **SCALES), ValueError, "n_small=3"),
        (lambda: overlap_failure(5, 2, 1, **{**SCALES, "radius": math.nan}), AssumptionError, "radius >= 0"),
    ],
)
def test_bad_calls(call, kind, message) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_a_bound_beyond_the_floats_is_the_largest_of_them_and_an_overflow_none() -> None:
    """`f >= 1e200 (2e200 - √2 1e200)` on the ball. With a threshold that is no float in the units of x: nothing."""
    model = MixedModel(np.full(2, 1e200), np.full((1, 2), 1e200), np.ones(1), 0.5)
    x, y = np.full((1, 2), 1e200), np.array([1])
    assert overlap_certificate(model, x, y, 1e200).tolist() == [np.finfo(float).max]
    assert overlap_certificate(model, -x, y, 1e200).tolist() == [-np.inf]
    tiny = MixedModel(np.full(2, 1e-200), np.full((1, 2), 1e-200), np.ones(1), 0.5)
    assert overlap_certificate(tiny, x * 0 + 1e-200, y, 0.0).tolist() == [-np.inf]


def in_rationals(model, x, y, steps) -> list[Fraction]:
    """`y f(x + ζ)` at every step ζ, exactly; lists of fractions."""
    values = []
    for step in steps:
        z = [Fraction(a) + b for a, b in zip(x.tolist(), step, strict=True)]
        f = sum(Fraction(a) * b for a, b in zip(model.linear.tolist(), z, strict=True))
        for a, w in zip(model.signs.tolist(), model.weights.tolist(), strict=True):
            before = sum(Fraction(c) * b for c, b in zip(w, z, strict=True)) - Fraction(model.threshold)
            f += Fraction(a) * max(before, Fraction(0))
        values.append(y * f)
    return values


def steps_in_the_ball(model, radius, rng) -> list[list[Fraction]]:
    """0, along the axes, and along sums of the weights, all surely no longer than the radius."""
    dim = len(model.linear)
    directions = [np.eye(dim)[k] for k in range(dim)]
    rows = np.vstack([model.linear[None], model.weights])
    units = [row / np.abs(row).max() for row in rows if np.abs(row).max() > 0]
    for _ in range(4):
        total = rng.integers(-2, 3, len(units)) @ np.array(units) if units else np.zeros(dim)
        directions += [total] if total.any() else []
    directions += units
    steps = [[Fraction(0)] * dim]
    for v in directions:
        whole = [int(Fraction(t) * 2**80) for t in v.tolist()]
        length = math.isqrt(sum(t * t for t in whole)) + 1
        steps += [[Fraction(s * t, length) * Fraction(radius) for t in whole] for s in (-1, 1)]
    return steps


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(0, 3), st.sampled_from([0, 500]))
def test_the_bounds_are_below_the_exact_margins_at_all_scales(seed, dim, width, reach) -> None:
    """Weights, points, threshold and radius each of a scale in `2^±reach`; reach 0 catches rounding, 500 underflow."""
    rng = np.random.default_rng(seed)

    def scaled(*shape) -> Any:
        return np.ldexp(rng.standard_normal(shape), rng.integers(-reach, reach + 1, (*shape[:-1], 1) if shape else ()))

    model = MixedModel(scaled(dim), scaled(width, dim), scaled(width), float(scaled()))
    x, y, radius = scaled(3, dim), rng.choice([-1, 1], 3), abs(float(scaled())) * float(rng.integers(0, 2))
    steps = steps_in_the_ball(model, radius, rng)
    exact = [min(in_rationals(model, a, int(b), steps)) for a, b in zip(x, y, strict=True)]
    for certificate in (margin_certificate, overlap_certificate):
        for lower, least in zip(certificate(model, x, y, radius).tolist(), exact, strict=True):
            assert lower == -math.inf or Fraction(lower) <= least


@pytest.mark.parametrize("certificate", [margin_certificate, overlap_certificate])
@pytest.mark.parametrize(
    ("weight", "x"), [(1e-170, 1e140), (1e-200, 1e200), (1e-165, 1e5), (1e200, 1e-200), (1.0, 1.0)]
)
def test_a_line_has_its_exact_bound_at_every_scale(certificate, weight, x) -> None:
    """`f(x) = w x` on `|ζ| <= δ`: `w (x - δ)`, where squares of the weights vanish or overflow."""
    model = MixedModel(np.array([weight]), np.zeros((0, 1)), np.zeros(0), 0.0)
    for radius in (x / 2, 2 * x):
        exact = Fraction(weight) * (Fraction(x) - Fraction(radius))
        (lower,) = certificate(model, np.array([[x]]), np.array([1]), radius)
        assert Fraction(lower) <= exact
        assert lower == pytest.approx(float(exact), rel=1e-12)


def test_a_wide_ball_around_a_point_of_another_scale() -> None:
    model = MixedModel(np.array([1e-170]), np.zeros((0, 1)), np.zeros(0), 0.0)
    assert overlap_certificate(model, np.array([[1e140]]), np.array([1]), 1e170)[0] <= -1.0


@given(st.integers(0, 2**32 - 1), st.sampled_from([-1000, -500, 500, 900]))
def test_the_bound_scales_with_weights_and_with_points(seed, scale) -> None:
    """Of powers of two: exactly, but for the step of rounding down."""
    model, x, y, _ = random_case(seed, 3)
    plain = overlap_certificate(model, x, y, 0.7)
    larger = MixedModel(np.ldexp(model.linear, scale), model.weights, np.ldexp(model.signs, scale), model.threshold)
    assert np.allclose(np.ldexp(overlap_certificate(larger, x, y, 0.7), -scale), plain, rtol=1e-15, atol=0)
    moved = MixedModel(model.linear, model.weights, model.signs, math.ldexp(model.threshold, scale))
    found = overlap_certificate(moved, np.ldexp(x, scale), y, math.ldexp(0.7, scale))
    assert np.allclose(np.ldexp(found, -scale), plain, rtol=1e-15, atol=0)


def cancelling(count=60) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Lines and points in single precision at which products cancel: rounded, the sign of the margin is lost."""
    rng = np.random.default_rng(3)
    for _ in range(count):
        linear, x = rng.standard_normal(8).astype(np.float32), rng.standard_normal((1, 8)).astype(np.float32)
        x[0, -1] = np.float32(-float(linear[:-1] @ x[0, :-1]) / float(linear[-1]))
        yield linear, x


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("certificate", [margin_certificate, overlap_certificate])
def test_arrays_in_single_precision_are_bounded_in_double(certificate) -> None:
    none = np.zeros((0, 8), np.float32)
    for linear, x in cancelling():
        exact = sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(linear, x[0], strict=True))
        model = MixedModel(linear, none, none[:, 0], np.float32(0.0))
        for y in (-1, 1):
            assert Fraction(certificate(model, x, np.array([y], np.int8), np.float32(0.0))[0]) <= y * exact


@pytest.mark.usefixtures("untyped")
def test_conditions_of_small_integers_do_not_wrap_around() -> None:
    points, noise, small = np.array([[0, 16, 0], [1, 16, 1]]), np.array([[0, 16, 0]]), np.array([True, False])
    scales = {"alpha": 30.0, "beta": 20.0, "radius": 0.5, "b": 20.0}
    expected = overlap_conditions(points.astype(float), small, noise.astype(float), **scales)
    found = overlap_conditions(points.astype(np.int8), small, noise.astype(np.int8), **scales)
    assert (found.large_margin, found.small_margin) == (expected.large_margin, expected.small_margin)
    assert not found.hold
    scales = {"alpha": np.uint8(4), "beta": np.uint8(1), "radius": np.uint8(5), "b": np.uint8(20)}
    none = np.zeros((0, 3), np.int8)
    assert overlap_conditions(points.astype(np.int8), np.array([False, False]), none, **scales).large_margin == -1.0


def test_conditions_beyond_the_floats_do_not_hold() -> None:
    """Products that overflow to -∞ say nothing; the noise 1e-200 moves by 1 in a ball of radius 1e200."""
    points, small, noise = np.array([[0.0, 1e200, 1e200], [0.0, -1e200, 0.0]]), np.array([True, False]), np.ones((1, 3))
    scales = {"alpha": 1e300, "beta": 1e300, "radius": 1.0, "b": 1.0}
    assert not overlap_conditions(points, small, noise * 1e200, **scales).hold
