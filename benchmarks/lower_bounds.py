"""What no robust classifier of these points goes below: coordinates read and rank of the first weight, both checked.

Every bound holds for any function that is right on all closed balls, and is checked again by its pairs and weights in
integers. MNIST comes from the folder in ROBUST_MEMORIZATION_DATA, or from the hub, and is left out where neither is
there. Processor seconds of one thread.
"""

import sys
import time
from typing import Any

import numpy as np

from constructions.samples.loading import load_sample
from theory.lower_bounds.coordinates import coordinates_needed
from theory.lower_bounds.network import network_size_needed
from theory.lower_bounds.rank import first_layer_rank_needed

_RADII = {
    "digits": {2.0: (0.1, 0.2, 0.3), np.inf: (0.1, 0.2)},
    "mnist5k": {2.0: (0.5, 1.0), np.inf: (0.1, 0.2, 0.3)},
    "mnist": {2.0: (0.5, 0.1, 0.25, 0.75, 1.0, 1.1), np.inf: (0.1, 0.2, 0.3)},
}
# Of coordinates and rank, what was hoped for.
_REQUIRED = {("mnist", 2.0, 0.5): (25, 4)}
# Coordinates that are proved by cases; one more takes tens of times as many.
_ENOUGH = {("mnist", 2.0, 0.5): 22}
_SECONDS, _SECONDS_BY_CASES = 240.0, 1500.0


def rows() -> list[dict[str, Any]]:
    result = []
    for name, norms in _RADII.items():
        try:
            points, labels = load_sample(name)
        except FileNotFoundError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        result += [_row(name, points, labels, p, radius) for p, radii in norms.items() for radius in radii]
        del points
    return result


def _row(name: str, points: np.ndarray, labels: list[Any], p: float, radius: float) -> dict[str, Any]:
    clock = [time.process_time()]
    enough = _ENOUGH.get((name, p, radius), 0)
    seconds = _SECONDS_BY_CASES if enough else _SECONDS
    coordinates = coordinates_needed(points, labels, radius=radius, p=p, enough=enough, seconds=seconds)
    clock.append(time.process_time())
    rank = first_layer_rank_needed(points, labels, radius=radius, p=p, seconds=_SECONDS)
    clock.append(time.process_time())
    coordinates.check(points, labels)
    rank.check(points, labels)
    clock.append(time.process_time())
    nonzero, entries = network_size_needed(coordinates, rank)
    least, low = _REQUIRED.get((name, p, radius), (None, None))
    return {
        "data": f"{len(points)} of {name}",
        "p": p,
        "radius": radius,
        "coordinates": coordinates.count,
        "required": least,
        "rank": rank.rank,
        "required rank": low,
        "non-zeros": nonzero,
        "entries": entries,
        "cases": len(coordinates.weights),
        "pairs": f"{len(coordinates.pairs)} and {len(rank.pairs)}",
        "coordinates s": clock[1] - clock[0],
        "rank s": clock[2] - clock[1],
        "check s": clock[3] - clock[2],
    }
