"""Few levels for many points: the centres rounded, coordinate by coordinate, to shared values."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from theory.norms import norm

# The rounding may use up the tolerance but for this part, left for the arithmetic of the network.
_RESERVE = 2.0**-10


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of all coordinates and the level of each point in each coordinate.

    Attributes:
        value: the level.
        coordinate: the coordinate it belongs to; ascending.
        index: shape (n, d), `value[index[i, j]]` is the rounded `j`-th coordinate of point `i`.
    """

    value: Float[np.ndarray, " levels"]
    coordinate: Int[np.ndarray, " levels"]
    index: Int[np.ndarray, "n d"]

    def rounded(self, rows: Int[np.ndarray, " k"] | slice = slice(None)) -> Float[np.ndarray, "k d"]:
        """The rounded points (of the given rows)."""
        return np.asarray(self.value[self.index[rows]])


def shared_levels(points: Float[np.ndarray, "n d"], tolerance: float, p: float) -> Levels:
    """The coarsest levels found that move no point by more than `tolerance` in l_p, p in [1, ∞].

    Each coordinate's values are covered from below by intervals of one width `2τ`; an interval becomes a
    level: its middle for p = ∞, where this cover is the smallest there is and `τ = tolerance`; its median
    for p < ∞ (so that a background that most points share stays exact), where `τ` is halved from `tolerance` on
    until the norm over the coordinates fits, at the latest below `tolerance / (2 d^{1/p})`. Every distinct value a
    level (`τ = 0`) always fits.
    """
    columns = [_column(points[:, j]) for j in range(points.shape[1])]
    room = tolerance * (1 - _RESERVE)
    gaps = [float(np.diff(values).min()) for values, _, _ in columns if len(values) > 1]
    smallest_gap = min(gaps, default=np.inf)
    tau = room
    while True:
        if 2 * tau < smallest_gap:
            tau = 0.0
        levels = _cover(columns, tau, middle=bool(np.isinf(p)))
        if np.isinf(p) or tau == 0.0 or _fits(points, levels, room, p):
            return levels
        tau /= 2


_Column = tuple[np.ndarray, np.ndarray, np.ndarray]


def _column(values: np.ndarray) -> _Column:
    distinct, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return distinct, inverse.astype(np.int32), counts


def _cover(columns: list[_Column], tau: float, *, middle: bool) -> Levels:
    index = np.empty((len(columns[0][1]), len(columns)), dtype=np.int32)
    levels: list[float] = []
    coordinates: list[int] = []
    for j, (values, inverse, counts) in enumerate(columns):
        cluster = np.empty(len(values), dtype=np.int32)
        start = 0
        while start < len(values):
            stop = int(np.searchsorted(values, values[start] + 2 * tau, side="right"))
            cluster[start:stop] = len(levels)
            inside = slice(start, stop)
            levels.append(_middle(values[inside]) if middle else _median(values[inside], counts[inside]))
            coordinates.append(j)
            start = stop
        index[:, j] = cluster[inverse]
    return Levels(np.array(levels), np.array(coordinates), index)


def _middle(values: np.ndarray) -> float:
    return float(values[0] + (values[-1] - values[0]) / 2)


def _median(values: np.ndarray, counts: np.ndarray) -> float:
    cumulative = np.cumsum(counts)
    return float(values[np.searchsorted(cumulative, cumulative[-1] / 2)])


def _fits(points: np.ndarray, levels: Levels, room: float, p: float) -> bool:
    # In units of the room, so that no power that matters underflows; a power of two, so that p = 1 is not rounded.
    unit = 2.0 ** np.floor(np.log2(room))
    for start in range(0, len(points), 1024):
        rows = slice(start, start + 1024)
        with np.errstate(over="ignore", under="ignore"):
            moved = norm((points[rows] - levels.rounded(rows)) / unit, p)
        if not moved.max() <= room / unit:
            return False
    return True
