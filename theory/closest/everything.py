"""All pairs by their distances, for where no bound tells them apart."""

import math
from collections.abc import Iterator

import numpy as np
from scipy.spatial.distance import cdist

from theory.closest.sides import BLOCK, Indices, Reach, Sides
from theory.exact.exact_distance import relative_error

# A distance between 2^±450 has a square, and one whose p-th power is between 2^±900 a power, within relative rounding.
_SQUARE_EXPONENT = 450
_POWER_EXPONENT = 900
# `1/p` is rounded, which changes a p-th root of t by `u |log t| / p`: little between 2^±32.
_ROOT_EXPONENT = 32


def has_relative_error(distances: np.ndarray, p: float) -> np.ndarray:
    """Whether distances by differences are right within `relative_error`; what underflows or overflows is not."""
    exponent = _SQUARE_EXPONENT if p in (1, 2, math.inf) else min(_ROOT_EXPONENT, _POWER_EXPONENT / p)
    return (distances >= 2.0**-exponent) & (distances <= 2.0**exponent)


def distances(a: np.ndarray, b: np.ndarray, p: float) -> np.ndarray:
    """All distances by differences."""
    metric = {1.0: "cityblock", 2.0: "euclidean", math.inf: "chebyshev"}.get(p, "minkowski")
    return np.asarray(cdist(a, b, metric, **({"p": p} if metric == "minkowski" else {})))


class Everything:
    """All pairs that count, less those whose distance by differences is beyond the reach."""

    def __init__(self, sides: Sides, p: float) -> None:
        self._sides, self._p = sides, p
        self._slack = 1 + 4 * relative_error(sides.x.dim, p)

    def within(self, rows: slice, columns: slice, reach: Reach) -> Iterator[Indices]:
        """Rows and columns of pairs, among them all at a distance up to `reach`, or up to that of the row."""
        x = self._sides.x[rows]
        with np.errstate(over="ignore"):
            beyond = np.reshape(reach, (-1, 1)) * self._slack
        for start in range(columns.start, columns.stop, BLOCK):
            part = slice(start, min(start + BLOCK, columns.stop))
            found = distances(x, self._sides.y[part], self._p)
            near = ~((found > beyond) & has_relative_error(found, self._p))
            mask = self._sides.mask(rows, part)
            if mask is not None:
                near &= ~mask
            i, j = np.nonzero(near)
            yield i + rows.start, j + start
