"""Samples whose coordinates, gaps, radii and shells are whole numbers over one small power of two.

Then weights and corners of boxes are exact in float32 too, as most verifiers read them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

_GRID = 256
_TRIES = 20_000


@dataclass(frozen=True, eq=False)
class Spread:
    """Points with labels, no two of them nearer than a gap in l_inf, so in any l_p.

    Attributes:
        points: in [0, 1]^d.
        labels: -1 and 1 for two classes, else 0, …, classes - 1, in turn.
        gap: a power of two.
    """

    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    gap: float


def spread(dim: int, size: int, gap: float, *, classes: int = 2, seed: int = 0) -> Spread:
    """Random points, one after the other, each as far from those before it as it has to be.

    Raises:
        ValueError: if no more points are found that far from each other.
    """
    generator = np.random.default_rng([seed, dim, size, classes])
    points = np.empty((size, dim))
    for k in range(size):
        for _ in range(_TRIES):
            x = generator.integers(0, _GRID + 1, dim) / _GRID
            if np.all(np.abs(points[:k] - x).max(axis=1) >= gap):
                break
        else:
            raise ValueError(
                f"{size} points of [0, 1]^{dim} at distances of at least {gap} were not found, only {k}: take fewer"
            )
        points[k] = x
    codes = np.arange(size) % classes
    return Spread(points, 2 * codes - 1 if classes == 2 else codes, gap)
