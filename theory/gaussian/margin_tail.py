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
the exponentials take its variance off, and are far smaller. Both expectations are integrals over one variable.

Source: Theorem 5.1, repaired form; Gordon (1985), theorem 1.1, for the comparison; the bound by exponentials is derived
here.
"""

import math

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import gammaln, log_ndtr, logsumexp

from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.gaussian.max_margin import wendel_probability

# Of the logarithms of the integrals, far above the error of the quadrature.
_SLACK = 1e-9
# The failures that a margin is looked for with: below, the integrals are of no use.
_LEAST_FAILURE = 1e-100


def margin_tail(n: int, noise_dim: int, margin: float) -> float:
    """Upper bound of `P(s* >= c)`, n Gaussian points of R^D: `e^{-r²/2} E e^{r‖h‖} E e^{-r p(g + c1)}` at its best r.

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
    return math.exp(min(_log_tail(n, noise_dim, margin), 0.0))


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
    """`ln E e^{r‖h‖}`, h standard normal in R^D, by the trapezoidal rule in `ln ‖h‖`.

    Both ends vanish like exponentials of exponentials or of `D ln ‖h‖`, so the rule errs by far less than 1e-9.

    Args:
        noise_dim: D >= 1.
        rate: r >= 0.
    """
    peak = (rate + math.sqrt(rate * rate + 4 * noise_dim)) / 2
    # The logarithm of the integrand is concave in the length, with a curvature of at least 1.
    low = min(math.log(peak / 2), math.log(peak) - (40 + rate * peak) / noise_dim)
    v = np.arange(low, math.log(peak + 40), 0.4 / (1 + peak))
    length = np.exp(v)
    logs = noise_dim * v - length * length / 2 + rate * length
    return float(logsumexp(logs) + math.log(v[1] - v[0]) - (noise_dim / 2 - 1) * math.log(2) - gammaln(noise_dim / 2))


def log_reach_moment(n: int, margin: float, rate: float) -> float:
    """`ln E e^{-r p(g + c1)}`, g standard normal in R^n, by two trapezoidal rules in the logarithm of their variables.

    With `e^{-r√x} = ∫ f(s) e^{-sx} ds`, `f(s) = r/(2√π) s^{-3/2} e^{-r²/(4s)}`, and n independent terms,

        E e^{-r‖(g + c1)_+‖} = ∫ f(s) (Φ(-c) + (1 + 2s)^{-1/2} e^{-s c²/(1 + 2s)} Φ(c/√(1 + 2s)))^n ds;

    and where all of `v = g + c1` is negative, `p(v) = -min |v_i|` in the place of 0 adds `r ∫_0^∞ e^{ru} Φ(-c-u)^n du`.

    Args:
        n: >= 1.
        margin: c >= 0.
        rate: r > 0.
    """
    # Near its largest value the integrand is like exp of r√(n (1 + c²)) times a smooth function of ln s.
    step = 0.4 / math.sqrt(1 + rate * math.sqrt(n * (1 + margin * margin)))
    v = np.arange(2 * math.log(rate / 2) - 8, 2 * math.log(rate / 2) + 80, step)
    s = np.exp(v)
    wide = 1 + 2 * s
    density = math.log(rate / (2 * math.sqrt(math.pi))) - v / 2 - rate * rate / (4 * s)
    one = np.logaddexp(
        log_ndtr(-margin), -np.log(wide) / 2 - s * margin * margin / wide + log_ndtr(margin / np.sqrt(wide))
    )
    some = float(logsumexp(density + n * one)) + math.log(step)
    # That is largest where n times the slope of ln Φ is r, at about r/n - c.
    step = 0.4 / (1 + margin + rate / math.sqrt(n))
    w = np.arange(-45.0, math.log(rate / n + 40), step)
    u = np.exp(w)
    none = float(logsumexp(math.log(rate) + w + rate * u + n * log_ndtr(-margin - u))) + math.log(step)
    return float(np.logaddexp(some, none))


def _log_tail(n: int, noise_dim: int, margin: float) -> float:
    def at(log_rate: float) -> float:
        rate = math.exp(log_rate)
        return log_comparison(rate, log_length_moment(noise_dim, rate), log_reach_moment(n, margin, rate))

    # Any rate gives a bound; the best is of the order of the lengths.
    top = math.log(4 * (math.sqrt(noise_dim) + (1 + margin) * math.sqrt(n)) + 4)
    found = minimize_scalar(at, bounds=(top - 9, top), method="bounded", options={"xatol": 0.01})
    return float(found.fun) + _SLACK
