"""`python -m theory`: the list, one statement with its witness's numbers, and errors."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from theory import __main__ as command
from theory.__main__ import main
from theory.ledger.ledger import LATER, LEDGER, Statement
from theory.ledger.marked_tests import marked_tests, own_tests

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "theory", *words], cwd=ROOT, capture_output=True, text=True)


def test_all_statements_are_listed_with_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    *lines, empty, totals = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[entry.id, entry.verdict] for entry in LEDGER.values()]
    assert all(line.endswith(entry.title) for line, entry in zip(lines, LEDGER.values(), strict=True))
    assert empty == ""
    numbers = {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", totals)}
    assert numbers.pop("statements") == 47 == sum(numbers.values())
    assert numbers["refuted"] == sum(entry.verdict == "refuted" for entry in LEDGER.values())


@pytest.mark.parametrize("words", [["3.3"], ["theorem-3.3"], ["Theorem 3.3"], ["Theorem", "3.3"]])
def test_one_statement_is_shown_with_what_its_witness_finds(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    text = capsys.readouterr().out
    assert str(LEDGER["theorem-3.3"]) in text
    assert "found: 0.5625 < 0.5 is false" in text
    assert "point 0.375" in text
    assert "repaired: tests/audit/test_theorem_3_3.py" in text


@pytest.mark.parametrize("entry", LEDGER.values(), ids=LEDGER)
def test_every_statement_can_be_shown(entry: Statement, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([entry.id]) == 0
    text = capsys.readouterr().out
    assert text.startswith(entry.heading)
    assert ("found:" in text) == bool(entry.witness)
    assert "is true" not in text


def test_the_command_itself() -> None:
    answer = run("5.9")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("error: the ledger has no statement '5.9'")
    assert answer.stdout == ""
    answer = run("Theorem", "6.3")
    assert answer.returncode == 0, answer.stderr
    assert "found: 1 <= 0.164238 is false" in answer.stdout


def test_the_code_is_summed_up_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--resolve", "claim-standard-bound"]) == 0
    text = capsys.readouterr().out
    assert "theory.generalization.vc.uniform_bound: `√((8/N)(v ln(2eN/v) + ln(4/Δ)))`" in text


def test_without_a_checkout_it_says_how_to_get_the_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "own_tests", lambda: own_tests(tmp_path))
    assert main(["3.3"]) == 0
    assert "pytest -m statement" in capsys.readouterr().out


def test_marks_are_found_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests" / "test_a.py").write_text(
        'import pytest\npytestmark = [pytest.mark.slow, pytest.mark.statement("theorem-a", form="repaired")]\n'
        'def test_a():\n    pass\n@pytest.mark.statement("theorem-b", form="printed")\ndef test_b():\n    pass\n'
    )
    (tmp_path / "tests" / "deep" / "test_b.py").write_text(
        'import pytest\n@pytest.mark.statement("theorem-b", form="repaired")\n@pytest.mark.statement("theorem-a", '
        'form="printed")\ndef test_c(): pass\ntext = \'@pytest.mark.statement("theorem-c", form="printed")\'\n'
    )
    (tmp_path / "tests" / "test_d.py").write_text(
        'import pytest\nnamed = pytest.mark.statement("theorem-d", form="printed")\n@named\ndef test_d(): pass\n'
        "def test_e(): pass\n"
    )
    assert marked_tests(tmp_path / "tests") == {
        "theorem-a": [("printed", "tests/deep/test_b.py::test_c"), ("repaired", "tests/test_a.py")],
        "theorem-b": [("repaired", "tests/deep/test_b.py::test_c"), ("printed", "tests/test_a.py::test_b")],
        "theorem-d": [("printed", "tests/test_d.py::test_d")],
    }


def test_the_marks_of_this_project_name_statements() -> None:
    found = marked_tests(ROOT / "tests")
    assert set(found) <= {*LEDGER, *LATER}
    assert set(LATER) <= set(found)
    # Tests of trained networks are marked by a table of experiments.
    assert {entry.id for entry in LEDGER.values() if entry.verdict != "observed"} <= set(found)
