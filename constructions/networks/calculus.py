"""Calculus of ReLU networks: every construction is put together from these operations.

Each states the function it computes and how the counts of its arguments add up. `σ` is the ReLU,
applied to each coordinate.
"""

import functools
import operator
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from constructions.networks.network import Affine, ReLUNetwork, block_diagonal, dense, smaller_storage, sparse
from theory.arguments.read_only import handed_over
from theory.layers import Matrix


def chain(*networks: ReLUNetwork) -> ReLUNetwork:
    """`x ↦ f_k(σ(… σ(f_1(x))))` for arguments `f_1, …, f_k`: a ReLU between two networks.

    Depth, parameters and non-zeros add up exactly; the classes are those of `f_k`. Where the outputs of `f_1` are
    non-negative this is the plain composition.
    """
    classes = networks[-1].classes if networks else None
    return ReLUNetwork(tuple(layer for network in networks for layer in network.layers), classes)


def compose(outer: ReLUNetwork, inner: ReLUNetwork) -> ReLUNetwork:
    """`x ↦ outer(inner(x))`: the last affine map of `inner` and the first of `outer` are multiplied out.

    Depth is the sum less 1; neurons add up exactly; non-zeros are those of the product.
    """
    last, first = inner.layers[-1], outer.layers[0]
    if last.outputs != first.inputs:
        raise ValueError(f"compose needs matching sizes, got {last.outputs} outputs into {first.inputs} inputs")
    merged = Affine(smaller_storage(_product(first.weight, last.weight)), first.weight @ last.bias + first.bias)
    return ReLUNetwork((*inner.layers[:-1], merged, *outer.layers[1:]))


def parallel(*networks: ReLUNetwork) -> ReLUNetwork:
    """`(x_1, …, x_k) ↦ (f_1(x_1), …, f_k(x_k))`, for networks of one depth; non-zeros add up exactly."""
    depth = _common_depth("parallel", networks)
    return ReLUNetwork(tuple(_block_diagonal([f.layers[k] for f in networks]) for k in range(depth)))


def concatenate(*networks: ReLUNetwork) -> ReLUNetwork:
    """`x ↦ (f_1(x), …, f_k(x))`, for networks of one depth on the same input; non-zeros add up exactly."""
    depth = _common_depth("concatenate", networks)
    if len({f.inputs for f in networks}) != 1:
        raise ValueError(f"concatenate needs networks on one input, got {[f.inputs for f in networks]} inputs")
    first = _stacked([f.layers[0] for f in networks])
    rest = (_block_diagonal([f.layers[k] for f in networks]) for k in range(1, depth))
    return ReLUNetwork((first, *rest))


def add(*networks: ReLUNetwork) -> ReLUNetwork:
    """`x ↦ f_1(x) + … + f_k(x)`, for networks of one depth, on the same input, with as many outputs.

    From depth 2 on non-zero weights add up exactly; the last biases are summed into one.
    """
    both = concatenate(*networks)
    if len({f.outputs for f in networks}) != 1:
        raise ValueError(f"add needs as many outputs from each, got {[f.outputs for f in networks]}")
    weights = [f.layers[-1].weight for f in networks]
    if both.depth == 1:
        weight: Matrix = functools.reduce(operator.add, weights)
    elif all(sp.issparse(w) for w in weights):
        weight = sp.hstack(weights, format="csr")
    else:
        weight = np.hstack([dense(w) for w in weights])
    bias = np.sum([f.layers[-1].bias for f in networks], axis=0)
    return ReLUNetwork((*both.layers[:-1], Affine(weight, bias)))


def signed_pair(network: ReLUNetwork) -> ReLUNetwork:
    """`x ↦ (f(x), -f(x))`, so that after a ReLU the pair carries `f = σ(f) - σ(-f)` without loss.

    The non-zeros of the last layer double, all others stay.
    """
    last = network.layers[-1]
    if isinstance(last.weight, np.ndarray):
        weight: Matrix = np.vstack([last.weight, -last.weight])
    else:
        weight = sp.vstack([last.weight, -last.weight], format="csr")
    return ReLUNetwork((*network.layers[:-1], Affine(weight, np.concatenate([last.bias, -last.bias]))))


def carry(size: int, depth: int) -> ReLUNetwork:
    """The identity on `[0, ∞)^size` as a network of the given depth, `size` non-zeros a layer."""
    if depth < 1:
        raise ValueError(f"carry needs depth >= 1, got {depth}")
    return ReLUNetwork((Affine(sp.eye_array(size, format="csr"), np.zeros(size)),) * depth)


def pad_depth(network: ReLUNetwork, depth: int, *, nonnegative: bool = False) -> ReLUNetwork:
    """The same function with `depth` affine layers.

    Values are carried as `f = σ(f) - σ(-f)`: the last layer doubles, then 2 non-zeros an output and layer,
    and 2 in the last. With `nonnegative=True` (the caller knows `f >= 0`) one neuron an output carries it
    and a layer costs 1 non-zero an output.
    """
    extra = depth - network.depth
    if extra < 0:
        raise ValueError(f"pad_depth needs depth >= {network.depth}, the network's own, got {depth}")
    if extra == 0:
        return network
    if nonnegative:
        return chain(network, carry(network.outputs, extra))
    identity = sp.eye_array(network.outputs, format="csr")
    join = ReLUNetwork((Affine(sp.hstack([identity, -identity], format="csr"), np.zeros(network.outputs)),))
    middle = () if extra == 1 else (carry(2 * network.outputs, extra - 1),)
    return chain(signed_pair(network), *middle, join)


def _product(first: Matrix, last: Matrix) -> Matrix:
    """The product of two matrices; where the first only scales rows, without new indices."""
    if isinstance(first, np.ndarray) or isinstance(last, np.ndarray) or not _scales(first):
        return first @ last
    data = np.repeat(first.data, np.diff(last.indptr))
    data *= last.data
    return handed_over(sp.csr_array((data, last.indices, last.indptr), shape=last.shape))


def _scales(weight: sp.csr_array) -> bool:
    """Whether a matrix is diagonal, with all its diagonal stored."""
    size = weight.shape[0]
    steps = np.arange(size + 1)
    return (
        weight.shape == (size, size)
        and np.array_equal(weight.indptr, steps)
        and np.array_equal(weight.indices, steps[:-1])
    )


def _common_depth(name: str, networks: Sequence[ReLUNetwork]) -> int:
    depths = {f.depth for f in networks}
    if len(depths) != 1:
        raise ValueError(f"{name} needs networks of one depth, got depths {sorted(depths)}: pad_depth them")
    return depths.pop()


def _block_diagonal(layers: Sequence[Affine]) -> Affine:
    joined = handed_over(block_diagonal([layer.weight for layer in layers]))
    return Affine(joined, np.concatenate([layer.bias for layer in layers]))


def _stacked(layers: Sequence[Affine]) -> Affine:
    weight = sp.vstack([sparse(layer.weight) for layer in layers], format="csr")
    return Affine(smaller_storage(weight), np.concatenate([layer.bias for layer in layers]))
