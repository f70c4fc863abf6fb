"""What a network of `robust_memorizer` is assembled of, read from its weights."""

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.networks.network import Affine, ReLUNetwork, smaller_storage
from constructions.samples.sample import class_positions
from theory.layers import Matrix

# Affine layers of the gate, see `constructions.pieces.assembly`.
_GATE = 4
_ROWS = 1024


def taken_apart(network: ReLUNetwork) -> tuple[ReLUNetwork, ReLUNetwork] | None:
    """The indicators and the clean classifier that a network looks to be assembled of; None for another network.

    It is undone what `constructions.pieces.assembly.memorizing_network` does: off with the gate, apart with the class
    sums `T` from `σ(±f_clean)`, off with what carries either to the depth of the other. Only a guess: whoever assembles
    the parts again sees whether it was right.
    """
    outputs = network.outputs
    groups = class_positions(np.zeros(0, dtype=int), outputs)[1]
    body = network.layers[:-_GATE]
    if not body or body[-1].outputs != groups + 2 * outputs:
        return None
    memory, signed = _split(body, groups)
    # The first of those that sum up or carry sums up.
    while len(memory) > 1 and _parts(memory[-2]):
        memory.pop()
    while len(signed) > 1 and _is_identity(signed[-1]):
        signed.pop()
    last = signed.pop()
    own = [*signed, Affine(last.weight[:outputs], last.bias[:outputs])]
    clean = ReLUNetwork(tuple(Affine(smaller_storage(layer.weight), layer.bias) for layer in own))
    # The last of the memory are the class sums.
    return (ReLUNetwork(tuple(memory[:-1])), clean) if len(memory) > 1 else None


def memorized(indicators: ReLUNetwork, points: Float[np.ndarray, "n d"]) -> Int[np.ndarray, " n_small"]:
    """For each indicator, in their order, the next point where it is 1; fewer where there is none."""
    count = len(points)
    if indicators.outputs == count:
        return np.arange(count)
    found: list[int] = []
    for start in range(0, count, _ROWS):
        inside = indicators(points[start : start + _ROWS]) > 0.5
        for row in range(len(inside)):
            if len(found) < indicators.outputs and inside[row, len(found)]:
                found.append(start + row)
    return np.array(found, dtype=np.int64)


def _split(body: tuple[Affine, ...], groups: int) -> tuple[list[Affine], list[Affine]]:
    """The first rows of each layer and what they read, and the others: two networks side by side."""
    first: list[Affine] = []
    second: list[Affine] = []
    rows = groups
    for k, layer in reversed(list(enumerate(body))):
        weight = sp.csr_array(layer.weight)
        above = weight[:rows]
        columns = layer.inputs if k == 0 else int(above.indices.max(initial=-1)) + 1
        first.insert(0, Affine(above[:, :columns], layer.bias[:rows]))
        below: Matrix = weight[rows:] if k == 0 else weight[rows:, columns:]
        second.insert(0, Affine(below, layer.bias[rows:]))
        rows = columns
    return first, second


def _parts(layer: Affine) -> bool:
    """Whether each input is added to one output, as it is."""
    weight = sp.csr_array(layer.weight)
    return not layer.bias.any() and bool(np.all(weight.data == 1) and np.all(weight.sum(axis=0) == 1))


def _is_identity(layer: Affine) -> bool:
    return (
        layer.inputs == layer.outputs
        and _parts(layer)
        and np.array_equal(sp.csr_array(layer.weight).indices, np.arange(layer.inputs))
    )
