"""ReLU networks as ONNX files, written and read."""

import gzip
import json
import os
from dataclasses import dataclass
from typing import Any

from constructions.certificates.executed_intervals import as_executed, read_format
from constructions.exchange.onnx_arrays import Writer
from constructions.exchange.onnx_graph import GraphReader
from constructions.exchange.onnx_operators import OPERATORS
from constructions.exchange.onnx_window_operators import WINDOW_OPERATORS
from constructions.exchange.onnx_writing import write_layers
from constructions.exchange.optional import optional
from constructions.networks.folded import FoldedNetwork
from constructions.networks.network import ReLUNetwork
from constructions.networks.whole_file import replacing
from constructions.samples.sample import shown

# Old enough for every tool, new enough for ReduceSum with axes as input.
_OPSET, _IR_VERSION = 17, 8


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """What an ONNX file says.

    Attributes:
        network: the function over the reals, of the input and the output as vectors (in C order). Its `rounded` says
            how many weights are not exactly the composition of the file's (none for MatMul, Add and Relu in turn, or
            where products fit), its `rounding` and `distance` what that amounts to.
        input_shape: shape of the input for one point, a free batch axis counted as 1.
        output_shape: that of the output.
        input_name: name of the input.
        output_name: name of the output.
        arithmetic: "float64" or "float32", in which a runtime executes it; "mixed" if it casts from one to the other.
        computed: operators by which the file computes constants from constants that float64 rounded here (a Sqrt of
            weights, say); their rounding comes on top.
    """

    network: FoldedNetwork
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    input_name: str
    output_name: str
    arithmetic: str
    computed: tuple[str, ...]


def write_onnx(
    path: str | os.PathLike[str], network: ReLUNetwork, *, dtype: str = "float64", plain: bool = False
) -> None:
    """Write a network as an ONNX file, all of it or nothing.

    Input `X` has shape (N, inputs), output `Y` (N, outputs), for any N. Over the reals the file's function is that of
    the network with its weights rounded to the format: in float64 the network itself. What a runtime executes is within
    the bounds of the executed certificate, as each row is a sum of the same products in some order. The classes stand
    in the metadata as JSON.

    Args:
        path: of the file.
        network: any `ReLUNetwork`.
        dtype: "float64" or "float32", of the weights, the input and the output.
        plain: whether to write one Gemm a layer with all entries of its weight, which every tool reads; else few bytes
            and few operations, by Gather, Mul and ReduceSum where rows have few non-zeros.

    Raises:
        ValueError: for another dtype, a weight that is too large for it, classes other than numbers, text or booleans,
            or a file above 2 GB, more than the format can hold.
        ImportError: without onnx.
    """
    read_format(dtype)
    helper = optional("onnx.helper")
    cast = as_executed(network, dtype)
    writer = Writer(dtype)
    kind = helper.np_dtype_to_tensor_dtype(writer.dtype)
    write_layers(writer, cast, "X", "Y", plain=plain)
    graph = helper.make_graph(
        writer.nodes,
        "relu_network",
        [helper.make_tensor_value_info("X", kind, ["N", network.inputs])],
        [helper.make_tensor_value_info("Y", kind, ["N", network.outputs])],
        writer.stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    if network.classes is not None:
        helper.set_model_props(model, {"classes": _classes_text(network)})
    if model.ByteSize() >= 2**31:
        raise ValueError(
            f"an ONNX file holds less than 2 GB, got {model.ByteSize():,} bytes for {network!r}: write it with "
            "plain=False or in float32, or save it by network.save"
        )
    content = model.SerializeToString()
    with replacing(path) as partial:
        partial.write_bytes(content)


def read_onnx(path: str | os.PathLike[str]) -> FoldedNetwork:
    """The strict ReLU network of an ONNX file, over the reals; see `read_onnx_model`, which also has what else it says.

    Raises:
        ValueError: as `read_onnx_model`.
    """
    return read_onnx_model(path).network


def read_onnx_model(path: str | os.PathLike[str], *, exact: bool = False) -> OnnxModel:
    """An ONNX file, plain or gzipped, as a network and what else it says.

    Read is whatever is affine, moves entries or is made of ReLUs: Gemm, MatMul, Conv, ConvTranspose, Add, Sub, Mul and
    Div by constants, BatchNormalization, pooling (maxima too), Reshape, Transpose, Gather, Slice, Concat, Pad and the
    like, Relu, LeakyRelu, PRelu, Abs, Clip, Min and Max, Dropout at inference, residual sums. What is affine between
    two ReLUs becomes one layer, with each weight rounded once; see `constructions.networks.affine_graph`.

    A Cast from float32 to float64 changes nothing. One back rounds its argument, which is no affine map: refused.

    Args:
        path: of the file.
        exact: whether to keep compositions that float64 does not hold as layers of their own instead of rounding them.

    Raises:
        ValueError: if the file is damaged, has several inputs or outputs or free axes besides the batch's, or an
            operator that a ReLU network does not have, which is named with the way out.
        FileNotFoundError: if there is no file.
        ImportError: without onnx.
    """
    model = _checked_model(path)
    try:
        reader = GraphReader(model, OPERATORS | WINDOW_OPERATORS, exact=exact)
        output = reader.run()
        _check_types(model)
        finished = reader.finish(output)
        network = FoldedNetwork(finished.layers, _classes(model), finished.rounded, finished.rounding)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return OnnxModel(
        network=network,
        input_shape=reader.input_shape,
        output_shape=output.shape,
        input_name=reader.input_name,
        output_name=reader.output_name,
        arithmetic="mixed" if reader.widened else reader.arithmetic,
        computed=tuple(sorted(reader.computed)),
    )


def _checked_model(path: str | os.PathLike[str]) -> Any:
    onnx, checker = optional("onnx"), optional("onnx.checker")
    try:
        with open(path, "rb") as stream:
            zipped = stream.read(2) == b"\x1f\x8b"
        model = onnx.load_model_from_string(_unzipped(path)) if zipped else onnx.load(os.fspath(path))
        for output in model.graph.output:
            # The shape of the output is not needed, and not always written; onnx's checker insists on it.
            output.type.tensor_type.shape.SetInParent()
        checker.check_model(model)
        # It copies all of a large file.
        return optional("onnx.inliner").inline_local_functions(model) if model.functions else model
    except OSError:
        raise
    except Exception as error:  # a damaged file can fail in many ways, none of them the caller's
        raise ValueError(f"{path} is no valid ONNX file: {str(error).strip().partition(chr(10))[0]}") from error


def _check_types(model: Any) -> None:
    """Refuse operands of types or shapes that an operator does not take; what the file says of results is not used."""
    bare = type(model)()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    inference = optional("onnx.shape_inference")
    try:
        inference.infer_shapes(bare, check_type=True, strict_mode=True)
    except Exception as error:  # of onnx's own kinds
        raise ValueError(f"no runtime takes this file: {str(error).strip().partition(chr(10))[0]}") from error


def _unzipped(path: str | os.PathLike[str]) -> bytes:
    try:
        with gzip.open(path) as stream:
            return stream.read()
    except gzip.BadGzipFile as error:
        raise ValueError(str(error)) from error


def _classes_text(network: ReLUNetwork) -> str:
    classes = network.classes or ()
    if not {type(label) for label in classes} <= {int, float, str, bool}:
        raise ValueError(
            f"an ONNX file holds classes that are numbers, text or booleans, got {shown(classes)}: write "
            "ReLUNetwork(network.layers), whose labels are class numbers"
        )
    return json.dumps(classes)


def _classes(model: Any) -> tuple[Any, ...] | None:
    for entry in model.metadata_props:
        if entry.key == "classes":
            try:
                return tuple(json.loads(entry.value))
            except (json.JSONDecodeError, TypeError) as error:
                raise ValueError(f"classes in the metadata must be a list as JSON, got {entry.value!r:.60}") from error
    return None
