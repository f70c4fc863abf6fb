"""Counts as Python ints: numpy's have a width beyond which they wrap around, and `decimal` does not take them."""

import math
import operator
from typing import Any


def read_whole(value: Any, name: str) -> int:
    """The whole number as a Python int.

    Args:
        value: a Python or numpy int, an integer tensor of no axis, or a float that is a whole number.
        name: of the argument, for the message.

    Raises:
        ValueError: for anything else, also for True and False.
    """
    number = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if isinstance(number, float) and math.isfinite(number) and number == int(number):
        return int(number)
    try:
        if isinstance(number, bool):
            raise TypeError("a truth value")
        return operator.index(number)
    except TypeError as error:
        raise ValueError(
            f"{name} must be a whole number, got {value!r:.60} of type {type(value).__name__}: give an int"
        ) from error


def read_seed(value: Any) -> int:
    """A seed as a Python int, 0 <= seed < 2^31.

    Of what draws, numpy's older generator takes no more than 2^32 - 1, and some add to it.

    Raises:
        ValueError: for anything else.
    """
    number = read_whole(value, "seed")
    if not 0 <= number < 2**31:
        raise ValueError(f"seed must be a whole number >= 0 and < 2^31, got {number}")
    return number
