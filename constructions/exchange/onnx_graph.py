"""The graph of an ONNX file as values of an `AffineGraph`.

A tensor with real entries is a *value*, a vector, and for each entry of the tensor its number in the vector. Whatever
only moves entries (Reshape, Transpose, Gather, …) is done to these numbers, by onnx's own reference implementation.
Nodes that read constants alone are computed by it too, in float64 where they round.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions.exchange.optional import optional
from constructions.networks.affine_graph import AffineGraph, Finished, Value

# They move entries, of one tensor or of several.
_MOVES = {
    *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Slice", "Gather", "GatherElements"),
    *("GatherND", "Concat", "Split", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", "Pad"),
}
# Of constants: no arithmetic, or with whole numbers only.
_EXACT = {*_MOVES, "Constant", "ConstantOfShape", "Cast", "ScatterElements", "ScatterND", "Shape", "Size", "Range"}
_EXACT |= {"Relu", "Max", "Min", "Abs", "Neg", "Where", "Equal", "Trilu", "EyeLike", "NonZero"}
_WAYS_OUT = {
    **dict.fromkeys(("Softmax", "LogSoftmax"), "take it away, the largest output is the same"),
    **dict.fromkeys(("ArgMax", "TopK"), "take it away, and ask for properties of the outputs that it compares"),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "QLinearConv"), "export the model before it is quantized"),
    **dict.fromkeys(("Sigmoid", "Tanh"), "a ReLU network has none; at the end it only scales, and may be taken away"),
    **dict.fromkeys(("Loop", "If", "Scan"), "export the model for inputs of one fixed shape"),
    "Dropout": "export the model in evaluation mode (model.eval())",
    "BatchNormalization": "export the model in evaluation mode (model.eval())",
}
# Attributes that say yes or no; runtimes read other numbers differently.
_FLAGS = {"keepdims", "noop_with_empty_axes", "transA", "transB", "ceil_mode", "count_include_pad", "training_mode"}
_FLAGS |= {"allowzero", "spatial", "exclusive", "reverse"}
_SIMPLIFY = "onnxsim may simplify the graph; else make a ReLUNetwork of the layers yourself"


@dataclass(frozen=True, eq=False)
class Tensor:
    """Entries of a value: entry e of the tensor is entry `place[e]` of the vector."""

    value: Value
    place: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.place.shape


Operand = Tensor | np.ndarray | None
Operator = Callable[["GraphReader", Any, list[Operand]], Operand]


class GraphReader:
    """Reads the nodes of a model, one after the other.

    Args:
        model: a checked model.
        operators: what each affine operator does, and each that is made of ReLUs, by name.
        exact: as for `AffineGraph`.
    """

    def __init__(self, model: Any, operators: Mapping[str, Operator], *, exact: bool) -> None:
        self._operators = operators
        self._helper, self._numpy = optional("onnx.helper"), optional("onnx.numpy_helper")
        self._reference = optional("onnx.reference").ReferenceEvaluator
        self._types = optional("onnx").TensorProto
        self._proto, self._opsets = model.graph, list(model.opset_import)
        self.opset = next((one.version for one in self._opsets if one.domain in ("", "ai.onnx")), 1)
        if self.opset < 7:
            raise ValueError(
                f"the operators must be of version 7 or later, got {self.opset}, whose attributes for broadcasting and "
                "training are not read: convert the file by onnx.version_converter.convert_version(model, 17)"
            )
        self.computed: set[str] = set()
        self.widened = False
        if self._proto.sparse_initializer:
            raise ValueError("stored arrays must be dense, got sparse ones: export the model without them")
        held = {one.name: self._numpy.to_array(one) for one in self._proto.initializer}
        source, target = self._ends(held)
        self.input_name, self.output_name = source.name, target.name
        self.input_shape = self._shape(source)
        self.arithmetic = self._arithmetic(source)
        size = int(np.prod(self.input_shape))
        self.graph = AffineGraph(size, exact=exact)
        first = Tensor(self.graph.input, np.arange(size).reshape(self.input_shape))
        self._known: dict[str, Operand] = {"": None, **held, source.name: first}

    def run(self) -> Tensor:
        """The output of the graph."""
        for node in self._proto.node:
            operands = [self._known[name] for name in node.input]
            try:
                results = self._apply(node, operands)
            except (ValueError, ArithmeticError, TypeError, LookupError) as error:
                # Attributes may be anything: no window, a variance below 0, axes that are not there.
                found = (
                    str(error) if isinstance(error, ValueError) else f"attributes or operands do not fit ({error!r})"
                )
                raise ValueError(f"{node.op_type} {node.name or ', '.join(node.output)}: {found}") from error
            # An output without a name is not computed.
            for name, result in zip(filter(None, node.output), results, strict=False):
                self._known[name] = result
        output = self._known[self.output_name]
        assert output is not None
        return self.as_tensor(output)

    def finish(self, output: Tensor) -> Finished:
        """The layers that compute the entries of a tensor, in C order."""
        if output.place.size == 0:
            raise ValueError(f"the output must have entries, got shape {output.shape}")
        return self.graph.finish(self.entries(output))

    def entries(self, tensor: Tensor) -> Value:
        """The entries in C order as a vector."""
        flat = tensor.place.ravel()
        if len(flat) == tensor.value.size and np.array_equal(flat, np.arange(len(flat))):
            return tensor.value
        return self.graph.rows(tensor.value, flat)

    def as_tensor(self, operand: Tensor | np.ndarray) -> Tensor:
        """A constant as a tensor of the graph."""
        if isinstance(operand, Tensor):
            return operand
        entries = np.asarray(operand, dtype=np.float64)
        if not np.isfinite(entries).all():
            raise ValueError("constants must be finite, got NaN or infinity")
        return Tensor(self.graph.constant(entries.ravel()), np.arange(entries.size).reshape(entries.shape))

    def joined(self, tensors: Sequence[Tensor]) -> tuple[Value, list[np.ndarray]]:
        """All their entries as one vector, and the numbers of each in it."""
        if len(tensors) == 1:
            return tensors[0].value, [tensors[0].place]
        starts = np.cumsum([0, *(tensor.value.size for tensor in tensors)])
        places = [tensor.place + start for tensor, start in zip(tensors, starts.tolist(), strict=False)]
        return self.graph.stack([tensor.value for tensor in tensors]), places

    def affine(self, tensor: Tensor, weight: sp.csr_array, shape: tuple[int, ...]) -> Tensor:
        """A matrix times the entries of the value (not of the tensor), as a tensor of this shape."""
        return Tensor(self.graph.affine(tensor.value, weight), np.arange(weight.shape[0]).reshape(shape))

    def attributes(self, node: Any) -> dict[str, Any]:
        """Attributes by name; text as str."""
        found = {one.name: self._helper.get_attribute_value(one) for one in node.attribute}
        return {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}

    def type_name(self, kind: int) -> str:
        """ONNX's name of a type of numbers."""
        return str(self._types.DataType.Name(kind))

    def _apply(self, node: Any, operands: list[Operand]) -> list[Operand]:
        op = node.op_type
        if node.domain not in ("", "ai.onnx"):
            raise ValueError(f"operators must be those of ONNX, got the domain {node.domain}: {_SIMPLIFY}")
        for name, value in self.attributes(node).items():
            if name in _FLAGS and value not in (0, 1):
                raise ValueError(f"{name} must be 0 or 1, got {value}: export the model again")
        if not any(isinstance(one, Tensor) for one in operands) and op not in ("If", "Loop", "Scan"):
            return self._constant(node, operands)
        if op == "Shape":
            place = operands[0].place if isinstance(operands[0], Tensor) else np.zeros(0)
            return list(self._evaluate(node, [place]))
        if op in _MOVES:
            if op == "Squeeze" and any(isinstance(one, np.ndarray) and not one.size for one in operands[1:]):
                raise ValueError("axes that are none are read differently by runtimes: leave them out, or name them")
            return self._moved(node, operands)
        if op not in self._operators:
            raise ValueError(f"a ReLU network has no operator {op}: {_WAYS_OUT.get(op, _SIMPLIFY)}")
        return [self._operators[op](self, node, operands)]

    def _constant(self, node: Any, operands: list[Operand]) -> list[Operand]:
        arrays = [np.asarray(one) if one is not None else None for one in operands]
        whole = all(one is None or one.dtype.kind in "iub" for one in arrays)
        if not whole and node.op_type not in _EXACT:
            self.computed.add(node.op_type)
            arrays = [one.astype(np.float64) if one is not None and one.dtype.kind == "f" else one for one in arrays]
        return list(self._evaluate(node, arrays))

    def _moved(self, node: Any, operands: list[Operand]) -> list[Operand]:
        """The node done to the numbers of entries instead of these."""
        many = node.op_type == "Concat"
        data = operands if many else operands[:1]
        if any(one is None for one in data):
            raise ValueError("what is moved must be given, got an operand without a name")
        tensors = [self.as_tensor(one) for one in data if one is not None]
        if not many and len(operands) > 1 and any(isinstance(one, Tensor) for one in operands[1:]):
            raise ValueError("what is moved where must be constant, got a value of the network: " + _SIMPLIFY)
        inputs: list[Any] = list(operands[1:])
        if node.op_type == "Pad":
            tensors, node, inputs = self._pad(node, tensors, inputs)
        value, places = self.joined(tensors)
        if node.op_type == "Pad":
            # The number of the constant, which is the last entry.
            places, inputs[1] = places[:1], np.array(places[1].item())
        return [
            Tensor(value, np.asarray(place)) for place in self._evaluate(node, [*places, *([] if many else inputs)])
        ]

    def _pad(self, node: Any, tensors: list[Tensor], inputs: list[Any]) -> tuple[list[Tensor], Any, list[Any]]:
        """A Pad of opset 11 or later, and its constant as a tensor behind the other."""
        attributes = self.attributes(node)
        if self.opset < 11:
            constant = attributes.get("value", 0.0)
            inputs = [np.array(attributes["pads"], dtype=np.int64)]
        else:
            constant = 0.0 if len(inputs) < 2 or inputs[1] is None else float(np.asarray(inputs[1]).item())
        inputs = [inputs[0], None, *inputs[2:]]
        names = ["data", "pads", "value", "axes"][: len(inputs) + 1]
        mode = attributes.get("mode", "constant")
        if mode in ("reflect", "wrap"):
            self._check_repeated(tensors[0].shape, *(np.asarray(one) for one in (inputs[0], *inputs[2:])))
        new = self._helper.make_node("Pad", names, list(node.output), mode=mode)
        return [*tensors, self.as_tensor(np.array([constant]))], new, inputs

    def _check_repeated(self, shape: tuple[int, ...], pads: np.ndarray, axes: np.ndarray | None = None) -> None:
        """Entries that are met twice are read differently by runtimes."""
        sizes = shape if axes is None else [shape[axis] for axis in axes]
        most = pads.reshape(2, -1).max(axis=0)
        if any(more >= size for more, size in zip(most.tolist(), sizes, strict=True) if more > 0):
            raise ValueError(f"what is reflected must be less than an axis, got pads {pads.tolist()} of shape {shape}")

    def _evaluate(self, node: Any, arrays: list[Any]) -> Sequence[Any]:
        """The node's outputs by onnx's reference implementation."""
        copy = type(node)()
        copy.CopyFrom(node)
        del copy.input[:]
        names = [f"input_{k}" if array is not None else "" for k, array in enumerate(arrays)]
        copy.input.extend(names)
        opsets = self._opsets if node.op_type != "Pad" or self.opset >= 11 else [self._helper.make_opsetid("", 13)]
        info = self._helper.make_tensor_value_info
        graph = self._helper.make_graph(
            [copy],
            "one_node",
            [info(name, self._helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
             for name, array in zip(names, arrays, strict=True) if array is not None],
            [info(name, self._types.UNDEFINED, None) for name in node.output if name],
        )  # fmt: skip
        feeds = {name: array for name, array in zip(names, arrays, strict=True) if array is not None}
        try:
            return list(self._reference(self._helper.make_model(graph, opset_imports=opsets)).run(None, feeds))
        except Exception as error:  # the reference implementation raises of any kind
            raise ValueError(f"onnx cannot compute this node: {str(error).strip().partition(chr(10))[0]}") from error

    def _ends(self, held: dict[str, np.ndarray]) -> tuple[Any, Any]:
        inputs = [one for one in self._proto.input if one.name not in held]
        outputs = list(self._proto.output)
        if len(inputs) != 1 or len(outputs) != 1:
            raise ValueError(
                f"the model must have one input and one output, got inputs {[one.name for one in inputs]} and outputs "
                f"{[one.name for one in outputs]}: export it with one of each"
            )
        return inputs[0], outputs[0]

    def _shape(self, source: Any) -> tuple[int, ...]:
        sizes: list[int] = []
        for k, one in enumerate(source.type.tensor_type.shape.dim):
            if one.HasField("dim_value") and one.dim_value > 0:
                sizes.append(int(one.dim_value))
            elif k == 0:
                sizes.append(1)
            else:
                raise ValueError(
                    f"only the first axis of the input may be free, got axis {k} of {source.name}: export the model "
                    "for inputs of one fixed shape"
                )
        return tuple(sizes)

    def _arithmetic(self, source: Any) -> str:
        kinds = {self._types.DOUBLE: "float64", self._types.FLOAT: "float32"}
        kind = source.type.tensor_type.elem_type
        if kind not in kinds:
            raise ValueError(
                f"the input must be of float32 or float64, got {self.type_name(kind)}: export the model in one of them"
            )
        return kinds[kind]
