"""How little memorizing helps on unseen data: bounds of `L_D^{adv,δ}(f_adv) / L_D^{adv,δ}(f_clean)` from below.

A point x of X_small that is more than r = 2δ away from all of S_small has no memorized ball in its own, so f_adv is
f_clean there, and wrong somewhere. For the network of Theorem 3.3 the same holds from r = 2δ+γ on. With μ = D(X_small)
and `q_x = D(X_small ∩ B_p(x, r))`, s the supremum of q_x, let F(S) be the share of X_small that is more than r away
from S_small. It is at most the ratio, and:

- For every S, n memorized points have at most n s of the mass within r: `F >= 1 - n s / μ`.
- For N independent draws, S_small those in X_small, `P(x is more than r away) = (1 - q_x)^N` for every x of X_small;
  by Fubini `E F = E((1 - q_x)^N | X_small)`. As `(1 - t)^N` is convex, Jensen gives `E F >= (1 - q)^N` with q the mean
  of q_x over X_small, that is μ times the probability that two independent points of X_small are within r.
- One draw in place of another changes F by at most s/μ: by McDiarmid `F >= E F - (s/μ) √(N ln(1/Δ) / 2)` with
  probability at least 1 - Δ.

For points of equal mass that are more than r apart, all robust once memorized, the ratio is F, q_x is one number, and
`E F = (1 - q)^N`. With a density <= κ on X_small, `q <= s <= κ V_{d,p} r^d`, V_{d,p} the volume of the unit ball.
"""

import math
from typing import Any

from theory.errors import AssumptionError
from theory.setting.volumes import log_ball_volume


def ratio_bound(n_small: int, mu: float, ball_mass: float) -> float:
    """`1 - n s / μ <= L_D^{adv,δ}(f_adv) / L_D^{adv,δ}(f_clean)` for every sample, or 0 if that is negative.

    Source: Proposition 3.2 (iii), repaired form.

    Args:
        n_small: n, the number of memorized points.
        mu: μ = D(X_small), in (0, 1].
        ball_mass: s, or more: an upper bound of `sup_z D(X_small ∩ B_p(z, 2δ))`, >= 0.

    Raises:
        AssumptionError: if μ is not in (0, 1].
        ValueError: if `n_small` or `ball_mass` is negative.
    """
    check_mu(mu)
    if not (n_small >= 0 and ball_mass >= 0):
        raise ValueError(f"ratio_bound needs n_small >= 0 and ball_mass >= 0, got {n_small} and {ball_mass}")
    return max(0.0, 1.0 - n_small * ball_mass / mu)


def expected_ratio_bound(n: int, mean_mass: float) -> float:
    """`(1 - q)^N`, at most the mean of the ratio over samples of N independent draws.

    Source: Proposition 3.2 (iii), repaired form.

    Args:
        n: N, the size of the sample, >= 0.
        mean_mass: q, or more, such as s: the mean over x in X_small of `D(X_small ∩ B_p(x, 2δ))`; >= 0. Where more
            than the points of X_small is memorized, of `D(B_p(x, 2δ))`. From 1 on it bounds nothing.

    Raises:
        ValueError: if `n` or `mean_mass` is negative.
    """
    if not (n >= 0 and mean_mass >= 0):
        raise ValueError(f"expected_ratio_bound needs n >= 0 and mean_mass >= 0, got {n} and {mean_mass}")
    if mean_mass >= 1:
        return 1.0 if n == 0 else 0.0
    return math.exp(n * math.log1p(-mean_mass))


def probable_ratio_bound(n: int, mean_mass: float, mu: float, ball_mass: float, failure: float) -> float:
    """`(1 - q)^N - (s/μ) √(N ln(1/Δ) / 2)`, at most the ratio with probability >= 1 - Δ; 0 if that is negative.

    Source: Proposition 3.2 (iii), repaired form. Arguments and errors as for `ratio_bound` and `expected_ratio_bound`.

    Args:
        n: N.
        mean_mass: q.
        mu: μ.
        ball_mass: s.
        failure: Δ in (0, 1).
    """
    check_mu(mu)
    if not (ball_mass >= 0 and 0 < failure < 1):
        raise ValueError(
            f"probable_ratio_bound needs ball_mass >= 0 and failure in (0, 1), got {ball_mass} and {failure}"
        )
    mean = expected_ratio_bound(n, mean_mass)
    return max(0.0, mean - ball_mass / mu * math.sqrt(n * math.log(1 / failure) / 2))


def log_ball_mass(dim: int, radius: float, density: float, p: Any) -> float:
    """`ln(κ V_{d,p} (2δ)^d)`, at least ln s for data with a density <= κ; Corollary 3.4 has δ + γ/2 in place of δ.

    Source: Proposition 3.2 (iii), repaired form; Corollary 3.4 (iii), repaired form.

    Args:
        dim: d >= 1.
        radius: δ > 0.
        density: κ > 0, an upper bound of the density of x on X_small.
        p: of the norm, in [1, ∞].

    Raises:
        AssumptionError: if δ or κ is not positive and finite.
        ValueError: if `dim` < 1 or p < 1.
    """
    if not (0 < radius < math.inf and 0 < density < math.inf):
        raise AssumptionError(
            f"Proposition 3.2 (iii) needs a radius and a density in (0, inf), got radius={radius}, density={density}"
        )
    return math.log(density) + log_ball_volume(dim, 2 * radius, p)


def log_threshold(dim: int, radius: float, mu: float, density: float, p: Any) -> float:
    """`ln(μ / (2κ V_{d,p} (2δ)^d))`: up to so many memorized points the ratio of every sample is at least 1/2.

    With d = 784, δ = 1/2, p = 2, μ = κ = 1 these are more than 10^652: the ball is by a factor 10^889 smaller than the
    cube around it, whose volume would leave none. `V_{d,p}^{1/d}` falls like `d^{-1/p}`, so the number is exponential
    in d for radii that grow like `d^{1/p}`.

    Source: Proposition 3.2 (iii), repaired form. Arguments and errors as for `log_ball_mass`.

    Args:
        dim: d.
        radius: δ.
        mu: μ = D(X_small), in (0, 1].
        density: κ.
        p: of the norm.

    Raises:
        AssumptionError: also if μ is not in (0, 1].
    """
    check_mu(mu)
    return math.log(mu) - math.log(2) - log_ball_mass(dim, radius, density, p)


def log_sample_threshold(log_mass: float) -> float:
    """`ln(ln ½ / ln(1 - q))`: up to so many draws the mean of the ratio is at least 1/2; -∞ for q >= 1.

    It is the number N with `(1 - q)^N = ½`, and lies between `ln 2 (1/q - 1)` and `ln 2 / q`; at the latter
    `(1 - q)^N` is below 1/2.

    Source: Proposition 3.2 (iii), repaired form.

    Args:
        log_mass: ln q, such as `log_ball_mass(...)`: q itself may be below every float.

    Raises:
        ValueError: if `log_mass` is NaN.
    """
    if math.isnan(log_mass):
        raise ValueError("log_sample_threshold needs the logarithm of a mass, got nan")
    if log_mass >= 0:
        return -math.inf
    # -ln(1 - q) = q (1 + q/2 + ...): q itself, to the last bit, from some point on.
    if log_mass < -40:
        return math.log(math.log(2)) - log_mass
    # 1 - q by the form that does not cancel.
    rest = math.log1p(-math.exp(log_mass)) if log_mass < -1 else math.log(-math.expm1(log_mass))
    return math.log(math.log(2)) - math.log(-rest)


def check_mu(mu: float) -> None:
    """Refuses a μ that is no mass.

    Raises:
        AssumptionError: if μ is not in (0, 1].
    """
    if not 0 < mu <= 1:
        raise AssumptionError(f"Proposition 3.2 (iii) needs a mass of small-margin data mu in (0, 1], got mu={mu}")
