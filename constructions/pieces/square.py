"""Squares by ReLU networks (Yarotsky 2017, Proposition 2).

With the tent map `g(t) = 2σ(t) - 4σ(t - ½)` on `[0, 1]`, the function
`f_m(t) = t - Σ_{k=1}^m g^{∘k}(t) / 4^k` is the piecewise-linear interpolation of `t²` at the knots
`k / 2^m`, so `0 <= f_m(t) - t² <= 2^{-2m-2}`. Every weight of the network is a power of two times the
given scales: no rounding in the tents.

On `[0, T]` the tents are `2σ(t) - 4σ(t - T/2)` and the sum is `T (t - Σ_k g^{∘k}(t) / 4^k) = T² f_m(t / T)`: without a
division every weight is T times a power of two, a float64 for every float64 T.
"""

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from constructions.networks.calculus import chain
from constructions.networks.network import Affine, ReLUNetwork
from theory.arguments.scalars import read_scalar

# With more tents the weights 4^-m of the last are no normal float64.
_MOST_TENTS = 511
_LEAST_NORMAL = 2.0**-1022


def square(m: int, half_width: float = 1.0) -> ReLUNetwork:
    """ReLU network R -> R approximating `t ↦ t²` on `[-T, T]` by `T² f_m(|t| / T)`, `T = half_width`.

    Between `t²` and `t² + T² 2^{-2m-2}`, exact at the knots `± T k / 2^m`: for the weights that are built and real t.

    Args:
        m: number of tents, >= 1.
        half_width: T, > 0.

    Raises:
        ValueError: if not `m >= 1` or not `half_width > 0`, or if `T²` or the least weight, `T 2^{1-2m}`, is beyond the
            range of normal float64.
    """
    width = read_scalar(half_width, "half_width")
    if not width > 0:
        raise ValueError(f"square needs half_width > 0, got {half_width}")
    absolute = ReLUNetwork((Affine(np.array([[1.0], [-1.0]]), np.zeros(2)),))
    *inner, last = sum_of_squares(Affine(np.ones((1, 2)), np.zeros(1)), np.ones((1, 1)), m).layers
    if not (width * width < np.inf and width * 2.0 ** (1 - 2 * m) > _LEAST_NORMAL):
        raise ValueError(
            f"square needs finite T² and T 2^(1 - 2 m) in the normal range of float64, got T={half_width} and m={m}: "
            "scale t by a power of two, or take fewer tents"
        )
    scaled = [Affine(layer.weight, width * layer.bias) for layer in inner]
    return chain(absolute, ReLUNetwork((*scaled, Affine(width * last.weight, last.bias))))


def sum_of_squares(
    scalars: Affine,
    weights: np.ndarray | sp.csr_array,
    m: int,
    *,
    carried: Affine | None = None,
    linear: np.ndarray | None = None,
    constant: float = 0.0,
) -> ReLUNetwork:
    """`x ↦ (Σ_r ω_gr f_m(t_r(x)))_g`, or also `(… + λ·c(x) + constant, c(x))` where `c` is carried along.

    Args:
        scalars: the affine map `x ↦ t(x)`, with values in `[0, 1]^R` on the domain of interest.
        weights: `ω`, shape (G, R), non-negative.
        m: number of tents, from 1 to 511.
        carried: an affine map `c` with values `>= 0`, handed through all layers and put out behind the sums.
        linear: `λ`, added to every sum; only with `carried`.
        constant: added to every sum; only with `carried`.

    Returns:
        A network of depth `m + 1`.
    """
    if m < 1:
        raise ValueError(f"the square network needs m >= 1 tents, got {m}")
    if m > _MOST_TENTS:
        raise ValueError(f"the square network needs m <= {_MOST_TENTS} tents, got {m}: 4^-m is no normal float64")
    size, sums = scalars.outputs, weights.shape[0]
    omega = sp.csr_array(weights)
    identity = sp.eye_array(size, format="csr")
    kept = 0 if carried is None else carried.outputs

    first = [scalars.weight, scalars.weight] + ([] if carried is None else [carried.weight])
    biases = [scalars.bias, scalars.bias - 0.5] + ([] if carried is None else [carried.bias])
    layers = [Affine(sp.vstack([sp.csr_array(w) for w in first], format="csr"), np.concatenate(biases))]
    for k in range(1, m + 1):
        # After layer k the state is (a, b, [sums up to tent k - 1], c): g^{∘k} = 2a - 4b.
        had_sums = k > 1
        coefficients = (0.5, 1.0) if k == 1 else (-2.0 * 4.0**-k, 4.0 * 4.0**-k)
        total = [coefficients[0] * omega, coefficients[1] * omega]
        if had_sums:
            total.append(sp.eye_array(sums, format="csr"))
        if k == m:
            rows, bias = [_row(total, linear, kept, sums)], [np.full(sums, constant)]
        else:
            tent = [2.0 * identity, -4.0 * identity, *_gap(size, sums if had_sums else 0), *_gap(size, kept)]
            rows = [sp.hstack(tent), sp.hstack(tent), sp.hstack([*total, *_gap(sums, kept)])]
            bias = [np.zeros(size), np.full(size, -0.5), np.zeros(sums)]
        if kept:
            before = 2 * size + (sums if had_sums else 0)
            rows.append(sp.hstack([*_gap(kept, before), sp.eye_array(kept)]))
            bias.append(np.zeros(kept))
        layers.append(Affine(sp.vstack(rows, format="csr"), np.concatenate(bias)))
    return ReLUNetwork(tuple(layers))


def interpolated_square(t: Float[np.ndarray, "*shape"], m: int) -> Float[np.ndarray, "*shape"]:
    """`f_m(t)` for `t` in `[0, 1]`, without a network: the interpolation at the knots `k / 2^m`.

    Between the knots `k/2^m` and `(k+1)/2^m` it is `t² + (t - k/2^m)((k+1)/2^m - t)`.
    """
    cell = np.clip(np.floor(t * 2.0**m), 0, 2.0**m - 1) / 2.0**m
    return np.asarray(t * t + (t - cell) * (cell + 2.0**-m - t))


def _row(total: list[sp.csr_array], linear: np.ndarray | None, kept: int, sums: int) -> sp.csr_array:
    if linear is None:
        return sp.hstack([*total, *_gap(sums, kept)])
    return sp.hstack([*total, sp.csr_array(np.tile(linear, (sums, 1)))])


def _gap(rows: int, columns: int) -> list[sp.csr_array]:
    return [sp.csr_array((rows, columns))] if columns else []
