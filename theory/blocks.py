"""Tables that are too large for memory, taken a few rows at a time."""

_BLOCK_BYTES = 2**26


def blocks(rows: int, columns: int) -> list[slice]:
    """Slices of so many rows in which a table with so many columns takes 64 MB or one row."""
    size = max(1, _BLOCK_BYTES // (8 * max(columns, 1)))
    return [slice(start, start + size) for start in range(0, rows, size)]
