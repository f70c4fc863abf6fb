"""Each operator that is read, against onnxruntime: on whole numbers float32 is exact, and they are equal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

from constructions.exchange import onnx_operators, onnx_window_operators, onnx_windows
from constructions.exchange.onnx_file import read_onnx_model
from tests.constructions.exchange.models import executed, model, saved

node = helper.make_node
RNG = np.random.default_rng(1)


def whole(*shape: int) -> np.ndarray:
    return RNG.integers(-4, 5, shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


VECTOR: list[Any] = ["N", 6]
IMAGE: list[Any] = ["N", 2, 5, 6]
# Name: nodes, stored arrays, shape of the input, number of axes of the output, opset.
EXACT: dict[str, tuple[list[Any], dict[str, np.ndarray], list[Any], int, int]] = {
    "Gemm": ([node("Gemm", ["X", "W", "b"], ["Y"])], {"W": whole(6, 3), "b": whole(3)}, VECTOR, 2, 17),
    "Gemm scaled": (
        [node("Gemm", ["X", "W", "b"], ["Y"], alpha=0.5, beta=2.0, transB=1)],
        *({"W": whole(3, 6), "b": whole(1, 3)}, VECTOR, 2, 11),
    ),
    "MatMul": ([node("MatMul", ["X", "W"], ["Y"])], {"W": whole(6, 3)}, VECTOR, 2, 17),
    "MatMul left": ([node("MatMul", ["W", "X"], ["Y"])], {"W": whole(3, 6)}, [6, 1], 2, 17),
    "MatMul left, axes": ([node("MatMul", ["W", "X"], ["Y"])], {"W": whole(2, 3, 5)}, IMAGE, 4, 17),
    "MatMul right, axes": ([node("MatMul", ["X", "W"], ["Y"])], {"W": whole(2, 6, 3)}, IMAGE, 4, 17),
    "MatMul vector": ([node("MatMul", ["X", "W"], ["Y"])], {"W": whole(6)}, VECTOR, 1, 17),
    "Add": ([node("Add", ["X", "b"], ["Y"])], {"b": whole(6)}, VECTOR, 2, 17),
    "Sub": ([node("Sub", ["X", "b"], ["Y"])], {"b": whole(1, 6)}, VECTOR, 2, 17),
    "Sub from": ([node("Sub", ["b", "X"], ["Y"])], {"b": whole(6)}, VECTOR, 2, 17),
    "Mul": ([node("Mul", ["c", "X"], ["Y"])], {"c": whole(6)}, VECTOR, 2, 17),
    "Div": ([node("Div", ["X", "c"], ["Y"])], {"c": np.float32([1, 2, 4, -8, 0.5, 16])}, VECTOR, 2, 17),
    "Neg": ([node("Neg", ["X"], ["Y"])], {}, VECTOR, 2, 17),
    "Sum": ([node("Sum", ["X", "b", "X"], ["Y"])], {"b": whole(6)}, VECTOR, 2, 17),
    "Relu": ([node("Relu", ["X"], ["Y"])], {}, VECTOR, 2, 17),
    "LeakyRelu": ([node("LeakyRelu", ["X"], ["Y"], alpha=0.25)], {}, VECTOR, 2, 17),
    "PRelu": ([node("PRelu", ["X", "s"], ["Y"])], {"s": whole(6)}, VECTOR, 2, 17),
    "Abs": ([node("Abs", ["X"], ["Y"])], {}, VECTOR, 2, 17),
    "Clip": (
        [node("Clip", ["X", "a", "b"], ["Y"])],
        {"a": np.float32(-2), "b": np.float32(3)},
        *(VECTOR, 2, 17),
    ),
    "Clip, one end, old": ([node("Clip", ["X"], ["Y"], max=1.0)], {}, VECTOR, 2, 7),
    "Max": ([node("Max", ["X", "b", "c"], ["Y"])], {"b": whole(6), "c": whole(6)}, VECTOR, 2, 17),
    "Min": ([node("Min", ["X", "b"], ["Y"])], {"b": whole(6)}, VECTOR, 2, 17),
    "Flatten": ([node("Flatten", ["X"], ["Y"])], {}, IMAGE, 2, 17),
    "Reshape": ([node("Reshape", ["X", "s"], ["Y"])], {"s": ints(0, -1)}, IMAGE, 2, 17),
    "Transpose": ([node("Transpose", ["X"], ["Y"], perm=[0, 2, 3, 1])], {}, IMAGE, 4, 17),
    "Unsqueeze, Squeeze": (
        [node("Unsqueeze", ["X", "a"], ["u"]), node("Squeeze", ["u", "a"], ["Y"])],
        *({"a": ints(1)}, VECTOR, 2, 17),
    ),
    "Gather": ([node("Gather", ["X", "i"], ["Y"], axis=1)], {"i": ints(3, 0, -1, 3)}, VECTOR, 2, 17),
    "Slice": (
        [node("Slice", ["X", "a", "b", "axes", "steps"], ["Y"])],
        *({"a": ints(4), "b": ints(0), "axes": ints(1), "steps": ints(-2)}, VECTOR, 2, 17),
    ),
    "Concat": (
        [node("Relu", ["X"], ["r"]), node("Concat", ["X", "c", "r"], ["Y"], axis=1)],
        *({"c": whole(1, 2)}, [1, 6], 2, 17),
    ),
    "Split": (
        [node("Split", ["X", "s"], ["a", "b"], axis=1), node("Gemm", ["b", "W"], ["Y"])],
        *({"s": ints(2, 4), "W": whole(4, 2)}, VECTOR, 2, 17),
    ),
    "Pad": ([node("Pad", ["X", "p", "c"], ["Y"])], {"p": ints(0, 1, 0, 2), "c": np.float32(3)}, VECTOR, 2, 17),
    "Pad reflected": ([node("Pad", ["X", "p"], ["Y"], mode="reflect")], {"p": ints(0, 1, 0, 2)}, VECTOR, 2, 17),
    "Pad, old": ([node("Pad", ["X"], ["Y"], pads=[0, 1, 0, 2], value=2.0)], {}, VECTOR, 2, 10),
    "Conv": (
        [node("Conv", ["X", "K", "b"], ["Y"], pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2])],
        *({"K": whole(3, 2, 2, 3), "b": whole(3)}, IMAGE, 4, 17),
    ),
    "ConvTranspose": (
        [
            node("Transpose", ["X"], ["t"], perm=[0, 1, 3, 2]),
            node("ConvTranspose", ["t", "K", "b"], ["Y"], pads=[1, 0, 2, 1], strides=[2, 3], output_padding=[1, 2]),
        ],
        *({"K": whole(2, 3, 3, 2), "b": whole(3)}, IMAGE, 4, 17),
    ),
    "ConvTranspose, groups": (
        [node("ConvTranspose", ["X", "K"], ["Y"], group=2, dilations=[2, 1], strides=[2, 2])],
        *({"K": whole(2, 3, 3, 2)}, IMAGE, 4, 17),
    ),
    "Conv, groups": ([node("Conv", ["X", "K"], ["Y"], group=2)], {"K": whole(4, 1, 3, 2)}, IMAGE, 4, 17),
    "Conv, same": (
        [node("Conv", ["X", "K"], ["Y"], auto_pad="SAME_UPPER", strides=[2, 2])],
        *({"K": whole(1, 2, 2, 3)}, IMAGE, 4, 17),
    ),
    "Conv, same lower": (
        [node("Conv", ["X", "K"], ["Y"], auto_pad="SAME_LOWER", strides=[2, 2])],
        *({"K": whole(1, 2, 2, 3)}, IMAGE, 4, 17),
    ),
    "Conv, one axis": ([node("Conv", ["X", "K"], ["Y"], pads=[1, 1])], {"K": whole(2, 3, 3)}, ["N", 3, 7], 3, 17),
    "AveragePool": ([node("AveragePool", ["X"], ["Y"], kernel_shape=[2, 2], strides=[2, 2])], {}, IMAGE, 4, 17),
    "MaxPool": ([node("MaxPool", ["X"], ["Y"], kernel_shape=[2, 3], pads=[1, 1, 0, 1])], {}, IMAGE, 4, 17),
    "MaxPool, ceil": (
        [node("MaxPool", ["X"], ["Y"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)],
        *({}, IMAGE, 4, 17),
    ),
    "GlobalMaxPool": ([node("GlobalMaxPool", ["X"], ["Y"])], {}, IMAGE, 4, 17),
    "ReduceSum": ([node("ReduceSum", ["X", "a"], ["Y"], keepdims=0)], {"a": ints(1, 3)}, IMAGE, 2, 17),
    "ReduceMax": ([node("ReduceMax", ["X"], ["Y"], axes=[-1])], {}, IMAGE, 4, 17),
    "ReduceMin": ([node("ReduceMin", ["X"], ["Y"], axes=[2], keepdims=0)], {}, IMAGE, 3, 17),
    "Dropout": ([node("Dropout", ["X"], ["Y"])], {}, VECTOR, 2, 17),
    "Shape and Reshape": (
        [
            node("Shape", ["X"], ["s"]),
            node("Gather", ["s", "zero"], ["n"]),
            node("Concat", ["n", "rest"], ["t"], axis=0),
            node("Reshape", ["X", "t"], ["Y"]),
        ],
        *({"zero": ints(0), "rest": ints(-1)}, IMAGE, 2, 17),
    ),
    "Identity, Cast": (
        [node("Identity", ["X"], ["i"]), node("Cast", ["i"], ["Y"], to=1)],
        *({}, VECTOR, 2, 17),
    ),
}

ROUNDED: dict[str, tuple[list[Any], dict[str, np.ndarray], list[Any], int, int]] = {
    "AveragePool, padded": (
        [node("AveragePool", ["X"], ["Y"], kernel_shape=[3, 2], pads=[1, 1, 1, 0], count_include_pad=1)],
        *({}, IMAGE, 4, 17),
    ),
    "AveragePool, not counted": (
        [node("AveragePool", ["X"], ["Y"], kernel_shape=[3, 2], pads=[1, 1, 1, 0])],
        *({}, IMAGE, 4, 17),
    ),
    "AveragePool, ceil": (
        [node("AveragePool", ["X"], ["Y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)],
        *({}, IMAGE, 4, 17),
    ),
    "GlobalAveragePool": ([node("GlobalAveragePool", ["X"], ["Y"])], {}, IMAGE, 4, 17),
    "ReduceMean": ([node("ReduceMean", ["X"], ["Y"], axes=[1, 2], keepdims=0)], {}, IMAGE, 2, 17),
    "Mean": ([node("Mean", ["X", "b", "X"], ["Y"])], {"b": whole(6)}, VECTOR, 2, 17),
    "Div": ([node("Div", ["X", "c"], ["Y"])], {"c": np.float32([3, 7, -0.1, 1, 5, 9])}, VECTOR, 2, 17),
    "BatchNormalization": (
        [node("BatchNormalization", ["X", "s", "b", "m", "v"], ["Y"], epsilon=0.01)],
        *({"s": whole(2), "b": whole(2), "m": whole(2), "v": np.float32([0.03, 2])}, IMAGE, 4, 17),
    ),
    "constants": (
        [node("Sqrt", ["c"], ["r"]), node("Mul", ["X", "r"], ["Y"])],
        *({"c": np.float32([2, 3, 5, 6, 7, 8])}, VECTOR, 2, 17),
    ),
}


def compared(tmp_path: Path, row: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray, Any]:
    """What the network that is read computes, and onnxruntime, at a few points."""
    nodes, stored, shape, axes, opset = row
    path = saved(tmp_path / "model.onnx", model(nodes, stored, shape, opset=opset, outputs=axes))
    read = read_onnx_model(path)
    one = [1 if isinstance(size, str) else size for size in shape]
    points = [whole(*one) for _ in range(4)]
    runtime = np.stack([executed(path, x) for x in points])
    assert runtime.shape[1:] == read.output_shape
    assert read.input_shape == tuple(one)
    found = read.network(np.stack([x.ravel() for x in points]).astype(np.float64))
    return found, runtime.reshape(len(points), -1), read


@pytest.mark.parametrize("name", EXACT)
def test_an_operator_is_what_onnxruntime_computes(name: str, tmp_path: Path) -> None:
    found, runtime, read = compared(tmp_path, EXACT[name])
    assert np.array_equal(found, runtime)
    assert (read.network.rounded, read.network.rounding, read.computed) == (0, 0.0, ())


@pytest.mark.parametrize("name", ROUNDED)
def test_an_operator_that_rounds_is_near_and_says_so(name: str, tmp_path: Path) -> None:
    found, runtime, read = compared(tmp_path, ROUNDED[name])
    # Sums of up to 30 terms of size 50 in float32.
    assert np.abs(found - runtime).max() <= 32 * 2.0**-24 * 32 * 50
    assert read.computed == (("Sqrt",) if name == "constants" else ())
    assert (read.network.rounded > 0) == (name != "constants")
    assert 0 <= read.network.rounding <= 2.0**-53


def test_residual_branches_are_one_network(tmp_path: Path) -> None:
    nodes = [
        node("Gemm", ["X", "A", "a"], ["h"]),
        node("Relu", ["h"], ["r"]),
        node("Gemm", ["r", "B"], ["k"]),
        node("Add", ["k", "X"], ["s"]),
        node("Relu", ["s"], ["t"]),
        node("Sub", ["t", "h"], ["Y"]),
    ]
    row = (nodes, {"A": whole(6, 6), "a": whole(6), "B": whole(6, 6)}, VECTOR, 2, 17)
    found, runtime, read = compared(tmp_path, row)
    assert np.array_equal(found, runtime)
    assert read.network.depth == 3


def test_exact_keeps_what_would_be_rounded(tmp_path: Path) -> None:
    weights = {"A": RNG.normal(size=(6, 4)), "B": RNG.normal(size=(4, 2))}
    nodes = [node("MatMul", ["X", "A"], ["h"]), node("MatMul", ["h", "B"], ["Y"])]
    path = saved(tmp_path / "model.onnx", model(nodes, weights, VECTOR, dtype="float64"))
    folded, exact = read_onnx_model(path), read_onnx_model(path, exact=True)
    assert folded.network.depth == 1
    assert folded.network.rounded == 12
    assert exact.network.rounded == 0
    assert exact.network.depth == 2


REFUSED = {
    "auto_pad": (
        node("MaxPool", ["X"], ["Y"], kernel_shape=[2], auto_pad="SAME_UPPER", dilations=[2]),
        "auto_pad=SAME_UPPER with dilations is read differently by runtimes",
    ),
    "Softmax": (node("Softmax", ["X"], ["Y"]), "no operator Softmax: take it away, the largest output is the same"),
    "Sigmoid": (node("Sigmoid", ["X"], ["Y"]), "no operator Sigmoid"),
    "Mul": (node("Mul", ["X", "X"], ["Y"]), "one factor must be constant, got a value of the network"),
    "Div": (node("Div", ["c", "X"], ["Y"]), "the divisor must be constant"),
    "Cast": (node("Cast", ["X"], ["Y"], to=10), "a Cast of values to FLOAT16 rounds them"),
    "Erf": (node("Erf", ["X"], ["Y"]), "no operator Erf: onnxsim may simplify"),
    "Div by 0": (node("Div", ["X", "zero"], ["Y"]), "the divisor must not be 0"),
    "Gather": (node("Gather", ["c", "i"], ["Y"]), "must be constant, got a value of the network"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_relu_network_computes_is_refused_by_name(name: str, tmp_path: Path) -> None:
    made, message = REFUSED[name]
    nodes = [made] if name != "Gather" else [node("Relu", ["X"], ["i"]), made]
    shape = ["N", 1, 6] if name == "auto_pad" else VECTOR
    path = saved(tmp_path / "model.onnx", model(nodes, {"c": whole(6), "zero": np.float32(0)}, shape))
    with pytest.raises(ValueError, match=message):
        read_onnx_model(path)


def test_training_is_refused(tmp_path: Path) -> None:
    stored = {"ratio": np.float32(0.5), "training": np.array(True)}
    path = saved(tmp_path / "a.onnx", model([node("Dropout", ["X", "ratio", "training"], ["Y"])], stored, VECTOR))
    with pytest.raises(ValueError, match=r"nothing may be dropped: export the model in evaluation mode"):
        read_onnx_model(path)


def test_a_constant_node_is_a_constant(tmp_path: Path) -> None:
    value = numpy_helper.from_array(whole(6))
    row = ([node("Constant", [], ["c"], value=value), node("Add", ["c", "X"], ["Y"])], {}, VECTOR, 2, 17)
    found, runtime, _ = compared(tmp_path, row)
    assert np.array_equal(found, runtime)


@pytest.mark.parametrize("fault", ["kernel", "padding", "epsilon"])
def test_a_planted_fault_is_seen(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "kernel":
        real = onnx_window_operators.convolution
        monkeypatch.setattr(
            onnx_window_operators,
            "convolution",
            lambda seen, kernel, groups, size: real(seen, kernel[..., ::-1], groups, size),
        )
        with pytest.raises(AssertionError):
            test_an_operator_is_what_onnxruntime_computes("Conv", tmp_path)
    elif fault == "padding":
        monkeypatch.setattr(onnx_windows, "_pads", lambda sizes, *_: ([0] * len(sizes), [0] * len(sizes)))
        with pytest.raises((AssertionError, ValueError)):
            test_an_operator_is_what_onnxruntime_computes("Conv", tmp_path)
    else:
        roots = onnx_operators.over_roots
        monkeypatch.setattr(onnx_operators, "over_roots", lambda gains, variances, _: roots(gains, variances, 0.0))
        with pytest.raises(AssertionError):
            test_an_operator_that_rounds_is_near_and_says_so("BatchNormalization", tmp_path)


DAMAGED = {
    "variance": [node("BatchNormalization", ["X", "s", "b", "m", "v"], ["Y"])],
    "no steps": [node("AveragePool", ["X"], ["Y"], kernel_shape=[2, 2], strides=[0, 1])],
    "ε": [node("BatchNormalization", ["X", "s", "b", "m", "s"], ["Y"], epsilon=float("nan"))],
    "slope": [node("LeakyRelu", ["X"], ["Y"], alpha=float("inf"))],
    "SAME_UPPER": [node("MaxPool", ["X"], ["Y"], kernel_shape=[1, 1], strides=[4, 4], auto_pad="SAME_UPPER")],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_attributes_that_do_not_fit_are_refused(name: str, tmp_path: Path) -> None:
    stored = {key: np.full(2, value, np.float32) for key, value in (("s", 1), ("b", 0), ("m", 0), ("v", -1))}
    path = saved(tmp_path / "model.onnx", model(DAMAGED[name], stored, [1, 2, 7, 7], outputs=4))
    with pytest.raises(ValueError, match=DAMAGED[name][0].op_type):
        read_onnx_model(path)


ODD: dict[str, tuple[list[Any], list[Any], int, str]] = {
    "statistics of each entry": (
        [node("BatchNormalization", ["X", "E", "E", "E", "E"], ["Y"], spatial=0)],
        *([1, 2, 3, 3], 7, r"one a channel \(spatial=0\)|must be one a channel"),
    ),
    "a flag": ([node("ReduceSum", ["X", "axis"], ["Y"], keepdims=2)], VECTOR, 17, "keepdims must be 0 or 1, got 2"),
    "no axes": ([node("Squeeze", ["X", "none"], ["Y"])], VECTOR, 17, "axes that are none"),
    "types": ([node("Add", ["X", "double"], ["Y"])], VECTOR, 17, "no runtime takes this file: .*inconsistent type"),
    "a large C": ([node("Gemm", ["X", "W", "tall"], ["Y"])], VECTOR, 17, r"broadcast to the product's shape \(1, 3\)"),
    "a bias": ([node("Conv", ["X", "K", "row"], ["Y"])], IMAGE, 17, r"the bias must have shape \(1,\)"),
    "a transposed kernel": (
        [node("ConvTranspose", ["X", "K"], ["Y"], kernel_shape=[1, 1])],
        *(["N", 1, 5, 6], 17, "must be that of the kernel"),
    ),
    "padding of a result": (
        [node("ConvTranspose", ["X", "K"], ["Y"], output_padding=[1, 1])],
        *(["N", 1, 5, 6], 17, "must be >= 0 and below strides"),
    ),
    "pads by a shape": (
        [node("ConvTranspose", ["X", "K"], ["Y"], auto_pad="SAME_UPPER")],
        *(["N", 1, 5, 6], 17, "export the pads instead"),
    ),
    "no result": ([node("ConvTranspose", ["X", "K"], ["Y"], pads=[9] * 4)], ["N", 1, 5, 6], 17, "must leave entries"),
    "groups of a transpose": (
        [node("ConvTranspose", ["X", "K"], ["Y"], group=3)],
        *(["N", 1, 5, 6], 17, "1 channels, of which 3 groups"),
    ),
    "a kernel": ([node("Conv", ["X", "K"], ["Y"], kernel_shape=[1, 1])], IMAGE, 17, "must be that of the kernel"),
    "pads twice": (
        [node("Conv", ["X", "K"], ["Y"], auto_pad="VALID", pads=[1, 1, 1, 1])],
        *(IMAGE, 17, "pads are given twice"),
    ),
    "auto_pad": ([node("Conv", ["X", "K"], ["Y"], auto_pad="wrap")], IMAGE, 17, "auto_pad must be NOTSET"),
    "wide pads": (
        [node("AveragePool", ["X"], ["Y"], kernel_shape=[2, 2], pads=[2, 0, 0, 0])],
        *(IMAGE, 17, "must be less than its window"),
    ),
    "reflected": ([node("Pad", ["X", "pads"], ["Y"], mode="reflect")], VECTOR, 17, "must be less than an axis"),
    "old broadcasting": ([node("Max", ["X", "one"], ["Y"])], VECTOR, 7, "must have one shape before version 8"),
    "a blank": ([node("Concat", ["X", "", "X"], ["Y"], axis=1)], VECTOR, 17, "an operand without a name"),
    "no bound": ([node("Clip", ["X"], ["Y"], max=float("nan"))], VECTOR, 7, "a bound must be finite"),
    "large": ([node("Conv", ["X", "L"], ["Y"])], [1, 1, 2000, 2000], 17, "is read as a matrix, of at most"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_runtimes_refuse_or_read_differently_is_refused(name: str, tmp_path: Path) -> None:
    nodes, shape, opset, message = ODD[name]
    stored = {
        **{"E": np.ones((2, 3, 3), np.float32), "axis": ints(1), "none": ints(), "double": np.ones(6)},
        **{"W": whole(6, 3), "tall": whole(3, 1), "K": whole(1, 2, 2, 2), "row": whole(1, 1), "one": whole(1)},
        **{"pads": ints(0, 6, 0, 0), "L": whole(2, 1, 3, 3)},
    }
    read = {operand for one in nodes for operand in one.input}
    made = model(nodes, {key: value for key, value in stored.items() if key in read}, shape, opset=opset)
    made.graph.output[0].type.tensor_type.ClearField("shape")
    with pytest.raises(ValueError, match=message):
        read_onnx_model(saved(tmp_path / "model.onnx", made))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bounds_that_no_number_passes_are_none(dtype: str, tmp_path: Path) -> None:
    ends = np.array([-np.inf, np.finfo(np.float32).max], dtype=dtype)
    nodes = [node("Clip", ["X", "low", "high"], ["Y"])]
    path = saved(tmp_path / "a.onnx", model(nodes, {"low": ends[0], "high": ends[1]}, VECTOR, dtype=dtype))
    found = read_onnx_model(path).network
    assert found.depth == (1 if dtype == "float32" else 2)
    assert found(np.arange(6.0)[None]).tolist() == [[0, 1, 2, 3, 4, 5]]


def test_old_operators_are_refused(tmp_path: Path) -> None:
    """Before version 7 the axis of a summand was an attribute: this one belongs to axis 1."""
    nodes = [node("Add", ["X", "c"], ["Y"], broadcast=1, axis=1)]
    made = model(nodes, {"c": np.float32([1, 2, 3])}, [1, 3, 3], outputs=3, opset=6)
    with pytest.raises(ValueError, match="version 7 or later, got 6"):
        read_onnx_model(saved(tmp_path / "model.onnx", made))


def test_sparse_arrays_are_refused(tmp_path: Path) -> None:
    made = model([node("Add", ["X", "c"], ["Y"])], {}, [1, 4])
    values, places = helper.make_tensor("c", 1, [1], [2.0]), helper.make_tensor("i", 7, [1], [3])
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4]))
    with pytest.raises(ValueError, match="must be dense"):
        read_onnx_model(saved(tmp_path / "model.onnx", made))


def test_an_output_without_a_name_is_none(tmp_path: Path) -> None:
    nodes = [node("Split", ["X", "s"], ["", "b"], axis=1), node("Clip", ["b", "", "m"], ["Y"])]
    path = saved(tmp_path / "model.onnx", model(nodes, {"s": np.array([1, 1]), "m": np.float32(6)}, [1, 2]))
    assert read_onnx_model(path).network(np.array([[1.0, 9.0], [8.0, -2.0]])).tolist() == [[6.0], [-2.0]]
