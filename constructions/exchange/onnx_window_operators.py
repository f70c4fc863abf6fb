"""Operators of ONNX with windows or along axes, on tensors of a graph: convolution, pooling, sums and maxima."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions.exchange.onnx_graph import GraphReader, Operand, Operator, Tensor
from constructions.exchange.onnx_operators import add, constant_of, greatest, reciprocals, scaled, value_of, whole
from constructions.exchange.onnx_windows import PADDED, convolution, windows


def conv(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """Convolution with a constant kernel, as one sparse matrix."""
    x, kernel = _image(operands[0]), constant_of(operands[1], "the kernel")
    attributes = reader.attributes(node)
    matrix = convolution(x.place[0], kernel, attributes, x.value.size)
    sizes = windows(x.place[0], list(kernel.shape[2:]), attributes).shape[2:]
    result = reader.affine(x, matrix, (1, kernel.shape[0], *sizes))
    if len(operands) < 3 or operands[2] is None:
        return result
    bias = constant_of(operands[2], "the bias")
    return add(reader, node, [result, bias.reshape(1, -1, *(1 for _ in sizes))])


def average_pool(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """Means over windows."""
    x, attributes = _image(operands[0]), reader.attributes(node)
    if node.op_type == "GlobalAveragePool":
        attributes = {"kernel_shape": x.shape[2:]}
    seen = windows(x.place[0], list(attributes["kernel_shape"]), attributes)
    counted = seen >= (PADDED if attributes.get("count_include_pad", 0) else 0)
    return _averages(reader, x, seen, counted.sum(axis=1), 1)


def _averages(reader: GraphReader, x: Tensor, seen: np.ndarray, counts: np.ndarray, axis: int) -> Tensor:
    """The sums along an axis of entries with these numbers, if >= 0, over the counts; with a batch axis before."""
    number = np.arange(counts.size).reshape(np.expand_dims(counts, axis).shape)
    row, column = np.broadcast_arrays(number, seen)
    kept = column >= 0
    matrix = sp.csr_array((np.ones(int(kept.sum())), (row[kept], column[kept])), shape=(counts.size, x.value.size))
    sums = reader.affine(x, matrix, (1, *counts.shape))
    return scaled(reader, sums, *reciprocals(counts[None].astype(np.float64)))


def max_pool(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """Maxima over windows, by ReLUs."""
    x, attributes = _image(operands[0]), reader.attributes(node)
    if len(node.output) > 1:
        raise ValueError("places of the maxima are no affine map: export the model without them")
    kernel = x.shape[2:] if node.op_type == "GlobalMaxPool" else attributes["kernel_shape"]
    seen = windows(x.place[0], list(kernel), attributes)
    # What is no entry of the image is replaced by one of the same window.
    some = np.max(seen, axis=1, keepdims=True)
    if np.any(some < 0):
        raise ValueError("each window must see an entry of the image, got one in the padding")
    seen = np.where(seen >= 0, seen, some)
    parts = [reader.graph.rows(x.value, seen[:, k].ravel()) for k in range(seen.shape[1])]
    return whole(greatest(reader, parts), (1, seen.shape[0], *seen.shape[2:]))


def reduced(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """Sums, means, maxima or minima along axes."""
    x, attributes = value_of(operands[0], "the input"), reader.attributes(node)
    given = (
        attributes.get("axes")
        if len(operands) < 2 or operands[1] is None
        else constant_of(operands[1], "axes").tolist()
    )
    if not given and attributes.get("noop_with_empty_axes", 0):
        return x
    axes = [axis % x.place.ndim for axis in (given or range(x.place.ndim))]
    left = [axis for axis in range(x.place.ndim) if axis not in axes]
    shape = [x.shape[axis] for axis in left]
    seen = x.place.transpose(*left, *axes).reshape(*shape, -1)
    kept = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    final = tuple(kept if attributes.get("keepdims", 1) else shape)
    if node.op_type in ("ReduceSum", "ReduceMean"):
        count = float(seen.shape[-1]) if node.op_type == "ReduceMean" else 1.0
        result = _averages(reader, x, seen, np.full(shape, count), seen.ndim - 1)
    else:
        sign = np.array(1.0 if node.op_type == "ReduceMax" else -1.0)
        parts = [scaled(reader, Tensor(x.value, seen[..., k]), sign) for k in range(seen.shape[-1])]
        best = greatest(reader, [reader.entries(part) for part in parts])
        result = scaled(reader, whole(best, tuple(shape)), sign)
    return Tensor(result.value, result.place.reshape(final))


def _image(operand: Operand) -> Tensor:
    x = value_of(operand, "the input")
    if x.place.ndim < 3 or x.shape[0] != 1:
        raise ValueError(f"the input must have shape (1, channels, sizes …), got {x.shape}")
    return x


WINDOW_OPERATORS: dict[str, Operator] = {
    **{"Conv": conv, "AveragePool": average_pool, "GlobalAveragePool": average_pool},
    **{"MaxPool": max_pool, "GlobalMaxPool": max_pool},
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"), reduced),
}
