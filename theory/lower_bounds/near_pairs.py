"""Pairs of differently labelled points that are near in some coordinates: a search in float32 that proves nothing.

What is built on the pairs holds for any pairs; near ones make it strong.
"""

import numpy as np
from jaxtyping import Float, Int, Shaped

from theory.arguments.subnormals import check_subnormals
from theory.errors import AssumptionError
from theory.setting.labelled_points import label_of, read_codes, read_points

_ROWS = 1024


def read_sample(points: object, labels: object) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
    """Points and class numbers.

    Raises:
        ValueError: for malformed points or labels.
        AssumptionError: if there is one class only.
    """
    check_subnormals("a lower bound")
    read = read_points(points)
    codes = read_codes(labels, len(read))
    if not codes.any():
        raise AssumptionError(
            f"a lower bound needs at least two different labels, got only {label_of(labels, 0)}: a constant classifier "
            "reads nothing"
        )
    return read, codes


def in_unit(points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """The points in float32 around their mean, none beyond ±2: good enough to name pairs."""
    scale = float(np.abs(points).max()) or 1.0
    scaled = (points / scale).astype(np.float32)
    return np.asarray(scaled - scaled.mean(axis=0))


def near_pairs(features: Float[np.ndarray, "n k"], codes: Int[np.ndarray, " n"]) -> Int[np.ndarray, "m 2"]:
    """For each row the nearest of the rows of later classes, and for each of those the nearest row of its block.

    Sorted by distance, without repetitions; each pair `i, j` has two labels.

    Args:
        features: float32, squared distances of which are to be small.
        codes: class numbers.
    """
    order = np.argsort(codes, kind="stable")
    rows, classes = features[order], codes[order]
    squares = np.einsum("ij,ij->i", rows, rows)
    later = np.searchsorted(classes, classes, side="right")
    found: list[np.ndarray] = []
    for start in range(0, int(later[later < len(rows)].size), _ROWS):
        block = slice(start, min(start + _ROWS, len(rows)))
        first = int(later[start])
        squared = rows[block] @ rows[first:].T
        squared *= -2
        squared += squares[first:]
        squared += squares[block, None]
        for end in np.unique(later[block])[1:]:
            squared[later[block] >= end, : end - first] = np.inf
        for own, other in (
            (np.arange(squared.shape[0]), squared.argmin(axis=1)),
            (squared.argmin(axis=0), np.arange(squared.shape[1])),
        ):
            near = squared[own, other]
            known = np.isfinite(near)
            found.append(np.column_stack([near, own + start, other + first])[known])
    every = np.concatenate(found)
    index = every[np.argsort(every[:, 0], kind="stable"), 1:].astype(np.int64)
    _, kept = np.unique(index, axis=0, return_index=True)
    return np.asarray(order[index[np.sort(kept)]])


def check_pairs(
    pairs: Shaped[np.ndarray, "m 2"], codes: Int[np.ndarray, " n"], weights: Float[np.ndarray, " m"]
) -> None:
    """Check that pairs are of two labels and weights are finite and not negative.

    Raises:
        ValueError: otherwise.
    """
    if pairs.ndim != 2 or pairs.shape[1:] != (2,) or pairs.dtype.kind != "i" or weights.shape != (len(pairs),):
        raise ValueError(f"a bound needs m pairs of points and m weights, got {pairs.shape} and {weights.shape}")
    if pairs.size and not (pairs.min() >= 0 and pairs.max() < len(codes)):
        raise ValueError(
            f"a bound needs pairs of the {len(codes)} points, got points from {pairs.min()} to {pairs.max()}"
        )
    same = codes[pairs[:, 0]] == codes[pairs[:, 1]]
    if same.any():
        i, j = pairs[int(np.argmax(same))]
        raise ValueError(f"a bound needs pairs of differently labelled points, got {i} and {j} of one label")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("a bound needs weights that are finite and not negative")
