"""`python -m benchmarks.peers.crown FOLDER`: CROWN of auto_LiRPA on balls of a network, one after the other.

The folder has `network.npz`, and `balls.npz` with `points`, `labels` and `radius` of balls of p = ∞. Printed is a line
of JSON: the version, the proved balls, the processor seconds of each, without those for reading the network.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.auto_lirpa import bounded, name
from constructions.networks.network import ReLUNetwork


def main() -> None:
    import torch

    lirpa: Any = import_module("auto_LiRPA")
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    network = ReLUNetwork.load(folder / "network.npz")
    with np.load(folder / "balls.npz") as file:
        points, labels, radius = file["points"], file["labels"], float(file["radius"])
    module, classes = bounded(network), network.outputs
    proved, seconds = [], []
    for x, label in zip(points[[0, *range(len(points))]], labels[[0, *range(len(points))]], strict=True):
        started = time.process_time()
        form = torch.zeros(1, classes - 1, classes)
        form[0, :, label] = 1.0
        form[0, torch.arange(classes - 1), [c for c in range(classes) if c != label]] = -1.0
        ball = lirpa.PerturbationLpNorm(norm=np.inf, eps=radius)
        at = lirpa.BoundedTensor(torch.tensor(x[None], dtype=torch.float32), ball)
        with torch.no_grad():
            lower, _ = module.compute_bounds(x=(at,), C=form, method="CROWN", bound_upper=False)
        proved.append(bool((lower > 0).all()))
        seconds.append(time.process_time() - started)
    # The first ball was there to warm up.
    print(json.dumps({"version": name(), "proved": proved[1:], "seconds": seconds[1:]}))


if __name__ == "__main__":
    main()
