"""Robust literals: half-spaces that are known to hold, or known to fail, on whole balls.

A direction is a linear form w with a threshold b. By Hölder, `|w·x - w·c| <= δ ‖w‖_q` for `‖x - c‖_p <= δ`,
`1/p + 1/q = 1`. So with the *margin* `m = δ ‖w‖_q + γ/2`

    w·c >= b + m   implies   w·x >= b + γ/2   on the ball of c: it is *high*,
    w·c <= b - m   implies   w·x <= b - γ/2   on the ball of c: it is *low*,

and else nothing is known of it. Literal 2k says that direction k is high, literal 2k + 1 that it is low: one is false
where the other is true, and a literal of which nothing is known is neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int, UInt8, UInt64

from constructions.rules.packed import pack, unpack
from theory.roundoff import norm_upper_bound
from theory.setting.norms import dual_exponent

# Points from which thresholds are chosen.
_SEEN = 5_000
_GRID = 41
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Directions:
    """Linear forms with a threshold each.

    Attributes:
        weight: shape (k, d), sparse.
        threshold: shape (k,).
    """

    weight: sp.csr_array
    threshold: Float[np.ndarray, " k"]

    @property
    def neuron_cost(self) -> Int[np.ndarray, " k"]:
        """Non-zeros of a neuron that reads each: its weights and a bias."""
        return np.asarray(np.diff(self.weight.indptr) + 1)


@dataclass(frozen=True, eq=False)
class Literals:
    """Which literal is true on the ball of which point.

    Attributes:
        directions: 2 literals each.
        true: packed over points, shape (2k, words).
        by_point: the same packed over literals, shape (n, bytes).
    """

    directions: Directions
    true: UInt64[np.ndarray, "literals words"]
    by_point: UInt8[np.ndarray, "n bytes"]

    @classmethod
    def of(cls, directions: Directions, true: UInt64[np.ndarray, "literals words"], points: int) -> "Literals":
        """From the truth of each literal at so many points."""
        by_point = np.empty((points, -(-len(true) // 8)), dtype=np.uint8)
        for start in range(0, points, 64 * _BLOCK):
            words = np.ascontiguousarray(true[:, start // 64 : start // 64 + _BLOCK])
            width = min(64 * _BLOCK, points - start)
            by_point[start : start + width] = np.packbits(unpack(words, width).T, axis=1)
        return cls(directions, true, by_point)

    def __len__(self) -> int:
        return len(self.true)

    def rejected(self, point: int) -> UInt64[np.ndarray, " words"]:
        """On the balls of which points some literal is false that is true on the ball of this one."""
        true = np.flatnonzero(np.unpackbits(self.by_point[point], count=len(self)))
        return np.asarray(np.bitwise_or.reduce(self.true[true ^ 1], axis=0))

    def extended(self, additions: "list[Addition]") -> "Literals":
        """With more directions behind."""
        if not additions:
            return self
        old, points = self.directions, len(self.by_point)
        weight = sp.csr_array(sp.vstack([old.weight, *(a.weight for a in additions)], format="csr"))
        threshold = np.append(old.threshold, [a.threshold for a in additions])
        rows = np.stack([side for a in additions for side in (a.high, a.low)])
        return Literals.of(Directions(weight, threshold), np.concatenate([self.true, pack(rows)]), points)


def coordinates(dim: int) -> sp.csr_array:
    """The coordinates themselves."""
    return sp.eye_array(dim, format="csr")


def patches(image: tuple[int, ...], sides: tuple[tuple[int, int], ...], p: float) -> sp.csr_array:
    """Sums over rectangles of pixels of one channel, scaled to `‖w‖_q = 1`: `m^(-1/q)` a pixel of a patch of m.

    Args:
        image: (height, width) or (height, width, channels), in whose order the coordinates are.
        sides: (height, width) of the rectangles; those that do not fit are left out.
        p: of the balls.
    """
    height, width, channels = image if len(image) == 3 else (*image, 1)
    number = np.arange(height * width * channels).reshape(height, width, channels)
    q = dual_exponent(p)
    rows = [sp.csr_array((0, number.size))]
    for tall, wide in sides:
        if tall > height or wide > width:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(number, (tall, wide), axis=(0, 1)).reshape(-1, tall * wide)
        size = tall * wide
        value = np.full(windows.size, 1.0 if np.isinf(q) else size ** (-1 / q))
        starts = np.arange(0, windows.size + 1, size)
        rows.append(sp.csr_array((value, windows.ravel(), starts), shape=(len(windows), number.size)))
    return sp.csr_array(sp.vstack(rows, format="csr"))


@dataclass(frozen=True, eq=False)
class Candidates:
    """The linear forms that literals may be about, on the points, with what a ball and half the shell take.

    Attributes:
        points: centres.
        weight: shape (k, d).
        norm: `‖w‖_q` of each row, from above.
        radius: δ, of the balls.
        p: of the balls.
        shell: γ.
    """

    points: Float[np.ndarray, "n d"]
    weight: sp.csr_array
    norm: Float[np.ndarray, " k"]
    radius: float
    p: float
    shell: float

    @classmethod
    def of(
        cls, points: Float[np.ndarray, "n d"], weight: sp.csr_array, radius: float, p: float, shell: float
    ) -> "Candidates":
        """For balls in l_p."""
        norms = [norm_upper_bound(weight[rows].toarray(), dual_exponent(p)) for rows in _blocks(weight.shape[0])]
        return cls(points, weight, np.concatenate(norms), radius, p, shell)

    @property
    def margin(self) -> Float[np.ndarray, " k"]:
        """m of each form."""
        return np.asarray(self.radius * self.norm + self.shell / 2)

    def literals(self, thresholds: int) -> Literals:
        """The literals with the best thresholds, of those that are true on a ball and false on another.

        A threshold is good if the product of the numbers of points on which its two literals are true is large: so many
        pairs of points it tells from each other. Of several for one form each is the best in its part of the range.

        Args:
            thresholds: for each form, at most.
        """
        seen = np.linspace(0, len(self.points) - 1, min(len(self.points), _SEEN)).astype(int)
        kept, chosen, tables = [], [], []
        for rows in _blocks(self.weight.shape[0]):
            values = np.asarray(self.weight[rows] @ self.points.T)
            for k, value in zip(rows.tolist(), values, strict=True):
                margin = self.margin[k]
                for threshold in _best_thresholds(value[seen], margin, thresholds):
                    high, low = value >= threshold + margin, value <= threshold - margin
                    if high.any() and low.any():
                        kept.append(k)
                        chosen.append(threshold)
                        tables.append(pack(np.stack([high, low])))
        words = -(-len(self.points) // 64)
        true = np.concatenate(tables) if tables else np.zeros((0, words), dtype=np.uint64)
        directions = Directions(sp.csr_array(self.weight[np.array(kept, dtype=int)]), np.array(chosen))
        return Literals.of(directions, true, len(self.points))

    def separating(self, i: int, j: int) -> "Addition | None":
        """A direction that is high on the ball of one of two points and low on that of the other.

        The form with most room, or if none has any the one on which the points are `‖x_i - x_j‖_p` apart,
        `w = sign(u) |u|^(p-1)`, u their difference, in units of its norm (a coordinate for p = ∞). None if this is not
        above `2 δ + γ`, rounding included.
        """
        difference = self.points[i] - self.points[j]
        room = np.abs(np.asarray(self.weight @ difference)) - 2 * self.margin
        k = int(np.argmax(room / self.norm))
        weight, margin = sp.csr_array(self.weight[[k]]), self.margin[k]
        if not room[k] >= 0:
            weight = sp.csr_array(_norming(difference, self.p)[None])
            margin = self.radius * float(norm_upper_bound(weight.toarray(), dual_exponent(self.p))[0]) + self.shell / 2
        value = np.asarray(weight @ self.points.T)[0]
        threshold = 0.5 * value[i] + 0.5 * value[j]
        high, low = value >= threshold + margin, value <= threshold - margin
        tells = (high[i] and low[j]) or (high[j] and low[i])
        return Addition(weight, float(threshold), high, low) if tells else None


@dataclass(frozen=True, eq=False)
class Addition:
    """One more direction, and on the balls of which points it is high and low."""

    weight: sp.csr_array
    threshold: float
    high: Bool[np.ndarray, " n"]
    low: Bool[np.ndarray, " n"]


def _norming(difference: Float[np.ndarray, " d"], p: float) -> Float[np.ndarray, " d"]:
    """The form of norm about 1 that takes `‖u‖_p` at u."""
    size = np.abs(difference) / np.abs(difference).max()
    if np.isinf(p):
        return np.asarray((np.arange(len(size)) == size.argmax()).astype(np.float64))
    form = np.sign(difference) * size ** (p - 1) if p > 1 else np.sign(difference)
    return np.asarray(form / norm_upper_bound(form[None], dual_exponent(p))[0])


def _best_thresholds(values: np.ndarray, margin: float, wanted: int) -> list[float]:
    low, high = float(values.min()), float(values.max())
    if not high - low >= 2 * margin:
        return []
    ordered = np.sort(values)
    found: list[float] = []
    ends = np.linspace(low + margin, high - margin, wanted + 1)
    for start, stop in pairwise(ends):
        grid = np.linspace(start, stop, _GRID)
        above = len(values) - np.searchsorted(ordered, grid + margin)
        below = np.searchsorted(ordered, grid - margin, side="right")
        best = int(np.argmax(above * below))
        if above[best] and below[best] and grid[best] not in found:
            found.append(float(grid[best]))
    return found


def _blocks(size: int) -> Iterator[Int[np.ndarray, " m"]]:
    return (np.arange(start, min(start + _BLOCK, size)) for start in range(0, size, _BLOCK))
