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
