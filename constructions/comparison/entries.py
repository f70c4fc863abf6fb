"""The constructions that a parameter report compares: one entry each, with a count at any place.

Another construction is compared by one more entry: `parameter_report(…, entries=(*ENTRIES, mine))`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

from constructions.memorizers.construction import Construction, least_squares
from constructions.memorizers.max_tree import max_tree_memorizer, max_tree_nonzero, max_tree_widths
from constructions.memorizers.memorizer import Memorizer, robust_memorizer
from constructions.memorizers.narrow_deep import narrow_deep_memorizer, narrow_deep_nonzero, narrow_deep_parameters
from constructions.memorizers.projection import projection_memorizer
from constructions.pieces.soft_indicators import Method, zeros_per_point
from constructions.samples.task import Task
from theory.errors import AssumptionError

# Networks with more non-zeros than this are counted by the formula that is tested on smaller ones.
_BUILT = 3_000_000
# Intervals pass through all layers, for every point.
_DEEPEST = 200


@dataclass(frozen=True, eq=False)
class Place:
    """Where the constructions are counted: a task, the memorized fraction of its points, and a seed."""

    task: Task
    mu: float
    seed: int

    @property
    def arguments(self) -> tuple[Any, Any]:
        """Points and labels, as builders take them."""
        return self.task.sample.points, self.task.sample.labels

    @property
    def room(self) -> dict[str, Any]:
        """Radius and shell, as builders take them."""
        return {"radius": self.task.radius, "shell": self.task.shell}

    @cached_property
    def shared(self) -> Memorizer:
        """The memorizer with shared features, which two constructions are counted by."""
        return self.memorizer("shared")

    def memorizer(self, method: Method) -> Memorizer:
        sample, p = self.task.sample, self.task.p
        small = np.arange(max(1, round(self.mu * len(sample.points))))
        clean = least_squares(sample.points, sample)
        return robust_memorizer(*self.arguments, **self.room, p=p, clean=clean, small=small, method=method)


@dataclass(frozen=True)
class Count:
    """Size of one construction at one place.

    Attributes:
        nonzero: on this data.
        general: the same for data in general position, without zeros.
        parameters: all entries; None where the network is too large to build and has no formula for it.
        built: the construction, or None where it is counted by its formula.
        dim: dimension behind a projection; None without one.
    """

    nonzero: int
    general: int
    parameters: int | None
    built: Construction | None
    dim: int | None = None


@dataclass(frozen=True)
class Entry:
    """One construction of the comparison.

    Attributes:
        name: in the tables.
        source: where it is from.
        colour: of its lines.
        is_for: whether it memorizes in l_p.
        count: at a place; None where it cannot be built there.
        has_clean: whether it has a clean classifier, so that fractions of the points can be memorized; its counts are
            beside the clean network's own.
    """

    name: str
    source: str
    colour: str
    is_for: Callable[[float], bool]
    count: Callable[[Place], Count | None]
    has_clean: bool = False


def count_built(built: Construction) -> Count:
    """The count of a construction that was built."""
    size = built.size
    return Count(size.nonzero, size.general, size.parameters, built)


def _shared(place: Place) -> Count:
    size = place.shared.size
    beside = size.nonzero - size.clean
    return Count(beside, beside + size.zeros, size.parameters, place.shared)


def _sketch(place: Place) -> Count:
    """Its indicators only."""
    size, task = place.shared.size, place.task
    if size.sketch > _BUILT:
        zeros = zeros_per_point(task.sample.points[: size.n_small], task.radius, task.shell, task.p)
        return Count(size.sketch - zeros, size.sketch, None, None)
    built = place.memorizer("per_point")
    own = built.size.indicators
    return Count(own, own + built.size.zeros, built.size.parameters, built)


def _max_tree(place: Place) -> Count:
    task, sample = place.task, place.task.sample
    size, dim = sample.points.shape
    general = max_tree_nonzero(size, dim)
    if general <= _BUILT:
        return count_built(max_tree_memorizer(*place.arguments, **place.room))
    zeros = zeros_per_point(sample.points, task.radius, task.shell, task.p)
    widths = max_tree_widths(size, dim, sample.outputs)
    return Count(general - zeros, general, sum(before * after + after for before, after in pairwise(widths)), None)


def _narrow_deep(place: Place) -> Count:
    sample, dim = place.task.sample, place.task.sample.points.shape[1]
    others, classes = int(np.sum(sample.codes > 0)), max(2, sample.outputs)
    general = narrow_deep_nonzero(others, dim, classes)
    if others > _DEEPEST or general > _BUILT:
        # Its biases hold c - low - t, which are 0 by rare coincidence only; they are counted as non-zero.
        return Count(general, general, narrow_deep_parameters(others, dim, classes, sample.outputs), None)
    return count_built(narrow_deep_memorizer(*place.arguments, **place.room))


def _projection(place: Place, basis: str) -> Count | None:
    try:
        built = projection_memorizer(*place.arguments, **place.room, basis=basis, seed=place.seed)
    except AssumptionError:  # no room for the rounding of a projection
        return None
    return replace(count_built(built), dim=built.dim)


def _any(p: float) -> bool:
    return True


def _euclidean(p: float) -> bool:
    return p == 2


SHARED, SKETCH, TREE, NARROW = "shared features", "proof sketch", "max tree", "narrow and deep"
PCA, RANDOM = "projection, pca", "projection, random"
_SKETCHED = "proof sketch of Theorem 3.3; its indicators only"
_PROJECTED = "in the manner of Kim et al. (2025), Egosi et al. (2025)"

ENTRIES = (
    Entry(SHARED, "Theorem 3.3, repaired", "tab:blue", _any, _shared, has_clean=True),
    Entry(SKETCH, _SKETCHED, "tab:red", _any, _sketch, has_clean=True),
    Entry(TREE, "in the manner of Li et al. (2022)", "tab:orange", math.isinf, _max_tree),
    Entry(NARROW, "size of Yu, Gao, Zhang (2024)", "tab:purple", math.isinf, _narrow_deep),
    Entry(PCA, _PROJECTED, "tab:green", _euclidean, partial(_projection, basis="pca")),
    Entry(RANDOM, _PROJECTED, "tab:olive", _euclidean, partial(_projection, basis="random")),
)
