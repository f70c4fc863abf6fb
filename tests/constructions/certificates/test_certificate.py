"""Certificates of arbitrary networks: sound, read from the weights, honest about what they do not know."""

import copy
import json
import math
import pickle
import time
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork, certify, guided_attack, robust_memorizer, write_certificate
from constructions.certificates import decision
from tests.rational import rational_value, rationals
from tests.strategies import dyadic, exponents, networks
from theory.balls.propagation import linear_cost
from theory.setting.membership import is_in_ball

LINE = ReLUNetwork((Affine(np.array([[1.0]]), np.array([-0.5])),))


@given(networks(inputs=2, outputs=1), st.integers(0, 1000), dyadic(0.125, 1.0), exponents)
def test_no_certified_ball_holds_an_error(network: ReLUNetwork, seed: int, radius: float, p: float) -> None:
    points = np.random.default_rng(seed).integers(-8, 8, (6, 2)) / 4
    labels = np.where(network(points)[:, 0] >= 0, 1, -1)
    certificate = certify(network, points, labels, radius, p)
    worst, _ = guided_attack(network, points, labels, radius, p, seed=seed)
    assert not np.any(certificate.certified & (worst <= 0))
    for i, example in certificate.counterexamples.items():
        assert certificate.status[i] == "refuted"
        assert labels[i] * network(example[None])[0, 0] <= 0


def test_status_follows_the_distance_to_the_boundary() -> None:
    points, labels = np.array([[0.0], [0.45], [0.9]]), np.array([-1, -1, 1])
    certificate = certify(LINE, points, labels, 0.1, math.inf)
    assert certificate.status.tolist() == ["certified", "refuted", "certified"]
    assert certificate.error_bracket == (1 / 3, 1 - 2 / 3)


def test_zero_is_an_error_and_is_named() -> None:
    plateau = ReLUNetwork((Affine(np.zeros((1, 1)), np.zeros(1)),))
    certificate = certify(plateau, np.array([[0.0], [1.0]]), np.array([-1, 1]), 0.1, math.inf)
    assert certificate.count("refuted") == 2
    assert np.all(certificate.upper == 0)
    assert "2 of the refuted because f = 0" in str(certificate)


def test_an_exactly_tight_ball_is_not_certified() -> None:
    # min over the ball of x - 1/2 at 3/4 with radius 1/4 is exactly 0.
    certificate = certify(LINE, np.array([[0.75], [0.0]]), np.array([1, -1]), 0.25, math.inf)
    assert certificate.status.tolist() == ["refuted", "certified"]


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_affine_networks_are_decided_exactly_for_p_1_and_2(p: float) -> None:
    weight, points = np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]])
    distance = 1 / np.linalg.norm(weight, math.inf if p == 1 else 2, axis=1)[0]
    network = ReLUNetwork((Affine(weight, np.array([1.0])),))
    for radius, certified in ((distance * 0.999, True), (distance * 1.001, False)):
        certificate = certify(network, points, np.array([1]), radius, p)
        assert certificate.certified.tolist() == [certified]


def test_linear_relaxation_takes_over_where_intervals_fail() -> None:
    # f = σ(x) - σ(x) + 1/2 computed by two neurons: intervals lose the correlation.
    network = ReLUNetwork(
        (Affine(np.array([[1.0], [1.0]]), np.array([5.0, 5.0])), Affine(np.array([[1.0, -1.0]]), np.array([0.5])))
    )
    certificate = certify(network, np.array([[0.0]]), np.array([1]), 1.0, math.inf)
    assert certificate.status.tolist() == ["certified"]
    assert certificate.method.tolist() == ["linear"]
    assert "linear" in str(certificate)


def test_p_2_memorizers_are_left_undecided_by_the_general_bounds_and_proved_by_the_structure() -> None:
    points = np.random.default_rng(0).random((8, 12))
    built = robust_memorizer(points, [1, -1] * 4, radius=0.3, p=2, small="all")
    general = certify(built.network, points, built.task.sample.codes, 0.3, 2.0)
    assert general.count("refuted") == 0
    assert built.certify().certified.all()


def test_json_has_every_point() -> None:
    points, labels = np.array([[0.0], [0.45], [0.9]]), np.array([-1, -1, 1])
    record = json.loads(certify(LINE, points, labels, 0.1, math.inf).to_json())
    assert record["status"] == ["certified", "refuted", "certified"]
    assert record["p"] == "inf"
    assert list(record["counterexamples"]) == ["1"]
    assert record["upper"][0] is None


def test_records_name_status_bound_method_arithmetic_time_and_witness() -> None:
    points, labels = np.array([[0.0], [0.45], [0.9]]), np.array([-1, -1, 1])
    certificate = certify(LINE, points, labels, 0.1, math.inf, arithmetic="float32")
    records = json.loads(json.dumps(certificate.records()))
    assert [r["status"] for r in records] == ["certified", "refuted", "certified"]
    assert [r["witness"] is None for r in records] == [True, False, True]
    assert all(r["arithmetic"] == "float32" and r["seconds"] > 0 for r in records)
    assert [r["method"] for r in records] == ["interval", "attack", "interval"]
    assert records[0]["lower"] == certificate.lower[0]


def test_a_rounded_margin_of_zero_does_not_refute_over_the_reals() -> None:
    # f = 2^-60 at 1 over the reals; float64 sums to 0, and intervals cannot tell.
    hidden = Affine(np.zeros((3, 1)), np.array([1.0, 2.0**-60, 1.0]))
    network = ReLUNetwork((hidden, Affine(np.array([[1.0, 1.0, -1.0]]), np.zeros(1))))
    points, labels = np.array([[1.0]]), np.array([1])
    assert network(points)[0, 0] == 0
    for arithmetic, status in (("reals", "undecided"), ("rational", "certified"), ("float64", "refuted")):
        assert certify(network, points, labels, 0.5, math.inf, arithmetic=arithmetic).status.tolist() == [status]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arithmetic": "float16"}, "arithmetic must be one of reals, rational, float64, float32"),
        ({"arithmetic": "rational", "p": 3.0}, "p in 1, 2, inf"),
        ({"points": np.array([[np.nan], [1.0]])}, "finite"),
        ({"points": np.zeros((2, 3))}, "dimension 1, got 3"),
        ({"labels": np.array([0, 1])}, "labels"),
        ({"labels": np.array([1])}, "labels"),
        ({"radius": -1.0}, "radius"),
        ({"radius": math.nan}, "radius"),
        ({"p": 0.5}, "p"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], message: str) -> None:
    good = {"points": np.array([[0.0], [1.0]]), "labels": np.array([-1, 1]), "radius": 0.1, "p": math.inf}
    with pytest.raises(ValueError, match=message):
        certify(LINE, **{**good, **change})  # type: ignore[arg-type]


def test_labels_may_be_a_list_and_whole_floats() -> None:
    network = ReLUNetwork((Affine(np.eye(1), np.zeros(1)),))
    for labels in ([1, -1], np.array([1.0, -1.0])):
        assert certify(network, [[1.0], [-1.0]], labels, 0.5, np.inf).certified.all()


@pytest.mark.parametrize(
    ("network", "labels", "message"),
    [
        ("a memorizer", [1, -1], "model must be a ReLUNetwork, .* got the path 'a memorizer'"),
        (None, ["a", "b"], r"needs them, ReLUNetwork\(layers, classes\)"),
        (None, [0.5, -1.0], r"needs them, ReLUNetwork\(layers, classes\)"),
        (None, [[1, -1]], "shape"),
    ],
)
def test_other_networks_and_labels_are_refused(network: object, labels: object, message: str) -> None:
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(ValueError, match=message):
            certify(network or ReLUNetwork((Affine(np.eye(1), np.zeros(1)),)), [[1.0], [-1.0]], labels, 0.5, np.inf)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


OVERFLOWS = ReLUNetwork(
    (Affine(np.array([[1e200], [1e200]]), np.zeros(2)), Affine(np.array([[1e200, -1e200]]), np.array([1.0])))
)


@pytest.mark.parametrize("arithmetic", ["reals", "rational"])
def test_a_ball_on_which_numbers_overflow_is_undecided(arithmetic: str) -> None:
    """f = 1 over the reals, by 1e400 - 1e400."""
    found = certify(OVERFLOWS, np.array([[1.0]]), np.array([1]), 0.1, np.inf, arithmetic=arithmetic)
    assert found.status.tolist() == ["undecided"]
    assert found.upper[0] > 0


def test_a_run_that_overflows_is_refuted_only_where_it_is_wrong() -> None:
    """It gives NaN, which says nothing; or on a machine that fuses the second product with the sum, -inf or inf."""
    found = certify(OVERFLOWS, np.array([[1.0]]), np.array([1]), 0.1, np.inf, arithmetic="float64")
    assert found.count("certified") == 0
    assert found.count("refuted") == (found.upper[0] == -np.inf)
    assert found.upper[0] == -np.inf or found.upper[0] > 0


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 10.0, math.inf])
@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
def test_a_radius_near_the_largest_float_is_no_crash(p: float, arithmetic: str) -> None:
    line = ReLUNetwork((Affine(np.array([[1.0, 0.0]]), np.array([1.0])),))
    for radius in (1e308, float(np.finfo(np.float64).max)):
        found = certify(
            line, np.array([[1.0, 2.0], [-1e308, 1e308]]), np.array([1, 1]), radius, p, arithmetic=arithmetic
        )
        assert not found.certified.any()
        for i, x in found.counterexamples.items():
            assert is_in_ball(x, np.array([[1.0, 2.0], [-1e308, 1e308]])[i], radius, p)


def exact_value(network: ReLUNetwork, x: np.ndarray) -> Fraction:
    return rational_value(network, rationals(x))[0]


@pytest.mark.parametrize(
    ("arithmetic", "p"),
    [("reals", 1.0), ("reals", 1.5), ("reals", 2.0), ("reals", math.inf), ("rational", 1.0), ("rational", math.inf)],
)
def test_a_point_next_to_the_ball_refutes_nothing(arithmetic: str, p: float) -> None:
    """`f = c⁺ - x` with `c⁺` the float after the centre 1e8, farther from it than the radius: f > 0 on the ball."""
    centre, radius = 1e8, 1e-8
    line = ReLUNetwork((Affine(np.array([[-1.0]]), np.array([np.nextafter(centre, np.inf)])),))
    found = certify(line, np.array([[centre]]), np.array([1]), radius, p, arithmetic=arithmetic)
    assert found.status.tolist() == ["certified" if arithmetic == "rational" else "undecided"]
    assert found.upper[0] >= Fraction(float(np.nextafter(centre, np.inf))) - Fraction(centre) - Fraction(radius)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_witnesses_in_tiny_balls_are_in_them(p: float) -> None:
    """Radii of few units in the last place of the data, where every rounding of a candidate matters."""
    rng = np.random.default_rng(0)
    points = rng.random((20, 50))
    network = ReLUNetwork((Affine(rng.normal(size=(1, 50)), np.zeros(1)),))
    network = ReLUNetwork((Affine(network.layers[0].weight, -network(points).mean(axis=0)),))
    labels = np.where(network(points)[:, 0] > 0, -1, 1)
    for radius in (1e-5, 1e-9, 1e-14, 2.0**-53):
        found = certify(network, points, labels, radius, p)
        assert found.count("refuted") == 20
        for i, x in found.counterexamples.items():
            assert is_in_ball(x, points[i], radius, p)
            assert labels[i] * exact_value(network, x) <= 0


def test_an_upper_bound_is_one() -> None:
    """The margin at the point found, rounded up: its float64 value -1 + 2^-60 + 1 is 0, less than it is."""
    sums = ReLUNetwork((Affine(np.array([[1.0, 1.0, 1.0]]), np.zeros(1)),))
    points = np.array([[-1.0, 2.0**-60, 1.0]])
    found = certify(sums, points, np.array([1]), 2.0**-70, np.inf)
    assert found.status.tolist() == ["undecided"]
    assert found.upper[0] >= 2.0**-60 - 3 * 2.0**-70
    exactly = certify(sums, points, np.array([1]), 2.0**-70, np.inf, arithmetic="rational")
    assert exactly.status.tolist() == ["certified"]


def test_misclassified_points_are_named() -> None:
    """Classes counted from 1: every point is refuted, and the clean error says why."""
    identity = ReLUNetwork((Affine(np.eye(4), np.zeros(4)),))
    points = np.eye(4)[[0, 1, 2]] + 0.1
    found = certify(identity, points, np.array([1, 2, 3]), 1e-3, np.inf)
    assert found.misclassified == {0, 1, 2}
    assert "clean error 1;" in str(found)
    right = certify(identity, points, np.array([0, 1, 2]), 0.6, np.inf)
    assert right.count("refuted") == 3
    assert right.clean_error == 0
    assert "clean error 0;" in str(right)
    assert right.to_dict()["misclassified"] == []


@pytest.mark.parametrize("arithmetic", ["reals", "float32"])
def test_a_certificate_is_of_what_it_was_made_of(arithmetic: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    network = ReLUNetwork((Affine(rng.normal(size=(3, 2)), np.zeros(3)), Affine(rng.normal(size=(1, 3)), np.ones(1))))
    points, labels = rng.normal(size=(5, 2)), np.array([1, -1, 1, -1, 1])
    made = certify(network, points, labels, 0.01, np.inf, arithmetic=arithmetic)
    assert made.is_of(network, points, labels)
    moved, other = points.copy(), ReLUNetwork((network.layers[0], Affine(-network.layers[1].weight, np.ones(1))))
    moved[4, 1] = np.nextafter(moved[4, 1], 9)
    forgeries = [
        (made, other, points, labels),
        (made, network, moved, labels),
        (made, network, points, -labels),
        (replace(made), network, points, labels),
        (replace(made, radius=0.02), network, points, labels),
        (replace(made, lower=made.lower + 1), network, points, labels),
    ]
    for certificate, f, x, y in forgeries:
        assert not certificate.is_of(f, x, y)
        with pytest.raises(ValueError, match="changed since; certify again"):
            write_certificate(tmp_path / "c.json", certificate, f, x, y)
    assert not list(tmp_path.iterdir())
    for array in (made.status, made.lower, made.upper, made.seconds):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]
    write_certificate(tmp_path / "c.json", made, network, points, labels)


@pytest.mark.parametrize("radius", [Decimal("0.3"), Fraction(3, 10), "0.3", None, True, np.array([0.3]), 1j])
def test_a_radius_that_is_no_float_is_refused_by_name(radius: Any) -> None:
    """10 x + 3 is 0 at -0.3: rounded to a float, 0.3 would give a false certificate."""
    steep = ReLUNetwork((Affine(np.array([[10.0]]), np.array([3.0])),))
    # An array is a radius for each coordinate.
    said = "needs whole balls of one radius" if isinstance(radius, np.ndarray) else "radius must be"
    with pytest.raises(ValueError, match=said):
        certify(steep, np.zeros((1, 1)), np.array([1]), radius, np.inf, arithmetic="rational")
    with pytest.raises(ValueError, match="radius must be"):
        robust_memorizer(np.eye(2), [-1, 1], radius=radius, p=2)


@pytest.mark.parametrize(
    "radius", [np.float32(0.25), np.float16(0.25), np.array(0.25), torch.tensor(0.25), Fraction(1, 4)]
)
def test_scalars_of_every_library_are_read(radius: Any) -> None:
    steep = ReLUNetwork((Affine(np.array([[10.0]]), np.array([3.0])),))
    for p in ("inf", np.float32(2), torch.tensor(1.0), 1.5):
        found = certify(steep, np.zeros((1, 1)), np.array([1]), radius, p)
        assert found.certified.all()
        assert found.radius == 0.25
        assert robust_memorizer(np.eye(2), [-1, 1], radius=radius, p=p, shell=np.float32(0.125)).task.shell == 0.125


@pytest.mark.parametrize("arithmetic", ["reals", "float32"])
def test_a_copy_that_was_changed_is_of_nothing(arithmetic: str) -> None:
    """Also in what JSON writes alike: infinities of both signs and NaN."""
    points, labels = np.array([[1.0], [0.5]]), np.array([1, 1])
    made = certify(LINE, points, labels, 0.25, 2, arithmetic=arithmetic)
    assert made.status.tolist() == ["certified", "refuted"]
    assert copy.deepcopy(made).is_of(LINE, points, labels)
    changes = [("upper", -np.inf), ("lower", np.inf), ("lower", np.nan), ("status", "certified"), ("method", "linear")]
    for name, value in changes:
        changed = pickle.loads(pickle.dumps(made))
        array = getattr(changed, name).copy()
        array[0] = array[1] if name == "status" else value
        object.__setattr__(changed, name, array)
        assert not changed.is_of(LINE, points, labels)
    changed = copy.deepcopy(made)
    changed.counterexamples[1] = np.array([0.75])
    assert not changed.is_of(LINE, points, labels)
    assert not any(x.base is not None or x.flags.writeable for x in made.counterexamples.values())


@pytest.mark.usefixtures("untyped")
def test_what_only_a_conversion_makes_equal_is_not_what_it_was_made_of() -> None:
    points, labels = np.array([[1.0], [0.5]]), np.array([1, 1])
    made = certify(LINE, points, labels, 0.25, 2)
    for x, y in [
        (points, labels + 0.5),
        (points + 1j, labels),
        (np.ma.masked_array(points, mask=[[1], [0]]), labels),
        (points.astype(str), labels),
        (points.astype(np.longdouble) + np.longdouble(2) ** -60, labels),
    ]:
        assert not made.is_of(LINE, x, y)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arithmetic": []}, "arithmetic must be one of"),
        ({"seed": "a"}, "seed must be"),
        ({"seed": 1.5}, "seed must be"),
        ({"seed": -1}, "seed must be"),
        ({"labels": np.array([2**63, 1], dtype=np.uint64)}, "labels must be"),
        ({"labels": np.array([[1, 1]])}, "labels must be"),
        ({"labels": np.array([0, 1])}, "labels of a network with 1 output"),
        ({"labels": np.array([0, 1]), "arithmetic": "rational"}, "labels of a network with 1 output"),
        ({"labels": np.array([0, 1]), "arithmetic": "float32"}, "labels of a network with 1 output"),
        ({"radius": float}, "radius must be one real number"),
        ({"radius": np.ma.masked}, "radius must be one real number"),
        ({"labels": np.ma.masked_array([1, 1], mask=[0, 1])}, "masked"),
        ({"labels": np.array([2**64 - 1, 1], dtype=np.uint64)}, "labels must be"),
    ],
)
def test_other_malformed_arguments_are_named(change: dict[str, Any], message: str) -> None:
    arguments = {"labels": np.array([1, 1]), "radius": 0.25, "p": 2} | change
    with pytest.raises(ValueError, match=message):
        certify(LINE, np.array([[1.0], [0.5]]), **arguments)


def test_what_a_certificate_prints_and_keeps() -> None:
    """One ball certified, one refuted by a tie, one undecided: every number in its place."""
    shy = ReLUNetwork(
        (Affine(np.array([[1.0], [-1.0]]), np.zeros(2)), Affine(np.array([[1.0, 1.0]]), np.array([-0.25])))
    )
    points, labels = np.array([[2.0], [0.25], [0.5]]), np.array([1, 1, 1])
    started = time.perf_counter()
    found = certify(shy, points, labels, 0.25, np.inf)
    elapsed = time.perf_counter() - started
    assert found.status.tolist() == ["certified", "refuted", "refuted"]
    assert str(found) == (
        "1 certified, 2 refuted, 0 undecided of 3 balls, l_inf, radius 0.25 (1 of the refuted because f = 0, which is "
        "an error for every label); clean error 0.3333; 0.6667 <= adversarial error <= 0.6667; by attack, interval, "
        "for the function of the network's float64 weights over the reals"
    )
    content = found.to_dict()
    assert content["lower"] == [pytest.approx(1.5), pytest.approx(-0.25), pytest.approx(0.0, abs=1e-12)]
    assert content["upper"] == [None, pytest.approx(-0.25), 0.0]
    assert content["error_bracket"] == [2 / 3, 1 - 1 / 3]
    assert np.all(found.seconds >= 0)
    assert 0 < found.seconds.sum() <= elapsed
    assert "seal" not in repr(found)
    wide = certify(LINE, np.array([[1.0], [1e9]]), np.array([1, 1]), 0.25, 2)
    assert wide.error_bracket == (0, 0)
    half = replace(wide, status=np.array(["certified", "undecided"]))
    assert "; 0 <= adversarial error <= 0.5;" in str(half)


def test_linear_relaxation_is_tried_wherever_intervals_are_open_and_the_network_is_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """f = σ(x) - σ(x) + c is c, and by intervals at least c - 1: positive, 0 and negative."""
    for c, by in ((2.0, "interval"), (1.0, "linear"), (0.5, "linear")):
        same = ReLUNetwork((Affine(np.ones((2, 1)), np.zeros(2)), Affine(np.array([[1.0, -1.0]]), np.array([c]))))
        at = np.array([[3.0]]), np.array([1])
        found = certify(same, *at, 0.5, np.inf)
        assert found.method.tolist() == [by]
        assert found.certified.all()
        with monkeypatch.context() as patch:
            patch.setattr(decision, "ALLOWED", linear_cost(same.layers) - 1)
            limited = certify(same, *at, 0.5, np.inf)
            assert limited.certified.all() == (c == 2.0)
            patch.setattr(decision, "ALLOWED", linear_cost(same.layers))
            assert certify(same, *at, 0.5, np.inf).certified.all()
