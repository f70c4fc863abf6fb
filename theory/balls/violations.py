"""What outputs are errors: unions of polyhedra, for each region its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.plain_array import exact_floats, plain_array
from theory.setting.losses import check_labels


@dataclass(frozen=True, eq=False)
class Violations:
    """An output y of region i is an error iff for some c all rows of `forms[i, c] y <= offsets[i, c]` hold.

    Args:
        forms: shape (m, conjunctions, rows, outputs), m the number of regions, or 1 for the same in all.
        offsets: shape (m, conjunctions, rows).
    """

    forms: Float[np.ndarray, "m conjunctions rows outputs"]
    offsets: Float[np.ndarray, "m conjunctions rows"]

    def take(self, rows: Any) -> "Violations":
        """Those of some of the regions."""
        return self if len(self.forms) == 1 else Violations(self.forms[rows], self.offsets[rows])

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Forms of shape (m, k, outputs) and offsets (m, k), k all rows of all conjunctions."""
        m, conjunctions, rows, outputs = self.forms.shape
        return self.forms.reshape(m, conjunctions * rows, outputs), self.offsets.reshape(m, conjunctions * rows)

    def excluded(self, lower: Float[np.ndarray, "n k"]) -> np.ndarray:
        """Lower bounds of the greatest row of each conjunction, shape (n, conjunctions): none holds where > 0.

        Args:
            lower: bounds of the flat forms less their offsets, NaN for none.
        """
        shape = (len(lower), *self.offsets.shape[1:])
        return np.asarray(np.where(np.isnan(lower), -np.inf, lower).reshape(shape).max(axis=2))

    def rows(self, outputs: Float[np.ndarray, "n outputs"]) -> Float[np.ndarray, "n conjunctions rows"]:
        """`A y - b` of every row of every conjunction, one y a region, up to rounding; ∞ where that is no number."""
        m, conjunctions, rows, width = self.forms.shape
        if m == 1:
            values = (outputs @ self.forms.reshape(-1, width).T).reshape(-1, conjunctions, rows)
        else:
            values = np.einsum("ncro,no->ncr", self.forms, outputs)
        values = values - self.offsets
        return np.asarray(np.where(np.isnan(values), np.inf, values))

    def margins(self, outputs: Float[np.ndarray, "n outputs"]) -> np.ndarray:
        """`min over c of the greatest row` at outputs, one a region, up to rounding: an error iff <= 0."""
        return np.asarray(self.rows(outputs).max(axis=2).min(axis=1))


def unions(conjunctions: Sequence[Sequence[tuple[Any, Any]]], outputs: int) -> Violations:
    """Violations from lists of `(A, b)`, for each region its own list; `A y <= b` with all rows is an error.

    Args:
        conjunctions: a list for each region; A of shape (rows, outputs), b (rows,).
        outputs: of the network.

    Raises:
        ValueError: for a region without a conjunction, shapes that do not fit, or entries that are not finite.
    """
    read = []
    for i, region in enumerate(conjunctions):
        pairs = [(exact_floats(a, "A"), exact_floats(b, "b")) for a, b in region]
        for a, b in pairs:
            if a.ndim != 2 or a.shape[1] != outputs or not len(a) or b.shape != a.shape[:1]:
                raise ValueError(
                    f"a conjunction of region {i} needs A of shape (rows >= 1, outputs={outputs}) and b of shape "
                    f"(rows,), got {a.shape} and {b.shape}"
                )
            if not (np.isfinite(a).all() and np.isfinite(b).all()):
                raise ValueError(f"a conjunction of region {i} needs finite A and b, got NaN or infinity")
        if not pairs:
            raise ValueError(f"region {i} needs at least one conjunction, got none: no output of it is an error")
        read.append(pairs)
    if not read:
        raise ValueError("violations need at least one region, got none")
    most, rows = max(map(len, read)), max(len(a) for pairs in read for a, _ in pairs)
    forms, offsets = np.empty((len(read), most, rows, outputs)), np.empty((len(read), most, rows))
    for i, pairs in enumerate(read):
        # The first conjunction, and the first row of each, again where there are fewer.
        for c in range(most):
            a, b = pairs[c] if c < len(pairs) else pairs[0]
            some = np.where(np.arange(rows) < len(a), np.arange(rows), 0)
            forms[i, c], offsets[i, c] = a[some], b[some]
    return Violations(forms, offsets)


def margin_violations(labels: Int[np.ndarray, " n"], outputs: int) -> Violations:
    """A margin that is not positive: `f_y <= f_c` for some c != y, or `y f <= 0` for one output.

    Raises:
        ValueError: if a label is not one of the network's.
    """
    labels = plain_array(labels, "labels")
    check_labels(labels, outputs)
    known = {int(label): margin_forms(int(label), outputs) for label in np.unique(labels)}
    forms = np.stack([known[int(label)] for label in labels])[:, :, None]
    return Violations(forms, np.zeros(forms.shape[:3]))


def margin_forms(label: int, outputs: int) -> Float[np.ndarray, "k outputs"]:
    """Rows whose minimum over `rows @ f(x)` is the margin: `±1`, or `e_y - e_c` for every `c != y`."""
    if outputs == 1:
        return np.array([[float(label)]])
    identity = np.eye(outputs)
    return np.asarray(identity[label] - np.delete(identity, label, axis=0))
