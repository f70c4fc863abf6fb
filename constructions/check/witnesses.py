"""Whether a witness is in its ball and an error."""

import math
from fractions import Fraction

import numpy as np

from constructions.check.exact import exact_margin
from constructions.check.files import Layer
from constructions.check.intervals import BLOCK, dense


def is_inside(x: np.ndarray, centre: np.ndarray, radius: float, p: float) -> bool:
    """Whether x is in `B_p(centre, radius)`, exactly."""
    if x.shape != centre.shape or not np.isfinite(x).all() or not (p == math.inf or (p == int(p) and p <= 64)):
        return False
    steps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(x.tolist(), centre.tolist(), strict=True)]
    if p == math.inf:
        return max(steps) <= Fraction(radius)
    return sum(step ** int(p) for step in steps) <= Fraction(radius) ** int(p)


def fails(layers: list[Layer], executed: list[Layer], x: np.ndarray, label: int, arithmetic: str) -> bool:
    """Whether the margin at x is <= 0: exactly over the reals, in one of three orders of summation if executed."""
    if arithmetic in ("reals", "rational"):
        return exact_margin(layers, x, label, 0.0, math.inf) <= 0
    kind = np.float32 if arithmetic == "float32" else np.float64
    if np.any(x.astype(kind).astype(np.float64) != x):
        return False
    return any(_run_fails(executed, x.astype(kind), label, order) for order in ("product", "pairs", "one by one"))


def _run_fails(layers: list[Layer], h: np.ndarray, label: int, order: str) -> bool:
    with np.errstate(all="ignore"):
        for k, f in enumerate(layers):
            h = np.maximum(h, 0) if k else h
            step, parts = max(1, BLOCK // f.shape[1]), []
            for first in range(0, f.shape[0], step):
                weight = dense(f, f.value, first, min(first + step, f.shape[0])).astype(h.dtype)
                if order == "product":
                    parts.append(weight @ h)
                else:
                    terms = weight * h
                    parts.append(terms.sum(axis=1) if order == "pairs" else np.cumsum(terms, axis=1)[:, -1])
            h = np.concatenate(parts) + f.bias.astype(h.dtype)
    if not np.isfinite(h).all():
        return True
    return bool(label * h[0] <= 0) if len(h) == 1 else bool(h[label] <= np.delete(h, label).max())
