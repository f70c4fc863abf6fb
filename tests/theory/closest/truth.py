"""Distances of all pairs in integers, the independent route to what is near."""

import functools
import math
from fractions import Fraction

import mpmath
import numpy as np

EXACT = (1.0, 2.0, math.inf)
# For other exponents: correctly rounded ratios, powers and a root of them, and the 60 bits that are kept.
ROUNDED = Fraction(1, 10**14)
_BITS = 60


def as_integers(*arrays: np.ndarray) -> tuple[list[np.ndarray], int]:
    """The arrays in units of `2^k`, and `k`."""
    fractions, exponents = np.frexp(np.concatenate([array.ravel() for array in arrays]))
    unit = int(exponents[fractions != 0].min(initial=53)) - 53
    found = []
    for array in arrays:
        fraction, exponent = np.frexp(array)
        whole = np.ldexp(fraction, 53).astype(np.int64).astype(object)
        found.append(whole << np.where(fraction != 0, exponent - 53 - unit, 0).astype(object))
    return found, unit


class Truth:
    """All distances of rows of `x` from rows of `y`: themselves, or for p = 2 their squares, as `values · scale`."""

    def __init__(self, x: np.ndarray, y: np.ndarray, p: float) -> None:
        (a, b), unit = as_integers(x, y)
        self._steps = np.abs(a[:, None] - b[None])
        self.p, self.dim, self._unit = p, x.shape[1], unit
        if p == 2:
            self.values, self.scale = (self._steps**2).sum(axis=2), Fraction(2) ** (2 * unit)
        elif p in EXACT:
            self.values = self._steps.sum(axis=2) if p == 1 else self._steps.max(axis=2)
            self.scale = Fraction(2) ** unit
        else:
            flat = self._steps.reshape(-1, x.shape[1]).tolist()
            values = np.array([_rounded(tuple(sorted(steps)), p) for steps in flat], dtype=object)
            self.values, self.scale = values.reshape(self._steps.shape[:2]), Fraction(2) ** (unit - _BITS)

    def is_within(self, reach: np.ndarray) -> np.ndarray:
        """Which pairs are certainly at a distance up to the reach of their row."""
        power = 2 if self.p == 2 else 1
        room = 1 if self.p in EXACT else 1 - ROUNDED
        limits = [
            math.floor(Fraction(float(r)) ** power * room / self.scale) if r < math.inf else self.values.max()
            for r in reach
        ]
        return np.asarray(self.values <= np.array(limits, dtype=object)[:, None])

    def distance(self, i: int, j: int) -> mpmath.mpf:
        """With 60 digits."""
        with mpmath.workdps(60):
            steps = [mpmath.mpf(int(step)) for step in self._steps[i, j] if step]
            if math.isinf(self.p) or not steps:
                return mpmath.ldexp(max(steps, default=mpmath.mpf(0)), self._unit)
            root = mpmath.fsum(step ** mpmath.mpf(self.p) for step in steps) ** (1 / mpmath.mpf(self.p))
            return mpmath.ldexp(root, self._unit)

    def float_above(self, i: int, j: int) -> float:
        """The least float at or above a distance; ∞ beyond the floats."""
        exact = self.distance(i, j)
        if exact > np.finfo(float).max:
            return math.inf
        guess = float(exact)
        return guess if guess >= exact else math.nextafter(guess, math.inf)


@functools.lru_cache(maxsize=2**14)
def _rounded(steps: tuple[int, ...], p: float) -> int:
    largest = steps[-1]
    if not largest:
        return 0
    root = math.fsum((step / largest) ** p for step in steps) ** (1 / p)
    return largest * int(math.ldexp(root, _BITS))
