"""The margin as the range of differences of outputs, by the range of each, and by the signs of the last layer."""

import numpy as np

from constructions.check.affine import SMALLEST, affine, kept
from constructions.check.files import Layer
from constructions.check.products import dense


def margin_forms(last: Layer, label: int) -> tuple[Layer, Layer, np.ndarray]:
    """The differences of outputs whose least is the margin, the sizes of what they are made of, and their terms."""
    weight = dense(last)
    if len(last.bias) == 1:
        own, size, bias, total = label * weight, np.abs(weight), label * last.bias, np.abs(last.bias)
        terms = np.diff(last.start)
    else:
        others = np.delete(np.arange(len(last.bias)), label)
        own, size = weight[label] - weight[others], np.abs(weight[label]) + np.abs(weight[others])
        bias, total = last.bias[label] - last.bias[others], np.abs(last.bias[label]) + np.abs(last.bias[others])
        terms = np.maximum(np.diff(last.start)[label], np.diff(last.start)[others])
    return _layer(own, bias), _layer(size, total), terms


def _layer(weight: np.ndarray, bias: np.ndarray) -> Layer:
    rows, column = np.nonzero(weight)
    start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(weight)))])
    return Layer((weight.shape[0], weight.shape[1]), start, column, weight[rows, column], bias)


def separate_margin(last: Layer, label: int, low: np.ndarray, high: np.ndarray, arithmetic: str) -> np.ndarray:
    """The margin by the ranges of the outputs each by itself: narrow where the others are off."""
    below, above, _ = affine(last, low, high, arithmetic, None)
    if len(last.bias) == 1:
        bound: np.ndarray = below[0] if label > 0 else -above[0]
        return bound
    others = np.delete(above, label, axis=0).max(axis=0)
    margin: np.ndarray = np.where(others == 0, below[label], np.nextafter(below[label] - others, -np.inf))
    return margin


def monotone_margin(last: Layer, label: int, low: np.ndarray, high: np.ndarray, arithmetic: str) -> np.ndarray:
    """The greatest term of the label's output where that has no negative term, and no other output a positive one.

    Rounding is monotone, so in any order of summation the one is at least its greatest term, and the others at most 0.
    Only for inputs >= 0, which the first layer of a network need not have.
    """
    single = len(last.bias) == 1
    valid, best = np.all(low >= 0, axis=0), np.zeros(low.shape[1])
    for r in range(last.shape[0]):
        own = single or r == label
        sign = label if single else (1 if own else -1)
        part = slice(last.start[r], last.start[r + 1])
        value, column = sign * last.value[part, None], last.column[part]
        valid &= np.all((value > 0) | (high[column] == 0), axis=0) & (sign * last.bias[r] >= 0)
        if own:
            best = np.max(value * low[column] * kept(value, arithmetic), axis=0, initial=0.0)
    return np.where(valid & (best > SMALLEST), best, -np.inf)
