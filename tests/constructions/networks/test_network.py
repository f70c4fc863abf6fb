"""The strict ReLU network: its values, its counts, its file."""

import math
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork
from constructions.networks import network as network_module
from constructions.networks.network import (
    block_diagonal,
    count_nonzero,
    dense,
    handed_over,
    network,
    smaller_storage,
    sparse,
)
from tests.rational import rational_value, rationals
from tests.strategies import arrays, networks
from theory.layers import evaluate

# Sparse and dense layers, a stored zero, an empty row: 2 -> 3 -> 1.
EXAMPLE = network(
    ([[1.0, -2.0], [0.0, 0.5], [0.1, 1 / 3]], [0.0, 1.0, -1e-300]),
    (sp.csr_array(np.array([[1e300, 0.0, -0.25]])), [math.pi]),
)


def by_hand(f: ReLUNetwork, x: np.ndarray) -> list[list[float]]:
    """Scalar by scalar, without matrix products."""
    rows = []
    for point in x.tolist():
        values = point
        for k, layer in enumerate(f.layers):
            if k:
                values = [v if v > 0 else 0.0 for v in values]
            weight, bias = dense(layer.weight).tolist(), layer.bias.tolist()
            values = [
                sum(w * v for w, v in zip(row, values, strict=True)) + b for row, b in zip(weight, bias, strict=True)
            ]
        rows.append(values)
    return rows


def stored(f: ReLUNetwork, as_sparse: bool) -> ReLUNetwork:
    convert = sparse if as_sparse else dense
    return ReLUNetwork(tuple(Affine(convert(layer.weight), layer.bias) for layer in f.layers))


# -- values


@given(st.data(), networks())
def test_value_is_the_scalar_loop_and_the_rational_one(data: st.DataObject, f: ReLUNetwork) -> None:
    """On dyadic weights and points nothing rounds, so three routes agree with `==`."""
    x = data.draw(arrays((data.draw(st.integers(1, 4)), f.inputs)))
    values = f(x)
    assert values.shape == (len(x), f.outputs)
    assert values.tolist() == by_hand(f, x)
    assert [rationals(row) for row in values] == [rational_value(f, rationals(row)) for row in x]


@given(st.data(), networks())
def test_storage_does_not_change_the_value(data: st.DataObject, f: ReLUNetwork) -> None:
    x = data.draw(arrays((3, f.inputs)))
    assert stored(f, True)(x).tolist() == f(x).tolist() == stored(f, False)(x).tolist()


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 6, 7, 20])
def test_rows_are_evaluated_in_blocks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    f = network(([[1.0], [-1.0], [2.0]], [0.0, 0.5, -1.0]), ([[1.0, 1.0, -1.0]], [0.25]))
    x = np.arange(rows)[:, None] / 4 - 1
    whole = by_hand(f, x)
    lengths = []

    def watched(layers: Any, z: np.ndarray) -> np.ndarray:
        lengths.append(len(z))
        return evaluate(layers, z)

    monkeypatch.setattr(network_module, "evaluate", watched)
    # Room for 3 rows of the widest layer.
    monkeypatch.setattr(network_module, "_BLOCK_BYTES", 3 * 8 * f.width)
    assert f(x).tolist() == whole
    assert sum(lengths) == rows
    assert max(lengths) <= 3
    assert f(x).shape == (rows, 1)


def test_relu_stands_between_the_layers_only() -> None:
    negative = network(([[1.0]], [-5.0]))
    assert negative(np.zeros((1, 1))).tolist() == [[-5.0]]
    assert network(([[1.0]], [-5.0]), ([[1.0]], [-1.0]))(np.zeros((1, 1))).tolist() == [[-1.0]]


# -- counts


@given(networks())
def test_counts_are_those_of_the_arrays(f: ReLUNetwork) -> None:
    weights, biases = [dense(layer.weight) for layer in f.layers], [layer.bias for layer in f.layers]
    assert f.depth == len(weights)
    assert f.widths == (weights[0].shape[1], *(len(b) for b in biases))
    assert f.width == max(f.widths)
    assert f.neurons == sum(len(b) for b in biases[:-1])
    assert f.parameters == sum(w.size for w in weights) + sum(b.size for b in biases)
    assert f.nonzero == sum(entry != 0 for array in [*weights, *biases] for entry in array.ravel().tolist())
    assert (f.inputs, f.outputs) == (weights[0].shape[1], len(biases[-1]))


def test_counts_of_one_network_by_hand() -> None:
    assert EXAMPLE.widths == (2, 3, 1)
    assert (EXAMPLE.depth, EXAMPLE.width, EXAMPLE.neurons) == (2, 3, 3)
    assert (EXAMPLE.parameters, EXAMPLE.nonzero) == (6 + 3 + 3 + 1, 5 + 2 + 2 + 1)
    # 6 + 3 dense floats; CSR: 2 floats, 2 columns and 2 row pointers of 4 bytes, and 1 bias.
    assert EXAMPLE.bytes == 8 * 9 + 2 * 12 + 2 * 4 + 8


def test_stored_zeros_are_no_parameters() -> None:
    stored_zero = sp.csr_array((np.array([0.0, 2.0, -0.0]), np.array([0, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
    layer = Affine(stored_zero, np.array([0.0, -0.0]))
    assert layer.nonzero == 1
    assert layer.parameters == 6


def test_duplicate_sparse_entries_are_one_parameter() -> None:
    twice = sp.csr_array((np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    assert Affine(twice, np.zeros(1)).nonzero == 1
    assert dense(Affine(twice, np.zeros(1)).weight).tolist() == [[3.0]]


@given(st.data(), st.integers(1, 5), st.integers(1, 5))
def test_smaller_storage_is_smaller_and_equal(data: st.DataObject, rows: int, columns: int) -> None:
    weight = data.draw(arrays((rows, columns), st.sampled_from([0.0, 0.0, 0.0, 1.5])))
    kept = smaller_storage(weight)
    assert np.array_equal(dense(kept), weight)
    assert np.array_equal(dense(smaller_storage(sparse(weight))), weight)
    assert sp.issparse(kept) == (12 * np.count_nonzero(weight) < 8 * weight.size)
    assert count_nonzero(kept) == count_nonzero(sparse(weight)) == np.count_nonzero(weight)


def test_sparse_by_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = np.where(np.random.default_rng(0).random((7, 4)) < 0.3, 1.0, 0.0)
    monkeypatch.setattr(network_module, "_BLOCK_BYTES", 16 * 4 * 2)
    assert np.array_equal(sparse(weight).toarray(), weight)


@given(st.data(), st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.booleans()), min_size=1, max_size=4))
def test_block_diagonal_is_scipys(data: st.DataObject, shapes: list[tuple[int, int, bool]]) -> None:
    entries = st.sampled_from([0.0, 0.0, 1.0, -2.0])
    blocks = [(data.draw(arrays((r, c), entries)), as_sparse) for r, c, as_sparse in shapes]
    joined = block_diagonal([sparse(w) if as_sparse else w for w, as_sparse in blocks])
    assert np.array_equal(dense(joined), sp.block_diag([w for w, _ in blocks]).toarray())
    if not isinstance(joined, np.ndarray):
        joined.check_format(full_check=True)


# -- the file


def assert_same(left: ReLUNetwork, right: ReLUNetwork) -> None:
    """To the bit: `tobytes` tells 0.0 from -0.0."""
    assert left.depth == right.depth
    for a, b in zip(left.layers, right.layers, strict=True):
        assert sp.issparse(a.weight) == sp.issparse(b.weight)
        assert a.weight.shape == b.weight.shape
        assert dense(a.weight).tobytes() == dense(b.weight).tobytes()
        assert a.bias.tobytes() == b.bias.tobytes()
        assert (a.nonzero, a.bytes) == (b.nonzero, b.bytes)


@given(f=networks())
def test_a_file_gives_the_network_back(f: ReLUNetwork, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("files") / "network.npz"
    f.save(path)
    assert_same(ReLUNetwork.load(path), f)


def test_a_file_keeps_extreme_numbers(tmp_path: Path) -> None:
    extreme = network(([[5e-324, -0.0, 1.7976931348623157e308]], [-5e-324]), (sp.csr_array([[math.pi]]), [-0.0]))
    for f in (extreme, EXAMPLE):
        f.save(tmp_path / "a name without suffix")
        assert_same(ReLUNetwork.load(tmp_path / "a name without suffix"), f)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a name without suffix"]


def test_relative_paths_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    EXAMPLE.save("network.npz")
    assert_same(ReLUNetwork.load("network.npz"), EXAMPLE)


def parts(f: ReLUNetwork, path: Path) -> dict[str, np.ndarray]:
    f.save(path)
    with np.load(path) as file:
        return dict(file)


def changed(**changes: Any) -> Any:
    """The arrays of EXAMPLE's file with some replaced, or left out where None is given."""

    def write(path: Path) -> None:
        arrays_ = parts(EXAMPLE, path) | changes
        np.savez(path, **{name: array for name, array in arrays_.items() if array is not None})

    return write


def write_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.eye(2))


class Bomb:
    """Unpickled, it leaves a trace in the current folder."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


def write_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb()))


def test_the_bomb_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    changed(weight_0=np.array([Bomb()], dtype=object))(Path("file.npz"))
    with np.load("file.npz", allow_pickle=True) as file:
        assert file["weight_0"].tolist() == [None]
    assert Path("unpickled").is_dir()


@pytest.mark.parametrize(
    "write",
    [
        write_pickle,
        write_array,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("depth,weight\n1,2\n"),
        lambda path: path.write_bytes(b"PK\x03\x04 not a zip"),
        lambda path: np.savez(path, points=np.eye(2), labels=np.ones(2)),
        changed(depth=None),
        changed(depth=np.array(3)),
        changed(depth=np.array(0)),
        changed(depth=np.array(-1)),
        changed(depth=np.array(np.inf)),
        changed(depth=np.array(np.nan)),
        changed(depth=np.array([1, 2])),
        changed(depth=np.array("many")),
        changed(bias_0=None),
        changed(bias_0=np.ones(4)),
        changed(bias_0=np.full(3, np.nan)),
        changed(weight_0=None),
        changed(weight_0=np.ones((3, 2, 1))),
        changed(weight_0=np.full((3, 2), np.inf)),
        changed(weight_0=np.array([[Bomb()] * 2] * 3, dtype=object)),
        changed(weight_0=np.array([["a"] * 2] * 3)),
        changed(weight_0=np.ones((4, 2)), bias_0=np.ones(4)),
        changed(data_1=None),
        changed(indices_1=None),
        changed(indptr_1=None),
        changed(shape_1=None),
        changed(data_1=np.array([1.0])),
        changed(indices_1=np.array([0, 3], dtype=np.int32)),
        changed(indices_1=np.array([-1, 2], dtype=np.int32)),
        changed(indices_1=np.array([0, 2**31 - 1], dtype=np.int32)),
        changed(indptr_1=np.array([0, 3], dtype=np.int32)),
        changed(indptr_1=np.array([1, 2], dtype=np.int32)),
        changed(indptr_1=np.array([0, 2, 2], dtype=np.int32)),
        changed(shape_1=np.array([1, 1])),
        changed(shape_1=np.array([3])),
        changed(shape_1=np.array([-1, 3])),
    ],
)
def test_what_is_no_network_file_is_refused(write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file.npz"
    write(path)
    with pytest.raises(
        ValueError, match=r"file\.npz is not a network|ReLUNetwork needs (at least one|layers that fit)"
    ):
        ReLUNetwork.load(path)
    assert not Path("unpickled").exists()


def test_files_cut_anywhere_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    EXAMPLE.save(path)
    content = path.read_bytes()
    for length in [*range(0, len(content), 37), *range(len(content) - 30, len(content))]:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="is not a network saved"):
            ReLUNetwork.load(path)


def test_a_damaged_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    """Archives carry a checksum: no flipped byte may load as another network, or fail as anything but ValueError."""
    path = tmp_path / "file.npz"
    EXAMPLE.save(path)
    content = path.read_bytes()
    refused = 0
    for position in range(0, len(content), 5):
        for flip in (1, 8):
            damaged = bytearray(content)
            damaged[position] ^= flip
            path.write_bytes(damaged)
            try:
                loaded = ReLUNetwork.load(path)
            except ValueError:
                refused += 1
            else:
                assert_same(loaded, EXAMPLE)
    assert refused > len(content) / 5


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.npz"):
        ReLUNetwork.load(tmp_path / "absent.npz")


@pytest.mark.parametrize("before", [None, b"what was there"])
@pytest.mark.parametrize("fails", ["savez", "replace"])
def test_a_failed_save_changes_nothing(
    before: bytes | None, fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "network.npz"
    if before is not None:
        target.write_bytes(before)

    def half_written(file: Any, **_: Any) -> None:
        Path(file if isinstance(file, str | Path) else file.name).write_bytes(b"half")
        raise OSError("no space left")

    def refused(*_: Any) -> None:
        # The new file is complete before it takes the old one's place.
        assert (target.read_bytes() if target.exists() else None) == before
        raise OSError("no space left")

    if fails == "savez":
        monkeypatch.setattr(np, "savez", half_written)
    else:
        monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(OSError, match="no space left"):
        EXAMPLE.save(target)
    assert [entry.name for entry in tmp_path.iterdir()] == ([] if before is None else ["network.npz"])
    if before is not None:
        assert target.read_bytes() == before


def test_saving_replaces_an_older_file(tmp_path: Path) -> None:
    target = tmp_path / "network.npz"
    network(([[1.0]], [2.0])).save(target)
    EXAMPLE.save(target)
    assert_same(ReLUNetwork.load(target), EXAMPLE)
    assert len(list(tmp_path.iterdir())) == 1


def test_saving_into_a_missing_folder_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        EXAMPLE.save(tmp_path / "absent" / "network.npz")


# -- bad calls


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        (np.ones((2, 3)), np.ones(3), r"\(outputs, inputs\).*\(2, 3\) and \(3,\)"),
        (np.ones(3), np.ones(3), "needs a non-empty weight"),
        (np.ones((1, 1, 1)), np.ones(1), "needs a non-empty weight"),
        (np.ones((2, 3)), np.ones((2, 1)), "needs a non-empty weight"),
        (np.ones((0, 3)), np.ones(0), "needs a non-empty weight"),
        (np.ones((2, 0)), np.ones(2), "needs a non-empty weight"),
        (sp.csr_array((2, 0)), np.ones(2), "needs a non-empty weight"),
        (sp.csr_array(np.ones((2, 3))), np.ones(3), "needs a non-empty weight"),
        (np.array([[1.0, np.nan]]), np.ones(1), "finite.*NaN"),
        (np.array([[1.0, np.inf]]), np.ones(1), "finite.*infinity"),
        (sp.csr_array(np.array([[0.0, -np.inf]])), np.ones(1), "finite"),
        (np.ones((1, 1)), np.array([np.nan]), "finite"),
        (np.array([[1j]]), np.ones(1), "real"),
        (sp.csr_array(np.array([[1j]])), np.ones(1), "real"),
        (np.ones((1, 1)), np.array([1j]), "real"),
        (np.array([["a"]]), np.ones(1), "real numbers, got dtype <U1"),
    ],
)
def test_bad_layers_are_refused(weight: Any, bias: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Affine(weight, bias)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "at least one layer"),
        (
            (Affine(np.ones((2, 3)), np.ones(2)), Affine(np.ones((1, 3)), np.ones(1))),
            "2 outputs of layer 1 and 3 inputs of layer 2",
        ),
        (
            (
                Affine(np.ones((1, 1)), np.ones(1)),
                Affine(np.ones((2, 1)), np.ones(2)),
                Affine(np.ones((1, 1)), np.ones(1)),
            ),
            "2 outputs of layer 2 and 1 inputs of layer 3",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: tuple[Affine, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReLUNetwork(layers)


def test_points_of_another_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 inputs.*\(4, 3\)"):
        EXAMPLE(np.ones((4, 3)))


def test_a_network_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        EXAMPLE.layers = ()  # type: ignore[misc]
    with pytest.raises(AttributeError):
        EXAMPLE.layers[0].bias = np.ones(3)  # type: ignore[misc]


def test_the_arrays_of_a_layer_are_its_own_and_read_only() -> None:
    weight, bias = np.array([[1.0, 2.0]]), np.array([3.0])
    stored = sp.csr_array(np.array([[0.0, 4.0], [5.0, 0.0]]))
    dense, sparse = Affine(weight, bias), Affine(stored, np.zeros(2))
    weight[:], bias[:], stored.data[:] = -1, -1, -1
    assert dense.weight.tolist() == [[1.0, 2.0]]
    assert dense.bias.tolist() == [3.0]
    assert sparse.weight.data.tolist() == [4.0, 5.0]
    for array in (dense.weight, dense.bias, sparse.weight.data, sparse.weight.indices, sparse.weight.indptr):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_read_only_arrays_are_not_copied_and_views_of_others_are() -> None:
    weight = np.ones((2, 2))
    view = weight[:1]
    view.flags.writeable = False
    assert not np.shares_memory(Affine(view, np.zeros(1)).weight, weight)
    assert np.shares_memory(Affine(handed_over(weight), np.zeros(2)).weight, weight)
    stored = sp.csr_array(np.eye(2))
    layer = Affine(handed_over(stored), np.zeros(2))
    assert np.shares_memory(layer.weight.data, stored.data)
    again = Affine(layer.weight, layer.bias)
    assert np.shares_memory(again.weight.data, layer.weight.data)
    assert np.shares_memory(again.bias, layer.bias)


def test_entries_that_are_stored_twice_are_added_in_a_copy() -> None:
    twice = sp.csr_array((np.array([1.0, 2.0, 0.0]), np.array([0, 0, 1]), np.array([0, 3])), shape=(1, 2))
    assert Affine(twice, np.zeros(1)).weight.toarray().tolist() == [[3.0, 0.0]]
    assert Affine(twice, np.zeros(1)).nonzero == 1
    assert twice.data.tolist() == [1.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.array([[2**53 + 1]]), "float64 holds exactly"),
        (np.array([["0.1"]]), "real numbers"),
        (np.ma.masked_array([[1.0]], mask=[[True]]), "masked"),
        (np.array([[1j]]), "real numbers"),
        (np.array([[1]], dtype="m8[s]"), "real numbers"),
    ],
)
def test_weights_that_are_no_floats_are_refused(weight: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Affine(weight, np.zeros(1))
    with pytest.raises(ValueError, match=message):
        Affine(np.zeros((1, 1)), weight[0])


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("layers", [None, (np.eye(2),), (None,), 5])
def test_layers_are_affine(layers: Any) -> None:
    with pytest.raises(ValueError, match="ReLUNetwork needs"):
        ReLUNetwork(layers)


@pytest.mark.parametrize(
    "change", [{"depth": np.array(1.7)}, {"depth": np.array([2])}, {"more": np.zeros(1)}, {"depth": np.array(1)}]
)
def test_a_file_with_another_depth_or_more_arrays_is_refused(tmp_path: Path, change: dict[str, np.ndarray]) -> None:
    EXAMPLE.save(tmp_path / "n.npz")
    with np.load(tmp_path / "n.npz") as stored:
        content = {**stored, **change}
    np.savez(tmp_path / "n.npz", **content)
    with pytest.raises(ValueError, match="not a network saved by"):
        ReLUNetwork.load(tmp_path / "n.npz")


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    "layer",
    [[[0.5]], ([[0.5]],), 3.0, "ab", None, ([[1.0]], [0.0], [2.0]), {1: 2, 3: 4}, np.eye(2)],
)
def test_a_layer_that_is_no_pair_is_refused_by_its_number(layer: Any) -> None:
    with pytest.raises(ValueError, match=r"(?s)pair \(weight, bias\) for each layer, got .* as layer 2"):
        network(([[1.0]], [0.0]), layer)
    with pytest.raises(ValueError, match="as layer 1"):
        network(layer)


def test_a_description_says_places_and_values() -> None:
    # 2 inputs, the bias or the end of a row: 2 bits; 3 inputs: 3 bits. Stored zeros are none.
    first, second = 2 * (5 + 2 + 3) + 64 * (5 + 2), 3 * (2 + 1 + 1) + 64 * (2 + 1)
    assert EXAMPLE.description_bits == first + second
