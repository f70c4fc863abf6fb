"""What is true of a network, in exact arithmetic of its own: values, balls, least margins.

A float is `I 2^e` with whole numbers I and e; matrices of them are arrays of Python integers with one exponent.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

# Directions are whole multiples of 2^-30.
_GRAIN = 30
_MOST_PIECES = 300

Weights = Sequence[np.ndarray]


def integers(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Integers I and one exponent e with `array = I 2^e`."""
    mantissa, exponent = np.frexp(np.asarray(array, dtype=np.float64))
    whole, exponent = (mantissa * 2.0**53).astype(np.int64), exponent.astype(int) - 53
    used = exponent[whole != 0]
    least = int(used.min()) if used.size else 0
    flat = [int(m) << (int(e) - least) if m else 0 for m, e in zip(whole.ravel(), exponent.ravel(), strict=True)]
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(whole.shape), least


def _aligned(a: np.ndarray, ea: int, b: np.ndarray, eb: int) -> tuple[np.ndarray, np.ndarray, int]:
    least = min(ea, eb)
    return a * (1 << (ea - least)), b * (1 << (eb - least)), least


def exact_outputs(weights: Weights, biases: Weights, x: np.ndarray, exponent: int) -> tuple[np.ndarray, int]:
    """`f` at the columns of `x 2^exponent`, integers of shape (d, k), in the same form."""
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        x = np.maximum(x, 0) if k else x
        (w, ew), (b, eb) = integers(weight), integers(bias)
        x, b, exponent = _aligned(w @ x, ew + exponent, b[:, None], eb)
        x = x + b
    return x, exponent


def _margins(outputs: np.ndarray, label: int) -> np.ndarray:
    if len(outputs) == 1:
        return np.asarray(label * outputs[0])
    return np.asarray(outputs[label] - np.delete(outputs, label, axis=0).max(axis=0))


def fraction(whole: int, exponent: int) -> Fraction:
    return Fraction(int(whole) << exponent) if exponent >= 0 else Fraction(int(whole), 1 << -exponent)


def exact_margins(weights: Weights, biases: Weights, points: list[list[Fraction]], label: int) -> list[Fraction]:
    """Margins at points whose coordinates are whole multiples of a power of two."""
    shift = max(c.denominator.bit_length() - 1 for x in points for c in x)
    x = np.empty((len(points[0]), len(points)), dtype=object)
    for k, point in enumerate(points):
        x[:, k] = [int(c * (1 << shift)) for c in point]
    outputs, exponent = exact_outputs(weights, biases, x, -shift)
    return [fraction(m, exponent) for m in _margins(outputs, label)]


def directions(case: Any, i: int) -> np.ndarray:
    """Vectors u with `‖u‖_p <= 1`, as whole multiples of 2^-30, shape (d, k): where a margin may be least.

    0, the axes, steps along the gradient at the centre that are best for l_p, vertices, random directions and those
    to the other points.
    """
    x, p = case.points[i], case.p
    rng, dim = np.random.default_rng(i), len(x)
    slope = _slope(case.weights, case.biases, x, int(case.labels[i]))
    others = np.delete(case.points, i, axis=0)[:5] / 2 - x / 2
    others = others / np.maximum(np.abs(others).max(axis=1, keepdims=True), 5e-324)
    some = np.concatenate([slope, -slope, rng.normal(size=(3, dim)), others])
    axes = rng.permutation(dim)[:4]
    greatest = np.abs(slope).argmax(axis=1)
    unit = np.eye(dim)[np.unique(np.concatenate([axes, greatest]))]
    found = [np.zeros((1, dim)), unit, -unit]
    if p == np.inf:
        found.append(np.where(some >= 0, 1.0, -1.0))
    elif p > 1:
        size = np.abs(some) / np.maximum(np.abs(some).max(axis=1, keepdims=True), 1e-300)
        power = np.sign(some) * size ** (1 / (p - 1) if p > 1.01 else 1e4)
        found.append(power / np.maximum(np.linalg.norm(power, p, axis=1, keepdims=True), 1e-300) * (1 - 1e-9))
    if p != np.inf:
        shares = some / np.maximum(np.abs(some).sum(axis=1, keepdims=True), 1e-300)
        found.append(shares * (1 - 1e-9))
    # Toward zero, so that no norm grows.
    return np.trunc(np.concatenate(found).T * 2.0**_GRAIN).astype(np.int64).astype(object)


def _slope(weights: Weights, biases: Weights, x: np.ndarray, label: int) -> np.ndarray:
    """Gradients at the centre of the forms whose minimum is the margin, each up to a positive factor."""
    outputs = len(biases[-1])
    if outputs == 1:
        form = np.array([[float(label)]])
    else:
        form = np.eye(outputs)[label] - np.delete(np.eye(outputs), label, axis=0)
    active, (h, e) = [], integers(x[:, None])
    for k, (weight, bias) in enumerate(zip(weights[:-1], biases[:-1], strict=True)):
        h, e = exact_outputs([weight], [bias], np.maximum(h, 0) if k else h, e)
        active.append(np.array([v > 0 for v in h[:, 0]]))
    for k in reversed(range(len(weights))):
        weight = weights[k] / max(np.abs(weights[k]).max(), 5e-324)
        with np.errstate(under="ignore"):
            form = form @ weight
        form = form * active[k - 1] if k else form
        form = form / max(np.abs(form).max(), 1e-300)
    return np.asarray(form)


def points_of_ball(case: Any, i: int) -> tuple[np.ndarray, int]:
    """Points that lie in the ball exactly, as integers of shape (d, k) with one exponent."""
    u = directions(case, i)
    (c, ec), (r, er) = integers(case.points[i][:, None]), integers(np.array(case.radius))
    c, step, exponent = _aligned(c, ec, u * int(r), er - _GRAIN)
    return c + step, exponent


def least_margin_found(case: Any, i: int) -> Fraction:
    """The least exact margin at points of the ball: at least the least margin of all."""
    x, exponent = points_of_ball(case, i)
    outputs, exponent = exact_outputs(case.weights, case.biases, x, exponent)
    return fraction(min(_margins(outputs, int(case.labels[i]))), exponent)


def least_margin(case: Any, i: int, pieces: int = _MOST_PIECES) -> Fraction | None:
    """The least margin over the ball: exact for d = 1; None for d > 1 or too many linear pieces."""
    if len(case.points[i]) > 1:
        return None
    centre, radius = Fraction(float(case.points[i][0])), Fraction(case.radius)
    places = [centre - radius, centre + radius]
    values = [[t] for t in places]
    last = len(case.weights) - 1
    for k, (weight, bias) in enumerate(zip(case.weights, case.biases, strict=True)):
        w, b = [[Fraction(float(v)) for v in row] for row in weight], [Fraction(float(v)) for v in bias]
        values = [[_dot(row, h) + c for row, c in zip(w, b, strict=True)] for h in values]
        if k < last:
            places, values = _with_zeros(places, values)
            if len(places) > pieces:
                return None
            values = [[max(v, Fraction(0)) for v in h] for h in values]
    label = int(case.labels[i])
    if len(values[0]) == 1:
        return min(label * v[0] for v in values)
    return min(v[label] - max(v[:label] + v[label + 1 :]) for v in values)


def _dot(row: list[Fraction], h: list[Fraction]) -> Fraction:
    return sum((w * v for w, v in zip(row, h, strict=True) if w), Fraction(0))


def _with_zeros(places: list[Fraction], values: list[list[Fraction]]) -> tuple[list[Fraction], list[list[Fraction]]]:
    """The places where a value changes its sign put between the others; all values are linear in between."""
    new_places, new_values = [places[0]], [values[0]]
    for a, b, low, high in zip(places[:-1], places[1:], values[:-1], values[1:], strict=True):
        shares = sorted({u / (u - v) for u, v in zip(low, high, strict=True) if u * v < 0})
        for share in shares:
            new_places.append(a + share * (b - a))
            new_values.append([u + share * (v - u) for u, v in zip(low, high, strict=True)])
        new_places.append(b)
        new_values.append(high)
    return new_places, new_values


def affine_least_margin(case: Any, i: int) -> Fraction | None:
    """Of one layer: at least the least margin `g(x) - r ‖w‖_q`, by less than 1e-45 of `r ‖w‖_q`; else None."""
    if len(case.weights) > 1:
        return None
    weight = [[Fraction(float(v)) for v in row] for row in case.weights[0]]
    bias = [Fraction(float(v)) for v in case.biases[0]]
    x, label = [Fraction(float(v)) for v in case.points[i]], int(case.labels[i])
    if len(bias) == 1:
        forms = [([label * w for w in weight[0]], label * bias[0])]
    else:
        forms = [
            ([a - b for a, b in zip(weight[label], weight[c], strict=True)], bias[label] - bias[c])
            for c in range(len(bias))
            if c != label
        ]
    return min(_dot(w, x) + b - Fraction(case.radius) * _dual_norm_below(w, case.p) for w, b in forms)


def _dual_norm_below(w: list[Fraction], p: float) -> Fraction:
    """A lower bound of `‖w‖_q`, 1/p + 1/q = 1; exact for p = 1 and ∞."""
    sizes = [abs(v) for v in w if v]
    if not sizes:
        return Fraction(0)
    if p == np.inf:
        return sum(sizes, Fraction(0))
    if p == 1:
        return max(sizes)
    largest = max(sizes)
    with mpmath.workdps(60):
        q = mpmath.mpf(p) / (mpmath.mpf(p) - 1)
        total = mpmath.fsum((mpmath.mpf(s.numerator) / s.denominator) ** q for s in (v / largest for v in sizes))
        root = total ** (1 / q) * (1 - mpmath.mpf(10) ** -45)
        # At least the greatest entry, as every norm.
        whole = int(mpmath.floor(root * 2**200))
    return largest * max(Fraction(whole, 2**200), Fraction(1))


def is_inside(x: np.ndarray, centre: np.ndarray, radius: float, p: float) -> bool:
    """Whether `‖x - centre‖_p <= radius`: exact for p = 1, ∞ and whole p, else true of no point outside."""
    steps = [abs(Fraction(float(a)) - Fraction(float(b))) for a, b in zip(x, centre, strict=True)]
    r = Fraction(radius)
    if max(steps) > r:
        return False
    if p == np.inf or sum(steps) <= r:
        return True
    if p == 1 or r == 0:
        return False
    if p == int(p):
        return sum(s ** int(p) for s in steps) <= r ** int(p)
    with mpmath.workdps(60):
        shares = [s / r for s in steps if s]
        return bool(mpmath.fsum((mpmath.mpf(s.numerator) / s.denominator) ** p for s in shares) <= 1 - 1e-50)


def smt_violates(case: Any, i: int, bound: float, work: int = 10_000_000) -> bool | None:
    """Whether some point of the ball has a margin below the bound, by Z3; None where that is too much work."""
    import z3

    from tests.smt import Query, Undecided, real

    query = Query(len(case.points[i]))
    query.require(query.within(case.points[i], case.radius, case.p))
    outputs, label = query.outputs(case.network), int(case.labels[i])
    if len(outputs) == 1:
        query.require(label * outputs[0] < real(bound))
    else:
        query.require(z3.Or([outputs[label] - v < real(bound) for c, v in enumerate(outputs) if c != label]))
    try:
        return query.point(work) is not None
    except Undecided:
        return None


def above(value: Fraction) -> float:
    """The least float greater than the value; infinite if there is none."""
    try:
        near = float(value)
    except OverflowError:
        return math.inf if value > 0 else -float(np.finfo(np.float64).max)
    return near if Fraction(near) > value else math.nextafter(near, math.inf)
