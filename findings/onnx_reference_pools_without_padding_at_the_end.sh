#!/bin/sh
# onnx 1.23.2: its ReferenceEvaluator, which is there to say what a model means, leaves out the padding at the end of a
# MaxPool: kernel 2, stride 1, pads [0, 1] on (1, 2, 3, 4) is (2, 3, 4, 4) by the operator's text and by onnxruntime; it
# gives (2, 3, 4). AveragePool with ceil_mode and pads [1, 0] on (1, 2, 3) divides by the padded place too: (1, 2) in place
# of (1.5, 3), though count_include_pad is 0. One would take the reference for the arbiter between two runtimes.
# Seen with onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6, Python 3.11; exits 1 if the behaviour changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator


def pooled(operator, values, **attributes):
    """What both make of one node on one channel."""
    x = np.array(values, np.float32).reshape(1, 1, -1)
    graph = helper.make_graph(
        [helper.make_node(operator, ["X"], ["Y"], **attributes)],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None] * 3)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = [f.run(None, {"X": x})[0].ravel().tolist() for f in (session, ReferenceEvaluator(model))]
    print(f"{operator} {attributes} on {values}: onnxruntime {found[0]}, reference {found[1]}")
    return found


print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, python {sys.version.split()[0]}")
most = pooled("MaxPool", [1, 2, 3, 4], kernel_shape=[2], strides=[1], pads=[0, 1])
mean = pooled("AveragePool", [1, 2, 3], kernel_shape=[3], strides=[3], pads=[1, 0], ceil_mode=1)
sys.exit(0 if most == [[2, 3, 4, 4], [2, 3, 4]] and mean == [[1.5, 3], [1, 2]] else 1)
PYTHON
