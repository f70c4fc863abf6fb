"""What the checker makes of a bound, a claim and a witness: every case of the decision, at its edges."""

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork, certify, write_certificate, write_points
from constructions.check import claims
from constructions.check.__main__ import main
from constructions.check.files import Layer

# f(x) = x, one non-zero.
LINE = [Layer((1, 1), np.array([0, 1]), np.array([0]), np.array([1.0]), np.array([0.0]))]
OPEN = {"status": "undecided", "lower": None, "witness": None}


class Decided:
    """The checker's words about one record, when its bounds are these."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch
        self.asked = 0
        self.arithmetic = ""

    def __call__(
        self,
        record: dict[str, Any],
        bound: float,
        exact: float | Fraction = -9,
        arithmetic: str = "reals",
        size: int = 1,
    ) -> list[str]:
        self.asked = 0

        def margin_bounds(*given: Any) -> np.ndarray:
            self.arithmetic = given[5]
            return np.full(size, bound)

        def exact_margin(*given: Any) -> Fraction:
            self.asked += 1
            return Fraction(exact)

        self.patch.setattr(claims, "margin_bounds", margin_bounds)
        self.patch.setattr(claims, "exact_margin", exact_margin)
        about = {"radius": 0.25, "p": "inf", "arithmetic": arithmetic, "indicators": [], "records": [record] * size}
        return claims.check(about, LINE, np.ones((size, 1)), np.ones(size, dtype=np.int64))


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> Decided:
    return Decided(monkeypatch)


@pytest.mark.parametrize(
    ("status", "lower", "bound", "asked", "exact", "words"),
    [
        # A bound that reaches the claim needs no exact arithmetic.
        ("certified", 0.5, 0.5, 0, -9, ""),
        ("certified", 0.5, 0.75, 0, -9, ""),
        ("undecided", None, -np.inf, 0, -9, ""),
        ("undecided", -0.5, -0.5, 0, -9, ""),
        # One that does not is computed again, exactly.
        ("certified", 0.5, 0.25, 1, 0.5, ""),
        ("certified", 0.5, 0.25, 1, 0.25, "point 0: lower bound 0.5, but 0.25 found here"),
        ("undecided", -0.5, -1.0, 1, -0.5, ""),
        ("undecided", -0.5, -1.0, 1, -0.75, "point 0: lower bound -0.5, but -0.75 found here"),
        ("undecided", 0.5, 0.25, 1, 0, "point 0: lower bound 0.5, but 0.25 found here"),
        # Certified needs a bound above 0, whatever was claimed,
        ("certified", 0.5, 0.0, 1, 0, "point 0: certified, but the bound found here is 0.0"),
        ("certified", -1.0, 0.0, 1, 0, "point 0: certified, but the bound found here is 0.0"),
        ("certified", None, 0.0, 1, -2, "point 0: certified, but the bound found here is 0.0"),
        ("certified", None, -np.inf, 1, -(10**400), "point 0: certified, but the bound found here is a number beyond"),
        # and a claim above 0, whatever is true.
        ("certified", 0.0, 1.0, 0, -9, "point 0: certified with the lower bound 0.0"),
        ("certified", -0.5, 1.0, 0, -9, "point 0: certified with the lower bound -0.5"),
        ("certified", None, 1.0, 0, -9, "point 0: certified with the lower bound None"),
        ("certified", None, 0.0, 1, 1, "point 0: certified with the lower bound None"),
        # A witness goes with a refutation, and with nothing else.
        ("refuted", None, -1.0, 0, -9, "point 0: refuted, so it needs a witness"),
    ],
)
def test_each_case(
    decided: Decided, status: str, lower: float | None, bound: float, asked: int, exact: float, words: str
) -> None:
    found = decided({"status": status, "lower": lower, "witness": None}, bound, exact)
    assert decided.asked == asked
    assert len(found) == bool(words)
    assert not words or found[0].startswith(words)


@pytest.mark.parametrize("status", ["certified", "undecided"])
def test_only_a_refutation_has_a_witness(decided: Decided, status: str) -> None:
    found = decided({"status": status, "lower": 0.5, "witness": [1.0]}, 1.0)
    assert found == [f"point 0: {status}, so it needs no witness"]


@pytest.mark.parametrize(
    ("witness", "label", "right"),
    [
        # f(x) = x > 0 is an error for the label -1, in the ball of radius 0.25 around 1.
        ([0.75], -1, True),
        ([0.5], -1, False),
        ([0.75], 1, False),
    ],
)
def test_a_witness_is_in_the_ball_and_an_error(witness: list[float], label: int, right: bool) -> None:
    record = {"status": "refuted", "lower": None, "witness": witness}
    about = {"radius": 0.25, "p": "inf", "arithmetic": "reals", "indicators": [], "records": [record]}
    found = claims.check(about, LINE, np.ones((1, 1)), np.array([label]))
    assert found == ([] if right else ["point 0: refuted, but the witness fails to be in the ball or to be an error"])


def test_exact_arithmetic_is_for_the_reals(decided: Decided) -> None:
    claim = OPEN | {"lower": 0.5}
    for arithmetic, read, asked in (("reals", "reals", 1), ("rational", "reals", 1), ("float64", "float64", 0)):
        assert bool(decided(claim, 0.25, 0.5, arithmetic)) == (not asked)
        assert (decided.arithmetic, decided.asked) == (read, asked)


@pytest.mark.parametrize(("limit", "asked"), [(3, 3), (2, 0)])
def test_exact_arithmetic_is_for_small_tasks(
    decided: Decided, monkeypatch: pytest.MonkeyPatch, limit: int, asked: int
) -> None:
    """Three points times one non-zero."""
    monkeypatch.setattr(claims, "EXACT_LIMIT", limit)
    decided(OPEN | {"lower": 0.5}, 0.25, 0.5, size=3)
    assert decided.asked == asked


def written(folder: Path) -> list[str]:
    network = ReLUNetwork((Affine(np.array([[1.0]]), np.zeros(1)),))
    points, labels = np.array([[1.0], [0.125], [-1.0]]), np.array([1, 1, -1])
    files = [folder / name for name in ("n.npz", "p.npz", "c.json")]
    network.save(files[0])
    write_points(files[1], network, points, labels)
    write_certificate(files[2], certify(network, points, labels, 0.25, 2), network, points, labels)
    return [str(file) for file in files]


def test_the_program_says_how_many_are_confirmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = written(tmp_path)
    assert main(files) == 0
    assert json.loads(capsys.readouterr().out) == {"points": 3, "confirmed": 3, "not confirmed": []}
    monkeypatch.setattr(claims, "is_inside", lambda *_: False)
    monkeypatch.setattr(sys, "argv", ["check", *files])
    assert main() == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["points"], answer["confirmed"]) == (3, 2)
    assert [text.partition(":")[0] for text in answer["not confirmed"]] == ["point 1"]


@pytest.mark.parametrize("count", [0, 2, 4])
def test_the_program_needs_three_files(count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*written(tmp_path), "more"][:count]) == 2
    assert capsys.readouterr().err == "usage: python -m constructions.check NETWORK POINTS CERTIFICATE\n"


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_program_says_what_it_needs_and_answers(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    answer = capsys.readouterr()
    assert answer.err == ""
    words = ("usage: python -m constructions.check NETWORK POINTS CERTIFICATE", "write_points", "write_certificate")
    assert all(word in answer.out for word in (*words, "exit code 0", "\n          1 ", "\n          2 "))
