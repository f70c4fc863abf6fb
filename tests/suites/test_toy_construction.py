"""Adding a construction is one module and one entry: shown on a toy, whose wrong relatives the suite refuses."""

import inspect
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import ENTRIES, parameter_report
from constructions.suite import CheckFailed, Claims, checks_of
from tests.suites import faulty_constructions, toy_construction
from tests.suites.toy_construction import ENTRY, toy_memorizer

POINTS = np.random.default_rng(0).random((12, 2))
LABELS = ["a", "b", "c"] * 4


def test_a_toy_takes_less_than_forty_lines() -> None:
    source = inspect.getsource(toy_construction)
    assert len([line for line in source.splitlines() if line.strip()]) < 40


def test_a_toy_has_a_size_and_a_certificate() -> None:
    built = toy_memorizer(POINTS, LABELS, radius=0.004)
    assert built.size.nonzero == built.size.formula_nonzero == 12 * (6 * 2 + 2)
    for arithmetic in ("reals", "float64", "float32", "rational"):
        assert built.certify(arithmetic).certified.all()


def test_a_toy_is_a_row_of_the_comparison(tmp_path: Path) -> None:
    report = parameter_report(POINTS, LABELS, radius=0.004, p=math.inf, entries=(*ENTRIES, ENTRY))
    row = report.base("boxes")
    assert (row.nonzero, row.certified, row.executed, row.built) == (168, 12, 12, True)
    assert "boxes" in list(report.table()[0].columns[0].cells)
    assert {e.axis for e in report.exponents if e.construction == "boxes"} >= {"rho"}
    report.figure(tmp_path / "figure.svg")
    # matplotlib writes the text of a legend as a comment beside its outlines.
    assert "<!-- boxes -->" in (tmp_path / "figure.svg").read_text()


def failures(builder: Any) -> set[str]:
    found = set()
    for check in checks_of(builder, claims=Claims(contract=True), max_examples=10):
        try:
            check()
        except CheckFailed:
            found.add(check.name)
    return found


def test_a_toy_passes_the_suite() -> None:
    assert failures(toy_memorizer) == set()


@pytest.mark.parametrize(
    ("name", "caught_by"),
    [
        ("remembers", {"network_of_now_is_certified", "task_of_now_is_certified"}),
        ("ignores_the_task", {"task_of_now_is_certified"}),
        ("ignores_the_arithmetic", {"certificates_say_what_they_speak_of", "saved_network_is_the_same"}),
        ("miscounts", {"count_is_exact"}),
        ("forgets_labels", {"labels_are_those_that_were_given"}),
        ("smaller_balls", {"every_ball_is_certified"}),
        ("believes_anything", {"what_has_no_room_is_refused"}),
    ],
)
def test_every_fault_is_caught_by_a_check_that_names_it(name: str, caught_by: set[str]) -> None:
    assert caught_by <= failures(getattr(faulty_constructions, name))
