"""Which tests reach which lines: each test file runs once as it is, and again only when what it reaches has changed."""

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from benchmarks.mutants.server import TESTS
from benchmarks.mutants.servers import WORK, Server

SECONDS_A_FILE = 1800.0


@dataclass(frozen=True)
class Reach:
    """What the tests reach.

    Attributes:
        seconds: of each test that passes without a change.
        failing: the tests that fail without one; they kill nothing.
        tests: of a file and a line, the tests that reach it.
        imported: of a file and a line, the test files that run it when they are imported.
    """

    seconds: dict[str, float]
    failing: list[str]
    tests: dict[str, dict[int, set[str]]]
    imported: dict[str, dict[int, set[str]]]

    def covering(self, module: str, first: int, last: int) -> set[str]:
        """The tests that reach one of these lines."""
        lines = self.tests.get(module, {})
        return set().union(*(lines.get(line, ()) for line in range(first, last + 1))) & self.seconds.keys()

    def using(self, module: str) -> set[str]:
        """The tests that reach any line of a file."""
        return set().union(*self.tests.get(module, {}).values()) & self.seconds.keys()

    def importing(self, module: str, first: int, last: int) -> set[str]:
        """The test files that run one of these lines when they are imported."""
        lines = self.imported.get(module, {})
        return set().union(*(lines.get(line, ()) for line in range(first, last + 1)))


def reach(root: Path, servers: SimpleQueue[Server], workers: int, step: Callable[[int, int], None]) -> Reach:
    """Runs the test files that need it, and puts all together; `step` is told how many of how many are done."""
    files = [str(path.relative_to(root)) for folder in TESTS for path in sorted((root / folder).rglob("test_*.py"))]
    helpers = [path.relative_to(root) for path in (root / "tests").rglob("*.py") if not path.stem.startswith("test_")]
    (WORK / "reach").mkdir(parents=True, exist_ok=True)

    def one(file: str) -> dict[str, Any]:
        kept = WORK / "reach" / f"{file.replace('/', '-')}.json"
        known = json.loads(kept.read_text()) if kept.exists() else None
        if known is None or known["hashes"] != hashes(root, known["hashes"]):
            known = _run(file, servers)
            known["hashes"] = hashes(root, [file, *known["lines"], *map(str, helpers)])
            kept.write_text(json.dumps(known))
        return known

    found = Reach({}, [], {}, {})
    with ThreadPoolExecutor(workers) as pool:
        for done, (file, run) in enumerate(zip(files, pool.map(one, files), strict=True), start=1):
            _add(found, file, run)
            step(done, len(files))
    return found


def hashes(root: Path, names: Iterable[str]) -> dict[str, str | None]:
    """Of the files' bytes; None where there is none."""
    paths = {name: root / name for name in names}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None
        for name, path in paths.items()
    }


def _run(file: str, servers: SimpleQueue[Server]) -> dict[str, Any]:
    written = WORK / "reach" / f"{file.replace('/', '-')}.new"
    written.unlink(missing_ok=True)
    server = servers.get()
    try:
        answer = server.ask(coverage=str(written), tests=[file], profile="unshrunk", seconds=SECONDS_A_FILE)
    finally:
        servers.put(server)
    if not written.exists():
        raise RuntimeError(f"{file} did not run to its end: {answer}; see the logs in {WORK}")
    found: dict[str, Any] = json.loads(written.read_text())
    written.unlink()
    # Only files that a test reaches; all the others are imported, too.
    reached = {name for name, lines in found["lines"].items() if any(max(tests) >= 0 for tests in lines.values())}
    found["lines"] = {name: found["lines"][name] for name in sorted(reached)}
    return found


def _add(found: Reach, test_file: str, run: dict[str, Any]) -> None:
    names = list(run["tests"])
    for test, result in run["tests"].items():
        if result["passed"]:
            found.seconds[test] = result["seconds"]
        else:
            found.failing.append(test)
    for file, lines in run["lines"].items():
        for line, tests in lines.items():
            if -1 in tests:
                found.imported.setdefault(file, {}).setdefault(int(line), set()).add(test_file)
            found.tests.setdefault(file, {}).setdefault(int(line), set()).update(names[i] for i in tests if i >= 0)
