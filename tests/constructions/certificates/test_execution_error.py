"""The distance between a network as executed and its function over the reals."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork
from constructions.certificates.executed_intervals import FORMATS, executed_layers, run
from constructions.certificates.execution_error import execution_error, shared_l2_error
from constructions.pieces.excess import shared_l2_excess
from tests.execution import summed_at_random
from tests.rational import rational_value, rationals
from tests.strategies import networks


def vectors(rng: np.random.Generator, low: np.ndarray, high: np.ndarray, size: int, arithmetic: str) -> np.ndarray:
    """Vectors of the format in a box."""
    x = rng.uniform(low, high, (size, len(low))).astype(FORMATS[arithmetic].dtype).astype(np.float64)
    return np.clip(x, low, high)


@given(networks(inputs=3), st.integers(0, 10_000), st.sampled_from(["float64", "float32"]))
def test_no_order_of_summation_is_farther_than_the_bound(network: ReLUNetwork, seed: int, arithmetic: str) -> None:
    rng = np.random.default_rng(seed)
    # Weights with all their digits, so that they and every operation round.
    network = ReLUNetwork(tuple(Affine(f.weight * (1 + rng.random() / 3), f.bias * 1.1) for f in network.layers))
    low, high = np.array([-1.0, 0.0, 0.5]), np.array([0.0, 1.0, 2.0])
    bound = execution_error(network.layers, low, high, arithmetic)
    for x in vectors(rng, low, high, 3, arithmetic):
        exact = np.array([float(v) for v in rational_value(network, rationals(x))])
        assert np.all(np.abs(summed_at_random(network, x, arithmetic, rng) - exact) <= bound)


def test_the_bound_of_another_format_is_exceeded() -> None:
    rng = np.random.default_rng(0)
    network = ReLUNetwork(tuple(Affine(rng.normal(size=(8, 8)), rng.normal(size=8)) for _ in range(3)))
    low, high = -np.ones(8), np.ones(8)
    x = vectors(rng, low, high, 50, "float32")
    off = np.abs(run(executed_layers(network.layers, "float32"), x) - network(x)).max(axis=0)
    assert np.all(off > execution_error(network.layers, low, high, "float64"))
    bound = execution_error(network.layers, low, high, "float32")
    assert np.all(off <= bound)
    # Worst case against random case: within a few orders of magnitude, not idle.
    assert np.all(bound <= 1e3 * off)


@pytest.mark.parametrize("tents", [1, 2, 5, 12])
def test_tents_double_errors_and_no_more(tents: int) -> None:
    rng = np.random.default_rng(tents)
    dim, radius = 30, 0.3
    low, high = np.full(dim, -radius), rng.uniform(1.3, 1.7, dim)
    points = np.where(rng.random((12, dim)) < 0.3, 0.0, rng.random((12, dim)))
    block = shared_l2_excess(points, radius**2 + 0.01, low, high, tents)
    bound = {a: shared_l2_error(block, points, radius, low, high, a) for a in FORMATS}
    step = rng.normal(size=points.shape)
    x = points + radius * 0.99 * step / np.linalg.norm(step, axis=1, keepdims=True)
    x = x.astype(np.float32).astype(np.float64)
    off = np.abs(run(executed_layers(block.layers, "float32"), x) - block(x)).max(axis=0)
    for place in x[:2]:
        trees = summed_at_random(block, place, "float32", rng)
        off = np.maximum(off, np.abs(trees - block(place[None])[0]))
    assert np.all(off <= bound["float32"])
    assert np.all(off > bound["float64"])
    assert np.all(bound["float32"] < 3e3 * off)
    general = execution_error(block.layers, low, high, "float32")
    assert np.all(bound["float32"] < general)
    if tents == 12:
        assert np.all(bound["float32"] < general / 50)


def test_too_many_tents_for_single_precision_have_no_bound() -> None:
    low, high = np.zeros(2), np.ones(2)
    block = shared_l2_excess(np.array([[0.25, 0.5]]), 0.01, low, high, 24)
    assert shared_l2_error(block, np.array([[0.25, 0.5]]), 0.0, low, high, "float32") == math.inf
    assert shared_l2_error(block, np.array([[0.25, 0.5]]), 0.0, low, high, "float64") < 1e-7


def test_overflow_and_underflow() -> None:
    big = ReLUNetwork((Affine(sp.csr_array([[1e30]]), np.zeros(1)), Affine(np.array([[1e30]]), np.zeros(1))))
    assert execution_error(big.layers, np.zeros(1), np.ones(1), "float32") == math.inf
    assert np.isfinite(execution_error(big.layers, np.zeros(1), np.ones(1), "float64"))
    # What cancels over the reals may overflow in some order of summation.
    cancels = ReLUNetwork((Affine(np.array([[3e38, 3e38, -3e38, -3e38]]), np.zeros(1)),))
    assert execution_error(cancels.layers, np.ones(4), np.ones(4), "float32") == math.inf
    # A weight that is 0 in float32: all of its product is error.
    small = ReLUNetwork((Affine(np.array([[1e-60]]), np.zeros(1)), Affine(np.array([[1e40]]), np.zeros(1))))
    with pytest.raises(ValueError, match="beyond float32"):
        executed_layers(small.layers, "float32")
    half = ReLUNetwork((Affine(np.array([[1e-46]]), np.zeros(1)), Affine(np.array([[1e38]]), np.zeros(1))))
    x = np.array([[1.0]])
    lost = np.abs(run(executed_layers(half.layers, "float32"), x) - half(x))[0]
    assert lost == 1e-8
    assert lost <= execution_error(half.layers, np.zeros(1), np.ones(1), "float32")
