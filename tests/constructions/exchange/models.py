"""ONNX models of a few nodes, and what onnxruntime computes with them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

TYPES = {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}


def model(
    nodes: list[Any],
    stored: dict[str, np.ndarray],
    shape: list[Any],
    *,
    dtype: str = "float32",
    opset: int = 17,
    outputs: int = 2,
) -> Any:
    """From X of this shape to Y, with so many axes."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "test",
        [info("X", TYPES[dtype], shape)],
        [info("Y", TYPES[dtype], [None] * outputs)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def saved(path: Path, made: Any) -> Path:
    path.write_bytes(made.SerializeToString())
    return path


def executed(path: Path, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"X": x})[0])
