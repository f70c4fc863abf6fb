"""The verdict table: what the ledger claims, what the tests of this run did, and what coqc has proved.

The hooks in here are imported by `conftest.py`. Every test with `@pytest.mark.statement(id, form=…)` reports to
the controller through its `user_properties`, so the table is the same with and without parallel workers.
"""

import json
import platform
import time
from collections import defaultdict
from collections.abc import Generator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

FORMS = ("printed", "repaired")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Verdicts(), "verdicts")


def mark_statements(items: list[pytest.Item]) -> None:
    """Writes the statement of each test into its report, or says what is wrong with its marker."""
    for item in items:
        for mark in item.iter_markers("statement"):
            statement_id, form = _arguments(item, mark)
            item.user_properties.append(("statement", [statement_id, form]))


def _arguments(item: pytest.Item, mark: pytest.Mark) -> tuple[str, str]:
    from theory import LATER, LEDGER

    if len(mark.args) != 1 or set(mark.kwargs) != {"form"} or mark.kwargs["form"] not in FORMS:
        raise pytest.UsageError(
            f'{item.nodeid}: use @pytest.mark.statement("theorem-3.3", form="printed" | "repaired")'
        )
    if mark.args[0] not in {**LEDGER, **LATER}:
        raise pytest.UsageError(f"{item.nodeid}: the ledger has no statement {mark.args[0]!r}")
    return mark.args[0], mark.kwargs["form"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Counts the examples a property test really tried (those that ran to the end)."""
    handle = getattr(getattr(item, "obj", None), "hypothesis", None)
    if handle is None:
        return (yield)
    tried = 0
    original = handle.inner_test

    def counting(*args: Any, **kwargs: Any) -> Any:
        nonlocal tried
        result = original(*args, **kwargs)
        tried += 1
        return result

    handle.inner_test = counting
    try:
        return (yield)
    finally:
        handle.inner_test = original
        item.user_properties.append(("examples", tried))


class Verdicts:
    """Collects the reports of one run and shows the table at its end."""

    def __init__(self) -> None:
        self.reports: list[pytest.TestReport] = []
        self.planned = 0
        self.started = time.time()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.planned = len(session.items)

    # Parallel workers collect, each all of it; the hook is there with them only.
    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        self.planned = len(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self.reports.append(report)

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
        directory = config.getoption("--audit")
        if not (directory or config.getoption("markexpr") == "statement"):
            return
        from theory import LATER

        rows, later = verdict_rows(self.reports), verdict_rows(self.reports, LATER)
        runs, measured = recorded(self.reports, "run"), recorded(self.reports, "measured")
        terminalreporter.write_line("")
        cut = interruption(len(self.reports), self.planned, exitstatus)
        if cut:
            terminalreporter.write_line(cut)
        terminalreporter.write(render(rows, later, runs, measured, terminalreporter._tw.fullwidth))
        if directory:
            header = header_of(self.started, cut)
            write_report(Path(directory), header, rows, later, runs, measured)
            terminalreporter.write_line(f"report written to {directory}/audit.md and {directory}/audit.json")


def interruption(done: int, planned: int, exitstatus: int) -> str:
    """The first line of the report of a run that did not do all that it set out to; empty for a whole run."""
    if done >= planned and exitstatus != pytest.ExitCode.INTERRUPTED:
        return ""
    return f"INTERRUPTED after {done} of {planned} tests: what is not checked below may not have been run"


def header_of(started: float, cut: str) -> dict[str, Any]:
    """When and with what the run was made, and whether it was cut off."""
    import numpy as np

    from theory.__main__ import totals

    try:
        ours = version("robust-memorization")
    except PackageNotFoundError:
        ours = "not installed"
    return {
        "interrupted": cut,
        "version": ours,
        "date": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "seconds": round(time.time() - started, 1),
        "verdicts": totals(),
    }


def recorded(reports: list[pytest.TestReport], wanted: str) -> list[Any]:
    """What tests handed over by this name, in an order that does not depend on which worker was first."""
    ordered = sorted(reports, key=lambda report: (*report.location[:2], report.nodeid))
    return [value for report in ordered for name, value in report.user_properties if name == wanted]


def verdict_rows(reports: list[pytest.TestReport], entries: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """One row a statement of the given ones, by default of the ledger, in their order."""
    from theory import LEDGER
    from theory.ledger.proofs import own_proofs, proved

    theorems = proved(own_proofs())
    tests: dict[tuple[str, str], list[str]] = defaultdict(list)
    examples: dict[str, int] = defaultdict(int)
    figures: dict[str, list[str]] = defaultdict(list)
    names: dict[str, list[list[str]]] = defaultdict(list)
    for report in sorted(reports, key=lambda report: (*report.location[:2], report.nodeid)):
        properties = defaultdict(list)
        for name, value in report.user_properties:
            properties[name].append(value)
        for statement_id, form in properties["statement"]:
            tests[statement_id, form].append(report.outcome)
            names[statement_id].append([form, report.nodeid, report.outcome])
            # A test that is no property test is one example.
            examples[statement_id] += sum(properties["examples"]) or 1
            figures[statement_id] += properties["figure"]
    return [
        {
            "statement": statement_id,
            "title": statement.title,
            "verdict": statement.verdict,
            **_outcomes(statement.verdict, tests[statement_id, "printed"], tests[statement_id, "repaired"]),
            "examples": examples[statement_id],
            "figures": sorted(set(figures[statement_id])),
            "fields": dict(statement.fields),
            "proofs": [asdict(proof) for proof in theorems.get(statement_id, [])],
            "tests": names[statement_id],
        }
        for statement_id, statement in (LEDGER if entries is None else entries).items()
    ]


def _outcomes(verdict: str, printed: list[str], repaired: list[str]) -> dict[str, str]:
    shown = {"printed": _outcome(printed), "repaired": _outcome(repaired)}
    # What holds as printed needs no repair; what is only observed is measured in the repaired reading.
    needless = {"checked": "repaired", "observed": "printed"}.get(verdict)
    if (printed or repaired) and needless and shown[needless] == "not checked":
        shown[needless] = ""
    return shown


def _outcome(outcomes: list[str]) -> str:
    if not outcomes:
        return "not checked"
    failed, passed = outcomes.count("failed"), outcomes.count("passed")
    parts = [f"{failed} FAILED" if failed else "", f"{passed} passed" if passed else ""]
    skipped = len(outcomes) - failed - passed
    return ", ".join(filter(None, [*parts, f"{skipped} skipped" if skipped else ""]))


def render(
    rows: list[dict[str, Any]],
    later: list[dict[str, Any]],
    runs: list[dict[str, Any]],
    measured: list[dict[str, Any]],
    width: int,
) -> str:
    """The tables as text for a terminal of the given width."""
    from io import StringIO

    from rich.console import Console

    from theory.__main__ import totals

    console = Console(file=StringIO(), width=max(width, 140))
    for result in measured:
        console.print(_measured_table(result))
        console.print(f"made again by: {result['command']}", highlight=False)
    if runs:
        console.print(_runs_table(runs))
    console.print(_verdict_table(LATER_TITLE, later))
    # What a referee wants to know stands on the last screen.
    console.print(_verdict_table(TITLE, rows))
    console.print(totals())
    return console.file.getvalue()


TITLE = "Verdicts: the ledger's claim, what the tests of this run did (evidence), what coqc has proved (theorems)"
LATER_TITLE = "Later versions of the paper, read from notes: a group of its own"


def _verdict_table(title: str, rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(title=title)
    for name in ("statement", "as printed", "printed form", "repaired form", "proved"):
        table.add_column(name, no_wrap=True)
    table.add_column("examples", justify="right")
    table.add_column("figure")
    for row in rows:
        cells = [row[key] for key in ("statement", "verdict", "printed", "repaired")]
        first, more = row["proofs"][:1], len(row["proofs"]) - 1
        cells += [Path(proof["at"]).name + (f" +{more}" if more else "") for proof in first] or [""]
        table.add_row(*cells, f"{row['examples']:,}" if row["examples"] else "", ", ".join(row["figures"]))
    return table


MEASURED_COLUMNS = ("claim", "statistic", "95 % interval", "holds if", "outcome")


def _measured_table(result: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=f"Measured: {result['name']}, {result['seeds']} seeds")
    for name in MEASURED_COLUMNS:
        table.add_column(name, justify="right" if name in MEASURED_COLUMNS[1:4] else "left")
    for row in result["rows"]:
        table.add_row(*row)
    return table


RUN_COLUMNS = ("data", "p", "radius", "separation", "memorized", "non-zeros", "over n·d", "certified", "seconds")


def _runs_table(runs: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(title="Real data memorized and certified on every training ball")
    for name in RUN_COLUMNS:
        table.add_column(name, justify="left" if name == "data" else "right", no_wrap=True)
    for run in runs:
        table.add_row(*run_cells(run))
    return table


def run_cells(run: dict[str, Any]) -> list[str]:
    return [
        run["data"],
        str(run["p"]),
        f"{run['radius']:.4g}",
        f"{run['separation']:.4g}",
        f"{run['n_small']:,}",
        f"{run['nonzero']:,}",
        f"{run['coefficient']:.3f}",
        f"{run['certified']} of {run['points']}",
        f"{run['seconds']:.1f}",
    ]


def write_report(
    directory: Path,
    header: dict[str, Any],
    rows: list[dict[str, Any]],
    later: list[dict[str, Any]],
    runs: list[dict[str, Any]],
    measured: list[dict[str, Any]],
) -> None:
    """`audit.json`, and the same to be read: `audit.md`."""
    directory.mkdir(parents=True, exist_ok=True)
    content = {"run": header, "verdicts": rows, "later": later, "runs": runs, "measured": measured}
    (directory / "audit.json").write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    lines = [f"**{header['interrupted']}**", ""] if header["interrupted"] else []
    lines += [
        "# Audit",
        "",
        f"robust-memorization {header['version']}, {header['date']}, {header['seconds']} s, Python {header['python']}, "
        f"numpy {header['numpy']}.",
        "",
        "Verdict: the ledger's claim about the printed form. Tests: what this run did; a passed test is evidence, a "
        "certificate is a proof about one network. Proved: a theorem that coqc checked, about the form, or the part "
        "of it, that is named below; as `make proofs` stored it for the files of proofs that are there.",
        "",
        *_verdict_lines(rows),
        "",
        header["verdicts"],
        *_run_lines(runs),
    ]
    for result in measured:
        lines += _measured_lines(result)
    figures = sorted({name for row in [*rows, *later] for name in row["figures"]})
    lines += [f"\n![{name}]({name})" for name in figures]
    lines += ["", "## Statements", ""]
    for row in rows:
        lines += _statement_lines(row)
    lines += ["## Later versions", "", f"{LATER_TITLE}.", "", *_verdict_lines(later), ""]
    for row in later:
        lines += _statement_lines(row)
    lines += _other_proof_lines()
    (directory / "audit.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _verdict_lines(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| statement | as printed | printed form | repaired form | proved | examples | figure |",
        "|---|---|---|---|---|---:|---|",
    ]
    for row in rows:
        figures = " ".join(f"[{name}]({name})" for name in row["figures"])
        places = ", ".join(proof["at"] for proof in row["proofs"])
        cells = (
            row["statement"],
            row["verdict"],
            row["printed"],
            row["repaired"],
            places,
            row["examples"] or "",
            figures,
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def _run_lines(runs: list[dict[str, Any]]) -> list[str]:
    if not runs:
        return []
    head = ["", "## Real data", "", "| " + " | ".join(RUN_COLUMNS) + " |", "|---|" + "---:|" * (len(RUN_COLUMNS) - 1)]
    return head + ["| " + " | ".join(run_cells(run)) + " |" for run in runs]


def _measured_lines(result: dict[str, Any]) -> list[str]:
    head = [
        "",
        f"## Measured: {result['name']}",
        "",
        f"{result['seeds']} seeds; made again by `{result['command']}`.",
        "",
        "| " + " | ".join(MEASURED_COLUMNS) + " |",
        "|---|---:|---:|---:|---|",
    ]
    return head + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in result["rows"]]


def _statement_lines(row: dict[str, Any]) -> list[str]:
    """All that the ledger says of one statement, and the tests of this run."""
    lines = [f"### {row['statement']}: {row['title']}", "", f"Verdict on the printed form: {row['verdict']}.", ""]
    for name, text in row["fields"].items():
        if text:
            lines += [f"{name[0].upper()}{name[1:]}: " + text.replace("\n", "; "), ""]
    lines += [line for proof in row["proofs"] for line in _proof_lines(proof)]
    lines += ["Tests of this run:" if row["tests"] else "Tests of this run: none.", ""]
    lines += [f"- {form} form, {outcome}: `{name}`" for form, name, outcome in row["tests"]]
    return lines + ([""] if row["tests"] else [])


def _proof_lines(proof: dict[str, Any]) -> list[str]:
    axioms = ", ".join(proof["axioms"]) or "no axioms"
    head = f"Proved, {proof['form']}: `{proof['theorem']}`, {proof['at']}, on {axioms}."
    return [head, "", "```coq", proof["coq"], "```", ""]


def _other_proof_lines() -> list[str]:
    """Theorems that are about code, and what the names in the statements of all theorems stand for."""
    from theory import LATER, LEDGER
    from theory.ledger.proofs import definitions, own_proofs, proved

    folder = own_proofs()
    theorems = proved(folder)
    if folder is None or not theorems:
        return []
    lines = ["## Theorems about code", ""]
    for name in sorted(theorems.keys() - {*LEDGER, *LATER}):
        lines += [f"### `{name}`", ""]
        lines += [line for proof in theorems[name] for line in _proof_lines(asdict(proof))]
    lines += [
        "## Definitions in the Coq statements",
        "",
        "No tool checks that a Coq statement says what the English one beside it does: these are to be read.",
        "",
    ]
    for name, (at, text) in definitions(folder).items():
        lines += [f"`{name}`, {at}", "", "```coq", text, "```", ""]
    return lines
