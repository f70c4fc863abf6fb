"""Ten thousand points in ten thousand dimensions: the memory is that of the data, and little more."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, resource, sys
from empirics.linear_data import LinearData, random_direction
from empirics.neurons import Recipe
from empirics.stages import train_in_stages
size = int(sys.argv[1])
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
sample = LinearData(random_direction(size, 0), 4 * size**0.5, 1.0, 0.05).sample(size, 1)
run = train_in_stages(sample, 0.2 * size**0.5, 0.5 * size, Recipe(linear_steps=10, steps=40), record_at=[])
print(json.dumps({"memory": peak() - before, "data": sample.points.nbytes, "error": run.certified_error}))
"""


@pytest.mark.parametrize("size", [1500, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_memory_is_bounded_by_the_data(size):
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(size)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["error"] == 0.0
    # One copy of the points, the neurons and their gradients (a twentieth of it, some of them), and blocks of 64 MB.
    assert found["memory"] <= 1.5 * found["data"] + 5 * 2**26
