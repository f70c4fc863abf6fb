"""What breaks a printed form, with the arguments to run it and the numbers to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

Relation: TypeAlias = Literal["<", "<=", "=", ">=", ">"]


class Side(NamedTuple):
    """One side of what the printed form says.

    Attributes:
        words: what it is.
        at: where what the witness returns has its number, such as "bounds.lower"; or the number.
    """

    words: str
    at: str | float


@dataclass(frozen=True)
class Witness:
    """A function whose result breaks a printed form: `left relation right`, as printed, is false of it.

    Attributes:
        name: dotted name of the function.
        arguments: to call it with.
        left, right: the two sides.
        relation: that the printed form says they have.
    """

    name: str
    arguments: Mapping[str, float] = field(hash=False)
    left: Side
    relation: Relation
    right: Side

    def __str__(self) -> str:
        return f"{self.name}({self._given})"

    @property
    def snippet(self) -> str:
        """A program without input: it runs the function, and prints both sides and whether they are as printed."""
        module, _, function = self.name.rpartition(".")
        relation = "==" if self.relation == "=" else self.relation
        return (
            f"from {module} import {function}\n\n"
            f"found = {function}({self._given})\n"
            f"left, right = {_read(self.left)}, {_read(self.right)}\n"
            f'print(left, "{self.relation}", right, "is", left {relation} right)\n'
        )

    @property
    def _given(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.arguments.items())


def _read(side: Side) -> str:
    """The expression for what a side has its number from."""
    if not isinstance(side.at, str):
        return repr(side.at)
    steps = [f"[{step}]" if step.isdigit() else f".{step}" for step in side.at.split(".") if step]
    return "found" + "".join(steps)
