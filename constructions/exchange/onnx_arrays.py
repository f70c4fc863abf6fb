"""Arrays in an ONNX file in few bytes, made whole by nodes that read constants only.

A runtime computes such nodes once, when it loads the file. Nothing is rounded: numbers that a narrower type holds
exactly are stored in it and cast, few different ones as a table and a byte or two each, and a sparse matrix as the
values and the steps between their places, a byte each, that CumSum adds up.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions.exchange.optional import optional
from constructions.networks.network import count_nonzero
from theory.layers import Matrix

_LONGEST_STEP = 255


class Writer:
    """Nodes and stored arrays of a graph, as they are added; names are numbered.

    Args:
        dtype: of the network: "float64", or "float32", to which weights are rounded.
    """

    def __init__(self, dtype: str) -> None:
        self._helper, self._numpy = optional("onnx.helper"), optional("onnx.numpy_helper")
        self.dtype = np.dtype(dtype)
        self.nodes: list[Any] = []
        self.stored: list[Any] = []

    def node(self, op: str, inputs: list[str], *, output: str | None = None, **attributes: Any) -> str:
        """Adds a node of one output and gives its name."""
        output = output or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(op, inputs, [output], name=f"{op}_{len(self.nodes)}", **attributes))
        return output

    def store(self, array: np.ndarray) -> str:
        """Adds an array as it is."""
        name = f"stored_{len(self.stored)}"
        self.stored.append(self._numpy.from_array(np.asarray(array, order="C"), name))
        return name

    def shape(self, *sizes: int) -> str:
        """A shape, or other numbers that nodes take."""
        return self.store(np.array(sizes, dtype=np.int64))

    def cast(self, name: str, dtype: Any) -> str:
        return self.node("Cast", [name], to=self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def whole_numbers(self, index: np.ndarray) -> str:
        """Numbers >= 0 in int32, stored in as few bytes as hold them."""
        narrow = next(t for t in (np.uint8, np.uint16, np.int32) if index.max(initial=0) <= np.iinfo(t).max)
        return self.cast(self.store(index.astype(narrow)), np.int32)

    def numbers(self, values: np.ndarray) -> str:
        """Floats of the network's type."""
        values = values.astype(self.dtype)
        narrow = self.dtype.itemsize == 8 and bool(np.all(values.astype(np.float32) == values))
        kept = values.astype(np.float32) if narrow else values
        table, code = np.unique(values, return_inverse=True)
        size = 1 if len(table) <= 256 else 2 if len(table) <= 65536 else 8
        if values.size * size + table.nbytes + 200 < kept.nbytes:
            return self.node("Gather", [self.numbers_as_stored(table), self.whole_numbers(code.reshape(values.shape))])
        return self.cast(self.store(kept), self.dtype) if narrow else self.store(kept)

    def numbers_as_stored(self, values: np.ndarray) -> str:
        """Floats of the network's type, in it."""
        return self.store(values.astype(self.dtype))

    def matrix(self, weight: Matrix) -> str:
        """A matrix of the network's type, all its entries."""
        rows, columns = weight.shape
        nonzero = count_nonzero(weight)
        if 2 * nonzero > rows * columns or rows * columns >= 2**31 or not nonzero:
            return self.numbers(weight if isinstance(weight, np.ndarray) else weight.toarray())
        places, values = _flat(weight)
        steps, places_of_values = _steps(places)
        full = np.zeros(len(steps))
        full[places_of_values] = values
        index = self.node("CumSum", [self.whole_numbers(steps), self.store(np.array(0, dtype=np.int32))])
        zero = self._numpy.from_array(np.zeros(1, dtype=self.dtype))
        zeros = self.node("ConstantOfShape", [self.shape(rows * columns)], value=zero)
        flat = self.node("ScatterElements", [zeros, index, self.numbers(full)])
        return self.node("Reshape", [flat, self.shape(rows, columns)])


def _flat(weight: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Places of the non-zeros, row by row, and their values."""
    csr = sp.csr_array(weight)
    row = np.repeat(np.arange(csr.shape[0], dtype=np.int64), np.diff(csr.indptr))
    return row * csr.shape[1] + csr.indices, csr.data


def _steps(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps that sum up to the places, and to places of zeros between them where a step would be too long.

    The second array has the numbers of the steps that lead to the given places.
    """
    gaps = np.diff(places, prepend=0)
    repeats = np.maximum(0, (gaps - 1) // _LONGEST_STEP)
    reached = np.cumsum(repeats + 1) - 1
    steps = np.full(int(reached[-1]) + 1, _LONGEST_STEP)
    steps[reached] = gaps - repeats * _LONGEST_STEP
    return steps, reached
