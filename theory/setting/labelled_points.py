"""Labelled points as they are given: float64 numbers, and classes by number."""

from typing import Any

import numpy as np
from jaxtyping import Int

from theory.arguments.plain_array import exact_floats, plain_array
from theory.closest.sides import Sides, Sorted
from theory.errors import AssumptionError


def read_points(points: Any) -> np.ndarray:
    """As a float64 array of shape (n, d); what another type holds and float64 does not is refused.

    Raises:
        ValueError: for another shape, for no point or no coordinate, or for what is not finite.
    """
    array = exact_floats(points, "points")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"points must have shape (n, d) with n, d >= 1, got {array.shape}: flatten images with reshape(n, -1)"
        )
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise ValueError(f"points must be finite, got NaN or infinity in point {int(np.argmin(finite))}")
    return array


def read_codes(labels: Any, size: int) -> Int[np.ndarray, " n"]:
    """The classes, numbered in the order in which they occur.

    Raises:
        ValueError: for another number of labels, or what is no class.
    """
    values = _values(labels)
    shape = (len(values),) if isinstance(values, list | tuple) else values.shape
    if shape != (size,):
        raise ValueError(f"there must be one label a point, got {size} points and labels {shape}")
    number: dict[Any, int] = {}
    try:
        listed = list(values) if isinstance(values, list | tuple) else values.tolist()
        codes = [number.setdefault(label, len(number)) for label in listed]
        missing = any(label != label for label in number)
    except (TypeError, ArithmeticError) as error:
        raise ValueError(f"labels must be hashable classes, one a point: {error}") from error
    if missing or (isinstance(values, np.ndarray) and values.dtype.kind in "mM" and np.isnat(values).any()):
        raise ValueError("labels must not be NaN, which is no class: it does not equal itself")
    return np.array(codes, dtype=np.int64)


def label_of(labels: Any, row: int) -> Any:
    """The label of a row, whatever a column of pandas calls that row."""
    return _values(labels)[row]


def _values(labels: Any) -> Any:
    """A list or tuple as it is: numpy would make text of [1, "1"] and floats of large integers."""
    return labels if isinstance(labels, list | tuple) else plain_array(labels, "labels")


def sides_of(points: np.ndarray, labels: Any, codes: Int[np.ndarray, " n"], *, same: bool = True) -> Sides:
    """A sample against itself, sorted by label.

    Args:
        points, labels: the sample.
        codes: its labels as `read_codes` gives them.
        same: whether a pair is to come in one order at least, not in both.

    Raises:
        AssumptionError: if there is one class only.
    """
    if not codes.any():
        raise AssumptionError(f"a separation needs at least two different labels, got only {label_of(labels, 0)}")
    x, sorted_codes = _by_label(points, codes)
    return Sides(x, x, sorted_codes, sorted_codes, same)


def sides_between(points: Any, labels: Any, others: Any, other_labels: Any) -> Sides:
    """One sample against another, each sorted by label.

    Raises:
        ValueError: for malformed points or labels, or other dimensions.
        AssumptionError: if no two labels differ.
    """
    points, others = read_points(points), read_points(others)
    if points.shape[1] != others.shape[1]:
        raise ValueError(
            f"both samples must have points of one dimension, got {points.shape[1]} and {others.shape[1]} coordinates"
        )
    listed = [*_listed(labels, len(points)), *_listed(other_labels, len(others))]
    codes = read_codes(listed, len(listed))
    if not codes.any():
        raise AssumptionError(f"a separation needs at least two different labels, got only {listed[0]}")
    (x, x_codes), (y, y_codes) = _by_label(points, codes[: len(points)]), _by_label(others, codes[len(points) :])
    return Sides(x, y, x_codes, y_codes, same=False)


def _listed(labels: Any, size: int) -> list[Any]:
    read_codes(labels, size)
    values = _values(labels)
    return list(values) if isinstance(values, list | tuple) else list(values.tolist())


def _by_label(points: np.ndarray, codes: np.ndarray) -> tuple[Sorted, np.ndarray]:
    order = np.argsort(codes, kind="stable")
    return Sorted(points, order), codes[order]
