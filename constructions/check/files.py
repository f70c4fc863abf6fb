"""Reading a network, points and a certificate file, and the digests that bind them."""

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

FORMAT = "robust memorization certificate 2"
KEYS = {"arithmetic", "digest", "format", "indicators", "network", "p", "points", "radius", "records"}
FIELDS = {"status", "lower", "method", "arithmetic", "seconds", "witness"}
ARITHMETICS = ("reals", "rational", "float64", "float32")


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
    if not (isinstance(radius, float) and radius > 0 and arithmetic in ARITHMETICS):
        raise ValueError(f"{path} needs a radius > 0 and a known arithmetic, got {radius!r} and {arithmetic!r}")
    if not (p == "inf" or (isinstance(p, float) and p >= 1)):
        raise ValueError(f"{path} needs p >= 1, got {p!r}")
    widths = content["indicators"]
    if not (isinstance(widths, list) and all(isinstance(width, int) and width > 0 for width in widths)):
        raise ValueError(f"{path} needs a list of widths of indicator layers, got {widths!r}")
    for record in content["records"]:
        if set(record) != FIELDS or record["arithmetic"] != arithmetic:
            raise ValueError(f"{path} has a record with other fields or another arithmetic")
        if record["status"] not in ("certified", "refuted", "undecided"):
            raise ValueError(f"{path} has a record with status {record['status']!r}")
    return content


def canonical(content: dict[str, Any]) -> bytes:
    """The one way to write the content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def read_network(path: str) -> list[Layer]:
    """The layers of an `.npz` file, dense or sparse."""
    with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
        layers = [_read_layer(file, k) for k in range(int(file["depth"]))]
    fits = all(a.shape[0] == b.shape[1] for a, b in pairwise(layers))
    if not layers or not fits:
        raise ValueError(f"{path} holds no layers that fit")
    return layers


def _read_layer(file: Any, k: int) -> Layer:
    bias = np.asarray(file[f"bias_{k}"], dtype=np.float64)
    if f"weight_{k}" in file:
        weight = np.asarray(file[f"weight_{k}"], dtype=np.float64)
        rows, column = np.nonzero(weight)
        value, shape = weight[rows, column], weight.shape
    else:
        shape = tuple(int(n) for n in file[f"shape_{k}"])
        pointer = np.asarray(file[f"indptr_{k}"], dtype=np.int64)
        rows = np.repeat(np.arange(shape[0]), np.diff(pointer))
        column, value = np.asarray(file[f"indices_{k}"], dtype=np.int64), np.asarray(file[f"data_{k}"], dtype=float)
        kept = value != 0
        rows, column, value = rows[kept], column[kept], value[kept]
        order = np.lexsort((column, rows))
        rows, column, value = rows[order], column[order], value[order]
    twice = np.any((np.diff(rows) == 0) & (np.diff(column) == 0))
    inside = not len(column) or (column.min() >= 0 and column.max() < shape[1])
    if twice or not inside or bias.shape != (shape[0],) or not (np.isfinite(value).all() and np.isfinite(bias).all()):
        raise ValueError(f"layer {k} is malformed")
    start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
    return Layer((shape[0], shape[1]), start, column, value, bias)


def read_points(path: str, layers: list[Layer]) -> tuple[np.ndarray, np.ndarray]:
    """Points and labels; labels that are not the network's own are numbered in sorted order."""
    with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
        points, labels = np.asarray(file["points"], dtype=np.float64), file["labels"]
    outputs = layers[-1].shape[0]
    if points.ndim != 2 or points.shape[1] != layers[0].shape[1] or labels.shape != points.shape[:1]:
        raise ValueError(f"{path} needs points of dimension {layers[0].shape[1]} and one label each")
    if not np.isfinite(points).all():
        raise ValueError(f"{path} needs finite points")
    known = (-1, 1) if outputs == 1 else range(outputs)
    if not set(labels.tolist()) <= set(known):
        classes, labels = np.unique(labels, return_inverse=True)
        if outputs == 1 or len(classes) > outputs:
            raise ValueError(f"{path} has labels that a network with {outputs} output(s) cannot have")
    return points, labels.astype(np.int64)


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
