"""Samples chosen by hand, where builders have gone wrong."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from constructions.networks.network import Affine, ReLUNetwork
from constructions.suite.strategies import Instance, room
from theory.setting.separation import separation

# Far beyond what squares have room for, and what an absolute tolerance takes for 0.
SCALES = (2.0**-600, 2.0**-40, 2.0**40, 2.0**600)
# Name, points, labels, radius over half of the separation, shell over the room that it leaves.
_CHOSEN: list[tuple[str, list[list[float]], list[int], float, float]] = [
    ("two points", [[0], [1]], [1, -1], 0.5, 0.5),
    ("exclusive or", [[0, 0], [0, 1], [1, 0], [1, 1]], [-1, 1, 1, -1], 0.9, 0.5),
    ("nearly touching balls", [[0, 0.25], [1, 0.5], [0.5, 1]], [1, -1, 1], 0.998, 0.5),
    ("classes in another order", [[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]], [2, 0, 2, 1, 0], 0.75, 0.5),
    ("one against many", [[0, 0], [0.5, 0], [1, 0], [0, 0.5], [0.5, 0.5], [1, 0.5]], [-1, -1, -1, -1, 1, -1], 0.9, 1.0),
    ("a point twice", [[0.25, 1], [0.25, 1], [0.75, 0], [0.25, 1]], [-1, -1, 1, -1], 0.5, 1.0),
    ("far from the origin", [[1000.1, 1000.1], [1000.1, 1000.11], [1000.11, 1000.1]], [1, -1, 1], 0.998, 0.5),
    ("unequal sides", [[-300, 0.5, 7], [300, 0.5, 7], [300, 0, 7.5]], [0, 1, 2], 0.9, 0.25),
]


def chosen_instances(norms: Sequence[float], classes: int | None) -> list[Instance]:
    """The samples chosen by hand, in one norm after another.

    Args:
        norms: exponents.
        classes: 2 for the samples with labels ±1 only.
    """
    rows = [row for row in _CHOSEN if classes is None or min(row[2]) < 0]
    return [_instance(row, norms[k % len(norms)]) for k, row in enumerate(rows)]


def scaled_instances(norms: Sequence[float]) -> list[tuple[Instance, float]]:
    """The exclusive or, and factors for its points, radius and shell, powers of 2.

    For p = 1, 2 and ∞: other powers leave the floats before the points do.
    """
    own = [p for p in norms if p in (1, 2, math.inf)]
    return [(_instance(_CHOSEN[1], p), factor) for p in own for factor in SCALES]


def scaled(instance: Instance, factor: float) -> Instance:
    """The same sample in another unit; exact, for a power of 2."""
    return replace(
        instance,
        points=instance.points * factor,
        radius=instance.radius * factor,
        shell=instance.shell * factor,
        name=f"{instance.name}, times 2^{math.log2(factor):g}",
    )


def _instance(row: tuple[str, list[list[float]], list[int], float, float], p: float) -> Instance:
    name, rows, numbers, share, of_room = row
    points, labels = np.array(rows, dtype=np.float64), np.array(numbers)
    gap = separation(points, labels, p).distance
    radius = gap / 2 * share
    outputs = 1 if labels.min() < 0 else int(labels.max()) + 1
    # Of either sign on the points, and so wrong at some.
    weight = np.resize([1.0, -1.0, 0.5], (outputs, points.shape[1]))
    clean = ReLUNetwork((Affine(weight, -weight @ points.mean(axis=0) + 1 / 16),))
    return Instance(points, labels, clean, p, radius, room(gap, radius, p) * of_room, name)
