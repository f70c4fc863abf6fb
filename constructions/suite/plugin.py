"""A plugin of pytest: `pytest --memorizer MODULE:BUILDER` and `pytest --data FILE`, in any folder.

pytest loads it wherever the package is installed. So it imports what it needs when it is asked, and declares its
options, some of which have general names that others use too, in runs that ask by `--memorizer`, `--construction` or
`--data` only; `pytest --data FILE --help` lists them.
"""

import importlib
import os
import shlex
import sys
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

import pytest

_ASKING = ("--memorizer", "--construction", "--data")
_PREFIX = "robust_memorization_"
_PROPERTY = "robust_memorization"
_REFUSED = f"{_PROPERTY}_refused"
_CLAIMS = ("f_adv", "contract", "binary")
_HEADER = {"auto": None, "yes": True, "no": False}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declares the options, in a run that asks for one."""
    config = pluginmanager.get_plugin("pytestconfig")
    given = list(config.invocation_params.args) if config else []
    words = [str(word) for word in [*given, *shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))]]
    if not any(word.partition("=")[0] in _ASKING for word in words):
        return
    group = parser.getgroup("robust memorization")

    def add(name: str, text: str, **more: Any) -> None:
        group.addoption(f"--{name}", dest=_PREFIX + name.replace("-", "_"), help=text, **more)

    add("memorizer", "run the checks of memorizers on this builder, and nothing else", metavar="MODULE:BUILDER")
    add("construction", "the same, and those of constructions.Construction", metavar="MODULE:BUILDER")
    add("data", "run the theorem's hypotheses and conclusions on this data set, and nothing else", metavar="FILE")
    add("claims", f"what the builder claims: some of {','.join(_CLAIMS)}; as declared by default", metavar="NAMES")
    add("p", "exponent, from 1 to inf; all that the builder is for, with --data inf", type=float)
    add("radius", "for --data; 0.1 by default", type=float, default=0.1)
    add("classes", 'for --data: "all", "parity" or a list such as 3,8', default="all")
    add("label-column", "of a table; numbers from 1, or -1 from the end; else the last", metavar="NAME|NUMBER")
    column = {"metavar": "NAME|NUMBER", "action": "append", "default": []}
    add("leave-out", "a column of a table that is no feature, such as an index; may be repeated", **column)
    add("header", "of a .csv or .tsv", choices=tuple(_HEADER), default="auto")
    add("drop-missing", "leave out lines of a table with missing values", action="store_true")
    add("max-examples", "samples that are drawn for each builder; 25 by default", type=int, metavar="N")
    add("suite-seed", "seed of the samples; 0 by default", type=int, default=0, metavar="N")
    add("expected-failures", "checks that have to fail, as NAME,NAME", default="", metavar="NAMES")


def _option(config: pytest.Config, name: str) -> Any:
    # Processes of pytest-xdist have the values, and have declared no options.
    return getattr(config.option, _PREFIX + name, None)


def _asked(config: pytest.Config) -> bool:
    return any(_option(config, name) for name in ("memorizer", "construction", "data"))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """Puts the checks in the place of all tests."""
    config = session.config
    if _asked(config):
        folder = str(config.invocation_params.dir)
        # As `python -m pytest` has it.
        if folder not in sys.path:
            sys.path.insert(0, folder)
        names = [_option(config, name) for name in ("data", "memorizer", "construction")]
        title = " ".join(filter(None, names))
        found = _of_own_data(config) if _option(config, "data") else _of_builder(config)
        # Here rather than in `collect`, where a wrong option would look like a broken test.
        asked: Conclusions = Conclusions.from_parent(session, name=title, nodeid=title)
        asked.found = list(found)
        config.args = []
        session.collect = lambda: iter([asked])  # type: ignore[method-assign]
    return (yield)


class Conclusions(pytest.Collector):
    """The checks of a builder or of a data set: name, what to run, kind, whether it has to fail."""

    found: list[tuple[str, Callable[[], None], str, bool]]

    def collect(self) -> Iterator["Conclusion"]:
        """One item a check."""
        from constructions.suite.failure import CheckFailed

        for name, run, kind, fails in self.found:
            item: Conclusion = Conclusion.from_parent(self, name=name)
            item.run, item.user_properties = run, [(_PROPERTY, kind)]
            if fails:
                item.add_marker(pytest.mark.xfail(reason="expected", strict=True, raises=CheckFailed))
            yield item


class Conclusion(pytest.Item):
    """One check; a failure is its line, and the arrays below it."""

    run: Callable[[], None]

    def runtest(self) -> None:
        """Run it."""
        try:
            self.run()
        finally:
            # Of a builder; the process that reports may be another.
            trials = getattr(self.run, "trials", None)
            if trials is not None and trials.most_refused:
                self.user_properties.append((_REFUSED, [trials.most_refused, len(trials.instances)]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The line and the arrays of a failed check; of anything else what pytest shows."""
        from constructions.suite.failure import CheckFailed
        from constructions.suite.running import failure_text

        if isinstance(excinfo.value, CheckFailed):
            return Shown(failure_text(excinfo.value), excinfo.value.found)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """What stands above a failure."""
        return self.config.rootpath, None, self.name


class Shown:
    """Text for the terminal, with the message that the short summary shows."""

    def __init__(self, text: str, message: str) -> None:
        self.text, self.message = text, message

    @property
    def reprcrash(self) -> Any:
        """Where pytest looks for the message."""
        return self

    def __str__(self) -> str:
        return self.text

    def toterminal(self, writer: Any) -> None:
        """Write it, the first line as an error."""
        first, _, rest = self.text.partition("\n")
        writer.line(first, red=True)
        if rest:
            writer.line(rest)


def _of_builder(config: pytest.Config) -> Iterator[tuple[str, Callable[[], None], str, bool]]:
    from constructions.suite.running import MAX_EXAMPLES, checks_of

    builder = _builder(config)
    number = _option(config, "max_examples")
    try:
        checks = checks_of(
            builder,
            claims=_claims(config, builder),
            max_examples=MAX_EXAMPLES if number is None else number,
            seed=_option(config, "suite_seed"),
        )
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(str(error)) from error
    expected = set(filter(None, _option(config, "expected_failures").split(",")))
    if unknown := sorted(expected - {check.name for check in checks}):
        known = ", ".join(check.name for check in checks)
        raise pytest.UsageError(f"--expected-failures must be some of {known}, got {unknown[0]!r}")
    for check in checks:
        yield check.name, check, "conclusion", check.name in expected


def _claims(config: pytest.Config, builder: Any) -> Any:
    from dataclasses import replace

    from constructions.suite.declaring import claims_of

    changed: dict[str, Any] = {}
    if _option(config, "claims") is not None:
        named = set(filter(None, _option(config, "claims").split(",")))
        if not named <= set(_CLAIMS):
            raise pytest.UsageError(f"--claims must be some of {', '.join(_CLAIMS)}, got {sorted(named)}")
        changed = {name: name in named for name in _CLAIMS}
    if _option(config, "construction"):
        changed["contract"] = True
    if _option(config, "p") is not None:
        changed["norms"] = (_option(config, "p"),)
    return replace(claims_of(builder), **changed)


def _of_own_data(config: pytest.Config) -> Iterator[tuple[str, Callable[[], None], str, bool]]:
    from constructions.samples.layout import Layout
    from constructions.suite.own_data import CONCLUSIONS, HYPOTHESES, OwnData

    p, builder = _option(config, "p"), _builder(config)
    try:
        own = OwnData(
            _option(config, "data"),
            _option(config, "classes"),
            _option(config, "radius"),
            float("inf") if p is None else p,
            builder,
            _option(config, "suite_seed"),
            Layout(
                _option(config, "label_column"),
                tuple(_option(config, "leave_out")),
                _HEADER[_option(config, "header")],
                _option(config, "drop_missing"),
            ),
        )
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(str(error)) from error
    for kind, functions in (("hypothesis", HYPOTHESES), ("conclusion", CONCLUSIONS)):
        for function in functions:
            yield f"{kind}_{function.__name__}", partial(function, own), kind, False


def _builder(config: pytest.Config) -> Any:
    option = "construction" if _option(config, "construction") else "memorizer"
    name = _option(config, option) or "constructions:robust_memorizer"
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.UsageError(
            f"--{option} needs MODULE:BUILDER, importable from here, got {name!r}: {error}"
        ) from error


class Count:
    """Counts what came of the conclusions, in the process that reports."""

    def __init__(self) -> None:
        self.outcomes = {"held": 0, "failed": 0, "expected": 0, "not_checked": 0}
        self.reasons: list[str] = []
        self.refused = (0, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts a report."""
        if (_PROPERTY, "conclusion") not in map(tuple, report.user_properties):
            return
        if report.when != "call" and report.passed:
            return
        for name, value in report.user_properties:
            if name == _REFUSED and isinstance(value, list):
                self.refused = max(self.refused, (value[0], value[1]))
        if report.failed:
            self.outcomes["failed"] += 1
        elif hasattr(report, "wasxfail"):
            self.outcomes["expected"] += 1
        elif report.skipped:
            self.outcomes["not_checked"] += 1
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.reasons.append(f"not checked: {report.nodeid.rpartition('::')[2]}: {reason.removeprefix('Skipped: ')}")
        else:
            self.outcomes["held"] += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A run that concluded nothing has not passed."""
        checked = sum(self.outcomes.values()) - self.outcomes["not_checked"]
        quiet = session.config.option.collectonly or hasattr(session.config, "workerinput")
        if session.exitstatus == pytest.ExitCode.OK and not checked and not quiet:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """The closing line."""
        if config.option.collectonly:
            return
        from constructions.suite.running import closing_line

        for reason in self.reasons:
            terminalreporter.write_line(reason)
        if self.refused[0]:
            terminalreporter.write_line("the builder refused {} of {} samples".format(*self.refused))
        terminalreporter.write_line(closing_line(**self.outcomes))


def pytest_configure(config: pytest.Config) -> None:
    """Counts, in a run that asks."""
    if _asked(config):
        config.pluginmanager.register(Count(), "robust memorization count")
