"""The end of a run on one screen: the numbered items, totals, failures, and where the page is."""

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from audit.rows import FORMS
from audit.words import WHOLE, failures, form_words, title, totals

NUMBERED = re.compile(r"(assumption|corollary|figure|proposition|table|theorem)-[\d.]+")
_MOST_FAILURES = 8
# So that no words are cut: a terminal wraps what is longer than it is wide.
_WIDEST = 400


def numbered(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What the paper numbers, by its own numbers; what is split into parts is one item."""
    return [row for row in rows if NUMBERED.fullmatch(row["statement"])]


def screen(content: Mapping[str, Any], folder: str) -> str:
    """The text of that screen.

    Args:
        content: of the run.
        folder: where its reports are; empty if none were written.
    """
    from rich.console import Console
    from rich.table import Table

    rows, later = content["verdicts"], content["later"]
    table = Table(box=None, pad_edge=False, header_style="")
    for name in ("item", "as printed", "printed form, in this run", "repaired form, or what holds or is measured"):
        table.add_column(name, no_wrap=True)
    for row in numbered(rows):
        table.add_row(title(row["statement"]), row["verdict"], *(form_words(row, form) for form in FORMS))
    shown = StringIO()
    console = Console(file=shown, width=_WIDEST, highlight=False)
    if content["state"] != WHOLE:
        console.print(content["state"], markup=False)
    console.print(table)
    console.print(f"\n{totals(rows)}", markup=False)
    console.print(f"later versions: {totals(later)}", markup=False)
    failed = failures([*rows, *later])
    for name in failed[:_MOST_FAILURES]:
        console.print(f"FAILED {name}", markup=False)
    if len(failed) > _MOST_FAILURES:
        console.print(f"and {len(failed) - _MOST_FAILURES} more, in the page")
    if folder:
        console.print(f"the page: {folder}/index.html; the same as text: {folder}/audit.md", markup=False)
    if content["state"] != WHOLE:
        console.print(content["state"], markup=False)
    return "".join(f"{line.rstrip()}\n" for line in shown.getvalue().splitlines())
