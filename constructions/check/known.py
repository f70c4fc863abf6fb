"""Bounds of the values of a layer that are not by intervals, and where they need not be narrow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from constructions.check.affine import gamma
from constructions.check.files import Layer

# Relative error of a few operations, generously; its power 3/2, 2^-45, for square roots.
SLACK = 2.0**-30
LARGEST, VANISHING = 2.0**200, 2.0**-300

# Least and greatest values, (rows, balls).
Bounds: TypeAlias = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Known:
    """Bounds of the first values of a layer from another source.

    `bounds`: of points (balls, dim), the least and the greatest values (size, balls) on their balls. Where the least is
    `enough` (size,), narrower bounds would change nothing. They stand alone, or are intersected with intervals.
    """

    number: int
    size: int
    bounds: Callable[[np.ndarray], Bounds]
    enough: np.ndarray
    alone: bool = True


def unit(terms: int) -> float:
    """Relative error of a sum of so many products in float64, and of a few operations more."""
    return float(gamma(np.array([terms + 64.0]), 2.0**-53)[0])


def enough(layers: list[Layer], greatest: np.ndarray) -> np.ndarray:
    """Values from which on all neurons that read an input are off, whatever the other inputs are: a choice, no bound.

    For `σ(b - w h - …)` with nothing added it is b / w, and more for the rounding of sums of values up to `greatest`;
    the first of the layers reads the values, and if it is the last nothing is ever off.
    """
    readers = layers[0]
    if len(layers) == 1:
        return np.full(len(greatest), np.inf)
    row = np.repeat(np.arange(readers.shape[0]), np.diff(readers.start))
    adds = np.zeros(readers.shape[0], dtype=bool)
    adds[row[readers.value > 0]] = True
    result = np.zeros(readers.shape[1])
    np.maximum.at(
        result,
        readers.column,
        np.where(adds[row], np.inf, np.maximum(readers.bias[row], 0) / np.abs(readers.value)),
    )
    result += SLACK * (result + np.abs(greatest).max())
    return result[: len(greatest)]


def in_two_steps(
    least: np.ndarray, greatest: np.ndarray, enough: np.ndarray, balls: int, exact: Callable[[np.ndarray], Bounds]
) -> Bounds:
    """The first bounds, which hold for all balls alike, and others of those rows whose lower bound is not enough."""
    rows = np.flatnonzero(~(least >= enough))
    bounds = np.repeat(least[:, None], balls, axis=1), np.repeat(greatest[:, None], balls, axis=1)
    bounds[0][rows], bounds[1][rows] = exact(rows)
    return bounds
