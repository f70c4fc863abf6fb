"""What of a certificate is confirmed."""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from constructions.check.distances import indicator_bounds
from constructions.check.exact import exact_margin
from constructions.check.files import Layer
from constructions.check.intervals import margin_bounds, rounded
from constructions.check.lipschitz import lipschitz_bounds
from constructions.check.witnesses import fails, is_inside

# Points times non-zeros; rational arithmetic takes about 10 μs for each.
EXACT_LIMIT = 2_000_000


def check(certificate: dict[str, Any], layers: list[Layer], points: np.ndarray, labels: np.ndarray) -> list[str]:
    """What could not be confirmed, in words."""
    radius = certificate["radius"]
    # Exact arithmetic is a way to a bound over the reals, and the claim is the same.
    arithmetic = "reals" if certificate["arithmetic"] == "rational" else certificate["arithmetic"]
    p = math.inf if certificate["p"] == "inf" else certificate["p"]
    small = len(points) * sum(len(f.value) for f in layers) <= EXACT_LIMIT
    executed = [rounded(f, arithmetic) for f in layers]
    known = None
    if arithmetic == "reals":
        known = indicator_bounds(layers, certificate["indicators"], points, radius, p)
    lower = margin_bounds(executed, points, labels, radius, p, arithmetic, known)
    if known is not None:
        # Intervals are a way to a bound that needs no distances.
        left = [i for i, record in enumerate(certificate["records"]) if _is_open(record, lower[i])]
        if left:
            known = replace(known, alone=False)
            lower[left] = margin_bounds(executed, points[left], labels[left], radius, p, arithmetic, known)
    if p == 2:
        left = [i for i, record in enumerate(certificate["records"]) if _is_open(record, lower[i])]
        if left:
            steep = lipschitz_bounds(executed, points[left], labels[left], radius, arithmetic)
            lower[left] = np.maximum(lower[left], steep)
    failures = []
    for i, record in enumerate(certificate["records"]):
        claim, status = record["lower"], record["status"]
        bound: float | Fraction = float(lower[i])
        if _is_open(record, bound) and arithmetic == "reals" and small:
            bound = max(bound, exact_margin(layers, points[i], int(labels[i]), radius, p))
        if status == "certified" and not bound > 0:
            failures.append(f"point {i}: certified, but the bound found here is {_shown(bound)}")
        elif claim is not None and not bound >= claim:
            failures.append(f"point {i}: lower bound {claim!r}, but {_shown(bound)} found here")
        elif status == "certified" and not (claim is not None and claim > 0):
            failures.append(f"point {i}: certified with the lower bound {claim!r}")
        elif (status == "refuted") != (record["witness"] is not None):
            failures.append(f"point {i}: {status}, so it needs {'a' if status == 'refuted' else 'no'} witness")
        elif status == "refuted":
            x = np.array(record["witness"], dtype=np.float64)
            if not (is_inside(x, points[i], radius, p) and fails(layers, executed, x, int(labels[i]), arithmetic)):
                failures.append(f"point {i}: refuted, but the witness fails to be in the ball or to be an error")
    return failures


def _is_open(record: dict[str, Any], bound: float | Fraction) -> bool:
    claim = record["lower"]
    return (claim is not None and not bound >= claim) or (record["status"] == "certified" and not bound > 0)


def _shown(bound: float | Fraction) -> str:
    try:
        return repr(float(bound))
    except OverflowError:
        return "a number beyond float64"
