"""Networks written as ONNX and read back, and as onnxruntime executes them."""

import gzip
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from constructions import (
    Affine,
    ReLUNetwork,
    compact_memorizer,
    load_sample,
    robust_memorizer,
    rule_memorizer,
)
from constructions.certificates.executed_intervals import as_executed
from constructions.exchange import onnx_arrays, onnx_writing
from constructions.exchange.onnx_arrays import Writer
from constructions.exchange.onnx_execution import LEVELS, onnx_session_check, run_onnx
from constructions.exchange.onnx_file import read_onnx, read_onnx_model, write_onnx
from constructions.networks.network import dense
from constructions.networks.reading import read_network
from tests.constructions.exchange.models import TYPES, model, saved
from tests.strategies import networks

FORMATS = ["float64", "float32"]


def same(first: ReLUNetwork, second: ReLUNetwork) -> bool:
    return first.classes == second.classes and all(
        np.array_equal(dense(a.weight), dense(b.weight)) and np.array_equal(a.bias, b.bias)
        for a, b in zip(first.layers, second.layers, strict=True)
    )


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("dtype", FORMATS)
@given(network=networks(), data=st.data())
def test_what_is_written_is_read(
    plain: bool, dtype: str, network: ReLUNetwork, data: st.DataObject, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.mktemp("onnx") / "network.onnx"
    write_onnx(path, network, dtype=dtype, plain=plain)
    read = read_onnx_model(path)
    assert same(read.network, as_executed(network, dtype))
    assert (read.network.rounded, read.arithmetic, read.input_shape) == (0, dtype, (1, network.inputs))
    x = np.array(data.draw(st.lists(st.integers(-4, 4), min_size=network.inputs, max_size=network.inputs)), dtype=float)
    # Dyadic numbers: no order of summation rounds, in either format.
    assert np.array_equal(run_onnx(path, x[None]), network(x[None]))


def sparse_network(seed: int = 0) -> ReLUNetwork:
    """Long steps between non-zeros, rows of none, of one and of many, numbers of 53 bits and few different ones."""
    rng = np.random.default_rng(seed)
    first = sp.random_array((300, 700), density=0.002, rng=rng, format="csr")
    second = rng.normal(size=(40, 300)) * (rng.random((40, 300)) < 0.3)
    second[20:25] = 0.0
    third = np.where(rng.random((5, 40)) < 0.1, 0.1, 0.0)
    third[2] = 0.0
    bias = np.where(np.arange(300) % 3 == 0, 0.7, 0.0)
    return ReLUNetwork((Affine(first, bias), Affine(second, np.zeros(40)), Affine(third, rng.normal(size=5))))


@pytest.mark.parametrize("dtype", FORMATS)
def test_sparse_layers_are_small_and_exact(dtype: str, tmp_path: Path) -> None:
    network, path = sparse_network(), tmp_path / "network.onnx"
    write_onnx(path, network, dtype=dtype)
    assert same(read_onnx(path), as_executed(network, dtype))
    # 8 bytes for each number of many bits, 3 for each place, and the nodes.
    assert path.stat().st_size < 11 * network.nonzero + 4096
    check = onnx_session_check(path, np.random.default_rng(1).normal(size=(7, 700)), network)
    assert (check.sessions, check.outputs, check.outside) == (12, 12 * 35, 0)


@pytest.fixture(scope="module")
def memorizers() -> dict[str, tuple[ReLUNetwork, np.ndarray, np.ndarray]]:
    points, labels = load_sample("digits")
    points, labels = points[:150], labels[:150]
    codes = np.array(labels)
    made = {
        "rules": rule_memorizer(points, labels, radius=0.1, p=np.inf).network,
        "compact": compact_memorizer(points, labels, radius=0.1, steps=200, features=16, coordinates=16).network,
        "shared": robust_memorizer(points, labels, radius=0.1, p=2, small="all").network,
        "per point": robust_memorizer(points, labels, radius=0.1, p=np.inf, small="all", method="per_point").network,
    }
    return {name: (network, points, codes) for name, network in made.items()}


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", ["rules", "compact", "shared", "per point"])
def test_onnxruntime_stays_within_the_executed_bounds(
    name: str, dtype: str, memorizers: dict[str, Any], tmp_path: Path
) -> None:
    network, points, labels = memorizers[name]
    path = tmp_path / "network.onnx"
    write_onnx(path, network, dtype=dtype)
    check = onnx_session_check(path, points[:20], network)
    assert (check.sessions, check.outside) == (12, 0)
    classes = np.array(read_onnx(path).classes)
    assert np.array_equal(classes[run_onnx(path, points).argmax(axis=1)], labels)


def test_a_smaller_network_on_5000_images_has_a_small_file(tmp_path: Path) -> None:
    """As many non-zeros, places and different numbers as a compact memorizer of mnist5k has at most."""
    rng = np.random.default_rng(0)
    first = np.zeros((400, 784))
    first.flat[rng.choice(first.size, 11_000, replace=False)] = rng.normal(size=11_000)
    network = ReLUNetwork((Affine(first, rng.normal(size=400)), Affine(rng.normal(size=(10, 400)), np.zeros(10))))
    for dtype in FORMATS:
        write_onnx(tmp_path / "network.onnx", network, dtype=dtype)
        assert (tmp_path / "network.onnx").stat().st_size < 300_000


def test_a_fixed_input_of_any_shape_is_one_vector(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Flatten", ["X"], ["f"]), onnx.helper.make_node("Gemm", ["f", "W"], ["Y"])]
    weight = np.arange(15, dtype=np.float32).reshape(5, 3)
    path = saved(tmp_path / "acasxu.onnx", model(nodes, {"W": weight}, [1, 1, 1, 5]))
    points = np.arange(10.0).reshape(2, 5)
    assert read_onnx_model(path).input_shape == (1, 1, 1, 5)
    assert np.array_equal(run_onnx(path, points), read_onnx(path)(points))


def test_classes_that_a_file_cannot_hold_are_named(tmp_path: Path) -> None:
    layer = Affine(np.eye(2), np.zeros(2))
    with pytest.raises(ValueError, match="classes that are numbers, text or booleans"):
        write_onnx(tmp_path / "a.onnx", ReLUNetwork((layer,), ((1, 2), (3, 4))))
    with pytest.raises(ValueError, match="beyond float32"):
        write_onnx(tmp_path / "a.onnx", ReLUNetwork((Affine(np.eye(2) * 1e300, np.zeros(2)),)), dtype="float32")
    with pytest.raises(ValueError, match="float64 or float32, got 'float16'"):
        write_onnx(tmp_path / "a.onnx", ReLUNetwork((layer,)), dtype="float16")
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    with pytest.raises(FileNotFoundError):
        read_onnx(path)
    write_onnx(path, sparse_network())
    content = path.read_bytes()
    for damaged in (b"", b"hello", content[: len(content) // 2], content[:-1]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"network\.onnx"):
            read_onnx(path)


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(place: int, byte: int, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("onnx") / "network.onnx"
    write_onnx(path, ReLUNetwork((Affine(np.eye(3, 4), np.ones(3)), Affine(np.ones((1, 3)), np.zeros(1)))))
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(content)
    with suppress(ValueError):
        read_onnx(path)


@pytest.mark.parametrize("fault", ["step", "column", "padding"])
def test_a_planted_fault_is_seen(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "step":
        real_steps = onnx_arrays._steps

        def cut_off(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            steps, reached = real_steps(places)
            return np.minimum(steps, 127), reached

        monkeypatch.setattr(onnx_arrays, "_steps", cut_off)
    elif fault == "column":
        real = Writer.whole_numbers
        monkeypatch.setattr(Writer, "whole_numbers", lambda self, index: real(self, np.minimum(index, 255)))
    else:
        padded = onnx_writing._padded
        monkeypatch.setattr(onnx_writing, "_padded", lambda w: (padded(w)[0], np.roll(padded(w)[1], 1, axis=-1)))
    with pytest.raises((AssertionError, ValueError)):
        test_sparse_layers_are_small_and_exact("float64", tmp_path)


def test_bounds_of_another_network_are_not_kept(tmp_path: Path) -> None:
    network, path = sparse_network(), tmp_path / "network.onnx"
    last = network.layers[-1]
    other = ReLUNetwork((*network.layers[:-1], Affine(last.weight, last.bias * (1 + 2.0**-40))))
    write_onnx(path, other)
    points = np.random.default_rng(1).normal(size=(3, 700))
    assert onnx_session_check(path, points, network, levels=LEVELS[:1], threads=(1,)).outside > 0


@pytest.mark.nightly
@pytest.mark.parametrize("dtype", FORMATS)
def test_5000_images_are_memorized_in_the_file_too(dtype: str, tmp_path: Path) -> None:
    """Certificate, onnxruntime and torch agree on every training point of mnist5k."""
    import torch

    points, labels = load_sample("mnist5k")
    memorizer, path = rule_memorizer(points, labels, radius=0.1, p=np.inf), tmp_path / "network.onnx"
    assert memorizer.certify(dtype).count("certified") == len(points)
    write_onnx(path, memorizer.network, dtype=dtype)
    assert path.stat().st_size < 20_000
    read = read_onnx(path)
    assert same(read, ReLUNetwork(as_executed(memorizer.network, dtype).layers, memorizer.network.classes))
    classes, codes = np.array(memorizer.network.classes), np.array(labels)
    assert np.array_equal(classes[run_onnx(path, points).argmax(axis=1)], codes)
    module = read.to_torch().to(torch.float32 if dtype == "float32" else torch.float64)
    outputs = module(torch.tensor(points.astype(dtype))).detach().numpy()
    assert np.array_equal(classes[outputs.argmax(axis=1)], codes)
    assert onnx_session_check(path, points[:500], memorizer.network).outside == 0


def test_without_the_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"need the package onnx: pip install robust-memorization\[onnx\]"):
        read_onnx(tmp_path / "network.onnx")


def test_an_output_without_shape_and_listed_weights_are_read(tmp_path: Path) -> None:
    """As older exporters write files."""
    made = model([onnx.helper.make_node("MatMul", ["X", "W"], ["Y"])], {"W": np.eye(3, 2)}, [1, 3], dtype="float64")
    made.graph.output[0].type.tensor_type.ClearField("shape")
    made.graph.input.append(onnx.helper.make_tensor_value_info("W", TYPES["float64"], [3, 2]))
    assert np.array_equal(read_onnx(saved(tmp_path / "a.onnx", made))(np.eye(3)), np.eye(3, 2))


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    network = sparse_network()
    write_onnx(tmp_path / "a.onnx", network)
    (tmp_path / "a.onnx.gz").write_bytes(gzip.compress((tmp_path / "a.onnx").read_bytes()))
    assert same(read_onnx(tmp_path / "a.onnx.gz"), network)
    assert same(read_network(tmp_path / "a.onnx.gz"), network)
    (tmp_path / "a.onnx.gz").write_bytes(gzip.compress(b"no model")[:-4])
    with pytest.raises(ValueError, match=r"a\.onnx\.gz is no valid ONNX file"):
        read_onnx(tmp_path / "a.onnx.gz")


def test_several_inputs_and_free_axes_are_refused(tmp_path: Path) -> None:
    made = model([onnx.helper.make_node("Relu", ["X"], ["Y"])], {}, ["N", "M"])
    with pytest.raises(ValueError, match="only the first axis of the input may be free, got axis 1"):
        read_onnx(saved(tmp_path / "a.onnx", made))
    made = model([onnx.helper.make_node("Add", ["X", "Z"], ["Y"])], {}, [1, 2])
    made.graph.input.append(onnx.helper.make_tensor_value_info("Z", TYPES["float32"], [1, 2]))
    with pytest.raises(ValueError, match=r"one input and one output, got inputs \['X', 'Z'\]"):
        read_onnx(saved(tmp_path / "a.onnx", made))
    made = model([onnx.helper.make_node("Cast", ["X"], ["Y"], to=TYPES["float32"])], {}, [1, 2])
    made.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    with pytest.raises(ValueError, match="of float32 or float64, got INT64"):
        read_onnx(saved(tmp_path / "a.onnx", made))
