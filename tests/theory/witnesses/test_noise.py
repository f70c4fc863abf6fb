"""Data of section 5 that are not what is said of them, and the class of one classifier."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm as normal

from theory.errors import AssumptionError
from theory.witnesses.noise import accuracy_lost_at_small_margin, twins_of_the_population
from theory.witnesses.sizes import equal_sizes, one_labelling


@pytest.mark.statement("claim-linear-data-separation", form="printed")
@given(st.integers(2, 500), st.floats(1e-3, 1.0), st.integers(0, 1000))
def test_the_twins_are_of_the_law_and_near(dim: int, beta: float, seed: int) -> None:
    found = twins_of_the_population(dim, beta, 2 * beta, seed)
    assert (found.labels * found.points[:, 0]).tolist() == [beta, beta]
    assert np.array_equal(found.points[0, 1:], found.points[1, 1:])
    assert found.points[0, 1:].any()
    assert found.distance == pytest.approx(2 * beta, rel=1e-12)
    assert found.distance < found.diameter


@pytest.mark.statement("claim-small-margin-transfer", form="printed")
@given(st.floats(0.1, 100), st.floats(101, 1e4))
def test_the_errors_are_those_of_a_classifier_at_the_angle(alpha: float, ratio: float) -> None:
    """The projection of x on a direction at the angle θ is `y c cos θ + g sin θ`, g normal."""
    found = accuracy_lost_at_small_margin(alpha, alpha / ratio)
    for scale, error in ((alpha, found.large_error), (alpha / ratio, found.small_error)):
        assert error == pytest.approx(normal.cdf(-scale * math.cos(found.angle) / math.sin(found.angle)), rel=1e-6)
    assert found.large_error < 1e-23
    assert found.small_error > 0.46


@pytest.mark.parametrize(
    "call",
    [
        lambda: twins_of_the_population(1, 0.1, 0.5),
        lambda: twins_of_the_population(9, 0.5, 0.5),
        lambda: accuracy_lost_at_small_margin(1.0, 0.1),
        lambda: accuracy_lost_at_small_margin(math.nan, 0.1),
    ],
)
def test_other_data_are_refused(call) -> None:
    with pytest.raises((AssumptionError, ValueError)):
        call()


@pytest.mark.statement("claim-capacity", form="printed")
def test_the_class_is_robust_and_has_one_labelling() -> None:
    found = one_labelling()
    assert found.robust_error == 0
    assert found.patterns.tolist() == [found.labels.tolist()] == [equal_sizes().labels.tolist()]
    assert found.shattered == 0
