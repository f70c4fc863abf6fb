"""Witnesses against a network: points that an attack found and that are surely in the ball, and surely errors.

`guided_attack` reports points of the balls, exactly so, with margins as computed. Before one of them refutes a ball the
margin at it is bounded from above: over the reals by intervals that include their rounding or in rationals, for an
executed network by running it, at a vector of its format.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from constructions.certificates.executed_intervals import ExecutedLayer, executed_layers, run
from constructions.certificates.guided_attack import Function, attack_balls
from constructions.certificates.rational_intervals import fits_rational, largest_float_at_most, rational_margin_bound
from constructions.networks.network import ReLUNetwork
from theory.balls.small_margin import margin_upper_bound
from theory.setting.membership import is_in_ball


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
) -> Witnesses:
    """Witnesses against the function of the network's weights over the reals.

    Args:
        network: any `ReLUNetwork`.
        points: shape (n, d).
        labels: ±1 for one output, else class numbers.
        radius: of the balls.
        p: in [1, ∞].
        indices: the balls to attack.
        function: a quicker way to about the same values, for the attack to look for candidates.
        shell: as for `guided_attack`.
        seed: of the attack.
    """
    attack = network if function is None else function
    worst, where = attack_balls(attack, points, labels, radius, p, indices=indices, shell=shell, seed=seed)
    upper = _real_upper(network, where, labels[indices], worst <= 0)
    at_centre = _real_upper(network, points[indices], labels[indices], worst <= 0)
    # The centre is in its ball, and a witness where the worse point could not be shown to be an error.
    better = (at_centre <= 0) & ~(upper <= 0)
    upper[better], where[better] = at_centre[better], points[indices[better]]
    return Witnesses(upper, where, at_centre <= 0)


def _real_upper(
    network: ReLUNetwork, x: Float[np.ndarray, "k d"], labels: Int[np.ndarray, " k"], exactly: Bool[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """Upper bounds of the margins at x; exact but for rounding up where that is wanted and intervals leave it open."""
    upper = margin_upper_bound(network.layers, x, labels)
    if fits_rational(network.layers, 1):
        for k in np.flatnonzero(exactly & ~(upper <= 0)):
            exact = rational_margin_bound(network.layers, x[[k]], labels[[k]], 0.0, np.inf)[0]
            upper[k] = -largest_float_at_most(-exact)
    return upper


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
) -> Witnesses:
    """Witnesses against the network as executed: vectors of the format in the real balls, which a run misclassifies.

    Arguments as for `real_witnesses`; `arithmetic` is "float64" or "float32".
    """
    layers = executed_layers(network.layers, arithmetic)
    answer = partial(_answer, layers)
    _, where = attack_balls(answer, points, labels, radius, p, indices=indices, seed=seed)
    upper, misclassified = np.full(len(indices), np.inf), np.zeros(len(indices), dtype=bool)
    for k, i in enumerate(indices):
        label = int(labels[i])
        misclassified[k] = _executed_margin(layers, points[i], label) <= 0
        for vector in _near_vectors(layers, where[k], points[i]):
            margin = _executed_margin(layers, vector, label)
            if margin < upper[k] and is_in_ball(vector, points[i], radius, p):
                upper[k], where[k] = margin, vector
    return Witnesses(upper, where, misclassified)


def _near_vectors(layers: tuple[ExecutedLayer, ...], x: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, ...]:
    """Vectors of the format next to x: the nearest, the nearest towards the centre, and the nearest to the centre."""
    kind = layers[0].bias.dtype
    with np.errstate(over="ignore"):
        near, middle = x.astype(kind), centre.astype(kind)
    outward = np.abs(near.astype(np.float64) - centre) > np.abs(x - centre)
    inner = np.where(outward, np.nextafter(near, middle), near)
    return tuple(vector.astype(np.float64) for vector in (near, inner, middle))


def _executed_margin(layers: tuple[ExecutedLayer, ...], x: np.ndarray, label: int) -> float:
    """The margin of one run at x, rounded to the format; at most 0 exactly if the run's answer is wrong or none."""
    with np.errstate(all="ignore"):
        values = run(layers, x[None])[0].astype(np.float64)
        if np.isnan(values).any():
            return -np.inf
        if len(values) == 1:
            return float(label * values[0])
        rival = np.delete(values, label).max()
        # Two infinite outputs have no difference, and no winner.
        return float(values[label] - rival) if values[label] != rival else 0.0


def _answer(layers: tuple[ExecutedLayer, ...], x: np.ndarray) -> np.ndarray:
    """The executed network in float64 numbers; 0, an error, where it has no answer."""
    with np.errstate(all="ignore"):
        values = run(layers, x).astype(np.float64)
    return np.where(np.isnan(values).any(axis=1, keepdims=True), 0.0, values)
