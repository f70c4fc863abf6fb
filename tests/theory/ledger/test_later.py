"""The group of later versions: whole, consistent, beside the ledger and not in it, and said to be read from notes."""

import re
from pathlib import Path

import numpy as np
import pytest

from theory.__main__ import main
from theory.ledger.bound_formulas import compare
from theory.ledger.ledger import LATER, LEDGER, Statement, ledger, resolve, statement

ROOT = Path(__file__).parents[3]
ENTRIES = pytest.mark.parametrize("entry", LATER.values(), ids=LATER)
REFERENCE = re.compile(r"\blater-[a-z]+-(?:\d\.\d|[a-z]+|\d)|\b(?:Theorem|Proposition|Corollary) \d\.\d")
VERDICTS = {
    "later-definition-cgro": "checked",
    "later-lemma-4.5": "repaired",
    "later-theorem-4.4": "repaired",
    "later-theorem-4.7": "checked",
    "later-theorem-5.9": "observed",
    "later-claim-unseen": "repaired",
    "later-table-1": "observed",
    "later-table-2": "observed",
}


def test_the_group_is_beside_the_ledger_and_nothing_of_the_ledger_rests_on_it() -> None:
    assert {name: entry.verdict for name, entry in LATER.items()} == VERDICTS
    assert LATER.keys().isdisjoint(LEDGER)
    assert not {used for entry in LEDGER.values() for used in entry.uses} & LATER.keys()
    assert len(ledger([*LEDGER.values(), *LATER.values()])) == len(LEDGER) + len(LATER)


@ENTRIES
def test_it_says_that_it_is_read_from_notes(entry: Statement) -> None:
    assert "read from notes on the ICML 2025 text, not from the text" in entry.source


@ENTRIES
def test_all_that_it_names_exists(entry: Statement) -> None:
    assert entry.code
    for name in (*entry.code, *(formula.code for formula in entry.formulas)):
        assert callable(resolve(name)), name


@ENTRIES
def test_it_has_a_witness_if_it_fails(entry: Statement) -> None:
    assert (entry.witness is not None) == (entry.verdict == "repaired")


@pytest.mark.parametrize(
    ("name", "formula"), [(entry.id, formula) for entry in LATER.values() for formula in entry.formulas]
)
def test_its_formulas_are_those_of_the_code(name: str, formula) -> None:
    rng = np.random.default_rng(0)
    for _ in range(12):
        found = compare(formula, resolve, rng)
        assert found.agrees, (name, found)


@ENTRIES
def test_what_it_refers_to_is_among_what_it_uses(entry: Statement) -> None:
    both = {**LEDGER, **LATER}
    reached, waiting = set(), list(entry.uses)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += both[name].uses
    text = " ".join((entry.fails, entry.repaired, entry.sharper, *entry.hypotheses))
    named = {name if name.startswith("later") else name.lower().replace(" ", "-") for name in REFERENCE.findall(text)}
    # Theorem 5.9 is one of these versions, not of the paper that is audited.
    named = {name if name in both else f"later-{name}" for name in named}
    assert named - {entry.id} <= reached


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("later-5.9", "later-theorem-5.9"),
        ("later 4.5", "later-lemma-4.5"),
        ("Later Theorem 5.9", "later-theorem-5.9"),
        ("later-definition-cgro", "later-definition-cgro"),
    ],
)
def test_it_is_found_by_its_number(name: str, found: str) -> None:
    assert statement(name) is LATER[found]


@pytest.mark.parametrize("name", ["later-5.8", "later", "later-theorem", "later-1", "5.9"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no statement"):
        statement(name)


def test_it_is_listed_and_shown_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["later"]) == 0
    *lines, empty, totals = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(LATER)
    assert (empty, totals.split(":")[0]) == ("", "8 statements")
    assert main(["later", "5.9"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("later-theorem-5.9: ")
    assert "tests/audit/test_later.py" in shown


def test_the_readme_and_the_changelog_count_it() -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert "Eight statements of its later versions, by Binghui Li and Yuanzhi Li, are a group of their own" in readme
    counts = [list(VERDICTS.values()).count(verdict) for verdict in ("checked", "repaired", "observed")]
    assert (len(LATER), counts) == (8, [2, 3, 3])
    changes = " ".join((ROOT / "CHANGELOG.md").read_text().split())
    assert "two statements checked, three repaired, three observed" in changes
