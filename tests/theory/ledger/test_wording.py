"""No statement of the ledger changes its wording unless a reviewer accepts it."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.theory.ledger.wording import accepted_wording, difference, pin
from theory.ledger.ledger import LATER, LEDGER, Statement

ACCEPTED = accepted_wording()
ALL = {**LEDGER, **LATER}
SIGNS = "≤≥<>=≠≈≲∈→+-·/^√½¼²³"
CHANGED = re.compile(rf"[{re.escape(SIGNS)}\d]")


@pytest.mark.parametrize("entry", ALL.values(), ids=ALL)
def test_the_wording_is_the_accepted_one(entry: Statement) -> None:
    found = difference(entry, ACCEPTED.get(entry.id))
    assert not found, found


def test_no_wording_is_accepted_of_what_is_no_statement() -> None:
    assert set(ACCEPTED) == set(ALL), "run `python -m tests.theory.ledger.wording`"


def one_sign_changed(text: str) -> Iterator[str]:
    """The text with one relation, operator or digit turned into another, or left out."""
    for found in CHANGED.finditer(text):
        old, at = found.group(), found.start()
        others = "0123456789" if old.isdecimal() else SIGNS
        for new in ("", *others):
            if new != old:
                yield text[:at] + new + text[at + 1 :]


def is_caught(entry: Statement, **changes: str | tuple[str, ...]) -> bool:
    """By the statement itself, or by its wording."""
    try:
        return difference(replace(entry, **changes), ACCEPTED.get(entry.id)) != ""
    except ValueError:
        return True


@pytest.mark.parametrize("entry", ALL.values(), ids=ALL)
def test_every_change_of_one_sign_or_digit_is_caught(entry: Statement) -> None:
    for name in ("printed", "repaired", "sharper", "fails"):
        for text in one_sign_changed(getattr(entry, name)):
            assert is_caught(entry, **{name: text}), text
    for i, hypothesis in enumerate(entry.hypotheses):
        for text in one_sign_changed(hypothesis):
            assert is_caught(entry, hypotheses=(*entry.hypotheses[:i], text, *entry.hypotheses[i + 1 :])), text


def test_the_changes_are_many() -> None:
    assert sum(1 for entry in LEDGER.values() for _ in one_sign_changed(entry.repaired)) > 5000
    assert "gap ≥ 1" in set(one_sign_changed("gap ≤ 1"))


def test_a_hypothesis_that_is_moved_split_or_dropped_is_caught() -> None:
    entry = LEDGER["theorem-6.2"]
    first, *rest = entry.hypotheses
    assert is_caught(entry, hypotheses=tuple(rest))
    assert is_caught(entry, hypotheses=(*rest, first))
    last = entry.hypotheses.index("N ≥ v ≥ 1, 0 < Δ < 1")
    assert is_caught(
        entry, hypotheses=(*entry.hypotheses[:last], "N ≥ v ≥ 1,", "0 < Δ < 1", *entry.hypotheses[last + 1 :])
    )
    assert is_caught(entry, hypotheses=("; ".join(entry.hypotheses),))
    assert is_caught(entry, hypotheses=(), fails=entry.fails + " " + first)


def test_the_message_names_the_statement_the_clause_and_the_way_out() -> None:
    entry = LEDGER["definition-f-adv"]
    assert difference(entry, pin(entry)) == ""
    found = difference(replace(entry, printed=entry.printed + " More."), pin(entry))
    assert found.startswith("definition-f-adv: ")
    assert "now 'printed: More.'" in found
    assert "Check every bound" in found
    assert "`python -m tests.theory.ledger.wording`" in found
    assert "now nothing, accepted a clause of hash" in difference(
        entry, {"wording": "", "clauses": [*pin(entry)["clauses"], "0"]}
    )
    assert "accepted nothing" in difference(entry, None)
