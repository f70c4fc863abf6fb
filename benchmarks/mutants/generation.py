"""The mutants of a file: one change each, by cosmic-ray's operators and our own, where a claim can rest on it."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Module
from parso.tree import NodeOrLeaf

from benchmarks.mutants.operators import ConditionFalse, DropCall, DropOperand, DropStatement, NotCaught, SwapName

# Of each operator's many replacements those that a slip of the pen would make; the others fail at once.
CORE = [
    *("ReplaceBinaryOperator_" + pair for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul")),
    *("ReplaceBinaryOperator_" + pair for pair in ("FloorDiv_Mul", "Mod_Mul", "LShift_RShift", "RShift_LShift")),
    *("ReplaceBinaryOperator_" + pair for pair in ("BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitAnd")),
    *("ReplaceComparisonOperator_" + pair for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *("ReplaceComparisonOperator_" + pair for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *("ReplaceUnaryOperator_" + change for change in ("USub_UAdd", "Delete_Not", "Delete_Invert")),
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("NumberReplacer", "ZeroIterationForLoop"),
]
OWN = (SwapName, DropOperand, DropCall, DropStatement, ConditionFalse, NotCaught)
OPERATORS: dict[str, type[Operator]] = {name: OperatorProvider()[name] for name in CORE} | {
    kind.__name__: kind for kind in OWN
}
# What no claim rests on: the text of a refusal, and what only a type checker reads.
_UNTESTED = ("raise_stmt", "decorator", "import_name", "import_from")


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        module: path of the file from the root of the project.
        definition: the function or class that is changed, with what it is in; `<module>` outside of all.
        before, after: the lines that differ, joined.
        nth: number among the mutants with the same text, from 0.
        lines: first and last line of the statement, down to the change.
        text: the whole file, changed.
    """

    module: str
    operator: str
    definition: str
    before: str
    after: str
    nth: int
    lines: tuple[int, int]
    text: str

    @property
    def key(self) -> str:
        """What stays when other lines move."""
        return f"{self.module}::{self.definition}: {self.before} -> {self.numbered_after}"

    @property
    def numbered_after(self) -> str:
        """The lines after the change, and which of the same ones it is."""
        return f"{self.after} [{self.nth}]" if self.nth else self.after


def check_operators() -> None:
    """Our own operators do what their examples say.

    Raises:
        RuntimeError: if one does not.
    """
    for kind in OWN:
        for example in kind.examples():
            found = MutationVisitor.mutate_code(example.pre_mutation_code, kind(), example.occurrence)
            if found != example.post_mutation_code:
                raise RuntimeError(f"{kind.__name__} makes {found!r} of {example.pre_mutation_code!r}")


def mutants(root: Path, module: str) -> list[Mutant]:
    """All mutants of a file that compile, each text once."""
    source = (root / module).read_text(encoding="utf-8")
    tree = parso.parse(source)
    seen, count = {source}, Counter[str]()
    found = []
    for name, text, definition, lines in _changes(tree):
        if text in seen or not _compiles(text):
            continue
        seen.add(text)
        before, after = _difference(source, text)
        key = f"{definition}: {before} -> {after}"
        found.append(Mutant(module, name, definition, before, after, count[key], lines, text))
        count[key] += 1
    return found


def sample(found: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """A sample by the seed and the mutants' own text alone: that others come or go changes little."""
    return sorted(found, key=lambda mutant: hashlib.sha256(f"{seed} {mutant.key}".encode()).digest())[:size]


def _changes(tree: Module) -> Iterator[tuple[str, str, str, tuple[int, int]]]:
    """Operator, whole text, definition and lines; one statement of the module at a time is parsed, which is quick."""
    texts = [child.get_code() for child in tree.children]
    for number, text in enumerate(texts):
        offset = sum(other.count("\n") for other in texts[:number])
        for name, kind in OPERATORS.items():
            operator = kind()
            places = [
                (node, end) for node in ast_nodes(parso.parse(text)) for _, end in operator.mutation_positions(node)
            ]
            for occurrence, (node, end) in enumerate(places):
                if not _is_tested(node):
                    continue
                changed = MutationVisitor.mutate_code(text, operator, occurrence)
                first, last = _statement(node, end[0])
                whole = "".join([*texts[:number], changed, *texts[number + 1 :]])
                yield name, whole, _definition(node), (first + offset, last + offset)


def _is_tested(node: NodeOrLeaf) -> bool:
    while (parent := node.parent) is not None:
        children = parent.children
        annotates = (
            (parent.type == "annassign" and node is children[1])
            or (parent.type == "tfpdef" and node is children[2])
            or (parent.type == "funcdef" and node is parent.annotation)
        )
        if annotates or parent.type in _UNTESTED:
            return False
        if parent.type == "expr_stmt" and children[0].get_code().strip() == "__all__":
            return False
        node = parent
    return True


def _statement(node: NodeOrLeaf, end: int) -> tuple[int, int]:
    """Lines of the simple statement around a node; of a compound statement only down to the change."""
    while node.parent is not None and node.parent.type not in ("suite", "file_input", "simple_stmt"):
        node = node.parent
    return node.start_pos[0], max(end, node.end_pos[0]) if node.parent.type == "simple_stmt" else end


def _definition(node: NodeOrLeaf) -> str:
    names = []
    while (node := node.parent) is not None:
        if node.type in ("funcdef", "classdef"):
            names.append(node.name.value)
    return ".".join(reversed(names)) or "<module>"


def _compiles(text: str) -> bool:
    try:
        compile(text, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _difference(source: str, text: str) -> tuple[str, str]:
    """The lines that differ, stripped and joined, of both."""
    old, new = source.split("\n"), text.split("\n")
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    before, after = (" ".join(line.strip() for line in lines) for lines in (old, new))
    return before, after
