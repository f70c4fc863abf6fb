"""The rule for p = 1: the mean value theorem for the values of the second layer, over the reals.

`|E_i(x) - E_i(x_k)| <= r max_j sup |dE_i/dx_j|`, and `dE_i/dx_j = Σ_r w_ir s_r v_rj` with `s_r` in [0, 1], and
`s_r = 1` for a neuron that is positive on all balls. Of `E_i(x_k) = Σ_r w_ir h_r(x_k) + b_i`, `h_r >= 0`, a lower bound
is the sum without any terms with weights `w_ir >= 0`: for most i and k it is so great that no better one is needed.
"""

import numpy as np

from constructions.check.files import Layer
from constructions.check.known import SLACK, VANISHING, Bounds, Known, enough, in_two_steps, unit
from constructions.check.products import absolute, dense, part, product, transposed

# Neurons of the first lower bound, and points by which they are chosen.
NEURONS, SOME = 512, 256


def mean_value_bounds(layers: list[Layer], points: np.ndarray, radius: float) -> Known:
    """The values of the second layer, of three or more."""
    first, second = layers[:2]
    slopes = _greatest_slopes(first, second, _always_positive(first, points, radius)) * radius * (1 + SLACK) + VANISHING
    # Sums of absolute values, with the greatest of each coordinate: no point has larger ones.
    size = product(absolute(first), np.abs(points).max(axis=0)[:, None]) + np.abs(first.bias)[:, None]
    scale = product(absolute(second), size) + np.abs(second.bias)[:, None]
    terms = int(np.diff(first.start).max() + np.diff(second.start).max())
    reach = slopes[:, None] + unit(terms) * scale + VANISHING

    def hidden(x: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.maximum(product(first, x.T) + first.bias[:, None], 0)
        return values

    greatest = (scale + reach)[:, 0]
    least_enough = enough(layers[2:], greatest)
    kept = np.zeros(first.shape[0], dtype=bool)
    kept[second.column[second.value < 0]] = True
    share = np.bincount(second.column, second.value, first.shape[0])
    share = share * hidden(points[:: len(points) // SOME + 1]).sum(axis=1)
    kept[np.argsort(share)[-NEURONS:]] = True
    reduced = dense(part(transposed(second), np.flatnonzero(kept))).T

    def bounds(x: np.ndarray) -> Bounds:
        inner = hidden(x)

        def exact(rows: np.ndarray) -> Bounds:
            value = product(part(second, rows), inner) + second.bias[rows, None]
            return value - reach[rows], value + reach[rows]

        # Neurons that are nowhere subtracted are left out of a lower bound.
        least = (reduced @ inner[kept]).min(axis=1) + second.bias - reach[:, 0]
        return in_two_steps(least, greatest, least_enough, len(x), exact)

    return Known(1, second.shape[0], bounds, least_enough)


def _always_positive(first: Layer, points: np.ndarray, radius: float) -> np.ndarray:
    """Neurons of several coordinates that are positive on all balls of l_1."""
    positive = np.zeros(first.shape[0], dtype=bool)
    several = np.flatnonzero(np.diff(first.start) > 1)
    if len(several):
        f = part(first, several)
        size = product(absolute(f), np.abs(points).max(axis=0)[:, None])[:, 0] + np.abs(f.bias)
        error = unit(int(np.diff(f.start).max())) * size + VANISHING
        reach = radius * np.maximum.reduceat(np.abs(f.value), f.start[:-1]) * (1 + SLACK)
        least = (product(f, points.T) + f.bias[:, None]).min(axis=1)
        positive[several] = least - reach - error >= 0
    return positive


def _greatest_slopes(first: Layer, second: Layer, positive: np.ndarray) -> np.ndarray:
    """`max_j sup |dE_i/dx_j|` for each row i of the second layer."""
    dim, result = first.shape[1], np.zeros(second.shape[0])
    lengths = np.diff(first.start)
    for start in range(0, second.shape[0], 256):
        stop = min(start + 256, second.shape[0])
        entries = slice(second.start[start], second.start[stop])
        row = np.repeat(np.arange(stop - start), np.diff(second.start[start : stop + 1]))
        neuron, weight = second.column[entries], second.value[entries]
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
        greatest = np.maximum(np.abs(sums[0]), np.abs(sums[1])) + unit(terms) * sums[2]
        result[start:stop] = greatest.max(axis=1)
    return result
