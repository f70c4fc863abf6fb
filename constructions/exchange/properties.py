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
from jaxtyping import Bool, Float

from constructions.certificates.rational_intervals import largest_float_at_most
from theory.balls.violations import margin_forms

_LARGEST = float(np.finfo(np.float64).max)


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
        (low, low_side), (high, high_side) = self._nearest
        return np.where(low_side > 0, _below(low), low), np.where(high_side < 0, -_below(-high), high)

    @cached_property
    def inward(self) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
        """The greatest box of float64 corners inside the region, but for inputs that are `thin`: these outwards."""
        (low, high), (least, most) = self._strictly_inward, self.outward
        return np.where(self.thin, least, low), np.where(self.thin, most, high)

    @cached_property
    def thin(self) -> Bool[np.ndarray, " d"]:
        """Inputs that have no float64 in the region, such as one that has to be 0.1."""
        low, high = self._strictly_inward
        return np.asarray(~((low <= high) & np.isfinite(low) & np.isfinite(high)))

    def point(self, x: Float[np.ndarray, " d"]) -> tuple[Fraction, ...]:
        """These floats, but at thin inputs the middle of the region, as a decimal unless it is the only value."""
        found = list(map(Fraction, x.tolist()))
        for k in np.flatnonzero(self.thin).tolist():
            found[k] = middle = (self.low[k] + self.high[k]) / 2
            if self.low[k] < self.high[k]:
                # Off by less than a quarter of the range.
                scale = 10 ** len(str(int(2 / (self.high[k] - self.low[k]))))
                found[k] = Fraction(round(middle * scale), scale)
        return tuple(found)

    @cached_property
    def _strictly_inward(self) -> tuple[np.ndarray, np.ndarray]:
        (low, low_side), (high, high_side) = self._nearest
        low_side[[k for k in self.open_low if not low_side[k]]] = -1
        high_side[[k for k in self.open_high if not high_side[k]]] = 1
        return np.where(low_side < 0, -_below(-low), low), np.where(high_side > 0, _below(high), high)

    @property
    def _nearest(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Floats next to the ends, and the signs of what they are above these."""
        low, high = (np.array([_near(v) for v in ends]) for ends in (self.low, self.high))
        return (low[:, 0], low[:, 1]), (high[:, 0], high[:, 1])

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
            some = {k: v for k, v in enumerate(row) if v}
            if not all(map(_is_float, some.values())):
                factor = _common(row)
                some, bound = {k: factor * v for k, v in some.items()}, factor * bound
            if not all(map(_is_float, some.values())):
                raise ValueError(f"coefficients of outputs must be float64 times one number, got {_shown(row)}")
            rows.append(np.zeros(len(row)))
            rows[-1][list(some)] = [float(v) for v in some.values()]
            bounds.append(-largest_float_at_most(-bound))
        return np.array(rows).reshape(len(rows), -1), np.array(bounds)

    def contains(self, y: Sequence[Any] | np.ndarray) -> bool:
        """Whether these outputs are in it, exactly."""
        return self.surely_contains(y, y)

    def surely_contains(self, low: Sequence[Any] | np.ndarray, high: Sequence[Any] | np.ndarray) -> bool:
        """Whether all outputs between these ends are in it, exactly."""
        return all(self._holds(k, _greatest(row, low, high)) for k, row in enumerate(self.rows))

    def surely_excludes(self, low: Sequence[Any] | np.ndarray, high: Sequence[Any] | np.ndarray) -> bool:
        """Whether some row holds of no outputs between these ends, exactly."""
        return any(not self._holds(k, _greatest(row, high, low)) for k, row in enumerate(self.rows))

    def _holds(self, k: int, form: Fraction) -> bool:
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

    def surely_excludes(self, low: Sequence[Any] | np.ndarray, high: Sequence[Any] | np.ndarray) -> bool:
        """Whether each conjunction has a row that holds of no outputs between these ends, exactly."""
        return all(one.surely_excludes(low, high) for one in self.conjunctions)


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


def _greatest(row: Sequence[Fraction], low: Sequence[Any] | np.ndarray, high: Sequence[Any] | np.ndarray) -> Fraction:
    """The greatest value of a row between these ends, met at a corner; its least value with the ends exchanged."""
    ends = zip(row, low, high, strict=True)
    return sum((a * _fraction(c if a > 0 else b) for a, b, c in ends if a), Fraction(0))


def _is_float(value: Fraction) -> bool:
    return not _near(value)[1]


def _near(value: Fraction) -> tuple[float, int]:
    """A finite float beside which there is none nearer on its side of the number, and the sign of what it is above."""
    m, n = value.numerator, value.denominator
    try:
        # Of integers, a quotient is rounded once.
        near = m / n
    except OverflowError:
        return (_LARGEST, -1) if m > 0 else (-_LARGEST, 1)
    a, b = near.as_integer_ratio()
    return near, (a * n > m * b) - (a * n < m * b)


def _below(values: np.ndarray) -> np.ndarray:
    """The next floats below, -∞ below the least."""
    with np.errstate(over="ignore"):
        return np.asarray(np.nextafter(values, -np.inf))


def _common(row: Sequence[Fraction]) -> Fraction:
    """The least number that makes all entries whole."""
    return Fraction(math.lcm(*(v.denominator for v in row)))


def _shown(row: Sequence[Fraction]) -> str:
    return ", ".join(str(v) for v in row if v)[:120]
