"""The ideal classifier f_adv of section 3, exact and discontinuous: the network's target, not a network."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.scalars import read_exponent, read_scalar
from theory.roundoff import TINY, gamma
from theory.setting.losses import check_labels
from theory.setting.membership import is_in_ball
from theory.setting.norms import norm

_BLOCK_BYTES = 2**26
# A power function is within this many units in the last place.
_POWER_ULPS = 64


@dataclass(frozen=True, eq=False)
class IdealClassifier:
    """`f_adv(x) = Σ_{i small} y_i 1{‖x - x_i‖_p <= radius} + clean(x) 1{min_{i small} ‖x - x_i‖_p > radius}`.

    For several classes `y_i` is one-hot. Where balls of one label overlap the sum exceeds 1; that is the
    definition. Distances are those of the coordinate differences, at every scale, and where their rounding could
    decide `<=`, `theory.setting.membership.is_in_ball` does: so `<=` is that of the real numbers. Only for p that is
    neither ∞ nor a whole number up to 64 may a point within 2^-300 of a sphere count as outside.

    Source: definition-f-adv.

    Args:
        points: training points, shape (N, d).
        labels: shape (N,), in {-1, +1} if `clean` has one output, in 0..C-1 if it has C.
        small: indices of the small-margin points, distinct, possibly none.
        radius: of the balls (δ), finite and >= 0.
        p: of the norm, in [1, ∞].
        clean: the clean classifier, (n, d) -> (n,), (n, 1) or (n, C).

    Raises:
        ValueError: if a shape, an index, the radius or p is wrong, or a coordinate is not finite.
    """

    points: Float[np.ndarray, "N d"]
    labels: Int[np.ndarray, " N"]
    small: Int[np.ndarray, " small"]
    radius: float
    p: float
    clean: Callable[[np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", exact_floats(self.points, "points"))
        object.__setattr__(self, "labels", plain_array(self.labels, "labels"))
        object.__setattr__(self, "small", plain_array(self.small, "small"))
        if self.points.ndim != 2 or 0 in self.points.shape or self.labels.shape != (len(self.points),):
            raise ValueError(
                "IdealClassifier needs points of shape (N, d), not empty, and labels of shape (N,), "
                f"got {self.points.shape} and {self.labels.shape}"
            )
        if not np.isfinite(self.points).all():
            raise ValueError("IdealClassifier needs finite points, got NaN or infinity")
        if len(self.small) and not np.issubdtype(self.small.dtype, np.integer):
            raise ValueError(f"small needs integer indices, got {self.small.dtype}")
        small = np.unique(self.small)
        if self.small.ndim != 1 or len(small) != len(self.small):
            raise ValueError(f"small needs distinct indices of shape (m,), got {self.small}")
        if len(small) and not 0 <= small[0] <= small[-1] < len(self.points):
            raise ValueError(f"small needs indices in 0..{len(self.points) - 1}, got {small[0]}..{small[-1]}")
        object.__setattr__(self, "radius", read_scalar(self.radius, "radius"))
        object.__setattr__(self, "p", read_exponent(self.p))
        if not 0 <= self.radius < np.inf:
            raise ValueError(f"IdealClassifier needs a finite radius >= 0, got {self.radius}")

    def __call__(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"] | Float[np.ndarray, "n outputs"]:
        """Value at each row of `x`: shape (n,) for one output, (n, C) for C.

        Raises:
            ValueError: if `x` does not have the points' dimension or is not finite, `clean` returns another
                shape, or a small-margin label is not one of the outputs'.
        """
        x = exact_floats(x, "x")
        if x.ndim != 2 or not len(x) or x.shape[1] != self.points.shape[1] or not np.isfinite(x).all():
            raise ValueError(
                f"f_adv needs finite x of shape (n >= 1, {self.points.shape[1]}), got {x.shape}"
                f"{'' if np.isfinite(x).all() else ' with NaN or infinity'}"
            )
        size = max(1, _BLOCK_BYTES // (8 * (len(self.small) + x.shape[1])))
        return np.concatenate([self._block(x[start : start + size]) for start in range(0, len(x), size)])

    def _block(self, x: np.ndarray) -> np.ndarray:
        clean = np.asarray(self.clean(x), dtype=np.float64)
        if clean.ndim not in (1, 2) or len(clean) != len(x):
            raise ValueError(f"clean needs to return shape ({len(x)},) or ({len(x)}, C), got {clean.shape}")
        outputs = 1 if clean.ndim == 1 else clean.shape[1]
        labels = self.labels[self.small]
        check_labels(labels, outputs)
        if not len(labels):
            return clean[:, 0] if clean.ndim == 2 and outputs == 1 else clean
        inside = _inside(x, self.points[self.small], self.radius, self.p)
        near = np.asarray(inside.any(axis=1))
        if outputs == 1:
            return np.where(near, inside @ labels.astype(np.float64), clean.reshape(len(x)))
        return np.where(near[:, None], inside @ np.eye(outputs)[labels], clean)


def _inside(x: np.ndarray, centres: np.ndarray, radius: float, p: float) -> np.ndarray:
    """Which x are in which balls."""
    # Relative: the difference, a sum of d powers and its root.
    rounding = gamma(2 * x.shape[1] + 4 * _POWER_ULPS)
    distances = _distances_near(x, centres, radius, p)
    inside = distances <= radius
    for i, j in np.argwhere(np.abs(distances - radius) <= rounding * radius + TINY):
        inside[i, j] = is_in_ball(x[i], centres[j], radius, p)
    return inside


def _distances_near(x: np.ndarray, centres: np.ndarray, radius: float, p: float) -> np.ndarray:
    """The l_p distances, up to rounding; some number above the radius for those that are above it."""
    if p in (1, np.inf) or (p == 2 and 1e-100 < radius < 1e100):
        # A square that vanishes is of no account beside the radius, and one that overflows is outside.
        return np.asarray(cdist(x, centres, {1: "cityblock", 2: "euclidean", np.inf: "chebyshev"}[p]))
    # No norm is less than the greatest difference; the others are in units of it, whatever its size.
    distances = np.asarray(cdist(x, centres, "chebyshev"))
    rows, columns = np.nonzero(distances <= radius)
    size = max(1, _BLOCK_BYTES // (8 * x.shape[1]))
    for start in range(0, len(rows), size):
        some = rows[start : start + size], columns[start : start + size]
        distances[some] = norm(x[some[0]] - centres[some[1]], p)
    return distances
