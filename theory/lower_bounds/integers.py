"""Floats as integers, and products of integer matrices: no step rounds."""

import math

import numpy as np
from jaxtyping import Float, Shaped

_DIGIT_BITS = 20
# Sums of so many products of two digits are integers below 2^53, in whatever order they are added.
_TERMS = 2**13


def as_integers(values: Float[np.ndarray, "*shape"]) -> tuple[Shaped[np.ndarray, "*shape"], int]:
    """Python integers `k` and an exponent `e` with `values = k · 2^e`, for finite floats."""
    fractions, exponents = np.frexp(values)
    whole = np.ldexp(fractions, 53).astype(np.int64)
    # The lowest bit that is set; 0 has none.
    trailing = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    odd, shifts = whole >> np.maximum(trailing, 0), exponents - 53 + trailing
    if not whole.any():
        return odd.astype(object), 0
    unit = int(shifts[whole != 0].min())
    return np.left_shift(odd.astype(object), np.where(whole != 0, shifts - unit, 0).astype(object)), unit


def differences(
    points: Float[np.ndarray, "n d"], pairs: Shaped[np.ndarray, "m 2"], *others: float
) -> tuple[Shaped[np.ndarray, "m d"], tuple[int, ...]]:
    """`x_i - x_j` for the pairs and some other numbers, as integers in one unit."""
    used, place = np.unique(pairs, return_inverse=True)
    integers, _ = as_integers(np.append(points[used].ravel(), others))
    rows = integers[: len(used) * points.shape[1]].reshape(len(used), -1)
    first, second = place.reshape(-1, 2).T
    return rows[first] - rows[second], tuple(integers[len(rows) * points.shape[1] :])


def product(a: Shaped[np.ndarray, "m k"], b: Shaped[np.ndarray, "k n"]) -> Shaped[np.ndarray, "m n"]:
    """The matrix product of Python integers: digits of 20 bits are multiplied as floats, which is exact."""
    total = np.zeros((a.shape[0], b.shape[1]), dtype=object)
    for start in range(0, a.shape[1], _TERMS):
        part = slice(start, start + _TERMS)
        right = _digits(b[part])
        for k, left in enumerate(_digits(a[:, part])):
            for j, other in enumerate(right):
                total += (left @ other).astype(np.int64).astype(object) << (_DIGIT_BITS * (k + j))
    return total


def _digits(values: np.ndarray) -> list[np.ndarray]:
    """Digits of each number, all of its sign, the lowest first."""
    signs = np.sign(values)
    size = np.abs(values)
    count = math.ceil(max(int(size.max(initial=0)).bit_length(), 1) / _DIGIT_BITS)
    mask = (1 << _DIGIT_BITS) - 1
    return [((size >> (_DIGIT_BITS * k) & mask) * signs).astype(np.float64) for k in range(count)]
