"""Tables as text, as programs, pandas and spreadsheets write them: .csv and .tsv, also as .gz."""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from constructions.samples.label_text import labels_of_text
from constructions.samples.layout import Columns, LabelledTable, Layout, check_first_column, find_columns
from constructions.samples.sample import read_points

# As pandas and spreadsheets write truth values.
_TRUTH = {"True": "1", "TRUE": "1", "False": "0", "FALSE": "0"}
# Of these `float` makes decimal numbers only: no 1_000, no nan, no digits of other scripts.
_DECIMAL = re.compile(r"[-+.0-9eE]*")
# A number whose comma may part thousands.
_GROUPED = re.compile(r"[-+]?[1-9][0-9]{0,2},[0-9]{3}")
# What pandas reads as missing, in any case of letters; these two are, in others, names.
_MISSING = frozenset(["", "nan", "-nan", "nat", "<na>", "n/a", "#n/a", "#na", "null", "1.#ind", "1.#qnan"])
_MISSING_AS_WRITTEN = frozenset(["NA", "None"])
# As spreadsheets are told which separator a file has.
_TOLD = re.compile(r'"?sep=([,;\t])"?', re.IGNORECASE)
# A tab beside these is a space.
_BESIDE = re.compile("^[,;]|[,;]$")


class _Row(NamedTuple):
    """The fields of a line, as they are and without the spaces around them."""

    line: int
    raw: list[str]
    fields: list[str]


def read_text_table(path: Path, layout: Layout) -> LabelledTable:
    """Points and labels of a .csv or .tsv file; see `constructions.load_sample` for what is read and what is refused.

    Raises:
        ValueError: for a malformed file.
    """
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".gz":
            data = gzip.decompress(data)
        separators = ("\t",) if path.name.lower().endswith((".tsv", ".tsv.gz")) else ("\t", ";", ",")
        # A byte-order mark is no part of the first field.
        return _table(_rows(data.decode("utf-8-sig"), separators), layout)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8 text, which spreadsheets call CSV UTF-8: {error}") from error
    except (ValueError, csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} must hold numbers and a label on every line: {error}") from error


def _rows(text: str, separators: tuple[str, ...]) -> Iterator[_Row]:
    """The lines that are not empty, each of as many fields as the first."""
    told = _TOLD.fullmatch(text.split("\n", 1)[0].rstrip("\r"))
    separator = told[1] if told else _separator(text, separators)
    # A quote after spaces opens a field only if these are skipped.
    aligned = re.search(rf'{separator} +"', text) is not None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=aligned, strict=True)
    width = 0
    for raw in reader:
        fields = [entry.strip() for entry in raw]
        if fields in ([], [""]) or (told and reader.line_num == 1):
            continue
        width = width or len(fields)
        if len(fields) != width:
            raise ValueError(f"line {reader.line_num} has {len(fields)} fields, the first one has {width}")
        yield _Row(reader.line_num, raw, fields)


def _separator(text: str, separators: tuple[str, ...]) -> str:
    """The first of these that parts the first two lines alike, with a number among the parts if one does so."""
    alike = []
    for separator in separators:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        rows = list(islice((fields for line in lines if any(fields := [entry.strip() for entry in line])), 2))
        space = separator == "\t" and any(_BESIDE.search(entry) for fields in rows for entry in fields)
        if rows and len(rows[0]) == len(rows[-1]) > 1 and not space:
            if any(_Numbers().read((entry,)) is not None for entry in rows[-1]):
                return separator
            alike.append(separator)
    return (alike or separators[-1:])[0]


def _table(rows: Iterator[_Row], layout: Layout) -> LabelledTable:
    first = next(rows, None)
    if first is None:
        raise ValueError("the file is empty")
    named = _is_header(first.fields, layout)
    columns = find_columns(layout, first.fields if named else None, len(first.fields))
    truths: dict[int, _Row] = {}
    features = itemgetter(*columns.features, columns.features[0])  # a tuple, also of one feature
    points, labels, first_column, dropped = [], [], [], 0
    numbers = _Numbers()
    spelling: dict[str, str] = {}
    for row in rows if named else chain([first], rows):
        first_column.append(row.fields[0])
        point, label = numbers.read(features(row.fields)[:-1]), row.fields[columns.label]
        if point is None or _is_missing(label):
            # What may be a header is not dropped.
            unsure = row is first and layout.header is None
            fault = _fault(row, columns)
            if layout.drop_missing and fault.missing and not unsure:
                dropped += 1
                continue
            hint = "; say whether the first line is a header (--header yes, or no)" if unsure else ""
            raise ValueError(f"{fault.message}{hint}")
        spelled = spelling.setdefault(label, row.raw[columns.label])
        if spelled != row.raw[columns.label]:
            raise ValueError(
                f"line {row.line} has the label {row.raw[columns.label]!r}, a line before it {spelled!r}, which differ "
                "by spaces only: write both alike"
            )
        if numbers.truths:
            truths.update({k: row for k in columns.features if row.fields[k] in _TRUTH and k not in truths})
        points.append(point)
        labels.append(label)
    if not points:
        why = "every line has a missing value" if dropped else "there is no line below the header"
        raise ValueError(f"no point is left: {why}")
    _check_truths(truths, points, columns)
    if not named and layout.header is None:
        _check_first_line(first.fields, columns, labels)
    if 0 in columns.features:
        check_first_column(first_column, columns)
    numbers.check_marks()
    classes = labels_of_text(labels)
    return LabelledTable(read_points(points), classes, columns.note(classes, dropped))


def _check_truths(truths: dict[int, _Row], points: list[np.ndarray], columns: Columns) -> None:
    """Refuse True among numbers: of which it would be the 1."""
    for k, row in truths.items():
        place = columns.features.index(k)
        other = next((point[place] for point in points if point[place] not in (0, 1)), None)
        if other is not None:
            raise ValueError(
                f"line {row.line} has {row.fields[k]!r} in {columns.named(k)}, and another line the number {other:g}: "
                "a column of truth values, read as 1 and 0, has no others; encode it, or leave it out (--leave-out)"
            )


def _is_header(fields: list[str], layout: Layout) -> bool:
    """Whether a line has names; where that is not said, if a column is asked for by one, or if no field is a number.

    The first field may be empty: pandas writes no name for an index.
    """
    if layout.header is not None:
        return layout.header
    asked = [name for name in (layout.label_column, *layout.leave_out) if isinstance(name, str)]
    if any(name in fields and _Numbers().read((name,)) is None for name in asked):
        return True
    named = [name for k, name in enumerate(fields) if k or name]
    return bool(named) and not any(_is_missing(name) or _Numbers().read((name,)) is not None for name in named)


def _is_missing(entry: str) -> bool:
    return entry.lower() in _MISSING or entry in _MISSING_AS_WRITTEN


class _Numbers:
    """Decimal numbers of one file, truth values being 1 and 0, and examples of those with a point and with a comma."""

    def __init__(self) -> None:
        self.point = self.comma = ""
        self.grouped = True
        # Whether the last that were read had truth values among them.
        self.truths = False

    def read(self, entries: tuple[str, ...]) -> np.ndarray | None:
        """Their values, or None if one is no number."""
        text = "".join(entries)
        self.truths = ("T" in text or "F" in text) and not _TRUTH.keys().isdisjoint(entries)
        if self.truths:
            entries = tuple(_TRUTH.get(entry, entry) for entry in entries)
            text = "".join(entries)
        commas = [entry for entry in entries if "," in entry] if "," in text else []
        if commas:
            text = text.replace(",", ".")
        values = _floats([entry.replace(",", ".") for entry in entries] if commas else entries, text)
        if values is None:
            return None
        if commas:
            self.comma = self.comma or commas[0]
            self.grouped = self.grouped and all(map(_GROUPED.fullmatch, commas))
        if not self.point and "." in text:
            self.point = next((entry for entry in entries if "." in entry), "")
        return values

    def check_marks(self) -> None:
        """Refuse numbers that can be read in two ways."""
        if self.comma and self.point:
            raise ValueError(
                f"numbers must have decimal points or decimal commas, not both, got {self.point!r} and {self.comma!r}"
            )
        if self.comma and self.grouped:
            raise ValueError(
                f"{self.comma!r} may be a decimal, or a whole number with its thousands parted, and no number of the "
                "file decides: write decimal points, and no mark between thousands"
            )


def _floats(entries: Sequence[str], text: str) -> np.ndarray | None:
    """The numbers whose characters are those of `text`; None if one is none."""
    try:
        return np.array(list(map(float, entries))) if _DECIMAL.fullmatch(text) else None
    except ValueError:
        return None


class _Fault(NamedTuple):
    missing: bool
    message: str


def _fault(row: _Row, columns: Columns) -> _Fault:
    """The first field that cannot be used, a missing one if there is any."""
    for k in (*columns.features, columns.label):
        if _is_missing(row.fields[k]):
            rename = "rename a class of that name, " if k == columns.label and row.fields[k] else ""
            what = f"a missing value: fill it, {rename}or leave such lines out (--drop-missing)"
            return _Fault(True, f"line {row.line} has {row.fields[k]!r} in {columns.named(k)}, {what}")
    wrong = next(k for k in columns.features if _Numbers().read((row.fields[k],)) is None)
    return _Fault(
        False,
        f"line {row.line} has {row.fields[wrong]!r} in {columns.named(wrong)} in place of a decimal number: encode the "
        "column, or leave it out (--leave-out)",
    )


def _check_first_line(fields: list[str], columns: Columns, labels: list[str]) -> None:
    """Refuse what may be a header of numbers.

    That is a line 0, 1, …, as pandas heads columns without names, whose label is the next number or like no other, a
    line of years, wavelengths or other numbers in order whose label is the only one that no other line has, and one
    whose label alone is no number.
    """
    used = [fields[k] for k in sorted((*columns.features, columns.label))]
    features = [fields[k] for k in columns.features]
    numbers = [str(k) for k in range(len(used))]
    others = Counter(labels[1:])
    lonely = labels[:1] and labels[0] not in others
    say = "say whether it is a header (--header yes, or no for a point)"
    if len(features) >= 2 and (used == numbers or (features == numbers[:-1] and lonely)):
        raise ValueError(f"the first line numbers the columns: {say}")
    if not lonely or len(labels) < 3:
        return
    texts = [label for label in (labels[0], *others) if _Numbers().read((label,)) is None]
    if texts == labels[:1]:
        raise ValueError(f"the first line has the label {labels[0]!r}, all others have numbers: {say}")
    values = [float(entry.replace(",", ".")) for entry in features]
    rising = all(a < b for a, b in pairwise(values))
    if rising and len(values) >= 2 and min(others.values()) >= 2:
        raise ValueError(
            f"the first line has numbers in order, and the label {labels[0]!r}, the only one that no other line has: "
            f"{say}"
        )
