"""Bounds of probabilities that are positive stay so, and right to the last digit before the smallest float."""

import math

import pytest

from theory.gaussian.laws import separation_bound
from theory.gaussian.max_margin import angle_bounds, exact_limit_bound
from theory.gaussian.overlap import overlap_failure
from theory.gaussian.tails import union_bound
from theory.gaussian.target_conditions import failure_at, memorization_failure


def test_counts_of_exponentials() -> None:
    assert union_bound(3, 2.0) == 3 * math.exp(-2.0)
    assert union_bound(0, 5.0) == union_bound(0, 1e9) == 0.0
    assert union_bound(1, math.inf) == union_bound(1e10, 1e9) == math.ulp(0.0)
    # e^-760 is no float, and 1e40 of them are one; e^-740 has lost its digits.
    assert union_bound(10**40, 760.0) == pytest.approx(math.exp(40 * math.log(10) - 760), rel=1e-12)
    assert union_bound(1e20, 740.0) == pytest.approx(math.exp(20 * math.log(10) - 740), rel=1e-12)


def test_no_bound_of_the_model_says_that_nothing_can_happen() -> None:
    scales = {"alpha": 1e4, "beta": 1.0, "radius": 0.5, "b": 1e4}
    least = math.ulp(0.0)
    assert memorization_failure(20_001, 3, 1, **scales) == failure_at(3, 1, 2000.0) == least
    assert overlap_failure(20_001, 3, 1, **scales) == least
    assert angle_bounds(10, 10, 1.0, 50.0).failure == angle_bounds(10, 10, 1.0, 1e200).failure == least
    assert exact_limit_bound(5000, 10) == least
    assert separation_bound(20_001, 2, 1000.0).failure == least
    # Where there is nothing to happen, they do.
    assert memorization_failure(20_001, 3, 0, **scales) == separation_bound(20_001, 1, 10.0).failure == 0.0
