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
from constructions.comparison.entries import NARROW, PCA, RANDOM, SHARED, SKETCH, TREE
from constructions.comparison.report import ParameterReport, Row
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


@pytest.mark.parametrize(
    ("p", "names"),
    [
        (1.0, {SHARED, SKETCH}),
        (2.0, {SHARED, SKETCH, PCA, RANDOM}),
        (3.0, {SHARED, SKETCH}),
        (math.inf, {SHARED, SKETCH, TREE, NARROW}),
    ],
)
def test_every_construction_is_certified_at_one_shell(p: float, names: set[str]) -> None:
    base = [row for row in report(p).rows if row.axis == "base"]
    assert {row.construction for row in base} == names
    assert all(row.built and row.certified == row.executed == 32 for row in base)
    assert len({(row.radius, row.shell) for row in base}) == 1
    assert all(row.nonzero <= row.general for row in report(p).rows)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_formulas_are_the_counts_of_what_is_built(p: float, monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = sample(1, 16, 5)
    points[:8, :3] = 0.0

    def absent(*_: object, **__: object) -> None:
        raise AssumptionError("a projection is never counted by formula")

    monkeypatch.setattr(entries, "projection_memorizer", absent)
    built = parameter_report(points, labels, radius=0.001, p=p).rows
    monkeypatch.setattr(entries, "_BUILT", 0)
    counted = parameter_report(points, labels, radius=0.001, p=p).rows
    assert not any(row.built for row in counted if row.construction in (SKETCH, TREE, NARROW))
    for one, other in zip(built, counted, strict=True):
        assert (one.construction, one.nonzero, one.general) == (other.construction, other.nonzero, other.general)
        assert other.parameters in (one.parameters, None)


def test_the_repr_is_one_line() -> None:
    found = report(math.inf)
    assert repr(found) == f"<ParameterReport of 6 constructions in l_inf, {len(found.rows)} rows>"


def test_exponents_of_power_laws() -> None:
    row = Row(SHARED, "N", 1, 1, 1.0, 0.5, 0.1, 0.1, 1, 1, None, True, None, None, 1)
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
    row = Row(SHARED, "N", 1, 1, 1.0, 0.5, 0.1, 0.1, 1, 1, None, True, None, None, 1)
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
        known = set(bound.symbols) <= {"N", "d", "rho", "delta", "eps"}
        assert (bound.name in found) == (bound.norm in (None, p) and known)
    for name, line in found.items():
        assert line.source == PUBLISHED[name].source
        assert (line.value is None) == bool(line.note)
    printed = " ".join(report(p).notes)
    assert "vacuous here" in printed if p == 2 else "depth 2 N + 1 = 65, width 3 d + 1 = 25" in printed


def test_command_line_writes_table_figure_and_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points, labels = sample()
    np.savez(tmp_path / "sample.npz", points=points, labels=labels)
    figure, numbers = tmp_path / "sizes.png", tmp_path / "sizes.json"
    task = [str(tmp_path / "sample.npz"), "--radius", "0.02", "--p", "1", "--compare"]
    assert main([*task, "--figure", str(figure), "--json", str(numbers)]) == 0
    assert "every point memorized" in " ".join(capsys.readouterr().out.split())
    assert figure.stat().st_size > 10_000
    written = json.loads(numbers.read_text())
    assert written["p"] == 1
    assert {row["axis"] for row in written["rows"]} == {"base", "N", "d", "mu", "rho"}
    assert main([*task[:1], "--radius", "9", "--p", "inf", "--compare"]) == 2


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
