"""The verdict table of a small run of its own: what it counts, what it refuses, and the report it writes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
    record("measured", {"name": "figure1-b", "seeds": 3, "command": "python -m b", "rows": []})

def test_of_no_statement():
    pass
"""


def run(folder: Path, suite: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "test_small.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), "-q"]
    command += ["-p", "no:cacheprovider", "-o", f"pythonpath={ROOT}", *options, str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_report_says_what_the_tests_did(tmp_path: Path, workers: list[str]) -> None:
    report = tmp_path / "report"
    answer = run(tmp_path, SUITE, "-m", "statement", "--audit", str(report), *workers)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    written = json.loads((report / "audit.json").read_text())
    rows = {row["statement"]: row for row in written["verdicts"]}
    assert rows["theorem-3.3"]["printed"] == "1 passed"
    assert rows["theorem-3.3"]["repaired"] == "1 passed"
    assert rows["theorem-3.3"]["figures"] == ["jump.png"]
    assert [result["name"] for result in written["measured"]] == ["figure1-a", "figure1-b"]
    assert "made again by: python -m a" in answer.stdout
    assert "| flat inside | 9.1 | 8 to 10 | > 7 | reproduced |" in (report / "audit.md").read_text()
    # One for the witness, and the examples that Hypothesis really ran.
    assert 2 < rows["theorem-3.3"]["examples"] <= 26
    assert rows["corollary-3.4"]["repaired"] == "1 FAILED"
    assert rows["theorem-6.2"]["repaired"] == "1 passed, 1 skipped"
    assert rows["theorem-5.1"]["repaired"] == "not checked"
    assert "1 FAILED" in answer.stdout
    assert "assumption-6.1-verification" in answer.stdout, "an id is cut off"
    text = (report / "audit.md").read_text()
    assert "| corollary-3.4 | repaired | not checked | 1 FAILED |" in text
    assert "![jump.png](jump.png)" in text
    assert "47 statements: 15 checked" in text
    assert "47 statements: 15 checked" in answer.stdout
    assert text.startswith("# Audit")
    assert "INTERRUPTED" not in answer.stdout + text
    header = written["run"]
    assert header["interrupted"] == ""
    assert header["seconds"] > 0
    assert re.search(r"robust-memorization .+, \d{4}-\d\d-\d\dT.+ s, Python 3\.\d+\.\d+, numpy \d", text)


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
    from theory.ledger.proofs import own_proofs, proved

    for name, proofs in proved(own_proofs()).items():
        for proof in proofs:
            assert f"Proved, {proof.form}: `{proof.theorem}`, {proof.at}, on " in text
            assert f"```coq\n{proof.coq}\n```" in text
            assert name not in LEDGER or proof.theorem in {shown["theorem"] for shown in named[name]["proofs"]}
    tests = {row["statement"]: row["tests"] for row in rows}
    assert tests["theorem-3.3"] == [
        ["printed", "test_small.py::test_witness", "passed"],
        ["repaired", "test_small.py::test_property", "passed"],
    ]
    assert "- repaired form, failed: `test_small.py::test_broken`" in text
    # Later versions stand behind, and are not counted.
    assert [row["statement"] for row in content["later"]] == list(LATER)
    assert text.index("## Statements") < text.index("## Later versions") < text.index("### later-theorem-5.9")
    assert tests["theorem-5.1"] == []


@pytest.mark.parametrize(
    ("fault", "options"),
    [("assert False", ["-x"]), ("assert False", ["-x", "-n", "2"]), ("raise KeyboardInterrupt", [])],
)
def test_a_run_that_is_cut_off_says_so_first(tmp_path: Path, fault: str, options: list[str]) -> None:
    suite = SUITE.replace("assert False", fault)
    run(tmp_path, suite, "-m", "statement", "--audit", str(tmp_path / "report"), *options)
    first = (tmp_path / "report" / "audit.md").read_text().splitlines()[0]
    assert re.match(r"\*\*INTERRUPTED after \d of 5 tests", first)
    written = json.loads((tmp_path / "report" / "audit.json").read_text())
    assert written["run"]["interrupted"] in first


def test_only_a_whole_run_is_called_whole() -> None:
    from tests.verdicts import interruption

    assert interruption(5, 5, 0) == interruption(5, 5, 1) == ""
    assert interruption(4, 5, 1).startswith("INTERRUPTED after 4 of 5 tests")
    assert interruption(5, 5, 2).startswith("INTERRUPTED after 5 of 5 tests")


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
