"""The cases by which onnx's makers test runtimes: each is read as the function that it is, or refused."""

import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from constructions.exchange import onnx_graph
from constructions.exchange.onnx_file import read_onnx_model
from constructions.exchange.onnx_operators import OPERATORS
from constructions.exchange.onnx_window_operators import WINDOW_OPERATORS

KNOWN = OPERATORS.keys() | WINDOW_OPERATORS.keys() | onnx_graph._MOVES | {"Constant", "Shape"}

# What is read of version 1.23, less some room: a case that was read and is now refused is seen.
LEAST_READ = 250


def test_no_case_is_read_as_another_function(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [case for case in collect_testcases(None) if {node.op_type for node in case.model.graph.node} <= KNOWN]
    read, wrong = 0, []
    for case in cases:
        inputs, outputs = case.data_sets[0]
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        given = dict(zip((one.name for one in model.graph.input), inputs, strict=False))
        if not all(isinstance(one, np.ndarray) for one in (*given.values(), outputs[0])):
            continue
        real = [name for name, value in given.items() if value.dtype in (np.float32, np.float64)]
        if not real or outputs[0].dtype not in (np.float32, np.float64):
            continue
        # The first input stays one; the others become constants.
        model.graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in given.items() if name != real[0])
        del model.graph.output[1:]
        path = tmp_path / "case.onnx"
        path.write_bytes(model.SerializeToString())
        try:
            found = read_onnx_model(path)
        except ValueError:
            continue
        values = found.network(given[real[0]].reshape(1, -1).astype(np.float64))
        right = found.output_shape == outputs[0].shape and np.allclose(
            # The makers' own tolerance.
            values.reshape(outputs[0].shape), outputs[0], rtol=case.rtol, atol=max(case.atol, 1e-6)
        )  # fmt: skip
        read += 1
        wrong += [] if right else [case.name]
    assert wrong == []
    assert read >= LEAST_READ
