"""Laws of the data `x = c y w* + ξ`, `ξ ~ N(0, I - w* w*ᵀ)` in R^d, that hold for every linear classifier.

A unit vector w at angle θ from w* has `y⟨w, x⟩ = c cos θ + sin θ g`, `g ~ N(0, 1)`: its errors are normal tails.
"""

import math
from dataclasses import dataclass

from scipy.stats import norm

from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError
from theory.gaussian.tails import union_bound


@dataclass(frozen=True)
class SeparationBound:
    """All pairs of the sample are at least `distance` apart in l_2, with probability at least `1 - failure`."""

    distance: float
    failure: float


def separation_bound(dim: int, n: int, t: float) -> SeparationBound:
    """`‖x_i - x_j‖² >= ‖ξ_i - ξ_j‖² ~ 2 χ²_D >= 2D - 4√(Dt)` for all pairs, but for `n(n-1)/2 · e^{-t}`.

    Source: claim-linear-data-separation, repaired form; Laurent, Massart (2000), lemma 1.

    Args:
        dim: d >= 2; D = d - 1.
        n: number of points.
        t: in (0, D/4].

    Raises:
        AssumptionError: if t is not in (0, D/4], where the bound says nothing.
    """
    dim, n, t = read_whole(dim, "dim"), read_whole(n, "n"), read_scalar(t, "t")
    if not (dim >= 2 and n >= 1):
        raise ValueError(f"separation_bound needs dim >= 2 and n >= 1, got dim={dim}, n={n}")
    noise_dim = dim - 1
    if not 0 < t <= noise_dim / 4:
        raise AssumptionError(f"separation_bound needs 0 < t <= (dim - 1)/4 = {noise_dim / 4}, got t={t}")
    distance = math.sqrt(max(2 * noise_dim - 4 * math.sqrt(noise_dim * t), 0.0))
    return SeparationBound(distance, min(1.0, union_bound(n * (n - 1) / 2, t)))


def linear_clean_error(scale: float, angle: float) -> float:
    """Clean error `Φ(-c cot θ)` of a linear classifier at the angle θ from w*, on data of scale c.

    Source: claim-small-margin-transfer, repaired form.

    Args:
        scale: c > 0.
        angle: θ in radians, in [0, π/2].
    """
    return linear_adversarial_error(scale, angle, 0.0)


def linear_adversarial_error(scale: float, angle: float, radius: float) -> float:
    """`P(min over ‖ζ‖_2 <= δ of y⟨w, x + ζ⟩ <= 0) = Φ((δ - c cos θ)/sin θ)` for a unit w at the angle θ from w*.

    At θ = 0 it is 1 if `c <= δ` (a zero output is an error) and 0 else: for β < δ < α all small-margin points fall.
    """
    scale, angle, radius = read_scalar(scale, "scale"), read_scalar(angle, "angle"), read_scalar(radius, "radius")
    if not 0 <= angle <= math.pi / 2:
        raise ValueError(f"the angle needs to be in [0, π/2], got {angle}")
    if not 0 < scale < math.inf or not 0 <= radius < math.inf:
        raise ValueError(f"data need a finite scale > 0 and radius >= 0, got scale={scale}, radius={radius}")
    if angle == 0:
        return float(scale <= radius)
    return float(norm.cdf((radius - scale * math.cos(angle)) / math.sin(angle)))


def transfer_sample_size(dim: int, alpha: float, beta: float, error: float, t: float) -> int:
    """So many large-margin points that w_0 has clean error at most `error` on small-margin data.

    `((√D + t) Φ^{-1}(1 - η) / (αβ))²`, rounded up, suffices with probability at least `1 - e^{-t²/2}`: the error is at
    most η iff `tan θ <= β / Φ^{-1}(1 - η)`, and `tan θ <= (√D + t)/(α √n)` by Theorem 5.1.

    Source: claim-small-margin-transfer, repaired form.

    Args:
        dim: d >= 2.
        alpha, beta: scales of the large- and the small-margin data, > 0.
        error: η in (0, ½).
        t: deviation, >= 0.
    """
    dim, alpha, beta = read_whole(dim, "dim"), read_scalar(alpha, "alpha"), read_scalar(beta, "beta")
    error, t = read_scalar(error, "error"), read_scalar(t, "t")
    if not (dim >= 2 and 0 < alpha < math.inf and 0 < beta < math.inf and 0 < error < 0.5 and t >= 0):
        raise ValueError(
            "transfer_sample_size needs dim >= 2, alpha, beta > 0, error in (0, 1/2) and t >= 0, "
            f"got dim={dim}, alpha={alpha}, beta={beta}, error={error}, t={t}"
        )
    return math.ceil(((math.sqrt(dim - 1) + t) * float(norm.isf(error)) / (alpha * beta)) ** 2)
