"""Affine coordinates in which a classifier is quick to train, and their folding into its first layer."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from constructions.networks.network import Affine

# The principal directions, and the means, are those of so many points at most; a block is transformed at a time.
_ROWS, _FEW, _BLOCK = 10_000, 2048, 4096
# Whose directions are all found in a second.
_FEW_FEATURES = 512
# Weights are divided by units; half a range below this is that of a constant.
_LEAST = 2.0**-900


@dataclass(frozen=True, eq=False)
class Coordinates:
    """`x ↦ Mᵀ ((x - shift) / unit)`.

    Attributes:
        shift: about the mean of each feature.
        unit: positive.
        matrix: M; None for the identity.
    """

    shift: Float[np.ndarray, " d"]
    unit: Float[np.ndarray, " d"]
    matrix: Float[np.ndarray, "d k"] | None = None

    def of(self, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n k"]:
        """The coordinates, in float32."""
        result = np.empty((len(points), len(self.shift) if self.matrix is None else self.matrix.shape[1]), np.float32)
        for start in range(0, len(points), _BLOCK):
            rows = slice(start, start + _BLOCK)
            own = ((points[rows] - self.shift) / self.unit).astype(np.float32)
            result[rows] = own if self.matrix is None else own @ self.matrix
        return result

    def folded(self, weight: np.ndarray, bias: np.ndarray) -> Affine:
        """The layer `W z + b` of these coordinates as one of the points.

        In float64, with unit roundoff u: a weight moves by `O(k u)` of the sum of its terms, the bias by `O(d u)` of
        `Σ_j |w_j shift_j|`. So outputs move by `O(d u |shift| / unit)` of the weights' size in these coordinates, which
        matters only where features are about `1 / (d u)` times as far from 0 as they are wide. Nothing is claimed of
        `W z + b`: whoever needs signs has to check those of the folded layer.
        """
        weight = np.asarray(weight, dtype=np.float64)
        if self.matrix is not None:
            weight = weight @ self.matrix.T.astype(np.float64)
        weight = weight / self.unit
        return Affine(weight, bias - weight @ self.shift)


def common_unit(points: Float[np.ndarray, "n d"]) -> Coordinates:
    """Centred, with one unit for all features, half the widest range: distances keep their proportions."""
    shift, unit, constant = _middle(points)
    return Coordinates(shift, np.full_like(unit, unit.max(where=~constant, initial=0.0) or 1.0))


def principal(points: Float[np.ndarray, "n d"], dim: int, seed: int, damping: float = 1e-3) -> Coordinates:
    """The first principal coordinates of the features in units of their ranges, about as wide as each other.

    Each is divided by the root of its variance and `damping` times the greatest variance.

    Args:
        points: the sample; its directions are those of 10,000 points at most.
        dim: how many coordinates, if there are as many.
        seed: of the points that are taken, and of the search for directions.
        damping: so much of the greatest variance is added to each, that noise is not made large.
    """
    shift, unit, _ = _middle(points)
    size = len(points)
    some = points if size <= _ROWS else points[np.sort(np.random.default_rng(seed).permutation(size)[:_ROWS])]
    seen = Coordinates(shift, unit, np.eye(points.shape[1], dtype=np.float32)).of(some)
    directions = _directions(seen, min(dim, *seen.shape), seed)
    variance = np.var(seen @ directions, axis=0)
    width = np.sqrt(variance + damping * variance.max())
    return Coordinates(shift, unit, np.asarray(directions / np.where(width > 0, width, 1), dtype=np.float32))


def _directions(seen: Float[np.ndarray, "n d"], count: int, seed: int) -> Float[np.ndarray, "d k"]:
    """The first right singular vectors, as columns; all of them exactly, which takes no further library."""
    if count < seen.shape[1] > _FEW_FEATURES:
        from sklearn.utils.extmath import randomized_svd

        return np.asarray(randomized_svd(seen, count, n_iter=1, random_state=seed)[2].T)
    seen = seen.astype(np.float64)
    return np.asarray(np.linalg.eigh(seen.T @ seen)[1][:, ::-1][:, :count])


def _middle(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """About the mean of each feature, half its range or 1 if it is constant, and whether it is."""
    low, high = points.min(axis=0), points.max(axis=0)
    # Halved first: the range and sums may overflow.
    half, middle = high / 2 - low / 2, low / 2 + high / 2
    constant = ~(half > _LEAST)
    unit = np.where(constant, 1.0, half)
    some = points[:: -(-len(points) // _FEW)]
    return middle + unit * ((some - middle) / unit).mean(axis=0), unit, constant
