"""Parts that the builder would not make: numbers at which products overflow or vanish, and sums stored twice."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp

from constructions.compact.network import Balls, Parts
from constructions.compact.proof import compact_bounds
from constructions.networks.network import Affine, ReLUNetwork, dense
from constructions.samples.task import Task, read_task

SIGN = Affine(np.array([[-1.0, 1.0]]), np.zeros(1))
POOL = Affine(np.array([[1.0], [0.0]]), np.array([0.0, 1.0]))
FIRST = Affine(np.eye(2), np.zeros(2))


def affine(weight: list[list[float]], bias: list[float]) -> Affine:
    return Affine(np.array(weight), np.array(bias))


def exactly(network: ReLUNetwork, x: float) -> Fraction:
    values = [Fraction(x)]
    for k, layer in enumerate(network.layers):
        if k:
            values = [max(value, Fraction(0)) for value in values]
        rows = zip(dense(layer.weight).tolist(), layer.bias.tolist(), strict=True)
        values = [sum((Fraction(w) * v for w, v in zip(row, values, strict=True)), Fraction(b)) for row, b in rows]
    return values[0]


def task(first: float, second: float, radius: float) -> Task:
    return read_task([[first], [second]], [-1, 1], radius, None, 2)


def one_ball(weight: float, bias: float, sums: sp.csr_array) -> Balls:
    row = Affine(np.array([[-1.0, weight]]), np.array([bias]))
    return Balls(affine([[1.0, 0.0]], [0.0]), np.array([4.0]), 6, sums, row)


ONE = sp.csr_array(np.array([[1.0]]))
TWICE = sp.csr_array((np.ones(2), np.zeros(2, dtype=int), np.array([0, 2])), shape=(1, 1))
WITH_BALL = affine([[-1.0, 1.0, 1.0]], [0.0])


@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
def test_a_ball_whose_square_overflows_is_not_left_out(arithmetic: str) -> None:
    balls = one_ball(2.0**520, 0.0, ONE)
    parts = Parts(POOL, (FIRST, affine([[0.0, 0.0], [1.0, 1.0]], [2.5, 0.0])), balls, WITH_BALL)
    assert exactly(parts.network(), 1.0) > 0
    assert not compact_bounds(parts.network(), parts, task(1.0, 2.0, 0.25), arithmetic)[0] > 0


def test_a_sum_that_is_stored_twice_counts_twice() -> None:
    parts = Parts(POOL, (FIRST, affine([[0.0, 0.0], [0.0, 0.0]], [2.5, 2.0])), one_ball(6.0, -7.0, TWICE), WITH_BALL)
    assert exactly(parts.network(), 3.0) < 0
    assert not compact_bounds(parts.network(), parts, task(1.0, 3.0, 0.25), "reals")[1] > 0


def test_norms_whose_product_vanishes_prove_nothing() -> None:
    pool = affine([[1e-160], [0.0]], [1e22, 1.0])
    first = affine([[1e-165, 0.0], [0.0, 0.0]], [1e-136, 1e-150])
    carried = 1e-136 + 1e22 * 1e-165
    parts = Parts(pool, (first, affine([[0.0, 0.0], [1e145, 0.0]], [1e10, 1e10 - 1e145 * carried])), None, SIGN)
    far = task(-4e180, 4e180, 3.9e180)
    assert not (compact_bounds(parts.network(), parts, far, "reals") > 0).any()


def test_weights_beyond_float32_prove_nothing_there() -> None:
    pool, first = affine([[1e-30], [0.0]], [1e-30, 1.0]), affine([[1.0, 0.0], [0.0, 0.0]], [1e-30, 1e-35])
    parts = Parts(pool, (first, affine([[0.0, 0.0], [1e39, 0.0]], [6e9, 2e9])), None, SIGN)
    assert not (compact_bounds(parts.network(), parts, task(1.0, 3.0, 0.5), "float32") > 0).any()


def test_ordinary_parts_are_proved() -> None:
    """The others fail for what is named: this is the same network with nothing extreme."""
    parts = Parts(POOL, (FIRST, affine([[0.0, 0.0], [1.0, 0.0]], [2.0, 0.0])), None, SIGN)
    assert (compact_bounds(parts.network(), parts, task(1.0, 3.0, 0.5), "float32") > 0).all()


@pytest.mark.parametrize(("dtype", "times"), [(bool, 2), (np.int8, 257)])
def test_sums_of_short_types_do_not_wrap(dtype: type, times: int) -> None:
    sums = sp.csr_array((np.ones(times, dtype), np.zeros(times, dtype=int), np.array([0, times])), shape=(1, 1))
    balls = one_ball(6.0, -7.0, sums)
    assert balls.sums.sum() == times
    parts = Parts(POOL, (FIRST, affine([[0.0, 0.0], [0.0, 0.0]], [2.5, 2.0])), balls, WITH_BALL)
    assert exactly(parts.network(), 3.0) < 0
    assert not compact_bounds(parts.network(), parts, task(1.0, 3.0, 0.25), "reals")[1] > 0


@pytest.mark.usefixtures("untyped")
def test_widths_are_floats() -> None:
    """The square of 16 in eight bits is 0."""
    width = np.array([16], np.int8)
    balls = Balls(affine([[1.0, 0.0]], [0.0]), width, 6, ONE, affine([[-1.0, 6.0]], [-7.0]))  # type: ignore[arg-type]
    assert balls.width.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        balls.width[0] = 1.0
