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
        return f"{self.name}({', '.join(f'{name}={value}' for name, value in self.arguments.items())})"
