"""Radii, shells and exponents as they are given: any number that float64 holds exactly, and nothing else.

A claim about a ball is about one radius. A `Decimal("0.3")` that was silently rounded to a float would make it a claim
about another ball, so what does not convert exactly is refused by name.
"""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

# Subnormal numbers have up to 1,075 decimals, none of them before the 323rd.
_DECADES = 400


def read_scalar(value: Any, name: str) -> float:
    """The number as a float, exactly; infinities and NaN pass, for the caller to judge.

    Args:
        value: a Python, numpy or torch number, an array or tensor of no axis, a `Fraction` or `Decimal`.
        name: of the argument, for the message.

    Raises:
        ValueError: for anything else, or for a number that no float64 equals.
    """
    number = _plain(value)
    if isinstance(number, bool | type) or not hasattr(number, "as_integer_ratio"):
        raise ValueError(
            f"{name} must be one real number, got {value!r:.60} of type {type(value).__name__}: give a float, an int, "
            "or a numpy or torch scalar"
        )
    # An exponent far beyond float64 would take its time as a fraction.
    if isinstance(number, Decimal) and number.is_finite() and number and abs(number.adjusted()) > _DECADES:
        raise ValueError(f"{name} must be a number that float64 holds exactly, got {value!r:.60}")
    try:
        exact = Fraction(*number.as_integer_ratio())
    except (OverflowError, ValueError):  # an infinity, or NaN
        return float(number)
    try:
        near = float(number)
    except OverflowError:
        near = math.inf
    if math.isinf(near) or Fraction(near) != exact:
        raise ValueError(
            f"{name} must be a number that float64 holds exactly, got {value!r:.60}: round it yourself, by "
            f"float({name}), and the claim is about that number"
        )
    return near


def _plain(value: Any) -> Any:
    """The Python number in an array or tensor of no axis; what has no number in it as it is."""
    if isinstance(value, type) or not hasattr(value, "item") or getattr(value, "ndim", 0) != 0:
        return value
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    if np.ma.is_masked(value) or kind not in "fiu":
        return value if kind == "b" else None
    try:
        return value.item()
    except RuntimeError:  # a tensor without memory
        return None


def read_exponent(p: Any) -> float:
    """The exponent of a norm; the text "inf" is read as ∞.

    Raises:
        ValueError: for what is no number, or if not `p >= 1`.
    """
    if isinstance(p, str) and p != "inf":
        raise ValueError(f'an l_p norm needs a number p >= 1, got p={p!r:.60}: give a float, or "inf"')
    number = math.inf if isinstance(p, str) else read_scalar(p, "p")
    if not number >= 1:
        raise ValueError(f"an l_p norm needs p >= 1, got p={p}: below 1 it is no norm")
    return number
