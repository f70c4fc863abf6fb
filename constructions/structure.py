"""The structural proof: Corollary 3.4 checked on the weights of one network.

Interval bounds treat the coordinates of a ball one by one and fail for p = 1 and 2. The proof here follows
the corollary instead. It reads from the weights of the network, for every memorized point,

- *inner*: `I_i = 1` on `B_p(x_i, δ)`,
- *outer*: `I_i = 0` off `B_p(x_i, δ + γ)`, within the box,

and that the rest of the network is the assembly of `constructions.assembly` with a lock bound
`M >= sup |f_clean|`. With the exact separation `R >= 2δ + γ` every ball is then free of error: on the ball of
a memorized point `T >= 1`, all active indicators carry its label, the lock is 1, the margin at least 1; on
the ball of another point active indicators carry its label too, and the soft threshold of `f_clean` is
monotone, so the margin is at least `μ / max(1, 2M)` where `μ` bounds the margin of `f_clean` from below.

Every inequality leaves an allowance for the float64 arithmetic of this proof itself; the function that it
speaks of is the one of the float64 weights over the reals.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from constructions.assembly import clean_bound, memorizing_network
from constructions.excess import l2_excess, shared_squares
from constructions.indicators import Method
from constructions.network import Affine, ReLUNetwork, dense, sparse
from theory.relaxation import gamma

_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class IndicatorCheck:
    """Which indicators are 1 on their own ball (`inner`), and 0 off their shell (`outer`)."""

    inner: Bool[np.ndarray, " n_small"]
    outer: Bool[np.ndarray, " n_small"]


def structural_bounds(
    network: ReLUNetwork,
    widths: tuple[int, ...],
    clean: ReLUNetwork,
    clean_margin: Float[np.ndarray, " n"],
    points: Float[np.ndarray, "n d"],
    codes: Int[np.ndarray, " n"],
    small: Int[np.ndarray, " n_small"],
    separation: float,
    *,
    radius: float,
    shell: float,
    p: float,
    method: Method,
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
) -> Float[np.ndarray, " n"]:
    """Sound lower bounds on the margin over every ball `B_p(x_i, radius)`; `-inf` where the proof fails.

    Args:
        network: the network to be proved.
        widths: `m_0, …, m_L` of its indicator part.
        clean: the clean classifier it was built with.
        clean_margin: sound lower bounds on the margin of `clean` over the balls; used off `small`.
        points: the sample.
        codes: ±1 or class numbers.
        small: memorized points.
        separation: R, at most the distance of any two differently labelled points.
        radius: δ.
        shell: γ.
        p: 1, 2 or ∞.
        method: how the indicators were built.
        low: least corner of the box, at most `points - radius`.
        high: greatest corner of the box.
    """
    failed = np.full(len(points), -np.inf)
    if not Fraction(separation) >= 2 * Fraction(radius) + Fraction(shell):
        return failed
    if not (_covers(low, high, points, radius) and (block := _indicator_part(network, widths, len(small)))):
        return failed
    lock = -dense(network.layers[-2].weight[[-1]])[0, 0]
    if not lock >= clean_bound(clean.layers, low, high):
        return failed
    if not _same(network, memorizing_network(block, codes[small], clean, lock)):
        return failed
    check = check_indicators(block, points[small], radius, shell, low, high, p=p, method=method)
    lower = np.where(clean_margin > 0, clean_margin / max(1.0, 2 * lock), -np.inf)
    lower[small] = np.where(check.inner, 1.0, -np.inf)
    for code in np.unique(codes[small[~check.outer]]):
        # A leaking indicator may reach into any ball with another label.
        lower[codes != code] = -np.inf
    return lower


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
) -> IndicatorCheck:
    """Prove, from the weights, which `I_i` are 1 on `B_p(c_i, δ)` and 0 off `B_p(c_i, δ + γ)` in the box."""
    if np.isinf(p):
        return _check_linf(block, centres, radius, shell)
    slopes = _ramp_slopes(block.layers[-1])
    if slopes is None:
        return _nothing(len(centres))
    if p == 1:
        return _check_l1(block, slopes, centres, radius, shell, low, shared=method == "shared")
    return _check_l2(block, slopes, centres, radius, shell, low, high, shared=method == "shared")


def _check_linf(block: ReLUNetwork, c: np.ndarray, radius: float, shell: float) -> IndicatorCheck:
    """`I_i = σ(1 - Σ_r w_ir σ(s_r x_{j_r} + b_r))` with `s_r = ±1`, `w_ir >= 0`, both signs in each coordinate."""
    size, dim = c.shape
    first, *middle, last = block.layers
    sides = sparse(first.weight)
    positive = all(np.all(sparse(f.weight).data >= 0) and not f.bias.any() for f in middle)
    if not (_one_signed_entry(sides) and positive and np.all(last.bias == 1)):
        return _nothing(size)
    coordinate, sign = sides.indices, sides.data
    inner, outer = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for start in range(0, size, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, size))
        weights = -sparse(last.weight[rows])
        for layer in reversed(middle):
            weights = weights @ sparse(layer.weight)
        weights = sp.coo_array(weights)
        i, r = weights.coords
        # s x + b at the centre; on the ball of radius ρ it is that ± ρ.
        at_centre = sign[r] * c[rows[i], coordinate[r]] + first.bias[r]
        error = 8 * gamma(4) * (np.abs(c[rows[i], coordinate[r]]) + np.abs(first.bias[r]) + radius + shell)
        off = (at_centre + radius + error <= 0) & (weights.data >= 0)
        inner[rows] = np.bincount(i[~off], minlength=len(rows)) == 0
        closes = weights.data * (at_centre + radius + shell - error) >= 1 + 4 * gamma(4)
        side = coordinate[r] + dim * (sign[r] > 0)
        closed = sp.coo_array((closes.astype(np.int64), (i, side)), shape=(len(rows), 2 * dim)).tocsr()
        outer[rows] = np.asarray((closed > 0).sum(axis=1)).ravel() == 2 * dim
    return IndicatorCheck(inner, outer)


def _check_l1(
    block: ReLUNetwork, slopes: np.ndarray, c: np.ndarray, radius: float, shell: float, low: np.ndarray, *, shared: bool
) -> IndicatorCheck:
    """`E_i(x) = ‖x - v_i‖_1 - θ_i` with `v_i` and `θ_i` read from the weights."""
    size, dim = c.shape
    first, excess, _ = block.layers
    inner, outer = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    # A float64 -Σ low may cut off the neuron of Σ_j (x_j - low_j) by this much in the corner of the box.
    clipped = abs(float(first.bias[-1]) + float(low.sum())) if shared else 0.0
    for start in range(0, size, _BLOCK):
        rows = slice(start, min(start + _BLOCK, size))
        part = Affine(excess.weight[rows], excess.bias[rows])
        read = _read_shared_l1(first, part, dim) if shared else _read_l1(first, part, dim)
        if read is None:
            continue
        v, theta = read
        moved = np.abs(c[rows] - v).sum(axis=1)
        scale = np.abs(v).sum(axis=1) + np.abs(c[rows]).sum(axis=1) + np.abs(excess.bias[rows])
        error = clipped + 8 * gamma(dim + 8) * (scale + np.abs(low).sum() + radius + shell)
        inner[rows] = radius + moved + error <= theta
        outer[rows] = slopes[rows] * (radius + shell - moved - theta - error) >= 1 + 4 * gamma(4)
    return IndicatorCheck(inner, outer)


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
    *,
    shared: bool,
) -> IndicatorCheck:
    """`‖x - c_i‖² + κ_i <= E_i(x) <= ‖x - c_i‖² + κ_i + e` with `κ_i` read from the biases."""
    size = len(c)
    width = high - low
    tents = block.depth - 3
    excess = block.layers[-2]
    scale = float(width @ width + 2 * np.abs(low) @ width + low @ low)
    # The square network's own error, and the rounding of its scales: t has relative error 3u, f_m slope at
    # most 2 and weights relative error 2u.
    approximation = float(width @ width) * 4.0 ** (-tents - 1)
    rounding = 32 * gamma(len(low) + 8) * scale
    if shared:
        if not _same(ReLUNetwork(block.layers[:-2]), shared_squares(low, high, tents)):
            return _nothing(size)
        fits = np.empty(size, dtype=bool)
        offset = np.empty(size)
        for start in range(0, size, _BLOCK):
            rows = slice(start, start + _BLOCK)
            weights = dense(excess.weight[rows])
            fits[rows] = (weights[:, 0] == 1) & np.all(weights[:, 1:] == -2 * c[rows], axis=1)
            offset[rows] = 2 * (c[rows] @ low) - np.einsum("ij,ij->i", c[rows], c[rows])
        offset += excess.bias
        norms = np.einsum("ij,ij->i", c, c)
        rounding = rounding + 8 * gamma(len(low) + 8) * (
            norms + 2 * np.abs(c) @ np.abs(low) + np.abs(excess.bias) + 2 * np.abs(c) @ width
        )
    else:
        threshold = -float(excess.bias[0])
        same = _same(ReLUNetwork(block.layers[:-1]), l2_excess(c, threshold, width, tents))
        fits, offset = np.full(size, same), np.full(size, -threshold)
    error = rounding + 8 * gamma(4) * (radius + shell) ** 2
    inner = fits & (radius**2 + approximation + offset + error <= 0)
    outer = fits & (slopes * ((radius + shell) ** 2 + offset - error) >= 1 + 4 * gamma(4))
    return IndicatorCheck(inner, outer)


def _one_signed_entry(weight: sp.csr_array) -> bool:
    """Whether every row is `±e_j`."""
    return bool(np.all(np.diff(weight.indptr) == 1) and np.all(np.abs(weight.data) == 1))


def _ramp_slopes(layer: Affine) -> np.ndarray | None:
    """`w` of the layer `E ↦ 1 - w E`, coordinate by coordinate, or None if it is no such layer."""
    weight = sparse(layer.weight)
    diagonal = -weight.diagonal()
    if np.all(layer.bias == 1) and weight.count_nonzero() == np.count_nonzero(diagonal):
        return np.asarray(diagonal)
    return None


def _indicator_part(network: ReLUNetwork, widths: tuple[int, ...], size: int) -> ReLUNetwork | None:
    """The leading rows and columns of the layers: the indicators, when they depend on nothing else."""
    if len(widths) > network.depth or widths[-1] != size:
        return None
    layers = []
    for k, layer in enumerate(network.layers[: len(widths) - 1]):
        weight = layer.weight[: widths[k + 1]]
        own = weight if k == 0 else weight[:, : widths[k]]
        if k and not _all_zero(weight, widths[k]):
            return None
        layers.append(Affine(own, layer.bias[: widths[k + 1]]))
    return ReLUNetwork(tuple(layers))


def _all_zero(weight: np.ndarray | sp.csr_array, start: int) -> bool:
    rest = weight[:, start:]
    return not (rest.any() if isinstance(rest, np.ndarray) else rest.count_nonzero())


def _covers(low: np.ndarray, high: np.ndarray, points: np.ndarray, radius: float) -> bool:
    # low and high are set one float outward, so the rounded difference decides.
    return bool(np.all(points.min(axis=0) - radius >= low) and np.all(points.max(axis=0) + radius <= high))


def _same(a: ReLUNetwork, b: ReLUNetwork) -> bool:
    return a.widths == b.widths and all(_same_layer(f, g) for f, g in zip(a.layers, b.layers, strict=True))


def _same_layer(f: Affine, g: Affine) -> bool:
    if not np.array_equal(f.bias, g.bias):
        return False
    rows = range(0, f.outputs, _BLOCK)
    return all(_same_matrix(f.weight[r : r + _BLOCK], g.weight[r : r + _BLOCK]) for r in rows)


def _same_matrix(a: np.ndarray | sp.csr_array, b: np.ndarray | sp.csr_array) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(dense(a), dense(b)))
    return not (a != b).count_nonzero()


def _nothing(size: int) -> IndicatorCheck:
    return IndicatorCheck(np.zeros(size, dtype=bool), np.zeros(size, dtype=bool))
