"""Ten thousand points in ten thousand dimensions: the memory is that of the data, and little more."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, resource, sys, time
from dataclasses import replace
import numpy as np
import torch
from empirics.gaussian.mixed_attack import attacked_margins
from empirics.gaussian.samples import LinearData, random_direction
from empirics.gaussian.neurons import StagedRecipe
from empirics.gaussian.stages import train_in_stages
torch.set_num_threads(1)
size = int(sys.argv[1])
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before, started = peak(), time.perf_counter()
sample = LinearData(random_direction(size, 0), 4 * size**0.5, 1.0, 0.05).sample(size, 1)
radius = 0.2 * size**0.5
# The last record is an attack of every point from every wrong neuron, beside its certificate.
run = train_in_stages(sample, radius, 0.5 * size, StagedRecipe(linear_steps=10, steps=40), record_at=[])
trained = time.perf_counter()
# And the masked case, where every wrong neuron is on within the balls of the large-margin points.
model = replace(run.model, threshold=0.25 * size)
some = np.flatnonzero(~sample.small)[: size // 10]
points, labels = sample.points[some], sample.labels[some]
masked = attacked_margins(model, points, labels, 0.6 * size**0.5)
print(json.dumps({
    "memory": peak() - before, "data": sample.points.nbytes,
    "seconds": [trained - started, time.perf_counter() - trained],
    "certified": run.certified_error, "attacked": run.records[-1].attacked_error,
    "gap": run.records[-1].attacked_margin - run.records[-1].margin, "masked": float((masked <= 0).mean()),
}))
"""


@pytest.mark.parametrize("size", [1500, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_memory_is_bounded_by_the_data(size) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(size)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    print(found)
    assert found["certified"] == found["attacked"] == 0.0
    assert found["gap"] >= 0
    assert found["masked"] == 1.0
    # One copy of the points, a tenth of them again, the neurons (a twentieth, a few times), and blocks of 64 MB.
    assert found["memory"] <= 1.5 * found["data"] + 5 * 2**26
