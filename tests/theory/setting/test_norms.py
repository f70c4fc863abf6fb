"""Norms, duality, projections and samples of balls."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize
from scipy.stats import binom

from theory.arguments.scalars import read_exponent
from theory.setting.norms import distance, dual_exponent, norm, project_ball, sample_ball

exponents = st.sampled_from([1.0, 1.5, 2.0, 3.0, 10.0, math.inf])
vectors = hnp.arrays(np.float64, 4, elements=st.floats(-10, 10).map(lambda t: round(t, 3)))


@pytest.mark.parametrize(("p", "q"), [(1, math.inf), (2, 2), (math.inf, 1), (3, 1.5), (4, 4 / 3)])
def test_dual_exponent(p: float, q: float) -> None:
    assert dual_exponent(p) == pytest.approx(q, rel=1e-15)


@given(vectors, vectors, exponents)
def test_hoelder(x: np.ndarray, y: np.ndarray, p: float) -> None:
    assert abs(x @ y) <= norm(x, p) * norm(y, dual_exponent(p)) * (1 + 1e-13)


@given(vectors, exponents)
def test_hoelder_is_attained(x: np.ndarray, p: float) -> None:
    """The vector that attains it; with q for p it would not."""
    if p == 1:
        y = np.sign(x)
    elif math.isinf(p):
        y = np.where(np.arange(4) == np.abs(x).argmax(), np.sign(x), 0.0)
    else:
        y = np.sign(x) * np.abs(x) ** (p - 1)
    assert x @ y == pytest.approx(norm(x, p) * norm(y, dual_exponent(p)), rel=1e-12, abs=1e-300)


def test_norm_of_batches() -> None:
    x = np.array([[[3.0, -4.0]], [[0.0, 2.0]]])
    assert norm(x, 1).tolist() == [[7.0], [2.0]]
    assert norm(x, 2).tolist() == [[5.0], [2.0]]
    assert norm(x, math.inf).tolist() == [[4.0], [2.0]]
    assert distance(x, np.array([3.0, -3.0]), 1).tolist() == [[1.0], [8.0]]


@given(vectors, vectors, st.floats(0.01, 5.0), exponents)
def test_projection_is_in_the_ball_and_nearest(x: np.ndarray, centre: np.ndarray, radius: float, p: float) -> None:
    z = project_ball(x, centre, radius, p)
    # z = centre + step is rounded coordinate by coordinate.
    assert norm(z - centre, p) <= radius * (1 + 1e-15) + 2.0**-52 * norm(z, p)
    if norm(x - centre, p) <= radius:
        assert np.array_equal(z, x)
        return
    # Variational inequality: no point of the ball is nearer in any direction.
    others = centre + sample_ball(np.random.default_rng(0), 200, 4, p, radius)
    scale = norm(x - z, 2) * (norm(centre, 2) + radius * 4 + norm(x, 2))
    assert np.max((others - z) @ (x - z)) <= 1e-11 * max(scale, 1.0)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0])
def test_projection_agrees_with_a_solver(p: float) -> None:
    x, centre = np.array([2.0, -0.5, 0.25]), np.array([0.5, 0.0, 0.25])
    solution = minimize(
        lambda z: np.sum((z - x) ** 2),
        centre,
        constraints={"type": "ineq", "fun": lambda z: 0.7 - norm(z - centre, p)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    np.testing.assert_allclose(project_ball(x, centre, 0.7, p), solution.x, atol=2e-6)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_samples_are_uniform(p: float, share: float) -> None:
    """P(‖x‖_p <= t) = t^d: the count of inner samples within a binomial limit at 1e-6."""
    count, dim = 20_000, 3
    x = sample_ball(np.random.default_rng(1), count, dim, p)
    assert norm(x, p).max() <= 1
    inner = int(np.sum(norm(x, p) <= share))
    low, high = binom.ppf([5e-7, 1 - 5e-7], count, share**dim)
    assert low <= inner <= high
    # A half-space through the centre holds half of them.
    low, high = binom.ppf([5e-7, 1 - 5e-7], count, 0.5)
    for direction in ([1.0, 0, 0], [1.0, -2.0, 3.0]):
        assert low <= int(np.sum(x @ np.array(direction) > 0)) <= high


def test_samples_scale_with_the_radius() -> None:
    a, b = (sample_ball(np.random.default_rng(2), 10, 4, 1.5, radius) for radius in (1.0, 4.0))
    np.testing.assert_array_equal(4 * a, b)


@pytest.mark.parametrize(
    "call",
    [
        lambda: read_exponent(0.99),
        lambda: read_exponent(math.nan),
        lambda: dual_exponent(0.5),
        lambda: norm(np.ones(2), -1),
        lambda: project_ball(np.ones(2), np.ones(2), -1.0, 2),
        lambda: project_ball(np.ones(2), np.ones(2), math.nan, 2),
        lambda: sample_ball(np.random.default_rng(0), 0, 2, 2),
        lambda: sample_ball(np.random.default_rng(0), 2, 0, 2),
        lambda: sample_ball(np.random.default_rng(0), 2, 2, 2, math.nan),
    ],
)
def test_bad_arguments(call: object) -> None:
    with pytest.raises(ValueError, match="needs"):
        call()  # type: ignore[operator]


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4), st.integers(-1000, 1000), exponents)
def test_a_norm_is_right_at_every_scale(entries: list[int], scale: int, p: float) -> None:
    """`‖2^k x‖ = 2^k ‖x‖`, where squares and powers of the one underflow or overflow."""
    x = np.array(entries, dtype=float)
    expected = math.ldexp(float(norm(x, p)), scale)
    assert float(norm(np.ldexp(x, scale), p)) == pytest.approx(expected, rel=1e-14)


def test_norms_beyond_floats() -> None:
    assert norm(np.full(4, 1.7e308), 2) == math.inf
    assert norm(np.array([1e-170, 1e-170]), 2) == pytest.approx(math.sqrt(2) * 1e-170, rel=1e-15)
    assert norm(np.array([5e-4, 0.0]), 100) == pytest.approx(5e-4, rel=1e-14)
    assert norm(np.zeros((0, 3)), 2).shape == (0,)


@pytest.mark.parametrize("p", [500.0, 1075.0, 1500.0, 2.0**30, 2.0**52, 1e300])
def test_norms_of_large_exponents_do_not_vanish(p: float) -> None:
    assert norm(np.ones(2), p) == pytest.approx(2 ** (1 / p), rel=1e-14)
    assert norm(np.array([0.75, 0.5]), p) == pytest.approx(0.75, rel=1e-14)


@pytest.mark.parametrize("scale", [-1000, 1000])
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 10.0, math.inf])
def test_a_projection_is_right_at_every_scale(p: float, scale: int) -> None:
    x = np.array([[3.0, -1.0, 0.5, 0.0], [0.25, 0.5, 0.0, 0.0], [2.0, 2.0, -2.0, 1e-9]])
    plain = project_ball(x, np.zeros(4), 1.0, p)
    found = project_ball(np.ldexp(x, scale), np.zeros(4), 2.0**scale, p)
    np.testing.assert_allclose(np.ldexp(found, -scale), plain, rtol=1e-11, atol=1e-13)
    assert (norm(np.ldexp(found, -scale), p) <= 1).all()


@pytest.mark.parametrize("p", [1.0, 1.01, 2.0, 3.0, 1000.0, 1e300])
@pytest.mark.parametrize(("size", "radius"), [(1e300, 1e-300), (1.0, 1e-200), (3e-310, 1e-310)])
def test_a_projection_from_far_away_reaches_the_sphere(p: float, size: float, radius: float) -> None:
    """The radius is lost in the rounding of the point, or both are subnormal."""
    found = project_ball(np.array([1.5 * size, 1.2 * size, 0.0]), np.zeros(3), radius, p)
    assert norm(found / radius, p) == pytest.approx(1.0, rel=1e-12)
    assert found[0] >= found[1] >= found[2] == 0


def test_a_projection_by_hand_of_subnormal_numbers() -> None:
    assert project_ball(np.array([3e-310, 0.0]), np.zeros(2), 1e-310, 2) == pytest.approx([1e-310, 0.0], rel=1e-12)
    # Soft threshold 2.6: (0.7, 0.3).
    assert project_ball(np.array([3.3, -2.9]), np.zeros(2), 1.0, 1) == pytest.approx([0.7, -0.3], rel=1e-12)
    with pytest.raises(ValueError, match="scale both down"):
        project_ball(np.array([1.7e308]), np.array([-1.7e308]), 1.0, 2)
