"""The definitions and assumptions of section 3: the project's versions against versions written out.

On a line, with weights for which every kink lies on a grid, all minima and errors are decided by exact values at the
points of that grid.
"""

import itertools
import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import binom

from constructions.memorizers.clean import fit_clean
from constructions.networks.network import ReLUNetwork, dense, network
from tests.rational import rational_value, rationals
from tests.strategies import arrays, dyadic, networks
from theory.balls.cells import cells, distance_to_boundary
from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.relaxation import margin_lower_bound
from theory.balls.small_margin import affine_margin, small_margin
from theory.errors import AssumptionError
from theory.generalization.columns import Columns
from theory.generalization.concentration import binomial_deviation
from theory.layers import evaluate
from theory.setting.losses import adversarial_error, clean_error, margins
from theory.setting.separation import rational_distance, round_down, separation
from theory.sizes.hard_distribution import hard_distribution
from theory.witnesses.decision_boundary import touching_zero

GRID = 4
# The mixed-integer solver's tolerance, 1e-6, times weights and widths below 10.
MILP = 1e-5
HALVES = dyadic(-2, 2, 1)
exponents = st.sampled_from([1.0, 2.0, np.inf])
polytopes = st.sampled_from([1.0, np.inf])


@st.composite
def networks_on_a_line(draw: Any) -> ReLUNetwork:
    """One hidden layer of slopes ±1, ±1/2 and biases that are multiples of 1/4: kinks are multiples of 1/4."""
    width = draw(st.integers(1, 4))
    slopes = draw(st.lists(st.sampled_from([1.0, -1.0, 0.5, -0.5]), min_size=width, max_size=width))
    return network(
        (np.array(slopes)[:, None] / 2, draw(arrays((width,), dyadic(-1, 1, 3)))),
        (draw(arrays((1, width), HALVES)), draw(arrays((1,), HALVES))),
    )


def values_in_ball(f: ReLUNetwork, x: float, radius: float) -> list[Fraction]:
    """Exact values at all points of the grid in `[x - radius, x + radius]`, whose ends are among them."""
    start, stop = round((x - radius) * GRID), round((x + radius) * GRID)
    return [rational_value(f, [Fraction(k, GRID)])[0] for k in range(start, stop + 1)]


def sign(value: Fraction | float) -> int:
    return (value > 0) - (value < 0)


line_points = st.lists(
    st.tuples(st.integers(-8, 8).map(lambda k: k / GRID), st.sampled_from([-1, 1])), min_size=1, max_size=6
)
line_radii = st.integers(0, 8).map(lambda k: k / GRID)


def unzip(data: list[tuple[float, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[x] for x, _ in data]), np.array([y for _, y in data])


# --- losses -----------------------------------------------------------------------------------------


@pytest.mark.statement("definition-clean-error", form="printed")
@given(st.data(), networks(outputs=1))
def test_the_clean_error_is_the_share_of_wrong_signs(data: st.DataObject, f: ReLUNetwork) -> None:
    """`E 1{sgn f(x) ≠ y}` with exact values, sgn(0) = 0."""
    n = data.draw(st.integers(1, 6))
    points, labels = data.draw(arrays((n, f.inputs), HALVES)), data.draw(st.lists(st.sampled_from([-1, 1]), min_size=n))
    labels = np.array(labels[:n])
    wrong = [sign(rational_value(f, rationals(x))[0]) != y for x, y in zip(points, labels, strict=True)]
    assert clean_error(margins(f(points), labels)) == sum(wrong) / n


@pytest.mark.statement("definition-clean-error", form="printed")
def test_a_zero_is_an_error_for_both_labels() -> None:
    # Catches a sign that counts 0 as +1.
    f = network(([[1.0]], [0.0]))
    for y in (-1, 1):
        assert clean_error(margins(f(np.zeros((1, 1))), np.array([y]))) == 1.0


@pytest.mark.statement("definition-adversarial-error", form="printed")
@given(networks_on_a_line(), line_points, line_radii)
def test_the_adversarial_error_is_in_its_bracket(f: ReLUNetwork, data: list[tuple[float, int]], radius: float) -> None:
    """The share of points with a wrong sign somewhere in the ball: f is affine between points of the grid."""
    points, labels = unzip(data)
    error = np.mean([any(sign(v) != y for v in values_in_ball(f, x, radius)) for x, y in data])
    bracket = small_margin(f.layers, points, labels, radius, np.inf)
    low, high = adversarial_error(bracket.lower, bracket.upper)
    event("closed" if low == high else "open")
    assert low <= error <= high


@pytest.mark.statement("definition-adversarial-error", form="printed")
@given(networks_on_a_line(), line_points, line_radii)
def test_the_adversarial_error_of_exact_minima(f: ReLUNetwork, data: list[tuple[float, int]], radius: float) -> None:
    """`max 1{sgn f ≠ y} = 1{min y f <= 0}`."""
    least = np.array([float(min(y * v for v in values_in_ball(f, x, radius))) for x, y in data])
    error = np.mean([max(sign(v) != y for v in values_in_ball(f, x, radius)) for x, y in data])
    assert adversarial_error(least, least) == (error, error)


# --- networks ---------------------------------------------------------------------------------------


@pytest.mark.statement("definition-relu-network", form="printed")
@given(st.data(), networks(outputs=1))
def test_a_network_is_the_printed_formula(data: st.DataObject, f: ReLUNetwork) -> None:
    """`W_L σ(… σ(W_1 x + b_1) …) + b_L`, scalar by scalar in rational arithmetic; m_0 = d, m_L = 1."""
    x = data.draw(arrays((f.inputs,)))
    hidden = rationals(x)
    for k, layer in enumerate(f.layers, start=1):
        rows = [rationals(row) for row in dense(layer.weight)]
        affine = [
            sum((w * h for w, h in zip(row, hidden, strict=True)), Fraction(float(b)))
            for row, b in zip(rows, layer.bias, strict=True)
        ]
        hidden = [max(v, Fraction(0)) for v in affine] if k < f.depth else affine
    assert rationals(f(x[None])[0]) == hidden
    assert f.widths[0] == len(x)
    assert f.widths[-1] == 1
    assert f.width == max(f.widths)
    assert f.parameters == sum(a * b + b for a, b in pairwise(f.widths))


@pytest.mark.statement("definition-relu-network", form="printed")
def test_the_activation_is_the_relu_between_layers_only() -> None:
    # Catches a missing one, a leaky one, one behind the last layer, and layers in the wrong order.
    f = network(([[2.0]], [1.0]), ([[-3.0]], [0.5]))
    assert f(np.array([[-1.0], [0.0], [1.0]])).tolist() == [[0.5], [-2.5], [-8.5]]


@pytest.mark.statement("assumption-clean-classifier", form="printed")
@pytest.mark.parametrize("dim", [2, 3, 5])
def test_a_distribution_that_a_small_network_classifies(dim: int) -> None:
    """Columns: width d, depth 1, and right on the whole support, not on a sample only: its least margin is the height
    of the lowest point."""
    population = Columns(dim, 3, 2.0**-4, 0.0 if dim > 2 else 2.0**-5, 2.0**-6, 0.5)
    f_clean = network((np.eye(dim)[-1:], [-0.5]))
    assert (f_clean.width, f_clean.depth) == (dim, 1)
    points, labels = population.sample(500, np.random.default_rng(dim))
    margin = margins(f_clean(points), labels)
    assert clean_error(margin) == 0
    assert margin.min() >= population.lowest > 0
    assert f_clean(points)[:, 0].tolist() == population.clean(points).tolist()


@pytest.mark.statement("assumption-clean-classifier", form="printed")
@pytest.mark.parametrize("seed", range(6))
def test_a_finite_population_that_a_fitted_network_classifies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(1, 5))
    points = np.unique(rng.integers(0, 9, (8, dim)) / 8, axis=0)
    labels = rng.choice([-1, 1], len(points))
    labels[:2] = (-1, 1)
    f_clean = fit_clean(points, labels, 1)
    assert f_clean.width <= max(32, dim)
    assert f_clean.depth <= 2
    assert all(sign(rational_value(f_clean, rationals(x))[0]) == y for x, y in zip(points, labels, strict=True))


# --- margins and their split ------------------------------------------------------------------------


def least_by_cells(f: ReLUNetwork, x: np.ndarray, radius: float, p: float, y: int) -> float:
    """`min over the ball of y f`, a linear program a cell: z, and for p = 1 also t >= |z - x|."""
    dim, least = len(x), np.inf
    eye, nothing = np.eye(dim), np.zeros((dim, dim))
    for cell in cells(f.layers):
        constant = f(cell.inner[None])[0, 0] - cell.gradient @ cell.inner
        rows = np.column_stack([cell.normals, np.zeros_like(cell.normals)])
        if p == 1:
            ball = np.vstack([np.hstack([eye, -eye]), np.hstack([-eye, -eye]), np.append(np.zeros(dim), np.ones(dim))])
            sizes = np.concatenate([x, -x, [radius]])
        else:
            ball, sizes = np.vstack([np.hstack([eye, nothing]), np.hstack([-eye, nothing])]), np.append(x, -x) + radius
        result = linprog(
            np.append(y * cell.gradient, np.zeros(dim)),
            A_ub=np.vstack([rows, ball]),
            b_ub=np.append(cell.offsets, sizes),
            bounds=(None, None),
        )
        if result.status == 0:
            least = min(least, float(result.fun) + y * constant)
    return least


@pytest.mark.statement("definition-adversarial-margin", form="printed")
@given(st.data(), networks(outputs=1, max_width=3), polytopes, st.sampled_from([0.0, 0.25, 1.0, 3.0]))
def test_the_margin_is_the_least_over_all_pieces(data: st.DataObject, f: ReLUNetwork, p: float, radius: float) -> None:
    """The mixed-integer program against one linear program for each affine piece of f."""
    x, y = data.draw(arrays((f.inputs,))), data.draw(st.sampled_from([-1, 1]))
    found, argmin = minimum_over_ball(f.layers, x, radius, p, np.array([float(y)]))
    # Outputs are below 10^3 for these weights; the solvers' tolerances are relative to that.
    assert abs(found - least_by_cells(f, x, radius, p, y)) <= MILP * (1 + abs(found))
    assert np.linalg.norm(argmin - x, p) <= radius * (1 + 1e-12)


@pytest.mark.statement("definition-adversarial-margin", form="printed")
@given(networks_on_a_line(), line_points, line_radii)
def test_the_margin_on_a_line(f: ReLUNetwork, data: list[tuple[float, int]], radius: float) -> None:
    points, labels = unzip(data)
    bracket = small_margin(f.layers, points, labels, radius, 2.0)
    for k, (x, y) in enumerate(data):
        least = min(y * v for v in values_in_ball(f, x, radius))
        assert Fraction(float(bracket.lower[k])) <= least <= Fraction(float(bracket.upper[k]))


@pytest.mark.statement("definition-margin-split", form="printed")
@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("radius", [0.25, 0.125, 2.0**-8])
def test_a_printed_large_margin_point_is_not_robust(radius: float, p: float) -> None:
    """A zero without a change of sign, and a boundary exactly the radius away."""
    witness = touching_zero(radius, p)
    reach = distance_to_boundary(cells(witness.layers), witness.point, p)[0]
    assert abs(reach - witness.distance) <= 1e-9
    assert reach > radius
    assert witness.sides == (True, True)
    ball = witness.point[0] + np.linspace(-radius, radius, 65)[:, None]
    values = evaluate(witness.layers, ball)[:, 0]
    assert values.min() == witness.margin == 0
    assert clean_error(margins(values, np.full(65, witness.label))) == 1 / 65
    # f(x) = x - 1/2 at 1/2 + radius: `dist >= radius` holds with equality, and f is 0 at the end of the ball.
    tie = affine_margin(np.array([[1.0]]), np.array([-0.5]), np.array([[0.5 + radius]]), np.array([1]), radius, p)
    assert tie.tolist() == [0.0]


@pytest.mark.statement("definition-margin-split", form="repaired")
@given(networks_on_a_line(), line_points, line_radii)
def test_mu_is_the_adversarial_error_of_f_clean(f: ReLUNetwork, data: list[tuple[float, int]], radius: float) -> None:
    """Uniform on finitely many points of a line: `D(X_small)` by the closed ball, and the printed set is a part."""
    small = [min(y * v for v in values_in_ball(f, x, radius)) <= 0 for x, y in data]
    error = [any(sign(v) != y for v in values_in_ball(f, x, radius)) for x, y in data]
    assert small == error
    found = cells(f.layers)
    for (x, y), is_small in zip(data, small, strict=True):
        reach = distance_to_boundary(found, np.array([x]), 2.0)[0]
        if reach < radius - 1e-7:
            assert is_small
        elif is_small:
            # What the printed set lacks: a zero or a wrong sign in the ball, the boundary not in its inside.
            values = [y * v for v in values_in_ball(f, x, radius)]
            event("tie or touching" if min(values) == 0 else "misclassified or behind a plateau")
            assert min(values) == 0 or values[len(values) // 2] <= 0 or 0 in values


@pytest.mark.statement("definition-margin-split", form="repaired")
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 0.5, 1.0]))
def test_mu_of_columns(seed: int, mu: float) -> None:
    """The points whose closed ball reaches a wrong sign, exactly, are those that the distribution calls small."""
    population = Columns(3, 3, 2.0**-4, 0.0, 2.0**-6, mu)
    points, labels = population.sample(100, np.random.default_rng(seed))
    toward = points.copy()
    toward[:, -1] -= labels * population.radius
    wrong = margins(population.clean(toward), labels) <= 0
    assert (wrong == population.small(points)).all()
    assert (mu < 1) or wrong.all()


@pytest.mark.statement("definition-sample-split", form="repaired")
@given(networks_on_a_line(), line_points, line_radii)
def test_no_point_with_a_wrong_ball_is_left_out_of_s_small(
    f: ReLUNetwork, data: list[tuple[float, int]], radius: float
) -> None:
    points, labels = unzip(data)
    exact = [i for i, (x, y) in enumerate(data) if min(y * v for v in values_in_ball(f, x, radius)) <= 0]
    bracket = small_margin(f.layers, points, labels, radius, np.inf)
    assert set(bracket.small_at_least.tolist()) <= set(exact) <= set(bracket.small.tolist())


@pytest.mark.statement("definition-sample-split", form="repaired")
@given(st.data(), networks(outputs=1, max_width=3), polytopes, st.sampled_from([0.125, 0.5]))
def test_s_small_in_more_dimensions(data: st.DataObject, f: ReLUNetwork, p: float, radius: float) -> None:
    points = data.draw(arrays((3, f.inputs), HALVES))
    labels = np.array(data.draw(st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3)))
    small = small_margin(f.layers, points, labels, radius, p).small
    for i, (x, y) in enumerate(zip(points, labels, strict=True)):
        if minimum_over_ball(f.layers, x, radius, p, np.array([float(y)]))[0] <= 0:
            assert i in small


# --- separation -------------------------------------------------------------------------------------


@pytest.mark.statement("assumption-separation", form="printed")
@given(st.data(), st.integers(1, 3), st.integers(2, 6), exponents)
def test_the_separation_is_the_least_distance_of_the_classes(data: st.DataObject, d: int, n: int, p: float) -> None:
    """`dist_p(A, B)` over all pairs, in rational arithmetic, rounded down: the assumption holds for R below it."""
    points = data.draw(arrays((n, d), dyadic(0, 1, 4)))
    labels = np.array(data.draw(st.lists(st.sampled_from([-1, 1]), min_size=n, max_size=n)))
    assume(len(set(labels.tolist())) == 2)
    pairs = itertools.product(points[labels > 0], points[labels < 0])
    least = min(rational_distance(a, b, p) for a, b in pairs)
    if least == 0:
        with pytest.raises(AssumptionError, match="equal points must have equal labels"):
            separation(points, labels, p)
    else:
        assert separation(points, labels, p).distance == round_down(least, p)


@pytest.mark.statement("assumption-separation", form="printed")
@given(st.sampled_from([(2, 3, 2.0**-5), (3, 3, 0.0), (2, 2, 2.0**-3)]), st.integers(0, 2**32 - 1))
def test_classes_of_columns_are_separated(shape: tuple[int, int, float], seed: int) -> None:
    """A distribution that meets the assumption with R > 2δ: no two sampled points of the classes are nearer."""
    dim, m, half_width = shape
    population = Columns(dim, m, 2.0**-4, half_width, 2.0**-6, 0.5)
    points, labels = population.sample(60, np.random.default_rng(seed))
    assume(len(set(labels.tolist())) == 2)
    assert separation(points, labels, np.inf).distance >= population.separation > 2 * population.radius


# --- counts and balance -----------------------------------------------------------------------------


@pytest.mark.statement("claim-small-margin-count", form="printed")
@pytest.mark.parametrize("mu", [0.9, 0.5, 0.125, 0.01])
@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_about_mu_n_of_many_points_have_a_small_margin(mu: float, share: float) -> None:
    """Within any share of μN, but for a probability, exact, that falls with N: < 0.01 from the deviation's N on."""
    enough = math.ceil(math.log(2 / 0.01) / (2 * (share * mu) ** 2))
    assert binomial_deviation(enough, 0.01) <= share * mu * enough

    def outside(n: int) -> float:
        low, high = (1 - share) * mu * n, (1 + share) * mu * n
        return float(binom.cdf(math.ceil(low) - 1, n, mu) + binom.sf(math.floor(high), n, mu))

    assert outside(4 * enough) <= outside(enough) < 0.01
    # The planted fault: at the largest variance an eighth of so many points is too few.
    assert mu != 0.5 or outside(enough // 8) > 0.01


@pytest.mark.statement("claim-small-margin-count", form="printed")
@given(st.integers(1, 3000), st.floats(1e-3, 1 - 1e-3), st.floats(1e-12, 0.999))
def test_the_binomial_count_is_within_its_deviation(n: int, mu: float, delta: float) -> None:
    """The exact probability of a deviation of more than √(N ln(2/Δ) / 2) is at most Δ."""
    reach = binomial_deviation(n, delta)
    counts = np.arange(n + 1)
    outside = binom.pmf(counts[np.abs(counts - mu * n) > reach], n, mu).sum()
    assert outside <= delta * (1 + 1e-9)


def test_a_deviation_without_the_logarithm_of_two_is_caught() -> None:
    # Planted fault: half of the deviation is exceeded with a larger probability.
    n, mu, delta = 1000, 0.5, 0.01
    reach = binomial_deviation(n, delta) / 2
    counts = np.arange(n + 1)
    assert binom.pmf(counts[np.abs(counts - mu * n) > reach], n, mu).sum() > delta


@pytest.mark.statement("claim-small-margin-count", form="printed")
@pytest.mark.parametrize("mu", [0.1, 0.5])
def test_the_number_of_sampled_small_margin_points_is_binomial(mu: float, record: Any) -> None:
    """4,000 samples of 30 points (seed 0): every value of the distribution function within its limits at 1e-6."""
    population = Columns(2, 3, 2.0**-4, 2.0**-5, 2.0**-6, mu)
    points, _ = population.sample(30 * 4000, np.random.default_rng(0))
    counts = population.small(points).reshape(4000, 30).sum(axis=1)
    for k in range(30):
        below, probability = int((counts <= k).sum()), binom.cdf(k, 30, mu)
        assert binom.ppf(5e-7, 4000, probability) <= below <= binom.ppf(1 - 5e-7, 4000, probability)
    record("examples", 4000)


@pytest.mark.statement("definition-balanced", form="printed")
@given(st.integers(2, 3), st.sampled_from([1.0, 0.9, 0.5, 0.0625]), st.integers(0, 2**32 - 1))
def test_the_balance_is_the_largest_that_every_set_allows(m: int, mu: float, seed: int) -> None:
    """`D(E) >= μ_0 m_0(E)`, E a union of parts of the cubes of the distribution of Theorem 3.5 (equal volumes)."""
    rng = np.random.default_rng(seed)
    distribution = hard_distribution(2, m, rng.choice([-1, 1], m), mu=mu)
    masses = np.full(m, mu / m) if mu == 1 else np.append(np.full(m, mu / m), 1 - mu)
    # Parts of cubes: shares of the volume of each, 0 and 1 among them.
    shares = np.vstack([list(itertools.product([0.0, 1.0], repeat=len(masses))), rng.random((50, len(masses)))])
    mass, volume = shares @ masses, shares.mean(axis=1)
    balance = distribution.balance
    assert (mass >= balance * volume * (1 - 1e-12)).all()
    # The largest: some set allows no more.
    assert (mass < balance * (1 + 1e-9) * volume).any()


@pytest.mark.statement("definition-balanced", form="printed")
def test_masses_of_the_balanced_distribution_are_those_it_samples() -> None:
    """Seed 0, limits of the binomial at 1e-6: with a wrong mass of a cube the balance would be another."""
    distribution = hard_distribution(2, 3, np.array([1, -1, 1]), mu=0.625)
    cubes = distribution.sample_cubes(20_000, np.random.default_rng(0))
    for k, mass in enumerate([0.625 / 3] * 3 + [0.375]):
        count = int((cubes == k).sum())
        assert binom.ppf(5e-7, 20_000, mass) <= count <= binom.ppf(1 - 5e-7, 20_000, mass)
    assert distribution.balance == 4 * 0.625 / 3


# --- bad input --------------------------------------------------------------------------------------


HUGE = network(([[1e200], [-1e200]], [0.0, 0.0]), ([[1e200, -1e200]], [1.0]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: separation(np.array([[0.0], [0.0]]), np.array([1, -1]), 2.0), "equal points must have equal labels"),
        (lambda: separation(np.array([[0.0], [1.0]]), np.array([1, 1]), 2.0), "two different labels"),
        (lambda: separation(np.array([[0.0], [1.0]]), np.array([1, -1]), 0.5), "p >= 1, got p=0.5"),
        (lambda: small_margin(HUGE.layers, np.ones((1, 1)), np.array([1]), -0.5, 2.0), "radius >= 0, got -0.5"),
        (lambda: small_margin(HUGE.layers, np.ones((1, 1)), np.array([1]), 0.5, 0.5), "p >= 1, got p=0.5"),
        (lambda: clean_error(np.zeros(0)), "n >= 1"),
        (lambda: margins(np.ones(2), np.array([0, 1])), "map .0, 1. by 2 y - 1"),
    ],
)
def test_a_violated_hypothesis_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_network_whose_bounds_overflow_has_its_point_in_s_small() -> None:
    """f(0) = 1, and no finite bound over the ball: nothing is certified, never a large margin by overflow."""
    points, labels = np.zeros((1, 1)), np.array([1])
    assert np.isneginf(margin_lower_bound(HUGE.layers, points, labels, 0.5, np.inf, method="interval")).all()
    with np.errstate(over="ignore", invalid="ignore"):
        assert small_margin(HUGE.layers, points, labels, 0.5, np.inf, steps=0).small.tolist() == [0]
