"""The limit of adversarial training of a linear classifier: the max-margin direction and its angle to w*.

Data `x_i = α y_i w* + ξ_i` with `ξ_i ⊥ w*`, `D = d - 1`. The margin of `cos θ w* + sin θ u`, `u ⊥ w*` a unit vector,
is `α cos θ + sin θ min_i y_i⟨ξ_i, u⟩`, so that with `s* = max_u min_i y_i⟨ξ_i, u⟩`

    tan ∠(û, w*) = max(s*, 0) / α.

Two routes to it, by two solvers on two sets of data: `û` itself is a least-distance problem (active sets), and
`max(s*, 0)` the distance of 0 from the convex hull of the `y_i ξ_i` (interior point, with its duality gap).
"""

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import brentq, lsq_linear, nnls

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError
from theory.gaussian.tails import union_bound
from theory.setting.losses import check_labels
from theory.setting.norms import in_units, norm


def max_margin_direction(points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> Float[np.ndarray, " d"]:
    """The unit `û` with the largest `min_i y_i⟨x_i, û⟩`: the hard-margin SVM through the origin.

    `min ‖w‖` with `y_i⟨x_i, w⟩ >= 1` as a least-distance problem: non-negative least squares, an active-set method
    (Lawson, Hanson 1974, chapter 23).

    Source: Li, Fang, Xu, Zhao (ICLR 2020), where adversarial training converges to it.

    Raises:
        ValueError: if shapes do not fit, an entry is not finite or a label is not ±1.
        AssumptionError: if no hyperplane through 0 separates the labels with a margin above 1e-12 of the longest point.
    """
    signed, _ = in_units(_signed(points, labels))
    largest = norm(signed, 2).max()
    if not largest > 0:
        raise AssumptionError("max_margin_direction needs separable data, got points that are all 0")
    signed = signed / largest
    system = np.vstack([signed.T, np.ones(len(signed))])
    target = np.zeros(len(system))
    target[-1] = 1.0
    weights, _ = nnls(system, target, maxiter=100 * len(signed))
    direction = signed.T @ weights
    direction /= norm(direction, 2) or 1.0
    # The rounding of a margin of unit vectors, with room; a margin below it is none.
    if not (signed @ direction).min() > 1e-12:
        raise AssumptionError(
            "max_margin_direction needs labels that a hyperplane through 0 separates, got a largest relative margin "
            f"of {(signed @ direction).min():.3g}: 0 lies in the convex hull of the y_i x_i, or too near for float64 "
            "beside the longest point. Give points of x = c y w* + ξ with c > 0, or larger ones"
        )
    return np.asarray(direction)


@dataclass(frozen=True)
class NoiseMargin:
    """A bracket of `max(s*, 0)`: `lower` is reached by a direction, `upper` by a point of the hull."""

    lower: float
    upper: float


def noise_margin(noise: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> NoiseMargin:
    """`max(s*, 0)`, `s* = max over unit u of min_i y_i⟨ξ_i, u⟩`: the distance of 0 from `conv{y_i ξ_i}`.

    By weak duality each unit `u` gives a lower and each convex combination an upper bound; both come from one
    solution of bounded least squares by an interior method. Up to the rounding of the two evaluations the bracket
    is right whatever the solver did.

    Raises:
        ValueError: if shapes do not fit, an entry is not finite or a label is not ±1.
    """
    signed, exponent = in_units(_signed(noise, labels))
    scale = norm(signed, 2).max()
    if not scale > 0:
        return NoiseMargin(0.0, 0.0)
    system = np.vstack([signed.T / scale, np.ones(len(signed))])
    target = np.zeros(len(system))
    target[-1] = 1.0
    # It multiplies 0 by ∞ where a step meets a bound exactly, and goes on.
    with np.errstate(invalid="ignore"):
        weights = lsq_linear(system, target, bounds=(0, np.inf), method="trf", tol=1e-15, lsq_solver="exact").x
    # In a unit of its own, as it may be far shorter than the points.
    nearest, further = in_units(signed.T @ (weights / weights.sum()))
    length = float(norm(nearest, 2))
    reached = float((signed @ (nearest / length)).min()) if length > 0 else 0.0
    with np.errstate(over="ignore"):
        lower, upper = float(np.ldexp(reached, exponent)), float(np.ldexp(length, further + exponent))
    return NoiseMargin(min(max(lower, 0.0), upper, sys.float_info.max), upper)


def limit_angle(margin: float, alpha: float) -> float:
    """`∠(û, w*) = arctan(max(s*, 0) / α)` in radians.

    Source: Theorem 5.1, repaired form.

    Args:
        margin: `s*`, any sign.
        alpha: scale of the large-margin data, > 0.
    """
    margin, alpha = read_scalar(margin, "margin"), read_scalar(alpha, "alpha")
    if math.isnan(margin):
        raise ValueError("limit_angle needs a number for the margin, got nan")
    _check_positive("limit_angle", alpha=alpha)
    return math.atan2(max(margin, 0.0), alpha)


@dataclass(frozen=True)
class AngleBounds:
    """`lower <= tan ∠(û, w*) <= upper`, each with probability at least `1 - failure`."""

    lower: float
    upper: float
    failure: float


def angle_bounds(dim: int, n_large: int, alpha: float, t: float) -> AngleBounds:
    """Concentration of `tan ∠(û, w*)`, from both sides.

    Above: `s* <= ‖(1/n) Σ y_i ξ_i‖`, a `χ_D / √n`: at most `(√D + t) / √n` but for `e^{-t²/2}`. Below: `s*` is the
    norm of a convex combination of the `y_i ξ_i`, at least `σ_min / √n`, and `σ_min >= √D - √n - t` but for
    `e^{-t²/2}` (Davidson, Szarek 2001): the printed theorem fails where that is large against `α`.

    Source: Theorem 5.1, repaired form; the upper bound is its quantitative form.

    Args:
        dim: d >= 2.
        n_large: number of large-margin points.
        alpha: their scale, > 0.
        t: deviation, >= 0.
    """
    dim, n_large = read_whole(dim, "dim"), read_whole(n_large, "n_large")
    alpha, t = read_scalar(alpha, "alpha"), read_scalar(t, "t")
    _check_counts("angle_bounds", dim, n_large)
    _check_positive("angle_bounds", alpha=alpha)
    if not t >= 0:
        raise ValueError(f"angle_bounds needs t >= 0, got {t}")
    root, size = math.sqrt(dim - 1), math.sqrt(n_large)
    return AngleBounds(
        max(root - size - t, 0.0) / (alpha * size), (root + t) / (alpha * size), union_bound(1, t * t / 2)
    )


def wendel_probability(n: int, dim: int) -> float:
    """Probability that n symmetric points in general position of R^dim lie in an open half-space.

    `2^{-(n-1)} Σ_{k < dim} C(n-1, k)`; with `dim = d - 1` the probability that the limit is *not* exactly w*.

    Source: Theorem 5.1, repaired form; Wendel (1962).
    """
    from scipy.stats import binom

    n, dim = read_whole(n, "n"), read_whole(dim, "dim")
    if not (n >= 1 and dim >= 1):
        raise ValueError(f"wendel_probability needs n >= 1 and dim >= 1, got n={n}, dim={dim}")
    return float(binom.cdf(float(dim - 1), float(n - 1), 0.5))


def exact_limit_bound(n: int, dim: int) -> float:
    """Upper bound of `wendel_probability` by Hoeffding: `exp(-(n-1)(1 - 2(dim-1)/(n-1))²/2)`.

    Raises:
        AssumptionError: if not `n - 1 > 2 (dim - 1)`.
    """
    n, dim = read_whole(n, "n"), read_whole(dim, "dim")
    if not n - 1 > 2 * (dim - 1) >= 0:
        raise AssumptionError(f"exact_limit_bound needs n - 1 > 2 (dim - 1) >= 0, got n={n}, dim={dim}: take n larger")
    return union_bound(1, (n - 1) * (1 - 2 * (dim - 1) / (n - 1)) ** 2 / 2)


def gordon_margin(ratio: float) -> float:
    """The limit κ of `s*` as `D, n → ∞` with `D/n → ratio`: `E[(κ + g)_+²] = ratio`, `g ~ N(0, 1)`.

    The mean is `(1 + κ²) Φ(κ) + κ φ(κ)`, increasing in κ and ½ at 0: the limit is positive iff `n < 2D`.

    Source: Theorem 5.1, repaired form; Gordon (1988).
    """
    from scipy.stats import norm as normal

    ratio = read_scalar(ratio, "ratio")
    _check_positive("gordon_margin", ratio=ratio)

    def excess(kappa: float) -> float:
        return float((1 + kappa**2) * normal.cdf(kappa) + kappa * normal.pdf(kappa)) - ratio

    # For κ >= 0 the mean lies between κ²/2 and κ² + 1; below -38 it underflows.
    return float(brentq(excess, -38.0, math.sqrt(2 * ratio) + 1.0, xtol=1e-14))


def _signed(points: Any, labels: Any) -> np.ndarray:
    points, labels = exact_floats(points, "points"), plain_array(labels, "labels")
    if points.ndim != 2 or 0 in points.shape or labels.shape != (len(points),):
        raise ValueError(f"points need shape (n >= 1, d >= 1) and labels (n,), got {points.shape} and {labels.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points need finite entries, got NaN or infinity")
    check_labels(labels, 1)
    return np.asarray(labels[:, None] * points)


def _check_positive(name: str, **values: float) -> None:
    for key, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} needs a finite {key} > 0, got {value}")


def _check_counts(name: str, dim: int, n: int) -> None:
    if not (dim >= 2 and n >= 1):
        raise ValueError(f"{name} needs dim >= 2 (the noise is orthogonal to w*) and n >= 1, got dim={dim}, n={n}")
