"""Factors that float64 does not hold, such as 1/3 and the root of a variance: sums of two floats, 2^-100 of it off.

They are what `AffineGraph.scale` takes.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np


def in_two(numbers: Sequence[Fraction]) -> tuple[np.ndarray, ...]:
    """The nearest floats and what is left; the former alone where all numbers are floats.

    Raises:
        ValueError: for a number whose nearest float is 0.
    """
    high = [float(t) for t in numbers]
    if any(t and not h for t, h in zip(numbers, high, strict=True)):
        raise ValueError("factors must be within float64, got one that it takes for 0: rescale")
    low = [t - Fraction(h) for t, h in zip(numbers, high, strict=True)]
    return (np.array(high), np.array([float(t) for t in low])) if any(low) else (np.array(high),)


def reciprocals(divisors: np.ndarray) -> tuple[np.ndarray, ...]:
    """`1 / t` of each number, none of them 0."""
    kinds, index = np.unique(divisors.ravel(), return_inverse=True)
    return tuple(part[index].reshape(divisors.shape) for part in in_two([1 / Fraction(t) for t in kinds.tolist()]))


def over_roots(gains: np.ndarray, variances: np.ndarray, epsilon: float) -> tuple[np.ndarray, ...]:
    """`g / sqrt(v + ε)` of each gain and variance: the factors of a BatchNorm.

    Raises:
        ValueError: unless `v + ε > 0`.
    """
    pairs = zip(gains.tolist(), variances.tolist(), strict=True)
    return in_two([Fraction(g) / _root(Fraction(v) + Fraction(epsilon)) for g, v in pairs])


def _root(number: Fraction) -> Fraction:
    """The square root, to 2^-256 of itself, and exact where it is a float."""
    if number <= 0:
        raise ValueError(
            f"the variances of a BatchNorm must be positive with its epsilon, got {float(number):g}: train it, or "
            "raise its epsilon"
        )
    bits = 256 + number.denominator.bit_length()
    return Fraction(math.isqrt((number.numerator << 2 * bits) // number.denominator), 1 << bits)
