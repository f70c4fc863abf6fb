"""Factors as sums of two floats: how near they are, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.networks.real_factors import in_two, over_roots, reciprocals

PART = Fraction(1, 2**100)
sizes = st.floats(1e-100, 1e100)


def sums(parts: tuple[np.ndarray, ...]) -> list[Fraction]:
    return [sum(map(Fraction, one), Fraction(0)) for one in zip(*(part.tolist() for part in parts), strict=True)]


@given(st.lists(sizes, min_size=1, max_size=4).map(np.array))
def test_reciprocals_are_near(divisors: np.ndarray) -> None:
    for found, divisor in zip(sums(reciprocals(divisors)), divisors.tolist(), strict=True):
        assert abs(found * Fraction(divisor) - 1) <= PART


@given(sizes, sizes, st.floats(0, 1))
def test_roots_are_near(gain: float, variance: float, epsilon: float) -> None:
    (found,) = sums(over_roots(np.array([gain]), np.array([variance]), epsilon))
    true = Fraction(gain) ** 2 / (Fraction(variance) + Fraction(epsilon))
    assert abs(found**2 / true - 1) <= 3 * PART


def test_floats_need_one_part() -> None:
    assert [part.tolist() for part in reciprocals(np.array([[2.0, -0.25]]))] == [[[0.5, -4.0]]]
    assert len(reciprocals(np.array(3.0))) == 2
    assert [part.tolist() for part in over_roots(np.array([3.0]), np.array([3.75]), 0.25)] == [[1.5]]


def test_what_float64_takes_for_0_is_refused() -> None:
    """A third of 2^-1022 is no float, and what is left of it is 0 in float64: it has two parts nevertheless."""
    assert len(in_two([Fraction(1, 3 * 2**1022)])) == 2
    with pytest.raises(ValueError, match="must be within float64"):
        in_two([Fraction(0), Fraction(1, 2**1100)])
    with pytest.raises(ValueError, match=r"variances of a BatchNorm must be positive with its epsilon, got -0\.75"):
        over_roots(np.ones(1), -np.ones(1), 0.25)
