"""Data of section 5 on which the linear part learns the noise, or which are not what is said of them."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError
from theory.gaussian.laws import linear_clean_error
from theory.gaussian.max_margin import AngleBounds, angle_bounds, max_margin_direction


@dataclass(frozen=True, eq=False)
class LostDirection:
    """A large-margin sample whose max-margin direction is nearly orthogonal to `w*`.

    Attributes:
        points: shape (n, d).
        labels: shape (n,).
        w_star: shape (d,).
        bounds: what concentration says of the tangent of the angle.
    """

    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    w_star: Float[np.ndarray, " d"]
    bounds: AngleBounds

    @property
    def distance(self) -> float:
        """`‖û - w*‖`, which is √2 for orthogonal directions."""
        return float(np.linalg.norm(max_margin_direction(self.points, self.labels) - self.w_star))


def direction_lost_in_noise(dim: int, n_large: int, alpha: float, seed: int = 0) -> LostDirection:
    """Breaks the printed Theorem 5.1, which has `‖û - w*‖ = o(1)` with high probability and names no regime.

    Data of section 5 with `w* = e_1`, few points in a high dimension: `tan ∠(û, w*)` is at least
    `(√D - √n - 5)/(α√n)` but for probability `e^{-12.5}`, which grows without bound with d.

    Source: Theorem 5.1, printed form.

    Raises:
        AssumptionError: if that bound is below 1: the angle is then not surely above 45°.
    """
    dim, n_large, alpha = read_whole(dim, "dim"), read_whole(n_large, "n_large"), read_scalar(alpha, "alpha")
    bounds = angle_bounds(dim, n_large, alpha, 5.0)
    if not bounds.lower >= 1:
        raise AssumptionError(
            f"direction_lost_in_noise needs √(dim - 1) >= (1 + alpha) √n_large + 5, got dim={dim}, n_large={n_large}, "
            f"alpha={alpha}: raise dim"
        )
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([-1, 1]), n_large)
    noise = rng.standard_normal((n_large, dim - 1))
    return LostDirection(np.hstack([alpha * labels[:, None], noise]), labels, np.eye(1, dim)[0], bounds)


@dataclass(frozen=True, eq=False)
class Twins:
    """Two points of the support with opposite labels and one noise vector.

    Attributes:
        points: shape (2, d).
        labels: shape (2,).
        radius: δ, at most α and more than β.
    """

    points: Float[np.ndarray, "2 d"]
    labels: Int[np.ndarray, " 2"]
    radius: float

    @property
    def distance(self) -> float:
        """Between them, in l_2: an upper bound of the separation R of the population."""
        return float(np.linalg.norm(self.points[0] - self.points[1]))

    @property
    def diameter(self) -> float:
        """`2 δ`, which R exceeds in section 3."""
        return 2 * self.radius


def twins_of_the_population(dim: int, beta: float, radius: float, seed: int = 0) -> Twins:
    """Breaks "the data are of the kind of section 3", where classes are more than `2 δ` apart: here `2 β < 2 δ`.

    `x = β y w* + ξ` for y = ±1 and one ξ, `w* = e_1`: every such pair is in the support, however high the dimension.
    The noise is unbounded, so that the support is in no cube.

    Source: claim-linear-data-separation, printed form.

    Args:
        dim: d >= 2.
        beta: β in (0, δ).
        radius: δ.
        seed: of the noise.

    Raises:
        AssumptionError: if not `dim >= 2` and `0 < beta < radius`.
    """
    dim, beta, radius = read_whole(dim, "dim"), read_scalar(beta, "beta"), read_scalar(radius, "radius")
    if not (dim >= 2 and 0 < beta < radius < np.inf):
        raise AssumptionError(
            f"twins_of_the_population needs dim >= 2 and 0 < beta < radius, got dim={dim}, {beta=}, {radius=}"
        )
    points = np.random.default_rng(seed).standard_normal((1, dim)).repeat(2, axis=0)
    labels = np.array([1, -1])
    points[:, 0] = beta * labels
    return Twins(points, labels, radius)


@dataclass(frozen=True)
class LostAccuracy:
    """A linear classifier that is right on large-margin data and guesses on small-margin data.

    Attributes:
        angle: θ to w*, in radians.
        large_error: `Φ(-α cot θ)`, its clean error on large-margin data.
        small_error: `Φ(-β cot θ)`, on small-margin data.
    """

    angle: float
    large_error: float
    small_error: float


def accuracy_lost_at_small_margin(alpha: float, beta: float) -> LostAccuracy:
    """Breaks "high clean accuracy on large-margin data implies good clean accuracy on small-margin data".

    At `tan θ = √(αβ)` the errors are `Φ(-√(α/β))` and `Φ(-√(β/α))`: as α/β grows they tend to 0 and to ½.

    Source: claim-small-margin-transfer, printed form.

    Args:
        alpha: α.
        beta: β in (0, α/100], so that they are below 1e-23 and above 0.46.

    Raises:
        AssumptionError: if not `0 < 100 beta <= alpha`.
    """
    alpha, beta = read_scalar(alpha, "alpha"), read_scalar(beta, "beta")
    if not 0 < 100 * beta <= alpha < 2.0**400:
        raise AssumptionError(
            f"accuracy_lost_at_small_margin needs 0 < 100 beta <= alpha <= 2^400, got {alpha=}, {beta=}"
        )
    angle = math.atan(math.sqrt(alpha) * math.sqrt(beta))
    return LostAccuracy(angle, linear_clean_error(alpha, angle), linear_clean_error(beta, angle))
