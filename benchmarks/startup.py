"""Whole processes: start-up, loading and one job, beside those of commit ea3f4b2, which loaded every library at once.

Processor seconds of the child processes, one thread each, in turns, with the compiled files that Python keeps in
between; the ratio is the median of the pairs. Without the git history there is no old checkout, and no ratio. MNIST
comes from the folder in ROBUST_MEMORIZATION_DATA, or from the hub, and is left out where neither is there.
"""

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.earlier import BEFORE, ONE_THREAD, ROOT, checkout

# What runs, in how many turns, and by how many times it has to be faster.
PROCESSES: tuple[tuple[str, list[str], int, float | None], ...] = (
    ("constructions --help", ["-m", "constructions", "--help"], 7, 5.0),
    ("theory", ["-m", "theory"], 5, None),
    ("import theory", ["-c", "import theory"], 5, None),
    ("import constructions", ["-c", "import constructions"], 5, None),
    ("import constructions.check", ["-c", "import constructions.check.__main__"], 5, None),
    ("load mnist5k", ["-c", "import constructions; constructions.load_sample('mnist5k')"], 5, None),
    ("load mnist", ["-c", "import constructions; constructions.load_sample('mnist')"], 3, None),
    ("constructions mnist5k", ["-m", "constructions", "mnist5k", "--radius", "0.5", "--p", "2"], 5, 3.0),
)


def seconds(arguments: list[str], folder: Path, compiled: str) -> float:
    """Processor time of a new process in a folder, whose packages go before those that are installed.

    Args:
        arguments: of Python.
        folder: with the packages.
        compiled: a folder for what Python compiles.
    """
    kept = {name: value for name, value in ONE_THREAD.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = kept | {"PYTHONPYCACHEPREFIX": compiled}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows() -> list[dict[str, Any]]:
    result = []
    with checkout() as old, TemporaryDirectory() as compiled:
        folders = [ROOT] if old is None else [ROOT, old]
        for name, arguments, turns, limit in PROCESSES:
            try:
                # The first run compiles, and prepares the cache of the data.
                for folder in folders:
                    seconds(arguments, folder, compiled)
            except subprocess.CalledProcessError as error:
                print(f"{name} is left out: {error.stderr.decode().splitlines()[-1]}", file=sys.stderr)
                continue
            times = [[seconds(arguments, folder, compiled) for folder in folders] for _ in range(turns)]
            result.append(
                {
                    "process": name,
                    "now s": median(pair[0] for pair in times),
                    f"{BEFORE} s": median(pair[-1] for pair in times) if old else None,
                    "times faster": median(pair[-1] / pair[0] for pair in times) if old else None,
                    "limit": limit,
                }
            )
    return result
