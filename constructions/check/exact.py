"""The same bounds in rational arithmetic: nothing is rounded but the dual norm for p = 2, upwards."""

import math
from fractions import Fraction

import numpy as np

from constructions.check.files import Layer


def exact_margin(layers: list[Layer], x: np.ndarray, label: int, radius: float, p: float) -> Fraction:
    """The interval bound of the margin, with radius 0 the margin itself; over the box for p other than 1 and 2."""
    low = [Fraction(c) - Fraction(radius) for c in x.tolist()]
    high = [Fraction(c) + Fraction(radius) for c in x.tolist()]
    centre = [Fraction(c) for c in x.tolist()]
    for k, f in enumerate(layers):
        rows = [dict(zip(*_row(f, r), strict=True)) for r in range(f.shape[0])]
        bias = [Fraction(b) for b in f.bias.tolist()]
        if k == len(layers) - 1:
            rows, bias = _exact_forms(rows, bias, label)
        if k:
            low, high = [max(v, Fraction(0)) for v in low], [max(v, Fraction(0)) for v in high]
        ranges = []
        for row, b in zip(rows, bias, strict=True):
            if k == 0 and p in (1, 2):
                value, reach = sum((w * centre[j] for j, w in row.items()), b), _dual(row, p) * Fraction(radius)
                ranges.append((value - reach, value + reach))
            else:
                least = sum((w * (low[j] if w > 0 else high[j]) for j, w in row.items()), b)
                ranges.append((least, sum((w * (high[j] if w > 0 else low[j]) for j, w in row.items()), b)))
        low, high = [a for a, _ in ranges], [b for _, b in ranges]
    return min(low)


def _row(f: Layer, r: int) -> tuple[list[int], list[Fraction]]:
    part = slice(f.start[r], f.start[r + 1])
    return f.column[part].tolist(), [Fraction(v) for v in f.value[part].tolist()]


def _exact_forms(
    rows: list[dict[int, Fraction]], bias: list[Fraction], label: int
) -> tuple[list[dict[int, Fraction]], list[Fraction]]:
    if len(rows) == 1:
        return [{j: label * w for j, w in rows[0].items()}], [label * bias[0]]
    zero, own = Fraction(0), rows[label]
    others = [c for c in range(len(rows)) if c != label]
    forms = [{j: own.get(j, zero) - rows[c].get(j, zero) for j in {*own, *rows[c]}} for c in others]
    return forms, [bias[label] - bias[c] for c in others]


def _dual(row: dict[int, Fraction], p: float) -> Fraction:
    if p == 1:
        return max((abs(w) for w in row.values()), default=Fraction(0))
    square = sum((w * w for w in row.values()), Fraction(0))
    # Rounded up by less than 2^-200 of a common unit.
    unit = square.denominator << 200
    root = math.isqrt(square.numerator * square.denominator << 400)
    return Fraction(root if root * root == square.numerator * square.denominator << 400 else root + 1, unit)
