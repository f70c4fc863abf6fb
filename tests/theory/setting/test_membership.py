"""Membership of a ball: exact, at every scale."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rational import is_inside, rationals
from theory.setting.membership import is_in_ball

EXPONENTS = (1.0, 1 + 2.0**-40, 1.5, 2.0, 3.0, 10.0, 100.0, math.inf)


@pytest.mark.parametrize(("p", "inside"), [(3.0, 0.75), (3.0, 1.0), (1.5, 0.75), (200.0, 0.75), (1e5, 0.75)])
def test_membership_of_tiny_balls(p: float, inside: float) -> None:
    """Powers of these steps underflow for p = 200 and 10^5: membership may not be decided by them."""
    radius, centre = 2.0**-30, np.zeros(2)
    assert is_in_ball(np.array([inside * radius, 0.0]), centre, radius, p)
    assert not is_in_ball(np.array([(1 + 2.0**-20) * radius, 0.0]), centre, radius, p)
    assert not is_in_ball(np.array([radius, radius]), centre, radius, min(p, 200.0))


@given(st.integers(0, 2**32 - 1), st.sampled_from(EXPONENTS), st.integers(-1060, 1000))
def test_points_of_any_scale_are_judged_as_in_high_precision(seed: int, p: float, scale: int) -> None:
    """Steps and radius near each other, a few ulp apart or far: subnormal to near overflow."""
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(1, 4))
    centre = np.ldexp(rng.choice([0.0, 1.0, -1.0], dim), scale)
    x = centre + np.ldexp(rng.integers(-8, 9, dim).astype(float), scale + int(rng.integers(-60, 3)))
    steps = [abs(a - b) for a, b in zip(rationals(x), rationals(centre), strict=True)]
    for near in (0.5, 1 - 2.0**-30, 1.0, 1 + 2.0**-52, 1.001):
        length = float(max(steps)) * len([s for s in steps if s]) ** (0 if math.isinf(p) else 1 / p)
        radius = length * near
        if not 0 < radius < math.inf:
            continue
        claimed, truth = is_in_ball(x, centre, radius, p), is_inside(steps, radius, p)
        # Sure near the surface only for the exponents that are decided in rationals.
        assert claimed == truth if p in (1, 2, 3, 10) or math.isinf(p) else not claimed or truth


@pytest.mark.parametrize("p", EXPONENTS)
def test_one_coordinate_decides_to_the_last_bit(p: float) -> None:
    for radius in (0.1, 1e-300, 5e-324, 1e300):
        assert is_in_ball(np.array([3.0, radius]), np.array([3.0, 0.0]), radius, p)
        assert not is_in_ball(np.array([3.0, np.nextafter(radius, 1e308)]), np.array([3.0, 0.0]), radius, p)
    # 1e8 + 1e-8 rounds to 1e8, and the next float is 1.5e-8 away.
    assert not is_in_ball(np.array([np.nextafter(1e8, 1e9)]), np.array([1e8]), 1e-8, p)


@pytest.mark.parametrize("p", [1075.0, 2000.0, 2.0**30, 2.0**52])
def test_a_corner_is_in_no_ball_of_a_large_exponent(p: float) -> None:
    assert not is_in_ball(np.array([8.0, 8.0]), np.zeros(2), 8.0, p)
    assert is_in_ball(np.array([8.0, 0.0]), np.zeros(2), 8.0, p)
    assert is_in_ball(np.array([7.0, 7.0]), np.zeros(2), 8.0, p)


@pytest.mark.parametrize("p", EXPONENTS)
def test_what_is_no_point_is_in_no_ball(p: float) -> None:
    for x in (math.nan, math.inf, -math.inf):
        assert not is_in_ball(np.array([x, 0.0]), np.zeros(2), 1e308, p)
    assert not is_in_ball(np.array([1e308]), np.array([-1e308]), 1.5e308, p)
    assert not is_in_ball(np.zeros(1), np.zeros(1), math.nan, p)
    assert is_in_ball(np.zeros(1), np.zeros(1), 0.0, p)


def test_a_diagonal_of_a_ball_of_many_coordinates() -> None:
    """`‖t 1‖_p = t d^{1/p}`, between the float64 below and the one above."""
    for p in (1.5, 2.0, 3.0, 100.0):
        t = 784 ** (-1 / p)
        inside, outside = t * (1 - 2.0**-50), t * (1 + 2.0**-50)
        assert is_in_ball(np.full(784, inside), np.zeros(784), 1.0, p)
        assert not is_in_ball(np.full(784, outside), np.zeros(784), 1.0, p)
    assert Fraction(inside) < Fraction(outside)


@pytest.mark.usefixtures("untyped")
def test_coordinates_of_other_types_are_the_numbers_that_they_are() -> None:
    """0 - 255 wraps around in bytes, and a difference in single precision is another one."""
    for p in (2, math.inf):
        assert not is_in_ball(np.array([0], dtype=np.uint8), np.array([255], dtype=np.uint8), 2.0, p)
    x, centre = np.full(5000, 0.1, dtype=np.float32), np.zeros(5000, dtype=np.float32)
    length = sum(map(Fraction, x.tolist()))
    assert not is_in_ball(x, centre, float(length) * (1 - 1e-12), 1)
    with pytest.raises(ValueError, match="one shape"):
        is_in_ball(np.zeros(2), np.zeros(3), 1.0, 2)
