"""The mixed model of section 5: `f(x) = w_0·x + Σ_j a_j σ(w_j·x - b)`, its target, its certificate on l_2 balls."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.scalars import read_scalar
from theory.blocks import blocks
from theory.errors import AssumptionError
from theory.roundoff import TINY, gamma
from theory.setting.losses import check_labels
from theory.setting.norms import norm

# Between these, a square root of a sum of squares has lost nothing that counts to underflow or overflow.
_PLAIN = (2.0**-400, 2.0**500)


@dataclass(frozen=True, eq=False)
class MixedModel:
    """`f(x) = w_0·x + Σ_j a_j σ(w_j·x - b)`.

    Source: definition-mixed-model.

    Numbers of any type are kept as float64: in a narrower one the certificates would be computed in it.

    Args:
        linear: `w_0`, shape (d,).
        weights: the `w_j`, shape (m, d), m >= 0.
        signs: the `a_j`, shape (m,).
        threshold: b.

    Raises:
        ValueError: if a shape does not fit, or an entry is not finite or no float64.
    """

    linear: Float[np.ndarray, " d"]
    weights: Float[np.ndarray, "m d"]
    signs: Float[np.ndarray, " m"]
    threshold: float

    def __post_init__(self) -> None:
        for name in ("linear", "weights", "signs"):
            object.__setattr__(self, name, exact_floats(getattr(self, name), name))
        object.__setattr__(self, "threshold", read_scalar(self.threshold, "threshold"))
        vectors = self.signs.ndim == self.linear.ndim == 1 and len(self.linear) > 0
        if not vectors or self.weights.shape != (len(self.signs), len(self.linear)):
            raise ValueError(
                "MixedModel needs linear (d,), weights (m, d) and signs (m,), got "
                f"{self.linear.shape}, {self.weights.shape} and {self.signs.shape}"
            )
        if not all(np.isfinite(a).all() for a in (self.linear, self.weights, self.signs, self.threshold)):
            raise ValueError("MixedModel needs finite entries, got NaN or infinity")

    def __call__(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Value at each row."""
        x = exact_floats(x, "x")
        values = x @ self.linear
        for rows in blocks(len(x), len(self.signs)):
            values[rows] += np.maximum(x[rows] @ self.weights.T - self.threshold, 0.0) @ self.signs
        return np.asarray(values)


def target_model(
    w_star: Float[np.ndarray, " d"],
    noise: Float[np.ndarray, "m d"],
    labels: Int[np.ndarray, " m"],
    threshold: float,
) -> MixedModel:
    """`f*(x) = w*·x + Σ over S_small of y_i σ(ξ_i·x - b)`.

    Source: claim-linear-limit, printed form.
    """
    return MixedModel(w_star, noise, check_labels(labels, 1).astype(np.float64), threshold)


def margin_certificate(
    model: MixedModel, points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], radius: float
) -> Float[np.ndarray, " n"]:
    """Sound lower bounds of `min over ‖ζ‖_2 <= δ of y f(x + ζ)`, over the reals.

    `y w_0·x - δ‖w_0‖ + Σ_{a_j y > 0} |a_j| σ(w_j·x - δ‖w_j‖ - b) - Σ_{a_j y < 0} |a_j| σ(w_j·x + δ‖w_j‖ - b)`: each
    term at its own worst point, so a positive bound proves that no point of the ball is misclassified, and a
    negative one proves nothing. Every dot product of length k is widened by `γ_{k+8}` times the product of the norms,
    and by `TINY` for products that underflow.

    Source: Theorem 5.2, repaired form.

    Args:
        model: the classifier.
        points: shape (n, d).
        labels: shape (n,), ±1.
        radius: δ >= 0.

    Raises:
        ValueError: if shapes do not fit, an entry or the radius is not finite or no float64, or a label is not ±1.
    """
    points, labels, radius = read_balls(points, labels, radius, len(model.linear))
    return batch_certificate(
        model.linear, model.weights, model.signs, np.array(model.threshold), points, labels, np.array(radius)
    )


def batch_certificate(
    linear: Float[np.ndarray, "*runs d"],
    weights: Float[np.ndarray, "*runs m d"],
    signs: Float[np.ndarray, "*runs m"],
    threshold: Float[np.ndarray, "*runs"],
    points: Float[np.ndarray, "*runs n d"],
    labels: Shaped[np.ndarray, "*runs n"],
    radius: Float[np.ndarray, "*runs"],
) -> Float[np.ndarray, "*runs n"]:
    """`margin_certificate` of several networks at once, each on its own points.

    A neuron of sign 0 is absent. At a point of label 0 the bound means nothing. Shapes and finiteness are not checked.

    Raises:
        ValueError: if an entry is no float64.
    """
    linear, weights = exact_floats(linear, "linear"), exact_floats(weights, "weights")
    signs = exact_floats(signs, "signs")
    threshold, radius = exact_floats(threshold, "threshold"), exact_floats(radius, "radius")
    points, labels = exact_floats(points, "points"), exact_floats(labels, "labels")
    # What overflowed is no bound, and says so in the end.
    with np.errstate(over="ignore", invalid="ignore"):
        return _lower_bounds(linear, weights, signs, threshold, points, labels, radius)


def _lower_bounds(
    linear: np.ndarray,
    weights: np.ndarray,
    signs: np.ndarray,
    threshold: np.ndarray,
    points: np.ndarray,
    labels: np.ndarray,
    radius: np.ndarray,
) -> np.ndarray:
    dim, count = points.shape[-1], signs.shape[-1]
    threshold, radius = threshold[..., None], radius[..., None]
    # Norms are within γ_{d+2} of the true ones; one more relative step covers the products below.
    slack = gamma(dim + 8)
    norms = row_norms(weights) * (1 + slack)
    reach = row_norms(points) * (1 + slack) + radius
    linear_norm = row_norms(linear[..., None, :]) * (1 + slack)
    lower = labels * (points @ linear[..., None])[..., 0] - radius * linear_norm - 4 * slack * reach * linear_norm
    size, span = np.abs(signs)[..., None], (radius * norms)[..., None, :]
    for rows in blocks(points.shape[-2], signs.size):
        values = points[..., rows, :] @ weights.mT - threshold[..., None]
        error = 4 * slack * (reach[..., rows, None] * norms[..., None, :] + np.abs(threshold)[..., None]) + TINY
        helps = signs[..., None, :] * labels[..., rows, None] > 0
        own = (np.maximum(values - span - error, 0.0) * helps @ size)[..., 0]
        wrong = (np.maximum(values + span + error, 0.0) * ~helps @ size)[..., 0]
        lower[..., rows] += own - wrong - 2 * gamma(count + 4) * (own + wrong)
    lower -= 4 * gamma(4) * np.abs(lower) + TINY
    # What overflowed on both sides is no bound.
    return np.where(np.isnan(lower), -np.inf, lower)


def neuron_cosine_bound(
    noise_norm: Float[np.ndarray, " m"],
    point_norm: Float[np.ndarray, " m"],
    *,
    beta: float,
    radius: float,
    b: float,
    direction_error: float,
) -> Float[np.ndarray, " m"]:
    """Lower bounds of `cos(w_i, ξ_i)` after any number of steps of stage 2; -1 where it says nothing.

    Each step adds a multiple of `x_i - δ_t (y_i w_0 + w_i)/‖y_i w_0 + w_i‖` to w_i, or scales w_i; so
    `w_i = A (x_i - ρ y_i w_0)` with ρ a mean of values `δ_t / ‖y_i w_0 + w_i‖`. A neuron that moves is alive at x_i,
    so `‖w_i‖ > b/‖x_i‖`, and `0 <= ρ <= δ / (b/‖x_i‖ - 1)`. With θ the angle of the unit w_0 to w*,
    `tan ∠(w_i, ξ_i) <= (|β - ρ cos θ| + ρ sin θ) / (‖ξ_i‖ - ρ sin θ)`, largest at an end of the interval.

    Source: Theorem 5.2; derived for the algorithm of `empirics.gaussian.stages`, it states no such bound.

    Args:
        noise_norm: `‖ξ_i‖`.
        point_norm: `‖x_i‖`.
        beta: scale of the small-margin data.
        radius: δ, the last and largest.
        b: threshold.
        direction_error: θ in radians.
    """
    noise_norm, point_norm = exact_floats(noise_norm, "noise_norm"), exact_floats(point_norm, "point_norm")
    beta, radius, b = read_scalar(beta, "beta"), read_scalar(radius, "radius"), read_scalar(b, "b")
    direction_error = read_scalar(direction_error, "direction_error")
    if not radius >= 0:
        raise AssumptionError(f"neuron_cosine_bound needs radius >= 0, got {radius}")
    room = b / point_norm - 1.0
    rho = np.divide(radius, room, out=np.full_like(room, np.inf), where=room > 0)
    sine, cosine = math.sin(direction_error), math.cos(direction_error)
    with np.errstate(invalid="ignore"):
        along = noise_norm - rho * sine
        across = np.maximum(beta, np.abs(beta - rho * cosine)) + rho * sine
        bound = along / np.hypot(along, across)
    return np.asarray(np.where((room > 0) & (along > 0), bound, -1.0))


def row_norms(rows: np.ndarray) -> np.ndarray:
    """Row norms, within `γ_{d+2}` of the true ones or above; without a second array of that shape at common scales."""
    with np.errstate(over="ignore"):
        norms = np.asarray(np.sqrt(np.einsum("...j,...j->...", rows, rows)))
    far = ~((norms >= _PLAIN[0]) & (norms <= _PLAIN[1]))
    if far.any():
        # Infinite rows may overflow again; a subnormal norm has no relative error, so the least float is added.
        norms[far] = norm(rows[far], 2) + 2.0**-1074
    return norms


def read_balls(points: Any, labels: Any, radius: Any, dim: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Points, labels and radius for a model of so many inputs, the numbers in float64.

    Raises:
        ValueError: as `margin_certificate`.
    """
    points, labels = exact_floats(points, "points"), plain_array(labels, "labels")
    radius = read_scalar(radius, "radius")
    if points.ndim != 2 or not len(points) or points.shape[1] != dim or labels.shape != (len(points),):
        raise ValueError(f"points need shape (n >= 1, {dim}) and labels (n,), got {points.shape} and {labels.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points need finite entries, got NaN or infinity")
    check_labels(labels, 1)
    if not 0 <= radius < math.inf:
        raise ValueError(f"balls need a finite radius >= 0, got {radius}")
    return points, labels, radius
