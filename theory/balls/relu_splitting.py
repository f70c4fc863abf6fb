"""Regions split at ReLUs, on or off, until each is proved, or a point of one is a violation: for any dimension.

A part is a region where some neurons are known to be on and others to be off. It is bounded by linear relaxation with
multipliers of what is known; the neuron whose lines may cost its bound most is split next.

Source: Wang et al. (2021), β-CROWN, arXiv:2103.06624; Bunel et al. (2020), BaBSR, arXiv:1909.06588.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from theory.balls.backward import Choice, Relaxed, backward, relax
from theory.balls.budget import Progress, deadline_of, is_over
from theory.balls.intervals import after_relu, least_after_relu, within_phases
from theory.balls.linear_parts import part_multipliers
from theory.balls.minimisers import minimisers
from theory.balls.prepared import Head, Prepared, merge, prepare, widest
from theory.balls.propagation import check_task, interval_ranges, relaxed, rows_lower_bounds
from theory.balls.refutation import Confirm, Hunt, Splitting, splitting
from theory.balls.regions import Regions
from theory.balls.slope_search import optimised, strains, tightened
from theory.balls.violations import Violations
from theory.layers import Layers

# Parts that are bounded at once; coefficients of one layer for all of them; steps of a search, and of the last for a
# part that no ReLU is left to be split in.
_MOST, _STEP_BYTES, _STEPS, _LAST_STEPS = 64, 2**22, 12, 50


def split_relus(
    layers: Layers,
    regions: Regions,
    violations: Violations,
    *,
    seconds: Any = None,
    nodes: int = 10**5,
    hidden_steps: int = 8,
    confirm: Confirm | None = None,
    progress: Progress | None = None,
) -> Splitting:
    """Decide regions by splitting them at ReLUs.

    Args:
        layers: the network.
        regions: of its inputs.
        violations: of its outputs, for each region its own or one for all.
        seconds: for all regions together; None for no limit. Each has an equal share of what is left when it begins.
        nodes: the most parts that are bounded for one region.
        hidden_steps: as for `slope_lower_bounds`, once for each region.
        confirm: asked about points (region, x) that rounding leaves open; None for never.
        progress: called with the numbers of regions that are done, and of all.

    Raises:
        ValueError: if shapes do not fit.
    """
    deadline, affines = deadline_of(seconds), prepare(layers)
    check_task(affines, regions, violations)
    hunts, lower, count = [], [], []
    for i in range(len(regions)):
        if is_over(deadline):
            break
        region, wrong = regions.take([i]), violations.take([i])
        hunt = Hunt(layers, affines, region, wrong, i, confirm)
        bound, used = _decided(affines, hunt, _share(deadline, len(regions) - i), nodes, hidden_steps)
        hunts.append(hunt)
        lower.append(bound)
        count.append(used)
        if progress is not None:
            progress(i + 1, len(regions))
    return splitting(regions, hunts, lower, count)


def _share(deadline: float, regions: int) -> float:
    now = time.monotonic()
    return now + max(deadline - now, 0.0) / regions


def _decided(affines: Sequence[Prepared], hunt: Hunt, deadline: float, nodes: int, steps: int) -> tuple[float, int]:
    """The least bound of the parts of one region, and their number; the hunt may end in a violation."""
    hidden, region = affines[:-1], hunt.region
    hunt.look(region.centres)
    with np.errstate(over="ignore", invalid="ignore"):
        if not hidden:
            lower = hunt.violations.excluded(rows_lower_bounds(affines, region, hunt.violations, "linear"))
            return float(lower.min()), 1
        found = relaxed(hidden, region, interval_ranges(hidden, region))
        if steps > 0 and not is_over(deadline):
            found = tightened(found, region, steps=steps, deadline=deadline)
        least, used = np.inf, 0
        for c in range(hunt.violations.forms.shape[1]):
            if c and is_over(deadline):
                # Nothing is known of the conjunctions to come.
                least = -np.inf
                break
            some = Violations(hunt.violations.forms[:, [c]], hunt.violations.offsets[:, [c]])
            tree = _Tree(found, merge(*some.flat(), affines[-1]), hunt, deadline)
            while tree.is_open and used + tree.nodes < nodes and not (is_over(deadline) and tree.nodes):
                tree.step()
            least, used = min(least, tree.lower), used + tree.nodes
            if hunt.refuted:
                break
    return float(least), used


class _Tree:
    """The parts of one region in which one conjunction is not excluded, those with the lowest bound last."""

    def __init__(self, hidden: Sequence[Relaxed], head: Head, hunt: Hunt, deadline: float) -> None:
        self.hidden, self.head, self.hunt, self.deadline = hidden, head, hunt, deadline
        ends = np.cumsum([layer.lower.shape[1] for layer in hidden])
        self.cuts = ends[:-1]
        self.signs, self.worst = np.zeros((1, ends[-1]), np.int8), np.full(1, -np.inf)
        self.done, self.stuck, self.nodes = np.inf, np.inf, 0
        self.start: list[Choice] | None = None
        floats = head.weight.shape[1] * widest([layer.affine for layer in hidden])
        self.batch = max(1, min(_MOST, _STEP_BYTES // (4 * floats)))

    @property
    def is_open(self) -> bool:
        return len(self.signs) > 0 and not self.hunt.refuted

    @property
    def lower(self) -> float:
        return float(min(self.done, self.stuck, self.worst.min(initial=np.inf)))

    def step(self) -> None:
        """Bound the last parts, and split those that are not proved."""
        keep = max(0, len(self.signs) - self.batch)
        signs, worst = self.signs[keep:], self.worst[keep:]
        self.signs, self.worst = self.signs[:keep], self.worst[:keep]
        self.nodes += len(signs)
        split, same = self._split(signs), self.hunt.region.take(np.zeros(len(signs), int))
        layers = self._layers(split, same)
        start = self._start(split)
        whole = not any(layer.unstable.any() for layer in layers)
        steps = _LAST_STEPS if whole else _STEPS
        found, choices = optimised(self.head, layers, same, start=start, steps=steps, deadline=self.deadline, goal=0.0)
        if self.start is None:
            self.start = choices
        rows = np.maximum(found.lower, least_after_relu(self.head, layers[-1].bounds))
        best = rows.argmax(axis=1)
        worst = np.maximum(worst, rows.max(axis=1))
        # Where what is known contradicts itself, there is no point.
        empty = np.zeros(len(signs), bool)
        for layer in layers:
            empty |= (layer.lower > layer.upper).any(axis=1)
        left = np.flatnonzero(~(worst > 0) & ~empty)
        self.done = min(self.done, worst[(worst > 0) & ~empty].min(initial=np.inf))
        if not len(left):
            return
        steepest = found.coefficient[left, best[left]]
        self.hunt.look(minimisers(steepest[:, None], same.take(left))[:, 0])
        costs = np.concatenate(strains(self.head, layers, same, choices, best), axis=1)[left]
        unstable = np.concatenate([layer.unstable for layer in layers], axis=1)[left]
        costs = np.where(unstable, costs + 1e-300, -1.0)
        at, some = costs.argmax(axis=1), costs.max(axis=1) >= 0
        for i in left[~some]:
            self._finish(layers, signs[i], int(i), int(best[i]), float(worst[i]))
        on, off = signs[left[some]].copy(), signs[left[some]].copy()
        on[np.arange(len(on)), at[some]], off[np.arange(len(on)), at[some]] = 1, -1
        self._put(np.concatenate([on, off]), np.concatenate([worst[left[some]]] * 2))

    def _finish(self, layers: Sequence[Relaxed], signs: np.ndarray, i: int, row: int, worst: float) -> None:
        """Bound a part in which the network is linear by the multipliers of a linear program."""
        here, only = [layer.take([i]) for layer in layers], self.hunt.region
        split = self._split(signs)
        found = part_multipliers(self.head, here, only, split, row)
        if found is not None:
            multipliers, point = found
            self.hunt.look(point[None])
            shape = (1, self.head.weight.shape[1], 1)
            choices = [Choice(None, s[None], np.tile(m, shape)) for s, m in zip(split, multipliers, strict=True)]
            worst = max(worst, float(backward(self.head, here, only, choices).lower[0, row]))
        if worst > 0:
            self.done = min(self.done, worst)
        else:
            self.stuck = min(self.stuck, worst)

    def _put(self, signs: np.ndarray, worst: np.ndarray) -> None:
        order = np.argsort(-worst, kind="stable")
        self.signs = np.concatenate([self.signs, signs[order]])
        self.worst = np.concatenate([self.worst, worst[order]])

    def _split(self, signs: np.ndarray) -> list[np.ndarray]:
        """The signs of each hidden layer."""
        return np.split(signs.astype(np.float64), self.cuts, axis=-1)

    def _layers(self, split: Sequence[np.ndarray], same: Regions) -> list[Relaxed]:
        """The hidden layers over parts: with what is known of their neurons, and what follows by intervals."""
        layers: list[Relaxed] = []
        for layer, known in zip(self.hidden, split, strict=True):
            low, high = layer.bounds
            if layers:
                again = after_relu(layer.affine, layers[-1].bounds)
                low, high = np.maximum(low, again[0]), np.minimum(high, again[1])
            below = layers[-1] if layers else None
            layers.append(relax(layer.affine, within_phases((low, high), known), below, same))
        return layers

    def _start(self, split: Sequence[np.ndarray]) -> list[Choice]:
        """The slopes found for the region itself, and multipliers of 0."""
        if self.start is None:
            return [Choice(signs=signs if signs.any() else None) for signs in split]
        found = []
        for choice, signs in zip(self.start, split, strict=True):
            slopes = None if choice.slopes is None else np.repeat(choice.slopes, len(signs), axis=0)
            found.append(replace(choice, slopes=slopes, signs=signs if signs.any() else None, multipliers=None))
        return found
