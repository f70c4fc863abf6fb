"""Non-zeros beside the clean network's own over `n d`, on mnist5k with every point memorized, for both methods."""

from typing import Any

import numpy as np

from constructions import load_sample, robust_memorizer
from constructions.memorizers.clean import fit_clean
from constructions.samples.sample import read_sample

LIMIT = {1.0: 1.10, 2.0: 1.05, np.inf: 1.05}
# Built up to here; beyond, per_point is its own formula, equal to the count wherever both are known.
_PER_POINT = 500


def rows() -> list[dict[str, Any]]:
    points, labels = load_sample("mnist5k")
    sample = read_sample(points, labels)
    clean = fit_clean(sample.points, sample.codes, sample.outputs)
    order = np.random.default_rng(0).permutation(len(points))
    result = []
    for p in (1.0, 2.0, np.inf):
        for n in (100, 500, 1000, 2000, 5000):
            chosen = order[:n]
            task = {"points": points[chosen], "labels": [labels[k] for k in chosen], "radius": 0.1, "p": p}
            shared = robust_memorizer(**task, clean=clean, small="all").size
            per_point = shared.sketch
            if n <= _PER_POINT:
                built = robust_memorizer(**task, clean=clean, small="all", method="per_point").size
                per_point = built.indicators + built.symbols["Z"]
                assert per_point == shared.sketch
            result.append(
                {
                    "p": p,
                    "n": n,
                    "shared": shared.coefficient,
                    "shared, no zeros in the data": shared.general_coefficient,
                    "limit at n = 5000": LIMIT[p],
                    "per point, no zeros": per_point / (n * shared.dim),
                    "per point over shared": per_point / (n * shared.dim) / shared.general_coefficient,
                }
            )
    return result
