"""Weights of few bits: rounding, and the least precision that certifies."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork, certify
from constructions.certificates.bit_complexity import bit_complexity, round_weights
from constructions.comparison.precision import precision_rows


def one(value: float) -> ReLUNetwork:
    return ReLUNetwork((Affine(sp.csr_array([[value]]), np.array([value])),))


@given(st.floats(1e-300, 1e300), st.integers(1, 53))
def test_rounding_is_to_the_nearest_number_of_so_many_bits(value: float, bits: int) -> None:
    rounded = float(round_weights(one(value), bits).layers[0].bias[0])
    mantissa = Fraction(rounded)
    while mantissa.denominator > 1:
        mantissa *= 2
    odd = mantissa.numerator
    while odd % 2 == 0:
        odd //= 2
    assert odd < 2**bits
    assert abs(Fraction(rounded) - Fraction(value)) <= Fraction(value) / 2**bits
    assert round_weights(one(value), 53).layers[0].bias[0] == value


def test_a_threshold_needs_the_bits_that_separate_it() -> None:
    # x - (1 - 2^-9) at x = 1 with balls of 2^-10: right from the bits on that keep the threshold below 1 - 2^-10.
    network = ReLUNetwork((Affine(np.array([[1.0]]), np.array([-(1 - 2.0**-9)])),))
    least = bit_complexity(network, np.array([[1.0]]), np.array([1]), 2.0**-10, math.inf)
    assert (least.bits, least.total, least.open_below) == (9, 18, 1)


def test_what_53_bits_do_not_certify_has_no_precision() -> None:
    network = ReLUNetwork((Affine(np.array([[1.0]]), np.array([-0.5])),))
    assert bit_complexity(network, np.array([[0.5]]), np.array([1]), 0.1, math.inf).bits is None


def test_bits_grow_with_the_radius_and_suffice() -> None:
    rows = precision_rows(sizes=(16, 32), ratios=(0.1, 0.45, 0.499), dim=4)
    for part in (rows[:3], rows[3:]):
        bits = [row["bits"] for row in part]
        assert bits == sorted(bits)
        assert 1 < bits[0] < bits[-1] < 24
        assert all(row["total bits"] == row["bits"] * row["non-zeros"] for row in part)


def test_the_least_precision_certifies_and_one_bit_less_does_not() -> None:
    from constructions import robust_memorizer

    points = np.random.default_rng(0).random((10, 3))
    built = robust_memorizer(points, [1, -1] * 5, radius=0.03, p=math.inf, small="all")
    codes = built.task.sample.codes
    least = bit_complexity(built.network, points, codes, 0.03, math.inf)
    assert least.bits is not None
    for bits, certified in ((least.bits, True), (least.bits - 1, False)):
        rounded = round_weights(built.network, bits)
        assert certify(rounded, points, codes, 0.03, math.inf).certified.all() == certified


@pytest.mark.parametrize("bits", [0, 54, -1])
def test_other_precisions_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 53"):
        round_weights(one(1.0), bits)
