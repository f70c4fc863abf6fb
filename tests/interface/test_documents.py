"""What CONTRIBUTING names exists, CHANGELOG has the ledger's verdicts, CITATION is valid and of this version."""

import importlib.util
import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from theory import LEDGER

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LONGEST = 60


def spans(text: str) -> list[str]:
    """What stands in backticks, outside blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", prose.replace("\n", " "))


def paths(text: str) -> list[str]:
    """Names of files and folders, as in `theory/ledger/section*.py`, also of a folder of one word with a /."""
    return [name for name in spans(text) if re.fullmatch(r"[\w./*]*(/[\w./*]*|\.(md|py|toml))", name)]


def dotted(text: str) -> list[str]:
    return [name for name in spans(text) if re.fullmatch(r"(theory|constructions|empirics|tests)(\.\w+)+", name)]


def targets(text: str) -> list[str]:
    """Targets of make that a text names, in prose or in a command."""
    return [name.split()[1] for name in spans(text) if name.startswith("make ")]


def folders(text: str) -> list[str]:
    """The folders of the map: the first word of a line is a package, the other words are folders in it."""
    (block,) = re.findall(r"^```text\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [re.findall(r"[\w/]+", line) for line in block.splitlines()]
    return [f"{package}/{folder}" for package, *found in lines for folder in found]


def missing(text: str) -> list[str]:
    """What a text names and the project has not: paths, folders of the map, dotted names, targets, modules to run."""
    makefile = (ROOT / "Makefile").read_text()
    absent = [name for name in paths(text) if not any(ROOT.glob(name.rstrip("/")))]
    absent += [name for name in folders(text) if not (ROOT / name / "__init__.py").is_file()]
    absent += [name for name in dotted(text) if not resolves(name)]
    absent += [f"make {name}" for name in targets(text) if not re.search(rf"^{name}:", makefile, flags=re.MULTILINE)]
    modules = [name.split()[2] for name in spans(text) if name.startswith("python -m ")]
    return absent + [f"python -m {name}" for name in modules if not runs(name)]


def runs(name: str) -> bool:
    """Whether there is such a package with a `__main__`."""
    found = importlib.util.find_spec(name)
    if found is None or found.submodule_search_locations is None:
        return False
    return importlib.util.find_spec(f"{name}.__main__") is not None


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        return found is not None
    return False


def verdicts(text: str) -> dict[str, str]:
    """The topmost verdict of each statement: lines such as "- **refuted**: `theorem-6.2`, …"."""
    found: dict[str, str] = {}
    for verdict, ids in re.findall(r"^- \*\*(\w+)\*\*: (.*?)(?=^- |^#|\Z)", text, flags=re.MULTILINE | re.DOTALL):
        for name in re.findall(r"`([^`]+)`", ids):
            found.setdefault(name, verdict)
    return found


def test_contributing_is_one_screen() -> None:
    assert len(CONTRIBUTING.splitlines()) <= LONGEST


def test_what_contributing_names_is_there() -> None:
    assert len(paths(CONTRIBUTING)) >= 10
    assert len(folders(CONTRIBUTING)) >= 15
    assert {"check", "format", "test", "audit"} <= set(targets(CONTRIBUTING))
    assert missing(CONTRIBUTING) == []


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("`theory/pages/`", ["theory/pages/"]),
        ("`theory/page*.py`", ["theory/page*.py"]),
        ("`theory.norms.of_nothing`", ["theory.norms.of_nothing"]),
        ("`make\ntea`", ["make tea"]),
        ("`python -m theory.errors 3.3`", ["python -m theory.errors"]),
        ("`README.md`, `theory/*.py`, `theory.AssumptionError.__doc__`, `make test`, `python -m constructions X`", []),
    ],
)
def test_a_name_that_does_not_exist_would_be_noticed(text: str, absent: list[str]) -> None:
    """The planted fault."""
    assert missing(f"{text}\n\n```text\nempirics   images\n```\n") == absent


def test_every_folder_of_the_packages_is_on_the_map() -> None:
    found = {
        path.parent.relative_to(ROOT).as_posix()
        for package in ("theory", "constructions", "empirics")
        for path in (ROOT / package).rglob("*/__init__.py")
    }
    assert found - {"theory", "constructions", "empirics"} == set(folders(CONTRIBUTING))


def test_every_target_of_make_is_explained() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert phony is not None
    named = {*targets(CONTRIBUTING), *targets((ROOT / "README.md").read_text())}
    assert set(phony[1].split()) - {"clean"} <= named


def test_the_changelog_has_the_verdicts_of_the_ledger() -> None:
    assert verdicts(CHANGELOG) == {name: entry.verdict for name, entry in LEDGER.items()}


def test_a_verdict_that_changes_needs_an_entry_at_the_top() -> None:
    """The planted fault, and how it is mended."""
    changed = verdicts(CHANGELOG.replace("- **refuted**", "- **checked**"))
    assert changed["theorem-6.2"] == "checked" != LEDGER["theorem-6.2"].verdict
    assert verdicts("- **repaired**: `theorem-6.2`, by another class\n\n" + CHANGELOG)["theorem-6.2"] == "repaired"


def citation_faults(text: str) -> list[str]:
    """What CFF 1.2.0 asks for and the text has not."""
    cff = yaml.safe_load(text)
    faults = [name for name in ("cff-version", "message", "title", "authors") if not cff.get(name)]
    for entry in [cff, *cff.get("references", ())]:
        faults += [f"{name} of {entry.get('title')}" for name in ("type", "authors") if not entry.get(name)]
        people = [person for person in entry.get("authors") or () if not {"name", "family-names"} & set(person)]
        faults += [f"name of an author of {entry.get('title')}" for _ in people]
    return faults + ([] if str(cff.get("cff-version")) == "1.2.0" else ["cff-version 1.2.0"])


def test_the_citation_is_whole_and_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text()
    cff = yaml.safe_load(text)
    assert citation_faults(text) == []
    assert (str(cff["version"]), cff["license"]) == (PROJECT["version"], PROJECT["license"])
    assert cff["authors"] == PROJECT["authors"]
    assert f"## {PROJECT['version']}" in CHANGELOG
    assert {"url": "https://arxiv.org/abs/2306.01271"}.items() <= cff["references"][1].items()


@pytest.mark.parametrize("line", ["cff-version: 1.2.0", "message: ", "  - name: The robust-memorization authors"])
def test_a_citation_without_a_field_would_be_noticed(line: str) -> None:
    """The planted fault."""
    text = (ROOT / "CITATION.cff").read_text()
    assert citation_faults("\n".join(row for row in text.splitlines() if not row.startswith(line))) != []
