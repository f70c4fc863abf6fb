"""Operators of ONNX with windows or along axes, on tensors of a graph: convolution, pooling, sums and maxima."""

import math
from typing import Any

import numpy as np

from constructions.exchange.onnx_graph import GraphReader, Operand, Operator, Tensor
from constructions.exchange.onnx_operators import add, constant_of, scaled, value_of, whole
from constructions.exchange.onnx_windows import seen_windows
from constructions.networks.real_factors import reciprocals
from constructions.networks.windows import convolution, counted, inside, sums


def conv(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """Convolution with a constant kernel, as one sparse matrix."""
    x, kernel = _image(operands[0]), constant_of(operands[1], "the kernel")
    attributes = reader.attributes(node)
    groups, (outputs, channels) = int(attributes.get("group", 1)), kernel.shape[:2]
    if outputs % groups or x.shape[1] != channels * groups:
        raise ValueError(
            f"Conv needs {channels} * {groups} input channels and a multiple of {groups} outputs, got {x.shape[1]} and "
            f"{outputs}"
        )
    if tuple(attributes.get("kernel_shape", kernel.shape[2:])) != kernel.shape[2:]:
        raise ValueError(f"kernel_shape must be that of the kernel, {kernel.shape[2:]}, got another")
    seen = seen_windows(x.place[0], kernel.shape[2:], attributes)
    sizes = seen.shape[2:]
    result = reader.affine(x, convolution(seen, kernel, groups, x.value.size), (1, outputs, *sizes))
    return _shifted(reader, node, result, operands[2:])


def _shifted(reader: GraphReader, node: Any, result: Tensor, rest: list[Operand]) -> Tensor:
    """The result of a convolution and its bias, if it has one."""
    if not rest or rest[0] is None:
        return result
    bias, outputs = constant_of(rest[0], "the bias"), result.shape[1]
    if bias.shape != (outputs,):
        raise ValueError(f"the bias must have shape ({outputs},), one number an output, got {bias.shape}")
    return add(reader, node, [result, bias.reshape(1, -1, *(1 for _ in result.shape[2:]))])


def conv_transpose(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """Transposed convolution: the transpose of the matrix of a convolution of its result."""
    x, kernel = _image(operands[0]), constant_of(operands[1], "the kernel")
    attributes = reader.attributes(node)
    if attributes.get("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in attributes:
        raise ValueError("pads that follow from a shape are read differently by runtimes: export the pads instead")
    groups, axes, spans = int(attributes.get("group", 1)), kernel.ndim - 2, kernel.shape[2:]
    if x.place.ndim != kernel.ndim or x.shape[1] != kernel.shape[0] or kernel.shape[0] % groups:
        raise ValueError(
            f"ConvTranspose needs {kernel.shape[0]} channels, of which {groups} groups can be made, and {axes} axes, "
            f"got shape {x.shape[1:]}"
        )
    if tuple(attributes.get("kernel_shape", spans)) != spans:
        raise ValueError(f"kernel_shape must be that of the kernel, {spans}, got another")
    steps, wide = (attributes.get(name, [1] * axes) for name in ("strides", "dilations"))
    pads, more = attributes.get("pads", [0] * (2 * axes)), attributes.get("output_padding", [0] * axes)
    ends = zip(x.shape[2:], steps, more, wide, spans, pads[:axes], pads[axes:], strict=True)
    sizes = [step * (size - 1) + rest + d * (span - 1) + 1 - a - b for size, step, rest, d, span, a, b in ends]
    outputs = kernel.shape[1] * groups
    if min(sizes) < 1:
        raise ValueError(f"pads must leave entries, got {list(pads)} and a result of sizes {sizes}")
    whole_image = np.arange(outputs * math.prod(sizes)).reshape(outputs, *sizes)
    seen = seen_windows(whole_image, spans, {"strides": steps, "dilations": wide, "pads": pads})
    if seen.shape[2:] != x.shape[2:]:
        raise ValueError(f"output_padding must be >= 0 and below strides, got {list(more)} and {list(steps)}")
    matrix = convolution(seen, kernel, groups, whole_image.size).T.tocsr()
    result = reader.affine(whole(reader.entries(x), x.shape), matrix, (1, outputs, *sizes))
    return _shifted(reader, node, result, operands[2:])


def average_pool(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """Means over windows."""
    x, attributes = _image(operands[0]), reader.attributes(node)
    if node.op_type == "GlobalAveragePool":
        attributes = {"kernel_shape": x.shape[2:]}
    seen = seen_windows(x.place[0], attributes["kernel_shape"], attributes, pooled=True)
    return _averages(reader, x, seen, counted(seen, padded=bool(attributes.get("count_include_pad", 0))))


def _averages(reader: GraphReader, x: Tensor, seen: np.ndarray, counts: np.ndarray) -> Tensor:
    """Sums over windows over the counts, with a batch axis before."""
    found = reader.affine(x, sums(seen, x.value.size), (1, *counts.shape))
    return scaled(reader, found, *reciprocals(counts[None]))


def max_pool(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """Maxima over windows, by ReLUs."""
    x, attributes = _image(operands[0]), reader.attributes(node)
    if len(node.output) > 1:
        raise ValueError("places of the maxima are no affine map: export the model without them")
    kernel = x.shape[2:] if node.op_type == "GlobalMaxPool" else attributes["kernel_shape"]
    seen = inside(seen_windows(x.place[0], kernel, attributes, pooled=True))
    parts = [reader.graph.rows(x.value, seen[:, k].ravel()) for k in range(seen.shape[1])]
    return whole(reader.graph.greatest(parts), (1, seen.shape[0], *seen.shape[2:]))


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
    seen = x.place.transpose(*left, *axes).reshape(math.prod(shape), -1)
    kept = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    final = tuple(kept if attributes.get("keepdims", 1) else shape)
    if node.op_type in ("ReduceSum", "ReduceMean"):
        count = seen.shape[1] if node.op_type == "ReduceMean" else 1
        result = _averages(reader, x, seen, np.full(len(seen), count))
    else:
        sign = np.array(1.0 if node.op_type == "ReduceMax" else -1.0)
        parts = [scaled(reader, Tensor(x.value, seen[:, k]), sign) for k in range(seen.shape[1])]
        best = reader.graph.greatest([reader.entries(part) for part in parts])
        result = scaled(reader, whole(best, (len(seen),)), sign)
    return Tensor(result.value, result.place.reshape(final))


def _image(operand: Operand) -> Tensor:
    x = value_of(operand, "the input")
    if x.place.ndim < 3 or x.shape[0] != 1:
        raise ValueError(f"the input must have shape (1, channels, sizes …), got {x.shape}")
    return x


WINDOW_OPERATORS: dict[str, Operator] = {
    **{"Conv": conv, "ConvTranspose": conv_transpose, "AveragePool": average_pool, "GlobalAveragePool": average_pool},
    **{"MaxPool": max_pool, "GlobalMaxPool": max_pool},
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"), reduced),
}
