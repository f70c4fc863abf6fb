"""The hard distribution: each of its properties in rational arithmetic, its law by binomial limits, its use."""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from theory.balls.small_margin import affine_distance, affine_margin
from theory.errors import AssumptionError
from theory.setting.separation import rational_distance, separation
from theory.sizes.hard_distribution import HardDistribution, hard_distribution

CONFIDENCE = 1e-6


@st.composite
def distributions(draw: Any, *, mu: float | None = None) -> HardDistribution:
    m = draw(st.integers(2, 6))
    dim = draw(st.integers(2, {2: 7, 3: 5}.get(m, 3)))
    radius = draw(st.floats(0.001, 0.999)) / (2 * (m - 1))
    labels = np.array(draw(st.lists(st.sampled_from([-1, 1]), min_size=m ** (dim - 1), max_size=m ** (dim - 1))))
    return hard_distribution(dim, m, labels, radius=radius, mu=mu or draw(st.sampled_from([1.0, 0.5, 0.125])))


def exact(x: np.ndarray) -> list[Fraction]:
    return [Fraction(float(value)) for value in x]


def all_cubes(hard: HardDistribution) -> np.ndarray:
    return np.arange(hard.cubes + (hard.mu < 1))


def corners(hard: HardDistribution, rng: np.random.Generator) -> list[list[Fraction]]:
    """One random corner of each cube, as rational numbers."""
    signs = rng.choice([-1, 1], (len(all_cubes(hard)), hard.dim))
    eta = Fraction(hard.eta)
    centres = hard.centres(all_cubes(hard))
    return [
        [c + int(s) * eta for c, s in zip(exact(row), sign, strict=True)]
        for row, sign in zip(centres, signs, strict=True)
    ]


def linear(weight: np.ndarray, bias: float) -> Any:
    return lambda x: x @ weight + bias


# --- geometry, exactly -------------------------------------------------------------------------------


@given(distributions())
def test_the_grid_is_that_of_the_theorem(hard) -> None:
    eta = Fraction(hard.eta)
    step = (1 - 2 * eta) / (hard.m - 1)
    wanted = [eta + j * step for j in range(hard.m)]
    # nearest floats; the last may be one further
    assert all(abs(a - b) <= Fraction(1, 2**52) for a, b in zip(exact(hard.levels), wanted, strict=True))
    assert Fraction(hard.separation) <= step - 3 * eta + Fraction(1, 2**51)
    assert Fraction(hard.separation) > 2 * Fraction(hard.radius)
    assert len(np.unique(hard.midpoints(), axis=0)) == hard.cubes == hard.m ** (hard.dim - 1)


@given(distributions(), st.integers(0, 2**32 - 1))
def test_classes_are_more_than_the_separation_apart(hard, seed) -> None:
    """In l_inf, hence in every l_p; on corners, rational, for all pairs."""
    points = corners(hard, np.random.default_rng(seed))
    labels = hard.labels_of(all_cubes(hard))
    room = Fraction(hard.separation)
    positive = [x for x, y in zip(points, labels, strict=True) if y > 0]
    negative = [x for x, y in zip(points, labels, strict=True) if y < 0]
    for x in positive[:40]:
        for z in negative[:40]:
            assert max(abs(a - b) for a, b in zip(x, z, strict=True)) > room


@given(distributions(), st.integers(0, 2**32 - 1))
def test_samples_lie_in_their_cubes_and_keep_the_assumptions(hard, seed) -> None:
    rng = np.random.default_rng(seed)
    cubes = hard.sample_cubes(30, rng)
    points, labels = hard.points_in(cubes, rng), hard.labels_of(cubes)
    assert points.min() >= 0
    assert points.max() <= 1
    for x, centre in zip(points, hard.centres(cubes), strict=True):
        assert all(abs(a - b) <= Fraction(hard.eta) for a, b in zip(exact(x), exact(centre), strict=True))
    assert (labels * hard.f_clean(points) > 0).all()
    if len(set(labels.tolist())) == 2:
        for p in (1.0, 2.0, math.inf):
            assert separation(points, labels, p).distance > hard.separation


@given(distributions(), st.integers(0, 2**32 - 1))
def test_the_midpoint_is_in_reach_of_every_corner(hard, seed) -> None:
    """In l_1, hence in every l_p."""
    points = corners(hard, np.random.default_rng(seed))
    for x, middle in zip(points[: hard.cubes], hard.midpoints(), strict=True):
        assert sum(abs(a - b) for a, b in zip(x, exact(middle), strict=True)) <= Fraction(hard.radius)


@given(distributions(mu=0.5), st.sampled_from([1.0, 2.0, math.inf]), st.integers(0, 2**32 - 1))
def test_the_clean_classifier_and_the_two_kinds_of_margin(hard, p, seed) -> None:
    rng = np.random.default_rng(seed)
    clean = hard.f_clean
    assert clean.nonzero == 2
    points = hard.points_in(all_cubes(hard), rng)
    labels = hard.labels_of(all_cubes(hard))
    distances = affine_distance(clean.weight, clean.bias, points, labels, p)
    assert np.all(distances > 0)
    assert np.all(distances[:-1] < hard.radius)
    assert distances[-1] > hard.radius
    assert labels[-1] == labels[0]


@given(distributions(), st.sampled_from([1.0, 1.5, 2.0, math.inf]), st.integers(0, 2**32 - 1))
def test_the_cover_radius_covers_and_leaves_room(hard, p, seed) -> None:
    """A corner plus radius times a unit vector stays within the cover radius; balls of other labels stay apart."""
    rng = np.random.default_rng(seed)
    step = rng.choice([-1.0, 1.0], hard.dim)
    unit = step / np.linalg.norm(step, p)
    reach = np.linalg.norm(hard.eta * step + hard.radius * unit, p)
    assert reach <= hard.cover_radius(p) * (1 + 1e-15)
    assert hard.cover_radius(p) <= (hard.radius + hard.eta * hard.dim ** (1 / p)) * (1 + 1e-11)
    if len(set(hard.labels.tolist())) == 2:
        assert 2 * hard.cover_radius(p) < separation(hard.centres(), hard.labels, p).distance


# --- the law -----------------------------------------------------------------------------------------


def within_binomial_limits(hits: int, trials: int, probability: float) -> bool:
    low, high = binom.ppf([CONFIDENCE / 2, 1 - CONFIDENCE / 2], trials, probability)
    return bool(low <= hits <= high)


@pytest.mark.parametrize("mu", [1.0, 0.25, 0.95])
def test_the_law(mu) -> None:
    """Seed 5: each cube with its mass, and each half of a cube with half of it."""
    rng = np.random.default_rng(5)
    hard = hard_distribution(4, 2, rng.choice([-1, 1], 8), mu=mu)
    cubes = hard.sample_cubes(20000, rng)
    masses = [mu / 8] * 8 + [1 - mu] * (mu < 1)
    for cube, mass in enumerate(masses):
        assert within_binomial_limits(int(np.sum(cubes == cube)), 20000, mass)
    points, centres = hard.points_in(cubes, rng), hard.centres(cubes)
    for j in range(hard.dim):
        assert within_binomial_limits(int(np.sum(points[:, j] > centres[:, j])), 20000, 0.5)
        inner = np.abs(points[:, j] - centres[:, j]) < hard.eta / 4
        assert within_binomial_limits(int(np.sum(inner)), 20000, 0.25)
    uniform = 1 / len(masses)
    assert hard.balance == pytest.approx(min(masses) / uniform, rel=1e-15)
    # Planted faults: cubes 0 and 1 in one, the inner half of each cube only.
    assert not within_binomial_limits(int(np.sum(cubes < 2)), 20000, masses[1])
    assert not within_binomial_limits(int(np.sum(inner)), 20000, 0.5)


def test_samples_are_reproducible_and_independent_of_the_object() -> None:
    hard = hard_distribution(3, 3, np.array([1, -1, 1, -1, 1, -1, 1, -1, 1]), radius=0.1)
    first, second = hard.sample(10, np.random.default_rng(1)), hard.sample(10, np.random.default_rng(1))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], hard.sample(10, np.random.default_rng(2))[0])


# --- robust error at the mid-points ------------------------------------------------------------------


@given(distributions(mu=1.0))
def test_robust_error_of_simple_classifiers(hard) -> None:
    """Constants, zero, the clean classifier (0 at every mid-point), and one that knows the labels."""
    assert hard.robust_error_bound(lambda x: np.ones(len(x))) == np.mean(hard.labels < 0)
    assert hard.robust_error_bound(lambda x: np.full((len(x), 1), -2.0)) == np.mean(hard.labels > 0)
    assert hard.robust_error_bound(lambda x: np.zeros(len(x))) == 1
    assert hard.robust_error_bound(hard.f_clean) == 1
    assert hard.robust_error_bound(lambda _: hard.labels.astype(float)) == 0


@given(distributions(), st.sampled_from([1.0, 2.0, math.inf]), st.integers(0, 2**32 - 1))
def test_a_wrong_midpoint_costs_every_point_of_its_cube(hard, p, seed) -> None:
    """Affine classifiers: their minimum over the ball of any point of such a cube is no more than at the mid-point."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(1, hard.dim)), rng.normal(size=1) / 4
    wrong = hard.wrong_midpoints(linear(weight[0], bias[0]))
    cubes = np.arange(hard.cubes)
    points = hard.points_in(cubes, rng)
    margins = affine_margin(weight, bias, points, hard.labels, hard.radius, p)
    at_middle = hard.labels * linear(weight[0], bias[0])(hard.midpoints())
    rounding = 1e-14 * (1 + np.abs(weight).sum())
    assert np.all(margins <= at_middle + rounding)
    assert np.all(margins[wrong] <= rounding)
    assert hard.robust_error_bound(linear(weight[0], bias[0])) == hard.mu * np.sum(wrong) / hard.cubes


def test_a_midpoint_out_of_reach_would_be_noticed() -> None:
    """The planted fault: cubes twice as high above 1/2; a classifier wrong at the mid-point is then robust on them."""
    hard = hard_distribution(3, 2, np.array([1, -1, 1, -1]), radius=0.2)
    weight, bias = np.array([[0.0, 0.0, 1.0]]), np.array([-0.5])
    margin = affine_margin(weight, bias, hard.centres(), hard.labels, hard.radius, math.inf)
    assert np.all(margin <= 0)
    high = hard.centres()
    high[:, 2] += hard.labels * hard.tau
    assert np.all(affine_margin(weight, bias, high, hard.labels, hard.radius, math.inf) > 0)
    with pytest.raises(AssumptionError, match="tau"):
        replace(hard, tau=2 * hard.tau)


def test_trained_on_a_sample_a_network_errs_on_most_unseen_cubes() -> None:
    """Seed 0: a fitted network without error on the sample and on fresh data, and its mid-points."""
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(0)
    hard = hard_distribution(9, 2, rng.choice([-1, 1], 256))
    points, labels = hard.sample(100, rng)
    model = MLPClassifier((64,), solver="lbfgs", max_iter=500, random_state=0).fit(points, labels)

    def classifier(x: np.ndarray) -> np.ndarray:
        return model.predict(x).astype(float)

    fresh, fresh_labels = hard.sample(2000, rng)
    assert np.mean(classifier(fresh) != fresh_labels) < 0.05
    assert hard.robust_error_bound(classifier) > 0.25


# --- bad input ---------------------------------------------------------------------------------------

FOUR = np.array([1, -1, 1, -1])


def plain(**changes: Any) -> HardDistribution:
    return replace(hard_distribution(3, 2, FOUR, radius=0.2), **changes)


BAD = [
    (lambda: hard_distribution(1, 2, np.array([1])), AssumptionError, "d >= 2"),
    (lambda: hard_distribution(3, 1, np.array([1])), AssumptionError, "m >= 2"),
    (lambda: hard_distribution(3, 0, np.array([1])), AssumptionError, "m >= 2"),
    (lambda: hard_distribution(3, 2, FOUR, radius=0.5), AssumptionError, "half the step of the grid"),
    (lambda: hard_distribution(3, 2, FOUR, radius=0.0), AssumptionError, "0 < radius"),
    (lambda: hard_distribution(3, 2, FOUR, radius=math.nan), AssumptionError, "0 < radius"),
    (lambda: hard_distribution(3, 2, FOUR, radius=math.inf), AssumptionError, "0 < radius"),
    (lambda: hard_distribution(2, 3, np.array([1, 1, -1]), radius=0.25), AssumptionError, "half the step"),
    (lambda: hard_distribution(3, 2, FOUR[:3]), ValueError, r"shape \(4,\)"),
    (lambda: hard_distribution(3, 2, np.array([1, 0, 1, -1])), ValueError, r"-1 and \+1, got \[0\]"),
    (lambda: hard_distribution(3072, 2, FOUR), ValueError, "2\\^26 cubes"),
    (lambda: hard_distribution(3, 2, FOUR, mu=0.0), AssumptionError, "mu in"),
    (lambda: hard_distribution(3, 2, FOUR, mu=1.5), AssumptionError, "mu in"),
    (lambda: hard_distribution(3, 2, FOUR, mu=math.nan), AssumptionError, "mu in"),
    (lambda: plain(eta=0.0), AssumptionError, "0 < eta < tau"),
    (lambda: plain(eta=math.nan), AssumptionError, "0 < eta < tau"),
    (lambda: plain(tau=math.inf), AssumptionError, "tau <= radius"),
    (lambda: plain(tau=2.0**-10), AssumptionError, "0 < eta < tau"),
    (lambda: plain(tau=0.2), AssumptionError, r"tau \+ dim \* eta <= radius"),
    (lambda: plain(radius=0.499, eta=2.0**-8, tau=0.1), AssumptionError, r"\(s - 3 \* eta\) > 2 \* radius"),
    (lambda: plain().sample(0, np.random.default_rng(0)), ValueError, "n >= 1"),
    (lambda: plain().centres(np.array([4])), ValueError, "0..3"),
    (lambda: plain().centres(np.array([-1])), ValueError, "0..3"),
    (lambda: plain().labels_of(np.array([], dtype=int)), ValueError, "n >= 1"),
    (lambda: plain(mu=0.5).midpoints(np.array([4])), ValueError, "no mid-point"),
    (lambda: plain().wrong_midpoints(lambda x: x), ValueError, "needs to return shape"),
    (lambda: plain().wrong_midpoints(lambda x: np.full(len(x), np.nan)), ValueError, "NaN"),
    (lambda: plain().cover_radius(0.5), ValueError, "p >= 1"),
    (lambda: plain().cover_radius(math.nan), ValueError, "p >= 1"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_calls(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()


TWO, SIXTY_FOURTH = np.array([1, -1]), 2.0**-6


def test_classes_that_are_twice_the_radius_apart_are_too_near() -> None:
    """`s - 3η = 1 - 5η = 2δ` on a grid of two, everything dyadic: refused; one float less of δ is accepted."""
    limit = (1 - 5 * SIXTY_FOURTH) / 2
    with pytest.raises(AssumptionError, match=r"\(s - 3 \* eta\) > 2 \* radius"):
        HardDistribution(2, 2, limit, TWO, SIXTY_FOURTH, 0.25)
    below = math.nextafter(limit, 0)
    hard = HardDistribution(2, 2, below, TWO, SIXTY_FOURTH, 0.25)
    assert hard.separation == 2 * limit > 2 * below


def test_a_cube_whose_far_corner_is_just_in_reach_of_the_midpoint_is_as_high_as_one_may_be() -> None:
    """The l_1 distance from the mid-point to the far corner is `τ + dη`: δ is allowed, a float more is not."""
    highest = 0.25 - 2 * SIXTY_FOURTH
    hard = HardDistribution(2, 2, 0.25, TWO, SIXTY_FOURTH, highest)
    corner = hard.centres()[0] + np.array([-1.0, 1.0]) * SIXTY_FOURTH
    assert rational_distance(corner, hard.midpoints()[0], 1.0) == Fraction(1, 4)
    for higher in (highest + 2.0**-50, highest + SIXTY_FOURTH):
        with pytest.raises(AssumptionError, match=r"tau \+ dim \* eta <= radius"):
            HardDistribution(2, 2, 0.25, TWO, SIXTY_FOURTH, higher)


def test_the_radius_may_come_near_to_its_limit() -> None:
    """As long as eta has room among floats."""
    for radius in (0.5 - 2.0**-30, 2.0**-30):
        hard = hard_distribution(3, 2, FOUR, radius=radius)
        assert hard.separation > 2 * radius
        assert rational_distance(hard.centres()[0], hard.midpoints()[0], 1.0) <= Fraction(radius)
