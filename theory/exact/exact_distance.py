"""Distances of floats at every scale: as `f · 2^e` within a relative bound, and without rounding.

A square or a power of a difference may underflow or overflow where the difference itself does not, and scaling the
points loses bits of the small ones. Here each pair is scaled by its own largest difference, which is of no effect but
for terms below `2^-1000` of the whole; and what is close is decided in integers.
"""

import math
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.subnormals import check_subnormals
from theory.roundoff import gamma

# Two power functions and a rounded exponent 1/p are within this many units in the last place.
_POWER_ULPS = 64
# Below 2^-4000 there is no distance but 0.
_ZERO_EXPONENT = -4000
# Points as integers are cut into signed digits of 20 bits, whose products sum up in int64.
_DIGIT_BITS = 20
_MOST_DIGITS = 8
_MOST_PRODUCTS = 2**20
_LARGE = 2.0**1000


def relative_error(dim: int, p: float) -> float:
    """`u` such that a distance computed by differences is `d (1 + t)`, `|t| <= u`: `γ_{dim+8}`, or `γ_{dim+72}`.

    The larger one is for p other than 1, 2 and ∞.
    """
    return gamma(dim + 8) if p in (1, 2, math.inf) else gamma(dim + 8 + _POWER_ULPS)


def rational_distance(x: Float[np.ndarray, " d"], y: Float[np.ndarray, " d"], p: float) -> Fraction:
    """`‖x - y‖_p` for p = 1 and ∞, its square for p = 2, without rounding."""
    check_subnormals("a distance")
    steps = (abs(Fraction(float(a)) - Fraction(float(b))) for a, b in zip(x, y, strict=True) if a != b)
    if p == 2:
        return sum((step * step for step in steps), Fraction(0))
    return max(steps, default=Fraction(0)) if math.isinf(p) else sum(steps, Fraction(0))


def round_down(exact: Fraction, p: float) -> float:
    """The largest finite float at most `exact >= 0`, or for p = 2 the largest whose square is."""
    power = 2 if p == 2 else 1
    if exact >= Fraction(np.finfo(float).max) ** power:
        return float(np.finfo(float).max)
    guess = _root(exact) if p == 2 else float(exact)
    while Fraction(guess) ** power > exact:
        guess = math.nextafter(guess, 0.0)
    while Fraction(math.nextafter(guess, math.inf)) ** power <= exact:
        guess = math.nextafter(guess, math.inf)
    return guess


def _root(exact: Fraction) -> float:
    """`sqrt(exact)` up to rounding, also where `float(exact)` would underflow or overflow."""
    half = (exact.numerator.bit_length() - exact.denominator.bit_length()) // 2
    return min(math.ldexp(math.sqrt(exact / Fraction(4) ** half) / 4, half) * 4, float(np.finfo(float).max))


def scaled_distances(
    x: Float[np.ndarray, "m d"], y: Float[np.ndarray, "... d"], p: float
) -> tuple[Float[np.ndarray, " m"], Int[np.ndarray, " m"]]:
    """`f` and `e` such that `f · 2^e` is `‖x_k - y‖_p` within `relative_error`, for all finite floats and p.

    `y` is one point, or one for each row of `x`: then it is `‖x_k - y_k‖_p`.
    `1/2 <= f < 1`, but `f = 0` with a least `e` for equal points, and for them only: the difference of two floats is
    0 only if they are equal.
    """
    with np.errstate(over="ignore"):
        steps = np.abs(x - y)
    far = np.isinf(steps).any(axis=1)
    # Half of a subnormal is rounded, but beside a difference beyond float64 that is nothing.
    steps[far] = np.abs(x[far] / 2 - np.broadcast_to(y, x.shape)[far] / 2)
    exponents = np.frexp(steps.max(axis=1))[1].astype(np.int64)
    steps = np.ldexp(steps, -exponents[:, None])
    if p == 1:
        found = steps.sum(axis=1)
    elif p == 2:
        found = np.sqrt(np.square(steps).sum(axis=1))
    else:
        found = steps.max(axis=1)
        if not math.isinf(p):
            # The largest ratio is 1, so that no power matters that underflows.
            ratios = steps / np.where(found > 0, found, 1.0)[:, None]
            found = found * (ratios**p).sum(axis=1) ** (1 / p)
    fractions, more = np.frexp(found)
    return fractions, np.where(fractions > 0, exponents + far + more, _ZERO_EXPONENT)


def floats_below(fractions: Float[np.ndarray, " m"], exponents: Int[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """The largest finite floats at most `f · 2^e`, `0 < f <= 1`, but at least the least float `2^-1074`."""
    with np.errstate(over="ignore"):
        nearest = np.minimum(np.ldexp(fractions, exponents), np.finfo(float).max)
        above = np.ldexp(nearest, -exponents) > fractions
    return np.asarray(np.maximum(np.where(above, np.nextafter(nearest, 0.0), nearest), math.ulp(0.0)))


def exactly_nearest(x: Float[np.ndarray, "m d"], y: Float[np.ndarray, "... d"], p: float) -> tuple[int, Fraction]:
    """The first of the rows of `x` nearest to `y`, and `rational_distance` of the two, for p = 1, 2 and ∞.

    `y` is one point, or one for each row of `x`: then it is the first row nearest to its own.
    """
    y = np.broadcast_to(y, x.shape)
    if math.isinf(p):
        if max(float(np.abs(x).max()), float(np.abs(y).max())) < _LARGE:
            return _nearest_by_largest(x, y)
    else:
        unit, digits = _grid(np.concatenate([x, y]))
        if digits <= _MOST_DIGITS and digits * x.shape[1] <= _MOST_PRODUCTS:
            return _nearest_in_integers(x, y, p, unit, digits)
    exact = [rational_distance(row, other, p) for row, other in zip(x, y, strict=True)]
    least = min(range(len(exact)), key=exact.__getitem__)
    return least, exact[least]


def _nearest_by_largest(x: np.ndarray, y: np.ndarray) -> tuple[int, Fraction]:
    """For p = ∞. A difference is the sum of its rounding and the error of that, both floats (Knuth's TwoSum).

    Rounding is monotone, so the largest difference is among those of the largest rounding.
    """
    high = x - y
    back = high - x
    low = (x - (high - back)) - (y + back)
    low[high < 0] *= -1
    np.abs(high, out=high)
    top = high.max(axis=1)
    low[high < top[:, None]] = -np.inf
    rest = low.max(axis=1)
    least = int(np.lexsort((rest, top))[0])
    return least, Fraction(float(top[least])) + Fraction(float(rest[least]))


def _grid(values: np.ndarray) -> tuple[int, int]:
    """The greatest `k` such that all values are multiples of `2^k`, and the digits that they need as integers."""
    fractions, exponents = np.frexp(values[values != 0])
    if fractions.size == 0:
        return 0, 1
    integers = np.ldexp(fractions, 53).astype(np.int64)
    trailing = np.frexp((integers & -integers).astype(np.float64))[1] - 1
    unit = int((exponents - 53 + trailing).min())
    return unit, -((unit - int(exponents.max())) // _DIGIT_BITS)


def _nearest_in_integers(x: np.ndarray, y: np.ndarray, p: float, unit: int, digits: int) -> tuple[int, Fraction]:
    """For p = 1 and 2. No sum of digits' products leaves int64: `digits · d · 2^{2 · 21} <= 2^62`."""
    steps = _digits(x, unit, digits)
    for own, other in zip(steps, _digits(y, unit, digits), strict=True):
        own -= other
    totals = np.zeros(len(x), dtype=object)
    if p == 1:
        signs = (x > y).astype(np.int64) - (x < y)
        for a, step in enumerate(steps):
            totals += np.einsum("ij,ij->i", signs, step).astype(object) << (_DIGIT_BITS * a)
    else:
        for a, first in enumerate(steps):
            for b, second in enumerate(steps[: a + 1]):
                product = np.einsum("ij,ij->i", first, second).astype(object)
                totals += product << (_DIGIT_BITS * (a + b) + (a != b))
    least = int(totals.argmin())
    return least, int(totals[least]) * Fraction(2) ** (unit * int(p))


def _digits(values: np.ndarray, unit: int, digits: int) -> list[np.ndarray]:
    """Signed digits, the lowest first, of `values · 2^-unit`, which are integers; no step rounds."""
    rest = np.ldexp(values, -unit - _DIGIT_BITS * (digits - 1))
    found = []
    for _ in range(digits):
        whole = np.trunc(rest)
        found.append(whole.astype(np.int64))
        rest = (rest - whole) * 2.0**_DIGIT_BITS
    return found[::-1]
