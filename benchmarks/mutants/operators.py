"""Changes of the source that cosmic-ray does not make: a term, a condition or a statement is dropped, ends are swapped.

These are the faults of a bound: a slack left out, a hypothesis not checked, rounding to the wrong side.
"""

from collections.abc import Iterable, Iterator

import parso
from cosmic_ray.operators.operator import Example, Operator
from parso.python.tree import Name, PythonBaseNode
from parso.tree import NodeOrLeaf

SWAPS = {
    "min": "max",
    "minimum": "maximum",
    "amin": "amax",
    "floor": "ceil",
    "any": "all",
    "lower": "upper",
    "low": "high",
    "argmin": "argmax",
}
SWAPPED = SWAPS | {there: here for here, there in SWAPS.items()}
# Calls of one argument that is near their value, or of such a first argument.
DROPPED_CALLS = {"nextafter", "abs", "next_up", "next_down"}


class SwapName(Operator):
    """Minimum for maximum, floor for ceiling, any for all, the lower end for the upper one."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if isinstance(node, Name) and node.value in SWAPPED and not _is_bound(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Name, index: int) -> Name:
        node.value = SWAPPED[node.value]
        return node

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("x = min(a, b)", "x = max(a, b)"),)


class DropOperand(Operator):
    """One term of a sum, one factor of a product, one clause of a conjunction or disjunction is left out."""

    KINDS = ("arith_expr", "term", "and_test", "or_test")

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if node.type in self.KINDS:
            for operand in node.children[::2]:
                yield operand.start_pos, operand.end_pos

    def mutate(self, node: PythonBaseNode, index: int) -> NodeOrLeaf:
        # The operator before the operand goes with it; before the first there is none, and the one behind goes.
        first = max(2 * index - 1, 0)
        prefix = node.get_first_leaf().prefix
        sign = "-" if index == 0 and node.children[1].value == "-" else ""
        del node.children[first : first + 2]
        node.children[0].get_first_leaf().prefix = prefix + sign if index == 0 else prefix
        return node

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (
            Example("x = a + b", "x = b"),
            Example("x = a + b", "x = a", occurrence=1),
            Example("x = a - b", "x = -b"),
            Example("x = a and b and c", "x = a and c", occurrence=1),
        )


class DropCall(Operator):
    """The first argument stands for the call."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if self._call(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node: PythonBaseNode, index: int) -> NodeOrLeaf:
        arguments = self._call(node)
        first = arguments.children[0] if arguments.type == "arglist" else arguments
        return _parsed(f"({first.get_code().strip()})", node.get_first_leaf().prefix)

    @staticmethod
    def _call(node: NodeOrLeaf) -> NodeOrLeaf | None:
        """The arguments, if node is one of these calls and nothing more."""
        if node.type not in ("power", "atom_expr") or len(node.children) < 2:
            return None
        *names, trailer = node.children
        name = names[-1].children[-1] if names[-1].type == "trailer" else names[-1]
        called = isinstance(name, Name) and name.value in DROPPED_CALLS
        return trailer.children[1] if called and trailer.type == "trailer" and len(trailer.children) == 3 else None

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("x = math.nextafter(a + b, math.inf)", "x = (a + b)"),)


class DropStatement(Operator):
    """A call for its effect, or a change in place, is left out."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if node.type == "simple_stmt" and self._has_effect(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node: PythonBaseNode, index: int) -> NodeOrLeaf:
        return _parsed("pass\n", node.get_first_leaf().prefix)

    @staticmethod
    def _has_effect(statement: NodeOrLeaf) -> bool:
        if statement.type in ("power", "atom_expr"):
            return bool(statement.children[-1].type == "trailer")
        changed = statement.type == "expr_stmt" and statement.children[1]
        if not changed:
            return False
        in_place = statement.children[0].type in ("power", "atom_expr")
        return bool(changed.type == "operator" and (changed.value != "=" or in_place))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("x += 1\n", "pass\n"), Example("check(x)\n", "pass\n"), Example("x[0] = 1\n", "pass\n"))


class ConditionFalse(Operator):
    """A condition that never holds: what it guards, a refusal for instance, is gone."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if node.type == "if_stmt":
            for condition in self._conditions(node):
                yield condition.start_pos, condition.end_pos

    def mutate(self, node: PythonBaseNode, index: int) -> NodeOrLeaf:
        condition = self._conditions(node)[index]
        node.children[node.children.index(condition)] = _parsed("False", " ")
        return node

    @staticmethod
    def _conditions(node: PythonBaseNode) -> list[NodeOrLeaf]:
        keywords = [i for i, child in enumerate(node.children) if getattr(child, "value", None) in ("if", "elif")]
        return [node.children[i + 1] for i in keywords]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (Example("if not x: pass\nelif y: pass", "if False: pass\nelif y: pass"),)


class NotCaught(Operator):
    """An exception that is named is not caught. cosmic-ray 8.7.0 fails on names with a dot in a tuple."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if node.type == "except_clause":
            for name in self._caught(node):
                yield name.start_pos, name.end_pos

    def mutate(self, node: PythonBaseNode, index: int) -> NodeOrLeaf:
        name = self._caught(node)[index]
        siblings = name.parent.children
        # Nothing here raises it.
        siblings[siblings.index(name)] = _parsed("StopAsyncIteration", name.get_first_leaf().prefix)
        return node

    @staticmethod
    def _caught(clause: PythonBaseNode) -> list[NodeOrLeaf]:
        caught = clause.children[1]
        inside = caught.children[1] if caught.type == "atom" else caught
        return list(inside.children[::2]) if inside.type == "testlist_comp" else [inside]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        return (
            Example("try: f()\nexcept csv.Error: pass", "try: f()\nexcept StopAsyncIteration: pass"),
            Example(
                "try: f()\nexcept (ValueError, csv.Error) as e: pass",
                "try: f()\nexcept (ValueError, StopAsyncIteration) as e: pass",
                occurrence=1,
            ),
        )


def _parsed(text: str, prefix: str) -> NodeOrLeaf:
    """The node of this text, after this space."""
    node = parso.parse(text).children[0]
    node.get_first_leaf().prefix = prefix
    return node


def _is_bound(name: Name) -> bool:
    """A parameter, a keyword or a target, and not a use."""
    parent = name.parent
    if parent.type in ("param", "funcdef", "tfpdef") or (parent.type == "argument" and parent.children[0] is name):
        return bool(parent.type != "argument" or len(parent.children) > 1)
    return bool(name.is_definition())
