"""`pytest --data=FILE` on a file of one's own, inside and outside the project."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("radius", "passed"), [("0.3", "7 passed"), ("0.6", "1 failed")])
def test_a_file_of_ones_own(tmp_path: Path, radius: str, passed: str) -> None:
    points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    np.savez(tmp_path / "xor.npz", points=points, labels=[-1, 1, 1, -1])
    options = [f"--data={tmp_path / 'xor.npz'}", "--radius", radius, "--p", "inf", "-q", "-p", "no:cacheprovider"]
    answer = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, capture_output=True, text=True)
    assert passed in answer.stdout, answer.stdout + answer.stderr
    assert ("is too large" in answer.stdout) == (passed == "1 failed")
