"""How large the margin of Gaussian noise is in a finite sample: Gordon's comparison, in full.

Let Ξ be n x D with independent N(0, 1) entries, rows `y_i ξ_i`, and `s* = max over unit u of min_i (Ξu)_i`. With
`p(v) = max over λ >= 0, ‖λ‖ = 1 of λ·v`, which is `‖v_+‖` unless all of v is negative,

    s* >= c   iff   Ψ = min over unit u of p(c1 - Ξu) <= 0.

Both λ and u are unit vectors, so with one more γ ~ N(0, 1) the process `c λ·1 - λ·Ξu + γ` has the variances of
`λ·(g + c1) - h·u`, g ∈ R^n and h ∈ R^D standard normal, and covariances that Gordon's min-max theorem asks for:

    Ψ + γ  is stochastically at least  p(g + c1) - ‖h‖.

Take `E e^{-r ·}` of both for any r >= 0. γ is independent of Ψ, and `e^{-rΨ} >= 1` where Ψ <= 0:

    P(s* >= c) <= e^{-r²/2} E e^{r‖h‖} E e^{-r p(g + c1)}.

Comparing the chances to be at most 0 instead gives the usual `2 P(‖(g + c1)_+‖ <= ‖h‖)`, which pays a factor for γ;
the exponentials take its variance off, and are far smaller. Both expectations are integrals over one variable, over
the line and analytic near it, so that sums over a grid replace them. What is returned is above them, for certain:

- `f(x) dx` over the line, by a sum with the step η, errs by at most `2N/(e^{2πb/η} - 1)`, N the largest of
  `∫|f(x + iy)| dx` over `|y| <= b`. The steps are such that this is below 3e-12 of the integral, as is shown at each.
- Each integrand has one largest value, and falls off to both sides at least like the geometric series that is added in
  the place of what is cut off: see `_log_integral`.
- What rounding may take off is added.

Source: Theorem 5.1, repaired form; Gordon (1985), theorem 1.1, for the comparison; Trefethen, Weideman (2014), theorem
5.1, for the sums; the bound by exponentials is derived here.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq, minimize_scalar
from scipy.special import erfcx, gammaln, log_ndtr, logsumexp

from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.gaussian.max_margin import wendel_probability
from theory.gaussian.tails import union_bound

# Of what the logarithms are sums of: their rounding, that of the grid, and with 256 at least also its error.
_ROUNDING = 2.0**-45
# Terms smaller than the largest by e^-45 are left to the geometric series.
_DEPTH = 45.0
_MOST_TERMS = 2**15
# From here on rounding leaves nothing of the logarithms.
_MOST_POINTS = 2**40
# The failures that a margin is looked for with: below, the integrals are of no use.
_LEAST_FAILURE = 1e-100


def margin_tail(n: int, noise_dim: int, margin: float) -> float:
    """Upper bound of `P(s* >= c)`, n Gaussian points of R^D: `e^{-r²/2} E e^{r‖h‖} E e^{-r p(g + c1)}` at its best r.

    Or `e^{-(c√n - √D)²/2}`, by the norm of the mean, where that is less. Never 0, but the smallest positive float.

    Source: Theorem 5.1, repaired form.

    Args:
        n: number of points.
        noise_dim: D.
        margin: c >= 0.

    Raises:
        ValueError: if an argument is out of range.
    """
    n, noise_dim, margin = read_whole(n, "n"), read_whole(noise_dim, "noise_dim"), read_scalar(margin, "margin")
    if not (n >= 1 and noise_dim >= 1 and 0 <= margin < math.inf):
        raise ValueError(
            f"margin_tail needs n >= 1, noise_dim >= 1 and a finite margin >= 0, got n={n}, noise_dim={noise_dim}, "
            f"margin={margin}"
        )
    return union_bound(1.0, max(-_log_tail(n, noise_dim, margin), 0.0))


def angle_quantile(dim: int, n_large: int, alpha: float, failure: float) -> float:
    """A bound of `tan ∠(û, w*) = max(s*, 0)/α` that fails with a probability of at most `failure`.

    0 where Wendel's probability of another limit than w* is no larger. Else the smaller of two: c/α with `margin_tail`
    of c, and `(√D + t)/(α √n)` with `e^{-t²/2}`, of `theory.gaussian.max_margin.angle_bounds`.

    Source: Theorem 5.1, repaired form.

    Args:
        dim: d >= 2; D = d - 1.
        n_large: number of large-margin points.
        alpha: their scale, > 0.
        failure: in [1e-100, 1).

    Raises:
        ValueError: if an argument is out of range.
    """
    dim, n_large = read_whole(dim, "dim"), read_whole(n_large, "n_large")
    alpha, failure = read_scalar(alpha, "alpha"), read_scalar(failure, "failure")
    if not (dim >= 2 and n_large >= 1 and 0 < alpha < math.inf and _LEAST_FAILURE <= failure < 1):
        raise ValueError(
            f"angle_quantile needs dim >= 2, n_large >= 1, a finite alpha > 0 and failure in [{_LEAST_FAILURE:g}, 1), "
            f"got dim={dim}, n_large={n_large}, alpha={alpha}, failure={failure}"
        )
    level = math.log(failure)

    def excess(margin: float) -> float:
        return _log_tail(n_large, dim - 1, margin) - level

    most = (math.sqrt(dim - 1) + math.sqrt(-2 * level)) / math.sqrt(n_large)
    if wendel_probability(n_large, dim - 1) <= failure:
        return 0.0
    if excess(most) > 0:
        return most / alpha
    # On the safe side of the root.
    found = brentq(excess, 0.0, most, xtol=1e-6 * most)
    return min(float(found) + 2e-6 * most, most) / alpha


def log_comparison(rate: float, log_length: float, log_reach: float) -> float:
    """`-r²/2 + ln E e^{r‖h‖} + ln E e^{-r p(g + c1)}`, from the two logarithms.

    Source: Theorem 5.1, repaired form.
    """
    return -rate * rate / 2 + log_length + log_reach


def log_length_moment(noise_dim: int, rate: float) -> float:
    """An upper bound of `ln E e^{r‖h‖}`, h standard normal in R^D, above it by rounding: a sum over a grid of `ln ‖h‖`.

    Let `f(v) = e^{Dv - e^{2v}/2 + re^v}`, `p = (r + √(r² + 4D))/2` the length e^v of its largest value, F(r) its
    integral and `b = 1/(1 + p) <= ½`. Then `∫|f(v + ib)| dv = (cos 2b)^{-D/2} F(r cos b/√cos 2b)`, at most
    `e^{2.2} F(r)`: for `-ln cos 2b <= 2.47 b²`, `cos b/√cos 2b <= 1 + 0.78 b²` and `(ln F)' <= p + 2`.

    Args:
        noise_dim: D >= 1.
        rate: r >= 0.
    """
    peak = (rate + math.sqrt(rate * rate + 4 * noise_dim)) / 2
    # In the length the integrand is log-concave with a curvature of at least 1; near 0 it is like its D-th power.
    low = math.log(peak - 12) if peak > 13 else math.log(peak) - (_DEPTH + rate * peak) / noise_dim
    # The slope D - e^{2v} + re^v is at least D up to e^v = r, and falls from e^v = r/2 on.
    found = _log_integral(
        lambda v: noise_dim * v - np.exp(2 * v) / 2 + rate * np.exp(v),
        low,
        math.log(peak + 12),
        0.2 / (1 + peak),
        least_rise=noise_dim,
    )
    found -= (noise_dim / 2 - 1) * math.log(2) + float(gammaln(noise_dim / 2))
    return found + _ROUNDING * (256 + (peak + 4) ** 2 * (1 + math.log(peak + 4)))


def log_reach_moment(n: int, margin: float, rate: float) -> float:
    """An upper bound of `ln E e^{-r p(g + c1)}`, g standard normal in R^n, above it by rounding: two sums over grids.

    With `e^{-r√x} = ∫ f(s) e^{-sx} ds`, `f(s) = r/(2√π) s^{-3/2} e^{-r²/(4s)}`, and n independent terms,

        E e^{-r‖(g + c1)_+‖} = ∫ f(s) (Φ(-c) + (1 + 2s)^{-1/2} e^{-s c²/(1 + 2s)} Φ(c/√(1 + 2s)))^n ds;

    and where all of `v = g + c1` is negative, `p(v) = -min |v_i|` in the place of 0 adds `r ∫_0^∞ e^{ru} Φ(-c-u)^n du`.

    Args:
        n: >= 1.
        margin: c >= 0.
        rate: r > 0.
    """
    return float(np.logaddexp(_some_positive(n, margin, rate), _none_positive(n, margin, rate)))


def _some_positive(n: int, margin: float, rate: float) -> float:
    """`ln G(r)`, `G(r) = E e^{-r‖X‖}` with n independent `X_i = (g_i + c)_+`, from above.

    The integrand is `s f(s) m(s)^n` in `v = ln s`, `m(s) = E e^{-sX²}`. At `v + ib` it is no larger in absolute value
    than at `s cos b`, with `r cos b` in the place of r, times `(cos b)^{-1/2}`; so its integral is at most
    `(cos b)^{-1/2} G(r cos b)`. As ln G is convex, with a slope of at least `-√(n(1 + c²))` and a value of at least
    `n ln Φ(-c)`, that is below `10 G(r)` for `b = 1.2/√(1 + K)`, K the smaller of `r√(n(1 + c²))` and `-n ln Φ(-c)`.

    The slope in v is `(r²/4 - n s² E_s X²)/s - ½`, E_s by the law with the density `e^{-sX²}/m(s)`; and `s² E_s X²`
    rises, as `s Var_s X² <= 2 E_s X²`. For under E_s, X is 0 or, with a chance p, `τz` with `τ² = 1/(1 + 2s)`, z a
    positive normal variable with the mean `θ = cτ` before it was cut, and `p/(1 - p) >= √(2π) θΦ(θ) e^{θ²/2}`; so
    `E z⁴ - p(E z²)² <= 4 E z²`. Hence below a point where the slope is positive it is nowhere less, and above one where
    it is negative it is at most that or -½.
    """
    second = n * (1 + margin * margin)
    # Up to s_0 the slope is positive, as E_s X² <= 1 + c²; from r²/2 on the logarithm falls like -v/2.
    rising = rate * rate / (1 + math.sqrt(1 + 4 * rate * rate * second))
    low = math.log(rate * rate / 4) - math.log(rate * rate / (2 * rising) + _DEPTH + 5)
    size = min(rate * math.sqrt(second), -n * float(log_ndtr(-margin)))
    step = 0.25 / math.sqrt(1 + size)
    found = _log_integral(
        lambda v: -v / 2 - rate * rate / 4 * np.exp(-v) + n * _log_transform(np.exp(v), margin),
        low,
        math.log(rate * rate / 2) + 2 * _DEPTH + 2,
        step,
        least_fall=0.5,
    )
    found += math.log(rate / (2 * math.sqrt(math.pi)))
    return min(found + _ROUNDING * (256 + n + abs(found)), 0.0)


def _log_transform(s: Float[np.ndarray, " m"], margin: float) -> Float[np.ndarray, " m"]:
    """`ln m(s)`, `m(s) = E e^{-s (g + c)_+²}`, g standard normal."""
    wide = 1 + 2 * s
    positive = -np.log(wide) / 2 - s * margin * margin / wide + log_ndtr(margin / np.sqrt(wide))
    return np.asarray(np.logaddexp(log_ndtr(-margin), positive))


def _none_positive(n: int, margin: float, rate: float) -> float:
    """`ln r ∫_0^∞ e^{ru} Φ(-c-u)^n du`, from above, by a grid of `w = ln u`.

    From `|Φ(-z)| <= Φ(-Re z) e^{(Im z)²/2}` the integral along `w + ib` is at most that of the integrand times
    `e^{n u² tan² b/2}`, over cos b. `e^{ru} Φ(-c-u)^n` is log-concave in u, with a curvature of at least `2n/π` and its
    largest value at most at `k/√n`: for `tan b = 0.3/(1 + k)` the factor is below 1.5.

    The slope in w is `1 + u(r - nλ(c + u))`, `λ(x) = Φ'(x)/Φ(-x)` convex with slopes from 2/π on for `x >= 0`: it is
    concave in u, and 1 at u = 0. And `k = (π/2) max(r - nλ(c), 0)/√n`.
    """
    hazard = math.sqrt(2 / math.pi) / float(erfcx(margin / math.sqrt(2)))
    beyond = math.pi / 2 * max(rate / n - hazard, 0.0)
    step = 0.06 / (1 + math.sqrt(n) * beyond)
    # The slope is positive up to 1/(n(c + 2)), as λ(x) <= x + 1.
    found = _log_integral(
        lambda w: math.log(rate) + w + rate * np.exp(w) + n * log_ndtr(-margin - np.exp(w)),
        -math.log(n * (margin + 2)) - _DEPTH,
        math.log(beyond + 14),
        step,
        least_rise=1.0,
    )
    return found + _ROUNDING * (256 + rate * (beyond + 14) + abs(found))


def _log_integral(
    log_of: Callable[[Float[np.ndarray, " m"]], Float[np.ndarray, " m"]],
    low: float,
    high: float,
    step: float,
    *,
    least_rise: float = math.inf,
    least_fall: float = math.inf,
) -> float:
    """`ln (η Σ e^{log_of(v)})` over a whole grid of step η, from above but for rounding; ∞ if its terms are too many.

    Args:
        log_of: a function with one largest value, between `low` and `high`. Below a point where its slope is positive
            the slope is at least that, or `least_rise`; above one where it is negative, at most that or `-least_fall`.
        low, high: where it is `_DEPTH` below its largest value; closer ends are looked for.
        step: η.
        least_rise, least_fall: as above.
    """
    for _ in range(4):
        v = np.linspace(low, high, 257)
        logs = log_of(v)
        kept = np.flatnonzero(logs >= logs.max() - _DEPTH)
        low, high = float(v[max(kept[0] - 1, 0)]), float(v[min(kept[-1] + 1, 256)])
    logs = log_of(low + step * np.arange(min(math.ceil((high - low) / step) + 2, _MOST_TERMS)))
    # By the mean value theorem the first and the last quotient are powers of slopes.
    rise, fall = min(float(logs[1] - logs[0]), step * least_rise), min(float(logs[-2] - logs[-1]), step * least_fall)
    if not (rise > 0 and fall > 0):
        return math.inf
    ends = [float(end) - by - math.log(-math.expm1(-by)) for end, by in ((logs[0], rise), (logs[-1], fall))]
    return float(logsumexp([*logs, *ends])) + math.log(step)


def _log_tail(n: int, noise_dim: int, margin: float) -> float:
    lengths = margin * math.sqrt(n), math.sqrt(noise_dim)
    # s* is at most the norm of the mean, a χ_D/√n; rounded down.
    over = max(lengths[0] - lengths[1] - 2.0**-50 * sum(lengths), 0.0)
    by_mean = -over * over / 2
    # Below the least positive float, the integrals need not be.
    if by_mean < -750 or max(n, noise_dim) > _MOST_POINTS:
        return by_mean

    def at(log_rate: float) -> float:
        rate = math.exp(log_rate)
        return log_comparison(rate, log_length_moment(noise_dim, rate), log_reach_moment(n, margin, rate))

    # Any rate gives a bound; the best is at most of the order of the lengths, and at least of that of their difference.
    top = math.log(4 * (math.sqrt(noise_dim) + (1 + margin) * math.sqrt(n)) + 4)
    found = minimize_scalar(at, bounds=(min(top - 9, -3.0), top), method="bounded", options={"xatol": 0.01})
    # The square of the rate is taken off the integrals, which are about as large.
    return min(float(found.fun) + _ROUNDING * math.exp(2 * float(found.x)), by_mean)
