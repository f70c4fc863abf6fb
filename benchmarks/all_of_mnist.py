"""All of MNIST, 60,000 × 784: the network built and counted, peak memory over the network's own bytes.

Needs MNIST (a folder in the layout of the hub in ROBUST_MEMORIZATION_DATA, or the hub) and about 10 minutes,
mostly for the exact separations. Memory is what numpy allocates beyond the points themselves.
"""

import time
import tracemalloc
from typing import Any

import numpy as np

from constructions import Affine, load_sample, robust_memorizer


def rows() -> list[dict[str, Any]]:
    points, labels = load_sample("mnist")
    # Every point is memorized and counted without the clean part, so any affine map serves as f_clean.
    clean = Affine(np.ones((10, points.shape[1])) / points.shape[1], np.arange(10.0))
    result = []
    for p, radius in ((1.0, 0.5), (2.0, 0.5), (np.inf, 0.1)):
        tracemalloc.start()
        started = time.perf_counter()
        built = robust_memorizer(points, labels, radius=radius, p=p, clean=clean, small="all", progress=True)
        seconds = time.perf_counter() - started
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        started = time.perf_counter()
        certified = built.certify().count("certified")
        result.append(
            {
                "p": p,
                "radius": radius,
                "separation": built.task.separation,
                "non-zeros": built.size.nonzero,
                "over n d": built.size.coefficient,
                "network MB": built.size.bytes / 1e6,
                "peak over network": peak / built.size.bytes,
                "limit": 3.0,
                "certified": certified,
                "build s": seconds,
                "certify s": time.perf_counter() - started,
            }
        )
        del built
    return result
