"""A run, from what its tests did to the folder that a reader opens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.markdown import markdown
from audit.page import write_page
from audit.rows import Marks, Outcome, rows, theorems_about_code
from audit.stored import save
from audit.tables import smallest
from audit.words import state_of
from theory import LATER, LEDGER


def content_of(
    outcomes: Sequence[Outcome],
    planned: Mapping[str, Marks],
    facts: Mapping[str, Any],
    *,
    number: int,
    interrupted: bool,
    selected: str,
) -> dict[str, Any]:
    """All that is known of a run, as it is stored.

    Args:
        outcomes: of the tests that were run, in any order.
        planned: the marks of every test that the run set out to do, by its name.
        facts: of the run, as `audit.facts.facts` has them.
        number: of tests that the run set out to do, with those of no statement.
        interrupted: whether it was stopped.
        selected: what it was limited to; empty for all.
    """
    # Parallel workers end in any order.
    ordered = sorted(outcomes, key=lambda outcome: (outcome.name.partition("::")[0], outcome.line, outcome.name))
    named = {name for marks in planned.values() for name, _ in marks}
    untested = len(LEDGER.keys() - named)
    skipped = sum(outcome.outcome == "skipped" for outcome in ordered)
    state = state_of(
        len(ordered), number, interrupted=interrupted, selected=selected, untested=untested, skipped=skipped
    )
    return {
        "state": state,
        "run": {**facts, "planned": number, "done": len(ordered)},
        "verdicts": rows(LEDGER, ordered, planned),
        "later": rows(LATER, ordered, planned),
        "runs": recorded(ordered, "run"),
        "parameters": recorded(ordered, "parameters"),
        "measured": recorded(ordered, "measured"),
        "smallest": smallest(),
        "proofs": theorems_about_code(),
    }


def recorded(outcomes: Sequence[Outcome], wanted: str) -> list[Any]:
    """What tests handed over by this name, in the order of the tests."""
    return [value for outcome in outcomes for value in outcome.records.get(wanted, [])]


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """`audit.json`, and the same to be read: `audit.md` and `index.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    save(folder, content)
    (folder / "audit.md").write_text(markdown(content), encoding="utf-8")
    write_page(folder, content)
