"""The cells of a small ReLU network in R^d, and the distance to its decision boundary by enumerating them.

`DB(f) = cl{f > 0} ∩ cl{f < 0}` for a continuous f: a zero with both signs in every neighbourhood. A ReLU network is
affine on finitely many polyhedra with interior that cover R^d; cut along `f = 0` they are *cells*, of one sign each,
and `DB(f)` is the union of the intersections of a positive with a negative cell. That holds for every network: a
zero without a change of sign is not in such an intersection, and neither is the inside of a plateau `f = 0`, which
is a cell of sign 0.

The affine maps are computed in rational arithmetic, so that "constant" and "zero" mean just that, and a cell is
listed with a point that is inside it over the rationals, about 1e-6 or more from its faces. That a cell is empty is
the answer of a linear program in float64, and so are the distances: this is an independent route to a number, and no
certificate.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float
from scipy.optimize import linprog, nnls

from theory.layers import Layers

MOST_NEURONS = 20
# A cell that contains no ball of this radius is taken for empty; up to the second it is not decided.
_EMPTY, _THIN = 1e-9, 1e-6
_OPTIONS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
# The residual of the least-distance problem is `(1 + distance²)^(-1/2)`, and 0 for an empty polyhedron.
_NO_RESIDUAL = 1e-9


@dataclass(frozen=True, eq=False)
class Cell:
    """A polyhedron `{z : normals z <= offsets}` with interior, inside which f is affine and has one sign.

    Attributes:
        normals: shape (m, d), rows of Euclidean norm 1 up to rounding, possibly none.
        offsets: shape (m,).
        sign: of f inside: -1, 0 or 1.
        gradient: of f there, shape (d,), rounded.
        inner: a point inside, over the rationals; shape (d,).
    """

    normals: Float[np.ndarray, "m d"]
    offsets: Float[np.ndarray, " m"]
    sign: int
    gradient: Float[np.ndarray, " d"]
    inner: Float[np.ndarray, " d"]


def cells(layers: Layers) -> tuple[Cell, ...]:
    """All cells of a network with one output.

    Each region is split by one neuron after the other, and at last by the output.

    Args:
        layers: the network, with at most MOST_NEURONS ReLUs.

    Raises:
        ValueError: if there is more than one output, or too many ReLUs, sizes do not fit, an entry is not finite, or
            some cell is so thin that float64 does not decide whether it has an inside, or a gradient overflows.
    """
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


def distance_to_sign(found: Sequence[Cell], x: Float[np.ndarray, " d"], sign: int, p: float) -> float:
    """`dist_p(x, {z : sign · f(z) > 0})`, ∞ if there is no such z. Arguments as for `distance_to_boundary`."""
    _check(found, x, p)
    if sign not in (-1, 1):
        raise ValueError(f"sign needs to be -1 or 1, got {sign}")
    return min((_nearest(cell.normals, cell.offsets, x, p)[0] for cell in found if cell.sign == sign), default=np.inf)


def distance_to_boundary(
    found: Sequence[Cell], x: Float[np.ndarray, " d"], p: float
) -> tuple[float, Float[np.ndarray, " d"]]:
    """`dist_p(x, DB(f))` with `DB(f)` in R^d, and a nearest point of `DB(f)`; (∞, x) if `DB(f)` is empty.

    A linear program a pair of cells for p = 1, ∞, a least-distance problem (Lawson and Hanson 1974, chapter 23) for
    p = 2; pairs that are farther away than the best so far are skipped.

    Args:
        found: the cells of f.
        x: shape (d,), finite.
        p: 1, 2 or ∞.

    Raises:
        ValueError: if x has another shape or is not finite, or p is another one.
        RuntimeError: if a solver stops without an answer.
    """
    _check(found, x, p)
    sides = [
        [(_nearest(cell.normals, cell.offsets, x, p)[0], cell) for cell in found if cell.sign == sign]
        for sign in (1, -1)
    ]
    # Of two cells the farther one bounds the distance to their intersection from below.
    pairs = [(max(a[0], b[0]), a[1], b[1]) for a, b in itertools.product(*sides)]
    best, point = np.inf, x
    for bound, plus, minus in sorted(pairs, key=lambda pair: pair[0]):
        if bound >= best:
            break
        normals, offsets = np.vstack([plus.normals, minus.normals]), np.concatenate([plus.offsets, minus.offsets])
        reach, nearest = _nearest(normals, offsets, x, p)
        if reach < best:
            best, point = reach, nearest
    return float(best), point


@dataclass(frozen=True, eq=False)
class _Region:
    """Rows (normal, offset) of `normal z + offset >= 0`, and the hidden layer as `matrix z + constant` there."""

    rows: tuple[tuple[np.ndarray, Fraction], ...]
    inner: np.ndarray
    matrix: np.ndarray
    constant: np.ndarray


def _rational(layers: Layers) -> list[tuple[np.ndarray, np.ndarray]]:
    dense = [
        (a.weight if isinstance(a.weight, np.ndarray) else np.asarray(a.weight.toarray()), np.asarray(a.bias))
        for a in layers
    ]
    if not dense:
        raise ValueError("a network needs at least one layer, got none")
    sizes = [dense[0][0].shape[-1], *(len(bias) for _, bias in dense)]
    expected = [(after, before) for before, after in itertools.pairwise(sizes)]
    if [weight.shape for weight, _ in dense] != expected or 0 in sizes:
        raise ValueError(f"a network needs layers that fit, got weights of shapes {[w.shape for w, _ in dense]}")
    if sizes[-1] != 1:
        raise ValueError(f"a decision boundary needs a network with one output, got {sizes[-1]}")
    if not all(np.isfinite(weight).all() and np.isfinite(bias).all() for weight, bias in dense):
        raise ValueError("a network needs finite weights and biases, got NaN or infinity")
    if not sum(sizes[1:-1]) <= MOST_NEURONS:
        raise ValueError(
            f"enumerating cells needs at most {MOST_NEURONS} ReLUs, got {sum(sizes[1:-1])}: use minimum_over_ball for "
            "the margin of one point, or small_margin for bounds"
        )
    to_fraction = np.frompyfunc(lambda v: Fraction(float(v)), 1, 1)
    return [(to_fraction(weight), to_fraction(bias)) for weight, bias in dense]


def _cells(affines: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Cell]:
    dim = affines[0][0].shape[1]
    identity = np.array([[Fraction(int(i == j)) for j in range(dim)] for i in range(dim)], dtype=object)
    regions = [_Region((), np.zeros(dim), identity, np.full(dim, Fraction(0), dtype=object))]
    for weight, bias in affines[:-1]:
        regions = [after for region in regions for after in _through_layer(region, weight, bias)]
    weight, bias = affines[-1]
    for region in regions:
        gradient, constant = (weight @ region.matrix)[0], (weight @ region.constant + bias)[0]
        for sign, rows, inner in _split(region.rows, region.inner, gradient, constant):
            yield Cell(*_unit_rows(rows, dim), sign, gradient.astype(np.float64), inner)


def _through_layer(region: _Region, weight: np.ndarray, bias: np.ndarray) -> Iterator[_Region]:
    """The parts of a region on which every neuron of the next layer has one sign."""
    matrix, constant = weight @ region.matrix, weight @ region.constant + bias
    signs: tuple[int, ...] = ()
    parts = [(region.rows, region.inner, signs)]
    for normal, offset in zip(matrix, constant, strict=True):
        parts = [
            (cut, inside, (*signs, sign))
            for rows, inner, signs in parts
            for sign, cut, inside in _split(rows, inner, normal, offset)
        ]
    for rows, inner, signs in parts:
        on = np.asarray([Fraction(int(sign > 0)) for sign in signs], dtype=object)
        yield _Region(rows, inner, on[:, None] * matrix, on * constant)


def _split(
    rows: tuple[tuple[np.ndarray, Fraction], ...], inner: np.ndarray, normal: np.ndarray, offset: Fraction
) -> Iterator[tuple[int, tuple[tuple[np.ndarray, Fraction], ...], np.ndarray]]:
    """The sides of the form `normal z + offset` that have an inside: sign, rows, a point inside."""
    if not normal.any():
        yield (offset > 0) - (offset < 0), rows, inner
        return
    value = _value(normal, offset, inner)
    # Not a point so near to the cut that evaluating f there says nothing of its sign.
    clear = value * value > Fraction(_THIN) ** 2 * sum(a * a for a in normal)
    for sign in (1, -1):
        cut = (*rows, (sign * normal, sign * offset))
        inside = inner if clear and sign * value > 0 else _inside(cut)
        if inside is not None:
            yield sign, cut, inside


def _value(normal: np.ndarray, offset: Fraction, z: np.ndarray) -> Fraction:
    return offset + sum((a * Fraction(float(b)) for a, b in zip(normal, z, strict=True) if a), Fraction(0))


def _unit_rows(rows: Sequence[tuple[np.ndarray, Fraction]], dim: int) -> tuple[np.ndarray, np.ndarray]:
    """`normals z <= offsets`, in float64, rows of norm 1; exact up to the last scaling."""
    normals, offsets = np.zeros((len(rows), dim)), np.zeros(len(rows))
    for k, (normal, offset) in enumerate(rows):
        # Over the rationals first: entries may be beyond the range of floats, their ratios are not.
        largest = max(abs(a) for a in normal)
        scaled = np.array([float(a / largest) for a in normal])
        length = float(np.linalg.norm(scaled))
        normals[k], offsets[k] = -scaled / length, float(offset / largest) / length
    return normals, offsets


def _inside(rows: Sequence[tuple[np.ndarray, Fraction]]) -> np.ndarray | None:
    """The centre of the largest ball of radius at most 1 in the polyhedron, or None if it has no inside."""
    dim = len(rows[0][0])
    normals, offsets = _unit_rows(rows, dim)
    constraints = np.column_stack([normals, np.ones(len(rows))])
    result = linprog(
        np.append(np.zeros(dim), -1.0),
        A_ub=constraints,
        b_ub=offsets,
        bounds=[(None, None)] * dim + [(None, 1.0)],
        method="highs",
        options=_OPTIONS,
    )
    if not result.success:
        raise RuntimeError(f"the linear solver stopped without an answer: {result.message.strip()}")
    ball = -float(result.fun)
    if ball <= _EMPTY:
        return None
    centre = np.asarray(result.x[:dim])
    if not (ball >= _THIN and all(_value(normal, offset, centre) > 0 for normal, offset in rows)):
        raise ValueError(
            f"a cell of the network contains no ball of radius {_THIN} (the largest found: {ball:.1e}), so that "
            "float64 does not tell it from an empty one: scale the network, or take one with coarser weights"
        )
    return centre


def _nearest(normals: np.ndarray, offsets: np.ndarray, x: np.ndarray, p: float) -> tuple[float, np.ndarray]:
    """Distance of x to the polyhedron and its nearest point; (∞, x) if it is empty."""
    room = offsets - normals @ x
    if (room >= 0).all():
        return 0.0, x
    step = _least_step_2(normals, room) if p == 2 else _least_step(normals, room, p)
    if step is None:
        return np.inf, x
    return float(np.linalg.norm(step, p)), x + step


def _least_step(normals: np.ndarray, room: np.ndarray, p: float) -> np.ndarray | None:
    """The least `‖s‖_p` with `normals s <= room`, p = 1 or ∞, by `s = s⁺ - s⁻`."""
    rows, dim = normals.shape
    both = np.column_stack([normals, -normals])
    if np.isinf(p):
        sizes = np.column_stack([np.eye(dim), np.eye(dim), -np.ones(dim)])
        both = np.vstack([np.column_stack([both, np.zeros(rows)]), sizes])
        room, cost = np.append(room, np.zeros(dim)), np.append(np.zeros(2 * dim), 1.0)
    else:
        cost = np.ones(2 * dim)
    result = linprog(cost, A_ub=both, b_ub=room, method="highs", options=_OPTIONS)
    if result.status == 2:
        return None
    if not result.success:
        raise RuntimeError(f"the linear solver stopped without an answer: {result.message.strip()}")
    return np.asarray(result.x[:dim] - result.x[dim : 2 * dim])


def _least_step_2(normals: np.ndarray, room: np.ndarray) -> np.ndarray | None:
    """The least `‖s‖_2` with `normals s <= room`: `-normals s >= -room` as non-negative least squares."""
    dim = normals.shape[1]
    target = np.append(np.zeros(dim), 1.0)
    matrix = np.vstack([-normals.T, -room])
    residual = matrix @ nnls(matrix, target, maxiter=100 * len(room))[0] - target
    if np.linalg.norm(residual) <= _NO_RESIDUAL:
        return None
    return np.asarray(-residual[:dim] / residual[dim])


def _check(found: Sequence[Cell], x: np.ndarray, p: float) -> None:
    if p not in (1, 2, np.inf):
        raise ValueError(f"distances to cells need p = 1, 2 or inf, got p={p}")
    if not found:
        raise ValueError("distances need the cells of a network, got none")
    if x.shape != found[0].inner.shape or not np.isfinite(x).all():
        raise ValueError(f"x needs finite coordinates and shape {found[0].inner.shape}, got {x}")
