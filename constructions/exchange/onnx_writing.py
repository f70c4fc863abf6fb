"""ReLU networks as ONNX graphs: plainly, or in few bytes and few operations.

Plain is one Gemm a layer with all entries of its weight, as other tools write and read it. The small form has the same
rows, each a sum of the same products in some order:

- A layer with few non-zeros gathers for each row the inputs that it reads, multiplies by the weights and sums
  (rows of about as many non-zeros together, filled up with zeros; a row of one weight is not summed).
- Another one is a Gemm of the columns that are not zero.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions.exchange.onnx_arrays import Writer
from constructions.networks.network import Affine, ReLUNetwork, dense, sparse

# A dense product is about so many times faster an entry than a gathered one.
_DENSE_GAIN = 20
_DENSE_ENTRIES = 2**27
# Rows of this many more non-zeros are filled up to as many.
_PADDING = 1.25


def write_layers(writer: Writer, network: ReLUNetwork, source: str, target: str, *, plain: bool) -> None:
    """Adds the nodes from an input of shape (N, inputs) to an output of shape (N, outputs)."""
    name = source
    for k, layer in enumerate(network.layers):
        if k:
            name = writer.node("Relu", [name])
        end = target if k == network.depth - 1 else None
        if plain:
            weight = writer.numbers_as_stored(dense(layer.weight))
            name = writer.node("Gemm", [name, weight, writer.numbers_as_stored(layer.bias)], output=end, transB=1)
        elif _by_rows(layer):
            name = _write_rows(writer, layer, name, end)
        else:
            name = _write_gemm(writer, layer, name, end)


def _by_rows(layer: Affine) -> bool:
    entries, nonzero = layer.inputs * layer.outputs, layer.nonzero - int(np.count_nonzero(layer.bias))
    return nonzero > 0 and (entries > _DENSE_ENTRIES or _DENSE_GAIN * nonzero < entries)


def _write_gemm(writer: Writer, layer: Affine, name: str, end: str | None) -> str:
    weight: Any = layer.weight
    read = np.unique(sparse(weight).indices)
    if 0 < len(read) <= layer.inputs // 2:
        name, weight = writer.node("Gather", [name, writer.whole_numbers(read)], axis=1), weight[:, read]
    return writer.node("Gemm", [name, writer.matrix(weight), writer.numbers(layer.bias)], output=end, transB=1)


def _write_rows(writer: Writer, layer: Affine, name: str, end: str | None) -> str:
    weight, parts, order = sparse(layer.weight), [], []
    for rows in _classes(np.diff(weight.indptr)):
        index, values = _padded(weight[rows])
        part = writer.node("Gather", [name, writer.whole_numbers(index)], axis=1)
        if not np.all(values == 1):
            part = writer.node("Mul", [part, writer.numbers(values)])
        parts.append(part if index.ndim == 1 else writer.node("ReduceSum", [part, writer.shape(2)], keepdims=0))
        order.append(rows)
    place = np.argsort(np.concatenate(order))
    moved, shifted = not np.array_equal(place, np.arange(len(place))), bool(layer.bias.any())
    steps: list[tuple[str, list[str], dict[str, int]]] = []
    if len(parts) > 1:
        steps.append(("Concat", parts, {"axis": 1}))
    if moved:
        steps.append(("Gather", ["", writer.whole_numbers(place)], {"axis": 1}))
    if shifted:
        steps.append(("Add", ["", writer.numbers(layer.bias)], {}))
    result = parts[0]
    for k, (op, inputs, attributes) in enumerate(steps or [("Identity", [""], {})]):
        target = end if k >= len(steps) - 1 else None
        result = writer.node(op, [one or result for one in inputs], output=target, **attributes)
    return result


def _classes(counts: np.ndarray) -> list[np.ndarray]:
    """Numbers of rows of about as many non-zeros; those of none beside those of one."""
    order = np.argsort(counts, kind="stable")
    found, start = [], 0
    while start < len(order):
        most = int(max(1, counts[order[start]]) * _PADDING)
        end = int(np.searchsorted(counts[order], most, side="right"))
        found.append(order[start:end])
        start = end
    return found


def _padded(weight: sp.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Columns and values of the non-zeros of each row, filled up with zeros; of one axis for one a row."""
    counts = np.diff(weight.indptr)
    index = np.zeros((len(counts), max(1, int(counts.max()))), dtype=np.int64)
    values = np.zeros(index.shape)
    there = np.arange(index.shape[1]) < counts[:, None]
    index[there], values[there] = weight.indices, weight.data
    return (index[:, 0], values[:, 0]) if index.shape[1] == 1 else (index, values)
