"""The strict ReLU network of an ordered list of rules."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.networks.network import Affine, ReLUNetwork
from constructions.rules.literals import Directions
from constructions.rules.search import RuleList
from constructions.samples.sample import Sample
from theory.balls.relaxation import preactivation_bounds
from theory.errors import AssumptionError

_BALLS = 2_000


@dataclass(frozen=True)
class Wiring:
    """Which neuron each rule counts, and which neurons there are.

    Attributes:
        neurons: numbers of literals; neuron l is at least 1 where literal l is true, 0 where it is false.
        counted: for each rule the literal whose own neuron it counts; None if it counts the constant 1.
    """

    neurons: tuple[int, ...]
    counted: tuple[int | None, ...]


def wire(rules: list[tuple[int, ...]]) -> Wiring:
    """For each rule a literal whose neuron is there for other rules: a weight more, but a weight and a bias less."""
    needed = Counter(literal ^ 1 for rule in rules for literal in rule)
    counted: list[int | None] = []
    for rule in rules:
        there = [literal for literal in rule if needed[literal] > 0]
        # Preferably one whose opposite no other rule needs.
        best = min(there, key=lambda literal: needed[literal ^ 1], default=None)
        counted.append(best)
        if best is not None:
            needed[best] += 1
            needed[best ^ 1] -= 1
    return Wiring(tuple(sorted(literal for literal, times in needed.items() if times > 0)), tuple(counted))


def build(
    found: RuleList, directions: Directions, sample: Sample, radius: float, shell: float, p: float
) -> ReLUNetwork:
    """The network of three layers, with weights of the levels that make it right with margin 1/2 on every ball."""
    rules = [rule.literals for rule in found.rules]
    wiring = wire(rules)
    if not rules:
        # One class is left at once: the constant.
        nothing = Affine(sp.csr_array((1, sample.points.shape[1])), np.zeros(1))
        last = _last_layer(found, np.zeros(0), sample)
        return ReLUNetwork((nothing, Affine(sp.csr_array((1, 1)), np.zeros(1)), last), sample.classes)
    first = _literal_layer(directions, wiring, shell)
    greatest = max(float(high.max()) for _, high in _on_balls((first,), sample.points, radius, p))
    if not math.isfinite(greatest):
        raise AssumptionError(
            f"rules need values of literals that floats hold, and squares that do not vanish, got radius={radius:g}, "
            f"shell={shell:g} and coordinates up to {np.abs(sample.points).max():.3g}: multiply points, radius and "
            "shell by one number so that coordinates are about 1"
        )
    hidden = first, _rule_layer(rules, wiring, _power_of_two(greatest))
    weights = _level_weights(found, hidden, sample, radius, p)
    return ReLUNetwork((*hidden, _last_layer(found, weights, sample)), sample.classes)


def _literal_layer(directions: Directions, wiring: Wiring, shell: float) -> Affine:
    """Neuron 2k is `σ(1/2 + (2/γ) (w·x - b))`, neuron 2k + 1 `σ(1/2 - (2/γ) (w·x - b))`."""
    neurons = np.array(wiring.neurons, dtype=int)
    slope = np.where(neurons % 2 == 0, 2.0, -2.0) / shell
    k = neurons // 2
    weight = sp.csr_array(sp.diags_array(slope) @ directions.weight[k])
    return Affine(weight, 0.5 - slope * directions.threshold[k])


def _rule_layer(rules: list[tuple[int, ...]], wiring: Wiring, factor: float) -> Affine:
    """`σ(n_counted - T Σ n_opposite)` over the other literals of each rule, or `σ(1 - T Σ n_opposite)` over all."""
    place = {literal: k for k, literal in enumerate(wiring.neurons)}
    row, column, value = [], [], []
    for k, (rule, counted) in enumerate(zip(rules, wiring.counted, strict=True)):
        for literal in rule:
            row.append(k)
            column.append(place[literal if literal == counted else literal ^ 1])
            value.append(1.0 if literal == counted else -factor)
    weight = sp.csr_array((value, (row, column)), shape=(len(rules), len(place)))
    return Affine(weight, np.array([float(counted is None) for counted in wiring.counted]))


def _last_layer(found: RuleList, weights: Float[np.ndarray, " levels"], sample: Sample) -> Affine:
    """The sum of the rules of each class, weighted by level, and 1/2 for the class of the points that are left."""
    default = found.default or 0
    value = np.array([weights[rule.level] for rule in found.rules] or [0.0])
    codes = np.array([rule.code for rule in found.rules] or [default])
    rules = np.arange(len(value))
    if sample.outputs == 1:
        return Affine(sp.csr_array((codes * value)[None]), np.array([0.5 * default]))
    bias = np.zeros(sample.outputs)
    bias[default] = 0.5
    return Affine(sp.csr_array((value, (codes, rules)), shape=(sample.outputs, len(value))), bias)


def _level_weights(
    found: RuleList, hidden: tuple[Affine, Affine], sample: Sample, radius: float, p: float
) -> Float[np.ndarray, " levels"]:
    """Powers of two, from the last level to the first: what rules of other classes of later levels can add, and 1/2.

    On the ball of a point that is covered at level l its own rule of l is at least 1; of other classes, no rule of a
    level up to l is on.
    """
    levels = np.array([rule.level for rule in found.rules])
    codes = np.array([rule.code for rule in found.rules])
    covered, greatest = _covered_and_greatest(found, hidden, sample, radius, p)
    classes = np.unique(sample.codes)
    of_class = (codes[:, None] == classes[None, :]).astype(np.float64)
    weights = np.ones(found.level)
    for level in range(found.level - 1, -1, -1):
        places = np.flatnonzero(covered == level)
        if not len(places):
            continue
        later = sp.diags_array(np.where(levels > level, weights[levels], 0.0)) @ of_class
        others = np.asarray(greatest[places] @ later) + 0.5 * (classes == found.default)
        others[sample.codes[places][:, None] == classes[None, :]] = 0.0
        weights[level] = _power_of_two(float(others.max()) + 0.5)
    return weights


def _covered_and_greatest(
    found: RuleList, hidden: tuple[Affine, Affine], sample: Sample, radius: float, p: float
) -> tuple[Int[np.ndarray, " n"], sp.csr_array]:
    """Level at which each point is covered (the number of levels if none), and greatest values of rules on balls."""
    levels = np.array([rule.level for rule in found.rules])
    codes = np.array([rule.code for rule in found.rules])
    covered, greatest, start = [], [], 0
    for low, high in _on_balls(hidden, sample.points, radius, p):
        own = (low >= 1 - 2.0**-20) & (codes == sample.codes[start : start + len(low), None])
        covered.append(np.where(own, levels, found.level).min(axis=1))
        greatest.append(sp.csr_array(np.maximum(high, 0)))
        start += len(low)
    return np.concatenate(covered), sp.csr_array(sp.vstack(greatest, format="csr"))


def _on_balls(
    layers: tuple[Affine, ...], points: Float[np.ndarray, "n d"], radius: float, p: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Bounds of the values of the last layer before its ReLU, for some balls at a time."""
    for start in range(0, len(points), _BALLS):
        yield preactivation_bounds(layers, points[start : start + _BALLS], radius, p, method="interval")[-1]


def _power_of_two(least: float) -> float:
    """The least power of two that is >= 1 and >= the number with room for rounding."""
    return 2.0 ** max(0, math.ceil(math.log2(least * (1 + 2.0**-20))))
