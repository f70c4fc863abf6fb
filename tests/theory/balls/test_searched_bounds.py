"""Searched slopes and splits: never above an exact minimum, never worse than what they begin with, and they decide."""

import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.soundness.test_planted_faults import plant
from tests.soundness.truth import is_inside
from tests.theory.balls.test_relaxation import (
    EXPONENTS,
    Layer,
    ball_points,
    cases,
    evaluation_error,
    random_net,
    zero_minimum_nets,
)
from theory import roundoff
from theory.balls import backward as lines
from theory.balls import cut_balls, prepared, refutation
from theory.balls.backward import Choice, backward, relax
from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.input_splitting import split_inputs
from theory.balls.intervals import first_range
from theory.balls.prepared import merge, prepare
from theory.balls.propagation import interval_ranges, linear_cost, relaxed
from theory.balls.refutation import Hunt
from theory.balls.regions import Regions, balls, boxes
from theory.balls.relaxation import violation_lower_bounds
from theory.balls.relu_splitting import split_relus
from theory.balls.slopes import slope_lower_bounds
from theory.balls.violations import Violations, margin_violations, unions
from theory.layers import evaluate

Bound = Callable[[Any, Regions, Violations], np.ndarray]

# Each gives lower bounds of the least margin over regions.
BOUNDS: dict[str, Bound] = {
    "slopes": lambda *task: slope_lower_bounds(*task).min(axis=1),
    "hidden slopes": lambda *task: slope_lower_bounds(*task, hidden_steps=3).min(axis=1),
    "inputs": lambda *task: split_inputs(*task, nodes=60).lower,
    "relus": lambda *task: split_relus(*task, nodes=20).lower,
    "relus alone": lambda *task: split_relus(*task, nodes=20, hidden_steps=0).lower,
}


@cache
def small_cases() -> list[tuple[Any, np.ndarray, float, float, np.ndarray, float]]:
    """Networks, centres, radii, exponents, forms, and the exact minimum of the form over the ball."""
    rng, found = np.random.default_rng(0), []
    for k in range(16):
        d = 1 + k % 3
        layers = random_net(rng, d, *[5] * (1 + k % 3), 2)
        x, form, p = rng.normal(size=d), rng.normal(size=2), (1.0, np.inf)[k % 2]
        found.append((layers, x, 0.7, p, form, minimum_over_ball(layers, x, 0.7, p, form)[0]))
    return found


def false_proofs(split: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many regions are called proved though a violation is in them; the hunt for it is off."""
    monkeypatch.setattr(Hunt, "look", lambda self, points: None)
    found = [split(*task_of(case, case[-1] + 1e-2), nodes=400) for case in small_cases()]
    return sum(int(f.proved[0]) for f in found)


def task_of(case: Any, offset: float = 0.0) -> tuple[Any, Regions, Violations]:
    layers, x, radius, p, form, _ = case
    return layers, balls(x[None], radius, p), unions([[(form[None], np.array([offset]))]], 2)


def above_the_minimum(bound: Bound) -> int:
    """How many exact minima are below the bound by more than their own tolerance."""
    return sum(int(bound(*task_of(case))[0] > case[-1] + 1e-5 * abs(case[-1]) + 1e-9) for case in small_cases())


@pytest.mark.parametrize("name", list(BOUNDS))
def test_no_bound_is_above_the_exact_minimum(name: str) -> None:
    assert above_the_minimum(BOUNDS[name]) == 0


@pytest.mark.parametrize("split", [split_inputs, split_relus])
def test_splitting_decides_what_is_near_the_minimum(split: Any) -> None:
    """Below the minimum it proves, above it shows a point, which is in the ball exactly."""
    for case in small_cases():
        value, step = case[-1], 2e-3 * (1 + abs(case[-1]))
        proved = split(*task_of(case, value - step), nodes=20000, seconds=60)
        assert proved.proved[0]
        assert not proved.refuted[0]
        assert proved.lower[0] > 0
        refuted = split(*task_of(case, value + step), nodes=20000, seconds=60)
        assert refuted.refuted[0]
        assert not refuted.proved[0]
        layers, x, radius, p, form, _ = case
        assert is_inside(refuted.points[0], x, radius, p)
        assert evaluate(layers, refuted.points)[0] @ form <= value + step


@given(cases(), st.sampled_from(EXPONENTS), st.sampled_from(list(BOUNDS)), st.booleans())
def test_no_point_of_the_region_has_less(case: Any, p: float, name: str, cut: bool) -> None:
    layers, centres, radius, rng = case
    outputs = len(layers[-1].bias)
    labels = rng.choice([-1, 1], 3) if outputs == 1 else rng.integers(0, outputs, 3)
    # A ball cut off at two coordinates' own centres keeps its centre.
    low = np.where(np.arange(centres.shape[1]) < 2, centres, -np.inf) if cut else None
    regions, wrong = balls(centres, radius, p, low=low), margin_violations(labels, outputs)
    lower = BOUNDS[name](layers, regions, wrong)
    for k, centre in enumerate(centres):
        x = ball_points(rng, centre, radius, p)
        x = x if low is None else np.maximum(x, low[k])
        error = 4 * evaluation_error(layers, x).max(axis=1)
        margins = wrong.take([k]).margins(evaluate(layers, x)) + error
        assert (margins >= lower[k]).all()


@given(cases(), st.sampled_from(EXPONENTS))
def test_slopes_are_never_worse_than_lines_of_least_area(case: Any, p: float) -> None:
    layers, centres, radius, rng = case
    outputs = len(layers[-1].bias)
    labels = rng.choice([-1, 1], 3) if outputs == 1 else rng.integers(0, outputs, 3)
    task = layers, balls(centres, radius, p), margin_violations(labels, outputs)
    linear, slopes = violation_lower_bounds(*task), slope_lower_bounds(*task)
    assert (slopes >= linear).all()
    assert (slope_lower_bounds(*task, hidden_steps=3) >= linear).all()
    until = violation_lower_bounds(*task, until_proved=True)
    assert ((until > 0).all(axis=1) == (linear > 0).all(axis=1)).all()


def test_slopes_are_better_somewhere_and_hidden_slopes_again() -> None:
    rng = np.random.default_rng(5)
    layers, x = random_net(rng, 5, 20, 20, 20, 3), rng.normal(size=(10, 5))
    task = layers, balls(x, 0.3, np.inf), margin_violations(rng.integers(0, 3, 10), 3)
    linear, slopes = violation_lower_bounds(*task), slope_lower_bounds(*task)
    hidden = slope_lower_bounds(*task, hidden_steps=8)
    assert ((slopes - linear) > 0.01 * np.abs(linear)).mean() > 0.5
    assert (hidden - slopes > 0).mean() > 0.5


# --- any choice is sound ----------------------------------------------------------------------------


def unsound_choices(count: int = 40) -> dict[str, int]:
    """How often a bound with extravagant slopes or multipliers is above the form at a point of the part."""
    rng, wrong = np.random.default_rng(6), {"slopes": 0, "multipliers": 0}
    for k in range(count):
        layers = random_net(rng, 3, 6, 6, 1)
        x = rng.normal(size=3)
        # In the small ones a neuron is on in the whole ball: then nothing may be gained by its split.
        p, radius = EXPONENTS[k % 5], (0.8, 0.05)[k % 2]
        region, affines = balls(x[None], radius, p), prepare(layers)
        hidden = relaxed(affines[:-1], region, interval_ranges(affines[:-1], region))
        head = merge(np.ones((1, 1, 1)), None, affines[-1])
        points = ball_points(rng, x, radius, p)
        values = evaluate(layers, points)[:, 0]
        slopes = [Choice(3 * rng.normal(size=(1, 1, 6))) for _ in hidden]
        wrong["slopes"] += int(backward(head, hidden, region, slopes).lower[0, 0] > values.min() + 1e-9)
        # A split at one neuron of each layer, where some point of the part is known.
        signs, inside, before = [], np.ones(len(points), bool), points
        for layer in layers[:-1]:
            before = before @ layer.weight.T + layer.bias
            j = int(rng.integers(6))
            sign = 1 if before[-1, j] > 0 else -1
            inside &= sign * before[:, j] >= 0
            signs.append(np.where(np.arange(6) == j, sign, 0.0)[None])
            before = np.maximum(before, 0.0)
        if inside.any():
            some = [Choice(None, s, 5 * rng.normal(size=(1, 1, 6))) for s in signs]
            lower = backward(head, hidden, region, some).lower[0, 0]
            wrong["multipliers"] += int(lower > values[inside].min() + 1e-9)
    return wrong


def test_any_slopes_and_multipliers_are_sound() -> None:
    assert unsound_choices() == {"slopes": 0, "multipliers": 0}


def test_a_slope_outside_of_its_range_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "theory.balls.backward:_chosen", "np.clip(given, 0.0, 1.0)", "given")
    assert unsound_choices()["slopes"] > 0


def test_a_negative_multiplier_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "theory.balls.backward:backward", "np.maximum(choice.multipliers, 0.0)", "choice.multipliers")
    assert unsound_choices()["multipliers"] > 0


def test_a_multiplier_of_the_other_sign_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "theory.balls.backward:backward", "whole - moved", "whole + moved")
    assert unsound_choices()["multipliers"] > 0


# --- splits leave nothing out -----------------------------------------------------------------------


@pytest.mark.parametrize("split", [split_inputs, split_relus])
def test_no_part_is_left_out(split: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert false_proofs(split, monkeypatch) == 0


@pytest.mark.parametrize(
    ("split", "name", "line", "other"),
    [
        (
            split_inputs,
            "input_splitting:_Tree._halve",
            "np.concatenate([low, low_of_upper]), np.concatenate([high_of_lower, high])",
            "np.concatenate([low, low]), np.concatenate([high_of_lower, high_of_lower])",
        ),
        (split_inputs, "input_splitting:_bounded", "(layer.lower >= 0).astype", "(layer.lower >= -1).astype"),
        (split_inputs, "input_splitting:_Tree.step", "~(worst > 0)", "~(worst > -0.5)"),
        (split_relus, "relu_splitting:_Tree.step", "np.concatenate([on, off])", "np.concatenate([on, on])"),
        (split_relus, "relu_splitting:_Tree.step", "~(worst > 0) & ~empty", "~(worst > -0.5) & ~empty"),
    ],
)
def test_a_part_that_is_left_out_is_caught(
    split: Any, name: str, line: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, f"theory.balls.{name}", line, other)
    assert false_proofs(split, monkeypatch) > 0


# --- rounding ---------------------------------------------------------------------------------------


def false_claims(bound: Bound) -> int:
    """Positive bounds of margins whose least value is <= 0, at scales from 1 to 2^300."""
    claims = 0
    for k, (_, layers, centre, radius, p, label) in enumerate(zero_minimum_nets(16, seed=9)):
        scale = 2.0 ** (300 * (k % 2))
        last = Layer(scale * layers[-1].weight, scale * layers[-1].bias)
        wrong = margin_violations(np.array([label]), len(last.bias))
        claims += int(bound([*layers[:-1], last], balls(centre[None], radius, p), wrong)[0] > 0)
    return claims


@pytest.mark.parametrize("name", ["slopes", "inputs", "relus alone"])
def test_a_minimum_of_zero_is_never_proved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert false_claims(BOUNDS[name]) == 0
    for module in (lines, cut_balls, prepared, roundoff):
        monkeypatch.setattr(module, "gamma", lambda *spent: 0.0)
    assert false_claims(BOUNDS[name]) > 0


# --- budgets ----------------------------------------------------------------------------------------


def hard_task() -> tuple[Any, Regions, Violations]:
    rng = np.random.default_rng(7)
    layers = random_net(rng, 6, 30, 30, 30, 1)
    values = evaluate(layers, rng.uniform(-1, 1, (2000, 6)))
    return layers, balls(np.zeros((3, 6)), 1.0, np.inf), unions([[([[1.0]], [values.min() - 0.2])]] * 3, 1)


@pytest.mark.parametrize("split", [split_inputs, split_relus])
def test_time_and_parts_are_limited_and_reported(split: Any) -> None:
    task, seen = hard_task(), []
    started = time.monotonic()
    found = split(*task, seconds=1.0, progress=lambda *numbers: seen.append(numbers))
    assert time.monotonic() - started < 20
    assert seen
    assert all(0 <= done <= every == 3 for done, every in seen)
    assert not (found.proved & found.refuted).any()
    few = split(*task, nodes=5)
    assert (few.nodes <= 64).all()
    assert not (few.proved & ~(few.lower > 0)).any()
    nothing = split(*task, seconds=0)
    assert not nothing.proved.any()
    assert (nothing.lower == -np.inf).all()


@pytest.mark.parametrize("split", [split_inputs, split_relus])
def test_regions_that_have_no_turn_cost_nothing(split: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = refutation.Hunt.__init__
    monkeypatch.setattr(refutation.Hunt, "__init__", lambda self, *rest: made.append(original(self, *rest)))
    layers, region, violations = hard_task()
    many = region.take(np.zeros(1000, int))
    found = split(layers, many, Violations(violations.forms[:1], violations.offsets[:1]), seconds=0)
    assert len(made) <= 1
    assert len(found.proved) == len(found.points) == 1000
    assert np.isnan(found.points[1:]).all()
    # Those that had one are the first.
    some = split(layers, region, violations, seconds=60, nodes=5)
    assert not np.isnan(some.points).any()


def test_slopes_without_time_bound_nothing() -> None:
    assert np.isneginf(slope_lower_bounds(*hard_task(), seconds=0)).all()
    with pytest.raises(ValueError, match="seconds must be"):
        slope_lower_bounds(*hard_task(), seconds=-1)


@pytest.mark.parametrize("split", [split_inputs, split_relus])
def test_an_interrupt_comes_through(split: Any) -> None:
    def stop(*numbers: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        split(*hard_task(), nodes=1, progress=stop)


def test_a_tie_is_shown_to_who_can_confirm_it() -> None:
    """`x - 0.1` at 0.1 is 0 exactly; over the reals a bound with rounding leaves that open."""
    layers = [Layer(np.array([[1.0]]), np.array([-0.1]))]
    task = layers, boxes([[0.1]], [[0.4]]), unions([[([[1.0]], [0.0])]], 1)
    asked: list[tuple[int, float]] = []

    def confirm(i: int, x: np.ndarray) -> bool:
        asked.append((i, float(x[0])))
        return math.isclose(x[0], 0.1, rel_tol=0)

    assert not split_inputs(*task, nodes=100).proved[0]
    found = split_inputs(*task, nodes=100, confirm=confirm)
    assert found.refuted[0]
    assert (0, 0.1) in asked


def test_the_cost_counts_stored_entries_only() -> None:
    import scipy.sparse as sp

    dense = [Layer(np.eye(200), np.zeros(200)), Layer(np.eye(200), np.zeros(200))]
    thin = [Layer(sp.csr_array(np.eye(200)), np.zeros(200))] * 2
    assert linear_cost(thin) < 0.05 * linear_cost(dense)


def test_relaxed_layers_of_a_first_layer_alone() -> None:
    layers = random_net(np.random.default_rng(8), 2, 3, 1)
    affines, region = prepare(layers), balls(np.zeros((1, 2)), 0.0, 2.0)
    layer = relax(affines[0], first_range(affines[0], region), None, region)
    assert not layer.unstable.any()
