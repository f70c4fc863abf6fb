"""The rate of adversarial training: against plain gradient descent, also with a radius beyond α."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from theory.errors import AssumptionError
from theory.gaussian.convergence import direction_error_bound, limit_margin
from theory.gaussian.max_margin import max_margin_direction, noise_margin


def data(seed, n, dim, alpha) -> tuple[np.ndarray, np.ndarray]:
    """The `y_i x_i` of a sample with w* = e_1, and its noise."""
    noise = np.random.default_rng(seed).standard_normal((n, dim - 1))
    return np.hstack([np.full((n, 1), alpha), noise]), noise


def descend(signed, radius, step_size, stops) -> list[np.ndarray]:
    """Directions at the stops, by the definition: softmax weights, the ball's part off along w."""
    w, found = np.zeros(signed.shape[1]), []
    for step in range(1, max(stops) + 1):
        logits = -signed @ w
        weights = np.exp(logits - logits.max())
        length = np.linalg.norm(w)
        pull = weights / weights.sum() @ signed - (radius * w / length if length > 0 else 0.0)
        w = w + step_size * pull
        if step in stops:
            found.append(w / np.linalg.norm(w))
    return found


STOPS = (1, 3, 10, 30, 100, 300)


@pytest.mark.statement("theorem-5.1", form="repaired")
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 12), st.sampled_from([0.0, 0.5, 0.9]), st.booleans()
)
# The margin of one point, which is its length, is rounded above it.
@example(0, 1, 3, 0.0, True)
@example(0, 1, 3, 0.9, False)
def test_the_direction_is_as_near_as_the_rate_says(seed, n, dim, share, long_steps) -> None:
    signed, _ = data(seed, n, dim, 1.0)
    limit = max_margin_direction(signed, np.ones(n, int))
    margin, longest = float((signed @ limit).min()), float(np.linalg.norm(signed, axis=1).max())
    step_size = 1.0 if long_steps else 1 / longest**2
    radius = share * margin
    for step, direction in zip(STOPS, descend(signed, radius, step_size, STOPS), strict=True):
        bound = direction_error_bound(step, n, margin=margin, radius=radius, longest=longest, step_size=step_size)
        assert np.linalg.norm(direction - limit) <= bound


@pytest.mark.statement("theorem-5.1", form="repaired")
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(2, 20), st.sampled_from([0.5, 2.0]))
# The interior method multiplies 0 by ∞ on its way.
@example(43424, 10, 2, 0.5)
def test_the_margin_of_the_limit_is_a_hypotenuse(seed, n, dim, alpha) -> None:
    """û by active sets on the points, s* by an interior method on the noise."""
    signed, noise = data(seed, n, dim, alpha)
    labels = np.ones(n, int)
    margin = float((signed @ max_margin_direction(signed, labels)).min())
    bracket = noise_margin(noise, labels)
    assert limit_margin(bracket.lower, alpha) - 1e-8 <= margin <= limit_margin(bracket.upper, alpha) + 1e-8


@pytest.mark.statement("theorem-5.1", form="repaired")
def test_a_radius_between_alpha_and_the_margin_is_fine_and_one_above_is_not() -> None:
    """Six points in 40 dimensions, α = 1: δ = 0.8 of the margin, above α, trains to û; more than it is refused."""
    signed, noise = data(1, 6, 41, 1.0)
    labels = np.ones(6, int)
    margin, limit = limit_margin(noise_margin(noise, labels).lower, 1.0), max_margin_direction(signed, labels)
    longest = float(np.linalg.norm(signed, axis=1).max())
    radius = 0.8 * margin
    assert radius > 1.0
    (direction,) = descend(signed, radius, 0.02, (20_000,))
    bound = direction_error_bound(20_000, 6, margin=margin, radius=radius, longest=longest, step_size=0.02)
    assert np.linalg.norm(direction - limit) <= bound < 0.8
    with pytest.raises(AssumptionError, match="lower the radius"):
        direction_error_bound(10, 6, margin=margin, radius=1.1 * margin, longest=longest, step_size=0.02)


@pytest.mark.statement("theorem-5.1", form="repaired")
def test_long_steps_pay_for_their_length() -> None:
    """Six points, one step of η = 10: nearly half of the bound. Planted: with ln n alone the bound would be false."""
    signed, _ = data(233, 6, 2, 1.0)
    limit = max_margin_direction(signed, np.ones(6, int))
    margin, longest = float((signed @ limit).min()), float(np.linalg.norm(signed, axis=1).max())
    error = float(np.linalg.norm(descend(signed, 0.0, 10.0, (1,))[0] - limit))
    bound = direction_error_bound(1, 6, margin=margin, radius=0.0, longest=longest, step_size=10.0)
    assert 0.4 * bound < error < bound
    assert error > bound * math.sqrt(math.log(6) / (math.log(6) + 5 * longest**2))


def test_the_constants_by_hand() -> None:
    """n = 1: C is the half square of a step alone; R = γ = 2, δ = 1, η = 1, k = 1 give 2 · 9/2 · 1."""
    assert direction_error_bound(1, 1, margin=2.0, radius=1.0, longest=2.0, step_size=1.0) == pytest.approx(3.0)
    found = direction_error_bound(100, 7, margin=2.0, radius=0.5, longest=5.0, step_size=0.1)
    q = (math.log(7) + 0.1 * 5.5**2 / 2) * (1 + math.log(100)) / (0.1 * 1.5**2 * 100)
    assert found == pytest.approx(math.sqrt(2 * q), rel=1e-14)
    assert limit_margin(-3.0, 2.0) == 2.0
    assert limit_margin(3.0, 4.0) == 5.0


def test_a_margin_above_the_length_by_rounding_is_the_length() -> None:
    call = {"steps": 5, "n": 1, "longest": 3.0, "step_size": 0.1}
    exact = direction_error_bound(margin=3.0, radius=1.0, **call)
    for margin in (math.nextafter(3.0, 4.0), 3.0 * (1 + 9e-10)):
        assert direction_error_bound(margin=margin, radius=1.0, **call) == exact
    with pytest.raises(ValueError, match="no shorter"):
        direction_error_bound(margin=3.0 * (1 + 2e-9), radius=1.0, **call)
    # No direction is left for a radius that only the rounding leaves room for.
    with pytest.raises(AssumptionError, match="radius < margin"):
        direction_error_bound(margin=math.nextafter(3.0, 4.0), radius=3.0, **call)


def test_units_whose_squares_are_no_floats() -> None:
    """Of one point the bound has no unit; else it is that of a step in the units' square. ∞ is a bound."""
    plain = direction_error_bound(7, 1, margin=2.0, radius=0.5, longest=3.0, step_size=0.1)
    for unit in (1e-200, 1e200):
        scaled = {"margin": 2.0 * unit, "radius": 0.5 * unit, "longest": 3.0 * unit}
        assert direction_error_bound(7, 1, step_size=0.1, **scaled) == pytest.approx(plain, rel=1e-14)
    few = {"margin": 2.0, "radius": 0.0, "longest": 3.0}
    assert direction_error_bound(7, 4, margin=1e-200, radius=0.0, longest=1e200, step_size=1.0) == math.inf
    assert direction_error_bound(7, 4, step_size=5e-324, **few) == math.inf
    assert 0.0 < direction_error_bound(7, 4, step_size=1e300, **few) < math.inf


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"radius": 2.0}, AssumptionError, "radius < margin"),
        ({"radius": -0.1}, AssumptionError, "radius < margin"),
        ({"radius": math.nan}, AssumptionError, "radius < margin"),
        ({"steps": 0}, ValueError, "steps >= 1"),
        ({"n": 0}, ValueError, "n >= 1"),
        ({"longest": 1.0}, ValueError, "no shorter"),
        ({"step_size": 0.0}, ValueError, "step_size > 0"),
    ],
)
def test_bad_calls(change, kind, message) -> None:
    arguments = {"steps": 5, "n": 5, "margin": 2.0, "radius": 1.0, "longest": 3.0, "step_size": 0.1} | change
    with pytest.raises(kind, match=message):
        direction_error_bound(**arguments)


def test_a_margin_needs_a_scale() -> None:
    for margin, alpha in ((1.0, 0.0), (math.nan, 1.0), (1.0, math.inf)):
        with pytest.raises(ValueError, match="limit_margin needs"):
            limit_margin(margin, alpha)
