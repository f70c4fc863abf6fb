"""`|t|^p` for real p > 1 by convex piecewise-linear interpolation, in the range where an indicator reads it.

To tell `‖y‖_p <= inner` from `‖y‖_p >= outer` a network needs `ψ(t) = (t / outer)^p` accurately only below
`inner`: `Σ_j ψ(|y_j|) <= ρ^p` on the small ball, `ρ = inner / outer`, and `>= 1` off the large one. The function

    G(t) = Σ_k step_k σ(t - knot_k),   knot_0 = 0, step_k > 0,

interpolates `ψ` at its knots and is linear beyond `outer`. A chord lies above a convex function, so
`G >= min(ψ, 1)` everywhere; and `G <= (1 + η) ψ + ε` on `[0, inner]`, so that

    Σ_j G(|y_j|) <= (1 + η) ρ^p + d ε = ρ^p + ¾ (1 - ρ^p)   on the small ball.

The relative error `η` takes half of this and the absolute error `ε` the other half. That keeps `d` out of the number
of pieces but for a logarithm: with `D = ρ^p / (1 - ρ^p)` there are at most

    3 + 1.45 max(1, √D) log⁺(2.7 d D)

(`ε` for the first piece, then knots in geometric progression with ratio `1 + min(1/p, √(8η / (e p (p-1))))`; the
greedy knots below are the fewest there are).

Source: Theorem 3.3, repaired form; for p other than 1, 2 and ∞. Hinges serve real p as well as integer p in one
hidden layer; repeated squaring would be smaller only for even p and very thin shells.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent, read_scalar
from theory.roundoff import gamma

# Beyond this many pieces their search takes minutes and a network of them gigabytes.
_MOST_PIECES = 100_000
# Of the gap 1 - ρ^p; the rest is for the ramp and for the rounding on both of its sides.
_SHARE = 0.75
# Below this ρ^p it makes no difference how large the relative error is, nor to any bound what a power underflows to.
_TINY = 2.0**-500
_NEAR_ZERO = 2.0**-40
# A power function is within this many units in the last place.
_POWER_ULPS = 64


@dataclass(frozen=True, eq=False)
class Hinges:
    """The convex function `G(t) = Σ_k step_k σ(t - knot_k)` of `t >= 0`.

    Attributes:
        knots: ascending, the first is 0.
        steps: changes of the slope at the knots, > 0.

    Raises:
        ValueError: for other knots or steps.
    """

    knots: Float[np.ndarray, " pieces"]
    steps: Float[np.ndarray, " pieces"]

    def __post_init__(self) -> None:
        for name in ("knots", "steps"):
            object.__setattr__(self, name, exact_floats(getattr(self, name), name))
        if self.knots.ndim != 1 or self.knots.shape != self.steps.shape:
            raise ValueError(
                f"hinges need knots and steps of one shape (pieces,), got {self.knots.shape} and {self.steps.shape}"
            )
        if not (len(self.knots) and self.knots[0] == 0 and np.all(np.diff(self.knots) > 0) and np.all(self.steps > 0)):
            raise ValueError(
                f"hinges need ascending knots from 0 on and steps > 0, got {self.knots[:4]} and {self.steps[:4]}"
            )

    @property
    def pieces(self) -> int:
        return len(self.knots)

    @property
    def slopes(self) -> Float[np.ndarray, " pieces"]:
        """Slope of each linear piece."""
        return np.asarray(np.cumsum(self.steps))

    def __call__(self, t: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """`G(t)` for `t >= 0`."""
        slopes = self.slopes
        values = np.concatenate([[0.0], np.cumsum(slopes[:-1] * np.diff(self.knots))])
        piece = np.searchsorted(self.knots, t, side="right") - 1
        return np.asarray(values[piece] + slopes[piece] * (t - self.knots[piece]))


def power_gap(inner: float, outer: float, p: float) -> float:
    """`1 - ρ^p`, `ρ = inner / outer`, without cancellation."""
    with np.errstate(divide="ignore"):  # ρ may be 0 in float64
        return float(-np.expm1(p * np.log1p((inner - outer) / outer)))


def interpolated_power(inner: float, outer: float, p: float, dim: int) -> Hinges:
    """The `G` of the fewest pieces, as above.

    Args:
        inner: radius of the small ball, > 0.
        outer: radius of the large ball, > inner.
        p: in (1, ∞).
        dim: d.

    Raises:
        ValueError: for other arguments, or if more than 100,000 pieces are needed.
    """
    from scipy.optimize import brentq

    inner, outer, p = read_scalar(inner, "inner"), read_scalar(outer, "outer"), read_exponent(p)
    dim = _dimension(dim)
    if not 1 < p < np.inf:
        raise ValueError(f"interpolated_power needs 1 < p < inf, got p={p}: hinges at 0 do for p = 1")
    if not 0 < inner < outer < np.inf:
        raise ValueError(f"interpolated_power needs 0 < inner < outer, got inner={inner}, outer={outer}")
    rho = inner / outer
    gap = power_gap(inner, outer, p)
    eps, eta = _accuracy(gap, p, rho, dim)
    if not _estimated_pieces(gap, p, dim) <= _MOST_PIECES:
        raise _too_many(_estimated_pieces(gap, p, dim), inner, outer, p)

    def error(end: float, start: float) -> float:
        """Greatest of `chord - (1 + η) u^p` on `[start, min(end, ρ)]`, less `ε`."""
        low = start**p
        if end <= start:
            return float(-eps - eta * low)
        slope = (end**p - low) / (end - start)
        top = float(np.clip(_where_slope(slope, 1 + eta, p), start, min(end, rho)))
        return float(low + slope * (top - start) - (1 + eta) * top**p - eps)

    ends = [0.0]
    while ends[-1] < 1:
        start = ends[-1]
        done = start >= rho or error(1.0, start) <= 0
        ends.append(1.0 if done else float(brentq(error, start, 1.0, args=(start,), xtol=1e-300, rtol=1e-12)))
        # Where the errors allowed are below rounding the search may not end.
        if ends[-1] <= start or len(ends) > 2 * _MOST_PIECES:
            raise _too_many(max(_estimated_pieces(gap, p, dim), len(ends)), inner, outer, p)
    u = np.array(ends)
    slopes = np.diff(u**p) / np.diff(u) / outer
    return Hinges(u[:-1] * outer, np.diff(slopes, prepend=0.0))


def _dimension(dim: Any) -> int:
    number = read_scalar(dim, "dim")
    if not (number >= 1 and number.is_integer()):
        raise ValueError(f"interpolated_power needs a whole dim >= 1, got {dim}")
    return int(number)


def _estimated_pieces(gap: float, p: float, dim: int) -> float:
    """About how many pieces the greedy knots have when they are many.

    Near u a piece of length h has the error `h² ψ''(u) / 8`, and `η u^p + ε` is allowed, so that on `[0, ρ]` there are
    `∫ √(ψ'' / (8 (η u^p + ε))) du = √((p - 1) / (2 p η)) · asinh √(η ρ^p / ε)` of them, with `η ρ^p / ε = d`.
    """
    ratio = (1 - gap) / gap if gap > 0 else math.inf
    return math.sqrt((p - 1) / p * ratio / _SHARE) * math.asinh(math.sqrt(dim))


def _too_many(pieces: float, inner: float, outer: float, p: float) -> ValueError:
    return ValueError(
        f"interpolated_power needs a shell for which {_MOST_PIECES:,} linear pieces are enough, got inner={inner} and "
        f"outer={outer} with p={p}, which take about {pieces:,.0f} or more: take a wider shell, or p = 1, 2 or inf, "
        "which need no pieces"
    )


def power_bounds(hinges: Hinges, inner: float, outer: float, p: float, dim: int) -> tuple[float, float]:
    """Sound bounds `(upper, lower)` for any hinges, read from their knots and steps.

    `Σ_j G(|y_j|) <= upper` for all real `y` with `‖y‖_p <= inner`, `>= lower` for all with `‖y‖_p >= outer`.

    On a linear piece `G - (1 + η) ψ` is concave, so a tangent bounds it from above, wherever it touches; and where
    `G >= λ ψ` at both ends of a piece it holds between. Every inequality leaves an allowance for the arithmetic here.
    """
    rho = inner / outer
    _, eta = _accuracy(power_gap(inner, outer, p), p, rho, dim)
    relative = gamma(8 * int(np.ceil(p)) + 2 * _POWER_ULPS + 4 * hinges.pieces + 16)

    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        ends = np.append(hinges.knots[1:][hinges.knots[1:] < outer], outer)
        lower = float((hinges(ends) / np.maximum((ends / outer) ** p, _TINY)).min())

        start = hinges.knots[hinges.knots < inner]
        end = np.minimum(np.append(hinges.knots, np.inf)[1 : len(start) + 1], inner)
        slope = hinges.slopes[: len(start)]
        # Not at 0 itself, where the slope of ψ may change at once when p is near 1.
        touch = np.clip(outer * _where_slope(slope * outer, 1 + eta, p), np.maximum(start, _NEAR_ZERO * end), end)
        value, power = hinges(touch), (1 + eta) * (touch / outer) ** p
        rise = (1 + eta) * p * (touch / outer) ** (p - 1) / outer
        tangent = np.maximum((slope - rise) * (end - touch), (slope - rise) * (start - touch))
        size = value + power + (slope + rise) * (end - start)
        upper = (1 + eta) * rho**p + dim * float((value - power + tangent + 2 * relative * size).max())
        reached = np.isfinite(hinges(np.append(ends, touch))).all()
    if not (reached and math.isfinite(upper) and math.isfinite(lower) and 2 * relative < 1):
        # What overflows bounds nothing.
        return math.inf, -math.inf
    return upper * (1 + 2 * relative) + _TINY, lower * (1 - 2 * relative)


def _accuracy(gap: float, p: float, rho: float, dim: int) -> tuple[float, float]:
    """`ε` and `η`."""
    return _SHARE * gap / (2 * dim), _SHARE * gap / (2 * max(rho**p, _TINY))


def _where_slope(slope: np.ndarray | float, factor: float, p: float) -> np.ndarray:
    """The `u` at which `factor · u^p` has the given slope."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.power(np.asarray(slope) / (factor * p), 1 / (p - 1)))
