"""Memorization one point after the other by a narrow deep network: p = ∞.

The input is carried as `z = x - low >= 0` by d neurons. Two layers take a point `c_i`: first its 2 d coordinate
excesses `σ(±(z_j - c_ij + low_j) - t)`, then its soft indicator `σ(1 - Σ / ramp)`, which the next layer adds to the
sum of its class. One class, the base, needs no points: it is the answer where no other speaks. So d + 2 d + 1 neurons
for two classes, one more for each further class, and a depth of 2 n' + 1 for the n' points off the base class.

Source: meets the width 3 d + 1, depth 2 N + 1 and O(N d) non-zeros of Yu, Gao, Zhang (2024), by a construction of its
own.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions.memorizers.construction import PlainMemorizer
from constructions.memorizers.size import size_of
from constructions.networks.network import Affine, ReLUNetwork
from constructions.pieces.soft_indicators import ramp_of
from constructions.samples.sample import class_positions
from constructions.samples.task import read_task


def narrow_deep_memorizer(points: Any, labels: Any, *, radius: Any, shell: Any = None) -> PlainMemorizer:
    """The network of width `3 d + C - 1` and depth `2 n' + 1`, C classes, n' points off the base class.

    `n' (8 d + 2 C) + d + 1` non-zeros (labels ±1 count as C = 2), less biases that happen to be 0. The base is the
    first class, -1 for labels ±1. On the balls the sums are 0 or at least 1, so margins are at least 1/2; interval
    bounds see it, so bounds for any network certify it.

    Args:
        points: shape (n, d).
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0, in l_inf.
        shell: γ; `R - 2 δ` when None.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if `2 δ + γ <= R` fails.
    """
    task = read_task(points, labels, radius, shell, np.inf)
    sample, dim = task.sample, task.sample.points.shape[1]
    group, groups = class_positions(sample.codes, sample.outputs)
    chosen = np.flatnonzero(group > 0)
    t, ramp = ramp_of(task.radius, task.shell)
    # Rounded outward, so that the carried values are non-negative on the balls.
    low = np.nextafter(sample.points.min(axis=0) - task.radius, -np.inf)
    eye = sp.eye_array(dim)
    others = groups - 1
    sums = sp.eye_array(others)
    layers: list[Affine] = []
    previous: sp.csr_array | None = None
    for i in chosen:
        c = sample.points[i] - (0 if previous is None else low)
        sides = np.concatenate([-(c + t), c - t])
        if previous is None:
            kept = sp.csr_array((others, dim))
            layers.append(_stack([eye, eye, -eye, kept], np.concatenate([-low, sides, np.zeros(others)])))
        else:
            carried = sp.hstack([eye, sp.csr_array((dim, 1 + others))], format="csr")
            weights = [carried, carried, -carried, previous]
            layers.append(_stack(weights, np.concatenate([np.zeros(dim), sides, np.zeros(others)])))
        excess = sp.csr_array(np.concatenate([np.zeros(dim), np.full(2 * dim, -1 / ramp), np.zeros(others)])[None, :])
        keep = sp.eye_array(dim, 3 * dim + others)
        totals = sp.hstack([sp.csr_array((others, 3 * dim)), sums])
        layers.append(_stack([keep, excess, totals], np.concatenate([np.zeros(dim), [1.0], np.zeros(others)])))
        own = sp.csr_array(np.eye(others)[:, [group[i] - 1]])
        previous = sp.hstack([sp.csr_array((others, dim)), own, sums], format="csr")
    assert previous is not None  # two classes, so one point off the base
    if sample.outputs == 1:
        layers.append(Affine(previous, np.array([-0.5])))
    else:
        silent = sp.csr_array((1, previous.shape[1]))
        layers.append(_stack([silent, previous], np.array([0.5, *np.zeros(others)])))
    network = ReLUNetwork(tuple(layers), sample.classes)
    zeros = sum(int(np.sum(layer.bias[: 3 * dim] == 0)) - (dim if k else 0) for k, layer in enumerate(layers[:-1:2]))
    return PlainMemorizer(network, task, size_of(network, narrow_deep_nonzero(len(chosen), dim, groups) - zeros, zeros))


def _stack(weights: list[Any], bias: np.ndarray) -> Affine:
    return Affine(sp.vstack(weights, format="csr"), bias)


def narrow_deep_nonzero(size: int, dim: int, classes: int) -> int:
    """`n' (8 d + 2 C) + d + 1` for n' points off the base class, in general position."""
    return size * (8 * dim + 2 * classes) + dim + 1


def narrow_deep_parameters(size: int, dim: int, classes: int, outputs: int) -> int:
    """All entries: layers of `3 d + C - 1` and `d + C` neurons in turn, then the outputs (1 for labels ±1)."""
    wide, narrow = 3 * dim + classes - 1, dim + classes
    pairs = (size - 1) * (wide * narrow + wide) + size * (narrow * wide + narrow)
    return wide * dim + wide + pairs + outputs * narrow + outputs
