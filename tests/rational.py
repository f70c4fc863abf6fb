"""Networks in exact rational arithmetic, an independent route to their values."""

from fractions import Fraction
from typing import Any

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


def _row(weight: sp.csr_array, i: int) -> range:
    return range(weight.indptr[i], weight.indptr[i + 1])
