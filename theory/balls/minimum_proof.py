"""Proof that no point of a ball has a smaller value: branch and bound whose every conclusion holds over the rationals.

A node fixes the phase, on or off, of some neurons. Its linear relaxation is solved in float64, but only its multipliers
are used: whatever they are, if >= 0, the Lagrangian is a lower bound, and it is evaluated over the rationals (Neumaier
and Shcherbina 2004, Safe bounds in linear and mixed-integer programming). Where every phase is fixed the network is
affine on a polyhedron, and its minimum there is computed over the rationals. Floats decide where to look next; never
what is true.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

from theory.exact.rationals import exact, least_vertex, rational_layers
from theory.layers import Layers

OPEN, ON, OFF = 0, 1, -1
# Of the solver's optimum, in units of the largest cost; what it hides is found by splitting.
_NOISE = 1e-6
_OPTIONS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True, eq=False)
class Problem:
    """`min form · f(x)` over `B_p(centre, radius)`, p = 1 or ∞, all numbers Fractions.

    Attributes:
        affines: weight and bias of each layer.
        low, high: sound bounds of every hidden neuron before its ReLU on the ball, layer by layer, one array.
        centre, radius, p: the ball.
        form: shape (outputs,).
    """

    affines: list[tuple[np.ndarray, np.ndarray]]
    low: np.ndarray
    high: np.ndarray
    centre: np.ndarray
    radius: Fraction
    p: float
    form: np.ndarray

    def value(self, x: np.ndarray) -> Fraction:
        """`form · f(x)`, exactly."""
        return Fraction(self.form @ self._before(x)[-1])

    def phases(self, x: np.ndarray) -> np.ndarray:
        """ON for every hidden neuron that is positive at x, else OFF."""
        return np.array([ON if z > 0 else OFF for layer in self._before(x)[:-1] for z in layer], dtype=np.int64)

    def holds(self, x: np.ndarray) -> bool:
        """Whether x is in the ball, exactly."""
        step = np.abs(x - self.centre)
        return bool((step.sum() if self.p == 1 else step.max()) <= self.radius)

    def _before(self, x: np.ndarray) -> list[np.ndarray]:
        values = [x]
        for k, (weight, bias) in enumerate(self.affines):
            values.append(weight @ (np.maximum(values[-1], 0) if k else x) + bias)
        return values[1:]

    def split(self, neurons: np.ndarray) -> list[np.ndarray]:
        """One array for each hidden layer."""
        return np.split(neurons, np.cumsum([len(bias) for _, bias in self.affines[:-1]]))[:-1]


def problem(
    layers: Layers,
    bounds: Sequence[tuple[np.ndarray, np.ndarray]],
    centre: np.ndarray,
    radius: float,
    p: float,
    form: np.ndarray,
) -> Problem:
    """The problem of a network with sound bounds (shape (width,)) of every hidden layer, all finite."""
    none = [np.zeros(0)]
    low, high = (exact(np.concatenate([pair[side] for pair in bounds] + none)) for side in (0, 1))
    return Problem(rational_layers(layers), low, high, exact(centre), Fraction(radius), p, exact(form))


def known_phases(task: Problem) -> np.ndarray:
    """The phases that the bounds decide, the others OPEN."""
    return np.where(task.high <= 0, OFF, np.where(task.low >= 0, ON, OPEN))


@dataclass(frozen=True, eq=False)
class Relaxation:
    """The relaxed network in scaled variables, float64.

    Inputs are `x = centre + radius v` for p = ∞ and `centre + radius (v_{1..d} - v_{d+1..2d})` for p = 1, neurons
    `base + scale v` with v in [0, 1]. Row i is hidden neuron i, divided by the width of its range: its value before the
    ReLU is `before v + start`, behind it `after v + rest`.

    Attributes:
        before, after: shape (hidden, variables).
        start, rest: shape (hidden,).
        cost: shape (variables,), the objective without its constant, divided by its largest entry.
        chord, lift: shape (hidden,): `chord z + lift` is above the ReLU of an unstable neuron, in the units of its row.
        multiplier: shape (hidden,); a multiplier of a scaled row times this is one of `lagrangian_bound`.
        constant, size: the objective is `constant + size cost · v`, Fractions.
        inputs: how many of the variables are inputs.
    """

    before: np.ndarray
    start: np.ndarray
    after: np.ndarray
    rest: np.ndarray
    chord: np.ndarray
    lift: np.ndarray
    cost: np.ndarray
    multiplier: np.ndarray
    constant: Fraction
    size: Fraction
    inputs: int


def relaxation(task: Problem) -> Relaxation:
    """The scaled matrices: exact up to the last rounding, which is of no consequence to a proof."""
    hidden, dim = len(task.low), len(task.centre)
    base = np.where(task.high > 0, np.maximum(task.low, 0), 0)
    scale = np.where(task.high > base, task.high - base, 1)
    unit = np.where(task.high > task.low, task.high - task.low, 1)
    ends = [exact(np.ones(dim)) * task.radius]
    ends = [np.concatenate([ends[0], -ends[0]])] if task.p == 1 else ends
    inputs = len(ends[0])
    before, start = exact(np.zeros((hidden, inputs + hidden))), exact(np.zeros(hidden))
    columns, value, first, first_row = ends[0], task.centre, 0, 0
    for weight, bias in task.affines[:-1]:
        rows = slice(first_row, first_row + len(bias))
        wide = np.column_stack([weight, weight]) if task.p == 1 and not first_row else weight
        before[rows, first : first + len(columns)] = wide * columns
        start[rows] = weight @ value + bias
        columns, value, first, first_row = scale[rows], base[rows], inputs + rows.start, rows.stop
    last = task.form @ task.affines[-1][0]
    cost = exact(np.zeros(inputs + hidden))
    cost[first : first + len(columns)] = (
        np.concatenate([last, last]) if task.p == 1 and not hidden else last
    ) * columns
    size = max(np.abs(cost)) or Fraction(1)
    slope, offset = lines(task, np.full(hidden, OPEN))
    after = np.column_stack([np.zeros((hidden, inputs)), np.diag((scale / unit).astype(np.float64))])
    return Relaxation(
        (before / unit[:, None]).astype(np.float64),
        (start / unit).astype(np.float64),
        after,
        (base / unit).astype(np.float64),
        slope.astype(np.float64),
        (offset / unit).astype(np.float64),
        (cost / size).astype(np.float64),
        (size / unit).astype(np.float64),
        last @ value + task.form @ task.affines[-1][1],
        size,
        inputs,
    )


def lines(task: Problem, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and offset of an upper bound of each neuron in z: the chord where OPEN, z where ON, 0 where OFF."""
    unstable = (task.low < 0) & (task.high > 0) & (phases == OPEN)
    slope = exact(phases == ON)
    slope[unstable] = task.high[unstable] / (task.high - task.low)[unstable]
    return slope, np.where(unstable, -slope * task.low, 0)


def lagrangian_bound(
    task: Problem, phases: np.ndarray, form: np.ndarray, above: np.ndarray, below: np.ndarray
) -> Fraction:
    """A lower bound of `form · f` on the part of the ball where the neurons have the phases, for any multipliers >= 0.

    There `z <= h`, `h <= slope z + offset` and `max(low, 0) <= h <= high` (h = 0 where OFF). The bound is the least of
    `form · f + above · (z - h) + below · (h - slope z - offset)` with every h free in its range and x in the ball.
    With `form = 0`, a bound > 0 says that there is no such part.
    """
    slope, offset = lines(task, phases)
    least, most = np.maximum(task.low, 0), np.where(phases == OFF, 0, task.high)
    on_z, on_h = task.split(above - slope * below), task.split(below - above)
    floor, top = task.split(np.where(phases == OFF, 0, least)), task.split(most)
    weight, bias = task.affines[-1]
    slopes, bound = form @ weight, form @ bias - below @ offset
    for k in reversed(range(len(task.affines) - 1)):
        slopes = slopes + on_h[k]
        bound += (slopes * np.where(slopes > 0, floor[k], top[k])).sum()
        weight, bias = task.affines[k]
        slopes, bound = on_z[k] @ weight, bound + on_z[k] @ bias
    size = np.abs(slopes)
    return Fraction(bound + slopes @ task.centre - task.radius * (size.max() if task.p == 1 else size.sum()))


def least_of_piece(task: Problem, phases: np.ndarray) -> np.ndarray | None:
    """The point of the ball with the least `form · f` among those where the neurons have the phases, or None if none.

    At the vertex of the ball where the affine function of that piece is least, no edge goes down: `least_vertex` starts
    there.
    """
    dim = len(task.centre)
    matrix, constant = exact(np.eye(dim)), exact(np.zeros(dim))
    rows, offsets = [], []
    known = task.split(known_phases(task))
    for k, phase in enumerate(task.split(phases)):
        weight, bias = task.affines[k]
        matrix, constant = weight @ matrix, weight @ constant + bias
        for i in np.flatnonzero(known[k] == OPEN):
            rows.append(-phase[i] * matrix[i])
            offsets.append(phase[i] * constant[i])
        on = exact(phase == ON)
        matrix, constant = on[:, None] * matrix, on * constant
    gradient = task.form @ task.affines[-1][0] @ matrix
    corner, edges, box, sizes = _edges(task, gradient)
    normals = np.array(rows, dtype=object).reshape(-1, dim)
    room = np.array(offsets, dtype=object) - normals @ corner
    found = least_vertex(gradient @ edges, np.vstack([normals @ edges, box]), np.append(room, sizes))
    return None if found is None else corner + edges @ found


def _edges(task: Problem, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The ball as `{corner + edges v : v >= 0, box v <= sizes}`, the corner where `gradient · x` is least."""
    dim = len(gradient)
    if np.isinf(task.p):
        down = np.where(gradient > 0, -1, 1) * task.radius
        return task.centre + down, np.diag(-2 * down), exact(np.eye(dim)), exact(np.ones(dim))
    poles = np.column_stack([exact(np.eye(dim)), exact(-np.eye(dim))]) * task.radius
    lowest = int(np.argmin(gradient @ poles))
    edges = poles - poles[:, [lowest]]
    return task.centre + poles[:, lowest], edges, exact(np.ones((1, 2 * dim))), exact(np.ones(1))


@dataclass(frozen=True, eq=False)
class Minimum:
    """The least value that was found, and where, Fractions."""

    value: Fraction
    point: np.ndarray


def improved(task: Problem, best: Minimum | None, x: np.ndarray) -> Minimum:
    """The better of `best` and the least value on the affine piece of the point x of the ball."""
    value = task.value(x)
    if best is not None and value >= best.value:
        return best
    point = least_of_piece(task, np.where(known_phases(task) == OPEN, task.phases(x), known_phases(task)))
    return Minimum(value, x) if point is None else Minimum(task.value(point), point)


def proved_minimum(task: Problem, best: Minimum, tolerance: float, seconds: float) -> Minimum:
    """A minimum `m` with proof: no point of the ball has a value below `m.value - tolerance |m.value|`.

    Depth first; a node without a bound that decides is split at the neuron that costs the relaxation most.

    Raises:
        RuntimeError: if the proof takes more than `seconds`.
    """
    network, deadline = relaxation(task), time.monotonic() + seconds
    nodes = [known_phases(task)]
    while nodes:
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"no proof within {seconds} seconds that the least value found, {float(best.value)}, is the minimum: "
                "raise time_limit, or take a smaller network or radius"
            )
        phases = nodes.pop()
        undecided = np.flatnonzero(phases == OPEN)
        if not len(undecided):
            point = least_of_piece(task, phases)
            best = best if point is None or task.value(point) >= best.value else Minimum(task.value(point), point)
            continue
        solved = _solution(task, network, phases, empty=False)
        if _holds_nothing_below(task, network, phases, best.value - Fraction(tolerance) * abs(best.value), solved):
            continue
        if solved is not None:
            best = improved(task, best, ball_point(task, solved.point[: network.inputs]))
        k = undecided[np.argmax(solved.losses[undecided])] if solved is not None else undecided[0]
        for phase in (ON, OFF):
            child = phases.copy()
            child[k] = phase
            nodes.append(child)
    return best


@dataclass(frozen=True, eq=False)
class _Solution:
    """Of a node, float64: the least scaled cost, its point, multipliers >= 0, and the losses of the neurons."""

    least: float
    point: np.ndarray
    above: np.ndarray
    below: np.ndarray
    losses: np.ndarray


def _holds_nothing_below(
    task: Problem, network: Relaxation, phases: np.ndarray, goal: Fraction, solved: _Solution | None
) -> bool:
    """Whether it is proved that no point of a node has a value below the goal."""
    if solved is None:
        proof = _solution(task, network, phases, empty=True)
        return proof is not None and _bound(task, network, phases, 0 * task.form, proof) > 0
    # Only what has a chance is worth the rational arithmetic.
    hopeless = network.constant + network.size * Fraction(solved.least + _NOISE) < goal
    return not hopeless and _bound(task, network, phases, task.form, solved) >= goal


def _bound(task: Problem, network: Relaxation, phases: np.ndarray, form: np.ndarray, solved: _Solution) -> Fraction:
    above, below = (exact(side * network.multiplier) for side in (solved.above, solved.below))
    return lagrangian_bound(task, phases, form, above, below)


def _solution(task: Problem, network: Relaxation, phases: np.ndarray, *, empty: bool) -> _Solution | None:
    """What the linear solver says of a node; None if it has no solution.

    With `empty`, the least violation of the rows in place of the objective.
    """
    slope = np.where(phases == OPEN, network.chord, phases == ON)
    offset = np.where(phases == OPEN, network.lift, 0.0)
    rows = np.vstack([network.before - network.after, network.after - slope[:, None] * network.before])
    limits = [network.rest - network.start, offset + slope * network.start - network.rest]
    low = np.zeros(len(network.cost))
    low[: network.inputs] = 0.0 if task.p == 1 else -1.0
    high = np.append(np.ones(network.inputs), phases != OFF)
    if task.p == 1:
        rows, limits = np.vstack([rows, np.append(np.ones(network.inputs), 0.0 * phases)]), [*limits, np.ones(1)]
    cost = network.cost
    if empty:
        rows = np.column_stack([rows, -np.ones(len(rows))])
        cost, low, high = np.append(0.0 * cost, 1.0), np.append(low, 0.0), np.append(high, np.inf)
    bounds = np.column_stack([low, high])
    result = linprog(cost, A_ub=rows, b_ub=np.concatenate(limits), bounds=bounds, method="highs", options=_OPTIONS)
    if not result.success:
        return None
    point, multipliers = result.x[: len(network.cost)], np.maximum(-result.ineqlin.marginals, 0.0)
    above, below = multipliers[: len(phases)], multipliers[len(phases) : 2 * len(phases)]
    gaps = network.after @ point + network.rest - np.maximum(network.before @ point + network.start, 0.0)
    return _Solution(float(result.fun), point, above, below, np.abs(gaps) * (below + _NOISE))


def ball_point(task: Problem, v: np.ndarray) -> np.ndarray:
    """The point of the ball of scaled inputs v, drawn into it where a solver left it; Fractions."""
    step = exact(np.clip(v, -1.0, 1.0))
    if task.p == 1:
        step = step[: len(task.centre)] - step[len(task.centre) :]
        step = step / max(np.abs(step).sum(), Fraction(1))
    return np.asarray(task.centre + task.radius * step)
