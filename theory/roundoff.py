"""Rounding and underflow of float64: what a bound has to allow for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

UNIT_ROUNDOFF = 2.0**-53
# Absolute allowance for underflow: above every sum of subnormal errors, and large enough that its
# products with ordinary weights are not subnormal themselves (which would be slow).
TINY = 2.0**-960


def gamma(k: int, unit: float = UNIT_ROUNDOFF) -> float:
    """Higham's `γ_k = k u / (1 - k u)`: relative rounding error of k operations, u = 2^-53; ∞ from `k u = 1/2` on."""
    spent = k * unit
    return spent / (1.0 - spent) if spent < 0.5 else float("inf")


@dataclass(frozen=True)
class Format:
    """A floating-point format: its unit roundoff, and what `TINY` is to float64."""

    kind: type[np.floating[Any]]
    unit: float
    tiny: float


DOUBLE = Format(np.float64, UNIT_ROUNDOFF, TINY)
SINGLE = Format(np.float32, 2.0**-24, 2.0**-100)


def norm_upper_bound(rows: Float[np.ndarray, "*batch d"], p: float) -> Float[np.ndarray, "*batch"]:
    """Upper bound of the real l_p norm along the last axis, within a few units of it; 0 exactly for zeros."""
    size = np.abs(rows)
    slack = 1.0 + gamma(2 * rows.shape[-1] + 64)
    if p == 1:
        return np.asarray(size.sum(axis=-1) * slack)
    largest = np.asarray(size.max(axis=-1))
    if np.isinf(p):
        return largest
    if p == 2:
        # Squares that underflow lose less than this; overflow gives infinity, which is sound.
        lost = np.sqrt(rows.shape[-1]) * 2.0**-530 * (largest > 0)
        return np.asarray(np.sqrt(np.einsum("...d,...d->...", size, size)) * slack + lost)
    # A relative error η of the exponent (a rounded dual) moves the norm by at most η log(d) / p: in `slack`. What that
    # gains is lost where the norm is subnormal.
    scaled = size / np.where(largest > 0, largest, 1.0)[..., None]
    return np.asarray(largest * (scaled**p).sum(axis=-1) ** (1.0 / p) * slack + 2.0**-1070 * (largest > 0))
