"""Fast evaluation against what an evaluation by all distances cannot avoid: one matrix product, or one table.

Processor seconds. For p = 2 the ratio is the evaluation over one product `X Cᵀ`, for p = 1 and ∞ one table of distances
by scipy over the evaluation.
"""

import time
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from benchmarks.timing import in_turns
from constructions import load_sample, robust_memorizer

_BUILT = ((1.0, 2.0, "cityblock"), (2.0, 0.5, ""), (np.inf, 0.1, "chebyshev"))


def rows() -> list[dict[str, Any]]:
    points, labels = load_sample("mnist5k")
    rng = np.random.default_rng(0)
    result = []
    for p, radius, metric in _BUILT:
        built = robust_memorizer(points, labels, radius=radius, p=p, small="all")
        step = radius * float(points.shape[1]) ** -(0.0 if np.isinf(p) else 1 / p)
        inputs = {
            "training points": points,
            "points in their balls": points + rng.uniform(-step, step, points.shape),
            "uniform points": rng.uniform(0, 1, points.shape),
        }
        for name, x in inputs.items():

            def peer(x: np.ndarray = x, metric: str = metric) -> Any:
                return cdist(x, points, metric) if metric else x @ points.T

            alone, evaluation = in_turns(
                peer, lambda x=x, built=built: built(x), repeats=3 if metric else 9, clock=time.process_time
            )
            result.append(
                {
                    "p": p,
                    "inputs": f"5000 {name}, mnist5k",
                    "peer": f"scipy cdist {metric}" if metric else "one product",
                    "peer s": alone,
                    "evaluation s": evaluation,
                    "times faster": alone / evaluation,
                    "required": 5.0 if metric else 1 / 1.5,
                }
            )
    return result
