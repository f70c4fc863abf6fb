"""KnownBounds of indicators by distances, where intervals are too wide: for p = 1 and 2, over the reals.

Both rules give bounds of the first values of one layer, `E_i` of the indicators, over every ball `B_p(x_k, r)`. They
are for numbers of ordinary size: no weight, bias, coordinate or radius beyond 2^200. What underflows is at most 2^-1074
times three such factors, and a sum of those is below 2^-300.

*p = 1.* Of two layers, `|E_i(x) - E_i(x_k)| <= r max_j sup |dE_i/dx_j|`, and `dE_i/dx_j = Σ_r w_ir s_r v_rj` with
`s_r` in [0, 1], and `s_r = 1` for a neuron that is positive on all balls.

*p = 2.* The leading layers are compared with the square network of Yarotsky (2017) number by number: for t in [0, 1]
and m tents `0 <= f_m(t) - t² <= 4^{-m-1}`. What is left, `E_i(x) = Σ_j ω_j f_m(t_j(x)) + linear`, is `‖x - v_i‖² + κ_i`
up to an error that is bounded here, with `v_i` and `κ_i` computed from the weights.
"""

from typing import TypeAlias

import numpy as np

from constructions.check.files import Layer
from constructions.check.intervals import Known, KnownBounds, dense, gamma, product

# Relative error of a few operations, generously; its power 3/2, 2^-45, for square roots.
SLACK = 2.0**-30
LARGEST, VANISHING = 2.0**200, 2.0**-300


def indicator_bounds(
    layers: list[Layer], widths: list[int], points: np.ndarray, radius: float, p: float
) -> Known | None:
    """The rule for p, or None where it does not apply. `widths`: of the layers of the indicators, inputs included."""
    read = layers[: 2 if p == 1 else len(widths)]
    numbers = [points, *(f.value for f in read), *(f.bias for f in read)]
    if not max(radius, *(float(np.abs(n).max(initial=0.0)) for n in numbers)) <= LARGEST:
        return None
    with np.errstate(all="ignore"):
        if p == 1 and len(layers) > 2:
            return 1, _mean_value_bounds(layers[0], layers[1], points, radius)
        if p == 2 and len(widths) > 4 and len(widths) <= len(layers):
            return _square_bounds(layers, widths, points, radius)
    return None


def _unit(terms: int) -> float:
    """Relative error of a sum of so many products in float64, and of a few operations more."""
    return float(gamma(np.array([terms + 64.0]), 2.0**-53)[0])


def _mean_value_bounds(first: Layer, second: Layer, points: np.ndarray, radius: float) -> KnownBounds:
    slopes = _greatest_slopes(first, second, _always_positive(first, points, radius)) * radius * (1 + SLACK) + VANISHING

    def bounds(balls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = points[balls].T
        size = product(first, np.abs(first.value), np.abs(x)) + np.abs(first.bias)[:, None]
        inner = np.maximum(product(first, first.value, x) + first.bias[:, None], 0)
        value = product(second, second.value, inner) + second.bias[:, None]
        terms = int(np.diff(first.start).max() + np.diff(second.start).max())
        scale = product(second, np.abs(second.value), size) + np.abs(second.bias)[:, None]
        reach = slopes[:, None] + _unit(terms) * scale + VANISHING
        return value - reach, value + reach

    return bounds


def _always_positive(first: Layer, points: np.ndarray, radius: float) -> np.ndarray:
    """Neurons of several coordinates that are positive on all balls of l_1."""
    positive = np.zeros(first.shape[0], dtype=bool)
    for r in np.flatnonzero(np.diff(first.start) > 1):
        part = slice(first.start[r], first.start[r + 1])
        value, x = first.value[part], points[:, first.column[part]]
        error = _unit(len(value)) * (np.abs(x) @ np.abs(value) + abs(first.bias[r])) + VANISHING
        positive[r] = np.all(x @ value + first.bias[r] - radius * np.abs(value).max() * (1 + SLACK) - error >= 0)
    return positive


def _greatest_slopes(first: Layer, second: Layer, positive: np.ndarray) -> np.ndarray:
    """`max_j sup |dE_i/dx_j|` for each row i of the second layer."""
    dim, result = first.shape[1], np.zeros(second.shape[0])
    lengths = np.diff(first.start)
    for start in range(0, second.shape[0], 256):
        stop = min(start + 256, second.shape[0])
        part = slice(second.start[start], second.start[stop])
        row = np.repeat(np.arange(stop - start), np.diff(second.start[start : stop + 1]))
        neuron, weight = second.column[part], second.value[part]
        many = lengths[neuron]
        place = np.repeat(first.start[neuron] - np.cumsum(many) + many, many) + np.arange(many.sum())
        slope = np.repeat(weight, many) * first.value[place]
        where = np.repeat(row, many) * dim + first.column[place]
        fixed = np.repeat(positive[neuron], many)
        shape = (stop - start, dim)
        sums = [
            np.bincount(where, values, shape[0] * dim).reshape(shape)
            for values in (
                np.where(fixed, slope, np.maximum(slope, 0)),
                np.where(fixed, slope, np.minimum(slope, 0)),
                np.abs(slope),
            )
        ]
        terms = int(np.diff(second.start[start : stop + 1]).max(initial=0))
        greatest = np.maximum(np.abs(sums[0]), np.abs(sums[1])) + _unit(terms) * sums[2]
        result[start:stop] = greatest.max(axis=1)
    return result


def _square_bounds(layers: list[Layer], widths: list[int], points: np.ndarray, radius: float) -> Known | None:
    dim, tents, size = points.shape[1], len(widths) - 4, widths[-2]
    squares = _read_squares(layers, widths, dim, tents)
    if squares is None:
        return None
    scale, offset, omega, half, shift, linear, constant = squares
    excess = layers[tents + 1]
    if excess.shape[0] < size or np.any(excess.column[: excess.start[size]] > dim):
        return None
    weight, bias = dense(excess, excess.value, 0, size)[:, : dim + 1], excess.bias[:size]
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
    norms = np.linalg.norm(points, axis=1)
    far, length = float(norms.max()) + radius, np.linalg.norm(v, axis=1)
    unit = _unit(8 * dim)
    sizes = (
        omega @ (np.abs(offset) + np.abs(scale) * largest + 1) ** 2
        + np.abs(slope) @ (np.abs(shift) + largest)
        + abs(constant)
        + np.abs(bias)
        + (length + far) ** 2
        + ((np.abs(slope) + 2 * omega * scale * np.abs(offset)) * np.abs(v)).sum(axis=1)
    )
    error = 8 * unit * sizes + float(np.abs(omega * scale**2 - 1).max()) * far**2 * (1 + SLACK)
    error += (omega.sum() * (6 * half + 8 * outside) + np.abs(slope).sum(axis=1) * negative) * (1 + SLACK) + VANISHING
    above = omega.sum() * 4.0 ** (-tents - 1) * (1 + SLACK)
    # The excess reads the ReLU of the sum, where the linear part reads that of y.
    dropped = float(error.max()) + float(np.abs(linear).sum()) * negative * (1 + SLACK)
    dropped += 8 * unit * float(np.abs(linear) @ (np.abs(shift) + largest)) * (1 + SLACK)
    lowest = _least_sum(squares, least, greatest)
    above += max(0.0, dropped - lowest)
    if not (outside <= SLACK and np.isfinite([above, lowest]).all() and np.isfinite(error).all()):
        return None
    if not np.all(omega * scale**2 >= VANISHING):
        return None

    def bounds(balls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, own = points[balls], norms[balls]
        square = length[:, None] ** 2 + own**2 - 2 * v @ x.T
        off = 8 * unit * (length[:, None] + own) ** 2
        # Below the square root of VANISHING a distance counts as 0, and its square need not be one of the floats.
        near = np.maximum(np.sqrt(np.maximum(square - off - VANISHING, 0)) * (1 - SLACK**1.5) - radius, 0)
        distant = np.sqrt(np.maximum(square + off, 0) + VANISHING) * (1 + SLACK**1.5) + radius
        shape = (kappa[:, None], error[:, None])
        return near**2 * (1 - SLACK**1.5) + shape[0] - shape[1], distant**2 * (1 + SLACK**1.5) + shape[0] + shape[
            1
        ] + above

    return tents + 1, bounds


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
        row = dense(f, f.value, sums, sums + 1)[0]
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
