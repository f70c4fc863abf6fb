"""Reading a network, points and a certificate file, and the digests that bind them."""

import hashlib
import json
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

FORMAT = "robust memorization certificate 2"
KEYS = {"arithmetic", "digest", "format", "indicators", "network", "p", "points", "radius", "records"}
FIELDS = {"status", "lower", "method", "arithmetic", "seconds", "witness"}
ARITHMETICS = ("reals", "rational", "float64", "float32")
METHODS = ("attack", "interval", "linear", "slopes", "splitting", "structure")


@dataclass(frozen=True, eq=False)
class Layer:
    """Non-zeros row by row, and biases."""

    shape: tuple[int, int]
    start: np.ndarray
    column: np.ndarray
    value: np.ndarray
    bias: np.ndarray


def read_certificate(path: str) -> dict[str, Any]:
    """The content of a file that is exactly what its digest says."""
    with open(path, "rb") as stream:
        raw = stream.read()
    content = json.loads(raw)
    if not isinstance(content, dict) or set(content) != KEYS or content["format"] != FORMAT:
        raise ValueError(f"{path} is no certificate of the format {FORMAT!r}")
    own = {key: value for key, value in content.items() if key != "digest"}
    if raw != canonical(content) or content["digest"] != hashlib.sha256(canonical(own)).hexdigest():
        raise ValueError(f"{path} was changed: its digest is not that of its content")
    radius, p, arithmetic = content["radius"], content["p"], content["arithmetic"]
    if not (_is_number(radius) and radius > 0 and arithmetic in ARITHMETICS):
        raise ValueError(f"{path} needs a radius > 0 and a known arithmetic, got {radius!r} and {arithmetic!r}")
    if not (p == "inf" or (_is_number(p) and p >= 1)):
        raise ValueError(f"{path} needs p >= 1, got {p!r}")
    widths, records = content["indicators"], content["records"]
    if not (isinstance(widths, list) and all(type(width) is int and width > 0 for width in widths)):
        raise ValueError(f"{path} needs a list of widths of indicator layers, got {widths!r}")
    if not isinstance(records, list):
        raise ValueError(f"{path} needs a list of records, got {type(records).__name__}")
    for record in records:
        _check_record(path, record, arithmetic)
    return content


def _is_number(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _check_record(path: str, record: Any, arithmetic: str) -> None:
    if not isinstance(record, dict) or set(record) != FIELDS or record["arithmetic"] != arithmetic:
        raise ValueError(f"{path} has a record with other fields or another arithmetic")
    if record["status"] not in ("certified", "refuted", "undecided") or record["method"] not in METHODS:
        raise ValueError(f"{path} has a record with status {record['status']!r} and method {record['method']!r}")
    if not all(record[name] is None or _is_number(record[name]) for name in ("lower", "seconds")):
        raise ValueError(f"{path} has a record whose lower bound or seconds are no number")
    witness = record["witness"]
    if not (witness is None or (isinstance(witness, list) and all(map(_is_number, witness)))):
        raise ValueError(f"{path} has a record whose witness is no list of numbers")


def canonical(content: dict[str, Any]) -> bytes:
    """The one way to write the content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def read_network(path: str) -> list[Layer]:
    """The layers of an `.npz` file, dense or sparse, in the very form in which `ReLUNetwork.save` writes them."""
    with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    depth = int(_take(arrays, "depth", np.int64, 0))
    # What the outputs are called: claims are about their numbers.
    arrays.pop("classes", None)
    layers = [_read_layer(arrays, k) for k in range(depth)]
    if arrays:
        raise ValueError(f"{path} holds more than a network: {sorted(arrays)}")
    if not layers or not all(a.shape[0] == b.shape[1] for a, b in pairwise(layers)):
        raise ValueError(f"{path} holds no layers that fit")
    return layers


def _take(arrays: dict[str, np.ndarray], name: str, kind: type[np.generic], axes: int) -> np.ndarray:
    """The array of that name, of that kind in this machine's byte order and of so many axes, and nothing else."""
    array = arrays.pop(name)
    if type(array) is not np.ndarray or array.dtype != np.dtype(kind) or array.ndim != axes:
        raise ValueError(f"{name} must hold {np.dtype(kind)} with {axes} axes, got {array.dtype} of {array.shape}")
    return array


def _read_layer(arrays: dict[str, np.ndarray], k: int) -> Layer:
    bias = _take(arrays, f"bias_{k}", np.float64, 1)
    if f"weight_{k}" in arrays:
        weight = _take(arrays, f"weight_{k}", np.float64, 2)
        rows, column = np.nonzero(weight)
        value, shape = weight[rows, column], weight.shape
        start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
    else:
        value = _take(arrays, f"data_{k}", np.float64, 1)
        # scipy indexes by 32 bits where they are enough.
        index = np.int64 if arrays[f"indices_{k}"].dtype == np.int64 else np.int32
        column, start = [_take(arrays, f"{name}_{k}", index, 1).astype(np.int64) for name in ("indices", "indptr")]
        shape = tuple(int(n) for n in _take(arrays, f"shape_{k}", np.int64, 1))
    if len(shape) != 2 or min(shape) < 1 or bias.shape != shape[:1]:
        raise ValueError(f"layer {k} needs a weight of 2 axes and one bias a row, got {shape} and {bias.shape}")
    if not (np.isfinite(value).all() and np.isfinite(bias).all() and np.all(value != 0)):
        raise ValueError(f"layer {k} needs finite entries, and stores no zero")
    if not (
        len(start) == shape[0] + 1
        and start[0] == 0
        and start[-1] == len(value) == len(column)
        and np.all(np.diff(start) >= 0)
        and _ascend_in_rows(column, start, shape[1])
    ):
        raise ValueError(f"layer {k} needs row pointers and, in each row, ascending columns below {shape[1]}")
    return Layer((shape[0], shape[1]), start, column, value, bias)


def _ascend_in_rows(column: np.ndarray, start: np.ndarray, width: int) -> bool:
    if not len(column):
        return True
    rows = np.repeat(np.arange(len(start) - 1), np.diff(start))
    ascend = (np.diff(rows) > 0) | (np.diff(column) > 0)
    return bool(ascend.all() and column.min() >= 0 and column.max() < width)


def read_points(path: str, inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and labels in the form in which `write_points` writes them: the labels are the network's own."""
    with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    points, labels = _take(arrays, "points", np.float64, 2), _take(arrays, "labels", np.int64, 1)
    if arrays or not len(points) or points.shape[1] != inputs or labels.shape != points.shape[:1]:
        raise ValueError(f"{path} needs points of dimension {inputs}, one label each, and nothing else")
    if not np.isfinite(points).all():
        raise ValueError(f"{path} needs finite points")
    known = [-1, 1] if outputs == 1 else list(range(outputs))
    if not np.isin(labels, known).all():
        raise ValueError(
            f"{path} needs the labels of a network with {outputs} output(s), {known[0]} to {known[-1]}: "
            "constructions.write_points writes them for other classes"
        )
    return points, labels


def network_digest(layers: list[Layer]) -> str:
    """SHA-256 of shapes, row pointers, columns, values and biases."""
    digest = hashlib.sha256()
    for f in layers:
        for part in (f.shape, f.start, f.column):
            digest.update(np.asarray(part, dtype="<i8").tobytes())
        for values in (f.value, f.bias):
            digest.update((np.asarray(values, dtype="<f8") + 0.0).tobytes())
    return digest.hexdigest()


def points_digest(points: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of shape, coordinates and labels."""
    digest = hashlib.sha256(np.asarray(points.shape, dtype="<i8").tobytes())
    digest.update((np.asarray(points, dtype="<f8") + 0.0).tobytes())
    digest.update(np.asarray(labels, dtype="<i8").tobytes())
    return digest.hexdigest()
