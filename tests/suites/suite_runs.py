"""The suites for other people's builders, run as their users run them."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def failures(option: str, builder: str, test: str = "test") -> set[str]:
    """Names of the tests that fail for a builder, of those with this in their name.

    Args:
        option: "--memorizer" or "--construction".
        builder: such as "tests.suites.faulty_builders:right".
        test: part of the names of the tests to be run.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no"]
    command += ["--hypothesis-profile=unshrunk", option, builder, "-k", test]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    assert re.search(r"\d+ (passed|failed)", run.stdout), run.stdout
    return set(re.findall(r"^FAILED \S+::(\w+)", run.stdout, flags=re.MULTILINE))
