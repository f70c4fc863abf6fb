"""Volumes of l_p balls and of the shells around them, as logarithms: in many dimensions no float holds the numbers."""

import math
from typing import Any

from theory.arguments.scalars import read_exponent
from theory.errors import AssumptionError


def log_ball_volume(dim: int, radius: float, p: Any) -> float:
    """`ln(V_{d,p} r^d)`, the volume of an l_p ball of radius r, with `V_{d,p} = (2Γ(1+1/p))^d / Γ(1+d/p)`.

    `∫ exp(-‖z‖_p^p) dz` over R^d is `(2Γ(1+1/p))^d`, coordinate by coordinate, and `V_{d,p} Γ(1+d/p)`, by spheres.
    `V_{d,p}` is `2^d / d!` for p = 1, `π^{d/2} / Γ(1+d/2)` for p = 2 and `2^d` for p = ∞; it rises with p.

    Args:
        dim: d >= 1.
        radius: r >= 0; -∞ comes back for 0.
        p: of the norm, in [1, ∞].

    Raises:
        AssumptionError: if the radius is negative or not finite.
        ValueError: if `dim` < 1 or p < 1.
    """
    p = _checked(dim, radius, p)
    if radius == 0:
        return -math.inf
    side = dim * (math.log(2) + math.log(radius))
    return side if math.isinf(p) else side + dim * math.lgamma(1 + 1 / p) - math.lgamma(1 + dim / p)


def log_shell_volume(n: int, dim: int, radius: float, shell: float, p: Any) -> float:
    """`ln(n V_{d,p} ((δ+γ)^d - δ^d))`: at least the measure of the points where f̂ of Theorem 3.3 is not f_adv.

    They lie in the n shells `δ < ‖x - x_i‖_p < δ+γ`. Where x has a density <= κ, their probability is at most κ times
    that.

    Source: Theorem 3.3, repaired form.

    Args:
        n: memorized points, >= 0; -∞ comes back for 0.
        dim: d >= 1.
        radius: δ >= 0.
        shell: γ >= 0; -∞ comes back for 0.
        p: of the norm, in [1, ∞].

    Raises:
        AssumptionError: if the radius or the shell is negative or not finite.
        ValueError: if `dim` < 1, p < 1 or `n` < 0.
    """
    if not n >= 0:
        raise ValueError(f"the volume of shells needs n >= 0, got {n}")
    if not 0 <= shell < math.inf:
        raise AssumptionError(f"the volume of shells needs a finite shell >= 0, got {shell}")
    p = _checked(dim, radius, p)
    if n == 0 or shell == 0:
        return -math.inf
    # (δ+γ)^d - δ^d = (δ+γ)^d (1 - e^{-d ln(1+γ/δ)}), without cancellation for thin shells.
    rise = dim * math.log1p(shell / radius) if radius else math.inf
    # That is d γ/δ for the thinnest, whose quotient may be no float.
    part = math.log(-math.expm1(-rise)) if rise > 2.0**-60 else math.log(dim) + math.log(shell) - math.log(radius)
    return math.log(n) + log_ball_volume(dim, radius + shell, p) + part


def shell_width(n: int, dim: int, radius: float, volume: float, p: Any) -> float:
    """γ, the shell with `n V_{d,p} ((δ+γ)^d - δ^d) = ε`, up to rounding: `(δ^d + ε/(n V_{d,p}))^{1/d} - δ`.

    With it f̂ of Theorem 3.3 is f_adv but for a set of measure at most ε. Corollary 3.4 asks for `γ <= R - 2δ` besides.

    Source: Theorem 3.3, repaired form.

    Args:
        n: memorized points, >= 1.
        dim: d >= 1.
        radius: δ >= 0.
        volume: ε > 0.
        p: of the norm, in [1, ∞].

    Raises:
        AssumptionError: if the radius is negative or not finite, or ε not positive and finite.
        ValueError: if `n` or `dim` < 1, p < 1, or the shell is too thin for float64.
    """
    if not n >= 1:
        raise ValueError(f"shell_width needs n >= 1, got {n}: without memorized points there is no shell")
    if not 0 < volume < math.inf:
        raise AssumptionError(f"shell_width needs a finite volume > 0, got {volume}: a continuous network cannot jump")
    p = _checked(dim, radius, p)
    unit = math.log(volume) - math.log(n) - log_ball_volume(dim, 1.0, p)
    # ln of ε/(n V_{d,p}) in units of δ^d; the powers of a thin shell would cancel, those of a wide one overflow.
    excess = unit - dim * math.log(radius) if radius else math.inf
    if excess > 0:
        width = math.exp((unit + math.log1p(math.exp(-excess))) / dim) - radius
    else:
        width = radius * math.expm1(math.log1p(math.exp(excess)) / dim)
    if not width >= 2.0**-1022:
        raise ValueError(
            f"the shell for volume={volume} with n={n}, dim={dim}, radius={radius} is {width}, below the normal "
            "numbers of float64: take a larger volume"
        )
    return width


def _checked(dim: int, radius: float, p: Any) -> float:
    """The exponent as a float."""
    if not dim >= 1:
        raise ValueError(f"a volume needs dim >= 1, got {dim}")
    if not 0 <= radius < math.inf:
        raise AssumptionError(f"the volume of a ball needs a finite radius >= 0, got {radius}")
    return read_exponent(p)
