"""Scalars as they are given: what converts to float64 exactly is that number, the rest is refused by name."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from theory.arguments.scalars import read_exponent, read_scalar

EXACT = [
    (3, 3.0),
    (0.1, 0.1),
    (np.float16(0.4), 0.39990234375),
    (np.float32(8 / 255), float(np.float32(8 / 255))),
    (np.float64(0.1), 0.1),
    (np.longdouble(0.1), 0.1),
    (np.int8(-2), -2.0),
    (np.uint64(2**53), 2.0**53),
    (np.array(0.1), 0.1),
    (torch.tensor(0.1), float(np.float32(0.1))),
    (torch.tensor(0.1, dtype=torch.bfloat16, requires_grad=True), 0.10009765625),
    (torch.tensor(3), 3.0),
    (Fraction(3, 8), 0.375),
    (Decimal("0.375"), 0.375),
    (math.inf, math.inf),
    (Decimal("-Infinity"), -math.inf),
    (np.longdouble("inf"), math.inf),
]
NO_NUMBER = [True, np.True_, torch.tensor(True), "0.1", b"1", None, [0.1], (0.1,), 1j, np.complex128(1), np.array("a")]
NO_NUMBER += [
    float,
    np.ma.masked,
    np.ma.masked_array(3.0, mask=True),
    np.timedelta64(5, "ns"),
    np.datetime64("2020", "ns"),
]
NO_NUMBER += [torch.empty((), device="meta")]
NO_SCALAR = [np.array([0.1]), np.zeros((1, 1)), torch.tensor([0.1])]
INEXACT = [
    Decimal("0.3"),
    Fraction(1, 3),
    2**53 + 1,
    np.uint64(2**64 - 1),
    10**400,
    Decimal("1e400"),
    Decimal("1e-400"),
    Decimal("1e-999999999"),
]


@pytest.mark.parametrize(("value", "number"), EXACT)
def test_every_number_that_float64_holds_is_read_exactly(value: Any, number: float) -> None:
    assert type(read_scalar(value, "radius")) is float
    assert read_scalar(value, "radius") == number


@pytest.mark.parametrize("value", NO_NUMBER + NO_SCALAR, ids=repr)
def test_what_is_no_number_is_refused_with_its_type(value: Any) -> None:
    with pytest.raises(ValueError, match=f"(?s)radius must be one real number.*{type(value).__name__}"):
        read_scalar(value, "radius")


@pytest.mark.parametrize("value", INEXACT, ids=lambda v: repr(v)[:20])
def test_what_float64_does_not_hold_is_refused_and_not_rounded(value: Any) -> None:
    with pytest.raises(ValueError, match="shell must be a number that float64 holds exactly"):
        read_scalar(value, "shell")


@given(st.fractions())
def test_a_fraction_is_itself_or_refused(value: Fraction) -> None:
    try:
        assert Fraction(read_scalar(value, "radius")) == value
    except ValueError:
        assert Fraction(float(value)) != value


def test_exponents() -> None:
    assert read_exponent("inf") == math.inf
    assert read_exponent(np.float32(1.5)) == 1.5
    for wrong in (0.99, -math.inf, math.nan, "2", "Inf", None):
        with pytest.raises(ValueError, match=r"p"):
            read_exponent(wrong)
    with pytest.raises(ValueError, match=r"a number p >= 1, got p='linf': give a float, or \"inf\""):
        read_exponent("linf")
