"""Certificates that survive rounding: every order of summation, both formats, balls that are exactly tight."""

import math
import tracemalloc
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork, certify
from constructions.certificates import executed_intervals as module
from constructions.certificates.executed_intervals import (
    FORMATS,
    executed_bounds,
    executed_layers,
    executed_margin_bound,
    run,
)
from constructions.certificates.rational_intervals import largest_float_at_most, rational_margin_bound
from tests.execution import summed_at_random
from tests.rational import rational_value, rationals
from tests.strategies import networks
from theory.balls.relaxation import margin_lower_bound

# (x + 2^30) - 2^30: x over the reals, 0 in float32 for every x of the ball around 1/2.
LOSES_X = ReLUNetwork(
    (Affine(np.array([[1.0]]), np.array([2.0**30])), Affine(np.array([[1.0]]), np.array([-(2.0**30)])))
)
formats = st.sampled_from(["float64", "float32"])


def tight_ball(rng: np.random.Generator, dim: int) -> tuple[ReLUNetwork, np.ndarray, float]:
    """A network whose least value over the ball is exactly 0 over the reals, by constants that sum to it."""
    weight, centre, radius = rng.normal(size=dim), 1 + rng.random(dim), float(rng.random() / 4)
    exact = [(Fraction(w), Fraction(c)) for w, c in zip(weight.tolist(), centre.tolist(), strict=True)]
    rest = sum((w * c - abs(w) * Fraction(radius) for w, c in exact), Fraction(0))
    constants = []
    while rest:
        constants.append(float(rest))
        rest -= Fraction(constants[-1])
    size = np.abs(np.array(constants))
    first = np.vstack([np.eye(dim), np.zeros((len(size), dim))])
    last = np.concatenate([weight, -np.sign(constants)])
    return (
        ReLUNetwork((Affine(first, np.concatenate([np.zeros(dim), size])), Affine(last[None], np.zeros(1)))),
        centre,
        radius,
    )


def plain_interval_bound(network: ReLUNetwork, centre: np.ndarray, radius: float) -> float:
    """Interval propagation as commonly written: no allowance for rounding. Summed one by one, the same everywhere."""
    low, high = centre - radius, centre + radius
    for k, layer in enumerate(network.layers):
        low, high = (np.maximum(low, 0), np.maximum(high, 0)) if k else (low, high)
        up, down = np.maximum(layer.weight, 0), np.minimum(layer.weight, 0)
        sides = [np.hstack([up * a, down * b]) for a, b in ((low, high), (high, low))]
        low, high = [np.array([sum(row, start=c) for row, c in zip(t, layer.bias, strict=True)]) for t in sides]
    return float(low[0])


def test_no_tight_ball_is_certified_where_a_plain_interval_bound_certifies_some(record: Any) -> None:
    rng = np.random.default_rng(0)
    plain = 0
    for _ in range(200):
        network, centre, radius = tight_ball(rng, 6)
        points, labels = centre[None], np.array([1])
        assert rational_margin_bound(network.layers, points, labels, radius, math.inf) == [0]
        assert not margin_lower_bound(network.layers, points, labels, radius, math.inf)[0] > 0
        for arithmetic in FORMATS:
            assert not executed_margin_bound(network.layers, points, labels, radius, math.inf, arithmetic)[0] > 0
        plain += plain_interval_bound(network, centre, radius) > 0
    # About half of the roundings go up.
    record("plain intervals certify", f"{plain} of 200 balls with true minimum 0")
    assert plain >= 50


@pytest.mark.parametrize("arithmetic", ["reals", "rational", "float64", "float32"])
def test_certified_over_the_reals_and_refuted_in_float32(arithmetic: str) -> None:
    certificate = certify(LOSES_X, np.array([[0.5]]), np.array([1]), 0.25, math.inf, arithmetic=arithmetic)
    assert certificate.status.tolist() == ["refuted" if arithmetic == "float32" else "certified"]
    assert certificate.arithmetic == arithmetic
    for x in certificate.counterexamples.values():
        assert run(executed_layers(LOSES_X.layers, "float32"), x[None])[0, 0] <= 0
        assert np.float32(x[0]) == x[0]
        assert abs(x[0] - 0.5) <= 0.25


@given(networks(inputs=2), st.integers(0, 10_000), formats, st.sampled_from([1.0, 2.0, math.inf]))
def test_no_order_of_summation_falls_below_the_bound(
    network: ReLUNetwork, seed: int, arithmetic: str, p: float
) -> None:
    rng = np.random.default_rng(seed)
    # Weights with all their digits, so that every operation rounds.
    network = ReLUNetwork(tuple(Affine(f.weight * (1 + rng.random() / 3), f.bias * 1.1) for f in network.layers))
    centre, radius = rng.normal(size=(1, 2)), 0.125
    label = np.array([1 if network.outputs == 1 else 0])
    if network.outputs > 1:
        label[0] = int(network(centre).argmax())
    bound = executed_margin_bound(network.layers, centre, label, radius, p, arithmetic)[0]
    low, high = executed_bounds(network.layers, centre - radius, centre + radius, arithmetic)
    for _ in range(3):
        step = rng.uniform(-1, 1, 2)
        x = centre[0] + 0.99 * radius * step / max(1.0, float(np.linalg.norm(step, p)))
        f = summed_at_random(network, x, arithmetic, rng)
        margin = label[0] * f[0] if len(f) == 1 else f[label[0]] - np.delete(f, label[0]).max()
        assert margin >= bound
        assert np.all(low <= f)
        assert np.all(f <= high)


@pytest.mark.parametrize("arithmetic", list(FORMATS))
def test_the_bound_pays_for_the_worst_order(arithmetic: str) -> None:
    """The rounding error of one sum, exactly, against the width of the bound at one point."""
    rng, form = np.random.default_rng(1), FORMATS[arithmetic]
    kind, size = form.dtype, 200
    weight = rng.normal(size=(1, size)).astype(kind).astype(np.float64)
    x = rng.normal(size=size).astype(kind).astype(np.float64)
    network = ReLUNetwork((Affine(weight, np.array([0.25])),))
    low, high = executed_bounds(network.layers, x[None], x[None], arithmetic)
    exact = rational_value(network, rationals(x))[0]
    total = float(np.abs(weight[0]) @ np.abs(x)) + 0.25
    # The allowance is γ_{201} Σ|w||x|, no less, and at most a little more in float32.
    assert Fraction(low[0, 0]) <= exact - Fraction(form.gamma(size + 1) * total * (1 - 1e-12))
    if arithmetic == "float32":
        assert Fraction(low[0, 0]) >= exact - Fraction(1.001 * form.gamma(size + 1) * total)
    for _ in range(20):
        f = summed_at_random(network, x, arithmetic, rng)[0]
        assert low[0, 0] <= f <= high[0, 0]


@given(networks(), st.integers(0, 10_000), st.sampled_from([1.0, 2.0, math.inf]))
def test_rational_and_real_certificates_agree(network: ReLUNetwork, seed: int, p: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(3, network.inputs))
    labels = np.ones(3, dtype=int) if network.outputs == 1 else rng.integers(0, network.outputs, 3)
    exact = rational_margin_bound(network.layers, points, labels, 0.1, p)
    lower = margin_lower_bound(network.layers, points, labels, 0.1, p, method="interval")
    for a, b in zip(exact, lower, strict=True):
        assert Fraction(b) <= a
        assert float(a - Fraction(b)) <= 1e-11 * (1 + abs(float(a)))
    # With radius 0 the bound is the margin, found by the other rational route.
    for x, y, value in zip(points, labels, rational_margin_bound(network.layers, points, labels, 0.0, p), strict=True):
        f = rational_value(network, rationals(x))
        assert value == (int(y) * f[0] if len(f) == 1 else min(f[y] - v for c, v in enumerate(f) if c != y))


@pytest.mark.parametrize(("value", "expected"), [(Fraction(1, 3), 1 / 3), (Fraction(-1, 3), np.nextafter(-1 / 3, -1))])
def test_round_down(value: Fraction, expected: float) -> None:
    assert largest_float_at_most(value) == expected
    assert Fraction(largest_float_at_most(value)) <= value
    assert largest_float_at_most(Fraction(1, 10**400)) == 0


def test_what_may_overflow_is_not_certified() -> None:
    big = ReLUNetwork((Affine(np.array([[1e30]]), np.array([1.0])), Affine(np.array([[1e30]]), np.array([1.0]))))
    points, labels = np.array([[1.0]]), np.array([1])
    assert executed_margin_bound(big.layers, points, labels, 0.1, math.inf, "float64")[0] > 0
    assert executed_margin_bound(big.layers, points, labels, 0.1, math.inf, "float32")[0] == -np.inf
    # The run overflows to an infinite output of the right sign: no error, and no proof that another run has none.
    assert certify(big, points, labels, 0.1, math.inf, arithmetic="float32").status.tolist() == ["undecided"]
    assert certify(big, points, -labels, 0.1, math.inf, arithmetic="float32").status.tolist() == ["refuted"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arithmetic": "float16"}, "float64 or float32"),
        ({"radius": math.nan}, "radius"),
        ({"p": 0.5}, "p >= 1"),
        ({"labels": np.array([0])}, "labels"),
        ({"layers": (Affine(np.array([[1e300]]), np.zeros(1)),), "arithmetic": "float32"}, "beyond float32"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], message: str) -> None:
    good = {"points": np.array([[1.0]]), "labels": np.array([1]), "radius": 0.1, "p": math.inf, "arithmetic": "float64"}
    good["layers"] = LOSES_X.layers
    with pytest.raises(ValueError, match=message):
        executed_margin_bound(**{**good, **change})  # type: ignore[arg-type]


def test_rational_arithmetic_is_for_small_networks_and_three_norms() -> None:
    wide = ReLUNetwork((Affine(np.ones((1, 4000)), np.zeros(1)),))
    with pytest.raises(ValueError, match="fewer points"):
        rational_margin_bound(wide.layers, np.zeros((10_000, 4000)), np.ones(10_000, dtype=int), 0.1, math.inf)
    with pytest.raises(ValueError, match="p in 1, 2, inf"):
        rational_margin_bound(LOSES_X.layers, np.zeros((1, 1)), np.array([1]), 0.1, 3.0)


@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
def test_a_row_without_weights_is_its_bias_unless_that_is_subnormal(arithmetic: str) -> None:
    """A bias below the least normal number may be read as zero, before a weight that makes it count."""
    least = FORMATS[arithmetic].least
    for last in (False, True):
        hidden = Affine(np.zeros((1, 1)), np.array([least / 16]))
        layers = (hidden,) if last else (hidden, Affine(np.array([[1 / least]]), np.array([-(2.0**-20)])))
        at = np.array([[0.5]])
        assert rational_margin_bound(layers, at, np.array([1]), 0.1, math.inf)[0] > 0
        assert not executed_margin_bound(layers, at, np.array([1]), 0.1, math.inf, arithmetic)[0] > 0
    normal = Affine(np.zeros((1, 1)), np.array([least]))
    low, high = executed_bounds((normal, Affine(np.eye(1), np.zeros(1))), np.zeros((1, 1)), np.ones((1, 1)), arithmetic)
    assert low[0, 0] <= least <= high[0, 0]


@pytest.mark.usefixtures("untyped")
def test_bounds_are_computed_in_float64_whatever_the_points_are_stored_in() -> None:
    line = (Affine(np.array([[-1.0]]), np.array([1e-9])),)
    point, label = np.array([[-0.7]], dtype=np.float32), np.array([1])
    exact = Fraction(1e-9) - Fraction(float(point[0, 0])) - Fraction(0.7)
    executed = executed_margin_bound(line, point.astype(np.float64), label, 0.7, math.inf, "float64")[0]
    assert executed <= exact
    for wrong in (np.array([1, 1]), np.array([7])):
        with pytest.raises(ValueError, match="labels"):
            executed_margin_bound(line, point.astype(np.float64), wrong, 0.7, math.inf, "float64")


@given(networks(), formats, st.integers(0, 2**31))
def test_bounds_of_a_box_do_not_depend_on_how_rows_are_taken(network: ReLUNetwork, arithmetic: str, seed: int) -> None:
    """Row by row every bound is at least as tight as of all, by no more than the rounding, and it holds of a run."""
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.normal(size=(2, 3, network.inputs)), axis=0)
    whole = executed_bounds(network.layers, *corners, arithmetic)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_WEIGHTS", 1)
        single = executed_bounds(network.layers, *corners, arithmetic)
    x = corners[0] + (corners[1] - corners[0]) * rng.random(corners[0].shape)
    kind = FORMATS[arithmetic].dtype
    ran = run(executed_layers(network.layers, arithmetic), np.clip(x.astype(kind), *corners).astype(kind))
    inside = ((x.astype(kind) >= corners[0]) & (x.astype(kind) <= corners[1])).all(axis=1)
    size = 1 + max(np.abs(end).max() for end in whole)
    for own, other, sign in zip(single, whole, (1, -1), strict=True):
        assert np.all(np.abs(own - other) <= 2.0**-10 * size)
        assert np.all((sign * (ran - own))[inside] >= 0)


def test_bounds_of_one_box_take_little_memory_beside_the_weights() -> None:
    """A layer of both signs is parted into two, with its absolute values: all rows at once take five times as much."""
    rng = np.random.default_rng(0)
    layers = [Affine(rng.normal(size=(n, k)), np.zeros(n)) for n, k in ((200, 3), (40_000, 200))]
    low, high = np.zeros((1, 3)), np.ones((1, 3))
    tracemalloc.start()
    executed_bounds(layers, low, high, "float64")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The weights in their format, and less again for the blocks.
    assert peak < 2 * layers[1].weight.nbytes
