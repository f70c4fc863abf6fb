#!/bin/sh
# Marabou 2.0.0 says "unsat" of a query with no condition on the output, true of every input: x in [0, 1]. Beside what x
# runs through, the network has one ReLU whose input is the constant -2^-28 = -3.7e-9: with 0 in its place the same query
# is "sat". One would guess that a constant so far below the tolerance is taken for 0, or at worst that a query is
# undecided; "unsat" is the answer that users take for a proof. Seen with maraboupy 2.0.0, onnx 1.23.2, onnxruntime
# 1.32.0, numpy 2.4.6, Python 3.11; exits 1 if the behaviour changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check maraboupy==2.0.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import onnx
from maraboupy import Marabou
from onnx import helper, numpy_helper


def answer(tiny):
    """Whether some x in [0, 1] has an output at all, of y = -relu(relu(x') - tiny relu(1)) with x' = 0 for all x."""
    layers = [
        ([[0.0]], [0.0]),
        ([[0.0]], [0.0]),
        ([[0.0], [1.0]], [1.0, 0.0]),
        ([[-tiny, 1.0]], [0.0]),
        ([[-1.0]], [0.0]),
    ]
    nodes, stored, name = [], [], "x"
    for k, (weight, bias) in enumerate(layers):
        stored += [
            numpy_helper.from_array(np.array(weight, np.float32), f"w{k}"),
            numpy_helper.from_array(np.array(bias, np.float32), f"b{k}"),
        ]
        last = k == len(layers) - 1
        nodes.append(helper.make_node("Gemm", [name, f"w{k}", f"b{k}"], ["y" if last else f"z{k}"], transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [f"z{k}"], [f"h{k}"]))
            name = f"h{k}"
    ends = [helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, [1, 1]) for end in ("x", "y")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), "net.onnx")
    network = Marabou.read_onnx("net.onnx")
    (x,) = (int(v) for v in network.inputVars[0].ravel())
    network.setLowerBound(x, 0.0)
    network.setUpperBound(x, 1.0)
    found = network.solve(verbose=False, options=Marabou.createOptions(verbosity=0))[0]
    print(f"constant -{tiny:g} before a ReLU: {found}; every x in [0, 1] would do")
    return found


print(f"maraboupy {version('maraboupy')}, onnx {onnx.__version__}, python {sys.version.split()[0]}")
answers = [answer(2.0**-28), answer(2.0**-14), answer(0.0)]
sys.exit(0 if answers == ["unsat", "sat", "sat"] else 1)
PYTHON
