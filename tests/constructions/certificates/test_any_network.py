"""The front door: its answers are true, in every arithmetic, on balls of every kind."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork, certify
from constructions.certificates import any_network, decision
from constructions.certificates.witness import Witnesses
from tests.constructions.certificates.answers import (
    EVERY,
    EXECUTED,
    LINE,
    PLANE,
    assert_true,
    deep,
    is_in,
    margin,
    some_balls,
)
from tests.strategies import dyadic, exponents, networks
from theory.balls import input_splitting, prepared
from theory.balls.regions import Regions

# --- answers are true -------------------------------------------------------------------------------


@given(
    networks(inputs=2, outputs=1),
    st.integers(0, 1000),
    dyadic(0.125, 1.0),
    exponents,
    st.booleans(),
    st.sampled_from(("reals", "float64", "float32")),
)
def test_witnesses_are_errors_in_the_cut_ball_and_proved_balls_have_none(
    network: ReLUNetwork, seed: int, radius: float, p: float, is_cut: bool, arithmetic: str
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(-8, 8, (4, 2)) / 4
    labels = np.where(network(points)[:, 0] >= 0, 1, -1)
    ends: dict[str, Any] = {"low": points.min(axis=0) - 0.125, "high": points + 0.25} if is_cut else {}
    found = certify(network, points, labels, radius, p, seconds=2.0, arithmetic=arithmetic, **ends)
    assert found.is_of(network, points, labels)
    if p in (1.0, 2.0, math.inf) and arithmetic == "reals":
        assert_true(found, network, points, labels, radius, p, **ends)
    elif p in (1.0, 2.0, math.inf):
        for i, x in found.counterexamples.items():
            own = {name: np.broadcast_to(end, points.shape)[i] for name, end in ends.items()}
            assert is_in(x, points[i], radius, p, **own)
            assert (x.astype(arithmetic) == x).all()


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("ends", [{}, {"low": -0.25}, {"high": np.full(3, 0.5)}, {"low": -0.5, "high": 0.5}])
def test_deep_networks_on_balls_of_every_kind(p: float, ends: dict[str, Any]) -> None:
    network = deep()
    points, labels = some_balls(network, 30)
    points = np.clip(points, ends.get("low", -np.inf), ends.get("high", np.inf))
    labels = network(points).argmax(axis=1)
    radius = {1.0: 0.3, 2.0: 0.2, math.inf: 0.12}[p]
    found = certify(network, points, labels, radius, p, seconds=30, **ends)
    assert_true(found, network, points, labels, radius, p, **ends)
    assert min(found.count("certified"), found.count("refuted")) > 3
    assert found.count("undecided") <= 2
    whole = certify(network, points, labels, radius, p)
    # A part of a ball that is right is right.
    assert not (whole.certified & ~found.certified).any()


@pytest.mark.parametrize("arithmetic", ["reals", *EXECUTED])
def test_a_radius_for_each_coordinate(arithmetic: str) -> None:
    """y = x_1 + x_2 - 1/2 on boxes: the least value is that of a corner."""
    points, labels = np.array([[1.0, 0.5], [1.0, 0.25]]), np.array([1, 1])
    for radii in (np.array([0.5, 0.25]), np.array([[0.5, 0.25], [0.75, 0.0]])):
        found = certify(PLANE, points, labels, radii, np.inf, arithmetic=arithmetic)
        least = points.sum(axis=1) - 0.5 - np.broadcast_to(radii, points.shape).sum(axis=1)
        assert found.status.tolist() == ["certified" if v > 0 else "refuted" for v in least.tolist()]
        assert np.allclose(found.lower, least, atol=1e-6)
        assert found.radius == radii.max()
        assert (found.radii == radii).all()
        for i, x in found.counterexamples.items():
            assert is_in(x, points[i], np.broadcast_to(radii, points.shape)[i], math.inf)


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("shape", [(), (2,), (3, 2)])
@pytest.mark.parametrize("arithmetic", ["reals", *EXECUTED])
def test_ends_of_every_shape_cut_the_balls_off(p: float, shape: tuple[int, ...], arithmetic: str) -> None:
    """Whole, the balls reach an error; cut off at 0 from below they do not."""
    points, labels = np.array([[0.25, 0.5], [0.5, 0.25], [0.375, 0.375]]), np.array([1, 1, 1])
    shifted = ReLUNetwork((Affine(np.array([[1.0, 1.0]]), np.array([0.25])),))
    whole = certify(shifted, points, labels, 2.0, p, arithmetic=arithmetic)
    assert whole.count("refuted") == 3
    found = certify(shifted, points, labels, 2.0, p, arithmetic=arithmetic, low=np.zeros(shape), high=np.ones(shape))
    if p == math.inf or arithmetic == "reals":
        assert found.certified.all()
        assert np.allclose(found.lower, 0.25)
    else:
        # As executed, a cut ball is bounded by the reals or as the whole one.
        assert found.count("refuted") == 0
    below = certify(shifted, points, labels, 2.0, p, arithmetic=arithmetic, low=np.full(shape, -0.25))
    assert below.count("refuted") == 3
    assert all((x >= -0.25).all() for x in below.counterexamples.values())


def test_a_centre_outside_the_cut_is_no_witness() -> None:
    """x - 1/2 is wrong at the centre 0, and right at all points of the ball from 3/4 on."""
    found = certify(LINE, np.array([[0.0]]), np.array([1]), 1.0, np.inf, low=0.75)
    assert found.status.tolist() == ["certified"]
    for arithmetic in EXECUTED:
        again = certify(LINE, np.array([[0.0]]), np.array([1]), 1.0, np.inf, low=0.75, arithmetic=arithmetic)
        assert again.status.tolist() == ["certified"]
    tight = certify(LINE, np.array([[0.0]]), np.array([1]), 1.0, np.inf, low=0.5)
    assert tight.counterexamples[0].tolist() == [0.5]
    above = certify(LINE, np.array([[0.0]]), np.array([1]), 1.0, np.inf, low=np.nextafter(0.5, 1))
    assert above.count("refuted") == 0


# --- arithmetics ------------------------------------------------------------------------------------


@pytest.mark.parametrize("arithmetic", EVERY)
def test_every_arithmetic_by_the_same_door(arithmetic: str) -> None:
    network = deep(1, 2, 6, 6, 2)
    points, labels = some_balls(network, 20)
    found = certify(network, points, labels, 0.05, np.inf, arithmetic=arithmetic, seconds=10)
    assert found.arithmetic == arithmetic
    assert found.is_of(network, points, labels)
    assert found.count("certified") > 5
    assert all(margin(network, x, int(labels[i])) <= 1e-5 for i, x in found.counterexamples.items())


@pytest.mark.parametrize("arithmetic", EXECUTED)
def test_executed_bounds_by_the_reals_are_paid_for_what_a_run_may_differ(
    arithmetic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """f = σ(x) - σ(x) + c: intervals lose the correlation. With c below 2 · error nothing may be proved."""

    def network(c: float) -> ReLUNetwork:
        return ReLUNetwork((Affine(np.ones((2, 1)), np.zeros(2)), Affine(np.array([[1.0, -1.0]]), np.array([c]))))

    at: Any = (np.array([[3.0]]), np.array([1]), 0.5, np.inf)
    assert certify(network(0.5), *at, arithmetic=arithmetic).method.tolist() == ["linear"]
    error = any_network.execution_error(network(0.5).layers, np.array([2.5]), np.array([3.5]), arithmetic)
    small = 1.9 * float(error.max())
    assert certify(network(small), *at, arithmetic=arithmetic).count("certified") == 0
    if arithmetic == "float64":
        # What the bound itself allows for rounding is as much.
        return
    # The planted fault: with the slack forgotten it is taken for proved.
    monkeypatch.setattr(any_network, "execution_error", lambda *_: np.zeros(1))
    assert certify(network(small), *at, arithmetic=arithmetic).count("certified") == 1


def test_a_run_whose_numbers_may_overflow_is_not_bounded_by_the_reals() -> None:
    steep = ReLUNetwork(
        (Affine(np.full((2, 1), 1e30), np.zeros(2)), Affine(np.array([[1e30, -1e30]]), np.array([1.0])))
    )
    found = certify(steep, np.array([[1.0]]), np.array([1]), 0.5, np.inf, arithmetic="float32")
    assert found.count("certified") == 0
    if found.count("undecided"):
        assert found.untried == {0: "linear relaxation: numbers of a run may overflow there"}


# --- planted faults ---------------------------------------------------------------------------------


def test_a_witness_one_float_outside_the_cut_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    network = deep()
    points, labels = some_balls(network, 30)
    points = np.clip(points, -0.5, 0.5)
    labels = network(points).argmax(axis=1)
    task: Any = (network, points, labels, 0.3, math.inf)
    assert_true(certify(*task, low=-0.5, high=0.5), *task, low=-0.5, high=0.5)
    inner = Regions.inner

    def outside(self: Regions) -> tuple[np.ndarray, np.ndarray]:
        low, high = inner(self)
        return np.nextafter(low, -np.inf), np.nextafter(high, np.inf)

    monkeypatch.setattr(Regions, "inner", outside)
    faulty = certify(*task, low=-0.5, high=0.5)
    assert faulty.counterexamples
    with pytest.raises(AssertionError):
        assert_true(faulty, *task, low=-0.5, high=0.5)


def test_a_bound_of_another_region_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-widths lost on the way: balls as large as points are proved."""
    network = deep()
    points, labels = some_balls(network, 30)
    task: Any = (network, points, labels, 0.3, math.inf)
    assert_true(certify(*task), *task)
    old = any_network.balls

    def points_only(centres: Any, radius: Any, p: Any, **ends: Any) -> Regions:
        return old(centres, np.zeros_like(np.asarray(radius, dtype=float)), p, **ends)

    monkeypatch.setattr(any_network, "balls", points_only)
    with pytest.raises(AssertionError):
        assert_true(certify(*task), *task)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_parts_beside_a_ball_are_left_out_and_no_others(p: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """y = t - |x_1| - |x_2| is negative in the corners of the box: of the ball 1 the least is t - 2^(1 - 1/p)."""
    fold = Affine(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), np.zeros(4))
    for excess, status in ((0.05, "certified"), (-0.05, "refuted")):
        network = ReLUNetwork((fold, Affine(-np.ones((1, 4)), np.array([2 ** (1 - 1 / p) + excess]))))
        at: Any = (network, np.zeros((1, 2)), np.array([1]), 1.0, p)
        assert certify(*at, seconds=30).status.tolist() == [status]
        # Without an attack, so that the parts alone decide.
        with monkeypatch.context() as patch:
            patch.setattr(input_splitting, "minimisers", lambda c, some: np.zeros((len(c), 1, 2)))
            patch.setattr(decision, "gradient_attack", lambda *_, **__: (np.ones(1), np.zeros((1, 2))))
            patch.setattr(any_network, "real_witnesses", _nothing_found)
            assert certify(*at, seconds=2).count("certified") == (excess > 0)
            # The planted fault: too much is left out.
            patch.setattr(input_splitting, "lengths", lambda gap, p: 1.5 * np.linalg.norm(gap, p, axis=1)[:, None])
            assert certify(*at, seconds=5).count("certified") == 1


def _nothing_found(network: Any, points: np.ndarray, *_: Any, **__: Any) -> Any:
    return Witnesses(np.full(1, np.inf), points, np.zeros(1, bool))


def test_layers_are_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made ready is taken as it is, and another list is checked again."""
    layers = prepared.prepare(deep().layers)
    assert prepared.prepare(layers) is layers
    with pytest.raises(ValueError, match="layer 1 takes 16 inputs but layer 0 has 3 outputs"):
        prepared.prepare([Affine(np.eye(3), np.zeros(3)), *layers[1:]])
