"""Witnesses at work: each is run, and the two sides of the printed form are read off what it returns."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from theory.ledger.bound_formulas import part
from theory.ledger.witness import Side, Witness

_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
# Longer arrays are no numbers to look at.
_MOST_ENTRIES = 8
# The digits of what is smaller say how floats are rounded.
_TINY = 1e-300


@dataclass(frozen=True)
class Contradiction:
    """What a witness found.

    Attributes:
        witness: what was run.
        found: what it returned.
        left, right: the numbers of the two sides.
    """

    witness: Witness
    found: Any
    left: float
    right: float

    @property
    def printed_form_holds(self) -> bool:
        """Whether the two sides have the printed relation after all: then this is no witness."""
        return _HOLDS[self.witness.relation](self.left, self.right)

    def __str__(self) -> str:
        left, relation, right = self.witness.left.words, self.witness.relation, self.witness.right.words
        return (
            f"printed: {left} {relation} {right}; found: {_number(self.left)} {relation} {_number(self.right)} is "
            f"{'true' if self.printed_form_holds else 'false'}"
        )

    @property
    def numbers(self) -> dict[str, str]:
        """The numbers and short arrays among the fields of what was returned."""
        if not is_dataclass(self.found):
            return {"value": _number(self.found)}
        values = {field.name: getattr(self.found, field.name) for field in fields(self.found)}
        return {name: _number(value) for name, value in values.items() if _is_short(value)}


def contradiction(witness: Witness, resolve: Callable[[str], Any]) -> Contradiction:
    """Runs the witness with its arguments.

    Args:
        witness: of the ledger.
        resolve: from a dotted name to the function, such as `theory.ledger.ledger.resolve`.
    """
    found = resolve(witness.name)(**witness.arguments)
    return Contradiction(witness, found, _at(found, witness.left), _at(found, witness.right))


def _at(found: Any, side: Side) -> Any:
    return part(found, side.at) if isinstance(side.at, str) else side.at


def _is_short(value: Any) -> bool:
    if isinstance(value, int | float):
        return True
    return hasattr(value, "tolist") and 0 < value.size <= _MOST_ENTRIES


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value.tolist() if hasattr(value, "tolist") else value)
    if 0 < value < _TINY:
        return f"less than {_TINY:g}"
    return f"{value:.6g}"
