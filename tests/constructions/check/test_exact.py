"""The rational bounds of the checker: against closed forms, and against the project's own rational intervals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import ReLUNetwork
from constructions.certificates.rational_intervals import rational_margin_bound
from constructions.check.exact import exact_margin
from constructions.check.files import Layer
from tests.strategies import dyadic, networks


def layer(weight: list[list[float]], bias: list[float]) -> Layer:
    matrix = np.array(weight, dtype=float)
    rows, column = np.nonzero(matrix)
    start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(matrix)))])
    shape = (matrix.shape[0], matrix.shape[1])
    return Layer(shape, start, column, matrix[rows, column], np.array(bias, dtype=float))


def layers_of(network: ReLUNetwork) -> list[Layer]:
    dense = [f.weight if isinstance(f.weight, np.ndarray) else f.weight.toarray() for f in network.layers]
    return [layer(w.tolist(), f.bias.tolist()) for w, f in zip(dense, network.layers, strict=True)]


@pytest.mark.parametrize(("p", "dual"), [(1.0, 4), (2.0, 5), (math.inf, 7), (1.5, 7), (3.0, 7)])
@pytest.mark.parametrize("label", [-1, 1])
def test_one_layer_has_a_closed_form(p: float, dual: int, label: int) -> None:
    """f = 3 x_1 - 4 x_2 + 1 at (2, -1) is 11; less r times the dual norm of (3, -4), 4, 5 or 7; the box for other p."""
    plane, x = [layer([[3.0, -4.0]], [1.0])], np.array([2.0, -1.0])
    for radius in (0.0, 0.25, 3.0):
        assert exact_margin(plane, x, label, radius, p) == label * 11 - Fraction(radius) * dual


def test_several_outputs_are_compared_by_their_differences() -> None:
    """f_0 = x, f_1 = x - 2, f_2 = -x: margins of class 0 at 3 are 2 everywhere, and 2 x against class 2."""
    three, x = [layer([[1.0], [1.0], [-1.0]], [0.0, -2.0, 0.0])], np.array([3.0])
    assert exact_margin(three, x, 0, 0.0, math.inf) == 2
    assert exact_margin(three, x, 0, 1.0, math.inf) == 2
    assert exact_margin(three, x, 0, 2.5, math.inf) == 1
    assert exact_margin(three, x, 1, 0.0, math.inf) == -2
    assert exact_margin(three, x, 2, 0.5, 1.0) == -7


def test_the_first_layer_may_have_negative_inputs_and_the_others_not() -> None:
    """f = 5 - 2 σ(-x) - 3 σ(x - 1) on [-1 - r, -1 + r]: a negative weight takes the upper end, σ cuts at 0."""
    f = [layer([[-1.0], [1.0]], [0.0, -1.0]), layer([[-2.0, -3.0]], [5.0])]
    assert exact_margin(f, np.array([-1.0]), 1, 0.5, math.inf) == 5 - 2 * Fraction(3, 2)
    assert exact_margin(f, np.array([-1.0]), -1, 0.5, math.inf) == -5 + 2 * Fraction(1, 2)
    # On [-3.5, 1.5] the one is at most 3.5 and the other 0.5, not at one point.
    assert exact_margin(f, np.array([-1.0]), 1, 2.5, math.inf) == 5 - 7 - Fraction(3, 2)


@pytest.mark.parametrize("scale", [1.0, 2.0**-300, 2.0**300, 3.0, 5e-324])
def test_a_root_is_rounded_up_by_less_than_2_to_the_minus_190(scale: float) -> None:
    """r ‖(1, 1)‖_2 is irrational: the bound is below -r √2, and near it."""
    diagonal = [layer([[scale, scale]], [0.0])]
    bound = -exact_margin(diagonal, np.zeros(2), 1, 1.0, 2.0) / Fraction(scale)
    assert bound**2 > 2
    assert bound**2 < 2 * (1 + Fraction(1, 2**190))
    # And a root that is one, is that.
    assert exact_margin([layer([[3.0, 4.0]], [0.0])], np.zeros(2), 1, 1.0, 2.0) == -5


def test_a_row_without_weights_is_its_bias() -> None:
    for p in (1.0, 2.0, math.inf):
        assert exact_margin([layer([[0.0, 0.0]], [2.5])], np.ones(2), 1, 9.0, p) == Fraction(5, 2)


@given(networks(), st.integers(0, 1000), dyadic(0.0, 2.0), st.sampled_from([1.0, math.inf]))
def test_the_same_as_the_rational_intervals_of_the_project(
    network: ReLUNetwork, seed: int, radius: float, p: float
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-8, 8, network.inputs) / 4
    label = int(rng.choice([-1, 1])) if network.outputs == 1 else int(rng.integers(network.outputs))
    expected = rational_margin_bound(network.layers, x[None], np.array([label]), radius, p)[0]
    assert exact_margin(layers_of(network), x, label, radius, p) == expected


@given(networks(), st.integers(0, 1000), dyadic(0.0, 2.0))
def test_for_p_2_both_round_up_by_little(network: ReLUNetwork, seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-8, 8, network.inputs) / 4
    label = int(rng.choice([-1, 1])) if network.outputs == 1 else int(rng.integers(network.outputs))
    expected = rational_margin_bound(network.layers, x[None], np.array([label]), radius, 2.0)[0]
    found = exact_margin(layers_of(network), x, label, radius, 2.0)
    # The checker's root has more digits, so its bound is the larger one, by less than the other's rounding.
    assert expected <= found <= expected + Fraction(1, 2**100)
