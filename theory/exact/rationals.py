"""Networks and linear programs over the rationals: every number a `Fraction`, no rounding and no tolerance.

For small problems only: a few dozen rows and columns. Arrays are numpy's of dtype object.
"""

import math
from fractions import Fraction
from numbers import Integral
from typing import Any

import numpy as np

from theory.layers import Layers


def _fraction(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    # Never by way of a float, which has no room for an integer beyond 2^53.
    return Fraction(int(value)) if isinstance(value, Integral | np.bool_) else Fraction(*value.as_integer_ratio())


_to_fraction = np.frompyfunc(_fraction, 1, 1)


def exact(values: np.ndarray) -> np.ndarray:
    """The numbers, as `Fraction`s, none of them rounded: integers of any size, finite floats, `Fraction`s."""
    return np.asarray(_to_fraction(values), dtype=object)


def rational_layers(layers: Layers) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of a network with finite entries, dense."""
    return [
        (exact(a.weight if isinstance(a.weight, np.ndarray) else a.weight.toarray()), exact(np.asarray(a.bias)))
        for a in layers
    ]


def least_vertex(cost: np.ndarray, rows: np.ndarray, offsets: np.ndarray) -> np.ndarray | None:
    """A point `v >= 0` with `rows v <= offsets` and the least `cost v`, or None if there is no such point at all.

    The dual simplex method: `cost >= 0` makes the start `v = 0` optimal for its dual. Bland's rule, so that it ends;
    the tableau is one of integers over a common denominator, the last pivot, and each division by it is exact.

    Source: Edmonds (1967), Systems of distinct representatives and linear algebra, for the integers.

    Args:
        cost: shape (k,), Fractions >= 0.
        rows: shape (m, k), Fractions.
        offsets: shape (m,), Fractions.

    Raises:
        ValueError: if some cost is negative.
    """
    if any(c < 0 for c in cost):
        raise ValueError(f"least_vertex needs costs >= 0, got {min(cost)}: turn the variable round at its bound")
    bordered = np.vstack([np.column_stack([rows, offsets]), np.append(cost, 0)])
    table, denominator = np.array([integers(row) for row in bordered], dtype=object), 1
    count = len(cost)
    # Variables 0..k-1 are v, k..k+m-1 the slacks of the rows.
    outside, inside = np.arange(count), np.arange(count, count + len(rows))
    while True:
        violated = [i for i in range(len(rows)) if table[i, -1] < 0]
        if not violated:
            break
        i = min(violated, key=lambda k: inside[k])
        falling = [j for j in range(count) if table[i, j] < 0]
        if not falling:
            return None
        j = min(falling, key=lambda k: (Fraction(table[-1, k], -table[i, k]), outside[k]))
        table, denominator = _pivoted(table, denominator, i, j)
        outside[j], inside[i] = inside[i], outside[j]
    point = np.array([Fraction(0)] * count, dtype=object)
    for row in np.flatnonzero(inside < count):
        point[inside[row]] = Fraction(table[row, -1], denominator)
    return point


def integers(row: np.ndarray) -> list[int]:
    """The smallest integers that are in the same proportions, with the same signs."""
    fractions = [_fraction(a) for a in row]
    common = math.lcm(*(a.denominator for a in fractions))
    whole = [int(a * common) for a in fractions]
    divisor = math.gcd(*whole) or 1
    return [a // divisor for a in whole]


def _pivoted(table: np.ndarray, denominator: int, i: int, j: int) -> tuple[np.ndarray, int]:
    """The tableau after variables i (of the rows) and j (of the columns) change places, and its denominator."""
    row, column, pivot = table[i].copy(), table[:, j].copy(), table[i, j]
    table = (table * pivot - np.multiply.outer(column, row)) // denominator
    table[i], table[:, j], table[i, j] = row, -column, denominator
    return (table, pivot) if pivot > 0 else (-table, -pivot)
