from dataclasses import dataclass
from itertools import pairwise

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import exact_minimum
from theory.exact_minimum import minimum_over_ball
from theory.layers import evaluate
from theory.relaxation import form_lower_bounds


@dataclass(frozen=True)
class Layer:
    weight: np.ndarray
    bias: np.ndarray


def random_net(rng, *widths):
    return [Layer(rng.normal(size=(b, a)) / np.sqrt(a), 0.3 * rng.normal(size=b)) for a, b in pairwise(widths)]


def vee():
    """`|x_1| + |x_2|` by four neurons: minimum 0 at the kink, no closed form needed."""
    signs = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    return [Layer(signs, np.zeros(4)), Layer(np.ones((1, 4)), np.zeros(1))]


# Stated accuracy: the solver's feasibility tolerance (1e-6), times norms of weights below 10.
SOLVER = 1e-5


@pytest.mark.parametrize(
    ("centre", "radius", "p", "sign", "value"),
    [
        ([0.25, -0.25], 1.0, np.inf, 1.0, 0.0),
        ([2.0, 3.0], 0.5, np.inf, 1.0, 4.0),
        ([2.0, 3.0], 0.5, 1.0, 1.0, 4.5),
        ([2.0, 3.0], 0.5, np.inf, -1.0, -6.0),
        ([0.25, 0.25], 1.0, np.inf, -1.0, -2.5),
        ([0.25, 0.25], 1.0, 1.0, -1.0, -1.5),
        ([0.25, 0.25], 0.0, 1.0, 1.0, 0.5),
    ],
)
def test_known_minima(centre, radius, p, sign, value):
    least, argmin = minimum_over_ball(vee(), np.array(centre), radius, p, np.array([sign]))
    assert abs(least - value) <= SOLVER
    assert np.linalg.norm(argmin - centre, ord=p) <= radius * (1 + 1e-15)
    assert least == sign * float(evaluate(vee(), argmin[None])[0, 0])


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, np.inf]), st.sampled_from([0.1, 1.0, 3.0]))
def test_minimum_against_enumeration_and_bounds(seed, p, radius):
    rng = np.random.default_rng(seed)
    layers = random_net(rng, 2, 5, 4, 2)
    centre, form = rng.normal(size=2), rng.normal(size=2)
    value, _ = minimum_over_ball(layers, centre, radius, p, form)
    # Not below the sound bounds.
    for method in ("interval", "linear"):
        assert form_lower_bounds(layers, centre[None], radius, p, form[None], method=method)[0, 0] <= value + 1e-12
    # Not above any point of a fine grid of the ball, and not far below the best of them: |gradient| <= product
    # of the spectral norms times ‖form‖, and a grid point is within radius/100 of every point of the ball.
    t = np.linspace(-radius, radius, 201)
    grid = np.stack(np.meshgrid(t, t), axis=-1).reshape(-1, 2)
    grid = grid[np.linalg.norm(grid, ord=p, axis=1) <= radius * (1 - 1e-12)]
    best = (evaluate(layers, centre + grid) @ form).min()
    slope = np.prod([np.linalg.norm(w.weight, 2) for w in layers]) * np.linalg.norm(form)
    assert best - slope * 2 * radius / 100 - SOLVER <= value <= best + SOLVER


def test_a_wrong_big_m_is_caught(monkeypatch):
    # Bounds cut in half exclude part of the ball; |x_1| + |x_2| then cannot reach its maximum.
    bounds = exact_minimum.preactivation_bounds

    def halved(*args, **kwargs):
        return tuple((low / 2, high / 2) for low, high in bounds(*args, **kwargs))

    monkeypatch.setattr(exact_minimum, "preactivation_bounds", halved)
    value, _ = minimum_over_ball(vee(), np.array([0.25, 0.25]), 1.0, np.inf, np.array([-1.0]))
    assert value > -2.5 + 0.1


def test_a_solution_that_is_not_the_networks_value_is_refused(monkeypatch):
    solve = exact_minimum.milp

    def optimistic(*args, **kwargs):
        result = solve(*args, **kwargs)
        result.fun -= 1.0
        return result

    monkeypatch.setattr(exact_minimum, "milp", optimistic)
    with pytest.raises(RuntimeError, match="differ by more"):
        minimum_over_ball(vee(), np.zeros(2), 1.0, np.inf, np.array([1.0]))


def test_a_solver_without_an_optimum_is_refused(monkeypatch):
    solve = exact_minimum.milp

    def hopeless(cost, *, constraints, **kwargs):
        return solve(cost, constraints=[*constraints, ([[1.0] + [0.0] * (len(cost) - 1)], 50.0, 60.0)], **kwargs)

    monkeypatch.setattr(exact_minimum, "milp", hopeless)
    with pytest.raises(RuntimeError, match="without an optimum"):
        minimum_over_ball(vee(), np.zeros(2), 1.0, np.inf, np.array([1.0]))


@pytest.fixture
def unchecked():
    """Let the function's own checks speak: the shape annotations would refuse these calls first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


HUGE = [Layer(np.full((1, 2), 1e308), np.zeros(1)), Layer(np.full((1, 1), 1e308), np.zeros(1))]
WIDE = [Layer(np.eye(201), np.zeros(201)), Layer(np.ones((1, 201)), np.zeros(1))]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("layers", "change", "message"),
    [
        (vee(), {"p": 2.0}, "p = 1 or inf .a polytope., got p=2.0"),
        (vee(), {"p": np.nan}, "got p=nan"),
        (vee(), {"centre": np.zeros((1, 2))}, r"shape \(d,\)"),
        (vee(), {"centre": np.zeros(3)}, "points need shape"),
        (vee(), {"centre": np.array([0.0, np.nan])}, "finite"),
        (vee(), {"radius": -1.0}, "radius >= 0"),
        (vee(), {"radius": np.nan}, "radius >= 0"),
        (vee(), {"form": np.ones(2)}, "form needs"),
        (vee(), {"form": np.array([np.nan])}, "form needs"),
        (vee(), {"tolerance": 0.0}, "tolerance"),
        (vee(), {"time_limit": np.nan}, "time_limit"),
        (HUGE, {}, "finite interval bounds"),
        (WIDE, {"centre": np.zeros(201)}, "at most 200 unstable neurons, got 201"),
    ],
)
def test_bad_calls(layers, change, message):
    call = dict(centre=np.zeros(2), radius=1.0, p=np.inf, form=np.ones(1)) | change
    with pytest.raises(ValueError, match=message):
        minimum_over_ball(layers, **call)
