"""Time that a search may take, and reports of how far it is."""

import math
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from theory.arguments.scalars import read_scalar

# Called with the numbers of regions that are decided, and of all.
Progress: TypeAlias = Callable[[int, int], Any]


def deadline_of(seconds: Any) -> float:
    """When so many seconds from now are over, by `time.monotonic`; never for None.

    Raises:
        ValueError: unless seconds is None or a number >= 0, perhaps infinite.
    """
    if seconds is None:
        return math.inf
    allowed = math.inf if seconds == math.inf else read_scalar(seconds, "seconds")
    if not allowed >= 0:
        raise ValueError(f"seconds must be a number >= 0, got {seconds}")
    return time.monotonic() + allowed


def is_over(deadline: float) -> bool:
    """Whether a deadline has passed."""
    return time.monotonic() > deadline
