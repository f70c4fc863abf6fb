"""l_p norms on R^d, p ∈ [1, ∞]: duality, distances, projection on balls, uniform samples of balls."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent, read_scalar
from theory.arguments.whole_numbers import read_whole

# A projection by bisection is scaled by this, so that rounding cannot leave it outside the ball.
_INSIDE = 1 - 2.0**-45
_BISECTIONS = 100


def dual_exponent(p: float) -> float:
    """The `q` with `1/p + 1/q = 1`, so that `|⟨x, y⟩| <= ‖x‖_p ‖y‖_q` (Hölder)."""
    p = read_exponent(p)
    if p == 1:
        return math.inf
    return 1.0 if math.isinf(p) else p / (p - 1)


def norm(x: Float[np.ndarray, "*batch d"], p: Any) -> Float[np.ndarray, "*batch"]:
    """`‖x‖_p` along the last axis, up to rounding at every scale."""
    x, p = exact_floats(x, "x"), read_exponent(p)
    if p == 1 or math.isinf(p):
        return np.asarray(np.linalg.norm(x, p, axis=-1))
    # In units of the greatest entry, so that no square or power that counts vanishes; for p = 2 of a power of two.
    greatest = np.abs(x).max(axis=-1, keepdims=True, initial=0.0)
    unit = np.where(np.isfinite(greatest) & (greatest > 0), greatest, 1.0)
    if p == 2:
        unit = np.ldexp(1.0, np.minimum(np.frexp(unit)[1], 1023))
    with np.errstate(under="ignore", over="ignore"):
        return np.asarray(unit[..., 0] * np.linalg.norm(x / unit, p, axis=-1))


def in_units(x: np.ndarray) -> tuple[np.ndarray, int]:
    """`2^-e x` with its largest entry in [1/2, 1), and e: no square or sum that counts vanishes or overflows."""
    exponent = int(np.frexp(np.abs(x).max())[1])
    return np.ldexp(x, -exponent), exponent


def distance(
    x: Float[np.ndarray, "*#batch d"], y: Float[np.ndarray, "*#batch d"], p: float
) -> Float[np.ndarray, "..."]:
    """`‖x - y‖_p` along the last axis, the leading axes broadcast."""
    x, y = exact_floats(x, "x"), exact_floats(y, "y")
    with np.errstate(over="ignore"):
        return norm(x - y, p)


def project_ball(
    x: Float[np.ndarray, "*batch d"], centre: Float[np.ndarray, " d"], radius: float, p: float
) -> Float[np.ndarray, "*batch d"]:
    """The Euclidean projection: the point of `B_p(centre, radius)` nearest to `x` in l_2.

    Closed forms for p = 1 (soft threshold), 2 (scaling) and ∞ (clipping); otherwise the KKT equation
    `z + λ z^{p-1} = |x - centre|`, `‖z‖_p = radius`, by bisection in `λ`. In units of the radius and of the largest
    coordinate, so that it is right at every scale.

    Raises:
        ValueError: if not `radius >= 0` or not `p >= 1`; for p < ∞ also if a coordinate of `x - centre` is not finite.
    """
    x, centre = exact_floats(x, "x"), exact_floats(centre, "centre")
    radius, p = read_scalar(radius, "radius"), read_exponent(p)
    if not 0 <= radius < math.inf:
        raise ValueError(f"project_ball needs a finite radius >= 0, got radius={radius}")
    with np.errstate(over="ignore"):
        step = x - centre
    if math.isinf(p):
        return np.asarray(centre + np.clip(step, -radius, radius))
    if not np.isfinite(step).all():
        raise ValueError(
            f"project_ball needs finite coordinates of x - centre, got {step[~np.isfinite(step)][0]}: scale both down"
        )
    length = norm(step, p)[..., None]
    exponent = np.frexp(np.abs(step).max(axis=-1, keepdims=True, initial=0.0))[1]
    size = np.ldexp(np.abs(step), -exponent)
    if p == 2:
        share = size / np.maximum(norm(size, 2)[..., None], 0.5)
    elif p == 1:
        share = _soft_threshold(np.abs(step), radius)
    else:
        share = _kkt(size, np.ldexp(radius, -exponent), p)
    return np.asarray(np.where(length <= radius, x, centre + _INSIDE * radius * (np.sign(step) * share)))


def _soft_threshold(size: np.ndarray, radius: float) -> np.ndarray:
    """`max(size - τ, 0) / radius` with sum 1 (where the sum of `size` is more than the radius).

    By the distances `g >= 0` of the entries from the greatest: `max(t - g, 0)` with `t = (1 + Σ g) / k` over the k
    entries above τ, sums without cancellation, however small the radius is beside them.
    """
    if not radius > 0:
        return np.zeros_like(size)
    # What is too far below the greatest for a float is below τ.
    with np.errstate(over="ignore", invalid="ignore"):
        gaps = (size.max(axis=-1, keepdims=True, initial=0.0) - size) / radius
        ascending = np.sort(gaps, axis=-1)
        total = np.cumsum(ascending, axis=-1)
        count = np.arange(1, size.shape[-1] + 1)
        active = np.sum(ascending * count - total < 1, axis=-1, keepdims=True)
    last = np.maximum(active, 1) - 1
    top = (1 + np.take_along_axis(total, last, axis=-1)) / (last + 1)
    return np.asarray(np.maximum(top - gaps, 0.0))


def _kkt(size: np.ndarray, radius: np.ndarray, p: float) -> np.ndarray:
    """The `u >= 0` with `‖u‖_p = 1` and `radius u + μ u^{p-1} = size` for one μ, if `‖size‖_p` is above the radius.

    The largest entry of `size` is in [1/2, 1), and that of u at least `d^{-1/p}`, so that `μ <= d`.
    """
    # In t = log μ, since the multiplier may lie in any order of magnitude below.
    low, high = np.full(radius.shape, -700.0), np.full(radius.shape, math.log(size.shape[-1]) + 1.0)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        outside = norm(_kkt_point(size, radius, np.exp(middle), p), p)[..., None] > 1
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return _kkt_point(size, radius, np.exp(high), p)


def _kkt_point(size: np.ndarray, radius: np.ndarray, multiplier: np.ndarray, p: float) -> np.ndarray:
    """The `u` in [0, 2] with `radius u + μ u^{p-1} = size`, by bisection; 2 for one beyond."""
    low, high = np.zeros_like(size), np.full_like(size, 2.0)
    with np.errstate(over="ignore", under="ignore"):
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            above = radius * middle + multiplier * middle ** (p - 1) > size
            low, high = np.where(above, low, middle), np.where(above, middle, high)
    return low


def sample_ball(
    rng: np.random.Generator, count: int, dim: int, p: float, radius: float = 1.0
) -> Float[np.ndarray, "count dim"]:
    """Uniform samples of `B_p(0, radius)`.

    `g / (‖g‖_p^p + E)^{1/p}` with `g` of density `∝ exp(-|t|^p)` a coordinate and `E` exponential
    (Barthe, Guédon, Mendelson, Naor 2005); the cube for p = ∞.

    Raises:
        ValueError: if not `radius >= 0`, or a size is not positive.
    """
    radius, p = read_scalar(radius, "radius"), read_exponent(p)
    count, dim = read_whole(count, "count"), read_whole(dim, "dim")
    if not 0 <= radius < math.inf:
        raise ValueError(f"sample_ball needs a finite radius >= 0, got radius={radius}")
    if count < 1 or dim < 1:
        raise ValueError(f"sample_ball needs count >= 1 and dim >= 1, got count={count}, dim={dim}")
    if math.isinf(p):
        return rng.uniform(-radius, radius, (count, dim))
    powers = rng.standard_gamma(1 / p, (count, dim))
    total = powers.sum(axis=1) + rng.exponential(size=count)
    signs = rng.choice([-1.0, 1.0], (count, dim))
    return np.asarray(radius * _INSIDE * signs * (powers / total[:, None]) ** (1 / p))
