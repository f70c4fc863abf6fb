"""Theorem 3.5: what the printed radii allow; repaired: the count of patterns, the distribution, both sides of N_d."""

import math
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import arrays, exponents, methods
from theory.balls.small_margin import affine_margin
from theory.setting.losses import adversarial_error
from theory.setting.separation import separation
from theory.sizes.growth import robust_size_bound
from theory.sizes.hard_distribution import HardDistribution, hard_distribution
from theory.witnesses.sizes import one_class_only

printed = pytest.mark.statement("theorem-3.5", form="printed")
repaired = pytest.mark.statement("theorem-3.5", form="repaired")
seeds = st.integers(0, 2**32 - 1)


def labelled(dim: int, m: int, seed: int, **options: Any) -> HardDistribution:
    """The hard distribution with random labels."""
    return hard_distribution(dim, m, np.random.default_rng(seed).choice([-1, 1], m ** (dim - 1)), **options)


def memorize(
    hard: HardDistribution,
    points: np.ndarray,
    labels: np.ndarray,
    radius: float,
    p: float,
    way: str,
    shell: float | None = None,
) -> Any:
    from constructions import Affine, robust_memorizer

    clean = Affine(hard.f_clean.weight, hard.f_clean.bias)
    return robust_memorizer(points, labels, radius=radius, p=p, clean=clean, small="all", method=way, shell=shell)


# --- as printed --------------------------------------------------------------------------------------


@printed
@given(st.floats(1e-9, 0.999), st.floats(1e-9, 0.999), st.integers(1, 5), exponents, st.data())
def test_a_large_separation_leaves_one_class_and_a_constant_is_robust(eps, c, dim, p, data) -> None:
    """Any R > 2δ, at every ε: no data of two classes in the cube are R apart; on one class a constant is right."""
    witness = one_class_only(eps, c, dim, p)
    assert witness.radius == c * eps < witness.separation / 2
    points = data.draw(arrays((5, dim), st.floats(0, 1)))
    labels = np.array([1, -1, 1, -1, 1])
    if not np.any(np.all(points[labels > 0][:, None] == points[labels < 0][None], axis=2)):
        assert separation(points, labels, p).distance < witness.separation
    # Half of this R is attained, at corners: an R below d^{1/p} would not do.
    assert separation(witness.points, np.array([1, -1]), p).distance == pytest.approx(witness.separation / 2, rel=1e-9)
    constant = witness.classifier
    ones = np.ones(5, dtype=np.int64)
    margins = affine_margin(constant.weight, constant.bias, points, ones, witness.radius, p)
    assert adversarial_error(margins, margins) == (0.0, 0.0)
    assert constant.nonzero == 1


@repaired
@given(st.floats(1e-3, 0.5, exclude_max=True), st.floats(1e-3, 1, exclude_max=True), st.integers(2, 8), seeds)
def test_with_the_separation_of_the_data_the_printed_quantifiers_hold(eps, c, dim, seed) -> None:
    """For every ε < ½ and c two classes of data with R > 2δ, δ = cε, and one N_d for every c: m = 2."""
    hard = labelled(dim, 2, seed, radius=c * eps)
    assert hard.radius == c * eps
    assert hard.separation > 2 * hard.radius
    points = hard.midpoints()
    # Mid-points are in reach of all of their cube, so the labelling that costs every small network costs it here.
    assert np.all(np.abs(hard.centres() - points).sum(axis=1) + dim * hard.eta <= hard.radius * (1 + 1e-14))
    assert set(np.unique(points[:, :-1])) <= {hard.eta, 1 - hard.eta}


@repaired
def test_the_size_is_exponential_in_the_dimension() -> None:
    """`log2 N_d` is ½ (d - 1), up to logarithms: N_d = exp(Ω(d)), at α = ¼."""
    for dim in (50, 100, 200, 400):
        size = math.log2(robust_size_bound(dim, 2, 0.25))
        assert (dim - 1) / 2 - math.log2(dim) <= size <= (dim - 1) / 2


# --- the number of sign patterns ---------------------------------------------------------------------


def random_patterns(nonzero: int, points: np.ndarray, tries: int, rng: np.random.Generator) -> set[bytes]:
    """Sign patterns on the points found by random networks with at most so many non-zeros, of every depth up to it."""
    found = set()
    dim = points.shape[1]
    for _ in range(tries):
        depth = int(rng.integers(1, nonzero + 1))
        widths = [dim, *rng.integers(1, max(2, nonzero - depth + 2), depth - 1), 1]
        slots = [(k, i, j) for k in range(depth) for i in range(widths[k + 1]) for j in range(widths[k] + 1)]
        layers = [np.zeros((widths[k + 1], widths[k] + 1)) for k in range(depth)]
        for slot in rng.permutation(len(slots))[:nonzero]:
            k, i, j = slots[slot]
            layers[k][i, j] = rng.normal()
        z = points
        for k, layer in enumerate(layers):
            z = np.maximum(z, 0) if k else z
            z = z @ layer[:, :-1].T + layer[:, -1]
        found.add((z[:, 0] > 0).tobytes())
    return found


@repaired
def test_a_bound_by_the_number_of_parameters_alone_is_refuted_by_the_patterns_that_are_found() -> None:
    """The planted fault: `Π_n(K) <= 2^n`, which leaves out K; two non-zeros make a threshold on a coordinate."""
    rng = np.random.default_rng(0)
    found = random_patterns(2, rng.normal(size=(14, 3)), 3000, rng)
    assert math.log2(len(found)) > 2


def exact_patterns_of_two(points: np.ndarray) -> set[bytes]:
    """All sign patterns of networks with at most two non-zeros: constants, and thresholds on one coordinate.

    One layer: `b`, `w x_j`, `w x_j + b`, and also `w x_i + v x_j`. Two: `a σ(w x_j)`, `a σ(b)`, the signs of
    which are among `0` and `w x_j > 0`.
    """
    count, dim = points.shape
    found = {np.zeros(count, bool).tobytes(), np.ones(count, bool).tobytes()}
    for j in range(dim):
        column = np.sort(np.unique(np.append(points[:, j], 0.0)))
        cuts = [column[0] - 1, *column, *(column[1:] + column[:-1]) / 2, column[-1] + 1]
        for cut in cuts:
            found |= {(points[:, j] > cut).tobytes(), (points[:, j] < cut).tobytes()}
    for i in range(dim):
        for j in range(i):
            # Signs of w x_i + v x_j change at the directions orthogonal to a point.
            angles = np.arctan2(points[:, i], -points[:, j])
            angles = np.sort(np.unique(np.concatenate([angles, angles + np.pi]) % (2 * np.pi)))
            between = (angles + np.append(angles[1:], angles[0] + 2 * np.pi)) / 2
            for angle in np.concatenate([angles, between]):
                found.add((np.cos(angle) * points[:, i] + np.sin(angle) * points[:, j] > 0).tobytes())
    return found


@repaired
@given(st.integers(4, 30), st.integers(1, 4), seeds)
def test_the_patterns_of_two_non_zeros_are_all_of_them(count, dim, seed) -> None:
    """None that a random network has is missing; the bound itself is met by enumeration in test_theorem_3_5_codes."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, dim))
    assert random_patterns(2, points, 50, rng) <= exact_patterns_of_two(points)


# --- the distribution and both sides of N_d -----------------------------------------------------------


@st.composite
def distributions(draw: Any) -> HardDistribution:
    m = draw(st.integers(2, 4))
    dim = draw(st.integers(2, {2: 8, 3: 5, 4: 4}[m]))
    radius = draw(st.floats(0.05, 0.95)) / (2 * (m - 1))
    return labelled(dim, m, draw(seeds), radius=radius)


@repaired
@given(distributions(), exponents, seeds)
def test_the_distribution_meets_the_assumptions(hard, p, seed) -> None:
    points, labels = hard.sample(25, np.random.default_rng(seed))
    assert hard.separation > 2 * hard.radius
    if len(set(labels.tolist())) == 2:
        assert separation(points, labels, p).distance > hard.separation
    assert np.all((points >= 0) & (points <= 1))
    assert hard.f_clean.nonzero == 2
    assert np.all(labels * hard.f_clean(points) > 0)
    # A rule that is right on the cubes and wrong at the mid-points is wrong within δ of every point.
    assert np.all(np.abs(points[:, -1] - 0.5) + (hard.dim - 1) * hard.eta <= hard.radius * (1 + 1e-14))
    assert hard.robust_error_bound(hard.f_clean) == 1


@repaired
@pytest.mark.parametrize(("dim", "m", "alpha"), [(10, 2, 0.25), (9, 2, 0.1), (7, 3, 0.25)])
@given(seed=seeds)
def test_two_non_zeros_err_on_more_than_alpha(dim, m, alpha, seed) -> None:
    """All networks with at most two non-zeros, where `N_d >= 2`; a random labelling fits one with probability ~ 0."""
    assert robust_size_bound(dim, m, alpha) >= 2
    patterns = _grid_patterns(dim, m)
    hard = labelled(dim, m, seed)
    wrong = (np.where(patterns, 1, -1) != hard.labels).mean(axis=1)
    assert wrong.min() > alpha
    # What the theorem cannot say of every labelling: one of a pattern itself is got right.
    easy = hard_distribution(dim, m, np.where(patterns[-1], 1, -1))
    assert (np.where(patterns, 1, -1) != easy.labels).mean(axis=1).min() == 0


_PATTERNS: dict[tuple[int, int], np.ndarray] = {}


def _grid_patterns(dim: int, m: int) -> np.ndarray:
    if (dim, m) not in _PATTERNS:
        midpoints = labelled(dim, m, 0).midpoints()
        _PATTERNS[dim, m] = np.array([np.frombuffer(found, bool) for found in exact_patterns_of_two(midpoints)])
    return _PATTERNS[dim, m]


@repaired
@given(distributions(), exponents, methods)
def test_the_sandwich(hard, p, way) -> None:
    """All cubes memorized: robust error 0 on the whole distribution, certified, with more than N_d non-zeros."""
    if len(set(hard.labels.tolist())) < 2:
        return
    built = memorize(hard, hard.centres(), hard.labels, hard.cover_radius(p), p, way)
    assert built.certify().error_bracket == (0.0, 0.0)
    assert hard.robust_error_bound(built.network) == 0
    assert built.size.nonzero == built.size.formula_nonzero > robust_size_bound(hard.dim, hard.m, 0.25)
    if way == "shared":
        symbols = {name: sympy.Symbol(name) for name in built.size.symbols}
        formula = sympy.expand(sympy.sympify(built.size.formula, locals=symbols))
        assert not (formula.coeff(symbols["n"]) - symbols["d"]).free_symbols
    # The planted fault: one label wrong costs one cube.
    flipped = hard.labels.copy()
    flipped[0] *= -1
    other = hard_distribution(hard.dim, hard.m, flipped, radius=hard.radius)
    assert other.robust_error_bound(built.network) == 1 / hard.cubes


@repaired
@given(distributions(), exponents, st.integers(2, 40), seeds)
def test_memorizing_a_sample_leaves_the_other_cubes(hard, p, size, seed) -> None:
    """L_S^adv = 0, certified, and robust error 1 - (cubes seen)/K at least: the mid-points of the others are wrong.

    With `γ <= R - 2δ` for the R of the distribution no shell reaches another cube's mid-point, where f_clean = 0.
    """
    rng = np.random.default_rng(seed)
    cubes = hard.sample_cubes(size, rng)
    points, labels = hard.points_in(cubes, rng), hard.labels_of(cubes)
    if len(set(labels.tolist())) < 2:
        return
    shell = (hard.separation - 2 * hard.radius) * (1 - 2.0**-40)
    built = memorize(hard, points, labels, hard.radius, p, "shared", shell)
    assert built.certify().error_bracket == (0.0, 0.0)
    wrong = hard.wrong_midpoints(built.network)
    assert not wrong[cubes].any()
    assert wrong.sum() == hard.cubes - len(np.unique(cubes))


@repaired
@given(distributions(), st.sampled_from([0.1, 0.5, 0.9]), seeds)
def test_large_margin_mass_costs_the_factor_of_the_statement(hard, mu, seed) -> None:
    """Wrong on more than α K cubes is more than α μ_0 K/(K+1), `μ_0` of the K + 1 cubes."""
    mixed = hard_distribution(hard.dim, hard.m, hard.labels, radius=hard.radius, mu=mu)
    weight = np.random.default_rng(seed).normal(size=hard.dim)
    wrong = mixed.wrong_midpoints(lambda x: (x - 0.5) @ weight).sum()
    bound = mixed.robust_error_bound(lambda x: (x - 0.5) @ weight)
    assert bound >= wrong / hard.cubes * mixed.balance * hard.cubes / (hard.cubes + 1) * (1 - 1e-15)
