"""Flatness: brackets, averages, the plain search, and the loss change, on losses known in closed form."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from theory.generalization.flatness import (
    Flatness,
    PointwiseMaximum,
    flatness,
    gradient_norm,
    loss_change_lower_bound,
    maximum_by_search,
    ridge_smoothness,
)
from theory.witnesses.flatness import flatness_failure, oscillating_loss


def exact(values, radius=0.1, p=math.inf, unit_box=False) -> PointwiseMaximum:
    array = np.asarray(values, dtype=np.float64)
    return PointwiseMaximum(array, array, radius, p, unit_box)


def searched(values, radius=0.1) -> PointwiseMaximum:
    return PointwiseMaximum(np.asarray(values), np.full(len(values), math.inf), radius)


def test_local_is_the_average_on_the_sample_and_overall_the_one_on_the_population() -> None:
    found = flatness(exact([1.0, 3.0]), exact([4.0, 8.0, 12.0]))
    assert found == Flatness((2.0, 2.0), (8.0, 8.0), 0.1)
    assert found.ratio == (4.0, 4.0)


def test_a_search_leaves_the_upper_end_open() -> None:
    found = flatness(searched([2.0]), searched([6.0]))
    assert found.local == (2.0, math.inf)
    # Neither end of the ratio is known: 6 over something above 2, something above 6 over 2.
    assert found.ratio == (0.0, math.inf)
    assert flatness(exact([0.0]), exact([1.0])).ratio == (math.inf, math.inf)
    assert flatness(exact([0.0]), exact([0.0])).ratio == (0.0, math.inf)


@given(st.floats(1e-12, 1e3), st.floats(0.0, 10.0), st.floats(0.01, 0.99), st.integers(2, 6))
@example(1e-9, 0.125e9 * math.sqrt(0.5), 0.5, 2)
def test_the_witness_against_the_printed_bound_keeps_its_promise(constant, distribution_constant, failure, dim) -> None:
    """`left >= 3/4` and `right <= 1/4`; in the example the balls decide on the radius, at N = 2, and not the slope."""
    found = flatness_failure(constant, distribution_constant, failure, dim)
    assert found.density == 2**dim
    left = 1 - 2**dim * found.n * (4 * Fraction(found.radius)) ** dim
    assert left >= Fraction(3, 4)
    assert found.left == float(left)
    flatness = 2**dim * found.n * (6 * Fraction(found.radius)) ** dim / Fraction(found.radius)
    assert found.flatness == pytest.approx(float(flatness), rel=1e-12)
    offset = distribution_constant / math.sqrt(failure)
    right = constant * found.n ** (-1 / (dim + 2)) * (float(flatness) + offset)
    assert found.right == pytest.approx(right, rel=1e-12)
    assert found.right <= 0.25


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flatness_failure(1.0, 1.0, 0.25, 1024), "dim <= 1023"),
        (lambda: flatness_failure(1e200, 1e200, 0.25), "name less"),
        (lambda: flatness_failure(1.0, 1e308, 0.25), "name less"),
        (lambda: oscillating_loss(1e-200, 1e-200), "larger constant or radius"),
        (lambda: oscillating_loss(1.0, 1e-320), "larger constant or radius"),
    ],
)
def test_witnesses_beyond_floats_are_refused(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_witnesses_at_the_ends_of_the_floats() -> None:
    assert flatness_failure(1.0, 1.0, 0.25, 1023).density == 2.0**1023
    for constant, radius in ((1e-150, 1e-150), (1e300, 1e300), (1e-3, 1.7e308), (1e300, 1e-300)):
        found = oscillating_loss(constant, radius)
        assert found.periods % 2 == 0 < found.periods
        assert 2 * found.left <= constant * found.right * (1 + 1e-12)
        assert radius >= math.pi * found.amplitude * (1 - 1e-12)


def test_maxima_over_other_balls_are_not_compared() -> None:
    for other in (exact([1.0], radius=0.2), exact([1.0], p=2.0), exact([1.0], unit_box=True)):
        with pytest.raises(ValueError, match="the same balls"):
            flatness(exact([1.0]), other)


@pytest.mark.parametrize(
    ("lower", "upper", "radius", "p"),
    [
        ([], [], 0.1, 2.0),
        ([1.0], [0.5], 0.1, 2.0),
        ([math.nan], [1.0], 0.1, 2.0),
        ([1.0], [1.0], -0.1, 2.0),
        ([1.0], [1.0], math.nan, 2.0),
        ([1.0], [1.0], math.inf, 2.0),
        ([1.0], [1.0], 0.1, 0.5),
    ],
)
def test_malformed_maxima_are_refused(lower, upper, radius, p) -> None:
    with pytest.raises(ValueError, match="balls need"):
        PointwiseMaximum(np.array(lower, dtype=float), np.array(upper, dtype=float), radius, p)


def test_the_gradient_norm_is_dual() -> None:
    gradient = np.array([[3.0, -4.0]])
    assert [gradient_norm(gradient, p).item() for p in (math.inf, 2.0, 1.0)] == [7.0, 5.0, 4.0]


@given(st.integers(0, 10**6), st.sampled_from([1.0, 2.0, math.inf]), st.booleans())
def test_the_search_stays_in_the_ball_and_grows_towards_its_maximum(seed, p, unit_box) -> None:
    # ⟨w, x⟩ has the maximum ⟨w, x⟩ + δ‖w‖_q; any candidate outside a ball or the box would exceed it for some w.
    rng = np.random.default_rng(seed)
    dim = 2
    points, w = rng.random((5, dim)), rng.normal(size=dim)
    found = maximum_by_search(lambda x: x @ w, points, 0.3, rng, p=p, draws=200, unit_box=unit_box)
    steps = {math.inf: np.abs(w).sum(), 2.0: np.linalg.norm(w), 1.0: np.abs(w).max()}
    most = points @ w + 0.3 * steps[p]
    if unit_box:
        most = np.minimum(most, np.maximum(w, 0).sum())
    assert (found.lower >= points @ w).all()
    assert (found.lower <= most + 1e-12).all()
    if not unit_box:
        assert (found.lower >= points @ w + 0.4 * 0.3 * steps[p]).all()
    assert np.isinf(found.upper).all()


def test_one_search_serves_norms_of_gradients_and_changes_of_the_loss() -> None:
    # L = Σ x_j²: ‖∇L‖_1 = 2‖x‖_1, with maximum 2(‖x‖_1 + dδ) at a corner; draws = 0 leaves the centre.
    points = np.array([[0.5, 0.25], [0.0, 1.0]])

    def norms(x) -> np.ndarray:
        return gradient_norm(2 * x)

    rng = np.random.default_rng(0)
    assert maximum_by_search(norms, points, 0.5, rng, draws=0).lower.tolist() == [1.5, 2.0]
    found = maximum_by_search(norms, points, 0.5, rng, draws=500)
    assert (found.lower <= [3.5, 4.0]).all()
    assert (found.lower >= [3.2, 3.7]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measure": lambda x: x}, "shape"),
        ({"measure": lambda x: np.full(len(x), math.nan)}, "NaN: True"),
        ({"draws": -1}, "draws >= 0"),
        ({"points": np.array([[2.0]]), "unit_box": True}, "points in it"),
        ({"radius": -1.0}, "radius"),
    ],
)
def test_bad_searches_are_refused(change, message) -> None:
    arguments = {"measure": lambda x: x[:, 0], "points": np.array([[0.5]]), "radius": 0.1} | change
    with pytest.raises(ValueError, match=message):
        maximum_by_search(**arguments, rng=np.random.default_rng(0))


def test_the_smoothness_of_ridges_is_that_of_a_quadratic() -> None:
    # ψ = t²/2, c = 1: ∇L(x) - ∇L(z) = Σ a_j w_j ⟨w_j, x - z⟩; reached for one ridge at a corner.
    directions = np.array([[1.0, -2.0]])
    assert ridge_smoothness(directions, np.array([-3.0]), 1.0) == 27.0
    step = np.array([1.0, -1.0])
    assert np.abs(-3.0 * directions[0] * (directions[0] @ step)).sum() == 27.0


@pytest.mark.parametrize(
    ("norms", "radius", "smoothness"), [([-1.0], 0.1, 0.0), ([1.0], -1.0, 0.0), ([1.0], 0.1, math.nan)]
)
def test_bad_lower_bounds_are_refused(norms, radius, smoothness) -> None:
    with pytest.raises(ValueError, match=">= 0"):
        loss_change_lower_bound(np.array(norms), radius, smoothness=smoothness)


def test_changes_of_losses_at_large_radii() -> None:
    """The square of 1e200 is no float; without curvature it is not needed."""
    assert loss_change_lower_bound(np.ones(1), 1e200).tolist() == [1e200]
    assert ridge_smoothness(np.array([[1e-170]]), np.array([1e200]), 1.0) == pytest.approx(1e-140, rel=1e-12)


@pytest.mark.usefixtures("untyped")
def test_directions_of_small_integers_do_not_wrap_around() -> None:
    directions, amplitudes = np.array([[-128, 100]], dtype=np.int8), np.array([-128], dtype=np.int8)
    assert ridge_smoothness(directions, amplitudes, 1.0) == 128 * 228**2
