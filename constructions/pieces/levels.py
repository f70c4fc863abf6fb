"""Few levels for many points: the centres rounded, coordinate by coordinate, to shared values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.read_only import read_only
from theory.arguments.scalars import read_exponent, read_scalar
from theory.setting.norms import norm

# The rounding may use up the tolerance but for this part, left for the arithmetic of the network.
_RESERVE = 2.0**-10
# Of the reserve, for the rounding of a middle and of the difference that is compared.
_MIDDLE = 2.0**-20


@dataclass(frozen=True, eq=False)
class Levels:
    """Levels of all coordinates and the level of each point in each coordinate.

    Attributes:
        value: the level.
        coordinate: the coordinate it belongs to; ascending.
        index: shape (n, d), `value[index[i, j]]` is the rounded `j`-th coordinate of point `i`; read-only, as a network
            may share it.

    Raises:
        ValueError: if the values are no float64 numbers, or the others no whole numbers.
    """

    value: Float[np.ndarray, " levels"]
    coordinate: Int[np.ndarray, " levels"]
    index: Int[np.ndarray, "n d"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", exact_floats(self.value, "value"))
        for name in ("coordinate", "index"):
            object.__setattr__(self, name, read_only(_whole(getattr(self, name), name)))

    def rounded(self, rows: Int[np.ndarray, " k"] | slice = slice(None)) -> Float[np.ndarray, "k d"]:
        """The rounded points (of the given rows)."""
        return np.asarray(self.value[self.index[rows]])


def shared_levels(points: Float[np.ndarray, "n d"], tolerance: float, p: float) -> Levels:
    """The coarsest levels found that move no point by more than `tolerance` in l_p, p in [1, ∞].

    Each coordinate's values are covered from below by intervals of one width `2τ`; an interval becomes a
    level: its middle for p = ∞, where this cover is the smallest there is and `τ = tolerance`; its median
    for p < ∞ (so that a background that most points share stays exact). `τ` is halved from `tolerance` on
    until the norm over the coordinates fits: for p < ∞ at the latest below `tolerance / (2 d^{1/p})`, for p = ∞ at once
    unless float64 is too coarse for the middles. Every distinct value a level (`τ = 0`) always fits.

    Args:
        points: shape (n, d), finite.
        tolerance: >= 0, finite.
        p: in [1, ∞].

    Raises:
        ValueError: for other arguments.
    """
    points, tolerance, p = exact_floats(points, "points"), read_scalar(tolerance, "tolerance"), read_exponent(p)
    if points.ndim != 2 or 0 in points.shape or not np.isfinite(points).all():
        raise ValueError(f"shared_levels needs finite points of shape (n, d), not empty, got shape {points.shape}")
    if not 0 <= tolerance < np.inf:
        raise ValueError(f"shared_levels needs a finite tolerance >= 0, got {tolerance}")
    # A gap or a middle may overflow: then its cover does not fit.
    with np.errstate(over="ignore"):
        return _coarsest(points, tolerance, p)


def _coarsest(points: np.ndarray, tolerance: float, p: float) -> Levels:
    columns = [_column(points[:, j]) for j in range(points.shape[1])]
    room = tolerance * (1 - _RESERVE)
    gaps = [float(np.diff(values).min()) for values, _, _ in columns if len(values) > 1]
    smallest_gap = min(gaps, default=np.inf)
    tau, limit = room, room * (1 + _MIDDLE) if np.isinf(p) else room
    while True:
        if 2 * tau < smallest_gap:
            tau = 0.0
        levels = _cover(columns, tau, middle=bool(np.isinf(p)))
        if tau == 0.0 or _fits(points, levels, limit, p):
            return levels
        tau /= 2


def _whole(values: Any, name: str) -> np.ndarray:
    array = plain_array(values, name)
    if array.dtype.kind not in "iu":
        raise ValueError(f"Levels need whole numbers as {name}, got dtype {array.dtype}")
    return array


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
    index.flags.writeable = False
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
