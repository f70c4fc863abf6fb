"""Exact intervals through layers of integers.

Numbers are Python integers, held as int64 wherever a bound on the sums shows that they fit. Inputs are float64, so
integers in a common unit 2^-s; a network is positively homogeneous in its values and biases together, and the unit is
carried along.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from constructions.bits.layer import IntegerLayer
from theory.arguments.subnormals import check_subnormals

_INT64 = 2**62

# Values of the neurons of a layer, one array over the points each, int64 or Python integers.
Values: TypeAlias = list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Bounds:
    """Integers `low <= unit * f <= high`, one array over the points an output."""

    low: Values
    high: Values
    unit: int


def first_images(layer: IntegerLayer, points: np.ndarray, radius: float, p: float) -> Bounds:
    """Bounds of `W x + b` on the balls, exact in a unit 2^-s but for an irrational norm."""
    check_subnormals("an exact evaluation")
    used = sorted({column for row in layer.rows for column, _ in row})
    values, unit = integers(np.append(points[:, used].T.reshape(-1), radius))
    columns = dict(zip(used, values[:-1].reshape(len(used), len(points)), strict=True))
    low, high = [], []
    for row, bias in zip(layer.rows, layer.bias, strict=True):
        centre = sum((weight * columns[column] for column, weight in row), np.zeros(len(points), object))
        reach = dual_norm([weight for _, weight in row], p, int(values[-1]))
        low.append(_packed(centre + (bias * unit - reach)))
        high.append(_packed(centre + (bias * unit + reach)))
    return Bounds(low, high, unit)


def integers(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Floats as exact integers in a common unit: `values * unit`, and the unit, a power of two."""
    mantissa, exponent = np.frexp(values)
    shift = exponent.astype(np.int64) - 53
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    least = int(min(shift[whole != 0], default=0))
    least = min(least, 0)
    shifts = np.where(whole != 0, shift - least, 0)
    return np.asarray(whole.astype(object) << shifts.astype(object)), 1 << -least


def dual_norm(weights: list[int], p: float, radius: int) -> int:
    """`radius ‖w‖_q` with `1/p + 1/q = 1`, or more: rounded up for p = 2, the l_1 norm for other p in (1, ∞)."""
    if p == 1:
        return radius * max(map(abs, weights), default=0)
    if p == 2:
        square = radius * radius * sum(w * w for w in weights)
        root = math.isqrt(square)
        return root + (root * root < square)
    return radius * sum(map(abs, weights))


def propagate(
    layers: Sequence[IntegerLayer], first: Bounds, *, spread: Callable[..., np.ndarray | int] | None = None
) -> Bounds:
    """Intervals through all layers behind the first, whose values before the ReLU are given.

    Args:
        layers: of the network.
        first: bounds of the first layer's values, before its ReLU.
        spread: of a row, its inputs and the unit: by how much more its values may differ, to either side.
    """
    low, high, unit = first.low, first.high, first.unit
    for layer in layers[1:]:
        low, high = _cut(low, high)
        if unit > 1 and all(a is b and whole(a, unit).all() for a, b in zip(low, high, strict=True)):
            low = high = [_packed(a.astype(object) // unit) for a in low]
            unit = 1
        following = [_row(row, bias, low, high, unit) for row, bias in zip(layer.rows, layer.bias, strict=True)]
        if spread is not None:
            extra = [spread(row, bias, low, high, unit) for row, bias in zip(layer.rows, layer.bias, strict=True)]
            following = [
                (a, b) if not np.any(e) else (a - e, b + e) for (a, b), e in zip(following, extra, strict=True)
            ]
        low, high = [a for a, _ in following], [b for _, b in following]
    return Bounds(low, high, unit)


def _cut(low: Values, high: Values) -> tuple[Values, Values]:
    """ReLU; bounds that agree become one array."""
    cut_low: Values = []
    cut_high: Values = []
    for a, b in zip(low, high, strict=True):
        least = np.maximum(a, 0)
        greatest = least if a is b else np.maximum(b, 0)
        cut_low.append(least)
        cut_high.append(least if np.array_equal(least, greatest) else greatest)
    return cut_low, cut_high


def _row(
    row: tuple[tuple[int, int], ...], bias: int, low: Values, high: Values, unit: int
) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest value of an affine form."""
    least = _sum(bias * unit, [(w, low[c] if w > 0 else high[c]) for c, w in row], len(low[0]))
    if all(low[c] is high[c] for c, _ in row):
        return least, least
    return least, _sum(bias * unit, [(w, high[c] if w > 0 else low[c]) for c, w in row], len(low[0]))


def _sum(constant: int, terms: list[tuple[int, np.ndarray]], size: int) -> np.ndarray:
    sizes = [abs(w) * largest(x) for w, x in terms]
    small = abs(constant) + sum(sizes) < _INT64
    # A weight may be too long for int64 where all its values are 0.
    terms = [term for term, reach in zip(terms, sizes, strict=True) if reach]
    total = np.full(size, constant, dtype=np.int64 if small else object)
    for weight, x in terms:
        total = total + weight * (x if small else x.astype(object))
    return total if small else _packed(total)


def whole(x: np.ndarray, unit: int) -> np.ndarray:
    """Where a number times the unit is one of a whole number."""
    return np.asarray(x == 0 if unit >= _INT64 and x.dtype != object else x % unit == 0).astype(bool)


def largest(x: np.ndarray) -> int:
    """The largest absolute value."""
    return int(max(abs(x.max()), abs(x.min())))


def _packed(x: np.ndarray) -> np.ndarray:
    """As int64 if all entries fit."""
    return x.astype(np.int64) if x.dtype == object and largest(x) < _INT64 else x
