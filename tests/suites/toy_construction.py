"""A construction from scratch, for p = ∞: a box around every point, and class sums."""

import math
from typing import Any

import numpy as np

from constructions import (
    Affine,
    Count,
    Entry,
    Place,
    PlainMemorizer,
    ReLUNetwork,
    chain,
    count_built,
    indicators,
    read_task,
    size_of,
)
from constructions.memorizers.construction import class_sums
from constructions.pieces.soft_indicators import zeros_per_point


def toy_memorizer(points: Any, labels: Any, *, radius: Any, shell: Any = None) -> PlainMemorizer:
    """`n (6 d + 2)` non-zeros."""
    task = read_task(points, labels, radius, shell, math.inf)
    sample, (size, dim) = task.sample, task.sample.points.shape
    everywhere = np.full(dim, 1e9)
    boxes = indicators(
        sample.points, task.radius, task.shell, -everywhere, everywhere, p=math.inf, method="per_point"
    ).network
    sums = Affine(class_sums(sample), np.zeros(sample.outputs))
    network = ReLUNetwork(chain(boxes, ReLUNetwork((sums,))).layers, sample.classes)
    zeros = zeros_per_point(sample.points, task.radius, task.shell, math.inf)
    return PlainMemorizer(network, task, size_of(network, size * (6 * dim + 2) - zeros, zeros))


def _count(place: Place) -> Count:
    return count_built(toy_memorizer(*place.arguments, **place.room))


ENTRY = Entry("boxes", "from scratch", "black", math.isinf, _count)
