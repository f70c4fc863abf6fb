"""Assumption 6.1 with its constant: clean errors on small- and on large-margin data.

`L_small <= C L_large` gives `L_D = (1 - μ) L_large + μ L_small <= (1 - μ + μ C) L_large`. For one distribution and one
classifier with `L_large > 0` some C does always; only a stated one says anything.
"""

import math

from scipy.stats import norm

from theory.errors import AssumptionError


def transfer_constant(small_error: float, large_error: float) -> float:
    """The least C with `L_small <= C L_large`: 0 for L_small = 0, ∞ for L_large = 0 < L_small, else their ratio."""
    for error in (small_error, large_error):
        if not 0 <= error <= 1:
            raise ValueError(f"clean errors need to be in [0, 1], got small={small_error}, large={large_error}")
    if small_error == 0:
        return 0.0
    return small_error / large_error if large_error > 0 else math.inf


def transfer_bound(large_error: float, mu: float, constant: float) -> float:
    """`(1 - μ + μ C) L_large`, at least `L_D` if `L_small <= C L_large`. From 1 on it is vacuous.

    Source: Assumption 6.1, repaired form.
    """
    if not 0 <= large_error <= 1 or not 0 <= mu <= 1 or not 0 <= constant < math.inf:
        raise ValueError(
            "transfer_bound needs an error and a mass in [0, 1] and a finite constant >= 0, got "
            f"large_error={large_error}, mu={mu}, constant={constant}"
        )
    return (1 - mu + mu * constant) * large_error


def log_linear_transfer_constant(alpha: float, beta: float, angle: float) -> float:
    """`ln C` for the least C of a linear classifier at the angle θ from w* on the data of section 5.

    `C = Φ(-β cot θ) / Φ(-α cot θ)`, which grows like `(β/α)^{-1} exp((α² - β²) cot² θ / 2)` as θ → 0: no C serves all
    angles `o(1)`. At θ = 0 both errors are 0, and so is C.

    Source: assumption-6.1-verification, repaired form.

    Args:
        alpha: scale of the large-margin data.
        beta: scale of the small-margin data, in (0, α).
        angle: θ in radians, in (0, π/2).

    Raises:
        AssumptionError: if not `0 < β < α` or not `0 < θ < π/2`.
    """
    if not 0 < beta < alpha < math.inf or not 0 < angle < math.pi / 2:
        raise AssumptionError(
            "log_linear_transfer_constant needs 0 < beta < alpha and an angle in (0, π/2), got "
            f"alpha={alpha}, beta={beta}, angle={angle}: at angle 0 both errors are 0"
        )
    cot = 1 / math.tan(angle)
    return float(norm.logcdf(-beta * cot) - norm.logcdf(-alpha * cot))
