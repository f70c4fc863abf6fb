"""Putting `f̂` together from the indicators and the clean classifier (Theorem 3.3, repaired form).

With the soft indicators `I_i`, class sums `T_c = Σ_{y_i = c} I_i`, `T = Σ_c T_c`, the lock
`k = min(1, T) = σ(1 - σ(1 - T))` and a bound `M >= |f_clean|` on the box,

    f̂ = T_{+1} - T_{-1} + σ(f_clean - M k) - σ(-f_clean - M k)

(one such sum a class when there are several). Off the shells `k` is 0 or 1, so `f̂` is `f_clean` or the sum
of the indicators exactly. The lock is 1 minus the gate `g` of the statement: so `f_clean` passes through an
open gate without the rounding of `f_clean - M + M`, and interval bounds see `k = 1` on a ball.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.networks.calculus import carry, chain, concatenate, signed_pair
from constructions.networks.network import (
    Affine,
    ReLUNetwork,
    dense,
    index_type,
    smaller_storage,
    sparse,
    sparse_is_smaller,
)
from constructions.pieces.soft_indicators import Method
from constructions.samples.sample import class_positions
from constructions.samples.task import Task
from theory.arguments.plain_array import exact_floats
from theory.arguments.read_only import handed_over, read_only, restore
from theory.balls.relaxation import interval_bounds
from theory.layers import Layers


@dataclass(frozen=True, eq=False)
class Assembled:
    """What a proof about `f̂` reads: the network, and what it is said to be assembled of.

    Attributes:
        network: the strict ReLU network.
        task: the balls, and the shell around each.
        method: how the indicators were built, "shared" or "per_point".
        small: indices of the memorized points, S_small or a superset of it.
        clean: `f_clean`.
        low: least corner of the box Ω on which `f̂ = f_adv` off the shells.
        high: its greatest corner.
        bound: `M >= |f_clean|` on the box.
        widths: of the layers of the indicator part; empty if nothing is memorized.

    Raises:
        ValueError: if `small` holds no distinct indices of points, or a corner no numbers.
    """

    network: ReLUNetwork
    task: Task
    method: Method
    small: Int[np.ndarray, " n_small"]
    clean: ReLUNetwork
    low: Float[np.ndarray, " d"]
    high: Float[np.ndarray, " d"]
    bound: float
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, read_only(exact_floats(getattr(self, name), name)))
        object.__setattr__(self, "small", read_only(read_indices(self.small, len(self.task.sample.points))))

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)

    @property
    def centres(self) -> Float[np.ndarray, "n_small d"]:
        """The memorized points; the task's own array where all are."""
        points = self.task.sample.points
        return points if len(self.small) == len(points) else points[self.small]


def read_indices(small: Iterable[Any], size: int) -> Int[np.ndarray, " n_small"]:
    """Indices of points, in their order.

    Raises:
        ValueError: unless they are distinct whole numbers from 0 to size - 1.
    """
    if not isinstance(small, Iterable):
        raise ValueError(f"small must hold indices of points, got {small!r}: give a list of them")
    indices = np.asarray(small if isinstance(small, np.ndarray) else list(small))
    if indices.size == 0:
        return np.empty(0, dtype=np.int64)
    if indices.dtype.kind not in "iu" or indices.ndim != 1:
        raise ValueError(f"small must hold integer indices of points, got dtype {indices.dtype}, shape {indices.shape}")
    unique = np.unique(indices.astype(np.int64))
    if len(unique) != len(indices) or unique[0] < 0 or unique[-1] >= size:
        raise ValueError(f"small must hold distinct indices between 0 and {size - 1}, got {indices.tolist()[:10]}")
    return unique


def clean_bound(clean: Layers, low: Float[np.ndarray, " d"], high: Float[np.ndarray, " d"]) -> float:
    """A power of two `M >= |f_clean|` on the box `[low, high]`, by interval propagation.

    A power of two, so that `M k` is exact for `k` in {0, 1}.

    Raises:
        ValueError: if the interval bound is not finite.
    """
    lower, upper = interval_bounds(clean, low[None], high[None])
    bound = float(np.maximum(np.abs(lower), np.abs(upper)).max())
    if not bound <= 2.0**1000:
        raise ValueError(
            f"the clean classifier needs a finite interval bound on the box, at most 2^1000, got {bound}: rescale its "
            "weights"
        )
    # By the exponent itself: a logarithm would round numbers just above a power of two down to it.
    mantissa, exponent = math.frexp(max(bound, 2.0**-1000))
    return math.ldexp(1.0, exponent - (mantissa == 0.5))


def memorizing_network(
    indicators: ReLUNetwork, codes: Int[np.ndarray, " n"], clean: ReLUNetwork, bound: float
) -> ReLUNetwork:
    """The strict ReLU network `f̂`.

    Args:
        indicators: network whose `i`-th output, after a ReLU, is `I_i`.
        codes: label of each indicator, ±1 when `clean` has one output, else a class number.
        clean: `f_clean`.
        bound: `M`.
    """
    outputs = clean.outputs
    group, groups = class_positions(codes, outputs)
    size = len(codes)
    sums = sp.csr_array((np.ones(size), (group, np.arange(size))), shape=(groups, size))
    memory, signed = chain(indicators, _linear(sums)), signed_pair(clean)
    if memory.depth > signed.depth:
        signed = chain(signed, carry(2 * outputs, memory.depth - signed.depth))
    elif signed.depth > memory.depth:
        memory = chain(memory, carry(groups, signed.depth - memory.depth))
    return chain(concatenate(memory, signed), *_gate(groups, outputs, bound))


def without_weights(network: ReLUNetwork) -> ReLUNetwork:
    """All zeros, of the same widths."""
    return ReLUNetwork(tuple(Affine(sp.csr_array(f.weight.shape), np.zeros(f.outputs)) for f in network.layers))


def extended(layers: list[Affine], frame: ReLUNetwork) -> ReLUNetwork:
    """The network `frame` with these layers as the first rows and columns of its first ones, which are 0 there.

    With `frame` the `memorizing_network` of indicators `without_weights` it is that of the indicators. The list is
    emptied, so that of layers that nobody else holds no array is there twice.
    """
    return ReLUNetwork(tuple(_extended(layers, rest) if layers else rest for rest in frame.layers), frame.classes)


def _extended(layers: list[Affine], rest: Affine) -> Affine:
    own = layers.pop(0)
    bias = np.concatenate([own.bias, rest.bias[own.outputs :]])
    below, shape = sparse(rest.weight[own.outputs :]), rest.weight.shape
    if isinstance(own.weight, np.ndarray) or not sparse_is_smaller(own.weight.nnz + below.nnz, shape):
        weight = np.zeros(shape)
        weight[: own.outputs, : own.inputs], weight[own.outputs :] = dense(own.weight), dense(below)
        return Affine(handed_over(smaller_storage(weight)), bias)
    # One after the other: each array is given up as soon as it has been copied.
    data, indices, indptr = own.weight.data, own.weight.indices, own.weight.indptr
    del own
    index = np.promote_types(indices.dtype, index_type(len(data) + below.nnz, shape))
    data = np.concatenate([data, below.data])
    indices = np.concatenate([indices, below.indices], dtype=index)
    indptr = np.concatenate([indptr, below.indptr[1:].astype(index) + indptr[-1]], dtype=index)
    return Affine(handed_over(sp.csr_array((data, indices, indptr), shape=shape)), bias)


def _gate(groups: int, outputs: int, bound: float) -> list[ReLUNetwork]:
    """From `(T, σ(f), σ(-f))` to `f̂`, four affine layers."""
    signs = 2 * outputs
    kept = sp.eye_array(groups + signs)
    total = sp.csr_array(np.concatenate([np.ones(groups), np.zeros(signs)])[None, :])
    # (1 - T, T_c, ±f), then (1 - σ(1 - T), T_c, ±f)
    opening = _linear(sp.vstack([-total, kept], format="csr"), first_bias=1.0)
    locking = _linear(sp.block_diag([np.array([[-1.0]]), kept], format="csr"), first_bias=1.0)
    # (T_c, ±f - M k)
    lock = sp.csr_array(np.concatenate([np.zeros(groups), np.full(signs, -bound)])[:, None])
    gating = _linear(sp.hstack([lock, kept], format="csr"))
    memory = np.array([[-1.0, 1.0]]) if outputs == 1 else np.eye(outputs)
    join = np.hstack([memory, np.eye(outputs), -np.eye(outputs)])
    return [opening, locking, gating, _linear(sp.csr_array(join))]


def _linear(weight: sp.csr_array, first_bias: float = 0.0) -> ReLUNetwork:
    bias = np.zeros(weight.shape[0])
    bias[0] = first_bias
    return ReLUNetwork((Affine(weight, bias),))
