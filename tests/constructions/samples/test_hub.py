"""Pixels of the hub's images: as the `datasets` library decodes each, whatever holds them."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions.samples.hub import DATA_ROOT_VARIABLE, HubImages, open_hub_images

datasets = pytest.importorskip("datasets")
Image = pytest.importorskip("PIL.Image")

REAL_DATA = Path(os.environ.get(DATA_ROOT_VARIABLE) or Path(__file__).parents[4] / "shared" / "data")
# By EXIF: the camera lay on its side.
ORIENTATION, SIDEWAYS = 0x0112, 6


def picture(form: str, seed: int, *, sideways: bool = False) -> bytes:
    made = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    exif = Image.Exif()
    if sideways:
        exif[ORIENTATION] = SIDEWAYS
    stream = io.BytesIO()
    made.save(stream, form, exif=exif)
    return stream.getvalue()


def images(cells: list[dict[str, Any]]) -> HubImages:
    features = datasets.Features({"image": datasets.Image(decode=False)})
    return HubImages(np.arange(len(cells)), datasets.Dataset.from_dict({"image": cells}, features=features))


def one_by_one(found: HubImages) -> np.ndarray:
    (column,) = found.cells.column_names
    decoded = found.cells.cast_column(column, datasets.Image())
    return np.stack([np.asarray(decoded[row][column]) for row in range(len(decoded))])


def test_every_format_place_and_orientation(tmp_path: Path) -> None:
    (tmp_path / "beside.png").write_bytes(picture("PNG", 4))
    cells = [
        {"bytes": picture("PNG", 0), "path": None},
        {"bytes": picture("JPEG", 1), "path": "0001.jpg"},
        {"bytes": picture("JPEG", 2, sideways=True), "path": None},
        {"bytes": picture("PNG", 3, sideways=True), "path": None},
        {"bytes": None, "path": str(tmp_path / "beside.png")},
    ]
    found = images(cells)
    assert np.array_equal(found.pixels(), one_by_one(found))
    upright = np.asarray(Image.open(io.BytesIO(cells[3]["bytes"])))
    assert np.array_equal(found.pixels()[3], np.rot90(upright, -1))


def test_rows_in_their_order_and_as_often_as_asked() -> None:
    found = images([{"bytes": picture("PNG", seed), "path": None} for seed in range(5)])
    rows = np.array([3, 0, 3, 4])
    assert np.array_equal(found.pixels(rows), found.pixels()[rows])
    assert len({x.tobytes() for x in found.pixels()}) == 5


def test_images_of_two_sizes_are_refused() -> None:
    small = io.BytesIO()
    Image.new("RGB", (4, 4)).save(small, "PNG")
    found = images([{"bytes": content, "path": None} for content in (picture("PNG", 0), small.getvalue())])
    with pytest.raises(ValueError, match="same shape"):
        found.pixels()


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_real_images_are_decoded_as_by_the_library(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (REAL_DATA / name).is_dir():
        pytest.skip(f"needs {name} in the layout of the hub: set {DATA_ROOT_VARIABLE} to the folder that holds it")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    found = open_hub_images(name, "test", str(REAL_DATA))
    rows = np.random.default_rng(0).permutation(10_000)[:300]
    assert np.array_equal(found.pixels(rows), one_by_one(HubImages(found.labels[rows], found.cells.select(rows))))
