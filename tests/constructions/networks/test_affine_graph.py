"""Graphs as networks: against the same operations in rational numbers."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.networks import affine_graph, exact_sums
from constructions.networks.affine_graph import AffineGraph, Value
from constructions.networks.network import ReLUNetwork
from tests.rational import rational_value
from tests.strategies import dyadic

Vector = list[Fraction]
# Of very different sizes and of 53 bits: nearly every product and sum of them is rounded.
awkward = st.one_of(
    st.floats(-1, 1, allow_subnormal=False),
    st.builds(lambda m, e: float(m) * 2.0**e, st.integers(-(2**53), 2**53), st.integers(-90, 20)),
).map(lambda w: w if abs(w) > 1e-40 else 0.0)
NUMBERS = {"dyadic": dyadic(), "awkward": awkward}


def rational(weight: Any, x: Vector, bias: Any) -> Vector:
    return [
        sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), Fraction(b))
        for row, b in zip(np.asarray(weight).tolist(), np.asarray(bias).tolist(), strict=True)
    ]


class Traced:
    """A value of the graph beside what it is at one point."""

    def __init__(self, value: Value, at: Vector) -> None:
        assert value.size == len(at)
        self.value, self.at = value, at


def draw_array(draw: Any, numbers: Any, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape))
    return np.array(draw(st.lists(numbers, min_size=size, max_size=size))).reshape(shape)


def step(draw: Any, graph: AffineGraph, made: list[Traced], numbers: Any) -> Traced:
    one = draw(st.sampled_from(made))
    size = one.value.size
    kind = draw(st.sampled_from(["affine", "relu", "relu", "add", "rows", "stack", "maximum", "constant", "carried"]))
    if kind == "affine":
        k = draw(st.integers(1, 3))
        weight, bias = draw_array(draw, numbers, (k, size)), draw_array(draw, numbers, (k,))
        return Traced(graph.affine(one.value, weight, bias), rational(weight, one.at, bias))
    if kind == "relu":
        return Traced(graph.relu(one.value), [max(v, Fraction(0)) for v in one.at])
    if kind == "rows":
        index = np.array(draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=3)))
        return Traced(graph.rows(one.value, index), [one.at[k] for k in index])
    if kind == "constant":
        entries = draw_array(draw, numbers, (draw(st.integers(1, 3)),))
        return Traced(graph.constant(entries), [Fraction(v) for v in entries.tolist()])
    if kind == "carried":
        return Traced(graph.carried(one.value), one.at)
    if kind == "stack":
        other = draw(st.sampled_from(made))
        return Traced(graph.stack([one.value, other.value]), one.at + other.at)
    other = draw(st.sampled_from([t for t in made if t.value.size == size]))
    if kind == "maximum":
        return Traced(graph.maximum(one.value, other.value), [max(a, b) for a, b in zip(one.at, other.at, strict=True)])
    return Traced(graph.add(one.value, other.value), [a + b for a, b in zip(one.at, other.at, strict=True)])


@pytest.mark.parametrize("numbers", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("exact", [True, False])
@given(data=st.data())
def test_the_network_is_the_graph(exact: bool, numbers: Any, data: st.DataObject) -> None:
    inputs = data.draw(st.integers(1, 3))
    graph = AffineGraph(inputs, exact=exact)
    x = [Fraction(v) for v in draw_array(data.draw, dyadic(), (inputs,)).tolist()]
    made = [Traced(graph.input, x)]
    for _ in range(data.draw(st.integers(1, 8))):
        made.append(step(data.draw, graph, made, numbers))
    finished = graph.finish(made[-1].value)
    found = rational_value(ReLUNetwork(finished.layers), x)
    assert finished.rounding <= 2.0**-53
    assert (finished.rounded == 0) == (finished.rounding == 0)
    if exact:
        assert finished.rounded == 0
    if finished.rounded == 0:
        assert found == made[-1].at


floats = st.lists(awkward, min_size=6, max_size=6).map(lambda v: np.array(v))


@given(floats, floats, floats)
def test_products_and_sums_lose_nothing(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    left, right, more = a.reshape(2, 3), b.reshape(3, 2), c.reshape(2, 3)
    product = exact_sums.times(exact_sums.one_matrix(left), exact_sums.one_matrix(right))
    triple = exact_sums.plus(exact_sums.times(product, exact_sums.one_matrix(more)), exact_sums.one_matrix(left))
    parts = [part.toarray() for part in triple]
    for i in range(2):
        for j in range(3):
            exact = Fraction(left[i, j]) + sum(
                Fraction(left[i, k]) * Fraction(right[k, m]) * Fraction(more[m, j]) for k in range(3) for m in range(2)
            )
            assert sum(Fraction(part[i, j]) for part in parts) == exact
            # The first part is the nearest number, up to ties.
            assert abs(Fraction(parts[0][i, j]) - exact) <= Fraction(np.spacing(abs(float(exact)))) * Fraction(33, 64)


@given(floats, floats.map(lambda v: v[:2]))
def test_rows_times_numbers_are_two_floats(b: np.ndarray, factors: np.ndarray) -> None:
    """Each row of another one, times a number: the nearest product, and what it loses."""
    right = b.reshape(3, 2)
    left = np.zeros((2, 3))
    left[[0, 1], [2, 0]] = factors
    parts = [part.toarray() for part in exact_sums.times(exact_sums.one_matrix(left), exact_sums.one_matrix(right))]
    assert len(parts) <= 2
    for i, j in np.ndindex(2, 2):
        exact = Fraction(factors[i]) * Fraction(right[(2, 0)[i], j])
        assert sum(Fraction(part[i, j]) for part in parts) == exact
        assert Fraction(parts[0][i, j]) == Fraction(factors[i] * right[(2, 0)[i], j])


def test_what_leaves_the_range_is_refused() -> None:
    tiny, huge = exact_sums.one_matrix(np.array([[2.0**-600]])), exact_sums.one_matrix(np.array([[2.0**600]]))
    for one in (tiny, huge):
        with pytest.raises(ValueError, match="composed weights must keep every bit within float64"):
            exact_sums.times(one, one)


def test_residual_sums_do_not_add_up() -> None:
    """A chain of blocks x + W σ(V x) carries x by 2 d neurons, not by all those of the blocks before."""
    rng = np.random.default_rng(0)
    graph = AffineGraph(4)
    x = graph.input
    for _ in range(6):
        hidden = graph.relu(graph.affine(x, rng.integers(-4, 5, (9, 4)) / 4))
        x = graph.add(x, graph.affine(hidden, rng.integers(-4, 5, (4, 9)) / 4))
    widths = [layer.outputs for layer in graph.finish(x).layers]
    assert max(widths) <= 9 + 2 * 9


def test_wrong_sizes_are_named() -> None:
    graph = AffineGraph(2)
    with pytest.raises(ValueError, match=r"one column an entry, got weight \(1, 3\) and 2 entries"):
        graph.affine(graph.input, np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"values of one size, got \[2, 1\]"):
        graph.add(graph.input, graph.constant(np.ones(1)))


@pytest.mark.parametrize("fault", ["minus", "until", "tail"])
def test_a_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "minus":
        monkeypatch.setattr(affine_graph, "_placed", lambda place, width: _plus_only(place, width))
    elif fault == "until":
        monkeypatch.setattr(exact_sums, "columns", lambda one: np.unique(one[0].indices)[:1])
    else:
        monkeypatch.setattr(exact_sums, "_product", lambda a, b: [exact_sums._csr(a @ b)])
    with pytest.raises((AssertionError, ValueError, IndexError)):
        _small_graph()


def _plus_only(place: Any, width: int) -> Any:
    import scipy.sparse as sp

    index = np.flatnonzero(place.plus >= 0)
    return sp.csr_array((np.ones(len(index)), (index, place.plus[index])), shape=(len(place.plus), width))


def test_a_small_graph() -> None:
    _small_graph()


def _small_graph() -> None:
    graph = AffineGraph(2, exact=True)
    first = np.array([[0.1, 0.3], [0.7, -0.1]])
    z = graph.affine(graph.affine(graph.input, first), first, np.array([0.1, 0.2]))
    y = graph.add(graph.relu(z), graph.input)
    x = [Fraction(-3, 4), Fraction(5, 8)]
    inner = rational(first, rational(first, x, [0.0, 0.0]), [0.1, 0.2])
    expected = [max(v, Fraction(0)) + w for v, w in zip(inner, x, strict=True)]
    assert rational_value(ReLUNetwork(graph.finish(y).layers), x) == expected


def test_a_factor_that_is_no_float_is_rounded_once() -> None:
    third = np.array([1 / 3]), np.array([float(Fraction(1, 3) - Fraction(1 / 3))])
    graph = AffineGraph(1, exact=True)
    scaled = graph.scale(graph.affine(graph.input, np.array([[0.3]])), *third)
    finished = graph.finish(graph.affine(scaled, np.array([[0.7]])))
    assert finished.rounded == 2
    x = [Fraction(1)]
    assert rational_value(ReLUNetwork(finished.layers), x) == [Fraction(0.7) * Fraction(float(Fraction(0.3) / 3))]
