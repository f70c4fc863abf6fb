"""Every example of the two READMEs runs and prints what they show; the README says what the ledger says."""

import doctest
import glob
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from theory import LEDGER, Statement

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = {"README.md": README, "empirics/README.md": (ROOT / "empirics" / "README.md").read_text()}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
LONGEST = 245
# Of what the paper numbers, by its own numbers; what it splits into parts is one item.
NUMBERED = re.compile(r"(assumption|corollary|figure|proposition|table|theorem)-[\d.]+")
# An empirical item has no printed form that fails.
EMPIRICAL = "empirical: it is measured, not proved"


def blocks(kind: str, text: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def console(text: str) -> list[tuple[str, str]]:
    """Commands of the console blocks, each with what it prints; without what is said of them after a #."""
    parts = [part for block in blocks("console", text) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command.split(" #")[0].strip(), output) for command, _, output in (part.partition("\n") for part in parts)]


def shell(text: str) -> list[str]:
    """Commands that take too long for a test: the lines of the sh blocks."""
    lines = [line.split(" #")[0].strip() for block in blocks("sh", text) for line in block.splitlines()]
    return [line for line in lines if line]


def commands(text: str) -> list[str]:
    """All commands that a document names, inline as well."""
    inline = re.findall(r"`((?:make|pip|pytest|python -m) [^`]+)`", text.replace("\n", " "))
    return [*(command for command, _ in console(text)), *shell(text), *inline]


def examples() -> list[tuple[str, str]]:
    """The commands that are run here; `make …` stands for a run like this itself."""
    return [example for text in DOCUMENTS.values() for example in console(text) if not example[0].startswith("make ")]


def exists(command: str) -> bool:
    """Whether there is such a target of make, such a module, or such a thing to install."""
    words = command.split()
    if words[0] == "make":
        return re.search(rf"^{re.escape(words[1])}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE) is not None
    if words[0] == "python":
        name = words[2]
        found = importlib.util.find_spec(name)
        return found is not None and (
            found.submodule_search_locations is None or importlib.util.find_spec(f"{name}.__main__") is not None
        )
    return words[0] == "pytest" or words == ["pip", "install", "."]


def row(entry: Statement) -> str:
    """What the README's table says of a numbered item."""
    reason = entry.fails or EMPIRICAL
    return f"| {entry.id.replace('-', ' ').capitalize()} | {entry.title} | {entry.verdict} | {reason} |"


def numbered() -> list[Statement]:
    return [entry for entry in LEDGER.values() if NUMBERED.fullmatch(entry.id)]


def shown_rows(text: str) -> list[list[str]]:
    """The cells of the table of the numbered items."""
    table = text.partition("## The fifteen numbered items")[2].partition("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LONGEST


def test_there_are_examples() -> None:
    assert len(examples()) >= 3
    assert any(">>>" in block for block in blocks("python", README))
    assert {"make audit", "make test"} <= {command for command, _ in console(README)}
    assert len(shell(DOCUMENTS["empirics/README.md"])) >= 5


def test_python_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks("python", README)), {}, "README.md", "README.md", 0)
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    assert result.attempted > 5
    assert result.failed == 0, "".join(report)


@pytest.mark.parametrize(("command", "output"), examples())
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


@pytest.mark.parametrize("command", shell(DOCUMENTS["empirics/README.md"]))
def test_long_commands_are_understood(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They get as far as the training or the drawing, which are left out here."""
    import empirics.images.experiments.command as program
    from empirics.__main__ import main

    done: list[str] = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(program, "run", lambda *given, **named: done.append("run"))
    monkeypatch.setattr(program, "draw", lambda results, out: [done.append("draw")])
    monkeypatch.setattr(program, "show", lambda result, console: None)
    words = [name for word in command.split()[3:] for name in (sorted(glob.glob(word)) if "*" in word else [word])]
    assert command.startswith("python -m empirics ")
    assert main(words) == 0
    assert done == (["draw"] if "--draw" in words else ["run", "draw"])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_exist(name: str) -> None:
    found = commands(DOCUMENTS[name])
    assert len(found) >= 5
    assert [command for command in found if not exists(command)] == []


@pytest.mark.parametrize("command", ["make tea", "python -m theory.norm", "python -m theory.paper", "pip install it"])
def test_a_command_that_does_not_exist_would_be_noticed(command: str) -> None:
    """The planted fault."""
    assert not exists(command)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_figures_are_there(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", DOCUMENTS[name])
    assert targets
    missing = [t for t in targets if not t.startswith("https://") and not (ROOT / name).parent.joinpath(t).exists()]
    assert missing == []


def test_the_numbered_items_are_shown_with_their_verdicts() -> None:
    assert [cells[:3] for cells in shown_rows(README)] == [
        [entry.id.replace("-", " ").capitalize(), entry.title, entry.verdict] for entry in numbered()
    ]
    assert len(shown_rows(README)) == 15


def test_the_reasons_are_those_of_the_ledger() -> None:
    table = "\n".join(row(entry) for entry in numbered())
    assert table in README, table


@pytest.mark.parametrize("changed", [("repaired |", "checked |"), ("Theorem 6.3 |", "Theorem 6.4 |"), ("size of", "")])
def test_another_verdict_or_title_would_be_noticed(changed: tuple[str, str]) -> None:
    """The planted fault."""
    assert shown_rows(README.replace(*changed)) != shown_rows(README)


def test_the_totals_are_those_of_the_ledger() -> None:
    prose = " ".join(README.replace("**", "").split())
    counts = Counter(entry.verdict for entry in LEDGER.values())
    assert f"each of its {len(LEDGER)} statements" in prose
    assert f"Of {len(LEDGER)} statements {counts['checked']} are checked" in prose
    for verdict in ("repaired", "refuted", "observed"):
        assert f" {counts[verdict]} {verdict} " in prose


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
    command, output = next(example for example in examples() if example[0].startswith("python -m constructions"))
    assert checker.check_output(output, output, FLAGS), command
    digit = re.search(r"\d", output.replace("...", ""))
    assert digit is not None
    changed = re.sub(r"\d", lambda m: str((int(m[0]) + 1) % 10), output, count=1)
    assert not checker.check_output(output, changed, FLAGS)
