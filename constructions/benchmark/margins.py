"""Instances: a network, boxes of inputs, and a margin that is asked to stay above a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from constructions.benchmark.models import Model
from constructions.exchange.properties import Case, Property, Region


@dataclass(frozen=True, eq=False)
class Instance:
    """A question whose answer is known.

    Attributes:
        family: what kind of question it is.
        model: the network.
        cases: boxes, and the outputs that are not allowed on each.
        truth: "sat" or "unsat", by the theorem.
        why: which theorem, in words.
        witness: a point that is not allowed, if "sat".
    """

    family: str
    model: Model
    cases: tuple[Case, ...]
    truth: str
    why: str
    witness: Float[np.ndarray, " d"] | None = None


@dataclass(frozen=True)
class Margin:
    """The margin of a label over some of its rivals, `<= threshold` not allowed.

    Attributes:
        label: -1 or 1 for one output, else the number of an output.
        rivals: the outputs that it is compared with; none for one output.
        threshold: of the margin.
    """

    label: int
    rivals: tuple[int, ...]
    threshold: Fraction

    def value(self, outputs: Sequence[Fraction]) -> Fraction:
        """The margin at these outputs, less the threshold: not allowed if it is <= 0."""
        if not self.rivals:
            return self.label * outputs[0] - self.threshold
        return min(outputs[self.label] - outputs[c] for c in self.rivals) - self.threshold


def read_margin(violated: Property) -> Margin:
    """The margin that a property asks for, as `margin_property` writes it.

    Raises:
        ValueError: if it is no such property.
    """
    rows = [row for one in violated.conjunctions for row in one.rows]
    bounds = {bound for one in violated.conjunctions for bound in one.bounds}
    single = all(len(one.rows) == 1 and not one.strict for one in violated.conjunctions)
    if single and len(bounds) == 1 and rows:
        (threshold,) = bounds
        if len(rows) == len(rows[0]) == 1 and abs(rows[0][0]) == 1:
            return Margin(int(rows[0][0]), (), threshold)
        own = {row.index(1) for row in rows if sorted(v for v in row if v) == [-1, 1]}
        if len(own) == 1 and all(sorted(v for v in row if v) == [-1, 1] for row in rows):
            return Margin(own.pop(), tuple(row.index(-1) for row in rows), threshold)
    raise ValueError("a property of this benchmark must bound the margin of one label by one number")


def cube(centre: Float[np.ndarray, " d"], half: float) -> Region:
    """`B_∞(centre, half)`, its corners exact."""
    low = tuple(Fraction(v) - Fraction(half) for v in centre.tolist())
    return Region(low, tuple(v + 2 * Fraction(half) for v in low))
