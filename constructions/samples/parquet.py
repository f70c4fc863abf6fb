"""Tables in .parquet files, by pandas and Arrow."""

from pathlib import Path

from constructions.samples.layout import LabelledTable, Layout, check_first_column, find_columns
from constructions.samples.sample import read_labels, read_points


def read_parquet(path: Path, layout: Layout) -> LabelledTable:
    """Points and labels of a table; what pandas stored as its index is no column.

    Raises:
        ValueError: for a malformed file, columns that are no numbers, missing values, or a header that is not there.
        ImportError: without pandas and Arrow.
    """
    try:
        import pandas
        import pyarrow  # noqa: F401  (which pandas reads it by)
    except ImportError as error:
        raise ImportError(f"{path} needs pandas and pyarrow: pip install 'robust-memorization[tables]'") from error
    if layout.header is not None:
        raise ValueError(f"{path} has names of its own: leave header out")
    try:
        # Nullable types keep integers beside missing values exact.
        frame = pandas.read_parquet(path, engine="pyarrow", dtype_backend="numpy_nullable")
    except Exception as error:
        raise ValueError(f"{path} is not a readable .parquet file: {error}") from error
    try:
        names = [str(name) for name in frame.columns]
        columns = find_columns(layout, names, len(names))
        if 0 in columns.features:
            check_first_column([str(entry) for entry in frame.iloc[:, 0]], columns)
        used = frame.iloc[:, [*columns.features, columns.label]]
        kept = used.dropna() if layout.drop_missing else used
        points, labels = read_points(kept.iloc[:, :-1]), read_labels(kept.iloc[:, -1])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return LabelledTable(points, labels, columns.note(labels, len(used) - len(kept)))
