"""The terms of a VNN-LIB file: assertions as a disjunction of boxes with conjunctions of output rows.

A *term* is a name, a number as text, or a list of an operator and terms. Assertions are conjoined, brought into
disjunctive normal form and sorted into bounds of inputs and rows of outputs. Numbers stay exact.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias

from constructions.exchange.properties import Case, Conjunction, Property, Region, Specification

# A list holds terms again.
Term: TypeAlias = str | list[Any]

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_DIGITS, _DEPTH = 5_000, 200
_COMPARISONS = {"<=": (1, False), "<": (1, True), ">=": (-1, False), ">": (-1, True)}


@dataclass(frozen=True)
class _Row:
    """`Σ coefficients · variables <= bound`, or `<`."""

    coefficients: Mapping[str, Fraction]
    bound: Fraction
    strict: bool


@dataclass(frozen=True)
class Variables:
    """Names of the inputs and outputs, in their order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def number(text: str) -> Fraction | None:
    """The exact value of a decimal number, or None for other text.

    Raises:
        ValueError: for more digits than a number may have.
    """
    if not _NUMBER.fullmatch(text):
        return None
    if len(text) > _DIGITS:
        raise ValueError(f"a number may have {_DIGITS} digits, got one of {len(text)}")
    return Fraction(text)


def specification(variables: Variables, assertions: list[Term], limit: int) -> Specification:
    """What the assertions ask together.

    Args:
        variables: all that may occur.
        assertions: terms of truth values.
        limit: of conjunctions in the disjunctive normal form.

    Raises:
        ValueError: for what is no disjunction of boxes and rows of outputs, which is named.
    """
    known = {*variables.inputs, *variables.outputs}
    clauses: list[tuple[_Row, ...]] = [()]
    # Single rows first, that they need not be repeated; the order is kept among them.
    forms = [_clauses(one, known, limit, 0) for one in assertions]
    common = tuple(row for form in forms if len(form) == 1 for row in form[0])
    for form in (form for form in forms if len(form) != 1):
        clauses = _conjoined([clauses, form], limit)
    where = {name: k for k, name in enumerate((*variables.inputs, *variables.outputs))}
    base = _Sorted({}, {}, [], True).extended(common, where, len(variables.inputs))
    cases: dict[Region, list[Conjunction]] = {}
    for clause in clauses:
        case = base.extended(clause, where, len(variables.inputs))
        if case.possible and (region := _region(case, variables)) is not None:
            cases.setdefault(region, []).append(_conjunction(case, variables))
    found = tuple(Case(region, Property(tuple(dict.fromkeys(rows)))) for region, rows in cases.items())
    return Specification(len(variables.inputs), len(variables.outputs), found)


@dataclass(frozen=True)
class _Sorted:
    """Greatest lower and least upper bounds of inputs (with whether they are strict), rows of outputs."""

    low: Mapping[int, tuple[Fraction, bool]]
    high: Mapping[int, tuple[Fraction, bool]]
    rows: list[_Row]
    possible: bool

    def extended(self, rows: tuple[_Row, ...], where: Mapping[str, int], inputs: int) -> "_Sorted":
        low, high, kept, possible = dict(self.low), dict(self.high), list(self.rows), self.possible
        for row in rows:
            read = {name: a for name, a in row.coefficients.items() if a}
            places = [where[name] for name in read]
            if not read:
                possible &= row.bound > 0 or (row.bound == 0 and not row.strict)
            elif min(places) >= inputs:
                kept.append(row)
            elif max(places) >= inputs:
                raise ValueError(f"a row must be of outputs only or of one input, got {', '.join(read)} in one")
            elif len(places) > 1:
                raise ValueError(f"inputs must be bounded one by one (a box), got {', '.join(read)} in one row")
            else:
                (k,), (a,) = places, read.values()
                end = (row.bound / a, row.strict)
                if a > 0:
                    high[k] = min(high.get(k, end), end, key=lambda one: (one[0], not one[1]))
                else:
                    low[k] = max(low.get(k, end), end, key=lambda one: (one[0], one[1]))
        return _Sorted(low, high, kept, possible)


def _region(case: _Sorted, variables: Variables) -> Region | None:
    """The box; None if it has no points."""
    for k, name in enumerate(variables.inputs):
        for bound, side in ((case.low, "lower"), (case.high, "upper")):
            if k not in bound:
                raise ValueError(f"each input needs a lower and an upper bound, got no {side} one of {name}")
    inputs = range(len(variables.inputs))
    low, high = [case.low[k] for k in inputs], [case.high[k] for k in inputs]
    if any(a > b or (a == b and (s or t)) for (a, s), (b, t) in zip(low, high, strict=True)):
        return None
    return Region(
        tuple(value for value, _ in low),
        tuple(value for value, _ in high),
        frozenset(k for k in inputs if low[k][1]),
        frozenset(k for k in inputs if high[k][1]),
    )


def _conjunction(case: _Sorted, variables: Variables) -> Conjunction:
    rows = tuple(tuple(row.coefficients.get(name, Fraction(0)) for name in variables.outputs) for row in case.rows)
    strict = frozenset(k for k, row in enumerate(case.rows) if row.strict)
    return Conjunction(rows, tuple(row.bound for row in case.rows), strict)


def _clauses(term: Term, known: set[str], limit: int, depth: int) -> list[tuple[_Row, ...]]:
    """The disjunctive normal form of a term: a list of conjunctions of rows."""
    if depth > _DEPTH:
        raise ValueError(f"assertions may be nested {_DEPTH} deep, got more")
    if isinstance(term, str) or not term or not isinstance(term[0], str):
        raise ValueError(f"an assertion must be a comparison, and, or or, got {shown(term)}")
    operator, *rest = term
    if operator == "and":
        return _conjoined([_clauses(one, known, limit, depth + 1) for one in rest], limit)
    if operator == "or":
        found = [clause for one in rest for clause in _clauses(one, known, limit, depth + 1)]
        return _within(found, limit)
    if operator in _COMPARISONS or operator == "=":
        if len(rest) < 2:
            raise ValueError(f"a comparison needs two sides, got {shown(term)}")
        sides = [_linear(one, known, 0) for one in rest]
        return [tuple(row for pair in pairwise(sides) for row in _compared(str(operator), *pair))]
    raise ValueError(f"an assertion must be a comparison (<=, <, >=, >, =), and, or or, got {operator}")


def _conjoined(forms: list[list[tuple[_Row, ...]]], limit: int) -> list[tuple[_Row, ...]]:
    result: list[tuple[_Row, ...]] = [()]
    # Those of one conjunction first: all others repeat them.
    for form in sorted(forms, key=lambda form: len(form) != 1):
        if len(result) * len(form) > limit:
            _within(list(range(len(result) * len(form))), limit)
        result = [(*clause, *more) for clause in result for more in form]
    return result


def _within(found: list[Any], limit: int) -> list[Any]:
    if len(found) > limit:
        raise ValueError(
            f"the disjunctive normal form may have {limit:,} conjunctions, got {len(found):,}: give a larger limit, or "
            "split the file"
        )
    return found


def _compared(operator: str, left: Mapping[str, Fraction], right: Mapping[str, Fraction]) -> Iterator[_Row]:
    signs = [(1, False), (-1, False)] if operator == "=" else [_COMPARISONS[operator]]
    for sign, strict in signs:
        form = {name: sign * (left.get(name, 0) - right.get(name, 0)) for name in dict.fromkeys((*left, *right))}
        bound = -form.pop("", Fraction(0))
        yield _Row({name: Fraction(a) for name, a in form.items()}, Fraction(bound), strict)


def _linear(term: Term, known: set[str], depth: int) -> dict[str, Fraction]:
    """Coefficients of the variables, that of the constant under the empty name."""
    if depth > _DEPTH:
        raise ValueError(f"terms may be nested {_DEPTH} deep, got more")
    if isinstance(term, str):
        value = number(term)
        if value is None and term not in known:
            raise ValueError(f"a variable must be declared before it is used, got {shown(term)}")
        return {term: Fraction(1)} if value is None else {"": value}
    if len(term) < 2 or not isinstance(term[0], str) or term[0] not in ("+", "-", "*", "/"):
        raise ValueError(f"a term must be a sum, a difference or a product with a constant, got {shown(term)}")
    parts = [_linear(one, known, depth + 1) for one in term[1:]]
    if term[0] in ("*", "/"):
        return _product(term, parts)
    signs = [-1] if len(parts) == 1 and term[0] == "-" else [1, *([1 if term[0] == "+" else -1] * (len(parts) - 1))]
    result: dict[str, Fraction] = {}
    for sign, part in zip(signs, parts, strict=True):
        for name, a in part.items():
            result[name] = result.get(name, Fraction(0)) + sign * a
    return result


def _product(term: Term, parts: list[dict[str, Fraction]]) -> dict[str, Fraction]:
    constants = [part.get("", Fraction(0)) if not set(part) - {""} else None for part in parts]
    forms = [part for part, constant in zip(parts, constants, strict=True) if constant is None]
    if len(forms) > 1 or (term[0] == "/" and (None in constants[1:] or 0 in constants[1:])):
        raise ValueError(f"a product must have one factor that is no constant, and no divisor 0, got {shown(term)}")
    factor = Fraction(1)
    for k, constant in enumerate(constants):
        if constant is not None:
            factor = factor / constant if k and term[0] == "/" else factor * constant
    return {name: factor * a for name, a in (forms[0] if forms else {"": Fraction(1)}).items()}


def shown(term: Term) -> str:
    """A term as it stands in a file, cut off after a few words."""
    text = (
        term if isinstance(term, str) else "(" + " ".join(map(shown, term[:4])) + ("" if len(term) < 5 else " …") + ")"
    )
    return text if len(text) <= 60 else text[:59] + "…"
