"""Robust bits: thresholds of coordinates that no ball of a sample crosses.

`[x_j <= t]` is constant on every ball `B_p(x_i, δ)` if no coordinate j of a point is within δ of t. Such t are in gaps
`v + δ < t < w - δ` between two neighbouring values v, w of the coordinate, for all p alike.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from theory.errors import AssumptionError

# Of the size of the values: gaps that are no wider than this beyond 2 δ are not used.
_ROOM = 2.0**-32


@dataclass(frozen=True)
class Threshold:
    """A bit of a coordinate that is constant for values up to `low + δ`, and for values from `high - δ` on.

    It is 1 above, or below, as `σ(1 - σ(weight x_j - bias))`: `weight x_j - bias` is at most -1 on that side, and at
    least 2 on the other: one unit of room for rounding.

    Attributes:
        coordinate: j.
        low: a value of the sample.
        high: the next one.
        weight: an integer, negative if the bit is 1 above.
        bias: an integer.
    """

    coordinate: int
    low: float
    high: float
    weight: int
    bias: int

    def bit(self, values: np.ndarray) -> np.ndarray:
        """Of values of the coordinate in the sample."""
        return np.asarray(values >= self.high if self.weight < 0 else values <= self.low)


def threshold(coordinate: int, low: float, high: float, radius: float, *, above: bool) -> Threshold:
    """The bit that is 1 above or below, with small integers."""
    start, end = Fraction(low) + Fraction(radius), Fraction(high) - Fraction(radius)
    weight = math.ceil(4 / (end - start))
    if above:
        return Threshold(coordinate, low, high, -weight, 1 - math.floor(weight * end))
    return Threshold(coordinate, low, high, weight, math.ceil(weight * start) + 1)


def gaps(values: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends `low < high` of the gaps between neighbouring values that leave room for a threshold."""
    distinct = np.unique(values)
    low, high = distinct[:-1], distinct[1:]
    room = 2 * radius * (1 + _ROOM) + _ROOM * np.maximum(np.abs(low), np.abs(high))
    wide = high - low > room
    return low[wide], high[wide]


def informative(points: np.ndarray, labels: np.ndarray, classes: int, radius: float) -> list[tuple[int, float, float]]:
    """For each coordinate that has one the gap whose bit says most about the label: `(j, low, high)`."""
    chosen = []
    for j in range(points.shape[1]):
        low, high = gaps(points[:, j], radius)
        if len(low):
            k = int(np.argmin(_remaining_entropy(points[:, j], labels, classes, low)))
            chosen.append((j, float(low[k]), float(high[k])))
    return chosen


def _remaining_entropy(values: np.ndarray, labels: np.ndarray, classes: int, low: np.ndarray) -> np.ndarray:
    """Of the label given the bit `x <= low`, in nats and times n, for each of the thresholds."""
    position = np.searchsorted(low, values)
    counts = np.bincount(position * classes + labels, minlength=(len(low) + 1) * classes).reshape(-1, classes)
    below = np.cumsum(counts, axis=0)
    return np.asarray(_entropy(below[:-1]) + _entropy(below[-1] - below[:-1]))


def _entropy(counts: np.ndarray) -> np.ndarray:
    size = counts.sum(axis=1)
    return np.asarray(size * np.log(np.maximum(size, 1)) - (counts * np.log(np.maximum(counts, 1))).sum(axis=1))


def check_separable(points: np.ndarray, labels: np.ndarray, radius: float) -> None:
    """Ask that the bits of all robust thresholds together tell any two points with different labels from each other.

    Raises:
        AssumptionError: if two of them are on the same sides of all of these.
    """
    left, group = np.arange(len(points)), np.zeros(len(points), dtype=np.int64)
    for column in points.T:
        low, _ = gaps(column, radius)
        code = group * (len(low) + 1) + np.searchsorted(low, column[left])
        group = np.unique(code, return_inverse=True)[1].reshape(-1)
        # Points that share their code with points of their own label only are done.
        least, most = np.full(len(left), labels.max()), np.full(len(left), labels.min())
        np.minimum.at(least, group, labels[left])
        np.maximum.at(most, group, labels[left])
        mixed = (least < most)[group]
        left, group = left[mixed], group[mixed]
        if not len(left):
            return
    of_first = left[group == group[0]]
    raise _inseparable(int(of_first[0]), int(of_first[labels[of_first] != labels[of_first[0]]][0]), radius)


def _inseparable(i: int, k: int, radius: float) -> AssumptionError:
    return AssumptionError(
        f"a robust code needs a threshold between any two points with different labels that no ball of radius "
        f"{radius:.6g} crosses, and there is none between points {i} and {k}: take a smaller radius, or remove "
        "one of them"
    )


def separating(points: np.ndarray, pairs: np.ndarray, radius: float) -> tuple[int, float, float]:
    """The gap that most of the pairs of points are on different sides of.

    Raises:
        AssumptionError: if none separates any: then the first of them have one code whatever thresholds are taken.
    """
    best: tuple[int, int, float, float] | None = None
    for j in range(points.shape[1]):
        low, high = gaps(points[:, j], radius)
        if len(low):
            ends = np.sort(np.searchsorted(low, points[pairs, j]), axis=1)
            inside = np.cumsum(
                np.bincount(ends[:, 0], minlength=len(low) + 1) - np.bincount(ends[:, 1], minlength=len(low) + 1)
            )
            k = int(inside[:-1].argmax())
            if inside[k] and (best is None or inside[k] > best[0]):
                best = int(inside[k]), j, float(low[k]), float(high[k])
    if best is None:
        i, k = pairs[0].tolist()
        raise _inseparable(i, k, radius)
    return best[1], best[2], best[3]
