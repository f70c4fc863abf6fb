"""Reading a labelled sample: shapes, numbers, and the classes behind the labels."""

from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int, Shaped

from theory.arguments.plain_array import is_table, plain_array
from theory.arguments.read_only import restore
from theory.errors import AssumptionError
from theory.setting import labelled_points


@dataclass(frozen=True, eq=False)
class Sample:
    """Points with numbered labels. The arrays are read-only copies: what was proved of them stays true of them.

    Attributes:
        points: float64.
        codes: ±1 when the labels are ±1, else the position of the label in `classes`.
        classes: the labels, sorted where they can be.

    Raises:
        ValueError: for malformed points, or unless there is one code of a class for each.
    """

    points: Float[np.ndarray, "n d"]
    codes: Int[np.ndarray, " n_codes"]
    classes: tuple[Hashable, ...]

    def __post_init__(self) -> None:
        points, codes = np.array(read_points(self.points)), np.asarray(self.codes)
        known = [-1, 1] if is_signed(self.classes) else range(len(self.classes))
        if codes.dtype.kind not in "iu" or codes.shape != points.shape[:1] or not np.isin(codes, known).all():
            raise ValueError(
                f"Sample needs one code of its {len(self.classes)} classes a point, got {len(points)} points and codes "
                f"of {codes.dtype} and shape {codes.shape}: read_sample numbers labels"
            )
        for name, array in (("points", points), ("codes", codes.astype(np.int64))):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)

    def __repr__(self) -> str:
        size, dim = self.points.shape
        return f"<Sample of {size:,} points in R^{dim}, {len(self.classes)} classes>"

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

    Args:
        points: an array, a torch tensor, a pandas table, or a list of rows; integers, booleans and floats of any
            size, whose values float64 holds exactly.
        dim: d, if it is known.

    Raises:
        ValueError: unless they are such finite numbers in a non-empty array of shape (n, d), without masked or
            missing entries; for a column that is an index which pandas stored.
    """
    array = labelled_points.read_points(points)
    if dim is not None and array.shape[1] != dim:
        raise ValueError(f"points must have dimension {dim}, got {array.shape[1]}")
    return array


def read_labels(labels: Any) -> list[Hashable]:
    """The labels as Python values, in the order of the points.

    Args:
        labels: a one-dimensional array, tensor or column, or an iterable in a fixed order, of numbers, text or other
            values that compare by content; numpy and torch scalars count as their values, also within tuples.

    Raises:
        ValueError: for a mapping or set, another shape, masked or missing entries (None, NaN, NaT, NA), complex
            numbers, dates of numpy, extended precision, records, or what does not compare by content.
    """
    if is_table(labels):
        raise ValueError('labels must be one column, got a table: give table["name of the column"]')
    if hasattr(labels, "__array__") or sp.issparse(labels):
        array = _plain_labels(labels, "labels")
        if array.ndim != 1:
            raise ValueError(
                f"labels must have shape (n,), got {array.shape}: ravel() a column, take argmax(axis=1) of one-hot rows"
            )
        return [_read_label(label, k) for k, label in enumerate(array.tolist())]
    if isinstance(labels, str | bytes | bytearray | Mapping | Set) or not isinstance(labels, Iterable):
        raise ValueError(
            f"labels must be a sequence with one label a point, got {type(labels).__name__}: "
            "give a list in the order of the points"
        )
    return [_read_label(label, k) for k, label in enumerate(labels)]


def read_codes(labels: Any, classes: tuple[Hashable, ...] | None) -> Int[np.ndarray, " n_labels"]:
    """Labels as a network has them: -1 and +1 for one output, else the number of the output.

    Args:
        labels: one a point; of the classes, or if there are none -1 and +1 or class numbers.
        classes: that the outputs of the network stand for.

    Raises:
        ValueError: for other labels.
    """
    if classes is None:
        return _plain_codes(labels)
    number = {label: k for k, label in enumerate(classes)}
    given = read_labels(labels)
    for k, label in enumerate(given):
        if label not in number:
            raise ValueError(
                f"labels must be classes of the network, {shown(classes)}, got {label!r} for point {k}: "
                "give the labels that it was built for"
            )
    codes = np.array([number[label] for label in given], dtype=np.int64)
    return 2 * codes - 1 if is_signed(classes) else codes


def read_labelled_points(
    points: Any, labels: Any, classes: tuple[Hashable, ...] | None, dim: int | None = None
) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
    """Points, and for each the code of its label; see `read_points` and `read_codes`.

    Raises:
        ValueError: as those, or unless there is one label a point.
    """
    read, codes = read_points(points, dim), read_codes(labels, classes)
    if len(codes) != len(read):
        raise ValueError(f"labels must hold one label a point, got {len(read)} points and {len(codes)} labels")
    return read, codes


def read_sample(points: Any, labels: Any) -> Sample:
    """Check and number a labelled sample. The sample does not share memory with the arguments.

    Equal labels are one class, as 1, 1.0 and True are.

    Args:
        points: shape (n, d), real and finite; see `read_points`.
        labels: n labels, -1 and +1 or any hashable classes; see `read_labels`.

    Raises:
        ValueError: for malformed points or labels, different labels that read the same, such as 1 and "1", or
            pandas objects with different indices.
        AssumptionError: if all labels are the same.
    """
    array = read_points(points)
    _check_indices(points, labels)
    given = read_labels(labels)
    if len(given) != len(array):
        raise ValueError(f"there must be one label a point, got {len(array)} points and {len(given)} labels")
    distinct = list(dict.fromkeys(given))
    if len(distinct) < 2:
        raise AssumptionError(f"a classifier needs at least two classes, got the label {given[0]!r} only")
    _check_names(distinct)
    try:
        classes: tuple[Hashable, ...] = tuple(sorted(distinct))  # type: ignore[type-var]
    except TypeError:
        classes = tuple(distinct)
    position = {label: k for k, label in enumerate(classes)}
    codes = np.array([position[label] for label in given], dtype=np.int64)
    return Sample(array, 2 * codes - 1 if is_signed(classes) else codes, classes)


def _plain_codes(labels: Any) -> Int[np.ndarray, " n_labels"]:
    codes = plain_array(labels, "labels")
    if codes.dtype.kind == "f" and np.array_equal(codes, np.rint(codes)):
        codes = codes.astype(np.int64)
    if codes.dtype.kind not in "iu" or codes.ndim != 1 or (codes.size and codes.max() >= 2**63):
        raise ValueError(
            f"labels must be -1 and +1 or class numbers, shape (n,), got {codes.dtype} of shape {codes.shape}: "
            "a network whose classes have other names needs them, ReLUNetwork(layers, classes)"
        )
    return codes.astype(np.int64)


def shown(classes: tuple[Hashable, ...]) -> str:
    """The classes in a message, the most of them."""
    names = [repr(label) for label in classes]
    return ", ".join(names if len(names) <= 12 else [*names[:10], "…", names[-1]])


def _check_indices(points: Any, labels: Any) -> None:
    if hasattr(points, "iloc") and hasattr(labels, "iloc") and not points.index.equals(labels.index):
        raise ValueError(
            "points and labels must have the same index: take labels.loc[points.index], or to_numpy() of both if "
            "their order is the same"
        )


def _check_names(classes: list[Hashable]) -> None:
    names: dict[str, Hashable] = {}
    for label in classes:
        other = names.setdefault(str(label), label)
        if other is not label:
            raise ValueError(
                f"labels that differ must not read the same, got {other!r} of type {type(other).__name__} and "
                f"{label!r} of type {type(label).__name__}: give all labels one type"
            )


def _plain_labels(labels: Any, name: str) -> np.ndarray:
    """The array; refused if its `tolist()` would have other values, or values without an order of their own."""
    array = plain_array(labels, name)
    if array.dtype.kind not in "biufUSOT" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        raise ValueError(
            f"{name} must be integers, floats, booleans or text, got dtype {array.dtype}: "
            "number the classes, or take astype(str)"
        )
    return array


def _read_label(label: Any, k: int) -> Hashable:
    """The k-th label as a value that compares by content: equal labels are to be one class, and no others."""
    kind = type(label)
    if kind in (int, str, bool, bytes):
        return label  # type: ignore[no-any-return]
    if isinstance(label, str | bytes):
        # A numpy array of them would drop null characters at the end.
        return str(label) if isinstance(label, str) else bytes(label)
    if hasattr(label, "__array__"):
        array = _plain_labels(label, "labels")
        if array.ndim:
            raise ValueError(
                f"labels must be hashable classes, one a point, got {kind.__name__} of shape {array.shape}"
            )
        return _read_label(array.tolist(), k)
    if isinstance(label, tuple | frozenset):
        parts = [_read_label(part, k) for part in label]
        return tuple(parts) if isinstance(label, tuple) else frozenset(parts)
    if _is_missing(label):
        raise ValueError(f"labels must not be missing or NaN, got {label!r} for point {k}: drop it, or name its class")
    try:
        hash(label)
    except TypeError as error:
        raise ValueError(f"labels must be hashable classes, one a point: {error}") from error
    compares = any("__eq__" in vars(base) for base in kind.__mro__ if base is not object)
    if kind is complex or not (compares or isinstance(label, Enum | type)):
        raise ValueError(
            f"labels must be real numbers, text or other values that compare by content, got {kind.__name__} for "
            f"point {k}: give its name or number"
        )
    return label  # type: ignore[no-any-return]


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except (TypeError, ArithmeticError):  # the NA of pandas is neither equal to itself nor not, a signalling NaN raises
        return True
