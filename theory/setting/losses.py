"""Margins, 0-1 errors and the exponential loss, with the paper's convention that a zero output is wrong.

The margin of `(x, y)` is `y f(x)` for one output with labels in {-1, +1}, and `min_{c != y} f_y(x) - f_c(x)`
for C >= 2 outputs with labels in 0..C-1. A margin <= 0 is an error: `f(x) = 0` is one for both labels.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from theory.arguments.plain_array import exact_floats, plain_array


def check_labels(labels: Int[np.ndarray, " n"], outputs: int) -> Int[np.ndarray, " n"]:
    """Check that the labels are those of a network with so many outputs.

    Returns:
        The labels as an array, for what was given as a list, tensor or column.

    Raises:
        ValueError: unless they are integers in {-1, +1} for one output, in 0..C-1 for C >= 2 outputs.
    """
    if not outputs >= 1:
        raise ValueError(f"a network needs at least one output, got {outputs}")
    labels = plain_array(labels, "labels")
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels need shape (n,) and integers, got {labels.shape} and {labels.dtype}")
    wrong = ~np.isin(labels, (-1, 1)) if outputs == 1 else (labels < 0) | (labels >= outputs)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        allowed = "-1 and +1 (map {0, 1} by 2 y - 1)" if outputs == 1 else f"0..{outputs - 1}"
        raise ValueError(
            f"labels of a network with {outputs} output(s) need to be {allowed}, got {labels[row]} at row {row}"
        )
    return labels


def margins(
    outputs: Float[np.ndarray, " n"] | Float[np.ndarray, "n outputs"], labels: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Margin of each row.

    Args:
        outputs: shape (n,) or (n, 1) for labels ±1, (n, C) for labels 0..C-1.
        labels: shape (n,).

    Raises:
        ValueError: if shapes do not fit, an output is NaN, or a label is not one of the outputs'.
    """
    outputs, labels = exact_floats(outputs, "outputs"), plain_array(labels, "labels")
    values = outputs[:, None] if outputs.ndim == 1 else outputs
    if values.ndim != 2 or 0 in values.shape or labels.shape != (len(values),):
        raise ValueError(
            "margins need outputs of shape (n,) or (n, C), n >= 1, and labels of shape (n,), "
            f"got {outputs.shape} and {labels.shape}"
        )
    if np.isnan(values).any():
        raise ValueError(f"margins need outputs that are numbers, got NaN at row {_first(np.isnan(values))}")
    check_labels(labels, values.shape[1])
    if values.shape[1] == 1:
        return np.asarray(labels * values[:, 0])
    rows = np.arange(len(values))
    rivals = values.copy()
    rivals[rows, labels] = -np.inf
    return np.asarray(values[rows, labels] - rivals.max(axis=1))


def known_margins(
    outputs: Float[np.ndarray, " n"] | Float[np.ndarray, "n outputs"], labels: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """`margins`, and ∞ where nothing is known of them: an output is not a number, or two are infinite alike."""
    outputs = exact_floats(outputs, "outputs")
    values = outputs[:, None] if outputs.ndim == 1 else outputs
    known = ~np.isnan(values).any(axis=1)
    with np.errstate(invalid="ignore"):
        found = margins(np.where(known[:, None], values, 0.0), labels)
    return np.where(known & ~np.isnan(found), found, np.inf)


def clean_error(margin: Float[np.ndarray, " n"]) -> float:
    """Fraction of the margins that are <= 0 (the 0-1 error).

    Raises:
        ValueError: if there is no margin or one is NaN.
    """
    return float(np.mean(_read_margins(margin) <= 0))


def adversarial_error(lower: Float[np.ndarray, " n"], upper: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Bracket (lower, upper) of the adversarial 0-1 error from brackets of the minimum margins.

    A point is surely an error when an attack reached a margin <= 0 (`upper <= 0`), and surely none
    when a sound bound is positive (`lower > 0`), so
    `error under attack = mean(upper <= 0) <= adversarial error <= mean(lower <= 0) = not certified`.

    Args:
        lower: shape (n,), sound lower bounds of the minimum of the margin over each point's ball.
        upper: shape (n,), upper bounds of the same minima: margins that were reached. Give the exact
            minima twice when they are known.

    Raises:
        ValueError: if shapes differ, there is no margin, one is NaN, or some `lower > upper`.
    """
    lower, upper = _read_margins(lower), _read_margins(upper)
    if lower.shape != upper.shape:
        raise ValueError(f"bounds of the margins need one shape, got {lower.shape} and {upper.shape}")
    if (lower > upper).any():
        row = _first(lower > upper)
        raise ValueError(
            f"bounds of the margins need lower <= upper, got {lower[row]} > {upper[row]} at row {row}: "
            "one of them is unsound, or they are swapped"
        )
    return float(np.mean(upper <= 0)), float(np.mean(lower <= 0))


def exponential_loss(margin: Float[np.ndarray, " n"]) -> float:
    """`(1/n) Σ exp(-margin_i)`; infinite when it exceeds the largest float (see `log_exponential_loss`).

    Raises:
        ValueError: if there is no margin or one is NaN.
    """
    with np.errstate(over="ignore"):
        return float(np.exp(log_exponential_loss(margin)))


def log_exponential_loss(margin: Float[np.ndarray, " n"]) -> float:
    """`log((1/n) Σ exp(-margin_i))`, without overflow or underflow.

    Raises:
        ValueError: if there is no margin or one is NaN.
    """
    margin = _read_margins(margin)
    return float(logsumexp(-margin) - np.log(len(margin)))


def _read_margins(margin: np.ndarray) -> np.ndarray:
    margin = exact_floats(margin, "margins")
    if margin.ndim != 1 or not len(margin):
        raise ValueError(f"margins need shape (n,) with n >= 1, got {margin.shape}")
    if np.isnan(margin).any():
        raise ValueError(f"margins need to be numbers, got NaN at row {_first(np.isnan(margin))}")
    return margin


def _first(wrong: np.ndarray) -> int:
    return int(np.argwhere(wrong)[0][0])
