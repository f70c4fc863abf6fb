"""With what, on what and when a run was made."""

import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_LIBRARIES = ("numpy", "scipy", "sympy", "torch", "scikit-learn", "hypothesis", "pytest")


def facts(started: float, command: str, seed: str) -> dict[str, Any]:
    """Of a run that began at this time, in seconds since 1970, and ends now."""
    ended = time.time()
    return {
        "version": _version("robust-memorization"),
        "commit": commit(),
        "start": _utc(started),
        "end": _utc(ended),
        "seconds": round(ended - started, 1),
        "command": command,
        "seed": seed,
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{_accelerator()}",
    }


def commit(root: Path = ROOT) -> str:
    """Of the checkout, and whether files of it were changed since."""
    try:
        name = _git(root, "rev-parse", "HEAD")
        changed = len(_git(root, "status", "--porcelain").splitlines())
    except (OSError, subprocess.CalledProcessError):
        return "no checkout of a repository"
    return name + (f", and {changed} files changed or new" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _accelerator() -> str:
    torch = sys.modules.get("torch")
    return f", {torch.cuda.get_device_name()}" if torch and torch.cuda.is_available() else ""


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
