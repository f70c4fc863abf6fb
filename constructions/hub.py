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
        labels: as stored.
        cells: a `datasets` column of encoded images.
    """

    labels: Int[np.ndarray, " n"]
    cells: Any

    def pixels(self, rows: Int[np.ndarray, " k"] | None = None) -> UInt8[np.ndarray, "k ..."]:
        """The images of the rows, or of all: shape (k, height, width), with colours (k, height, width, 3)."""
        import datasets

        read = datasets.Image().decode_example
        table = self.cells if rows is None else self.cells.select(rows)
        return np.stack([np.asarray(read(cell), dtype=np.uint8) for row in table for cell in row.values()])


def open_hub_images(name: str, split: str, data_root: str | None = None) -> HubImages:
    """A data set of the hub by its short name.

    Args:
        name: a key of `SOURCES`; in a local folder the last part of its hub name, such as `fashion_mnist`.
        split: "train" or "test".
        data_root: the folder that holds the data sets; else the variable ROBUST_MEMORIZATION_DATA, else the hub.

    Raises:
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
        pictures = next(column for column, kind in table.features.items() if isinstance(kind, datasets.Image))
        labels = np.asarray(table["label"], dtype=np.int64)
    except (OSError, ValueError, KeyError, StopIteration, RuntimeError) as error:
        raise FileNotFoundError(
            f"{name} is not at {source}: "
            f"name a folder in the layout of the hub with --data-root or {DATA_ROOT_VARIABLE}"
        ) from error
    return HubImages(labels, table.select_columns([pictures]).cast_column(pictures, datasets.Image(decode=False)))
