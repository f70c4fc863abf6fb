"""Balls and cuts that touch but for rounding: a region without a point has no witness."""

from fractions import Fraction

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork, certify


@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
@pytest.mark.parametrize("p", [1, 1.5, 2, np.inf])
def test_a_cut_one_float_beside_the_ball(p: float, arithmetic: str) -> None:
    radius = 0.1
    high = float(Fraction(1) - Fraction(radius))
    while Fraction(high) >= 1 - Fraction(radius):
        high = float(np.nextafter(high, -1))
    f = ReLUNetwork((Affine(np.ones((1, 1)), np.zeros(1)),))
    found = certify(f, np.ones((1, 1)), [-1], radius, p, high=np.array([high]), arithmetic=arithmetic)
    assert found.status.tolist() == ["undecided"]
    assert not found.counterexamples
    # One float further there is a point.
    there = float(np.nextafter(high, 1))
    found = certify(f, np.ones((1, 1)), [-1], radius, p, high=np.array([there]), arithmetic=arithmetic)
    assert all(x[0] <= there and 1 - Fraction(x[0]) <= Fraction(radius) for x in found.counterexamples.values())
    assert found.status.tolist() == ["undecided" if arithmetic == "float32" else "refuted"]
