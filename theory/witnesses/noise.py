"""Data of section 5 on which the linear part learns the noise."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError
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
