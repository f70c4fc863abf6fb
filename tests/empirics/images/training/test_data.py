"""Images: stratified subsets that are subsets, the hub's layouts, the real files by a second route, bad input."""

import io
import math
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from constructions.samples.hub import DATA_ROOT_VARIABLE
from empirics.images.training.data import Images, Split, load_images, random_labels, stratified

REAL_DATA = Path(os.environ.get(DATA_ROOT_VARIABLE) or Path(__file__).parents[5] / "shared" / "data")


def pairs(images: Images) -> Counter:
    """The images as bytes, each with its label."""
    return Counter((x.numpy().tobytes(), int(y)) for x, y in zip(images.x, images.y, strict=True))


# -- what ships with other packages


def test_the_digits_are_divided_and_nothing_is_lost() -> None:
    split = load_images("digits")
    points, labels = load_digits(return_X_y=True)
    x = torch.tensor(points / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    whole = pairs(Images("digits", x, torch.tensor(labels), 10))
    assert pairs(split.train) + pairs(split.test) == whole
    assert (len(split.train), len(split.test)) == (1438, 359)
    assert split.train.shape == (1, 8, 8)
    assert split.train.classes == 10


def test_subsets_of_mnist5k() -> None:
    split = load_images("mnist5k", train=300, test=100)
    assert split.train.shape == (1, 28, 28)
    assert split.train.y.bincount().tolist() == [30] * 10
    assert split.test.y.bincount().tolist() == [10] * 10
    assert float(split.train.x.max()) == 1


def test_a_subset_does_not_reach_into_the_other_part() -> None:
    whole, split = load_images("digits", seed=4), load_images("digits", train=300, test=100, seed=4)
    assert pairs(split.train) <= pairs(whole.train)
    assert pairs(split.test) <= pairs(whole.test)


def test_the_seed_decides() -> None:
    first, again, other = (load_images("digits", train=100, test=50, seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(a.x, b.x) and torch.equal(a.y, b.y) for a, b in zip(first, again, strict=True))
    assert pairs(first.train) != pairs(other.train)
    # In random order, so that the first ones will do for a quick look.
    assert len(set(first.train.y[:20].tolist())) > 5
    assert len(first.train.head(20)) == 20
    assert first.train.head(None) is first.train
    assert first.train.head(1000) is first.train


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.data())
def test_each_class_has_its_share(counts: list[int], data: st.DataObject) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    size = data.draw(st.integers(1, len(labels)))
    shares = size * np.array(counts) / len(labels)
    try:
        rows = stratified(labels, size, np.random.default_rng(1), "these")
    except ValueError:
        assert (shares < 1).any()
        return
    assert len(set(rows.tolist())) == size
    assert (abs(np.bincount(labels[rows], minlength=len(counts)) - shares) < 1).all()


def test_random_labels_keep_the_images() -> None:
    split = load_images("digits")
    labelled = random_labels(split.train, seed=3)
    assert torch.equal(labelled.x, split.train.x)
    assert torch.equal(labelled.y, random_labels(split.train, seed=3).y)
    # A tenth agrees with the true labels, up to 5 deviations of 0.008.
    assert abs(float((labelled.y == split.train.y).double().mean()) - 0.1) < 0.04
    assert set(labelled.y.tolist()) == set(range(10))


# -- the hub's layouts


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No progress bars, no network, no cache outside the temporary folder."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.delenv(DATA_ROOT_VARIABLE, raising=False)


def write_hub_folder(folder: Path, column: str, parts: dict[str, tuple[np.ndarray, list[int]]]) -> None:
    import datasets

    features = datasets.Features({column: datasets.Image(), "label": datasets.ClassLabel(num_classes=10)})
    folder.mkdir(parents=True)
    for part, (images, labels) in parts.items():
        table = datasets.Dataset.from_dict({column: list(images), "label": labels}, features=features)
        table.to_parquet(folder / f"{part}-00000-of-00001.parquet")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("name", "folder", "column", "shape"),
    [
        ("mnist", "mnist", "image", (28, 28)),
        ("fashion-mnist", "fashion_mnist", "image", (28, 28)),
        ("cifar10", "cifar10", "img", (32, 32, 3)),
    ],
)
@pytest.mark.parametrize("by", ["argument", "variable"])
def test_a_local_folder_of_the_hubs_layout(
    name: str, folder: str, column: str, shape: tuple[int, ...], by: str, tmp_path: Path, monkeypatch
) -> None:
    rng = np.random.default_rng(0)
    parts = {
        part: (rng.integers(0, 256, (count, *shape), dtype=np.uint8), [k % 10 for k in range(count)])
        for part, count in (("train", 30), ("test", 20))
    }
    write_hub_folder(tmp_path / folder, column, parts)
    if by == "variable":
        monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path))
    split = load_images(name, train=20, data_root=str(tmp_path) if by == "argument" else None)
    assert split.train.y.bincount().tolist() == [2] * 10
    assert len(split.test) == 20
    for images, (pixels, labels) in zip(split, parts.values(), strict=True):
        x = torch.tensor(pixels / 255, dtype=torch.float32)
        x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2)
        assert pairs(images) <= pairs(Images(name, x.contiguous(), torch.tensor(labels), 10))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("state", ["absent", "empty", "damaged", "without images", "without test"])
def test_a_missing_data_set_is_named(state: str, tmp_path: Path) -> None:
    import datasets

    folder = tmp_path / "cifar10"
    if state != "absent":
        folder.mkdir()
    if state == "damaged":
        (folder / "train-00000-of-00001.parquet").write_bytes(b"not parquet")
    if state == "without images":
        datasets.Dataset.from_dict({"label": [0, 1]}).to_parquet(folder / "train-00000-of-00001.parquet")
    if state == "without test":
        images = np.zeros((2, 32, 32, 3), dtype=np.uint8)
        write_hub_folder(folder / "plain_text", "img", {"train": (images, [0, 1])})
    with pytest.raises(FileNotFoundError, match=f"cifar10 is not at .*cifar10: .*--data-root or {DATA_ROOT_VARIABLE}"):
        load_images("cifar10", data_root=str(tmp_path))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([0, -1], "-1"),
        ([0.5, 1.0], "0.5"),
        ([0.0, 1.0], "0.0"),
        ([0, None], "None"),
        (["0", "1"], "'0'"),
        ([[0], [1]], r"\[0\]"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(labels: list[Any], shown: str, tmp_path: Path) -> None:
    """-1 stands for a hidden label; 0.5 would be cut off to 0."""
    import datasets

    (tmp_path / "mnist").mkdir()
    pictures = datasets.Features({"image": datasets.Image()})
    for part in ("train", "test"):
        table = datasets.Dataset.from_dict({"image": [np.zeros((28, 28), dtype=np.uint8)] * 2}, features=pictures)
        table = table.add_column("label", labels)
        table.to_parquet(tmp_path / "mnist" / f"{part}-00000-of-00001.parquet")
    with pytest.raises(ValueError, match=f"mnist must have class numbers .*, got {shown} in its train part"):
        load_images("mnist", data_root=str(tmp_path))


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("mode", ["P", "1", "I;16", "RGBA", "LA", "L", "RGB"])
def test_images_of_other_modes_are_refused(mode: str, tmp_path: Path) -> None:
    """The numbers in a palette image are no intensities, 16 bits would be cut off to 8."""
    import datasets
    from PIL import Image

    picture = Image.new(mode, (28, 28))
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(num_classes=10)})
    (tmp_path / "mnist").mkdir()
    for part in ("train", "test"):
        table = datasets.Dataset.from_dict({"image": [picture] * 10, "label": list(range(10))}, features=features)
        table.to_parquet(tmp_path / "mnist" / f"{part}-00000-of-00001.parquet")
    if mode in ("L", "RGB"):
        assert load_images("mnist", data_root=str(tmp_path)).train.shape == (len(mode), 28, 28)
        return
    with pytest.raises(ValueError, match=f"8 bits a pixel, grey or RGB .*, got mode {mode}"):
        load_images("mnist", data_root=str(tmp_path))


@pytest.mark.usefixtures("quiet")
def test_neither_hub_nor_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(FileNotFoundError, match=f"cifar10 is not at uoft-cs/cifar10: .*{DATA_ROOT_VARIABLE}"):
        load_images("cifar10")


def test_without_the_datasets_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(FileNotFoundError, match=r"cifar10 needs .*pip install 'robust-memorization\[hub\]'"):
        load_images("cifar10")


# -- the real files, by a second route


def real(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not (REAL_DATA / name).is_dir(),
        reason=f"needs {name} in the layout of the hub: set {DATA_ROOT_VARIABLE} to the folder that holds {name}/",
    )


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("name", "column"),
    [
        pytest.param("cifar10", "img", marks=real("cifar10")),
        pytest.param("mnist", "image", marks=real("mnist")),
    ],
)
def test_the_real_images(name: str, column: str) -> None:
    """The parquet files read directly, and decoded with no `datasets` in between."""
    import pyarrow.parquet as pq
    from PIL import Image

    split = load_images(name, train=500, test=200, data_root=str(REAL_DATA))
    assert (len(split.train), len(split.test)) == (500, 200)
    for images, part in zip(split, ("train", "test"), strict=True):
        (file,) = REAL_DATA.glob(f"{name}/*/{part}-*.parquet")
        table = pq.read_table(file)
        size, read = len(table), min(len(table), 10000)
        with pytest.raises(ValueError, match=f"the {part} part of {name} has {size} images, asked for {size + 1}"):
            load_images(name, **{part: size + 1}, data_root=str(REAL_DATA))
        by_label = Counter(table["label"].to_pylist())
        for label, count in enumerate(images.y.bincount().tolist()):
            assert abs(count - len(images) * by_label[label] / size) < 1
        wanted = {(x * 255).round().byte().numpy().tobytes(): int(y) for x, y in zip(images.x, images.y, strict=True)}
        found = {}
        # Decoding all of them takes a minute; the drawn images are spread over the file.
        head = table.slice(0, read)
        for cell, label in zip(head[column].to_pylist(), head["label"].to_pylist(), strict=True):
            pixels = np.atleast_3d(np.asarray(Image.open(io.BytesIO(cell["bytes"]))))
            found[pixels.transpose(2, 0, 1).tobytes()] = label
        here = wanted.keys() & found.keys()
        # A share of read / size of the images, to 6 deviations.
        share = read / size
        assert abs(len(here) - share * len(wanted)) <= 6 * math.sqrt(len(wanted) * share * (1 - share))
        assert all(wanted[key] == found[key] for key in here)


# -- bad input


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("digit", {}, "digits, mnist5k, mnist, fashion-mnist, cifar10, got 'digit'"),
        ("digits", {"train": 1439}, "the train part of digits has 1438 images, asked for 1439"),
        ("digits", {"test": 360}, "the test part of digits has 359 images, asked for 360"),
        ("digits", {"train": 0}, "asked for 0"),
        ("digits", {"train": -1}, "asked for -1"),
        ("digits", {"train": 9}, "subset of 9 of the train part of digits leaves no image of"),
    ],
)
def test_bad_names_and_sizes_are_refused(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_images(name, **options)


GOOD = {"x": torch.rand(4, 1, 2, 2), "y": torch.tensor([0, 1, 2, 0]), "classes": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.full((4, 1, 2, 2), math.nan)}, r"in \[0, 1\], got nan"),
        ({"x": torch.rand(4, 1, 2, 2) + 1}, "divide bytes by 255"),
        ({"x": torch.rand(4, 2, 2)}, r"got torch.float32 of shape \(4, 2, 2\)"),
        ({"x": torch.rand(4, 1, 2, 2).double()}, "must be float32"),
        ({"x": torch.rand(0, 1, 2, 2)}, "none of them 0"),
        ({"y": torch.tensor([0, 1, 2])}, r"int64 of shape \(4,\)"),
        ({"y": torch.tensor([0.0, 1, 2, 0])}, "int64"),
        ({"y": torch.tensor([0, 1, 3, 0])}, "labels must be 0, ..., 2, got 0 to 3"),
        ({"y": torch.tensor([0, -1, 1, 0])}, "got -1 to 1"),
    ],
)
def test_bad_images_are_refused(change: dict[str, object], message: str) -> None:
    Images("own", **GOOD)
    with pytest.raises(ValueError, match=message):
        Images("own", **(GOOD | change))


def test_a_split_has_two_names() -> None:
    images = Images("own", **GOOD)
    assert Split(images, images).test is images
