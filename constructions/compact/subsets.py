"""Few coordinates in which a point is far from all points of other classes, shared by many points.

A ball in the coordinates of a set S costs |S| weights and three more numbers, and the sum of the squares over S, which
is there once for all balls that read S, another |S|. So for each point small sets are looked for, and then those that
are kept are chosen so that all this is least: a facility location problem, by greedy steps.
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.errors import AssumptionError

_MOST_SETS = 1_500
# So many points of other classes, the nearest in the first coordinates, decide about most sets.
_NEAR, _FIRST = 4096, 8
_ROOM = np.float32(1 + 2.0**-16)
_INFEASIBLE = np.int32(10**6)

Subset = tuple[int, ...]


def separating_subsets(
    z: Float[np.ndarray, "n k"],
    codes: Int[np.ndarray, " n"],
    chosen: Int[np.ndarray, " m"],
    distance: float,
    *,
    beam: int = 4,
    report: Callable[[int], None] = lambda done: None,
) -> list[Subset]:
    """For each chosen point coordinates in which all points of other classes are at least `distance` away.

    In float32, for whoever certifies the outcome; a slightly greater distance is asked for, for its rounding.

    Args:
        z: coordinates of all points.
        codes: their classes.
        chosen: numbers of the points.
        distance: > 0.
        beam: sets that are carried on from each size to the next.
        report: is told the number of points done, of twice as many.

    Raises:
        AssumptionError: if all coordinates together do not separate a chosen point.
    """
    spread = float(np.abs(z).max())
    asked = np.float32((distance * (1 + 2.0**-16) + 2.0**-20 * spread) ** 2)
    rivals = {int(c): _Rivals(z, np.flatnonzero(codes != c)) for c in np.unique(codes[chosen])}
    own: list[list[Subset]] = []
    for done, i in enumerate(chosen):
        own.append(_smallest(rivals[int(codes[i])], z[i].astype(np.float32), asked, beam))
        if not own[-1]:
            j = rivals[int(codes[i])].nearest(z[i])
            raise AssumptionError(
                f"compact_memorizer needs points of other classes at least 2 * radius + shell, and rounding, = "
                f"{distance:.6g} apart in its {z.shape[1]} coordinates, got {np.linalg.norm(z[i] - z[j]):.6g} for "
                f"points {i} and {j}: take a smaller radius or shell, or more coordinates"
            )
        report(done + 1)
    counted = Counter(subset for sets in own for subset in sets)
    pool = [subset for subset, _ in counted.most_common(_MOST_SETS)]
    member = _members(pool, z.shape[1])
    price = member.sum(axis=0).astype(np.int32)
    costs = np.empty((len(chosen), len(pool)), dtype=np.int32)
    for row, i in enumerate(chosen):
        fits = _fitting(rivals[int(codes[i])], z[i].astype(np.float32), asked, member)
        costs[row] = np.where(fits, price, _INFEASIBLE)
        report(len(chosen) + row + 1)
    least = np.array([len(sets[0]) for sets in own], dtype=np.int32)
    opened = _opened(costs, price, 2 * least)
    if not len(opened):
        return [sets[0] for sets in own]
    best = opened[costs[:, opened].argmin(axis=1)]
    at = costs[np.arange(len(chosen)), best]
    return [pool[g] if cost <= 2 * size else sets[0] for g, cost, size, sets in zip(best, at, least, own, strict=True)]


class _Rivals:
    """Points of other classes."""

    def __init__(self, z: np.ndarray, rows: np.ndarray) -> None:
        self.rows = rows
        self.z = np.ascontiguousarray(z[rows], dtype=np.float32)

    def nearest(self, point: np.ndarray) -> int:
        return int(self.rows[np.square(self.z - point).sum(axis=1).argmin()])


def _smallest(rivals: "_Rivals", point: np.ndarray, asked: np.float32, beam: int) -> list[Subset]:
    """Sets of one size, about the least; [] if there are none.

    They are looked for among the nearest points of other classes, and then tried on all of them.
    """
    squares = np.square(rivals.z - point)
    rows = _nearest(squares)
    while True:
        # With room for the other order of summation below, so that each round finds new points.
        sets = _beam(squares[rows], asked * _ROOM, beam)
        if not sets:
            return []
        member = _members(sets, len(point))
        sums = squares @ member
        good = np.flatnonzero(sums.min(axis=0) >= asked)
        if len(good):
            return [sets[g] for g in good]
        rows = np.union1d(rows, np.flatnonzero(sums.min(axis=1) < asked))


def _nearest(squares: Float[np.ndarray, "n k"]) -> Int[np.ndarray, " near"]:
    sums = squares[:, :_FIRST].sum(axis=1)
    return np.argpartition(sums, min(_NEAR, len(sums) - 1))[:_NEAR]


def _members(sets: list[Subset], size: int) -> Float[np.ndarray, "k sets"]:
    member = np.zeros((size, len(sets)), dtype=np.float32)
    for g, subset in enumerate(sets):
        member[list(subset), g] = 1
    return member


def _beam(squares: Float[np.ndarray, "n k"], asked: np.float32, beam: int) -> list[Subset]:
    """Of each size the sets that leave the fewest points too near, until some leave none."""
    size, dim = squares.shape
    states: list[tuple[Subset, np.ndarray, np.ndarray]] = [((), np.zeros(size, np.float32), np.arange(size))]
    for _ in range(dim):
        found: dict[Subset, tuple[int, int, int]] = {}
        for number, (subset, sums, rows) in enumerate(states):
            left = np.count_nonzero(sums[:, None] + squares[rows] < asked, axis=0)
            left[list(subset)] = size + 1
            for f in np.argsort(left, kind="stable")[:beam].tolist():
                found.setdefault(tuple(sorted((*subset, f))), (int(left[f]), number, f))
        best = sorted(found.items(), key=lambda item: item[1][0])[:beam]
        done = [subset for subset, (left, _, _) in best if left == 0]
        if done:
            return done
        following = []
        for subset, (_, number, f) in best:
            before, sums, rows = states[number]
            if f not in before:
                sums = sums + squares[rows, f]
                near = sums < asked
                following.append((subset, sums[near], rows[near]))
        states = following
    return []


def _fitting(
    rivals: "_Rivals", point: np.ndarray, asked: np.float32, member: Float[np.ndarray, "k sets"]
) -> Bool[np.ndarray, " sets"]:
    """Which sets separate the point: first from points that are near, then from all others."""
    squares = np.square(rivals.z - point)
    near = _nearest(squares)
    fits = np.ones(member.shape[1], dtype=bool)
    for rows in (near[::8], near, slice(None)):
        left = np.flatnonzero(fits)
        if len(left):
            fits[left] = (squares[rows] @ member[:, left]).min(axis=0) >= asked
    return fits


def _opened(
    costs: Int[np.ndarray, "m sets"], price: Int[np.ndarray, " sets"], now: Int[np.ndarray, " m"]
) -> Int[np.ndarray, " open"]:
    """Sets whose price is paid once, such that prices and the cheapest cost of each point are small together."""
    now = now.copy()
    opened: list[int] = []
    while True:
        gain = np.maximum(now[:, None] - costs, 0).sum(axis=0) - price
        gain[opened] = -1
        g = int(gain.argmax())
        if gain[g] <= 0:
            break
        opened.append(g)
        now = np.minimum(now, costs[:, g])
    for g in list(reversed(opened)):
        others = [h for h in opened if h != g]
        if others and (costs[:, others].min(axis=1) - costs[:, opened].min(axis=1)).sum() <= price[g]:
            opened = others
    return np.array(opened, dtype=np.int64)
