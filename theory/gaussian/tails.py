"""Bounds of the chance that one of many events happens, which no underflow may turn into a certainty."""

import math


def union_bound(count: float, t: float) -> float:
    """`count · e^{-t}`, and the smallest positive float where that is smaller still: 0 would claim too much.

    Args:
        count: of the events, >= 0; 0 comes back for 0.
        t: >= 0; each event has a probability of at most `e^{-t}`.
    """
    if count == 0:
        return 0.0
    # Beyond, the exponential has lost digits, or is 0.
    return count * math.exp(-t) if t < 700 else max(math.exp(math.log(count) - t), math.ulp(0.0))
