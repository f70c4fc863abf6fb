"""Witnesses against a network: points that an attack found and that are surely in the ball, and surely errors.

Attacks report points of the regions, exactly so, with values as computed. Before one of them refutes a region the value
at it is bounded from above: over the reals by intervals that include their rounding or in rationals, for an executed
network by running it, at a vector of its format.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from constructions.certificates.executed_intervals import ExecutedLayer, executed_layers, run
from constructions.certificates.gradient_attack import gradient_attack
from constructions.certificates.guided_attack import Function, attack_balls
from constructions.certificates.rational_intervals import fits_rational, largest_float_at_most, rational_outputs
from constructions.networks.network import ReLUNetwork
from theory.balls.prepared import prepare
from theory.balls.propagation import rows_lower_bounds, upper_values
from theory.balls.regions import balls, boxes
from theory.balls.violations import Violations, margin_violations, unions
from theory.layers import Layers
from theory.setting.membership import is_in_ball

# Where the construction is known, gradients are the second choice.
_RESTARTS, _RESTARTS_AFTER = 5, 1


@dataclass(frozen=True, eq=False)
class Witnesses:
    """What was found in some balls.

    Attributes:
        upper: upper bounds of the margins at the points found; a witness where it is at most 0.
        where: the points, each in its ball.
        misclassified: whether the centre itself is surely misclassified.
    """

    upper: Float[np.ndarray, " k"]
    where: Float[np.ndarray, "k d"]
    misclassified: Bool[np.ndarray, " k"]

    def examples(
        self, indices: Int[np.ndarray, " k"], most: Float[np.ndarray, " k"] | float = 0.0
    ) -> dict[int, np.ndarray]:
        """The witnesses by the numbers of their balls: points at which the margin is at most `most`."""
        known = self.upper <= most
        return dict(zip(indices[known].tolist(), self.where[known], strict=True))


def real_witnesses(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    indices: Int[np.ndarray, " k"],
    *,
    function: Function | None = None,
    shell: float | None = None,
    seed: int = 0,
    low: Any = None,
    high: Any = None,
    deadline: float = math.inf,
) -> Witnesses:
    """Witnesses against the function of the network's weights over the reals.

    Args:
        network: any `ReLUNetwork`.
        points: shape (n, d).
        labels: ±1 for one output, else class numbers.
        radius: of the balls.
        p: in [1, ∞].
        indices: the balls to attack.
        function: a quicker way to about the same values, for `guided_attack` to look for candidates.
        shell: as for `guided_attack`. With a function or a shell it goes first, else `gradient_attack`; each has the
            balls that the one before it did not refute.
        seed: of the attacks.
        low, high: ends of boxes that cut the balls off, numbers or of shape (d,) or (n, d); None for none.
        deadline: by `time.monotonic`, after which no step is made.
    """
    hunt = _Hunt(points, labels, radius, p, indices, seed, low, high, deadline)
    wrong = margin_violations(labels[indices], network.outputs)

    def confirm(rows: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return real_values(network.layers, x, wrong.take(rows)), x

    is_guided = function is not None or shell is not None
    guided = partial(hunt.guided, network if function is None else function, shell)
    gradients = partial(hunt.gradients, network.layers, wrong, _RESTARTS_AFTER if is_guided else _RESTARTS)
    return hunt.found((guided, gradients) if is_guided else (gradients, guided), confirm)


def executed_witnesses(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    indices: Int[np.ndarray, " k"],
    arithmetic: str,
    *,
    seed: int = 0,
    low: Any = None,
    high: Any = None,
    deadline: float = math.inf,
) -> Witnesses:
    """Witnesses against the network as executed: vectors of the format in the real balls, which a run misclassifies.

    Arguments as for `real_witnesses`; `arithmetic` is "float64" or "float32".
    """
    layers = executed_layers(network.layers, arithmetic)
    hunt = _Hunt(points, labels, radius, p, indices, seed, low, high, deadline)
    wrong = margin_violations(labels[indices], network.outputs)

    def confirm(rows: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        upper, where = np.full(len(x), np.inf), x.copy()
        for k, row in enumerate(rows.tolist()):
            for vector in _near_vectors(layers, x[k], hunt.centres[row]):
                value = _executed_value(layers, vector, wrong.take([row]))
                if value < upper[k] and hunt.contains(row, vector):
                    upper[k], where[k] = value, vector
        return upper, where

    wrong_at_centre = [_executed_value(layers, x, wrong.take([k])) <= 0 for k, x in enumerate(hunt.centres)]
    guided = partial(hunt.guided, partial(_answer, layers), None)
    attacks = partial(hunt.gradients, layers, wrong, _RESTARTS), guided
    return hunt.found(attacks, confirm, np.array(wrong_at_centre, dtype=np.bool_))


# Of rows of the chosen balls: an attack gives values and points, a confirmation upper bounds of the values at points
# and the points that it means.
_Attack: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
_Confirm: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class _Hunt:
    """The search for witnesses in some balls."""

    def __init__(
        self,
        points: np.ndarray,
        labels: np.ndarray,
        radius: float,
        p: float,
        indices: np.ndarray,
        seed: int,
        low: Any,
        high: Any,
        deadline: float,
    ) -> None:
        self.points, self.labels, self.radius, self.p = points, labels, radius, p
        self.indices, self.seed, self.deadline = indices, seed, deadline
        self.centres = points[indices]
        ends = [None if end is None else np.broadcast_to(end, points.shape)[indices] for end in (low, high)]
        self.regions = balls(self.centres, radius, p, low=ends[0], high=ends[1])
        self.low, self.high = (
            np.full(self.centres.shape, none) if end is None else end
            for end, none in zip(ends, (-np.inf, np.inf), strict=True)
        )

    def contains(self, row: int, x: np.ndarray) -> bool:
        if not ((self.low[row] <= x) & (x <= self.high[row])).all():
            return False
        return is_in_ball(x, self.centres[row], self.radius, self.p)

    def guided(self, function: Function, shell: float | None, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        options: dict[str, Any] = {"shell": shell, "seed": self.seed, "low": self.low[rows], "high": self.high[rows]}
        chosen = self.indices[rows]
        return attack_balls(
            function, self.points, self.labels, self.radius, self.p, indices=chosen, deadline=self.deadline, **options
        )

    def gradients(
        self, layers: Layers, wrong: Violations, restarts: int, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        some = self.regions.take(rows), wrong.take(rows)
        return gradient_attack(layers, *some, restarts=restarts, seed=self.seed, deadline=self.deadline)

    def found(
        self, attacks: Sequence[_Attack], confirm: _Confirm, misclassified: np.ndarray | None = None
    ) -> Witnesses:
        """What the attacks find, one after the other, in the balls that those before did not refute."""
        every = np.arange(len(self.indices))
        upper, where = confirm(every, self.centres)
        misclassified = upper <= 0 if misclassified is None else misclassified
        inside = np.array([self.contains(k, where[k]) for k in range(len(where))], dtype=np.bool_)
        upper, where = np.where(inside, upper, np.inf), where.copy()
        for k, attack in enumerate(attacks):
            # All balls are attacked once: the worst margin is wanted also where the centre is wrong already.
            rows = every if k == 0 else np.flatnonzero(~(upper <= 0))
            if not len(rows):
                break
            values, x = attack(rows)
            known = values < np.inf
            bound, x = confirm(rows[known], x[known])
            better = bound < upper[rows[known]]
            at = rows[known][better]
            upper[at], where[at] = bound[better], x[better]
        return Witnesses(upper, where, misclassified)


def violates(layers: Layers, x: Float[np.ndarray, " d"], a: Any, b: Any, *, arithmetic: str = "reals") -> bool:
    """Whether `A f(x) <= b` in all rows, for sure.

    Over the reals by bounds that include their rounding, else in rationals: false where neither tells, as for a network
    too large for exact arithmetic. As executed by one run, whose outputs are exact numbers; outputs that are no numbers
    violate everything.

    Args:
        layers: the network.
        x: shape (d,), finite; of the format, where the network is executed.
        a: A, shape (rows, outputs).
        b: shape (rows,).
        arithmetic: "reals" or "rational", "float64" or "float32", see `ARITHMETICS`.

    Raises:
        ValueError: if shapes do not fit, an entry is not finite, or x is not of the format.
    """
    wrong = unions([[(a, b)]], int(layers[-1].weight.shape[0]))
    if arithmetic in ("reals", "rational"):
        return bool(real_values(layers, x[None], wrong)[0] <= 0)
    executed = executed_layers(layers, arithmetic)
    rounded = x.astype(executed[0].bias.dtype)
    if not (rounded == x).all():
        raise ValueError(f"x must be a vector of {arithmetic}, got one with {x[rounded != x][0]!r}: round it first")
    return _executed_value(executed, x, wrong) <= 0


def real_values(layers: Layers, x: Float[np.ndarray, "k d"], wrong: Violations) -> Float[np.ndarray, " k"]:
    """Upper bounds of `min over conjunctions, max over rows of A f(x) - b` over the reals, a violation where <= 0.

    Exact but for rounding up where the sign would be open, unless the network is too large for that.

    Args:
        layers: the network.
        x: shape (k, d), finite.
        wrong: for each x its own or one for all.
    """
    if not len(x):
        return np.empty(0)
    affines = prepare(layers)
    upper = upper_values(affines, x, wrong)
    open_ = np.flatnonzero(~(upper <= 0))
    if len(open_):
        some = boxes(x[open_], x[open_]), wrong.take(open_)
        lower = some[1].excluded(rows_lower_bounds(affines, *some, "interval")).min(axis=1)
        open_ = open_[lower <= 0]
    if len(open_) and fits_rational(layers, 1):
        for k in open_:
            upper[k] = _rounded_up(_exact_value(rational_outputs(layers, x[k]), wrong.take([k])))
    return np.asarray(upper)


def _exact_value(outputs: Sequence[Fraction], wrong: Violations) -> Fraction:
    """`min over conjunctions, max over rows of A y - b`, of one region."""
    return min(
        max(
            sum((Fraction(a) * y for a, y in zip(row, outputs, strict=True) if a), -Fraction(b))
            for row, b in zip(forms, offsets, strict=True)
        )
        for forms, offsets in zip(wrong.forms[0].tolist(), wrong.offsets[0].tolist(), strict=True)
    )


def _rounded_up(value: Fraction) -> float:
    return -largest_float_at_most(-value)


def _executed_value(layers: tuple[ExecutedLayer, ...], x: np.ndarray, wrong: Violations) -> float:
    """The value that one run at x computes, rounded up; at most 0 exactly if its outputs are a violation, or none."""
    with np.errstate(all="ignore"):
        outputs = run(layers, x[None])[0].astype(np.float64)
        if np.isnan(outputs).any():
            return -np.inf
        if np.isfinite(outputs).all():
            return _rounded_up(_exact_value([Fraction(y) for y in outputs.tolist()], wrong))
        terms = np.where(wrong.forms[0] == 0, 0.0, wrong.forms[0] * outputs)
        rows = terms.sum(axis=2) - wrong.offsets[0]
    # Two infinite outputs have no difference, and no winner.
    return float(np.where(np.isnan(rows), 0.0, rows).max(axis=1).min())


def _near_vectors(layers: tuple[ExecutedLayer, ...], x: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, ...]:
    """Vectors of the format next to x: the nearest, the nearest towards the centre, and the nearest to the centre."""
    kind = layers[0].bias.dtype
    with np.errstate(over="ignore"):
        near, middle = x.astype(kind), centre.astype(kind)
    outward = np.abs(near.astype(np.float64) - centre) > np.abs(x - centre)
    inner = np.where(outward, np.nextafter(near, middle), near)
    return tuple(vector.astype(np.float64) for vector in (near, inner, middle))


def _answer(layers: tuple[ExecutedLayer, ...], x: np.ndarray) -> np.ndarray:
    """The executed network in float64 numbers; 0, an error, where it has no answer."""
    with np.errstate(all="ignore"):
        values = run(layers, x).astype(np.float64)
    return np.where(np.isnan(values).any(axis=1, keepdims=True), 0.0, values)
