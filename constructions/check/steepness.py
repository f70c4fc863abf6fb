"""Lipschitz constants in l_2 of values behind a ReLU, from the weights: products of norms, and pairs that are sorted.

*Norms.* `‖A‖² = ‖Aᵀ A‖` again and again, with what is rounded added as a matrix E, `|E| <= γ |A|ᵀ |A|` entry by entry;
in the end `‖A‖² <= ‖A‖_1 ‖A‖_∞`, which costs at most a factor `n^{1/2}` before the last of m roots: `n^{2^-m}`.

*Pairs.* For `a, b >= 0` and `p = σ(a - b)`, `max(a, b) = b + p` and `min(a, b) = a - p`. Two layers that read a, b and
a - b from values behind a ReLU, and put out a maximum, a minimum, or both, of pairs of which no two share a value, are
1-Lipschitz: `‖sort(z) - sort(z')‖ <= ‖z - z'‖` for each pair. What is put out is >= 0, so the ReLU keeps it.
"""

from itertools import pairwise

import numpy as np

from constructions.check.affine import TINY, gamma
from constructions.check.files import Layer
from constructions.check.products import dense, part

# Squarings; matrices with more rows and columns get the Frobenius norm.
SQUARINGS, LARGE = 44, 1024


def read_by(layers: list[Layer], rows: np.ndarray) -> list[Layer]:
    """Of each layer the rows that the given rows of the last one read, directly or not, and no other column."""
    found = []
    for f in reversed(layers):
        columns = np.unique(part(f, rows).column)
        found.append(part(f, rows, columns))
        rows = columns
    return found[::-1]


def steepness(layers: list[Layer], rows: np.ndarray) -> tuple[np.ndarray, float, int]:
    """`(W, Λ, pairs)`: the given values of the last layer are `σ(W y + b)`, with y Λ-Lipschitz behind `pairs` sortings.

    Layers that only carry values are left out, so that b is the bias of the last layer that does not.
    """
    parts, order = read_by(layers, rows), np.arange(len(rows))
    while len(parts) > 1 and _is_carrying(parts[-1]):
        order = parts.pop().column[order]
    weight, constant, k, pairs = dense(parts.pop())[order], 1.0, 0, 0
    while k < len(parts):
        # Only behind a ReLU are values >= 0.
        if k and k + 1 < len(parts) and is_sorting(parts[k], parts[k + 1]):
            k, pairs = k + 2, pairs + 1
        else:
            constant = float(np.nextafter(constant * operator_norm(dense(parts[k])), np.inf))
            k += 1
    return weight, constant, pairs


def _is_carrying(f: Layer) -> bool:
    return bool(np.all(np.diff(f.start) == 1) and np.all(f.value == 1) and not f.bias.any())


def is_sorting(f: Layer, g: Layer) -> bool:
    """Whether every row of g is the maximum or the minimum of a pair that f reads, no value is in two pairs, and none
    is put out twice."""
    if f.bias.any() or g.bias.any() or not np.all(np.diff(g.start) == 2):
        return False
    reads = [dict(zip(f.column[a:b].tolist(), f.value[a:b].tolist(), strict=True)) for a, b in pairwise(f.start)]
    partner: dict[int, int] = {}
    seen: set[tuple[float, int]] = set()
    for a, b in pairwise(g.start):
        (one, v), (other, w) = sorted(
            zip(g.column[a:b].tolist(), g.value[a:b].tolist(), strict=True), key=lambda entry: len(reads[entry[0]])
        )
        if v != 1 or list(reads[one].values()) != [1] or sorted(reads[other].values()) != [-1, 1]:
            return False
        (kept,), (plus, minus) = reads[one], sorted(reads[other], key=reads[other].__getitem__, reverse=True)
        if (w, kept) not in ((1, minus), (-1, plus)) or (w, min(plus, minus)) in seen:
            return False
        if partner.setdefault(plus, minus) != minus or partner.setdefault(minus, plus) != plus:
            return False
        seen.add((w, min(plus, minus)))
    return True


def operator_norm(weight: np.ndarray) -> float:
    """An upper bound of `‖W‖_2`, within few units of rounding of it; not a number if something overflows."""
    a = weight if weight.shape[0] >= weight.shape[1] else weight.T
    if not a.any():
        return 0.0
    steps: list[tuple[float, float]] = []
    while True:
        # In units of a power of two, so that no entry is above 1 and the greatest at least 1/2: what vanishes is far
        # less than what is added for rounding.
        unit = float(np.ldexp(1.0, np.frexp(np.abs(a).max())[1]))
        a = a / unit
        size = np.abs(a)
        square, terms = size.sum(axis=0).max() * size.sum(axis=1).max(), sum(a.shape)
        # No norm is below the greatest entry.
        done = np.sqrt(square) <= size.max() * (1 + 2.0**-50)
        if done or a.shape[1] > LARGE or len(steps) == SQUARINGS:
            break
        rows = int(np.count_nonzero(a, axis=0).max())
        # The greatest row sum of |A|ᵀ |A|.
        steps.append((unit, _share(rows) * float((size.T @ size.sum(axis=1)).max()) * (1 + 2.0**-30) + TINY))
        a = a.T @ a
    if a.shape[1] > LARGE and not done:
        square, terms = np.square(size).sum(), a.size
    norm = _times(float(np.sqrt(square)) * (1 + _share(terms)) + TINY, unit)
    for unit, lost in reversed(steps):
        norm = _times(float(np.sqrt(norm + lost)) * (1 + 2.0**-50) + TINY, unit)
    return norm


def _times(value: float, unit: float) -> float:
    """`value * unit`, a power of two, rounded up where it is subnormal."""
    product = value * unit
    return product if product >= 2.0**-1021 else float(np.nextafter(product, np.inf))


def _share(terms: int) -> float:
    return float(gamma(np.array([terms + 8.0]), 2.0**-53)[0])
