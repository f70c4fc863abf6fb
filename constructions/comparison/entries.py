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

from constructions.bits.memorizer import IntegerMemorizer, code_of_task
from constructions.bits.projection import projection_code_memorizer
from constructions.compact.memorizer import compact_memorizer
from constructions.memorizers.construction import Construction, least_squares
from constructions.memorizers.max_tree import max_tree_memorizer, max_tree_nonzero, max_tree_widths
from constructions.memorizers.memorizer import Memorizer, robust_memorizer
from constructions.memorizers.narrow_deep import narrow_deep_memorizer, narrow_deep_nonzero, narrow_deep_parameters
from constructions.memorizers.projection import projection_memorizer
from constructions.pieces.soft_indicators import Method, zeros_per_point
from constructions.rules.memorizer import rules_of_task
from constructions.samples.task import Task
from theory.errors import AssumptionError

# Networks with more non-zeros than this are counted by the formula that is tested on smaller ones.
_BUILT = 3_000_000
# Intervals pass through all layers, for every point.
_DEEPEST = 200
# Rules are searched for among so many coordinates of all points; without an image a form of p < ∞ reads all of them.
_SEARCHED, _SEARCHED_WHOLE = 4_000_000, 20_000
# Of training, and random directions: a few, for the report is no search for the smallest.
_STEPS, _DIRECTIONS = 1_000, 100


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
        # Counted only; where it is built for the whole sample the report certifies it.
        return robust_memorizer(*self.arguments, **self.room, p=p, clean=clean, small=small, method=method, check=False)


@dataclass(frozen=True)
class Count:
    """Size of one construction at one place.

    Attributes:
        nonzero: on this data.
        general: the same for data in general position, without zeros.
        parameters: all entries; None where the network is too large to build and has no formula for it.
        built: the construction, or None where it is counted by its formula.
        dim: dimension behind a projection; None without one.
        bits: length of a description of the whole network; None where it was not built.
    """

    nonzero: int
    general: int
    parameters: int | None
    built: Construction | IntegerMemorizer | None
    dim: int | None = None
    bits: int | None = None


@dataclass(frozen=True)
class Entry:
    """One construction of the comparison.

    Attributes:
        name: in the tables.
        source: where it is from.
        colour: of its lines.
        is_for: whether it memorizes in l_p.
        count: at a place; a sentence that says why, where it cannot be built there.
        has_clean: whether it has a clean classifier, so that fractions of the points can be memorized; its counts are
            beside the clean network's own.
        norms: for which p it is, in words.
        base_only: whether it is counted on the whole sample only, for it takes seconds at any place.
    """

    name: str
    source: str
    colour: str
    is_for: Callable[[float], bool]
    count: Callable[[Place], Count | str]
    has_clean: bool = False
    norms: str = "another p"
    base_only: bool = False


def count_built(built: Construction | IntegerMemorizer) -> Count:
    """The count of a construction that was built."""
    size = built.size
    return Count(size.nonzero, size.general, size.parameters, built, bits=size.description_bits)


def _shared(place: Place) -> Count:
    size = place.shared.size
    beside = size.nonzero - size.clean
    return Count(beside, beside + size.zeros, size.parameters, place.shared, bits=size.description_bits)


def _sketch(place: Place) -> Count:
    """Its indicators only."""
    size, task = place.shared.size, place.task
    if size.sketch > _BUILT:
        zeros = zeros_per_point(task.sample.points[: size.n_small], task.radius, task.shell, task.p)
        return Count(size.sketch - zeros, size.sketch, None, None)
    built = place.memorizer("per_point")
    own = built.size.indicators
    return Count(own, own + built.size.zeros, built.size.parameters, built, bits=built.size.description_bits)


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


def _projection(place: Place, basis: str) -> Count | str:
    try:
        built = projection_memorizer(*place.arguments, **place.room, basis=basis, seed=place.seed)
    except AssumptionError as error:  # no room for the rounding of a projection
        return str(error)
    return replace(count_built(built), dim=built.dim)


def _rules(place: Place) -> Count | str:
    size, most = place.task.sample.points.size, _SEARCHED if math.isinf(place.task.p) else _SEARCHED_WHOLE
    if size > most:
        return (
            f"rules of p = {place.task.p:g} are searched for here among at most {most:,} coordinates of all points, "
            f"got N d = {size:,}: take rule_memorizer, or --method rules"
        )
    try:
        return count_built(rules_of_task(place.task, seed=place.seed))
    except AssumptionError as error:  # rounding takes the room
        return str(error)


def _compact(place: Place) -> Count | str:
    # Even, and no more than there are coordinates.
    features = min(64, place.task.sample.points.shape[1] // 2 * 2)
    if not features:
        return "a pair of features reads at least two coordinates, got one"
    sizes: dict[str, Any] = {"features": features, "hidden": (features,), "coordinates": min(24, features)}
    points, labels = place.arguments
    try:
        return count_built(compact_memorizer(points, labels, **place.room, **sizes, steps=_STEPS, seed=place.seed))
    except AssumptionError as error:  # no room in few coordinates
        return str(error)


def _code(place: Place) -> Count | str:
    try:
        return count_built(code_of_task(place.task, seed=place.seed))
    except AssumptionError as error:  # a radius beyond the grid of the values
        return str(error)


def _line(place: Place) -> Count | str:
    given: dict[str, Any] = {"radius": place.task.radius, "tries": _DIRECTIONS, "seed": place.seed}
    try:
        return count_built(projection_code_memorizer(*place.arguments, **given))
    except AssumptionError as error:  # a radius beyond the gaps of all directions
        return str(error)


def _any(p: float) -> bool:
    return True


def _euclidean(p: float) -> bool:
    return p == 2


SHARED, SKETCH, TREE, NARROW = "shared features", "proof sketch", "max tree", "narrow and deep"
PCA, RANDOM = "projection, pca", "projection, random"
RULES, COMPACT, CODE, LINE = "rules", "compact", "bits", "bits of a projection"
_SKETCHED = "proof sketch of Theorem 3.3; its indicators only"
_PROJECTED = "in the manner of Kim et al. (2025), Egosi et al. (2025)"
_EXTRACTED = "in the manner of Vardi et al. (2022)"
_MAX, _TWO = "p = ∞ only", "p = 2 only"

ENTRIES = (
    Entry(SHARED, "Theorem 3.3, repaired", "tab:blue", _any, _shared, has_clean=True),
    Entry(SKETCH, _SKETCHED, "tab:red", _any, _sketch, has_clean=True),
    Entry(TREE, "in the manner of Li et al. (2022)", "tab:orange", math.isinf, _max_tree, norms=_MAX),
    Entry(NARROW, "size of Yu, Gao, Zhang (2024)", "tab:purple", math.isinf, _narrow_deep, norms=_MAX),
    Entry(PCA, _PROJECTED, "tab:green", _euclidean, partial(_projection, basis="pca"), norms=_TWO),
    Entry(RANDOM, _PROJECTED, "tab:olive", _euclidean, partial(_projection, basis="random"), norms=_TWO),
    Entry(RULES, "conjunctions of robust literals", "tab:brown", _any, _rules),
    Entry(COMPACT, "Lipschitz network and balls", "tab:pink", _euclidean, _compact, norms=_TWO, base_only=True),
    Entry(CODE, _EXTRACTED + ", of pixels", "tab:cyan", _any, _code, base_only=True),
    Entry(LINE, _EXTRACTED, "navy", _euclidean, _line, norms=_TWO, base_only=True),
)
