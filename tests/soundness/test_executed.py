"""What is claimed of a network as executed holds in every order of summation that is tried."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork, certify
from tests.soundness.attacks import Tally, attack_executed
from tests.soundness.executions import all_products, by_order, flushed, forward, fused, kept, run
from tests.soundness.networks import PATHS, draw

Number, Judged = Callable[[int], int], Callable[[Tally], None]


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("kind", list(PATHS))
def test_executed_claims(kind: str, arithmetic: str, number: Number, judged: Judged) -> None:
    """Also by runs that read and write subnormal numbers as zero."""
    tally = Tally()
    for k in range(number(6)):
        attack_executed(draw((11, k), arithmetic, kind), arithmetic, tally, subnormals=True)
    judged(tally)


def test_there_are_orders_enough() -> None:
    names = [name for name, _ in all_products(np.random.default_rng(0), subnormals=True)]
    assert len(set(names)) == len(names) >= 25
    assert sum("flushed" in name for name in names) >= 10


def test_orders_differ_and_agree_with_the_real_sum() -> None:
    """On sums that cancel the orders give several answers; where nothing is rounded they give one, the right one."""
    rng = np.random.default_rng(0)
    weight, x, bias = (rng.normal(size=s).astype(np.float32) for s in ((3, 40), (5, 40), (3,)))
    products = all_products(rng, subnormals=True)
    values = np.stack([run([weight], [bias], x, product) for _, product in products])
    assert len(np.unique(values, axis=0)) >= 5
    assert np.abs(values - (x.astype(float) @ weight.T.astype(float) + bias)).max() < 1e-4
    whole = np.rint(8 * weight), np.rint(8 * bias), np.rint(8 * x)
    exact = whole[2] @ whole[0].T + whole[1]
    for name, product in products:
        assert np.array_equal(run([whole[0]], [whole[1]], whole[2], product), exact), name


def test_a_fused_sum_is_rounded_once_a_term() -> None:
    one, eps = np.array([[1 + 2.0**-30]]), np.array([-1 - 2.0**-29])
    assert fused(one, eps, one)[0, 0] == 2.0**-60
    assert by_order(forward, kept, np.random.default_rng(0))(one, eps, one)[0, 0] == 0
    least = np.array([[2.0**-600]])
    for half, value in ((2.0**-475, 0.0), (1.5 * 2.0**-475, 2.0**-1074)):
        assert fused(least, np.zeros(1), np.array([[half]]))[0, 0] == value


@pytest.mark.parametrize("scale", [0, -500, -1000])
def test_a_fused_sum_is_the_nearest_number(scale: int) -> None:
    """Against exact rationals; Python rounds a quotient of integers to nearest, ties to even."""
    rng = np.random.default_rng(0)
    w, x, b = (np.ldexp(rng.normal(size=200), scale // n) for n in (2, 2, 1))
    for i in range(200):
        exact = Fraction(w[i]) * Fraction(x[i]) + Fraction(b[i])
        assert fused(w[i].reshape(1, 1), b[[i]], x[i].reshape(1, 1))[0, 0] == float(exact)


def test_subnormal_numbers_are_read_and_written_as_zero() -> None:
    tiny = np.array([[2.0**-130]], dtype=np.float32)
    big, zero = np.array([[2.0**20]], dtype=np.float32), np.zeros(1, dtype=np.float32)
    rng = np.random.default_rng(0)
    assert by_order(forward, kept, rng)(big, zero, tiny)[0, 0] == 2.0**-110
    assert by_order(forward, flushed, rng)(big, zero, tiny)[0, 0] == 0
    small = np.array([[2.0**-70]], dtype=np.float32)
    assert by_order(forward, kept, rng)(small, zero, small)[0, 0] == 2.0**-140
    assert by_order(forward, flushed, rng)(small, zero, small)[0, 0] == 0


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(("arithmetic", "bias"), [("float32", 2.0**-140), ("float64", 2.0**-1060)])
def test_a_bias_that_may_be_read_as_zero_certifies_nothing(arithmetic: str, bias: float, hidden: bool) -> None:
    """The output is a subnormal bias and nothing else, which a run that flushes reads as 0, an error."""
    layers = ((np.ones((1, 1)), np.zeros(1)),) if hidden else ()
    network = ReLUNetwork(tuple(Affine(w, b) for w, b in (*layers, (np.zeros((1, 1)), np.array([bias])))))
    found = certify(network, np.ones((1, 1)), np.ones(1, dtype=np.int64), 0.5, np.inf, arithmetic=arithmetic)
    assert found.status.tolist() != ["certified"]
    assert found.lower[0] <= 0
