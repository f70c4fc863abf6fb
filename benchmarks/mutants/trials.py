"""What becomes of a mutant: the tests most likely to fail come first, and what is known is kept from call to call."""

import ast
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any, TypeAlias

from rich.progress import Progress

from benchmarks.mutants.generation import Mutant
from benchmarks.mutants.reach import Reach, hashes
from benchmarks.mutants.server import NEEDS_COLD, TIMED_OUT
from benchmarks.mutants.servers import WORK, Server

# The first tests that take so many seconds together are run; a mutant that they let live is called alive.
BUDGET = 10.0


@dataclass(frozen=True)
class Run:
    """What became of a mutant.

    Attributes:
        status: "killed", "timed out", "survived", or "open" when it survived few generated examples.
        by: the first test that failed.
        tests: how many were run at most.
    """

    status: str
    by: str | None
    tests: int
    seconds: float


# How one mutant is tried, given the order of the tests and the servers.
Stage: TypeAlias = Callable[[Mutant, str, "Order", Reach, Server, Server], Run]


class Order:
    """The tests for a mutant: what killed another of the same definition, then those of the file, then the quickest.

    Args:
        root: of the project.
        reached: what the tests reach.
    """

    def __init__(self, root: Path, reached: Reach) -> None:
        self._root, self._reached = root, reached
        self._killers: dict[tuple[str, str], dict[str, None]] = {}
        self._texts: dict[str, set[str]] = {}

    def tests(self, mutant: Mutant) -> list[str]:
        found = self._reached.covering(mutant.module, *mutant.lines)
        if not found and self._reached.importing(mutant.module, *mutant.lines):
            found = self._reached.using(mutant.module)
        killers = self._killers.get((mutant.module, mutant.definition), {})
        own = self._own(mutant.module)
        seconds = self._reached.seconds
        ordered = sorted(
            found, key=lambda test: (test not in killers, test.split("::")[0] not in own, seconds[test], test)
        )
        total, chosen = 0.0, []
        for test in ordered:
            total += seconds[test]
            if chosen and total > BUDGET:
                break
            chosen.append(test)
        return chosen

    def killed(self, mutant: Mutant, by: str) -> None:
        if by in self._reached.seconds:
            self._killers.setdefault((mutant.module, mutant.definition), {})[by] = None

    def _own(self, module: str) -> set[str]:
        """The test files that import the module, or name from anywhere what it defines."""
        if module not in self._texts:
            tree = ast.parse((self._root / module).read_text(encoding="utf-8"))
            kinds = ast.FunctionDef | ast.ClassDef
            names = {node.name for node in tree.body if isinstance(node, kinds)} | {Path(module).stem}
            files = {test.split("::")[0] for test in self._reached.using(module)}
            self._texts[module] = {file for file in files if names & _imported(self._root / file)}
        return self._texts[module]


class Record:
    """What earlier calls found: what was killed stays so while its file does, what survived while the tests do, too."""

    def __init__(self, root: Path, reached: Reach, modules: set[str]) -> None:
        self._path = WORK / "runs.jsonl"
        self._lock = Lock()
        self._files = hashes(root, sorted(modules))
        self._tests = {
            module: "".join(
                str(one)[:8]
                for one in hashes(root, sorted({test.split("::")[0] for test in reached.using(module)})).values()
            )
            for module in modules
        }
        self._runs: dict[str, dict[str, Any]] = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            kept = json.loads(line)
            self._runs[kept["key"]] = kept

    def known(self, mutant: Mutant) -> Run | None:
        kept = self._runs.get(mutant.key)
        if kept is None or kept["file"] != self._files[mutant.module]:
            return None
        run = Run(**kept["run"])
        alive = run.status in ("survived", "open")
        return None if alive and kept["tests"] != self._tests[mutant.module] else run

    def add(self, mutant: Mutant, run: Run) -> None:
        state = {"file": self._files[mutant.module], "tests": self._tests[mutant.module]}
        with self._lock, self._path.open("a") as file:
            file.write(json.dumps({"key": mutant.key, **state, "run": vars(run)}) + "\n")


def try_all(
    found: list[Mutant],
    root: Path,
    reached: Reach,
    pairs: SimpleQueue[tuple[Server, Server]],
    workers: int,
    bar: Progress,
) -> dict[str, Run]:
    """What becomes of each, by its key; `pairs` holds a hot and a cold server for each worker."""
    modules = {mutant.module for mutant in found}
    order = Order(root, reached)
    sources = {module: (root / module).read_text(encoding="utf-8") for module in modules}
    record = Record(root, reached, modules)
    runs = {mutant.key: record.known(mutant) for mutant in found}

    def one(mutant: Mutant, stage: Stage, step: Callable[[], None]) -> Run:
        run = runs[mutant.key]
        if run is None or (run.status == "open" and stage is _many):
            hot, cold = pairs.get()
            try:
                run = stage(mutant, sources[mutant.module], order, reached, hot, cold)
            finally:
                pairs.put((hot, cold))
            record.add(mutant, run)
        if run.by:
            order.killed(mutant, run.by)
        step()
        return run

    with ThreadPoolExecutor(workers) as pool:
        try:
            for name, stage in (("few examples", _few), ("many examples", _many)):
                left = [m for m in found if (run := runs[m.key]) is None or run.status != "killed"]
                task = bar.add_task(name, total=len(left))
                step = partial(bar.advance, task)
                runs |= zip([m.key for m in left], pool.map(partial(one, stage=stage, step=step), left), strict=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {key: run for key, run in runs.items() if run is not None}


def check_servers(root: Path, reached: Reach, hot: Server, cold: Server) -> None:
    """Both kinds let the unchanged file live and see a fault that no test can miss.

    Raises:
        RuntimeError: if one does not.
    """
    module, tests = (
        "theory/setting/norms.py",
        [test for test in reached.using("theory/setting/norms.py") if "test_norms.py" in test],
    )
    original = (root / module).read_text(encoding="utf-8")
    broken = original.replace("np.linalg.norm(", "2 * np.linalg.norm(")
    for name, server in (("hot", hot), ("cold", cold)):
        for text, code in ((original, 0), (broken, 1)):
            change = {"module": module, "text": text, "original": original}
            answer = server.ask(**change, tests=tests, profile="unshrunk", seconds=600.0)
            if answer["code"] != code:
                what = "no change" if text == original else "a fault"
                raise RuntimeError(f"the {name} server answers {answer} to {what} in {module}")


def _few(mutant: Mutant, original: str, order: Order, reached: Reach, hot: Server, cold: Server) -> Run:
    """With few generated examples, which kill nearly all."""
    tests = order.tests(mutant)
    if not tests:
        return Run("survived", None, 0, 0.0)
    few = {"module": mutant.module, "text": mutant.text, "original": original}
    few |= {"profile": "unshrunk", "seconds": _limit(tests, reached, 5)}
    # Functions that ran at import have left their values behind in what has been imported.
    importing = reached.importing(mutant.module, *mutant.lines)
    warm = [test for test in tests if test.split("::")[0] not in importing]
    answer = hot.ask(**few, tests=warm) if warm else {"code": 0, "by": None, "seconds": 0.0}
    rest = tests if answer["code"] == NEEDS_COLD else [test for test in tests if test not in warm]
    if answer["code"] in (0, NEEDS_COLD) and rest:
        answer = cold.ask(**few, tests=rest)
    status = {0: "open", TIMED_OUT: "timed out"}.get(answer["code"], "killed")
    return Run(status, answer["by"], len(tests), round(answer["seconds"], 2))


def _many(mutant: Mutant, original: str, order: Order, reached: Reach, hot: Server, cold: Server) -> Run:
    """With as many generated examples as in continuous integration."""
    tests, seconds = order.tests(mutant), 0.0
    answer = {"code": 0, "by": None}
    while not answer["code"] and tests:
        many = {"module": mutant.module, "text": mutant.text, "original": original, "tests": tests}
        many |= {"profile": "ci", "seconds": _limit(tests, reached, 15)}
        answer = cold.ask(**many)
        seconds += answer["seconds"]
        by = answer["by"]
        if by not in tests:
            break
        # With so many examples it has not been run yet: it kills if it passes when nothing is changed.
        if cold.ask(**many | {"text": original, "tests": [by]})["code"]:
            tests.remove(by)
            answer = {"code": 0, "by": None}
    status = {0: "survived", TIMED_OUT: "timed out"}.get(answer["code"], "killed")
    return Run(status, answer["by"], len(tests), round(seconds, 2))


def _limit(tests: list[str], reached: Reach, factor: int) -> float:
    """Seconds that the tests get: what they took times the factor, and some for the start."""
    return 20.0 + factor * sum(reached.seconds[test] for test in tests)


def _imported(file: Path) -> set[str]:
    """The last part of each name that a file imports, and of each module that it imports from."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.name.split(".")[-1] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[-1])
    return found
