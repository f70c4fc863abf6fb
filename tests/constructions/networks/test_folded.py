"""The bound between a rounded network and what it was rounded from."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, FoldedNetwork
from constructions.networks.network import dense
from tests.rational import rationals
from tests.strategies import arrays, networks

U = Fraction(1, 2**53)


def perturbed(f: Any, x: list[Fraction], signs: list[int]) -> list[Fraction]:
    """The value where each weight is off by the part 2^-53 of itself, up or down."""
    values = x
    for k, (layer, sign) in enumerate(zip(f.layers, signs, strict=False)):
        values = [max(v, Fraction(0)) for v in values] if k else values
        parts = [1 + U * sign * (-1) ** j for j in range(len(values))]
        values = [
            Fraction(float(b)) * (1 + U * sign)
            + sum((Fraction(float(w)) * part * v for w, part, v in zip(row, parts, values, strict=True)), Fraction(0))
            for row, b in zip(dense(layer.weight), layer.bias, strict=True)
        ]
    return values


@given(st.data(), networks(), st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3))
def test_networks_with_other_roundings_are_within_the_bound(data: st.DataObject, f: Any, signs: list[int]) -> None:
    folded = FoldedNetwork(f.layers, rounded=1, rounding=2.0**-53)
    low = data.draw(arrays((f.inputs,)))
    high = low + np.abs(data.draw(arrays((f.inputs,))))
    bound = folded.distance(low, high)
    for row in (low, high, (low + high) / 2):
        none = perturbed(f, rationals(row), [0] * 3)
        other = perturbed(f, rationals(row), signs)
        assert all(abs(a - b) <= Fraction(float(c)) for a, b, c in zip(none, other, bound, strict=True))


def test_the_bound_is_near() -> None:
    """Of `x ↦ 3x` at 1 rounding makes at most 3 · 2^-53; the bound is twice that, and no more."""
    f = _one(3.0)
    assert 3 * 2.0**-52 <= f.distance(np.ones(1), np.ones(1))[0] <= 3 * 2.0**-52 * (1 + 1e-12)
    assert f.distance(np.zeros(1), np.zeros(1))[0] < 1e-200


def test_without_rounding_there_is_no_distance() -> None:
    f = FoldedNetwork(_one(3.0).layers)
    assert (f.rounded, f.rounding) == (0, 0.0)
    assert f.distance(np.ones(1), np.ones(1)).tolist() == [0.0]


def test_beyond_float64_it_is_infinite() -> None:
    f = FoldedNetwork((*_one(1e300).layers, *_one(1e300).layers), rounded=1)
    assert f.distance(np.ones(1), np.ones(1)).tolist() == [np.inf]


def test_corners_are_checked() -> None:
    with pytest.raises(ValueError, match="lower"):
        _one(1.0).distance(np.ones(1), np.zeros(1))


def _one(weight: float) -> FoldedNetwork:
    return FoldedNetwork((Affine(np.array([[weight]]), np.zeros(1)),), rounded=1, rounding=2.0**-53)
