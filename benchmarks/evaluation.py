"""Fast evaluation for p = 2 against the one matrix product `X Cᵀ` that it cannot avoid."""

from typing import Any

import numpy as np

from benchmarks.timing import in_turns
from constructions import load_sample, robust_memorizer
from constructions.memorizers.clean import fit_clean
from constructions.samples.sample import read_sample


def rows() -> list[dict[str, Any]]:
    points, labels = load_sample("mnist5k")
    sample = read_sample(points, labels)
    clean = fit_clean(sample.points, sample.codes, sample.outputs)
    built = robust_memorizer(points, labels, radius=0.5, p=2, clean=clean, small="all")
    rng = np.random.default_rng(0)
    inputs = {
        "training points": points,
        "points in their balls": points + rng.uniform(-1, 1, points.shape) * 0.5 / np.sqrt(points.shape[1]),
        "uniform points": rng.uniform(0, 1, points.shape),
    }
    result = []
    for name, x in inputs.items():
        product, evaluation = in_turns(lambda x=x: x @ points.T, lambda x=x: built(x))
        result.append(
            {
                "inputs": f"5000 {name}, mnist5k",
                "product ms": 1e3 * product,
                "evaluation ms": 1e3 * evaluation,
                "ratio": evaluation / product,
                "limit": 1.5,
            }
        )
    return result
