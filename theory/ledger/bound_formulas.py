"""Each formula that the ledger quotes, evaluated as it is written and by the function that computes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from theory.ledger.formula import Formula
from theory.ledger.notation import read_formula

TOLERANCE = 1e-12
# Of the formula as written: sympy evaluates with so many digits.
_DIGITS = 40


@dataclass(frozen=True)
class Comparison:
    """A formula at one set of values.

    Attributes:
        values: of the symbols.
        quoted: what the function should return, by the formula as written.
        computed: what it returns.
    """

    values: dict[str, float]
    quoted: float
    computed: float

    @property
    def agrees(self) -> bool:
        """Up to a relative 1e-12."""
        return abs(self.quoted - self.computed) <= TOLERANCE * max(abs(self.quoted), abs(self.computed))


def compare(formula: Formula, resolve: Callable[[str], Any], rng: np.random.Generator) -> Comparison:
    """The formula and its function at values drawn from the ranges.

    Args:
        formula: of the ledger.
        resolve: from a dotted name to the function, such as `theory.ledger.ledger.resolve`.
        rng: of the draw.
    """
    values = {name: _draw(low, high, rng) for name, (low, high) in formula.at.items()}
    # What the function returns may fix some of the symbols, and its arguments may need what the text gives.
    quoted = None if formula.reads else _value(formula.text, values, formula.names)
    known = values if quoted is None else values | {"quoted": quoted}
    arguments = {name: _argument(text, known) for name, text in formula.arguments.items()}
    found = resolve(formula.code)(**arguments)
    values |= {name: getattr(found, attribute) for name, attribute in formula.reads.items()}
    quoted = _value(formula.text, values, formula.names) if quoted is None else quoted
    returned = _value(formula.returns, values | {"quoted": quoted})
    return Comparison(values, float(returned), float(part(found, formula.part)))


def part(found: Any, path: str) -> Any:
    """An attribute or an entry of an object, by a path such as "bounds.lower" or "0"; the object itself if empty."""
    for step in filter(None, path.split(".")):
        found = found[int(step)] if step.isdigit() else getattr(found, step)
    return found


def _draw(low: float, high: float, rng: np.random.Generator) -> float:
    if isinstance(low, int) and isinstance(high, int):
        return int(rng.integers(low, high + 1))
    return float(rng.uniform(low, high))


def _value(text: str, values: dict[str, Any], names: Mapping[str, str] | None = None) -> sympy.Expr:
    """By numbers of many digits, so that nothing is rounded that the function does not round; integers stay exact."""
    return sympy.N(read_formula(text, {name: _number(value) for name, value in values.items()}, names), _DIGITS)


def _number(value: Any) -> sympy.Expr:
    return sympy.Float(value, _DIGITS) if isinstance(value, float) else sympy.sympify(value)


def _argument(text: str, values: dict[str, Any]) -> Any:
    """A parameter: an integer where the value is one, an array where it stands in brackets."""
    if text.startswith("["):
        return np.array([float(_value(text[1:-1], values))])
    value = float(_value(text, values))
    return int(value) if value.is_integer() else value
