"""Whether a witness is in its ball and an error."""

import math
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction

import numpy as np

from constructions.check.exact import exact_margin
from constructions.check.files import Layer
from constructions.check.products import BLOCK, dense, part

# Whole exponents up to here are decided without rounding, others with so many digits.
WHOLE, DIGITS = 64, 100


def is_inside(x: np.ndarray, centre: np.ndarray, radius: float, p: float) -> bool:
    """Whether x is in `B_p(centre, radius)`, exactly; for p that is not whole or is above 64, surely."""
    if x.shape != centre.shape or not np.isfinite(x).all():
        return False
    steps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(x.tolist(), centre.tolist(), strict=True) if a != b]
    bound = Fraction(radius)
    if p == math.inf or len(steps) < 2:
        return max(steps, default=Fraction(0)) <= bound
    if p == int(p) and p <= WHOLE:
        return bool(sum(step ** int(p) for step in steps) <= bound ** int(p))
    if max(steps) > bound:
        return False
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, MIN_EMIN, MAX_EMAX
        powers = [(Decimal(r.numerator) / Decimal(r.denominator)) ** Decimal(p) for r in (s / bound for s in steps)]
        # Each power is right to 10^-80, for exponents below 10^17 of ratios that are right to 10^-99.
        return p < 1e17 and sum(powers) <= 1 - Decimal(10) ** (-DIGITS // 2)


def fails(layers: list[Layer], executed: list[Layer], x: np.ndarray, label: int, arithmetic: str) -> bool:
    """Whether the margin at x is <= 0: exactly over the reals, in one of three orders of summation if executed."""
    if arithmetic == "reals":
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
                weight = dense(part(f, np.arange(first, min(first + step, f.shape[0])))).astype(h.dtype)
                if order == "product":
                    parts.append(weight @ h)
                else:
                    terms = weight * h
                    parts.append(terms.sum(axis=1) if order == "pairs" else np.cumsum(terms, axis=1)[:, -1])
            h = np.concatenate(parts) + f.bias.astype(h.dtype)
    # What is not a number is no answer; an infinite output can be the right one.
    if np.isnan(h).any():
        return True
    return bool(label * h[0] <= 0) if len(h) == 1 else bool(h[label] <= np.delete(h, label).max())
