"""The minimum of a small ReLU network over an l_1 or l_∞ ball, proved over the rationals.

The second route to every bound of `theory.balls.relaxation`: nothing is relaxed in the end. A mixed-integer program
finds a point; `theory.balls.minimum_proof` proves that no point of the ball has a smaller value, or finds it. The
solver's word alone is not enough: what is thinner than its tolerances is lost to it, in its bounds too.
"""

from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import Bounds, LinearConstraint, milp

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent, read_scalar
from theory.balls.minimum_proof import (
    OPEN,
    Minimum,
    Problem,
    ball_point,
    improved,
    known_phases,
    problem,
    proved_minimum,
    relaxation,
)
from theory.balls.relaxation import preactivation_bounds
from theory.exact.rationals import exact
from theory.layers import Layers, evaluate

# Beyond this the solver's time is out of hand; the tests' networks have a few dozen.
MOST_UNSTABLE = 200
# HiGHS refuses a program with larger coefficients.
_LARGEST = 1e15


def minimum_over_ball(
    layers: Layers,
    centre: Float[np.ndarray, " d"],
    radius: Any,
    p: Any,
    form: Float[np.ndarray, " outputs"],
    *,
    tolerance: float = 1e-6,
    time_limit: float = 60.0,
) -> tuple[float, Float[np.ndarray, " d"]]:
    """Minimum of `form · f(x)` over `B_p(centre, radius)`, with proof, and a point where it is reached.

    All is meant over the reals, for the float64 weights, centre and radius as the numbers they are. A neuron with sound
    bounds `l < 0 < u` is the big-M model `h >= z`, `0 <= h <= u a`, `h <= z - l (1 - a)`, `a ∈ {0, 1}`; the others are
    linear. Inputs and neurons are scaled by their own ranges, so that the solver's tolerances are relative to these.
    Its point is only the start of the proof, and its optimum a second route, where its numbers are up to 1e15.

    Source: Tjeng, Xiao, Tedrake (2019), arXiv:1711.07356.

    Args:
        layers: the network.
        centre: shape (d,).
        radius: of the ball, finite and >= 0.
        p: 1 or ∞.
        form: shape (outputs,).
        tolerance: relative, see below.
        time_limit: of the solver, and of the proof, in seconds.

    Returns:
        value, argmin: `value` is reached at a rational point of the ball, up to the rounding of `value` itself, and no
        point of the ball has a value below `value - tolerance |value|`; so its sign is that of the minimum. `argmin` is
        that point rounded to floats within the ball, exactly; `form · f(argmin)`, over the rationals, is within
        `tolerance` times the largest `|form · f|` that was seen in the ball of `value`, and equal to it, up to
        rounding, if the point has float coordinates.

    Raises:
        ValueError: if p is neither 1 nor ∞, an argument is malformed, interval bounds on the ball are not finite,
            more than MOST_UNSTABLE neurons are unstable, or a number is beyond the range of float64.
        RuntimeError: if the solver or the proof does not finish, if the solver's optimum is not the minimum, or if no
            float64 point is near enough to the point where the minimum is.
    """
    radius, p = read_scalar(radius, "radius"), read_exponent(p)
    if p not in (1, np.inf):
        raise ValueError(
            f"minimum_over_ball needs p = 1 or inf (a polytope), got p={p}: use margin_lower_bound for a bound"
        )
    centre, form = exact_floats(centre, "centre"), exact_floats(form, "form")
    if centre.ndim != 1:
        raise ValueError(f"centre needs shape (d,), got {centre.shape}")
    tolerance, time_limit = read_scalar(tolerance, "tolerance"), read_scalar(time_limit, "time_limit")
    # With a tolerance of 1 or more the sign of the answer would be none; below 2^-50 its rounding is more than that.
    if not (2.0**-50 <= tolerance < 1 and time_limit > 0):
        raise ValueError(
            f"minimum_over_ball needs 2^-50 <= tolerance < 1 and a time_limit > 0, got {tolerance} and {time_limit}"
        )
    bounds = [(low[0], high[0]) for low, high in preactivation_bounds(layers, centre[None], radius, p)]
    if not all(np.isfinite(low).all() and np.isfinite(high).all() for low, high in bounds):
        raise ValueError(
            "minimum_over_ball needs finite interval bounds of all neurons on the ball, got infinite ones: rescale the "
            "weights"
        )
    outputs = len(bounds[-1][0])
    if form.shape != (outputs,) or not np.isfinite(form).all():
        raise ValueError(f"form needs finite values of shape ({outputs},), got {form}")
    unstable = sum(int(((low < 0) & (high > 0)).sum()) for low, high in bounds[:-1])
    if unstable > MOST_UNSTABLE:
        raise ValueError(
            f"minimum_over_ball needs at most {MOST_UNSTABLE} unstable neurons, got {unstable}: "
            "take a smaller radius or network, or margin_lower_bound for a bound"
        )
    task = problem(layers, bounds[:-1], centre, radius, p, form)
    try:
        least, found = _solved(task, time_limit)
        best = proved_minimum(task, improved(task, improved(task, None, task.centre), found), tolerance, time_limit)
        value, argmin = float(best.value), _rounded(task, best.point)
        if value == 0 != best.value or 0 < abs(value) < 2.0**-1022:
            raise OverflowError("a minimum that float64 does not hold")
    except OverflowError:
        raise ValueError(
            "the minimum or its scaled program is beyond the range of float64: rescale the weights or the form"
        ) from None
    scale = np.abs(form).sum() * (1.0 + max(np.abs(bounds[-1][0]).max(), np.abs(bounds[-1][1]).max()))
    if least is not None and not abs(value - least) <= tolerance * scale:
        raise RuntimeError(
            f"the mixed-integer solver's optimum {least} and the proved minimum {value} differ by more than "
            f"{tolerance * scale}: one of the two routes is wrong; rescale the weights, or report the case"
        )
    _check_argmin(layers, task, best, argmin, tolerance)
    return value, argmin


def _solved(task: Problem, time_limit: float) -> tuple[float | None, np.ndarray]:
    """The optimum of the mixed-integer program according to the solver, and its point of the ball.

    None and the centre where a neuron's range is so thin beside its input's that the solver does not take the program.
    """
    network = relaxation(task)
    variables, inputs = len(network.cost), network.inputs
    phases = known_phases(task)
    unstable, alive = np.flatnonzero(phases == OPEN), np.flatnonzero(task.high > 0)
    below = np.zeros((len(phases), len(unstable)))
    unit = np.where(task.high > task.low, task.high - task.low, 1)
    below[unstable, np.arange(len(unstable))] = -(task.low / unit)[unstable].astype(np.float64)
    rows = [
        # z <= h, and h <= z - l (1 - a) with a = 1 for the stable ones.
        (np.column_stack([network.before - network.after, 0 * below])[alive], (network.rest - network.start)[alive]),
        (
            np.column_stack([network.after - network.before, below])[alive],
            (below.sum(axis=1) + network.start - network.rest)[alive],
        ),
        # h <= u a
        (
            np.column_stack([np.eye(variables)[inputs + unstable], -np.eye(len(unstable))]),
            np.zeros(len(unstable)),
        ),
    ]
    if task.p == 1:
        rows.append((np.append(np.ones(inputs), np.zeros(variables - inputs + len(unstable)))[None], np.ones(1)))
    low = np.zeros(variables + len(unstable))
    low[:inputs] = 0.0 if task.p == 1 else -1.0
    high = np.concatenate([np.ones(inputs), task.high > 0, np.ones(len(unstable))])
    matrix, limits = np.vstack([a for a, _ in rows]), np.concatenate([b for _, b in rows])
    if not max(np.abs(matrix).max(initial=0.0), np.abs(limits).max(initial=0.0)) < _LARGEST:
        return None, task.centre
    result = milp(
        np.append(network.cost, np.zeros(len(unstable))),
        integrality=np.append(np.zeros(variables), np.ones(len(unstable))),
        bounds=Bounds(low, high),
        constraints=[LinearConstraint(matrix, -np.inf, limits)],
        options={"mip_rel_gap": 0.0, "time_limit": time_limit},
    )
    if not result.success:
        raise RuntimeError(
            f"the mixed-integer solver stopped without an optimum ({result.message.strip()}): raise time_limit, "
            "or take a smaller network or radius"
        )
    return float(network.constant + network.size * Fraction(float(result.fun))), ball_point(task, result.x[:inputs])


def _rounded(task: Problem, point: np.ndarray) -> np.ndarray:
    """A float64 point near the rational one, and in the ball exactly: the nearest, or else one nearer to the centre."""
    nearest = point.astype(np.float64)
    if task.holds(exact(nearest)):
        return nearest
    step = exact(nearest) - task.centre
    beyond = np.abs(step) > np.abs(point - task.centre)
    return np.asarray(np.where(beyond, np.nextafter(nearest, task.centre.astype(np.float64)), nearest))


def _check_argmin(layers: Layers, task: Problem, best: Minimum, argmin: np.ndarray, tolerance: float) -> None:
    """That the network at the float point is the minimum, relative to the size of its values in the ball."""
    centre, radius = task.centre.astype(np.float64), float(task.radius)
    poles = centre + radius * np.vstack([np.eye(len(centre)), -np.eye(len(centre)), np.zeros((1, len(centre)))])
    size = max(abs(float(best.value)), np.abs(evaluate(layers, poles) @ task.form.astype(np.float64)).max())
    there = task.value(exact(argmin))
    if not abs(there - best.value) <= Fraction(tolerance) * Fraction(float(size)):
        raise RuntimeError(
            f"the minimum {float(best.value)} is at a point that no float64 point is near enough to: at the nearest, "
            f"{argmin}, the network is {float(there)}: shift the network or rescale its first layer, so that the point "
            "is nearer to a multiple of a power of two"
        )
