"""Every witness of the ledger and of the later versions, run as the ledger says, contradicts the printed form."""

from dataclasses import replace

import pytest

from theory.ledger.contradiction import contradiction
from theory.ledger.ledger import LATER, LEDGER, Side, resolve

WITNESSES = {entry.id: entry.witness for entry in (*LEDGER.values(), *LATER.values()) if entry.witness}


@pytest.mark.parametrize("statement_id", WITNESSES)
def test_the_printed_form_is_false_of_what_the_witness_returns(statement_id: str) -> None:
    found = contradiction(WITNESSES[statement_id], resolve)
    assert not found.printed_form_holds
    assert f"{WITNESSES[statement_id].relation} " in str(found)
    assert str(found).endswith("is false")


@pytest.mark.parametrize("statement_id", WITNESSES)
def test_a_harmless_number_is_noticed(statement_id: str) -> None:
    """With the right side where the printed form wants it, the same witness shows nothing."""
    witness = WITNESSES[statement_id]
    wanted = {"<": 1e9, "<=": 1e9, ">=": -1e9, ">": -1e9, "=": contradiction(witness, resolve).left}[witness.relation]
    found = contradiction(replace(witness, right=Side("", wanted)), resolve)
    assert found.printed_form_holds
    assert str(found).endswith("is true")


def test_the_numbers_are_those_of_the_result() -> None:
    found = contradiction(WITNESSES["theorem-6.3"], resolve)
    assert (found.left, found.right) == (found.found.left, found.found.right)
    assert found.numbers["left"] == f"{found.found.left:.6g}"
    found = contradiction(WITNESSES["theorem-5.1"], resolve)
    assert "points" not in found.numbers, "too long"
    # A probability that float64 hardly tells from 0.
    assert contradiction(WITNESSES["theorem-6.2"], resolve).numbers["failure"] == "less than 1e-300"


def test_the_equal_sizes_are_those_of_a_robust_classifier() -> None:
    """Both sides are one number; what makes it a witness is that its classifier is robust."""
    found = contradiction(WITNESSES["complexity-ordering"], resolve)
    assert found.found.robust_error == 0.0
    assert replace(found.found, radius=0.5).robust_error == 1.0


def test_the_witness_of_theorem_3_5_has_error_0_only_as_one_class() -> None:
    sized = contradiction(WITNESSES["theorem-3.5"], resolve).found
    assert sized.robust_error == 0.0
    assert replace(sized, labels=-sized.labels).robust_error == 1.0
