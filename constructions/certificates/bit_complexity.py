"""Bit complexity: how few significant bits of the weights keep a certificate.

A weight of b bits is `±m 2^e` with `2^{b-1} <= m < 2^b`, or 0; its exponent is free. The network with rounded
weights is another function over the reals, and what is certified is that one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions.certificates.any_network import certify
from constructions.networks.network import Affine, ReLUNetwork

_FLOAT64_BITS = 53


@dataclass(frozen=True)
class BitComplexity:
    """The least weight precision that certifies every ball.

    Attributes:
        bits: significant bits b of every weight and bias; None if 53 do not certify either.
        nonzero: weights and biases that are not 0, after rounding.
        total: `bits * nonzero`, exponents and signs not counted.
        open_below: balls left open with one bit less.
    """

    bits: int | None
    nonzero: int
    total: int | None
    open_below: int


def round_weights(network: ReLUNetwork, bits: int) -> ReLUNetwork:
    """The network with all weights and biases rounded to so many significant bits, ties to even.

    Raises:
        ValueError: unless `1 <= bits <= 53`.
    """
    if not isinstance(bits, int | np.integer) or not 1 <= bits <= _FLOAT64_BITS:
        raise ValueError(f"round_weights needs bits between 1 and 53, those of float64, got {bits}")
    layers = tuple(Affine(_rounded_matrix(f.weight, bits), _rounded(f.bias, bits)) for f in network.layers)
    return ReLUNetwork(layers, network.classes)


def _rounded(values: np.ndarray, bits: int) -> np.ndarray:
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits))


def _rounded_matrix(weight: np.ndarray | sp.csr_array, bits: int) -> np.ndarray | sp.csr_array:
    if isinstance(weight, np.ndarray):
        return _rounded(weight, bits)
    return sp.csr_array((_rounded(weight.data, bits), weight.indices, weight.indptr), shape=weight.shape)


def bit_complexity(
    network: ReLUNetwork,
    points: Any,
    labels: Any,
    radius: float,
    p: float,
    *,
    certified: Callable[[ReLUNetwork], int] | None = None,
) -> BitComplexity:
    """The least b such that the network with weights of b bits is certified on every ball `B_p(x_i, radius)`.

    Every b from 1 on is tried, because more bits need not be better. Interval bounds have to certify the full network,
    so p = ∞ for memorizers.

    Args:
        network: certified as it stands.
        points: shape (n, d).
        labels: as for `certify`.
        radius: of the balls.
        p: in [1, ∞].
        certified: number of certified balls of a network; by `certify` over the reals when None.
    """
    count = certified or (lambda f: certify(f, points, labels, radius, p).count("certified"))
    open_below = len(points)
    for bits in range(1, _FLOAT64_BITS + 1):
        rounded = round_weights(network, bits)
        still_open = len(points) - count(rounded)
        if not still_open:
            return BitComplexity(bits, rounded.nonzero, bits * rounded.nonzero, open_below)
        open_below = still_open
    return BitComplexity(None, network.nonzero, None, open_below)
