"""The rule for p = 2: distances for the values of a layer behind a network of squares, over the reals.

The leading layers are compared with the square network of Yarotsky (2017) number by number: for t in [0, 1] and m tents
`0 <= f_m(t) - t² <= 4^{-m-1}`. What is left, `E_i(x) = Σ_j ω_j f_m(t_j(x)) + linear`, is `‖x - v_i‖² + κ_i` up to an
error that is bounded here, with `v_i` and `κ_i` computed from the weights. A lower bound of a distance is the distance
of some coordinates: for most i and balls it is so great that no better one is needed.
"""

from typing import TypeAlias

import numpy as np

from constructions.check.files import Layer
from constructions.check.known import SLACK, VANISHING, Bounds, Known, enough, in_two_steps, unit
from constructions.check.products import dense, part

# Of the first lower bound.
COORDINATES = 128


def square_bounds(layers: list[Layer], widths: list[int], points: np.ndarray, radius: float) -> Known | None:
    """The values `E_i`, if the layers are such squares."""
    dim, tents, size = points.shape[1], len(widths) - 4, widths[-2]
    squares = _read_squares(layers, widths, dim, tents)
    if squares is None:
        return None
    scale, offset, omega, half, shift, linear, constant = squares
    excess = layers[tents + 1]
    if excess.shape[0] < size or np.any(excess.column[: excess.start[size]] > dim):
        return None
    weight, bias = dense(part(excess, np.arange(size)))[:, : dim + 1], excess.bias[:size]
    if np.any(weight[:, 0] != 1):
        return None
    slope = linear + weight[:, 1:]
    v = -(2 * omega * scale * offset + slope) / 2
    kappa = omega @ offset**2 + slope @ shift + constant + bias - np.einsum("ij,ij->i", v, v)
    least, greatest = points.min(axis=0) - radius, points.max(axis=0) + radius
    # How far t leaves [0, 1] and y leaves the positive numbers, by rounding of the box.
    outside = max(0.0, -float((scale * least + offset).min()), float((scale * greatest + offset).max()) - 1)
    negative = max(0.0, -float((least + shift).min()))
    largest = np.maximum(np.abs(least), np.abs(greatest))
    far, length = float(np.linalg.norm(points, axis=1).max()) + radius, np.linalg.norm(v, axis=1)
    rounding = unit(8 * dim)
    sizes = (
        omega @ (np.abs(offset) + np.abs(scale) * largest + 1) ** 2
        + np.abs(slope) @ (np.abs(shift) + largest)
        + abs(constant)
        + np.abs(bias)
        + (length + far) ** 2
        + ((np.abs(slope) + 2 * omega * scale * np.abs(offset)) * np.abs(v)).sum(axis=1)
    )
    error = 8 * rounding * sizes + float(np.abs(omega * scale**2 - 1).max()) * far**2 * (1 + SLACK)
    error += (omega.sum() * (6 * half + 8 * outside) + np.abs(slope).sum(axis=1) * negative) * (1 + SLACK) + VANISHING
    above = omega.sum() * 4.0 ** (-tents - 1) * (1 + SLACK)
    # The excess reads the ReLU of the sum, where the linear part reads that of y.
    dropped = float(error.max()) + float(np.abs(linear).sum()) * negative * (1 + SLACK)
    dropped += 8 * rounding * float(np.abs(linear) @ (np.abs(shift) + largest)) * (1 + SLACK)
    lowest = _least_sum(squares, least, greatest)
    above += max(0.0, dropped - lowest)
    if not (outside <= SLACK and np.isfinite([above, lowest]).all() and np.isfinite(error).all()):
        return None
    if not np.all(omega * scale**2 >= VANISHING):
        return None

    # What the square of a distance is off, by its rounding.
    off = (8 * rounding * (length + far) ** 2)[:, None]
    shape, twice, squared = (kappa - error)[:, None], 2 * v, np.square(v)
    wide = (kappa + error + above)[:, None]

    # Below the square root of VANISHING a distance counts as 0, and its square need not be one of the floats.
    def nearest(square: np.ndarray, rows: np.ndarray) -> np.ndarray:
        distance = np.sqrt(np.maximum(square - (off[rows] + VANISHING), 0)) * (1 - SLACK**1.5)
        values: np.ndarray = np.maximum(distance - radius, 0) ** 2 * (1 - SLACK**1.5) + shape[rows]
        return values

    def farthest(square: np.ndarray, rows: np.ndarray) -> np.ndarray:
        distance = np.sqrt(np.maximum(square + off[rows], 0) + VANISHING) * (1 + SLACK**1.5) + radius
        values: np.ndarray = distance**2 * (1 + SLACK**1.5) + wide[rows]
        return values

    every = np.arange(size)
    greatest = farthest((length + far)[:, None] ** 2, every)[:, 0]
    least_enough = enough(layers[tents + 2 :], greatest)
    # No distance is smaller than that of some coordinates.
    some = np.sort(np.argsort(points.var(axis=0))[-COORDINATES:])
    twice_some, squared_some = twice[:, some], squared[:, some].sum(axis=1)

    def bounds(x: np.ndarray) -> Bounds:
        def exact(rows: np.ndarray) -> Bounds:
            distances = squared[rows].sum(axis=1)[:, None] + np.square(x).sum(axis=1) - twice[rows] @ x.T
            return nearest(distances, rows), farthest(distances, rows)

        part_of_x = x[:, some]
        distances = squared_some + (np.square(part_of_x).sum(axis=1) - twice_some @ part_of_x.T).min(axis=1)
        return in_two_steps(nearest(distances[:, None], every)[:, 0], greatest, least_enough, len(x), exact)

    return Known(tents + 1, size, bounds, least_enough)


def _least_sum(squares: "Squares", least: np.ndarray, greatest: np.ndarray) -> float:
    """A lower bound on the box, before rounding, of `Σ_j ω_j f_m(t_j) + λ·y + constant`: `f_m(t) >= t²`."""
    scale, offset, omega, _, shift, linear, constant = squares
    quadratic, slope = omega * scale**2, 2 * omega * scale * offset + linear
    best = np.clip(-slope / (2 * quadratic), least, greatest)
    lowest = quadratic * best**2 + slope * best + omega * offset**2 + linear * shift
    return float(lowest.sum() + constant)


Squares: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray, np.ndarray, float]


def _read_squares(layers: list[Layer], widths: list[int], dim: int, tents: int) -> Squares | None:
    """α, β, ω, error of the halves, γ, λ, constant of `x ↦ (Σ ω_j f_m(α_j x_j + β_j) + λ·y + constant, y = x + γ)`."""
    expected = [dim, 3 * dim, *[3 * dim + 1] * (tents - 1), dim + 1]
    if widths[: tents + 2] != expected or len(widths) < tents + 4:
        return None
    own = np.arange(dim)
    first = layers[0]
    one = np.array_equal(first.start[: 3 * dim + 1], np.arange(3 * dim + 1))
    if not (one and np.array_equal(first.column[: 3 * dim], np.tile(own, 3))):
        return None
    scale, again, carried = first.value[: 3 * dim].reshape(3, dim)
    offset, halved, shift = first.bias[: 3 * dim].reshape(3, dim)
    half = float(np.abs(halved - (offset - 0.5)).max() + 2.0**-52 * np.abs(offset).max())
    if not (np.all(scale > 0) and np.array_equal(scale, again) and np.all(carried == 1) and half < SLACK):
        return None
    omega: np.ndarray | None = None
    for k in range(1, tents + 1):
        f, kept, before = layers[k], 2 * dim + (k > 1), widths[k]
        last = k == tents
        sums = 0 if last else 2 * dim
        row = dense(part(f, np.array([sums])))[0]
        if omega is None:
            omega = row[dim : 2 * dim]
            if not np.all(omega > 0):
                return None
        factors = (0.5, 1.0) if k == 1 else (-2.0 * 4.0**-k, 4.0 * 4.0**-k)
        head = np.concatenate([factors[0] * omega, factors[1] * omega, np.ones(kept - 2 * dim)])
        if not np.array_equal(row[:kept], head) or row[before:].any():
            return None
        tail = slice(sums + 1, sums + 1 + dim)
        if not _is_rows(f, tail, (kept + own)[:, None], np.ones((dim, 1)), np.zeros(dim)):
            return None
        if last:
            return scale, offset, omega, half, shift, row[kept:before], float(f.bias[0])
        pairs, tent = np.stack([own, dim + own], axis=1), np.tile([2.0, -4.0], (dim, 1))
        if (
            row[kept:].any()
            or f.bias[sums] != 0
            or not _is_rows(f, slice(0, dim), pairs, tent, np.zeros(dim))
            or not _is_rows(f, slice(dim, 2 * dim), pairs, tent, np.full(dim, -0.5))
        ):
            return None
    return None


def _is_rows(f: Layer, rows: slice, columns: np.ndarray, values: np.ndarray, bias: np.ndarray) -> bool:
    part = slice(f.start[rows.start], f.start[rows.stop])
    return (
        bool(np.all(np.diff(f.start[rows.start : rows.stop + 1]) == columns.shape[1]))
        and np.array_equal(f.column[part], columns.ravel())
        and np.array_equal(f.value[part], values.ravel())
        and np.array_equal(f.bias[rows], bias)
    )
