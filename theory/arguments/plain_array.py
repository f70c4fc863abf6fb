"""Arrays, tensors and tables as numpy arrays of the same entries; what would become something else is refused."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from theory.arguments.scalars import read_scalar


def plain_array(values: Any, name: str) -> np.ndarray:
    """The entries of an array, tensor or column; not copied where they are a numpy array already.

    Raises:
        ValueError: if entries are masked, or for what is no dense array in the memory of this machine.
    """
    if isinstance(values, np.ma.MaskedArray):
        masked = np.count_nonzero(np.ma.getmaskarray(values))
        if masked:
            raise ValueError(f"{name} must have no masked entries, got {masked}: fill them, or drop these points")
        return np.asarray(values.data)
    if sp.issparse(values):
        raise ValueError(f"{name} must be dense, got a scipy sparse array: give its toarray()")
    torch = sys.modules.get("torch")
    try:
        if torch is not None and isinstance(values, torch.Tensor):
            tensor = values.detach().cpu()
            # numpy has no bfloat16.
            return np.asarray((tensor.double() if tensor.is_floating_point() else tensor).numpy())
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{name} must be a dense array, got {type(values).__name__}: {error}") from error


def exact_floats(values: Any, name: str) -> np.ndarray:
    """The same numbers in float64; not copied if they are an array of float64.

    Args:
        values: an array, tensor, table or number, or a nested list of these.
        name: of the argument, for the message.

    Raises:
        ValueError: if an entry is masked, missing, not real, or no float64; if lists have different lengths.
    """
    if is_table(values):
        return _table_floats(values, name)
    if hasattr(values, "__array__") or isinstance(values, memoryview) or sp.issparse(values):
        return _float64(plain_array(values, name), name)
    if isinstance(values, Sequence) and not isinstance(values, str | bytes | bytearray):
        return _list_floats(values, name)
    return np.array(read_scalar(int(values) if isinstance(values, bool) else values, f"each entry of {name}"))


def is_table(values: Any) -> bool:
    """Whether these are a table with named columns: of pandas, or of Arrow and what hands its columns over as such."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.DataFrame):
        return True
    return hasattr(values, "__arrow_c_stream__") and (hasattr(values, "column_names") or hasattr(values, "columns"))


def _list_floats(values: Sequence[Any], name: str) -> np.ndarray:
    if set(map(type, values)) <= {float, int, bool}:
        try:
            floats = np.array(values, dtype=np.float64)
        except OverflowError:
            floats = np.empty(0)
        # Python compares an int and a float exactly; numpy rounds the int first.
        if floats.tolist() == list(values):
            return floats
    try:
        parts = [exact_floats(value, name) for value in values]
    except RecursionError as error:
        raise ValueError(f"{name} must be nested a few lists deep, got too many to follow") from error
    if len({part.shape for part in parts}) > 1:
        raise ValueError(f"{name} must have rows of one length, got {sorted({part.shape for part in parts})}")
    return np.stack(parts)


def _table_floats(table: Any, name: str) -> np.ndarray:
    columns = []
    if not hasattr(table, "iloc"):
        # In an array of one type large integers would be rounded beside floats.
        try:
            import pandas
            import pyarrow
        except ImportError as error:
            raise ValueError(f"{name} as {type(table).__name__} needs pandas and pyarrow: {error}") from error
        table = pyarrow.table(table).to_pandas(types_mapper=pandas.ArrowDtype)
    for k, (label, kind) in enumerate(table.dtypes.items()):
        column = table.iloc[:, k]
        if getattr(kind, "kind", "O") not in "fiub":
            raise ValueError(f"{name} must be a table of numbers, got column {label!r} of {kind}: drop or encode it")
        if str(label).startswith("Unnamed:") or label in ("index", "level_0"):
            raise ValueError(
                f"{name} must be features, got column {label!r}, as pandas names an index that was stored as a column: "
                "drop it, read the file with index_col=0, or rename a feature of that name"
            )
        if column.isna().any():
            raise ValueError(f"{name} must be finite, got a missing value in column {label!r}")
        columns.append(_float64(np.asarray(column, dtype=getattr(kind, "numpy_dtype", None)), name))
    return np.stack(columns, axis=1) if columns else np.empty((len(table), 0))


def _float64(array: np.ndarray, name: str) -> np.ndarray:
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind not in "fiub":
        raise ValueError(f"{name} must be real numbers, got dtype {array.dtype}: convert them with astype(float)")
    with np.errstate(over="ignore"):
        floats = array.astype(np.float64, copy=False)
    rounded: list[Any] = []
    if kind == "f" and size > 8:
        rounded = array[(floats != array) & ~np.isnan(array)].tolist()
    elif kind in "iu" and size == 8:
        # Rounding is monotone, so that an integer below 2^53 cannot reach it; Python compares exactly.
        large = np.abs(floats) >= 2.0**53
        rounded = [n for n, f in zip(array[large].tolist(), floats[large].tolist(), strict=True) if n != f]
    if rounded:
        raise ValueError(
            f"{name} must be numbers that float64 holds exactly, got {rounded[0]!s}: round them yourself, "
            "with astype(float)"
        )
    return floats
