"""Small valid files with one thing changed: each is refused, or read as the function that onnxruntime computes.

Where onnxruntime itself refuses a file, onnx's reference implementation has to say the same as the reader.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from constructions.exchange import onnx_graph, onnx_operators, onnx_window_operators
from constructions.exchange.onnx_file import OnnxModel, read_onnx_model
from tests.constructions.exchange.models import executed, model
from tests.constructions.exchange.test_onnx_operators import EXACT, ROUNDED

BASES = list({**EXACT, **ROUNDED}.values())
KINDS = sorted(onnx_operators.OPERATORS.keys() | onnx_window_operators.WINDOW_OPERATORS.keys() | onnx_graph._MOVES)
WORDS = ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "constant", "reflect", "edge", "wrap", ""]
ADDED: dict[str, list[Any]] = {
    name: values
    for names, values in (
        ("training_mode spatial ceil_mode count_include_pad keepdims transA", [0, 1, 2]),
        ("noop_with_empty_axes transB allowzero storage_order start saturate", [0, 1]),
        ("axis group batch_dims end num_outputs blocksize broadcast", [-1, 0, 1, 2]),
        ("alpha beta epsilon momentum max min value ratio", [0.5, -1.0]),
        ("axes split perm starts ends", [[0], [1], [-1], [1, 0], [2, 4]]),
        ("dilations strides kernel_shape", [[1, 2], [2, 2], [3]]),
        *(
            ("pads", [[1, 0, 0, 1], [-1, 0, 0, 0]]),
            ("auto_pad", WORDS[:4]),
            ("mode", WORDS[4:]),
            ("to", [1, 7, 10, 11]),
        ),
    )
    for name in names.split()
}


class Changes:
    """One change of a model, drawn by a generator of random numbers; None where there is nothing to change."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def any(self, options: Sequence[Any]) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def attribute(self, made: Any) -> str | None:
        found = [(node, one) for node in made.graph.node for one in node.attribute]
        if not found:
            return None
        node, one = self.any(found)
        value: Any = helper.get_attribute_value(one)
        if isinstance(value, int):
            value = self.any([-2, -1, 0, 1, 2, 3, 7])
        elif isinstance(value, float):
            value = self.any([0.0, -1.0, 0.5, 2.0, float("nan"), float("inf")])
        elif isinstance(value, bytes):
            value = self.any(WORDS)
        elif self.rng.integers(2):
            value = [*value, 1][: len(value) + self.any([-1, 1])]
        else:
            value = [self.any([-2, -1, 0, 1, 2, 3, 7]), *value[1:]]
        node.attribute.remove(one)
        if len(value := value if isinstance(value, list) else [value]) and self.rng.integers(4):
            single = value[0] if one.type not in (one.INTS, one.FLOATS, one.STRINGS) else value
            node.attribute.append(helper.make_attribute(one.name, single))
        return f"{node.op_type}.{one.name} is {value}"

    def new_attribute(self, made: Any) -> str | None:
        node, name = self.any(made.graph.node), self.any(list(ADDED))
        if any(one.name == name for one in node.attribute):
            return None
        value = self.any(ADDED[name])
        node.attribute.append(helper.make_attribute(name, value))
        return f"{node.op_type} has {name}={value}"

    def stored(self, made: Any) -> str | None:
        if not made.graph.initializer:
            return None
        one = self.any(made.graph.initializer)
        old = numpy_helper.to_array(one)
        values = old.copy()
        values.flat[:1] = self.any([0, -1, 1, 7, *([np.nan, np.inf, 1e30] if old.dtype.kind == "f" else [])])
        kinds = [np.float64, np.int64, np.float16, np.int32]
        shaped = [old.T, old[None], old.ravel(), old[:-1] if old.ndim else old, old.reshape(old.shape[::-1])]
        new = self.any([values, values, old.astype(self.any(kinds)), *shaped])
        one.CopyFrom(numpy_helper.from_array(np.array(new, order="C"), one.name))
        return f"{one.name} is {new.dtype} {new.tolist()}"

    def operator(self, made: Any) -> str:
        node = self.any(made.graph.node)
        old, node.op_type = node.op_type, self.any(KINDS)
        return f"{old} is {node.op_type}"

    def operands(self, made: Any) -> str:
        node = self.any(made.graph.node)
        names, k = list(node.input), int(self.rng.integers(len(node.input)))
        names = self.any(
            [names[:-1], names[::-1], [*names, self.any(names)], *([*names[:k], n, *names[k + 1 :]] for n in ("X", ""))]
        )
        del node.input[:]
        node.input.extend(names)
        return f"{node.op_type} of {names}"

    def version(self, made: Any) -> str:
        made.opset_import[0].version, made.ir_version = int(self.rng.integers(6, 24)), int(self.rng.integers(3, 11))
        return f"version {made.opset_import[0].version}"

    def shape(self, made: Any) -> str | None:
        sizes = made.graph.input[0].type.tensor_type.shape.dim
        if self.rng.integers(2):
            self.any(sizes).dim_value = self.any([1, 2, 3, 6])
        elif self.rng.integers(2):
            sizes.add().dim_value = self.any([1, 2, 3])
        else:
            del sizes[-1]
        return f"shape {[one.dim_value for one in sizes]}" if sizes else None

    def result(self, made: Any) -> str:
        node = self.any(made.graph.node)
        node.output.append("another")
        return f"{node.op_type} has another output"


ALL: list[Callable[[Changes, Any], str | None]] = [
    *(Changes.attribute, Changes.new_attribute, Changes.new_attribute, Changes.stored, Changes.stored),
    *(Changes.operator, Changes.operands, Changes.version, Changes.shape, Changes.result),
]


def read_changed(seed: int, path: Path) -> tuple[str, str]:
    """What was changed, and how the file was read: "refused", "read", or what is wrong with that."""
    rng = np.random.default_rng(seed)
    changes = Changes(rng)
    nodes, stored, shape, axes, opset = changes.any(BASES)
    made = onnx.ModelProto()
    made.CopyFrom(model(nodes, stored, shape, opset=opset, outputs=axes))
    made.graph.output[0].type.tensor_type.ClearField("shape")
    said = changes.any(ALL)(changes, made)
    path.write_bytes(made.SerializeToString())
    try:
        read = read_onnx_model(path)
    except ValueError:
        return str(said), "refused"
    return str(said), "read" if all(agrees(path, read, rng, whole=k < 2) for k in range(3)) else "another function"


def agrees(path: Path, read: OnnxModel, rng: np.random.Generator, *, whole: bool) -> bool:
    x = rng.integers(-4, 5, read.input_shape) if whole else rng.normal(size=read.input_shape)
    x = x.astype(read.arithmetic if read.arithmetic != "mixed" else np.float32)
    try:
        right = executed(path, x)
    except Exception:  # onnxruntime raises of many kinds
        try:
            right = np.asarray(ReferenceEvaluator(str(path)).run(None, {"X": x})[0])
        except Exception:  # as does the reference
            return False
    found = read.network(x.reshape(1, -1).astype(np.float64))[0]
    largest = max(1.0, float(np.abs(found).max()))
    return right.shape == read.output_shape and np.allclose(found, right.ravel(), rtol=1e-4, atol=1e-4 * largest)


def check(seeds: range, path: Path) -> Counter[str]:
    onnxruntime.set_default_logger_severity(4)
    counts = Counter[str]()
    for seed in seeds:
        said, how = read_changed(seed, path)
        assert how != "another function", f"seed {seed}: {said}"
        counts[how] += 1
    return counts


def test_a_changed_file_is_refused_or_read_as_it_is_executed(tmp_path: Path) -> None:
    counts = check(range(400), tmp_path / "changed.onnx")
    # Both kinds are met, and often.
    assert counts["read"] > 80
    assert counts["refused"] > 120


@pytest.mark.nightly
def test_many_changed_files(tmp_path: Path) -> None:
    check(range(400, 12_000), tmp_path / "changed.onnx")


@pytest.mark.parametrize("fault", ["flag", "types", "bound"])
def test_a_planted_fault_is_seen(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from constructions.exchange import onnx_file

    if fault == "flag":
        monkeypatch.setattr(onnx_graph, "_FLAGS", set())
    elif fault == "types":
        monkeypatch.setattr(onnx_file, "_check_types", lambda made: None)
    else:
        monkeypatch.setattr(onnx_operators, "_GREATEST_SINGLE", 2.0)
    with pytest.raises(AssertionError):
        check(range(1200), tmp_path / "changed.onnx")
