"""The separation of a labelled sample, exactly.

A distance by matrix product, even in float64, is off by `γ_d (‖x‖² + ‖y‖²)`, which for near-duplicates is more
than the distance itself; in float32 it has certified separations several times too large. So a matrix product only
names candidates here, within its error bound; they are decided by differences, whose relative error is `γ_{d+8}`
(Higham), and the closest pair without rounding.

A distance by differences has that relative error only where its square or power is far from the ends of float64. A
distance found outside of that range is computed over again, scaled by its own largest difference.
"""

import hashlib
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from rich.console import Console
from rich.progress import track
from scipy.spatial.distance import cdist

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.read_only import restore
from theory.arguments.scalars import read_exponent
from theory.arguments.subnormals import check_subnormals
from theory.errors import AssumptionError
from theory.exact.exact_distance import (
    exactly_nearest,
    floats_below,
    rational_distance,
    relative_error,
    round_down,
    scaled_distances,
)
from theory.roundoff import gamma

__all__ = ["Separation", "rational_distance", "round_down", "separation"]

_BLOCK = 1024
_THREADS = 2
# A distance between 2^±450 has a square, and one whose p-th power is between 2^±900 a power, within relative rounding.
_SQUARE_EXPONENT = 450
_POWER_EXPONENT = 900
# `1/p` is rounded, which changes a p-th root of t by `u |log t| / p`: little between 2^±32.
_ROOT_EXPONENT = 32


@dataclass(frozen=True, eq=False)
class Separation:
    """Separation of a labelled sample in l_p.

    Bounds hold for all finite floats. `u` is the relative error of a distance by differences: `γ_{d+8}` for p = 1, 2
    and ∞, else `γ_{d+72}`.

    Attributes:
        p: in [1, ∞].
        distance: the largest finite float that is at most the distance of any two differently labelled points. For p
            other than 1, 2, ∞: a float below that distance, by a relative `4 u` and the least float `2^-1074` at most.
        pair: the closest two points with different labels, `i < j`, and the first of them in that order; for p other
            than 1, 2, ∞ the first whose distance is within a relative `8 u` of the least.
        nearest: per point, a lower bound on the distance to the nearest differently labelled point, by a relative
            `4 u` and the least float at most; read-only.
        neighbour: the index of that point, or of one within a relative `4 u` of it; read-only.
        of: a digest of what it is the separation of, set by `separation` only; "" for one put together by hand.
    """

    p: float
    distance: float
    pair: tuple[int, int]
    nearest: Float[np.ndarray, " n"]
    neighbour: Int[np.ndarray, " n"]
    of: str = field(init=False, default="")

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)

    def __repr__(self) -> str:
        return f"<Separation {self.distance:.6g} in l_{self.p:g}, of points {self.pair[0]} and {self.pair[1]}>"

    def is_of(self, points: Shaped[np.ndarray, "n d"], labels: Shaped[np.ndarray, " n_labels"]) -> bool:
        """Whether `separation` computed it of these points and this partition into labels, and nothing was replaced.

        The names of the labels do not matter. Raises as `separation` for malformed points or labels.
        """
        check_subnormals("a comparison")
        x = _read_points(points)
        return self.of == _digest(self, x, _read_labels(labels, len(x)))


def separation(
    points: Shaped[np.ndarray, "n d"], labels: Shaped[np.ndarray, " n_labels"], p: Any, *, progress: bool = False
) -> Separation:
    """The separation `R` of a labelled sample and the nearest differently labelled point of every point.

    Time `O(n² d)`, for p = 2 in matrix products; memory `O(n)` and a few blocks of 1,024² distances. Each point whose
    nearest distance is beyond `2^±450` (for p other than 1, 2, ∞: beyond `2^±32` or `2^±(900/p)`) takes a slower
    pass over all points, as does each that is in a closest pair.

    Args:
        points: shape (n, d), finite, of a type whose numbers are float64 numbers.
        labels: n labels, any number of classes, hashable and not NaN; equal labels are one class.
        p: in [1, ∞].
        progress: whether to show a progress bar.

    Raises:
        ValueError: for malformed points or labels or p, or where arithmetic flushes subnormal numbers to zero.
        AssumptionError: if there is one class only, or equal points have different labels.
    """
    p = read_exponent(p)
    check_subnormals("a separation")
    points = _read_points(points)
    codes = _read_labels(labels, len(points))
    if not codes.any():
        raise AssumptionError(f"a separation needs at least two different labels, got only {_label(labels, 0)}")
    # Sorted by label, so that blocks of one label are skipped.
    order = np.argsort(codes, kind="stable")
    x, y = _Sorted(points, order), codes[order]
    fractions, exponents, neighbour = _nearest_at_all_scales(x, y, p, progress)
    duplicates = np.flatnonzero(fractions == 0)
    if len(duplicates):
        i, j = sorted((int(order[duplicates[0]]), int(order[neighbour[duplicates[0]]])))
        raise AssumptionError(
            f"equal points must have equal labels, got labels {_label(labels, i)} and {_label(labels, j)} for the "
            f"equal points {i} and {j} ({len(duplicates)} points are in such pairs): remove or relabel them"
        )
    slack = relative_error(x.dim, p)
    nearest, original = np.empty(len(x)), np.empty(len(x), dtype=np.int64)
    nearest[order] = floats_below(fractions * (1 - 2 * slack), exponents)
    original[order] = order[neighbour]
    close = _close_pairs(x, y, fractions, exponents, p, slack)
    if p in (1, 2, math.inf):
        distance, i, j = _closest(x, close, p)
    else:
        distance, (k, others) = float(nearest.min()), next(close)
        i, j = int(order[k]), int(order[others[0]])
    nearest.setflags(write=False)
    original.setflags(write=False)
    found = Separation(p, distance, (i, j), nearest, original)
    object.__setattr__(found, "of", _digest(found, points, codes))
    return found


def _read_points(points: Any) -> np.ndarray:
    """As a float64 array; what another type holds and float64 does not is refused."""
    array = exact_floats(points, "points")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"points must have shape (n, d) with n, d >= 1, got {array.shape}")
    if not np.isfinite(array).all():
        bad = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise ValueError(f"points must be finite, got NaN or infinity in point {bad}")
    return array


def _read_labels(labels: Any, size: int) -> Int[np.ndarray, " n"]:
    """The classes, numbered in the order in which they occur."""
    # numpy would make text of [1, "1"] and floats of large integers.
    values = labels if isinstance(labels, list | tuple) else plain_array(labels, "labels")
    shape = (len(values),) if isinstance(values, list | tuple) else values.shape
    if shape != (size,):
        raise ValueError(f"there must be one label a point, got {size} points and labels {shape}")
    number: dict[Any, int] = {}
    try:
        listed = list(values) if isinstance(values, list | tuple) else values.tolist()
        codes = [number.setdefault(label, len(number)) for label in listed]
        missing = any(label != label for label in number)
    except (TypeError, ArithmeticError) as error:
        raise ValueError(f"labels must be hashable classes, one a point: {error}") from error
    if missing or (isinstance(values, np.ndarray) and values.dtype.kind in "mM" and np.isnat(values).any()):
        raise ValueError("labels must not be NaN, which is no class: it does not equal itself")
    return np.array(codes, dtype=np.int64)


def _label(labels: Any, row: int) -> Any:
    """The label of a row, whatever a column of pandas calls that row."""
    return (labels if isinstance(labels, list | tuple) else plain_array(labels, "labels"))[row]


def _digest(found: Separation, points: np.ndarray, codes: np.ndarray) -> str:
    seal = hashlib.sha256(repr((points.shape, found.p, float(found.distance).hex(), found.pair)).encode())
    for array in (points, codes, found.nearest, found.neighbour):
        seal.update(repr((array.dtype.str, array.shape)).encode())
        seal.update(np.ascontiguousarray(array).data)
    return seal.hexdigest()


@dataclass(frozen=True, eq=False)
class _Sorted:
    """The points in another order, without a copy of them all: `x[k]` are the points `order[k]`."""

    points: np.ndarray
    order: np.ndarray

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.asarray(self.points[self.order[index]])

    def __len__(self) -> int:
        return len(self.order)

    @property
    def dim(self) -> int:
        return int(self.points.shape[1])


def _nearest_at_all_scales(
    x: _Sorted, y: np.ndarray, p: float, progress: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances `f · 2^e` to the nearest differently labelled point, and that point.

    If the least of computed distances is in the range of relative errors, all are in it or beyond it, and none is less.
    """
    best, neighbour = _nearest(x, y, p, progress)
    fractions, exponents = np.frexp(best)
    exponents = exponents.astype(np.int64)
    for i in np.flatnonzero(~_has_relative_error(best, p)):
        others = np.flatnonzero(y != y[i])
        f, e = _from_point(x, int(i), others, p)
        least = _least(f, e)
        fractions[i], exponents[i], neighbour[i] = f[least], e[least], others[least]
    return fractions, exponents, neighbour


def _has_relative_error(distances: np.ndarray, p: float) -> np.ndarray:
    exponent = _SQUARE_EXPONENT if p in (1, 2, math.inf) else min(_ROOT_EXPONENT, _POWER_EXPONENT / p)
    return (distances >= 2.0**-exponent) & (distances <= 2.0**exponent)


def _from_point(x: _Sorted, i: int, others: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    """The distances of a point to others, `f · 2^e` with `1/2 <= f < 1` or, if the points are equal, `f = 0`."""
    parts = []
    for start in range(0, len(others), _BLOCK):
        rows = x[others[start : start + _BLOCK]]
        distances = _distances(rows, x[i][None], p)[:, 0]
        f, e = np.frexp(distances)
        again = ~_has_relative_error(distances, p)
        e = e.astype(np.int64)
        f[again], e[again] = scaled_distances(rows[again], x[i], p)
        parts.append((f, e))
    return np.concatenate([f for f, _ in parts]), np.concatenate([e for _, e in parts])


def _least(fractions: np.ndarray, exponents: np.ndarray) -> int:
    return int(np.lexsort((fractions, exponents))[0])


def _nearest(x: _Sorted, y: np.ndarray, p: float, progress: bool) -> tuple[np.ndarray, np.ndarray]:
    """Distances by differences to the nearest differently labelled point, and that point."""
    best, neighbour = np.full(len(x), np.inf), np.zeros(len(x), dtype=np.int64)
    starts = range(0, len(x), _BLOCK)
    # The points are sorted by label, so the first of the rows and the last of the columns tell.
    last = [y[min(b + _BLOCK, len(y)) - 1] for b in starts]
    blocks = [
        (slice(a, a + _BLOCK), slice(b, b + _BLOCK))
        for a in starts
        for b, label in zip(starts, last, strict=True)
        if b >= a and y[a] != label
    ]
    with np.errstate(over="ignore"):
        norms = np.einsum("ij,ij->i", x.points, x.points)[x.order]
    bar = {"description": "separation", "total": len(blocks), "disable": not progress, "console": Console(stderr=True)}
    if p == 2:
        for rows, columns in track(blocks, **bar):  # type: ignore[arg-type]
            for i, j, found in _candidates(x, y, norms, best, rows, columns):
                _update(best, neighbour, i, j, found)
        return best, neighbour

    def work(block: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _nearest_in_block(x, y, p, *block)

    pool = ThreadPoolExecutor(_THREADS)
    try:
        for i, j, found in track(pool.map(work, blocks), **bar):  # type: ignore[arg-type]
            _update(best, neighbour, i, j, found)
    finally:
        # An interrupt does not wait for the blocks that have not begun.
        pool.shutdown(cancel_futures=True)
    return best, neighbour


def _update(best: np.ndarray, neighbour: np.ndarray, i: np.ndarray, j: np.ndarray, found: np.ndarray) -> None:
    for a, b in ((i, j), (j, i)):
        # The smallest last, so that it is the one that stays.
        order = np.argsort(-found, kind="stable")
        a, b, smallest = a[order], b[order], found[order]
        better = smallest < best[a]
        best[a[better]], neighbour[a[better]] = smallest[better], b[better]


def _distances(a: np.ndarray, b: np.ndarray, p: float) -> np.ndarray:
    metric = {1.0: "cityblock", 2.0: "euclidean", math.inf: "chebyshev"}.get(p, "minkowski")
    return np.asarray(cdist(a, b, metric, **({"p": p} if metric == "minkowski" else {})))


def _nearest_in_block(
    x: _Sorted, y: np.ndarray, p: float, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest differently labelled point of each row and each column of a block."""
    d = _distances(x[rows], x[columns], p)
    d[y[rows, None] == y[None, columns]] = np.inf
    i = np.concatenate([np.arange(d.shape[0]), d.argmin(axis=0)])
    j = np.concatenate([d.argmin(axis=1), np.arange(d.shape[1])])
    return i + rows.start, j + columns.start, d[i, j]


def _candidates(
    x: _Sorted, y: np.ndarray, norms: np.ndarray, best: np.ndarray, rows: slice, columns: slice
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of a block that may improve on `best` in l_2, with their distances by differences."""
    scale = float(norms[rows].max()) + float(norms[columns].max())
    if not scale <= 2.0**_POWER_EXPONENT:
        yield _nearest_in_block(x, y, 2.0, rows, columns)
        return
    squared = x[rows] @ x[columns].T
    squared *= -2
    squared += norms[rows, None]
    squared += norms[None, columns]
    squared[y[rows, None] == y[None, columns]] = np.inf
    error = 8 * gamma(x.dim + 8) * scale
    first_i = np.concatenate([np.arange(squared.shape[0]), squared.argmin(axis=0)])
    first_j = np.concatenate([squared.argmin(axis=1), np.arange(squared.shape[1])])
    found = _by_differences(x, first_i + rows.start, first_j + columns.start)
    different = np.isfinite(squared[first_i, first_j])
    yield (first_i + rows.start)[different], (first_j + columns.start)[different], found[different]
    # `best` has seen the yielded pairs by now; only what is not surely farther is left to look at. Products that
    # underflow are off by less than `1e-12 best²` for a `best` that has a relative error; others are computed again.
    with np.errstate(over="ignore"):
        reach = best**2 * (1 + 1e-12) + error
    # A point that has met no other label yet has an infinite reach, as equal labels have an infinite entry here.
    near = (squared <= reach[rows, None]) | (squared <= reach[None, columns])
    i, j = np.nonzero(near & np.isfinite(squared))
    if len(i) > squared.size // 8:
        # The product says nothing here, for example far from the origin.
        yield _nearest_in_block(x, y, 2.0, rows, columns)
    elif len(i):
        i, j = i + rows.start, j + columns.start
        yield i, j, _by_differences(x, i, j)


def _by_differences(x: _Sorted, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    found = np.empty(len(i))
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        found[part] = np.sqrt(np.square(x[i[part]] - x[j[part]]).sum(axis=1))
    return found


def _close_pairs(
    x: _Sorted, y: np.ndarray, fractions: np.ndarray, exponents: np.ndarray, p: float, slack: float
) -> Iterator[tuple[int, np.ndarray]]:
    """All pairs within rounding of the least distance, in the order of the points: the first, and all its second."""
    unit = int(exponents.min())
    least = _in_unit(fractions, exponents, unit)
    band = float(least.min()) * (1 + 4 * slack)
    first = np.flatnonzero(least <= band)
    for i in first[np.argsort(x.order[first])]:
        others = np.flatnonzero((y != y[i]) & (x.order > x.order[i]))
        if len(others):
            others = others[np.argsort(x.order[others])]
            near = _in_unit(*_from_point(x, int(i), others, p), unit) <= band
            if near.any():
                yield int(i), others[near]


def _closest(x: _Sorted, close: Iterator[tuple[int, np.ndarray]], p: float) -> tuple[float, int, int]:
    """The closest of the pairs, decided without rounding, and its distance rounded down."""
    decided = []
    for i, others in close:
        for start in range(0, len(others), _BLOCK):
            part = others[start : start + _BLOCK]
            k, exact = exactly_nearest(x[part], x[i], p)
            decided.append((exact, int(x.order[i]), int(x.order[part[k]])))
    least, i, j = min(decided)
    return round_down(least, p), i, j


def _in_unit(fractions: np.ndarray, exponents: np.ndarray, unit: int) -> np.ndarray:
    """`f · 2^{e - unit}`, where what is far above the unit need not be right."""
    return np.asarray(np.ldexp(fractions, np.minimum(exponents - unit, 1000)))
