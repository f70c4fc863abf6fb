"""A small run of its own: what is counted, what is refused, and the reports that it writes."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit.words import form_words, state_of

ROOT = Path(__file__).parents[2]

SUITE = """
import time
import pytest
from hypothesis import given, strategies as st

@pytest.mark.statement("theorem-3.3", form="printed")
def test_witness(record):
    record("figure", "jump.png")
    row = ["flat inside", "9.1", "8 to 10", "> 7", "reproduced"]
    record("measured", {"name": "figure1-a", "seeds": 3, "command": "python -m a", "rows": [row]})
    # The other worker is quicker with what comes later.
    time.sleep(1)

@pytest.mark.statement("theorem-3.3", form="repaired")
@given(st.integers())
def test_property(k):
    assert k == k

@pytest.mark.statement("corollary-3.4", form="repaired")
def test_broken():
    assert False

@pytest.mark.statement("theorem-6.2", form="repaired")
def test_skipped():
    pytest.skip("needs more")

@pytest.mark.statement("theorem-6.2", form="repaired")
def test_later(record):
    other = {"differs": ["another attack", "two seeds"]}
    record("measured", {"name": "figure1-b", "seeds": 3, "command": "python -m b", "rows": [], **other})

def test_of_no_statement():
    pass
"""


def run(folder: Path, suite: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "test_small.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), "-q"]
    command += ["-p", "no:cacheprovider", "-o", f"pythonpath={ROOT}", "-o", "testpaths=.", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_report_says_what_the_tests_did(tmp_path: Path, workers: list[str]) -> None:
    report = tmp_path / "report"
    answer = run(tmp_path, SUITE, "-m", "statement", "--audit", str(report), *workers)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    written = json.loads((report / "audit.json").read_text())
    rows = {row["statement"]: row for row in written["verdicts"]}
    one = {"planned": 1, "run": 1, "passed": 1, "failed": 0, "skipped": 0}
    assert rows["theorem-3.3"]["counts"]["printed"] == {**one, "examples": 1}
    assert rows["theorem-3.3"]["counts"]["repaired"].items() >= one.items()
    assert rows["theorem-3.3"]["figures"] == ["jump.png"]
    assert [result["name"] for result in written["measured"]] == ["figure1-a", "figure1-b"]
    text = (report / "audit.md").read_text()
    assert "measured anew by `python -m a`" in text
    assert "by `python -m b`. Not as in today's preset: another attack; two seeds." in text
    assert text.count("Not as in today's preset") == 1
    assert "| flat inside | 9.1 | 8 to 10 | > 7 | reproduced |" in text
    # One for the witness, and the examples that Hypothesis really ran.
    assert 2 < rows["theorem-3.3"]["examples"] <= 26
    assert rows["theorem-3.3"]["counts"]["printed"]["examples"] == 1
    assert form_words(rows["corollary-3.4"], "repaired") == "1 FAILED: did not hold"
    assert form_words(rows["theorem-6.2"], "repaired") == "held in 1 test; 1 skipped"
    assert form_words(rows["theorem-5.1"], "repaired") == "no test in this run"
    assert "![jump.png](jump.png)" in text
    assert "47 statements: 15 checked" in text
    assert "| corollary-3.4 | repaired | no test in this run | repaired form: 1 FAILED: did not hold |" in text
    # The last screen: the numbered items, what failed, and where the page is.
    for words in ("Theorem 3.3      repaired    broken by 1 test", "47 statements: 15 checked", f"{report}/index.html"):
        assert words in answer.stdout
    assert answer.stdout.count("FAILED test_small.py::test_broken") >= 1
    assert len(answer.stdout.partition("as printed")[2].partition("short test summary")[0].splitlines()) <= 24
    # Nearly no statement has a test here.
    assert written["state"] == "PARTIAL: for 44 statements there was no test in this run"
    assert "INTERRUPTED" not in answer.stdout + text
    header = written["run"]
    assert header["planned"] == header["done"] == 5
    assert header["seconds"] > 0
    assert header["commit"]
    assert header["seed"] == "drawn anew by each test"
    assert re.search(r"robust-memorization .+, \d{4}-\d\d-\d\dT.+ s on .+; Python 3\.\d+\.\d+, numpy \d", text)


def test_the_report_carries_all_that_the_ledger_says(tmp_path: Path) -> None:
    from theory import LATER, LEDGER

    run(tmp_path, SUITE, "-m", "statement", "--audit", str(tmp_path / "report"))
    content = json.loads((tmp_path / "report" / "audit.json").read_text())
    rows = content["verdicts"]
    text = (tmp_path / "report" / "audit.md").read_text()
    named = {row["statement"]: row for row in rows}
    for row in rows:
        entry = LEDGER[row["statement"]]
        fields = row["fields"]
        assert fields["printed"] == entry.printed
        assert fields["why it fails"] == entry.fails
        assert fields["source"] == entry.source
        assert entry.repaired in fields.values()
        assert fields["uses"] == ", ".join(entry.uses)
        assert fields["code"] == ", ".join(entry.code)
        assert fields["hypotheses"] == "; ".join(entry.hypotheses)
        assert fields["remarks"] == "\n".join(map(str, entry.remarks))
        assert fields["witness"] == (str(entry.witness) if entry.witness else "")
        assert all(value.replace("\n", "; ") in text for value in fields.values())
        assert (row["witness"] or {}).get("snippet") == (entry.witness.snippet if entry.witness else None)
    from theory.ledger.proofs import own_proofs, proved

    for name, proofs in proved(own_proofs()).items():
        for proof in proofs:
            assert f"Proved, {proof.form}: `{proof.theorem}`, {proof.at}, on " in text
            assert f"```coq\n{proof.coq}\n```" in text
            assert name not in LEDGER or proof.theorem in {shown["theorem"] for shown in named[name]["proofs"]}
    tests = {row["statement"]: row["tests"] for row in rows}
    assert [test[:3] for test in tests["theorem-3.3"]] == [
        ["printed", "test_small.py::test_witness", "passed"],
        ["repaired", "test_small.py::test_property", "passed"],
    ]
    assert "- repaired form, FAILED: `test_small.py::test_broken`" in text
    assert "- printed form, breaks it: `test_small.py::test_witness`" in text
    # Later versions stand behind, and are not counted.
    assert [row["statement"] for row in content["later"]] == list(LATER)
    assert text.index("## Statements") < text.index("## Later versions") < text.index("### later-theorem-5.9")
    assert tests["theorem-5.1"] == []


@pytest.mark.parametrize(
    ("fault", "options"),
    [("assert False", ["-x"]), ("assert False", ["-x", "-n", "2"]), ("raise KeyboardInterrupt", [])],
)
def test_a_run_that_is_cut_off_says_so_first(tmp_path: Path, fault: str, options: list[str]) -> None:
    suite, report = SUITE.replace("assert False", fault), tmp_path / "report"
    answer = run(tmp_path, suite, "-m", "statement", "--audit", str(report), *options)
    said = re.compile(r"INTERRUPTED after \d of 5 tests")
    first = {path.name: path.read_text().splitlines()[0] for path in report.iterdir()}
    assert first.keys() == {"audit.md", "audit.json", "index.html"}
    assert all(said.search(line) for line in first.values()), first
    assert said.search(answer.stdout)
    rows = {row["statement"]: row for row in json.loads((report / "audit.json").read_text())["verdicts"]}
    assert "0 of 2 tests" in form_words(rows["theorem-6.2"], "repaired") or "1 of 2 run" in form_words(
        rows["theorem-6.2"], "repaired"
    )


def test_a_limited_run_says_to_what(tmp_path: Path) -> None:
    run(tmp_path, SUITE, "-m", "statement", "--audit", str(tmp_path / "report"), "-k", "witness or skipped")
    state = json.loads((tmp_path / "report" / "audit.json").read_text())["state"]
    assert state == "PARTIAL: only the tests of -k witness or skipped were run, 2 of them"


@pytest.mark.parametrize("option", ["--ignore=test_z.py", "--ignore-glob=*z.py"])
def test_a_run_that_leaves_files_out_is_limited(tmp_path: Path, option: str) -> None:
    suite = "import pytest\n\n@pytest.mark.statement('theorem-3.3', form='printed')\ndef test_it():\n    pass\n"
    (tmp_path / "test_z.py").write_text(suite)
    run(tmp_path, suite, "-m", "statement", "--audit", str(tmp_path / "report"), option)
    state = json.loads((tmp_path / "report" / "audit.json").read_text())["state"]
    assert re.match("PARTIAL: only the tests of all but .*z.py were run, 1 of them", state)


def test_a_run_in_a_folder_of_tests_is_limited_to_it(tmp_path: Path) -> None:
    """From there pytest does not read which folders hold tests."""
    suite = "import pytest\n\n@pytest.mark.statement('theorem-3.3', form='printed')\ndef test_it():\n    pass\n"
    run(tmp_path, suite, "-m", "statement", "--audit", str(tmp_path / "report"), "-o", "testpaths=")
    state = json.loads((tmp_path / "report" / "audit.json").read_text())["state"]
    assert state.startswith(f"PARTIAL: only the tests of {tmp_path}")


def test_the_report_of_an_earlier_run_is_gone_while_one_runs(tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.mkdir()
    for name in ("audit.md", "index.html"):
        (report / name).write_text("whole")
    seen = 'def test_broken():\n    from pathlib import Path\n    assert not list(Path("report").glob("audit.*"))\n'
    suite = SUITE.replace("def test_broken():\n    assert False\n", seen)
    run(tmp_path, suite, "-m", "statement", "--audit", str(report))
    rows = {row["statement"]: row for row in json.loads((report / "audit.json").read_text())["verdicts"]}
    assert rows["corollary-3.4"]["counts"]["repaired"]["passed"] == 1


@pytest.mark.parametrize(
    ("done", "facts", "state"),
    [
        (5, {}, "whole"),
        (4, {}, "INTERRUPTED after 4 of 5 tests"),
        (5, {"interrupted": True}, "INTERRUPTED after 5 of 5 tests"),
        (5, {"selected": "-k x"}, "PARTIAL: only the tests of -k x"),
        (5, {"untested": 1}, "PARTIAL: for 1 statement"),
        (5, {"skipped": 1}, "PARTIAL: 1 of 5 tests skipped"),
    ],
)
def test_only_a_whole_run_is_called_whole(done: int, facts: dict[str, Any], state: str) -> None:
    settings = {"interrupted": False, "selected": "", "untested": 0, "skipped": 0, **facts}
    assert state_of(done, 5, **settings).startswith(state)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('("theorem-9.9", form="repaired")', "no statement 'theorem-9.9'"),
        ('("theorem-3.3")', 'form="printed"'),
        ('("theorem-3.3", form="proved")', 'form="printed"'),
    ],
)
def test_a_wrong_marker_is_refused(tmp_path: Path, marker: str, message: str) -> None:
    answer = run(tmp_path, f"import pytest\n\n@pytest.mark.statement{marker}\ndef test_it():\n    pass\n")
    assert answer.returncode != 0
    assert message in answer.stdout + answer.stderr
