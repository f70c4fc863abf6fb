"""Regions of which some inputs have no float64, as files have them that fix an input at a decimal."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from constructions.exchange import verify as module
from constructions.exchange.command import main
from constructions.exchange.onnx_file import write_onnx
from constructions.exchange.properties import Region
from constructions.exchange.verify import verify
from constructions.exchange.vnnlib_file import decimal, parse_vnnlib, read_vnnlib
from constructions.exchange.witness_file import read_witness
from constructions.networks.network import Affine, ReLUNetwork
from tests.rational import rational_value

# y = |x_0 - x_1|
DISTANCE = ReLUNetwork(
    (Affine(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.zeros(2)), Affine(np.array([[1.0, 1.0]]), np.zeros(1)))
)
DECLARED = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
FIXED = "(assert (>= X_0 0.1))(assert (<= X_0 0.1))(assert (>= X_1 0.3))(assert (<= X_1 0.4))"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_onnx(tmp_path / "distance.onnx", DISTANCE)
    return tmp_path / "distance.onnx"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [("(>= Y_0 0.25)", "sat"), ("(>= Y_0 0.301)", "unsat"), ("(<= Y_0 0.201)", "sat"), ("(<= Y_0 0.199)", "unsat")],
)
def test_an_input_that_is_fixed_at_a_decimal(asked: str, answer: str, path: Path, tmp_path: Path) -> None:
    (tmp_path / "asked.vnnlib").write_text(f"{DECLARED}{FIXED}(assert {asked})")
    witness = tmp_path / "witness"
    status = main([str(path), str(tmp_path / "asked.vnnlib"), "--seconds", "5", "--quiet", "--witness", str(witness)])
    assert status == {"sat": 10, "unsat": 20}[answer]
    if answer == "sat":
        x, _ = read_witness(witness)
        assert x[0] == Fraction(1, 10)
        assert read_vnnlib(tmp_path / "asked.vnnlib").is_witness(x, rational_value(DISTANCE, x))


def test_what_is_true_of_the_nearest_float_only_is_no_witness(path: Path) -> None:
    # At x_0 = 0.1 the output is 0.2 exactly, and not a little less as at the float above it.
    box = "(assert (= X_0 0.1))(assert (= X_1 0.3))"
    beside = (Fraction(0.1) - Fraction(1, 10)) / 2
    assert beside > 0
    bound = decimal(Fraction(1, 5) - beside)
    assert verify(path, parse_vnnlib(f"{DECLARED}{box}(assert (<= Y_0 {bound}))"), seconds=1).answer != "sat"
    assert verify(path, parse_vnnlib(f"{DECLARED}{box}(assert (<= Y_0 0.2001))"), seconds=1).answer == "sat"


def test_the_middle_of_a_thin_range_is_a_decimal_in_it() -> None:
    third, little = Fraction(1, 3), Fraction(1, 7**40)
    for region in (
        Region((third,), (third + little,), frozenset({0}), frozenset({0})),
        Region((-third - little,), (-third,)),
        Region((Fraction("0.1"),), (Fraction("0.1"),)),
    ):
        assert region.thin.all()
        (point,) = region.point(region.outward[0])
        assert region.contains([point])
        assert 10**60 % point.denominator == 0


def test_a_value_that_is_no_decimal_is_no_witness(path: Path) -> None:
    box = "(assert (= X_0 (/ 1 3)))(assert (>= X_1 0))(assert (<= X_1 1))"
    found = verify(path, parse_vnnlib(f"{DECLARED}{box}(assert (>= Y_0 0.5))"), seconds=1)
    assert found.answer in ("unknown", "timeout")
    assert verify(path, parse_vnnlib(f"{DECLARED}{box}(assert (>= Y_0 0.7))"), seconds=1).answer == "unsat"


def test_bounds_of_a_witness_are_over_the_whole_range(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = module.interval_bounds

    def watched(layers: object, low: np.ndarray, high: np.ndarray) -> object:
        seen.append((low[0].copy(), high[0].copy()))
        return original(layers, low, high)

    monkeypatch.setattr(module, "interval_bounds", watched)
    verify(path, parse_vnnlib(f"{DECLARED}{FIXED}(assert (>= Y_0 0.25))"), seconds=1)
    assert seen
    for low, high in seen:
        assert Fraction(low[0]) < Fraction(1, 10) < Fraction(high[0])
