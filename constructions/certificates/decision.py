"""Regions of inputs decided one step after the other: proved, refuted by a point, or left open, with the reason.

The steps, each for what those before it left: *interval* propagation; an *attack* by gradients, before *linear*
relaxation where the gradient at the centre promises a violation, else after it; relaxation with *slopes* that are
searched for; *splitting* of the region, at its inputs if they are few, else at ReLUs.
All bounds are over the reals; a point refutes only if it is in its region exactly, and surely a violation.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from rich.console import Console

from constructions.certificates.gradient_attack import gradient_attack
from constructions.certificates.witness import real_values
from theory.balls.descent import steepest, values_and_gradients
from theory.balls.input_splitting import split_inputs
from theory.balls.prepared import prepare
from theory.balls.propagation import linear_cost
from theory.balls.refutation import Splitting
from theory.balls.regions import Regions
from theory.balls.relaxation import violation_lower_bounds
from theory.balls.relu_splitting import split_relus
from theory.balls.slopes import slope_lower_bounds
from theory.balls.violations import Violations
from theory.layers import Layers

# From a candidate (region, x) a point that surely refutes the region, or None.
FindWitness: TypeAlias = Callable[[int, np.ndarray], np.ndarray | None]

# Up to so many inputs regions are split at inputs.
FEW_INPUTS = 10
# Multiplications that all balls together may take in one step where no time is given: some minutes.
ALLOWED = 3e11
# A step goes on to the next regions after about so many multiplications, to see whether time is over.
_TURN = 2e9
# Multiplications that an attack takes at most for each entry of the weights, in units of those of the linear step.
_ATTACK = 1600.0
# Of the time that is left: what an attack may take, and the search for slopes.
_ATTACK_SHARE, _SLOPES_SHARE = 0.2, 0.3
_SLOPE_STEPS, _HIDDEN_STEPS = 20, 4
# Multiplications a second, for what is said of steps that were left out.
_SPEED = 3e9


@dataclass(frozen=True, eq=False)
class Decision:
    """What is known of n regions.

    Attributes:
        lower: sound lower bounds of `min over x, min over conjunctions, max over rows of A f(x) - b`; proved if > 0.
        step: which step refuted the region, or gave the bound.
        witnesses: for refuted regions a point in it, exactly, whose outputs are surely a violation.
        untried: for regions that are left open the step that was not tried, or not to its end, and why.
    """

    lower: Float[np.ndarray, " n"]
    step: Shaped[np.ndarray, " n"]
    witnesses: dict[int, np.ndarray]
    untried: dict[int, str]


def decide_regions(
    layers: Layers,
    regions: Regions,
    violations: Violations,
    *,
    seconds: Any = None,
    seed: int = 0,
    lower: Float[np.ndarray, " n"] | None = None,
    witness: FindWitness | None = None,
    progress: bool = False,
) -> Decision:
    """Decide regions by all steps.

    Without `seconds` there is no splitting, and a step that would take more than some minutes is left out; what was
    left out is said. With `seconds` every step is tried until they are over.

    Args:
        layers: the network.
        regions: of its inputs.
        violations: of its outputs, for each region its own or one for all.
        seconds: for all together, or None.
        seed: of the attack.
        lower: interval bounds, if they are known already.
        witness: from a candidate (region, x) gives a point that surely refutes that region, or None, in the place of
            the exact arithmetic here.
        progress: whether to say on stderr which step is at work, and on how many regions.

    Raises:
        ValueError: if shapes do not fit, or seconds is not a number >= 0.
    """
    say = Console(stderr=True).print if progress else lambda text: None
    run = _Run(layers, regions, violations, read_seconds(seconds), seed, witness, say)
    run.intervals(lower)
    for step in (run.promising_attack, run.linear, run.attack, run.slopes, run.splitting):
        if len(run.open):
            step()
    left = set(run.open.tolist())
    return Decision(run.lower, run.step, run.witnesses, {i: why for i, why in run.untried.items() if i in left})


def read_seconds(seconds: Any) -> float | None:
    """The time that is given.

    Raises:
        ValueError: unless it is None or a number >= 0.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | np.number) or not seconds >= 0:
        raise ValueError(f"seconds must be a number >= 0, or None for no splitting, got {seconds!r}")
    return float(seconds)


@dataclass(eq=False)
class _Run:
    layers: Layers
    regions: Regions
    violations: Violations
    seconds: float | None
    seed: int
    witness: FindWitness | None
    say: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        size = len(self.regions)
        self.lower, self.step = np.full(size, -np.inf), np.full(size, "interval", dtype="<U9")
        self.witnesses: dict[int, np.ndarray] = {}
        self.untried: dict[int, str] = {}
        self.attacked = np.empty(0, dtype=int)
        self.layers = prepare(self.layers)
        self.cost = linear_cost(self.layers)

    @property
    def open(self) -> Int[np.ndarray, " k"]:
        """The regions that are neither proved nor refuted."""
        known = np.zeros(len(self.lower), dtype=bool)
        known[list(self.witnesses)] = True
        return np.flatnonzero(~(self.lower > 0) & ~known)

    @property
    def left(self) -> float:
        """Seconds that are left; infinite without a limit."""
        return math.inf if self.seconds is None else max(self.started + self.seconds - time.monotonic(), 0.0)

    def raise_to(self, rows: np.ndarray, lower: np.ndarray, step: str) -> None:
        """Better bounds of some regions, and the step that gave them."""
        better = lower > self.lower[rows]
        self.lower[rows[better]], self.step[rows[better]] = lower[better], step

    def refute(self, i: int, x: np.ndarray, step: str) -> bool:
        """Refute a region by a point of it if that surely is a violation: exactly, unless the network is huge."""
        if self.witness is not None:
            found = self.witness(i, x)
        else:
            sure = real_values(self.layers, x[None], self.violations.take([i]))[0] <= 0
            found = x.copy() if sure else None
        if found is not None:
            self.witnesses[i], self.step[i] = found, step
        return found is not None

    def intervals(self, lower: np.ndarray | None) -> None:
        if lower is None:
            lower = violation_lower_bounds(self.layers, self.regions, self.violations, method="interval").min(axis=1)
        self.lower = np.array(lower)

    def promising_attack(self) -> None:
        # Where the gradient at the centre leads half the way an attack mostly finds the rest, and where it does not the
        # linear step proves most; but where that step is the cheaper one, it comes first unless an attack is sure.
        entries = sum(float(np.prod(layer.weight.shape)) for layer in self.layers)
        share = 0.5 if self.cost > _ATTACK * entries else 1.0
        rows = self.open
        self._attack(rows[is_promising(self.layers, self.regions.take(rows), self.violations.take(rows), share)])

    def attack(self) -> None:
        self._attack(np.setdiff1d(self.open, self.attacked))

    def _attack(self, rows: Int[np.ndarray, " k"]) -> None:
        if not len(rows):
            return
        self.attacked = rows
        self.say(f"attack of {len(rows):,} regions")
        deadline = time.monotonic() + _ATTACK_SHARE * self.left
        values, points = gradient_attack(
            self.layers, self.regions.take(rows), self.violations.take(rows), seed=self.seed, deadline=deadline
        )
        for i, value, x in zip(rows.tolist(), values, points, strict=True):
            # What is a little above 0 may be 0 but for rounding.
            if value <= 1e-9:
                self.refute(i, x, "attack")

    def linear(self) -> None:
        def bounds(rows: np.ndarray, seconds: float) -> np.ndarray:
            some = self.regions.take(rows), self.violations.take(rows)
            return np.asarray(violation_lower_bounds(self.layers, *some, until_proved=True).min(axis=1))

        self._bounded("linear", "linear relaxation", self.cost, 1.0, bounds)

    def slopes(self) -> None:
        if len(self.layers) == 1:
            return

        def bounds(rows: np.ndarray, seconds: float) -> np.ndarray:
            some = self.regions.take(rows), self.violations.take(rows)
            lower = slope_lower_bounds(
                self.layers, *some, steps=_SLOPE_STEPS, hidden_steps=_HIDDEN_STEPS, seconds=seconds
            )
            return np.asarray(lower.min(axis=1))

        self._bounded("slopes", "a search for slopes", _HIDDEN_STEPS * 3 * self.cost, _SLOPES_SHARE, bounds)

    def splitting(self) -> None:
        rows, inputs = self.open, self.regions.centres.shape[1]
        if len(self.layers) == 1:
            return
        if self.seconds is None:
            self._leave(rows, "splitting: give seconds=")
            return
        self.say(f"splitting of {len(rows):,} regions at {'inputs' if inputs <= FEW_INPUTS else 'ReLUs'}")
        some = self.regions.take(rows), self.violations.take(rows)
        confirm: Callable[[int, np.ndarray], bool] = lambda k, x: self.refute(int(rows[k]), x, "splitting")  # noqa: E731
        search: Callable[..., Splitting] = split_inputs if inputs <= FEW_INPUTS else split_relus
        # The time is the limit, and no other.
        found = search(self.layers, *some, seconds=self.left, nodes=sys.maxsize, confirm=confirm)
        self.raise_to(rows, found.lower, "splitting")
        for k in np.flatnonzero(found.refuted):
            if int(rows[k]) not in self.witnesses:
                self.refute(int(rows[k]), found.points[k], "splitting")
        over = " the time was over" if self.left <= 0 else " what is left is decided by rounding, or by no float64"
        self._leave(self.open, "splitting, not to its end:" + over)

    def _bounded(
        self, step: str, name: str, cost: float, share: float, bounds: Callable[[np.ndarray, float], np.ndarray]
    ) -> None:
        """Bounds of the open regions, some at a time, until the time is over."""
        rows = self.open
        if self.seconds is None and cost * len(rows) > ALLOWED:
            minutes = math.ceil(cost * len(rows) / _SPEED / 60)
            self._leave(rows, f"{name}: about {minutes:,} minutes for {len(rows):,} regions, give seconds=")
            return
        self.say(f"{name} of {len(rows):,} regions")
        until = self.left * share + time.monotonic()
        turn = max(1, int(_TURN / max(cost, 1.0)))
        for start in range(0, len(rows), turn):
            left = until - time.monotonic()
            if left <= 0:
                self._leave(rows[start:], f"{name}: the time was over")
                break
            some = rows[start : start + turn]
            self.raise_to(some, bounds(some, left), step)

    def _leave(self, rows: Sequence[int] | np.ndarray, why: str) -> None:
        self.untried.update((int(i), why) for i in rows if int(i) not in self.untried)


def is_promising(
    layers: Layers, regions: Regions, violations: Violations, share: float = 1.0
) -> Bool[np.ndarray, " n"]:
    """Whether the gradient at the centre leads this share of the way to a violation in the region; a hint."""
    with np.errstate(over="ignore", invalid="ignore"):
        value, slope = values_and_gradients(layers, regions.centres, violations)
        least = share * value - (regions.halves * slope * steepest(slope, regions.p)).sum(axis=1)
    return np.asarray(~(least > 0))
