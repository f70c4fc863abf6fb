"""Interval bounds of a network in exact rational arithmetic, for small networks: nothing is rounded.

Every float64 is `m 2^-e` with integers m and e, so a layer is integers over one power of two and so are its
values: Python integers without any rational's greatest common divisor.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from theory.arguments.plain_array import exact_floats
from theory.balls.relaxation import read_ball
from theory.layers import Layers
from theory.setting.losses import check_labels

# Integer multiplications of one certificate; some seconds.
_LIMIT = 30_000_000
# Bits behind the point of the one irrational number, the norm of a row for p = 2, rounded up.
_ROOT_BITS = 128
_GREATEST = Fraction(float(np.finfo(np.float64).max))


def rational_margin_bound(
    layers: Layers,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: Any,
    p: Any,
) -> list[Fraction]:
    """Interval bounds of the least margin over the balls `B_p(x_i, radius)`, each an exact rational number.

    The outputs are compared by the merged forms `f_y - f_c`. For p = 2 the norms of the rows of the first layer are
    rounded up at 2^-128, the only rounding.

    Args:
        layers: the network.
        points: shape (n, d).
        labels: in {-1, +1} for one output, in 0..C-1 for C outputs.
        radius: of the balls, finite and >= 0; with radius 0 the bound is the margin at the point.
        p: 1, 2 or ∞.

    Raises:
        ValueError: for another p, or if the network is too large for exact arithmetic.
    """
    radius, p = read_ball(radius, p)
    if p not in (1, 2, np.inf):
        raise ValueError(f'rational arithmetic needs p in 1, 2, inf, got p={p}: use arithmetic="reals"')
    if not fits_rational(layers, len(points)):
        raise ValueError(
            f"rational arithmetic is for at most {_LIMIT:,} weights times points, got {len(points)} points: "
            'take fewer points, or arithmetic="reals" or "float64", whose bounds include their rounding'
        )
    points = exact_floats(points, "points")
    if points.ndim != 2 or labels.shape != points.shape[:1]:
        raise ValueError(f"labels must hold one label a point, got points {points.shape} and labels {labels.shape}")
    check_labels(labels, len(layers[-1].bias))
    exact = [_exact(layer.weight, layer.bias) for layer in layers]
    return [_margin(exact, x, int(y), radius, p) for x, y in zip(points, labels, strict=True)]


def rational_outputs(layers: Layers, x: Float[np.ndarray, " d"]) -> list[Fraction]:
    """The outputs at one point, exactly.

    Raises:
        ValueError: if the network is too large for exact arithmetic.
    """
    if not fits_rational(layers, 1):
        raise ValueError(f"rational arithmetic is for networks of at most {_LIMIT:,} weights")
    values, shift = _integers(x.tolist())
    for k, layer in enumerate(layers):
        if k:
            values = [max(v, 0) for v in values]
        values, _, shift = _step(_exact(layer.weight, layer.bias), values, values, shift, [], None)
    return [Fraction(v, 2**shift) for v in values]


def fits_rational(layers: Layers, points: int) -> bool:
    """Whether exact arithmetic for so many points takes seconds and not hours."""
    return points * sum(_count(layer.weight) for layer in layers) <= _LIMIT


def largest_float_at_most(value: Fraction) -> float:
    """The greatest float64 at most `value`, -∞ below all of them; positive only if `value` is."""
    if abs(value) > _GREATEST:
        return float(_GREATEST) if value > 0 else -np.inf
    near = float(value)
    return near if Fraction(near) <= value else float(np.nextafter(near, -np.inf))


@dataclass(frozen=True, eq=False)
class _Exact:
    """A layer times `2^shift`: the columns and integer weights of each row, and the integer biases."""

    columns: list[list[int]]
    weights: list[list[int]]
    bias: list[int]
    shift: int


def _count(weight: np.ndarray | sp.csr_array) -> int:
    return int(np.count_nonzero(weight)) if isinstance(weight, np.ndarray) else int(weight.nnz)


def _exact(weight: np.ndarray | sp.csr_array, bias: np.ndarray) -> _Exact:
    matrix = sp.csr_array(weight, copy=True)
    matrix.sum_duplicates()
    data, shift = _integers([*matrix.data.tolist(), *bias.tolist()])
    cut = [slice(a, b) for a, b in zip(matrix.indptr[:-1].tolist(), matrix.indptr[1:].tolist(), strict=True)]
    indices = matrix.indices.tolist()
    return _Exact([indices[c] for c in cut], [data[c] for c in cut], data[matrix.nnz :], shift)


def _integers(values: list[float]) -> tuple[list[int], int]:
    """Integers and one shift with `value = integer / 2^shift`."""
    ratios = [value.as_integer_ratio() for value in values]
    shift = max(d.bit_length() - 1 for _, d in ratios)
    return [m << (shift - d.bit_length() + 1) for m, d in ratios], shift


def _margin(layers: list[_Exact], x: np.ndarray, label: int, radius: float, p: float) -> Fraction:
    (*centre, reach), shift = _integers([*x.tolist(), radius])
    ball = None if np.isinf(p) else (reach, p)
    low, high = [c - reach for c in centre], [c + reach for c in centre]
    for k, layer in enumerate([*layers[:-1], _forms(layers[-1], label)]):
        if k:
            low, high = [max(v, 0) for v in low], [max(v, 0) for v in high]
        low, high, shift = _step(layer, low, high, shift, centre, ball if k == 0 else None)
    return Fraction(min(low), 2**shift)


def _step(
    layer: _Exact, low: list[int], high: list[int], shift: int, centre: list[int], ball: tuple[int, float] | None
) -> tuple[list[int], list[int], int]:
    below, above = [], []
    extra = 0 if ball is None else _ROOT_BITS
    for columns, weights, bias in zip(layer.columns, layer.weights, layer.bias, strict=True):
        least = most = bias << shift
        if ball is not None:
            value = least + sum(w * centre[j] for j, w in zip(columns, weights, strict=True))
            reach = _scaled_norm(weights, ball[1]) * ball[0]
            least, most = (value << extra) - reach, (value << extra) + reach
        else:
            for j, w in zip(columns, weights, strict=True):
                small, large = (w * low[j], w * high[j]) if w > 0 else (w * high[j], w * low[j])
                least, most = least + small, most + large
        below.append(least)
        above.append(most)
    return below, above, shift + layer.shift + extra


def _scaled_norm(weights: list[int], p: float) -> int:
    """`2^128 ‖w‖_q` with 1/p + 1/q = 1, exact for p = 1, rounded up for p = 2."""
    if p == 1:
        return max((abs(w) for w in weights), default=0) << _ROOT_BITS
    square = sum(w * w for w in weights) << (2 * _ROOT_BITS)
    root = math.isqrt(square)
    return root if root * root == square else root + 1


def _forms(last: _Exact, label: int) -> _Exact:
    """The rows `y f` for one output, `f_y - f_c` for all others c for several."""
    rows = [dict(zip(c, w, strict=True)) for c, w in zip(last.columns, last.weights, strict=True)]
    if len(rows) == 1:
        forms = [{j: label * w for j, w in rows[0].items()}]
        bias = [label * last.bias[0]]
    else:
        others = [c for c in range(len(rows)) if c != label]
        own = rows[label]
        forms = [{j: own.get(j, 0) - rows[c].get(j, 0) for j in own.keys() | rows[c].keys()} for c in others]
        bias = [last.bias[label] - last.bias[c] for c in others]
    return _Exact([list(f) for f in forms], [list(f.values()) for f in forms], bias, last.shift)
