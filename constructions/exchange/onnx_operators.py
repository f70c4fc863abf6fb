"""Operators of ONNX that are affine or made of ReLUs, on tensors of a graph.

Each takes the reader, the node and its operands, of which at least one is a tensor of the graph, the others constant
arrays.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions.exchange.onnx_graph import GraphReader, Operand, Operator, Tensor
from constructions.networks.real_factors import over_roots, reciprocals

_GREATEST_SINGLE = float(np.finfo(np.float32).max)


def needed(operand: Operand, name: str) -> Tensor | np.ndarray:
    """The operand, unless it was left out."""
    if operand is None:
        raise ValueError(f"an operand is missing: {name}")
    return operand


def constant_of(operand: Operand, name: str, *, finite: bool = True) -> np.ndarray:
    """The operand, if it is a constant, of finite numbers if it has to be."""
    if isinstance(operand, Tensor):
        raise ValueError(
            f"{name} must be constant, got a value of the network: a product of two values is no affine map, and no "
            "strict ReLU network computes it"
        )
    array = np.asarray(needed(operand, name))
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return array


def value_of(operand: Operand, name: str) -> Tensor:
    """The operand, if it depends on the input."""
    if not isinstance(operand, Tensor):
        raise ValueError(f"{name} must be a value of the network, got a constant")
    return operand


def spread(reader: GraphReader, operands: Sequence[Operand]) -> tuple[list[Any], tuple[int, ...]]:
    """The operands broadcast against each other, as vectors of the graph, and their shape."""
    tensors = [reader.as_tensor(needed(one, "a summand")) for one in operands]
    shape = np.broadcast_shapes(*(one.shape for one in tensors))
    return [reader.entries(Tensor(one.value, np.broadcast_to(one.place, shape))) for one in tensors], shape


def _check_old_shapes(reader: GraphReader, node: Any, operands: Sequence[Operand]) -> None:
    """Before version 8, operators of many operands did not broadcast them."""
    shapes = {one.shape for one in operands if one is not None}
    if reader.opset < 8 and node.op_type in ("Sum", "Mean", "Max", "Min") and len(shapes) > 1:
        raise ValueError(f"operands must have one shape before version 8, got {sorted(shapes)}: convert the file")


def whole(value: Any, shape: tuple[int, ...]) -> Tensor:
    """All entries of a vector as a tensor of this shape."""
    return Tensor(value, np.arange(value.size).reshape(shape))


def scaled(reader: GraphReader, tensor: Tensor, *factors: np.ndarray) -> Tensor:
    """Each entry times its factor, a sum of arrays that broadcast."""
    shape = np.broadcast_shapes(tensor.shape, *(one.shape for one in factors))
    value = reader.entries(Tensor(tensor.value, np.broadcast_to(tensor.place, shape)))
    flat = [np.broadcast_to(one, shape).astype(np.float64).ravel() for one in factors]
    return whole(reader.graph.scale(value, *flat), shape)


def add(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """The sum of all operands."""
    values, shape = spread(reader, operands)
    _check_old_shapes(reader, node, operands)
    return whole(reader.graph.add(*values), shape)


def negative(reader: GraphReader, _: Any, operands: list[Operand]) -> Tensor:
    """`-x`."""
    return scaled(reader, reader.as_tensor(needed(operands[0], "the operand")), np.array(-1.0))


def subtract(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """`x - y`."""
    return add(reader, node, [operands[0], negative(reader, node, operands[1:])])


def multiply(reader: GraphReader, _: Any, operands: list[Operand]) -> Tensor:
    """`x` times a constant."""
    first, second = operands if isinstance(operands[0], Tensor) else operands[::-1]
    return scaled(reader, value_of(first, "a factor"), constant_of(second, "one factor"))


def divide(reader: GraphReader, _: Any, operands: list[Operand]) -> Tensor:
    """`x` over a constant."""
    divisor = constant_of(operands[1], "the divisor").astype(np.float64)
    if not divisor.all():
        raise ValueError("the divisor must not be 0")
    return scaled(reader, value_of(operands[0], "the dividend"), *reciprocals(divisor))


def mean(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """The mean of the operands."""
    return divide(reader, node, [add(reader, node, operands), np.array(float(len(operands)))])


def relu(reader: GraphReader, _: Any, operands: list[Operand]) -> Tensor:
    """`σ(x)`."""
    tensor = value_of(operands[0], "the operand")
    return whole(reader.graph.relu(reader.entries(tensor)), tensor.shape)


def leaky_relu(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """`σ(z) - s σ(-z)`, s one slope or one for each entry."""
    attributes = reader.attributes(node)
    slope = (
        np.array(attributes.get("alpha", 0.01))
        if node.op_type == "LeakyRelu"
        else constant_of(operands[1], "the slope")
    )
    below = relu(reader, node, [negative(reader, node, operands)])
    return subtract(reader, node, [relu(reader, node, operands), scaled(reader, below, slope)])


def absolute(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """`|x| = σ(x) + σ(-x)`."""
    return add(reader, node, [relu(reader, node, operands), relu(reader, node, [negative(reader, node, operands)])])


def maximum(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """The greatest operand."""
    values, shape = spread(reader, operands)
    _check_old_shapes(reader, node, operands)
    return whole(reader.graph.greatest(values), shape)


def minimum(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """The least operand."""
    return negative(reader, node, [maximum(reader, node, [negative(reader, node, [one]) for one in operands])])


def clip(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """`min(max(x, least), greatest)`; bounds that the file's numbers do not pass are none."""
    attributes = reader.attributes(node)
    given = [*operands[1:], None, None]
    bounds = [
        attributes.get(name) if k is None else float(constant_of(k, name, finite=False).item())
        for k, name in zip(given, ("min", "max"), strict=False)
    ]
    beyond = _GREATEST_SINGLE if reader.arithmetic == "float32" else np.inf
    result: Operand = operands[0]
    for bound, bounded, sign in zip(bounds, (maximum, minimum), (-1, 1), strict=True):
        if bound is not None and not sign * bound >= beyond:
            result = bounded(reader, node, [result, constant_of(np.array(float(bound)), "a bound")])
    return value_of(result, "the operand")


def matmul(reader: GraphReader, _: Any, operands: list[Operand]) -> Tensor:
    """`x W` or `W x`, with the rules of numpy for other than two axes."""
    if isinstance(operands[0], Tensor):
        return _times(reader, operands[0], constant_of(operands[1], "one factor"))
    left, right = constant_of(operands[0], "one factor"), value_of(operands[1], "a factor")
    place = right.place if right.place.ndim == 1 else np.swapaxes(right.place, -1, -2)
    result = _times(reader, Tensor(right.value, place), left if left.ndim == 1 else np.swapaxes(left, -1, -2))
    if left.ndim == 1 or right.place.ndim == 1:
        return result
    return Tensor(result.value, np.swapaxes(result.place, -1, -2))


def _times(reader: GraphReader, x: Tensor, weight: np.ndarray) -> Tensor:
    place = x.place[None, :] if x.place.ndim == 1 else x.place
    matrix = weight[:, None] if weight.ndim == 1 else weight
    if place.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"factors must fit, got shapes {x.shape} and {weight.shape}")
    shape = (*np.broadcast_shapes(place.shape[:-2], matrix.shape[:-2]), place.shape[-2], matrix.shape[-1])
    if weight.ndim == 2 and place.size == place.shape[-1]:
        flat = Tensor(x.value, place.ravel())
        value = reader.graph.affine(reader.entries(flat), np.ascontiguousarray(matrix.T, dtype=np.float64))
        return whole(value, shape if x.place.ndim > 1 else shape[1:])
    number = np.arange(int(np.prod(shape))).reshape(shape)[..., :, None, :]
    row, column, entry = np.broadcast_arrays(number, place[..., :, :, None], matrix[..., None, :, :])
    kept = entry != 0
    product = sp.csr_array(
        (entry[kept].astype(np.float64), (row[kept], column[kept])), shape=(number.size, x.value.size)
    )
    if weight.ndim == 1:
        shape = shape[:-1]
    if x.place.ndim == 1:
        shape = (*shape[:-2], shape[-1]) if weight.ndim > 1 else shape[:-1]
    return reader.affine(x, product, shape)


def gemm(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """`α A B + β C`."""
    attributes = reader.attributes(node)
    a, b = (
        _transposed(one) if attributes.get(name, 0) else one
        for one, name in zip(operands, ("transA", "transB"), strict=False)
    )
    result = matmul(reader, node, [a, b])
    alpha, beta = (float(attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    if alpha != 1:
        result = scaled(reader, result, np.array(alpha))
    if len(operands) < 3 or operands[2] is None:
        return result
    if np.broadcast_shapes(result.shape, operands[2].shape) != result.shape:
        raise ValueError(f"C must be broadcast to the product's shape {result.shape}, got {operands[2].shape}")
    bias = operands[2] if beta == 1 else scaled(reader, reader.as_tensor(operands[2]), np.array(beta))
    return add(reader, node, [result, bias])


def _transposed(operand: Operand) -> Operand:
    if isinstance(operand, Tensor):
        return Tensor(operand.value, operand.place.T)
    return None if operand is None else operand.T


def batch_normalization(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """`(x - mean) s + bias` with `s = scale / √(variance + ε)`."""
    x, attributes = value_of(operands[0], "the input"), reader.attributes(node)
    if attributes.get("training_mode", 0) or len(node.output) > 1:
        raise ValueError("statistics must be those of evaluation: export the model in evaluation mode (model.eval())")
    if not attributes.get("spatial", 1):
        raise ValueError("statistics must be one a channel (spatial=1): convert the file to version 9 or later")
    names = ("the scale", "the bias", "the mean", "the variance")
    scale, bias, average, variance = (constant_of(one, name) for one, name in zip(operands[1:], names, strict=True))
    shape = (1, -1, *(1 for _ in x.shape[2:]))
    factors = over_roots(scale, variance, float(attributes.get("epsilon", 1e-5)))
    centred = subtract(reader, node, [x, average.reshape(shape)])
    stretched = scaled(reader, centred, *(part.reshape(shape) for part in factors))
    return add(reader, node, [stretched, bias.reshape(shape)])


def dropout(reader: GraphReader, _: Any, operands: list[Operand]) -> Tensor:
    """At inference nothing."""
    if len(operands) > 2 and operands[2] is not None and np.any(constant_of(operands[2], "training_mode")):
        raise ValueError("nothing may be dropped: export the model in evaluation mode (model.eval())")
    return value_of(operands[0], "the input")


def cast(reader: GraphReader, node: Any, operands: list[Operand]) -> Tensor:
    """From float32 to float64, or to what it is: nothing. Back, it would round."""
    kind = reader.type_name(reader.attributes(node)["to"])
    if kind != "DOUBLE" and (kind, reader.arithmetic) != ("FLOAT", "float32"):
        raise ValueError(
            f"a Cast of values to {kind} rounds them, which is no affine map: export the model in one precision"
        )
    reader.widened |= (kind, reader.arithmetic) == ("DOUBLE", "float32")
    if kind == "FLOAT" and reader.widened:
        raise ValueError("a Cast back to FLOAT rounds values, which is no affine map: export it in one precision")
    return value_of(operands[0], "the input")


OPERATORS: dict[str, Operator] = {
    **{"Add": add, "Sum": add, "Sub": subtract, "Neg": negative, "Mul": multiply, "Div": divide, "Mean": mean},
    **{"Relu": relu, "LeakyRelu": leaky_relu, "PRelu": leaky_relu, "Abs": absolute, "Clip": clip},
    **{"Max": maximum, "Min": minimum, "MatMul": matmul, "Gemm": gemm, "Dropout": dropout, "Cast": cast},
    "BatchNormalization": batch_normalization,
}
