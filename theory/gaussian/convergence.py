"""How fast adversarial training of a linear classifier turns to the max-margin direction û, with constants.

Gradient descent with loss-normalised steps, `w_{k+1} = w_k - η g_k` from w_0 = 0, g_k a subgradient at w_k of

    ℓ(w) = ln (1/n) Σ_i exp(-y_i w·x_i) + δ‖w‖,

the log of the adversarial exponential loss on l_2 balls; at 0 the plain gradient is one. Let γ be the margin of û,
δ < γ, `R = max_i ‖x_i‖`, `ρ = γ - δ` and `C = ln n + η(R + δ)²/2`. Then `‖g_k‖ <= R + δ`, and

    ⟨w_k, û⟩ >= ηρk,    for -⟨g_k, û⟩ >= γ - δ⟨w_k/‖w_k‖, û⟩ >= ρ;
    ‖w_{k+1}‖² <= ‖w_k‖² + 2η(ρ‖w_k‖ + C),

by convexity, `⟨g_k, w_k⟩ >= ℓ(w_k) - ℓ(0)`, and `ℓ(w) >= -ln n - ρ‖w‖`, as no direction has a margin above γ. With
`√(x² + y) <= x + y/(2x)` the second gives `‖w_k‖ <= ηρk + (C/ρ)(1 + 1/2 + … + 1/k)`, so that

    cos ∠(w_k, û) >= 1/(1 + q),    q = C (1 + ln k)/(ηρ²k),    ‖w_k/‖w_k‖ - û‖² = 2 - 2 cos ∠(w_k, û) <= 2q.

That is Õ(1/√k), the rate that Li, Fang, Xu, Zhao (ICLR 2020) state for their steps. Constant steps on the loss itself
turn like 1/log k (Soudry et al., JMLR 2018, for clean data).
"""

import math

from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError


def limit_margin(noise_margin: float, alpha: float) -> float:
    """`γ = √(α² + max(s*, 0)²)`: the margin of û on data `α y w* + ξ`, the radius up to which training is separable.

    The largest of `α cos θ + s* sin θ` over θ in [0, π/2].

    Source: Theorem 5.1, repaired form.

    Args:
        noise_margin: s*, any sign.
        alpha: scale of the data, > 0.
    """
    noise_margin, alpha = read_scalar(noise_margin, "noise_margin"), read_scalar(alpha, "alpha")
    if not 0 < alpha < math.inf or math.isnan(noise_margin):
        raise ValueError(f"limit_margin needs a finite alpha > 0 and a margin, got {alpha} and {noise_margin}")
    return math.hypot(alpha, max(noise_margin, 0.0))


def direction_error_bound(
    steps: int, n: int, *, margin: float, radius: float, longest: float, step_size: float
) -> float:
    """`√(2(ln n + η(R + δ)²/2)(1 + ln k)/(η(γ - δ)² k))`: `‖w_k/‖w_k‖ - û‖` is at most that.

    Source: Theorem 5.1, repaired form; derived here.

    Args:
        steps: k >= 1, loss-normalised and from 0.
        n: number of points.
        margin: γ, of û; at most R. What rounding puts above it, up to 1e-9 of it, is taken off.
        radius: δ in [0, γ).
        longest: `R = max ‖x_i‖`.
        step_size: η > 0.

    Raises:
        AssumptionError: if not `0 <= radius < margin`: the adversary wins, and no direction is the limit.
        ValueError: if another argument is out of range.
    """
    steps, n = read_whole(steps, "steps"), read_whole(n, "n")
    margin, radius = read_scalar(margin, "margin"), read_scalar(radius, "radius")
    longest, step_size = read_scalar(longest, "longest"), read_scalar(step_size, "step_size")
    if longest < margin <= longest * (1 + 1e-9):
        margin = longest
    if not 0 <= radius < margin:
        raise AssumptionError(
            f"Theorem 5.1 needs 0 <= radius < margin of the points, got radius={radius}, margin={margin}: lower the "
            "radius, or no direction classifies all balls"
        )
    if not (steps >= 1 and n >= 1 and margin <= longest < math.inf and 0 < step_size < math.inf):
        raise ValueError(
            "direction_error_bound needs steps >= 1, n >= 1, a finite step_size > 0 and points no shorter than their "
            f"margin, got steps={steps}, n={n}, step_size={step_size}, longest={longest}, margin={margin}"
        )
    # Of quotients, whose squares neither vanish nor overflow; where one is beyond floats, ∞ is still a bound.
    rise = margin - radius
    size = math.hypot(math.sqrt(math.log(n) / step_size) / rise, (longest / rise + radius / rise) / math.sqrt(2))
    return math.sqrt(2 * (1 + math.log(steps)) / steps) * size
