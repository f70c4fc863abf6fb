"""Which columns of a table are features, and which one is the label."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

_NUMBER = re.compile(r"-?[1-9][0-9]{0,8}")
# As pandas names an index that it has written or read as a column.
_INDEX = re.compile(r"|Unnamed: .*|index|level_0")


@dataclass(frozen=True)
class Layout:
    """How a table is to be read; columns by name, or by number from 1, from -1 at the end.

    Attributes:
        label_column: of the labels; None for the last one.
        leave_out: columns that are no features, such as an index or text.
        header: whether the first line of a text file names the columns; None to see.
        drop_missing: whether lines with missing values are left out, and not refused.
    """

    label_column: str | int | None = None
    leave_out: tuple[str | int, ...] = ()
    header: bool | None = None
    drop_missing: bool = False


class LabelledTable(NamedTuple):
    """Points and labels, and a line that says how they were read."""

    points: Float[np.ndarray, "n d"]
    labels: list[Hashable]
    note: str


class Columns(NamedTuple):
    """Places, from 0, in a line of so many fields; all that are neither feature nor label are left out.

    Attributes:
        names: of all columns; None for a table without a header.
        features, label: their places.
    """

    names: tuple[str, ...] | None
    features: tuple[int, ...]
    label: int

    def named(self, place: int) -> str:
        """A column in a message."""
        return f"column {place + 1}" + (f" ({self.names[place]!r})" if self.names else "")

    def note(self, labels: Sequence[Hashable], dropped: int) -> str:
        """What was read, in a line."""
        used = {*self.features, self.label}
        left = [self.named(k) for k in range(self.width) if k not in used]
        parts = [
            f"{len(labels):,} points of {len(self.features):,} features",
            f"{len(set(labels)):,} classes in {self.named(self.label)}",
            "columns by name" if self.names else "no header",
        ]
        parts += [f"left out {', '.join(left)}"] if left else []
        parts += [f"left out {dropped:,} lines with missing values"] if dropped else []
        return "; ".join(parts)

    @property
    def width(self) -> int:
        """Columns of the table, at least to the last one that is used."""
        return len(self.names) if self.names else 1 + max(*self.features, self.label)


def find_columns(layout: Layout, names: Sequence[str] | None, width: int) -> Columns:
    """Label and features among `width` columns.

    Raises:
        ValueError: for a column that is not there or twice, no features, or a feature that is called like an index.
    """
    label = width - 1 if layout.label_column is None else _place(layout.label_column, names, width)
    left = {_place(column, names, width) for column in layout.leave_out}
    if label in left:
        raise ValueError(f"the label must not be left out, got column {label + 1} as both")
    columns = Columns(
        tuple(names) if names else None, tuple(k for k in range(width) if k != label and k not in left), label
    )
    if not columns.features:
        parted = ": fields are parted by commas, semicolons or tabs" if width == 1 else ""
        raise ValueError(f"points must have shape (n, d) with n, d >= 1: there is no column beside the label{parted}")
    if names and layout.label_column is None and _INDEX.fullmatch(names[label]):
        raise ValueError(
            f"{columns.named(label)}, the last, is called as pandas calls an index: say which one has the labels "
            "(--label-column)"
        )
    for k in columns.features:
        if names and _INDEX.fullmatch(names[k]):
            raise ValueError(
                f"{columns.named(k)} is called as pandas calls an index: leave it out (--leave-out {names[k]!r}; "
                "pandas: index=False), or rename a feature of that name"
            )
    return columns


def check_first_column(entries: list[str], columns: Columns) -> None:
    """Refuse a first column, as it is written, that numbers the lines in any order: an index, and no feature."""
    count, entries = len(entries), sorted(entries)
    if count >= 3 and entries in (sorted(map(str, range(count))), sorted(map(str, range(1, count + 1)))):
        name = columns.names[0] if columns.names else 1
        raise ValueError(
            f"{columns.named(0)} numbers the lines: leave an index out (--leave-out {name}; pandas: index=False), or "
            "write a feature of these values with a decimal point"
        )


def _place(column: str | int, names: Sequence[str] | None, width: int) -> int:
    """A name goes before a number: pandas names columns 0, 1, … where nobody has."""
    found = [k for k, name in enumerate(names or ()) if name == column]
    if len(found) > 1:
        raise ValueError(f"columns {found[0] + 1} and {found[1] + 1} are both called {column!r}: give a number")
    if found:
        return found[0]
    number = int(column) if isinstance(column, int) or _NUMBER.fullmatch(column) else 0
    if not 1 <= abs(number) <= width:
        known = f": {', '.join(names[:40])}{', …' if width > 40 else ''}" if names else ", without a header"
        raise ValueError(f"there is no column {column!r}; there are {width}, numbered from 1{known}")
    return number - 1 if number > 0 else width + number
