"""Image data sets of the hub, from a local folder of the same layout or from the hub itself."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

# The folder of hub data sets, in the layout of their public source, when no --data-root is given.
DATA_ROOT_VARIABLE = "ROBUST_MEMORIZATION_DATA"
SOURCES = {
    "mnist": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
}


@dataclass(frozen=True, eq=False)
class HubImages:
    """Labels of a data set, and its images still encoded.

    Attributes:
        labels: class numbers, as stored.
        cells: a `datasets` column of encoded images.
    """

    labels: Int[np.ndarray, " n"]
    cells: Any

    def pixels(self, rows: Int[np.ndarray, " k"] | None = None) -> UInt8[np.ndarray, "k ..."]:
        """The images of the rows, or of all: shape (k, height, width), with colours (k, height, width, 3).

        Raises:
            ValueError: for images that are not of one size and of 8 bits, grey or RGB.
        """
        import datasets

        read = datasets.Image().decode_example
        table = self.cells if rows is None else self.cells.select(rows)
        # The whole column at once: to format each row by itself takes up to half as long as to decode its image.
        (cells,) = table[:].values()
        return np.stack([_bytes(read(cell)) for cell in cells])


def _bytes(picture: Any) -> UInt8[np.ndarray, "..."]:
    """The pixels of a picture; others than these have a palette, transparency, or more than 8 bits."""
    if picture.mode not in ("L", "RGB"):
        raise ValueError(f"images must have 8 bits a pixel, grey or RGB (modes L, RGB), got mode {picture.mode}")
    return np.asarray(picture, dtype=np.uint8)


def open_hub_images(name: str, split: str, data_root: str | None = None) -> HubImages:
    """A data set of the hub by its short name.

    Args:
        name: a key of `SOURCES`; in a local folder the last part of its hub name, such as `fashion_mnist`.
        split: "train" or "test".
        data_root: the folder that holds the data sets; else the variable ROBUST_MEMORIZATION_DATA, else the hub.

    Raises:
        ValueError: for labels that are not class numbers, such as -1, by which the hub hides those of a test split.
        FileNotFoundError: if the library, the folder or the hub is not there, or what is there is not readable.
    """
    try:
        import datasets
    except ImportError as error:
        raise FileNotFoundError(f"{name} needs the datasets library: pip install 'robust-memorization[hub]'") from error
    root = data_root or os.environ.get(DATA_ROOT_VARIABLE)
    source = str(Path(root) / SOURCES[name].split("/")[1]) if root else SOURCES[name]
    try:
        table = datasets.load_dataset(source, split=split)
        (pictures,) = (column for column, kind in table.features.items() if isinstance(kind, datasets.Image))
        labels = table["label"][:]
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise FileNotFoundError(
            f"{name} is not at {source}: "
            f"name a folder in the layout of the hub with --data-root or {DATA_ROOT_VARIABLE}"
        ) from error
    unnumbered = [label for label in labels if type(label) is not int or label < 0]
    if unnumbered:
        raise ValueError(f"{name} must have class numbers 0, 1, … as labels, got {unnumbered[0]!r} in its {split} part")
    numbers = np.array(labels, dtype=np.int64)
    return HubImages(numbers, table.select_columns([pictures]).cast_column(pictures, datasets.Image(decode=False)))
