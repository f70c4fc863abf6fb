"""The exact separation beside that of commit ea3f4b2 and scipy's distances, in processor seconds of one thread.

Whole MNIST and CIFAR-10 take too long for those: they are extrapolated from a part, by the square of the number of
points, and MNIST is beside the time that reading its images takes. Both come from the folder in
ROBUST_MEMORIZATION_DATA, or from the hub, and are left out where neither is there.
"""

import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.earlier import BEFORE, ROOT, answer, checkout
from constructions.samples.loading import load_sample

_SEPARATION = """
import json, sys, time
import numpy as np
from theory import separation
with np.load(sys.argv[1]) as file:
    points, labels = file["points"], file["labels"]
started = time.process_time()
found = separation(points, labels, float(sys.argv[2]))
print(json.dumps([time.process_time() - started, found.distance, list(found.pair)]))
"""
_DISTANCES = """
import json, sys, time
import numpy as np
from scipy.spatial.distance import cdist
with np.load(sys.argv[1]) as file:
    points = file["points"]
metric = {"1.0": "cityblock", "2.0": "euclidean", "inf": "chebyshev"}[sys.argv[2]]
started = time.process_time()
cdist(points, points, metric)
print(json.dumps([time.process_time() - started]))
"""
_READING = """
import json, sys, time
started = time.process_time()
from constructions import load_sample
load_sample(sys.argv[1])
print(json.dumps([time.process_time() - started]))
"""
_NORMS = (1.0, 2.0, np.inf)
# Of commit ea3f4b2's time, and of scipy's.
_LIMITS: dict[str, dict[float, tuple[float | None, float]]] = {
    "mnist5k": {1.0: (10, 20), 2.0: (2.5, 20), np.inf: (10, 20)},
    "mnist": {1.0: (50, 0), 2.0: (25, 0), np.inf: (150, 0)},
    "cifar10": {1.0: (None, 150), 2.0: (None, 500), np.inf: (None, 500)},
}
_PART = {"mnist": 7500, "cifar10": 2500}


def rows() -> list[dict[str, Any]]:
    result = []
    with checkout() as old, TemporaryDirectory() as folder:
        for name, turns in (("mnist5k", 5), ("mnist", 3), ("cifar10", 3)):
            try:
                points, labels = load_sample(name)
            except FileNotFoundError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                continue
            size, part = len(points), _PART.get(name, len(points))
            whole, few = (Path(folder) / f"{name}-{kind}.npz" for kind in ("whole", "few"))
            np.savez(whole, points=points, labels=np.array(labels))
            chosen = np.arange(0, size, size // part)[:part]
            np.savez(few, points=points[chosen], labels=np.array(labels)[chosen])
            del points
            scale = (size / part) ** 2
            for p in _NORMS:
                result.append(_row(name, size, p, (whole, few), scale, old, turns if p != 1.0 or scale == 1 else 1))
    return result


def _row(
    name: str, size: int, p: float, files: tuple[Path, Path], scale: float, old: Path | None, turns: int
) -> dict[str, Any]:
    whole, few = map(str, files)
    now, before, peer, reading = [], [], [], []
    for _ in range(turns):
        seconds, distance, pair = answer(ROOT, _SEPARATION, whole, str(p))
        now.append(seconds)
        peer.append(scale * answer(ROOT, _DISTANCES, few, str(p))[0])
        if old is not None and name != "cifar10":
            before.append(scale * answer(old, _SEPARATION, few, str(p))[0])
        if name != "mnist5k":
            reading.append(answer(ROOT, _READING, name)[0])
    faster, cheaper = _LIMITS[name][p]
    return {
        "data": f"{size} of {name}",
        "p": p,
        "distance": distance,
        "pair": "{} {}".format(*pair),
        "now s": median(now),
        f"{BEFORE} s": median(before) if before else None,
        "times faster": median(b / a for a, b in zip(now, before, strict=True)) if before else None,
        "required": faster,
        "cdist s": median(peer),
        "cdist / now": median(b / a for a, b in zip(now, peer, strict=True)),
        "required of cdist": cheaper,
        "extrapolated from": None if scale == 1 else f"{int(size / scale**0.5)} points",
        "reading s": median(reading) if reading else None,
    }
