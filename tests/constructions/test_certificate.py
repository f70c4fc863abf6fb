"""Certificates of arbitrary networks: sound, read from the weights, honest about what they do not know."""

import json
import math

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork, certify, guided_attack, robust_memorizer
from tests.strategies import dyadic, exponents, networks

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
    general = certify(built.network, points, built.sample.codes, 0.3, 2.0)
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
    assert all(r["arithmetic"] == "float32" and r["method"] == "interval" and r["seconds"] > 0 for r in records)
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
        ("a memorizer", [1, -1], "needs a ReLUNetwork, such as Memorizer.network, got str"),
        (None, ["a", "b"], "Memorizer.sample.codes"),
        (None, [0.5, -1.0], "Memorizer.sample.codes"),
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
