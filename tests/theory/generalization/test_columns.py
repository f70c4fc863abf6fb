"""Errors of f_adv on columns: the formula against the classifier itself, evaluated on every piece of every ball."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.arrangement import is_robust
from theory.balls.small_margin import affine_margin
from theory.errors import AssumptionError
from theory.generalization.columns import Columns

RADIUS = 2.0**-5


@st.composite
def columns(draw) -> Any:
    """Dyadic, so that every coordinate, distance and area below is exact."""
    m = draw(st.sampled_from([2, 3, 5]))
    half_width = draw(st.sampled_from([2.0**-7, 2.0**-5, 2.0**-4]))
    lowest = draw(st.sampled_from([2.0**-10, 2.0**-6, RADIUS]))
    return Columns(2, m, RADIUS, half_width, lowest, draw(st.sampled_from([0.5, 1.0])))


def coarse_sample(population, n, seed) -> tuple[np.ndarray, np.ndarray]:
    """Bases and heights moved to multiples of 2^-12, ties included."""
    points, labels = population.sample(n, np.random.default_rng(seed))
    steps = np.round((points - 0.5) * 2**12) / 2**12
    small = population.small(points)
    height = np.clip(np.abs(steps[:, 1]), population.lowest, population.radius)
    steps[small, 1] = (labels * height)[small]
    return 0.5 + steps, labels


def pieces(low: float, high: float, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles and lengths of the parts of [low, high]; one middle of length 1 if low = high."""
    if low == high:
        return np.array([low]), np.array([1.0])
    ends = np.unique(np.concatenate([[low, high], cuts[(cuts > low) & (cuts < high)]]))
    return (ends[1:] + ends[:-1]) / 2, np.diff(ends) / (high - low)


def ratios_by_brute_force(population, points, labels) -> tuple[float, float]:
    """Share of X_small that is not robust, and that is more than 2δ from S_small, over all pieces of all columns."""
    f_adv = population.ideal(points, labels)
    chosen = points[f_adv.small]
    r = population.radius
    wrong = far = 0.0
    middles = np.linspace(population.half_width, 1 - population.half_width, population.m)
    for k, middle in enumerate(middles):
        y = 1 - 2 * (k % 2)
        bases = pieces(
            middle - population.half_width,
            middle + population.half_width,
            np.concatenate([chosen[:, 0] + shift for shift in (-2 * r, 0.0, 2 * r)]),
        )
        heights = pieces(population.lowest, r, np.abs(chosen[:, 1] - 0.5))
        for (u, a), (h, b) in itertools.product(zip(*bases, strict=True), zip(*heights, strict=True)):
            x = np.array([u, 0.5 + y * h])
            wrong += a * b * (not is_robust(f_adv, x, y))
            far += a * b * bool((np.abs(chosen - x).max(axis=1) > 2 * r).all())
    return wrong / population.m, far / population.m


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
@given(columns(), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_the_errors_are_those_of_the_classifier_itself(population, n, seed) -> None:
    points, labels = coarse_sample(population, n, seed)
    wrong, far = ratios_by_brute_force(population, points, labels)
    # Sums of at most a few hundred areas below 1.
    assert abs(population.adversarial_ratio(points) - wrong) <= 1e-12
    assert abs(population.far_ratio(points) - far) <= 1e-12


@given(st.integers(2, 4), st.integers(2, 3), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_on_product_grids_too(dim, m, n, seed) -> None:
    population = Columns(dim, m, 2.0**-4, 0.0, 2.0**-4, 0.75)
    points, labels = population.sample(n, np.random.default_rng(seed))
    f_adv = population.ideal(points, labels)
    wrong = far = 0
    for digits in itertools.product(range(m), repeat=dim - 1):
        y = 1 - 2 * (sum(digits) % 2)
        x = np.array([*(d / (m - 1) for d in digits), 0.5 + y * population.radius])
        wrong += not is_robust(f_adv, x, y)
        far += not (np.abs(points[f_adv.small] - x).max(axis=1, initial=0) <= 2 * population.radius).any()
        # Large-margin data is never wrong.
        assert is_robust(f_adv, np.append(x[:-1], 0.5 + y * (population.radius + 2.0**-20)), y)
    if not len(f_adv.small):
        wrong = far = population.columns
    assert population.adversarial_ratio(points) == wrong / population.columns
    assert population.far_ratio(points) == far / population.columns


@pytest.mark.parametrize("fault", ["half the radius", "heights ignored"])
def test_faults_in_the_formula_are_caught(fault, monkeypatch) -> None:
    # A cover that allows gaps of δ only; points that cover whatever their height.
    if fault == "half the radius":
        monkeypatch.setattr(Columns, "_bridged", lambda self, gap: gap if gap <= self.radius else 0.0)
    else:
        share = Columns._robust_share
        monkeypatch.setattr(
            Columns, "_robust_share", lambda self, base, height, side: share(self, base, 0 * height + self.lowest, side)
        )
    population = Columns(2, 2, RADIUS, 2.0**-4, 2.0**-10)
    differences = []
    for seed in range(20):
        points, labels = coarse_sample(population, 8, seed)
        differences.append(
            abs(population.adversarial_ratio(points) - ratios_by_brute_force(population, points, labels)[0])
        )
    assert max(differences) > 0.01


# --- the distribution -------------------------------------------------------------------------------


@given(columns(), st.integers(0, 2**32 - 1))
def test_samples_lie_in_their_columns_and_the_classes_are_apart(population, seed) -> None:
    points, labels = population.sample(200, np.random.default_rng(seed))
    assert ((points >= 0) & (points <= 1)).all()
    assert (labels * population.clean(points) > 0).all()
    height = np.abs(points[:, 1] - 0.5)
    small = population.small(points)
    assert (height[small] >= population.lowest).all()
    assert (height[small] <= population.radius).all()
    assert (height[~small] > population.radius).all()
    apart = np.abs(points[labels > 0][:, None] - points[labels < 0][None]).max(axis=2)
    assert apart.min(initial=np.inf) >= population.separation > 2 * population.radius
    middles = np.linspace(population.half_width, 1 - population.half_width, population.m)
    assert (np.abs(points[:, :1] - middles).min(axis=1) <= population.half_width).all()


def test_masses_are_those_of_the_distribution() -> None:
    # Seed 0; limits of the binomial at 1e-6, and of Kolmogorov's distance (Massart) for the uniform parts.
    population = Columns(2, 3, 2.0**-4, 2.0**-4, 2.0**-6, 0.25)
    n, rng = 20_000, np.random.default_rng(0)
    points, labels = population.sample(n, rng)
    small = population.small(points)
    assert binom.ppf(5e-7, n, 0.25) <= small.sum() <= binom.ppf(1 - 5e-7, n, 0.25)
    for k in range(3):
        count = (np.abs(points[:, 0] - [1 / 16, 0.5, 15 / 16][k]) <= 1 / 16).sum()
        assert binom.ppf(5e-7, n, 1 / 3) <= count <= binom.ppf(1 - 5e-7, n, 1 / 3)
    height = np.abs(points[:, 1] - 0.5)
    base = (points[:, 0] - np.array([1 / 16, 0.5, 15 / 16])[np.searchsorted([0.3, 0.7], points[:, 0])]) * 8 + 0.5
    for uniform in (
        (height[small] - 2.0**-6) / (2.0**-4 - 2.0**-6),
        (height[~small] - 2.0**-4) / (0.5 - 2.0**-4),
        base,
    ):
        steps = np.arange(1, len(uniform) + 1) / len(uniform)
        assert np.abs(np.sort(uniform) - steps).max() <= math.sqrt(math.log(2e6) / (2 * len(uniform))) + 1 / len(
            uniform
        )
    # μ is the adversarial error of f_clean: its least margin over the ball, in closed form.
    least = affine_margin(np.array([[0.0, 1.0]]), np.array([-0.5]), points, labels, population.radius, np.inf)
    assert ((least <= 0) == small).all()


@given(columns(), st.floats(-0.1, 1.1))
def test_no_ball_has_more_than_the_bound_of_the_ball_mass(population, z) -> None:
    """The mass of the interval of length 4δ around z, by the overlap with each column."""
    middles = np.linspace(population.half_width, 1 - population.half_width, population.m)
    reach = 2 * population.radius
    overlap = np.minimum(z + reach, middles + population.half_width) - np.maximum(
        z - reach, middles - population.half_width
    )
    mass = population.mu * np.maximum(overlap, 0).sum() / (2 * population.half_width * population.m)
    assert mass <= population.ball_mass + 1e-12
    assert population.ball_mass <= population.density * (2 * reach) ** 2 or population.density == np.inf


def test_the_ball_mass_of_a_product_grid_counts_points() -> None:
    # Step 1/3: one point a coordinate for 4δ < 1/3, two for 4δ >= 1/3 > 2δ.
    assert Columns(4, 4, 2.0**-4, 0.0, 2.0**-4, 0.5).ball_mass == 0.5 / 64
    assert Columns(4, 4, 3 / 32, 0.0, 2.0**-4, 0.5).ball_mass == 0.5 * 8 / 64


def test_the_density_is_the_mass_over_the_volume() -> None:
    population = Columns(2, 3, 2.0**-4, 2.0**-4, 2.0**-5, 0.25)
    assert population.density == 0.25 / (3 * 2.0**-3 * 2.0**-5)
    assert Columns(2, 3, 2.0**-4, 0.0, 2.0**-5).density == np.inf


# --- bad input --------------------------------------------------------------------------------------


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Let the functions' own checks speak: the annotations would refuse some of these calls first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


GOOD = dict(dim=2, m=3, radius=2.0**-4, half_width=2.0**-4, lowest=2.0**-5, mu=0.5)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"dim": 1}, AssumptionError, "dim >= 2 and m >= 2, got dim=1"),
        ({"m": 1}, AssumptionError, "got dim=2, m=1"),
        ({"mu": 0.0}, AssumptionError, "mu in .0, 1., got mu=0.0"),
        ({"mu": math.nan}, AssumptionError, "got mu=nan"),
        ({"radius": 0.5}, AssumptionError, "radius < 1/2"),
        ({"radius": math.nan}, AssumptionError, "radius=nan"),
        ({"lowest": 0.0}, AssumptionError, "0 < lowest"),
        ({"lowest": 2.0**-3}, AssumptionError, "lowest <= radius"),
        ({"half_width": -0.1}, AssumptionError, "half_width < 1/2, got -0.1"),
        ({"half_width": math.nan}, AssumptionError, "got nan"),
        ({"lowest": 0.01}, ValueError, "multiples of 2.-40"),
        ({"m": 9}, AssumptionError, "separation of more than 2 . radius, got -0.015625 with radius=0.0625"),
        ({"half_width": 0.125}, AssumptionError, "got 0.125 with radius=0.0625"),
        ({"dim": 30}, ValueError, "2.20, got m=3, dim=30"),
    ],
)
def test_bad_columns(change, error, message) -> None:
    with pytest.raises(error, match=message):
        Columns(**(GOOD | change))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Columns(**GOOD).sample(0, np.random.default_rng(0)), ValueError, "n >= 1 points, got 0"),
        (lambda: Columns(**GOOD).adversarial_ratio(np.array([[0.3, 0.53]])), ValueError, "lie in a column"),
        (
            lambda: Columns(**(GOOD | {"dim": 3})).adversarial_ratio(np.full((1, 3), 0.5)),
            ValueError,
            "dim = 2 or half_width = 0, got dim=3",
        ),
    ],
)
def test_bad_calls(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
