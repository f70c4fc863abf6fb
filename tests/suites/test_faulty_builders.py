"""`pytest --memorizer` run for real: it passes the right builder and names what is wrong with five others."""

import subprocess
import sys

import pytest

from tests.suites.suite_runs import ROOT, failures


def test_the_right_builder_passes() -> None:
    assert failures("--memorizer", "tests.suites.faulty_builders:right") == set()


@pytest.mark.parametrize(
    ("builder", "caught_by"),
    [
        ("radius_too_small", "test_radius_is_reached"),
        ("ramp_too_wide", "test_ramp_ends_within_the_shell"),
        ("sign_flipped", "test_every_point_has_its_label"),
        ("point_forgotten", "test_no_point_is_forgotten"),
        ("lock_too_weak", "test_clean_classifier_is_locked_out_of_the_balls"),
    ],
)
def test_every_fault_is_caught_by_a_test_that_names_it(builder: str, caught_by: str) -> None:
    assert caught_by in failures("--memorizer", f"tests.suites.faulty_builders:{builder}", caught_by)


def test_a_builder_that_cannot_be_imported_is_named() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--memorizer", "nowhere:build"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "nowhere:build" in run.stdout + run.stderr
