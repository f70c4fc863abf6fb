"""The numbers of the ledger's remarks are those that were stored, of networks certified on every ball."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from theory import LEDGER
from theory.ledger.remark import Remark

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")


def rows(name: str) -> list[dict[str, Any]]:
    return list(json.loads((RESULTS / f"{name}.json").read_text())["rows"])


def built(data: str, points: int, p: float | str, radius: float, construction: str) -> dict[str, Any]:
    wanted = {"data": data, "points": points, "p": p, "radius": radius, "construction": construction}
    (row,) = [row for row in rows("smallest") if wanted.items() <= row.items()]
    assert row["certified, reals"] == row["certified, float64"] == points
    return row


def numbers(text: str) -> list[str]:
    """Those of a text, without the exponents of norms."""
    return [found.rstrip(",") for found in NUMBER.findall(text.replace("l_2", ""))]


def stored() -> list[list[str]]:
    """The numbers of each remark of Theorem 3.3, from the files."""
    rules, compact = built("mnist", 60_000, "inf", 0.1, "rules"), built("mnist", 60_000, 2.0, 0.5, "compact")
    above = [f"{rules['points']:,}"]
    for row in (rules, compact):
        above += [f"{row['non-zeros']:,}", str(row["radius"]), f"{row['over N d']:.2g}"]
    (bound,) = [
        row for row in rows("lower_bounds") if (row["data"], row["p"], row["radius"]) == ("60000 of mnist", 2.0, 0.5)
    ]
    below = [f"{rules['points']:,}", "0.5", *(f"{bound[k]:,}" for k in ("coordinates", "rank", "non-zeros", "entries"))]
    random = built("mnist5k, random labels", 5000, "inf", 0.1, "rules")
    own = built("mnist5k", 5000, "inf", 0.1, "rules")
    return [above, below, ["5,000", f"{random['non-zeros']:,}", f"{own['non-zeros']:,}"]]


def test_every_number_is_a_stored_one() -> None:
    assert [numbers(remark.text) for remark in LEDGER["theorem-3.3"].remarks] == stored()


def test_every_source_names_a_stored_file_and_its_command() -> None:
    for entry in LEDGER.values():
        for remark in entry.remarks:
            name, command = re.fullmatch(
                r"benchmarks/results/(\w+)\.json, made by `python -m benchmarks (\w+)`", remark.source
            ).groups()
            assert name == command
            assert (RESULTS / f"{name}.json").exists()


def test_from_below_is_below_from_above() -> None:
    above, below, _ = stored()
    assert int(below[4].replace(",", "")) <= int(above[4].replace(",", ""))


@pytest.mark.parametrize("digit", ["0", "9"])
def test_another_number_would_be_noticed(digit: str) -> None:
    """The planted fault."""
    for remark, expected in zip(LEDGER["theorem-3.3"].remarks, stored(), strict=True):
        for found in NUMBER.finditer(remark.text.replace("l_2", "l_q")):
            changed = remark.text[: found.start()] + digit + remark.text[found.start() :]
            assert numbers(changed) != expected


@pytest.mark.parametrize(("text", "source"), [("", "a file"), ("a number", " ")])
def test_a_remark_has_a_text_and_a_source(text: str, source: str) -> None:
    with pytest.raises(ValueError, match="a remark needs a text and its source"):
        Remark(text, source)
