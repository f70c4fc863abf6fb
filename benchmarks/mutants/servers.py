"""A copy of the project, and the servers that run tests in it."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "mutants"


def copies_of_project(count: int) -> list[Path]:
    """Copies of what git would keep, all the same; what is compiled stays from one run to the next."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    names = {name for name in listed if name and (ROOT / name).is_file()}
    copies = [WORK / f"copy-{number}" for number in range(count)]
    for source, copy in zip([ROOT, *copies], copies, strict=False):
        for path in list(copy.rglob("*")):
            if path.is_file() and path.suffix != ".pyc" and str(path.relative_to(copy)) not in names:
                path.unlink()
        for name in names:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, copy / name)
    return copies


class Server:
    """One process of `benchmarks.mutants.server`; it starts when it is first asked."""

    def __init__(self, kind: str, directory: Path) -> None:
        self._kind, self._directory = kind, directory
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            RuntimeError: if the server ends.
        """
        if self._process is None:
            self._start()
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"the {self._kind} server ended: see {self._log}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        if self._process is not None:
            with suppress(BrokenPipeError):
                self._requests.close()
            self._answers.close()
            self._process.wait()

    def _start(self) -> None:
        asked, requests = os.pipe()
        answers, answered = os.pipe()
        command = [sys.executable, "-m", "benchmarks.mutants.server", self._kind, str(self._directory)]
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        self._log = self._directory / f"{self._kind}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, str(asked), str(answered)],
                cwd=ROOT,
                env={**os.environ, **threads, "PYTHONHASHSEED": "0"},
                pass_fds=(asked, answered),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        os.close(asked)
        os.close(answered)
        self._requests, self._answers = os.fdopen(requests, "w"), os.fdopen(answers)
