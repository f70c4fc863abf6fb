"""Proposition 3.1: margin and distance to the decision boundary, three witnesses and the repaired equivalence.

Routes: the minimum over the ball by mixed-integer programming (p = 1, ∞) or by sound bounds and an attack (p = 2);
the distances by enumeration of the linear regions, in R^d.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from constructions.networks.network import network
from tests.strategies import arrays, dyadic, networks
from theory.balls.cells import (
    cells,
    distance_to_boundary,
    distance_to_side_boundary,
    distance_to_sign,
    has_plateau,
)
from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.small_margin import affine_distance, affine_margin, small_margin
from theory.errors import AssumptionError
from theory.layers import evaluate
from theory.witnesses.decision_boundary import (
    MarginAndDistance,
    boundary_inside_support,
    misclassified_point,
    plateau_network,
    touching_zero,
)

exponents = st.sampled_from([1.0, 2.0, np.inf])
HALVES = dyadic(-2, 2, 1)
polytopes = st.sampled_from([1.0, np.inf])
# The solvers' tolerances (feasibility 1e-6 and 1e-10), times weights and widths below 10.
MILP, DISTANCE = 1e-5, 1e-7
ALL = [1.0, 2.0, np.inf]


def least_margin(witness: MarginAndDistance) -> float:
    """By the mixed-integer program, for p = 2 over a fine grid of the ball: near enough for these networks."""
    if witness.p != 2:
        form = np.array([float(witness.label)])
        return minimum_over_ball(witness.layers, witness.point, witness.radius, witness.p, form)[0]
    steps = np.linspace(-witness.radius, witness.radius, 1025 if len(witness.point) == 2 else 4097)
    ball = np.stack(np.meshgrid(*[steps] * len(witness.point)), axis=-1).reshape(-1, len(witness.point))
    ball = ball[np.linalg.norm(ball, axis=1) <= witness.radius]
    return float((witness.label * evaluate(witness.layers, witness.point + ball)).min())


def true_distance(witness: MarginAndDistance) -> float:
    return distance_to_boundary(cells(witness.layers), witness.point, witness.p)[0]


# --- as printed -------------------------------------------------------------------------------------


@pytest.mark.statement("proposition-3.1", form="printed")
@pytest.mark.parametrize("p", ALL)
@pytest.mark.parametrize("witness", [misclassified_point, boundary_inside_support, plateau_network])
def test_the_two_sides_differ(witness: Any, p: float) -> None:
    found = witness(p=p)
    assert found.sides == (False, True)
    assert ((found.point >= 0) & (found.point <= 1)).all()
    # A grid point of the ball is within radius/500 of the worst one, and slopes are at most 2.
    grid = 2 * found.radius / 500 if p == 2 else MILP
    assert abs(least_margin(found) - found.margin) <= grid
    assert least_margin(found) < -0.05


@pytest.mark.statement("proposition-3.1", form="printed")
@pytest.mark.parametrize("p", ALL)
@pytest.mark.parametrize("witness", [misclassified_point, plateau_network, touching_zero])
def test_the_distance_of_the_witness_is_that_in_the_whole_space(witness: Any, p: float) -> None:
    found = witness(p=p)
    assert abs(true_distance(found) - found.distance) <= DISTANCE
    assert found.distance > found.radius


@pytest.mark.statement("proposition-3.1", form="printed")
@pytest.mark.parametrize("p", ALL)
def test_each_witness_lacks_one_hypothesis_of_the_repaired_form_and_no_other(p: float) -> None:
    """Not covered by one another: misclassified, the boundary as a part of the support, a plateau."""
    for witness, right, plateau in (
        (misclassified_point(p=p), False, False),
        (boundary_inside_support(p=p), True, False),
        (plateau_network(p=p), True, True),
    ):
        value = float(evaluate(witness.layers, witness.point[None])[0, 0])
        assert (witness.label * value > 0) == right
        assert has_plateau(cells(witness.layers)) == plateau


@pytest.mark.statement("proposition-3.1", form="printed")
@pytest.mark.statement("definition-decision-boundary", form="printed")
@pytest.mark.parametrize("p", ALL)
@pytest.mark.parametrize("radius", [0.5, 0.25, 2.0**-10])
def test_the_boundary_as_a_part_of_the_support_misses_the_near_sign_change(radius: float, p: float) -> None:
    witness = boundary_inside_support(radius, p)
    values = evaluate(witness.layers, witness.support)[:, 0]
    # The printed boundary: the points of the support where f = 0 (all of them, here, have both signs near by).
    printed = witness.support[values == 0]
    assert np.linalg.norm(printed - witness.point, p, axis=1).tolist() == [witness.distance]
    assert witness.sides == (False, True)
    # In R^d it is radius/2 away, and both sides say so.
    assert abs(true_distance(witness) - radius / 2) <= DISTANCE
    assert not true_distance(witness) >= radius
    # Without its zero, the usual case of a classifier that is right everywhere, the printed boundary is empty.
    right = witness.support[values != 0]
    assert not (evaluate(witness.layers, right) == 0).any()


# --- repaired ---------------------------------------------------------------------------------------


@pytest.mark.statement("proposition-3.1", form="repaired")
@given(st.data(), st.integers(1, 4), exponents, st.sampled_from([0.5, 1 - 2.0**-10, 1 + 2.0**-10, 2.0]))
def test_affine_networks(data: st.DataObject, d: int, p: float, factor: float) -> None:
    """Closed forms of both sides (margin `y f - δ ‖w‖_q`), and the distance by enumeration too."""
    f = data.draw(networks(inputs=d, outputs=1, depth=1))
    x = data.draw(arrays((1, d)))
    value = float(f(x)[0, 0])
    weight, bias = evaluate_affine(f)
    assume(value != 0)
    label = np.array([1 if value > 0 else -1])
    distance = float(affine_distance(weight, bias, x, label, p)[0])
    assert abs(distance_to_boundary(cells(f.layers), x[0], p)[0] - distance) <= DISTANCE or distance == np.inf
    radius = factor * min(distance, 8.0)
    margin = affine_margin(weight, bias, x, label, radius, p)[0]
    assert (margin >= 0) == (distance >= radius)


def evaluate_affine(f: Any) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias from the values at 0 and the unit vectors: exact for dyadic entries."""
    at_zero = f(np.zeros((1, f.inputs)))[0]
    return (f(np.eye(f.inputs)) - at_zero).T, at_zero


@st.composite
def coarse_networks(draw: Any, plateau: bool) -> Any:
    """Weights that are multiples of 1/2 in [-2, 2], so that slopes are multiples of 1/8; at most two hidden layers.

    With a plateau in mind the last hidden layer is a pair whose difference is the output.
    """
    sizes = [draw(st.integers(1, 4)), *draw(st.lists(st.integers(1, 3), max_size=1 if plateau else 2))]
    sizes.append(2 if plateau else 1)
    layers = [(draw(arrays((b, a), HALVES)), draw(arrays((b,), HALVES))) for a, b in pairwise(sizes)]
    return network(*layers, *([(np.array([[1.0, -1.0]]), np.zeros(1))] if plateau else []))


@st.composite
def rightly_classified(draw: Any, plateau: bool = False) -> tuple[Any, np.ndarray, int, tuple[Any, ...]]:
    """A network, a point, its label `sgn f(x)`, and the network's cells."""
    f = draw(coarse_networks(plateau))
    x = draw(arrays((f.inputs,), HALVES))
    value = float(f(x[None])[0, 0])
    assume(value != 0)
    found = cells(f.layers)
    assume(has_plateau(found) == plateau)
    return f, x, 1 if value > 0 else -1, found


@pytest.mark.statement("proposition-3.1", form="repaired")
@given(rightly_classified(), exponents)
def test_the_boundary_is_as_near_as_the_wrong_side(case: tuple[Any, np.ndarray, int, Any], p: float) -> None:
    """The equivalence for all radii at once: `dist(x, {y f < 0}) = dist(x, DB(f))`."""
    _, x, label, found = case
    boundary, wrong = distance_to_boundary(found, x, p)[0], distance_to_sign(found, x, -label, p)
    event("no boundary" if boundary == np.inf else "a boundary")
    assert boundary == wrong or abs(boundary - wrong) <= DISTANCE * (1 + wrong)


@pytest.mark.statement("proposition-3.1", form="repaired")
@given(rightly_classified(), polytopes, st.sampled_from([0.25, 1 - 2.0**-6, 1 + 2.0**-6, 2.0]))
def test_the_minimum_over_the_ball_changes_sign_at_that_distance(
    case: tuple[Any, np.ndarray, int, Any], p: float, factor: float
) -> None:
    f, x, label, found = case
    distance = distance_to_boundary(found, x, p)[0]
    assume(distance >= 2.0**-6)
    radius = factor * min(distance, 16.0)
    least, argmin = minimum_over_ball(f.layers, x, radius, p, np.array([float(label)]))
    assert np.linalg.norm(argmin - x, p) <= radius * (1 + 1e-12)
    if distance >= radius:
        # A value of the network at a point of the ball: rounding only, no tolerance of a solver.
        assert least >= -1e-10
    else:
        # The ball reaches 2^-12 or more beyond the boundary, and slopes are 1/8 or more: above the tolerance.
        assert least < 0


@pytest.mark.statement("proposition-3.1", form="repaired")
@given(rightly_classified(), st.sampled_from([0.25, 0.9375, 1.0625, 2.0]))
def test_p_2_against_sound_bounds_and_an_attack(case: tuple[Any, np.ndarray, int, Any], factor: float) -> None:
    """Margins that are certified or reached at a radius must agree with the enumerated distance."""
    f, x, label, found = case
    distance = distance_to_boundary(found, x, 2.0)[0]
    assume(distance < np.inf)
    radius = factor * distance
    bracket = small_margin(f.layers, x[None], np.array([label]), radius, 2.0)
    event("certified" if bracket.lower[0] > 0 else "refuted" if bracket.upper[0] < 0 else "open")
    if bracket.lower[0] > 0:
        assert distance >= radius * (1 - 1e-9)
    if bracket.upper[0] < 0:
        assert distance < radius * (1 + 1e-9)


# --- repaired, without a hypothesis on plateaus -------------------------------------------------------


def same(a: float, b: float) -> bool:
    """Distances, perhaps infinite ones."""
    return a == b or abs(a - b) <= DISTANCE * (1 + b)


@st.composite
def any_network(draw: Any) -> tuple[Any, np.ndarray, int, tuple[Any, ...]]:
    """As `rightly_classified`, but with and without plateaus, and with zeros where no sign changes."""
    kind = draw(st.sampled_from(["plateau", "touching", "any"]))
    f = draw(coarse_networks(kind == "plateau"))
    if kind == "touching":
        # |f|, whose zeros have one sign beside them.
        last = f.layers[-1]
        pair = np.vstack([last.weight, -last.weight]), np.concatenate([last.bias, -last.bias])
        f = network(*[(layer.weight, layer.bias) for layer in f.layers[:-1]], pair, (np.ones((1, 2)), np.zeros(1)))
    x = draw(arrays((f.inputs,), HALVES))
    value = float(f(x[None])[0, 0])
    assume(value != 0)
    return f, x, 1 if value > 0 else -1, cells(f.layers)


@pytest.mark.statement("proposition-3.1", form="repaired")
@given(any_network(), exponents)
def test_the_boundary_of_a_side_is_as_near_as_its_outside(case: tuple[Any, np.ndarray, int, Any], p: float) -> None:
    """For all radii at once: `dist(x, ∂{y f > 0}) = dist(x, {y f <= 0})`, `dist(x, ∂{y f < 0}) = dist(x, {y f < 0})`.

    The outside of `{y f > 0}` are the cells of other signs, and the zeros of `y f` on the faces of its own: there it is
    the boundary itself that is nearest, and by the first lines of the test nothing of the outside is nearer.
    """
    f, x, label, found = case
    near, point = distance_to_side_boundary(found, x, label, p)
    far, beyond = distance_to_side_boundary(found, x, -label, p)
    wrong = distance_to_sign(found, x, -label, p)
    assert same(far, wrong)
    # The cells that are not of the sign y, as a set of cells of the sign -y.
    outside = [replace(cell, sign=-label) for cell in found if cell.sign != label]
    others = distance_to_sign(outside, x, -label, p) if outside else np.inf
    assert near <= others or same(near, others)
    event("touching" if near < others - DISTANCE else "plateau" if near < far - DISTANCE else "equal")
    for reach, z in ((near, point), (far, beyond)):
        if reach < np.inf:
            assert same(float(np.linalg.norm(z - x, p)), reach)
            assert abs(f(z[None])[0, 0]) <= 1e-9 * (1 + np.abs(z).sum())
    boundary = distance_to_boundary(found, x, p)[0]
    assert boundary >= far or same(boundary, far)
    assert has_plateau(found) or same(boundary, far)


@pytest.mark.statement("proposition-3.1", form="repaired")
@pytest.mark.statement("definition-margin-split", form="repaired")
@given(any_network(), polytopes, st.sampled_from([1, -1]), st.sampled_from([1 - 2.0**-6, 1.0, 1 + 2.0**-6]))
def test_the_minimum_over_the_ball_is_positive_up_to_the_boundary_of_its_side(
    case: tuple[Any, np.ndarray, int, Any], p: float, side: int, factor: float
) -> None:
    """Both equivalences with the proved minimum, whose sign is right without a tolerance; 0 is told from both signs."""
    f, x, label, found = case
    form = np.array([float(label)])
    near, far = (distance_to_side_boundary(found, x, sign, p)[0] for sign in (label, -label))
    radius = factor * min(near if side > 0 else far, 16.0)
    least = minimum_over_ball(f.layers, x, radius, p, form)[0]
    event(f"{'positive' if least > 0 else 'zero' if least == 0 else 'negative'} minimum")
    # The distances are those over the rationals, rounded once: at the distance itself too where that is a float.
    if factor != 1 or all(distance == np.inf or distance * 2**20 % 1 == 0 for distance in (near, far)):
        assert (least > 0) == (near > radius)
        assert (least >= 0) == (far >= radius)


@pytest.mark.statement("proposition-3.1", form="repaired")
@pytest.mark.parametrize("p", ALL)
def test_the_witnesses_of_the_printed_form_meet_the_repaired_one(p: float) -> None:
    """By hand: of the plateau `|s| <= w(t)` the near tip (1/8, 0), and the far side where `s - |t|/4 = -1/8`.

    And the zero that f touches at ½.
    """
    witness = plateau_network(p)
    found = cells(witness.layers)
    slope = np.linalg.norm([1.0, 0.25], 1.0 if p == np.inf else np.inf if p == 1 else 2)
    near, _ = distance_to_side_boundary(found, witness.point, 1, p)
    far, _ = distance_to_side_boundary(found, witness.point, -1, p)
    assert near == 1 / 32
    assert abs(far - 9 / 32 / slope) <= DISTANCE
    # The ball ends beyond the plateau, as the margin says and the printed distance does not.
    assert near < far < witness.radius < witness.distance
    assert witness.margin < 0
    touching = touching_zero(0.125, p)
    found = cells(touching.layers)
    assert distance_to_side_boundary(found, touching.point, 1, p)[0] == touching.radius / 2
    assert distance_to_side_boundary(found, touching.point, -1, p)[0] == touching.distance
    assert touching.margin == 0


def test_a_plateau_that_is_left_out_is_caught() -> None:
    """Planted faults: the other side's boundary in the strict form, and the printed boundary in the other one."""
    witness = plateau_network(np.inf)
    found = cells(witness.layers)
    near, far = (distance_to_side_boundary(found, witness.point, sign, np.inf)[0] for sign in (1, -1))
    boundary = distance_to_boundary(found, witness.point, np.inf)[0]
    least = lambda r: minimum_over_ball(witness.layers, witness.point, r, np.inf, np.ones(1))[0]  # noqa: E731
    between = (near + far) / 2
    assert least(between) == 0
    assert (least(between) > 0) == (near > between) != (far > between)
    between = (far + boundary) / 2
    assert (least(between) >= 0) == (far >= between) != (boundary >= between)


# --- repaired, with the printed boundary ------------------------------------------------------------


@pytest.mark.statement("proposition-3.1", form="repaired")
@given(rightly_classified(plateau=True), polytopes)
def test_across_plateaus_one_direction_still_holds(case: tuple[Any, np.ndarray, int, Any], p: float) -> None:
    """Signs change before a point of the boundary is reached, never after: `dist(x, {y f < 0}) <= dist(x, DB(f))`."""
    _, x, label, found = case
    boundary, wrong = distance_to_boundary(found, x, p)[0], distance_to_sign(found, x, -label, p)
    event("apart" if boundary > wrong + DISTANCE else "equal")
    assert wrong <= boundary + DISTANCE * (1 + wrong)


def test_the_plateau_hypothesis_is_not_idle() -> None:
    """Planted fault: the equality of distances without that hypothesis fails at the witness, by more than rounding."""
    witness = plateau_network()
    found = cells(witness.layers)
    boundary = distance_to_boundary(found, witness.point, 2.0)[0]
    assert boundary > distance_to_sign(found, witness.point, -1, 2.0) + 0.2


def test_a_boundary_without_one_of_its_cells_is_caught() -> None:
    """Planted fault: an enumeration that lost a cell of the wrong sign disagrees with the mixed-integer program."""
    f = network(([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], np.zeros(4)), ([[1.0, -1.0, -1.0, -1.0]], [0.0]))
    x = np.array([1.0, 0.25])
    found = cells(f.layers)
    # f = x_1 - |x_2|, positive at x; the cell over {x_2 > x_1 > 0} has the nearest part of the boundary.
    nearest = next(k for k, cell in enumerate(found) if cell.sign < 0 and cell.inner[0] > 0 and cell.inner[1] > 0)
    for p, true, wrong in ((1.0, 0.75, 1.25), (np.inf, 0.375, 0.625)):
        assert minimum_over_ball(f.layers, x, 1.25 * true, p, np.array([1.0]))[0] < -0.1
        assert abs(distance_to_boundary(found, x, p)[0] - true) <= DISTANCE
        assert abs(distance_to_boundary(found[:nearest] + found[nearest + 1 :], x, p)[0] - wrong) <= DISTANCE


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: misclassified_point(0.0), AssumptionError, "needs 0 < radius <= 0.5, got 0.0"),
        (lambda: misclassified_point(0.6), AssumptionError, "the boundary is 1/2 away"),
        (lambda: misclassified_point(p=0.5), ValueError, "p >= 1, got p=0.5"),
        (lambda: boundary_inside_support(float("nan")), AssumptionError, "got nan"),
        (lambda: boundary_inside_support(p=0.5), ValueError, "p >= 1, got p=0.5"),
        (lambda: touching_zero(0.3), AssumptionError, "needs 0 < radius <= 0.25, got 0.3"),
        (lambda: touching_zero(p=float("nan")), ValueError, "p >= 1, got p=nan"),
        (lambda: plateau_network(0.5), ValueError, "p >= 1, got p=0.5"),
    ],
)
def test_bad_calls(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
