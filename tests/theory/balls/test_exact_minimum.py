from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import OptimizeResult

from constructions import Affine, ReLUNetwork
from theory.balls import exact_minimum, minimum_proof
from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.relaxation import form_lower_bounds, preactivation_bounds
from theory.exact.rationals import exact
from theory.layers import evaluate


@dataclass(frozen=True)
class Layer:
    weight: np.ndarray
    bias: np.ndarray


def random_net(rng, *widths) -> list[Layer]:
    return [Layer(rng.normal(size=(b, a)) / np.sqrt(a), 0.3 * rng.normal(size=b)) for a, b in pairwise(widths)]


def vee() -> list[Layer]:
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
def test_known_minima(centre, radius, p, sign, value) -> None:
    least, argmin = minimum_over_ball(vee(), np.array(centre), radius, p, np.array([sign]))
    assert abs(least - value) <= SOLVER
    assert np.linalg.norm(argmin - centre, ord=p) <= radius * (1 + 1e-15)
    assert least == sign * float(evaluate(vee(), argmin[None])[0, 0])


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, np.inf]), st.sampled_from([0.1, 1.0, 3.0]))
def test_minimum_against_enumeration_and_bounds(seed, p, radius) -> None:
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


def test_a_wrong_big_m_is_caught(monkeypatch) -> None:
    # Bounds cut in half exclude part of the ball; |x_1| + |x_2| then cannot reach its maximum.
    bounds = exact_minimum.preactivation_bounds

    def halved(*args, **kwargs) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        return tuple((low / 2, high / 2) for low, high in bounds(*args, **kwargs))

    monkeypatch.setattr(exact_minimum, "preactivation_bounds", halved)
    with pytest.raises(RuntimeError, match=r"proved minimum -2.5 differ"):
        minimum_over_ball(vee(), np.array([0.25, 0.25]), 1.0, np.inf, np.array([-1.0]))


R = [2.0**-13, 2.0**-19, 2.0**-22, 2.0**-26, 2.0**-300, 2.0**300]


@pytest.mark.parametrize("p", [1, np.inf, np.float32(1), "inf"])
@pytest.mark.parametrize("radius", R)
def test_a_thin_ball(radius, p) -> None:
    layers = [Layer(np.ones((1, 1)), np.zeros(1)), Layer(np.array([[-1 / radius]]), np.array([0.5]))]
    assert minimum_over_ball(layers, np.zeros(1), radius, p, np.ones(1)) == (-0.5, np.array([radius]))


def dip(width: float, at: float = 0.5) -> list[Layer]:
    """1/2, and -1/2 at `at + width`."""
    bias = np.array([-at, -(at + width), -(at + 2 * width)])
    return [Layer(np.ones((3, 1)), bias), Layer(np.array([[-1.0, 2.0, -1.0]]) / width, np.array([0.5]))]


@pytest.mark.parametrize("p", [1, np.inf])
@pytest.mark.parametrize("width", [2.0**-13, 2.0**-19, 2.0**-22, 2.0**-26])
def test_a_thin_dip(width, p) -> None:
    value, argmin = minimum_over_ball(dip(width), np.array([0.5]), 0.25, p, np.ones(1))
    assert (value, argmin.tolist()) == (-0.5, [0.5 + width])


@pytest.mark.parametrize("p", [1.0, np.inf])
@pytest.mark.parametrize("width", [2.0**-22, 2.0**-40, 2.0**-52])
def test_the_proof_finds_what_the_solver_lost(width, p) -> None:
    """From the centre alone, at widths that float64 solvers do not see."""
    layers, centre = dip(width), np.array([0.5])
    bounds = [(low[0], high[0]) for low, high in preactivation_bounds(layers, centre[None], 0.25, p)]
    task = minimum_proof.problem(layers, bounds[:-1], centre, 0.25, p, np.ones(1))
    start = minimum_proof.Minimum(task.value(task.centre), task.centre)
    found = minimum_proof.proved_minimum(task, start, 1e-6, 60.0)
    assert (start.value, found.value, found.point) == (
        Fraction(1, 2),
        Fraction(-1, 2),
        [Fraction(0.5) + Fraction(width)],
    )


def test_a_minimum_between_two_floats(monkeypatch) -> None:
    # |3x - 1| is 0 at 1/3 alone; the network is 0 there up to the rounding of the point.
    vee = [Layer(np.array([[3.0], [-3.0]]), np.array([-1.0, 1.0])), Layer(np.ones((1, 2)), np.zeros(1))]
    value, argmin = minimum_over_ball(vee, np.array([0.25]), 0.25, np.inf, np.ones(1))
    assert (value, argmin.tolist()) == (0.0, [1 / 3])
    # A dip at 3x - 1 = 2^-60, so thin that all floats are on its outside: no point can be handed out.
    layers = [Layer(np.array([[3.0]]), np.array([-1.0])), *dip(2.0**-60, at=0.0)]
    monkeypatch.setattr(exact_minimum, "_solved", lambda task, _: (-0.5, task.centre))
    with pytest.raises(RuntimeError, match="no float64 point is near enough"):
        minimum_over_ball(layers, np.array([0.25]), 0.25, np.inf, np.ones(1))


@pytest.mark.parametrize(("centre", "radius"), [(0.1, 0.3), (1.0, 2.0**-60), (1e300, 1e284), (1 / 3, 0.1), (-0.7, 0.1)])
@pytest.mark.parametrize("p", [1.0, np.inf])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_point_is_in_the_ball_exactly(centre, radius, p, sign) -> None:
    # Affine: the minimum is at an end, which is rarely a float.
    layers = [Layer(np.array([[1.0, 0.5]]), np.array([0.25]))]
    x = np.array([centre, centre / 3])
    value, argmin = minimum_over_ball(layers, x, radius, p, np.array([sign]))
    steps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(argmin.tolist(), x.tolist(), strict=True)]
    assert (max(steps) if p > 1 else sum(steps)) <= Fraction(radius)
    at_centre = int(sign) * (Fraction(x[0]) + Fraction(x[1]) / 2 + Fraction(0.25))
    assert value == float(at_centre - Fraction(radius) * (Fraction(3, 2) if p > 1 else 1))


def test_a_solver_that_lost_the_minimum_is_refused(monkeypatch) -> None:
    # Planted fault: what the tolerances of an unscaled program do, a consistent point and bound without the neuron.
    monkeypatch.setattr(exact_minimum, "_solved", lambda task, _: (0.5, task.centre))
    layers = [Layer(np.ones((1, 1)), np.zeros(1)), Layer(np.array([[-(2.0**22)]]), np.array([0.5]))]
    with pytest.raises(RuntimeError, match=r"optimum 0.5 and the proved minimum -0.5 differ"):
        minimum_over_ball(layers, np.zeros(1), 2.0**-22, np.inf, np.ones(1))


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, np.inf]), st.sampled_from(["noise", "nothing", "stopped"]))
def test_the_proof_does_not_rest_on_the_solver_of_the_relaxations(seed, p, fault) -> None:
    """Any multipliers give a sound bound; bad ones only cost nodes."""
    rng = np.random.default_rng(seed)
    layers, centre, form = random_net(rng, 2, 3, 3, 2), rng.normal(size=2), rng.normal(size=2)
    expected, _ = minimum_over_ball(layers, centre, 1.0, p, form)
    solve = minimum_proof.linprog

    def faulty(*args, **kwargs) -> OptimizeResult:
        result = solve(*args, **kwargs)
        if fault == "stopped":
            result.status, result.success = 4, False
        elif result.success:
            shape = result.ineqlin.marginals.shape
            result.ineqlin.marginals = np.zeros(shape) if fault == "nothing" else rng.normal(size=shape)
            result.x = rng.normal(size=result.x.shape)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minimum_proof, "linprog", faulty)
        value, _ = minimum_over_ball(layers, centre, 1.0, p, form)
    assert abs(value - expected) <= 1e-6 * abs(expected) * (1 + 1e-9)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, np.inf]))
def test_the_bound_of_a_node_is_below_every_point_of_it(seed, p) -> None:
    rng = np.random.default_rng(seed)
    layers, centre, form = random_net(rng, 2, 4, 3, 2), rng.normal(size=2), rng.normal(size=2)
    bounds = [(low[0], high[0]) for low, high in preactivation_bounds(layers, centre[None], 0.5, p)]
    task = minimum_proof.problem(layers, bounds[:-1], centre, 0.5, p, form)
    known = minimum_proof.known_phases(task)
    multipliers = [exact(rng.exponential(size=7) * rng.integers(0, 2, 7)) for _ in range(2)]
    for _ in range(20):
        x = minimum_proof.ball_point(task, rng.uniform(-1, 1, 2) if np.isinf(p) else rng.dirichlet(np.ones(4)))
        assert task.holds(x)
        fixed = np.where(rng.integers(0, 2, 7), known, task.phases(x))
        fixed = np.where(known == minimum_proof.OPEN, fixed, known)
        assert minimum_proof.lagrangian_bound(task, fixed, task.form, *multipliers) <= task.value(x)
        # And no certificate that the part of the ball with x in it is empty.
        assert minimum_proof.lagrangian_bound(task, fixed, 0 * task.form, *multipliers) <= 0
        piece = minimum_proof.least_of_piece(task, np.where(known == 0, task.phases(x), known))
        assert task.holds(piece)
        assert task.value(piece) <= task.value(x)


def test_a_proof_that_takes_too_long_is_an_error() -> None:
    bounds = [(low[0], high[0]) for low, high in preactivation_bounds(vee(), np.zeros((1, 2)), 1.0, np.inf)]
    task = minimum_proof.problem(vee(), bounds[:-1], np.zeros(2), 1.0, np.inf, np.ones(1))
    start = minimum_proof.improved(task, None, task.centre)
    with pytest.raises(RuntimeError, match=r"no proof within -1\.0 seconds"):
        minimum_proof.proved_minimum(task, start, 1e-6, -1.0)


def test_a_solution_that_is_not_the_networks_value_is_refused(monkeypatch) -> None:
    solve = exact_minimum.milp

    def optimistic(*args, **kwargs) -> OptimizeResult:
        result = solve(*args, **kwargs)
        result.fun -= 1.0
        return result

    monkeypatch.setattr(exact_minimum, "milp", optimistic)
    with pytest.raises(RuntimeError, match="differ by more"):
        minimum_over_ball(vee(), np.zeros(2), 1.0, np.inf, np.array([1.0]))


def test_a_solver_without_an_optimum_is_refused(monkeypatch) -> None:
    solve = exact_minimum.milp

    def hopeless(cost, *, constraints, **kwargs) -> OptimizeResult:
        return solve(cost, constraints=[*constraints, ([[1.0] + [0.0] * (len(cost) - 1)], 50.0, 60.0)], **kwargs)

    monkeypatch.setattr(exact_minimum, "milp", hopeless)
    with pytest.raises(RuntimeError, match="without an optimum"):
        minimum_over_ball(vee(), np.zeros(2), 1.0, np.inf, np.array([1.0]))


@pytest.fixture
def unchecked() -> Iterator[None]:
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
        (vee(), {"radius": Fraction(1, 3)}, "radius must be a number that float64 holds exactly"),
        (vee(), {"radius": "1"}, "radius must be one real number"),
        (vee(), {"radius": 1e308}, "finite interval bounds"),
        (vee(), {"p": 0.5}, "got p=0.5"),
        (vee(), {"form": np.ones(2)}, "form needs"),
        (vee(), {"form": np.array([np.nan])}, "form needs"),
        (vee(), {"tolerance": 0.0}, "tolerance"),
        (vee(), {"time_limit": np.nan}, "time_limit"),
        (HUGE, {}, "finite interval bounds"),
        (WIDE, {"centre": np.zeros(201)}, "at most 200 unstable neurons, got 201"),
    ],
)
def test_bad_calls(layers, change, message) -> None:
    call = dict(centre=np.zeros(2), radius=1.0, p=np.inf, form=np.ones(1)) | change
    with pytest.raises(ValueError, match=message):
        minimum_over_ball(layers, **call)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 1e-20, 1.0, 3.0, np.inf, np.nan])
def test_a_tolerance_that_leaves_no_sign_is_refused(tolerance: float) -> None:
    line = ReLUNetwork((Affine(np.eye(1), np.zeros(1)),))
    with pytest.raises(ValueError, match="tolerance < 1"):
        minimum_over_ball(line.layers, np.zeros(1), 1.0, np.inf, np.ones(1), tolerance=tolerance)


def test_a_neuron_without_a_range_is_proved_without_the_solver() -> None:
    """All weights 0: bounds as thin as their allowance for rounding make coefficients that HiGHS does not take."""
    layers = (Affine(np.zeros((1, 1)), np.zeros(1)), Affine(np.full((1, 1), 0.125), np.zeros(1)))
    network = ReLUNetwork((*layers, Affine(np.zeros((1, 1)), np.zeros(1))))
    for p in (1, np.inf):
        for radius in (0.0, 0.5):
            assert minimum_over_ball(network.layers, np.zeros(1), radius, p, np.ones(1))[0] == 0


def test_a_minimum_that_vanishes_in_float64_is_refused() -> None:
    """-1.5 · 2^-1200 is no float, and 0 would be a tie."""
    layers = ReLUNetwork((Affine(np.full((1, 1), 2.0**-600), np.zeros(1)),) * 2).layers
    for sign in (-1.0, 1.0):
        with pytest.raises(ValueError, match="beyond the range of float64"):
            minimum_over_ball(layers, np.ones(1), 0.5, np.inf, np.array([sign]))
