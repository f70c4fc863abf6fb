"""The smooth law of the witnesses of section 6: its density, computed a second time, and its means over periods."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom

from theory.witnesses.smooth_law import density_bound, sample_smooth_law

DRAWS = 100_000
LIMIT = 1e-6


def bump_below(b: float) -> float:
    """`P(B <= b)` by quadrature."""

    def mass(low: float, high: float) -> float:
        return quad(lambda t: math.exp(-1 / (1 - 16 * t * t)), low, high, epsabs=1e-14)[0]

    return mass(-0.25, min(max(b, -0.25), 0.25)) / mass(-0.25, 0.25)


def density(z: float) -> float:
    """`2 P(z - 3/4 <= B <= z - 1/4)`."""
    return 2 * (bump_below(z - 0.25) - bump_below(z - 0.75))


def test_draws_have_the_density() -> None:
    """Eight cells, the mass of each by quadrature, its count within binomial limits; none outside [0, 1]."""
    z = sample_smooth_law(DRAWS, 1, np.random.default_rng(0))[:, 0]
    assert 0 <= z.min() < 0.05
    assert 0.95 < z.max() <= 1
    counts, ends = np.histogram(z, bins=8, range=(0, 1))
    total = 0.0
    for count, (low, high) in zip(counts.tolist(), pairwise(ends.tolist()), strict=True):
        mass = quad(density, low, high, epsabs=1e-9)[0]
        total += mass
        assert binom.ppf(LIMIT / 8, DRAWS, mass) <= count <= binom.isf(LIMIT / 8, DRAWS, mass)
        # The planted fault: the uniform law is another.
        assert abs(count - DRAWS / 8) > 5 * math.sqrt(DRAWS / 8)
    assert total == pytest.approx(1, abs=1e-8)


def test_the_density_is_bounded_by_kappa_and_attains_it() -> None:
    values = [density(z) for z in np.linspace(-0.25, 1.25, 61)]
    assert max(values) == pytest.approx(density_bound(1), rel=1e-12)
    assert max(values) <= density_bound(1) * (1 + 1e-12)
    assert values[:10] == values[-10:] == [0.0] * 10
    assert density_bound(3) == 8.0


def test_coordinates_are_independent() -> None:
    """The share of a corner is the product, to 5 standard deviations; the density of the pair is at most κ = 4."""
    x = sample_smooth_law(DRAWS, 2, np.random.default_rng(1))
    assert x.shape == (DRAWS, 2)
    below = x < 0.4
    share = below.mean(axis=0)
    product = float(share[0] * share[1])
    assert abs(below.all(axis=1).mean() - product) < 5 * math.sqrt(product / DRAWS)
    middle = (np.abs(x - 0.5) < 0.05).all(axis=1).sum()
    assert binom.ppf(LIMIT, DRAWS, 0.04) <= middle <= binom.isf(LIMIT, DRAWS, density_bound(2) * 0.1**2)


@pytest.mark.parametrize("periods", [2, 4, 10])
def test_means_are_those_over_a_period(periods: int) -> None:
    """By the density: the trapezium rule, which errs by h² times the kinks; for an odd number of periods it fails."""
    z = np.linspace(0, 1, 2001)
    weights = np.array([density(v) for v in z]) / 2000
    turn = 2 * math.pi * z
    assert weights @ np.abs(np.cos(periods * turn)) == pytest.approx(2 / math.pi, abs=1e-4)
    assert weights @ np.sin(periods * turn + 1) == pytest.approx(0, abs=1e-9)
    assert abs(weights @ np.sin(turn + 1)) > 0.01
