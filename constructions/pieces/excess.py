"""How far a point is outside the balls around many centres, as ReLU networks: the pieces of the indicators.

Every function here gives a network `x ↦ (E_i(x))_i` of `n` centres `c_i` in `R^d`. For p = ∞ the excess is
a sum of one-sided coordinate excesses, 0 exactly on the box `B_∞(c_i, t)` and at least `‖x - c_i‖_∞ - t`,
so no max-tree is needed. For p < ∞ it is the p-th power of the distance, or what stands for it, less a
threshold, negative inside. Source: Theorem 3.3, repaired form.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from constructions.networks.calculus import chain, compose
from constructions.networks.network import Affine, ReLUNetwork, csr_of_blocks, sparse_is_smaller
from constructions.pieces.levels import Levels
from constructions.pieces.power import Hinges
from constructions.pieces.square import sum_of_squares
from theory.arguments.plain_array import exact_floats
from theory.arguments.read_only import handed_over
from theory.arguments.scalars import read_scalar
from theory.layers import Matrix


def linf_excess(centres: Float[np.ndarray, "n d"], t: float) -> ReLUNetwork:
    """`E_i(x) = Σ_j [σ(x_j - c_ij - t) + σ(c_ij - x_j - t)]`: 2 neurons a coordinate and centre."""
    centres, t = _read_centres(centres), read_scalar(t, "t")
    size, dim = centres.shape
    copies = sp.csr_array(sp.kron(np.ones((size, 1)), sp.eye_array(dim)))
    sides = Affine(
        sp.vstack([copies, -copies], format="csr"),
        np.concatenate([-(centres + t).ravel(), (centres - t).ravel()]),
    )
    return ReLUNetwork((sides, _sums_a_centre(size, dim)))


def l1_excess(centres: Float[np.ndarray, "n d"], t: float) -> ReLUNetwork:
    """`E_i(x) = ‖x - c_i‖_1 - t`: 2 neurons a coordinate and centre."""
    sides, sums = linf_excess(centres, 0.0).layers
    return ReLUNetwork((sides, Affine(sums.weight, np.full(sums.outputs, -read_scalar(t, "t")))))


def shared_linf_excess(levels: Levels, t: float) -> ReLUNetwork:
    """`linf_excess` of the rounded centres with one feature `σ(|x_j - v| - t)` for each level `v`.

    The features are shared: a centre costs one weight a coordinate.
    """
    t = read_scalar(t, "t")
    count = len(levels.value)
    pick = _coordinate_of_level(levels)
    sides = Affine(sp.vstack([pick, -pick], format="csr"), np.concatenate([-(levels.value + t), levels.value - t]))
    identity = sp.eye_array(count, format="csr")
    features = Affine(sp.hstack([identity, identity], format="csr"), np.zeros(count))
    centres = Affine(_one_level_a_coordinate(levels, 1.0), np.zeros(len(levels.index)))
    return ReLUNetwork((sides, features, centres))


def shared_l1_excess(levels: Levels, low: Float[np.ndarray, " d"], t: float) -> ReLUNetwork:
    """`‖x - c̃_i‖_1 - t` for the rounded centres `c̃_i` and `x >= low`, with one neuron a level.

    `|x_j - v| = 2σ(x_j - v) - (x_j - v)`, and one neuron carries `Σ_j (x_j - low_j) >= 0` for all.
    """
    low, t = exact_floats(low, "low"), read_scalar(t, "t")
    pick = _coordinate_of_level(levels)
    first = Affine(
        sp.vstack([pick, np.ones((1, pick.shape[1]))], format="csr"),
        np.concatenate([-levels.value, [-low.sum()]]),
    )
    size = len(levels.index)
    totals = np.array([levels.rounded(slice(i, i + 1)).sum() for i in range(size)])
    return ReLUNetwork((first, Affine(_one_level_a_coordinate(levels, 2.0, last=-1.0), totals - low.sum() - t)))


def shared_squares(low: Float[np.ndarray, " d"], high: Float[np.ndarray, " d"], m: int) -> ReLUNetwork:
    """`x ↦ (S(x), x - low)` with `0 <= S(x) - ‖x‖² <= Σ_j (high_j - low_j)² 2^{-2m-2}` on the box.

    `S` is the sum over the coordinates of the square network with `m` tents on `[low_j, high_j]`. The bounds hold over
    the reals where `1 / side`, `side²`, `low / side` and `‖low‖²` are float64 numbers, as for sides that are powers of
    two and corners of few bits; else up to the rounding of these, which `constructions.certificates.indicator_proof`
    allows for.
    """
    low, high = exact_floats(low, "low"), exact_floats(high, "high")
    width = high - low
    return sum_of_squares(
        Affine(sp.diags_array(1 / width, format="csr"), -low / width),
        sp.csr_array((width**2)[None, :]),
        m,
        carried=Affine(sp.eye_array(len(low), format="csr"), -low),
        linear=2 * low,
        constant=float(low @ low),
    )


def shared_l2_excess(
    centres: Float[np.ndarray, "n d"],
    threshold: float,
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
    m: int,
) -> ReLUNetwork:
    """`E_i(x) = S(x) - 2⟨c_i, x⟩ + ‖c_i‖² - threshold`: the squares are shared by all centres.

    On the box between `‖x - c_i‖² - threshold` and that plus the error of `shared_squares`.
    """
    centres, threshold, low = _read_centres(centres), read_scalar(threshold, "threshold"), exact_floats(low, "low")
    # The squares come with x - low, so ⟨c_i, low⟩ moves into the bias.
    bias = np.einsum("ij,ij->i", centres, centres) - 2 * (centres @ low) - threshold
    return chain(shared_squares(low, high, m), ReLUNetwork((Affine(_with_leading_one(centres, -2.0), bias),)))


def l2_excess(
    centres: Float[np.ndarray, "n d"], threshold: float, width: Float[np.ndarray, " d"], m: int
) -> ReLUNetwork:
    """`E_i(x) ≈ ‖x - c_i‖² - threshold` with a square network for every `x_j - c_ij`.

    The count of the paper's proof sketch. Above the true value by at most `Σ_j width_j² 2^{-2m-2}` while
    `|x_j - c_ij| <= width_j`, up to rounding as in `shared_squares`.
    """
    centres, threshold, width = (
        _read_centres(centres),
        read_scalar(threshold, "threshold"),
        exact_floats(width, "width"),
    )
    size, dim = centres.shape
    sides = ReLUNetwork(linf_excess(centres, 0.0).layers[:1])
    scale = sp.diags_array(np.tile(1 / width, size), format="csr")
    absolute = Affine(sp.hstack([scale, scale], format="csr"), np.zeros(size * dim))
    own = sp.csr_array(sp.kron(sp.eye_array(size), (width**2)[None, :]))
    *inner, last = sum_of_squares(absolute, own, m).layers
    return chain(sides, ReLUNetwork((*inner, Affine(last.weight, last.bias - threshold))))


def power_features(levels: Levels, hinges: Hinges) -> ReLUNetwork:
    """`x ↦ (G(|x_j - v|))_v`, one feature a level: `|x_j - v|` from two neurons, then a neuron a hinge.

    `4 + (3 s - 1) + s` non-zeros a level for `s` pieces. The knots are the biases of the hinges, not rounded
    together with the level, so that over the reals every feature is the same function `G`.
    """
    count, pieces = len(levels.value), hinges.pieces
    pick = _coordinate_of_level(levels)
    identity = sp.eye_array(count, format="csr")
    sides = Affine(sp.vstack([pick, -pick], format="csr"), np.concatenate([-levels.value, levels.value]))
    absolute = sp.hstack([identity, identity], format="csr")
    bends = Affine(sp.csr_array(sp.kron(absolute, np.ones((pieces, 1)))), np.tile(-hinges.knots, count))
    features = Affine(sp.csr_array(sp.kron(identity, hinges.steps[None, :])), np.zeros(count))
    return ReLUNetwork((sides, bends, features))


def shared_lp_excess(levels: Levels, hinges: Hinges, threshold: float) -> ReLUNetwork:
    """`E_i(x) = Σ_j G(|x_j - c̃_ij|) - threshold` for the rounded centres `c̃_i`: one weight a coordinate and centre."""
    threshold = read_scalar(threshold, "threshold")
    centres = Affine(_one_level_a_coordinate(levels, 1.0), np.full(len(levels.index), -threshold))
    return chain(power_features(levels, hinges), ReLUNetwork((centres,)))


def lp_excess(centres: Float[np.ndarray, "n d"], hinges: Hinges, threshold: float) -> ReLUNetwork:
    """`E_i(x) = Σ_j G(|x_j - c_ij|) - threshold` with hinges of its own for every centre and coordinate."""
    centres, threshold = _read_centres(centres), read_scalar(threshold, "threshold")
    size, dim = centres.shape
    own = Levels(centres.ravel(), np.tile(np.arange(dim), size), np.arange(size * dim).reshape(size, dim))
    sums = Affine(_one_level_a_coordinate(own, 1.0), np.full(size, -threshold))
    return compose(ReLUNetwork((sums,)), power_features(own, hinges))


def _read_centres(centres: Any) -> Float[np.ndarray, "n d"]:
    """The centres in float64: integers of a few bits would wrap around."""
    array = exact_floats(centres, "centres")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"centres need shape (n, d) with n, d >= 1, got {array.shape}")
    return array


def _sums_a_centre(size: int, dim: int) -> Affine:
    own = sp.kron(sp.eye_array(size), np.ones((1, dim)), format="csr")
    return Affine(sp.hstack([own, own], format="csr"), np.zeros(size))


def _coordinate_of_level(levels: Levels) -> sp.csr_array:
    count, dim = len(levels.value), levels.index.shape[1]
    return sp.csr_array((np.ones(count), (np.arange(count), levels.coordinate)), shape=(count, dim))


def _one_level_a_coordinate(levels: Levels, weight: float, last: float | None = None) -> Matrix:
    """Shape (n, F): `weight` at the level of each coordinate; (n, F + 1) with a column of `last` if given."""
    size, dim = levels.index.shape
    count = len(levels.value)
    extra = 0 if last is None else 1
    data = np.full((size, dim + extra), weight)
    # The levels of a row ascend with the coordinates, so they are the columns of its entries.
    indices = np.asarray(levels.index, dtype=np.int32)
    if last is not None:
        indices = np.hstack([indices, np.full((size, 1), count, dtype=np.int32)])
        data[:, dim] = last
    # One index type for both, or scipy widens both.
    indptr = np.arange(0, indices.size + 1, dim + extra, dtype=np.int32 if indices.size < 2**31 else np.int64)
    return handed_over(sp.csr_array((data.ravel(), indices.ravel(), indptr), shape=(size, count + extra)))


def _with_leading_one(centres: np.ndarray, factor: float) -> Matrix:
    """`[1 | factor · c_i]` row by row, `|factor| >= 1`; by blocks, so that sparse images are never dense."""
    size, dim = centres.shape
    rows = [slice(start, start + 1024) for start in range(0, size, 1024)]
    # By such a factor no number becomes 0.
    counts = 1 + np.concatenate([np.count_nonzero(centres[part], axis=1) for part in rows])
    blocks = (np.hstack([np.ones((len(centres[part]), 1)), factor * centres[part]]) for part in rows)
    if sparse_is_smaller(int(counts.sum()), (size, dim + 1)):
        return handed_over(csr_of_blocks(blocks, counts, dim + 1))
    weight = np.empty((size, dim + 1))
    for part, block in zip(rows, blocks, strict=True):
        weight[part] = block
    return handed_over(weight)
