"""The tables beside the statements: real data, counts of constructions, the smallest memorizers, trained networks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMALLEST = Path(__file__).parents[1] / "benchmarks" / "results" / "smallest.json"


@dataclass(frozen=True)
class Table:
    """A table with a heading.

    Attributes:
        id: for links to it.
        title: its heading.
        words: what stands in it, and how it is made again.
        columns: their names; the first is text, the others are numbers or short.
        rows: of cells.
        group: of tables that belong together.
    """

    id: str
    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    group: str


def tables(content: Mapping[str, Any]) -> list[Table]:
    """All for which the run has rows."""
    found = [*_real_data(content["runs"]), *_parameters(content["parameters"]), *_smallest(content["smallest"])]
    return [*found, *(_measured(result) for result in content["measured"])]


def _real_data(runs: list[dict[str, Any]]) -> Iterator[Table]:
    if not runs:
        return
    columns = ("data", "p", "radius", "separation", "memorized", "non-zeros", "over n·d", "certified", "seconds")
    words = "Memorized, counted and certified in this run; seconds of building and certifying together."
    yield Table(
        "real-data", "Real data, certified on every training ball", words, columns, tuple(map(_run, runs)), "data"
    )


def _run(run: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        run["data"],
        run["p"].replace("inf", "∞"),
        f"{run['radius']:.4g}",
        f"{run['separation']:.4g}",
        f"{run['n_small']:,}",
        f"{run['nonzero']:,}",
        f"{run['coefficient']:.3f}",
        f"{run['certified']:,} of {run['points']:,}",
        f"{run['seconds']:.1f}",
    )


def _parameters(reports: list[dict[str, Any]]) -> Iterator[Table]:
    for report in reports:
        columns = ("construction", "non-zeros", "for data without zeros", "over N d", "certified", "as executed")
        rows = [
            (
                row["construction"],
                f"{row['nonzero']:,}",
                f"{row['general']:,}",
                f"{row['over']:.4g}",
                _count(row["certified"]),
                _count(row["executed"]),
            )
            for row in report["rows"]
        ]
        yield Table(
            "parameters", "Sizes of the constructions on one sample", report["words"], columns, tuple(rows), "data"
        )


def _count(value: int | None) -> str:
    return "not built" if value is None else f"{value:,}"


def smallest() -> dict[str, Any]:
    """What the benchmark stored; empty without it."""
    return dict(json.loads(SMALLEST.read_text(encoding="utf-8"))) if SMALLEST.is_file() else {}


def _smallest(stored: Mapping[str, Any]) -> Iterator[Table]:
    if not stored:
        return
    columns = ("data", "points", "p", "radius", "construction", "non-zeros", "over N d", "all entries", "certified")
    rows = [
        (
            row["data"],
            f"{row['points']:,}",
            f"{row['p']}".replace("inf", "∞").removesuffix(".0"),
            f"{row['radius']:.3g}",
            row["construction"],
            f"{row['non-zeros']:,}",
            f"{row['over N d']:.2g}",
            f"{row['all entries']:,}",
            f"{row['certified, reals']:,}",
        )
        for row in stored["rows"]
    ]
    words = (
        "Stored by an earlier run of `python -m benchmarks smallest`, which takes longer than an audit: not of this "
        "run. Certified over the reals."
    )
    yield Table("smallest", "The smallest memorizers of real data", words, columns, tuple(rows), "data")


def _measured(result: Mapping[str, Any]) -> Table:
    columns = ("claim", "statistic", "95 % interval", "holds if", "outcome")
    words = (
        f"{result['seeds']} seeds. The audit reads the stored numbers and judges them again; they are measured anew by "
        f"`{result['command']}`."
    )
    if result.get("differs"):
        words += f" Not as in today's preset: {'; '.join(result['differs'])}."
    rows = tuple(tuple(row) for row in result["rows"])
    return Table(f"measured-{result['name']}", f"Measured: {result['name']}", words, columns, rows, "measured")
