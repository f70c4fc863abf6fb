"""The square network: Yarotsky's bound in exact arithmetic, for the very weights that are built."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork, square
from constructions.pieces.square import interpolated_square, sum_of_squares
from tests.rational import rational_value
from tests.strategies import arrays, dyadic

MS = range(1, 7)
EPS = Fraction(1, 2**53)


def value(f: ReLUNetwork, t: Fraction) -> Fraction:
    (result,) = rational_value(f, [t])
    return result


def affine_between(f: ReLUNetwork, a: Fraction, b: Fraction) -> bool:
    """Whether no neuron changes its sign between `a` and `b`: then every one is affine there, layer by layer."""
    for k in range(1, f.depth):
        upto = ReLUNetwork(f.layers[:k])
        left, right = rational_value(upto, [a]), rational_value(upto, [b])
        if any(u * v < 0 for u, v in zip(left, right, strict=True)):
            return False
    return True


@pytest.mark.parametrize("half_width", [1.0, 0.25, 8.0, 0.3, 1 / 3, 255.0, math.pi, 1e150, 1e-150])
@pytest.mark.parametrize("m", MS)
def test_yarotskys_bound_is_exact(m: int, half_width: float) -> None:
    """`0 <= T² f_m(|t|/T) - t² <= T² 2^{-2m-2}` on `[-T, T]`, attained at the middle of every cell.

    A proof for these weights: `f` is affine on each of the 2^{m+1} cells and equal to t² at their ends, so that the
    error is `(t - a)(b - t)`, largest in the middle.
    """
    f, scale = square(m, half_width), Fraction(half_width)
    largest = scale**2 / 4 ** (m + 1)
    for k in range(-(2**m), 2**m):
        a, b = scale * k / 2**m, scale * (k + 1) / 2**m
        assert affine_between(f, a, b)
        assert value(f, a) == a**2
        assert value(f, b) == b**2
        middle = (a + b) / 2
        assert value(f, middle) - middle**2 == largest
        # Float64 gives the same numbers where all of them are dyadic.
        if half_width in (1.0, 0.25, 8.0):
            assert f(np.array([[float(middle)]])).item() == middle**2 + largest


@pytest.mark.parametrize("seed", range(30))
def test_knots_are_exact_for_every_width(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m, half_width = int(rng.integers(1, 12)), float(rng.random() * 10.0 ** rng.integers(-9, 9))
    f = square(m, half_width)
    for k in rng.integers(-(2**m), 2**m + 1, 10).tolist():
        knot = Fraction(half_width) * k / 2**m
        assert value(f, knot) == knot**2


def test_one_tent_too_few_breaks_the_bound() -> None:
    assert value(square(2), Fraction(1, 8)) - Fraction(1, 64) > Fraction(1, 4**4)
    assert not affine_between(square(3), Fraction(0), Fraction(1, 4))


@given(st.integers(1, 6), st.floats(1e-3, 1e3), st.floats(-1, 1))
def test_bound_for_any_width_up_to_rounding(m: int, half_width: float, part: float) -> None:
    """The weights 1/T and T² are rounded once each; |t| / T by it and the product; the sums of m + 1 terms after.

    Each of these is a relative error of 2^-53 in a term that is at most T², and f_m has slopes up to 2.
    """
    t = part * half_width
    scale = Fraction(half_width) ** 2
    error = Fraction(square(m, half_width)(np.array([[t]])).item()) - Fraction(t) ** 2
    slack = (2 * m + 10) * EPS * scale
    assert -slack <= error <= scale / 4 ** (m + 1) + slack


@pytest.mark.parametrize("m", [*MS, 20])
def test_count(m: int) -> None:
    """2 for |t|, 4 + 1 for the first tent, 7 for each further, m more to hand the sum on: 8m + 1."""
    for half_width in (1.0, 0.3):
        f = square(m, half_width)
        assert f.nonzero == 8 * m + 1
        assert f.depth == m + 2
        assert f.widths == (1, 2, 2, *[3] * (m - 1), 1)


@given(st.integers(1, 12), arrays((5,), dyadic(0.0, 1.0, 16)))
def test_interpolation_is_the_network_on_dyadic_points(m: int, t: np.ndarray) -> None:
    assert interpolated_square(t, m).tolist() == square(m)(t[:, None])[:, 0].tolist()


@given(st.integers(1, 20), st.floats(0, 1))
def test_interpolation_is_the_network(m: int, t: float) -> None:
    """The tents are exact, the m + 1 terms of the sum and the few of the closed form are rounded once each."""
    direct = interpolated_square(np.array([t]), m).item()
    assert abs(direct - square(m)(np.array([[t]])).item()) <= float((m + 6) * EPS)


def test_interpolation_at_the_ends() -> None:
    assert interpolated_square(np.array([[0.0, 1.0]]), 3).tolist() == [[0.0, 1.0]]


# -- sums of squares


@given(st.data(), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
def test_sum_of_squares(data: st.DataObject, m: int, scalars: int, sums: int) -> None:
    t = data.draw(arrays((4, scalars), dyadic(0.0, 1.0)))
    omega = data.draw(arrays((sums, scalars), dyadic(0.0, 2.0)))
    f = sum_of_squares(Affine(np.eye(scalars), np.zeros(scalars)), omega, m)
    squares = interpolated_square(t, m)
    assert f(t).tolist() == (squares @ omega.T).tolist()
    assert f.depth == m + 1


@given(st.data(), st.integers(1, 4), st.integers(1, 3), dyadic())
def test_sum_of_squares_with_carried_values(data: st.DataObject, m: int, size: int, constant: float) -> None:
    """`(Σ ω f_m(t) + λ·c + constant, c)`, with `t = x` and `c = x + 1`."""
    t = data.draw(arrays((4, size), dyadic(0.0, 1.0)))
    omega, linear = data.draw(arrays((2, size), dyadic(0.0, 2.0))), data.draw(arrays((size,)))
    f = sum_of_squares(
        Affine(np.eye(size), np.zeros(size)),
        sp.csr_array(omega),
        m,
        carried=Affine(np.eye(size), np.ones(size)),
        linear=linear,
        constant=constant,
    )
    sums = interpolated_square(t, m) @ omega.T + ((t + 1) @ linear)[:, None] + constant
    assert f(t).tolist() == np.hstack([sums, t + 1]).tolist()
    assert f.depth == m + 1


@pytest.mark.parametrize(
    ("m", "half_width", "message"),
    [
        (0, 1.0, "m >= 1 tents, got 0"),
        (-1, 1.0, "m >= 1 tents, got -1"),
        (1, 0.0, "half_width > 0, got 0.0"),
        (1, -1.0, "half_width > 0, got -1.0"),
        (1, math.nan, "half_width > 0, got nan"),
        (1, math.inf, "finite"),
        (1, 1e200, "finite"),
        (1, 1e-310, "finite"),
        (100, 1e-250, "normal range of float64, got T=1e-250 and m=100"),
        (512, 1.0, "m <= 511 tents, got 512"),
    ],
)
def test_bad_arguments_are_refused(m: int, half_width: float, message: str) -> None:
    def build() -> Any:
        with np.errstate(all="ignore"):
            return square(m, half_width)

    with pytest.raises(ValueError, match=message):
        build()
