"""Graphs of affine maps and ReLUs, with branches and skip connections, as strict ReLU networks.

A *value* of the graph is a vector; it is held as an affine map of *neurons*: the inputs of the graph, the outputs of
its ReLUs and the constant 1, with the exact coefficients (`constructions.networks.exact_sums`). Affine operations
multiply and add coefficients, so that all that is affine between two ReLUs becomes one map. A ReLU makes new neurons,
one level above the highest that its argument reads; `finish` gives the layers, one for each level:

- A neuron that is read more than one level above is *carried*: `h = σ(h)` for the output of a ReLU, and
  `x = σ(x) - σ(-x)` for an input, both without rounding. Where values of different levels meet and the lower one has
  fewer entries than neurons, it is carried itself, `z = σ(z) - σ(-z)`, so that residual sums do not add up.
- The weights of a layer are the exact coefficients rounded once, to nearest (but for ties), and the result says how
  many that changed: usually none for float32 weights behind each other, most for float64 ones. With `exact=True` none
  is, except for factors that are no float64 (1/3): where a composition is no float64 matrix, its operands are carried,
  at the price of a layer.
- A factor that is given in parts is known to 2^-100 of itself. How far coefficients may be from the true ones for that
  is carried along: where they cancel, as in `3 (x / 3) - x`, it is no small part of them any more.

Example:
    >>> graph = AffineGraph(inputs=2)
    >>> hidden = graph.relu(graph.affine(graph.input, np.array([[1.0, -1.0]]), np.array([0.5])))
    >>> skip = graph.rows(graph.input, np.array([0]))
    >>> graph.finish(graph.add(hidden, skip)).layers
    (<Affine 2 → 3, 5 non-zeros>, <Affine 3 → 1, 3 non-zeros>)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.networks import exact_sums
from constructions.networks.exact_sums import Sum
from constructions.networks.network import Affine, smaller_storage
from theory.arguments.read_only import handed_over
from theory.layers import Matrix

_ONE, _INPUT = -1, 0
# A factor in parts is known to 2^-100 of itself, with room for the rounding of what is made of this.
_FACTOR, _LEAST_FACTOR = 2.0**-99, 2.0**-900


@dataclass(frozen=True, eq=False)
class Value:
    """A vector in the graph: for each block of neurons that it reads the coefficients, of shape (size, neurons).

    Block -1 is the constant 1, block 0 the inputs, block k the k-th ReLU. Where some are not exact, `spread` has
    upper bounds, of the same shape, of how far each is from the true one.
    """

    terms: Mapping[int, Sum]
    size: int
    spread: Mapping[int, sp.csr_array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Finished:
    """The layers of a graph.

    Attributes:
        layers: strictly alternating with ReLUs.
        rounded: how many weights and biases are not the exact composition of those of the graph.
        rounding: by which part of themselves these were changed at most, about 2^-53; 0 if none was, infinite if of a
            coefficient nothing is known, as factors that are not exact cancelled.
    """

    layers: tuple[Affine, ...]
    rounded: int
    rounding: float


@dataclass(frozen=True, eq=False)
class _Block:
    """Neurons of one ReLU; `value` is its argument, None for the inputs and the constant."""

    level: int
    size: int
    value: Value | None


class AffineGraph:
    """Values of one graph, made one from another, beginning with `input`.

    Args:
        inputs: number of inputs.
        exact: whether to carry values instead of rounding composed weights.
    """

    def __init__(self, inputs: int, *, exact: bool = False) -> None:
        self._blocks = {_ONE: _Block(0, 1, None), _INPUT: _Block(0, inputs, None)}
        self._exact = exact
        identity = exact_sums.one_matrix(sp.eye_array(inputs, format="csr"))
        self.input = Value({_INPUT: identity}, inputs)

    def constant(self, entries: Float[np.ndarray, " k"]) -> Value:
        """The vector of these numbers."""
        return Value({_ONE: exact_sums.one_matrix(entries[:, None])}, len(entries))

    def affine(self, value: Value, weight: Matrix, bias: Float[np.ndarray, " k"] | None = None) -> Value:
        """`W v + b`, for a weight of shape (k, size of v)."""
        moved = self._times(exact_sums.one_matrix(weight), value)
        return moved if bias is None else self.add(moved, self.constant(bias))

    def scale(self, value: Value, *factors: Float[np.ndarray, " size"]) -> Value:
        """Each entry times its factor: the sum of these numbers, as a factor such as 1/3 is no float64.

        One that takes more than one number stands for what is within 2^-100 of that sum.

        Raises:
            ValueError: for such a factor of which float64 does not hold so many bits.
        """
        parts = [exact_sums.one_matrix(sp.diags_array(one, format="csr")) for one in factors]
        found = self._times(exact_sums.plus(*parts), value)
        if len(factors) > 1 and np.min(np.abs(factors[0]), initial=1.0, where=factors[0] != 0) < _LEAST_FACTOR:
            raise ValueError(f"factors must be at least {_LEAST_FACTOR:g}, got {np.abs(factors[0]).min():g}: rescale")
        inexact = np.any([one != 0 for one in factors[1:]], axis=0)
        if not np.any(inexact):
            return found
        unsure = sp.diags_array(np.where(inexact, _FACTOR, 0.0), format="csr")
        own = {k: sp.csr_array(unsure @ _size(terms)) for k, terms in found.terms.items()}
        return Value(found.terms, found.size, _added([found.spread, own]))

    def _times(self, matrix: Sum, value: Value) -> Value:
        rows, columns = matrix[0].shape
        if columns != value.size:
            raise ValueError(f"affine needs one column an entry, got weight {(rows, columns)} and {value.size} entries")
        return self._settled(lambda v: _product(matrix, v), [value])

    def add(self, *values: Value) -> Value:
        """The sum of values of one size."""
        if len({value.size for value in values}) != 1:
            raise ValueError(f"add needs values of one size, got {[value.size for value in values]}")
        return self._settled(lambda *v: _sum(v), self._joined(values))

    def rows(self, value: Value, index: Int[np.ndarray, " k"]) -> Value:
        """The entries of these numbers, in this order."""
        terms = {k: exact_sums.rows(own, index) for k, own in value.terms.items()}
        spread = {k: sp.csr_array(own[index]) for k, own in value.spread.items()}
        # What cancelled to nothing may be something.
        kept = {k: own for k, own in terms.items() if own[0].nnz or (k in spread and spread[k].nnz)}
        return Value(kept, len(index), {k: own for k, own in spread.items() if own.nnz})

    def stack(self, values: Sequence[Value]) -> Value:
        """The values one behind the other."""
        values = self._joined(values)
        blocks = dict.fromkeys(chain.from_iterable(value.terms for value in values))
        zero = {(k, v.size): exact_sums.one_matrix(sp.csr_array((v.size, self._blocks[k].size)))
                for k in blocks for v in values if k not in v.terms}  # fmt: skip
        terms = {k: exact_sums.stacked([v.terms.get(k) or zero[k, v.size] for v in values]) for k in blocks}
        spread = {k: sp.csr_array(sp.vstack([v.spread.get(k, sp.csr_array((v.size, self._blocks[k].size)))
                                             for v in values], format="csr"))
                  for k in dict.fromkeys(chain.from_iterable(value.spread for value in values))}  # fmt: skip
        return Value(terms, sum(value.size for value in values), spread)

    def relu(self, value: Value) -> Value:
        """`σ(v)`."""
        block = len(self._blocks) - 1
        self._blocks[block] = _Block(self._level(value) + 1, value.size, value)
        return Value({block: exact_sums.one_matrix(sp.eye_array(value.size, format="csr"))}, value.size)

    def carried(self, value: Value) -> Value:
        """The same value one level higher, as `σ(v) - σ(-v)`."""
        sign = sp.eye_array(value.size, format="csr")
        pair, difference = (
            exact_sums.one_matrix(stack([sign, -sign], format="csr")) for stack in (sp.vstack, sp.hstack)
        )
        return _product(difference, self.relu(_product(pair, value)))

    def maximum(self, first: Value, second: Value) -> Value:
        """The greater of two entries: `a + σ(b - a)`."""
        return self.add(first, self.relu(self.add(second, self.scale(first, np.full(first.size, -1.0)))))

    def greatest(self, values: Sequence[Value]) -> Value:
        """The greatest entries of values of one size, two and two in each round."""
        values, size = list(values), values[0].size
        while len(values) > 1:
            pairs = len(values) // 2
            both = self.maximum(self.stack(values[: 2 * pairs : 2]), self.stack(values[1 : 2 * pairs : 2]))
            parts = [self.rows(both, np.arange(k * size, (k + 1) * size)) for k in range(pairs)]
            values = [*parts, *values[2 * pairs :]]
        return values[0]

    def finish(self, value: Value) -> Finished:
        """The network whose output is this value.

        Raises:
            ValueError: if a weight is beyond float64.
        """
        last = self._level(value) + 1
        until = self._until(value, last)
        stage, width = {_INPUT: _Place(np.arange(self.input.size), None)}, self.input.size
        layers, rounded, rounding = [], 0, 0.0
        for level in range(1, last + 1):
            made = [k for k in sorted(until) if self._blocks[k].level == level]
            values = [value] if level == last else [self._argument(k) for k in made]
            written = [_written(v, stage, width) for v in values]
            rounded += sum(one.rounded for one in written)
            rounding = max(rounding, *(one.rounding for one in written))
            weights, biases = [one.weight for one in written], [one.bias for one in written]
            if level < last:
                kept = {k: np.flatnonzero(until[k] >= level) for k in stage if k in until}
                carried, stage, width = _carried(kept, stage, width, {k: self._blocks[k].size for k in made})
                weights.append(carried)
                biases.append(np.zeros(carried.shape[0]))
            weight = smaller_storage(sp.vstack(weights, format="csr"))
            layers.append(Affine(handed_over(weight), handed_over(np.concatenate(biases))))
        return Finished(tuple(layers), rounded, rounding)

    def _argument(self, block: int) -> Value:
        value = self._blocks[block].value
        assert value is not None
        return value

    def _until(self, value: Value, last: int) -> dict[int, np.ndarray]:
        """For each block that is needed the level above which none reads the neuron, minus one."""
        until: dict[int, np.ndarray] = {_INPUT: np.zeros(self.input.size, dtype=int)}

        def read(v: Value, level: int) -> None:
            for k, sum_ in v.terms.items():
                if k != _ONE:
                    own = self._blocks[k]
                    latest = until.setdefault(k, np.full(own.size, own.level))
                    index = exact_sums.columns(sum_)
                    latest[index] = np.maximum(latest[index], level - 1)

        read(value, last)
        # Whoever reads a block was made after it.
        for k in sorted(self._blocks, reverse=True):
            if k > _INPUT and k in until:
                read(self._argument(k), self._blocks[k].level)
        return until

    def _level(self, value: Value) -> int:
        return max((self._blocks[k].level for k in value.terms), default=0)

    def _joined(self, values: Sequence[Value]) -> list[Value]:
        """The values, those of lower levels carried where that takes fewer neurons."""
        level = max(map(self._level, values))
        neurons = [sum(len(exact_sums.columns(own)) for k, own in v.terms.items() if k != _ONE) for v in values]
        lower = [self._level(v) < level and 2 * v.size < n for v, n in zip(values, neurons, strict=True)]
        return [self.carried(v) if low else v for v, low in zip(values, lower, strict=True)]

    def _settled(self, apply: Callable[..., Value], values: Sequence[Value]) -> Value:
        """The operation on the values, or on carried ones where it would be rounded and must not be."""
        found = apply(*values)
        if not self._exact or _is_float(found):
            return found
        carried = apply(*map(self.carried, values))
        return carried if _is_float(carried) else found


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the neurons of a block are among those of a level, -1 for those that are not; `minus` of `σ(-x)`."""

    plus: np.ndarray
    minus: np.ndarray | None


@dataclass(frozen=True, eq=False)
class _Written:
    weight: sp.csr_array
    bias: np.ndarray
    rounded: int
    rounding: float


def _written(value: Value, stage: Mapping[int, _Place], width: int) -> _Written:
    """A value as a map of the neurons of a level, rounded."""
    weight, bias, rounded, rounding = sp.csr_array((value.size, width)), np.zeros(value.size), 0, 0.0
    for k, sum_ in value.terms.items():
        head, many, most = exact_sums.nearest(sum_)
        if k in value.spread:
            # Of those that are not exact each counts as changed.
            many, most = max(many, int(value.spread[k].nnz)), most + _greatest_part(value.spread[k], head)
        rounded, rounding = rounded + many, max(rounding, most)
        if k == _ONE:
            bias = head.toarray()[:, 0]
        else:
            # The columns of different blocks are different ones: nothing is added up.
            weight = weight + head @ _placed(stage[k], width)
    return _Written(sp.csr_array(weight), bias, rounded, rounding)


def _placed(place: _Place, width: int) -> sp.csr_array:
    """The neurons of a block in terms of those of a level."""
    signs = [(place.plus, 1.0)] + ([] if place.minus is None else [(place.minus, -1.0)])
    rows = [np.flatnonzero(columns >= 0) for columns, _ in signs]
    row, column = np.concatenate(rows), np.concatenate([c[r] for (c, _), r in zip(signs, rows, strict=True)])
    sign = np.repeat([sign for _, sign in signs], [len(r) for r in rows])
    return sp.csr_array((sign, (row, column)), shape=(len(place.plus), width))


def _carried(
    kept: Mapping[int, np.ndarray], stage: Mapping[int, _Place], width: int, made: Mapping[int, int]
) -> tuple[sp.csr_array, dict[int, _Place], int]:
    """Rows that carry neurons to the next level, behind those that are made there; places and width of that level."""
    places, start = {}, 0
    for k, size in made.items():
        places[k] = _Place(np.arange(start, start + size), None)
        start += size
    row: list[np.ndarray] = []
    sign: list[np.ndarray] = []

    def carry(columns: np.ndarray, factor: float, index: np.ndarray) -> np.ndarray:
        nonlocal start
        row.append(columns[index])
        sign.append(np.full(len(index), factor))
        there = np.full(len(columns), -1)
        there[index] = np.arange(start, start + len(index))
        start += len(index)
        return there

    for k, index in kept.items():
        place = stage[k]
        plus = carry(place.plus, 1.0, index)
        minus = None
        if k == _INPUT:
            minus = carry(place.plus, -1.0, index) if place.minus is None else carry(place.minus, 1.0, index)
        places[k] = _Place(plus, minus)
    columns, signs = np.concatenate([*row, np.zeros(0, dtype=int)]), np.concatenate([*sign, np.zeros(0)])
    rows = np.arange(len(columns))
    return sp.csr_array((signs, (rows, columns)), shape=(len(columns), width)), places, start


def _is_float(value: Value) -> bool:
    return all(len(sum_) == 1 for sum_ in value.terms.values())


def _product(matrix: Sum, value: Value) -> Value:
    terms = {k: exact_sums.times(matrix, own) for k, own in value.terms.items()}
    spread = {k: sp.csr_array(_size(matrix) @ own) for k, own in value.spread.items()}
    return Value(terms, matrix[0].shape[0], spread)


def _sum(values: Sequence[Value]) -> Value:
    blocks = dict.fromkeys(chain.from_iterable(value.terms for value in values))
    terms = {k: exact_sums.plus(*(v.terms[k] for v in values if k in v.terms)) for k in blocks}
    return Value(terms, values[0].size, _added([v.spread for v in values]))


def _added(spreads: Sequence[Mapping[int, sp.csr_array]]) -> dict[int, sp.csr_array]:
    found: dict[int, sp.csr_array] = {}
    for k, own in chain.from_iterable(one.items() for one in spreads):
        found[k] = sp.csr_array(found[k] + own) if k in found else own
    return found


def _size(terms: Sum) -> sp.csr_array:
    """Absolute values of the entries, or a little more."""
    return sp.csr_array(abs(terms[0]) * (1.0 + 2.0**-40))


def _greatest_part(spread: sp.csr_array, head: sp.csr_array) -> float:
    """By which part of itself an entry may be off at most; infinite for one that is 0."""
    spread = sp.csr_array(spread)
    spread.eliminate_zeros()
    sizes = abs(head)
    if (spread != 0).multiply(sizes != 0).nnz < spread.nnz:
        return np.inf
    with np.errstate(over="ignore"):
        inverse = sp.csr_array((1.0 / sizes.data, sizes.indices, sizes.indptr), shape=sizes.shape)
        return float(spread.multiply(inverse).max()) if spread.nnz else 0.0
