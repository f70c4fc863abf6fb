"""VNN-LIB files: properties of networks, read and written.

Version 1.0 (what VNN-COMP's files are in) is read here; 2.0 by the package vnnlib, whose version 1.0.2 does not read
1.0. Numbers are the exact values of their decimals.
"""

import gzip
import os
import re
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from constructions.exchange.optional import optional
from constructions.exchange.properties import Case, Conjunction, Property, Region, Specification
from constructions.exchange.vnnlib_terms import Term, Variables, shown, specification
from constructions.networks.whole_file import write_whole

LIMIT = 200_000
_DEPTH = 200
_COMMENT, _TOKEN = re.compile(r";[^\n]*"), re.compile(r"[()]|[^\s()]+")
_NAME = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})")
# Commands of SMT-LIB that say nothing about the network.
_IDLE = {"set-logic", "set-info", "set-option", "check-sat", "get-model", "exit"}


def read_vnnlib(path: str | os.PathLike[str], *, limit: int = LIMIT) -> Specification:
    """A VNN-LIB file, 1.0 or 2.0, plain or gzipped.

    Read are declarations of real inputs `X_0, …` and outputs `Y_0, …` (2.0: one network with one input and one output,
    whose entries are numbered in C order), and assertions made of `and`, `or` and comparisons: bounds of single inputs,
    and affine forms of outputs. Their disjunctive normal form is sorted into boxes; an empty box is no case, and bounds
    are exact. A strict comparison is kept: a proof may take it for `<=`, a witness may not.

    Args:
        path: of the file.
        limit: how many conjunctions the disjunctive normal form may have.

    Raises:
        ValueError: if the file is damaged, an input has no lower or upper bound, a variable is not declared, inputs and
            outputs, or several inputs, stand in one comparison, or the normal form is too long.
        FileNotFoundError: if there is no file.
        ImportError: for a file of version 2.0 without the package vnnlib.
    """
    content = Path(path).read_bytes()
    try:
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        # Editors of Windows put a mark before the first line.
        text = content.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be UTF-8 text, gzipped or not: {error}") from error
    return parse_vnnlib(text, name=os.fspath(path), limit=limit)


def parse_vnnlib(text: str, *, name: str = "the property", limit: int = LIMIT) -> Specification:
    """The text of a VNN-LIB file; see `read_vnnlib`."""
    try:
        words = _COMMENT.sub("", text)
        if re.match(r"\s*\(\s*vnnlib-version", words):
            return specification(*_second_version(text), limit)
        return specification(*_first_version(words), limit)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def write_vnnlib(
    path: str | os.PathLike[str], region: Region, violated: Property, *, version: str = "1.0", comment: str = ""
) -> None:
    """Write one case as a VNN-LIB file, all of it or nothing.

    Args:
        path: of the file.
        region: of the inputs.
        violated: the outputs that are not allowed.
        version: "1.0" or "2.0".
        comment: for the head of the file.

    Raises:
        ValueError: for another version, no conjunction, or a number that is no finite decimal, such as 1/3.
    """
    write_specification(path, [Case(region, violated)], version=version, comment=comment)


def write_specification(
    path: str | os.PathLike[str], cases: Sequence[Case], *, version: str = "1.0", comment: str = ""
) -> None:
    """The same for several cases, a disjunction of boxes each with its own outputs; read back, they are equal."""
    if version not in ("1.0", "2.0"):
        raise ValueError(f'the version of VNN-LIB must be "1.0" or "2.0", got {version!r}')
    if not cases or any(not case.violated.conjunctions for case in cases):
        raise ValueError("a VNN-LIB file needs cases with at least one conjunction each, got none")
    inputs, outputs = cases[0].region.inputs, _outputs(cases[0].violated)
    if any(case.region.inputs != inputs or _outputs(case.violated) != outputs for case in cases):
        raise ValueError("cases of one file must have as many inputs and as many outputs")
    first = version == "1.0"
    x, y = ("X_{}", "Y_{}") if first else ("X[{}]", "Y[{}]")
    lines = [f"; {line}" for line in comment.splitlines()]
    if first:
        lines += [f"(declare-const {name.format(k)} Real)" for name, n in ((x, inputs), (y, outputs)) for k in range(n)]
    else:
        lines += ["(vnnlib-version <2.0>)", "(declare-network f"]
        lines += [f"  (declare-input X real [{inputs}])", f"  (declare-output Y real [{outputs}])", ")"]
    if len(cases) == 1:
        lines += [f"(assert {row})" for row in _box(cases[0].region, x)]
        parts = [_rows(one, y) for one in cases[0].violated.conjunctions]
    else:
        parts = [_box(case.region, x) + _rows(one, y) for case in cases for one in case.violated.conjunctions]
    if len(parts) == 1:
        lines += [f"(assert {row})" for row in parts[0]]
    else:
        lines += ["(assert (or", *(f"  {_joined(rows)}" for rows in parts), "))"]
    write_whole(path, "\n".join(lines) + "\n")


def decimal(value: Fraction) -> str:
    """A number as a decimal without exponent, exactly.

    Raises:
        ValueError: if it has none.
    """
    digits, rest = 0, value.denominator
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        digits = max(digits, count)
    if rest != 1:
        raise ValueError(f"a VNN-LIB file holds finite decimals, got {value}: round it, outward for a region")
    digits = max(1, digits)
    whole = str(abs(int(value * 10**digits))).rjust(digits + 1, "0")
    return f"{'-' if value < 0 else ''}{whole[:-digits]}.{whole[-digits:]}"


def _outputs(violated: Property) -> int:
    found = {len(row) for one in violated.conjunctions for row in one.rows}
    if len(found) != 1:
        raise ValueError(f"conjunctions must have rows for as many outputs each, got {sorted(found)}")
    return found.pop()


def _box(region: Region, name: str) -> list[str]:
    rows = []
    for k, (low, high) in enumerate(zip(region.low, region.high, strict=True)):
        rows.append(f"({'>' if k in region.open_low else '>='} {name.format(k)} {decimal(low)})")
        rows.append(f"({'<' if k in region.open_high else '<='} {name.format(k)} {decimal(high)})")
    return rows


def _rows(one: Conjunction, name: str) -> list[str]:
    """Rows in the forms that all tools read where there is one: a bound of an output, or two outputs compared."""
    lines = []
    for k, (row, bound) in enumerate(zip(one.rows, one.bounds, strict=True)):
        less, greater = ("<", ">") if k in one.strict else ("<=", ">=")
        read = [(name.format(j), a) for j, a in enumerate(row) if a]
        signs = sorted((a, j) for j, a in read)
        if [a for a, _ in signs] == [-1, 1] and bound == 0:
            lines.append(f"({less} {signs[1][1]} {signs[0][1]})")
        elif len(read) == 1 and abs(read[0][1]) == 1:
            ((output, a),) = read
            lines.append(f"({less if a > 0 else greater} {output} {decimal(bound * a)})")
        else:
            terms = [f"(* {decimal(a)} {output})" for output, a in read] or [decimal(Fraction(0))]
            form = terms[0] if len(terms) == 1 else f"(+ {' '.join(terms)})"
            lines.append(f"({less} {form} {decimal(bound)})")
    return lines


def _joined(rows: list[str]) -> str:
    return rows[0] if len(rows) == 1 else f"(and {' '.join(rows)})"


def _parsed(text: str) -> list[Term]:
    """The terms of a text without comments, with brackets as lists."""
    stack: list[list[Term]] = [[]]
    for word in _TOKEN.findall(text):
        if word == "(":
            stack.append([])
            if len(stack) > _DEPTH:
                raise ValueError(f"brackets may be nested {_DEPTH} deep, got more")
        elif word == ")":
            if len(stack) == 1:
                raise ValueError("brackets must be closed once each, got one too many: the file is damaged")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    if len(stack) > 1:
        raise ValueError(f"brackets must be closed, got {len(stack) - 1} that are not: the file is cut off")
    return stack[0]


def _first_version(text: str) -> tuple[Variables, list[Term]]:
    numbers: dict[str, list[int]] = {"X": [], "Y": []}
    assertions = []
    for command in _parsed(text):
        match command:
            case ["declare-const", str(name), "Real"] | ["declare-fun", str(name), [], "Real"]:
                found = _NAME.fullmatch(name)
                if not found:
                    raise ValueError(f"variables must be named X_0, …, Y_0, …, got {name}")
                numbers[found[1]].append(int(found[2]))
            case ["assert", term]:
                assertions.append(term)
            case [str(name), *_] if name in _IDLE:
                pass
            case _:
                raise ValueError(
                    f"a VNN-LIB 1.0 file holds (declare-const … Real) and (assert …), got {shown(command)}"
                )
    for letter, given in numbers.items():
        if sorted(given) != list(range(len(given))) or not given:
            raise ValueError(f"{letter}_0, {letter}_1, … must be declared once each, got {len(given)} declarations")
    names = [tuple(f"{letter}_{k}" for k in range(len(given))) for letter, given in numbers.items()]
    return Variables(*names), assertions


def _second_version(text: str) -> tuple[Variables, list[Term]]:
    library = optional("vnnlib")
    try:
        query = library.parse_query_string(text)
    except library.VNNLibException as error:
        raise ValueError(f"the package vnnlib does not read this file: {' '.join(str(error).split())[:300]}") from error
    if len(query.networks) != 1 or len(query.networks[0].inputs) != 1 or len(query.networks[0].outputs) != 1:
        raise ValueError("the file must be about one network of one input and one output")
    network = query.networks[0]
    if network.hidden:
        raise ValueError("hidden nodes of a network are no part of a property here: ask for its outputs")
    names = []
    for letter, one in (("X", network.inputs[0]), ("Y", network.outputs[0])):
        size = 1
        for length in one.shape:
            size *= length
        names.append(tuple(f"{letter}_{k}" for k in range(size)))
    return Variables(*names), [_term(one.expr, library, 0) for one in query.assertions]


def _term(node: Any, library: Any, depth: int) -> Term:
    """A node of the package's syntax tree as a term; literals as they are written."""
    if depth > _DEPTH:
        raise ValueError(f"assertions may be nested {_DEPTH} deep, got more")

    def terms(nodes: Sequence[Any]) -> list[Term]:
        return [_term(one, library, depth + 1) for one in nodes]

    operators = {"Plus": "+", "Multiply": "*", "And": "and", "Or": "or", "LessEqual": "<=", "LessThan": "<"}
    operators |= {"GreaterEqual": ">=", "GreaterThan": ">", "Equal": "=", "NotEqual": "!="}
    if isinstance(node, library.Var):
        flat = 0
        for index, size in zip(node.indices, node.shape, strict=True):
            flat = flat * size + index
        return f"{'X' if node.kind == library.SymbolKind.Input else 'Y'}_{flat}"
    if isinstance(node, library.Literal):
        return str(node.lexeme)
    if isinstance(node, library.Negate):
        return ["-", *terms([node.expr])]
    if isinstance(node, library.Minus):
        return ["-", *terms([node.head, *node.rest])]
    operator = operators.get(type(node).__name__)
    if operator is None:
        raise ValueError(f"an assertion must be made of comparisons, and, or, +, - and *, got {type(node).__name__}")
    return [operator, *terms([node.lhs, node.rhs] if isinstance(node, library.Comparison) else node.args)]
