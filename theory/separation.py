"""The separation of a labelled sample, exactly.

A distance by matrix product, even in float64, is off by `γ_d (‖x‖² + ‖y‖²)`, which for near-duplicates is more
than the distance itself; in float32 it has certified separations several times too large. So a matrix product only
names candidates here, within its error bound; they are decided by differences, whose relative error is `γ_{d+8}`
(Higham), and the closest pair in rational arithmetic.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from rich.console import Console
from rich.progress import track
from scipy.spatial.distance import cdist

from theory.errors import AssumptionError
from theory.norms import check_exponent
from theory.relaxation import gamma

_BLOCK = 1024
_THREADS = 2
# Pairs decided in rational arithmetic; ties beyond count with their directed lower bound, which is sound too.
_MOST_RATIONAL = 4096
# A power function is within this many units in the last place.
_POWER_ULPS = 64
# Coordinates beyond 2^±450 are scaled, so that no square or power of a distance leaves float64 at the large end.
_EXPONENT = 450


@dataclass(frozen=True, eq=False)
class Separation:
    """Separation of a labelled sample in l_p.

    Attributes:
        p: in [1, ∞].
        distance: the largest float that is at most the distance of any two differently labelled points (for p
            other than 1, 2, ∞: a float below it by a relative rounding bound).
        pair: the closest two points with different labels, `i < j`.
        nearest: per point, a lower bound on the distance to the nearest differently labelled point, within a
            relative `4 γ_{d+8}` of it.
        neighbour: the index of that point.
    """

    p: float
    distance: float
    pair: tuple[int, int]
    nearest: Float[np.ndarray, " n"]
    neighbour: Int[np.ndarray, " n"]


def separation(
    points: Float[np.ndarray, "n d"], labels: Shaped[np.ndarray, " n_labels"], p: float, *, progress: bool = False
) -> Separation:
    """The separation `R` of a labelled sample and the nearest differently labelled point of every point.

    Time `O(n² d)`, for p = 2 in matrix products; memory `O(n)` and a few blocks of 1,024² distances.

    Args:
        points: shape (n, d), finite.
        labels: n labels, any number of classes.
        p: in [1, ∞].
        progress: whether to show a progress bar.

    Raises:
        ValueError: for malformed points or labels or `p < 1`.
        AssumptionError: if there is one class only, or equal points have different labels.
    """
    p = check_exponent(p)
    _check(points, labels)
    exponent = math.frexp(float(np.abs(points).max()))[1]
    if abs(exponent) > (_EXPONENT if math.isinf(p) else 2 * _EXPONENT / max(p, 2.0)):
        # A power of two changes no distance but its exponent.
        found = separation(np.ldexp(points, -exponent), labels, p, progress=progress)
        distance, nearest = np.ldexp(found.distance, exponent), np.ldexp(found.nearest, exponent)
        return Separation(p, float(distance), found.pair, nearest, found.neighbour)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise AssumptionError(f"a separation needs at least two different labels, got only {classes[0]}")
    # Sorted by label, so that blocks of one label are skipped.
    order = np.argsort(codes, kind="stable")
    x, y = _Sorted(points, order), codes[order]
    best, neighbour = _nearest(x, y, p, progress)
    duplicates = [i for i in np.flatnonzero(best == 0) if np.array_equal(x[i], x[neighbour[i]])]
    if duplicates:
        i, j = sorted((int(order[duplicates[0]]), int(order[neighbour[duplicates[0]]])))
        raise AssumptionError(
            f"equal points must have equal labels, got labels {labels[i]} and {labels[j]} for the equal points "
            f"{i} and {j} ({len(duplicates)} points are in such pairs): remove or relabel them"
        )
    slack = _relative_error(x.dim, p)
    distance, pair = _closest(x, y, best, p, slack)
    nearest, original = np.empty(len(x)), np.empty(len(x), dtype=np.int64)
    nearest[order] = best * (1 - 2 * slack)
    original[order] = order[neighbour]
    i, j = sorted((int(order[pair[0]]), int(order[pair[1]])))
    return Separation(p, distance, (i, j), nearest, original)


def rational_distance(x: Float[np.ndarray, " d"], y: Float[np.ndarray, " d"], p: float) -> Fraction:
    """`‖x - y‖_p` for p = 1 and ∞, its square for p = 2, without rounding."""
    steps = (abs(Fraction(float(a)) - Fraction(float(b))) for a, b in zip(x, y, strict=True) if a != b)
    if p == 2:
        return sum((step * step for step in steps), Fraction(0))
    return max(steps, default=Fraction(0)) if math.isinf(p) else sum(steps, Fraction(0))


def round_down(exact: Fraction, p: float) -> float:
    """The largest float at most `exact`, or for p = 2 the largest whose square is."""
    power = 2 if p == 2 else 1
    guess = _root(exact) if p == 2 else float(exact)
    while Fraction(guess) ** power > exact:
        guess = math.nextafter(guess, 0.0)
    while Fraction(math.nextafter(guess, math.inf)) ** power <= exact:
        guess = math.nextafter(guess, math.inf)
    return guess


def _root(exact: Fraction) -> float:
    """`sqrt(exact)` up to rounding, also where `float(exact)` would underflow or overflow."""
    half = (exact.numerator.bit_length() - exact.denominator.bit_length()) // 2
    return math.ldexp(math.sqrt(exact / Fraction(4) ** half), half)


def _check(points: np.ndarray, labels: np.ndarray) -> None:
    if points.ndim != 2 or 0 in points.shape:
        raise ValueError(f"points must have shape (n, d) with n, d >= 1, got {points.shape}")
    if labels.shape != (len(points),):
        raise ValueError(f"there must be one label a point, got {len(points)} points and labels {labels.shape}")
    if not np.isfinite(points).all():
        bad = int(np.argmin(np.isfinite(points).all(axis=1)))
        raise ValueError(f"points must be finite, got NaN or infinity in point {bad}")


def _relative_error(dim: int, p: float) -> float:
    """Of a distance by differences."""
    return gamma(dim + 8) if p in (1, 2, math.inf) else gamma(dim + 8 + _POWER_ULPS)


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


def _distances(x: _Sorted, rows: slice, columns: slice, p: float) -> np.ndarray:
    metric = {1.0: "cityblock", 2.0: "euclidean", math.inf: "chebyshev"}.get(p, "minkowski")
    return np.asarray(cdist(x[rows], x[columns], metric, **({"p": p} if metric == "minkowski" else {})))


def _nearest_in_block(
    x: _Sorted, y: np.ndarray, p: float, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest differently labelled point of each row and each column of a block."""
    d = _distances(x, rows, columns, p)
    d[y[rows, None] == y[None, columns]] = np.inf
    i = np.concatenate([np.arange(d.shape[0]), d.argmin(axis=0)])
    j = np.concatenate([d.argmin(axis=1), np.arange(d.shape[1])])
    return i + rows.start, j + columns.start, d[i, j]


def _candidates(
    x: _Sorted, y: np.ndarray, norms: np.ndarray, best: np.ndarray, rows: slice, columns: slice
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of a block that may improve on `best` in l_2, with their distances by differences."""
    squared = x[rows] @ x[columns].T
    squared *= -2
    squared += norms[rows, None]
    squared += norms[None, columns]
    squared[y[rows, None] == y[None, columns]] = np.inf
    error = 8 * gamma(x.dim + 8) * float(norms[rows].max() + norms[columns].max())
    first_i = np.concatenate([np.arange(squared.shape[0]), squared.argmin(axis=0)])
    first_j = np.concatenate([squared.argmin(axis=1), np.arange(squared.shape[1])])
    found = _by_differences(x, first_i + rows.start, first_j + columns.start)
    different = np.isfinite(squared[first_i, first_j])
    yield (first_i + rows.start)[different], (first_j + columns.start)[different], found[different]
    # `best` has seen the yielded pairs by now; only what is not surely farther is left to look at.
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


def _closest(x: _Sorted, y: np.ndarray, best: np.ndarray, p: float, slack: float) -> tuple[float, tuple[int, int]]:
    """The closest pair: all pairs within rounding of the least distance, decided without rounding."""
    band = float(best.min()) * (1 + 4 * slack)
    bits = _dyadic_bits(x.points)
    decided: list[tuple[Fraction, tuple[int, int]]] = []
    fallback, pair = math.inf, (0, 0)
    for i in np.flatnonzero(best <= band):
        row = slice(i, i + 1)
        d = np.concatenate([_distances(x, row, slice(b, b + _BLOCK), p)[0] for b in range(0, len(x), _BLOCK)])
        d[y == y[i]] = np.inf
        near = np.flatnonzero(d <= band)
        if p not in (1, 2, math.inf) or (bits is None and len(decided) >= _MOST_RATIONAL):
            j = int(near[d[near].argmin()])
            if d[j] * (1 - 2 * slack) < fallback:
                fallback, pair = float(d[j]) * (1 - 2 * slack), (int(i), j)
        elif bits is not None:
            exact = _integer_distances(x[near] - x[i], bits, p)
            k = int(exact.argmin())
            decided.append((int(exact[k]) * Fraction(1, 2**bits) ** (2 if p == 2 else 1), (int(i), int(near[k]))))
        else:
            decided += [(rational_distance(x[i], x[j], p), (int(i), int(j))) for j in near]
    if not decided:
        return fallback, pair
    exact_least, pair = min(decided)
    return min(round_down(exact_least, p), fallback), pair


def _dyadic_bits(points: np.ndarray) -> int | None:
    """`b` such that the points are integers times `2^-b`, so few that int64 distances are exact; None if there is none.

    On a grid ties are many, and integers decide them all at once.
    """
    for bits in range(0, 25, 4):
        if all(_is_on_grid(points[start : start + _BLOCK], bits) for start in range(0, len(points), _BLOCK)):
            return bits
    return None


def _is_on_grid(points: np.ndarray, bits: int) -> bool:
    scaled = points * 2.0**bits
    return bool(np.abs(scaled).max() <= 2**24 and np.array_equal(scaled, np.rint(scaled)))


def _integer_distances(differences: np.ndarray, bits: int, p: float) -> np.ndarray:
    """Differences of points on the grid are exact in float64, so their distances are integers times the unit."""
    steps = np.abs(differences * 2.0**bits).astype(np.int64)
    if p == 2:
        return np.asarray((steps * steps).sum(axis=1))
    return np.asarray(steps.max(axis=1) if math.isinf(p) else steps.sum(axis=1))
