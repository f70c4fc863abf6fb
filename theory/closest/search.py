"""The closest pairs of two labelled sets: bounds name candidates, differences measure them, integers decide."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

from theory.closest.coordinates import Coordinates
from theory.closest.everything import Everything, distances
from theory.closest.projections import Projections
from theory.closest.sides import BLOCK, Indices, Sides, Sorted
from theory.device import HOST, Place
from theory.exact.exact_distance import exactly_nearest, relative_error, scaled_distances

# Up to so many pairs all distances are quicker than any bound.
_FEW = 2**18
# Pairs that are measured before the search, for a distance that the closest pair has at most.
_NEAR = 2048
# Rows that tell a distance where there are no projections.
_ROWS = 64
# Pairs that are kept undecided.
_KEPT = 2**18
# A bound that leaves a larger share of the pairs is not worth its price.
_SHARE = 1 / 8


# Each names pairs, among them all at a distance up to a reach.
Candidates: TypeAlias = Projections | Coordinates | Everything


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows and columns and their distances `f · 2^e`, each within `relative_error`."""

    i: Int[np.ndarray, " k"]
    j: Int[np.ndarray, " k"]
    fractions: Float[np.ndarray, " k"]
    exponents: Int[np.ndarray, " k"]

    def __len__(self) -> int:
        return len(self.i)

    def __getitem__(self, index: np.ndarray) -> "Pairs":
        return Pairs(self.i[index], self.j[index], self.fractions[index], self.exponents[index])

    @staticmethod
    def joined(parts: list["Pairs"]) -> "Pairs":
        columns = ("i", "j", "fractions", "exponents")
        return Pairs(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))

    def closest(self, slack: float) -> "Pairs":
        """Those whose distance is within a relative `slack` of the least."""
        if not len(self):
            return self
        unit = int(self.exponents.min())
        # What is far above the unit need not be right.
        in_unit = np.ldexp(self.fractions, np.minimum(self.exponents - unit, 1000))
        return self[in_unit <= in_unit.min() * (1 + slack)]

    def above(self, slack: float) -> float:
        """A float above all of these distances, each enlarged by a relative `slack`."""
        return float(self.each_above(slack).max(initial=0.0))

    def each_above(self, slack: float) -> Float[np.ndarray, " k"]:
        """Floats above these distances, each enlarged by a relative `slack`."""
        with np.errstate(over="ignore"):
            return np.asarray(np.nextafter(np.ldexp(self.fractions * (1 + slack), self.exponents), np.inf))

    def improved(self, others: "Pairs") -> "Pairs":
        """These, one for each row, or for a row the nearest of the others where that is nearer."""
        order = np.lexsort((others.fractions, others.exponents, others.i))
        first = others[order[np.unique(others.i[order], return_index=True)[1]]]
        row = first.i
        nearer = (first.exponents < self.exponents[row]) | (
            (first.exponents == self.exponents[row]) & (first.fractions < self.fractions[row])
        )
        found = Pairs(*(column.copy() for column in (self.i, self.j, self.fractions, self.exponents)))
        for mine, other in ((found.j, first.j), (found.fractions, first.fractions), (found.exponents, first.exponents)):
            mine[row[nearer]] = other[nearer]
        return found


NONE = Pairs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64))


def candidates(
    sides: Sides, p: float, reach: float | None = None, projections: Projections | None = None, on: Place = HOST
) -> tuple[Candidates, float]:
    """What names few pairs, as some rows tell, and the distance up to which it shall name them all.

    That is `reach` or, if none is given, a distance that the closest pair has at most. `projections` of these sides, if
    they are there already, are not computed again. What a device may do is done there.

    Raises:
        ValueError: if none is given and no pair counts, or for a device that does not multiply as is assumed.
    """
    few = len(sides.x) * len(sides.y) <= _FEW
    if few:
        projections = None
    elif projections is None and not (math.isinf(p) and reach is not None):
        projections = Projections(sides, p, on=on)
    if reach is None:
        reach = _upper_bound(sides, p, projections)
    bounds: list[Projections | Coordinates] = []
    if projections is not None and not math.isinf(p):
        bounds.append(projections)
    if p > 2 and not few:
        bounds.append(Coordinates(sides, reach, on))
    for bound in bounds:
        if bound.usable and _share(sides, bound, reach) < _SHARE:
            return bound, reach
    return Everything(sides, p), reach


def _upper_bound(sides: Sides, p: float, projections: Projections | None) -> float:
    """The least of the distances of some pairs that count, which projections, or else distances of some rows, say to be
    near."""
    i, j = sides.any_pair()
    if projections is None or not projections.usable:
        rows, columns = _nearest_of_some_rows(sides, p)
    else:
        squared, columns = projections.nearest()
        rows = np.argsort(squared, kind="stable")[:_NEAR]
        rows = rows[np.isfinite(squared[rows])]
        columns = columns[rows]
    measured = _measured(sides, np.append(i, rows), np.append(j, columns), p)
    # Twice the slack of `Search`: what it measures within its slack of the least is named.
    return measured.closest(0.0).above(8 * relative_error(sides.x.dim, p))


def _nearest_of_some_rows(sides: Sides, p: float) -> Indices:
    """The column of another label nearest to each of some rows, as far as distances by differences tell."""
    rows = np.arange(0, len(sides.x), -(-len(sides.x) // _ROWS))
    found = distances(sides.x[rows], sides.y[np.arange(len(sides.y))], p)
    found[sides.x_codes[rows, None] == sides.y_codes[None, :]] = np.inf
    nearest = found.argmin(axis=1)
    known = np.isfinite(found[np.arange(len(rows)), nearest])
    return rows[known], nearest[known]


class Search:
    """The closest pairs that count.

    What is found depends neither on what is pruned nor on the order or the parts in which units are searched, but for
    pairs that cannot be first.

    Args:
        sides: rows and columns.
        p: in [1, ∞].
        on: where pairs are named; they are measured and decided here.
    """

    def __init__(self, sides: Sides, p: float, on: Place = HOST) -> None:
        self._sides, self._p = sides, p
        self._slack = 4 * relative_error(sides.x.dim, p)
        self._named, self._reach = candidates(sides, p, on=on)

    def closest(self, units: Iterable[tuple[slice, slice]]) -> Pairs:
        """The pairs of some units that can be the closest of all, as measured; of many those that decide."""
        found, reach = NONE, self._reach
        for rows, columns in units:
            for i, j in self._named.within(rows, columns, reach):
                found = self.joined([found, _measured(self._sides, i, j, self._p)])
                if len(found):
                    # What is measured within the slack of the least is within twice the slack, so it is named.
                    reach = min(reach, found.above(2 * self._slack))
        return found

    def joined(self, parts: list[Pairs]) -> Pairs:
        """What `closest` finds in several lots of units, as if in one."""
        found = Pairs.joined(parts).closest(self._slack)
        return decided(self._sides, found, self._p) if len(found) > _KEPT else found


def decided(sides: Sides, pairs: Pairs, p: float) -> Pairs:
    """Of pairs that can be the closest the first of those that are, for p = 1, 2 and ∞.

    The order is that of the points before they were sorted, rows first; of one set with itself the smaller index first.
    For other p, which are not decided, the first of each measured distance.
    """
    first, second = original(sides, pairs)
    if p not in (1, 2, math.inf):
        order = np.lexsort((second, first, pairs.fractions, pairs.exponents))
        changes = np.flatnonzero((np.diff(pairs.fractions[order]) != 0) | (np.diff(pairs.exponents[order]) != 0))
        return pairs[order[np.append(0, changes + 1)]]
    order = np.lexsort((second, first))
    best: tuple[Fraction, int] | None = None
    for start in range(0, len(order), BLOCK):
        part = order[start : start + BLOCK]
        least, exact = exactly_nearest(sides.x[pairs.i[part]], sides.y[pairs.j[part]], p)
        if best is None or exact < best[0]:
            best = exact, int(part[least])
    return pairs if best is None else pairs[np.array([best[1]])]


def original(sides: Sides, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """The points before they were sorted; of one set with itself the smaller index first."""
    i, j = sides.x.order[pairs.i], sides.y.order[pairs.j]
    return (np.minimum(i, j), np.maximum(i, j)) if sides.same else (i, j)


def nearest_columns(sides: Sides, p: float, units: Iterable[tuple[slice, slice]]) -> Pairs:
    """For each row the nearest column of another label, or one within `4 relative_error` of it.

    Raises:
        ValueError: if there is a row without a column of another label.
    """
    slack = 4 * relative_error(sides.x.dim, p)
    j = np.where(sides.x_codes != sides.y_codes[0], 0, len(sides.y) - 1)
    if np.any(sides.x_codes == sides.y_codes[j]):
        raise ValueError("there are rows without a column of another label")
    if (projections := Projections(sides, p)).usable:
        squared, guessed = projections.nearest()
        j = np.where(np.isfinite(squared), guessed, j)
    best = _measured(sides, np.arange(len(j)), j, p)
    reach = best.each_above(slack)
    named, _ = candidates(sides, p, float(reach.max()), projections)
    for rows, columns in units:
        for i, j in named.within(rows, columns, reach[rows]):
            best = best.improved(_measured(sides, i, j, p))
        reach[rows] = best.each_above(slack)[rows]
    return best


def pairs_within(x: Float[np.ndarray, "k d"], y: Float[np.ndarray, "n d"], reach: float, p: float) -> Iterator[Indices]:
    """Rows and columns of pairs, among them all with `‖x_i - y_j‖_p <= reach`, block by block."""
    sorted_x, sorted_y = (Sorted(points, np.arange(len(points))) for points in (x, y))
    sides = Sides(sorted_x, sorted_y, np.zeros(len(x), dtype=int), np.ones(len(y), dtype=int), same=False)
    named, _ = candidates(sides, p, reach)
    for rows, columns in sides.units():
        yield from named.within(rows, columns, reach)


def _measured(sides: Sides, i: np.ndarray, j: np.ndarray, p: float) -> Pairs:
    """Pairs with their distances, of which a block at a time has its differences in memory."""
    parts = [slice(start, start + BLOCK) for start in range(0, max(len(i), 1), BLOCK)]
    found = [scaled_distances(sides.x[i[part]], sides.y[j[part]], p) for part in parts]
    fractions, exponents = map(np.concatenate, zip(*found, strict=True))
    return Pairs(i, j, fractions, exponents)


def _share(sides: Sides, bound: Projections | Coordinates, reach: float) -> float:
    """The part of the pairs that a bound leaves, in the first rows of some blocks."""
    left, total = 0, 0
    units = sides.units()
    for rows, columns in units[:: -(-len(units) // 8)]:
        few = slice(rows.start, min(rows.start + 8, rows.stop))
        left += sum(len(i) for i, _ in bound.within(few, columns, reach))
        total += (few.stop - few.start) * (columns.stop - columns.start)
    return left / total if total else 1.0
