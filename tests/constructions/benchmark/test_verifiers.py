"""How answers of verifiers are judged, and what becomes of those that crash, hang or want too much."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks import verifiers
from benchmarks.verifiers import VERDICTS, asked, by_family, text
from constructions.benchmark.margins import cube
from constructions.exchange.onnx_file import write_onnx
from constructions.exchange.properties import margin_property
from constructions.exchange.vnnlib_file import write_vnnlib
from constructions.networks.network import network

FAULTY = "tests.suites.faulty_verifier"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifiers, "SECONDS", 0.5)
    monkeypatch.setattr(verifiers, "_GRACE", 4.0)
    monkeypatch.delenv("VERIFIERS_PYTHON", raising=False)


def instances(out: Path, names: list[str], truth: str) -> list[dict[str, str]]:
    """`x <= 1/4` on [0, 1] at the answers of a verifier named by the files."""
    rows = []
    for name in names:
        write_onnx(out / f"{name}.onnx", network(([[1.0]], [0.0])), plain=True)
        write_vnnlib(out / f"{name}.vnnlib", cube(np.array([0.5]), 0.5), margin_property(1, 1, Fraction(1, 4)))
        files = {"onnx": f"{name}.onnx", "vnnlib": f"{name}.vnnlib"}
        rows.append({**files, "truth": truth, "family": name, "margin": "-0.25", "construction": "identity"})
    return rows


def test_each_answer_and_each_failure_is_counted_as_what_it_is(tmp_path: Path, quick: None) -> None:
    names = ["sat", "crashes", "unsat", "hangs", "raises", "wants", "witness", "unknown"]
    found = asked(FAULTY, tmp_path, truths := instances(tmp_path, names, "sat"))
    assert found is not None
    name, answers = found
    assert name == "faulty"
    verdicts = [answer.verdict for answer in answers]
    assert verdicts == ["right", "crash", "wrong", "timeout", "error", "error", "right", "unknown"]
    # 1/2 is in the box, and not at most 1/4.
    assert [answer.exact for answer in answers] == [None] * 6 + [False, None]
    rows = by_family(name, truths, answers)
    assert [sum(row[verdict] for row in rows) for verdict in VERDICTS] == [2, 1, 1, 2, 1, 1]
    assert sum(row["wrong, margin >= 1e-6"] for row in rows) == sum(row["witness not exact"] for row in rows) == 1
    shown = text(truths, [found])
    assert "| faulty | 2 | 1 | 1 | 2 | 1 | 1 | 1 | 1 |" in shown
    assert "| faulty | unsat | sat | unsat | 1 | -0.25 | -0.25 | `identity` |" in shown


def test_a_verifier_that_is_not_there_is_left_out(tmp_path: Path, quick: None) -> None:
    assert asked("tests.suites.no_such_verifier", tmp_path, instances(tmp_path, ["sat"], "sat")) is None


@pytest.mark.parametrize("peer", ["mixed_integer", "smt", "ours"])
@pytest.mark.parametrize(("threshold", "truth"), [(Fraction(1, 4), "sat"), (Fraction(-1, 4), "unsat")])
def test_those_that_are_here_answer(
    tmp_path: Path, peer: str, threshold: Fraction, truth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VERIFIERS_PYTHON", raising=False)
    write_onnx(tmp_path / "n.onnx", network(([[1.0], [-1.0]], [0.0, 0.5]), ([[1.0, 1.0]], [-0.5])), plain=True)
    # |x - 1/4| - 1/4 + …: from 0 to 1/2 on [0, 1].
    write_vnnlib(tmp_path / "n.vnnlib", cube(np.array([0.5]), 0.5), margin_property(1, 1, threshold))
    row = {"onnx": "n.onnx", "vnnlib": "n.vnnlib", "truth": truth, "family": "", "margin": "1", "construction": ""}
    found = asked(f"benchmarks.peers.{peer}", tmp_path, [row])
    assert found is not None
    assert found[1][0].verdict == "right"
    assert found[1][0].exact in (None, True)
