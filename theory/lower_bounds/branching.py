"""The search for a proof by cases: that of the least bound is split in two, again and again. Floats; proves nothing.

A group to split by is a coordinate of which the solution of the linear program is undecided, with others that give
much the same to the same pairs, as long as the solution has less than half a coordinate there: one coordinate that is
left out is replaced by its neighbours at little cost. Of the groups that promise most, each is tried.
"""

import heapq
import time
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from rich.console import Console
from scipy.optimize import linprog

from theory.lower_bounds.cases import Case, Group

# Pairs that a round adds; those that a solution satisfies by more than this share leave.
_ADDED, _SLACK = 150, 0.1
_TOLERANCE = 1e-4
_ROUNDS = 6
# Groups of up to so many coordinates, with this much of a solution at most; so many of them are tried, more at first.
_LARGEST, _HALF, _TRIED, _TRIED_FIRST = 4, 0.55, 8, 32
# A bound's gain is worth the share `exp(-_WORTH · gain)` of the cases that are left, up to the largest gain.
_WORTH, _LARGEST_GAIN = 3.0, 0.6
# Where a coordinate costs more than this it is out of account while groups are tried.
_COSTLY = 0.4
# Of a group that is only tried.
_NEXT = -1
# Of what no coordinates satisfy, in multiples of their number.
_PRICE = 64.0


@dataclass(frozen=True, eq=False)
class Solved:
    """A case, its linear program's value, the pairs in it, its solution, weights and reduced costs.

    `weights` and `group_weights` are those of `theory.lower_bounds.cases`; the latter by numbers of groups.
    """

    value: float
    case: Case
    chosen: Int[np.ndarray, " k"]
    solution: Float[np.ndarray, " d"]
    weights: Float[np.ndarray, " k"]
    group_weights: dict[int, float]
    costs: Float[np.ndarray, " d"]


def split_cases(
    rows: Float[np.ndarray, "m d"],
    solution: Float[np.ndarray, " d"],
    enough: int,
    ends: float,
    console: Console,
) -> tuple[list[Group], Float[np.ndarray, "cases weights"]]:
    """A tree of groups in preorder, and the weights of its cases (`theory.lower_bounds.cases.least_proved`).

    Args:
        rows: `min(a_pj, B)/B` of all pairs that may be used.
        solution: of the linear program without cases.
        enough: no case is split once this bound is proved.
        ends: of the monotonic clock, after which no case is split.
        console: told of the bound.
    """
    first = solve_case(rows, Case(), np.flatnonzero(rows @ solution < 1 + _SLACK))
    # By the number of each node: its group and the numbers of its two cases, or what is solved.
    nodes: list[tuple[Group, int, int] | Solved] = [first]
    heap = [(first.value, 0)]
    gains: dict[Group, tuple[float, float]] = defaultdict(lambda: (0.45, 0.5))
    while heap[0][0] <= enough - 1 + _TOLERANCE and time.monotonic() < ends:
        number = heap[0][1]
        worst = nodes[number]
        assert isinstance(worst, Solved)
        group = _best_group(rows, worst, gains, _TRIED if number else _TRIED_FIRST)
        if group is None:
            break
        heapq.heappop(heap)
        nodes[number] = (group, len(nodes), len(nodes) + 1)
        for case in worst.case.split(number, group):
            solved = solve_case(rows, case, worst.chosen)
            heapq.heappush(heap, (solved.value, len(nodes)))
            nodes.append(solved)
        console.print(f"coordinates: {heap[0][0]:.4f} by {len(heap)} cases")
    groups, leaves = _in_preorder(nodes)
    return groups, weight_rows(leaves, len(rows))


def weight_rows(leaves: list[Solved], m: int) -> Float[np.ndarray, "cases weights"]:
    """For each case the weights of all m pairs and of all groups."""
    weights = np.zeros((len(leaves), m + len(leaves) - 1))
    for row, leaf in zip(weights, leaves, strict=True):
        row[leaf.chosen] = leaf.weights
        for number, weight in leaf.group_weights.items():
            row[m + number] = weight
    return weights


def _in_preorder(nodes: list[tuple[Group, int, int] | Solved]) -> tuple[list[Group], list[Solved]]:
    """The tree in the order of its certificate, by which its groups are numbered."""
    groups: list[Group] = []
    leaves: list[Solved] = []
    places: dict[int, int] = {}
    pending = [0]
    while pending:
        number = pending.pop()
        node = nodes[number]
        if isinstance(node, Solved):
            leaves.append(node)
            groups.append(())
        else:
            places[number] = len(places)
            groups.append(node[0])
            pending += [node[2], node[1]]
    return groups, [
        replace(leaf, group_weights={places[k]: weight for k, weight in leaf.group_weights.items()}) for leaf in leaves
    ]


def _best_group(
    rows: Float[np.ndarray, "m d"], node: Solved, gains: dict[Group, tuple[float, float]], tried: int
) -> Group | None:
    """The group whose two cases are expected to need the fewest cases in all; None where all is decided."""

    def worth(some: float, none: float) -> float:
        return float(sum(np.exp(-_WORTH * min(gain, _LARGEST_GAIN)) for gain in (some, none)))

    def promise(group: Group) -> float:
        share = node.solution[list(group)].sum()
        return worth(gains[group][0] * (1 - share), gains[group][1] * share)

    columns, tries = node.costs < _COSTLY, []
    for group in sorted(_groups(rows, node), key=promise)[:tried]:
        share = float(node.solution[list(group)].sum())
        some, none = (
            _solve(rows, case, node.chosen, columns).value - node.value for case in node.case.split(_NEXT, group)
        )
        old = gains[group]
        gains[group] = (old[0] + min(some, 1) / (1 - share)) / 2, (old[1] + min(none, 1) / share) / 2
        tries.append((worth(some, none), group))
    return min(tries)[1] if tries else None


def _groups(rows: Float[np.ndarray, "m d"], node: Solved) -> set[Group]:
    """Undecided coordinates, and each with those most like it."""
    free = node.case.free(rows.shape[1])
    undecided = np.flatnonzero(free & (node.solution > 0.02) & (node.solution < 0.98))
    given = rows[np.ix_(node.chosen, undecided)]
    totals = np.maximum(node.weights @ given, 1e-12)
    found: set[Group] = set()
    for k in range(len(undecided)):
        likeness = node.weights @ np.minimum(given, given[:, [k]]) / np.sqrt(totals * totals[k])
        likeness[k] = np.inf
        order, share = undecided[np.argsort(-likeness, kind="stable")[:_LARGEST]], 0.0
        for size, other in enumerate(order, 1):
            share += node.solution[other]
            if share > _HALF and size > 1:
                break
            found.add(tuple(sorted(int(i) for i in order[:size])))
    return found


def solve_case(rows: Float[np.ndarray, "m d"], case: Case, chosen: Int[np.ndarray, " k"]) -> Solved:
    """The linear program of a case, with the pairs that its solutions violate added."""
    given = rows[:, case.read].sum(axis=1)
    for rest in reversed(range(_ROUNDS)):
        solved = _solve(rows, case, chosen, np.ones(rows.shape[1], dtype=bool))
        # What is satisfied without the cut at what is needed may be violated with it.
        near = np.flatnonzero((given < 1 - _TOLERANCE) & (rows @ solved.solution < 1.3))
        need = 1 - given[near]
        free = case.free(rows.shape[1])
        covered = np.minimum(rows[near][:, free], need[:, None]) @ solved.solution[free] / need
        worst = np.argsort(covered, kind="stable")[:_ADDED]
        fresh = np.setdiff1d(near[worst[covered[worst] < 1 - _TOLERANCE]], chosen)
        if not rest or not fresh.size:
            break
        slack = rows[chosen] @ solved.solution
        chosen = np.union1d(chosen[slack < 1 + _SLACK], fresh)
    return solved


def _solve(rows: Float[np.ndarray, "m d"], case: Case, chosen: Int[np.ndarray, " k"], columns: np.ndarray) -> Solved:
    """The linear program over the chosen pairs and free coordinates."""
    free = np.flatnonzero(case.free(rows.shape[1]) & columns)
    need = 1 - rows[chosen][:, case.read].sum(axis=1)
    chosen, need = chosen[need > _TOLERANCE], need[need > _TOLERANCE]
    known = case.open
    matrix = np.minimum(rows[np.ix_(chosen, free)], need[:, None]) / need[:, None]
    matrix = np.vstack([matrix, *(np.isin(free, group).astype(float) for _, group in known)])
    solution, costs = np.zeros(rows.shape[1]), np.full(rows.shape[1], np.inf)
    solution[case.read] = 1
    ones = np.ones(len(matrix))
    found = linprog(np.ones(len(free)), A_ub=-matrix, b_ub=-ones, bounds=(0, 1), method="highs-ds")
    if found.status != 0:
        # No coordinates satisfy all: what is missing has a high price, which is then a weight.
        price, matrix = _PRICE * rows.shape[1], np.hstack([matrix, np.eye(len(matrix))])
        found = linprog(
            np.append(np.ones(len(free)), price * ones), A_ub=-matrix, b_ub=-ones, bounds=(0, 1), method="highs-ds"
        )
    solution[free] = np.clip(found.x[: len(free)], 0, 1)
    weights = np.maximum(-found.ineqlin.marginals, 0)
    costs[free] = 1 - weights @ matrix[:, : len(free)]
    return Solved(
        float(found.fun) + len(case.read),
        case,
        chosen,
        solution,
        weights[: len(chosen)] / need,
        {number: float(weight) for (number, _), weight in zip(known, weights[len(chosen) :], strict=True)},
        costs,
    )
