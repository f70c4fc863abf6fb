"""The samples against Theorem 5.2 and the limit, by the definitions of section 5."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from theory.errors import AssumptionError
from theory.gaussian.mixed_model import MixedModel, margin_certificate
from theory.gaussian.target_conditions import target_conditions
from theory.setting.separation import separation
from theory.witnesses.mixed_model import half_space_of_a_neuron, zero_in_a_ball

printed = pytest.mark.statement("theorem-5.2", form="printed")
limit = pytest.mark.statement("claim-linear-limit", form="printed")


@printed
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.floats(0, 10))
def test_no_parameters_are_right_on_the_ball_that_holds_0(seed: int, neurons: int, threshold: float) -> None:
    found = zero_in_a_ball(1.0, 4.0, 0.1)
    rng = np.random.default_rng(seed)
    model = MixedModel(rng.normal(size=2), rng.normal(size=(neurons, 2)), rng.normal(size=neurons), threshold)
    assert model(np.zeros((1, 2))).tolist() == [0.0]
    near = np.linalg.norm(found.points, axis=1) <= found.radius
    assert near.tolist() == [True, False, False]
    assert found.least_error == 1 / 3


@printed
def test_the_sample_is_one_of_the_paper() -> None:
    """Scales β, α, α along w* = e_1, β < δ < α, and the labels more than 2 δ apart."""
    found = zero_in_a_ball(1.0, 4.0, 0.1)
    assert (found.labels * found.points[:, 0]).tolist() == [0.1, 4.0, 4.0]
    assert separation(found.points, found.labels, 2.0).distance > 2 * found.radius


@printed
def test_random_points_have_0_in_their_ball_as_often_as_is_said() -> None:
    found = zero_in_a_ball(1.0, 4.0, 0.1)
    noise = np.random.default_rng(0).standard_normal(10_000)
    hits = int((np.hypot(0.1, noise) <= found.radius).sum())
    assert binom.sf(hits - 1, 10_000, found.probability) >= 1e-6
    assert binom.cdf(hits, 10_000, found.probability) >= 1e-6


@pytest.mark.parametrize(
    ("radius", "alpha", "beta"), [(1.0, 1.0, 0.1), (1.0, 4.0, 0.6), (1.0, 4.0, 0.0), (math.nan, 4, 1)]
)
def test_a_sample_that_is_none_of_the_paper_is_refused(radius: float, alpha: float, beta: float) -> None:
    with pytest.raises((AssumptionError, ValueError)):
        zero_in_a_ball(radius, alpha, beta)


@limit
@given(st.floats(6, 1e3))
def test_the_limit_meets_its_conditions_and_differs_in_sign(noise: float) -> None:
    found = half_space_of_a_neuron(noise)
    x, y = found.far
    assert found.value_of_f_star == pytest.approx(x + max(noise * y - noise**2 / 2, 0), rel=1e-12)
    # No ball of the sample reaches the point, so f_adv is f_clean there.
    assert np.linalg.norm(found.points - found.far, axis=1).min() > 2.0
    assert found.value_of_f_adv == x
    assert found.signs == (1, -1)
    conditions = target_conditions(
        found.points, np.array([True, False, False]), np.array([[0.0, noise]]), alpha=4.0, beta=0.125, radius=2.0,
        b=noise**2 / 2,
    )  # fmt: skip
    assert conditions.hold
    assert (margin_certificate(found.f_star, found.points, found.labels, 2.0) > 0).all()
    assert separation(found.points, found.labels, 2.0).distance > 4.0


@pytest.mark.parametrize("noise", [5.9, math.nan, math.inf, -6.0])
def test_noise_that_is_too_short_is_refused(noise: float) -> None:
    with pytest.raises((AssumptionError, ValueError)):
        half_space_of_a_neuron(noise)
