"""What the weights say of soft indicators: which are 1 on their own ball, and 0 off their shell.

Each check reads the centres, thresholds and slopes back from the layers, whatever built them, and leaves an allowance
for the float64 arithmetic of the check itself, and for values that are computed with errors: `moved` bounds how far the
executed `E_i` is from the real one. For p = 1, 2 and ∞ no number is beyond 2^250 and no weight but 0 below 2^-250: what
underflows in a product of two is then below 2^-500.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float

from constructions.networks.network import Affine, ReLUNetwork, dense, sparse
from constructions.pieces.excess import l2_excess, lp_excess, power_features, shared_squares
from constructions.pieces.levels import Levels
from constructions.pieces.power import Hinges, power_bounds
from constructions.pieces.soft_indicators import Method
from theory.cluster import in_blocks
from theory.roundoff import gamma
from theory.setting.norms import norm

_BLOCK = 1024
_ENTRIES = 2**20
_LARGEST, _VANISHING = 2.0**250, 2.0**-500

# Of some rows: which indicators are 1 on their own ball, and which are 0 off their shell.
Found: TypeAlias = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class IndicatorCheck:
    """Which indicators are 1 on their own ball (`inner`), and 0 off their shell (`outer`)."""

    inner: Bool[np.ndarray, " n_small"]
    outer: Bool[np.ndarray, " n_small"]


def check_indicators(
    block: ReLUNetwork,
    centres: Float[np.ndarray, "n_small d"],
    radius: float,
    shell: float,
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
    *,
    p: float,
    method: Method,
    moved: Float[np.ndarray, " n_small"] | None = None,
    client: Any = None,
) -> IndicatorCheck:
    """Prove, from the weights, which `I_i` are 1 on `B_p(c_i, δ)` and 0 off `B_p(c_i, δ + γ)` in the box.

    Args:
        block: the indicators.
        centres: `c_i`.
        radius: δ.
        shell: γ.
        low: least corner of the box.
        high: its greatest corner.
        p: in [1, ∞].
        method: how they were built.
        moved: bounds of `|executed E_i - real E_i|` on the box; the claim is then about the executed indicators, whose
            slopes may have two roundings. For p = ∞ it does not concern `inner`, where every summand is 0.
        client: a Dask client or the address of a scheduler, for blocks of indicators; see `theory.cluster`.
    """
    if p in (1, 2, np.inf) and not _is_ordinary(block, (centres, np.array([radius, shell]))):
        return _nothing(len(centres))
    if not _has_depth(block, p, method) or block.outputs != len(centres):
        return _nothing(len(centres))
    executed = moved is not None
    moved = np.zeros(len(centres)) if moved is None else moved
    balls = centres, radius, shell
    if np.isinf(p):
        return _check_linf(block, *balls, moved, client)
    slopes = _ramp_slopes(block.layers[-1])
    if slopes is None:
        return _nothing(len(centres))
    if executed:
        slopes = slopes * (1 - 2.0**-22)
    shared = method == "shared"
    if p == 1:
        return _by_rows(_l1_rows, (block, slopes, *balls, low, moved, shared), len(centres), client)
    if p == 2:
        return _check_l2(block, slopes, *balls, low, high, moved, client, shared=shared)
    return _check_lp(block, slopes, *balls, p, moved, client, shared=shared)


def _by_rows(work: Callable[[Any, slice], Found], read: tuple[Any, ...], size: int, client: Any) -> IndicatorCheck:
    """`work(read, rows)` for blocks of rows that are always these, whoever does the work."""
    rows = [slice(start, min(start + _BLOCK, size)) for start in range(0, size, _BLOCK)]
    inner, outer = zip(*in_blocks(work, read, rows, client=client), strict=True)
    return IndicatorCheck(np.concatenate(inner), np.concatenate(outer))


def _check_linf(
    block: ReLUNetwork, c: np.ndarray, radius: float, shell: float, moved: np.ndarray, client: Any
) -> IndicatorCheck:
    """`I_i = σ(1 - Σ_r w_ir σ(s_r x_{j_r} + b_r))` with `s_r = ±1`, `w_ir >= 0`, both signs in each coordinate.

    Layers between only add features up, each at most once: no product and no rounding comes between a feature and its
    weight, over the reals and executed.
    """
    first, *middle, last = block.layers
    sides = sparse(first.weight)
    if not (_one_signed_entry(sides) and all(map(_adds_up, middle)) and np.all(last.bias == 1)):
        return _nothing(len(c))
    return _by_rows(_linf_rows, (block, c, radius, shell, moved), len(c), client)


def _linf_rows(read: tuple[Any, ...], rows: slice) -> Found:
    block, c, radius, shell, moved = read
    first, *middle, last = block.layers
    sides, c, dim = sparse(first.weight), c[rows], c.shape[1]
    coordinate, sign = sides.indices, sides.data
    weights = -sparse(last.weight[rows])
    for layer in reversed(middle):
        weights = weights @ sparse(layer.weight)
    weights = sp.coo_array(weights)
    i, r = weights.coords
    # s x + b at the centre; on the ball of radius ρ it is that ± ρ.
    at_centre = sign[r] * c[i, coordinate[r]] + first.bias[r]
    error = 8 * gamma(4) * (np.abs(c[i, coordinate[r]]) + np.abs(first.bias[r]) + radius + shell)
    off = (at_centre + radius + error <= 0) & (weights.data >= 0)
    inner = np.bincount(i[~off], minlength=len(c)) == 0
    reach = at_centre + radius + shell - error - moved[rows][i]
    closes = (weights.data > 0) & (weights.data * reach >= 1 + 4 * gamma(4))
    side = coordinate[r] + dim * (sign[r] > 0)
    closed = sp.coo_array((closes.astype(np.int64), (i, side)), shape=(len(c), 2 * dim)).tocsr()
    # One feature closes the indicator if no other one can open it again.
    opens = np.bincount(i[weights.data < 0], minlength=len(c)) > 0
    return inner, ~opens & (np.asarray((closed > 0).sum(axis=1)).ravel() == 2 * dim)


def _l1_rows(read: tuple[Any, ...], rows: slice) -> Found:
    """`E_i(x) = ‖x - v_i‖_1 - θ_i` with `v_i` and `θ_i` read from the weights."""
    block, slopes, c, radius, shell, low, moved, shared = read
    first, excess, _ = block.layers
    c, dim = c[rows], c.shape[1]
    # A float64 -Σ low may cut off the neuron of Σ_j (x_j - low_j) by this much in the corner of the box.
    clipped = abs(float(first.bias[-1]) + float(low.sum())) if shared else 0.0
    # And that bias is a term of θ.
    carried = abs(float(first.bias[-1])) if shared else 0.0
    part = Affine(excess.weight[rows], excess.bias[rows])
    found = _read_shared_l1(first, part, dim) if shared else _read_l1(first, part, dim)
    if found is None:
        return np.zeros(len(c), dtype=bool), np.zeros(len(c), dtype=bool)
    v, theta = found
    off = np.abs(c - v).sum(axis=1)
    scale = np.abs(v).sum(axis=1) + np.abs(c).sum(axis=1) + np.abs(part.bias)
    error = clipped + 8 * gamma(dim + 8) * (scale + carried + np.abs(low).sum() + radius + shell) + moved[rows]
    reach = slopes[rows] * (radius + shell - off - theta - error)
    return radius + off + error <= theta, reach >= 1 + 4 * gamma(4)


def _read_l1(first: Affine, excess: Affine, dim: int) -> tuple[np.ndarray, np.ndarray] | None:
    """`v, θ` of rows `Σ_j [σ(x_j - v_j) + σ(v_j - x_j)] - θ`; None for any other rows."""
    sides, sums = sparse(first.weight), sparse(excess.weight)
    if not (_one_signed_entry(sides) and np.all(sums.data == 1)):
        return None
    i, r = sp.coo_array(sums).coords
    v = np.full((2, excess.outputs, dim), np.nan)
    v[(sides.data[r] < 0).astype(int), i, sides.indices[r]] = -first.bias[r] * sides.data[r]
    if len(i) != v.size or not np.array_equal(v[0], v[1]):
        return None
    return v[0], -excess.bias


def _read_shared_l1(first: Affine, excess: Affine, dim: int) -> tuple[np.ndarray, np.ndarray] | None:
    """`v, θ` of rows `Σ_j 2σ(x_j - v_j) - Σ_j (x_j - low_j) + bias`; None for any other rows."""
    levels, total = sparse(first.weight[:-1]), dense(first.weight[-1:])
    chosen, minus = sparse(excess.weight[:, :-1]), dense(excess.weight[:, -1:])
    positive = _one_signed_entry(levels) and np.all(levels.data == 1) and np.all(total == 1)
    if not (positive and np.all(chosen.data == 2) and np.all(minus == -1)):
        return None
    i, r = sp.coo_array(chosen).coords
    v = np.full((excess.outputs, dim), np.nan)
    v[i, levels.indices[r]] = -first.bias[r]
    if len(i) != v.size or np.isnan(v).any():
        return None
    return v, v.sum(axis=1) + float(first.bias[-1]) - excess.bias


def _check_l2(
    block: ReLUNetwork,
    slopes: np.ndarray,
    c: np.ndarray,
    radius: float,
    shell: float,
    low: np.ndarray,
    high: np.ndarray,
    moved: np.ndarray,
    client: Any,
    *,
    shared: bool,
) -> IndicatorCheck:
    """`‖x - c_i‖² + κ_i <= E_i(x) <= ‖x - c_i‖² + κ_i + e` with `κ_i` read from the biases."""
    tents, excess = block.depth - 3, block.layers[-2]
    if shared:
        same = is_same(ReLUNetwork(block.layers[:-2]), shared_squares(low, high, tents))
    else:
        same = is_same(ReLUNetwork(block.layers[:-1]), l2_excess(c, -float(excess.bias[0]), high - low, tents))
    if not same:
        return _nothing(len(c))
    read = excess, slopes, c, radius, shell, low, high, tents, moved, shared
    return _by_rows(_l2_rows, read, len(c), client)


def _l2_rows(read: tuple[Any, ...], rows: slice) -> Found:
    excess, slopes, c, radius, shell, low, high, tents, moved, shared = read
    c, bias, width = c[rows], excess.bias[rows], high - low
    scale = float(width @ width + 2 * np.abs(low) @ width + low @ low)
    # The square network's own error, and the rounding of its scales: t has relative error 3u, f_m slope at
    # most 2 and weights relative error 2u.
    approximation = float(width @ width) * 4.0 ** (-tents - 1)
    rounding = 32 * gamma(len(low) + 8) * scale
    fits, offset = np.full(len(c), True), bias
    if shared:
        weights = dense(excess.weight[rows])
        fits = (weights[:, 0] == 1) & np.all(weights[:, 1:] == -2 * c, axis=1)
        norms = np.einsum("ij,ij->i", c, c)
        offset = 2 * (c @ low) - norms + bias
        largest = norms + 2 * (np.abs(c) @ (np.abs(low) + width)) + np.abs(bias)
        rounding = rounding + 8 * gamma(len(low) + 8) * largest
    error = rounding + 8 * gamma(4) * (radius + shell) ** 2 + moved[rows] + _VANISHING
    reach = slopes[rows] * ((radius + shell) ** 2 + offset - error)
    return fits & (radius**2 + approximation + offset + error <= 0), fits & (reach >= 1 + 4 * gamma(4))


def _check_lp(
    block: ReLUNetwork,
    slopes: np.ndarray,
    c: np.ndarray,
    radius: float,
    shell: float,
    p: float,
    moved: np.ndarray,
    client: Any,
    *,
    shared: bool,
) -> IndicatorCheck:
    """`E_i(x) = Σ_j G(|x_j - v_ij|) - θ_i` with `G`, `v_i` and `θ_i` read from the weights, `‖c_i - v_i‖_p <= γ/4`."""
    size, dim = c.shape
    sides, bends, last, *centres = block.layers[:-1]
    count = sides.outputs // 2
    pick = sparse(sides.weight[:count])
    knots = -bends.bias[: bends.outputs // count]
    steps = dense(last.weight[[0]])[0, : len(knots)]
    if not (_one_signed_entry(pick) and knots[0] == 0 and np.all(np.diff(knots) > 0) and np.all(steps > 0)):
        return _nothing(size)
    hinges = Hinges(knots + 0.0, steps)
    value, coordinate = -sides.bias[:count], pick.indices
    if shared:
        rebuilt = power_features(Levels(value, coordinate, np.empty((0, dim), dtype=np.int32)), hinges)
        theta = -centres[0].bias
    else:
        theta = np.full(size, -last.bias[0])
        rebuilt = lp_excess(c, hinges, float(theta[0]))
    if not is_same(ReLUNetwork((sides, bends, last)), rebuilt):
        return _nothing(size)
    # Rounded inwards: from here on the two radii are the floats that they are.
    inner, outer = (radius + shell / 4) * (1 + 4 * gamma(1)), (radius + 3 * shell / 4) * (1 - 4 * gamma(1))
    upper, lower = power_bounds(hinges, inner, outer, p, dim)
    # Two roundings of each sum.
    error = moved + 8 * gamma(4) * (np.abs(theta) + abs(lower) + moved)
    ones, zeros = upper + error <= theta, slopes * (lower - theta - error) >= 1 + 4 * gamma(4)
    if not shared:
        return IndicatorCheck(ones, zeros)
    read = centres[0], value, coordinate, c, shell, p, ones, zeros
    return _by_rows(_lp_rows, read, size, client)


def _lp_rows(read: tuple[Any, ...], rows: slice) -> Found:
    centres, value, coordinate, c, shell, p, ones, zeros = read
    near = _near_levels(sparse(centres.weight[rows]), value, coordinate, c[rows], shell, p)
    return near & ones[rows], near & zeros[rows]


def _near_levels(
    weight: sp.csr_array, value: np.ndarray, coordinate: np.ndarray, c: np.ndarray, shell: float, p: float
) -> np.ndarray:
    """Which rows are `Σ_j G(|x_j - v_j|)` with one level a coordinate and `‖c_i - v‖_p <= γ/4`."""
    dim = c.shape[1]
    i, f = sp.coo_array(weight).coords
    v = np.full(c.shape, np.nan)
    v[i, coordinate[f]] = value[f]
    plain = np.bincount(i[weight.data == 1], minlength=len(v)) == dim
    with np.errstate(over="ignore", under="ignore"):
        moved = norm((c - v) / shell, p)
    # NaN where a coordinate has no level; 64 ulp for each power function.
    return np.asarray(plain & (np.diff(weight.indptr) == dim) & (moved * (1 + 4 * gamma(dim + 160)) <= 0.25))


def _has_depth(block: ReLUNetwork, p: float, method: Method) -> bool:
    """Whether there are as many layers as indicators for this norm have."""
    if np.isinf(p):
        return block.depth >= 2
    if p == 2:
        return block.depth >= 4
    return block.depth == (3 if p == 1 else 5 if method == "shared" else 4)


def _is_ordinary(block: ReLUNetwork, numbers: tuple[np.ndarray, ...]) -> bool:
    if not all(_largest(n) <= _LARGEST for n in (*numbers, *(f.bias for f in block.layers))):
        return False
    weights = [f.weight if isinstance(f.weight, np.ndarray) else f.weight.data for f in block.layers]
    sizes = (np.abs(part) for w in weights for part in np.array_split(w, max(1, w.size // _ENTRIES)))
    return all(np.all((size == 0) | ((size >= 1 / _LARGEST) & (size <= _LARGEST))) for size in sizes)


def _largest(numbers: np.ndarray) -> float:
    return max(float(numbers.max()), -float(numbers.min()))


def _one_signed_entry(weight: sp.csr_array) -> bool:
    """Whether every row is `±e_j`."""
    return bool(np.all(np.diff(weight.indptr) == 1) and np.all(np.abs(weight.data) == 1))


def _adds_up(layer: Affine) -> bool:
    """Whether every output is a sum of inputs, and no input is in two of them."""
    weight = sparse(layer.weight)
    return bool(
        np.all(weight.data == 1) and np.bincount(weight.indices, minlength=1).max() <= 1 and not layer.bias.any()
    )


def _ramp_slopes(layer: Affine) -> np.ndarray | None:
    """`w > 0` of the layer `E ↦ 1 - w E`, coordinate by coordinate, or None if it is no such layer."""
    weight = sparse(layer.weight)
    diagonal = -weight.diagonal()
    if (
        len(diagonal) == layer.outputs == layer.inputs
        and np.all(layer.bias == 1)
        and np.all(diagonal > 0)
        and weight.count_nonzero() == len(diagonal)
    ):
        return np.asarray(diagonal)
    return None


def _nothing(size: int) -> IndicatorCheck:
    return IndicatorCheck(np.zeros(size, dtype=bool), np.zeros(size, dtype=bool))


def is_same(a: ReLUNetwork, b: ReLUNetwork, beyond: Sequence[int] = ()) -> bool:
    """Whether two networks have the same layers, weight for weight; of the first ones the rows beyond so many only."""
    starts = (*beyond, *(a.depth - len(beyond)) * [0])
    return a.widths == b.widths and all(map(_same_layer, a.layers, b.layers, starts))


def _same_layer(f: Affine, g: Affine, start: int) -> bool:
    if not np.array_equal(f.bias[start:], g.bias[start:]):
        return False
    rows = range(start, f.outputs, _BLOCK)
    return all(_same_matrix(f.weight[r : r + _BLOCK], g.weight[r : r + _BLOCK]) for r in rows)


def _same_matrix(a: np.ndarray | sp.csr_array, b: np.ndarray | sp.csr_array) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(dense(a), dense(b)))
    return not (a != b).count_nonzero()
