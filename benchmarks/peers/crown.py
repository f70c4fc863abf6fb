"""`python -m benchmarks.peers.crown FILE`: CROWN of auto_LiRPA on balls of a dense network, one after the other.

The file has the network's `weight_k` and `bias_k`, and `points`, `labels`, `radius` of balls of p = ∞. Printed is a
line of JSON: the version, the proved balls, the processor seconds of each, without those for reading the network.
"""

import json
import sys
import time
from importlib import import_module
from itertools import count
from typing import Any

import numpy as np


def main() -> None:
    import torch

    lirpa: Any = import_module("auto_LiRPA")
    torch.set_num_threads(1)
    with np.load(sys.argv[1]) as file:
        stored = dict(file)
    modules: list[Any] = []
    for k in count():
        if f"weight_{k}" not in stored:
            break
        weight = stored[f"weight_{k}"]
        affine = torch.nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            affine.weight.copy_(torch.tensor(weight))
            affine.bias.copy_(torch.tensor(stored[f"bias_{k}"]))
        modules += [affine, torch.nn.ReLU()]
    points, labels, radius = stored["points"], stored["labels"], float(stored["radius"])
    bounded = lirpa.BoundedModule(torch.nn.Sequential(*modules[:-1]), torch.zeros(1, points.shape[1]))
    classes = modules[-2].out_features
    proved, seconds = [], []
    for x, label in zip(points[[0, *range(len(points))]], labels[[0, *range(len(points))]], strict=True):
        started = time.process_time()
        form = torch.zeros(1, classes - 1, classes)
        form[0, :, label] = 1.0
        form[0, torch.arange(classes - 1), [c for c in range(classes) if c != label]] = -1.0
        ball = lirpa.PerturbationLpNorm(norm=np.inf, eps=radius)
        at = lirpa.BoundedTensor(torch.tensor(x[None], dtype=torch.float32), ball)
        with torch.no_grad():
            lower, _ = bounded.compute_bounds(x=(at,), C=form, method="CROWN", bound_upper=False)
        proved.append(bool((lower > 0).all()))
        seconds.append(time.process_time() - started)
    # The first ball was there to warm up.
    version = f"auto_LiRPA {getattr(lirpa, '__version__', 'of an unknown version')}"
    print(json.dumps({"version": version, "proved": proved[1:], "seconds": seconds[1:]}))


if __name__ == "__main__":
    main()
