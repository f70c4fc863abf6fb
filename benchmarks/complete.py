"""Complete data sets, every image memorized: built, counted, certified; peak memory over the network's own bytes.

All of MNIST (60,000 × 784) and CIFAR-10 (50,000 × 3,072), from the folder in ROBUST_MEMORIZATION_DATA or from the hub;
what is not there is left out. Processor seconds of one thread, exact separation included, while the memory is traced:
what numpy allocates beyond the points and the copy of them that a memorizer holds.
"""

import sys
import time
import tracemalloc
from typing import Any

import numpy as np

from constructions import load_sample, robust_memorizer

_RADII = {"mnist": {1.0: 0.5, 2.0: 0.5, np.inf: 0.1}, "cifar10": {1.0: 2.0, 2.0: 0.5, np.inf: 8 / 255}}


def rows() -> list[dict[str, Any]]:
    result = []
    for name, radii in _RADII.items():
        try:
            points, labels = load_sample(name)
        except FileNotFoundError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        result += [_row(name, points, labels, p, radius) for p, radius in radii.items()]
        del points
    return result


def _row(name: str, points: np.ndarray, labels: list[Any], p: float, radius: float) -> dict[str, Any]:
    tracemalloc.start()
    started = time.process_time()
    built = robust_memorizer(points, labels, radius=radius, p=p, small="all", progress=True)
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1] - points.nbytes
    tracemalloc.reset_peak()
    started = time.process_time()
    certified = built.certify().count("certified")
    certify_seconds = time.process_time() - started
    certify_peak = tracemalloc.get_traced_memory()[1] - points.nbytes
    tracemalloc.stop()
    return {
        "data": f"{len(points)} of {name}",
        "p": p,
        "radius": radius,
        "separation": built.task.separation,
        "non-zeros": built.size.nonzero,
        "over n d": built.size.coefficient,
        "network MB": built.size.bytes / 1e6,
        "peak over network": peak / built.size.bytes,
        "limit": 2.0,
        "certified": certified,
        "build s": seconds,
        "certify s": certify_seconds,
        "peak of both": max(peak, certify_peak) / built.size.bytes,
    }
