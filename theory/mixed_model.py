"""The mixed model of section 5: `f(x) = w_0·x + Σ_j a_j σ(w_j·x - b)`, its target, its certificate on l_2 balls."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.errors import AssumptionError
from theory.losses import check_labels
from theory.relaxation import gamma

_BLOCK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class MixedModel:
    """`f(x) = w_0·x + Σ_j a_j σ(w_j·x - b)`.

    Source: section 5, definition of the learner.

    Args:
        linear: `w_0`, shape (d,).
        weights: the `w_j`, shape (m, d), m >= 0.
        signs: the `a_j`, shape (m,).
        threshold: b.

    Raises:
        ValueError: if a shape does not fit or an entry is not finite.
    """

    linear: Float[np.ndarray, " d"]
    weights: Float[np.ndarray, "m d"]
    signs: Float[np.ndarray, " m"]
    threshold: float

    def __post_init__(self) -> None:
        if self.weights.shape != (len(self.signs), len(self.linear)) or not len(self.linear):
            raise ValueError(
                "MixedModel needs linear (d,), weights (m, d) and signs (m,), got "
                f"{self.linear.shape}, {self.weights.shape} and {self.signs.shape}"
            )
        if not all(np.isfinite(a).all() for a in (self.linear, self.weights, self.signs, self.threshold)):
            raise ValueError("MixedModel needs finite entries, got NaN or infinity")

    def __call__(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Value at each row."""
        values = x @ self.linear
        for rows in _blocks(len(x), len(self.signs)):
            values[rows] += np.maximum(x[rows] @ self.weights.T - self.threshold, 0.0) @ self.signs
        return np.asarray(values)


def target_model(
    w_star: Float[np.ndarray, " d"],
    noise: Float[np.ndarray, "m d"],
    labels: Int[np.ndarray, " m"],
    threshold: float,
) -> MixedModel:
    """`f*(x) = w*·x + Σ over S_small of y_i σ(ξ_i·x - b)`.

    Source: section 5, last paragraph.
    """
    check_labels(labels, 1)
    return MixedModel(w_star, noise, labels.astype(np.float64), threshold)


def margin_certificate(
    model: MixedModel, points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], radius: float
) -> Float[np.ndarray, " n"]:
    """Sound lower bounds of `min over ‖ζ‖_2 <= δ of y f(x + ζ)`, over the reals.

    `y w_0·x - δ‖w_0‖ + Σ_{a_j y > 0} |a_j| σ(w_j·x - δ‖w_j‖ - b) - Σ_{a_j y < 0} |a_j| σ(w_j·x + δ‖w_j‖ - b)`: each
    term at its own worst point, so a positive bound proves that no point of the ball is misclassified, and a
    negative one proves nothing. Every dot product of length k is widened by `γ_{k+8}` times the product of the norms.

    Source: Theorem 5.2, repaired.

    Args:
        model: the classifier.
        points: shape (n, d).
        labels: shape (n,), ±1.
        radius: δ >= 0.
    """
    _check_balls(points, labels, radius, len(model.linear))
    dim, count = points.shape[1], len(model.signs)
    # Norms are within γ_{d+2} of the true ones; one more relative step covers the products below.
    slack = gamma(dim + 8)
    norms = _norms(model.weights) * (1 + slack)
    reach = _norms(points) * (1 + slack) + radius
    linear_norm = float(_norms(model.linear[None])[0]) * (1 + slack)
    lower = labels * (points @ model.linear) - radius * linear_norm - 4 * slack * reach * linear_norm
    size = np.abs(model.signs)
    for rows in _blocks(len(points), count):
        values = points[rows] @ model.weights.T - model.threshold
        error = 4 * slack * (reach[rows, None] * norms + abs(model.threshold))
        helps = model.signs * labels[rows, None] > 0
        own = np.maximum(values - radius * norms - error, 0.0) * helps @ size
        wrong = np.maximum(values + radius * norms + error, 0.0) * ~helps @ size
        lower[rows] += own - wrong - 2 * gamma(count + 4) * (own + wrong)
    lower -= 4 * gamma(4) * np.abs(lower)
    # What overflowed on both sides is no bound.
    return np.where(np.isnan(lower), -np.inf, lower)


@dataclass(frozen=True, eq=False)
class TargetConditions:
    """The three conditions under which f* has adversarial training error 0, each with its worst slack.

    Attributes:
        large_margin: `α - δ`, to be > 0.
        others_off: least `b - ⟨ξ_j, x_i⟩ - δ‖ξ_j‖` over j small and i ≠ j, to be >= 0.
        own_wins: least `β - δ + ‖ξ_i‖² - δ‖ξ_i‖ - b` over i small, to be > 0.
    """

    large_margin: float
    others_off: float
    own_wins: float

    @property
    def failed(self) -> tuple[str, ...]:
        """Which conditions do not hold, in words with their slack."""
        return tuple(
            text
            for holds, text in (
                (self.large_margin > 0, f"δ < α fails: α - δ = {self.large_margin:.4g}"),
                (self.others_off >= 0, f"b >= ⟨ξ_j, x_i⟩ + δ‖ξ_j‖ fails by {-self.others_off:.4g}: raise b or lower δ"),
                (
                    self.own_wins > 0,
                    f"β - δ + ‖ξ_i‖² - δ‖ξ_i‖ - b > 0 fails, least value {self.own_wins:.4g}: lower b or δ",
                ),
            )
            if not holds
        )

    @property
    def hold(self) -> bool:
        return not self.failed


def target_conditions(
    points: Float[np.ndarray, "n d"],
    small: Bool[np.ndarray, " n"],
    noise: Float[np.ndarray, "m d"],
    *,
    alpha: float,
    beta: float,
    radius: float,
    b: float,
) -> TargetConditions:
    """The conditions of the repaired Theorem 5.2 for one sample.

    Args:
        points: the `x_i`, shape (n, d).
        small: which of them are of small margin, shape (n,).
        noise: the `ξ_i` of those, in their order, shape (m, d).
        alpha, beta: scales of the data.
        radius: δ.
        b: threshold of the neurons.

    Raises:
        AssumptionError: if not `0 < beta <= alpha` or not `radius >= 0`.
        ValueError: if shapes do not fit.
    """
    _check_scales(alpha, beta, radius)
    own = np.flatnonzero(small)
    if len(small) != len(points) or noise.shape != (len(own), points.shape[1]):
        raise ValueError(
            f"target_conditions needs points (n, d), small (n,) and one noise vector for each small point, "
            f"got {points.shape}, {small.shape} with {len(own)} small, and {noise.shape}"
        )
    if not len(own):
        return TargetConditions(alpha - radius, math.inf, math.inf)
    norms = np.linalg.norm(noise, axis=1)
    worst = -math.inf
    for rows in _blocks(len(points), len(own)):
        products = points[rows] @ noise.T
        inside = (own >= rows.start) & (own < rows.stop)
        products[own[inside] - rows.start, np.flatnonzero(inside)] = -math.inf
        worst = max(worst, float((products + radius * norms).max()))
    wins = beta - radius + norms**2 - radius * norms - b
    return TargetConditions(alpha - radius, b - worst, float(wins.min()))


def memorization_failure(
    dim: int, n: int, n_small: int, *, alpha: float, beta: float, radius: float, b: float
) -> float:
    """Upper bound of the probability that the conditions of the repaired Theorem 5.2 fail; 1 if it says nothing.

    With `A = √D + √(2t)`, `a = √(D - 2√(Dt))`: at most `n_small (n + 1) e^{-t}` for every t with
    `A (√(2t) + δ) <= b < β - δ + a² - δ a` and `δ <= 2a`, `t < D/4` (Laurent, Massart 2000, for `‖ξ‖`; a Gaussian
    tail for `⟨ξ_j, ξ_i⟩`). The conditions only get harder with t, so the largest such t is found by bisection.

    Source: Theorem 5.2, repaired.

    Raises:
        AssumptionError: if not `0 < beta <= alpha` or not `radius >= 0`.
        ValueError: if the sizes do not fit.
    """
    if not (dim >= 2 and n >= n_small >= 0 and n >= 1):
        raise ValueError(f"memorization_failure needs dim >= 2, n >= n_small >= 0, got dim={dim}, n={n}, {n_small}")
    _check_scales(alpha, beta, radius)
    if not radius < alpha:
        return 1.0
    noise_dim = dim - 1

    def fits(t: float) -> bool:
        above = math.sqrt(noise_dim) + math.sqrt(2 * t)
        below = math.sqrt(max(noise_dim - 2 * math.sqrt(noise_dim * t), 0.0))
        off = above * (math.sqrt(2 * t) + radius) <= b
        return off and b < beta - radius + below**2 - radius * below and radius <= 2 * below

    low, high = 0.0, noise_dim / 4
    if not fits(low):
        return 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return min(1.0, n_small * (n + 1) * math.exp(-low))


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

    Source: derived for the algorithm of `empirics.stages`; Theorem 5.2 states no such bound.

    Args:
        noise_norm: `‖ξ_i‖`.
        point_norm: `‖x_i‖`.
        beta: scale of the small-margin data.
        radius: δ, the last and largest.
        b: threshold.
        direction_error: θ in radians.
    """
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


def _check_scales(alpha: float, beta: float, radius: float) -> None:
    if not 0 < beta <= alpha < math.inf or not radius >= 0:
        raise AssumptionError(
            f"Theorem 5.2 needs 0 < beta <= alpha and radius >= 0, got alpha={alpha}, beta={beta}, radius={radius}: "
            "alpha is the scale of the large-margin data"
        )


def _norms(rows: np.ndarray) -> np.ndarray:
    """Row norms without a second array of that shape; never below the true ones by underflow."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows)) + 2.0**-500)


def _blocks(rows: int, columns: int) -> list[slice]:
    size = max(1, _BLOCK_BYTES // (8 * max(columns, 1)))
    return [slice(start, start + size) for start in range(0, rows, size)]


def _check_balls(points: np.ndarray, labels: np.ndarray, radius: float, dim: int) -> None:
    if points.ndim != 2 or not len(points) or points.shape[1] != dim or labels.shape != (len(points),):
        raise ValueError(f"points need shape (n >= 1, {dim}) and labels (n,), got {points.shape} and {labels.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points need finite entries, got NaN or infinity")
    check_labels(labels, 1)
    if not 0 <= radius < math.inf:
        raise ValueError(f"balls need a finite radius >= 0, got {radius}")
