"""Earlier commits beside today's code, in the same run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
# What speed is compared with.
BEFORE = "ea3f4b2"
# The environment of a process that computes in one thread.
ONE_THREAD = os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


@contextmanager
def checkout(commit: str = BEFORE) -> Iterator[Path | None]:
    """A folder with the files of a commit; None, and a line on stderr, where git or its history is not there."""
    with TemporaryDirectory() as name:
        try:
            files = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no comparison with {commit}: {error}", file=sys.stderr)
            yield None
            return
        subprocess.run(["tar", "x"], cwd=name, input=files, check=True)
        yield Path(name)


def answer(folder: Path, code: str, *arguments: str) -> Any:
    """The last line that a program prints, read as JSON; run in a folder, whose packages go first, in one thread."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=folder, env=ONE_THREAD, capture_output=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
