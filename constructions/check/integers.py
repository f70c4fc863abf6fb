"""What `python -m constructions.check` does for a network of integers, exactly.

The network is a JSON file of integer layers with hexadecimal entries, of any length. Each ball is followed through it
by intervals of Python integers in a common unit 2^-s: the first layer by the dual norm, rounded up where that is
irrational, and from there on nothing is rounded. A ball is confirmed if the least margin found is positive and not
below the claim.
"""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

FORMAT = "robust memorization integer network 1"
_ENTRY = re.compile(r"-?[1-9a-f][0-9a-f]*|0")
# Balls followed together.
_BALLS = 4096


@dataclass(frozen=True)
class IntegerLayer:
    """Weights that are not 0 as (row, column, weight), and biases."""

    inputs: int
    entries: list[tuple[int, int, int]]
    bias: list[int]


def read_network(path: str) -> tuple[list[IntegerLayer], str]:
    """The layers of a file in its one form, and its digest."""
    with open(path, "rb") as stream:
        raw = stream.read()
    content = json.loads(raw)
    if not isinstance(content, dict) or set(content) != {"classes", "format", "layers"} or content["format"] != FORMAT:
        raise ValueError(f"{path} is no network of the format {FORMAT!r}")
    if json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii") != raw:
        raise ValueError(f"{path} is not written in the one form of its content")
    layers = [_read_layer(layer) for layer in content["layers"]]
    if not layers or any(len(a.bias) != b.inputs for a, b in pairwise(layers)):
        raise ValueError(f"{path} holds no layers that fit")
    classes = len(content["classes"])
    if len(layers[-1].bias) != (1 if content["classes"] == [-1, 1] else classes):
        raise ValueError(f"{path} needs one output a class, got {len(layers[-1].bias)} for {classes}")
    return layers, hashlib.sha256(raw).hexdigest()


def _read_layer(content: Any) -> IntegerLayer:
    if not isinstance(content, dict) or set(content) != {"bias", "inputs", "rows"}:
        raise ValueError("a layer needs inputs, bias and rows")
    inputs, rows, bias = content["inputs"], content["rows"], [_integer(text) for text in content["bias"]]
    if type(inputs) is not int or inputs < 1 or not rows or len(rows) != len(bias):
        raise ValueError("a layer needs inputs >= 1 and one bias a row")
    entries = [(r, column, _integer(text)) for r, row in enumerate(rows) for column, text in row]
    for (r, column, weight), (s, before, _) in zip(entries, [(-1, 0, 0), *entries], strict=False):
        if type(column) is not int or not 0 <= column < inputs or weight == 0 or (r == s and column <= before):
            raise ValueError("a row needs weights that are not 0, of ascending inputs")
    return IntegerLayer(inputs, entries, bias)


def _integer(text: Any) -> int:
    if not (isinstance(text, str) and _ENTRY.fullmatch(text)):
        raise ValueError(f"an entry needs hexadecimal digits, got {text!r}")
    return int(text, 16)


def least_margins(
    layers: list[IntegerLayer], points: np.ndarray, labels: np.ndarray, radius: float, p: float
) -> list[Fraction]:
    """Exact interval bounds of the margins on the balls, one a point."""
    found: list[Fraction] = []
    for start in range(0, len(points), _BALLS):
        rows = slice(start, start + _BALLS)
        low, high, unit = _images(layers[0], points[rows], Fraction(radius), p)
        for layer in layers[1:]:
            low, high = np.maximum(low, 0), np.maximum(high, 0)
            low, high = _through(layer, low, high, unit)
        if len(low) == 1:
            least = np.where(labels[rows] == 1, low[0], -high[0])
        else:
            own = labels[rows], np.arange(low.shape[1])
            best = low[own]
            high[own] = low.min()
            least = best - high.max(axis=0)
        found += [Fraction(int(value), unit) for value in least.tolist()]
    return found


def _images(layer: IntegerLayer, points: np.ndarray, radius: Fraction, p: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Of the balls under the first layer: least and greatest values (rows, balls), times the unit."""
    exact = np.zeros(points.shape[::-1], dtype=object)
    used = sorted({column for _, column, _ in layer.entries})
    denominators = {radius.denominator}
    ratios: dict[int, list[tuple[int, int]]] = {}
    for column in used:
        ratios[column] = [value.as_integer_ratio() for value in points[:, column].tolist()]
        denominators |= {below for _, below in ratios[column]}
    # All of them are powers of two.
    unit = max(denominators)
    for column in used:
        exact[column] = [above * (unit // below) for above, below in ratios[column]]
    centre = np.array([[b * unit] * len(points) for b in layer.bias], dtype=object)
    weights: list[list[int]] = [[] for _ in layer.bias]
    for r, column, weight in layer.entries:
        centre[r] += weight * exact[column]
        weights[r].append(weight)
    reach = np.array([_dual(row, int(radius * unit), p) for row in weights], dtype=object)[:, None]
    return centre - reach, centre + reach, unit


def _dual(weights: list[int], radius: int, p: float) -> int:
    """`radius ‖w‖_q`, or more; for p other than 1 and 2 that of the box around the ball."""
    if p == 1:
        return radius * max((abs(w) for w in weights), default=0)
    if p == 2:
        square = radius * radius * sum(w * w for w in weights)
        return math.isqrt(square - 1) + 1 if square else 0
    return radius * sum(abs(w) for w in weights)


def _through(layer: IntegerLayer, low: np.ndarray, high: np.ndarray, unit: int) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of the rows; where all inputs are points they are computed once."""
    least = np.array([[b * unit] * low.shape[1] for b in layer.bias], dtype=object)
    points = [bool(np.all(a == b)) for a, b in zip(low, high, strict=True)]
    greatest = least.copy()
    spread = [False] * len(layer.bias)
    for r, column, weight in layer.entries:
        a, b = (low[column], high[column]) if weight > 0 else (high[column], low[column])
        least[r] += weight * a
        if not points[column] and not spread[r]:
            # So far both were the same.
            greatest[r], spread[r] = least[r] - weight * a, True
        if spread[r]:
            greatest[r] += weight * b
    for r, apart in enumerate(spread):
        if not apart:
            greatest[r] = least[r]
    return least, greatest


def check(certificate: dict[str, Any], layers: list[IntegerLayer], points: np.ndarray, labels: np.ndarray) -> list[str]:
    """What could not be confirmed, in words."""
    p = math.inf if certificate["p"] == "inf" else certificate["p"]
    if certificate["arithmetic"] not in ("reals", "rational"):
        return [f"integers are followed over the reals, and the claim is about {certificate['arithmetic']}"]
    found = least_margins(layers, points, labels, certificate["radius"], p)
    at_points = least_margins(layers, points, labels, 0.0, p) if _refuted(certificate) else found
    failures = []
    for i, (record, bound) in enumerate(zip(certificate["records"], found, strict=True)):
        claim, status = record["lower"], record["status"]
        if status == "certified" and not (claim is not None and 0 < claim <= bound):
            failures.append(f"point {i}: certified with {claim!r}, but the bound found here is {float(bound):.6g}")
        elif claim is not None and not claim <= bound:
            failures.append(f"point {i}: lower bound {claim!r}, but {float(bound):.6g} found here")
        elif (status == "refuted") != (record["witness"] is not None):
            failures.append(f"point {i}: {status}, so it needs {'a' if status == 'refuted' else 'no'} witness")
        elif status == "refuted" and not (record["witness"] == points[i].tolist() and at_points[i] <= 0):
            failures.append(f"point {i}: refuted, but the witness is not the point, or is no error")
    return failures


def _refuted(certificate: dict[str, Any]) -> bool:
    return any(record["status"] == "refuted" for record in certificate["records"])


def is_network(path: str) -> bool:
    """Whether the file may be one of integer layers, and is none of arrays."""
    with open(path, "rb") as stream:
        return stream.read(1) == b"{"
