"""Floats as integers, and exact products."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from theory.lower_bounds.integers import as_integers, differences, product

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FLOATS, min_size=1, max_size=6))
def test_integers_are_the_floats(values: list[float]) -> None:
    integers, unit = as_integers(np.array(values))
    assert [Fraction(int(k)) * Fraction(2) ** unit for k in integers] == [Fraction(v) for v in values]


def test_differences_are_exact_in_the_unit_of_the_other_number() -> None:
    points = np.array([[0.1, 2.0**-60], [0.3, 5e-324], [1.0, 0.0]])
    steps, (other,) = differences(points, np.array([[0, 1], [2, 0]]), 0.5)
    unit = Fraction(1, 2) / other
    exact = [
        [Fraction(a) - Fraction(b) for a, b in zip(points[i], points[j], strict=True)] for i, j in ((0, 1), (2, 0))
    ]
    assert [[k * unit for k in row] for row in steps.tolist()] == exact


@given(
    st.lists(st.lists(st.integers(-(2**90), 2**90), min_size=3, max_size=3), min_size=1, max_size=4),
    st.lists(st.lists(st.integers(-(2**50), 2**50), min_size=2, max_size=2), min_size=3, max_size=3),
)
def test_a_product_is_that_of_python_integers(a: list[list[int]], b: list[list[int]]) -> None:
    found = product(np.array(a, dtype=object), np.array(b, dtype=object))
    columns = [[row[k] for row in b] for k in range(2)]
    assert found.tolist() == [[sum(x * y for x, y in zip(row, c, strict=True)) for c in columns] for row in a]


def test_a_long_product_does_not_round() -> None:
    row = np.full((1, 20_001), 2**20 - 1, dtype=object)
    assert product(row, row.T).item() == 20_001 * (2**20 - 1) ** 2
