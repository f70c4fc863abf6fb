"""Bounds over balls against rational arithmetic, sampling, and each other.

Soundness is checked over the reals: `Fraction` is exact on floats. Each oracle is also run on a planted
fault, and has to catch it.
"""

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import jaxtyping
import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from tests.rational import is_inside
from theory import roundoff
from theory.balls import backward, cut_balls, intervals, prepared, propagation
from theory.balls.relaxation import (
    ball_bounds,
    form_lower_bounds,
    interval_bounds,
    interval_preactivations,
    linear_bounds,
    margin_forms,
    margin_lower_bound,
    preactivation_bounds,
)
from theory.layers import evaluate
from theory.roundoff import gamma, norm_upper_bound

EXPONENTS = (1.0, 1.5, 2.0, 3.0, np.inf)


@dataclass(frozen=True)
class Layer:
    weight: np.ndarray | sp.csr_array
    bias: np.ndarray


def random_net(rng, *widths) -> list[Layer]:
    return [Layer(rng.normal(size=(b, a)) / np.sqrt(a), 0.3 * rng.normal(size=b)) for a, b in pairwise(widths)]


@st.composite
def cases(draw) -> Any:
    """A network of up to three hidden layers, three ball centres, a radius."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    widths = draw(st.lists(st.integers(1, 7), min_size=2, max_size=5))
    layers = random_net(rng, *widths)
    return layers, rng.normal(size=(3, widths[0])), draw(st.sampled_from([0.0, 2.0**-6, 0.3, 1.0, 4.0])), rng


def ball_points(rng, centre, radius, p, count=200) -> np.ndarray:
    """Points of the ball: vertices of the box scaled into it, axes, the centre, random ones."""
    directions = np.concatenate(
        [
            rng.normal(size=(count, len(centre))),
            rng.choice([-1.0, 1.0], size=(count, len(centre))),
            np.eye(len(centre)),
            -np.eye(len(centre)),
        ]
    )
    directions /= np.linalg.norm(directions, ord=p, axis=1, keepdims=True)
    lengths = np.where(np.arange(len(directions)) % 3 == 0, rng.random(len(directions)), 1.0)[:, None]
    return np.concatenate([centre[None], centre + (1 - 1e-12) * radius * lengths * directions])


def evaluation_error(layers, x) -> np.ndarray:
    """Rounding bound of `evaluate`: γ_k times the network of absolute values, k the operations of a path."""
    size, k = np.abs(x), 0
    for layer in layers:
        size, k = size @ abs(layer.weight).T + np.abs(layer.bias), k + layer.weight.shape[1] + 2
    return gamma(2 * k) * size


def floor_float(value) -> float:
    """The largest float that is at most the rational number."""
    near = float(value)
    return near if Fraction(near) <= value else float(np.nextafter(near, -np.inf))


def dot(u, v) -> Fraction:
    return sum((Fraction(a) * Fraction(b) for a, b in zip(u, v, strict=True)), Fraction(0))


# --- sampling ---------------------------------------------------------------------------------------


def escapes(layers, centres, radius, p, rng, bounds) -> int:
    """Number of sampled outputs outside the bounds by more than the rounding of evaluating them."""
    lower, upper = bounds(layers, centres, radius, p)
    count = 0
    for k, centre in enumerate(centres):
        x = ball_points(rng, centre, radius, p)
        values, error = evaluate(layers, x), evaluation_error(layers, x)
        count += int(((values + error < lower[k]) | (values - error > upper[k])).sum())
    return count


@given(cases(), st.sampled_from(EXPONENTS), st.sampled_from([ball_bounds, linear_bounds]))
def test_no_point_of_the_ball_escapes_the_bounds(case, p, bounds) -> None:
    layers, centres, radius, rng = case
    assert escapes(layers, centres, radius, p, rng, bounds) == 0


@given(cases(), st.sampled_from(EXPONENTS))
def test_linear_bounds_are_never_looser(case, p) -> None:
    layers, centres, radius, _ = case
    for (low, high), (linear_low, linear_high) in zip(
        preactivation_bounds(layers, centres, radius, p, method="interval"),
        preactivation_bounds(layers, centres, radius, p, method="linear"),
        strict=True,
    ):
        assert (linear_low >= low).all()
        assert (linear_high <= high).all()
        assert (linear_low <= linear_high).all()


def test_linear_bounds_are_tighter_somewhere() -> None:
    # A relaxation that silently fell back to intervals would pass every soundness test.
    rng = np.random.default_rng(0)
    layers, centres = random_net(rng, 5, 20, 20, 3), rng.normal(size=(20, 5))
    low, high = ball_bounds(layers, centres, 0.1, np.inf)
    linear_low, linear_high = linear_bounds(layers, centres, 0.1, np.inf)
    assert ((linear_high - linear_low) < 0.7 * (high - low)).all()


def total_escapes(bounds, exponents) -> int:
    rng = np.random.default_rng(1)
    layers, centres = random_net(rng, 4, 6, 6, 2), rng.normal(size=(5, 4))
    return sum(escapes(layers, centres, 0.7, p, rng, bounds) for p in exponents)


def test_a_slope_on_the_wrong_side_is_caught(monkeypatch) -> None:
    assert total_escapes(linear_bounds, EXPONENTS) == 0
    lines = backward.relu_lines

    def lower_line_above(*bounds) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        low, _, offset = lines(*bounds)
        return low, low, 0.0 * offset

    def chord_through_the_origin(*bounds) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        low, high, offset = lines(*bounds)
        return low, high, 0.0 * offset

    def too_steep_below(*bounds) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        low, high, offset = lines(*bounds)
        return 2.0 * low, high, offset

    for fault in (lower_line_above, chord_through_the_origin, too_steep_below):
        monkeypatch.setattr(backward, "relu_lines", fault)
        assert total_escapes(linear_bounds, EXPONENTS) > 0


def test_the_norm_in_place_of_its_dual_is_caught(monkeypatch) -> None:
    for module in (backward, intervals):
        monkeypatch.setattr(module, "dual_exponent", lambda p: p)
    assert total_escapes(ball_bounds, [3.0, np.inf]) > 0
    assert total_escapes(linear_bounds, [3.0, np.inf]) > 0
    # For p < 2 the swap is sound but loose: the exactness oracle has to see it.
    assert exactness_faults(ball_bounds) > 0


# --- one affine layer, exactly ----------------------------------------------------------------------


def affine_gap(weight, bias, centre, radius, p, lower) -> Fraction:
    """Sign of `true minimum - lower` in rational arithmetic, for p in {1, 2, ∞}: >= 0 iff sound."""
    value = dot(weight, centre) + Fraction(bias) - Fraction(lower)
    size = [abs(Fraction(w)) for w in weight]
    if p == 2:  # value >= r ‖w‖_2 without square roots
        return min(value, value**2 - Fraction(radius) ** 2 * sum(s**2 for s in size))
    return value - Fraction(radius) * (max(size) if p == 1 else sum(size))


def exactness_faults(bounds) -> int:
    """How often one unstable neuron or affine map is bounded wrongly or loosely."""
    rng = np.random.default_rng(2)
    faults = 0
    for _ in range(20):
        weight, bias, centre = rng.normal(size=3), float(rng.normal()), rng.normal(size=3)
        for p, size in ((1.0, np.abs(weight).max()), (2.0, np.linalg.norm(weight)), (np.inf, np.abs(weight).sum())):
            low, high = bounds([Layer(weight[None], np.array([bias]))], centre[None], 0.5, p)
            value = weight @ centre + bias
            faults += abs(low[0, 0] - (value - 0.5 * size)) > 1e-13
            # σ(z) and its chord agree at the upper end, so -σ(z) has an exact minimum there.
            if 0 < value < 0.5 * size:
                net = [Layer(weight[None], np.array([bias])), Layer(np.array([[-1.0]]), np.zeros(1))]
                low, high = bounds(net, centre[None], 0.5, p)
                faults += abs(low[0, 0] + value + 0.5 * size) > 1e-13 or abs(high[0, 0]) > 1e-13
    return faults


def test_affine_maps_and_single_neurons_are_bounded_exactly() -> None:
    assert exactness_faults(ball_bounds) == 0
    assert exactness_faults(linear_bounds) == 0


@given(
    st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 2), min_size=1, max_size=8),
    st.floats(-1e3, 1e3),
    st.floats(0, 1e3),
    st.sampled_from([1.0, 2.0, np.inf]),
    st.sampled_from([(0, 0), (-200, 0), (-160, -160), (100, 0), (0, -200), (150, -150)]),
)
def test_affine_lower_bound_is_sound_over_the_reals_at_any_scale(pairs, bias, radius, p, exponents) -> None:
    # The scales make products and squares underflow or overflow.
    weight = np.array([w for w, _ in pairs]) * 10.0 ** exponents[0]
    centre = np.array([x for _, x in pairs]) * 10.0 ** exponents[1]
    radius = radius * 10.0 ** exponents[1]
    layers = [Layer(weight[None], np.array([bias]))]
    (low,), (high,) = ball_bounds(layers, centre[None], radius, p)
    if np.isfinite(low[0]):
        assert affine_gap(weight, bias, centre, radius, p, low[0]) >= 0
    if np.isfinite(high[0]):
        assert affine_gap(-weight, -bias, centre, radius, p, -high[0]) >= 0
    size = np.abs(weight) @ (np.abs(centre) + radius) + abs(bias)
    assert high[0] - low[0] <= 2 * radius * np.abs(weight).sum() + gamma(500) * size + 1e-140


# --- a true minimum of 0 ----------------------------------------------------------------------------


def zero_minimum_nets(count=60, seed=3) -> Iterator[tuple[str, list[Layer], np.ndarray, float, float, int]]:
    """Networks whose real minimum over B_p(centre, r) is <= 0, and as near to 0 as a float bias allows.

    Affine; two layers with every hidden neuron active; `b - σ(z)`, whose chord is exact where it counts;
    and two classes whose weights differ by an inexact subtraction. Radii keep x0 ± r inexact too.
    """
    rng = np.random.default_rng(seed)
    for k in range(count):
        d = int(rng.integers(1, 9))
        centre, radius = rng.normal(size=d), float(rng.random())
        p = [1.0, np.inf][k % 2]

        def minimum(weight, bias, centre=centre, radius=radius, p=p) -> Fraction:
            """Rational minimum of `weight · x + bias`; weights rational."""
            size = [abs(Fraction(w)) for w in weight]
            return dot(weight, centre) + bias - Fraction(radius) * (max(size) if p == 1 else sum(size))

        weight = rng.normal(size=d)
        bias = floor_float(-minimum(weight, Fraction(0)))
        yield "affine", [Layer(weight[None], np.array([bias]))], centre, radius, p, 1

        first = Layer(rng.normal(size=(4, d)), 40.0 + rng.random(4))
        second = rng.normal(size=4)
        rows = [[Fraction(second[i]) * Fraction(first.weight[i, j]) for i in range(4)] for j in range(d)]
        joined = [sum(column, Fraction(0)) for column in rows]
        bias = floor_float(-minimum(joined, dot(second, first.bias)))
        yield "active", [first, Layer(second[None], np.array([bias]))], centre, radius, p, 1

        # Largest σ(z) = largest z, made positive; the least may be of either sign.
        shift = float(rng.random()) - float(weight @ centre)
        bias = floor_float(-minimum(-weight, -Fraction(shift)))
        neuron = Layer(weight[None], np.array([shift]))
        yield "chord", [neuron, Layer(np.array([[-1.0]]), np.array([bias]))], centre, radius, p, 1

        pair = rng.normal(size=(2, d))
        difference = [Fraction(a) - Fraction(b) for a, b in zip(*pair, strict=True)]
        bias = floor_float(-minimum(difference, Fraction(0)))
        yield "classes", [Layer(pair, np.array([bias, 0.0]))], centre, radius, p, 0


def false_claims(method) -> dict[str, int]:
    """Kinds of the networks above for which the bound claims a positive margin, with their number."""
    claims = {"affine": 0, "active": 0, "chord": 0, "classes": 0}
    for kind, layers, centre, radius, p, label in zero_minimum_nets():
        bound = margin_lower_bound(layers, centre[None], np.array([label]), radius, p, method=method)
        claims[kind] += int(bound[0] > 0)
    return claims


@pytest.mark.parametrize("method", ["interval", "linear"])
def test_a_true_minimum_of_zero_is_never_certified(method, monkeypatch) -> None:
    assert not any(false_claims(method).values())
    # Planted fault: the same formulas without rounding bounds certify some of every kind.
    for module in (backward, cut_balls, prepared, roundoff):
        monkeypatch.setattr(module, "gamma", lambda *spent: 0.0)
    claims = false_claims(method)
    assert all(count > 0 for count in claims.values()), claims


def rounding_gaps(count=200) -> Iterator[tuple[str, Fraction]]:
    """`true minimum - bound` for sums without a bias, each with one source of rounding: a bound that
    omits it is above the truth. Values are rational numbers."""
    rng = np.random.default_rng(8)
    for _ in range(count):
        d = int(rng.integers(2, 6))
        low = rng.random(d)
        high = low + rng.random(d)

        # Interval: a sum of products over a box.
        weight = rng.normal(size=d)
        corner = np.where(weight > 0, low, high)
        bound = interval_bounds([Layer(weight[None], np.zeros(1))], low[None], high[None])[0]
        yield "interval", dot(weight, corner) - Fraction(bound[0, 0])

        # Merging forms with the last layer: their product cancels but for rounding.
        pair = rng.normal(size=(3, d))
        form = rng.normal(size=3)
        pair[2] = -(form[0] * pair[0] + form[1] * pair[1]) / form[2]
        joined = [dot(form, column) for column in pair.T]
        bound = form_lower_bounds([Layer(pair, np.zeros(3))], low[None], 0.0, 2.0, form[None])
        yield "forms", dot_rational(joined, low) - Fraction(bound[0, 0])

        # Backward pass: the same cancellation one layer down, active neurons (a non-negative layer).
        first = rng.random((3, d))
        form = np.array([1.0, 1.0, -1.0]) * (0.5 + rng.random(3))
        first[2] = -(form[0] * first[0] + form[1] * first[1]) / form[2]
        joined = [dot(form, column) for column in first.T]
        layers = [Layer(first, np.zeros(3)), Layer(form[None], np.zeros(1))]
        radius = float(low.min()) / 2
        bound = linear_bounds(layers, low[None], radius, np.inf)[0]
        truth = dot_rational(joined, low) - Fraction(radius) * sum(abs(v) for v in joined)
        yield "backward", truth - Fraction(bound[0, 0])


def dot_rational(u, v) -> Fraction:
    return sum((a * Fraction(b) for a, b in zip(u, v, strict=True)), Fraction(0))


def unsound(gaps) -> dict[str, int]:
    counts = {}
    for kind, gap in gaps:
        counts[kind] = counts.get(kind, 0) + int(gap < 0)
    return counts


def test_each_source_of_rounding_is_paid_for(monkeypatch) -> None:
    assert unsound(rounding_gaps()) == {"interval": 0, "forms": 0, "backward": 0}
    for module in (backward, cut_balls, prepared, roundoff):
        monkeypatch.setattr(module, "gamma", lambda *spent: 0.0)
    assert all(count > 0 for count in unsound(rounding_gaps()).values())


def test_dyadic_ties_are_not_certified_and_the_next_float_is() -> None:
    layers = [Layer(np.array([[1.0, -2.0]]), np.array([0.0]))]
    x, y = np.array([[0.5, -0.25]]), np.array([1])
    for p, distance in ((1.0, 0.5), (np.inf, 1.0 / 3.0)):
        assert margin_lower_bound(layers, x, y, distance, p)[0] <= 0
        assert margin_lower_bound(layers, x, y, distance * (1 - 1e-13), p)[0] > 0


# --- pieces -----------------------------------------------------------------------------------------

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(FLOATS, FLOATS)
def test_relu_lines_hold_exactly_at_the_ends_and_at_the_kink(a, b) -> None:
    lower, upper = min(a, b), max(a, b)
    with np.errstate(over="ignore", invalid="ignore"):
        low, high, offset = (float(v[0]) for v in backward.relu_lines(np.array([lower]), np.array([upper])))
    if not np.isfinite(offset):
        return
    for z in {lower, upper, min(max(0.0, lower), upper)}:
        relu = max(Fraction(z), Fraction(0))
        assert Fraction(low) * Fraction(z) <= relu <= Fraction(high) * Fraction(z) + Fraction(offset)


@given(
    st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=10),
    st.sampled_from([1.0, 1.0 + 2.0**-40, 1.25, 2.0, 3.0, 17.5, np.inf]),
)
def test_norm_upper_bound_is_above_and_near(row, p) -> None:
    bound = float(norm_upper_bound(np.array(row), p))
    with mpmath.workdps(60):
        size = [abs(mpmath.mpf(v)) for v in row]
        norm = max(size) if np.isinf(p) else mpmath.fsum(s ** mpmath.mpf(p) for s in size) ** (1 / mpmath.mpf(p))
        assert bound >= norm
        assert bound <= norm * (1 + mpmath.mpf(gamma(500))) + mpmath.mpf(1e-150)
    if not any(row):
        assert bound == 0


@given(cases())
def test_p_infinity_is_the_box(case) -> None:
    layers, centres, radius, _ = case
    # The boxes of ball_bounds are exact, these are rounded outwards: nested, and near.
    low, high = np.nextafter(centres - radius, -np.inf), np.nextafter(centres + radius, np.inf)
    for box, ball in zip(
        interval_preactivations(layers, low, high),
        preactivation_bounds(layers, centres, radius, np.inf, method="interval"),
        strict=True,
    ):
        assert np.abs(box[0] - ball[0]).max() <= 1e-11
        assert np.abs(box[1] - ball[1]).max() <= 1e-11


@given(cases(), st.sampled_from(EXPONENTS))
def test_radius_zero_encloses_the_value(case, p) -> None:
    layers, centres, _, _ = case
    values, error = evaluate(layers, centres), evaluation_error(layers, centres)
    for lower, upper in (ball_bounds(layers, centres, 0.0, p), linear_bounds(layers, centres, 0.0, p)):
        assert (lower <= values + error).all()
        assert (upper >= values - error).all()
        assert (upper - lower <= 400 * error + 1e-200).all()


@given(cases(), st.sampled_from(EXPONENTS))
def test_sparse_weights_give_the_dense_bounds(case, p) -> None:
    layers, centres, radius, rng = case
    thin = [Layer(np.where(rng.random(w.weight.shape) < 0.5, 0.0, w.weight), w.bias) for w in layers]
    sparse = [Layer(sp.csr_array(w.weight), w.bias) for w in thin]
    # Orders of summation differ, so both are within the rounding bound of one real number; the relu
    # slopes 0 and 1 may differ only at ties, which continuous weights do not have.
    size = evaluation_error(thin, np.abs(centres) + radius) * 400 + 1e-200
    for bounds in (ball_bounds, linear_bounds):
        for a, b in zip(bounds(thin, centres, radius, p), bounds(sparse, centres, radius, p), strict=True):
            assert (np.abs(a - b) <= size).all()


def test_small_blocks_change_nothing_but_rounding(monkeypatch) -> None:
    rng = np.random.default_rng(4)
    layers, x = random_net(rng, 5, 9, 8, 4), rng.normal(size=(11, 5))
    y = rng.integers(0, 4, 11)
    whole = margin_lower_bound(layers, x, y, 0.2, 2.0)
    for name in ("BLOCK_BYTES", "STEP_BYTES"):
        monkeypatch.setattr(propagation, name, 1)
    assert np.abs(margin_lower_bound(layers, x, y, 0.2, 2.0) - whole).max() <= 1e-12


def test_of_ten_classes_no_forms_of_all_balls_are_held_at_once() -> None:
    """The nine forms of each of these balls are 144 MB, of which a bound makes several."""
    rng = np.random.default_rng(4)
    layers, x, y = random_net(rng, 100, 10), rng.normal(size=(20_000, 100)), rng.integers(0, 10, 20_000)
    tracemalloc.start()
    margin_lower_bound(layers, x, y, 0.2, np.inf, method="interval")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_overflow_gives_infinite_bounds() -> None:
    layers = [Layer(np.full((2, 2), 1e200), np.zeros(2))] * 3
    for bounds in (ball_bounds, linear_bounds):
        lower, upper = bounds(layers, np.ones((1, 2)), 0.5, 2.0)
        assert (lower == -np.inf).all()
        assert (upper == np.inf).all()


def test_a_dead_row_stays_exactly_zero() -> None:
    # Rounding allowances must not wake rows without weights: their value is the bias.
    layers = [Layer(np.array([[0.0, 0.0], [1.0, 1.0]]), np.zeros(2))]
    lower, upper = ball_bounds(layers, np.ones((1, 2)), 0.5, np.inf)
    assert lower[0, 0] == upper[0, 0] == 0


# --- margins and forms ------------------------------------------------------------------------------


@given(cases(), st.sampled_from(EXPONENTS), st.sampled_from(["interval", "linear"]))
def test_margin_lower_bound_is_below_every_sampled_margin(case, p, method) -> None:
    layers, centres, radius, rng = case
    outputs = len(layers[-1].bias)
    labels = rng.choice([-1, 1], 3) if outputs == 1 else rng.integers(0, outputs, 3)
    lower = margin_lower_bound(layers, centres, labels, radius, p, method=method)
    for k, centre in enumerate(centres):
        x = ball_points(rng, centre, radius, p)
        gaps = evaluate(layers, x) @ margin_forms(int(labels[k]), outputs).T
        error = 4 * evaluation_error(layers, x).max(axis=1)
        assert (gaps.min(axis=1) + error >= lower[k]).all()


def test_margin_forms_are_the_differences_with_the_label() -> None:
    assert margin_forms(-1, 1).tolist() == [[-1.0]]
    assert margin_forms(1, 3).tolist() == [[-1.0, 1.0, 0.0], [0.0, 1.0, -1.0]]


def test_forms_are_merged_before_bounding() -> None:
    # Two equal outputs: their difference is 0, whatever the ball.
    rng = np.random.default_rng(5)
    first, *_ = random_net(rng, 3, 6)
    row = rng.normal(size=6)
    layers = [first, Layer(np.stack([row, row]), np.zeros(2))]
    for method in ("interval", "linear"):
        bound = form_lower_bounds(layers, rng.normal(size=(4, 3)), 1.0, 2.0, np.array([[1.0, -1.0]]), method=method)
        assert (bound <= 0).all()
        assert (bound >= -1e-12).all()


# --- bad calls --------------------------------------------------------------------------------------

GOOD = dict(points=np.zeros((2, 3)), labels=np.array([0, 1]), radius=0.1, p=2.0)
NET = [Layer(np.ones((4, 3)), np.zeros(4)), Layer(np.ones((2, 4)), np.zeros(2))]


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Let the functions' own checks speak: the shape annotations would refuse these calls first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize(
    ("layers", "change", "message"),
    [
        ([], {}, "at least one affine layer"),
        ([NET[0], NET[0]], {}, "layer 1 takes 3 inputs but layer 0 has 4 outputs"),
        ([Layer(np.ones((2, 3)), np.zeros(3))], {}, "layer 0 needs a weight of shape"),
        ([Layer(np.full((2, 3), np.nan), np.zeros(2))], {}, "layer 0 needs finite"),
        ([Layer(np.ones((2, 3)), np.array([0.0, np.inf]))], {}, "layer 0 needs finite"),
        (NET, {"points": np.zeros((0, 3))}, "points need shape"),
        (NET, {"points": np.zeros(3)}, "points need shape"),
        (NET, {"points": np.zeros((2, 4))}, "points need shape"),
        (NET, {"points": np.array([[0.0, np.nan, 0.0]] * 2)}, "finite coordinates"),
        (NET, {"labels": np.array([0])}, "one a point"),
        (NET, {"labels": np.array([0, 2])}, "0..1, got 2"),
        (NET, {"labels": np.array([-1, 1])}, "0..1, got -1"),
        ([NET[0], Layer(np.ones((1, 4)), np.zeros(1))], {}, "-1 and .1.*got 0"),
        (NET, {"labels": np.array([0.0, 1.0])}, "integers"),
        (NET, {"radius": -0.1}, "radius >= 0, got -0.1"),
        (NET, {"radius": np.nan}, "radius >= 0, got nan"),
        (NET, {"radius": np.inf}, "radius >= 0, got inf"),
        (NET, {"p": 0.5}, "p >= 1, got p=0.5"),
        (NET, {"p": np.nan}, "p >= 1, got p=nan"),
        (NET, {"method": "exact"}, "method must be"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_bad_calls(layers, change, message) -> None:
    with pytest.raises(ValueError, match=message):
        margin_lower_bound(layers, **(GOOD | change))


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (np.ones((1, 3)), np.zeros((1, 3)), "lower <= upper, got 1.0 > 0.0"),
        (np.zeros((1, 3)), np.zeros((2, 3)), "one shape"),
        (np.full((1, 3), -np.inf), np.zeros((1, 3)), "finite"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_bad_boxes(lower, upper, message) -> None:
    with pytest.raises(ValueError, match=message):
        interval_bounds(NET, lower, upper)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("forms", [np.ones((1, 3)), np.ones(2), np.full((1, 2), np.nan), np.ones((0, 2))])
def test_bad_forms(forms) -> None:
    with pytest.raises(ValueError, match="forms need finite values"):
        form_lower_bounds(NET, np.zeros((1, 3)), 0.1, 2.0, forms)


def test_a_repeated_sparse_entry_is_refused() -> None:
    twice = sp.csr_array((np.ones(2), np.zeros(2, int), np.array([0, 2])), shape=(1, 1))
    with pytest.raises(ValueError, match="sum_duplicates"):
        ball_bounds([Layer(twice, np.zeros(1))], np.zeros((1, 1)), 0.1, np.inf)


@pytest.mark.parametrize("p", [1.0, 1.25, 1.5, 2.0, 3.0, 100.0, np.inf])
def test_norms_of_subnormal_rows_are_bounded(p: float) -> None:
    """A relative allowance is lost where the norm is subnormal."""
    for unit in (5e-324, 2.2250738585e-313, 1e-308):
        for row in ([unit], [unit, unit], [3 * unit, unit, 7 * unit]):
            bound = float(norm_upper_bound(np.array([row]), p)[0])
            # One float less is no bound, or the bound is near it.
            assert is_inside([Fraction(v) for v in row], bound, p)


def test_boxes_in_single_precision_are_bounded_in_double() -> None:
    rng = np.random.default_rng(0)
    line = [Layer(np.eye(1), np.zeros(1))]
    for _ in range(200):
        corners = np.sort(rng.normal(size=(2, 1, 1)) * 1e-6, axis=0).astype(np.float32)
        low, high = interval_bounds(line, corners[0], corners[1])
        assert low[0, 0] <= corners[0, 0, 0]
        assert corners[1, 0, 0] <= high[0, 0]


@pytest.mark.parametrize("factor", [0.5, 1.4, -0.5, 3.0])
@pytest.mark.parametrize("bias", [5e-324, -5e-324, 1e-310])
def test_the_product_of_a_form_and_a_bias_may_underflow(factor: float, bias: float) -> None:
    constant = [Layer(np.zeros((1, 1)), np.array([bias]))]
    found = form_lower_bounds(constant, np.zeros((1, 1)), 0.0, np.inf, np.array([[factor]]), method="interval")[0, 0]
    assert Fraction(float(found)) <= Fraction(factor) * Fraction(bias)


def test_an_allowance_for_too_many_roundings_is_infinite_and_not_negative() -> None:
    assert gamma(2**52 - 1) > 0.99
    assert gamma(2**52) == gamma(2**60) == np.inf
