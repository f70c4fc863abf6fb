"""Times of two functions in turns, so that a busy neighbour slows both."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np


def in_turns(
    first: Callable[[], Any],
    second: Callable[[], Any],
    repeats: int = 15,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """Median seconds of each; the median of pairs keeps an odd slow run out.

    For work of one thread `time.process_time` as the clock leaves out the time that neighbours take.
    """
    first(), second()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for function, into in zip((first, second), times, strict=True):
            started = clock()
            function()
            into.append(clock() - started)
    return median(times[0]), median(times[1])


def growth_exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent of the size that fits best: the slope of the logarithms by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
