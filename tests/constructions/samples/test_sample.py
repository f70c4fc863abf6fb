"""Reading a labelled sample: classes of any kind, and no malformed number gets through."""

import copy
import dataclasses
import math
from collections import Counter, deque
from collections.abc import Hashable
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from constructions.samples.sample import Sample, is_signed, read_points, read_sample
from theory.errors import AssumptionError

LINE = np.arange(4.0)[:, None]


class Colour(Enum):
    RED = 1
    BLUE = 2


class OfArrow:
    """A table of another library, which hands its columns over as Arrow's."""

    def __init__(self, table: Any) -> None:
        self._table, self.columns = table, table.column_names

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self._table.to_pandas().to_numpy()


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
        ([1, "one", 1, (2,)], (1, "one", (2,)), [0, 1, 0, 2]),
        (["none", -1, 1, -1], ("none", -1, 1), [0, 1, 2, 1]),
        ([frozenset("a"), "a", "a", "a"], (frozenset("a"), "a"), [0, 1, 1, 1]),
        # Equal to each other, so one class.
        ([1, 1.0, True, 2], (1, 2), [0, 0, 0, 1]),
        ([1, Decimal(1), Fraction(1), np.uint8(2)], (1, 2), [0, 0, 0, 1]),
        # Scalars of numpy and torch are their values, wherever they stand.
        (list(torch.tensor([7, 3, 7, 5])), (3, 5, 7), [2, 0, 2, 1]),
        (tuple(torch.tensor([0.5, -1, 0.5, -1], requires_grad=True)), (-1.0, 0.5), [1, 0, 1, 0]),
        (list(torch.tensor([0.5, -1, 0.5, -1], dtype=torch.bfloat16)), (-1.0, 0.5), [1, 0, 1, 0]),
        ([np.array(1), np.array(0), np.int64(1), torch.tensor(0)], (0, 1), [1, 0, 1, 0]),
        (np.array(list(torch.tensor([7, 3, 7, 5])), dtype=object), (3, 5, 7), [2, 0, 2, 1]),
        ([(torch.tensor(1), 0), (0, np.int8(1)), (1, 0), (0, 1)], ((0, 1), (1, 0)), [1, 0, 1, 0]),
        ([frozenset([torch.tensor(1)]), 2, frozenset([1]), 2], (frozenset([1]), 2), [0, 1, 0, 1]),
        (np.array([np.str_("b"), "a", "b", "b"], dtype=object), ("a", "b"), [1, 0, 1, 1]),
        (torch.tensor([1, 0, 1, 1], dtype=torch.bfloat16), (0.0, 1.0), [1, 0, 1, 1]),
        (np.ma.array([3, 4, 3, 4], mask=False), (3, 4), [0, 1, 0, 1]),
        (pd.Series([2, 1, 2, 1], dtype="Int64"), (1, 2), [1, 0, 1, 0]),
        (pd.Series(["b", "a", "b", "b"]), ("a", "b"), [1, 0, 1, 1]),
        (pd.Series(["b", "a", "b", "b"], dtype="category"), ("a", "b"), [1, 0, 1, 1]),
        (pd.Categorical([7, 3, 7, 5]), (3, 5, 7), [2, 0, 2, 1]),
        (pd.Series(["1.0", "1", "01", "1"], dtype="string"), ("01", "1", "1.0"), [2, 1, 0, 1]),
        (pa.chunked_array([["b", "a"], ["b", "b"]]), ("a", "b"), [1, 0, 1, 1]),
        (pa.chunked_array([[2**53, 2**53 + 1], [2**53, 2**53]]), (2**53, 2**53 + 1), [0, 1, 0, 0]),
        ({"a": 1, "b": 0, "c": 1, "d": 0}.values(), (0, 1), [1, 0, 1, 0]),
        (deque([1, 0, 1, 0]), (0, 1), [1, 0, 1, 0]),
        ([Colour.RED, Colour.BLUE, Colour.RED, Colour.RED], (Colour.RED, Colour.BLUE), [0, 1, 0, 0]),
        ([date(2020, 1, 2), date(2020, 1, 1)] * 2, (date(2020, 1, 1), date(2020, 1, 2)), [1, 0, 1, 0]),
        # Beyond 2^53, where float64 merges neighbours.
        ([2**53, 2**53 + 1] * 2, (2**53, 2**53 + 1), [0, 1, 0, 1]),
        (np.array([2**53, 2**53 + 1] * 2), (2**53, 2**53 + 1), [0, 1, 0, 1]),
        (np.array([2**64 - 1, 2**64 - 2] * 2, dtype=np.uint64), (2**64 - 2, 2**64 - 1), [1, 0, 1, 0]),
        ([10**30, 10**30 + 1] * 2, (10**30, 10**30 + 1), [0, 1, 0, 1]),
        (["007", "7", "007", "1e2"], ("007", "1e2", "7"), [0, 2, 0, 1]),
    ],
)
def test_classes_are_numbered(labels: Any, classes: tuple[Hashable, ...], codes: list[int]) -> None:
    sample = read_sample(LINE, labels)
    assert sample.classes == classes
    assert sample.codes.tolist() == codes
    assert sample.outputs == len(classes)
    assert not any(hasattr(label, "dtype") for label in sample.classes)


@given(st.lists(st.one_of(st.integers(), st.text("abc"), st.booleans()), min_size=2, max_size=8))
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
        # numpy drops a zero at the end of a text; two classes that would read the same show their numbers.
        (["a", "a\0", "a", "a\0"], [0, 1, 0, 1]),
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


@pytest.mark.parametrize(
    "points",
    [
        [[0, 0.5]],
        [(False, Fraction(1, 2))],
        ((np.float32(0), Decimal("0.5")),),
        deque([deque([0, 0.5])]),
        list(np.array([[0, 0.5]])),
        [[np.array(0), torch.tensor(0.5)]],
        list(torch.tensor([[0.0, 0.5]])),
        torch.tensor([[0.0, 0.5]]),
        torch.tensor([[0.0, 0.5]], requires_grad=True),
        torch.tensor([[0.0, 0.5]], dtype=torch.bfloat16),
        torch.tensor([[0.0, 0.5]], dtype=torch.float16),
        torch.tensor([[0.0], [0.5]]).T,
        pd.DataFrame([[0.0, 0.5]]),
        pd.DataFrame([[0, 0.5]], dtype="Float64"),
        pd.DataFrame({"a": [False], "b": [0.5]}),
        pd.DataFrame({"a": pd.array([0], dtype="Int64"), "b": pd.arrays.SparseArray([0.5])}),
        pd.DataFrame([[0.0, 0.5]], columns=["x", "x"]),
        pa.table({"a": [0], "b": [0.5]}),
        pa.RecordBatch.from_pydict({"a": [False], "b": [0.5]}),
        pa.Table.from_pandas(pd.DataFrame({"a": [0.0], "b": [0.5]}, index=["name"])),
        OfArrow(pa.table({"a": [0], "b": [0.5]})),
        np.ma.array([[0.0, 0.5]], mask=False),
        np.ma.array([[0.0, 0.5]]),
        np.array([[0.0, 0.5]], dtype=">f8"),
        np.array([[0.0, 0.5]], dtype=np.longdouble),
        memoryview(np.array([[0.0, 0.5]])),
    ],
)
def test_forms_of_points(points: Any) -> None:
    read = read_points(points)
    assert read.dtype == np.float64
    assert read.tolist() == [[0.0, 0.5]]


LARGE = [0, 2**53, -(2**53), 2**53 + 2, 2**62, -(2**63)]


@pytest.mark.parametrize(
    "points", [[LARGE], np.array([LARGE]), torch.tensor([LARGE]), pd.DataFrame([LARGE]), [[Fraction(n) for n in LARGE]]]
)
def test_large_integers_that_float64_holds(points: Any) -> None:
    assert [int(x) for x in read_points(points)[0]] == LARGE
    assert read_points(np.array([[2**63, 2**64 - 2**11]], dtype=np.uint64)).tolist() == [[2.0**63, 2.0**64 - 2.0**11]]


# Where `longdouble` is float64 itself there is nothing to refuse.
EXTENDED: list[Any] = []
if np.finfo(np.longdouble).nmant > 52:
    third = np.longdouble(1) / 3
    EXTENDED = [
        (np.array([[third]]), "0.3333333333333333333"),
        ([[0.5, third]], "0.3333333333333333333"),
        (np.array([[np.longdouble(2) ** 2000]]), "1.148130695"),
    ]


@pytest.mark.parametrize(
    ("points", "shown"),
    [
        ([[2**53 + 1]], "9007199254740993"),
        # numpy makes floats of these lists.
        ([[0.5, 2**53 + 1]], "9007199254740993"),
        ([[-1, 2**63 + 1]], "9223372036854775809"),
        ([[0.5, np.int64(2**53 + 1)]], "9007199254740993"),
        ([[True, -(2**53) - 1]], "-9007199254740993"),
        ([[10**400]], "10{40}"),
        ([[Decimal("0.1")]], r"Decimal\('0.1'\)"),
        ([[Fraction(1, 3)]], r"Fraction\(1, 3\)"),
        (np.array([[2**53 + 1]]), "9007199254740993"),
        (np.array([[-(2**53) - 1]]), "-9007199254740993"),
        (np.array([[2**63 - 1]]), "9223372036854775807"),
        (np.array([[2**64 - 1]], dtype=np.uint64), "18446744073709551615"),
        (torch.tensor([[2**53 + 1]]), "9007199254740993"),
        # numpy makes one array of floats of both columns.
        (pd.DataFrame({"a": [0.5], "b": [2**53 + 1]}), "9007199254740993"),
        (pd.DataFrame({"a": [2**53 + 1]}, dtype="Int64"), "9007199254740993"),
        (pa.table({"a": [0.5], "b": [2**53 + 1]}), "9007199254740993"),
        (OfArrow(pa.table({"a": [0.5], "b": [2**53 + 1]})), "9007199254740993"),
        *EXTENDED,
    ],
)
def test_numbers_that_float64_rounds_are_refused(points: Any, shown: str) -> None:
    with pytest.raises(ValueError, match=f"points must be .*that float64 holds exactly, got {shown}"):
        read_points(points)


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
        ([[1j]], r"each entry of points must be one real number, got 1j of type complex"),
        ([["a"]], "one real number, got 'a' of type str"),
        ([["1"]], "one real number, got '1' of type str"),
        (["12", "34"], "one real number, got '12' of type str"),
        ([b"12"], "of type bytes"),
        ([bytearray(b"12")], "of type bytearray"),
        ([[None]], "one real number, got None of type NoneType"),
        ([[pd.NA]], "one real number, got <NA>"),
        ([[math.nan, 1]], "NaN or infinity in point 0"),
        ([{0.5: "a"}], "of type dict"),
        ({0: [0.5]}, "of type dict"),
        ({(0.5,)}, "of type set"),
        (([0.5] for _ in range(2)), "of type generator"),
        (None, "one real number, got None of type NoneType"),
        (np.array([[1j]]), "real numbers, got dtype complex128"),
        (np.array([["1"]]), r"real numbers, got dtype <U1: convert them with astype\(float\)"),
        (np.array([[1.0, 2.0]], dtype=object), "real numbers, got dtype object"),
        (np.array([(1, 2.0)], dtype="i8,f8"), "real numbers, got dtype"),
        (np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]]), "no masked entries, got 1: fill them"),
        ([[np.ma.masked, 1.0]], "no masked entries"),
        ([np.ma.array([1.0, 2.0], mask=[0, 1])], "no masked entries"),
        (sp.csr_array(np.eye(2)), r"points must be dense, got a scipy sparse array: give its toarray\(\)"),
        (torch.eye(2).to_sparse(), "points must be a dense array, got Tensor"),
        (torch.empty(2, 2, device="meta"), "points must be a dense array, got Tensor"),
        (torch.eye(2) * 1j, "real numbers, got dtype complex64"),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), "a table of numbers, got column 'b' of str: drop or encode it"),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}, dtype=object), "got column 'a' of object"),
        (pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}), "got column 'a' of datetime64"),
        (pd.DataFrame({"a": [1.0, None]}), "finite, got a missing value in column 'a'"),
        (pd.DataFrame({"a": [1, None]}, dtype="Int64"), "finite, got a missing value in column 'a'"),
        (pd.DataFrame({"Unnamed: 0": [0, 1], "a": [0.5, 1.5]}), "got column 'Unnamed: 0', as pandas names an index"),
        (pd.DataFrame({"a": [0.5, 1.5]}).reset_index(), "got column 'index'.*drop it"),
        (pd.DataFrame(index=[0, 1]), r"got \(2, 0\)"),
        (pd.DataFrame({"a": pd.array(["x", "y"], dtype="string")}), "got column 'a' of string: drop or encode it"),
        (pd.DataFrame({"a": pd.array([True, None], dtype="boolean")}), "a missing value in column 'a'"),
        (pa.table({"a": [1, None], "b": [0.5, 1.5]}), "finite, got a missing value in column 'a'"),
        (pa.table({"a": [0.5, 1.5], "b": ["x", "y"]}), "got column 'b' of string.*: drop or encode it"),
        (pa.table({"index": [0, 1]}), "got column 'index', as pandas names an index"),
        (pd.Series([0.5, 1.5]), r"got \(2,\)"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "real numbers, got dtype datetime64"),
        ([[1.0], [1.0, 2.0]], r"rows of one length, got \[\(1,\), \(2,\)\]"),
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
        ([0, 1, None, 1], ValueError, "missing or NaN, got None for point 2: drop it"),
        ([0, 1, pd.NA, 1], ValueError, "missing or NaN, got <NA> for point 2"),
        ([pd.NaT, 1, 1, 1], ValueError, "missing or NaN, got NaT for point 0"),
        ([Decimal("nan"), 1, 1, 1], ValueError, "missing or NaN"),
        ([(0, math.nan), 1, 1, 1], ValueError, "missing or NaN, got nan for point 0"),
        (pd.Series([0.0, None, 1.0, 1.0]), ValueError, "missing or NaN, got nan for point 1"),
        (pd.Series([0, None, 1, 1], dtype="Int64"), ValueError, "missing or NaN"),
        (pd.Series(["a", None, "b", "b"]), ValueError, "missing or NaN"),
        (pd.Series(["a", None, "b", "b"], dtype=object), ValueError, "missing or NaN, got None"),
        (pd.Series(["a", None, "b", "b"], dtype="category"), ValueError, "missing or NaN"),
        (pd.Series([True, None, True, False], dtype="boolean"), ValueError, "missing or NaN, got <NA> for point 1"),
        (pd.Series(["a", None, "b", "b"], dtype="string"), ValueError, "missing or NaN, got <NA> for point 1"),
        (pa.chunked_array([["a", None], ["b", "b"]]), ValueError, "missing or NaN, got None for point 1"),
        (pa.chunked_array([[2**53, None, 1, 1]]), ValueError, "missing or NaN, got nan for point 1"),
        (pd.DataFrame({"y": [0, 1, 0, 1]}), ValueError, "must be one column, got a table"),
        (pa.table({"y": [0, 1, 0, 1]}), ValueError, "must be one column, got a table"),
        (np.ma.array([0, 1, 0, 1], mask=[0, 0, 1, 0]), ValueError, "labels must have no masked entries, got 1"),
        ([0, 1, np.ma.masked, 1], ValueError, "no masked entries"),
        ({0: "a", 1: "b", 2: "a", 3: "b"}, ValueError, "got dict: give a list in the order of the points"),
        (Counter("abcd"), ValueError, "got Counter"),
        ({0: "a", 1: "b", 2: "a", 3: "b"}.keys(), ValueError, "got dict_keys"),
        ({1, 2, 3, 4}, ValueError, "got set"),
        (frozenset("abcd"), ValueError, "got frozenset"),
        (sp.csr_array(np.eye(4)), ValueError, "labels must be dense"),
        (np.array([1j, 1, 1j, 1]), ValueError, "got dtype complex128: number the classes"),
        ([1j, 1, 1j, 1], ValueError, "compare by content, got complex for point 0"),
        (np.array(["2020-01-01"] * 4, dtype="datetime64[ns]"), ValueError, "got dtype datetime64"),
        ([np.datetime64("2020-01-01", "ns"), 1, 1, 1], ValueError, "got dtype datetime64"),
        (pd.Series(pd.to_datetime(["2020-01-01"] * 4)), ValueError, r"got dtype datetime64.*astype\(str\)"),
        (np.zeros(4, dtype="i8,i8"), ValueError, "got dtype"),
        *[(column[0], ValueError, "got dtype") for column, _ in EXTENDED if isinstance(column, np.ndarray)],
        ([object(), 1, 1, 1], ValueError, "compare by content, got object for point 0: give its name or number"),
        ([1, "1", 1, "1"], ValueError, "read the same, got 1 of type int and '1' of type str"),
        ([True, "True", True, True], ValueError, "read the same"),
        (["None", 1, 1, (None,)], ValueError, "missing or NaN, got None for point 3"),
        (torch.tensor([0, 1, 0, 1]).to_sparse(), ValueError, "labels must be a dense array"),
        ([torch.tensor([k]) for k in (0, 1, 0, 1)], ValueError, r"hashable.*Tensor of shape \(1,\)"),
        ([[0], [1], [0], [1]], ValueError, "hashable.*list"),
        ([{}, 1, 1, 1], ValueError, "hashable.*dict"),
        ([np.ones(2), np.ones(2), np.zeros(2), np.zeros(2)], ValueError, "hashable.*ndarray"),
        (np.array([[0], [1], [0], [1]]), ValueError, r"shape \(n,\), got \(4, 1\): ravel\(\) a column"),
        (torch.tensor([[0], [1], [0], [1]]), ValueError, r"shape \(n,\), got \(4, 1\)"),
        (np.eye(4), ValueError, r"shape \(n,\), got \(4, 4\).*take argmax\(axis=1\) of one-hot rows"),
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


def test_a_table_and_a_column_in_another_order_are_refused() -> None:
    """pandas would align them, position by position they are another sample."""
    table, column = pd.DataFrame({"x": [0.5, 1.5, 2.5, 3.5]}), pd.Series([0, 0, 1, 1])
    shuffled = column[::-1]
    with pytest.raises(ValueError, match=r"the same index: take labels.loc\[points.index\]"):
        read_sample(table, shuffled)
    assert read_sample(table, shuffled.loc[table.index]).codes.tolist() == [0, 0, 1, 1]
    assert read_sample(table[::-1], shuffled).codes.tolist() == [1, 1, 0, 0]
    assert read_sample(table.to_numpy(), shuffled.to_numpy()).codes.tolist() == [1, 1, 0, 0]


def test_the_order_of_classes_does_not_depend_on_hashes() -> None:
    """Sets are ordered by inclusion only, so that sorting keeps some of the order it is given."""
    labels = [frozenset(letter) for letter in "dacb"]
    assert read_sample(LINE, labels).classes == tuple(labels)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_sample_is_a_read_only_copy(dtype: type) -> None:
    points, labels = np.arange(4, dtype=dtype)[:, None], np.array([-1, 1, 1, -1])
    sample = read_sample(points, labels)
    other = dataclasses.replace(sample, points=points, codes=labels)
    points[:], labels[:] = 9, 1
    for made in (sample, other, copy.copy(sample)):
        assert made.points.tolist() == LINE.tolist()
        assert made.codes.tolist() == [-1, 1, 1, -1]
        for array in (made.points, made.codes):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1


def test_read_only_arguments_are_copied_too() -> None:
    """Who owns an array can make it writeable again."""
    points, codes = LINE.copy(), np.array([-1, 1, 1, -1])
    points.flags.writeable = codes.flags.writeable = False
    sample = Sample(points, codes, (-1, 1))
    assert not np.shares_memory(sample.points, points)
    assert not np.shares_memory(sample.codes, codes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": LINE[:3]}, "one code of its 2 classes a point, got 3 points and codes of int64"),
        ({"points": np.full((4, 1), math.nan)}, "finite"),
        ({"codes": np.array([0, 1, 1, 0])}, "one code"),
        ({"codes": np.array([-1, 1, 1])}, r"shape \(3,\)"),
        ({"classes": ("a", "b", "c")}, "3 classes"),
    ],
)
def test_a_changed_sample_is_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(read_sample(LINE, [-1, 1, 1, -1]), **change)
