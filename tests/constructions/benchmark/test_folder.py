"""The folder of a benchmark: whole or not there, the same each time, and its truths by other routes."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers import smt
from benchmarks.peers.question import Question
from constructions.benchmark import families, folder, suites
from constructions.benchmark.__main__ import main
from constructions.benchmark.folder import COLUMNS, write_benchmark
from constructions.benchmark.margins import Instance, read_margin
from constructions.benchmark.samples import spread
from constructions.certificates.rational_intervals import rational_outputs
from constructions.exchange.onnx_execution import run_onnx
from constructions.exchange.onnx_file import read_onnx
from constructions.exchange.vnnlib_file import read_vnnlib
from constructions.exchange.witness_file import read_witness


@pytest.fixture(scope="module")
def small(tmp_path_factory: Any) -> Path:
    out = Path(tmp_path_factory.mktemp("benchmark")) / "small"
    assert main([str(out)]) == 0
    return out


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "truth.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_the_layout(small: Path) -> None:
    truths = rows(small)
    assert tuple(truths[0]) == COLUMNS
    with (small / "instances.csv").open() as stream:
        listed = list(csv.reader(stream))
    assert [(a, b) for a, b, _ in listed] == [(row["onnx"], row["vnnlib"]) for row in truths]
    named = {row[key] for row in truths for key in ("onnx", "vnnlib", "witness") if row[key]}
    there = {str(path.relative_to(small)) for path in small.rglob("*") if path.is_file()}
    assert there == named | {"truth.csv", "instances.csv"}
    assert sum(path.stat().st_size for path in small.rglob("*")) < 5_000_000
    inputs = [int(row["inputs"]) for row in truths]
    assert inputs == sorted(inputs)


def test_every_construction_and_both_answers_of_each(small: Path) -> None:
    found = Counter((re.match(r"[a-z_]+", row["construction"])[0], row["truth"]) for row in rows(small))  # type: ignore[index]
    builders = {name for name, _ in found}
    assert builders == {
        *("robust_memorizer", "max_tree_memorizer", "narrow_deep_memorizer"),
        *("rule_memorizer", "projection_memorizer", "compact_memorizer"),
    }
    assert set(found) == {(name, truth) for name in builders for truth in ("sat", "unsat")}
    assert {row["p"] for row in rows(small)} == {"1", "2", "inf"}


def test_witnesses_are_run_by_onnxruntime(small: Path) -> None:
    for row in rows(small):
        if row["truth"] == "sat":
            x, _ = read_witness(small / row["witness"])
            point = np.array([[float(v) for v in x]])
            asked = read_vnnlib(small / row["vnnlib"])
            outputs = [Fraction(v) for v in run_onnx(small / row["onnx"], point)[0].tolist()]
            (case, *_) = [one for one in asked.cases if one.region.contains(x)]
            margin = read_margin(case.violated).value(outputs)
            # As executed, with what float32 rounds; beyond the box of the data outputs are large.
            expected = Fraction(row["margin"])
            assert abs(margin - expected) <= Fraction(1, 10_000) * (1 + abs(expected))


def test_no_random_point_contradicts_an_unsat(small: Path) -> None:
    generator = np.random.default_rng(0)
    for row in rows(small)[::3]:
        network, asked = read_onnx(small / row["onnx"]), read_vnnlib(small / row["vnnlib"])
        for case in asked.cases:
            low, high = (np.array([float(v) for v in ends]) for ends in (case.region.low, case.region.high))
            corners = generator.integers(0, 2, (4, len(low)))
            points = np.vstack([low + (high - low) * generator.random((4, len(low))), np.where(corners, high, low)])
            for x in points:
                value = read_margin(case.violated).value(rational_outputs(network.layers, x))
                if row["truth"] == "unsat":
                    assert value >= Fraction(row["margin"])
                if row["least"]:
                    assert value >= Fraction(row["least"])


def test_an_exact_solver_gives_the_same_answers(small: Path) -> None:
    """Z3 on the network over the rationals, margins of 2^-52 among them; of the small networks, what it decides."""
    decided: Counter[str] = Counter()
    for row in rows(small)[::5]:
        if int(row["nonzero"]) <= 120:
            found = smt.answer(Question.of_files(small / row["onnx"], small / row["vnnlib"]), 2.0)
            assert found.verdict in (row["truth"], "unknown")
            decided[found.verdict] += 1
    assert min(decided["sat"], decided["unsat"]) > 10


def test_corners_are_exact_in_the_format_of_the_network(small: Path) -> None:
    for row in rows(small):
        if row["format"] == "float32":
            for case in read_vnnlib(small / row["vnnlib"]).cases:
                assert all(Fraction(float(np.float32(float(v)))) == v for v in (*case.region.low, *case.region.high))


def some(size: str, seed: int) -> Iterator[Instance]:
    """What is searched for or trained, and what is not."""
    for instance in suites._of_others(size, seed):
        if "d4" in instance.model.name:
            yield instance


def test_the_same_bytes_each_time(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "instances", some)
    contents = []
    for name in ("a", "b"):
        write_benchmark(tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    networks = [path for path in contents[0] if path.endswith(".onnx")]
    assert len(networks) == 5
    assert all((small / path).read_bytes() == contents[0][path] for path in networks)


def test_a_seed_makes_other_networks(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "instances", some)
    write_benchmark(tmp_path / "other", seed=1)
    names = [path.name for path in (tmp_path / "other" / "onnx").iterdir()]
    assert names
    assert all((small / "onnx" / n).read_bytes() != (tmp_path / "other" / "onnx" / n).read_bytes() for n in names)


@pytest.mark.parametrize("stop", [ValueError("no"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_writing_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    def broken(size: str, seed: int) -> Iterator[Instance]:
        yield next(some(size, seed))
        raise stop

    monkeypatch.setattr(folder, "instances", broken)
    with pytest.raises(type(stop)):
        write_benchmark(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_taken_and_a_full_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(folder, "instances", lambda size, seed: [next(some(size, seed))])
    (tmp_path / "out").mkdir()
    assert main([str(tmp_path / "out")]) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert main([str(tmp_path / "out")]) == 2
    assert "must be a new or an empty folder" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    (tmp_path / "file").write_text("mine")
    assert main([str(tmp_path / "file")]) == 2
    assert (tmp_path / "file").read_text() == "mine"
    assert main([str(tmp_path / "new"), "--seed", "-1"]) == 2
    assert not (tmp_path / "new").exists()


def test_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="small, full"):
        write_benchmark(tmp_path / "out", size="huge")


def test_needles_are_where_no_sample_and_no_gradient_finds_them() -> None:
    (instance, *_) = [one for one in suites._of_needles("small", 0) if one.family == "needle"][3:]
    assert instance.model.network.inputs == 4
    case = instance.cases[0]
    low, high = (np.array([float(v) for v in ends]) for ends in (case.region.low, case.region.high))
    x = np.random.default_rng(0).uniform(low, high, (100_000, len(low)))
    values = instance.model.network(x)[:, 0]
    assert (values == 0.5).mean() > 0.999
    assert values.min() > 0
    assert instance.witness is not None
    assert instance.model.network(instance.witness[None])[0, 0] < 0


def test_the_least_sizes_of_boxes() -> None:
    """About 1e-1 to 1e-7."""
    halves = {2.0**-s for s in suites._SCALES["full"]}
    assert max(halves) > 0.05
    assert min(halves) < 1.3e-7


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_inscribed_cubes_are_the_largest_on_their_grid(p: float) -> None:
    for instance in suites._of_indicators("small", 0):
        if instance.family == "ball" and instance.model.task.p == p:
            half, dim = Fraction(families.half_width(instance.model)), instance.model.network.inputs
            radius = Fraction(instance.model.task.radius)
            assert dim * half ** int(p) <= radius ** int(p) < dim * (half + Fraction(1, 2**20)) ** int(p)


def test_points_are_spread_or_refused() -> None:
    sample = spread(3, 12, 0.25, classes=3, seed=4)
    far = np.abs(sample.points[:, None] - sample.points[None]).max(axis=2)
    assert far[~np.eye(12, dtype=bool)].min() >= 0.25
    assert np.array_equal(sample.points * 256, np.round(sample.points * 256))
    assert set(sample.labels.tolist()) == {0, 1, 2}
    with pytest.raises(ValueError, match="take fewer"):
        spread(1, 6, 0.25)
