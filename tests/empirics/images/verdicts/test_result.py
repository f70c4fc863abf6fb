"""Results survive the way to disk and back, and say what is wrong with a file."""

import csv
import json
import math
from typing import Any

import pytest


def record(**changes) -> Any:
    from empirics.images.verdicts.result import Record

    fields = {
        "condition": "adversarial",
        "radius": 0.1,
        "epoch": 3,
        "split": "train",
        "clip": True,
        "measure": "gradient_norm",
        "at": (0.0, 0.1, 0.2),
        "values": ((0.0, 1.0, 2.0), (0.0, 1.0, 4.0)),
        "width": 1,
    }
    return Record(**fields | changes)


def result(*records, **changes) -> Any:
    from empirics.images.verdicts.result import Result

    fields = {
        "experiment": "figure1",
        "dataset": "digits",
        "preset": "mini",
        "settings": {"radius": 0.1, "width": 1},
        "seeds": (0, 1),
        "records": tuple(records),
    }
    return Result(**fields | changes)


def test_round_trip_with_infinities(tmp_path) -> None:
    from empirics.images.verdicts.result import Result
    from empirics.images.verdicts.thresholds import judge

    verdict = judge("figure-1", "a claim", "a statistic", [math.inf, math.inf], 7.0)
    whole = result(record(), verdicts=(verdict, judge("figure-1", "b", "b", [1.0], 0.0)))
    path = whole.save(tmp_path)
    assert Result.load(path) == whole
    # Strict JSON: no bare Infinity, which other readers refuse.
    json.loads(path.read_text(), parse_constant=lambda text: pytest.fail(text))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figure1-digits-mini.csv", "figure1-digits-mini.json"]


def test_csv_has_means_deviations_and_seeds(tmp_path) -> None:
    with result(record()).save(tmp_path).with_suffix(".csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["mean"]) for row in rows] == [0, 1, 3]
    assert float(rows[2]["deviation"]) == pytest.approx(math.sqrt(2), rel=1e-4)
    assert (rows[2]["seed_0"], rows[2]["seed_1"]) == ("2.0", "4.0")


def test_stored_digits() -> None:
    from empirics.images.verdicts.result import rounded, significant

    assert significant(123456.7) == 123460
    assert rounded([[1 / 3, 0]]) == ((0.33333, 0.0),)


def test_selection() -> None:
    whole = result(record(), record(split="test"))
    assert whole.one(split="test").split == "test"
    with pytest.raises(ValueError, match="exactly one record"):
        whole.one(measure="gradient_norm")
    with pytest.raises(ValueError, match="exactly one record"):
        whole.one(split="other")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"records": [], "verdicts": []}', '{"records": [1], "verdicts": []}']
)
def test_a_file_that_is_no_result(tmp_path, text) -> None:
    from empirics.images.verdicts.result import Result

    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="no stored result"):
        Result.load(path)
    with pytest.raises(FileNotFoundError, match="run the experiment first"):
        Result.load(tmp_path / "b.json")
