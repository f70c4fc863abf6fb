"""Memorization on a line, p = 2: an integer direction, and bit extraction on the runs of equal labels.

The image of a ball under `x ↦ u·x` is an interval of length `2 δ ‖u‖_2`. If those of different labels are apart, the
sorted points are runs of equal labels, parted by integers. It asks nothing of the points but a tiny radius: the least
gap of n points on a line is about n^-2 of their range.

Source: in the manner of Vardi, Yehudai, Shamir (2022); the direction is found for the data.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from constructions.bits.intervals import dual_norm, integers
from constructions.bits.memorizer import IntegerMemorizer, last_nonzero, outputs
from constructions.bits.runs import runs_for, wire_runs
from constructions.bits.wiring import Form, Wiring
from constructions.samples.sample import class_positions, read_sample
from constructions.samples.task import task_for
from theory.errors import AssumptionError

# Principal directions that are mixed, and the weight of all but the first.
_DIRECTIONS, _OTHERS = 12, 0.6
# The radius that is taken if none is given, of the least gap; and doublings of the direction that are tried.
_SHARE, _DOUBLINGS = 0.45, 40


def projection_code_memorizer(
    points: Any, labels: Any, *, radius: Any = None, tries: int = 1000, seed: int = 0
) -> IntegerMemorizer:
    """The network `x ↦ u·x` and bit extraction, with about `d + O(√n log n)` non-zeros, for a tiny radius in l_2.

    Args:
        points: shape (n, d).
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0, in l_2; if None, what the best of the directions leaves.
        tries: random directions of which the one with the widest gap between labels is taken.
        seed: of the directions.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if equal points have different labels, or none of the directions parts the balls.
    """
    if not (isinstance(tries, int | np.integer) and tries >= 1):
        raise ValueError(f"tries must be a whole number >= 1, got {tries!r}")
    if not (isinstance(seed, int | np.integer) and seed >= 0):
        raise ValueError(f"seed must be a whole number >= 0, got {seed!r}")
    sample = read_sample(points, labels)
    numbers, classes = class_positions(sample.codes, sample.outputs)
    direction, gap = _direction(sample.points, numbers, int(tries), int(seed))
    if not gap > 0:
        raise AssumptionError(
            f"none of {tries} directions has all points of different labels apart: take more tries, or drop points "
            "that are equal"
        )
    task = task_for(sample, _SHARE * gap if radius is None else radius, None, 2.0)
    if not 2 * task.radius < gap:
        raise AssumptionError(
            f"memorization on a line needs 2 * radius below the least gap between labels, {gap:.6g} in the best of "
            f"{tries} directions, got radius={task.radius:.6g}: take a smaller one, or more tries"
        )
    scale = 4 / (gap - 2 * task.radius)
    for _ in range(_DOUBLINGS):
        weights = [int(w) for w in np.rint(direction * scale)]
        line = _line(sample.points, numbers, weights, task.radius)
        if line is not None:
            break
        scale *= 2
    else:
        raise AssumptionError(
            f"2 * radius = {2 * task.radius:.6g} leaves too little of the gap {gap:.6g} for integers: take less"
        )
    shift, cuts, run_labels = line
    table = runs_for(cuts, run_labels, classes)
    wiring = Wiring(sample.points.shape[1])
    (key,) = wiring.relu(Form({j: w for j, w in enumerate(weights) if w}, shift))
    number, unit = wire_runs(wiring, key, table)
    network = wiring.network(outputs(wiring.relu(number)[0], sample, unit), sample.classes)
    formula = sum(w != 0 for w in weights) + (shift != 0) + table.nonzero + last_nonzero(sample)
    return IntegerMemorizer(network, task, formula, len(cuts))


def _direction(points: np.ndarray, numbers: np.ndarray, tries: int, seed: int) -> tuple[np.ndarray, float]:
    """A unit vector, of random mixtures of principal directions the one with the widest gap, and the gap."""
    rng = np.random.default_rng(seed)
    centred = points - points.mean(axis=0)
    vectors = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :_DIRECTIONS]
    seen = centred @ vectors
    best, widest = np.zeros(vectors.shape[1]), -1.0
    for _ in range(tries):
        mixture = np.asarray(rng.standard_normal(vectors.shape[1]))
        mixture[1:] *= _OTHERS
        mixture = np.asarray(mixture / np.linalg.norm(mixture))
        line = seen @ mixture
        order = np.argsort(line)
        change = numbers[order][1:] != numbers[order][:-1]
        gap = float(np.diff(line[order])[change].min())
        if gap > widest:
            best, widest = mixture, gap
    return vectors @ best, widest


def _line(
    points: np.ndarray, numbers: np.ndarray, weights: list[int], radius: float
) -> tuple[int, np.ndarray, np.ndarray] | None:
    """What makes the images of the balls positive, the cuts of the runs after that, and their labels, all exact.

    None if no integer parts some of the runs.
    """
    values, unit = integers(np.append(points.reshape(-1), radius))
    line = (values[:-1].reshape(points.shape) * np.array(weights, dtype=object)).sum(axis=1)
    reach = dual_norm(weights, 2.0, int(values[-1]))
    order = np.array(sorted(range(len(line)), key=lambda i: line[i]))
    shift = math.ceil(Fraction(reach - int(line[order[0]]), unit)) + 1
    cuts, labels = [0], [int(numbers[order[0]])]
    for before, after in zip(order[:-1].tolist(), order[1:].tolist(), strict=True):
        if numbers[before] != numbers[after]:
            # One above all before, and not above any after.
            cut = -((-line[before] - reach) // unit) + 1
            if cut * unit > line[after] - reach:
                return None
            cuts.append(int(cut) + shift)
            labels.append(int(numbers[after]))
    return shift, np.array(cuts), np.array(labels)
