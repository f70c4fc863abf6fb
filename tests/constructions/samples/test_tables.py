"""Tables in files as programs, pandas and spreadsheets write them: what is there is read, or refused by name."""

import csv
import gzip
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from constructions import load_sample, robust_memorizer
from constructions.__main__ import main
from constructions.samples.layout import Layout, find_columns

POINTS = [[5.25, -3.5], [4.0, 1000.0], [0.001, 7.0]]
LABELS = ["a b", "c", "c"]
PLAIN = "x,y,label\n5.25,-3.5,a b\n4,1e3,c\n0.001,7,c\n"
GERMAN = "x;y;label\r\n5,25;-3,5;a b\r\n4;1E+03;c\r\n0,001;7;c\r\n"
# As pandas writes a table without `index=False`.
INDEXED = ",x,y,label\n0,5.25,-3.5,a b\n1,4,1e3,c\n2,0.001,7,c\n"


def written(folder: Path, name: str, content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(gzip.compress(data) if name.lower().endswith(".gz") else data)
    return str(folder / name)


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.csv", PLAIN, {}),
        ("a.CSV", PLAIN, {}),
        ("a.b.csv", PLAIN.replace("\n", "\r\n"), {"header": True}),
        ("a.csv.gz", PLAIN, {}),
        ("a.CSV.GZ", PLAIN, {}),
        ("a.csv", PLAIN.encode("utf-8-sig"), {"label_column": "label"}),
        ("a.csv", GERMAN.encode("utf-8-sig"), {}),
        ("a.csv", GERMAN.replace(";", "\t"), {}),
        ("a.csv", GERMAN.split("\n", 1)[1], {}),
        ("a.csv", "sep=;\r\n" + GERMAN, {}),
        ("a.csv", '"sep=;"\n' + GERMAN, {"header": True}),
        ("a.csv", ("sep=,\n" + PLAIN).encode("utf-8-sig"), {}),
        ("a.csv", PLAIN.replace(",", ";"), {}),
        ("a.tsv", PLAIN.replace(",", "\t"), {}),
        ("a.TSV.gz", PLAIN.replace(",", "\t"), {}),
        ("a.csv", PLAIN.replace(",", " , "), {}),
        ("a.csv", PLAIN.replace(",", ",\t"), {}),
        ("a.csv", PLAIN.replace("a b", '"a b"').replace(",", ", "), {}),
        (
            "a.csv",
            "\n".join(",".join(f'"{field}"' for field in line.split(",")) for line in PLAIN.split()[:1])
            + '\n"5,25","-3,5","a b"\n"4","1E3","c"\n"0,001","7","c"\n',
            {},
        ),
        ("a.csv", '"x;1","y,2",label\n5.25,-3.5,a b\n4,1e3,c\n0.001,7,c\n', {}),
        ("a.csv", "label,x,y\na b,5.25,-3.5\nc,4,1e3\nc,0.001,7\n", {"label_column": "label"}),
        ("a.csv", "label,x,y\na b,5.25,-3.5\nc,4,1e3\nc,0.001,7\n", {"label_column": 1}),
        ("a.csv", "label,x,y\na b,5.25,-3.5\nc,4,1e3\nc,0.001,7\n", {"label_column": "-3"}),
        ("a.csv", "x,label,y\n5.25,a b,-3.5\n4,c,1e3\n0.001,c,7\n", {"label_column": "2"}),
        ("a.csv", "5.25,a b,-3.5\n4,c,1e3\n0.001,c,7\n", {"label_column": -2}),
        # A name goes before a number.
        ("a.csv", "3,1,2\n5.25,a b,-3.5\n4,c,1e3\n0.001,c,7\n", {"label_column": "1", "header": True}),
        ("a.csv", "0,1,2\n5.25,-3.5,a b\n4,1e3,c\n0.001,7,c\n", {"header": True}),
        ("a.csv", INDEXED, {"leave_out": [""]}),
        ("a.csv", INDEXED, {"leave_out": [1]}),
        ("a.csv", INDEXED.replace(",x,y,label", ",0,1,2"), {"leave_out": [""], "header": True}),
        ("a.csv", INDEXED.replace(",x", "Id,x"), {"leave_out": ["Id"]}),
        ("a.csv", INDEXED.split("\n", 1)[1], {"leave_out": ["1"]}),
        ("a.csv", "x,sex,y,label\n5.25,f,-3.5,a b\n4,,1e3,c\n0.001,m,7,c\n", {"leave_out": ["sex"]}),
        ("a.csv", "x,x,y,label\n5.25,f,-3.5,a b\n4,,1e3,c\n0.001,m,7,c\n", {"leave_out": [2]}),
        ("a.csv", "x,y,label\n5.25,-3.5,a b\nNA,2,c\n4,1e3,c\n1,2,\n,,\n0.001,7,c\n", {"drop_missing": True}),
        ("a.csv", "NA,2,c\n5.25,-3.5,a b\n4,1e3,c\n0.001,7,c\n", {"drop_missing": True, "header": False}),
        # Names that pandas takes for missing values are none in other letters.
        ("a.csv", PLAIN.replace("x,y", "Na,Nan,".rstrip(",")), {"header": True}),
        ("a.csv", PLAIN.replace("x,y", "Na,Mg"), {}),
    ],
)
def test_forms_of_one_table(name: str, content: str | bytes, options: dict[str, Any], tmp_path: Path) -> None:
    points, labels = load_sample(written(tmp_path, name, content), **options)
    assert points.tolist() == POINTS
    assert labels == LABELS


@pytest.mark.parametrize("words", [("True", "False"), ("TRUE", "FALSE"), ("1", "0")])
@pytest.mark.parametrize("header", ["x,y,label\n", ""])
def test_truth_values_are_1_and_0_as_in_parquet(words: tuple[str, str], header: str, tmp_path: Path) -> None:
    """A line of truth values without a header is a point; as labels they stay as they are."""
    yes, no = words
    text = f"{header}{yes},{no},a\n{no},{no},b\n{yes},{yes},a\n"
    points, labels = load_sample(written(tmp_path, "a.csv", text))
    assert points.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert labels == ["a", "b", "a"]
    frame = pd.DataFrame({"x": [True, False, True], "y": [False, False, True], "label": ["a", "b", "a"]})
    frame.to_parquet(tmp_path / "a.parquet")
    assert np.array_equal(load_sample(str(tmp_path / "a.parquet"))[0], points)
    swapped = written(tmp_path, "b.csv", f"label,x\n{yes},1.5\n{no},2.5\n")
    expected = [1, 0] if yes == "1" else [yes, no]
    assert load_sample(swapped, label_column="label")[1] == expected


@pytest.mark.parametrize("other", ["2.5", "-1"])
def test_a_truth_value_among_numbers_is_refused(other: str, tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", f"x,y,label\n1,{other},a\n0,False,b\n")
    with pytest.raises(ValueError, match=r"line 3 has 'False' in column 2 \('y'\), and another line the number"):
        load_sample(path)


@pytest.mark.parametrize(
    ("lines", "points"),
    [
        # One number of the file that no thousands are in decides, in whichever column it stands.
        (["1,234;5,5;a", "7,000;1,25;b"], [[1.234, 5.5], [7.0, 1.25]]),
        (["0,234;1;a", "7,000;2;b"], [[0.234, 1.0], [7.0, 2.0]]),
        (["1,234;1;a", "7,0001;2;b"], [[1.234, 1.0], [7.0001, 2.0]]),
        (["1234,000;1;a", "7,000;2;b"], [[1234.0, 1.0], [7.0, 2.0]]),
        (["1.234;1;a", "7.000;2;b"], [[1.234, 1.0], [7.0, 2.0]]),
        (["-,5;1;a", "+7,;2;b"], [[-0.5, 1.0], [7.0, 2.0]]),
    ],
)
def test_decimal_commas(lines: list[str], points: list[list[float]], tmp_path: Path) -> None:
    assert load_sample(written(tmp_path, "a.csv", "\n".join(lines)))[0].tolist() == points


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.csv", "1,234;1;a\n7,000;2;b\n", {}, r"'1,234' may be a decimal, or a whole number with its thousands"),
        ("a.csv", '"1,234",1,a\n"-7,000",2,b\n', {}, r"'1,234' may be a decimal"),
        ("a.tsv", "x\ty\n12,345\ta\n", {}, r"'12,345' may be a decimal"),
        ("a.csv", "1,5;1;a\n2.5;2;b\n", {}, r"decimal points or decimal commas, not both, got '2.5' and '1,5'"),
        ("a.csv", "1.5;1;a\n2,5;2;b\n", {}, r"not both, got '1.5' and '2,5'"),
        ("a.csv", "1.234,5;1;a\n", {}, r"line 1 has '1.234,5' in column 1 in place of a decimal number"),
        ("a.csv", "1,234,567;1;a\n", {}, r"line 1 has '1,234,567' in column 1 in place of a decimal number"),
        (
            "a.csv",
            PLAIN,
            {"header": False},
            r"line 1 has 'x' in column 1 in place of a decimal number: encode",
        ),
        ("a.csv", INDEXED, {}, r"column 1 \(''\) is called as pandas calls an index: leave it out \(--leave-out ''"),
        ("a.csv", INDEXED.replace(",x", "Id,x"), {}, r"column 1 \('Id'\) numbers the lines: .*--leave-out Id; pandas"),
        ("a.csv", INDEXED.replace(",x,y,label", ",0,1,2"), {"leave_out": [1]}, "the first line numbers the columns"),
        ("a.csv", "2019,2020,kind\n1,2,0\n3,4,1\n", {}, "the first line has the label 'kind', all others have numbers"),
        ("a.csv", "900,1000.5,kind\n1,2,a\n3,4,b\n1,5,a\n3,6,b\n", {}, "numbers in order, and the label 'kind', the"),
        ("a.csv", "900;1000,5;7\n1;2;0\n3;4;0\n", {}, r"the label '7', the only .*--header yes, or no"),
        (
            "a.csv",
            "label,x,Unnamed: 2\na,5,1\n",
            {},
            r"column 3 \('Unnamed: 2'\), the last, is called .*--label-column",
        ),
        ("a.csv", "", {}, "the file is empty"),
        ("a.csv", "x,y,label\n", {}, "no point is left: there is no line below the header"),
        ("a.csv", "x|label\n1|a\n", {}, "no column beside the label: fields are parted by commas, semicolons or tabs"),
        ("a.csv", "x,index,label\n1,5,a\n", {}, r"column 2 \('index'\) is called as pandas calls an index"),
        ("a.csv", "x,Unnamed: 7,label\n1,5,a\n", {}, r"column 2 \('Unnamed: 7'\) is called"),
        ("a.csv", "Id,x,label\n1,2,a\n2,NA,b\n3,5,c\n", {"drop_missing": True}, r"column 1 \('Id'\) numbers the lines"),
        (
            "a.csv",
            "x,sex,label\n1,f,a\n",
            {},
            r"line 2 has 'f' in column 2 \('sex'\) in place of a decimal",
        ),
        (
            "a.csv",
            "x,y,label\n1,2,a\n1,NA,b\n",
            {},
            r"line 3 has 'NA' in column 2 \('y'\), a missing value: fill it",
        ),
        (
            "a.csv",
            "x,y,label\n1,2,None\n",
            {},
            r"'None' in column 3 \('label'\), a missing value.*rename a class",
        ),
        ("a.csv", "NA,2,c\n4,1e3,c\n", {"drop_missing": True}, r"line 1 has 'NA' in column 1, a missing.*yes, or no"),
        ("a.csv", "nan,nan,c\n4,1e3,c\n", {"drop_missing": True}, "line 1 has 'nan' in column 1"),
        ("a.csv", ",,c\n4,1e3,c\n", {"drop_missing": True}, "line 1 has '' in column 1"),
        ("a.csv", "x,y,label\n,,\n", {"drop_missing": True}, "every line has a missing value"),
        (
            "a.csv",
            "1,2,a\n3,4,a \n",
            {},
            "line 2 has the label 'a ', a line before it 'a', which differ by",
        ),
        ("a.csv", "1,2, a\n3,4,a\n", {}, "line 2 has the label 'a', a line before it ' a'"),
        ("a.csv", '1,2," a"\n3,4,"a"\n', {}, "differ by spaces only: write both alike"),
        (
            "a.csv",
            PLAIN,
            {"label_column": "class"},
            r"no column 'class'; there are 3, numbered from 1: x, y, label",
        ),
        ("a.csv", PLAIN, {"label_column": 0}, "there is no column 0; there are 3, numbered from 1"),
        ("a.csv", PLAIN, {"label_column": 4}, "there is no column 4"),
        ("a.csv", PLAIN, {"leave_out": ["-4"]}, "there is no column '-4'"),
        ("a.csv", "1,2,a\n", {"label_column": "label"}, "there is no column 'label'; there are 3, .*without a header"),
        ("a.csv", PLAIN, {"leave_out": [3]}, "the label must not be left out, got column 3 as both"),
        ("a.csv", PLAIN, {"leave_out": ["x", "y"]}, "n, d >= 1: there is no column beside the label"),
        ("a.csv", "x,x,label\n1,2,a\n", {"leave_out": ["x"]}, "columns 1 and 2 are both called 'x': give a number"),
        ("a.csv", PLAIN, {"leave_out": "x"}, r"leave_out must be a list of columns, got 'x': give \['x'\]"),
        ("a.csv", "x,y,label\n1,2,a,\n", {}, "line 2 has 4 fields, the first one has 3"),
        ("a.csv", "1,2,Stra\xdfe\n".encode("cp1252"), {}, "must be UTF-8 text, which spreadsheets call CSV UTF-8"),
        ("a.csv", PLAIN.encode("utf-16"), {}, "must be UTF-8 text"),
        ("digits", b"", {"label_column": 1}, r"are for tables only \(.csv, .*.parquet\), got digits"),
        ("a.npz", b"", {"header": True}, "are for tables only"),
        ("a.npz", b"", {"drop_missing": True}, "are for tables only"),
        ("a.txt", PLAIN, {}, r"a file .npz, .csv, .csv.gz, .tsv, .tsv.gz, .parquet, got"),
    ],
)
def test_what_is_refused(
    name: str, content: str | bytes, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(ValueError, match=message):
        load_sample("digits" if name == "digits" else path, **options)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv.gz"])
# An archive holds the time at which it was made: as a name of a test it would differ between workers.
@pytest.mark.parametrize(
    "content",
    [b"", b"1,2,a\n", gzip.compress(PLAIN.encode())[:-9], b"\x1f\x8b\x08" + bytes(20)],
    ids=["empty", "text", "cut off", "zeros"],
)
def test_damaged_archives(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} must hold numbers|n, d >= 1"):
        load_sample(str(tmp_path / name))


# What looks like numbers, missing values, separators and quotes is among them.
CLASSES = st.sampled_from(
    [*"abA1é\t", "01", "1.0", "1e0", "1,0", "x;y", 'say "a"', "NA", "nan", "Na", "", "e\u0301", "-1", "é "]
)
NUMBERS = st.floats(-1e6, 1e6).map(lambda x: round(x, 3)) | st.integers(0, 3).map(float)
NAMES = st.sampled_from([["x", "y", "z"], ["1", "2", "0"], ["Na", "b c", "d;e"]])
FORMS = st.fixed_dictionaries(
    {
        "sep": st.sampled_from([",", ";", "\t"]),
        "decimal": st.sampled_from([".", ","]),
        "header": st.booleans(),
        "index": st.booleans(),
        "na_rep": st.sampled_from(["", "NA"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig"]),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
    }
)


@given(data=st.data())
def test_what_pandas_writes_is_read_as_it_was_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No point is lost, added or moved, no number changed, no two labels merged and none split, in any form."""
    size, dim, form = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3)), data.draw(FORMS)
    rows = data.draw(st.lists(st.lists(NUMBERS, min_size=dim, max_size=dim), min_size=size, max_size=size))
    for k in data.draw(st.sets(st.integers(0, size - 1), max_size=1)):
        rows[k][-1] = float("nan")
    labels = data.draw(st.lists(CLASSES, min_size=size, max_size=size))
    frame = pd.DataFrame(rows, columns=data.draw(NAMES)[:dim])
    if data.draw(st.booleans()):
        # Without decimal points where there is no need.
        frame = frame.apply(lambda column: column.astype(int) if np.array_equal(column, column.round()) else column)
    place = data.draw(st.integers(0, dim))
    frame.insert(place, "class", labels)
    suffix = (
        ".tsv" if form["sep"] == "\t" and data.draw(st.booleans()) else data.draw(st.sampled_from([".csv", ".CSV"]))
    )
    path = str(tmp_path_factory.mktemp("tables") / f"a{suffix}{data.draw(st.sampled_from(['', '.gz']))}")
    frame.to_csv(path, **form)

    header, drop = data.draw(st.sampled_from([None, form["header"]])), data.draw(st.booleans())
    label = "class" if form["header"] else place + form["index"] + 1
    left = ["" if form["header"] else 1] if form["index"] and data.draw(st.booleans()) else []
    try:
        points, read = load_sample(path, label_column=label, leave_out=left, header=header, drop_missing=drop)
    except ValueError:
        return
    # An index of one or two lines without a name shows nothing of what it is.
    assume(not form["index"] or left or form["header"] or size > 2)
    assert not form["index"] or left
    missing = [np.isnan(rows[k]).any() or labels[k].strip() in ("", "NA", "nan") for k in range(size)]
    assert drop or not any(missing)
    kept = [k for k in range(size) if not missing[k]]
    assert points.tolist() == [rows[k] for k in kept]
    stripped = [labels[k].strip() for k in kept]
    assert all(a == s or Fraction(a) == Fraction(s) for a, s in zip(read, stripped, strict=True))
    # One class each: as read, as written without spaces around it, and as it was.
    for classes in zip(read, stripped, strict=True), zip(stripped, [labels[k] for k in kept], strict=True):
        pairs = set(classes)
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


# -- Parquet


FRAME = pd.DataFrame({"x": [0.5, 1.5, 2.5], "n": [2**53, 1, -7], "bit": [True, False, True], "name": ["07", "7", "7 "]})


@pytest.mark.parametrize(
    ("frame", "options", "points", "labels"),
    [
        (FRAME, {}, [[0.5, 2.0**53, 1], [1.5, 1, 0], [2.5, -7, 1]], ["07", "7", "7 "]),
        (FRAME, {"label_column": "n"}, None, None),
        (FRAME, {"label_column": "n", "leave_out": ["name"]}, [[0.5, 1], [1.5, 0], [2.5, 1]], [2**53, 1, -7]),
        (FRAME, {"label_column": -2, "leave_out": [4]}, [[0.5, 2.0**53], [1.5, 1], [2.5, -7]], [True, False, True]),
        (FRAME.astype({"name": "category"}), {"leave_out": ["n", "bit"]}, [[0.5], [1.5], [2.5]], ["07", "7", "7 "]),
        (FRAME.astype({"x": "float32"}), {"leave_out": ["n", "bit"]}, [[0.5], [1.5], [2.5]], ["07", "7", "7 "]),
        # An index that pandas stored as one is none of the columns, numbered or not.
        (FRAME.set_index("name"), {}, [[0.5, 2.0**53], [1.5, 1], [2.5, -7]], [True, False, True]),
        (FRAME.iloc[[2, 0]], {"leave_out": ["n", "bit"]}, [[2.5], [0.5]], ["7 ", "07"]),
        (
            pd.DataFrame({"x": [0.5, None, 2.5], "n": pd.array([2**53 + 1, 2**53, None], "Int64")}),
            {"drop_missing": True},
            [[0.5]],
            [2**53 + 1],
        ),
    ],
)
def test_parquet(
    frame: pd.DataFrame, options: dict[str, Any], points: list[list[float]], labels: list[Any], tmp_path: Path
) -> None:
    path = tmp_path / "a.PARQUET"
    frame.to_parquet(path)
    if points is None:
        with pytest.raises(ValueError, match="PARQUET: points must be a table of numbers, got column 'name' of string"):
            load_sample(str(path), **options)
        return
    read = load_sample(str(path), **options)
    assert read[0].tolist() == points
    assert read[1] == labels
    assert [type(label) for label in read[1]] == [type(label) for label in labels]


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (FRAME, {"header": True}, "has names of its own: leave header out"),
        (FRAME, {"label_column": "y"}, "there is no column 'y'; there are 4, numbered from 1: x, n, bit, name"),
        (pd.DataFrame({"x": [0.5, None], "y": [1, 2]}), {}, "a missing value in column 'x'"),
        (pd.DataFrame({"x": pd.array([1, None], "Int64"), "y": [1, 2]}), {}, "a missing value in column 'x'"),
        (pd.DataFrame({"x": [1, 2], "y": [1.0, None]}), {}, "labels must not be missing or NaN, got .* for point 1"),
        (pd.DataFrame({"x": [1, 2], "y": ["a", None]}), {}, "labels must not be missing or NaN, got .* for point 1"),
        (pd.DataFrame({"x": [2**53 + 1], "y": [1]}), {}, "that float64 holds exactly, got 9007199254740993"),
        (pd.DataFrame({"x": [[1, 2]], "y": [1]}), {}, "a table of numbers, got column 'x' of object"),
        (pd.DataFrame({"x": pd.to_datetime(["2020-01-01"]), "y": [1]}), {}, "got column 'x' of datetime64"),
        (pd.DataFrame({"Unnamed: 0": [5], "x": [2], "y": [1]}), {}, r"column 1 \('Unnamed: 0'\) is called as pandas"),
        (pd.DataFrame({"id": [2, 0, 1], "x": [4, 2, 3], "y": [1, 1, 2]}), {}, r"column 1 \('id'\) numbers the lines"),
        (pd.DataFrame({"y": [1, 2]}), {}, "there is no column beside the label"),
    ],
)
def test_parquet_that_is_refused(frame: pd.DataFrame, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=f"a.parquet.*{message}"):
        load_sample(str(tmp_path / "a.parquet"), **options)


def test_a_damaged_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ValueError, match=r"a.parquet is not a readable .parquet file"):
        load_sample(str(tmp_path / "a.parquet"))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_sample(str(tmp_path / "absent.parquet"))


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_parquet_without_its_libraries(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=r"needs pandas and pyarrow: pip install 'robust-memorization\[tables\]'"):
        load_sample(str(tmp_path / "a.parquet"))


# -- other arrays and the command line


def test_npz_with_the_names_of_scikit_learn(tmp_path: Path) -> None:
    with (tmp_path / "a.NPZ").open("wb") as stream:
        np.savez(stream, X=np.eye(2), y=["a", "b"], feature_names=["u", "v"])
    points, labels = load_sample(str(tmp_path / "a.NPZ"))
    assert points.tolist() == [[1, 0], [0, 1]]
    assert labels == ["a", "b"]


def test_columns_are_found_from_both_ends() -> None:
    columns = find_columns(Layout(-1, (1, "-2")), None, 5)
    assert (columns.features, columns.label) == ((1, 2), 4)


def test_the_command_says_how_it_has_read_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = "species,Id,x,sex,y\na,0,0.5,[b]f[/b],1\nb,1,1.5,,1\nb,2,NA,f,2\na,3,3.5,m,2\n"
    path = written(tmp_path, "a.csv", content)
    columns = ["--label-column", "species", "--leave-out", "Id", "--leave-out", "4"]
    task = [path, "--radius", "0.25", "--p", "2", "--small", "all"]
    assert main([*task, *columns, "--drop-missing"]) == 0
    printed = capsys.readouterr().out
    assert (
        f"{path}: 3 points of 2 features; 2 classes in column 1 ('species'); columns by name; "
        "left out column 2 ('Id'), column 4 ('sex'); left out 1 lines with missing values" in printed
    )
    assert "3 certified, 0 refuted, 0 undecided of 3 balls" in " ".join(printed.split())
    for wrong, message in [(columns, "a missing value"), (["--drop-missing"], "encode the column"), ([], "'a' in col")]:
        assert main([*task, *wrong]) == 2
        assert message in capsys.readouterr().err
    path = written(tmp_path, "b.csv", "0,1\n5,a\n6,b\n")
    assert main([path, *task[1:], "--header", "yes"]) == 0
    assert "2 points of 1 features; 2 classes in column 2 ('1')" in capsys.readouterr().out
    assert main([path, *task[1:], "--header", "no"]) == 0
    assert "3 points of 1 features; 3 classes in column 2; no header" in capsys.readouterr().out


def test_tables_and_columns_of_pandas_are_memorized() -> None:
    frame = pd.DataFrame(
        {"x": pd.array([1, 2, 3], "Int64"), "y": pd.array([0.5, 1.5, 2.5], "Float64")}, index=[7, 8, 9]
    )
    column = pd.Series(["01", "1", "1"], index=[7, 8, 9], dtype="string")
    built = robust_memorizer(points=frame, labels=column, radius=np.float32(0.25), p="inf", small="all")
    assert built.certify().certified.all()
    assert built.task.sample.classes == ("01", "1")
    assert built.task.sample.points.tolist() == [[1, 0.5], [2, 1.5], [3, 2.5]]
