"""Parts of layers, and their products with columns of numbers, in any order of summation."""

import numpy as np

from constructions.check.files import Layer

# Numbers of an array at one time.
BLOCK = 2**23
# Rows of so few non-zeros are summed one term after the other.
SHORT = 4
# An array is used for rows of which one entry in so many is not 0.
FILLED = 64


def of_sign(f: Layer, sign: int) -> Layer:
    """The positive part of `sign W`, without the bias."""
    kept = sign * f.value > 0
    start = np.concatenate([[0], np.cumsum(kept)])[f.start]
    return Layer(f.shape, start, f.column[kept], sign * f.value[kept], np.zeros(f.shape[0]))


def absolute(f: Layer) -> Layer:
    """`|W|` and `|b|`."""
    return Layer(f.shape, f.start, f.column, np.abs(f.value), np.abs(f.bias))


def transposed(f: Layer) -> Layer:
    """The transpose of W, without a bias."""
    order = np.argsort(f.column, kind="stable")
    row = np.repeat(np.arange(f.shape[0]), np.diff(f.start))[order]
    start = np.concatenate([[0], np.cumsum(np.bincount(f.column, minlength=f.shape[1]))])
    return Layer((f.shape[1], f.shape[0]), start, row, f.value[order], np.zeros(f.shape[1]))


def part(f: Layer, rows: np.ndarray, columns: np.ndarray | None = None) -> Layer:
    """The entries of some rows and columns, given by their numbers in ascending order; of all columns by default."""
    count = np.diff(f.start)[rows]
    start = np.concatenate([[0], np.cumsum(count)])
    place = np.arange(start[-1]) + np.repeat(f.start[rows] - start[:-1], count)
    column, value, width = f.column[place], f.value[place], f.shape[1]
    if columns is not None and len(columns) < width:
        number = np.full(width, -1)
        width = len(columns)
        number[columns] = np.arange(width)
        column = number[column]
        kept = column >= 0
        start = np.concatenate([[0], np.cumsum(kept)])[start]
        column, value = column[kept], value[kept]
    return Layer((len(rows), width), start, column, value, f.bias[rows])


def dense(f: Layer, columns: np.ndarray | None = None) -> np.ndarray:
    """W as an array, or those of its columns."""
    if columns is None:
        columns = np.arange(f.shape[1])
    # Other entries go to a column that is left out.
    number = np.full(f.shape[1], len(columns))
    number[columns] = np.arange(len(columns))
    weight = np.zeros((f.shape[0], len(columns) + 1))
    weight[np.repeat(np.arange(f.shape[0]), np.diff(f.start)), number[f.column]] = f.value
    return weight[:, :-1]


def product(f: Layer, x: np.ndarray) -> np.ndarray:
    """`W @ x` for finite W; what is added are the products with numbers other than 0, and zeros."""
    result = np.zeros((f.shape[0], x.shape[1]))
    count = np.diff(f.start)
    short, long = np.flatnonzero(count <= SHORT), np.flatnonzero(count > SHORT)
    for term in range(SHORT):
        short = short[count[short] > term]
        place = f.start[short] + term
        result[short] += f.value[place, None] * x[f.column[place]]
    if not len(long):
        return result
    filled = x.any(axis=1)
    # As many rows at one time as an array may have; of sparse ones so few that most of their array is not 0.
    many = FILLED * count[long].sum() > len(long) * f.shape[1]
    step = max(1, BLOCK // f.shape[1]) if many else FILLED
    for first in range(0, len(long), step):
        rows = part(f, long[first : first + step])
        read = np.zeros(f.shape[1], dtype=bool)
        read[rows.column] = True
        columns = np.flatnonzero(read & filled)
        result[long[first : first + step]] = dense(rows, columns) @ x[columns]
    return result
