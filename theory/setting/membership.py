"""Whether a point is in an l_p ball: exactly, and never true of a point outside."""

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from jaxtyping import Float

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent, read_scalar
from theory.arguments.subnormals import check_subnormals
from theory.setting.norms import norm

# Relative distance from the surface at which float64 decides: far above the rounding of sums and powers of any length.
_CLEAR = 2.0**-24
# Whole exponents up to here are decided in rationals, all others by intervals of so many bits.
_MOST_RATIONAL, _BITS = 64, 400


def is_in_ball(x: Float[np.ndarray, " d"], centre: Float[np.ndarray, " d"], radius: Any, p: Any) -> bool:
    """Whether `‖x - centre‖_p <= radius`, for the real numbers that the floats are.

    Decided exactly for p = ∞, for whole p up to 64, and where one coordinate differs. For other p by an interval that
    contains the distance: true only where all of it is in the ball, so perhaps not within 2^-300 of the surface.

    Args:
        x: shape (d,); NaN and infinity are in no ball.
        centre: shape (d,), finite.
        radius: >= 0, finite.
        p: in [1, ∞].

    Raises:
        ValueError: for another p, or a radius that is no number.
    """
    check_subnormals("membership of a ball")
    radius, p = read_scalar(radius, "radius"), read_exponent(p)
    x, centre = exact_floats(x, "x"), exact_floats(centre, "centre")
    if x.shape != centre.shape or x.ndim != 1:
        raise ValueError(f"a point and a centre need one shape (d,), got {x.shape} and {centre.shape}")
    if not (np.isfinite(x).all() and 0 <= radius < np.inf):
        return False
    # Rounding is monotone, so only a step that rounds to the radius itself is left to rational arithmetic.
    with np.errstate(over="ignore"):
        rounded = np.abs(x - centre)
    if rounded.max() > radius:
        return False
    if np.isinf(p):
        return all(step <= Fraction(radius) for step in _steps(x, centre, rounded == radius))
    if _is_clear(rounded, radius, p):
        return True
    steps = _steps(x, centre, x != centre)
    if len(steps) < 2:
        return max(steps, default=Fraction(0)) <= Fraction(radius)
    if p == int(p) and p <= _MOST_RATIONAL:
        return sum(step ** int(p) for step in steps) <= Fraction(radius) ** int(p)
    return _is_surely_below_one([step / Fraction(radius) for step in steps], p)


def _steps(x: np.ndarray, centre: np.ndarray, some: np.ndarray) -> list[Fraction]:
    return [abs(Fraction(a) - Fraction(b)) for a, b in zip(x[some].tolist(), centre[some].tolist(), strict=True)]


def _is_clear(rounded: np.ndarray, radius: float, p: float) -> bool:
    """Whether the point is so far inside that neither rounding nor underflow of a power matters."""
    if not radius > 0:
        return False
    with np.errstate(under="ignore"):
        return bool(norm(rounded / radius, p) <= 1 - _CLEAR)


def _is_surely_below_one(ratios: list[Fraction], p: float) -> bool:
    """Whether `Σ ratio^p <= 1`, by outward rounded intervals."""
    if max(ratios) > 1:
        return False
    context = mpmath.iv.__class__()
    context.prec = _BITS
    total = context.mpf(0)
    for ratio in ratios:
        base = context.mpf(ratio.numerator) / context.mpf(ratio.denominator)
        total += base ** context.mpf(p)
    return bool(total.b <= 1)
