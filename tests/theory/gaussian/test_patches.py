"""Networks on patches: U and V, and the law of V at a new point by its closed forms and by simulation."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from theory.gaussian.patches import (
    PatchNetwork,
    UnseenNoise,
    memorizer_error,
    odd_power,
    orthogonal_memorizer_noise,
)

POWERS = pytest.mark.parametrize("power", [2, 3])


def covariance(seed: int, filters: int = 4) -> np.ndarray:
    root = np.random.default_rng(seed).standard_normal((filters, 3))
    return np.asarray(root @ root.T)


@POWERS
def test_the_odd_power_is_the_difference_of_two_powers_of_relu(power: int) -> None:
    z = np.random.default_rng(0).standard_normal(50)
    np.testing.assert_allclose(odd_power(z, power), np.maximum(z, 0) ** power - np.maximum(-z, 0) ** power, rtol=1e-15)


@POWERS
def test_the_margin_is_signal_and_noise_also_when_the_signal_patch_is_moved(power: int) -> None:
    rng = np.random.default_rng(1)
    filters, noise, labels = rng.standard_normal((5, 7)), rng.standard_normal((6, 2, 7)), rng.choice([-1, 1], 6)
    w = rng.standard_normal(7)
    w /= np.linalg.norm(w)
    noise -= (noise @ w)[..., None] * w
    network = PatchNetwork(filters, power)
    u = odd_power(filters @ w, power).sum()
    v = labels * odd_power(noise @ filters.T, power).sum(axis=(1, 2))
    for moved in (0.0, 0.4, -1.3, 2.5):
        signal = (2.0 * labels + moved)[:, None, None] * w
        found = labels * network(np.concatenate([signal, noise], axis=1))
        # α is 2, and t w* added to the patch α y w* makes it (α + y t) y w*.
        np.testing.assert_allclose(found, odd_power(2.0 + labels * moved, power) * u + v, rtol=1e-12)


@POWERS
@pytest.mark.parametrize("seed", range(4))
def test_the_variance_is_that_of_simulated_noise(power: int, seed: int) -> None:
    law = UnseenNoise(covariance(seed), power, 2)
    root = np.linalg.cholesky(covariance(seed) + 1e-12 * np.eye(4))
    g = np.random.default_rng(9).standard_normal((400_000, 2, 4)) @ root.T
    v = odd_power(g, power).sum(axis=(1, 2))
    # Six standard errors of a simulated second moment.
    assert abs(np.mean(v**2) - law.variance) < 6 * np.std(v**2) / math.sqrt(len(v))


@POWERS
def test_the_variance_by_quadrature(power: int) -> None:
    """Two correlated filters, by a grid of the plane: no simulation."""
    for rho in (-1.0, -0.5, 0.0, 0.3, 0.9, 1.0):
        t = np.linspace(-10, 10, 801)
        x, y = np.meshgrid(t, t)
        h = odd_power(x, power) + odd_power(rho * x + math.sqrt(1 - rho**2) * y, power)
        weights = norm.pdf(t) * (t[1] - t[0])
        exact = np.sum(np.outer(weights, weights) * h**2)
        law = UnseenNoise(np.array([[1.0, rho], [rho, 1.0]]), power, 1)
        # The second derivative of φ jumps for q = 2: an error of the order of the fourth power of the grid's step.
        assert law.variance == pytest.approx(exact, rel=1e-9 if power == 3 else 1e-6, abs=1e-9)


@POWERS
@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_the_share_of_simulated_points(power: int, seed: int) -> None:
    law = UnseenNoise(covariance(seed), power, 2)
    root = np.linalg.cholesky(covariance(seed) + 1e-12 * np.eye(4))
    v = odd_power(np.random.default_rng(5).standard_normal((100_000, 2, 4)) @ root.T, power).sum(axis=(1, 2))
    for share in (0.01, 0.5, 2.0):
        threshold = share * math.sqrt(law.variance)
        error, spread = law.error(threshold, directions=20_000)
        direct = np.mean(v < -threshold)
        assert abs(error - direct) < 5 * math.hypot(spread, math.sqrt(direct * (1 - direct) / len(v)))
        assert error < law.error_bound(threshold)
        assert error < 0.5


def test_at_the_radius_of_the_signal_the_error_is_a_half() -> None:
    law = UnseenNoise(covariance(0), 3, 2)
    assert law.error(0.0) == (0.5, 0.0)
    assert law.error_bound(0.0) == 0.5


@POWERS
@pytest.mark.parametrize("gap", [0.0, 0.02, 0.3, 1.0])
def test_one_memorized_point_has_the_closed_form(power: int, gap: float) -> None:
    law = orthogonal_memorizer_noise(101, 1, power)
    # (α - δ)^q U = κ^q, and V = φ(g) D^{-q/2}: with one direction and its opposite nothing is left to simulate.
    found, spread = law.error(gap**power)
    assert spread < 1e-12
    assert found == pytest.approx(norm.cdf(-gap * 10), rel=1e-9)
    assert memorizer_error(101, gap) == pytest.approx(found, rel=1e-9)


@POWERS
def test_the_memorizer_of_orthogonal_noise_is_what_is_said(power: int) -> None:
    dim, n, alpha = 40, 6, 3.0
    labels = np.array([1, -1, 1, 1, -1, -1])
    noise = math.sqrt(dim - 1) * np.eye(dim)[1 : n + 1]
    filters = np.eye(1, dim) / (alpha * n ** (1 / power)) + labels[:, None] * noise / (dim - 1)
    np.testing.assert_allclose(odd_power(filters[:, 0], power).sum(), alpha**-power)
    np.testing.assert_allclose(labels * odd_power(noise @ filters.T, power).sum(axis=1), 1.0)
    law = orthogonal_memorizer_noise(dim, n, power)
    np.testing.assert_allclose(filters[:, 1:] @ filters[:, 1:].T, law.covariance, atol=1e-15)
    moment = {2: 3, 3: 15}[power]
    assert law.variance == pytest.approx(n * moment / (dim - 1) ** power)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: UnseenNoise(np.eye(2), 4, 1), "power 2 or 3"),
        (lambda: UnseenNoise(np.ones((2, 3)), 3, 1), "square covariance"),
        (lambda: UnseenNoise(np.eye(2), 3, 1).error(-1.0), "threshold >= 0"),
        (lambda: orthogonal_memorizer_noise(5, 5, 3), "1 <= n <= dim - 1"),
        (lambda: memorizer_error(5, 1.5), r"gap in \[0, 1\]"),
    ],
)
def test_bad_input_is_refused(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
