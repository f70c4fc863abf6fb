"""Regions of few dimensions cut into boxes until each is proved, or a point of one is a violation.

A box is halved where its width, weighed by the first layer's entries of the coordinate, is greatest. The halves share
the float at which they meet, so that together they are the box.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from theory.balls.backward import backward
from theory.balls.budget import Progress, deadline_of, is_over
from theory.balls.descent import lengths
from theory.balls.intervals import after_relu, first_range, least_after_relu, least_of_forms, within_phases
from theory.balls.minimisers import minimisers
from theory.balls.prepared import Head, Prepared, merge, prepare
from theory.balls.propagation import check_task, relaxed
from theory.balls.refutation import Confirm, Hunt, Splitting, splitting
from theory.balls.regions import Bounds, Regions, boxes
from theory.balls.violations import Violations
from theory.layers import Layers
from theory.roundoff import gamma

# Boxes bounded at once, and those of one region that are bounded before the next has its turn, doubled each time.
BATCH = 128
_HUGE = 1e290
_FIRST_TURN = 512


def split_inputs(
    layers: Layers,
    regions: Regions,
    violations: Violations,
    *,
    seconds: Any = None,
    nodes: int = 10**6,
    confirm: Confirm | None = None,
    progress: Progress | None = None,
) -> Splitting:
    """Decide regions by splitting them into boxes; for few dimensions, about 10.

    Args:
        layers: the network.
        regions: of its inputs.
        violations: of its outputs, for each region its own or one for all.
        seconds: for all regions together; None for no limit. They take turns, of more and more boxes.
        nodes: the most boxes that are bounded for one region.
        confirm: asked about points (region, x) that rounding leaves open; None for never.
        progress: called with the numbers of regions that are decided, and of all.

    Raises:
        ValueError: if shapes do not fit.
    """
    deadline, affines = deadline_of(seconds), prepare(layers)
    check_task(affines, regions, violations)
    (low, high), entries = regions.outer(), _entries(affines[0])
    trees: list[_Tree] = []
    for i in range(len(regions)):
        # A region that has no turn costs nothing.
        if is_over(deadline):
            break
        hunt = Hunt(layers, affines, regions.take([i]), violations.take([i]), i, confirm)
        trees.append(_Tree(hunt, (low[[i]], high[[i]]), entries))
        trees[-1].take_turn(min(_FIRST_TURN, nodes), deadline)
    left, turn = trees, _FIRST_TURN
    while True:
        left = [tree for tree in left if tree.is_open and tree.nodes < nodes]
        if progress is not None:
            progress(len(trees) - len(left), len(regions))
        if not left or is_over(deadline):
            break
        turn *= 2
        for tree in left:
            tree.take_turn(min(tree.nodes + turn, nodes), deadline)
    hunts = [tree.hunt for tree in trees]
    return splitting(regions, hunts, [tree.lower for tree in trees], [tree.nodes for tree in trees])


def _entries(first: Prepared) -> np.ndarray:
    """Weights of the coordinates, which are only an order of them: what overflows comes first."""
    with np.errstate(over="ignore", invalid="ignore"):
        entries = np.minimum(np.asarray(first.absolute.sum(axis=0)).ravel(), _HUGE)
    return np.asarray(entries + 1e-9 * entries.max() + 1e-300)


class _Tree:
    """The boxes of one region that are not proved, those with the lowest bound last."""

    def __init__(self, hunt: Hunt, ends: tuple[np.ndarray, np.ndarray], entries: np.ndarray) -> None:
        self.hunt, self.affines, self.region, self.wrong = hunt, hunt.affines, hunt.region, hunt.violations
        self.low, self.high = ends
        self.weight = entries
        self.worst = np.full(1, -np.inf)
        # Of each box and neuron, whether it is on (1) or off (-1) in the box that it is a part of.
        self.phases = np.zeros((1, sum(affine.weight.shape[0] for affine in self.affines[:-1])), np.int8)
        # The least bound of the boxes that are proved, and of those too small to be halved.
        self.done, self.stuck = np.inf, np.inf
        self.nodes = 0

    @cached_property
    def head(self) -> Head:
        """Made when the region has its turn: before that the time may be over."""
        with np.errstate(over="ignore", invalid="ignore"):
            return merge(*self.wrong.flat(), self.affines[-1])

    @property
    def is_open(self) -> bool:
        return len(self.low) > 0 and not self.hunt.refuted

    @property
    def lower(self) -> float:
        return float(min(self.done, self.stuck, self.worst.min(initial=np.inf)))

    def take_turn(self, until: int, deadline: float) -> None:
        """Steps until so many boxes were bounded, or the time is over."""
        while self.is_open and self.nodes < until and not is_over(deadline):
            self.step(until)

    def step(self, until: int) -> None:
        """Bound the last boxes, and put the halves of those that are not proved in their place."""
        count = min(BATCH, len(self.low), max(1, until - self.nodes))
        keep = len(self.low) - count
        low, high, before, phases = self.low[keep:], self.high[keep:], self.worst[keep:], self.phases[keep:]
        if np.isinf(self.region.p):
            some = boxes(low, high)
        else:
            same = np.zeros(count, int)
            some = Regions(self.region.centres[same], self.region.halves[same], self.region.p, (low, high))
        with np.errstate(over="ignore", invalid="ignore"):
            rows, coefficient, phases = _bounded(self.affines, self.head, some, phases)
        self.nodes += count
        lower = self.wrong.excluded(rows)
        if not np.isinf(self.region.p):
            # A box beside the ball holds nothing of the region.
            lower[self._are_beside(low, high)] = np.inf
        # A part is bounded at least as well as the whole that it is of.
        worst = np.maximum(lower.min(axis=1), before)
        left = np.flatnonzero(~(worst > 0))
        proved = worst[worst > 0]
        self.done = min(self.done, proved.min(initial=np.inf))
        if not len(left):
            self._replace(keep, low[:0], high[:0], worst[:0], phases[:0])
            return
        chosen = _worst_rows(rows[left], lower[left], self.wrong)
        steepest = coefficient[left, chosen]
        part = some.take(left)
        self.hunt.look(np.concatenate([minimisers(steepest[:, None], part)[:, 0], part.centres]))
        self._halve(keep, low[left], high[left], worst[left], phases[left])

    def _are_beside(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Which boxes have no point of the ball, for sure."""
        centre, slack = self.region.centres, gamma(2 * low.shape[1] + 128)
        gap = np.maximum(np.maximum(low - centre, centre - high), 0.0)
        return np.asarray(lengths(gap, self.region.p)[:, 0] * (1.0 - slack) > self.region.halves[0, 0])

    def _halve(
        self,
        keep: int,
        low: np.ndarray,
        high: np.ndarray,
        worst: np.ndarray,
        phases: np.ndarray,
    ) -> None:
        middle = 0.5 * low + 0.5 * high
        inside = (middle > low) & (middle < high)
        with np.errstate(over="ignore", invalid="ignore"):
            width = high - low
            gain = np.where(inside, np.nan_to_num(self.weight * width, nan=np.inf), -1.0)
        whole = inside.any(axis=1)
        self.stuck = min(self.stuck, worst[~whole].min(initial=np.inf))
        low, high, worst, phases, middle, gain = (a[whole] for a in (low, high, worst, phases, middle, gain))
        rows, at = np.arange(len(low)), gain.argmax(axis=1)
        low_of_upper, high_of_lower = low.copy(), high.copy()
        low_of_upper[rows, at] = high_of_lower[rows, at] = middle[rows, at]
        low, high = np.concatenate([low, low_of_upper]), np.concatenate([high_of_lower, high])
        worst, phases = np.concatenate([worst, worst]), np.concatenate([phases, phases])
        order = np.argsort(-worst, kind="stable")
        self._replace(keep, low[order], high[order], worst[order], phases[order])

    def _replace(self, keep: int, low: np.ndarray, high: np.ndarray, worst: np.ndarray, phases: np.ndarray) -> None:
        self.low = np.concatenate([self.low[:keep], low])
        self.high = np.concatenate([self.high[:keep], high])
        self.worst = np.concatenate([self.worst[:keep], worst])
        self.phases = np.concatenate([self.phases[:keep], phases])


def _bounded(
    affines: Sequence[Prepared], head: Head, some: Regions, phases: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower bounds (n, k) of the rows, linear functions below them, and the phases of the neurons in these parts."""
    hidden = affines[:-1]
    if not hidden:
        shape = (len(some), *head.weight.shape[1:])
        return least_of_forms(head, some), np.broadcast_to(head.weight, shape), phases
    ends = np.cumsum([0, *(affine.weight.shape[0] for affine in hidden)])
    plain: list[Bounds] = []
    for k, affine in enumerate(hidden):
        reach = after_relu(affine, plain[-1]) if plain else first_range(affine, some)
        plain.append(within_phases(reach, phases[:, ends[k] : ends[k + 1]]))
    layers = relaxed(hidden, some, plain)
    found = backward(head, layers, some)
    lower = np.maximum(least_after_relu(head, plain[-1]), least_after_relu(head, layers[-1].bounds))
    lower = np.maximum(lower, found.lower)
    now = [(layer.lower >= 0).astype(np.int8) - (layer.upper <= 0) for layer in layers]
    return lower, found.coefficient, np.concatenate(now, axis=1, dtype=np.int8)


def _worst_rows(rows: np.ndarray, lower: np.ndarray, wrong: Violations) -> np.ndarray:
    """Of each part, the flat index of the row with the greatest bound in the conjunction with the least."""
    count = wrong.offsets.shape[2]
    worst = lower.argmin(axis=1)
    shaped = np.where(np.isnan(rows), -np.inf, rows).reshape(len(rows), -1, count)
    return np.asarray(worst * count + shaped[np.arange(len(rows)), worst].argmax(axis=1))
