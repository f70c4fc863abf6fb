"""The calculus: values commute with every operation, and counts add up as the docstrings say."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from constructions import ReLUNetwork, add, carry, chain, compose, concatenate, pad_depth, parallel, signed_pair
from constructions.networks.network import dense, network
from tests.rational import rational_value, rationals
from tests.strategies import arrays, networks

counts = st.integers(1, 3)


@st.composite
def families(draw: Any, *, inputs: int | None = None, outputs: int | None = None) -> list[ReLUNetwork]:
    """One to three networks of one depth."""
    depth = draw(counts)
    return [draw(networks(inputs=inputs, outputs=outputs, depth=depth)) for _ in range(draw(counts))]


def drawn_points(data: st.DataObject, dim: int) -> np.ndarray:
    return data.draw(arrays((3, dim)))


def relu(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, 0.0))


def nonzero_weights(f: ReLUNetwork) -> int:
    return sum(int(np.count_nonzero(dense(layer.weight))) for layer in f.layers)


def same_values(f: ReLUNetwork, x: np.ndarray, expected: np.ndarray) -> None:
    """With `==`, in exact arithmetic: the merged weights of a long chain need more than 53 bits now and then."""
    values = [rational_value(f, rationals(row)) for row in x]
    assert values == [rationals(row) for row in expected]
    assert f(x).tolist() == expected.tolist()


# -- chain and compose


@given(st.data(), counts)
def test_chain_puts_a_relu_between(data: st.DataObject, length: int) -> None:
    sizes = [data.draw(counts) for _ in range(length + 1)]
    parts = [
        data.draw(networks(inputs=a, outputs=b, depth=data.draw(st.integers(1, 2))))
        for a, b in itertools.pairwise(sizes)
    ]
    x = drawn_points(data, sizes[0])
    expected = parts[0](x)
    for part in parts[1:]:
        expected = part(relu(expected))
    whole = chain(*parts)
    assert whole(x).tolist() == expected.tolist()
    assert whole.depth == sum(f.depth for f in parts)
    assert whole.parameters == sum(f.parameters for f in parts)
    assert whole.nonzero == sum(f.nonzero for f in parts)


@given(st.data(), counts)
def test_compose_is_the_composition(data: st.DataObject, middle: int) -> None:
    inner = data.draw(networks(outputs=middle, depth=data.draw(st.integers(1, 2))))
    outer = data.draw(networks(inputs=middle, depth=data.draw(st.integers(1, 2))))
    x = drawn_points(data, inner.inputs)
    both = compose(outer, inner)
    same_values(both, x, outer(inner(x)))
    assert both.depth == outer.depth + inner.depth - 1
    assert both.neurons == outer.neurons + inner.neurons
    assert both.widths == (*inner.widths[:-1], *outer.widths[1:])
    last, first = inner.layers[-1], outer.layers[0]
    merged = dense(first.weight) @ dense(last.weight)
    assert np.array_equal(dense(both.layers[inner.depth - 1].weight), merged)
    joined = np.count_nonzero(merged) + np.count_nonzero(dense(first.weight) @ last.bias + first.bias)
    assert both.nonzero == inner.nonzero - last.nonzero + outer.nonzero - first.nonzero + joined


@given(st.data(), counts, counts)
def test_compose_is_associative_and_has_a_unit(data: st.DataObject, a: int, b: int) -> None:
    f, g, h = data.draw(networks(outputs=a)), data.draw(networks(inputs=a, outputs=b)), data.draw(networks(inputs=b))
    x = drawn_points(data, f.inputs)
    left, right = compose(compose(h, g), f), compose(h, compose(g, f))
    for row in x:
        assert rational_value(left, rationals(row)) == rational_value(right, rationals(row))
    unit = network((np.eye(f.outputs), np.zeros(f.outputs)))
    same_values(compose(unit, f), x, f(x))


# -- side by side


@given(st.data(), families())
def test_parallel_acts_on_each_part(data: st.DataObject, parts: list[ReLUNetwork]) -> None:
    xs = [drawn_points(data, f.inputs) for f in parts]
    both = parallel(*parts)
    assert both(np.hstack(xs)).tolist() == np.hstack([f(x) for f, x in zip(parts, xs, strict=True)]).tolist()
    assert both.depth == parts[0].depth
    assert both.nonzero == sum(f.nonzero for f in parts)
    assert both.neurons == sum(f.neurons for f in parts)
    assert both.widths == tuple(sum(w) for w in zip(*(f.widths for f in parts), strict=True))


@given(st.data(), counts)
def test_concatenate_stacks_the_outputs(data: st.DataObject, inputs: int) -> None:
    parts = data.draw(families(inputs=inputs))
    x = drawn_points(data, inputs)
    both = concatenate(*parts)
    assert both(x).tolist() == np.hstack([f(x) for f in parts]).tolist()
    assert both.inputs == inputs
    assert both.depth == parts[0].depth
    assert both.nonzero == sum(f.nonzero for f in parts)
    assert both.neurons == sum(f.neurons for f in parts)


@given(st.data(), counts, counts)
def test_add_sums_the_outputs(data: st.DataObject, inputs: int, outputs: int) -> None:
    parts = data.draw(families(inputs=inputs, outputs=outputs))
    x = drawn_points(data, inputs)
    total = add(*parts)
    assert total(x).tolist() == np.sum([f(x) for f in parts], axis=0).tolist()
    depth = parts[0].depth
    assert (total.depth, total.inputs, total.outputs) == (depth, inputs, outputs)
    bias = np.sum([f.layers[-1].bias for f in parts], axis=0)
    assert total.layers[-1].bias.tolist() == bias.tolist()
    if depth == 1:
        weight = np.sum([dense(f.layers[0].weight) for f in parts], axis=0)
        assert np.array_equal(dense(total.layers[0].weight), weight)
        assert total.nonzero == np.count_nonzero(weight) + np.count_nonzero(bias)
    else:
        assert nonzero_weights(total) == sum(nonzero_weights(f) for f in parts)
        inner_biases = sum(int(np.count_nonzero(layer.bias)) for f in parts for layer in f.layers[:-1])
        assert total.nonzero == nonzero_weights(total) + inner_biases + np.count_nonzero(bias)


@pytest.mark.parametrize("kinds", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("depth", [1, 2])
def test_add_of_cancelling_networks_leaves_no_stored_zeros(kinds: tuple[bool, bool], depth: int) -> None:
    def part(sign: float, as_sparse: bool) -> ReLUNetwork:
        last = np.array([[sign, 0.0]])
        return network(*[(np.eye(2), [0.0, 0.0])] * (depth - 1), (sp.csr_array(last) if as_sparse else last, [sign]))

    total = add(part(1.0, kinds[0]), part(-1.0, kinds[1]))
    assert total(np.array([[3.0, 4.0]])).tolist() == [[0.0]]
    assert total.nonzero == (0 if depth == 1 else 2 * 2 + 2)


# -- signs and depth


@given(st.data(), networks())
def test_signed_pair_loses_nothing_to_a_relu(data: st.DataObject, f: ReLUNetwork) -> None:
    x = drawn_points(data, f.inputs)
    pair = signed_pair(f)
    assert pair(x).tolist() == np.hstack([f(x), -f(x)]).tolist()
    positive, negative = np.split(relu(pair(x)), 2, axis=1)
    assert (positive - negative).tolist() == f(x).tolist()
    assert pair.nonzero == f.nonzero + f.layers[-1].nonzero
    assert (pair.depth, pair.neurons) == (f.depth, f.neurons)


@given(st.data(), st.integers(1, 5), st.integers(1, 4))
def test_carry_is_the_identity_on_nonnegative_vectors(data: st.DataObject, size: int, depth: int) -> None:
    x = drawn_points(data, size)
    carried = carry(size, depth)
    assert carried(relu(x)).tolist() == relu(x).tolist()
    assert carried.depth == depth
    assert [layer.nonzero for layer in carried.layers] == [size] * depth
    # From depth 2 on a ReLU stands between, so negative entries show.
    assert carried(x).tolist() == (x if depth == 1 else relu(x)).tolist()


@given(st.data(), networks(), st.integers(0, 4))
def test_pad_depth_changes_the_depth_only(data: st.DataObject, f: ReLUNetwork, extra: int) -> None:
    x = drawn_points(data, f.inputs)
    padded = pad_depth(f, f.depth + extra)
    assert padded(x).tolist() == f(x).tolist()
    assert padded.depth == f.depth + extra
    if extra == 0:
        assert padded is f
        return
    # The last layer doubles, then 2 an output in each of the extra layers, the last of them included.
    assert padded.nonzero == f.nonzero + f.layers[-1].nonzero + 2 * f.outputs * extra
    assert [layer.nonzero for layer in padded.layers[f.depth :]] == [2 * f.outputs] * extra
    assert padded.neurons == f.neurons + 2 * f.outputs * extra


@given(st.data(), networks(), st.integers(0, 4))
def test_pad_depth_of_nonnegative_values_costs_half(data: st.DataObject, f: ReLUNetwork, extra: int) -> None:
    x = drawn_points(data, f.inputs)
    f = chain(f, carry(f.outputs, 1))
    padded = pad_depth(f, f.depth + extra, nonnegative=True)
    assert padded(x).tolist() == f(x).tolist()
    assert padded.depth == f.depth + extra
    assert padded.nonzero == f.nonzero + f.outputs * extra
    assert padded.neurons == f.neurons + f.outputs * extra


def test_pad_depth_believes_the_caller_about_the_sign() -> None:
    """A negative value is lost with `nonnegative=True` and kept without: the two modes are not the same code."""
    minus = network(([[1.0]], [-3.0]))
    assert pad_depth(minus, 3)(np.zeros((1, 1))).item() == -3.0
    assert pad_depth(minus, 3, nonnegative=True)(np.zeros((1, 1))).item() == 0.0


# -- bad calls

ONE, TWO = network(([[1.0]], [0.0])), network((np.eye(2), [0.0, 0.0]))
DEEP = network(([[1.0]], [0.0]), ([[1.0]], [0.0]))
FAN = network(([[1.0], [2.0]], [0.0, 0.0]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chain(), "at least one layer"),
        (lambda: chain(FAN, ONE), "2 outputs of layer 1 and 1 inputs of layer 2"),
        (lambda: compose(ONE, FAN), "2 outputs into 1 inputs"),
        (lambda: parallel(ONE, DEEP), r"parallel needs networks of one depth, got depths \[1, 2\]: pad_depth them"),
        (lambda: parallel(), "parallel needs networks of one depth"),
        (lambda: concatenate(ONE, DEEP), r"concatenate needs networks of one depth, got depths \[1, 2\]"),
        (lambda: concatenate(), "concatenate needs networks of one depth"),
        (lambda: concatenate(ONE, TWO), r"on one input, got \[1, 2\] inputs"),
        (lambda: add(ONE, DEEP), "one depth"),
        (lambda: add(ONE, TWO), r"on one input, got \[1, 2\] inputs"),
        (lambda: add(ONE, FAN), r"as many outputs from each, got \[1, 2\]"),
        (lambda: carry(2, 0), "carry needs depth >= 1, got 0"),
        (lambda: carry(0, 1), "non-empty"),
        (lambda: pad_depth(DEEP, 1), "pad_depth needs depth >= 2, the network's own, got 1"),
        (lambda: pad_depth(DEEP, 0, nonnegative=True), "pad_depth needs depth >= 2"),
    ],
)
def test_what_does_not_fit_is_refused(call: Callable[[], ReLUNetwork], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
