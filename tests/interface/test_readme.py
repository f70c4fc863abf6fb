"""Every example of the README runs and prints what the README shows."""

import doctest
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def commands() -> list[tuple[str, str]]:
    """Commands of the console blocks with what they print; `make …` stands for this run itself."""
    found = []
    for kind, text in BLOCKS:
        if kind == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                if not command.startswith("make "):
                    found.append((command, output))
    return found


def test_there_are_examples() -> None:
    assert len(commands()) >= 3
    assert any(">>>" in text for kind, text in BLOCKS if kind == "python")
    assert {"make audit", "make test"} <= set(re.findall(r"^\$ (make \w+)", README, flags=re.MULTILINE))


def test_python_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "\n".join(text for kind, text in BLOCKS if kind == "python")
    test = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    assert result.attempted > 5
    assert result.failed == 0, "".join(report)


@pytest.mark.parametrize(("command", "output"), commands())
def test_console_examples(command: str, output: str, tmp_path: Path) -> None:
    words = command.split()
    assert words[0] in ("python", "pytest"), command
    # Written files and folders go to a temporary folder; the rest is read from the project's.
    words = [str(tmp_path / word) if word.endswith((".npz", ".json", "/")) else word for word in words[1:]]
    module = ["-m", "pytest", "-p", "no:cacheprovider"] if command.startswith("pytest") else []
    environment = os.environ | {"COLUMNS": "80", "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        [sys.executable, *module, *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    printed = answer.stdout + (answer.stderr if "error: " in answer.stderr else "")
    printed = printed.replace(f"{tmp_path}{os.sep}", "")
    assert doctest.OutputChecker().check_output(output, printed, FLAGS), printed


def test_the_table_of_rivals_is_the_measured_one() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "rivals.json").read_text())["rows"]
    shown = [
        line.strip("| ").split(" | ") for line in README.splitlines() if line.startswith("| p") or "shared f" in line
    ]
    rows = [cells for cells in shown if len(cells) == 5]
    assert len(rows) == len(measured) == 4
    for cells, row in zip(rows, measured, strict=True):
        assert cells[0] == row["construction"]
        assert int(cells[1]) == row["dimension"]
        assert cells[2] == f"{row['non-zeros / n d']:.4g}"
        assert cells[3] == f"{row['no zeros in the data']:.4g}"
        assert row["certified"] == row["as executed"]
        assert cells[4] == (f"{row['certified']} of 5000" if row["certified"] else "–")


def test_a_wrong_number_would_be_noticed() -> None:
    """The planted fault: the comparison above is not so loose that it accepts another count."""
    checker = doctest.OutputChecker()
    command, output = commands()[0]
    assert checker.check_output(output, output, FLAGS), command
    digit = re.search(r"\d", output.replace("...", ""))
    assert digit is not None
    changed = re.sub(r"\d", lambda m: str((int(m[0]) + 1) % 10), output, count=1)
    assert not checker.check_output(output, changed, FLAGS)
