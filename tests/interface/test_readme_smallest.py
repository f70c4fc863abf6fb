"""The README's table of the smallest memorizers says what the benchmark stored, of networks certified on every ball."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
HEAD = "| data | balls | construction | non-zeros | over N d | all entries |"


def stored() -> list[dict[str, Any]]:
    return list(json.loads((ROOT / "benchmarks" / "results" / "smallest.json").read_text())["rows"])


def line(row: dict[str, Any]) -> str:
    data = {"mnist": "MNIST", "cifar10": "CIFAR-10"}.get(row["data"], row["data"])
    radius = "8/255" if row["data"] == "cifar10" else f"{row['radius']:.3g}"
    ball = f"l_{row['p']}, {radius}" if row["p"] == "inf" else f"l_{row['p']:g}, {radius}"
    count = f"{row['non-zeros']:,} | {row['over N d']:.2g} | {row['all entries']:,}"
    return f"| {data}, {row['points']:,} | {ball} | {row['construction']} | {count} |"


def shown(text: str) -> list[str]:
    after = text.partition(HEAD)[2].splitlines()[2:]
    return after[: next(k for k, part in enumerate(after) if not part.startswith("|"))]


def test_the_table_is_what_was_stored() -> None:
    lines = shown(README)
    assert len(lines) >= 8
    assert set(lines) <= {line(row) for row in stored()}


def test_what_is_shown_is_certified_on_every_ball() -> None:
    for row in stored():
        assert row["certified, reals"] == row["points"], row
        assert row["certified, float64"] in ("", row["points"]), row


def test_another_number_would_be_noticed() -> None:
    """The planted fault."""
    first = shown(README)[0]
    changed = shown(README.replace(first, first.replace(",", ",1", 1)))
    assert not set(changed) <= {line(row) for row in stored()}
