"""What attacks find is believed only if it is in its region, and an error: exactly, or by a bound with its rounding."""

import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork
from constructions.certificates import witness
from constructions.certificates.guided_attack import attack_balls
from constructions.certificates.witness import executed_witnesses, real_witnesses, violates
from tests.rational import is_inside, rational_value, rationals
from theory.balls.regions import Regions

BIG = 2.0**60
# x for x >= -2^60, through numbers beside which x is lost: computed, it is 0 wherever |x| < 2^7.
LOST = ReLUNetwork((Affine(np.eye(1), np.array([BIG])), Affine(np.eye(1), np.array([-BIG]))))


@given(st.integers(0, 10**6))
def test_violations_are_decided_exactly(seed: int) -> None:
    """Weights of few bits, so that ties are frequent; bounds a last bit above and below the outputs."""
    rng = np.random.default_rng(seed)

    def whole(*shape: int) -> np.ndarray:
        return np.asarray(rng.integers(-3, 4, shape) * 2.0 ** rng.integers(-3, 3))

    network = ReLUNetwork((Affine(whole(4, 2), whole(4)), Affine(whole(3, 4) + 0.1, whole(3))))
    x, a = whole(2), whole(2, 3)
    outputs = rational_value(network, rationals(x))
    exact = [sum(Fraction(c) * y for c, y in zip(row, outputs, strict=True)) for row in a.tolist()]
    for nudge in (-np.inf, 0, np.inf):
        b = np.array([np.nextafter(float(v), nudge) if nudge else float(v) for v in exact])
        assert violates(network.layers, x, a, b) == all(
            v <= Fraction(c) for v, c in zip(exact, b.tolist(), strict=True)
        )


def test_what_rounding_hides_is_decided_in_rationals_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    x, one = np.array([0.25]), np.ones((1, 1))
    assert not violates(LOST.layers, x, one, np.array([np.nextafter(0.25, 0)]))
    assert violates(LOST.layers, x, one, np.array([0.25]))
    # As executed the output is 0.
    for arithmetic in ("float64", "float32"):
        assert violates(LOST.layers, x, one, np.zeros(1), arithmetic=arithmetic)
        assert not violates(LOST.layers, x, one, np.array([-(2.0**-1000)]), arithmetic=arithmetic)
    monkeypatch.setattr(witness, "fits_rational", lambda *_: False)
    assert not violates(LOST.layers, x, one, np.array([0.25]))


def test_an_executed_network_is_asked_at_vectors_of_its_format() -> None:
    with pytest.raises(ValueError, match=r"vector of float32, got one with .*0\.1"):
        violates(LOST.layers, np.array([0.1]), np.ones((1, 1)), np.ones(1), arithmetic="float32")
    # 2^100 squared is beyond float32: an infinite output is below no bound, a difference of two is no number.
    tall = Affine(np.full((2, 1), 2.0**100), np.zeros(2)), Affine(2.0**100 * np.eye(2), np.zeros(2))
    layers = (tall[0], tall[1])
    x, difference = np.ones(1), np.array([[1.0, -1.0]])
    assert not violates(layers, x, np.array([[1.0, 0.0]]), np.array([1e300]), arithmetic="float32")
    assert violates(layers, x, difference, np.array([-1.0]), arithmetic="float32")
    assert not violates(layers, x, difference, np.array([-1.0]), arithmetic="float64")
    # Their difference inside: no number, which is an error for every label.
    lost = (*layers, Affine(difference, np.zeros(1)))
    assert violates(lost, x, np.ones((1, 1)), np.array([-1.0]), arithmetic="float32")
    assert not violates(lost, x, np.ones((1, 1)), np.array([-1.0]), arithmetic="float64")


def test_a_find_that_is_none_over_the_reals_refutes_nothing() -> None:
    """Computed the margin is 0 on the whole ball, over the reals 0.125 at least."""
    balls = np.array([[0.25]]), np.array([1]), 0.125, np.inf, np.array([0])
    found = real_witnesses(LOST, *balls)
    assert 0.125 <= found.upper[0] <= 0.25
    assert not found.misclassified.any()
    executed = executed_witnesses(LOST, *balls, "float64")
    assert executed.upper.tolist() == [0.0]
    assert executed.misclassified.all()


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
def test_witnesses_are_in_the_cut_ball(p: float, arithmetic: str) -> None:
    """f = 0.375 - x_1 is wrong from x_1 = 0.375 on; the cut at 0.4 leaves a little of that, at 0.3 nothing."""
    network = ReLUNetwork((Affine(np.array([[-1.0, 0.0, 0.0]]), np.array([0.375])), Affine(np.eye(1), np.zeros(1))))
    linear = ReLUNetwork((Affine(np.array([[-1.0, 0.0, 0.0]]), np.array([0.375])),))
    points, labels = np.array([[0.125, 0.5, 0.5], [0.25, 0.25, 0.25]]), np.array([1, 1])
    balls = points, labels, 0.375, p, np.arange(2)
    shells: tuple[float | None, ...] = (None, 0.1)
    for high, wrong in ((0.4, True), (0.3, False)):
        for shell in shells:
            if arithmetic == "reals":
                found = real_witnesses(linear, *balls, low=0.0, high=np.array([high, 1.0, 1.0]), shell=shell)
            else:
                found = executed_witnesses(linear, *balls, arithmetic, low=0.0, high=np.array([high, 1.0, 1.0]))
            assert ((found.upper <= 0) == wrong).all()
            assert ((found.where >= 0) & (found.where <= np.array([high, 1, 1]))).all()
            for x, centre in zip(found.where, points, strict=True):
                assert is_inside([abs(a - b) for a, b in zip(rationals(x), rationals(centre), strict=True)], 0.375, p)
    assert real_witnesses(network, *balls).upper.tolist() == real_witnesses(network, *balls, seed=3).upper.tolist()


def test_each_attack_has_what_the_other_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a structure gradients go first, with one the guided attack; neither needs the other's find."""
    network = ReLUNetwork((Affine(np.array([[-1.0]]), np.array([0.125])),))
    balls = np.zeros((2, 1)), np.array([1, -1]), 0.25, np.inf, np.arange(2)
    order: list[str] = []

    def gradients(_: Any, regions: Regions, *args: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
        order.append(f"gradients {len(regions)}")
        return np.full(len(regions), np.inf), regions.centres

    def guided(*args: Any, indices: np.ndarray, **options: Any) -> tuple[np.ndarray, np.ndarray]:
        order.append(f"guided {len(indices)}")
        return attack_balls(*args, indices=indices, **options)

    monkeypatch.setattr(witness, "attack_balls", guided)
    assert (real_witnesses(network, *balls, shell=0.1).upper <= 0).all()
    assert order == ["guided 2"]
    monkeypatch.setattr(witness, "gradient_attack", gradients)
    assert (real_witnesses(network, *balls).upper <= 0).all()
    # The second ball's centre is wrong already.
    assert order == ["guided 2", "gradients 2", "guided 1"]
    assert (executed_witnesses(network, *balls, "float32").upper <= 0).all()
    assert order[-2:] == ["gradients 2", "guided 1"]


@pytest.mark.parametrize("shell", [None, 0.1])
def test_attacks_do_not_start_from_one_anothers_finds(shell: float | None) -> None:
    """Wrong from 0.3 on, beyond the ball around 0, within one around what the first attack finds in it."""
    network = ReLUNetwork((Affine(np.array([[-1.0, 0.0]]), np.array([0.3])),))
    found = real_witnesses(network, np.zeros((1, 2)), np.array([1]), 0.25, 2.0, np.arange(1), shell=shell)
    assert 0.05 <= found.upper[0] <= 0.051
    assert found.where[0] @ found.where[0] <= 0.0625


def test_a_deadline_leaves_the_centres() -> None:
    points = np.array([[0.0], [1.0]])
    network = ReLUNetwork((Affine(np.array([[-1.0]]), np.array([0.125])),))
    found = real_witnesses(network, points, np.ones(2, int), 0.25, 2.0, np.arange(2), deadline=time.monotonic() - 1)
    assert np.abs(found.upper - [0.125, -0.875]).max() <= 1e-12
    assert found.where.tolist() == points.tolist()
    assert found.misclassified.tolist() == [False, True]
