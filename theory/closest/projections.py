"""Candidates by one matrix product in float32: few coordinates that no pair is farther apart in than it is.

**From l_p to l_2.** With `s` a power of two, `c` any point and weights `w_j`, let `v(x)_j = s w_j (x_j - c_j)`. If
`‖x - y‖_p <= T` then `‖v(x) - v(y)‖_2 <= T_2`, where

* for `p >= 2`: `w = 1` and `T_2 = d^{1/2 - 1/p} s T` (Hölder);
* for `p < 2`: `w_j = r_j^{(p-2)/2}` with `r_j >= s |x_j - y_j|` for all pairs, and `T_2 = (s T)^{p/2}`, because
  `t² r^{p-2} <= t^p` for `0 <= t <= r`.

**From d to k + 1 coordinates.** For orthonormal `Q'` of shape (d, k) the map `Φ'(v) = (Q'ᵀ v, ‖v - Q'Q'ᵀ v‖)` moves no
two points apart: `‖Q'ᵀ(v - w)‖² + (‖(I - Q'Q'ᵀ)v‖ - ‖(I - Q'Q'ᵀ)w‖)² <= ‖v - w‖²`.

**Rounding of the map.** `Q` as computed has a polar factor `Q'`, and `‖Q - Q'‖_2 <= ‖QᵀQ - I‖_2 <= η`, as
`|σ - 1| <= |σ² - 1|`; `η` is the Frobenius norm of the computed defect plus `γ_d Σ_a ‖q_a‖²` for its rounding. With
`v` as computed (a relative `4u` a coordinate), `‖fl(Qᵀv) - Q'ᵀv‖ <= ε_1 ‖v‖`, `ε_1 = η + 2 γ_d √k`. The squared rest
`fl(‖v‖² - ‖Qᵀv‖²)` is off by `ε_2 ‖v‖²`, `ε_2 = 2 γ_{d+k+4} + 3 ε_1`, so its root by `√ε_2 ‖v‖`. Rounded to float32,
`‖Φ(x) - Φ'(v(x))‖ <= A := (8u + ε_1 + √ε_2 + 2^-23) max ‖v‖`, and therefore `‖Φ(x) - Φ(y)‖ <= T_2 + 2A`.

**Rounding of the product.** The squared distance is a sum of `k + 3` products of float32 numbers,
`-2 Φ(x)·Φ(y) + q_x + q_y` with `q = fl(‖Φ‖²)`. In any order, with or without fused multiply-add, it is off by
`E = γ_{k+6} (√q_x + √q_y)²` for the unit `2^-24`. So a pair with `‖x - y‖_p <= T` has a computed value of at most
`(T_2 + 2A)² + E`, and all others may be left out. Everything is below `d` in size (`s` makes the widest coordinate
less than 1 wide), so nothing overflows; what underflows, or is taken for 0 as subnormal, changes a result by less than
`2^-100` (for d < 2^36), which is added to `A` and `E`. No more is used of the arithmetic of a device.

For p = 1 sums over groups of coordinates follow: `Σ_G |Σ_{j in G} (x_j - y_j)| <= ‖x - y‖_1`, off by
`(2 γ_g + 2^-23) max Σ |s (x_j - c_j)|` on each side and `γ` of the float32 sum of what is compared.
"""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from theory.closest.sides import BLOCK, Indices, Reach, Sides, Sorted
from theory.device import HOST, Array, Place
from theory.roundoff import UNIT_ROUNDOFF, gamma

_TINY = 2.0**-100
_UP = 1 + 2.0**-40
# Points that directions are computed from, and the seed of the start of that computation.
_SAMPLE, _SEED = 2048, 0
# Pairs among which each row's nearest is looked for.
_LOOKED_AT = 2**28
_ROWS = 4096
# Coordinates of a group for p = 1.
_GROUP = 64
_CHUNK = 2**16
# In scaled units, in which no distance is above the dimension.
_BEYOND = 2.0**90


def _gamma32(k: int) -> float:
    return k * 2.0**-24 / (1 - k * 2.0**-24)


def _float32_above(values: Float[np.ndarray, "k 1"]) -> Float[np.ndarray, "k 1"]:
    return np.asarray(np.nextafter(np.minimum(values, _BEYOND).astype(np.float32), np.float32(np.inf)))


class Projections:
    """Pairs that a projection onto few directions does not tell apart.

    Args:
        sides: rows and columns.
        p: in [1, ∞].
        directions: `k`, at most d of them.
        on: where the images are computed and compared.

    Raises:
        ValueError: if a device does not multiply as is assumed.
    """

    def __init__(self, sides: Sides, p: float, directions: int | None = None, on: Place = HOST) -> None:
        self._sides, self._p, self._on = sides, p, on
        low, high = _box(sides)
        with np.errstate(over="ignore"):
            widest = float((high - low).max())
        # A width is rounded by half a unit; the next power of two is above it.
        self._exponent = max(-1000, math.frexp(widest)[1] + 1 if math.isfinite(widest) else 1025)
        self.usable = max(float(np.abs(low).max()), float(np.abs(high).max())) < 2.0**1000
        if not self.usable:
            return
        self._scale = 2.0**-self._exponent
        self._centre = self._mean(low, high)
        ranges = (high - low) * self._scale * (1 + 2.0**-50) + 2.0**-1060
        self._weights = np.where(high > low, ranges ** ((p - 2) / 2) / _UP, 0.0) if p < 2 else np.ones(len(low))
        k = min(sides.x.dim, directions or (64 if p < 2 else 32))
        self._basis = self._directions(k)
        self._defect = _defect(self._basis)
        on.check_products(BLOCK, sides.x.dim, k, np.float64)
        on.check_products(BLOCK, k + 3, BLOCK, np.float32)
        x, x_error, x_groups = self._embedded(sides.x)
        y, y_error, y_groups = (x, x_error, x_groups) if sides.same else self._embedded(sides.y)
        self._error, self._group_error = max(x_error[0], y_error[0]), max(x_error[1], y_error[1])
        self._groups = (x_groups, y_groups)
        squares = on.squares(x), on.squares(y)
        q_x, q_y = (on.single(square)[:, None] for square in squares)
        self._squares = tuple(on.numpy(square) for square in squares)
        self._left = on.xp.hstack([-2 * x, q_x, on.xp.ones_like(q_x)])
        self._right = on.contiguous(on.xp.hstack([y, on.xp.ones_like(q_y), q_y]).T)

    def within(self, rows: slice, columns: slice, reach: Reach) -> Iterator[Indices]:
        """Rows and columns of pairs, among them all at a distance up to `reach`, or up to that of the row."""
        on, left, reach = self._on, self._left[rows], np.reshape(reach, (-1, 1))
        root = math.sqrt(float(self._squares[0][rows].max()))
        near_by = (self._euclidean(reach) + 2 * self._error) ** 2 * _UP
        for start in range(columns.start, columns.stop, BLOCK):
            part = slice(start, min(start + BLOCK, columns.stop))
            roots = root + math.sqrt(float(self._squares[1][part].max()))
            product_error = _gamma32(left.shape[1] + 3) * roots**2 * (1 + 2.0**-10) + _TINY
            near = on.product(left, self._right[:, part]) <= on.array(_float32_above(near_by + product_error))
            mask = self._sides.mask(rows, part)
            if mask is not None:
                near &= on.array(~mask)
            flat = on.flatnonzero(near)
            if len(flat):
                yield self._by_groups(flat // near.shape[1], flat % near.shape[1] + start, rows.start, reach)

    def nearest(self) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """For each row one of some columns of other labels, and how near it is: no bound, but mostly a good guess.

        The squared distance is ∞ where no column of these has another label.
        """
        count = max(_SAMPLE, _LOOKED_AT // len(self._left))
        columns = np.arange(0, len(self._sides.y), -(-len(self._sides.y) // count))
        on, own, codes = self._on, self._sides.x_codes, self._sides.y_codes[columns]
        right = on.contiguous(self._right[:, on.array(columns)])
        least, found = np.empty(len(self._left)), np.empty(len(self._left), dtype=np.int64)
        for start in range(0, len(least), BLOCK):
            rows = slice(start, start + BLOCK)
            squared = on.product(self._left[rows], right)
            squared[on.array(own[rows, None]) == on.array(codes[None, :])] = math.inf
            found[rows] = columns[on.numpy(squared.argmin(axis=1))]
            least[rows] = on.numpy(on.xp.amin(squared, axis=1))
        return least, found

    def _euclidean(self, reach: Float[np.ndarray, "k 1"]) -> Float[np.ndarray, "k 1"]:
        """`T_2` for reaches `T`."""
        scaled = self._scaled_reach(reach)
        if self._p < 2:
            return np.asarray(scaled ** (self._p / 2) * _UP)
        share = 0.0 if math.isinf(self._p) else 1 / self._p
        return np.asarray(scaled * self._sides.x.dim ** (0.5 - share) * _UP)

    def _scaled_reach(self, reach: Float[np.ndarray, "k 1"]) -> Float[np.ndarray, "k 1"]:
        """`s T`, or what is beyond all distances."""
        with np.errstate(over="ignore"):
            return np.asarray(np.minimum(np.ldexp(reach, -self._exponent), _BEYOND))

    def _by_groups(self, i: Array, j: Array, first: int, reach: np.ndarray) -> Indices:
        """Of pairs with the rows `first + i` those that the groups do not tell apart."""
        on, (x, y) = self._on, self._groups
        if x is None or y is None:
            return on.numpy(i + first), on.numpy(j)
        allowed = (self._scaled_reach(reach) + 2 * self._group_error) * (1 + _gamma32(x.shape[1] + 4)) + _TINY
        bound = on.array(_float32_above(allowed)[:, 0])
        near = on.xp.empty_like(i, dtype=on.xp.bool)
        for start in range(0, len(i), _CHUNK):
            part = slice(start, start + _CHUNK)
            sums = abs(x[i[part] + first] - y[j[part]]).sum(axis=1)
            near[part] = sums <= (bound if len(bound) == 1 else bound[i[part]])
        return on.numpy(i[near] + first), on.numpy(j[near])

    def _mean(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Near the mean, and in the box whatever rounding does."""
        some = _few(self._sides.x)
        middle = low + ((some - low) * self._scale).mean(axis=0) / self._scale
        return np.asarray(np.clip(middle, low, high))

    def _directions(self, k: int) -> Float[np.ndarray, "d k"]:
        """Nearly the first `k` principal directions of some of the points, orthonormal up to rounding."""
        parts = [_few(self._sides.x)] if self._sides.same else [_few(self._sides.x), _few(self._sides.y)]
        some = (np.concatenate(parts) - self._centre) * self._scale * self._weights
        start = np.random.default_rng(_SEED).standard_normal((some.shape[1], min(k + 8, some.shape[1])))
        for _ in range(2):
            start, _ = np.linalg.qr(some.T @ (some @ start) + start * _TINY)
        _, _, turn = np.linalg.svd(some @ start, full_matrices=False)
        turned = start @ turn.T
        if turned.shape[1] < k:
            turned = start
        return np.ascontiguousarray(np.linalg.qr(turned[:, :k])[0])

    def _embedded(self, side: Sorted) -> tuple[Array, tuple[float, float], Array | None]:
        """`Φ` of all points of a side in float32, the errors `A` and of the groups, and the groups' sums."""
        on, k, dim = self._on, self._basis.shape[1], side.dim
        centre, weights, basis = (on.array(part) for part in (self._centre, self._weights, self._basis))
        result = on.array(np.empty((len(side), k + 1), dtype=np.float32))
        groups = on.array(np.empty((len(side), -(-dim // _GROUP)), dtype=np.float32)) if self._p == 1 else None
        longest, widest = 0.0, 0.0
        for start in range(0, len(side), _ROWS):
            rows = slice(start, start + _ROWS)
            shifted = (on.array(side[rows]) - centre) * self._scale
            if groups is not None:
                groups[rows] = on.sums(shifted, _GROUP)
                widest = max(widest, float(abs(shifted).sum(axis=1).max()))
            shifted *= weights
            projected = on.product(shifted, basis)
            own = on.squares(shifted)
            result[rows, :k] = projected
            result[rows, k] = on.xp.sqrt((own - on.squares(projected)).clip(0.0))
            longest = max(longest, float(own.max()))
        first = self._defect + 2 * gamma(dim) * math.sqrt(k)
        second = 2 * gamma(dim + k + 4) + 3 * first
        relative = 8 * UNIT_ROUNDOFF + first + math.sqrt(second) + 2.0**-23
        errors = relative * math.sqrt(longest) * (1 + 2.0**-10) + _TINY, 0.0
        if groups is not None:
            errors = errors[0], (2 * gamma(_GROUP + 4) + 2.0**-23) * widest * (1 + 2.0**-10) + _TINY
        return result, errors, groups


def _few(side: Sorted) -> np.ndarray:
    return side[np.arange(0, len(side), -(-len(side) // _SAMPLE))]


def _box(sides: Sides) -> tuple[np.ndarray, np.ndarray]:
    boxes = []
    for side in (sides.x,) if sides.same else (sides.x, sides.y):
        boxes.append((side.points.min(axis=0), side.points.max(axis=0)))
    return np.min([low for low, _ in boxes], axis=0), np.max([high for _, high in boxes], axis=0)


def _defect(basis: np.ndarray) -> float:
    """`η >= ‖QᵀQ - I‖_2`.

    Raises:
        ArithmeticError: if the columns are not nearly orthonormal.
    """
    gram = basis.T @ basis
    trace = float(np.trace(gram))
    defect = float(np.linalg.norm(gram - np.eye(len(gram)))) * _UP + gamma(len(basis)) * trace * _UP + 2.0**-50
    if not defect < 2.0**-20:
        raise ArithmeticError(f"directions must be orthonormal up to 2^-20, got a defect of {defect:.3g}")
    return defect
