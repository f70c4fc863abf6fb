"""Descent on what makes an output an error: gradients, steepest directions, and the way back into a ball."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.balls.violations import Violations
from theory.layers import Layers
from theory.roundoff import norm_upper_bound
from theory.setting.norms import dual_exponent

# Squares from here to its inverse are far from underflow and overflow, also in float32.
_SMALLEST = 1e-20


def values_and_gradients(
    layers: Layers,
    x: Float[np.ndarray, "n d"],
    violations: Violations,
    conjunctions: Int[np.ndarray, " n"] | None = None,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n d"]]:
    """The greatest row of `A f(x) - b` of a conjunction at each x, up to rounding, and a gradient of it.

    Computed in the format of x and of the layers. The value is a violation where it is <= 0.

    Args:
        layers: the network.
        x: shape (n, d).
        violations: of the outputs, for each x its own or one for all.
        conjunctions: of each x the one that is meant; None for the one with the least value.
    """
    values = layer_values(layers, x)
    rows = violations.rows(values[-1])
    at = np.arange(len(x))
    which = rows.max(axis=2).argmin(axis=1) if conjunctions is None else conjunctions
    row = rows[at, which].argmax(axis=1)
    own = at if len(violations.forms) > 1 else np.zeros(len(x), int)
    form = violations.forms[own, which, row]
    return rows[at, which, row], gradient_of_form(layers, values, form)


def layer_values(layers: Layers, x: Float[np.ndarray, "n d"]) -> list[np.ndarray]:
    """The rows x, and at them every layer's values before its ReLU, the outputs last."""
    values = [x]
    for k, layer in enumerate(layers):
        hidden = np.maximum(values[-1], 0.0) if k else x
        values.append(np.asarray((layer.weight @ hidden.T).T + layer.bias))
    return values


def gradient_of_form(
    layers: Layers, values: Sequence[np.ndarray], forms: Float[np.ndarray, "n outputs"]
) -> Float[np.ndarray, "n d"]:
    """A gradient of `form @ f(x)` at each x, for its own form; `values` as from `layer_values`."""
    gradient = forms
    for k in range(len(layers) - 1, -1, -1):
        gradient = np.asarray(gradient @ layers[k].weight)
        if k:
            gradient = gradient * (values[k] > 0)
    return gradient


def steepest(gradient: Float[np.ndarray, "n d"], p: float) -> Float[np.ndarray, "n d"]:
    """The unit vector v of l_p with `⟨g, v⟩ = ‖g‖_q` row by row; 0 where g = 0."""
    if np.isinf(p):
        return np.asarray(np.sign(gradient))
    if p == 2:
        length = lengths(gradient, p)
        return np.asarray(gradient / np.where(length > 0, length, 1))
    size = np.abs(gradient)
    if p == 1:
        unit = np.zeros_like(gradient)
        np.put_along_axis(unit, size.argmax(axis=1)[:, None], 1.0, axis=1)
        return np.asarray(unit * np.sign(gradient))
    largest = size.max(axis=1, keepdims=True)
    power = (size / np.where(largest > 0, largest, 1)) ** (dual_exponent(p) - 1.0)
    length = lengths(power, p)
    return np.asarray(np.sign(gradient) * power / np.where(length > 0, length, 1))


def into_balls(
    x: Float[np.ndarray, "n d"],
    centres: Float[np.ndarray, "n d"],
    radius: Float[np.ndarray, "n 1"] | float,
    p: float,
    start: Float[np.ndarray, "n d"] | None = None,
) -> Float[np.ndarray, "n d"]:
    """Points pulled towards `start`, by default the centres, until they are in their balls, up to rounding; p < ∞.

    By convexity `‖s + t (x - s) - c‖ <= (1 - t) ‖s - c‖ + t ‖x - c‖` for a start s in the ball.
    """
    away = 0.0 if start is None else lengths(start - centres, p)
    start = centres if start is None else start
    length = lengths(x - centres, p)
    outside = length > radius
    share = np.where(outside, np.maximum(radius - away, 0.0) / np.where(outside, length - away, 1.0), 1.0)
    return np.asarray(np.where(outside, start + share * (x - start), x))


def lengths(steps: Float[np.ndarray, "n d"], p: float) -> Float[np.ndarray, "n 1"]:
    """`‖step‖_p`, p < ∞, up to rounding at every scale, in the format of the steps."""
    if p == 2:
        squares = np.einsum("nd,nd->n", steps, steps)
        if ((squares > _SMALLEST) & (squares < 1 / _SMALLEST)).all():
            return np.asarray(np.sqrt(squares)[:, None])
    size = np.abs(steps)
    largest = size.max(axis=1, keepdims=True)
    size /= np.where(largest > 0, largest, 1)
    return np.asarray(largest * (size**p).sum(axis=1, keepdims=True) ** (1.0 / p))


def is_surely_inside(
    x: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "n d"], radius: Float[np.ndarray, "n 1"] | float, p: float
) -> Bool[np.ndarray, " n"]:
    """Whether each x, known to lie in the box of its ball, provably lies in the ball itself."""
    if np.isinf(p):
        return np.ones(len(x), bool)
    difference = x - centres
    # One moved coordinate: the box is the ball. Else the rounding of the difference is paid for.
    alone = np.count_nonzero(difference, axis=1) <= 1
    return np.asarray(alone | (norm_upper_bound(difference, p) * (1.0 + 2.0**-50) <= np.ravel(radius)))
