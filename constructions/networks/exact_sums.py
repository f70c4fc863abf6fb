"""Sums and products of sparse matrices without rounding, as unevaluated sums of float64 matrices.

A *sum* is a tuple of CSR arrays of one shape; it stands for the real matrix `A_1 + A_2 + …`. Every operation here is
exact: two floats and what their sum or product loses are again two floats (Knuth, Dekker), and a product of matrices is
one of slices of so few bits that no entry of it is rounded (Ozaki, Ogita, Oishi, Rump, Numer. Algorithms 59, 2012).

What would leave the range of float64 (a bit below 2^-1074 or a number from 2^990 on) is refused.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp

from theory.layers import Matrix

Sum: TypeAlias = tuple[sp.csr_array, ...]

_BITS, _LEAST, _GREATEST = 53, -1074, 990
_SPLITTER = 2.0**27 + 1


def one_matrix(weight: Matrix) -> Sum:
    """The sum of one matrix.

    Raises:
        ValueError: unless its entries are finite.
    """
    found = _csr(weight)
    if not np.isfinite(found.data).all():
        raise ValueError("weights must be finite, got NaN or infinity")
    return (found,)


def plus(*sums: Sum) -> Sum:
    """The sum of sums of one shape."""
    parts = [part for one in sums for part in one if part.nnz]
    return _settled(parts, sums[0][0].shape)


def times(left: Sum, right: Sum) -> Sum:
    """The matrix product.

    Raises:
        ValueError: if a bit of it leaves the range of float64.
    """
    shape = (left[0].shape[0], right[0].shape[1])
    return _settled([part for a in left for b in right for part in _product(a, b)], shape)


def rows(one: Sum, index: np.ndarray) -> Sum:
    """The rows of these numbers, in this order."""
    return tuple(_csr(part[index]) for part in one)


def stacked(sums: Sequence[Sum]) -> Sum:
    """The sums one below the other."""
    most = max(map(len, sums))
    full = [(*one, *(_zeros(one[0].shape) for _ in range(most - len(one)))) for one in sums]
    return tuple(_csr(sp.vstack(parts, format="csr")) for parts in zip(*full, strict=True))


def columns(one: Sum) -> np.ndarray:
    """Numbers of the columns that are not 0."""
    seen = np.zeros(one[0].shape[1], dtype=bool)
    for part in one:
        seen[part.indices] = True
    return np.flatnonzero(seen)


def nearest(one: Sum) -> tuple[sp.csr_array, int, float]:
    """The float64 matrix nearest to a sum (but for ties), how many entries it rounds, and by how much of themselves."""
    head, *tail = one
    lost = [part for part in tail if part.nnz]
    if not lost:
        return head, 0, 0.0
    _, values = _aligned([head, *lost], head.shape)
    size, rest = np.abs(values[0]), np.abs(values[1:].sum(axis=0))
    changed = rest > 0
    return head, int(changed.sum()), float(np.max(rest[changed] / size[changed], initial=0.0))


def _product(a: sp.csr_array, b: sp.csr_array) -> list[sp.csr_array]:
    """Matrices whose sum is a b, none of them rounded."""
    if not a.nnz or not b.nnz:
        return []
    terms = int((_pattern(a) @ _pattern(b)).data.max(initial=0.0))
    if not terms:
        return []
    _check_range(a, b)
    if terms == 1 and (_all_powers_of_two(a) or _all_powers_of_two(b)):
        return [_csr(a @ b)]
    if a.nnz == a.shape[0] and np.all(np.diff(a.indptr) == 1):
        # Rows of b, each times one number.
        chosen = _csr(b[a.indices])
        found = _two_product(np.repeat(a.data, np.diff(chosen.indptr)), chosen.data)
        return [_like(chosen, data) for data in found]
    bits = (_BITS - (terms - 1).bit_length()) // 2
    left, columns = _slices(a, bits), [_csr(part.T) for part in _slices(_csr(b.T), bits)]
    return [_csr(one @ other) for one in left for other in columns]


def _slices(a: sp.csr_array, bits: int) -> list[sp.csr_array]:
    """Matrices with the sum a: in each row of each of them all entries are multiples, below 2^bits, of one power."""
    found, rest = [], _csr(a)
    while rest.nnz:
        counts = np.diff(rest.indptr)
        size = np.zeros(rest.shape[0])
        some = counts > 0
        size[some] = np.maximum.reduceat(np.abs(rest.data), rest.indptr[:-1][some])
        # Adding and taking away this number rounds to a multiple of 2^(exponent - bits + 1), so below 2^bits of them.
        pivot = np.repeat(np.ldexp(1.5, np.frexp(size)[1] + _BITS - bits), counts)
        head = (rest.data + pivot) - pivot
        found.append(_like(rest, head))
        rest = _like(rest, rest.data - head)
    return found


def _check_range(a: sp.csr_array, b: sp.csr_array) -> None:
    sizes = [np.abs(part.data) for part in (a, b)]
    greatest = sum(int(np.frexp(size.max())[1]) for size in sizes) + int(a.shape[1]).bit_length()
    least = sum(int(_lowest_bits(size).min()) for size in sizes)
    widest = max(int(np.frexp(size.max())[1]) for size in sizes)
    if least < _LEAST or greatest > _GREATEST or widest > _GREATEST - _BITS:
        raise ValueError(
            "composed weights must keep every bit within float64, got products from 2^"
            f"{least} to 2^{greatest}: rescale the layers"
        )


def _lowest_bits(size: np.ndarray) -> np.ndarray:
    """Exponents of the lowest bit of each number."""
    mantissa, exponent = np.frexp(size)
    whole = np.ldexp(mantissa, _BITS).astype(np.int64)
    return np.asarray(exponent - _BITS + np.log2(whole & -whole).astype(np.int64))


def _all_powers_of_two(a: sp.csr_array) -> bool:
    return bool(np.all(np.abs(np.frexp(a.data)[0]) == 0.5))


def _settled(parts: Sequence[sp.csr_array], shape: tuple[int, int]) -> Sum:
    """The same sum, each part at most half a unit in the last place of the part before it; at least one part."""
    if len(parts) <= 1:
        return tuple(parts) or (_zeros(shape),)
    keys, values = _aligned(parts, shape)
    # Entries are settled one by one, most of them at once.
    left: Any = slice(None)
    open_ = values
    while open_.size:
        moved = np.zeros(open_.shape[1], dtype=bool)
        for k in range(len(values) - 1, 0, -1):
            high, low = _two_sum(open_[k - 1], open_[k])
            moved |= (high != open_[k - 1]) | (low != open_[k])
            open_[k - 1], open_[k] = high, low
        values[:, left] = open_
        left = np.flatnonzero(moved) if isinstance(left, slice) else left[moved]
        open_ = values[:, left]
    kept = [value for k, value in enumerate(values) if k == 0 or value.any()]
    return tuple(_from_keys(keys, value, shape) for value in kept)


def _two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _two_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Products and what they lose (Dekker), for numbers in the range."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _halves(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers of at most 26 bits that sum up to each (Veltkamp)."""
    large = _SPLITTER * a
    high = large - (large - a)
    return high, a - high


def _aligned(parts: Sequence[sp.csr_array], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Places (row times columns, plus column) that any part has, and the values of all parts there."""
    places = [_keys(part, shape[1]) for part in parts]
    keys = places[0]
    if any(not np.array_equal(keys, other) for other in places[1:]):
        # Each is sorted: a stable sort merges them, while numpy's unique would make a table.
        keys = np.sort(np.concatenate(places), kind="stable")
        keys = keys[np.diff(keys, prepend=-1) > 0]
    values = np.zeros((len(parts), len(keys)))
    for value, place, part in zip(values, places, parts, strict=True):
        value[slice(None) if len(place) == len(keys) else np.searchsorted(keys, place)] = part.data
    return keys, values


def _keys(part: sp.csr_array, columns: int) -> np.ndarray:
    row = np.repeat(np.arange(part.shape[0], dtype=np.int64), np.diff(part.indptr))
    return np.asarray(row * columns + part.indices)


def _from_keys(keys: np.ndarray, value: np.ndarray, shape: tuple[int, int]) -> sp.csr_array:
    kept = value != 0
    row, column = np.divmod(keys[kept], shape[1])
    return _csr(sp.csr_array((value[kept], (row, column)), shape=shape))


def _like(a: sp.csr_array, data: np.ndarray) -> sp.csr_array:
    return _csr(sp.csr_array((data, a.indices, a.indptr), shape=a.shape))


def _pattern(a: sp.csr_array) -> sp.csr_array:
    return sp.csr_array((np.ones(a.nnz), a.indices, a.indptr), shape=a.shape)


def _zeros(shape: tuple[int, ...]) -> sp.csr_array:
    return _csr(sp.csr_array(shape))


def _csr(weight: Any) -> sp.csr_array:
    """Canonical, in float64, without stored zeros."""
    csr = sp.csr_array(weight, dtype=np.float64)
    if not (csr.has_canonical_format and csr.data.all()):
        csr = csr.copy()
        csr.sum_duplicates()
        csr.eliminate_zeros()
    return csr
