"""Networks in exact rational arithmetic, an independent route to their values."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import scipy.sparse as sp


def rational_value(network: Any, x: list[Fraction]) -> list[Fraction]:
    """`f(x)` for the float64 weights taken as the rational numbers they are."""
    values = list(x)
    for k, layer in enumerate(network.layers):
        if k:
            values = [max(v, Fraction(0)) for v in values]
        weight = sp.csr_array(layer.weight)
        values = [
            Fraction(float(layer.bias[i]))
            + sum((Fraction(float(weight.data[e])) * values[weight.indices[e]] for e in _row(weight, i)), Fraction(0))
            for i in range(layer.outputs)
        ]
    return values


def rationals(x: np.ndarray) -> list[Fraction]:
    return [Fraction(float(v)) for v in x]


def is_inside(steps: list[Fraction], radius: float, p: float) -> bool:
    """Whether `‖steps‖_p <= radius`: in rationals for whole p, else with 60 digits."""
    if np.isinf(p):
        return max(steps) <= Fraction(radius)
    if p == int(p):
        return sum(s ** int(p) for s in steps) <= Fraction(radius) ** int(p)
    with mpmath.workdps(60):
        powers = [(mpmath.mpf(s.numerator) / s.denominator) ** mpmath.mpf(p) for s in steps]
        return bool(sum(powers) <= mpmath.mpf(radius) ** mpmath.mpf(p))


def least_on_interval(network: Any, low: Fraction, high: Fraction, label: int) -> Fraction:
    """The minimum of `label · f` over [low, high], f on the line with one output: at an end or at a kink."""
    return min(label * rational_value(network, [x])[0] for x in kinks_on_interval(network, low, high))


def kinks_on_interval(network: Any, low: Fraction, high: Fraction) -> list[Fraction]:
    """The ends of [low, high] and the points between where a neuron changes its sign, f on the line: in order."""
    kinks = [low, high]
    for depth in range(1, network.depth):
        part = type(network)(network.layers[:depth])
        values = [rational_value(part, [x]) for x in kinks]
        found = set(kinks)
        for (a, b), (f, g) in zip(pairwise(kinks), pairwise(values), strict=True):
            found |= {a + (b - a) * u / (u - v) for u, v in zip(f, g, strict=True) if u * v < 0}
        kinks = sorted(found)
    return kinks


def _row(weight: sp.csr_array, i: int) -> range:
    return range(weight.indptr[i], weight.indptr[i + 1])
