"""`python -m constructions.check NETWORK POINTS CERTIFICATE`: check a certificate file again, trusting nothing else.

The network is an `.npz` of layers, the points an `.npz` with `points` and `labels`. Nothing of the project is used:
the digests are computed again, the bounds by interval propagation of its own (`W = P - N` with P, N >= 0, float64
with rounding errors included; rational for "rational" and, for small networks, wherever float64 leaves a claim open),
the margins at the witnesses in rational arithmetic or by running the network in its format, in three orders of
summation. Exit code 0: every status and every lower bound confirmed. 1: some claim not confirmed, which is no proof
that it is wrong: claims by relaxation or structure may be beyond intervals. 2: a file is unreadable, changed, or does
not belong to the others. The outcome is printed as one line of JSON.
"""

import hashlib
import json
import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

FORMAT = "robust memorization certificate 1"
KEYS = {"arithmetic", "digest", "format", "network", "p", "points", "radius", "records"}
FIELDS = {"status", "lower", "method", "arithmetic", "seconds", "witness"}
ROUNDOFF = {"reals": 0.0, "rational": 0.0, "float64": 2.0**-53, "float32": 2.0**-24}
LEAST = {"reals": 0.0, "rational": 0.0, "float64": 2.0**-1022, "float32": 2.0**-126}
GREATEST = {"reals": 1e300, "rational": 1e300, "float64": 1e300, "float32": 3.4e38}
TINY = 2.0**-960
BLOCK = 2**22
EXACT_LIMIT = 30_000_000


@dataclass(frozen=True, eq=False)
class Layer:
    """Non-zeros row by row, and biases."""

    shape: tuple[int, int]
    start: np.ndarray
    column: np.ndarray
    value: np.ndarray
    bias: np.ndarray


def main(arguments: list[str] | None = None) -> int:
    """Check one file; the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 3:
        print("usage: python -m constructions.check NETWORK POINTS CERTIFICATE", file=sys.stderr)
        return 2
    try:
        certificate = read_certificate(given[2])
        layers = read_network(given[0])
        points, labels = read_points(given[1], layers)
        if certificate["network"] != network_digest(layers):
            raise ValueError(f"the certificate is not of the network in {given[0]}")
        if certificate["points"] != points_digest(points, labels):
            raise ValueError(f"the certificate is not of the points in {given[1]}")
        if len(certificate["records"]) != len(points):
            raise ValueError(f"there are {len(certificate['records'])} records for {len(points)} points")
        failures = check(certificate, layers, points, labels)
    except Exception as error:  # damaged archives fail in many ways, and each is a refusal
        print(f"refused: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"points": len(points), "confirmed": len(points) - len(failures), "not confirmed": failures}))
    return 1 if failures else 0


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
    if not (isinstance(radius, float) and radius > 0 and arithmetic in ROUNDOFF):
        raise ValueError(f"{path} needs a radius > 0 and a known arithmetic, got {radius!r} and {arithmetic!r}")
    if not (p == "inf" or (isinstance(p, float) and p >= 1)):
        raise ValueError(f"{path} needs p >= 1, got {p!r}")
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


def check(certificate: dict[str, Any], layers: list[Layer], points: np.ndarray, labels: np.ndarray) -> list[str]:
    """What could not be confirmed, in words."""
    radius, arithmetic = certificate["radius"], certificate["arithmetic"]
    p = math.inf if certificate["p"] == "inf" else certificate["p"]
    small = len(points) * sum(len(f.value) for f in layers) <= EXACT_LIMIT
    executed = [_rounded(f, arithmetic) for f in layers]
    lower = np.full(len(points), -np.inf)
    if p in (1, 2, math.inf) and arithmetic != "rational":
        lower = margin_bounds(executed, points, labels, radius, p, arithmetic)
    failures = []
    for i, record in enumerate(certificate["records"]):
        claim, status = record["lower"], record["status"]
        bound: float | Fraction = float(lower[i])
        open_claim = (claim is not None and not bound >= claim) or (status == "certified" and not bound > 0)
        if open_claim and arithmetic in ("reals", "rational") and small and p in (1, 2, math.inf):
            bound = exact_margin(layers, points[i], int(labels[i]), radius, p)
        if status == "certified" and not bound > 0:
            failures.append(f"point {i}: certified, but the bound found here is {float(bound):g}")
        elif claim is not None and not bound >= claim:
            failures.append(f"point {i}: lower bound {claim!r}, but {float(bound)!r} found here")
        elif status == "certified" and not (claim is not None and claim > 0):
            failures.append(f"point {i}: certified with the lower bound {claim!r}")
        elif (status == "refuted") != (record["witness"] is not None):
            failures.append(f"point {i}: {status}, so it needs {'a' if status == 'refuted' else 'no'} witness")
        elif status == "refuted":
            x = np.array(record["witness"], dtype=np.float64)
            if not (_is_inside(x, points[i], radius, p) and _fails(layers, executed, x, int(labels[i]), arithmetic)):
                failures.append(f"point {i}: refuted, but the witness fails to be in the ball or to be an error")
    return failures


def _rounded(f: Layer, arithmetic: str) -> Layer:
    if arithmetic != "float32":
        return f
    with np.errstate(over="ignore"):
        value, bias = f.value.astype(np.float32).astype(np.float64), f.bias.astype(np.float32).astype(np.float64)
    return Layer(f.shape, f.start, f.column, value, bias)


def margin_bounds(
    layers: list[Layer], points: np.ndarray, labels: np.ndarray, radius: float, p: float, arithmetic: str
) -> np.ndarray:
    """Interval bounds of the margins over the balls in float64, from outside."""
    step = min(256, max(1, BLOCK // max(max(f.shape) for f in layers)))
    blocks = [slice(s, s + step) for s in range(0, len(points), step)]
    with np.errstate(all="ignore"):
        return np.concatenate([_bounds(layers, points[b].T, labels[b], radius, p, arithmetic) for b in blocks])


def _gamma(k: np.ndarray, roundoff: float) -> np.ndarray:
    spent = k * roundoff
    return np.where(spent < 0.5, spent / (1 - np.minimum(spent, 0.5)), np.inf) * (1 + 2.0**-40)


def _bounds(
    layers: list[Layer], x: np.ndarray, labels: np.ndarray, radius: float, p: float, arithmetic: str
) -> np.ndarray:
    low, high = np.nextafter(x - radius, -np.inf), np.nextafter(x + radius, np.inf)
    safe = np.ones(x.shape[1], dtype=bool)
    dual: tuple[np.ndarray, float, float] | None = None if p == math.inf else (x, radius, p)
    for f in layers[:-1]:
        low, high, size = _affine(f, low, high, arithmetic, dual)
        safe &= size.max(axis=0) <= GREATEST[arithmetic] / 8
        low, high, dual = np.maximum(low, 0), np.maximum(high, 0), None
    lower = np.empty(x.shape[1])
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        centre = None if dual is None else (dual[0][:, mine], dual[1], dual[2])
        form, sizes, terms = _margin_forms(layers[-1], int(label))
        found, _, size = _affine(form, low[:, mine], high[:, mine], arithmetic, centre, sizes, terms)
        safe[mine] &= size.max(axis=0) <= GREATEST[arithmetic] / 8
        lower[mine] = found.min(axis=0)
    return np.where(safe & np.isfinite(lower), lower, -np.inf)


def _affine(
    f: Layer,
    low: np.ndarray,
    high: np.ndarray,
    arithmetic: str,
    ball: tuple[np.ndarray, float, float] | None,
    sizes: tuple[Layer, np.ndarray] | None = None,
    terms: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Range of the computed `W h + b`, and a bound of all partial sums; `sizes` and `terms` of a merged form."""
    largest = np.maximum(np.abs(low), np.abs(high))
    bias = f.bias[:, None]
    if sizes is None:
        k = np.diff(f.start)
        total = _product(f, np.abs(f.value), largest) + np.abs(bias)
        # ±2^m h without bias is exact.
        ones = np.zeros(f.shape[0], dtype=bool)
        ones[k == 1] = np.frexp(np.abs(f.value[f.start[:-1][k == 1]]))[0] == 0.5
        rounds = k + 1.0 - (k + 1.0) * (ones & (f.bias == 0))
        own, count = k + 6.0, k
    else:
        assert terms is not None
        total = _product(sizes[0], sizes[0].value, largest) + sizes[1][:, None]
        rounds, own, count = terms + 1.0, 2 * terms + 10.0, 2 * terms
    error = (_gamma(rounds, ROUNDOFF[arithmetic]) + _gamma(own, 2.0**-53))[:, None] * total * (1 + 2.0**-30)
    error += ((2 * count + 2) * LEAST[arithmetic] + TINY)[:, None] * (count > 0)[:, None]
    if sizes is None:
        error *= (count > 0)[:, None]
    if ball is not None:
        value = _product(f, f.value, ball[0]) + bias
        reach = ball[1] * _row_norms(f, ball[2]) * (1 + _gamma(np.diff(f.start) + 8.0, 2.0**-53))
        return value - reach[:, None] - error, value + reach[:, None] + error, total
    positive, negative = np.maximum(f.value, 0), np.maximum(-f.value, 0)
    lower = _product(f, positive, low) - _product(f, negative, high) + bias - error
    return lower, _product(f, positive, high) - _product(f, negative, low) + bias + error, total


def _margin_forms(last: Layer, label: int) -> tuple[Layer, tuple[Layer, np.ndarray], np.ndarray]:
    weight = _dense(last, last.value, 0, last.shape[0])
    if len(last.bias) == 1:
        own, size, bias, total = label * weight, np.abs(weight), label * last.bias, np.abs(last.bias)
        terms = np.diff(last.start)
    else:
        others = np.delete(np.arange(len(last.bias)), label)
        own, size = weight[label] - weight[others], np.abs(weight[label]) + np.abs(weight[others])
        bias, total = last.bias[label] - last.bias[others], np.abs(last.bias[label]) + np.abs(last.bias[others])
        terms = np.maximum(np.diff(last.start)[label], np.diff(last.start)[others])
    return _layer(own, bias), (_layer(size, total), total), terms


def _layer(weight: np.ndarray, bias: np.ndarray) -> Layer:
    rows, column = np.nonzero(weight)
    start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(weight)))])
    return Layer((weight.shape[0], weight.shape[1]), start, column, weight[rows, column], bias)


def _dense(f: Layer, value: np.ndarray, first: int, stop: int) -> np.ndarray:
    part = slice(f.start[first], f.start[stop])
    rows = np.repeat(np.arange(stop - first), np.diff(f.start[first : stop + 1]))
    weight = np.zeros((stop - first, f.shape[1]))
    weight[rows, f.column[part]] = value[part]
    return weight


def _product(f: Layer, value: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`W @ x` with other values at the places of W: dense where there are many, else row by row."""
    result = np.zeros((f.shape[0], x.shape[1]))
    if not value.any():
        return result
    if 20 * len(value) > f.shape[0] * f.shape[1]:
        step = max(1, BLOCK // f.shape[1])
        for first in range(0, f.shape[0], step):
            stop = min(first + step, f.shape[0])
            result[first:stop] = _dense(f, value, first, stop) @ x
        return result
    filled = np.flatnonzero(np.diff(f.start))
    first = 0
    while first < len(filled):
        limit = f.start[filled[first]] + max(1, BLOCK // x.shape[1])
        stop = max(first + 1, int(np.searchsorted(f.start[filled + 1], limit, side="right")))
        rows = filled[first:stop]
        part = slice(f.start[rows[0]], f.start[rows[-1] + 1])
        terms = value[part, None] * x[f.column[part]]
        result[rows] = np.add.reduceat(terms, f.start[rows] - f.start[rows[0]], axis=0)
        first = stop
    return result


def _row_norms(f: Layer, p: float) -> np.ndarray:
    """Norms dual to l_1 or l_2, before rounding."""
    result = np.zeros(f.shape[0])
    filled = np.flatnonzero(np.diff(f.start))
    if len(filled):
        size = np.abs(f.value)
        # Squares that underflow are lost in TINY's root.
        norms = np.maximum.reduceat(size, f.start[filled]) if p == 1 else np.add.reduceat(size**2, f.start[filled])
        result[filled] = norms if p == 1 else np.sqrt(norms) + 2.0**-500
    return result


def exact_margin(layers: list[Layer], x: np.ndarray, label: int, radius: float, p: float) -> Fraction:
    """The interval bound of the margin in rational arithmetic; with radius 0 the margin itself."""
    low = [Fraction(c) - Fraction(radius) for c in x.tolist()]
    high = [Fraction(c) + Fraction(radius) for c in x.tolist()]
    centre = [Fraction(c) for c in x.tolist()]
    for k, f in enumerate(layers):
        rows = [dict(zip(*_row(f, r), strict=True)) for r in range(f.shape[0])]
        bias = [Fraction(b) for b in f.bias.tolist()]
        if k == len(layers) - 1:
            rows, bias = _exact_forms(rows, bias, label)
        if k:
            low, high = [max(v, Fraction(0)) for v in low], [max(v, Fraction(0)) for v in high]
        ranges = []
        for row, b in zip(rows, bias, strict=True):
            if k == 0 and p != math.inf:
                value, reach = sum((w * centre[j] for j, w in row.items()), b), _dual(row, p) * Fraction(radius)
                ranges.append((value - reach, value + reach))
            else:
                least = sum((w * (low[j] if w > 0 else high[j]) for j, w in row.items()), b)
                ranges.append((least, sum((w * (high[j] if w > 0 else low[j]) for j, w in row.items()), b)))
        low, high = [a for a, _ in ranges], [b for _, b in ranges]
    return min(low)


def _row(f: Layer, r: int) -> tuple[list[int], list[Fraction]]:
    part = slice(f.start[r], f.start[r + 1])
    return f.column[part].tolist(), [Fraction(v) for v in f.value[part].tolist()]


def _exact_forms(
    rows: list[dict[int, Fraction]], bias: list[Fraction], label: int
) -> tuple[list[dict[int, Fraction]], list[Fraction]]:
    if len(rows) == 1:
        return [{j: label * w for j, w in rows[0].items()}], [label * bias[0]]
    zero, own = Fraction(0), rows[label]
    others = [c for c in range(len(rows)) if c != label]
    forms = [{j: own.get(j, zero) - rows[c].get(j, zero) for j in {*own, *rows[c]}} for c in others]
    return forms, [bias[label] - bias[c] for c in others]


def _dual(row: dict[int, Fraction], p: float) -> Fraction:
    if p == 1:
        return max((abs(w) for w in row.values()), default=Fraction(0))
    square = sum((w * w for w in row.values()), Fraction(0))
    # Rounded up by less than 2^-200 of a common unit.
    unit = square.denominator << 200
    root = math.isqrt(square.numerator * square.denominator << 400)
    return Fraction(root if root * root == square.numerator * square.denominator << 400 else root + 1, unit)


def _is_inside(x: np.ndarray, centre: np.ndarray, radius: float, p: float) -> bool:
    if x.shape != centre.shape or not np.isfinite(x).all() or not (p == math.inf or (p == int(p) and p <= 64)):
        return False
    steps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(x.tolist(), centre.tolist(), strict=True)]
    if p == math.inf:
        return max(steps) <= Fraction(radius)
    return sum(step ** int(p) for step in steps) <= Fraction(radius) ** int(p)


def _fails(layers: list[Layer], executed: list[Layer], x: np.ndarray, label: int, arithmetic: str) -> bool:
    if arithmetic in ("reals", "rational"):
        return exact_margin(layers, x, label, 0.0, math.inf) <= 0
    kind = np.float32 if arithmetic == "float32" else np.float64
    if np.any(x.astype(kind).astype(np.float64) != x):
        return False
    return any(_run_fails(executed, x.astype(kind), label, order) for order in ("product", "pairs", "one by one"))


def _run_fails(layers: list[Layer], h: np.ndarray, label: int, order: str) -> bool:
    with np.errstate(all="ignore"):
        for k, f in enumerate(layers):
            h = np.maximum(h, 0) if k else h
            step, parts = max(1, BLOCK // f.shape[1]), []
            for first in range(0, f.shape[0], step):
                weight = _dense(f, f.value, first, min(first + step, f.shape[0])).astype(h.dtype)
                if order == "product":
                    parts.append(weight @ h)
                else:
                    terms = weight * h
                    parts.append(terms.sum(axis=1) if order == "pairs" else np.cumsum(terms, axis=1)[:, -1])
            h = np.concatenate(parts) + f.bias.astype(h.dtype)
    if not np.isfinite(h).all():
        return True
    return bool(label * h[0] <= 0) if len(h) == 1 else bool(h[label] <= np.delete(h, label).max())


if __name__ == "__main__":
    sys.exit(main())
