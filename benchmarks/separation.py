"""The exact separation against the distances alone, computed in the fastest way there is and decided by nothing."""

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from benchmarks.timing import in_turns
from constructions import load_sample
from theory.setting.separation import separation


def rows() -> list[dict[str, Any]]:
    points, labels = load_sample("mnist5k")
    named = np.array(labels)
    peers = {
        1.0: ("scipy cdist cityblock, one thread", lambda: cdist(points, points, "cityblock")),
        2.0: ("one matrix product X Xᵀ", lambda: points @ points.T),
        np.inf: ("scipy cdist chebyshev, one thread", lambda: cdist(points, points, "chebyshev")),
    }
    result = []
    for p, (name, peer) in peers.items():
        alone, exact = in_turns(peer, lambda p=p: separation(points, named, p), repeats=3)
        result.append({"p": p, "peer": name, "peer s": alone, "exact s": exact, "ratio": exact / alone})
    return result
