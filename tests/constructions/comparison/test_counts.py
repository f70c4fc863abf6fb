"""The parameter report: counts are those of networks, exponents those of known laws, tables and files complete."""

import json
import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from constructions.__main__ import main
from constructions.comparison import counts as comparison
from constructions.comparison import entries
from constructions.comparison.counts import parameter_report
from constructions.comparison.entries import CODE, COMPACT, LINE, NARROW, PCA, RANDOM, RULES, SHARED, SKETCH, TREE
from constructions.comparison.report import ParameterReport, Row
from constructions.rules.memorizer import rule_memorizer
from theory.errors import AssumptionError
from theory.sizes.published import PUBLISHED

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def sample(seed: int = 0, size: int = 32, dim: int = 8) -> tuple[np.ndarray, list[int]]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0.1, 0.9, (size, dim)), (rng.permutation(size) % 3).tolist()


@lru_cache
def report(p: float) -> ParameterReport:
    points, labels = sample()
    return parameter_report(points, labels, radius=0.02, p=p)


# A search for rules calls small functions often: their types are checked in its own tests.
@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("p", "names"),
    [
        (1.0, {SHARED, SKETCH, RULES, CODE}),
        (2.0, {SHARED, SKETCH, PCA, RANDOM, RULES, COMPACT, CODE}),
        (3.0, {SHARED, SKETCH, RULES, CODE}),
        (math.inf, {SHARED, SKETCH, TREE, NARROW, RULES, CODE}),
    ],
)
def test_every_construction_is_certified_at_one_shell(p: float, names: set[str]) -> None:
    base = [row for row in report(p).rows if row.axis == "base"]
    assert {row.construction for row in base} == names
    assert all(row.built and row.certified == 32 for row in base)
    # Integers are evaluated exactly.
    assert all(row.executed == (None if row.construction == CODE else 32) for row in base)
    assert all(row.bits >= row.nonzero for row in base)
    assert len({(row.radius, row.shell) for row in base}) == 1
    assert all(row.nonzero <= row.general for row in report(p).rows)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_every_construction_has_a_row_or_a_reason(p: float) -> None:
    found = report(p)
    base = {row.construction for row in found.rows if row.axis == "base"}
    reasons = {refusal.construction: refusal.reason for refusal in found.refusals if refusal.axis == "base"}
    assert sorted([*base, *reasons]) == sorted(found.sources)
    for entry in entries.ENTRIES:
        if not entry.is_for(p):
            assert reasons[entry.name] == f"it is for {entry.norms}"
    if p == 2:
        assert "2 * radius below the least gap between labels" in reasons[LINE]
    (printed,) = [table for table in found.table() if table.title == "not built here"]
    assert list(printed.columns[0].cells) == list(reasons)
    assert list(printed.columns[1].cells) == list(reasons.values())


def test_bits_are_refused_beyond_the_grid_of_the_values() -> None:
    own = tuple(entry for entry in entries.ENTRIES if entry.name in (CODE, SHARED))
    points, labels = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 1.0]]), [0, 0, 1, 1]
    refused = parameter_report(points, labels, radius=0.2, p=1, entries=own)
    assert refused.base(CODE).certified == 4
    (reason,) = {r.reason for r in parameter_report(points, labels, radius=0.3, p=1, entries=own).refusals}
    assert "no ball of radius 0.3 crosses" in reason


def test_what_takes_long_is_counted_once() -> None:
    for name in (COMPACT, CODE):
        assert {row.axis for row in report(2.0).rows if row.construction == name} == {"base", "N"}
        assert len([row for row in report(2.0).rows if row.construction == name]) == 2


@pytest.mark.parametrize(("p", "limit"), [(math.inf, "_SEARCHED"), (1.0, "_SEARCHED_WHOLE")])
def test_rules_of_many_coordinates_are_left_to_their_own_command(
    p: float, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, labels = sample(2, 16, 5)
    monkeypatch.setattr(entries, limit, 79)
    found = parameter_report(points, labels, radius=0.001, p=p, entries=entries.ENTRIES[:1] + entries.ENTRIES[6:7])
    (reason,) = {refusal.reason for refusal in found.refusals if refusal.axis == "base"}
    assert "at most 79 coordinates of all points, got N d = 80: take rule_memorizer" in reason
    assert {row.N * row.d <= 79 for row in found.rows if row.construction == RULES} == {True}


def test_bits_are_those_of_the_networks() -> None:
    points, labels = sample()
    row = report(math.inf).base(RULES)
    built = rule_memorizer(points, labels, radius=row.radius, p=math.inf, shell=row.shell)
    assert (row.nonzero, row.bits) == (built.size.nonzero, math.ceil(built.description_bits))
    shared = report(math.inf).base(SHARED)
    assert shared.bits > 64 * shared.nonzero


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_formulas_are_the_counts_of_what_is_built(p: float, monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = sample(1, 16, 5)
    points[:8, :3] = 0.0

    def absent(*_: object, **__: object) -> None:
        raise AssumptionError("a projection is never counted by formula")

    monkeypatch.setattr(entries, "projection_memorizer", absent)
    # What is searched for is never counted by formula.
    own = entries.ENTRIES[:6]
    built = parameter_report(points, labels, radius=0.001, p=p, entries=own).rows
    monkeypatch.setattr(entries, "_BUILT", 0)
    counted = parameter_report(points, labels, radius=0.001, p=p, entries=own).rows
    assert not any(row.built for row in counted if row.construction in (SKETCH, TREE, NARROW))
    for one, other in zip(built, counted, strict=True):
        assert (one.construction, one.nonzero, one.general) == (other.construction, other.nonzero, other.general)
        assert other.parameters in (one.parameters, None)


def test_the_repr_is_one_line() -> None:
    found = report(math.inf)
    assert repr(found) == f"<ParameterReport of 10 constructions in l_inf, {len(found.rows)} rows>"


def test_exponents_of_power_laws() -> None:
    row = Row(SHARED, "N", 1, 1, 1.0, 0.5, 0.1, 0.1, 1, 1, None, True, None, None, None, 1)
    exact = [replace(row, N=n, nonzero=7 * n * n, general=5) for n in (10, 20, 40, 80)]
    square, constant = comparison._exponents(exact, [SHARED])
    assert square.exponent == pytest.approx(2, abs=1e-12)
    assert square.high - square.low < 1e-6
    assert (constant.count, constant.exponent, constant.low, constant.high) == ("general", 0.0, 0.0, 0.0)
    # n plus a constant is no power law, and the interval says so.
    bent = comparison._exponents([replace(row, N=n, nonzero=n + 100) for n in (10, 20, 40, 80, 160, 320)], [SHARED])
    assert bent[0].high - bent[0].low > 0.1


def test_the_interval_covers_the_slope_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    row = Row(SHARED, "N", 1, 1, 1.0, 0.5, 0.1, 0.1, 1, 1, None, True, None, None, None, 1)
    covered = 0
    for _ in range(400):
        noisy = [(n, round(1e6 * n * math.exp(0.3 * rng.standard_normal()))) for n in (10, 20, 40, 80, 160)]
        fit = comparison._exponents([replace(row, N=n, nonzero=count) for n, count in noisy], [SHARED])[0]
        covered += fit.low <= 1 <= fit.high
    # Binomial(400, 0.95) leaves [354, 397] with probability below 1e-5 on both sides together.
    assert 354 <= covered <= 398


def test_the_sketch_grows_with_slope_one() -> None:
    slopes = {(e.construction, e.axis, e.count): e for e in report(math.inf).exponents}
    for name in (SKETCH, TREE):
        assert slopes[name, "N", "general"].exponent == pytest.approx(1, abs=0.01)
    # a n² + b n + c with positive a, b, c is below slope 2 everywhere.
    assert 1.8 < slopes[TREE, "N", "parameters"].exponent < 2
    assert slopes[TREE, "rho", "general"].exponent == 0


@pytest.mark.parametrize("p", [2.0, math.inf])
def test_every_published_bound_of_the_norm_is_there_with_its_source(p: float) -> None:
    found = {bound.name: bound for bound in report(p).published if bound.axis == "base"}
    for bound in PUBLISHED.values():
        known = set(bound.symbols) <= {"N", "d", "p", "rho", "delta", "eps", "gamma", "R"}
        assert (bound.name in found) == (bound.norm in (None, p) and known)
    for name, line in found.items():
        assert line.source == PUBLISHED[name].citation
        assert (line.value is None) == bool(line.note) == (line.status != "holds")
    printed = " ".join(report(p).notes)
    assert "vacuous here" in printed if p == 2 else "depth 2 N + 1 = 65, width 3 d + 1 = 25" in printed


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("p", [2.0, math.inf])
def test_li_et_al_are_given_half_of_the_separation_in_the_unit_ball(p: float, scale: float) -> None:
    """Their ε is half of the separation: the theorem is for ρ < 1/2 and no more, whatever the unit of the data."""
    points = scale * sample()[0]
    half = scale * 0.1
    lines = {}
    for rho in (0.49, 0.51):
        row = Row(SHARED, "base", 32, 8, 1.0, rho, rho * half, 0.1, 1, 1, None, True, None, None, None, 8)
        found = comparison._published([row], p, points)
        lines[rho] = next(line for line in found if line.name == "robust training")
    radius = 0.49 * half / np.linalg.norm(points, ord=p, axis=1).max()
    assert lines[0.49].value == pytest.approx(32 * 8 * math.log(8 / radius) + 32 * math.log(32 / radius), rel=1e-9)
    assert lines[0.51].value is None
    assert "δ < ε/2" in lines[0.51].note
    # Data in a ball of radius less than 2 ε: it is enlarged until ε < 1/2 in it.
    near = comparison._published([replace(row, rho=0.49, radius=0.49 * half)], p, 0.05 * points)
    value = next(line for line in near if line.name == "robust training").value
    assert value == pytest.approx(32 * 8 * math.log(16 / 0.49) + 32 * math.log(64 / 0.49), rel=1e-8)


@pytest.mark.usefixtures("untyped")
def test_command_line_writes_table_figure_and_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points, labels = sample()
    np.savez(tmp_path / "sample.npz", points=points, labels=labels)
    figure, numbers, lines = tmp_path / "sizes.png", tmp_path / "sizes.json", tmp_path / "sizes.csv"
    task = [str(tmp_path / "sample.npz"), "--radius", "0.02", "--p", "1", "--compare"]
    assert main([*task, "--figure", str(figure), "--json", str(numbers), "--report", str(lines)]) == 0
    assert "every point memorized" in " ".join(capsys.readouterr().out.split())
    assert figure.stat().st_size > 10_000
    written = json.loads(numbers.read_text())
    assert written["p"] == 1
    assert {row["axis"] for row in written["rows"]} == {"base", "N", "d", "mu", "rho"}
    assert lines.read_text(encoding="utf-8").count(",non-zeros,") > 20
    assert main([*task[:1], "--radius", "9", "--p", "inf", "--compare"]) == 2
    assert main([*task, "--report", str(tmp_path / "sizes.txt")]) == 2
    assert "is written as .csv, .tex, .json, got" in capsys.readouterr().err
    assert main([*task[:-1], "--report", str(lines)]) == 2
    assert "--report writes the counts of --compare: give both" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"radius": 0.5}, AssumptionError, "got radius=0.5"),
        ({"radius": math.nan}, ValueError, "radius=nan"),
        ({"shell": 0.9}, AssumptionError, "shell=0.9"),
        ({"shell": math.nan}, ValueError, "shell=nan"),
        ({"p": 0.5}, ValueError, "p=0.5"),
        ({"p": math.nan}, ValueError, "p=nan"),
        ({"labels": [1, 1, 1, 1]}, AssumptionError, "two classes"),
        ({"points": np.empty((0, 2)), "labels": []}, ValueError, r"got \(0, 2\)"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parameter_report(
            **{"points": SQUARE, "labels": [1, -1, -1, 1], "radius": 0.2, "p": 2, **change}  # type: ignore[arg-type]
        )
