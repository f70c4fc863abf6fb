"""Data of section 5: `x = c y w* + ξ` with Gaussian noise orthogonal to w*."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError
from theory.gaussian.mixed_model import row_norms
from theory.roundoff import gamma
from theory.setting.losses import check_labels

_BLOCK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class LinearSample:
    """A sample of `LinearData`, or data of one's own of that form: `y⟨w*, x⟩ = c > 0`, so that w* separates it.

    Attributes:
        points: shape (n, d).
        labels: shape (n,), ±1.
        small: which points are of small margin, shape (n,).
        source: the distribution.

    Raises:
        ValueError: if shapes do not fit, there is no point, an entry is not finite or a label is not ±1.
        AssumptionError: if a point is not at the distance c from the hyperplane of w*, on the side of its label.
    """

    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n_labels"]
    small: Bool[np.ndarray, " n_small"]
    source: "LinearData"

    def __post_init__(self) -> None:
        for name, read in (("points", exact_floats), ("labels", plain_array), ("small", plain_array)):
            object.__setattr__(self, name, read(getattr(self, name), name))
        count, dim = self.points.shape if self.points.ndim == 2 else (0, 0)
        if not count or dim != self.source.dim or self.labels.shape != (count,) or self.small.shape != (count,):
            raise ValueError(
                f"LinearSample needs points (n >= 1, {self.source.dim}), labels (n,) and small (n,), got "
                f"{self.points.shape}, {self.labels.shape} and {self.small.shape}"
            )
        if self.small.dtype != bool:
            raise ValueError(f"LinearSample needs truth values for small, got {self.small.dtype}")
        check_labels(self.labels, 1)
        scale = np.where(self.small, self.source.beta, self.source.alpha)
        # Entries that are no numbers show in the length.
        size = row_norms(self.points)
        if not np.isfinite(size).all():
            raise ValueError(f"LinearSample needs finite points, got {size[~np.isfinite(size)][0]} for a length")
        found = self.labels * (self.points @ self.source.w_star)
        off = np.abs(found - scale) > 4 * gamma(dim + 8) * (size + scale)
        if off.any():
            row = int(np.flatnonzero(off)[0])
            raise AssumptionError(
                f"LinearSample needs data that w* separates, y⟨w*, x⟩ = c, got {found[row]:.6g} for c={scale[row]:.6g} "
                f"at row {row}: correct its label, `small`, or the scales of the source"
            )

    def noise(self, chosen: Bool[np.ndarray, " n"] | Int[np.ndarray, " k"] | None = None) -> Float[np.ndarray, "k d"]:
        """The `ξ_i` of the chosen points (all by default), from the points: right up to the rounding of x."""
        rows = np.arange(len(self.points)) if chosen is None else np.arange(len(self.points))[chosen]
        scale = self.labels[rows] * np.where(self.small[rows], self.source.beta, self.source.alpha)
        return np.asarray(self.points[rows] - scale[:, None] * self.source.w_star)


@dataclass(frozen=True, eq=False)
class LinearData:
    """The distribution of `x = c y w* + ξ`, `ξ ~ N(0, I - w* w*ᵀ)`, y = ±1 fair, `c = β` with probability μ, else α.

    Noise is projected twice, so that `|⟨ξ, w*⟩|` is of the order of the unit roundoff times `‖ξ‖`, and exactly 0
    when w* is an axis.

    Source: assumption-linear-data.

    Args:
        w_star: w*, shape (d,), d >= 2, of norm 1 up to rounding.
        alpha: scale of the large-margin data.
        beta: scale of the small-margin data, in (0, alpha].
        mu: probability of small margin, in [0, 1].

    Raises:
        AssumptionError: if w* is no unit vector, or not `0 < beta <= alpha`.
        ValueError: if d < 2 or mu is no probability.
    """

    w_star: Float[np.ndarray, " d"] = field(repr=False)
    alpha: float
    beta: float
    mu: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "w_star", exact_floats(self.w_star, "w_star"))
        for name in ("alpha", "beta", "mu"):
            object.__setattr__(self, name, read_scalar(getattr(self, name), name))
        if self.w_star.ndim != 1 or len(self.w_star) < 2:
            raise ValueError(f"LinearData needs w_star of shape (d,) with d >= 2, got {self.w_star.shape}")
        length = float(np.linalg.norm(self.w_star))
        if not abs(length - 1) <= gamma(len(self.w_star) + 8):
            raise AssumptionError(f"LinearData needs ‖w_star‖_2 = 1, got {length!r}: divide w_star by its norm")
        if not 0 < self.beta <= self.alpha < math.inf:
            raise AssumptionError(
                f"LinearData needs 0 < beta <= alpha (small margin below large), got beta={self.beta}, "
                f"alpha={self.alpha}"
            )
        if not 0 <= self.mu <= 1:
            raise ValueError(f"LinearData needs mu in [0, 1], got {self.mu}")

    @property
    def dim(self) -> int:
        return len(self.w_star)

    def sample(self, n: int, seed: int | Sequence[int], *, n_small: int | None = None) -> LinearSample:
        """n independent points; with `n_small`, exactly so many of small margin, in random places.

        Args:
            n: number of points, >= 1.
            seed: of the generator, one number or several; another one gives fresh (test) data.
            n_small: in 0..n; by default each point is of small margin with probability mu.
        """
        n = read_whole(n, "n")
        n_small = None if n_small is None else read_whole(n_small, "n_small")
        if not n >= 1:
            raise ValueError(f"a sample needs n >= 1, got {n}")
        if n_small is not None and not 0 <= n_small <= n:
            raise ValueError(f"a sample needs 0 <= n_small <= n = {n}, got n_small={n_small}")
        rng = np.random.default_rng(seed)
        labels = rng.choice(np.array([-1, 1]), n)
        small = rng.random(n) < self.mu if n_small is None else rng.permutation(n) < n_small
        points = np.empty((n, self.dim))
        rng.standard_normal(out=points)
        scale = labels * np.where(small, self.beta, self.alpha)
        size = max(1, _BLOCK_BYTES // (8 * self.dim))
        for start in range(0, n, size):
            block = points[start : start + size]
            for _ in range(2):
                block -= (block @ self.w_star)[:, None] * self.w_star
            block += scale[start : start + size, None] * self.w_star
        return LinearSample(points, labels, small, self)


def random_direction(dim: int, seed: int | Sequence[int]) -> Float[np.ndarray, " d"]:
    """A uniform unit vector of R^dim."""
    w = np.random.default_rng(seed).standard_normal(dim)
    return np.asarray(w / np.linalg.norm(w))
