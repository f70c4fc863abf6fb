"""One affine map with integer entries of any length."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class IntegerLayer:
    """One affine map with integer entries, row by row.

    Attributes:
        inputs: number of inputs.
        rows: for each output its non-zero weights as pairs (input, weight), inputs ascending.
        bias: one a row.

    Raises:
        ValueError: for entries that are no integers, zero weights, or inputs that do not exist or do not ascend.
    """

    inputs: int
    rows: tuple[tuple[tuple[int, int], ...], ...]
    bias: tuple[int, ...]

    def __post_init__(self) -> None:
        rows = tuple(tuple((column, weight) for column, weight in row) for row in self.rows)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "bias", tuple(self.bias))
        if not (self.inputs > 0 and self.rows and len(self.rows) == len(self.bias)):
            raise ValueError(
                f"IntegerLayer needs inputs, rows and one bias a row, got {self.inputs} inputs, {len(self.rows)} rows "
                f"and {len(self.bias)} biases"
            )
        for row in self.rows:
            columns = [-1, *(column for column, _ in row), self.inputs]
            if not all(a < b for a, b in pairwise(columns)):
                raise ValueError(f"IntegerLayer needs inputs that ascend below {self.inputs}, got {columns[1:-1]}")
        entries = [*self.bias, *(weight for row in self.rows for _, weight in row)]
        if not all(type(entry) is int for entry in entries) or not all(
            weight for row in self.rows for _, weight in row
        ):
            raise ValueError("IntegerLayer needs integers, and weights other than 0")

    def __repr__(self) -> str:
        return f"<IntegerLayer {self.inputs:,} → {self.outputs:,}, {self.nonzero:,} non-zeros>"

    @property
    def outputs(self) -> int:
        return len(self.rows)

    @property
    def parameters(self) -> int:
        """All entries of the weight and the bias, zeros included."""
        return self.outputs * self.inputs + self.outputs

    @property
    def nonzero(self) -> int:
        """Entries of the weight and the bias that are not 0."""
        return len(list(self.entries()))

    def entries(self) -> Iterator[int]:
        """The non-zero weights and biases."""
        for row, bias in zip(self.rows, self.bias, strict=True):
            yield from (weight for _, weight in row)
            if bias:
                yield bias
