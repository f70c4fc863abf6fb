"""The pieces of the indicators: each is the function that its docstring states, with `==` on dyadic data."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import (
    l1_excess,
    l2_excess,
    linf_excess,
    shared_l1_excess,
    shared_l2_excess,
    shared_levels,
    shared_linf_excess,
    shared_squares,
)
from constructions.pieces.excess import lp_excess, shared_lp_excess
from constructions.pieces.power import Hinges
from constructions.pieces.square import interpolated_square
from tests.rational import rational_value, rationals
from tests.strategies import arrays, dyadic
from theory.setting.norms import norm

thresholds = dyadic(0, 2)
tents = st.integers(1, 4)


@st.composite
def centres_and_points(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    dim = draw(st.integers(1, 4))
    centres, x = draw(arrays((draw(st.integers(1, 4)), dim))), draw(arrays((5, dim)))
    return centres, np.vstack([x, centres])


def distances(x: np.ndarray, centres: np.ndarray, p: float) -> np.ndarray:
    """Exact for p = 1 and ∞ on dyadic data."""
    return np.array([[norm(row - c, p) for c in centres] for row in x])


def squared(x: np.ndarray, c: np.ndarray) -> Fraction:
    return sum(((a - b) ** 2 for a, b in zip(rationals(x), rationals(c), strict=True)), Fraction(0))


# -- p = ∞


@given(centres_and_points(), thresholds)
def test_linf_excess(family: tuple[np.ndarray, np.ndarray], t: float) -> None:
    centres, x = family
    f = linf_excess(centres, t)
    values, distance = f(x), distances(x, centres, math.inf)
    expected = np.maximum(np.abs(x[:, None] - centres[None]) - t, 0).sum(axis=2)
    assert values.tolist() == expected.tolist()
    # 0 exactly on the box, and at least the distance to it.
    assert np.array_equal(values == 0, distance <= t)
    assert np.all(values >= distance - t)
    assert f.neurons == 2 * centres.size


@given(centres_and_points(), thresholds, dyadic(1 / 16, 1, 4))
def test_shared_linf_excess_is_that_of_the_rounded_centres(
    family: tuple[np.ndarray, np.ndarray], t: float, tolerance: float
) -> None:
    centres, x = family
    levels = shared_levels(centres, tolerance, math.inf)
    f = shared_linf_excess(levels, t)
    assert f(x).tolist() == linf_excess(levels.rounded(), t)(x).tolist()
    assert f.widths == (x.shape[1], 2 * len(levels.value), len(levels.value), len(centres))
    # One weight a coordinate and centre.
    assert f.layers[-1].nonzero == centres.size


# -- p = 1


@given(centres_and_points(), thresholds)
def test_l1_excess(family: tuple[np.ndarray, np.ndarray], t: float) -> None:
    centres, x = family
    f = l1_excess(centres, t)
    assert f(x).tolist() == (distances(x, centres, 1.0) - t).tolist()
    assert f.neurons == 2 * centres.size


@given(centres_and_points(), thresholds, dyadic(1 / 16, 1, 4), dyadic(0, 1))
def test_shared_l1_excess_above_the_corner(
    family: tuple[np.ndarray, np.ndarray], t: float, tolerance: float, below: float
) -> None:
    centres, x = family
    low = x.min(axis=0) - below
    levels = shared_levels(centres, tolerance, 1.0)
    f = shared_l1_excess(levels, low, t)
    assert f(x).tolist() == (distances(x, levels.rounded(), 1.0) - t).tolist()
    assert f.neurons == len(levels.value) + 1
    # The corner itself is still right.
    assert f(low[None]).tolist() == (distances(low[None], levels.rounded(), 1.0) - t).tolist()


def test_shared_l1_excess_needs_points_above_the_corner() -> None:
    """Below it the neuron that carries Σ (x_j - low_j) is off: the hypothesis is used."""
    levels = shared_levels(np.array([[0.5, 0.5]]), 0.0, 1.0)
    f = shared_l1_excess(levels, np.zeros(2), 0.0)
    assert f(np.array([[0.0, 0.0]])).item() == 1.0
    assert f(np.array([[-1.0, 0.0]])).item() != 2.0


# -- p = 2


@st.composite
def boxes(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Boxes with sides that are powers of two: every weight of the squares is dyadic."""
    dim = draw(st.integers(1, 3))
    low = draw(arrays((dim,)))
    return low, low + np.array([draw(st.sampled_from([0.5, 1.0, 2.0, 4.0])) for _ in range(dim)])


def inside(data: st.DataObject, low: np.ndarray, high: np.ndarray, rows: int = 4) -> np.ndarray:
    return np.asarray(low + data.draw(arrays((rows, len(low)), dyadic(0, 1, 7))) * (high - low))


def error_of_squares(width: np.ndarray, m: int) -> Fraction:
    return sum((w * w for w in rationals(width)), Fraction(0)) * Fraction(1, 4 ** (m + 1))


@given(st.data(), boxes(), tents)
def test_shared_squares_bracket_the_norm(data: st.DataObject, box: tuple[np.ndarray, np.ndarray], m: int) -> None:
    low, high = box
    f = shared_squares(low, high, m)
    assert f.depth == m + 1
    x = inside(data, low, high)
    for row, value in zip(x, f(x), strict=True):
        exact = rational_value(f, rationals(row))
        assert rationals(value) == exact
        assert exact[1:] == rationals(row - low)
        assert 0 <= exact[0] - squared(row, np.zeros_like(row)) <= error_of_squares(high - low, m)


@pytest.mark.parametrize("seed", range(20))
def test_squares_on_any_box_bracket_the_norm_up_to_the_rounding_of_the_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, m = rng.normal(size=2), int(rng.integers(1, 8))
    high = low + rng.random(2) * 10.0 ** rng.integers(-3, 3)
    f, scale = shared_squares(low, high, m), Fraction(float(np.square([*low, *(high - low)]).sum()))
    # Each of the weights is rounded once or twice, and f_m has slopes up to 2.
    slack = 16 * scale / 2**53
    for row in rng.uniform(low, high, (10, 2)):
        error = rational_value(f, rationals(row))[0] - squared(row, np.zeros(2))
        assert -slack <= error <= error_of_squares(high - low, m) + slack


@given(st.data(), boxes(), tents)
def test_the_bracket_is_attained(data: st.DataObject, box: tuple[np.ndarray, np.ndarray], m: int) -> None:
    """At the knots the squares are exact, in the middle of a cell they are off by the whole bound."""
    low, high = box
    cells = np.array([data.draw(st.integers(0, 2**m - 1)) for _ in low])
    for shift, part in ((0.0, 0), (0.5, 1)):
        x = low + (high - low) * (cells + shift) / 2**m
        value = rational_value(shared_squares(low, high, m), rationals(x))[0]
        assert value - squared(x, np.zeros_like(x)) == part * error_of_squares(high - low, m)


@given(st.data(), boxes(), tents, thresholds)
def test_shared_l2_excess(data: st.DataObject, box: tuple[np.ndarray, np.ndarray], m: int, threshold: float) -> None:
    low, high = box
    x, centres = inside(data, low, high), inside(data, low, high, rows=3)
    f = shared_l2_excess(centres, threshold, low, high, m)
    assert f.layers[-1].outputs == 3
    for row in x:
        squares = rational_value(shared_squares(low, high, m), rationals(row))[0]
        for c, value in zip(centres, rational_value(f, rationals(row)), strict=True):
            error = value - (squared(row, c) - Fraction(threshold))
            # The error is that of the squares alone, the same for every centre.
            assert error == squares - squared(row, np.zeros_like(row))
            assert 0 <= error <= error_of_squares(high - low, m)


@given(st.data(), boxes(), tents, thresholds)
def test_l2_excess(data: st.DataObject, box: tuple[np.ndarray, np.ndarray], m: int, threshold: float) -> None:
    low, high = box
    width = high - low
    x, centres = inside(data, low, high), inside(data, low, high, rows=3)
    f = l2_excess(centres, threshold, width, m)
    scaled = np.abs(x[:, None] - centres[None]) / width
    assert f(x).tolist() == ((width**2 * interpolated_square(scaled, m)).sum(axis=2) - threshold).tolist()
    for row in x:
        for c, value in zip(centres, rational_value(f, rationals(row)), strict=True):
            assert 0 <= value - (squared(row, c) - Fraction(threshold)) <= error_of_squares(width, m)


@pytest.mark.parametrize("picture", ["dark", "bright", "mixed"])
def test_more_centres_than_one_block(picture: str) -> None:
    """The last weights are built by blocks of 1024 rows, sparse or dense: the same network as centre by centre."""
    rng = np.random.default_rng(1)
    centres = rng.integers(1, 9, (2100, 6)) / 8
    if picture != "bright":
        centres[: 2100 if picture == "dark" else 1100, :5] = 0
    low, high = np.zeros(6), np.ones(6)
    f = shared_l2_excess(centres, 0.25, low, high, 2)
    x = rng.integers(0, 9, (3, 6)) / 8
    for i in (0, 1023, 1024, 1099, 1100, 2047, 2048, 2099):
        alone = shared_l2_excess(centres[i : i + 1], 0.25, low, high, 2)
        assert f(x)[:, i].tolist() == alone(x)[:, 0].tolist()
    assert f.layers[-1].nonzero == 2100 + np.count_nonzero(centres) + np.count_nonzero(f.layers[-1].bias)


# -- other p


hinges = st.lists(st.tuples(dyadic(1 / 8, 1), dyadic(1 / 8, 1)), min_size=1, max_size=4).map(
    lambda pairs: Hinges(np.cumsum([0.0, *(gap for gap, _ in pairs[1:])]), np.array([step for _, step in pairs]))
)


@given(centres_and_points(), hinges, thresholds, st.booleans())
def test_lp_excess(family: tuple[np.ndarray, np.ndarray], curve: Hinges, t: float, shared: bool) -> None:
    """`Σ_j Σ_k step_k σ(|x_j - c_ij| - knot_k) - t`, exactly, and as many neurons as said."""
    centres, x = family
    levels = shared_levels(centres, 0.0, 3.0)
    f = shared_lp_excess(levels, curve, t) if shared else lp_excess(centres, curve, t)
    away = np.abs(x[:, None] - centres[None])
    bends = np.maximum(away[..., None] - curve.knots, 0) @ curve.steps
    assert f(x).tolist() == (bends.sum(axis=2) - t).tolist()
    features = len(levels.value) if shared else centres.size
    assert f.widths == (
        centres.shape[1],
        2 * features,
        curve.pieces * features,
        *([features] if shared else []),
        len(centres),
    )
    exact = [rational_value(f, rationals(x[0]))[i] for i in range(len(centres))]
    assert [float(v) for v in exact] == f(x[:1])[0].tolist()
