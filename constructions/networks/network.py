"""The strict ReLU network of the paper, as a tuple of affine layers.

`f(x) = W_L σ(… σ(W_1 x + b_1) …) + b_L`: no products, no skip connections, no max (section 3).
"""

import json
import os
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.networks.counts import Counts
from constructions.networks.whole_file import replacing
from constructions.samples.sample import read_labels, shown
from theory.arguments.plain_array import exact_floats
from theory.arguments.read_only import handed_over, read_only, restore
from theory.arguments.subnormals import check_subnormals
from theory.layers import Matrix, evaluate

# A CSR entry costs 8 bytes and a 4-byte column index, a dense entry 8 bytes.
_CSR_BYTES, _DENSE_BYTES = 12, 8
_BLOCK_BYTES = 2**26


def dense(weight: Matrix) -> np.ndarray:
    """The matrix as a numpy array."""
    return weight if isinstance(weight, np.ndarray) else np.asarray(weight.toarray())


def sparse(weight: Matrix) -> sp.csr_array:
    """The matrix as CSR, converted by blocks of rows to keep the temporary index arrays small."""
    if not isinstance(weight, np.ndarray):
        return sp.csr_array(weight)
    rows = max(1, _BLOCK_BYTES // (16 * weight.shape[1]))
    if len(weight) <= rows:
        return sp.csr_array(weight)
    blocks = [slice(start, start + rows) for start in range(0, len(weight), rows)]
    counts = np.concatenate([np.count_nonzero(weight[block], axis=1) for block in blocks])
    return csr_of_blocks((weight[block] for block in blocks), counts, weight.shape[1])


def csr_of_blocks(blocks: Iterable[np.ndarray], counts: Int[np.ndarray, " n"], columns: int) -> sp.csr_array:
    """The rows of all blocks as CSR, each written into its place, so that no array is there twice.

    Args:
        blocks: dense, one after the other.
        counts: non-zeros of each row.
        columns: of every block.
    """
    starts = np.concatenate([[0], np.cumsum(counts)])
    index = index_type(int(starts[-1]), (len(counts), columns))
    data, indices, end = np.empty(starts[-1]), np.empty(starts[-1], dtype=index), 0
    for block in map(sp.csr_array, blocks):
        part = slice(end, end + block.nnz)
        data[part], indices[part], end = block.data, block.indices, part.stop
    return sp.csr_array((data, indices, starts.astype(index)), shape=(len(counts), columns))


def smaller_storage(weight: Matrix) -> Matrix:
    """The same matrix, dense or CSR, whichever takes fewer bytes."""
    if sparse_is_smaller(count_nonzero(weight), weight.shape):
        return sparse(weight)
    return dense(weight)


def count_nonzero(array: Matrix) -> int:
    """Number of entries that are not 0."""
    return int(np.count_nonzero(array if isinstance(array, np.ndarray) else array.data))


def block_diagonal(weights: Sequence[Matrix]) -> Matrix:
    """The blocks along the diagonal, zeros elsewhere, stored dense or CSR, whichever is smaller."""
    rows = np.cumsum([0, *(w.shape[0] for w in weights)])
    columns = np.cumsum([0, *(w.shape[1] for w in weights)])
    shape = (int(rows[-1]), int(columns[-1]))
    if not sparse_is_smaller(sum(count_nonzero(w) for w in weights), shape):
        joined = np.zeros(shape)
        for k, w in enumerate(weights):
            joined[rows[k] : rows[k + 1], columns[k] : columns[k + 1]] = dense(w)
        return joined
    blocks = [sparse(w) for w in weights]
    starts = np.cumsum([0, *(b.nnz for b in blocks)])
    index = index_type(int(starts[-1]), shape)
    moved = [b.indices + index(c) if c else b.indices for b, c in zip(blocks, columns.tolist(), strict=False)]
    indices = np.concatenate(moved, dtype=index)
    del moved
    pointers = [b.indptr[1:].astype(index) + index(n) for b, n in zip(blocks, starts, strict=False)]
    indptr = np.concatenate([np.zeros(1, dtype=index), *pointers])
    return sp.csr_array((np.concatenate([b.data for b in blocks]), indices, indptr), shape=shape)


def index_type(nonzero: int, shape: tuple[int, ...]) -> type[np.integer[Any]]:
    """Of the indices of a CSR: 64 bits only where they are needed, as they take half as much memory again."""
    return np.int32 if max(*shape, nonzero) < 2**31 else np.int64


def sparse_is_smaller(nonzero: int, shape: tuple[int, ...]) -> bool:
    """Whether a matrix with so many non-zeros takes fewer bytes as CSR."""
    return _CSR_BYTES * nonzero < _DENSE_BYTES * shape[0] * shape[1]


def _read_only_csr(weight: Any) -> sp.csr_array:
    csr = sp.csr_array(weight, dtype=np.float64)
    parts = csr.data, csr.indices, csr.indptr
    kept = all(read_only(part) is part for part in parts)
    if not (kept and csr.has_canonical_format and csr.count_nonzero() == csr.nnz):
        csr = csr.copy()
        csr.sum_duplicates()
        csr.eliminate_zeros()
    handed_over(csr)
    return csr


@dataclass(frozen=True, eq=False)
class Affine:
    """One affine map `x ↦ W x + b`.

    Args:
        weight: shape (outputs, inputs), dense or any scipy sparse array; kept dense, or as CSR without stored zeros,
            in float64. What is kept is read-only: a copy, unless it is so already.
        bias: shape (outputs,).

    Raises:
        ValueError: if the shapes do not fit, or an entry is not finite or no float64.
    """

    weight: Matrix
    bias: np.ndarray

    def __post_init__(self) -> None:
        check_subnormals("a network")
        if sp.issparse(self.weight):
            exact_floats(self.weight.data, "weights")
            weight = _read_only_csr(self.weight)
            entries = weight.data
        else:
            weight = entries = read_only(exact_floats(self.weight, "weights"))
        bias = read_only(exact_floats(self.bias, "biases"))
        if weight.ndim != 2 or bias.ndim != 1 or weight.shape[0] != bias.shape[0] or 0 in weight.shape:
            raise ValueError(
                "Affine needs a non-empty weight of shape (outputs, inputs) and a bias of shape (outputs,), "
                f"got {weight.shape} and {bias.shape}"
            )
        # Least and greatest are NaN if one is, and need no array of their own.
        if not all(np.isfinite([a.min(initial=0.0), a.max(initial=0.0)]).all() for a in (entries, bias)):
            raise ValueError("Affine needs finite weights and biases, got NaN or infinity")
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)

    def __repr__(self) -> str:
        return f"<Affine {self.inputs:,} → {self.outputs:,}, {self.nonzero:,} non-zeros>"

    @property
    def inputs(self) -> int:
        return int(self.weight.shape[1])

    @property
    def outputs(self) -> int:
        return int(self.weight.shape[0])

    @property
    def parameters(self) -> int:
        """All entries of the weight and the bias, zeros included."""
        return self.outputs * self.inputs + self.outputs

    @cached_property
    def nonzero(self) -> int:
        """Entries of the weight and the bias that are not 0."""
        return count_nonzero(self.weight) + count_nonzero(self.bias)

    @property
    def bytes(self) -> int:
        """Memory of the arrays as stored."""
        if isinstance(self.weight, np.ndarray):
            stored = self.weight.nbytes
        else:
            stored = self.weight.data.nbytes + self.weight.indices.nbytes + self.weight.indptr.nbytes
        return int(stored + self.bias.nbytes)


@dataclass(frozen=True, eq=False)
class ReLUNetwork(Counts):
    """`f(x) = W_L σ(… σ(W_1 x + b_1) …) + b_L` with `layers[k] = (W_{k+1}, b_{k+1})`.

    Evaluated by calling it on an array of shape (n, inputs); the result has shape (n, outputs).

    Attributes:
        layers: the affine layers.
        classes: the labels that the outputs stand for, in their order: (-1, 1) for the sign of one output. If None,
            labels are -1 and +1 for one output, else the numbers 0, …, outputs - 1.

    Raises:
        ValueError: without layers, if the sizes of consecutive layers do not fit, or if the classes do not fit the
            outputs.
    """

    layers: tuple[Affine, ...]
    classes: tuple[Hashable, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.layers, Iterable):
            raise ValueError(f"ReLUNetwork needs a tuple of layers, got {type(self.layers).__name__}")
        object.__setattr__(self, "layers", tuple(self.layers))
        wrong = [type(f).__name__ for f in self.layers if type(f) is not Affine]
        if wrong:
            raise ValueError(
                f"ReLUNetwork needs layers of type Affine, got {wrong[0]}: make one by Affine(weight, bias)"
            )
        if not self.layers:
            raise ValueError("ReLUNetwork needs at least one layer, got none")
        for k in range(1, len(self.layers)):
            before, after = self.layers[k - 1].outputs, self.layers[k].inputs
            if before != after:
                raise ValueError(
                    f"ReLUNetwork needs layers that fit, got {before} outputs of layer {k} "
                    f"and {after} inputs of layer {k + 1}"
                )
        if self.classes is not None:
            object.__setattr__(self, "classes", _read_classes(self.classes, self.outputs))

    def __repr__(self) -> str:
        widths = [f"{width:,}" for width in self.widths]
        shown = widths if len(widths) <= 6 else [*widths[:3], "…", *widths[-2:]]
        return f"<ReLUNetwork {' → '.join(shown)}, depth {self.depth}, {self.nonzero:,} non-zeros>"

    def __call__(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n outputs"]:
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(f"the network has {self.inputs} inputs, got points of shape {x.shape}, not (n, inputs)")
        rows = max(1, _BLOCK_BYTES // (8 * max(self.widths)))
        if len(x) <= rows:
            return evaluate(self.layers, np.asarray(x, dtype=np.float64))
        return np.concatenate([self(x[start : start + rows]) for start in range(0, len(x), rows)])

    @property
    def bytes(self) -> int:
        """Memory of the arrays as stored."""
        return sum(layer.bytes for layer in self.layers)

    def to_torch(self, *, dense: bool | None = None, dtype: Any = None) -> Any:
        """The same function as a `torch.nn.Module` of any float batch; see `constructions.networks.torch_out.to_torch`.

        Args:
            dense: whether to build plain Linear layers; None where they fit.
            dtype: `torch.float64`, which is the default, or `torch.float32`.
        """
        from constructions.networks.torch_out import to_torch

        return to_torch(self, dense=dense) if dtype is None else to_torch(self, dense=dense, dtype=dtype)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an `.npz` file (arrays only, no pickle), all of it or nothing.

        The classes stand in it as JSON.

        Raises:
            ValueError: for classes other than numbers, text and booleans: without them the file would be read as that
                of a network of other labels.
        """
        arrays: dict[str, np.ndarray] = {"depth": np.array(self.depth)}
        if self.classes is not None:
            if not {type(label) for label in self.classes} <= {int, float, str, bool}:
                raise ValueError(
                    f"a network file holds classes that are numbers, text or booleans, got {shown(self.classes)}: save "
                    "ReLUNetwork(network.layers), whose labels are class numbers, or build it for names of the classes"
                )
            arrays["classes"] = np.array(json.dumps(self.classes))
        for k, layer in enumerate(self.layers):
            arrays[f"bias_{k}"] = layer.bias
            if isinstance(layer.weight, np.ndarray):
                arrays[f"weight_{k}"] = layer.weight
            else:
                arrays[f"data_{k}"] = np.asarray(layer.weight.data)
                arrays[f"indices_{k}"] = layer.weight.indices
                arrays[f"indptr_{k}"] = layer.weight.indptr
                arrays[f"shape_{k}"] = np.array(layer.weight.shape)
        # By a stream: given a path, numpy would add an ending to it.
        with replacing(path) as partial, partial.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ReLUNetwork":
        """Read a network written by `save`.

        Raises:
            ValueError: if the file is not such a file; nothing in it is executed.
        """
        try:
            # numpy leaves a file open that it opened itself and found damaged.
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            depth = arrays.pop("depth")
            if depth.shape or depth.dtype.kind not in "iu":
                raise ValueError(f"depth must be one whole number, got {depth.dtype} of shape {depth.shape}")
            named = arrays.pop("classes", None)
            classes = None if named is None else tuple(json.loads(str(named)))
            layers = [_read_layer(arrays, k) for k in range(int(depth))]
            if arrays:
                raise ValueError(f"there are other arrays: {sorted(arrays)}")
            return cls(tuple(layers), classes)
        except FileNotFoundError:
            raise
        except Exception as error:  # a damaged archive can fail in many ways, none of them the caller's
            raise ValueError(f"{path} is not a network saved by ReLUNetwork.save: {error}") from error


def _read_classes(classes: Iterable[Hashable], outputs: int) -> tuple[Hashable, ...]:
    read = tuple(read_labels(classes))
    wanted = 2 if outputs == 1 else outputs
    if len(set(read)) != len(read) or len(read) != wanted or (outputs == 1 and read != (-1, 1)):
        needed = "-1 and 1 for its one output" if outputs == 1 else f"{outputs} different ones, one an output"
        raise ValueError(f"the classes of a network must be {needed}, got {shown(read)}")
    return read


def _read_layer(arrays: dict[str, np.ndarray], k: int) -> Affine:
    """The layer, whose arrays are taken out."""
    bias = arrays.pop(f"bias_{k}")
    if f"weight_{k}" in arrays:
        return Affine(arrays.pop(f"weight_{k}"), bias)
    data, indices, indptr, shape = (arrays.pop(f"{name}_{k}") for name in ("data", "indices", "indptr", "shape"))
    weight = sp.csr_array((data, indices, indptr), shape=tuple(shape))
    weight.check_format(full_check=True)
    return Affine(weight, bias)


def network(*layers: tuple[Matrix | Sequence[Sequence[float]], np.ndarray | Sequence[float]]) -> ReLUNetwork:
    """`ReLUNetwork` from pairs (weight, bias); lists are accepted for small networks.

    Raises:
        ValueError: if a layer is no such pair, and as `Affine` and `ReLUNetwork`.
    """
    return ReLUNetwork(tuple(_affine(layer, k) for k, layer in enumerate(layers)))


def _affine(layer: Any, k: int) -> Affine:
    if not isinstance(layer, Sequence) or isinstance(layer, str | bytes | bytearray) or len(layer) != 2:
        raise ValueError(
            f"network needs a pair (weight, bias) for each layer, got {layer!r:.60} as layer {k + 1}: give, for "
            "example, ([[1.0, 2.0]], [0.5])"
        )
    weight, bias = layer
    return Affine(weight if sp.issparse(weight) else exact_floats(weight, "weights"), exact_floats(bias, "biases"))
