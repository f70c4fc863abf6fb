"""Reading a labelled sample: classes of any kind, and no malformed number gets through."""

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from constructions.sample import is_signed, read_points, read_sample
from theory.errors import AssumptionError

LINE = np.arange(4.0)[:, None]


# -- labels


@pytest.mark.parametrize(
    "labels",
    [
        [1, -1, -1, 1],
        (1.0, -1.0, -1.0, 1.0),
        [1, -1.0, np.int8(-1), np.float32(1)],
        np.array([1, -1, -1, 1]),
        np.array([1, -1, -1, 1], dtype=np.int8),
        np.array([1.0, -1.0, -1.0, 1.0], dtype=np.float32),
        np.array([1, -1, -1, 1], dtype=object),
        torch.tensor([1, -1, -1, 1]),
        torch.tensor([1.0, -1.0, -1.0, 1.0]),
        pd.Series([1, -1, -1, 1]),
        (sign for sign in (1, -1, -1, 1)),
        [True, -1, -1, True],
    ],
)
def test_signs_need_one_output(labels: Any) -> None:
    sample = read_sample(LINE, labels)
    assert sample.outputs == 1
    assert sample.classes == (-1, 1)
    assert sample.codes.dtype == np.int64
    assert sample.codes.tolist() == [1, -1, -1, 1]


@pytest.mark.parametrize(
    ("labels", "classes", "codes"),
    [
        (["b", "a", "c", "a"], ("a", "b", "c"), [1, 0, 2, 0]),
        (np.array(["b", "a", "b", "b"]), ("a", "b"), [1, 0, 1, 1]),
        ([7, 3, 7, 5], (3, 5, 7), [2, 0, 2, 1]),
        (torch.tensor([7, 3, 7, 5]), (3, 5, 7), [2, 0, 2, 1]),
        ([0, 1, 1, 0], (0, 1), [0, 1, 1, 0]),
        ([0.5, -0.5, 0.5, 0.5], (-0.5, 0.5), [1, 0, 1, 1]),
        ([True, False, False, True], (False, True), [1, 0, 0, 1]),
        (np.array([True, False, False, True]), (False, True), [1, 0, 0, 1]),
        ([(1, 0), (0, 1), (1, 0), (0, 0)], ((0, 0), (0, 1), (1, 0)), [2, 1, 2, 0]),
        ([-1, 1, 0, 1], (-1, 0, 1), [0, 2, 1, 2]),
        (["-1", "1", "1", "1"], ("-1", "1"), [0, 1, 1, 1]),
        # Not comparable: in the order of appearance.
        ([1, "one", 1, None], (1, "one", None), [0, 1, 0, 2]),
        ([None, -1, 1, -1], (None, -1, 1), [0, 1, 2, 1]),
        ([1 + 1j, 0, 1 + 1j, 0], (1 + 1j, 0), [0, 1, 0, 1]),
        ([frozenset("a"), "a", "a", "a"], (frozenset("a"), "a"), [0, 1, 1, 1]),
        # Equal to each other, so one class.
        ([1, 1.0, True, 2], (1, 2), [0, 0, 0, 1]),
    ],
)
def test_classes_are_numbered(labels: Any, classes: tuple[Hashable, ...], codes: list[int]) -> None:
    sample = read_sample(LINE, labels)
    assert sample.classes == classes
    assert sample.codes.tolist() == codes
    assert sample.outputs == len(classes)


@given(st.lists(st.one_of(st.integers(), st.text(), st.booleans(), st.none()), min_size=2, max_size=8))
def test_codes_give_the_labels_back(labels: list[Any]) -> None:
    points = np.arange(float(len(labels)))[:, None]
    if len(set(labels)) < 2:
        with pytest.raises(AssumptionError):
            read_sample(points, labels)
        return
    sample = read_sample(points, labels)
    numbers = (sample.codes + 1) // 2 if is_signed(sample.classes) else sample.codes
    assert [sample.classes[k] for k in numbers] == labels
    assert set(sample.codes.tolist()) == ({-1, 1} if is_signed(sample.classes) else set(range(len(sample.classes))))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([1, -1, 1, -1], ["1", "-1", "1", "-1"]),
        (["b", "a", "c", "a"], ["b", "a", "c", "a"]),
        ([True, False, True, True], ["True", "False", "True", "True"]),
        # Two classes that read the same are told apart by their numbers.
        ([1, "1", 1, "1"], [0, 1, 0, 1]),
    ],
)
def test_names_of_the_labels(labels: list[Any], names: list[Any]) -> None:
    assert read_sample(LINE, labels).named_labels().tolist() == names


# -- points


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.uint8, np.bool_])
def test_real_points_become_float64(dtype: type) -> None:
    points = read_points(np.array([[0, 1], [1, 1]], dtype=dtype))
    assert points.dtype == np.float64
    assert points.tolist() == [[0.0, 1.0], [1.0, 1.0]]


def test_float64_points_are_not_copied() -> None:
    points = np.random.default_rng(0).random((3, 2))
    assert read_points(points) is points
    assert read_sample(points, [0, 1, 1]).points is points


def test_lists_tensors_and_tables_are_points() -> None:
    for points in ([[0, 0.5]], torch.tensor([[0.0, 0.5]]), pd.DataFrame([[0.0, 0.5]])):
        assert read_points(points).tolist() == [[0.0, 0.5]]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0.0, math.nan], [1.0, 1.0]], "NaN or infinity in point 0"),
        ([[0.0, 1.0], [1.0, math.inf]], "NaN or infinity in point 1"),
        ([[0.0, 1.0], [-math.inf, 0.0]], "NaN or infinity in point 1"),
        ([[math.nan]], "in point 0"),
        ([], r"\(n, d\) with n, d >= 1, got \(0,\)"),
        ([[]], r"got \(1, 0\)"),
        (np.empty((0, 3)), r"got \(0, 3\)"),
        ([1.0, 2.0], r"got \(2,\): flatten images"),
        (np.ones((2, 3, 3)), r"got \(2, 3, 3\): flatten images with reshape\(n, -1\)"),
        (1.0, r"got \(\)"),
        ([[1j]], "real numbers, got dtype complex128"),
        ([["a"]], "real numbers, got dtype <U1"),
        ([["1"]], "real numbers, got dtype <U1"),
        ([[None]], "real numbers, got dtype object"),
        (None, "real numbers, got dtype object"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "real numbers, got dtype datetime64"),
        ([[1.0], [1.0, 2.0]], "inhomogeneous"),
    ],
)
def test_bad_points_are_refused(points: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_points(points)


def test_points_of_another_dimension_are_refused() -> None:
    assert read_points(LINE, 1).shape == (4, 1)
    with pytest.raises(ValueError, match="dimension 2, got 1"):
        read_points(LINE, 2)


# -- samples


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1, 0], ValueError, "4 points and 3 labels"),
        ([0, 1, 0, 1, 0], ValueError, "4 points and 5 labels"),
        ([], ValueError, "4 points and 0 labels"),
        ([0, 1, math.nan, 1], ValueError, "NaN"),
        (np.array([0.0, 1.0, np.nan, 1.0]), ValueError, "NaN"),
        ([np.float32("nan"), 1, 1, 1], ValueError, "NaN"),
        ([[0], [1], [0], [1]], ValueError, "hashable.*list"),
        ([{}, 1, 1, 1], ValueError, "hashable.*dict"),
        ([np.ones(2), np.ones(2), np.zeros(2), np.zeros(2)], ValueError, "hashable.*ndarray"),
        (np.array([[0], [1], [0], [1]]), ValueError, r"shape \(n,\), got \(4, 1\)"),
        (torch.tensor([[0], [1], [0], [1]]), ValueError, r"shape \(n,\), got \(4, 1\)"),
        (np.eye(4), ValueError, r"shape \(n,\), got \(4, 4\)"),
        (np.array(1), ValueError, r"shape \(n,\), got \(\)"),
        (np.float64(1), ValueError, r"shape \(n,\), got \(\)"),
        (1, ValueError, "sequence with one label a point, got int"),
        (None, ValueError, "got NoneType"),
        ("abab", ValueError, "got str"),
        (b"abab", ValueError, "got bytes"),
        ([1, 1, 1, 1], AssumptionError, "at least two classes, got the label 1 only"),
        (["a"] * 4, AssumptionError, "got the label 'a' only"),
        ([1, 1.0, True, np.int64(1)], AssumptionError, "at least two classes"),
    ],
)
def test_bad_labels_are_refused(labels: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        read_sample(LINE, labels)
    assert type(caught.value) is error


def test_bad_points_are_refused_with_good_labels() -> None:
    with pytest.raises(ValueError, match="NaN or infinity in point 2"):
        read_sample([[0.0], [1.0], [math.nan]], [0, 1, 1])
