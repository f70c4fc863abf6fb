"""The hooks of an audit: what each test did goes to `audit/`, which says what that means for each statement.

Every test with `@pytest.mark.statement(id, form=…)` reports to the controller through its `user_properties`, so the
report is the same with and without parallel workers.
"""

import json
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

FORMS = ("printed", "repaired")
# Seconds between two lines of progress, on a terminal that can overwrite one and elsewhere.
EVERY = {True: 0.5, False: 10.0}


def register(config: pytest.Config) -> None:
    """The hooks of this run."""
    config.pluginmanager.register(Verdicts(config), "verdicts")


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


class Verdicts:
    """Collects the reports of one run, says how far it is, and shows at its end what it did."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.reports: list[pytest.TestReport] = []
        self.planned: dict[str, list[tuple[str, str]]] = {}
        self.started = time.time()
        self.said = self.started
        self.progress: Any = None
        # Parallel workers collect the tests, and alone know their marks: they leave them in this folder.
        self.folder = tempfile.TemporaryDirectory(prefix="audit-")
        directory = config.getoption("--audit")
        self.directory = Path(directory) if directory and not _is_worker(config) else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        marks = {
            item.nodeid: [tuple(value) for name, value in item.user_properties if name == "statement"]
            for item in session.items
        }
        if not _is_worker(self.config):
            self._plan(marks)
        elif place := self.config.workerinput.get("plans"):
            (Path(place) / f"{self.config.workerinput['workerid']}.json").write_text(json.dumps(marks))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["plans"] = self.folder.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        self._plan(json.loads((Path(self.folder.name) / f"{node.gateway.id}.json").read_text()))

    def _plan(self, marks: dict[str, Any]) -> None:
        """Of all tests that are to be run; each worker has the same."""
        if not marks or self.planned:
            return
        self.planned = {name: [(one, form) for one, form in those] for name, those in marks.items()}
        if self.directory and not self.config.option.collectonly:
            from audit.progress import Progress
            from audit.stored import forget, seconds_before

            self.progress = Progress(self.planned, seconds_before(self.directory))
            forget(self.directory)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.progress:
            self.progress.begin(nodeid, time.time() - self.started)
            self._say()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """No letters: what passed is no news, and what failed is said with its name."""
        if self.directory is None or hasattr(report, "wasxfail") or (report.when != "call" and report.passed):
            return None
        return ("error" if report.failed and report.when != "call" else report.outcome, "", "")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self.reports.append(report)
            if self.progress:
                self.progress.end(report.nodeid)
                self._say(f"FAILED {report.nodeid}" if report.failed else "")

    def _say(self, failure: str = "") -> None:
        """One line on what is done, not too often, and every failure."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:
            return
        rewrites = sys.stdout.isatty()
        now = time.time()
        if failure:
            terminal.ensure_newline()
            terminal.write_line(failure)
        if now - self.said >= EVERY[rewrites]:
            self.said = now
            line = self.progress.line(now - self.started)
            if rewrites:
                terminal.rewrite(line[: terminal._tw.fullwidth - 1], erase=True)
            else:
                terminal.write_line(line)

    def pytest_terminal_summary(self, terminalreporter: Any, exitstatus: int) -> None:
        config = self.config
        if not (self.directory or config.getoption("markexpr") == "statement") or config.option.collectonly:
            return
        from audit.facts import facts
        from audit.report import content_of, write
        from audit.terminal import screen

        seed = config.getoption("hypothesis_seed", None)
        content = content_of(
            [outcome_of(report) for report in self.reports],
            self.planned,
            facts(self.started, command_of(config), "drawn anew by each test" if seed is None else str(seed)),
            number=len(self.planned),
            interrupted=exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR),
            selected=selection(config),
        )
        if self.directory:
            write(self.directory, content)
        terminalreporter.ensure_newline()
        shown = str(self.directory) if self.directory else ""
        terminalreporter.write(screen(content, shown))

    def pytest_unconfigure(self) -> None:
        self.folder.cleanup()


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def command_of(config: pytest.Config) -> str:
    return " ".join(["pytest", *config.invocation_params.args])


def selection(config: pytest.Config) -> str:
    """What the run is limited to beside the tests of statements; empty if to nothing."""
    option = config.option
    limits = [f"-k {option.keyword}"] if option.keyword else []
    limits += [f"-m {option.markexpr}"] if option.markexpr not in ("", "statement") else []
    limits += [f"all but {name}" for name in option.deselect or []]
    limits += [f"all but {name}" for name in [*(option.ignore or []), *(option.ignore_glob or [])]]
    limits += ["the last failures"] if getattr(option, "lf", False) else []
    # From another folder than the project's pytest runs the tests of that folder.
    if config.args_source != pytest.Config.ArgsSource.TESTPATHS:
        limits += config.args
    return ", ".join(limits)


def outcome_of(report: pytest.TestReport) -> Any:
    """What a report says, as the audit reads it."""
    from audit.rows import Outcome

    properties: dict[str, list[Any]] = defaultdict(list)
    for name, value in report.user_properties:
        properties[name].append(value)
    return Outcome(
        report.nodeid,
        report.outcome,
        report.duration,
        [(one, form) for one, form in properties.pop("statement", [])],
        report.location[1] or 0,
        # A test that is no property test is one example, if it was run.
        sum(properties.pop("examples", [])) or int(report.outcome != "skipped"),
        tuple(properties.pop("figure", [])),
        dict(properties),
    )
