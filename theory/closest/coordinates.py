"""Candidates by single coordinates: sets of points as bits, one AND of bits for each coordinate.

If `‖x - y‖_p <= T` then `|x_j - y_j| <= T` for every j. The values of coordinate j of the rows are cut into cells; a
cell with values in [a, b] has the set of columns y with `a - T <= y_j <= b + T`, kept as bits. The sets of a row's
cells in some coordinates, intersected, hold every column within T of the row. The ends `a - T` and `b + T` are rounded
outward, so this holds for all floats; which coordinates are taken, and which cells, changes the time only.
"""

from collections.abc import Iterator

import numpy as np

from theory.closest.sides import Indices, Reach, Sides, Sorted
from theory.device import HOST, Place

_CELLS = 64
# Coordinates at most, those added at once, and those intersected between two looks whether any column is left.
_COORDINATES, _ADDED, _LOOK = 128, 8, 6
# Rows whose near columns tell which coordinates are of use, and pairs that are looked at for that.
_SAMPLE, _PAIRS, _SEED = 64, 2000, 0
_YIELD = 2**16
_PART = 96


class Coordinates:
    """Pairs that are near in every one of some coordinates.

    Args:
        sides: rows and columns.
        reach: the largest distance that will be asked for.
        on: where the sets are intersected.
    """

    def __init__(self, sides: Sides, reach: float, on: Place = HOST) -> None:
        self._sides, self._reach, self._on = sides, reach, on
        self._tables, self._cells = [], []
        telling = _telling(sides, reach)
        for j in telling:
            table, cells = _table(sides.x.coordinate(j), sides.y.coordinate(j), reach)
            self._tables.append(on.array(table))
            self._cells.append(cells)
        self.usable = len(self._tables) >= 1
        # First those with the most of the telling coordinates; the rounding of a difference keeps `<= reach`.
        parts = [slice(start, start + _PART) for start in range(0, sides.x.dim, _PART)]
        self._parts = sorted(parts, key=lambda part: -sum(part.start <= j < part.stop for j in telling))

    def within(self, rows: slice, columns: slice, reach: Reach) -> Iterator[Indices]:
        """Rows and columns of pairs, among them all at a distance up to `reach`, or up to that of the row.

        Raises:
            ValueError: if the reach is beyond that of the tables.
        """
        reach = float(np.max(reach))
        if reach > self._reach:
            raise ValueError(f"the tables are for distances up to {self._reach}, got {reach}")
        found_rows: list[np.ndarray] = []
        found_columns: list[np.ndarray] = []
        total = 0
        for run, ranges in self._sides.runs(rows, columns):
            cells = np.stack([cells[run.start : run.stop] for cells in self._cells], axis=1)
            for part in ranges:
                for own, found in self._sweep(run.start, cells, part):
                    found_rows.append(own)
                    found_columns.append(found)
                    total += len(found)
                    if total >= _YIELD:
                        yield self._near(np.concatenate(found_rows), np.concatenate(found_columns), reach)
                        found_rows, found_columns, total = [], [], 0
        if total:
            yield self._near(np.concatenate(found_rows), np.concatenate(found_columns), reach)

    def _near(self, i: np.ndarray, j: np.ndarray, reach: float) -> Indices:
        """Those that are near in every coordinate; some coordinates at a time, as most pairs are not for long."""
        x, y = self._sides.x, self._sides.y
        for part in self._parts:
            with np.errstate(over="ignore"):
                steps = x.points[x.order[i], part] - y.points[y.order[j], part]
            near = np.abs(steps, out=steps).max(axis=1) <= reach
            i, j = i[near], j[near]
        return i, j

    def _sweep(self, first: int, cells: np.ndarray, part: slice) -> Iterator[Indices]:
        """Rows from a first one, by their cells, and the columns of a range that are left of them."""
        word = part.start // 64
        words = slice(word, -(-part.stop // 64))
        sets = [table[:, words] for table in self._tables]
        for start, own in self._on.lots(cells, words.stop - words.start):
            left = sets[0][own[0]] | 0
            for k in range(1, len(sets), _LOOK):
                for m in range(k, min(k + _LOOK, len(sets))):
                    left &= sets[m][own[m]]
                if not left.any():
                    break
            else:
                rows, found = self._on.bits(left)
                found += 64 * word
                inside = (found >= part.start) & (found < part.stop)
                if inside.any():
                    yield rows[inside] + (first + start), found[inside]


def _table(rows: np.ndarray, columns: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The sets of the cells, shape (cells, words of 64 columns), and the cell of each row."""
    values = np.sort(rows)
    with np.errstate(over="ignore", invalid="ignore"):
        even = np.searchsorted(values, np.linspace(values[0], values[-1], _CELLS // 2))
    edges = np.unique(
        values[np.append(even.clip(max=len(values) - 1), np.linspace(0, len(values) - 1, _CELLS // 2).astype(int))]
    )
    cells = np.searchsorted(edges, rows, side="right") - 1
    # The edges are values, so no cell is empty: each goes from its edge to the last value before the next.
    last = np.append(values[np.searchsorted(values, edges[1:], side="left") - 1], values[-1])
    with np.errstate(over="ignore"):
        low, high = np.nextafter(edges - reach, -np.inf), np.nextafter(last + reach, np.inf)
    table = np.zeros((len(edges), -(-len(columns) // 64)), dtype=np.uint64)
    for own, a, b in zip(table, low, high, strict=True):
        bits = np.packbits((columns >= a) & (columns <= b), bitorder="little")
        own.view(np.uint8)[: len(bits)] = bits
    return table, cells


def _telling(sides: Sides, reach: float) -> list[int]:
    """Coordinates that together tell most pairs apart, greedily: the first from any pairs, the rest from near ones."""
    rng = np.random.default_rng(_SEED)
    i, j = rng.integers(0, len(sides.x), _PAIRS), rng.integers(0, len(sides.y), _PAIRS)
    other = sides.x_codes[i] != sides.y_codes[j]
    chosen = _cover(sides.x[i[other]], sides.y[j[other]], reach)
    if not chosen:
        return []
    some = np.arange(0, len(sides.x), -(-len(sides.x) // _SAMPLE))
    i, j = _near_in(sides.x, sides.y, chosen, some, reach)
    other = sides.x_codes[i] != sides.y_codes[j]
    i, j = i[other], j[other]
    while len(chosen) < min(_COORDINATES, sides.x.dim) and len(i):
        few = rng.choice(len(i), min(len(i), _PAIRS), replace=False)
        more = _cover(sides.x[i[few]], sides.y[j[few]], reach)
        if not more:
            break
        chosen += more
        near = np.ones(len(i), dtype=bool)
        for k in more:
            with np.errstate(over="ignore"):
                steps = sides.x.points[sides.x.order[i], k] - sides.y.points[sides.y.order[j], k]
            near &= np.abs(steps) <= reach
        i, j = i[near], j[near]
    return chosen


def _near_in(x: Sorted, y: Sorted, chosen: list[int], some: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of some rows with all columns that are near in the chosen coordinates."""
    rows = x.points[x.order[some][:, None], chosen]
    columns = [y.coordinate(k) for k in chosen]
    found = []
    for row in rows:
        near = np.ones(len(y), dtype=bool)
        for value, column in zip(row, columns, strict=True):
            with np.errstate(over="ignore"):
                near &= np.abs(column - value) <= reach
        found.append(np.flatnonzero(near))
    return np.repeat(some, [len(near) for near in found]), np.concatenate(found)


def _cover(x: np.ndarray, y: np.ndarray, reach: float) -> list[int]:
    """A few coordinates that tell apart as many of the pairs of rows as possible."""
    with np.errstate(over="ignore"):
        apart = (np.abs(x - y) > reach).T.astype(np.float32)
    left = np.ones(apart.shape[1], dtype=np.float32)
    chosen: list[int] = []
    while len(chosen) < _ADDED:
        counts = apart @ left
        best = int(counts.argmax()) if len(counts) else 0
        if not counts[best] > 0:
            break
        chosen.append(best)
        left *= 1 - apart[best]
    return chosen
