"""Files in the forms that exporters of the competition write: read as onnxruntime computes them, and decided."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

from constructions.exchange.command import main
from constructions.exchange.onnx_file import read_onnx_model
from constructions.exchange.vnnlib_file import read_vnnlib
from constructions.exchange.witness_file import read_witness
from tests.constructions.exchange.models import TYPES, executed, model, saved

node = helper.make_node
RNG = np.random.default_rng(2)
Row = tuple[list[Any], dict[str, np.ndarray], list[Any], int, int]


def weight(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) / np.sqrt(max(1, np.prod(shape[1:])))).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def normalised(source: str, target: str, channels: int, stored: dict[str, np.ndarray]) -> Any:
    for name in "gbm":
        stored[f"{target}_{name}"] = weight(channels)
    stored[f"{target}_v"] = np.abs(weight(channels)) + np.float32(0.1)
    return node("BatchNormalization", [source, *(f"{target}_{k}" for k in "gbmv")], [target], epsilon=1e-5)


def controller() -> Row:
    """Four axes, a mean taken away, weights listed as inputs."""
    stored = {"mean": weight(1, 1, 1, 5), "A": weight(5, 20), "a": weight(20), "B": weight(20, 5), "b": weight(5)}
    nodes = [
        *(node("Sub", ["X", "mean"], ["s"]), node("Flatten", ["s"], ["f"], axis=1), node("MatMul", ["f", "A"], ["m"])),
        *(node("Add", ["m", "a"], ["h"]), node("Relu", ["h"], ["r"]), node("MatMul", ["r", "B"], ["n"])),
        node("Add", ["b", "n"], ["Y"]),
    ]
    return nodes, stored, [1, 1, 1, 5], 2, 8


def columns() -> Row:
    """Weights from the left, on columns."""
    stored = {"A": weight(16, 30), "a": weight(16, 1), "B": weight(4, 16), "b": weight(4, 1)}
    nodes = [
        *(node("MatMul", ["A", "X"], ["m"]), node("Add", ["a", "m"], ["h"]), node("Relu", ["h"], ["r"])),
        *(node("MatMul", ["B", "r"], ["n"]), node("Add", ["n", "b"], ["Y"])),
    ]
    return nodes, stored, [1, 30, 1], 3, 8


def dynamic() -> Row:
    """Normalisation, a convolution with BatchNorm, and a flattening by the shape at run time."""
    spread, minus, zero = (
        numpy_helper.from_array(np.array(v)) for v in (np.full((1, 3, 1, 1), np.float32(0.25)), [-1], 0)
    )
    stored = {"mean": weight(1, 3, 1, 1), "K": weight(4, 3, 4, 4), "k": weight(4), "W": weight(5, 64), "w": weight(5)}
    nodes = [
        *(node("Constant", [], ["spread"], value=spread), node("Sub", ["X", "mean"], ["s"])),
        *(node("Div", ["s", "spread"], ["d"]), node("Conv", ["d", "K", "k"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1])),
        *(normalised("c", "n", 4, stored), node("Relu", ["n"], ["r"]), node("Shape", ["r"], ["shape"])),
        *(node("Constant", [], ["zero"], value=zero), node("Gather", ["shape", "zero"], ["count"], axis=0)),
        *(node("Unsqueeze", ["count"], ["u"], axes=[0]), node("Constant", [], ["minus"], value=minus)),
        *(node("Concat", ["u", "minus"], ["t"], axis=0), node("Reshape", ["r", "t"], ["f"])),
        node("Gemm", ["f", "W", "w"], ["Y"], transB=1),
    ]
    return nodes, stored, ["batch", 3, 8, 8], 2, 11


def residual() -> Row:
    """A block with BatchNorm and a shortcut of its own, and a mean over the image."""
    stored = {
        "K": weight(4, 2, 3, 3),
        "L": weight(4, 4, 3, 3),
        "S": weight(4, 2, 1, 1),
        "W": weight(3, 4),
        "w": weight(3),
    }
    nodes = [
        *(node("Conv", ["X", "K"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]), normalised("c", "n", 4, stored)),
        *(
            node("Relu", ["n"], ["r"]),
            node("Conv", ["r", "L"], ["e"], pads=[1, 1, 1, 1]),
            normalised("e", "o", 4, stored),
        ),
        *(node("Conv", ["X", "S"], ["g"], strides=[2, 2]), normalised("g", "q", 4, stored)),
        *(node("Add", ["o", "q"], ["s"]), node("Relu", ["s"], ["t"]), node("GlobalAveragePool", ["t"], ["p"])),
        *(node("Flatten", ["p"], ["f"]), node("Gemm", ["f", "W", "w"], ["Y"], transB=1)),
    ]
    return nodes, stored, [1, 2, 6, 6], 2, 12


def channels_last() -> Row:
    """As TensorFlow's exporters turn images."""
    stored = {"K": weight(3, 2, 3, 3), "k": weight(3), "shape": ints(-1, 27), "W": weight(27, 4), "w": weight(4)}
    nodes = [
        *(
            node("Transpose", ["X"], ["x"], perm=[0, 3, 1, 2]),
            node("Conv", ["x", "K", "k"], ["c"], auto_pad="VALID", strides=[2, 2]),
        ),
        *(node("Relu", ["c"], ["r"]), node("Transpose", ["r"], ["t"], perm=[0, 2, 3, 1])),
        *(node("Reshape", ["t", "shape"], ["f"]), node("MatMul", ["f", "W"], ["m"]), node("Add", ["m", "w"], ["Y"])),
    ]
    return nodes, stored, ["unk__6", 7, 7, 2], 2, 9


def dropped_out() -> Row:
    """Narrow kernels, maxima, Dropout with its mask."""
    stored = {
        "K": weight(3, 1, 4, 1),
        "k": weight(3),
        "W": weight(8, 27),
        "w": weight(8),
        "V": weight(1, 8),
        "v": weight(1),
    }
    nodes = [
        *(node("Conv", ["X", "K", "k"], ["c"], kernel_shape=[4, 1]), node("Relu", ["c"], ["r"])),
        *(node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]), node("Flatten", ["p"], ["f"])),
        *(node("Dropout", ["f"], ["d", "mask"], ratio=0.5), node("Gemm", ["d", "W", "w"], ["g"], transB=1)),
        *(node("Relu", ["g"], ["h"]), node("Gemm", ["h", "V", "v"], ["Y"], transB=1, alpha=0.5, beta=2.0)),
    ]
    return nodes, stored, [1, 1, 9, 6], 2, 9


def parts() -> Row:
    """Two parts of the input, each with its own layers, put together again."""
    stored = {
        "sizes": ints(4, 2),
        "A": weight(4, 6),
        "low": ints(1),
        "high": ints(9),
        "axis": ints(1),
        "W": weight(7, 3),
    }
    nodes = [
        *(
            node("Split", ["X", "sizes"], ["x", "z"], axis=1),
            node("MatMul", ["x", "A"], ["m"]),
            node("Relu", ["m"], ["r"]),
        ),
        *(node("Slice", ["z", "low", "high", "axis"], ["y"]), node("Concat", ["y", "r"], ["c"], axis=1)),
        node("MatMul", ["c", "W"], ["Y"]),
    ]
    return nodes, stored, ["N", 6], 2, 13


FORMS: list[Callable[[], Row]] = [controller, columns, dynamic, residual, channels_last, dropped_out, parts]


def written(tmp_path: Path, form: Callable[[], Row]) -> tuple[Path, list[int]]:
    nodes, stored, shape, axes, opset = form()
    made = model(nodes, stored, shape, outputs=axes, opset=opset)
    if form is controller:
        info = helper.make_tensor_value_info
        made.graph.input.extend(info(name, TYPES["float32"], value.shape) for name, value in stored.items())
    return saved(tmp_path / "model.onnx", made), [size if isinstance(size, int) else 1 for size in shape]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_read_and_decided(
    form: Callable[[], Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, shape = written(tmp_path, form)
    read = read_onnx_model(path)
    assert list(read.input_shape) == shape
    points = RNG.normal(size=(4, *shape)).astype(np.float32)
    runtime = np.stack([executed(path, x).ravel() for x in points]).astype(np.float64)
    found = read.network(points.reshape(4, -1).astype(np.float64))
    assert np.abs(found - runtime).max() <= 1e-5 * np.abs(runtime).max()
    centre, first = points[0].ravel().tolist(), runtime[0]
    head = "; a box around a point\n" + "".join(f"(declare-const X_{k} Real)\n" for k in range(len(centre)))
    head += "".join(f"(declare-const Y_{k} Real)\n" for k in range(len(first)))
    head += "".join(
        f"(assert (<= X_{k} {v + 1e-3:.6E}))(assert (>= X_{k} {v - 1e-3!r}))\n" for k, v in enumerate(centre)
    )
    for name, rows, code in (
        ("unsat", f"(or (and (<= Y_0 {first[0] - 0.5})) (and (>= Y_0 {first[0] + 0.5})))", 20),
        ("sat", f"(and (<= {first[0] - 0.5:e} Y_0) (>= {first[0] + 0.5:e} Y_0))", 10),
    ):
        (tmp_path / "asked.vnnlib").write_text(f"{head}(assert {rows})\n")
        arguments = [str(path), str(tmp_path / "asked.vnnlib"), "--seconds", "60", "--quiet"]
        assert main([*arguments, "--witness", str(tmp_path / "witness")]) == code
        assert capsys.readouterr().out.strip() == name
    x, _ = read_witness(tmp_path / "witness")
    replayed = executed(path, np.array([float(v) for v in x], dtype=np.float32).reshape(shape)).ravel()
    assert read_vnnlib(tmp_path / "asked.vnnlib").is_witness(x, replayed.tolist())
