"""A parameter report for others: CSV, LaTeX, and tables for a terminal of 80 columns."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from constructions.comparison import counts
from constructions.comparison.counts import parameter_report
from constructions.comparison.entries import ENTRIES, NARROW, SHARED, SKETCH, TREE
from constructions.comparison.report import Exponent, ParameterReport, Row
from constructions.comparison.writing import tex
from theory.sizes.published import PUBLISHED

SOME = tuple(entry for entry in ENTRIES if entry.name in (SHARED, SKETCH, TREE, NARROW))


@lru_cache
def report(p: float) -> ParameterReport:
    rng = np.random.default_rng(0)
    points, labels = rng.uniform(0.1, 0.9, (32, 8)), (rng.permutation(32) % 3).tolist()
    return parameter_report(points, labels, radius=0.02, p=p, entries=SOME)


def printed(p: float, width: int = 80) -> str:
    text = io.StringIO()
    console = Console(file=text, width=width)
    for table in report(p).table():
        console.print(table)
    return text.getvalue()


def lines(p: float) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report(p).to_csv())))


@pytest.mark.parametrize("p", [2.0, math.inf])
def test_no_number_is_cut_off_at_80_columns(p: float) -> None:
    text = printed(p)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for row in report(p).rows:
        if row.axis == "base":
            for number in (row.nonzero, row.general, row.parameters):
                assert number is None or re.search(rf"(?<![\d,]){number:,}(?![\d,])", text), number


@pytest.mark.parametrize("p", [2.0, math.inf])
def test_every_number_is_a_line_of_the_csv(p: float) -> None:
    found = lines(p)
    assert {line["p"] for line in found} == {f"{p:g}"}
    built = [line for line in found if line["part"] == "construction"]
    for row in report(p).rows:
        own = {
            line["count"]: float(line["value"])
            for line in built
            if (line["name"], line["axis"], int(line["N"]), int(line["d"]), float(line["mu"]), float(line["rho"]))
            == (row.construction, row.axis, row.N, row.d, row.mu, row.rho)
        }
        expected = {"non-zeros": row.nonzero, "general": row.general, "all entries": row.parameters, "bits": row.bits}
        expected |= {"certified": row.certified, "float64": row.executed}
        assert own == {count: value for count, value in expected.items() if value is not None}
    parts = [line["part"] for line in found]
    assert parts.count("published") == len(report(p).published)
    assert parts.count("exponent") == len(report(p).exponents)
    assert parts.count("refused") == len(report(p).refusals)


@pytest.mark.parametrize("p", [2.0, math.inf])
def test_bounds_that_say_nothing_have_no_number(p: float) -> None:
    found = [line for line in lines(p) if line["part"] == "published"]
    assert {line["status"] for line in found} == {"holds", "vacuous", "does not apply"}
    for line in found:
        assert (line["value"] == "") == (line["status"] != "holds") == bool(line["note"])
        # No network has less than one weight, neuron or layer.
        assert line["value"] == "" or float(line["value"]) >= 1
    text = " ".join(printed(p).split())
    assert "vacuous: " in text
    assert "does not apply: " in text


def test_a_bound_below_one_parameter_is_vacuous() -> None:
    """A factor ρ² d below 1 without its constant: an upper bound of 0.1, and a lower bound as small."""
    row = Row(SHARED, "base", 60, 5, 1.0, 0.1, 0.1, 0.1, 1, 1, None, True, None, None, None, 5)
    points = np.random.default_rng(0).random((60, 5))
    extent = float(np.linalg.norm(points, axis=1).max())
    plain = counts.applicable(2.0, **counts._values(row, extent, math.nextafter(1, 2)))
    below = {name for name, value in plain.items() if value < 1}
    assert {PUBLISHED[name].kind for name in below} == {"lower", "upper"}
    for bound in counts._published([row], 2.0, points):
        if bound.name in below:
            assert (bound.status, bound.value) == ("vacuous", None)
            assert "1" in bound.note


def test_exponents_of_few_places_say_so() -> None:
    few = Exponent(SHARED, "N", "nonzero", 1.25, -0.59, 1.175, 4)
    assert few.too_few
    assert not replace(few, places=5).too_few
    changed = replace(report(2.0), exponents=(few, replace(few, axis="d", places=5, low=1.0, high=1.5)))
    text = io.StringIO()
    console = Console(file=text, width=80)
    for table in changed.table():
        console.print(table)
    assert re.search(r"shared features +non-zeros +1\.25 \(4\) +1\.25 ± 0\.25 +– +–", text.getvalue())
    written = [line for line in csv.DictReader(io.StringIO(changed.to_csv())) if line["part"] == "exponent"]
    assert [(line["status"], line["low"], line["places"]) for line in written] == [
        ("too few places", "", "4"),
        ("", "1.0", "5"),
    ]


def test_what_is_for_one_norm_says_so() -> None:
    assert report(math.inf).norms == {SHARED: "any p", SKETCH: "any p", TREE: "p = ∞ only", NARROW: "p = ∞ only"}
    assert "max tree, p = ∞ only" in printed(math.inf)
    for p in (2.0, math.inf):
        assert {line["norms"] for line in lines(p) if line["name"] == TREE} == {"p = ∞ only"}
    assert "it is for p = ∞ only" in printed(2.0)


@pytest.mark.parametrize("p", [2.0, math.inf])
def test_latex_is_plain_and_balanced(p: float) -> None:
    text = report(p).to_latex()
    # What LaTeX without packages for other scripts does not know.
    assert text.isascii()
    for opened, closed in (("{", "}"), (r"\begin{", r"\end{"), (r"\toprule", r"\bottomrule")):
        assert text.count(opened) == text.count(closed) > 0
    tabular = re.findall(r"\\begin\{tabular\}\{((?:[lr]|p\{[^}]*\})+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(tabular) == len(report(p).table())
    for layout, body in tabular:
        columns = len(re.findall(r"[lr]|p\{[^}]*\}", layout))
        rows = [line for line in body.splitlines() if not line.endswith("rule")]
        assert all(len(re.findall(r"(?<!\\)&", line)) == columns - 1 and line.endswith(r" \\") for line in rows)
    # Wide columns share what the others leave of a line.
    for layout, _ in tabular:
        wide = [float(part) for part in re.findall(r"p\{([\d.]+)\\linewidth\}", layout)]
        assert sum(wide) <= 1 - 0.03 * (len(wide) + len(re.findall("[lr]", layout.replace("linewidth", ""))))
    assert tex("N >= 2 > 1 <= 3 < 4") == r"N $\ge$ 2 $>$ 1 $\le$ 3 $<$ 4"
    assert (
        tex("a_b & 50 % ~ ^ \\ #{$}") == r"a\_b \& 50 \% \textasciitilde{} \textasciicircum{} \textbackslash{} \#\{\$\}"
    )


def test_it_is_written_as_the_ending_says(tmp_path: Path) -> None:
    made = report(2.0)
    for name, text in (("a.csv", made.to_csv()), ("a.TEX", made.to_latex()), ("a.json", made.to_json())):
        made.write(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == text
    assert json.loads((tmp_path / "a.json").read_text())["norms"][TREE] == "p = ∞ only"
    with pytest.raises(ValueError, match=r"written as \.csv, \.tex, \.json, got '.*a\.xlsx'"):
        made.write(tmp_path / "a.xlsx")
