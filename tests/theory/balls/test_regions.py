"""Balls, boxes and balls cut off at boxes: what contains what, exactly, and linear forms over them."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from tests.theory.balls.test_relaxation import Layer, random_net
from theory.balls import cut_balls
from theory.balls.minimisers import minimisers
from theory.balls.refutation import into_region, is_in_region
from theory.balls.regions import balls, boxes
from theory.balls.relaxation import form_lower_bounds, violation_lower_bounds
from theory.balls.violations import margin_forms, margin_violations, unions

FLOATS = st.floats(-1e300, 1e300)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=4))
def test_a_box_is_within_its_centre_and_half_widths(pairs: Any) -> None:
    ends = np.sort(np.array(pairs), axis=1).T
    found = boxes(ends[:1], ends[1:])
    for c, h, low, high in zip(found.centres[0], found.halves[0], *ends, strict=True):
        if np.isfinite(h):
            assert Fraction(c) - Fraction(h) <= Fraction(low)
            assert Fraction(high) <= Fraction(c) + Fraction(h)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4), st.floats(0, 1e3), st.sampled_from([1.0, 2.0, np.inf]))
def test_inner_and_outer_boxes_of_a_ball(centre: Any, radius: float, p: float) -> None:
    found = balls(np.array([centre]), radius, p)
    for c, *ends in zip(centre, *(e[0] for e in (*found.outer(), *found.inner())), strict=True):
        outer_low, outer_high, inner_low, inner_high = map(Fraction, ends)
        low, high = Fraction(c) - Fraction(radius), Fraction(c) + Fraction(radius)
        assert outer_low <= low <= inner_low
        assert inner_high <= high <= outer_high


def test_a_cut_ball_for_infinity_is_a_box_whose_floats_are_in_both() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        x, radius = rng.random((1, 3)), float(rng.random())
        found = balls(x, radius, np.inf, low=0.0, high=1.0)
        assert found.cut is None
        low, high = (e[0] for e in found.inner())
        for c, a, b in zip(x[0], low, high, strict=True):
            assert max(Fraction(0), Fraction(c) - Fraction(radius)) <= Fraction(a)
            assert Fraction(b) <= min(Fraction(1), Fraction(c) + Fraction(radius))
        for c, h, a, b in zip(found.centres[0], found.halves[0], low, high, strict=True):
            assert Fraction(c) - Fraction(h) <= Fraction(a)
            assert Fraction(b) <= Fraction(c) + Fraction(h)


def test_a_radius_for_each_ball_and_for_each_coordinate() -> None:
    rng = np.random.default_rng(1)
    layers, x, y = random_net(rng, 4, 9, 9, 3), rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    wrong, radii = margin_violations(y, 3), rng.random(5)
    for p in (1.0, 2.0, np.inf):
        found = violation_lower_bounds(layers, balls(x, radii, p), wrong)
        for i in range(5):
            alone = form_lower_bounds(layers, x[[i]], float(radii[i]), p, margin_forms(int(y[i]), 3))
            assert np.abs(found[i] - alone[0]).max() <= 1e-12
    each = np.broadcast_to(radii[:, None], (5, 4))
    same = violation_lower_bounds(layers, balls(x, each, np.inf), wrong)
    assert np.abs(same - found).max() <= 1e-12
    thin = each * rng.random((5, 4))
    assert (violation_lower_bounds(layers, balls(x, thin, np.inf), wrong) > found).any()


def test_offsets_and_conjunctions_with_rows_of_their_own() -> None:
    rng = np.random.default_rng(2)
    layers, x = random_net(rng, 3, 8, 2), rng.normal(size=(2, 3))
    a, b = rng.normal(size=(3, 2)), rng.normal(size=3)
    wrong = unions([[(a, b)], [(a[:1], b[:1]), (a[1:], b[1:])]], 2)
    found = violation_lower_bounds(layers, balls(x, 0.1, 2.0), wrong)
    rows = form_lower_bounds(layers, x, 0.1, 2.0, a) - b
    assert np.abs(found[0] - rows[0].max()).max() <= 1e-12
    assert np.abs(found[1] - [rows[1, 0], rows[1, 1:].max()]).max() <= 1e-12


def cut_gaps(count: int = 40) -> list[float]:
    """Bound less a numerical minimum of a linear form over a ball cut off at a box, relative."""
    rng, gaps = np.random.default_rng(3), []
    for k in range(count):
        p, d = (1.0, 2.0, 3.0, 1.5)[k % 4], int(rng.integers(1, 5))
        x, form, radius = rng.random((1, d)), rng.normal(size=d), float(rng.uniform(0.1, 1.5))
        found = balls(x, radius, p, low=0.0, high=1.0)
        layers = (
            [Layer(form[None], np.zeros(1))]
            if k % 2
            else [Layer(np.eye(d), np.full(d, 9.0)), Layer(form[None], np.zeros(1))]
        )
        shift = 0.0 if k % 2 else 9.0 * form.sum()
        bound = violation_lower_bounds(layers, found, unions([[(np.ones((1, 1)), np.zeros(1))]], 1))[0, 0] - shift
        low, high = np.maximum(0.0, x[0] - radius), np.minimum(1.0, x[0] + radius)
        tried = [low + (high - low) * rng.random(d) for _ in range(3)] + [x[0]]
        best = np.inf
        for start in tried:
            answer = minimize(
                lambda z, form=form: form @ z,
                x[0] + 0.5 * (start - x[0]),
                method="SLSQP",
                bounds=list(zip(low, high, strict=True)),
                constraints={
                    "type": "ineq",
                    "fun": lambda z, x=x, p=p, radius=radius: radius**p - (np.abs(z - x[0]) ** p + 0.0).sum(),
                },
                options={"maxiter": 300, "ftol": 1e-12},
            )
            z = into_region(found, answer.x[None])[0]
            if is_in_region(found, 0, z):
                best = min(best, float(form @ z))
        gaps.append((bound - best) / np.abs(form).sum())
    return gaps


def test_a_form_over_a_cut_ball_is_bounded_below_and_tightly() -> None:
    gaps = np.array(cut_gaps())
    assert gaps.max() <= 1e-9
    # One hidden layer or none; the numerical minimum itself is not exact.
    assert np.quantile(gaps[::2], 0.2) >= -1e-2


def test_a_room_that_is_too_small_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the part left to the box is forgotten."""
    whole = cut_balls._split_bound
    monkeypatch.setattr(
        cut_balls,
        "_split_bound",
        lambda ball, coefficient, *rest: whole(ball, ball, *rest),
    )
    assert max(cut_gaps()) > 1e-6


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, np.inf])
def test_minimisers_are_in_the_ball_and_reach_the_dual_norm(p: float) -> None:
    rng = np.random.default_rng(4)
    x, forms = rng.normal(size=(5, 4)), rng.normal(size=(5, 3, 4))
    region = balls(x, 0.5, p)
    found = minimisers(forms, region)
    values = np.einsum("nkd,nkd->nk", forms, found)
    for i in range(5):
        bound = form_lower_bounds([Layer(np.eye(4), np.zeros(4))], x[[i]], 0.5, p, forms[i])
        assert np.abs(values[i] - bound[0]).max() <= 1e-9
    assert (np.linalg.norm(found - x[:, None], p, axis=2) <= 0.5 + 1e-12).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boxes(np.ones((1, 2)), np.zeros((1, 2))), "lower <= upper"),
        (lambda: boxes(np.ones((1, 2)), np.full((1, 2), np.inf)), "finite"),
        (lambda: balls(np.zeros((1, 2)), -1.0, 2), "radius >= 0"),
        (lambda: balls(np.zeros((2, 2)), np.array([1.0, np.nan]), 2), "radius >= 0"),
        (lambda: balls(np.zeros((2, 3)), np.ones((2, 3)), 2), "radius needs"),
        (lambda: balls(np.zeros((1, 2)), 0.5, 2, low=1.0), "has to meet its box"),
        (lambda: balls(np.zeros((1, 2)), 0.5, 2, low=np.zeros(3)), "low needs"),
        (lambda: unions([[]], 2), "at least one conjunction"),
        (lambda: unions([[(np.ones((1, 3)), np.ones(1))]], 2), "A of shape"),
        (lambda: unions([[(np.full((1, 2), np.nan), np.ones(1))]], 2), "finite A and b"),
    ],
)
def test_bad_calls(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
