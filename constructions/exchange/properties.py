"""What is asked of a network: whether some input of a region has outputs that are not allowed.

All numbers are rational, as they stand in a file: a decimal is seldom a float64. For proofs they are weakened to floats
(a larger region, more outputs that are not allowed); a witness has to satisfy what is written, exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.certificates.rational_intervals import largest_float_at_most
from theory.balls.violations import margin_forms

_GREATEST = Fraction(float(np.finfo(np.float64).max))


@dataclass(frozen=True)
class Region:
    """The box `low <= x <= high`.

    Attributes:
        low: least values of the inputs.
        high: greatest values.
        open_low: inputs that must be above `low`, not at it.
        open_high: inputs that must be below `high`.

    Raises:
        ValueError: without inputs, if the ends do not fit, or for a box without points.
    """

    low: tuple[Fraction, ...]
    high: tuple[Fraction, ...]
    open_low: frozenset[int] = frozenset()
    open_high: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not self.low or len(self.low) != len(self.high):
            raise ValueError(f"a region needs as many least as greatest values, got {len(self.low)}, {len(self.high)}")
        for k in range(len(self.low)):
            if self.is_empty_at(k):
                raise ValueError(f"a region must have points, got input {k} from {self.low[k]} to {self.high[k]}")

    @property
    def inputs(self) -> int:
        return len(self.low)

    def is_empty_at(self, k: int) -> bool:
        """Whether no value of this input is in the box."""
        is_open = k in self.open_low or k in self.open_high
        return self.low[k] > self.high[k] or (is_open and self.low[k] == self.high[k])

    @cached_property
    def outward(self) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
        """The least box of float64 corners that contains the region; infinite beyond float64."""
        low, negated = ([largest_float_at_most(v) for v in ends] for ends in (self.low, [-v for v in self.high]))
        return np.array(low), -np.array(negated)

    @cached_property
    def inward(self) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]] | None:
        """The greatest box of float64 corners inside the region, or None if an input has no float64 in it."""
        low = -np.array([largest_float_at_most(-v) for v in self.low])
        high = np.array([largest_float_at_most(v) for v in self.high])
        for k in self.open_low:
            low[k] = np.nextafter(low[k], np.inf) if Fraction(low[k]) == self.low[k] else low[k]
        for k in self.open_high:
            high[k] = np.nextafter(high[k], -np.inf) if Fraction(high[k]) == self.high[k] else high[k]
        return (low, high) if np.all(low <= high) and np.isfinite([low, high]).all() else None

    def contains(self, x: Sequence[Any] | np.ndarray) -> bool:
        """Whether a point is in the box, exactly."""
        point = [_fraction(v) for v in x]
        return len(point) == self.inputs and all(
            (v > low if k in self.open_low else v >= low) and (v < high if k in self.open_high else v <= high)
            for k, (v, low, high) in enumerate(zip(point, self.low, self.high, strict=True))
        )


@dataclass(frozen=True)
class Conjunction:
    """The outputs with `A y <= b` in every row, `<` in those that are strict.

    Attributes:
        rows: A, one tuple of coefficients for each row.
        bounds: b.
        strict: numbers of the strict rows.

    Raises:
        ValueError: if rows and bounds do not fit.
    """

    rows: tuple[tuple[Fraction, ...], ...]
    bounds: tuple[Fraction, ...]
    strict: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.bounds) or len({len(row) for row in self.rows}) > 1:
            raise ValueError(
                f"a conjunction needs one bound a row, rows of one length, got {len(self.rows)} rows and "
                f"{len(self.bounds)} bounds"
            )

    @cached_property
    def weakened(self) -> tuple[Float[np.ndarray, "rows outputs"], Float[np.ndarray, " rows"]]:
        """Float64 A and b so that every y of the conjunction has `A y <= b`.

        Each row is multiplied by what makes its coefficients whole, if they are no float64, and b is rounded up.

        Raises:
            ValueError: if the whole coefficients are no float64 either.
        """
        rows, bounds = [], []
        for row, bound in zip(self.rows, self.bounds, strict=True):
            factor = Fraction(1) if all(map(_is_float, row)) else _common(row)
            scaled = [factor * v for v in row]
            if not all(map(_is_float, scaled)):
                raise ValueError(f"coefficients of outputs must be float64 times one number, got {_shown(row)}")
            rows.append([float(v) for v in scaled])
            bounds.append(-largest_float_at_most(-factor * bound))
        return np.array(rows).reshape(len(rows), -1), np.array(bounds)

    def contains(self, y: Sequence[Any] | np.ndarray) -> bool:
        """Whether these outputs are in it, exactly."""
        values = [_fraction(v) for v in y]
        return all(self._holds(k, values) for k in range(len(self.rows)))

    def surely_contains(self, low: Sequence[Any] | np.ndarray, high: Sequence[Any] | np.ndarray) -> bool:
        """Whether all outputs between these ends are in it, exactly."""
        for k, row in enumerate(self.rows):
            # The row is greatest at one corner.
            corner = [b if a > 0 else c for a, b, c in zip(row, high, low, strict=True)]
            if not self._holds(k, [_fraction(v) for v in corner]):
                return False
        return True

    def _holds(self, k: int, values: Sequence[Fraction]) -> bool:
        form = sum((a * v for a, v in zip(self.rows[k], values, strict=True) if a), Fraction(0))
        return form <= self.bounds[k] and not (form == self.bounds[k] and k in self.strict)


@dataclass(frozen=True)
class Property:
    """The outputs that are not allowed: those of any of the conjunctions."""

    conjunctions: tuple[Conjunction, ...]

    def contains(self, y: Sequence[Any] | np.ndarray) -> bool:
        """Whether these outputs are not allowed, exactly."""
        return any(one.contains(y) for one in self.conjunctions)

    def surely_contains(self, low: Sequence[Any] | np.ndarray, high: Sequence[Any] | np.ndarray) -> bool:
        """Whether all outputs between these ends are in one of the conjunctions, exactly."""
        return any(one.surely_contains(low, high) for one in self.conjunctions)


@dataclass(frozen=True)
class Case:
    """A region, and what its outputs must not be."""

    region: Region
    violated: Property


@dataclass(frozen=True)
class Specification:
    """What a VNN-LIB file asks: whether there is an input of the region of a case whose outputs are not allowed there.

    Attributes:
        inputs: number of inputs.
        outputs: number of outputs.
        cases: without any, the answer is no (unsat).
    """

    inputs: int
    outputs: int
    cases: tuple[Case, ...] = field(repr=False)

    def is_witness(self, x: Sequence[Any] | np.ndarray, y: Sequence[Any] | np.ndarray) -> bool:
        """Whether the input is in the region of a case and these outputs are not allowed there, exactly."""
        return any(case.region.contains(x) and case.violated.contains(y) for case in self.cases)


def margin_property(label: int, outputs: int, threshold: Fraction | float = 0) -> Property:
    """The outputs whose margin for a label is at most a threshold; at 0, a tie is an error.

    Args:
        label: -1 or +1 for one output, else the number of an output.
        outputs: how many there are.
        threshold: exactly this number.

    Raises:
        ValueError: for another label.
    """
    if label not in ((-1, 1) if outputs == 1 else range(outputs)):
        raise ValueError(f"a label must be -1 or 1 for one output, else the number of an output, got {label!r}")
    bound = Fraction(threshold)
    forms = margin_forms(label, outputs).tolist()
    return Property(tuple(Conjunction((tuple(map(Fraction, form)),), (bound,)) for form in forms))


def box_region(low: Float[np.ndarray, " d"], high: Float[np.ndarray, " d"]) -> Region:
    """The closed box between two corners."""
    return Region(tuple(map(Fraction, low.tolist())), tuple(map(Fraction, high.tolist())))


def _fraction(value: Any) -> Fraction:
    return value if isinstance(value, Fraction) else Fraction(value.item() if isinstance(value, np.generic) else value)


def _is_float(value: Fraction) -> bool:
    return abs(value) <= _GREATEST and Fraction(float(value)) == value


def _common(row: Sequence[Fraction]) -> Fraction:
    """The least number that makes all entries whole."""
    return Fraction(math.lcm(*(v.denominator for v in row)))


def _shown(row: Sequence[Fraction]) -> str:
    return ", ".join(str(v) for v in row if v)[:120]
