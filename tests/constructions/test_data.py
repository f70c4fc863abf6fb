"""Samples by name and from files: what comes out is what went in, and a malformed file says what is wrong."""

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import load_sample
from constructions.hub import DATA_ROOT_VARIABLE
from tests.strategies import arrays

REAL_DATA = Path(os.environ.get(DATA_ROOT_VARIABLE) or Path(__file__).parents[3] / "shared" / "data")


# -- names


def test_digits() -> None:
    points, labels = load_sample("digits")
    assert points.shape == (1797, 64)
    assert (points.min(), points.max()) == (0.0, 1.0)
    assert set(labels) == set(range(10))
    # Multiples of 1/16 with a first image that everybody knows, a zero.
    assert np.array_equal(points * 16, np.round(points * 16))
    assert labels[:3] == [0, 1, 2]
    assert (points[0, :8] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_mnist5k() -> None:
    points, labels = load_sample("mnist5k", classes="0,1")
    assert points.shape == (1000, 784)
    assert (points.min(), points.max()) == (0.0, 1.0)
    assert Counter(labels) == {0: 500, 1: 500}


def test_parity() -> None:
    points, labels = load_sample("digits", classes="parity")
    everything, digits = load_sample("digits")
    assert np.array_equal(points, everything)
    assert labels == [1 if digit in (1, 3, 5, 7, 9) else -1 for digit in digits]


@pytest.mark.parametrize(("classes", "kept"), [("3,8", {3, 8}), (" 8 , 3 ", {3, 8}), ("0", {0}), ("7,7", {7})])
def test_a_list_of_classes(classes: str, kept: set[int]) -> None:
    points, labels = load_sample("digits", classes=classes)
    everything, digits = load_sample("digits")
    rows = [k for k, digit in enumerate(digits) if digit in kept]
    assert set(labels) == kept
    assert labels == [digits[k] for k in rows]
    assert np.array_equal(points, everything[rows])


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        ("digits", "3,11", r"no class \[11\]; it has \[0, 1, 2"),
        ("digits", "three", r"no class \['three'\]"),
        ("digits", "", "no class"),
        ("digits", "3,,8", "no class"),
        ("digit", "all", "digits, mnist5k, mnist, an .npz or a .csv file, got 'digit'"),
        ("", "all", "got ''"),
        ("sample.txt", "all", "got 'sample.txt'"),
        ("sample.npy", "all", "got 'sample.npy'"),
    ],
)
def test_unknown_names_and_classes_are_refused(name: str, classes: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_sample(name, classes=classes)


# -- files


@given(data=st.data(), size=st.integers(1, 5), dim=st.integers(1, 3))
def test_npz_there_and_back(data: st.DataObject, size: int, dim: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("files") / "sample.npz"
    points = data.draw(arrays((size, dim), st.floats(allow_nan=False, allow_infinity=False)))
    labels = data.draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    np.savez(path, points=points, labels=labels)
    loaded = load_sample(str(path))
    assert loaded[0].tolist() == points.tolist()
    assert loaded[1] == labels


@given(data=st.data(), size=st.integers(1, 5), dim=st.integers(1, 3))
def test_csv_there_and_back(data: st.DataObject, size: int, dim: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`repr` of a float is read back to the last bit; names of classes stay text, numbers become numbers."""
    path = tmp_path_factory.mktemp("files") / "sample.csv"
    points = data.draw(arrays((size, dim), st.floats(allow_nan=False, allow_infinity=False)))
    kinds = st.sampled_from([-1, 1, 7, 0.5, "cat", "a dog"])
    labels = data.draw(st.lists(kinds, min_size=size, max_size=size))
    path.write_text(
        "".join(",".join([*map(repr, row), f" {y}"]) + "\n\n" for row, y in zip(points.tolist(), labels, strict=True))
    )
    loaded = load_sample(str(path))
    assert loaded[0].tolist() == points.tolist()
    assert loaded[1] == labels
    assert [type(y) for y in loaded[1]] == [type(y) for y in labels]


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_npz_of_other_numbers_is_float64(dtype: type, tmp_path: Path) -> None:
    np.savez(tmp_path / "sample.npz", points=np.array([[0, 1], [2, 3]], dtype=dtype), labels=np.array(["a", "b"]))
    points, labels = load_sample(str(tmp_path / "sample.npz"))
    assert points.dtype == np.float64
    assert points.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert labels == ["a", "b"]


def test_classes_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("0.1,cat\n0.2,dog\n0.3,cow\n")
    points, labels = load_sample(str(path), classes="dog,cat")
    assert labels == ["cat", "dog"]
    assert points.tolist() == [[0.1], [0.2]]
    with pytest.raises(ValueError, match="integer labels"):
        load_sample(str(path), classes="parity")
    path.write_text("0.1,3\n0.2,4\n0.3,-1\n")
    assert load_sample(str(path), classes="parity")[1] == [1, -1, 1]
    assert load_sample(str(path), classes="3.0,4")[1] == [3, 4]


class Opened:
    """Unpickled, it leaves a trace in the current folder."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


def npz(**content: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **content)


def text(content: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text(content)


def array_file(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.eye(2))


@pytest.mark.parametrize(
    ("suffix", "write", "message"),
    [
        (".npz", npz(points=np.eye(2)), "arrays named points and labels"),
        (".npz", npz(labels=np.ones(2)), "arrays named points and labels"),
        (".npz", npz(x=np.eye(2), y=np.ones(2)), "arrays named points and labels"),
        (".npz", npz(points=np.eye(3), labels=np.ones(2)), r"one label a point, got points \(3, 3\) and labels \(2,\)"),
        (".npz", npz(points=np.eye(2), labels=np.ones(3)), "one label a point"),
        (".npz", npz(points=np.eye(2), labels=np.array(1)), "one label a point"),
        (".npz", npz(points=np.eye(2), labels=np.eye(2)), "one label a point"),
        (".npz", npz(points=np.array(1.0), labels=np.array(1)), "one label a point"),
        (".npz", npz(points=np.ones(2), labels=np.ones(2)), r"points must have shape \(n, d\)"),
        (".npz", npz(points=np.ones((2, 2, 2)), labels=np.ones(2)), "flatten images"),
        (".npz", npz(points=np.ones((0, 2)), labels=np.ones(0)), "n, d >= 1"),
        (".npz", npz(points=np.array([["a"]]), labels=np.ones(1)), "real numbers"),
        (".npz", npz(points=np.array([[1j]]), labels=np.ones(1)), "real numbers"),
        (".npz", npz(points=np.array([[np.nan]]), labels=np.ones(1)), "NaN or infinity in point 0"),
        (".npz", npz(points=np.array([[Opened()]]), labels=np.ones(1)), "plain arrays"),
        (".npz", npz(points=np.eye(2), labels=np.array([Opened()] * 2)), "plain arrays"),
        (".npz", text("points,labels\n"), "not a readable .npz"),
        (".npz", text(""), "not a readable .npz"),
        (".npz", lambda path: path.write_bytes(b"PK\x03\x04 and no zip"), "not a readable .npz"),
        (".npz", array_file, "not a readable .npz"),
        (".csv", text(""), "n, d >= 1"),
        (".csv", text("\n \n"), "n, d >= 1"),
        (".csv", text("1\n2\n"), "n, d >= 1"),
        (".csv", text("x,y,label\n1,2,a\n"), "must hold numbers and a label last.*'x'"),
        (".csv", text("1,2,a\n1,b\n"), "of one length"),
        (".csv", text("1;2;a\n"), "n, d >= 1"),
        (".csv", text("1,,a\n"), "must hold numbers"),
        (".csv", text("1,nan,a\n"), "NaN or infinity in point 0"),
        (".csv", text("1,2,a\n1,inf,b\n"), "NaN or infinity in point 1"),
        (".csv", lambda path: path.write_bytes(b"\xff\xfe1,2\n"), "must hold numbers"),
    ],
)
def test_malformed_files_are_refused(
    suffix: str, write: Callable[[Path], Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"sample{suffix}"
    write(path)
    with pytest.raises(ValueError, match=message) as caught:
        load_sample(str(path), classes="parity")
    assert f"sample{suffix}" in str(caught.value)
    assert not Path("unpickled").exists()


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_missing_files_are_named(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no file .*absent{suffix}"):
        load_sample(str(tmp_path / f"absent{suffix}"))
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_sample(str(tmp_path / f"folder{suffix}"))


# -- the hub's layout


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No progress bars, no network, no cache outside the temporary folder."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def write_hub_folder(root: Path, images: np.ndarray, labels: list[int]) -> None:
    import datasets

    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(num_classes=10)})
    table = datasets.Dataset.from_dict({"image": list(images), "label": labels}, features=features)
    folder = root / "mnist" / "mnist"
    folder.mkdir(parents=True)
    table.to_parquet(folder / "train-00000-of-00001.parquet")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("by", ["argument", "variable", "both"])
def test_mnist_from_a_local_folder(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    write_hub_folder(tmp_path, images, [3, 8, 3, 1, 8, 0])
    monkeypatch.delenv(DATA_ROOT_VARIABLE, raising=False)
    if by != "argument":
        # The argument goes before the variable.
        monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path if by == "variable" else tmp_path / "elsewhere"))
    points, labels = load_sample("mnist", classes="3,8", data_root=None if by == "variable" else str(tmp_path))
    assert labels == [3, 8, 3, 8]
    assert points.tolist() == (images[[0, 1, 2, 4]].reshape(4, 784) / 255).tolist()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("state", ["absent", "empty", "damaged"])
def test_a_missing_hub_folder_is_named(state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATA_ROOT_VARIABLE, raising=False)
    if state != "absent":
        (tmp_path / "mnist").mkdir()
    if state == "damaged":
        (tmp_path / "mnist" / "train-00000-of-00001.parquet").write_bytes(b"not parquet")
    with pytest.raises(FileNotFoundError, match=f"mnist is not at .*mnist: .*--data-root or {DATA_ROOT_VARIABLE}"):
        load_sample("mnist", data_root=str(tmp_path))


def test_mnist_without_the_datasets_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(FileNotFoundError, match=r"datasets library: pip install 'robust-memorization\[hub\]'"):
        load_sample("mnist")


needs_real_data = pytest.mark.skipif(
    not (REAL_DATA / "mnist").is_dir(),
    reason=f"needs MNIST in the layout of the hub: set {DATA_ROOT_VARIABLE} to the folder that holds mnist/",
)


@needs_real_data
@pytest.mark.usefixtures("quiet")
def test_the_first_images_of_the_real_mnist(tmp_path: Path) -> None:
    """A slice of the real file, since decoding all 60,000 images takes seconds."""
    import datasets

    head = datasets.load_dataset(str(REAL_DATA / "mnist"), split="train[:200]")
    (tmp_path / "mnist").mkdir()
    head.to_parquet(tmp_path / "mnist" / "train-00000-of-00001.parquet")
    points, labels = load_sample("mnist", data_root=str(tmp_path))
    assert points.shape == (200, 784)
    assert (points.min(), points.max()) == (0.0, 1.0)
    # The best known labels of the field.
    assert labels[:10] == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # Ink in the middle, none in the margin.
    pixels = points.reshape(-1, 28, 28)
    assert pixels[:, 8:20, 8:20].mean() > 0.25
    assert pixels[:, :2].max() == 0


@pytest.mark.nightly
@needs_real_data
@pytest.mark.usefixtures("quiet")
def test_the_whole_real_mnist() -> None:
    points, labels = load_sample("mnist", data_root=str(REAL_DATA))
    assert points.shape == (60000, 784)
    assert Counter(labels)[1] == 6742
    assert set(labels) == set(range(10))
