"""Margins: closed forms against bisection and mixed-integer programming; the bracket against the exact minimum."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import jaxtyping
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.balls import backward, intervals
from theory.balls import small_margin as margin
from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.relaxation import margin_forms, margin_lower_bound
from theory.balls.small_margin import MarginBracket, affine_distance, affine_margin, margin_upper_bound, small_margin
from theory.layers import evaluate
from theory.roundoff import gamma
from theory.setting.losses import margins

EXPONENTS = (1.0, 1.5, 2.0, 3.0, np.inf)


@dataclass(frozen=True)
class Layer:
    weight: np.ndarray | sp.csr_array
    bias: np.ndarray


def random_net(rng, *widths) -> list[Layer]:
    return [Layer(rng.normal(size=(b, a)) / np.sqrt(a), 0.3 * rng.normal(size=b)) for a, b in pairwise(widths)]


def random_labels(rng, outputs, n) -> np.ndarray:
    return rng.choice([-1, 1], n) if outputs == 1 else rng.integers(0, outputs, n)


# --- affine -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p", "norm"), [(1.0, 4.0), (2.0, 5.0), (np.inf, 7.0)])
def test_affine_distance_of_a_plane(p, norm) -> None:
    # f = 3 x_1 - 4 x_2 + 1: dual norms 4, 5, 7. Planted fault it catches: p in place of q.
    weight, bias = np.array([[3.0, -4.0]]), np.array([1.0])
    x, y = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([1, 1])
    assert affine_distance(weight, bias, x, y, p).tolist() == [7.0 / norm, -3.0 / norm]
    assert affine_margin(weight, bias, x, y, 0.5, p).tolist() == [7.0 - norm / 2, -3.0 - norm / 2]


def test_affine_distance_of_three_classes_is_to_the_nearest_rival() -> None:
    weight, bias = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 4.0]]), np.array([0.0, -1.0, -3.0])
    # At 0: class 1 is 1 behind with gradient 1, class 2 is 3 behind with gradient 4.
    assert affine_distance(weight, bias, np.zeros((1, 2)), np.array([0]), 2.0).tolist() == [0.75]
    assert affine_margin(weight, bias, np.zeros((1, 2)), np.array([0]), 0.5, 2.0).tolist() == [0.5]
    # From class 2's side, misclassified: negative.
    assert affine_distance(weight, bias, np.zeros((1, 2)), np.array([2]), 2.0).tolist() == [-0.75]


def test_constant_classifiers() -> None:
    x, y = np.zeros((2, 1)), np.array([1, -1])
    assert affine_distance(np.zeros((1, 1)), np.array([2.0]), x, y, 2.0).tolist() == [np.inf, -np.inf]
    assert affine_distance(np.zeros((1, 1)), np.array([0.0]), x, y, 2.0).tolist() == [0.0, 0.0]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(EXPONENTS), st.sampled_from([1, 2, 4]))
def test_affine_distance_against_bisection(seed, p, outputs) -> None:
    """Along the best direction the margin vanishes at the distance; along no other before it."""
    rng = np.random.default_rng(seed)
    (layer,) = random_net(rng, 3, outputs)
    x = rng.normal(size=(1, 3))
    f = evaluate([layer], x)
    y = np.array([1 if f[0, 0] > 0 else -1]) if outputs == 1 else f.argmax(axis=1)
    distance = affine_distance(layer.weight, layer.bias, x, y, p)[0]
    assert distance > 0
    # Directions: random ones, and per rival the one that Hölder's inequality makes extremal.
    gradients = margin_forms(int(y[0]), outputs) @ layer.weight
    q = np.inf if p == 1 else 1.0 if np.isinf(p) else p / (p - 1)
    extremal = np.sign(gradients) * (
        np.abs(gradients) ** (q - 1) if q < np.inf else np.abs(gradients) == np.abs(gradients).max(1, keepdims=True)
    )
    directions = np.concatenate([-extremal, rng.normal(size=(200, 3))])
    directions /= np.linalg.norm(directions, ord=p, axis=1, keepdims=True)
    low, high = np.zeros(len(directions)), np.full(len(directions), 2 * distance)
    labels = np.repeat(y, len(directions))
    for _ in range(60):
        middle = (low + high) / 2
        right = margins(evaluate([layer], x + middle[:, None] * directions), labels) > 0
        low, high = np.where(right, middle, low), np.where(right, high, middle)
    # Rounding of f at the crossing, divided by its slope there: 1e-9 is generous for the slopes met.
    assert abs(high.min() - distance) <= 1e-9 * (1 + distance)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, np.inf]), st.sampled_from([1, 3]))
def test_affine_margin_against_the_mixed_integer_program(seed, p, outputs) -> None:
    rng = np.random.default_rng(seed)
    (layer,) = random_net(rng, 4, outputs)
    x, y = rng.normal(size=(1, 4)), random_labels(rng, outputs, 1)
    forms = margin_forms(int(y[0]), outputs)
    exact = min(minimum_over_ball([layer], x[0], 0.7, p, form)[0] for form in forms)
    assert abs(affine_margin(layer.weight, layer.bias, x, y, 0.7, p)[0] - exact) <= 1e-6


@given(st.integers(0, 2**32 - 1), st.sampled_from(EXPONENTS), st.sampled_from([1, 2, 5]), st.booleans())
def test_the_affine_bracket_is_closed_up_to_rounding(seed, p, outputs, sparse) -> None:
    rng = np.random.default_rng(seed)
    (layer,) = random_net(rng, 6, outputs)
    x, y, radius = rng.normal(size=(7, 6)), random_labels(rng, outputs, 7), float(rng.random())
    exact = affine_margin(layer.weight, layer.bias, x, y, radius, p)
    given_layer = Layer(sp.csr_array(layer.weight), layer.bias) if sparse else layer
    bracket = small_margin([given_layer], x, y, radius, p)
    # 6 + few operations on numbers below 100; the attack may give away 1e-9 of the radius.
    assert (bracket.lower <= exact + 100 * gamma(20)).all()
    assert (exact - bracket.lower <= 100 * gamma(400)).all()
    assert (bracket.upper >= exact - 100 * gamma(20)).all()
    assert (bracket.upper - exact <= 1e-7).all()
    assert (bracket.lower <= bracket.upper).all()


def test_distance_equal_to_the_radius_is_small() -> None:
    # The definition needs dist > radius strictly: f = 0 is an error. x_1 = 0.5 from the boundary, dyadic.
    layers = [Layer(np.array([[1.0, 0.0]]), np.array([0.0]))]
    x, y = np.array([[0.5, 3.0], [np.nextafter(0.5, 1), 3.0], [0.5 + 1e-13, 3.0]]), np.array([1, 1, 1])
    for p in EXPONENTS:
        assert 0 in small_margin(layers, x, y, 0.5, p).small
        # Not merely everything: a distance that exceeds the radius by rounding's reach is certified.
        assert 2 not in small_margin(layers, x, y, 0.5, p).small


# --- deep -------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, np.inf]), st.sampled_from([1, 3]))
def test_the_bracket_holds_the_exact_minimum(seed, p, outputs) -> None:
    rng = np.random.default_rng(seed)
    layers = random_net(rng, 3, 5, 5, outputs)
    x, y = rng.normal(size=(2, 3)), random_labels(rng, outputs, 2)
    bracket = small_margin(layers, x, y, 0.4, p)
    interval = margin_lower_bound(layers, x, y, 0.4, p, method="interval")
    assert (bracket.lower >= interval).all()
    for k in range(2):
        exact = min(minimum_over_ball(layers, x[k], 0.4, p, form)[0] for form in margin_forms(int(y[k]), outputs))
        # `exact` is reached by a point, so the sound bound is below it but for its own rounding; the
        # attack can be below it by the solver's tolerance.
        assert bracket.lower[k] <= exact + 1e-12
        assert bracket.upper[k] >= exact - 1e-5


@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 2.0, 3.0, np.inf]))
def test_attacked_points_lie_in_the_ball_over_the_reals(seed, p) -> None:
    rng = np.random.default_rng(seed)
    layers = random_net(rng, 4, 6, 3)
    x, y = rng.normal(size=(5, 4)) * 10.0 ** rng.integers(-3, 4), random_labels(rng, 3, 5)
    radius = float(rng.random()) * 10.0 ** rng.integers(-20, 3)
    reached = margin._attack(layers, x, y, radius, p, 5)
    for a, b in zip(reached, x, strict=True):
        size = [abs(Fraction(s) - Fraction(t)) for s, t in zip(a, b, strict=True)]
        if np.isinf(p):
            assert max(size) <= Fraction(radius)
        else:
            assert sum(s ** int(p) for s in size) <= Fraction(radius) ** int(p)


def test_the_attack_leaves_the_centre_and_uses_the_whole_ball() -> None:
    # Linear in the ball: the minimum is at its surface, and at a vertex for p = ∞.
    layers = [Layer(np.array([[1.0, -1.0]]), np.array([10.0])), Layer(np.ones((1, 1)), np.zeros(1))]
    x, y = np.array([[0.5, 0.25]]), np.array([1])
    assert margin._attack(layers, x, y, 0.25, np.inf, 1).tolist() == [[0.25, 0.5]]
    assert margin._attack(layers, x, y, 0.25, np.inf, 0).tolist() == x.tolist()
    for p, size in ((1.0, 1.0), (2.0, 2**0.5), (np.inf, 2.0)):
        bracket = small_margin(layers, x, y, 0.25, p)
        assert abs(bracket.upper[0] - (10.25 - 0.25 * size)) <= 1e-8
        assert abs(bracket.lower[0] - (10.25 - 0.25 * size)) <= 1e-12


def test_the_attack_follows_the_active_neurons_only() -> None:
    # f = σ(x) + 2 σ(-x): at 0.5 the slope is 1; without the ReLU's mask it would be 1 - 2 and lead upwards.
    layers = [Layer(np.array([[1.0], [-1.0]]), np.zeros(2)), Layer(np.array([[1.0, 2.0]]), np.zeros(1))]
    bracket = small_margin(layers, np.array([[0.5]]), np.array([1]), 0.25, np.inf)
    assert 0.25 <= bracket.upper[0] <= 0.25 + 1e-14


def deep_bracket(p) -> MarginBracket:
    rng = np.random.default_rng(6)
    layers = random_net(rng, 4, 12, 3)
    x = rng.normal(size=(60, 4))
    return small_margin(layers, x, evaluate(layers, x).argmax(axis=1), 0.3, p)


def crossings(p) -> int:
    """Number of points whose sound lower bound is above a margin that was reached."""
    bracket = deep_bracket(p)
    return int((bracket.lower > bracket.upper).sum())


@pytest.mark.parametrize("p", EXPONENTS)
def test_the_deep_bracket_is_in_order_and_says_something(p) -> None:
    bracket = deep_bracket(p)
    assert (bracket.lower <= bracket.upper).all()
    assert 0 < len(bracket.small_at_least) <= len(bracket.small) < 60
    assert set(bracket.small_at_least) <= set(bracket.small)


def test_swapped_exponents_in_the_bounds_are_caught(monkeypatch) -> None:
    for module in (backward, intervals):
        monkeypatch.setattr(module, "dual_exponent", lambda p: p)
    assert crossings(np.inf) > 0


def test_a_bound_at_half_the_radius_is_caught(monkeypatch) -> None:
    sound = margin.margin_lower_bound
    monkeypatch.setattr(
        margin, "margin_lower_bound", lambda layers, x, y, r, p, method: sound(layers, x, y, r / 2, p, method=method)
    )
    assert crossings(2.0) > 0


def test_the_bracket_counts_small_points_from_both_sides() -> None:
    bracket = MarginBracket(np.array([1.0, -1.0, -2.0, 0.0]), np.array([2.0, 1.0, -1.0, 0.0]))
    assert bracket.small.tolist() == [1, 2, 3]
    assert bracket.small_at_least.tolist() == [2, 3]
    assert bracket.n_small == (2, 3)


def test_blocks_change_nothing_but_rounding(monkeypatch) -> None:
    rng = np.random.default_rng(7)
    layers, x, y = random_net(rng, 3, 8, 2), rng.normal(size=(9, 3)), rng.integers(0, 2, 9)
    whole = small_margin(layers, x, y, 0.2, 2.0)
    monkeypatch.setattr(margin, "BLOCK_BYTES", 1)
    parts = small_margin(layers, x, y, 0.2, 2.0)
    assert np.abs(whole.upper - parts.upper).max() <= 1e-12


# --- bad calls --------------------------------------------------------------------------------------


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Let the functions' own checks speak: the shape annotations would refuse these calls first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


GOOD = dict(
    weight=np.ones((2, 3)), bias=np.zeros(2), points=np.zeros((2, 3)), labels=np.array([0, 1]), radius=0.1, p=2.0
)
BAD = [
    ({"points": np.zeros((0, 3)), "labels": np.zeros(0, int)}, "points need shape"),
    ({"points": np.zeros((2, 2))}, "points need shape"),
    ({"points": np.full((2, 3), np.nan)}, "finite"),
    ({"labels": np.array([0])}, "one a point"),
    ({"labels": np.array([0, 2])}, "0..1, got 2"),
    ({"bias": np.zeros(3)}, "bias"),
    ({"weight": np.full((2, 3), np.inf)}, "finite"),
    ({"weight": np.ones((1, 3)), "bias": np.zeros(1)}, "got 0 at row 0"),
    ({"p": 0.5}, "p >= 1, got p=0.5"),
    ({"p": np.nan}, "p >= 1, got p=nan"),
    ({"radius": -0.1}, "radius >= 0, got -0.1"),
    ({"radius": np.nan}, "radius >= 0, got nan"),
]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_calls(change, message) -> None:
    call = GOOD | change
    with pytest.raises(ValueError, match=message):
        affine_margin(**call)
    layers = [Layer(call.pop("weight"), call.pop("bias"))]
    with pytest.raises(ValueError, match=message):
        small_margin(layers, **call)


@pytest.mark.usefixtures("unchecked")
def test_bad_steps() -> None:
    call = {k: v for k, v in GOOD.items() if k not in ("weight", "bias")}
    with pytest.raises(ValueError, match="steps >= 0, got -1"):
        small_margin([Layer(GOOD["weight"], GOOD["bias"])], **call, steps=-1)


def test_the_exact_margin_of_weights_whose_squares_underflow() -> None:
    """w = (1e-200, 1e-200): 2e-200 at the point, and 5 √2 1e-200 less in its ball."""
    arguments = np.full((1, 2), 1e-200), np.zeros(1), np.ones((1, 2)), np.array([1])
    assert affine_margin(*arguments, 5.0, 2)[0] == pytest.approx((2 - 5 * np.sqrt(2)) * 1e-200, rel=1e-14)
    assert affine_distance(*arguments, 2)[0] == pytest.approx(np.sqrt(2), rel=1e-14)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, np.inf])
def test_numbers_that_overflow_leave_a_bracket(p: float) -> None:
    """f = 1 over the reals by 1e400 - 1e400, and a radius beyond which no float is: bounds that say less, no crash."""
    first, last = np.array([[1e200], [1e200]]), np.array([[1e200, -1e200]])
    found = small_margin([Layer(first, np.zeros(2)), Layer(last, np.ones(1))], np.ones((1, 1)), np.array([1]), 0.1, p)
    assert found.lower[0] <= 1 <= found.upper[0]
    line = [Layer(np.ones((1, 2)), np.ones(1))]
    for radius in (1e308, float(np.finfo(np.float64).max)):
        found = small_margin(line, np.array([[1e308, -1e308]]), np.array([1]), radius, p)
        assert found.lower[0] <= 1 - radius
        assert found.lower[0] <= found.upper[0]


@pytest.mark.parametrize("radius", [np.float32(0.25), np.array(0.25)])
def test_radii_of_other_types_are_read(radius: object) -> None:
    line = [Layer(np.ones((1, 2)), np.ones(1))]
    assert small_margin(line, np.zeros((1, 2)), np.array([1]), radius, "inf").lower[0] == pytest.approx(0.5, rel=1e-12)
    with pytest.raises(ValueError, match="float64 holds exactly"):
        small_margin(line, np.zeros((1, 2)), np.array([1]), Fraction(1, 3), "inf")


def test_distances_where_products_overflow_or_vanish() -> None:
    for w, x in ((1e200, 1e200), (1e-200, 1e-200), (1e300, 1e-300)):
        found = affine_distance(np.array([[w]]), np.zeros(1), np.array([[x]]), np.array([1]), 2)
        assert found[0] == pytest.approx(x, rel=1e-14)


@pytest.mark.usefixtures("untyped")
def test_upper_bounds_need_a_label_a_point() -> None:
    line = [Layer(np.ones((1, 1)), np.zeros(1))]
    for labels in (np.array([1]), np.array([1, 7, 1])):
        with pytest.raises(ValueError, match="labels"):
            margin_upper_bound(line, np.zeros((3, 1)), labels)


def test_points_in_single_precision_are_attacked_in_double() -> None:
    """`f = x + 0.1⁺` with `0.1⁺` just above the radius: positive on the ball, by 1.4e-17."""
    line = [Layer(np.ones((1, 1)), np.array([np.nextafter(0.1, 1)]))]
    found = small_margin(line, np.zeros((1, 1), dtype=np.float32), np.array([1]), 0.1, np.inf)
    assert found.upper[0] >= Fraction(float(np.nextafter(0.1, 1))) - Fraction(0.1)


@pytest.mark.parametrize("p", [1 + 2.0**-11, 1 + 2.0**-40])
def test_exponents_near_1_have_large_duals(p: float) -> None:
    """‖(1, 1)‖_q is nearly 1 for q = 2^11 + 1 and 2^40 + 1."""
    arguments = np.ones((1, 2)), np.ones(1), np.zeros((1, 2)), np.array([1])
    assert affine_distance(*arguments, p)[0] == pytest.approx(1, rel=1e-3)
    assert affine_margin(*arguments, 2.0, p)[0] == pytest.approx(-1, rel=1e-2)


def exact_gaps(
    weight: np.ndarray, bias: np.ndarray, x: np.ndarray, label: int
) -> list[tuple[Fraction, Fraction, Fraction]]:
    """For each rival the gap, the l_∞ norm of its weights, and the sum of the sizes of what adds up to the gap."""
    rows = [[*map(Fraction, row), Fraction(b)] for row, b in zip(weight.tolist(), bias.tolist(), strict=True)]
    point = [*map(Fraction, x.tolist()), Fraction(1)]
    if len(rows) == 1:
        forms = [[label * a for a in rows[0]]]
    else:
        rivals = [row for c, row in enumerate(rows) if c != label]
        forms = [[a - b for a, b in zip(rows[label], row, strict=True)] for row in rivals]
    terms = [[a * c for a, c in zip(form, point, strict=True)] for form in forms]
    return [(sum(t), max(map(abs, f[:-1])), sum(map(abs, t))) for f, t in zip(forms, terms, strict=True)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_affine_distances_and_margins_against_rationals_at_all_scales(seed: int, outputs: int, dim: int) -> None:
    """Each class, the point and the radius of a scale of its own; some biases are 0."""
    rng = np.random.default_rng(seed)

    def scaled(reach: int, *shape: int) -> np.ndarray:
        return np.asarray(np.ldexp(rng.standard_normal(shape), rng.integers(-reach, reach + 1, (shape[0], 1))))

    weight, x, radius = scaled(900, outputs, dim), scaled(100, 1, dim), abs(float(scaled(100, 1, 1)[0, 0]))
    bias = scaled(900, outputs, 1)[:, 0] * rng.integers(0, 2)
    label, error = int(rng.integers(outputs)) if outputs > 1 else 1, Fraction(1e-14)
    gaps = exact_gaps(weight, bias, x[0], label)
    (found,) = affine_margin(weight, bias, x, np.array([label]), radius, 1)
    rest = [(g - Fraction(radius) * n, error * (size + Fraction(radius) * n)) for g, n, size in gaps]
    assert min(m - off for m, off in rest) <= Fraction(found) <= min(m + off for m, off in rest)
    (found,) = affine_distance(weight, bias, x, np.array([label]), 1)
    low, high = (min((g + sign * error * size) / n for g, n, size in gaps) for sign in (-1, 1))
    largest = Fraction(np.finfo(float).max)
    assert low <= Fraction(found) <= high if np.isfinite(found) else max(abs(low), abs(high)) > largest / 2


def test_classes_of_other_scales_do_not_hide_a_rival() -> None:
    """`f_0 - f_1 = -1e-30 x` at -1, beside a third class with weights of 1e300."""
    arguments = np.array([[1e-30], [2e-30], [1e300]]), np.array([0.0, 0.0, -1e305]), np.array([[-1.0]]), np.array([0])
    assert affine_distance(*arguments, 2)[0] == pytest.approx(1.0, rel=1e-15)
    assert affine_margin(*arguments, 0.5, 2)[0] == pytest.approx(5e-31, rel=1e-15)


def test_margins_whose_weights_vanish_beside_the_bias() -> None:
    one, zero = np.array([1]), np.zeros((1, 1))
    assert affine_margin(np.array([[1e308]]), np.array([1e-15]), zero, one, 0.0, 2)[0] == 1e-15
    assert affine_margin(np.array([[1e-30]]), np.array([1e305]), zero, one, 1.0, 2)[0] == 1e305
    # The difference of the weights is no float: 2.7e308 over 1.7 2e308.
    twice = np.array([[1.7e308], [-1.7e308]]), np.array([1e308, -1e308]), np.ones((1, 1)), np.array([0])
    assert affine_distance(*twice, 2)[0] == pytest.approx(2.7 / 1.7, rel=1e-15)


@pytest.mark.usefixtures("untyped")
def test_weights_of_small_integers_do_not_wrap_around() -> None:
    weight, points = np.array([[100, 101, 102]], dtype=np.int8), np.array([[200, 150, 100]], dtype=np.uint8)
    found = affine_distance(weight, np.array([0.5]), points, np.array([1]), 2)
    # In rationals: (200·100 + 150·101 + 100·102 + ½) / √(100² + 101² + 102²).
    assert found[0] == pytest.approx(45350.5 / math.sqrt(30605), rel=1e-15)
