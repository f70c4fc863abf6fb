"""A run that never was, of every statement: what the reports draw."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from audit.facts import facts
from audit.report import content_of, write
from audit.rows import FORMS, Marks, Outcome
from theory import LATER, LEDGER, Statement

FIGURES = {"theorem-3.3": "coefficient.png", "figure-1": "figure1-digits-small.png", "theorem-3.5": "sizes.png"}
RUN = {
    "data": "digits all",
    "points": 1797,
    "p": "inf",
    "radius": 0.1,
    "separation": 0.4375,
    "n_small": 1411,
    "nonzero": 125_295,
    "coefficient": 1.04,
    "certified": 1797,
    "seconds": 0.5,
}
MEASURED = {
    "name": "figure1-digits-small",
    "seeds": 3,
    "command": "python -m empirics figure1 --dataset digits --preset small",
    "rows": [["flat inside", "9.1", "8 to 10", "> 7", "reproduced"]],
}
SIZES = {
    "words": "All points of a sample.",
    "rows": [
        {"construction": "shared", "nonzero": 5, "general": 6, "over": 0.3, "certified": None, "executed": 5},
    ],
}


def outcomes() -> tuple[list[Outcome], dict[str, Marks]]:
    """Two tests a form, and a witness where there is one; with the marks of each."""
    found = [outcome for entry in (*LEDGER.values(), *LATER.values()) for outcome in _of(entry)]
    return found, {outcome.name: outcome.statements for outcome in found}


def _of(entry: Statement) -> list[Outcome]:
    found = []
    for line, form in enumerate(FORMS):
        for case in ("a", "b"):
            name = f"tests/test_{entry.id}.py::test_{form}[{case}]"
            figures = (FIGURES[entry.id],) if entry.id in FIGURES and form == "repaired" else ()
            found.append(Outcome(name, "passed", 0.25, [(entry.id, form)], line, 1_000, figures))
    if entry.witness:
        output = f"1 {entry.witness.relation} 2 is False, for {entry.id}\n"
        records: Mapping[str, Any] = {"witness": [{"output": output, "numbers": {"point": "0.375"}}]}
        name = f"tests/test_witnesses.py::test_it[{entry.id}]"
        found.append(Outcome(name, "passed", 0.1, [(entry.id, "printed")], 0, 1, (), records))
    if entry.id == "theorem-3.3":
        beside = {"run": [RUN], "measured": [MEASURED], "parameters": [SIZES]}
        found.append(Outcome("tests/test_data.py::test_it", "passed", 2.0, [(entry.id, "repaired")], 0, 9, (), beside))
    return found


def content(done: list[Outcome], planned: dict[str, Marks], **changes: Any) -> dict[str, Any]:
    """As it is stored; changes of what is said of the run as a whole."""
    settings = {"number": len(planned), "interrupted": False, "selected": "", **changes}
    return content_of(done, planned, facts(0.0, "pytest -m statement --audit=report", "0"), **settings)


def write_made_up(folder: Path, made: dict[str, Any]) -> Path:
    """The reports of a made-up run, with figures of one colour."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FIGURES.values():
        Image.new("RGB", (640, 480), "lightsteelblue").save(folder / name)
    write(folder, made)
    return folder
