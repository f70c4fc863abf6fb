"""Fractions of numbers of every kind: none is rounded."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from theory.exact.rationals import exact, integers

LARGE = 2**53 + 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (LARGE, LARGE),
        pytest.param(-(10**400), -(10**400), id="beyond float64"),
        (np.int64(LARGE), LARGE),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.int8(-128), -128),
        (True, 1),
        (np.bool_(True), 1),
        (0.1, Fraction(3602879701896397, 2**55)),
        (np.float32(0.5), Fraction(1, 2)),
        (5e-324, Fraction(1, 2**1074)),
        (Fraction(1, 3), Fraction(1, 3)),
    ],
)
def test_every_number_is_itself(value: Any, expected: Any) -> None:
    cell = np.empty(1, dtype=object)
    cell[0] = value
    (found,) = exact(cell)
    assert type(found) is Fraction
    assert type(found.numerator) is int
    assert found == expected


@pytest.mark.usefixtures("untyped")
def test_arrays_and_lists_of_large_integers() -> None:
    assert exact([LARGE]).tolist() == [LARGE]  # type: ignore[arg-type]
    assert exact(np.array([[LARGE, -LARGE]])).tolist() == [[LARGE, -LARGE]]
    assert exact(np.array([2**64 - 1], dtype=np.uint64)).tolist() == [2**64 - 1]


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="no extended precision on this machine")
def test_extended_precision_is_not_rounded() -> None:
    (value,) = exact(np.array([1], dtype=np.longdouble) + np.array([2.0**-60], dtype=np.longdouble))
    assert value == 1 + Fraction(1, 2**60)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        exact(np.array([value]))


def test_integers_in_the_same_proportions() -> None:
    row = np.array([Fraction(LARGE, 3), Fraction(-1, 6), 0, LARGE], dtype=object)
    assert integers(row) == [2 * LARGE, -1, 0, 6 * LARGE]
    # Not by products of floats or of integers of 64 bits, which wrap around.
    assert integers(np.array([0.1, 1.0])) == [3602879701896397, 2**55]
    assert integers(np.array([2**62, 0.5], dtype=object)) == [2**63, 1]
    assert integers(np.array([0, 0])) == [0, 0]
