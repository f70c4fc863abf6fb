"""Ranges of the layers of a network over regions, layer by layer.

Every range is widened by a rigorous rounding bound, see `theory.balls.relaxation`.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from theory.arguments.plain_array import exact_floats
from theory.balls.prepared import Head, Prepared, apply, forms_at, prepare
from theory.balls.regions import Bounds, Regions, check_ends
from theory.layers import Layers
from theory.roundoff import TINY, norm_upper_bound
from theory.setting.norms import dual_exponent


def interval_bounds(
    layers: Layers, lower: Float[np.ndarray, "n d"], upper: Float[np.ndarray, "n d"]
) -> tuple[Float[np.ndarray, "n outputs"], Float[np.ndarray, "n outputs"]]:
    """Output bounds over boxes: for every real x with `lower <= x <= upper`, `out[0] <= f(x) <= out[1]`.

    Args:
        layers: the network.
        lower, upper: shape (n, d), one box a row.

    Raises:
        ValueError: if shapes do not fit, an entry is not finite, or some `lower > upper`.
    """
    return interval_preactivations(layers, lower, upper)[-1]


def interval_preactivations(
    layers: Layers, lower: Float[np.ndarray, "n d"], upper: Float[np.ndarray, "n d"]
) -> tuple[Bounds, ...]:
    """Bounds over boxes of every layer's value before its ReLU, as (lower, upper) of shape (n, width).

    The last pair is what `interval_bounds` returns. Arguments and errors are the same.
    """
    affines = prepare(layers)
    lower, upper = read_points(affines, lower), read_points(affines, upper)
    if lower.shape != upper.shape:
        raise ValueError(f"boxes need corners of one shape, got {lower.shape} and {upper.shape}")
    check_ends(lower, upper, "boxes need lower <= upper")
    with np.errstate(over="ignore", invalid="ignore"):
        centre = 0.5 * lower + 0.5 * upper
        half = np.maximum(upper - centre, centre - lower)
        bounds: list[Bounds] = [_box_range(affines[0], centre, half)]
        for affine in affines[1:]:
            bounds.append(after_relu(affine, bounds[-1]))
    return tuple(bounds)


def read_points(affines: Sequence[Prepared], points: np.ndarray) -> np.ndarray:
    """The points in float64: in a narrower format the bounds would be computed in it."""
    points = exact_floats(points, "points")
    inputs = affines[0].weight.shape[1]
    if points.ndim != 2 or not len(points) or points.shape[1] != inputs:
        raise ValueError(f"points need shape (n >= 1, {inputs}), the network's inputs, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"points need finite coordinates, got {points[~np.isfinite(points)][0]}")
    return points


def first_range(affine: Prepared, regions: Regions) -> Bounds:
    """Range of `W x + b` over regions: exact up to rounding over balls and boxes, the better of the two over a cut."""
    if regions.halves.shape[1] > 1:
        return _box_range(affine, regions.centres, regions.halves)
    g = affine.slack
    value = apply(affine.weight, regions.centres) + affine.bias
    dual = affine.row_norms(dual_exponent(regions.p))
    error = g * (apply(affine.absolute, np.abs(regions.centres)) + affine.bias_size) + affine.floor
    spread = regions.halves * dual * (1.0 + g) + error
    lower, upper = _outward(value - spread, value + spread)
    if regions.cut is not None:
        box = _box_range(affine, *regions.cut)
        lower, upper = np.maximum(lower, box[0]), np.minimum(upper, box[1])
    return lower, upper


def least_of_forms(head: Head, regions: Regions) -> np.ndarray:
    """Lower bounds (n, k) of forms of the inputs themselves: of a network that is one layer."""
    g = head.slack
    size = np.abs(regions.centres)
    value = forms_at(head.weight, regions.centres) + head.bias
    error = g * (forms_at(head.absolute, size) + head.bias_size) + head.floor
    if head.error is not None:
        error = error + forms_at(head.error, regions.reach + TINY) * (1.0 + g)
    if regions.halves.shape[1] > 1:
        drop = forms_at(head.absolute, regions.halves + TINY)
    else:
        drop = regions.halves * norm_upper_bound(head.weight, dual_exponent(regions.p))
    lower = value - (drop * (1.0 + g) + error)
    if regions.cut is not None:
        centre, half = regions.cut
        size = np.abs(centre) + half + TINY
        error = g * head.bias_size + head.floor
        if head.error is not None:
            error = error + forms_at(head.error, size) * (1.0 + g)
        box = forms_at(head.weight, centre) + head.bias - (forms_at(head.absolute, half + g * size + TINY) + error)
        lower = np.fmax(lower, box)
    return np.where(np.isfinite(lower), lower, -np.inf)


def after_relu(affine: Prepared, before: Bounds) -> Bounds:
    """Range of `W h + b` behind a ReLU, each term at the end of the range of `h_j >= 0` at which it is least, or most.

    What is rounded is counted by the values there: a sum of terms <= 0 is never taken for a positive one.
    """
    # Both ends in one product, which takes hardly longer than one.
    ends = np.maximum(np.stack(before), 0.0)
    up, down = (apply(part, ends) for part in affine.parts)
    more, less, offset = 1.0 + affine.slack, 1.0 - affine.slack, affine.slack * affine.bias_size + affine.floor
    least = up[0] * less - down[1] * more
    most = up[1] * more - down[0] * less
    return _outward(least + affine.bias - offset, most + affine.bias + offset)


def least_after_relu(head: Head, before: Bounds) -> np.ndarray:
    """Lower bounds (n, k) of forms behind a ReLU, as `after_relu`."""
    low, high = np.maximum(before[0], 0.0), np.maximum(before[1], 0.0)
    up, down = head.parts
    least = forms_at(up, low) * (1.0 - head.slack) - forms_at(down, high) * (1.0 + head.slack)
    lower = least + head.bias - (head.slack * head.bias_size + head.floor)
    return np.where(np.isfinite(lower), lower, -np.inf)


def within_phases(bounds: Bounds, phases: np.ndarray) -> Bounds:
    """Bounds of values that are known to be >= 0 where the phase is positive, and <= 0 where it is negative."""
    low, high = bounds
    return np.where(phases > 0, np.maximum(low, 0.0), low), np.where(phases < 0, np.minimum(high, 0.0), high)


def _box_range(affine: Prepared, centre: np.ndarray, half: np.ndarray) -> Bounds:
    """Range of `W h + b` over boxes, by centre and half-width: two products, rounding included."""
    g = affine.slack
    size = np.abs(centre) + half + TINY
    value = apply(affine.weight, centre) + affine.bias
    spread = apply(affine.absolute, half + g * size + TINY) + g * affine.bias_size + affine.floor
    return _outward(value - spread, value + spread)


def _outward(lower: np.ndarray, upper: np.ndarray) -> Bounds:
    """Replace what overflowed by infinities."""
    return (
        np.where(np.isfinite(lower), lower, -np.inf),
        np.where(np.isfinite(upper), upper, np.inf),
    )
