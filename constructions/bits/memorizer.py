"""Memorizers with integer weights, certified exactly: robust bits, a small classifier of them, and its exceptions.

An l_p ball of radius δ meets no other side of a threshold that has no coordinate of the sample within δ. Bits of such
thresholds are constant on the balls, and behind them memorization is discrete: a small classifier of the bits, wrong on
some points, and a table of those, looked up by a key of the bits with bit extraction. Nothing is rounded, and the proof
is exact intervals: behind the bits they are points.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table as Text

from constructions.bits.certificate import LIMIT, ExactCertificate, certify_integers
from constructions.bits.classifier import (
    BIT,
    BitClassifier,
    fit,
    index_bits,
    score_bits,
    wire_classifier,
    wired_nonzero,
)
from constructions.bits.extraction import Table, table_for, wire
from constructions.bits.keys import Key, short_key
from constructions.bits.network import IntegerNetwork
from constructions.bits.thresholds import Threshold, check_separable, informative, separating, threshold
from constructions.bits.wiring import Form, Wiring, total
from constructions.memorizers.size import Size
from constructions.samples.sample import Sample, class_positions
from constructions.samples.task import Task, read_task
from theory.arguments.whole_numbers import read_seed

# Non-zeros that an exception costs, about: two square roots of 5 a block and 140 a field.
_EXCEPTION = 53.0


@dataclass(frozen=True)
class IntegerSize(Size):
    """Size of an integer network.

    Attributes:
        weight_bits: binary digits of the largest weight.
    """

    weight_bits: int

    def _add_counts(self, table: Text) -> None:
        super()._add_counts(table)
        table.add_row("bits of the largest weight", f"{self.weight_bits:,}")


@dataclass(frozen=True, eq=False)
class IntegerMemorizer:
    """A network with integer weights that memorizes a task.

    Attributes:
        network: its last output is greatest at the class, by at least 1; or has the sign of the label.
        task: what it memorizes.
        formula_nonzero: by the formula of its construction.
        exceptions: what the table holds: points, or runs of points, that a smaller part of the network is wrong about.
    """

    network: IntegerNetwork
    task: Task
    formula_nonzero: int
    exceptions: int

    def __repr__(self) -> str:
        task, (size, dim) = self.task, self.task.sample.points.shape
        return (
            f"<IntegerMemorizer of {size:,} points in R^{dim}, l_{task.p:g}, radius {task.radius:g}, "
            f"{self.network.nonzero:,} non-zeros of up to {self.network.weight_bits} bits>"
        )

    @property
    def size(self) -> IntegerSize:
        """Exact counts, and the formula's value."""
        network = self.network
        counts = {
            name: getattr(network, name)
            for name in (
                "nonzero",
                "parameters",
                "depth",
                "width",
                "neurons",
                "bytes",
                "weight_bits",
                "description_bits",
            )
        }
        return IntegerSize(formula_nonzero=self.formula_nonzero, zeros=0, **counts)

    def certify(self, arithmetic: str = "reals") -> ExactCertificate:
        """Exact bounds on every ball, read from the weights.

        Args:
            arithmetic: "reals" or "rational", the same here; "float64" for the network as executed, if all its sums of
                integers are below 2^53.

        Raises:
            ValueError: for another arithmetic, or integers too long for it.
        """
        return certify_integers(self.network, self.task, arithmetic)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file that `IntegerNetwork.load` reads, all of it or nothing."""
        self.network.save(path)


def code_memorizer(
    points: Any,
    labels: Any,
    *,
    radius: Any,
    p: Any = np.inf,
    budget: int | None = None,
    arithmetic: str = "reals",
    seed: int = 0,
    progress: bool = False,
) -> IntegerMemorizer:
    """The network of robust bits, classifier and table of exceptions, with few non-zeros.

    On n points whose classifier is wrong on E it has about `budget + 53 √E` non-zeros, in O(√E log n) layers.

    Args:
        points: shape (n, d); coordinates whose values leave gaps wider than 2 δ, as those of images do.
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0.
        p: in [1, ∞]; the construction is the same for all, for a larger ball.
        budget: non-zeros of the classifier's bits and first layer; `4 √n` by default.
        arithmetic: "reals", or "float64" for a network, larger, whose integers are all below 2^53.
        seed: of the classifier and the key.
        progress: whether to show on stderr what is done.

    Raises:
        ValueError: for malformed arguments, or if no network keeps the limit of float64.
        AssumptionError: if `2 δ < R` fails, or no threshold that is robust at δ separates two points with different
            labels.
    """
    if arithmetic not in ("reals", "float64"):
        raise ValueError(f'arithmetic must be "reals" or "float64", got {arithmetic!r}')
    task = read_task(points, labels, radius, None, p)
    if budget is not None and not (isinstance(budget, int | np.integer) and budget >= 1):
        raise ValueError(f"budget must be a whole number >= 1, got {budget!r}")
    return code_of_task(task, budget, arithmetic, read_seed(seed), progress=progress)


def code_of_task(
    task: Task, budget: int | None = None, arithmetic: str = "reals", seed: int = 0, *, progress: bool = False
) -> IntegerMemorizer:
    """The same for a checked task, whose separation is not asked again.

    Args:
        task: from `read_task`.
        budget, arithmetic, seed, progress: as for `code_memorizer`.

    Raises:
        ValueError, AssumptionError: as `code_memorizer`.
    """
    sample = task.sample
    numbers, classes = class_positions(sample.codes, sample.outputs)
    # At once, for the classifier of the bits takes most of the time.
    check_separable(sample.points, numbers, task.radius)
    bar = Progress(
        TextColumn("robust code, {task.description}"), BarColumn(), console=Console(stderr=True), disable=not progress
    )
    with bar:
        shown = bar.add_task("thresholds", total=1.0)
        candidates = informative(sample.points, numbers, classes, task.radius)
        bar.update(shown, description="classifier")
        thresholds = [_rarer(sample, *gap, task.radius) for gap in candidates]
        classifier, used = fit(
            code_of(sample.points, thresholds),
            numbers,
            classes,
            budget=round(4 * len(sample.points) ** 0.5) if budget is None else int(budget),
            price=lambda c, seen: _price(c, seen, numbers),
            seed=seed,
            report=lambda share: bar.update(shown, completed=share),
        )
        chosen = [thresholds[k] for k in used]
        bar.update(shown, description="code")
        code = _separated(sample, numbers, chosen, task.radius)
        extra = np.zeros((len(classifier.hidden), code.shape[1] - len(used)), dtype=np.int64)
        classifier = BitClassifier(
            np.hstack([classifier.hidden, extra]), classifier.hidden_bias, classifier.output, classifier.output_bias
        )
        bar.update(shown, description="key")
        wrong = classifier.predictions(code) != numbers
        memory = None
        if wrong.any():
            key = short_key(code, numbers, wrong, seed)
            limit = LIMIT if arithmetic == "float64" else None
            memory = key, _table(key.of(code), numbers, wrong, classes, limit)
    network = _wired(sample, chosen, classifier, code, memory)
    formula = BIT * len(chosen) - sum(t.bias == 0 for t in chosen) + last_nonzero(sample)
    formula += wired_nonzero(classifier, 1 if memory else 0, code)
    exceptions = 0
    if memory:
        key, table = memory
        formula += int(np.count_nonzero(key.weights)) + key.wired_nonzero(2) + table.nonzero
        exceptions = sum(map(len, table.blocks))
    return IntegerMemorizer(network, task, formula, exceptions)


def _table(keys: np.ndarray, numbers: np.ndarray, wrong: np.ndarray, classes: int, limit: int | None) -> Table:
    """Of the points that are wrong, one of those with the same key."""
    own, where = np.unique(keys[wrong], return_index=True)
    labels = numbers[wrong][where] + 1
    return table_for(own, labels, classes, int(keys.max()) + 1, index_bits(classes), limit=limit)


def code_of(points: np.ndarray, thresholds: list[Threshold]) -> np.ndarray:
    """The bits of the points, (n, bits)."""
    return np.stack([t.bit(points[:, t.coordinate]) for t in thresholds], axis=1)


def _rarer(sample: Sample, coordinate: int, low: float, high: float, radius: float) -> Threshold:
    """The bit that is 1 on the side with fewer points."""
    above = bool(np.mean(sample.points[:, coordinate] >= high) < 0.5)
    return threshold(coordinate, low, high, radius, above=above)


def _separated(sample: Sample, numbers: np.ndarray, chosen: list[Threshold], radius: float) -> np.ndarray:
    """The code by the thresholds, and by more that are added until no two labels share one."""
    code = code_of(sample.points, chosen)
    while len(pairs := _conflicts(code, numbers)):
        chosen.append(_rarer(sample, *separating(sample.points, pairs, radius), radius))
        code = np.hstack([code, code_of(sample.points, chosen[-1:])])
    return code


def _conflicts(code: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Pairs of points of one code and different labels: the first of a code, with each of another label."""
    _, first, group = np.unique(np.packbits(code, axis=1), axis=0, return_index=True, return_inverse=True)
    leader = first[group.reshape(-1)]
    other = np.flatnonzero(numbers != numbers[leader])
    return np.stack([leader[other], other], axis=1)


def _price(classifier: BitClassifier, code: np.ndarray, numbers: np.ndarray) -> float:
    """Non-zeros with which rounding has to do."""
    wrong = int(np.sum(classifier.predictions(code) != numbers))
    return float(classifier.nonzero + 6 * score_bits(classifier, code) + _EXCEPTION * wrong**0.5)


def _wired(
    sample: Sample,
    chosen: list[Threshold],
    classifier: BitClassifier,
    code: np.ndarray,
    memory: tuple[Key, Table] | None,
) -> IntegerNetwork:
    wiring = Wiring(sample.points.shape[1])
    raised = wiring.relu(*(Form({t.coordinate: t.weight}, -t.bias) for t in chosen))
    bits = wiring.relu(*(1 - form for form in raised))
    sums = []
    if memory:
        sums = [total([bit * weight for bit, weight in zip(bits, memory[0].weights.tolist(), strict=True)])]
    number, sums = wire_classifier(wiring, classifier, bits, sums, code)
    if memory:
        key, table = memory
        value, number = key.wire(wiring, sums[0], number)
        number = wire(wiring, value, number, table)
    return wiring.network(outputs(wiring.relu(number)[0], sample), sample.classes)


def last_nonzero(sample: Sample) -> int:
    """Non-zeros of the outputs, and of the class number before them, a form of two neurons."""
    return 2 + (2 if sample.outputs == 1 else 2 * (len(sample.classes) - 1))


def outputs(number: Form, sample: Sample, unit: int = 1) -> list[Form]:
    """Of a class number k times a unit, in that unit: `2k - 1`, or for each class c `2 c k - c^2 = k^2 - (k - c)^2`."""
    if sample.outputs == 1:
        return [number * 2 - unit]
    return [number * (2 * c) - c * c * unit for c in range(sample.outputs)]
