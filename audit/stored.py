"""A run as a file, which every report is drawn from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "audit.json"
REPORTS = (NAME, "audit.md", "index.html")


def save(folder: Path, content: Mapping[str, Any]) -> None:
    """Writes the run; its first line says whether it is a whole one."""
    rest = {name: value for name, value in content.items() if name != "state"}
    state = json.dumps(content["state"], ensure_ascii=False)
    text = json.dumps(rest, indent=1, ensure_ascii=False)
    (folder / NAME).write_text(f'{{ "state": {state},{text[1:]}\n', encoding="utf-8")


def load(folder: Path) -> dict[str, Any]:
    """The run that a folder holds.

    Raises:
        ValueError: if there is none, or one that another version wrote.
    """
    path = folder / NAME
    if not path.is_file():
        raise ValueError(f"{folder} needs a run of the audit, {NAME}, and has none: `make audit` makes one")
    content = dict(json.loads(path.read_text(encoding="utf-8")))
    if "state" not in content:
        raise ValueError(f"{path} has no state, for it was written by another version: `make audit` writes it anew")
    return content


def seconds_before(folder: Path) -> dict[str, float]:
    """Of each test of the run that a folder holds what it took; empty if there is none."""
    try:
        content = load(folder)
        return {test[1]: float(test[4]) for row in (*content["verdicts"], *content["later"]) for test in row["tests"]}
    except (ValueError, KeyError, IndexError):
        return {}


def forget(folder: Path) -> None:
    """Removes the reports of an earlier run, so that nobody takes them for those of one that was cut off."""
    for name in REPORTS:
        (folder / name).unlink(missing_ok=True)
