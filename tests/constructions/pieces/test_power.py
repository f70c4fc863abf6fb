"""The piecewise-linear p-th power: above the power, close to it below the inner radius, of few pieces."""

import math
import time
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import indicators
from constructions.pieces import power
from constructions.pieces.power import Hinges, _estimated_pieces, interpolated_power, power_bounds, power_gap
from theory.setting.norms import norm

EXPONENTS = [1 + 1e-6, 1.01, 1.5, 2.0, 2.5, 3.0, math.pi, 4.0, 10.0, 200.0]
exponents = st.sampled_from(EXPONENTS)
dims = st.sampled_from([1, 2, 3, 10, 64, 784])


@st.composite
def radii(draw: Any) -> tuple[float, float]:
    """The radii between which the ramp of a shell lies."""
    radius, shell = draw(st.floats(1e-3, 1)), draw(st.floats(1e-4, 10))
    return radius + radius * shell / 4, radius + 3 * radius * shell / 4


def allowed(inner: float, outer: float, p: float) -> float:
    """What the sum over the small ball may reach: `ρ^p + ¾ (1 - ρ^p)`."""
    return 1 - power_gap(inner, outer, p) / 4


def normalised(vectors: np.ndarray, p: float) -> np.ndarray:
    """To norm 1; first to greatest entry 1, since the powers of small ones vanish."""
    vectors = vectors / vectors.max(axis=1, keepdims=True)
    return np.asarray(vectors / norm(vectors, p)[:, None])


@given(radii(), exponents)
def test_the_gap_has_no_cancellation(pair: tuple[float, float], p: float) -> None:
    with mpmath.workdps(60):
        exact = 1 - (mpmath.mpf(pair[0]) / mpmath.mpf(pair[1])) ** mpmath.mpf(p)
        # Rounding of the difference, of the quotient, and two elementary functions of a few ulp, the first times p.
        assert abs(power_gap(*pair, p) / exact - 1) <= 32 * (1 + p) * 2.0**-53


@given(radii(), exponents, dims)
def test_above_the_power_everywhere(pair: tuple[float, float], p: float, dim: int) -> None:
    inner, outer = pair
    hinges = interpolated_power(inner, outer, p, dim)
    t = np.concatenate([np.linspace(0, outer, 400), hinges.knots, outer * np.array([1.0, 1.5, 100.0])])
    power = np.minimum(t / outer, 1.0) ** p
    # Sums of `pieces` products, each step a difference of slopes; the power by a library, times p.
    assert np.all(hinges(t) >= power * (1 - (4 * hinges.pieces + 8 * p + 64) * 2.0**-53))


@given(radii(), exponents, dims, st.integers(0, 10**6))
def test_the_sum_over_the_small_ball_stays_below(pair: tuple[float, float], p: float, dim: int, seed: int) -> None:
    """At vectors with 1, 2, …, d equal entries, at random ones, and where a single piece is at its worst."""
    inner, outer = pair
    hinges = interpolated_power(inner, outer, p, dim)
    upper, lower = power_bounds(hinges, inner, outer, p, dim)
    gap = power_gap(inner, outer, p)
    assert upper <= allowed(inner, outer, p) + gap / 1000
    assert lower >= 1 - gap / 1000
    rng = np.random.default_rng(seed)
    count = np.arange(1, dim + 1)
    equal = np.where(count[None, :] <= count[:, None], count[:, None] ** (-1 / p), 0.0)
    vectors = np.vstack([equal, rng.random((20, dim)) ** rng.integers(1, 6, (20, 1))])
    vectors = inner * (1 - 1e-12) * normalised(vectors, p)
    assert np.all(hinges(vectors).sum(axis=1) <= upper)
    assert np.all(hinges(vectors * (outer / inner) * (1 + 1e-11)).sum(axis=1) >= lower)


@given(radii(), exponents, dims)
def test_no_more_pieces_than_stated(pair: tuple[float, float], p: float, dim: int) -> None:
    inner, outer = pair
    gap = power_gap(inner, outer, p)
    ratio = (1 - gap) / gap
    stated = 3 + 1.45 * max(1, math.sqrt(ratio)) * max(0.0, math.log(max(2.7 * dim * ratio, 1e-300)))
    assert interpolated_power(inner, outer, p, dim).pieces <= stated


@given(radii(), exponents, dims)
def test_every_knot_is_needed(pair: tuple[float, float], p: float, dim: int) -> None:
    """The planted fault: one knot left out, the chord drawn past it, and the bounds notice."""
    inner, outer = pair
    hinges = interpolated_power(inner, outer, p, dim)
    for k in range(1, hinges.pieces):
        knots = np.delete(np.append(hinges.knots, outer), k)
        slopes = np.diff((knots / outer) ** p) / np.diff(knots)
        fewer = Hinges(knots[:-1], np.diff(slopes, prepend=0.0))
        assert power_bounds(fewer, inner, outer, p, dim)[0] > allowed(inner, outer, p)


@given(radii(), exponents, dims, st.data())
def test_a_lower_step_is_noticed(pair: tuple[float, float], p: float, dim: int, data: st.DataObject) -> None:
    inner, outer = pair
    hinges = interpolated_power(inner, outer, p, dim)
    k = data.draw(st.integers(0, hinges.pieces - 1))
    steps = hinges.steps.copy()
    # What the last piece loses at `outer`: at least a thousandth of 1.
    steps[k] *= 1 - min(0.5, 1e-3 / (steps[k] * (outer - hinges.knots[k])))
    _, lower = power_bounds(Hinges(hinges.knots, steps), inner, outer, p, dim)
    lost = hinges(np.array([outer]))[0] - Hinges(hinges.knots, steps)(np.array([outer]))[0]
    assert lower <= 1 - lost + 1e-9


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5), radii(), exponents, st.integers(1, 3), st.integers(0, 99))
def test_bounds_hold_for_any_hinges(
    steps: list[float], pair: tuple[float, float], p: float, dim: int, seed: int
) -> None:
    inner, outer = pair
    rng = np.random.default_rng(seed)
    knots = np.concatenate([[0.0], np.sort(rng.uniform(0.01, 1.5, len(steps) - 1))]) * outer
    if np.any(np.diff(knots) <= 0):
        return
    hinges = Hinges(knots, np.array(steps))
    upper, lower = power_bounds(hinges, inner, outer, p, dim)
    vectors = rng.random((200, dim)) ** rng.integers(1, 6, (200, 1))
    vectors = normalised(np.vstack([vectors, np.eye(dim)]), p)
    sums = [hinges(vectors * r).sum(axis=1) for r in (inner * (1 - 1e-12), outer * (1 + 1e-12))]
    assert sums[0].max() <= upper
    assert sums[1].min() >= lower * (1 - 1e-9)


def test_a_hinge_is_what_it_says() -> None:
    hinges = Hinges(np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.25, 1.0]))
    t = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 4.0])
    expected = 0.5 * t + 0.25 * np.maximum(t - 1, 0) + np.maximum(t - 2, 0)
    assert hinges(t).tolist() == expected.tolist()
    assert hinges(t.reshape(2, 3)).tolist() == expected.reshape(2, 3).tolist()


def test_the_pieces_grow_like_the_inverse_root_of_the_shell_and_like_log_d() -> None:
    shells = 4.0 ** -np.arange(3, 9)
    pieces = [interpolated_power(1 + s / 4, 1 + 3 * s / 4, 3.0, 64).pieces for s in shells]
    exponent = -np.polyfit(np.log(shells), np.log(pieces), 1)[0]
    assert 0.48 <= exponent <= 0.55
    per_decade = np.diff([interpolated_power(1.01, 1.03, 3.0, 10**k).pieces for k in range(2, 7)])
    assert np.ptp(per_decade) <= 1
    assert per_decade.max() <= 20


@pytest.mark.parametrize("p", [1.01, 1.05, 1.5, 3.0, 10.0, 200.0])
@pytest.mark.parametrize("dim", [1, 10, 784])
def test_the_number_of_pieces_is_foretold(p: float, dim: int) -> None:
    """By an integral of the root of the curvature over the error allowed, which is right for thin shells."""
    for shell in (1e-3, 1e-5, 1e-6):
        inner, outer = 1 + shell / 4, 1 + 3 * shell / 4
        foretold = _estimated_pieces(power_gap(inner, outer, p), p, dim)
        assert abs(interpolated_power(inner, outer, p, dim).pieces - foretold) <= 3 + foretold / 100


def test_too_many_pieces_are_refused_at_once_with_their_number() -> None:
    started = time.perf_counter()
    with pytest.raises(ValueError, match=r"100,000 linear pieces.*p=1\.05, which take about 1,399,9\d\d.*wider shell"):
        interpolated_power(1.0, 1.0 + 5e-13, 1.05, 784)
    with pytest.raises(ValueError, match="wider shell, or p = 1, 2 or inf"):
        indicators(np.zeros((1, 784)), 1.0, 1e-12, np.zeros(784), np.ones(784), p=1.05, method="shared")
    assert time.perf_counter() - started < 10


def test_pieces_are_refused_above_the_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = (1.0, 1.0 + 1e-5, 3.0, 10)
    pieces = interpolated_power(*shell).pieces
    monkeypatch.setattr(power, "_MOST_PIECES", pieces + 1)
    assert interpolated_power(*shell).pieces == pieces
    monkeypatch.setattr(power, "_MOST_PIECES", pieces - 2)
    with pytest.raises(ValueError, match=f"about {pieces - 1}|{pieces}"):
        interpolated_power(*shell)
    # A search that finds no next knot, as where the error allowed is below rounding, ends too.
    monkeypatch.setattr(power, "_MOST_PIECES", 10**6)
    monkeypatch.setattr("scipy.optimize.brentq", lambda *args, **options: args[1])
    with pytest.raises(ValueError, match="wider shell"):
        interpolated_power(*shell)


def test_radii_whose_quotient_vanishes() -> None:
    assert power_gap(1e-200, 1e200, 3.0) == 1
    assert interpolated_power(1e-200, 1e200, 3.0, 4).pieces == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.5, 1.0, 1.0, 2), "1 < p < inf, got p=1.0"),
        ((0.5, 1.0, math.inf, 2), "got p=inf"),
        ((0.5, 1.0, math.nan, 2), "got p=nan"),
        ((1.0, 1.0, 3.0, 2), "inner < outer, got inner=1.0, outer=1.0"),
        ((0.0, 1.0, 3.0, 2), "got inner=0.0"),
        ((math.nan, 1.0, 3.0, 2), "got inner=nan"),
        ((0.5, math.inf, 3.0, 2), "outer=inf"),
    ],
)
def test_bad_radii_and_exponents_are_refused(arguments: tuple[float, float, float, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        interpolated_power(*arguments)


@pytest.mark.parametrize(
    ("knots", "steps"),
    [([], []), ([0.5], [1.0]), ([0.0, 0.0], [1.0, 1.0]), ([0.0, 1.0], [1.0, 0.0]), ([0.0, 1.0], [1.0, math.nan])],
)
def test_hinges_are_convex_from_zero(knots: list[float], steps: list[float]) -> None:
    with pytest.raises(ValueError, match="ascending knots from 0 on and steps > 0"):
        Hinges(np.array(knots), np.array(steps))
