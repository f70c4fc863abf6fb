"""Torch tensors whose entries are values of an `AffineGraph`: what the forward of a module computes with.

A tensor of a batch of points is a vector of the graph, what one point has, and for each entry of the tensor the number
of the entry of that vector. So whatever only reorders (view, permute, slices, …) is done by torch itself, to the
numbers, with `COPIES` points whose numbers differ by the size of the vector: what mixes points is seen. Beside them go
the values at some points and about how far the module's own arithmetic is off there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float

from constructions.networks.affine_graph import AffineGraph, Value
from constructions.networks.real_factors import reciprocals
from constructions.networks.torch_parts import refused
from theory.layers import Matrix

# Of points in a batch; a prime that no module knows.
COPIES = 3


@dataclass(frozen=True, eq=False)
class Rows:
    """A tensor of shape `place.shape` for a batch of `COPIES` points.

    Attributes:
        value: in the graph, what one point has.
        place: for each entry of the tensor its number in `value`, plus `value.size` times that of the point.
        seen: the values at the sampled points, of shape (value.size, points).
        error: about how far off the module's own arithmetic is there.
    """

    value: Value
    place: torch.Tensor
    seen: np.ndarray
    error: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one point."""
        return tuple(self.place.shape[1:])

    @property
    def numbers(self) -> torch.Tensor:
        """The places of one point."""
        return self.place[0]


class Tracing:
    """The operations of an `AffineGraph` on `Rows`.

    Args:
        points: shape (points, inputs), where the module will be run.
        roundoff: u of the format in which it will be.
        least: the least normal number of that format.
        exact: whether compositions that float64 does not hold are carried, and other numbers than floats refused.
    """

    def __init__(self, points: Float[np.ndarray, "k d"], roundoff: float, least: float, *, exact: bool) -> None:
        self.graph = AffineGraph(points.shape[1], exact=exact)
        self._points, self._roundoff, self._least, self._exact = points, roundoff, least, exact

    def input(self, shape: Sequence[int]) -> Rows:
        """The batch of points."""
        seen = self._points.T
        return self._rows(self.graph.input, shape, seen, np.zeros(seen.shape))

    def constant(self, entries: np.ndarray) -> Rows:
        """The same tensor at every point."""
        seen = np.repeat(entries.reshape(-1, 1), len(self._points), axis=1)
        return self._rows(self.graph.constant(entries.reshape(-1)), entries.shape, seen, np.zeros(seen.shape))

    def moved(self, rows: Rows, place: torch.Tensor) -> Rows:
        """The entries of these places.

        Raises:
            ValueError: unless each point has its own, all in one order.
        """
        copies = torch.arange(COPIES).reshape(-1, *[1] * max(0, place.dim() - 1)) * rows.value.size
        if place.dim() == 0 or len(place) != COPIES or not place.numel() or not torch.equal(place, place[:1] + copies):
            raise refused("an operation that mixes the points of a batch", "keep the first axis to the points")
        return replace(rows, place=place)

    def flat(self, rows: Rows) -> Rows:
        """The same tensor; the entries of its value are those of the tensor, in their order."""
        index = rows.numbers.reshape(-1).numpy()
        if np.array_equal(index, np.arange(rows.value.size)):
            return rows
        return self._rows(self.graph.rows(rows.value, index), rows.shape, rows.seen[index], rows.error[index])

    def affine(self, rows: Rows, weight: Matrix, bias: np.ndarray | None, shape: Sequence[int]) -> Rows:
        """`W v + b` as a tensor of this shape, where v is the value of `rows`, whatever its places are."""
        shift = np.zeros((weight.shape[0], 1)) if bias is None else bias[:, None]
        squares = np.square(weight) if isinstance(weight, np.ndarray) else weight.multiply(weight).tocsr()
        terms = np.diff(sp.csr_array(weight).indptr)[:, None] + 1.0
        # Of many roundings about the root of their number is left.
        own = np.sqrt(terms) * (self._roundoff * (abs(weight) @ abs(rows.seen) + abs(shift)) + self._least)
        error = np.sqrt(squares @ rows.error**2 + own**2)
        return self._rows(self.graph.affine(rows.value, weight, bias), shape, weight @ rows.seen + shift, error)

    def scaled(self, rows: Rows, *factors: np.ndarray) -> Rows:
        """Each entry of the tensor times its factor: the sum of these arrays, of the tensor's shape."""
        rows = self.flat(rows)
        if len(factors) > 1 and self._exact:
            raise refused(
                "factors that are no floats (of a division, an average or a BatchNorm), where exact=True asks for the "
                "very function",
                "let exact=False round the weights",
            )
        high, *low = (one.reshape(-1) for one in factors)
        value = self.graph.scale(rows.value, high, *low)
        size, seen = abs(high)[:, None], high[:, None] * rows.seen
        return self._rows(value, rows.shape, seen, size * rows.error + 4 * self._lost(seen))

    def divided(self, rows: Rows, divisors: np.ndarray) -> Rows:
        """Each entry of the tensor by its divisor, of the tensor's shape."""
        if not np.all(divisors):
            raise refused("a division by 0", "take it away")
        return self.scaled(rows, *reciprocals(divisors))

    def plus(self, *many: Rows) -> Rows:
        """The sum of tensors of one shape."""
        many = tuple(map(self.flat, many))
        seen = np.sum([one.seen for one in many], axis=0)
        lost = sum(one.error + self._lost(one.seen) for one in many)
        return self._rows(self.graph.add(*(one.value for one in many)), many[0].shape, seen, lost)

    def shifted(self, rows: Rows, shift: np.ndarray) -> Rows:
        """The tensor plus these numbers, of its shape."""
        return self.plus(rows, self.constant(shift)) if shift.any() else rows

    def relu(self, rows: Rows) -> Rows:
        """`σ` of each entry."""
        rows = self.flat(rows)
        return self._rows(self.graph.relu(rows.value), rows.shape, np.maximum(rows.seen, 0.0), rows.error)

    def greatest(self, many: Sequence[Rows]) -> Rows:
        """The entrywise maximum of tensors of one shape."""
        many = list(map(self.flat, many))
        seen, error = (np.max([getattr(one, name) for one in many], axis=0) for name in ("seen", "error"))
        value = self.graph.greatest([one.value for one in many])
        return self._rows(value, many[0].shape, seen, error + self._lost(seen))

    def joined(self, many: Sequence[Rows]) -> tuple[Rows, list[torch.Tensor]]:
        """All values in one, and the places of each tensor in it."""
        sizes = [one.value.size for one in many]
        starts, total = np.cumsum([0, *sizes]), sum(sizes)
        seen, error = (np.concatenate([getattr(one, name) for one in many]) for name in ("seen", "error"))
        whole = self._rows(self.graph.stack([one.value for one in many]), (total,), seen, error)
        return whole, [copied(one.numbers + int(start), total) for one, start in zip(many, starts, strict=False)]

    def _lost(self, seen: np.ndarray) -> np.ndarray:
        return self._roundoff * abs(seen) + self._least

    def _rows(self, value: Value, shape: Sequence[int], seen: np.ndarray, error: np.ndarray) -> Rows:
        return Rows(value, copied(torch.arange(value.size).reshape(tuple(shape)), value.size), seen, error)


def copied(numbers: torch.Tensor, size: int) -> torch.Tensor:
    """The places of one point for all points, where a value has this size."""
    return torch.stack([numbers + k * size for k in range(COPIES)])
