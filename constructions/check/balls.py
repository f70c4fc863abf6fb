"""Neurons that are on in a ball of few coordinates, and how far sums of functions of one coordinate are from squares.

*Functions of one coordinate.* With the values u >= 0 of one layer as coordinates, a neuron behind it that reads only
neurons of one coordinate is a piecewise linear function φ of that coordinate. Its pieces are computed here, in rational
arithmetic. On a piece `[s, t]` the difference `φ(u) - u²` is a line plus `(u - s)(t - u)`: its least value is at an
end, its greatest where the derivative is 0, or at an end too. Nothing is asked of the weights: where φ is no square the
difference is great.

*Balls.* A row `a + v·u - Σ_{f in S} φ_f(u_f)` with v = 0 outside of S is `κ - ‖u - v/2‖_S² - Σ_{f in S} (φ_f - u_f²)`,
with `κ = a + ‖v/2‖²`. The sums may stand in a layer of their own, which adds what is >= 0: its ReLU keeps that.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from constructions.check.files import Layer
from constructions.check.known import LARGEST
from constructions.check.products import BLOCK, dense, part
from constructions.check.steepness import read_by

# Of functions with more pieces nothing is known.
PIECES = 2**13


@dataclass(frozen=True, eq=False)
class Balls:
    """Rows of the layer before the last.

    `rows`: their numbers; `layer`: that of the coordinates, and `coordinates` which of its neurons these are; `member`
    (rows, coordinates): S, of zeros and ones; `twice`: v; `bias`: a; `squares`: for each coordinate the layers between,
    as far as the neuron that is subtracted reads them, none where no neuron is.
    """

    rows: np.ndarray
    layer: int
    coordinates: np.ndarray
    member: np.ndarray
    twice: np.ndarray
    bias: np.ndarray
    squares: list[list[Layer]]


def read_balls(layers: list[Layer]) -> Balls:
    """All rows of the layer before the last that are such balls, by the first layer of coordinates that has some."""
    for k in range(len(layers) - 3):
        found = _balls_of(layers, k)
        if found is not None:
            return found
    none = np.zeros(0, dtype=np.int64)
    return Balls(none, 0, none, np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0), [])


def _balls_of(layers: list[Layer], k: int) -> Balls | None:
    coordinate, carried = np.arange(layers[k].shape[0]), np.ones(layers[k].shape[0], dtype=bool)
    for f in layers[k + 1 : -3]:
        coordinate, carried = _coordinates(f, coordinate, carried)
    sums, last = layers[-3:-1]
    # A sum of what is >= 0, each with the weight 1.
    plain = _every(sums, (sums.value == 1) & (coordinate[sums.column] >= 0)) & (sums.bias == 0)
    rows = np.flatnonzero(_every(last, plain[last.column]))
    if not len(rows):
        return None
    reads = np.unique(part(last, rows).column)
    if max(len(rows), sums.shape[1]) * len(reads) > BLOCK:
        return None
    inner, outer = dense(part(sums, reads)), dense(part(last, rows), reads)
    read = np.flatnonzero(inner.any(axis=0))
    # With one term at most nothing is rounded.
    if np.any((outer != 0) @ inner[:, read] > 1):
        return None
    weight = outer @ inner[:, read]
    every = np.unique(coordinate[read])
    member, twice = np.zeros((2, len(rows), len(every)))
    squares: list[list[Layer]] = [[] for _ in every]
    for neuron, column in zip(read, weight.T, strict=True):
        number = int(np.searchsorted(every, coordinate[neuron]))
        place = twice if carried[neuron] else member
        if place[:, number].any():
            return None
        place[:, number] = column if carried[neuron] else -column
        if not carried[neuron]:
            squares[number] = read_by(layers[k + 1 : -3], np.array([neuron]))
    if not np.isin(member, (0.0, 1.0)).all() or np.any((twice != 0) & (member == 0)):
        return None
    return Balls(rows, k, every, member, twice, last.bias[rows], squares)


def _coordinates(f: Layer, coordinate: np.ndarray, carried: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the rows of f: the one coordinate that is read, or -1, and whether the row is that coordinate itself."""
    row, count = np.repeat(np.arange(f.shape[0]), np.diff(f.start)), np.diff(f.start)
    least, greatest = np.full(f.shape[0], np.iinfo(np.int64).max), np.full(f.shape[0], -1)
    np.minimum.at(least, row, coordinate[f.column])
    np.maximum.at(greatest, row, coordinate[f.column])
    same = _every(f, (f.value == 1) & carried[f.column]) & (count == 1) & (f.bias == 0)
    return np.where(least == greatest, greatest, -1), same


def _every(f: Layer, holds: np.ndarray) -> np.ndarray:
    """Rows that have entries, of all of which it holds."""
    row, count = np.repeat(np.arange(f.shape[0]), np.diff(f.start)), np.diff(f.start)
    result: np.ndarray = (count > 0) & (np.bincount(row, ~holds, f.shape[0]) == 0)
    return result


def square_error(layers: list[Layer], greatest: float) -> tuple[float, float]:
    """The range of `φ(u) - u²` for u in `[0, greatest]`, of the function of one number that the layers compute."""
    nodes = [Fraction(0), Fraction(greatest)]
    values = [nodes]
    for f in layers:
        sums = [[sum((w * values[j][i] for j, w in row), bias) for i in range(len(nodes))] for row, bias in _rows(f)]
        nodes, values = _after_relu(nodes, sums)
        if len(nodes) > PIECES:
            return -math.inf, math.inf
    off = [v - u * u for u, v in zip(nodes, values[0], strict=True)]
    most = [_greatest(a, b, (t - s) ** 2) for (s, t), (a, b) in zip(pairwise(nodes), pairwise(off), strict=True)]
    if not max(-min(off), max(most)) <= LARGEST:
        return -math.inf, math.inf
    return float(np.nextafter(float(min(off)), -np.inf)), float(np.nextafter(float(max(most)), np.inf))


def _greatest(a: Fraction, b: Fraction, square: Fraction) -> Fraction:
    """Of `a + (b - a) τ + square τ (1 - τ)` for τ in [0, 1]."""
    return (a + b) / 2 + square / 4 + (b - a) ** 2 / (4 * square) if abs(b - a) < square else max(a, b)


def _rows(f: Layer) -> list[tuple[list[tuple[int, Fraction]], Fraction]]:
    return [
        ([(int(j), Fraction(float(w))) for j, w in zip(f.column[a:b], f.value[a:b], strict=True)], Fraction(float(c)))
        for (a, b), c in zip(pairwise(f.start), f.bias, strict=True)
    ]


def _after_relu(nodes: list[Fraction], sums: list[list[Fraction]]) -> tuple[list[Fraction], list[list[Fraction]]]:
    """The values behind a ReLU, at the nodes and wherever a sum is 0 between two of them."""
    found, values = [nodes[0]], [[max(z[0], Fraction(0))] for z in sums]
    for i, (s, t) in enumerate(pairwise(nodes)):
        shares = {z[i] / (z[i] - z[i + 1]) for z in sums if z[i] * z[i + 1] < 0}
        for share in [*sorted(shares), Fraction(1)]:
            found.append(s + share * (t - s))
            for value, z in zip(values, sums, strict=True):
                value.append(max(z[i] + share * (z[i + 1] - z[i]), Fraction(0)))
    return found, values
