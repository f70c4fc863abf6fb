"""The terms of a VNN-LIB file: assertions as a disjunction of boxes with conjunctions of output rows.

A *term* is a name, a number as text, or a list of an operator and terms. Assertions are conjoined and brought into
disjunctive normal form, sorted into bounds of inputs and rows of outputs. What several conjunctions have in common is
read once and shared: reading takes time and room in proportion to the file and to what it becomes. Numbers stay exact.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any, TypeAlias

from constructions.exchange.properties import Case, Conjunction, Property, Region, Specification

# A list holds terms again.
Term: TypeAlias = str | list[Any]

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_DIGITS, _DEPTH = 5_000, 200
# The signs that turn it into `<=` or `<`, and whether that is strict.
_COMPARISONS: dict[str, tuple[tuple[int, bool], ...]] = {
    **{"<=": ((1, False),), "<": ((1, True),), ">=": ((-1, False),), ">": ((-1, True),)},
    "=": ((1, False), (-1, False)),
}
_ZERO = Fraction(0)

# A bound, and whether it is strict.
_End: TypeAlias = tuple[Fraction, bool]


@dataclass(frozen=True)
class _Row:
    """`Σ coefficients · outputs <= bound`, or `<`; pairs of the number of an output and its coefficient, by number."""

    coefficients: tuple[tuple[int, Fraction], ...]
    bound: Fraction
    strict: bool


@dataclass(frozen=True)
class Variables:
    """Names of the inputs and outputs, in their order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(eq=False)
class _Group:
    """Comparisons that hold together: the tightest bounds of inputs, rows of outputs, and whether none is false."""

    low: dict[int, _End] = field(default_factory=dict)
    high: dict[int, _End] = field(default_factory=dict)
    rows: list[_Row] = field(default_factory=list)
    possible: bool = True

    def bound(self, k: int, end: _End, *, is_upper: bool) -> None:
        """Add a bound of an input."""
        ends = self.high if is_upper else self.low
        ends[k] = _tighter(ends[k], end, is_upper=is_upper) if k in ends else end


# Groups that hold together; one group may be in many conjunctions.
_Clause: TypeAlias = tuple[_Group, ...]


# Of many boxes in one file most ends are the same few.
@lru_cache(2**16)
def number(text: str) -> Fraction | None:
    """The exact value of a decimal number, or None for other text.

    Raises:
        ValueError: for more digits than a number may have.
    """
    if not _NUMBER.fullmatch(text):
        return None
    if len(text) > _DIGITS:
        raise ValueError(f"a number may have {_DIGITS} digits, got one of {len(text)}")
    return Fraction(*Decimal(text).as_integer_ratio())


def specification(variables: Variables, assertions: list[Term], limit: int) -> Specification:
    """What the assertions ask together.

    Args:
        variables: all that may occur.
        assertions: terms of truth values.
        limit: of conjunctions in the disjunctive normal form.

    Raises:
        ValueError: for what is no disjunction of boxes and rows of outputs, which is named.
    """
    form = _NormalForm(variables, limit)
    cases: dict[Region, dict[tuple[_Row, ...], Conjunction]] = {}
    # Of the groups that bound inputs, by what they are; of rows, by which they are.
    regions: dict[tuple[int, ...], dict[tuple[_Row, ...], Conjunction] | None] = {}
    conjunctions: dict[tuple[_Row, ...], Conjunction] = {}
    for clause in form.conjunctions(assertions):
        if not all(group.possible for group in clause):
            continue
        bounding = [group for group in clause if group.low or group.high]
        key = tuple(map(id, bounding))
        if key not in regions:
            region = _region(bounding, variables)
            regions[key] = None if region is None else cases.setdefault(region, {})
        case, rows = regions[key], tuple(chain.from_iterable(group.rows for group in clause))
        if case is not None:
            if rows not in conjunctions:
                conjunctions[rows] = _conjunction(rows, len(variables.outputs))
            case[rows] = conjunctions[rows]
    found = tuple(Case(region, Property(tuple(some.values()))) for region, some in cases.items())
    return Specification(len(variables.inputs), len(variables.outputs), found)


def _region(groups: Sequence[_Group], variables: Variables) -> Region | None:
    """The box; None if it has no points."""
    low, high = dict[int, _End](), dict[int, _End]()
    for group in groups:
        for ends, more, is_upper in ((low, group.low, False), (high, group.high, True)):
            both = {k: _tighter(ends[k], more[k], is_upper=is_upper) for k in ends.keys() & more.keys()}
            ends |= more | both
    inputs = range(len(variables.inputs))
    for ends, side in ((low, "lower"), (high, "upper")):
        if len(ends) < len(inputs):
            name = next(variables.inputs[k] for k in inputs if k not in ends)
            raise ValueError(f"each input needs a lower and an upper bound, got no {side} one of {name}")
    if any(low[k][0] >= high[k][0] and (low[k][0] > high[k][0] or low[k][1] or high[k][1]) for k in inputs):
        return None
    return Region(
        tuple(low[k][0] for k in inputs),
        tuple(high[k][0] for k in inputs),
        frozenset(k for k in inputs if low[k][1]),
        frozenset(k for k in inputs if high[k][1]),
    )


def _tighter(one: _End, other: _End, *, is_upper: bool) -> _End:
    """The bound that allows less: of equal ones the strict one."""
    if one[0] == other[0]:
        return one if one[1] else other
    return one if (one[0] < other[0]) == is_upper else other


def _conjunction(rows: Sequence[_Row], outputs: int) -> Conjunction:
    full = []
    for row in rows:
        entries = [_ZERO] * outputs
        for place, a in row.coefficients:
            entries[place] = a
        full.append(tuple(entries))
    strict = frozenset(k for k, row in enumerate(rows) if row.strict)
    return Conjunction(tuple(full), tuple(row.bound for row in rows), strict)


class _NormalForm:
    """Reads terms into a disjunction of conjunctions."""

    def __init__(self, variables: Variables, limit: int) -> None:
        self.where = {name: k for k, name in enumerate((*variables.inputs, *variables.outputs))}
        self.inputs, self.limit = len(variables.inputs), limit

    def conjunctions(self, terms: Iterable[Term], depth: int = 0) -> list[_Clause]:
        """The disjunctive normal form of all the terms together; what is common to all its conjunctions comes first."""
        common, choices = _Group(), list[list[_Clause]]()
        for one in terms:
            self._conjoin(one, common, choices, depth)
        single = [choice[0] for choice in choices if len(choice) == 1]
        result: list[_Clause] = [(common, *chain.from_iterable(single))]
        for choice in (choice for choice in choices if len(choice) != 1):
            self._check(len(result) * len(choice))
            result = [(*clause, *more) for clause in result for more in choice]
        return result

    def _conjoin(self, term: Term, common: _Group, choices: list[list[_Clause]], depth: int) -> None:
        """Add what holds for sure to the group, and each disjunction to the choices."""
        if depth > _DEPTH:
            raise ValueError(f"assertions may be nested {_DEPTH} deep, got more")
        if isinstance(term, str) or not term or not isinstance(term[0], str):
            raise ValueError(f"an assertion must be a comparison, and, or or, got {shown(term)}")
        operator, *rest = term
        if operator == "and":
            for one in rest:
                self._conjoin(one, common, choices, depth + 1)
        elif operator == "or":
            found = [clause for one in rest for clause in self.conjunctions([one], depth + 1)]
            self._check(len(found))
            choices.append(found)
        elif operator not in _COMPARISONS:
            raise ValueError(f"an assertion must be a comparison (<=, <, >=, >, =), and, or or, got {operator}")
        elif len(rest) < 2:
            raise ValueError(f"a comparison needs two sides, got {shown(term)}")
        elif not self._bounded(operator, rest, common):
            for left, right in pairwise([_linear(one, self.where, 0) for one in rest]):
                self._compared(operator, left, right, common)

    def _bounded(self, operator: str, sides: Sequence[Term], group: _Group) -> bool:
        """Whether it is an input and a number, which most comparisons are; then the bound is added."""
        if len(sides) != 2 or not (isinstance(sides[0], str) and isinstance(sides[1], str)):
            return False
        sign, (name, text) = (1, sides) if sides[0] in self.where else (-1, sides[::-1])
        k = self.where.get(str(name), self.inputs)
        value = number(str(text)) if k < self.inputs else None
        if value is None:
            return False
        for direction, strict in _COMPARISONS[operator]:
            group.bound(k, (value, strict), is_upper=sign * direction > 0)
        return True

    def _compared(
        self, operator: str, left: Mapping[str, Fraction], right: Mapping[str, Fraction], group: _Group
    ) -> None:
        names = [name for name in dict.fromkeys((*left, *right)) if name]
        read = {name: a for name in names if (a := left.get(name, _ZERO) - right.get(name, _ZERO))}
        places, bound = [self.where[name] for name in read], right.get("", _ZERO) - left.get("", _ZERO)
        for sign, strict in _COMPARISONS[operator]:
            if not read:
                group.possible &= sign * bound > 0 or (bound == 0 and not strict)
            elif min(places) >= self.inputs:
                pairs = zip(places, read.values(), strict=True)
                coefficients = tuple(sorted((k - self.inputs, sign * a) for k, a in pairs))
                group.rows.append(_Row(coefficients, sign * bound, strict))
            elif max(places) >= self.inputs:
                raise ValueError(f"a row must be of outputs only or of one input, got {', '.join(read)} in one")
            elif len(places) > 1:
                raise ValueError(f"inputs must be bounded one by one (a box), got {', '.join(read)} in one row")
            else:
                (k,), (a,) = places, read.values()
                group.bound(k, (bound / a, strict), is_upper=sign * a > 0)

    def _check(self, count: int) -> None:
        if count > self.limit:
            raise ValueError(
                f"the disjunctive normal form may have {self.limit:,} conjunctions, got {count:,}: give a larger "
                "limit, or split the file"
            )


def _linear(term: Term, known: Mapping[str, int], depth: int) -> dict[str, Fraction]:
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
