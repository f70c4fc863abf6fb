"""Reading a labelled sample: shapes, numbers, and the classes behind the labels."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from theory.errors import AssumptionError


@dataclass(frozen=True, eq=False)
class Sample:
    """Points with numbered labels.

    Attributes:
        points: float64.
        codes: ±1 when the labels are ±1, else the position of the label in `classes`.
        classes: the labels, sorted where they can be.
    """

    points: Float[np.ndarray, "n d"]
    codes: Int[np.ndarray, " n"]
    classes: tuple[Hashable, ...]

    @property
    def outputs(self) -> int:
        """Outputs a network needs: 1 for labels ±1, else one for each class."""
        return 1 if is_signed(self.classes) else len(self.classes)

    @property
    def labels(self) -> list[Hashable]:
        """The labels as they were given."""
        return [self.classes[k] for k in class_positions(self.codes, self.outputs)[0]]

    def named_labels(self) -> Shaped[np.ndarray, " n"]:
        """The labels as text for messages; their codes if two classes read the same."""
        names = np.array([str(label) for label in self.classes])
        if len(set(names.tolist())) < len(names):
            return self.codes
        return np.asarray(names[class_positions(self.codes, self.outputs)[0]])


def class_positions(codes: Int[np.ndarray, " n"], outputs: int) -> tuple[Int[np.ndarray, " n"], int]:
    """Positions 0, …, C - 1 of the classes for codes ±1 (one output) or class numbers, and C."""
    return ((codes + 1) // 2, 2) if outputs == 1 else (codes, outputs)


def is_signed(classes: tuple[Hashable, ...]) -> bool:
    """Whether the labels are -1 and +1, so that one output and its sign serve."""
    return classes == (-1, 1)


def read_points(points: Any, dim: int | None = None) -> Float[np.ndarray, "n d"]:
    """The points as a float64 array of shape (n, d); not copied if they are one.

    Raises:
        ValueError: unless they are real finite numbers in a non-empty array of shape (n, d).
    """
    array = np.asarray(points)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"points must be real numbers, got dtype {array.dtype}")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"points must have shape (n, d) with n, d >= 1, got {array.shape}: flatten images with reshape(n, -1)"
        )
    if dim is not None and array.shape[1] != dim:
        raise ValueError(f"points must have dimension {dim}, got {array.shape[1]}")
    array = array.astype(np.float64, copy=False)
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise ValueError(f"points must be finite, got NaN or infinity in point {int(np.argmin(finite))}")
    return array


def read_sample(points: Any, labels: Any) -> Sample:
    """Check and number a labelled sample.

    Args:
        points: shape (n, d), real and finite.
        labels: n labels, -1 and +1 or any hashable classes.

    Raises:
        ValueError: for malformed points or labels.
        AssumptionError: if all labels are the same.
    """
    array = read_points(points)
    given = _as_list(labels)
    if len(given) != len(array):
        raise ValueError(f"there must be one label a point, got {len(array)} points and {len(given)} labels")
    try:
        distinct = set(given)
    except TypeError as error:
        raise ValueError(f"labels must be hashable classes, one a point: {error}") from error
    if any(label != label for label in distinct):
        raise ValueError("labels must not be NaN")
    if len(distinct) < 2:
        raise AssumptionError(f"a classifier needs at least two classes, got the label {given[0]!r} only")
    try:
        classes: tuple[Hashable, ...] = tuple(sorted(distinct))
    except TypeError:
        classes = tuple(dict.fromkeys(given))
    position = {label: k for k, label in enumerate(classes)}
    codes = np.array([position[label] for label in given], dtype=np.int64)
    return Sample(array, 2 * codes - 1 if is_signed(classes) else codes, classes)


def _as_list(labels: Any) -> list[Any]:
    if hasattr(labels, "__array__"):
        # Also tensors and series: the entries of a tensor are tensors, each a class of its own to a set.
        array = np.asarray(labels)
        if array.ndim != 1:
            raise ValueError(f"labels must have shape (n,), got {array.shape}")
        return list(array.tolist())
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        raise ValueError(f"labels must be a sequence with one label a point, got {type(labels).__name__}")
    return list(labels)
