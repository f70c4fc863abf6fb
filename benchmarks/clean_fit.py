"""Fit of a clean classifier without training error: processor seconds beside those of commit ea3f4b2, one thread.

Needs MNIST and CIFAR-10: a folder in the layout of the hub in ROBUST_MEMORIZATION_DATA, or the hub.
"""

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.earlier import BEFORE, ROOT, answer, checkout
from constructions.samples.hub import open_hub_images
from constructions.samples.loading import load_sample

# Repeats, and whether the old fit runs too: of 60,000 images it did not end within 12 minutes.
RUNS = (("mnist5k", 5, True), ("mnist 10,000", 3, True), ("mnist", 1, False), ("cifar10", 1, False))
_FIT = """
import json, sys, time, numpy as np
from {module} import fit_clean
data = np.load(sys.argv[1])
fit_clean(data["points"][::50], data["codes"][::50], 10)  # imports
started = time.process_time()
network = fit_clean(data["points"], data["codes"], 10)
seconds = time.process_time() - started
values = network(data["points"])
assert (values.argmax(axis=1) == data["codes"]).all()
print(json.dumps([seconds, *network.widths]))
"""


def fit(root: Path, module: str, data: Path) -> tuple[float, str]:
    """Processor seconds in a process of one thread that finds its packages in `root`, and the widths."""
    seconds, *widths = answer(root, _FIT.format(module=module), str(data))
    return seconds, " → ".join(map(str, widths))


def rows() -> list[dict[str, Any]]:
    """MNIST beside the old fit, in turns; what takes the old fit many minutes with the new one only."""
    found = []
    with checkout() as old, tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        for name, repeats, comparable in RUNS:
            points, codes = _sample(name)
            np.savez(data, points=points, codes=codes)
            new, before, widths = [], [], ""
            for _ in range(repeats):
                seconds, widths = fit(ROOT, "constructions.memorizers.clean", data)
                new.append(seconds)
                if comparable and old is not None:
                    before.append(fit(old, "constructions.clean", data)[0])
            row: dict[str, Any] = {"data": name, "points": len(points), "widths": widths, "seconds": median(new)}
            ratio = median(a / b for a, b in zip(before, new, strict=True)) if before else "-"
            found.append(row | {f"{BEFORE} seconds": median(before) if before else "not run", "ratio": ratio})
    return found


def _sample(name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "mnist5k":
        points, labels = load_sample(name)
        return points, np.array(labels)
    images = open_hub_images(name.split()[0], "train")
    count = 10_000 if name.endswith("10,000") else len(images.labels)
    rows = np.sort(np.random.default_rng(0).permutation(len(images.labels))[:count])
    return images.pixels(rows).reshape(count, -1) / 255.0, images.labels[rows]
