"""How well each statement stands after a run, and whether all that it rests on stands as well.

As leanblueprint has it, a status is computed and not typed, and is passed on along the dependencies: a statement that
is proved, on one that is not, is not proved to the ground.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

FAILED, NOT_RUN, PARTLY, TESTED, PROVED = range(5)
NAMES = ("failed", "not-run", "partly-run", "tested", "proved")
_WORDS = (
    "a test of this run failed",
    "no test of it was run",
    "some of its tests were not run",
    "its tests of this run say what the ledger says",
    "its tests of this run say what the ledger says, and coqc has proved a theorem about it",
)
# Nothing is claimed in these that a theorem could prove.
_NO_CLAIM = ("definition", "assumption")


@dataclass(frozen=True)
class Status:
    """Of one statement.

    Attributes:
        own: FAILED, NOT_RUN, PARTLY, TESTED or PROVED, by its own tests and theorems.
        ground: the least of its own and that of all it rests on; definitions and assumptions need no theorem.
    """

    own: int
    ground: int

    @property
    def name(self) -> str:
        """Such as "tested", or "tested-all" where all it rests on is at least as well off."""
        return NAMES[self.own] + ("-all" if self.own >= TESTED and self.ground >= self.own else "")

    @property
    def own_name(self) -> str:
        """By its own tests and theorems alone."""
        return NAMES[self.own].replace("-", " ")

    @property
    def words(self) -> str:
        """The same in a sentence."""
        if self.own < TESTED:
            return _WORDS[self.own]
        if self.ground >= self.own:
            return f"{_WORDS[self.own]}; the same is true of all that it rests on"
        return f"{_WORDS[self.own]}; but not all that it rests on is as well off"


LEGEND = tuple(
    (status.name, status.words)
    for status in (
        *(Status(own, own) for own in (FAILED, NOT_RUN, PARTLY)),
        Status(TESTED, NOT_RUN),
        Status(TESTED, TESTED),
        Status(PROVED, TESTED),
        Status(PROVED, PROVED),
    )
)


def statuses(rows: Iterable[Mapping[str, Any]]) -> dict[str, Status]:
    """The status of each row, by its id."""
    by_id = {row["statement"]: row for row in rows}
    grounds: dict[str, int] = {}
    found = {}
    for name in TopologicalSorter({key: row["uses"] for key, row in by_id.items()}).static_order():
        if name not in by_id:
            # A later version rests on the ledger, which is drawn elsewhere.
            continue
        row = by_id[name]
        own = level(row)
        as_ground = PROVED if own == TESTED and row["kind"] in _NO_CLAIM else own
        below = min((grounds[used] for used in row["uses"] if used in grounds), default=PROVED)
        grounds[name] = min(as_ground, below)
        found[name] = Status(own, min(own, below) if own < PROVED else min(as_ground, below))
    return found


def level(row: Mapping[str, Any]) -> int:
    """By its own tests and theorems."""
    counts = row["counts"].values()
    if any(count["failed"] for count in counts):
        return FAILED
    if not any(count["passed"] for count in counts):
        return NOT_RUN
    if any(count["passed"] < count["planned"] for count in counts):
        return PARTLY
    return PROVED if row["proofs"] else TESTED
