"""The cells of a small ReLU network in R^d, and the distance to its decision boundary by enumerating them.

`DB(f) = cl{f > 0} ∩ cl{f < 0}` for a continuous f: a zero with both signs in every neighbourhood. A ReLU network is
affine on finitely many polyhedra with interior that cover R^d; cut along `f = 0` they are *cells*, of one sign each,
and `DB(f)` is the union of the intersections of a positive with a negative cell. That holds for every network: a
zero without a change of sign is not in such an intersection, and neither is the inside of a plateau `f = 0`, which
is a cell of sign 0.

Everything is decided in rational arithmetic: the affine maps, whether a cell has an inside, a point there, and the
nearest point of a polyhedron, for p = 1, ∞ by the simplex method, for p = 2 by the active sets of non-negative least
squares. A thin cell is a cell like any other. The numbers handed out are rounded to float64 once, at the end.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent
from theory.arguments.subnormals import check_subnormals
from theory.exact.rationals import exact, integers, least_vertex, rational_layers
from theory.layers import Layers

MOST_NEURONS = 20
# A point inside is kept for both halves of a cell if the cut passes it at this distance or more, relative to 1.
_CLEAR = Fraction(1, 10**6)
Row = tuple[np.ndarray, Fraction]


@dataclass(frozen=True, eq=False)
class Cell:
    """A polyhedron `{z : normals z <= offsets}` with interior, inside which f is affine and has one sign.

    Attributes:
        normals: shape (m, d), rows of Euclidean norm 1 up to rounding, possibly none.
        offsets: shape (m,).
        sign: of f inside: -1, 0 or 1.
        gradient: of f there, shape (d,), rounded.
        inner: `inside`, rounded; shape (d,).
        inside: a point inside, over the rationals: `inner` itself unless the cell is too thin to hold that; shape (d,).
        rows: the polyhedron without rounding: `normal z + offset >= 0` for each (normal, offset), Fractions.
        form: f inside, `normal z + offset`, without rounding.
    """

    normals: Float[np.ndarray, "m d"]
    offsets: Float[np.ndarray, " m"]
    sign: int
    gradient: Float[np.ndarray, " d"]
    inner: Float[np.ndarray, " d"]
    inside: np.ndarray
    rows: tuple[Row, ...]
    form: Row


def cells(layers: Layers) -> tuple[Cell, ...]:
    """All cells of a network with one output.

    Each region is split by one neuron after the other, and at last by the output.

    Args:
        layers: the network, with at most MOST_NEURONS ReLUs.

    Raises:
        ValueError: if there is more than one output, or too many ReLUs, sizes do not fit, an entry is not finite, or
            a gradient, an offset or a point inside is beyond the range of float64.
    """
    check_subnormals("an enumeration of cells")
    affines = _rational(layers)
    try:
        return tuple(_cells(affines))
    except OverflowError:
        raise ValueError(
            "the affine pieces of the network have entries beyond the range of float64: scale its layers"
        ) from None


def has_plateau(found: Sequence[Cell]) -> bool:
    """Whether `{f = 0}` has an inside: then sign changes need not be near the decision boundary."""
    return any(cell.sign == 0 for cell in found)


def distance_to_sign(found: Sequence[Cell], x: Float[np.ndarray, " d"], sign: int, p: Any) -> float:
    """`dist_p(x, {z : sign · f(z) > 0})`, ∞ if there is no such z. Arguments as for `distance_to_boundary`."""
    x, p = _read(found, x, p)
    _check_sign(sign)
    return min((_nearest(*_below(cell.rows), x, p)[0] for cell in found if cell.sign == sign), default=np.inf)


def distance_to_side_boundary(
    found: Sequence[Cell], x: Float[np.ndarray, " d"], sign: int, p: Any
) -> tuple[float, Float[np.ndarray, " d"]]:
    """`dist_p(x, ∂U)` for the side `U = {z : sign · f(z) > 0}` in R^d, and a nearest point; (∞, x) if ∂U is empty.

    For every continuous f, with plateaus and zeros without a change of sign too, the least value of `y f` over the
    closed ball `B = B_p(x, δ)` is tied to the sides `U = {y f > 0}` and `V = {y f < 0}`:

    - if `y f(x) > 0`: it is > 0 just when `dist_p(x, ∂U) > δ`;
    - if `y f(x) >= 0`: it is >= 0 just when `dist_p(x, ∂V) >= δ`.

    *Proof.* U and V are open. If x is in U, the first point outside of U on a segment from x to a point outside is in
    ∂U, and ∂U is outside of U: so `dist(x, ∂U)` is the distance to the complement of U. That is closed, the distance is
    reached, and B meets it just when `dist(x, ∂U) <= δ`. If x is not in V, a segment from x to a point of V meets ∂V,
    and ∂V is a part of cl V: so `dist(x, ∂V) = dist(x, V)`. A point of V in B has points of V beside it that are nearer
    to x, as V is open: so B meets V just when `dist(x, V) < δ`.

    If `{f = 0}` has empty interior and `y f(x) > 0`, then `dist(x, DB(f)) = dist(x, ∂V)`, the printed Proposition 3.1:
    DB(f) is a part of ∂V; and the nearest point z of ∂V is in DB(f), for the open ball of radius `‖z-x‖` around x does
    not meet V, and in every neighbourhood of z it is not all zeros, so f has the sign y there.

    The cells with that sign cover cl U, and ∂U consists of the zeros of f in them: one program a cell.

    Source: Proposition 3.1, repaired form. Arguments and errors as for `distance_to_boundary`.

    Args:
        found: the cells of f.
        x: shape (d,), finite.
        sign: -1 or 1.
        p: 1, 2 or ∞.
    """
    x, p = _read(found, x, p)
    _check_sign(sign)
    best, point = np.inf, x
    for cell in found:
        normal, offset = cell.form
        if cell.sign != sign or not normal.any():
            continue
        reach, nearest = _nearest(*_below((*cell.rows, (-sign * normal, -sign * offset))), x, p)
        if reach < best:
            best, point = reach, nearest
    return float(best), point


def distance_to_boundary(
    found: Sequence[Cell], x: Float[np.ndarray, " d"], p: Any
) -> tuple[float, Float[np.ndarray, " d"]]:
    """`dist_p(x, DB(f))` with `DB(f)` in R^d, and a nearest point of `DB(f)`; (∞, x) if `DB(f)` is empty.

    A linear program a pair of cells for p = 1, ∞, a least-distance problem (Lawson and Hanson 1974, chapter 23) for
    p = 2; pairs that are farther away than the best so far are skipped. The distance is that over the rationals,
    rounded once for p = 1, ∞ and twice for p = 2; the point is rounded.

    Args:
        found: the cells of f.
        x: shape (d,), finite.
        p: 1, 2 or ∞.

    Raises:
        ValueError: if x has another shape or is not finite, or p is another one, or the distance is beyond the range of
            float64.
    """
    x, p = _read(found, x, p)
    sides = [[(_nearest(*_below(cell.rows), x, p)[0], cell) for cell in found if cell.sign == sign] for sign in (1, -1)]
    # Of two cells the farther one bounds the distance to their intersection from below.
    pairs = [(max(a[0], b[0]), a[1], b[1]) for a, b in itertools.product(*sides)]
    best, point = np.inf, x
    for bound, plus, minus in sorted(pairs, key=lambda pair: pair[0]):
        if bound >= best:
            break
        reach, nearest = _nearest(*_below(plus.rows + minus.rows), x, p)
        if reach < best:
            best, point = reach, nearest
    return float(best), point


@dataclass(frozen=True, eq=False)
class _Region:
    """Rows (normal, offset) of `normal z + offset >= 0`, a point inside, the hidden layer as `matrix z + constant`."""

    rows: tuple[Row, ...]
    inside: np.ndarray
    matrix: np.ndarray
    constant: np.ndarray


def _rational(layers: Layers) -> list[tuple[np.ndarray, np.ndarray]]:
    if not layers:
        raise ValueError("a network needs at least one layer, got none")
    weights, biases = [layer.weight for layer in layers], [np.asarray(layer.bias) for layer in layers]
    sizes = [weights[0].shape[-1], *(len(bias) for bias in biases)]
    expected = [(after, before) for before, after in itertools.pairwise(sizes)]
    if [weight.shape for weight in weights] != expected or 0 in sizes:
        raise ValueError(f"a network needs layers that fit, got weights of shapes {[w.shape for w in weights]}")
    if sizes[-1] != 1:
        raise ValueError(f"a decision boundary needs a network with one output, got {sizes[-1]}")
    entries = [weight if isinstance(weight, np.ndarray) else weight.data for weight in weights]
    if not all(np.isfinite(values).all() for values in (*entries, *biases)):
        raise ValueError("a network needs finite weights and biases, got NaN or infinity")
    if not sum(sizes[1:-1]) <= MOST_NEURONS:
        raise ValueError(
            f"enumerating cells needs at most {MOST_NEURONS} ReLUs, got {sum(sizes[1:-1])}: use minimum_over_ball for "
            "the margin of one point, or small_margin for bounds"
        )
    return rational_layers(layers)


def _cells(affines: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Cell]:
    dim = affines[0][0].shape[1]
    regions = [_Region((), exact(np.zeros(dim)), exact(np.eye(dim)), exact(np.zeros(dim)))]
    for weight, bias in affines[:-1]:
        regions = [after for region in regions for after in _through_layer(region, weight, bias)]
    weight, bias = affines[-1]
    for region in regions:
        gradient, constant = (weight @ region.matrix)[0], (weight @ region.constant + bias)[0]
        for sign, rows, inside in _split(region.rows, region.inside, gradient, constant):
            units = _unit_rows(rows, dim)
            rounded = gradient.astype(np.float64), inside.astype(np.float64)
            yield Cell(*units, sign, *rounded, inside, rows, (gradient, constant))


def _through_layer(region: _Region, weight: np.ndarray, bias: np.ndarray) -> Iterator[_Region]:
    """The parts of a region on which every neuron of the next layer has one sign."""
    matrix, constant = weight @ region.matrix, weight @ region.constant + bias
    signs: tuple[int, ...] = ()
    parts = [(region.rows, region.inside, signs)]
    for normal, offset in zip(matrix, constant, strict=True):
        parts = [
            (cut, inside, (*signs, sign))
            for rows, inner, signs in parts
            for sign, cut, inside in _split(rows, inner, normal, offset)
        ]
    for rows, inside, signs in parts:
        on = np.asarray([Fraction(int(sign > 0)) for sign in signs], dtype=object)
        yield _Region(rows, inside, on[:, None] * matrix, on * constant)


def _split(
    rows: tuple[Row, ...], inner: np.ndarray, normal: np.ndarray, offset: Fraction
) -> Iterator[tuple[int, tuple[Row, ...], np.ndarray]]:
    """The sides of the form `normal z + offset` that have an inside: sign, rows, a point inside."""
    if not normal.any():
        yield (offset > 0) - (offset < 0), rows, inner
        return
    value = normal @ inner + offset
    # Not a point so near to the cut that evaluating f there in floats says nothing of its sign.
    clear = abs(value) > _CLEAR * np.abs(normal).sum()
    for sign in (1, -1):
        cut = (*rows, (sign * normal, sign * offset))
        inside = inner if clear and sign * value > 0 else _inside(cut)
        if inside is not None:
            yield sign, cut, inside


def _unit_rows(rows: Sequence[Row], dim: int) -> tuple[np.ndarray, np.ndarray]:
    """`normals z <= offsets`, in float64, rows of norm 1; exact up to the last scaling."""
    normals, offsets = np.zeros((len(rows), dim)), np.zeros(len(rows))
    for k, (normal, offset) in enumerate(rows):
        # Over the rationals first: entries may be beyond the range of floats, their ratios are not.
        largest = max(abs(a) for a in normal)
        scaled = np.array([float(a / largest) for a in normal])
        length = float(np.linalg.norm(scaled))
        normals[k], offsets[k] = -scaled / length, float(offset / largest) / length
    return normals, offsets


def _below(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """The polyhedron as `normals z <= offsets`, Fractions."""
    return -np.array([normal for normal, _ in rows], dtype=object), np.array(
        [offset for _, offset in rows], dtype=object
    )


def _inside(rows: Sequence[Row]) -> np.ndarray | None:
    """The centre of the largest l_∞ ball of radius at most 1 in the polyhedron, or None if it has no inside.

    The radius is `1 - v_{d+1}` and the centre `v_j - v_d`, so that all variables are >= 0.
    """
    normals, offsets = _below(rows)
    sizes = np.abs(normals).sum(axis=1)
    dim = normals.shape[1]
    cost = exact(np.append(np.zeros(dim + 1), 1.0))
    found = least_vertex(cost, np.column_stack([normals, -normals.sum(axis=1), -sizes]), offsets - sizes)
    if found is None or found[-1] >= 1:
        return None
    centre = found[:dim] - found[dim]
    # Floats are shorter; a thin cell may hold none.
    rounded = exact(centre.astype(np.float64))
    return rounded if (normals @ rounded < offsets).all() else centre


def _nearest(normals: np.ndarray, offsets: np.ndarray, x: np.ndarray, p: float) -> tuple[float, np.ndarray]:
    """Distance of x to `{z : normals z <= offsets}` (floats or Fractions) and its nearest point; (∞, x) if empty."""
    if not len(normals):
        return 0.0, x
    normals, start = exact(normals), exact(x)
    room = exact(offsets) - normals @ start
    if (room >= 0).all():
        return 0.0, x
    step = _least_step_2(normals, room) if p == 2 else _least_step(normals, room, p)
    if step is None:
        return np.inf, x
    length = _root((step * step).sum()) if p == 2 else np.abs(step).max() if p > 2 else np.abs(step).sum()
    try:
        return float(length), (start + step).astype(np.float64)
    except OverflowError:
        raise ValueError("the distance to a cell is beyond the range of float64: scale the network's layers") from None


def _root(square: Fraction) -> Fraction:
    """The square root to a relative error below 2^-60."""
    shift = max(0, 64 - square.numerator.bit_length() // 2 + square.denominator.bit_length() // 2)
    return Fraction(math.isqrt((square.numerator << 2 * shift) // square.denominator), 1 << shift)


def _least_step(normals: np.ndarray, room: np.ndarray, p: float) -> np.ndarray | None:
    """The least `‖s‖_p` with `normals s <= room`, p = 1 or ∞, or None if there is no such s."""
    dim = normals.shape[1]
    if p == 1:  # s = s⁺ - s⁻
        found = least_vertex(exact(np.ones(2 * dim)), np.column_stack([normals, -normals]), room)
        return None if found is None else found[:dim] - found[dim:]
    # s_j = v_j - v_d with 0 <= v_j <= 2 v_d, the length.
    box = exact(np.column_stack([np.eye(dim), np.full(dim, -2.0)]))
    rows = np.vstack([np.column_stack([normals, -normals.sum(axis=1)]), box])
    found = least_vertex(exact(np.append(np.zeros(dim), 1.0)), rows, np.append(room, exact(np.zeros(dim))))
    return None if found is None else found[:dim] - found[dim]


def _least_step_2(normals: np.ndarray, room: np.ndarray) -> np.ndarray | None:
    """The least `‖s‖_2` with `normals s <= room`, or None if there is no such s.

    With `E = [-normalsᵀ; -roomᵀ]` and the last unit vector e: `s = -r_{1..d} / r_{d+1}` for the residual `r = E y - e`
    of the least `‖E y - e‖_2` over `y >= 0`; it is 0 just when the polyhedron is empty. The active sets of Lawson and
    Hanson are finitely many, and over the rationals none comes twice: the residual falls strictly.
    """
    # Each row scaled to whole numbers, of any size.
    columns = exact(np.array([integers(row) for row in np.column_stack([-normals, -room])], dtype=object))
    sizes = (columns * columns).sum(axis=1)
    used: list[int] = []
    y = exact(np.zeros(len(columns)))
    while True:
        residual = y @ columns
        residual[-1] -= 1
        descent = -(columns @ residual)
        free = [j for j in range(len(columns)) if j not in used and descent[j] > 0]
        if not free:
            break
        used.append(max(free, key=lambda j: descent[j] ** 2 / sizes[j]))
        while True:
            chosen = columns[used]
            solution = _solved(chosen @ chosen.T, chosen[:, -1])
            falling = [(y[j] / (y[j] - z), j) for j, z in zip(used, solution, strict=True) if z <= 0]
            if not falling:
                break
            part = min(falling)[0]
            y[used] = y[used] + part * (solution - y[used])
            used = [j for j in used if y[j] > 0]
        y[:] = Fraction(0)
        y[used] = solution
    return None if residual[-1] == 0 else -residual[:-1] / residual[-1]


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`matrix⁻¹ right` for a positive definite matrix, by elimination."""
    table = np.column_stack([matrix, right])
    for k in range(len(table)):
        table[k] = table[k] / table[k, k]
        for i in range(len(table)):
            if i != k:
                table[i] = table[i] - table[i, k] * table[k]
    return np.asarray(table[:, -1])


def _check_sign(sign: int) -> None:
    if sign not in (-1, 1):
        raise ValueError(f"sign needs to be -1 or 1, got {sign}")


def _read(found: Sequence[Cell], x: Any, p: Any) -> tuple[np.ndarray, float]:
    check_subnormals("a distance")
    exponent, point = read_exponent(p), exact_floats(x, "x")
    if exponent not in (1, 2, np.inf):
        raise ValueError(f"distances to cells need p = 1, 2 or inf, got p={p}")
    if not found:
        raise ValueError("distances need the cells of a network, got none")
    if point.shape != found[0].inner.shape or not np.isfinite(point).all():
        raise ValueError(f"x needs finite coordinates and shape {found[0].inner.shape}, got {x}")
    return point, exponent
