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
    assert law.error_bound(0.0) == 1


@POWERS
@pytest.mark.parametrize("filters", [1, 3])
def test_without_noise_in_the_filters_all_is_lost_at_the_radius_of_the_signal(power: int, filters: int) -> None:
    """f = 0 is an error: filters along w* only leave nothing of a point from which the signal is taken."""
    network = PatchNetwork(np.eye(filters, 5) * np.eye(5)[0], power)
    patches = np.random.default_rng(0).standard_normal((9, 2, 5)) * (np.arange(5) > 0)
    assert (network(patches) == 0).all()
    law = UnseenNoise(np.zeros((filters, filters)), power, 2)
    assert law.error(0.0) == (1.0, 0.0)
    assert law.error(1e-9) == (0.0, 0.0)
    assert law.error(0.0)[0] <= law.error_bound(0.0)


@POWERS
def test_filters_that_cancel_leave_as_little(power: int) -> None:
    """w and -w, and a covariance with rounding: V is 0, and computed it is not."""
    root = np.random.default_rng(2).standard_normal((3, 7)) / 3
    root = np.vstack([root, -root])
    law = UnseenNoise(root @ root.T, power, 2)
    assert law.error(0.0) == (1.0, 0.0)


@pytest.mark.parametrize("patches", [1, 2])
def test_an_atom_of_a_quarter(patches: int) -> None:
    """φ(x) + φ(y) - φ((x+y)/√2) - φ((x-y)/√2) is x² + y² - x² - y² = 0 for x > y > 0 and x < y < 0: a quarter."""
    root = np.array([[1, 0], [0, 1], [-1, -1], [-1, 1]]) / np.sqrt([1, 1, 2, 2])[:, None]
    x = np.random.default_rng(3).standard_normal((4_000, 2))
    zero = np.abs(odd_power(x @ root.T, 2).sum(axis=1)) < 1e-12
    np.testing.assert_array_equal(zero, (x.prod(axis=1) > 0) & (np.abs(x[:, 0]) > np.abs(x[:, 1])))
    error, spread = UnseenNoise(root @ root.T, 2, patches).error(0.0, directions=20_000)
    assert abs(error - (1 + 0.25**patches) / 2) < 5 * spread < 0.02
    # Cubes of the same filters, and these without one of them, are almost never 0.
    assert UnseenNoise(root @ root.T, 3, patches).error(0.0) == (0.5, 0.0)
    assert UnseenNoise(root[:3] @ root[:3].T, 2, patches).error(0.0) == (0.5, 0.0)


def test_the_bound_by_hand() -> None:
    """Two patches of one filter: Var V is 2 · 15 for q = 3 and 2 · 3 for q = 2; half of Chebyshev's, by symmetry."""
    for power, variance in ((3, 30.0), (2, 6.0)):
        law = UnseenNoise(np.eye(1), power, 2)
        assert law.variance == pytest.approx(variance, rel=1e-14)
        assert law.error_bound(10.0) == pytest.approx(variance / 200, rel=1e-14)
        assert law.error_bound(1e-200) == law.error_bound(1.0) == 0.5
        assert law.error_bound(1e200) == math.ulp(0.0)
        assert law.error_bound(1e-3 * math.sqrt(math.nextafter(variance, 0))) == 0.5


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


def test_a_variance_below_0_is_refused() -> None:
    with pytest.raises(ValueError, match="variances >= 0, got -1"):
        UnseenNoise(np.array([[-1.0]]), 3, 1)
