"""Soft indicators: exact on the ball and off the shell, and exactly as large as their formula says."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from constructions import indicators, soft_indicator
from constructions.pieces.power import interpolated_power, power_gap
from constructions.pieces.soft_indicators import Indicators
from tests.rational import rational_value, rationals
from tests.strategies import EXPONENTS, arrays, dyadic
from theory.errors import AssumptionError
from theory.setting.norms import norm

UNIT = 2.0**-53
ALL = list(itertools.product(EXPONENTS, ["shared", "per_point"]))


@dataclass(frozen=True)
class Family:
    """Centres in a box, and the balls around them."""

    centres: np.ndarray
    radius: float
    shell: float
    low: np.ndarray
    high: np.ndarray

    def build(self, p: float, method: Any) -> Indicators:
        return indicators(self.centres, self.radius, self.shell, self.low, self.high, p=p, method=method)

    @property
    def rims(self) -> tuple[float, float]:
        """Inner and outer radius of the ramp."""
        return self.radius + self.shell / 4, self.radius + 3 * self.shell / 4

    @property
    def scale(self) -> float:
        """No term of an l_1 or l_∞ excess, summed over the coordinates, is larger."""
        return float(2 * (np.maximum(np.abs(self.low), np.abs(self.high)) + self.radius + self.shell).sum())


def is_power(p: float) -> bool:
    """Whether the indicators read interpolated p-th powers."""
    return p not in (1, 2, math.inf)


def ramp_width(family: Family, p: float) -> float:
    """Width of the ramp in the units of the excess."""
    if is_power(p):
        return power_gap(*family.rims, p) / 8
    gap = family.shell * (2 * family.radius + family.shell) if p == 2 else family.shell
    return gap / 2


def rounding(family: Family, p: float) -> float:
    """Bound on the rounding of an excess: γ_K times the sum of the absolute values of its terms.

    At most K = 2d + 40 roundings lie on the way of each term (the 40 allows for the up to 26 partial sums of the
    square networks and the weights themselves). For p = 2 the terms are squares, f_m has slopes up to 2, and the
    norms, the products and ‖c‖² each count once: 8 (Σ_j scale_j²) is more than they add up to. For other p, in
    units of outer^p, a coordinate's terms are at most its slope, p / outer at the most, times its distance, and each
    of the `s` steps is a difference of slopes with 4 roundings.
    """
    roundings = 2 * family.centres.shape[1] + 40
    if is_power(p):
        dim = family.centres.shape[1]
        inner, outer = family.rims
        pieces = interpolated_power(inner, outer, p, dim).pieces
        return float((roundings + 8 * pieces) * UNIT * p / outer * (2 * family.scale + dim * outer))
    if p == 2:
        sides = 2 * np.maximum(np.abs(family.low), np.abs(family.high)) + family.radius + family.shell
        return float(roundings * UNIT * 8 * (sides @ sides))
    return float(roundings * UNIT * 2 * family.scale)


def least_shell(family: Family, p: float) -> float:
    """The builders leave 2^-10 of a quarter of the shell (for p = 2: 1/8 of the gap of the squares) to the rounding.

    For other p it is 1/16 of a gap of at least shell / (2 outer), more than `rounding` by far: there 2^-11 is as
    thin as the number of pieces, hundreds, lets a quick test be.
    """
    if is_power(p):
        return 2.0**-11
    if p == 2:
        return math.sqrt(family.radius**2 + 8 * rounding(family, p)) - family.radius
    return 2.0**12 * rounding(family, p)


@st.composite
def families(draw: Any, *, dyadic_only: bool = False) -> Family:
    """Points on a grid (zeros and equal coordinates are likely) or anywhere; boxes tight around the balls or not."""
    dim, size = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    on_grid = dyadic_only or draw(st.booleans())
    centres = draw(arrays((size, dim), dyadic(-1, 1, 2) if on_grid else st.integers(-999, 999).map(lambda k: k / 999)))
    small = st.sampled_from([1 / 8, 1 / 4, 1 / 2, 1.0])
    radius = draw(small if dyadic_only else small | st.floats(1e-6, 2))
    shell = draw(small if dyadic_only else small | st.floats(1e-3, 2))
    room = radius + shell + draw(st.sampled_from([0.0, 0.25, 1.0]))
    if draw(st.booleans()):
        low, high = centres.min(axis=0) - room, centres.max(axis=0) + room
    else:
        # A cube around 0: the middle of the box is a coincidence of its own.
        high = np.full(dim, np.abs(centres).max() + room)
        low = -high
    return Family(centres, radius, shell, low, high)


def spots(family: Family, p: float, seed: int) -> np.ndarray:
    """Centres; points at the distances radius and radius + shell along axes, diagonals, and towards other centres;
    points in the shell and anywhere in the box. Those that are not in the box are left out."""
    rng = np.random.default_rng(seed)
    dim = family.centres.shape[1]
    directions = [*np.eye(dim), *-np.eye(dim), np.ones(dim), -np.ones(dim), *rng.choice([-1.0, 1.0], (2, dim))]
    directions += list(rng.standard_normal((2, dim)))
    reach = [family.radius, family.radius + family.shell, family.radius + family.shell * rng.random()]
    points = [*family.centres, family.low, family.high, *rng.uniform(family.low, family.high, (5, dim))]
    for i, c in enumerate(family.centres):
        others = [other - c for k, other in enumerate(family.centres) if k != i and np.any(other != c)]
        for direction in [*directions, *others]:
            unit = direction / norm(direction, p)
            points += [c + r * unit for r in reach]
    x = np.array(points)
    return x[np.all((x >= family.low) & (x <= family.high), axis=1)]


def beyond(family: Family, x: np.ndarray, p: float, reach: Fraction) -> np.ndarray:
    """Exact signs of `‖x - c_i‖_p - reach`, shape (points, centres): in floats where they decide, else in fractions."""
    difference = norm(x[:, None] - family.centres[None], p) - float(reach)
    signs = np.sign(difference).astype(int)
    for k, i in np.argwhere(np.abs(difference) < 1e-9 * family.scale):
        signs[k, i] = sign_beyond(x[k], family.centres[i], p, reach)
    return signs


def sign_beyond(x: np.ndarray, c: np.ndarray, p: float, reach: Fraction) -> int:
    steps = [abs(a - b) for a, b in zip(rationals(x), rationals(c), strict=True)]
    if p == int(p) if p < math.inf else False:
        left, right = sum((s ** int(p) for s in steps), Fraction(0)), reach ** int(p)
    elif math.isinf(p) or np.count_nonzero(steps) <= 1:
        left, right = max(steps), reach
    else:
        with mpmath.workdps(60):
            exponent = mpmath.mpf(p)
            excess = sum(_mpf(s) ** exponent for s in steps) / _mpf(reach) ** exponent - 1
            # What 50 digits do not tell apart is treated as on the rim, where both properties are claimed.
            return int(mpmath.sign(excess)) if abs(excess) > mpmath.mpf(10) ** -50 else 0
    return (left > right) - (left < right)


def _mpf(x: Fraction) -> mpmath.mpf:
    return mpmath.mpf(x.numerator) / mpmath.mpf(x.denominator)


def assert_exact(family: Family, p: float, method: str, seed: int) -> tuple[int, int]:
    """How often the indicators had to be 1, and 0."""
    x = spots(family, p, seed)
    soft = np.maximum(family.build(p, method).network(x), 0.0)
    assert soft.shape == (len(x), len(family.centres))
    assert soft.max() <= 1
    on_ball = beyond(family, x, p, Fraction(family.radius)) <= 0
    off_shell = beyond(family, x, p, Fraction(family.radius) + Fraction(family.shell)) >= 0
    for fault, where in (("1 on the ball", on_ball & (soft != 1)), ("0 off the shell", off_shell & (soft != 0))):
        for k, i in np.argwhere(where):
            raise AssertionError(f"{soft[k, i]} is not {fault}, at {x[k]} for the centre {family.centres[i]}")
    return int(on_ball.sum()), int(off_shell.sum())


# -- what they compute


@pytest.mark.parametrize(("p", "method"), ALL)
@given(family=families(), seed=st.integers(0, 100))
def test_one_on_the_ball_and_zero_off_the_shell(p: float, method: str, family: Family, seed: int) -> None:
    assume(family.shell >= least_shell(family, p))
    ones, _ = assert_exact(family, p, method, seed)
    assert ones >= len(family.centres)


@pytest.mark.parametrize(("p", "method"), ALL)
@given(family=families(), seed=st.integers(0, 100), factor=st.sampled_from([1.0, 2.0, 1000.0]))
def test_shells_as_tiny_as_rounding_allows(p: float, method: str, family: Family, seed: int, factor: float) -> None:
    """Shells at the least width for which the builder's reserve covers the rounding of the evaluation."""
    shell = (1.0 if is_power(p) else factor) * least_shell(family, p)
    # For p = 2 and tiny balls it is a square root of the rounding: below 2e-5, times the factor.
    assert shell < 0.02
    family = Family(family.centres, family.radius, shell, family.low, family.high)
    assert_exact(family, p, method, seed)


@pytest.mark.parametrize(("p", "method"), ALL)
def test_touching_balls_of_two_centres(p: float, method: str) -> None:
    """Radius and shell at their limit 2 radius + shell = distance: each indicator is 0 on the other's whole ball."""
    for direction in (np.array([1.0, 0.0]), np.array([1.0, 1.0]), np.array([3.0, -4.0])):
        unit = direction / norm(direction, p)
        # Halfway less a little for p = 2, where the unit vectors are not dyadic.
        for radius in (0.125, 0.375, 0.5 - 1e-6):
            shell = 1 - 2 * radius - (0 if p in (1, math.inf) else 1e-9)
            centres = np.array([np.zeros(2), unit])
            family = Family(centres, radius, shell, np.full(2, -2.0), np.full(2, 2.0))
            network = family.build(p, method).network
            ends = np.array([(1 - radius) * unit, radius * unit])
            values = np.maximum(network(np.vstack([centres, ends])), 0.0)
            assert values[:2].tolist() == [[1.0, 0.0], [0.0, 1.0]]
            # Where the two balls are nearest to each other.
            assert values[2:].tolist() == [[0.0, 1.0], [1.0, 0.0]]
            assert_exact(family, p, method, seed=0)


@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize("p", [1.0, math.inf])
def test_the_ramp_is_the_middle_half_of_the_shell(p: float, method: str) -> None:
    """A ramp half as wide would keep the two exact properties; here every value between is pinned."""
    f = (
        Family(np.array([[0.5, 0.25]]), 0.25, 0.5, np.array([-1.0, -1.0]), np.array([2.0, 2.0]))
        .build(p, method)
        .network
    )
    steps = np.array([0.0, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0])
    x = np.array([0.5, 0.25]) + steps[:, None] * np.array([1.0, 0.0])
    assert np.maximum(f(x)[:, 0], 0).tolist() == [1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("p", [1.5, 3.0, math.pi, 30.0])
@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_the_ramp_of_the_powers(p: float, method: str) -> None:
    """For other p it lies in the middle half of the shell, and is as steep there as ⅛ of the gap of the powers."""
    family = Family(np.array([[0.5, 0.25]]), 0.25, 0.5, np.array([-1.0, -1.0]), np.array([2.0, 2.0]))
    inner, outer = family.rims
    t = np.linspace(0.0, 0.9, 2000)
    value = np.maximum(family.build(p, method).network(family.centres + t[:, None] * np.array([1.0, 0.0]))[:, 0], 0)
    assert np.all(value[t <= inner] == 1)
    assert np.all(value[t >= outer] == 0)
    assert np.all(np.diff(value) <= 0)
    hinges, gap = interpolated_power(inner, outer, p, 2), power_gap(inner, outer, p)
    ideal = np.clip((1 - gap / 16 - hinges(t)) / (gap / 8), 0, 1)
    assert np.abs(value - ideal).max() <= 4 * rounding(family, p) / (gap / 8)
    assert np.count_nonzero((value > 0) & (value < 1)) >= 3


@pytest.mark.parametrize("p", [0.5, 0.0, -1.0, math.nan])
def test_an_exponent_below_1_is_refused(p: float) -> None:
    family = coincidence([[0.3, 0.6]], 0.1, 0.1, [0.0, 0.0], [1.0, 1.0])
    for method in ("shared", "per_point"):
        with pytest.raises(ValueError, match="p >= 1, got p="):
            family.build(p, method)


@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_the_ramp_of_the_squares(method: str) -> None:
    """For p = 2 it takes the middle half of the gap of the squares, moved outside-in by at most 1/8 of the gap."""
    family = Family(np.array([[0.5, 0.25]]), 0.25, 0.5, np.array([-1.0, -1.0]), np.array([2.0, 2.0]))
    gap = 0.75**2 - 0.25**2
    distance = np.linspace(0.0, 0.9, 200)
    x = family.centres + distance[:, None] * np.array([0.6, 0.8])
    ideal = 1 - (distance**2 - 0.25**2 - gap / 4) / (gap / 2)
    value = family.build(2.0, method).network(x)[:, 0]
    rounded = 2 * rounding(family, 2.0) / gap
    assert np.all(value <= np.minimum(ideal, 1) + rounded)
    assert np.all(value >= np.minimum(ideal - 1 / 4, 1) - rounded)


@pytest.mark.parametrize(("p", "method"), ALL)
@given(family=families(), seed=st.integers(0, 100))
def test_direct_evaluation_is_the_network(p: float, method: str, family: Family, seed: int) -> None:
    """Both round the excess; a difference of them is at most twice the bound over the ramp, and 4 units."""
    built = family.build(p, method)
    x = spots(family, p, seed)
    soft = np.maximum(built.network(x), 0.0)
    rows, index = np.divmod(np.arange(soft.size), soft.shape[1])
    direct = built.direct(x[rows], index).reshape(soft.shape)
    assert np.all(np.abs(direct - soft) <= 2 * rounding(family, p) / ramp_width(family, p) + 4 * UNIT)


@pytest.mark.parametrize(("p", "method"), ALL)
def test_direct_evaluation_of_dyadic_data_is_the_network_exactly(p: float, method: str) -> None:
    family = Family(np.array([[0.0, 1.0], [0.5, 0.25]]), 0.5, 0.5, np.full(2, -2.0), np.full(2, 2.0))
    built = family.build(p, method)
    x = np.random.default_rng(0).integers(-128, 129, (400, 2)) / 64
    for i in range(2):
        expected = np.maximum(built.network(x)[:, i], 0.0)
        got = built.direct(x, np.full(len(x), i))
        if p == 2:
            # The gap 3/4 is no power of two, so the division rounds.
            assert np.all(np.abs(got - expected) <= 4 * UNIT)
        elif is_power(p):
            assert np.all(np.abs(got - expected) <= 2 * rounding(family, p) / ramp_width(family, p) + 4 * UNIT)
        else:
            assert got.tolist() == expected.tolist()
        assert np.count_nonzero((got > 0) & (got < 1)) > 0


# -- how large they are


def named(built: Indicators) -> dict[str, int]:
    return {symbol.name: value for symbol, value in built.values.items()}


def coincidence(centres: list[list[float]], radius: float, shell: float, low: list[float], high: list[float]) -> Family:
    return Family(np.array(centres), radius, shell, np.array(low), np.array(high))


@pytest.mark.parametrize(("p", "method"), ALL)
@given(family=families() | families(dyadic_only=True))
# Centres at 0, at ± the threshold 1/2 of p = 1 and ∞, and a bias of p = 1 that is exactly 0.
@example(family=coincidence([[0.0, 0.0]], 0.375, 0.5, [-1.0, -1.0], [1.0, 1.0]))
@example(family=coincidence([[0.5], [-0.5], [0.0]], 0.375, 0.5, [-2.0], [2.0]))
@example(family=coincidence([[0.5, 0.5], [0.0, 1.0]], 0.375, 0.5, [0.25, 0.25], [2.0, 2.0]))
# A corner with one or all coordinates 0, where the linear part of the squares vanishes.
@example(family=coincidence([[1.0, 1.0], [1.5, 1.0]], 0.5, 0.5, [0.0, 0.0], [3.0, 2.0]))
@example(family=coincidence([[1.0, 0.0], [1.5, 1.0]], 0.5, 0.5, [0.0, -1.0], [3.0, 2.0]))
# -low / width = 1/2, so the bias of the first tent vanishes; and ‖c‖² - 2⟨c, low⟩ = the threshold of p = 2.
@example(family=coincidence([[0.25]], 0.25, 0.5, [-1.0], [1.0]))
@example(family=coincidence([[0.5]], 0.5, 0.0625, [-0.25], [1.75]))
@example(family=coincidence([[2.0, 0.0], [0.0, 2.0]], 1.0, 1.0, [-0.5625, -0.5625], [4.0, 4.0]))
def test_the_formula_counts_the_nonzeros(p: float, method: str, family: Family) -> None:
    built = family.build(p, method)
    assert built.formula.subs(built.values) == built.network.nonzero
    if method == "per_point":
        # The sketch is the count of this very network, the entries that happen to be 0 included.
        assert built.sketch.subs(built.values) - named(built)["Z"] == built.network.nonzero


@pytest.mark.parametrize(("p", "method"), ALL)
@given(family=families(dyadic_only=True))
def test_the_formula_counts_without_coincidences(p: float, method: str, family: Family) -> None:
    """Shifted off the grid nothing vanishes, and Z is 0: the formula is the promised one, not one that Z repairs."""
    shift = np.array([0.0123, 0.0234, 0.0345, 0.0456])[: family.centres.shape[1]]
    family = Family(family.centres + shift, family.radius, family.shell, family.low - 0.1, family.high + 0.2)
    built = family.build(p, method)
    assert named(built)["Z"] == 0
    assert built.formula.subs(built.values) == built.network.nonzero
    assert {symbol.name for symbol in built.formula.free_symbols} <= {symbol.name for symbol in built.values}


def test_the_formula_would_notice_one_neuron() -> None:
    f = coincidence([[0.3, 0.6]], 0.1, 0.1, [0.1, 0.1], [0.9, 0.9])
    for p, method in ALL:
        built = f.build(p, method)
        more = {symbol: value + (symbol.name == "n") for symbol, value in built.values.items()}
        assert built.formula.subs(more) > built.network.nonzero


@pytest.mark.parametrize("p", EXPONENTS)
def test_both_methods_are_compared_with_the_same_sketch(p: float) -> None:
    family = coincidence([[0.3, 0.6], [0.7, 0.1]], 0.1, 0.1, [-0.1, -0.1], [1.0, 1.0])
    shared, own = family.build(p, "shared"), family.build(p, "per_point")
    assert shared.sketch.subs(shared.values) == own.network.nonzero


@pytest.mark.parametrize(("p", "method"), ALL)
@given(family=families())
def test_the_shared_layers_do_not_grow_with_the_centres(p: float, method: str, family: Family) -> None:
    twice = Family(np.vstack([family.centres] * 2), family.radius, family.shell, family.low, family.high)
    one, two = family.build(p, method), twice.build(p, method)
    assert one.shared == two.shared
    assert one.shared < one.network.depth
    size = len(family.centres)
    widths = list(zip(one.network.widths[1:], two.network.widths[1:], strict=True))
    assert all(a == b for a, b in widths[: one.shared])
    assert all(a < b for a, b in widths[one.shared :])
    assert widths[-1] == (size, 2 * size)


def test_a_shared_centre_costs_one_weight_a_coordinate() -> None:
    """The coefficient of n d is 1 for every p, against 6, 6, 7 m + 4 and 4 s + 3 in the sketch."""
    for p in EXPONENTS:
        built = coincidence([[0.3, 0.6]], 0.1, 0.1, [0.0, 0.0], [1.0, 1.0]).build(p, "shared")
        symbols = {symbol.name: symbol for symbol in built.values}
        assert built.formula.expand().coeff(symbols["n"] * symbols["d"]) == 1


# -- one soft threshold


@given(dyadic(-4, 4), st.integers(-8, 8), dyadic(-16, 16, 6))
def test_soft_threshold_on_dyadic_numbers(threshold: float, exponent: int, t: float) -> None:
    shell = 2.0**exponent
    expected = min(max(1 - (t - threshold) / shell, 0.0), 1.0)
    assert soft_indicator(threshold, shell)(np.array([[t]])).item() == expected


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e3), st.floats(0, 2))
@example(threshold=0.0, shell=49.0, part=1.0)
def test_soft_threshold_is_exact_off_the_shell(threshold: float, shell: float, part: float) -> None:
    """Also where 1 / shell is rounded: 49 * (1 / 49) < 1 in float64."""
    f = soft_indicator(threshold, shell)
    end = Fraction(threshold) + Fraction(shell)
    beyond = math.nextafter(float(end), math.inf) + part * shell
    for t in (beyond, float(end) if Fraction(float(end)) >= end else beyond):
        assert f(np.array([[t]])).item() == 0.0
    for t in (threshold, threshold - part * shell):
        assert f(np.array([[t]])).item() == 1.0


def assert_exact_over_the_reals(threshold: float, shell: float) -> None:
    """1 at the threshold, 0 from `threshold + shell` on, which need be no float, and no steeper than float64 allows."""
    f, start, width = soft_indicator(threshold, shell), Fraction(threshold), Fraction(shell)
    assert rational_value(f, [start]) == [1]
    assert rational_value(f, [start - width]) == [1]
    for part in (1, 1 + Fraction(1, 2**60), 3):
        assert rational_value(f, [start + part * width]) == [0]
    slope = -float(f.layers[1].weight.item())
    assert Fraction(slope) >= 1 / width > Fraction(math.nextafter(slope, 0.0))
    middle = width * Fraction(5, 8)
    assert rational_value(f, [start + middle]) == [1 - Fraction(slope) * middle]


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e3))
@example(threshold=0.0, shell=3.0)
@example(threshold=0.0, shell=49.0)
@example(threshold=1.0, shell=1e-307)
@example(threshold=1.0, shell=1.7e308)
def test_soft_threshold_is_exact_over_the_reals(threshold: float, shell: float) -> None:
    assert_exact_over_the_reals(threshold, shell)


def test_soft_threshold_is_exact_over_the_reals_for_whole_shells() -> None:
    """Where `1 / shell` is rounded down, its product with the shell is 1 in float64 for some: 3, 5, 6, …"""
    for shell in range(1, 400):
        assert_exact_over_the_reals(0.0, float(shell))


@given(st.floats(-10, 10), st.floats(1e-3, 10), st.lists(st.floats(-30, 30), min_size=2, max_size=5, unique=True))
def test_soft_threshold_falls_at_most_by_1_over_shell(threshold: float, shell: float, places: list[float]) -> None:
    t = np.sort(np.array(places))
    value = soft_indicator(threshold, shell)(t[:, None])[:, 0]
    assert np.all((value >= 0) & (value <= 1))
    assert np.all(np.diff(value) <= 0)
    # The distance to the threshold (below 40) and its quotient by the shell are rounded.
    slack = 4 * UNIT * (40 / shell + 1)
    assert np.all(-np.diff(value) <= np.diff(t) / shell + slack)


def test_soft_threshold_has_two_neurons() -> None:
    f = soft_indicator(0.25, 0.5)
    assert (f.inputs, f.outputs, f.depth, f.neurons) == (1, 1, 3, 2)
    # Weights 1, -1/shell, 1 and biases -threshold, 1.
    assert f.nonzero == 5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: soft_indicator(0.0, 0.0), AssumptionError, "shell > 0, got shell=0.0"),
        (lambda: soft_indicator(0.0, -1.0), AssumptionError, "got shell=-1.0"),
        (lambda: soft_indicator(0.0, math.nan), AssumptionError, "got shell=nan"),
        (lambda: soft_indicator(0.0, math.inf), AssumptionError, "got shell=inf"),
        (lambda: soft_indicator(0.0, 1e-310), AssumptionError, "inverse is a float64, got shell=1e-310"),
        (lambda: soft_indicator(math.nan, 1.0), ValueError, "finite"),
        (lambda: soft_indicator(math.inf, 1.0), ValueError, "finite"),
    ],
)
def test_bad_soft_thresholds_are_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
