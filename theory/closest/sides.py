"""Two labelled sets of points, sorted by label, and which pairs of them count."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

# Rows and columns of pairs, of the same length.
Indices: TypeAlias = tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]
# A distance, or one for each of some rows.
Reach: TypeAlias = float | Float[np.ndarray, " k"]
# Rows of a block; a block of distances stays in the cache.
BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Sorted:
    """Points in another order, without a copy of them all: `x[k]` are the points `order[k]`."""

    points: Float[np.ndarray, "n d"]
    order: Int[np.ndarray, " n"]

    def __getitem__(self, index: slice | Int[np.ndarray, " k"]) -> Float[np.ndarray, "k d"]:
        return np.asarray(self.points[self.order[index]])

    def __len__(self) -> int:
        return len(self.order)

    def coordinate(self, j: int) -> Float[np.ndarray, " n"]:
        """One coordinate of all points."""
        return np.asarray(self.points[:, j][self.order])

    @property
    def dim(self) -> int:
        return int(self.points.shape[1])


@dataclass(frozen=True, eq=False)
class Sides:
    """Rows and columns; a pair counts if its labels differ, and of one set with itself in one order at least.

    Attributes:
        x, y: rows and columns, sorted by label.
        x_codes, y_codes: their labels, as numbers that do not decrease.
        same: whether both are one set.
    """

    x: Sorted
    y: Sorted
    x_codes: Int[np.ndarray, " n"]
    y_codes: Int[np.ndarray, " m"]
    same: bool

    def units(self) -> list[tuple[slice, slice]]:
        """Blocks of rows, each with all columns that can count for one of them."""
        size = len(self.x)
        first = np.searchsorted(self.y_codes, self.x_codes, side="right") if self.same else np.zeros(size, dtype=int)
        return [
            (slice(a, min(a + BLOCK, size)), slice(int(first[a]), len(self.y)))
            for a in range(0, size, BLOCK)
            if first[a] < len(self.y)
        ]

    def mask(self, rows: slice, columns: slice) -> np.ndarray | None:
        """Where labels are equal, or None where that is nowhere."""
        own, others = self.x_codes[rows], self.y_codes[columns]
        if own[-1] < others[0] or others[-1] < own[0]:
            return None
        return np.asarray(own[:, None] == others[None, :])

    def runs(self, rows: slice, columns: slice) -> Iterator[tuple[range, list[slice]]]:
        """The rows by label, each with the ranges of columns of other labels."""
        a = rows.start
        while a < rows.stop:
            code = self.x_codes[a]
            b = min(int(np.searchsorted(self.x_codes, code, side="right")), rows.stop)
            low, high = (int(np.searchsorted(self.y_codes, code, side=side)) for side in ("left", "right"))
            before = slice(columns.start, min(low, columns.stop))
            after = slice(max(high, columns.start), columns.stop)
            ranges = [after] if self.same else [before, after]
            yield range(a, b), [part for part in ranges if part.start < part.stop]
            a = b

    def any_pair(self) -> Indices:
        """Some pair that counts.

        Raises:
            ValueError: if none does.
        """
        for i in (0, len(self.x) - 1):
            for j in (len(self.y) - 1, 0):
                if self.x_codes[i] != self.y_codes[j]:
                    return np.array([i]), np.array([j])
        raise ValueError("all labels are equal, so that no pair counts")
