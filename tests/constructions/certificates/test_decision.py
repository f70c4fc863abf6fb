"""Regions decided step by step: never against the exact minimum, and what is left out is said."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork
from constructions.certificates import decision
from constructions.certificates.decision import decide_regions
from tests.constructions.certificates.answers import deep
from tests.rational import rational_value, rationals
from tests.strategies import dyadic, networks
from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.regions import balls, boxes
from theory.balls.violations import margin_violations, unions


def violated(network: Any, x: np.ndarray, forms: np.ndarray, offsets: np.ndarray) -> bool:
    """By the tests' own rational evaluation."""
    outputs = rational_value(network, rationals(x))
    return any(
        all(
            sum(Fraction(a) * y for a, y in zip(row, outputs, strict=True)) <= Fraction(b)
            for row, b in zip(rows.tolist(), bounds.tolist(), strict=True)
        )
        for rows, bounds in zip(forms, offsets, strict=True)
    )


@given(networks(inputs=2, outputs=1, max_width=3), st.integers(0, 99), dyadic(0.125, 1.0), st.sampled_from([None, 5.0]))
def test_decisions_agree_with_the_exact_minimum(
    network: ReLUNetwork, seed: int, radius: float, seconds: float | None
) -> None:
    points = np.random.default_rng(seed).integers(-8, 8, (3, 2)) / 4
    labels = np.where(network(points)[:, 0] >= 0, 1, -1)
    wrong = margin_violations(labels, 1)
    found = decide_regions(network.layers, balls(points, radius, np.inf), wrong, seconds=seconds)
    for i, (x, label) in enumerate(zip(points, labels, strict=True)):
        least, _ = minimum_over_ball(network.layers, x, radius, np.inf, np.array([float(label)]))
        assert found.lower[i] <= least + 1e-9
        if found.lower[i] > 0:
            assert least > 0
            assert i not in found.witnesses
        if i in found.witnesses:
            witness = found.witnesses[i]
            assert max(abs(Fraction(a) - Fraction(b)) for a, b in zip(witness, x, strict=True)) <= Fraction(radius)
            assert violated(network, witness, wrong.forms[i], wrong.offsets[i])
        if i in found.untried:
            assert not found.lower[i] > 0
            assert i not in found.witnesses
        elif not found.lower[i] > 0 and i not in found.witnesses:
            # Nothing was left out, so that only rounding may leave it open.
            assert abs(least) < 1e-9


def test_each_step_decides_some_and_splitting_all() -> None:
    network, rng = deep(0, 3, 20, 20, 20, 3), np.random.default_rng(1)
    points = rng.uniform(-1, 1, (60, 3))
    wrong = margin_violations(network(points).argmax(axis=1), 3)
    regions = balls(points, np.where(np.arange(60) < 5, 0.01, 0.15), np.inf)
    found = decide_regions(network.layers, regions, wrong, seconds=60)
    proved = found.lower > 0
    assert set(found.step[proved]) == {"interval", "linear", "slopes", "splitting"}
    assert len(found.witnesses) > 5
    assert proved.sum() + len(found.witnesses) == 60
    assert not found.untried
    for i, x in found.witnesses.items():
        assert violated(network, x, wrong.forms[i], wrong.offsets[i])
    quick = decide_regions(network.layers, regions, wrong, seconds=None)
    left = {i for i in range(60) if not quick.lower[i] > 0 and i not in quick.witnesses}
    assert left == set(quick.untried)
    assert left
    assert set(quick.untried.values()) == {"splitting: give seconds="}
    assert ((quick.lower > 0) <= proved).all()


def test_few_inputs_are_split_and_otherwise_relus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both to the end, without a limit of time."""
    network, rng = deep(2, 3, 6, 6, 2), np.random.default_rng(0)
    points = rng.uniform(-1, 1, (40, 3))
    wrong = margin_violations(network(points).argmax(axis=1), 2)
    answers = []
    for few in (10, 2):
        monkeypatch.setattr(decision, "FEW_INPUTS", few)
        found = decide_regions(network.layers, balls(points, 0.2, np.inf), wrong, seconds=np.inf)
        assert "splitting" in found.step[found.lower > 0]
        answers.append((found.lower > 0).tolist())
        assert (found.lower > 0).sum() + len(found.witnesses) == 40
    assert answers[0] == answers[1]


def test_a_step_that_would_take_long_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    network, rng = deep(0, 3, 20, 20, 20, 3), np.random.default_rng(1)
    points = rng.uniform(-1, 1, (60, 3))
    wrong = margin_violations(network(points).argmax(axis=1), 3)
    monkeypatch.setattr(decision, "ALLOWED", 1.0)
    found = decide_regions(network.layers, balls(points, 0.15, np.inf), wrong)
    assert set(found.step) == {"interval", "attack"}
    assert found.untried
    assert all(
        why.startswith("linear relaxation: about 1 minutes for ") and why.endswith("give seconds=")
        for why in found.untried.values()
    )


def test_no_time_leaves_all_that_intervals_leave() -> None:
    network, rng = deep(0, 3, 20, 20, 20, 3), np.random.default_rng(1)
    points = rng.uniform(-1, 1, (60, 3))
    wrong = margin_violations(network(points).argmax(axis=1), 3)
    found = decide_regions(network.layers, balls(points, 0.15, np.inf), wrong, seconds=0)
    assert set(found.step) == {"interval"}
    assert set(found.untried.values()) == {"linear relaxation: the time was over"}


def test_conjunctions_are_violated_together_or_not_at_all() -> None:
    """y = (x, -x) on [-1, 1]: no x has both y_1 <= -1/4 and y_2 <= -1/4, and each alone is met."""
    network = ReLUNetwork((Affine(np.array([[1.0], [-1.0]]), np.zeros(2)),))
    box, both = boxes(np.full((1, 1), -1.0), np.ones((1, 1))), (np.eye(2), np.full(2, -0.25))
    two_layers = ReLUNetwork(
        (Affine(np.array([[1.0], [-1.0]]), np.zeros(2)), Affine(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.zeros(2)))
    )
    open_ = decide_regions(network.layers, box, unions([[both]], 2))
    assert (open_.lower[0] > 0, open_.witnesses) == (False, {})
    found = decide_regions(two_layers.layers, box, unions([[both]], 2), seconds=30)
    assert found.lower[0] > 0
    assert found.step[0] == "splitting"
    either = [[(np.eye(2)[[0]], np.array([-0.25])), (np.eye(2)[[1]], np.array([-0.25]))]]
    assert list(decide_regions(two_layers.layers, box, unions(either, 2)).witnesses) == [0]


def test_a_tight_region_is_refuted_exactly_and_one_float_less_is_proved() -> None:
    line = ReLUNetwork((Affine(np.array([[1.0]]), np.array([-0.5])),))
    wrong = margin_violations(np.array([1]), 1)
    tight = decide_regions(line.layers, boxes(np.array([[0.5]]), np.array([[1.0]])), wrong)
    assert tight.witnesses[0].tolist() == [0.5]
    above = decide_regions(line.layers, boxes(np.array([[0.5 + 2.0**-40]]), np.array([[1.0]])), wrong)
    assert above.lower[0] > 0


def test_a_witness_is_what_the_caller_takes_for_one() -> None:
    line = ReLUNetwork((Affine(np.array([[1.0]]), np.array([-0.5])),))
    task = line.layers, boxes(np.array([[0.0]]), np.array([[1.0]])), margin_violations(np.array([1]), 1)
    assert decide_regions(*task, witness=lambda i, x: None).witnesses == {}
    moved = decide_regions(*task, witness=lambda i, x: x + 7)
    assert moved.witnesses[0] >= 7


@pytest.mark.parametrize("seconds", [-1, True, "5", float("nan")])
def test_seconds_that_are_none_are_refused(seconds: Any) -> None:
    line = ReLUNetwork((Affine(np.array([[1.0]]), np.array([-0.5])),))
    with pytest.raises(ValueError, match="seconds must be a number >= 0"):
        decide_regions(line.layers, boxes(np.zeros((1, 1)), np.ones((1, 1))), margin_violations(np.array([1]), 1),
                       seconds=seconds)  # fmt: skip
