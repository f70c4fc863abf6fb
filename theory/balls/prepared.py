"""Layers made ready for bounds, and linear forms of the outputs merged with the last layer."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp

from theory.arguments.subnormals import check_subnormals
from theory.layers import AffineLayer, Layers, Matrix
from theory.roundoff import DOUBLE, TINY, Format, gamma, norm_upper_bound

# Layers with at most so many entries stay prepared as long as they are there.
_MOST_KEPT = 2**20
_kept: "WeakKeyDictionary[AffineLayer, Prepared]" = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Prepared:
    """A layer with its absolute weight."""

    weight: Matrix
    absolute: Matrix
    bias: np.ndarray
    bias_size: np.ndarray
    floor: np.ndarray

    @cached_property
    def parts(self) -> tuple[Matrix, Matrix]:
        """Matrices P, N >= 0 of which no entry is positive in both, with `P - N = W`."""
        if isinstance(self.weight, np.ndarray):
            return np.maximum(self.weight, 0.0), np.maximum(-self.weight, 0.0)
        return sp.csr_array(self.weight.maximum(0.0)), sp.csr_array((-self.weight).maximum(0.0))

    @cached_property
    def largest(self) -> float:
        """The largest absolute value of the weight."""
        return float(
            self.absolute.max(initial=0.0)
            if isinstance(self.absolute, np.ndarray)
            else self.absolute.data.max(initial=0.0)
        )

    @cached_property
    def single(self) -> Matrix:
        """The weight rounded to float32."""
        with np.errstate(over="ignore"):
            return self.weight.astype(np.float32)

    @cached_property
    def slack(self) -> float:
        """The relative rounding of a row's sum."""
        # Generous on purpose: pays for the value, for the sums that bound its error, for a rounded
        # radius of the input box, and for the last subtraction.
        return gamma(2 * self.weight.shape[1] + 32)

    @cached_property
    def _norms(self) -> dict[float, np.ndarray]:
        return {}

    def row_norms(self, q: float) -> np.ndarray:
        """Upper bounds of the l_q norms of the rows."""
        if q not in self._norms:
            self._norms[q] = self._row_norms(q)
        return self._norms[q]

    def _row_norms(self, q: float) -> np.ndarray:
        if isinstance(self.weight, np.ndarray):
            return norm_upper_bound(self.weight, q)
        norms = np.zeros(self.weight.shape[0])
        # Rows of equal count together: a dense array of the stored entries, no larger than the matrix.
        counts = np.diff(self.weight.indptr)
        for count in np.unique(counts[counts > 0]):
            rows = np.flatnonzero(counts == count)
            norms[rows] = norm_upper_bound(self.weight.data[self.weight.indptr[rows][:, None] + np.arange(count)], q)
        return norms

    def rows(self, some: np.ndarray, form: Format = DOUBLE) -> "Head":
        """The forms `± row` of these rows, first all with +, then all with -; dense, rounded to a format."""
        weight = (self.weight if form == DOUBLE else self.single)[some]
        weight = weight if isinstance(weight, np.ndarray) else weight.toarray()
        bias = self.bias[some]
        weight, bias = np.concatenate([weight, -weight])[None], np.concatenate([bias, -bias])[None]
        return Head(weight, bias, np.abs(bias))


@dataclass(frozen=True, eq=False)
class Head:
    """Linear forms of the values that a last layer reads: for each of m regions, or for all where m = 1.

    The true weight is within `error` of `weight`, entry by entry, the true bias within `γ_spent bias_size` of `bias`.

    Args:
        weight: shape (m, k, width).
        bias, bias_size: shape (m, k).
        error: as weight; None for none.
        spent: operations that the bias cost.
        least: what underflow costs the bias, shape (m, k); 0 for nothing.
    """

    weight: np.ndarray
    bias: np.ndarray
    bias_size: np.ndarray
    error: np.ndarray | None = None
    spent: int = 0
    least: np.ndarray | None = None

    @cached_property
    def absolute(self) -> np.ndarray:
        """The absolute values of the weights."""
        return np.asarray(np.abs(self.weight))

    @cached_property
    def floor(self) -> np.ndarray:
        """What underflow may cost a form, shape (m, k)."""
        floor = TINY * (self.absolute.sum(axis=2) > 0)
        return np.asarray(floor if self.least is None else floor + self.least)

    @cached_property
    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """As of a layer: `P - N` is W less its error, what it can be at least before values >= 0."""
        weight = self.weight if self.error is None else self.weight - self.error
        return np.maximum(weight, 0.0), np.maximum(-weight, 0.0)

    @cached_property
    def slack(self) -> float:
        """The relative rounding of a form's sum."""
        return gamma(2 * (self.weight.shape[2] + self.spent) + 32)

    def take(self, rows: slice | np.ndarray) -> "Head":
        """The forms of some of the regions."""
        if len(self.weight) == 1:
            return self
        error, least = (None if a is None else a[rows] for a in (self.error, self.least))
        return Head(self.weight[rows], self.bias[rows], self.bias_size[rows], error, self.spent, least)


def prepare(layers: Layers) -> list[Prepared]:
    """Check the layers, and take absolute values once; layers that this has made are given back."""
    check_subnormals("a sound bound")
    if isinstance(layers, list) and layers and all(isinstance(layer, Prepared) for layer in layers):
        return layers
    if not len(layers):
        raise ValueError("a network needs at least one affine layer, got none")
    found: list[Prepared] = []
    for k, layer in enumerate(layers):
        known = kept(layer)
        found.append(_prepared(layer, k) if known is None else known)
        before = found[k - 1].weight.shape[0] if k else found[k].weight.shape[1]
        if found[k].weight.shape[1] != before:
            raise ValueError(
                f"layer {k} takes {found[k].weight.shape[1]} inputs but layer {k - 1} has {before} outputs"
            )
    return found


def kept(layer: AffineLayer) -> Prepared | None:
    """What was prepared of a layer before, if its numbers are the same: who owns an array can write to it."""
    try:
        known = _kept.get(layer)
    except TypeError:
        # Of a class whose objects cannot be keys.
        return None
    if known is None or not (_is_same(known.weight, layer.weight) and np.array_equal(known.bias, layer.bias)):
        return None
    return known


def _is_same(a: Matrix, b: Matrix) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b)
    parts = ((a.indptr, b.indptr), (a.indices, b.indices), (a.data, b.data))
    return a.shape == b.shape and all(np.array_equal(x, y) for x, y in parts)


def _prepared(layer: AffineLayer, k: int) -> Prepared:
    weight, bias = layer.weight, np.asarray(layer.bias, dtype=np.float64)
    if weight.ndim != 2 or 0 in weight.shape or bias.shape != (weight.shape[0],):
        raise ValueError(
            f"layer {k} needs a weight of shape (outputs, inputs) and a bias of shape (outputs,), "
            f"got {weight.shape} and {bias.shape}"
        )
    if isinstance(weight, np.ndarray):
        weight = entries = np.asarray(weight, dtype=np.float64)
    else:
        weight = sp.csr_array(weight, dtype=np.float64)
        entries = weight.data
        if not weight.has_canonical_format:
            raise ValueError(f"layer {k} stores an entry twice: call sum_duplicates() on its weight")
    if not (np.isfinite(entries).all() and np.isfinite(bias).all()):
        raise ValueError(f"layer {k} needs finite weights and biases, got NaN or infinity")
    is_small = entries.size <= _MOST_KEPT
    if is_small:
        weight, bias = weight.copy(), bias.copy()
    absolute = abs(weight)
    # Rows of huge weights may sum to infinity, which is still positive.
    with np.errstate(over="ignore"):
        floor = TINY * (np.asarray(absolute.sum(axis=1)).ravel() > 0)
    made = Prepared(weight, absolute, bias, np.abs(bias), floor)
    if is_small:
        with contextlib.suppress(TypeError):
            _kept[layer] = made
    return made


def merge(forms: np.ndarray, offsets: np.ndarray | None, last: Prepared) -> Head:
    """The forms `forms @ last - offsets`, shapes (m, k, outputs) and (m, k), with the error of the products."""
    with np.errstate(over="ignore", invalid="ignore"):
        weight = apply(last.weight, forms, transposed=False)
        size = np.abs(forms)
        bias, bias_size = forms @ last.bias, size @ last.bias_size
        # A row of ±1 loses nothing, and zeros stay zeros.
        exact = (np.count_nonzero(forms, axis=2) == 1) & (size.max(axis=2) == 1)
        error = None
        if not exact.all():
            error = gamma(2 * forms.shape[2] + 16) * apply(last.absolute, size, transposed=False)
            error = np.where(exact[..., None], 0.0, error + TINY)
        # The product of a form and a bias may underflow, also where all weights are 0.
        least = np.where(exact, 0.0, TINY)
        spent = forms.shape[2]
        if offsets is not None and offsets.any():
            spent += 2
            bias, bias_size = bias - offsets, bias_size + np.abs(offsets)
    return Head(weight, bias, bias_size, error, spent, least)


def apply(matrix: Matrix, x: np.ndarray, *, transposed: bool = True) -> np.ndarray:
    """`matrix @ x_i` for each x_i along the last axis; `x_i @ matrix` if not transposed."""
    flat = x.reshape(int(np.prod(x.shape[:-1])), x.shape[-1])
    if isinstance(matrix, np.ndarray):
        result = flat @ (matrix.T if transposed else matrix)
    else:
        result = np.asarray((matrix @ flat.T if transposed else matrix.T @ flat.T).T)
    return np.asarray(result.reshape(*x.shape[:-1], result.shape[-1]))


def forms_at(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`matrix_i @ x_i`, shape (n, k), of matrices (n, k, width) or (1, k, width) and x of shape (n, width)."""
    if len(matrix) == 1:
        return np.asarray(x @ matrix[0].T)
    return np.asarray((matrix @ x[:, :, None])[..., 0])


def widest(layers: Layers) -> int:
    """The greatest number of inputs or outputs of a layer."""
    return int(max(max(a.weight.shape) for a in layers))


def blocks(count: int, floats: int, size: int) -> Iterator[slice]:
    """Slices of `range(count)` such that `floats` numbers an element fit in `size` bytes."""
    step = max(1, size // (8 * max(1, floats)))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))
