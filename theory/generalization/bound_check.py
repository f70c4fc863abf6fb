"""A measured value beside its bound: a bound that no value can exceed says nothing, and is reported so."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

BoundStatus: TypeAlias = Literal["holds", "vacuous", "violated"]


@dataclass(frozen=True)
class BoundCheck:
    """`value <= bound`, with the largest value there can be.

    Attributes:
        value: what was measured.
        bound: what is claimed to be at least that.
        ceiling: the trivial bound: 1 for a 0-1 error or a gap of two, B for losses in [0, B].

    Raises:
        ValueError: if one of them is NaN, the ceiling is not > 0 or the value exceeds it.
    """

    value: float
    bound: float
    ceiling: float = 1.0

    def __post_init__(self) -> None:
        if math.isnan(self.bound) or not self.ceiling > 0 or not self.value <= self.ceiling:
            raise ValueError(
                f"a bound is checked for numbers with value <= ceiling and ceiling > 0, got value={self.value}, "
                f"bound={self.bound}, ceiling={self.ceiling}"
            )

    @property
    def status(self) -> BoundStatus:
        """ "violated" if the value is larger; else "vacuous" from the ceiling on, "holds" below it."""
        if self.value > self.bound:
            return "violated"
        return "vacuous" if self.bound >= self.ceiling else "holds"

    @property
    def looseness(self) -> float:
        """`bound / value`; ∞ for a value <= 0."""
        return self.bound / self.value if self.value > 0 else math.inf
