"""Every witness of the ledger as a reader runs it: a program that prints why the printed form is false."""

import io
from contextlib import redirect_stdout
from typing import Any

import pytest

from theory import LATER, LEDGER, Statement
from theory.ledger.contradiction import contradiction
from theory.ledger.ledger import resolve

CASES = [
    pytest.param(entry, id=name, marks=pytest.mark.statement(name, form="printed"))
    for name, entry in {**LEDGER, **LATER}.items()
    if entry.witness
]


def printed_by(snippet: str) -> str:
    shown = io.StringIO()
    with redirect_stdout(shown):
        exec(snippet, {})
    return shown.getvalue()


@pytest.mark.parametrize("entry", CASES)
def test_the_program_breaks_the_printed_form(entry: Statement, record: Any) -> None:
    assert entry.witness is not None
    output, found = printed_by(entry.witness.snippet), contradiction(entry.witness, resolve)
    assert output == f"{found.left} {entry.witness.relation} {found.right} is False\n"
    record("witness", {"output": output, "numbers": found.numbers})
