"""Multipliers of the splits of a part in which no ReLU is left open: the network is linear there.

They are the dual solution of a linear program, up to its tolerances; `theory.balls.backward` bounds with any.
"""

from collections.abc import Sequence

import numpy as np

from theory.balls.backward import Relaxed
from theory.balls.prepared import Head
from theory.balls.regions import Regions


def part_multipliers(
    head: Head, hidden: Sequence[Relaxed], region: Regions, signs: Sequence[np.ndarray], row: int
) -> tuple[list[np.ndarray], np.ndarray] | None:
    """Multipliers >= 0 of each hidden layer's neurons for one form of the head, and where it is least in the part.

    None where none were found; the point is the centre where the part is empty.

    Args:
        head, hidden, region: of one region, every neuron on or off in the part.
        signs: for each layer +1 where the part is split to z >= 0, -1 to z <= 0, else 0.
        row: of the head.
    """
    if region.cut is not None or region.p not in (1.0, np.inf):
        return None
    # In t = (x - c) / h, of the unit ball.
    matrix, offset = np.diag(np.broadcast_to(region.halves[0], region.centres.shape[1:])), region.centres[0]
    rows, rests = [], []
    for layer, sign in zip(hidden, signs, strict=True):
        matrix = np.asarray(layer.affine.weight @ matrix)
        offset = np.asarray(layer.affine.weight @ offset) + layer.affine.bias
        some = np.flatnonzero(sign)
        rows.append(sign[some, None] * matrix[some])
        rests.append(sign[some] * offset[some])
        on = layer.lower[0] >= 0
        matrix, offset = np.where(on[:, None], matrix, 0.0), np.where(on, offset, 0.0)
    weight = head.weight[0, row]
    goal, matrix, rest = weight @ matrix, np.concatenate(rows), np.concatenate(rests)
    if not (len(rest) and np.isfinite(matrix).all() and np.isfinite(rest).all() and np.isfinite(goal).all()):
        return None
    # Each split and the goal in a unit of its own.
    units = np.maximum(np.maximum(np.abs(matrix).max(axis=1), np.abs(rest)), 1e-300)
    unit = max(float(np.abs(goal).max()), 1e-300)
    found = _dual(goal / unit, matrix / units[:, None], rest / units, region.p)
    if found is None:
        # The splits contradict each other on the ball: what shows it, taken so often that the form does not matter.
        found = _dual(None, matrix / units[:, None], rest / units, region.p)
        if found is None:
            return None
        reach = np.abs(goal).sum() / unit + abs(weight @ offset + head.bias[0, row]) / unit
        found = found[0] * (1e3 * (1.0 + reach)), np.zeros_like(found[1])
    scaled = found[0] * unit / units
    answer, start = [], 0
    for sign in signs:
        each = np.zeros(len(sign))
        some = np.flatnonzero(sign)
        each[some] = scaled[start : start + len(some)]
        answer.append(each)
        start += len(some)
    return answer, region.centres[0] + region.halves[0] * found[1]


def _dual(
    goal: np.ndarray | None, matrix: np.ndarray, rest: np.ndarray, p: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Multipliers of `matrix t + rest >= 0` where `goal · t` is least in the unit ball, and t; None where no t is.

    Without a goal, those at the least s with `matrix t + rest + s >= 0`.
    """
    # It takes long to import, and few certificates need it.
    from scipy.optimize import linprog

    d = matrix.shape[1]
    ends = (-1.0, 1.0) if np.isinf(p) else (0.0, 1.0)
    # For p = 1, t = u - v.
    parts = [matrix] if np.isinf(p) else [matrix, -matrix]
    cost = np.zeros(d) if goal is None else goal
    costs = [cost] if np.isinf(p) else [cost, -cost]
    above, limits = -np.hstack(parts), rest
    if p == 1:
        above, limits = np.vstack([above, np.ones(2 * d)]), np.append(rest, 1.0)
    bounds: list[tuple[float, float | None]] = [ends] * above.shape[1]
    costs_all = np.concatenate(costs)
    if goal is None:
        extra = np.where(np.arange(len(limits)) < len(rest), -1.0, 0.0)
        above, costs_all, bounds = np.column_stack([above, extra]), np.append(costs_all, 1.0), [*bounds, (0.0, None)]
    answer = linprog(costs_all, A_ub=above, b_ub=limits, bounds=bounds, method="highs")
    if answer.status != 0:
        return None
    point = answer.x[:d] if np.isinf(p) else answer.x[:d] - answer.x[d : 2 * d]
    return np.maximum(-answer.ineqlin.marginals[: len(rest)], 0.0), np.asarray(point)
