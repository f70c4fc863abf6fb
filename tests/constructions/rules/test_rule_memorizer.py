"""Memorizers by rules: certified on every ball in every arithmetic, counted exactly, confirmed by the checker."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructions import certify, guided_attack, load_sample, rule_memorizer, write_certificate, write_points
from constructions.check.__main__ import main as check
from constructions.networks.network import Affine, ReLUNetwork
from constructions.rules.memorizer import RuleMemorizer
from tests.strategies import Instance, exponents, instances
from theory.errors import AssumptionError
from theory.setting.norms import sample_ball
from theory.setting.separation import separation

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
XOR = [1, -1, -1, 1]


@pytest.fixture(scope="module")
def digits() -> RuleMemorizer:
    return rule_memorizer(*load_sample("digits"), radius=0.1, p=math.inf)


@settings(max_examples=30)
@given(exponents.flatmap(lambda p: instances(p=p)), st.integers(0, 2))
def test_every_ball_is_certified_with_margin_one_half(instance: Instance, seed: int) -> None:
    shell = 0.99 * instance.shell
    built = rule_memorizer(
        instance.points, instance.labels, radius=0.99 * instance.radius, p=instance.p, shell=shell, seed=seed
    )
    for arithmetic in ("reals", "float64", "float32"):
        certificate = built.certify(arithmetic)
        assert certificate.certified.all(), str(certificate)
        assert certificate.lower.min() > 0.49
    assert built.size.nonzero == built.size.formula_nonzero


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_digits_in_every_norm(p: float) -> None:
    points, labels = load_sample("digits")
    built = rule_memorizer(points, labels, radius=0.1, p=p)
    for arithmetic in ("reals", "float64", "float32"):
        assert built.certify(arithmetic).certified.all(), arithmetic
    # The balls themselves, by sampling and from the outside.
    rng = np.random.default_rng(0)
    codes = built.task.sample.codes
    for i in range(0, len(points), 100):
        ball = points[i] + sample_ball(rng, 50, points.shape[1], p, 0.1)
        assert np.all(built.network(ball).argmax(axis=1) == codes[i])
    worst, _ = guided_attack(built.network, points[:300], codes[:300], 0.1, p, shell=built.task.shell)
    assert worst.min() >= 0.5 - 1e-9


def test_it_is_much_smaller_than_one_indicator_a_point(digits: RuleMemorizer) -> None:
    points = digits.task.sample.points
    assert digits.network.depth == 3
    assert digits.network.nonzero < 0.012 * points.size
    assert digits.network.nonzero == digits.size.nonzero == digits.size.formula_nonzero
    by_hand = sum(np.count_nonzero(f.weight.toarray()) + np.count_nonzero(f.bias) for f in digits.network.layers)
    assert digits.size.nonzero == by_hand


def test_weights_of_rules_are_two_numbers_and_of_levels_powers_of_two(digits: RuleMemorizer) -> None:
    _, rules, last = digits.network.layers
    values = np.unique(rules.weight.data)
    assert len(values) == 2
    assert values[1] == 1
    assert np.frexp(-values[0])[0] == 0.5
    assert np.all(np.frexp(np.unique(last.weight.data))[0] == 0.5)
    assert set(np.unique(rules.bias).tolist()) <= {0.0, 1.0}


def test_random_labels_cost_several_times_more() -> None:
    points, labels = load_sample("digits")
    others = np.random.default_rng(0).integers(0, 10, len(points))
    true, random = [rule_memorizer(points, given, radius=0.05, p=math.inf) for given in (labels, others)]
    assert random.certify().certified.all()
    assert random.network.nonzero > 4 * true.network.nonzero


def test_the_size_is_that_of_what_is_used(digits: RuleMemorizer) -> None:
    neurons = digits.wiring.neurons
    assert digits.network.layers[0].outputs == len(neurons)
    assert digits.network.layers[1].outputs == len(digits.rules)
    read = np.unique(digits.network.layers[1].weight.indices)
    assert len(read) == len(neurons)


def test_description_is_counted_in_bits() -> None:
    built = rule_memorizer(SQUARE, XOR, radius=0.1, p=math.inf)
    neurons, rules = len(built.wiring.neurons), built.rules
    longest = max(len(rule.literals) for rule in rules)
    levels = max(rule.level for rule in rules) + 1
    expected = neurons * (64 + 1 + 1) + sum(len(rule.literals) for rule in rules) * math.log2(neurons)
    expected += len(rules) * math.log2(2 * levels * longest * (longest + 1))
    assert built.description_bits == pytest.approx(expected)


def test_weights_that_are_no_mean_are_part_of_the_description() -> None:
    """Forms made for a pair of points have weights of their own; those of patches are known by their number."""
    rng = np.random.default_rng(0)
    points, labels = rng.standard_normal((12, 5)), np.arange(12) % 2
    made = rule_memorizer(points, labels, radius=0.45 * separation(points, labels, 2).distance, p=2)
    entries = made.network.layers[0].weight
    own = [row for row in np.split(entries.data, entries.indptr[1:-1]) if len(row) > 1]
    assert own
    neurons, longest = len(made.wiring.neurons), max(len(rule.literals) for rule in made.rules)
    expected = neurons * 65 + entries.nnz * math.log2(5) + 64 * sum(map(len, own))
    expected += sum(len(rule.literals) for rule in made.rules) * math.log2(neurons)
    levels = max(rule.level for rule in made.rules) + 1
    expected += len(made.rules) * math.log2(2 * levels * longest * (longest + 1))
    assert made.description_bits == pytest.approx(expected)
    assert made.size.description_bits == math.ceil(made.description_bits)
    patched = rule_memorizer(*load_sample("digits", classes="3,8"), radius=0.1, p=2, image=(8, 8))
    read = patched.network.layers[0].weight.nnz
    assert read > len(patched.wiring.neurons)
    assert patched.size.description_bits < patched.network.description_bits


def test_labels_are_kept_and_one_output_serves_signs() -> None:
    signed = rule_memorizer(SQUARE, XOR, radius=0.2, p=math.inf)
    assert signed.network.outputs == 1
    assert certify(signed.network, SQUARE, XOR, 0.2, math.inf).certified.all()
    named = rule_memorizer(SQUARE, ["b", "a", "a", "b"], radius=0.2, p=math.inf)
    assert named.network.classes == ("a", "b")
    assert certify(named.network, SQUARE, ["b", "a", "a", "b"], 0.2, math.inf).certified.all()


def test_one_point_a_class() -> None:
    built = rule_memorizer([[0.0], [1.0], [2.0]], ["x", "y", "z"], radius=0.3, p=2)
    assert built.certify("float64").certified.all()


def test_seeds_give_the_same_network_again() -> None:
    points, labels = load_sample("digits", classes="3,8")
    first, again = [rule_memorizer(points, labels, radius=0.1, p=2, seed=3).network for _ in range(2)]
    for a, b in zip(first.layers, again.layers, strict=True):
        assert np.array_equal(a.weight.toarray(), b.weight.toarray())
        assert np.array_equal(a.bias, b.bias)


def test_the_network_of_now_is_certified(digits: RuleMemorizer) -> None:
    """With the weight of the first level made small, points of other levels' classes lose."""
    *hidden, last = digits.network.layers
    equal = replace(digits, network=ReLUNetwork((*hidden, Affine(np.sign(last.weight.toarray()), last.bias))))
    assert not equal.certify().certified.all()
    half = replace(digits, task=replace(digits.task, radius=0.3))
    assert not half.certify().certified.all()


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
def test_the_checker_confirms_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], p: float, arithmetic: str) -> None:
    points, labels = load_sample("digits", classes="0,1,2,3")
    built = rule_memorizer(points, labels, radius=0.1, p=p)
    files = [str(tmp_path / name) for name in ("network.npz", "points.npz", "certificate.json")]
    built.save(files[0])
    write_points(files[1], built.network, points, labels)
    write_certificate(files[2], built.certify(arithmetic), built.network, points, labels)
    assert check(files) == 0
    assert json.loads(capsys.readouterr().out)["confirmed"] == len(points)


def test_images_by_patches() -> None:
    points, labels = load_sample("digits", classes="3,8")
    built = rule_memorizer(points, labels, radius=0.1, p=2, image=(8, 8), sides=((2, 2), (1, 3)))
    assert built.certify("float32").certified.all()
    weights = np.diff(built.network.layers[0].weight.indptr)
    assert set(weights.tolist()) <= {3, 4}


def test_a_search_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    points, labels = load_sample("digits", classes="3,8,9")
    path = tmp_path / "rules.json"
    arguments: dict[str, Any] = {"radius": 0.1, "p": math.inf, "resume": path}
    with pytest.raises(TimeoutError, match="give more seconds"):
        rule_memorizer(points, labels, **arguments, seconds=0)
    built = rule_memorizer(points, labels, **arguments)
    assert built.certify().certified.all()
    again = rule_memorizer(points, labels, **arguments)
    assert again.rules == built.rules
    with pytest.raises(ValueError, match="other points, labels or settings"):
        rule_memorizer(points, labels, **{**arguments, "radius": 0.11})
    with pytest.raises(ValueError, match="other points, labels or settings"):
        rule_memorizer(points, [{3: 8, 8: 3}.get(label, label) for label in labels], **arguments)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"radius": 0.5}, AssumptionError, "2 \\* radius \\+ shell <= separation"),
        ({"radius": 0.4, "shell": 0.3}, AssumptionError, "take a shell of at most 0.2"),
        ({"radius": -1}, ValueError, "radius > 0"),
        ({"levels": 0}, ValueError, "levels must be a whole number >= 1, got 0"),
        ({"tries": True}, ValueError, "tries must be a whole number >= 1, got True"),
        ({"thresholds": 0}, ValueError, "thresholds must be a whole number >= 1, got 0"),
        ({"seed": -1}, ValueError, r"seed must be a whole number >= 0 and < 2\^31, got -1"),
        ({"image": (3, 3)}, ValueError, "image must be .* of 2 pixels, got \\(3, 3\\)"),
        ({"image": (2,)}, ValueError, "image must be"),
        ({"image": (1, 2), "sides": ((4, 4),)}, ValueError, "sides must hold patches that fit"),
        ({"sides": ((1, 1),)}, ValueError, "sides without image"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments: dict[str, Any] = {"radius": 0.1, "p": math.inf} | change
    with pytest.raises(error, match=message):
        rule_memorizer(SQUARE, XOR, **arguments)


def shifted_threshold(built: RuleMemorizer) -> ReLUNetwork:
    first, *rest = built.network.layers
    bias = first.bias.copy()
    bias[: len(bias) // 2] += 8.0
    return ReLUNetwork((Affine(first.weight, bias), *rest), built.network.classes)


def a_literal_lost(built: RuleMemorizer) -> ReLUNetwork:
    first, rules, last = built.network.layers
    weight = rules.weight.toarray()
    row = int(np.argmax((weight < 0).sum(axis=1)))
    weight[row, np.flatnonzero(weight[row] < 0)[:2]] = 0
    return ReLUNetwork((first, Affine(weight, rules.bias), last), built.network.classes)


def small_factor(built: RuleMemorizer) -> ReLUNetwork:
    first, rules, last = built.network.layers
    weight = np.where(rules.weight.toarray() < 0, -1.0, rules.weight.toarray())
    return ReLUNetwork((first, Affine(weight, rules.bias), last), built.network.classes)


@pytest.mark.parametrize("fault", [shifted_threshold, a_literal_lost, small_factor])
def test_planted_faults_lose_balls(digits: RuleMemorizer, fault: Callable[[RuleMemorizer], ReLUNetwork]) -> None:
    for arithmetic in ("reals", "float64"):
        assert not replace(digits, network=fault(digits)).certify(arithmetic).certified.all()
