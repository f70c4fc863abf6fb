"""Volumes of l_p balls and shells: closed forms, an integral over slices, points that are counted."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom

from theory.errors import AssumptionError
from theory.setting.norms import norm
from theory.setting.volumes import log_ball_volume, log_shell_volume, shell_width

exponents = st.sampled_from([1.0, 1.5, 2.0, 3.0, math.pi, 10.0, math.inf])
# Sums of a few terms, each below 10^4 times a rounding; far below any change of a constant.
ROUNDING = 1e-10


@pytest.mark.parametrize("dim", [1, 2, 3, 6, 20])
def test_closed_forms(dim: int) -> None:
    """`2^d / d!`, the cube, and for p = 2 `π^k / k!` and `2 (4π)^k k! / (2k+1)!` for d = 2k and 2k+1."""
    k = dim // 2
    euclidean = (
        math.pi**k / math.factorial(k)
        if dim % 2 == 0
        else 2 * (4 * math.pi) ** k * math.factorial(k) / math.factorial(dim)
    )
    for p, volume in ((1.0, 2**dim / math.factorial(dim)), (2.0, euclidean), (math.inf, 2.0**dim)):
        assert abs(log_ball_volume(dim, 1.0, p) - math.log(volume)) <= ROUNDING
        assert abs(log_ball_volume(dim, 0.25, p) - math.log(volume / 4**dim)) <= ROUNDING


@pytest.mark.parametrize("p", [1.0, 1.25, 2.0, 3.5])
def test_the_ball_is_the_integral_over_its_slices(p: float) -> None:
    """`V_d = V_{d-1} ∫ (1 - |t|^p)^{(d-1)/p} dt`, from `V_1 = 2`: by quadrature, without the gamma function."""
    volume = 2.0
    for dim in range(2, 9):
        slices, error = quad(lambda t, dim=dim: (1 - t**p) ** ((dim - 1) / p), 0, 1)
        assert error < 1e-7
        volume *= 2 * slices
        assert abs(log_ball_volume(dim, 1.0, p) - math.log(volume)) <= 1e-7 * dim


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, math.pi])
@pytest.mark.parametrize("dim", [2, 4])
def test_as_many_points_of_the_cube_are_in_the_ball(dim: int, p: float) -> None:
    """Seed 0, limits of the binomial at 1e-6; balls of 0.9 and 1.1 of the radius are told apart."""
    n = 40_000
    inside = int((norm(2 * np.random.default_rng(0).random((n, dim)) - 1, p) <= 1).sum())
    share = lambda radius: math.exp(log_ball_volume(dim, radius, p)) / 2**dim  # noqa: E731
    assert binom.ppf(5e-7, n, share(1.0)) <= inside <= binom.ppf(1 - 5e-7, n, share(1.0))
    assert not binom.ppf(5e-7, n, share(0.9)) <= inside <= binom.ppf(1 - 5e-7, n, share(0.9))
    assert not binom.ppf(5e-7, n, share(1.1)) <= inside <= binom.ppf(1 - 5e-7, n, share(1.1))


@given(st.integers(1, 2000), st.floats(0.001, 100.0))
def test_the_volume_rises_with_p_and_ends_at_the_cube(dim: int, radius: float) -> None:
    volumes = [log_ball_volume(dim, radius, p) for p in (1, 1.5, 2, 3, 1e3, 1e300, math.inf)]
    assert all(a <= b + 1e-9 for a, b in pairwise(volumes))
    assert abs(volumes[-2] - volumes[-1]) <= 1e-9
    assert (dim == 1) == (volumes[-1] - volumes[0] <= 1e-9)


# --- shells -----------------------------------------------------------------------------------------


@given(st.integers(1, 12), st.integers(0, 30), st.integers(0, 64), st.integers(1, 64), exponents)
def test_shells_are_differences_of_balls(dim: int, n: int, radius: int, shell: int, p: float) -> None:
    """For radii that are multiples of 1/32, the difference of the powers over the rationals."""
    delta, gamma = Fraction(radius, 32), Fraction(shell, 32)
    rise = n * ((delta + gamma) ** dim - delta**dim)
    found = log_shell_volume(n, dim, radius / 32, shell / 32, p)
    if n == 0:
        assert found == -math.inf
    else:
        assert abs(found - math.log(rise) - log_ball_volume(dim, 1.0, p)) <= ROUNDING


@pytest.mark.parametrize("shell", [2.0**-60, 2.0**-300])
def test_thin_shells_do_not_cancel(shell: float) -> None:
    """`2 n γ` on the line; in many dimensions `γ` times the surface, the derivative of the volume."""
    assert abs(log_shell_volume(3, 1, 0.5, shell, 2.0) - math.log(6 * shell)) <= ROUNDING
    surface = math.log(784) + log_ball_volume(784, 1.0, 2.0) + 783 * math.log(0.5)
    assert abs(log_shell_volume(1, 784, 0.5, shell, 2.0) - math.log(shell) - surface) <= ROUNDING


def test_shells_that_are_no_float_of_the_radius() -> None:
    """Around a disk `2π δ γ`, also where γ/δ is below every float, or has lost its digits."""
    for radius, shell in ((1e10, 1e-320), (1e10, 1e-310), (1e10, 1e-290), (1.0, 2.0**-61), (1.0, 2.0**-59)):
        exact = math.log(2 * math.pi) + math.log(radius) + math.log(shell)
        assert abs(log_shell_volume(1, 2, radius, shell, 2) - exact) <= ROUNDING


@given(
    st.integers(1, 800),
    st.integers(1, 10**6),
    st.sampled_from([0.0, 1e-300, 2.0**-10, 0.5, 3.0]),
    st.floats(-300, 20),
    exponents,
)
def test_the_shell_of_a_volume_has_it(dim: int, n: int, radius: float, log_volume: float, p: float) -> None:
    volume = math.exp(log_volume)
    try:
        shell = shell_width(n, dim, radius, volume, p)
    except ValueError:
        # So many points with so large balls that only a shell below 2^-1022 is thin enough.
        assert log_shell_volume(n, dim, radius, 2.0**-1022, p) > log_volume - 1e-6
        return
    assert abs(log_shell_volume(n, dim, radius, shell, p) - log_volume) <= 1e-9


def test_the_shell_by_hand() -> None:
    # p = ∞, d = 2: 4 ((δ+γ)² - δ²) = 4 (1 - 1/4) for δ = γ = 1/2.
    assert abs(shell_width(1, 2, 0.5, 3.0, math.inf) - 0.5) <= 1e-14
    assert abs(shell_width(3, 1, 0.25, 0.75, 2.0) - 0.125) <= 1e-14
    assert abs(shell_width(1, 3, 0.0, 8.0, "inf") - 1.0) <= 1e-14
    assert abs(shell_width(1, 1, 1e-300, 2.0, 2) - 1.0) <= 1e-14


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: log_ball_volume(0, 1.0, 2), ValueError, "needs dim >= 1, got 0"),
        (lambda: log_ball_volume(2, 1.0, 0.5), ValueError, "p >= 1, got p=0.5"),
        (lambda: log_ball_volume(2, -1.0, 2), AssumptionError, "radius >= 0, got -1.0"),
        (lambda: log_ball_volume(2, math.nan, 2), AssumptionError, "got nan"),
        (lambda: log_shell_volume(-1, 2, 1.0, 0.5, 2), ValueError, "needs n >= 0, got -1"),
        (lambda: log_shell_volume(1, 2, -1.0, 2.0, 2), AssumptionError, "radius >= 0, got -1.0"),
        (lambda: log_shell_volume(1, 2, 1.0, -0.5, 2), AssumptionError, "shell >= 0, got -0.5"),
        (lambda: shell_width(0, 2, 1.0, 0.5, 2), ValueError, "n >= 1, got 0: without memorized points"),
        (lambda: shell_width(1, 2, 1.0, 0.0, 2), AssumptionError, "volume > 0, got 0.0: a continuous network"),
        (lambda: shell_width(1, 2, math.inf, 0.5, 2), AssumptionError, "got inf"),
        (lambda: shell_width(1, 784, 3.0, 1e-12, math.inf), ValueError, "below the normal numbers of float64"),
    ],
)
def test_bad_calls(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()


def test_nothing_has_no_volume() -> None:
    assert log_ball_volume(3, 0.0, 2) == log_shell_volume(0, 3, 1.0, 1.0, 2) == -math.inf
    assert log_shell_volume(4, 3, 1.0, 0.0, 2) == -math.inf
