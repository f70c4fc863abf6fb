"""The nearest differently labelled point of each point, of the sample itself and of another."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.setting.test_separation import exact_nearest, samples
from theory.errors import AssumptionError
from theory.setting.nearest import nearest_of_other_label
from theory.setting.separation import rational_distance, separation

POINTS = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
LABELS = np.array([0, 1, 0])


@given(samples(), st.sampled_from([1.0, 2.0, math.inf]))
def test_agrees_with_rational_arithmetic(sample: tuple[np.ndarray, np.ndarray], p: float) -> None:
    points, labels = sample
    found = nearest_of_other_label(points, labels, p)
    power = 2 if p == 2 else 1
    for k, least in enumerate(exact_nearest(points, labels, p)):
        bound = Fraction(found.distances[k]) ** power
        assert least * (1 - Fraction(1, 10**12)) <= bound <= least
        assert (bound == 0) == (least == 0)
        assert labels[found.indices[k]] != labels[k]
        assert rational_distance(points[k], points[found.indices[k]], p) <= least * (1 + Fraction(1, 10**12))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_the_least_of_them_is_the_separation(p: float) -> None:
    rng = np.random.default_rng(0)
    points, labels = rng.random((700, 5)), rng.integers(0, 4, 700)
    found, least = nearest_of_other_label(points, labels, p), separation(points, labels, p)
    assert found.p == p
    assert abs(found.distances.min() / least.distance - 1) <= 1e-13
    i, j = least.pair
    assert (found.indices[i], found.indices[j]) == (j, i)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_of_another_sample(p: float) -> None:
    others, other_labels = np.array([[0.0], [10.0], [11.0], [0.0]]), np.array(["a", "b", "a", "c"])
    found = nearest_of_other_label(
        np.array([[10.0], [0.0], [7.0]]), np.array(["a", "a", "b"]), p, others=others, other_labels=other_labels
    )
    assert found.indices.tolist() == [1, 3, 2]
    np.testing.assert_allclose(found.distances, [0.0, 0.0, 4.0], rtol=1e-13)
    assert found.distances[2] <= 4


@pytest.mark.usefixtures("untyped")
def test_labels_of_both_samples_are_the_values_that_they_are() -> None:
    found = nearest_of_other_label([[0.0], [5.0]], [1, "1"], 2, others=[[0.0], [5.0]], other_labels=[1.0, "1"])
    assert found.indices.tolist() == [1, 0]


def test_results_are_read_only() -> None:
    found = nearest_of_other_label(POINTS, LABELS, 1)
    for array in (found.distances, found.indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


OTHERS = {"others": POINTS, "other_labels": LABELS}


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"others": POINTS}, ValueError, "given together, got one of them"),
        ({"other_labels": LABELS}, ValueError, "given together, got one of them"),
        ({"labels": np.array([1, 1, 1])}, AssumptionError, "at least two different labels, got only 1"),
        (
            {**OTHERS, "other_labels": np.array([0, 0, 0]), "labels": np.array([1, 0, 1])},
            AssumptionError,
            "which all have one label, that of point 1$",
        ),
        ({**OTHERS, "others": np.zeros((3, 1))}, ValueError, "of one dimension, got 2 and 1 coordinates"),
        ({"points": np.where(POINTS > 0, np.nan, POINTS)}, ValueError, "in point 0"),
        ({"labels": np.array([0, 1])}, ValueError, "3 points and labels"),
        ({"p": 0.5}, ValueError, "got p=0.5"),
    ],
)
def test_bad_input(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nearest_of_other_label(**({"points": POINTS, "labels": LABELS, "p": 2} | changes))


def test_without_subnormal_numbers_is_refused() -> None:
    assert torch.set_flush_denormal(True)
    try:
        with pytest.raises(ValueError, match=r"set_flush_denormal\(False\)"):
            nearest_of_other_label(POINTS, LABELS, 1)
    finally:
        torch.set_flush_denormal(False)
