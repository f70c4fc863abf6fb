"""Exact minimum of a small ReLU network over an l_1 or l_∞ ball, by mixed-integer programming.

The second route to every bound of `theory.relaxation`: nothing is relaxed, each unstable neuron has one
binary variable. The answer carries the solver's tolerances and is no certificate.
"""

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float
from scipy.optimize import Bounds, LinearConstraint, milp

from theory.layers import Layers, evaluate
from theory.relaxation import preactivation_bounds

# Beyond this the solver's time is out of hand; the tests' networks have a few dozen.
MOST_UNSTABLE = 200


def minimum_over_ball(
    layers: Layers,
    centre: Float[np.ndarray, " d"],
    radius: float,
    p: float,
    form: Float[np.ndarray, " outputs"],
    *,
    tolerance: float = 1e-6,
    time_limit: float = 60.0,
) -> tuple[float, Float[np.ndarray, " d"]]:
    """Minimum of `form · f(x)` over `B_p(centre, radius)`, and a point where it is reached.

    A neuron with sound bounds `l < 0 < u` is the big-M model `h >= z`, `0 <= h <= u a`, `h <= z - l (1 - a)`,
    `a ∈ {0, 1}`; the others are linear. For p = 1 the ball has one auxiliary variable `>= |x_j - c_j|` a coordinate.

    Source: Tjeng, Xiao, Tedrake (2019), arXiv:1711.07356.

    Args:
        layers: the network.
        centre: shape (d,).
        radius: of the ball, finite and >= 0.
        p: 1 or ∞.
        form: shape (outputs,).
        tolerance: how far the network's value at the solver's point may be from the solver's optimum, in
            units of `1 + max |output|` over the ball, times `‖form‖_1`.
        time_limit: of the solver, in seconds.

    Returns:
        value, argmin: the network evaluated at `argmin`, a point of the ball (pulled into it if the
        solver left it by a rounding). `value` is within the tolerance of the solver's optimum.

    Raises:
        ValueError: if p is neither 1 nor ∞, an argument is malformed, interval bounds on the ball are not finite,
            or more than MOST_UNSTABLE neurons are unstable.
        RuntimeError: if the solver does not finish, or its optimum is not the network's value.
    """
    if p not in (1, np.inf):
        raise ValueError(
            f"minimum_over_ball needs p = 1 or inf (a polytope), got p={p}: use margin_lower_bound for a bound"
        )
    if centre.ndim != 1:
        raise ValueError(f"centre needs shape (d,), got {centre.shape}")
    if not (tolerance > 0 and time_limit > 0):
        raise ValueError(f"tolerance and time_limit need to be > 0, got {tolerance} and {time_limit}")
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
    program = _Program()
    previous = _ball(program, centre, radius, p)
    for layer, (low, high) in zip(layers[:-1], bounds[:-1], strict=True):
        previous = _relu_layer(program, sp.csr_array(layer.weight), layer.bias, low, high, previous)
    last = layers[-1]
    objective, optimum = np.asarray(form @ last.weight).ravel(), float(form @ last.bias)
    solution, least = program.minimum(previous, objective, time_limit)
    argmin = _pulled_in(solution[: len(centre)], centre, radius, p)
    value = float(evaluate(layers, argmin[None])[0] @ form)
    scale = np.abs(form).sum() * (1.0 + max(np.abs(bounds[-1][0]).max(), np.abs(bounds[-1][1]).max()))
    if not abs(value - (least + optimum)) <= tolerance * scale:
        raise RuntimeError(
            f"the solver's optimum {least + optimum} and the network's value {value} at its point differ by more "
            f"than {tolerance * scale}: the big-M bounds are too large for its tolerances; take a smaller radius"
        )
    return value, argmin


class _Program:
    """A mixed-integer program, built row by row."""

    def __init__(self) -> None:
        self.low: list[np.ndarray] = []
        self.high: list[np.ndarray] = []
        self.integral: list[np.ndarray] = []
        self.count = 0
        self.rows: list[tuple[list[tuple[np.ndarray, sp.csr_array]], np.ndarray, np.ndarray]] = []

    def variables(self, low: np.ndarray, high: np.ndarray, *, integral: bool = False) -> np.ndarray:
        """New variables between the bounds; their indices."""
        self.low.append(low)
        self.high.append(high)
        self.integral.append(np.full(len(low), int(integral)))
        self.count += len(low)
        return np.arange(self.count - len(low), self.count)

    def constrain(self, terms: list[tuple[np.ndarray, sp.csr_array]], low: np.ndarray, high: np.ndarray) -> None:
        """`low <= Σ matrix @ variables <= high`."""
        self.rows.append((terms, low, high))

    def minimum(self, indices: np.ndarray, objective: np.ndarray, time_limit: float) -> tuple[np.ndarray, float]:
        cost = np.zeros(self.count)
        cost[indices] = objective
        constraints = []
        for terms, low, high in self.rows:
            matrix = sum(m @ _selection(i, self.count) for i, m in terms)
            constraints.append(LinearConstraint(sp.csr_array(matrix), low, high))
        result = milp(
            cost,
            integrality=np.concatenate(self.integral),
            bounds=Bounds(np.concatenate(self.low), np.concatenate(self.high)),
            constraints=constraints,
            options={"mip_rel_gap": 0.0, "time_limit": time_limit},
        )
        if not result.success:
            raise RuntimeError(
                f"the mixed-integer solver stopped without an optimum ({result.message.strip()}): raise time_limit, "
                "or take a smaller network or radius"
            )
        return np.asarray(result.x), float(result.fun)


def _selection(indices: np.ndarray, count: int) -> sp.csr_array:
    """The matrix that picks the variables `indices` out of `count`."""
    rows = np.arange(len(indices))
    return sp.csr_array((np.ones(len(indices)), (rows, indices)), shape=(len(indices), count))


def _ball(program: _Program, centre: np.ndarray, radius: float, p: float) -> np.ndarray:
    x = program.variables(centre - radius, centre + radius)
    if p == 1:
        d = len(centre)
        size = program.variables(np.zeros(d), np.full(d, radius))
        identity, free = sp.csr_array(sp.eye_array(d)), np.full(d, np.inf)
        program.constrain([(size, identity), (x, -identity)], -centre, free)
        program.constrain([(size, identity), (x, identity)], centre, free)
        program.constrain([(size, sp.csr_array(np.ones((1, d))))], np.array([-np.inf]), np.array([radius]))
    return x


def _relu_layer(
    program: _Program,
    weight: sp.csr_array,
    bias: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    previous: np.ndarray,
) -> np.ndarray:
    """Variables and constraints of `h = σ(W previous + b)`; the indices of h."""
    after = program.variables(np.maximum(low, 0.0), np.maximum(high, 0.0))
    identity = sp.csr_array(sp.eye_array(len(bias)))
    active = np.flatnonzero(low >= 0)
    unstable = np.flatnonzero((low < 0) & (high > 0))
    if len(active):
        terms = [(after[active], identity[active][:, active]), (previous, -weight[active])]
        program.constrain(terms, bias[active], bias[active])
    if len(unstable):
        one = identity[unstable][:, unstable]
        above = [(after[unstable], one), (previous, -weight[unstable])]
        free = np.full(len(unstable), np.inf)
        on = program.variables(np.zeros(len(unstable)), np.ones(len(unstable)), integral=True)
        below, upto = low[unstable], high[unstable]
        program.constrain(above, bias[unstable], free)
        program.constrain([*above, (on, -sp.csr_array(sp.diags_array(below)))], -free, bias[unstable] - below)
        program.constrain([(after[unstable], one), (on, -sp.csr_array(sp.diags_array(upto)))], -free, 0.0 * upto)
    return after


def _pulled_in(x: np.ndarray, centre: np.ndarray, radius: float, p: float) -> np.ndarray:
    """The solver's point, moved into the ball if it left it by its tolerance."""
    difference = np.clip(x - centre, -radius, radius)
    length = np.abs(difference).sum()
    if p == 1 and length > radius:
        difference = difference * (radius / length)
    return np.asarray(centre + difference)
