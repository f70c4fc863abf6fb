"""The guided attack stays in the ball and finds what gradients and random points miss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import guided_attack, indicators, robust_memorizer
from constructions.certificates.guided_attack import attack_balls
from constructions.pieces.assembly import memorizing_network
from tests.rational import is_inside, rationals
from tests.strategies import exponents


@given(st.integers(0, 10**6), exponents, st.floats(1e-3, 10.0))
def test_every_reported_point_is_in_the_ball_exactly(seed: int, p: float, radius: float) -> None:
    rng = np.random.default_rng(seed)
    points, labels = rng.standard_normal((7, 3)), np.array([1, -1] * 3 + [1])
    worst, where = guided_attack(lambda x: x[:, :1], points, labels, radius, p, shell=radius / 3, seed=seed)
    for i in range(7):
        steps = [abs(a - b) for a, b in zip(rationals(where[i]), rationals(points[i]), strict=True)]
        assert is_inside(steps, radius, p)
        assert worst[i] == labels[i] * where[i, 0]


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf, 1.5, 3.0])
def test_finds_a_shell_that_reaches_into_a_ball(p: float) -> None:
    """Ramp 1.4 times as wide as the shell: wrong only in a thin cap of the ball towards the other label.
    Uniform samples and the gradient, which is 0 almost everywhere, do not see it."""
    rng = np.random.default_rng(3)
    points = rng.random((20, 10))
    labels = np.array([1, -1] * 10)
    built = robust_memorizer(points, labels, radius=0.01, p=p, small="all")
    radius = 0.45 * built.task.separation
    shell = built.task.separation - 2 * radius
    wide = indicators(points, radius, 2.5 * shell, built.low, built.high, p=p, method="shared")
    network = memorizing_network(wide.network, labels, built.clean, built.bound)
    worst, _ = guided_attack(network, points, labels, radius, p, shell=shell)
    pair = list(built.task.neighbours.pair)
    assert np.all(worst[pair] <= 0.999), "the attack must see the other label's indicator in the closest pair's balls"


@given(st.integers(0, 10**6), exponents)
def test_a_cut_and_a_deadline_are_kept(seed: int, p: float) -> None:
    rng = np.random.default_rng(seed)
    points, labels = rng.random((5, 3)), np.array([1, -1, 1, -1, 1])
    low, high = rng.random(3) / 2, 0.5 + rng.random(3) / 2
    worst, where = attack_balls(lambda x: x[:, :1], points, labels, 0.3, p, seed=seed, low=low, high=high)
    for x, centre, margin, label in zip(where, points, worst, labels, strict=True):
        assert ((low <= x) & (x <= high)).all()
        if margin < np.inf:
            assert is_inside([abs(a - b) for a, b in zip(rationals(x), rationals(centre), strict=True)], 0.3, p)
            assert margin == label * x[0]
    inside = ((low <= points) & (points <= high)).all(axis=1)
    assert (worst[inside] < np.inf).all()
    late = attack_balls(lambda x: x[:, :1], points, labels, 0.3, p, deadline=0.0)
    assert (late[0] == np.inf).all()
    assert late[1].tolist() == points.tolist()
