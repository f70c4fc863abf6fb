"""The two measures of section 4, by the loss itself."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.errors import AssumptionError
from theory.witnesses.local_measures import kink, two_readings


def loss(x: np.ndarray) -> np.ndarray:
    """Logistic, of f(x) = x at label +1."""
    return np.logaddexp(0, -x)


@pytest.mark.statement("definition-maximum-gradient-norm", form="printed")
def test_the_slopes_on_both_sides_of_the_kink_are_those_of_the_loss() -> None:
    found, h = kink(), 2.0**-20
    at, before, after = (float(loss(np.maximum(found.point + step, 0))) for step in (0, -h, h))
    assert (at - before) / h == found.left
    assert (after - at) / h == pytest.approx(found.right, abs=1e-5)


@pytest.mark.statement("definition-maximum-loss-change", form="printed")
@given(st.floats(1e-3, 1.0))
def test_the_two_maxima_are_those_over_the_two_sets(radius: float) -> None:
    found = two_readings(radius)
    steps = np.linspace(-radius, radius, 201)
    assert np.max(loss(steps) - loss(np.zeros(1))) == pytest.approx(found.over_ball, rel=1e-9)
    inside = np.linspace(0, radius, 201)
    assert np.max(loss(inside) - loss(np.zeros(1))) == found.in_cube == 0
    assert found.over_ball > 0.4 * radius


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan, math.inf])
def test_a_radius_at_which_the_two_sets_are_one_is_refused(radius: float) -> None:
    with pytest.raises((AssumptionError, ValueError)):
        two_readings(radius)
