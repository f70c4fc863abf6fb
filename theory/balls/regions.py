"""Regions of inputs: l_p balls, boxes, and balls cut off at boxes, each of a batch with its own ends.

The numbers are meant as the real numbers that they are. What a region is turned into here contains it.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent, read_scalar

Bounds: TypeAlias = tuple[np.ndarray, np.ndarray]

_GREATEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, eq=False)
class Regions:
    """n regions `{x : |x_j - c_j| = h_j t_j, ‖t‖_p <= 1}`, cut off at `low <= x <= high` if there is such a box.

    With one half-width for all coordinates this is the ball `B_p(c, h)`; with p = ∞ it is a box. Made by `balls` and
    `boxes`; a cut with p = ∞ is in the half-widths already.

    Args:
        centres: c, shape (n, d).
        halves: h >= 0, shape (n, 1), or (n, d) for p = ∞.
        p: in [1, ∞].
        box: the ends `low <= high` of the cut, or of the box itself, rounded outwards, each of shape (n, d).
        inside: the ends of the largest box of floats in it, where that is not found from these.
    """

    centres: Float[np.ndarray, "n d"]
    halves: Float[np.ndarray, "n one_or_d"]
    p: float
    box: Bounds | None = None
    inside: Bounds | None = None

    def __len__(self) -> int:
        return len(self.centres)

    def take(self, rows: Any) -> "Regions":
        """Some of the regions: a slice, or indices that may repeat."""
        box, inside = (None if b is None else (b[0][rows], b[1][rows]) for b in (self.box, self.inside))
        return Regions(self.centres[rows], self.halves[rows], self.p, box, inside)

    @cached_property
    def cut(self) -> Bounds | None:
        """Centres and half-widths of a box that contains the region beside the ball; None where the ball says all."""
        return None if self.box is None or np.isinf(self.p) else _middle(*self.box)

    @cached_property
    def reach(self) -> np.ndarray:
        """Upper bounds of |x_j| over the regions, shape (n, d)."""
        largest = np.abs(self.centres) + self.halves
        largest = np.where(largest > 0, np.nextafter(largest, np.inf), 0.0)
        if self.box is not None:
            largest = np.minimum(largest, np.maximum(np.abs(self.box[0]), np.abs(self.box[1])))
        return largest

    def outer(self) -> Bounds:
        """The ends of boxes of floats that contain the regions: their own ends where they are boxes of floats."""
        if self.box is not None:
            return self.box
        low, high = _down(self.centres, self.halves), _up(self.centres, self.halves)
        return np.maximum(low, -_GREATEST), np.minimum(high, _GREATEST)

    def inner(self) -> Bounds:
        """The ends of the largest boxes of floats with |x_j - c_j| <= h_j, and within the cut, exactly.

        For p = ∞ all of it is in the region. A low end above its high end: no float is.
        """
        if self.inside is not None:
            return self.inside
        low, high = -_inwards(-self.centres, self.halves), _inwards(self.centres, self.halves)
        if self.box is None:
            return low, high
        return np.maximum(low, self.box[0]), np.minimum(high, self.box[1])


def balls(centres: Any, radius: Any, p: Any, *, low: Any = None, high: Any = None) -> Regions:
    """The balls `B_p(centre, radius)`, cut off at the boxes `low <= x <= high`.

    Args:
        centres: shape (n, d), finite.
        radius: of all balls, or shape (n,), one a ball, or for p = ∞ shape (n, d) or (1, d), one a coordinate.
        p: of the norm, in [1, ∞].
        low, high: ends of the cut, numbers or shapes (d,) or (n, d), perhaps infinite; None for no cut.

    Raises:
        ValueError: if shapes do not fit, an entry is NaN or out of range, or a cut leaves nothing of a ball's box.
    """
    centres, p = _read_centres(centres), read_exponent(p)
    halves = _read_halves(radius, centres.shape, p)
    whole = Regions(centres, halves, p)
    if low is None and high is None:
        return whole
    ends = [_read_ends(end, name, centres.shape) for end, name in ((low, "low"), (high, "high"))]
    around = whole.outer()
    found = np.maximum(around[0], ends[0]), np.minimum(around[1], ends[1])
    check_ends(*found, "a ball has to meet its box")
    if not np.isinf(p):
        return replace(whole, box=found)
    middle, half = _middle(*found)
    inside = whole.inner()
    inside = np.maximum(inside[0], ends[0]), np.minimum(inside[1], ends[1])
    uncut = (ends[0] <= around[0]) & (ends[1] >= around[1])
    halves = np.where(uncut, halves, half)
    return Regions(np.where(uncut, centres, middle), halves, p, found, inside)


def boxes(low: Any, high: Any) -> Regions:
    """The boxes `low <= x <= high`, both of shape (n, d).

    Raises:
        ValueError: if shapes do not fit, an entry is not finite, or some `low > high`.
    """
    low, high = _read_centres(low, "low"), _read_centres(high, "high")
    if low.shape != high.shape:
        raise ValueError(f"boxes need corners of one shape, got {low.shape} and {high.shape}")
    check_ends(low, high, "boxes need lower <= upper")
    return Regions(*_middle(low, high), np.inf, (low, high))


def read_ball(radius: Any, p: Any) -> tuple[float, float]:
    """The radius and the exponent of a ball as floats.

    Raises:
        ValueError: unless the radius is finite and >= 0 and p is in [1, ∞], and float64 holds them exactly.
    """
    size = read_scalar(radius, "radius")
    if not 0 <= size < np.inf:
        raise ValueError(f"a ball needs a finite radius >= 0, got {radius}")
    return size, read_exponent(p)


def _read_centres(points: Any, name: str = "centres") -> np.ndarray:
    points = exact_floats(points, name)
    if points.ndim != 2 or 0 in points.shape:
        raise ValueError(f"{name} need shape (n >= 1, d >= 1), got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{name} need finite coordinates, got {points[~np.isfinite(points)][0]}")
    return np.asarray(points)


def _read_halves(radius: Any, shape: tuple[int, ...], p: float) -> np.ndarray:
    if np.ndim(radius) == 0:
        return np.full((shape[0], 1), read_ball(radius, p)[0])
    halves = exact_floats(radius, "radius")
    if halves.shape == (shape[0],):
        halves = halves[:, None]
    elif np.isinf(p) and halves.shape in (shape, (1, shape[1])):
        halves = np.broadcast_to(halves, shape)
    else:
        each = f", ({shape[0]}, {shape[1]}) or (1, {shape[1]})" if np.isinf(p) else ""
        raise ValueError(f"radius needs one number, shape ({shape[0]},){each} for p={p:g}, got {halves.shape}")
    if not ((halves >= 0) & (halves < np.inf)).all():
        raise ValueError(f"a ball needs a finite radius >= 0, got {halves[~((halves >= 0) & (halves < np.inf))][0]}")
    return halves


def _read_ends(ends: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if ends is None:
        ends = -np.inf if name == "low" else np.inf
    ends = exact_floats(np.asarray(ends), name)
    if ends.shape not in ((), shape[1:], shape):
        raise ValueError(f"{name} needs one number, shape {shape[1:]} or {shape}, got {ends.shape}")
    if np.isnan(ends).any():
        raise ValueError(f"{name} needs numbers, got NaN")
    return np.broadcast_to(ends, shape)


def check_ends(low: np.ndarray, high: np.ndarray, text: str) -> None:
    """Refuse a low end above its high end."""
    if (low > high).any():
        row, column = np.argwhere(low > high)[0]
        raise ValueError(f"{text}, got {low[row, column]} > {high[row, column]} in box {row}, coordinate {column}")


def _middle(low: np.ndarray, high: np.ndarray) -> Bounds:
    """Centres and half-widths such that `[c - h, c + h]` contains `[low, high]`."""
    centre = 0.5 * low + 0.5 * high
    return centre, np.maximum(_up(high, -centre), _up(centre, -low))


def _up(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A float that is at least the real a + b: the nearest, or the next (Knuth's TwoSum finds its error)."""
    with np.errstate(over="ignore"):
        total = np.asarray(a + b)
        return np.where(_lost(a, b, total) > 0, np.nextafter(total, np.inf), total)


def _down(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A float that is at most the real a - b."""
    return -_up(-a, b)


def _inwards(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The greatest finite float that is at most the real a + b."""
    with np.errstate(over="ignore"):
        total = np.asarray(a + b)
        return np.minimum(np.where(_lost(a, b, total) < 0, np.nextafter(total, -np.inf), total), _GREATEST)


def _lost(a: np.ndarray, b: np.ndarray, total: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        part = total - a
        return np.asarray((a - (total - part)) + (b - part))
