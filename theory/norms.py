"""l_p norms on R^d, p ∈ [1, ∞]: duality, distances, projection on balls, uniform samples of balls."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from theory.scalars import read_exponent

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
    p = read_exponent(p)
    if p == 1 or math.isinf(p):
        return np.asarray(np.linalg.norm(x, p, axis=-1))
    # In units of the greatest entry, so that no square or power that counts vanishes; for p = 2 of a power of two.
    greatest = np.abs(x).max(axis=-1, keepdims=True, initial=0.0)
    unit = np.where(np.isfinite(greatest) & (greatest > 0), greatest, 1.0)
    if p == 2:
        unit = np.ldexp(1.0, np.minimum(np.frexp(unit)[1], 1023))
    with np.errstate(under="ignore", over="ignore"):
        return np.asarray(unit[..., 0] * np.linalg.norm(x / unit, p, axis=-1))


def distance(
    x: Float[np.ndarray, "*#batch d"], y: Float[np.ndarray, "*#batch d"], p: float
) -> Float[np.ndarray, "..."]:
    """`‖x - y‖_p` along the last axis, the leading axes broadcast."""
    return norm(x - y, p)


def project_ball(
    x: Float[np.ndarray, "*batch d"], centre: Float[np.ndarray, " d"], radius: float, p: float
) -> Float[np.ndarray, "*batch d"]:
    """The Euclidean projection: the point of `B_p(centre, radius)` nearest to `x` in l_2.

    Closed forms for p = 1 (soft threshold), 2 (scaling) and ∞ (clipping); otherwise the KKT equation
    `z + λ z^{p-1} = |x - centre|`, `‖z‖_p = radius`, by bisection in `λ`.

    Raises:
        ValueError: if not `radius >= 0` or not `p >= 1`.
    """
    p = read_exponent(p)
    if not 0 <= radius < math.inf:
        raise ValueError(f"project_ball needs a finite radius >= 0, got radius={radius}")
    step = x - centre
    if math.isinf(p):
        return np.asarray(centre + np.clip(step, -radius, radius))
    length = norm(step, p)[..., None]
    size = np.abs(step)
    if p == 2:
        moved = step * (radius / np.maximum(length, np.finfo(float).tiny))
    else:
        moved = np.sign(step) * (_soft_threshold(size, radius) if p == 1 else _kkt(size, radius, p))
    return np.asarray(np.where(length <= radius, x, centre + _INSIDE * moved))


def _soft_threshold(size: np.ndarray, radius: float) -> np.ndarray:
    """`max(size - τ, 0)` with sum `radius` (where the sum of `size` is more)."""
    descending = -np.sort(-size, axis=-1)
    excess = np.cumsum(descending, axis=-1) - radius
    count = np.arange(1, size.shape[-1] + 1)
    active = np.sum(descending * count > excess, axis=-1, keepdims=True)
    active = np.maximum(active, 1)
    tau = np.take_along_axis(excess, active - 1, axis=-1) / active
    return np.asarray(np.maximum(size - np.maximum(tau, 0.0), 0.0))


def _kkt(size: np.ndarray, radius: float, p: float) -> np.ndarray:
    # In t = log λ, since the multiplier may lie in any order of magnitude.
    low, high = np.full((*size.shape[:-1], 1), -700.0), np.full((*size.shape[:-1], 1), 700.0)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        outside = norm(_kkt_point(size, np.exp(middle), p), p)[..., None] > radius
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return _kkt_point(size, np.exp(high), p)


def _kkt_point(size: np.ndarray, multiplier: np.ndarray, p: float) -> np.ndarray:
    """The `z` in `[0, size]` with `z + λ z^{p-1} = size`, by bisection."""
    low, high = np.zeros_like(size), size.copy()
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = middle + multiplier * middle ** (p - 1) > size
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
    p = read_exponent(p)
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
