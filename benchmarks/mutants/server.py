"""`python -m benchmarks.mutants.server hot|cold DIRECTORY REQUESTS ANSWERS`: tests changed files, one fork each.

A hot server has collected the tests and imported the project: a fork gets the changed code put into the functions that
are there, so it starts to test within milliseconds. That cannot change what runs at import: a cold server has imported
only what is not the project's, and a fork imports the changed file as anybody would.

A request is a line of JSON: `module`, `text` (the file, changed), `original` (as it was), `tests`, `seconds` and, for a
cold server, `profile`; a hot one has read its own when it collected. With `coverage` instead of a module, the tests are
run as they are and what they reach is written to that file. The answer is a line `{"code": ..., "by": ..., "seconds":
...}`: the exit code, and the first test that failed.
"""

import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

TESTS = ["tests/theory", "tests/constructions", "tests/soundness", "tests/audit"]
# What the project and its tests import, and is not the project.
LIBRARIES = [
    *("numpy", "scipy.optimize", "scipy.sparse", "scipy.special", "scipy.stats", "sympy", "torch", "beartype"),
    *("sklearn.datasets", "sklearn.svm", "mlxtend", "matplotlib.pyplot", "rich.table", "rich.progress"),
    *("hypothesis.extra.numpy", "jaxtyping"),
]
MEMORY = 6 * 2**30
# Exit codes of a child that are not pytest's.
NEEDS_COLD, TIMED_OUT = 100, 101
SERVER, PARENT = os.getpid(), os.getppid()


class Runs:
    """Answers requests in place of running the collected tests; in a fork, chooses them and lets pytest go on."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests, self._answers = requests, answers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        functions = _functions()
        gc.freeze()
        request, report = serve(self._requests, self._answers)
        if not _put_in(request, functions):
            os._exit(NEEDS_COLD)
        session.items[:] = [items[test] for test in request["tests"]]
        session.config.pluginmanager.register(First(report))
        # A file that cannot be collected has no tests in the request.
        session.testsfailed = 0


class First:
    """Reports the first test that fails, and ends there."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._report(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._report(f"{report.nodeid}, when it is collected")


class Reached:
    """Notes for every test its time, whether it passes, and the lines of the project that it reaches."""

    def __init__(self, file: str) -> None:
        import coverage

        # No file of settings, no data on disk.
        self._coverage = coverage.Coverage(data_file=None, config_file=False, source=["theory", "constructions"])
        self._file = file
        self._tests: dict[str, dict[str, Any]] = {}
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._tests[item.nodeid] = {"seconds": 0.0, "passed": True}
        self._coverage.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self._tests[report.nodeid]
        test["seconds"] += report.duration
        test["passed"] &= not report.failed

    def pytest_sessionfinish(self) -> None:
        with warnings.catch_warnings():
            # A file may reach nothing of the project.
            warnings.simplefilter("ignore")
            self._coverage.stop()
            data = self._coverage.get_data()
        number = {test: number for number, test in enumerate(self._tests)} | {"": -1}
        lines = {
            str(Path(file).relative_to(Path.cwd())): {
                line: [number[test] for test in tests] for line, tests in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        Path(self._file).write_text(json.dumps({"tests": self._tests, "lines": lines}))


def serve(requests: IO[str], answers: IO[str]) -> tuple[dict[str, Any], Callable[[str], None]]:
    """Forks for each request and answers it; comes back in the fork, with the request and a way to name a test."""
    for stamp, line in enumerate(requests):
        request = json.loads(line)
        start = time.monotonic()
        names, name = os.pipe()
        restore = _write(request, stamp)
        try:
            child = os.fork()
            if not child:
                # What the tests start as processes of their own ends with them.
                os.setpgid(0, 0)
                resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
                return request, partial(_fail, name)
            os.close(name)
            code = _wait(child, start + request["seconds"])
        finally:
            if os.getpid() == SERVER:
                restore()
        with open(names) as named:
            by = named.readline().strip() or None
        answer = {"code": code, "by": by, "seconds": round(time.monotonic() - start, 3)}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)


def _fail(name: int, test: str) -> None:
    os.write(name, f"{test}\n".encode())
    os._exit(1)


def _write(request: dict[str, Any], stamp: int) -> Callable[[], None]:
    """Puts the changed file where the original is, for all that reads or imports it; how to take it back."""
    if "module" not in request:
        return lambda: None
    path, original = Path(request["module"]), request["original"]
    times = path.stat()
    path.write_text(request["text"], encoding="utf-8")
    # No compiled file is of this time.
    os.utime(path, (2e9 + stamp, 2e9 + stamp))

    def restore() -> None:
        path.write_text(original, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    return restore


def _wait(child: int, until: float) -> int:
    """The child's exit code, minus the signal that ended it, or `TIMED_OUT`; nothing it started stays."""
    try:
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > until:
                return TIMED_OUT
            if os.getppid() != PARENT:
                raise SystemExit("nobody asks any more")
            time.sleep(0.003)
    finally:
        try:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError, PermissionError):
            pass


def _functions() -> dict[str, list[types.FunctionType]]:
    """The functions that there are, by the file of their code."""
    found: dict[str, list[types.FunctionType]] = {}
    for thing in gc.get_objects():
        # Not `isinstance`: that asks the thing for its class, and some answer with a warning.
        if type(thing) is types.FunctionType:
            found.setdefault(thing.__code__.co_filename, []).append(thing)
    return found


def _put_in(request: dict[str, Any], functions: dict[str, list[types.FunctionType]]) -> bool:
    """Puts the changed code into the functions that have it; False if what differs is run at import."""
    path = Path(request["module"]).resolve()
    module = sys.modules.get(request["module"].removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    if module is None:
        return False
    # The loader of the run-time type checker: the same code as an import would get.
    compiled = [module.__loader__.source_to_code(request[key].encode(), str(path)) for key in ("original", "text")]
    (old, old_import), (new, new_import) = map(_split, compiled)
    if old_import != new_import or old.keys() != new.keys():
        return False
    for function in functions.get(str(path), []):
        name = function.__code__.co_qualname
        if name in old and old[name] != new[name]:
            if old[name].co_freevars != new[name].co_freevars:
                return False
            function.__code__ = new[name]
    return True


def _split(code: types.CodeType) -> tuple[dict[str, types.CodeType], list[Any]]:
    """The functions of a module and of its classes, and all that is run at import."""
    functions: dict[str, types.CodeType] = {}
    at_import: list[Any] = [code.co_code, code.co_names]
    for constant in code.co_consts:
        if not isinstance(constant, types.CodeType):
            at_import.append((type(constant), repr(constant)))
        elif constant.co_name.startswith("<") or constant.co_qualname in functions:
            at_import.append(constant)
        elif constant.co_flags & 1:
            functions[constant.co_qualname] = constant
        else:
            inner, inner_import = _split(constant)
            functions |= inner
            at_import.append(inner_import)
    return functions, at_import


def main(kind: str, directory: str, requests: int, answers: int) -> None:
    os.chdir(directory)
    sys.path[0] = directory
    arguments = ["-q", "-s", "--tb=no", "-p", "no:cacheprovider", "--basetemp", f"tmp-{kind}", "--hypothesis-profile"]
    with open(requests) as asked, open(answers, "w") as answered:
        if kind == "hot":
            code = pytest.main([*arguments, "unshrunk", *TESTS], plugins=[Runs(asked, answered)])
        else:
            for library in LIBRARIES:
                importlib.import_module(library)
            arguments = ["-W", "ignore::pytest.PytestAssertRewriteWarning", *arguments]
            request, report = serve(asked, answered)
            plugin = Reached(request["coverage"]) if "coverage" in request else First(report)
            code = pytest.main([*arguments, request["profile"], *request["tests"]], plugins=[plugin])
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
