"""Files of many boxes of which one has many conjunctions: the same answer, without room for all of them in each."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork
from constructions.exchange import verify as module
from constructions.exchange.onnx_file import write_onnx
from constructions.exchange.properties import Case, Conjunction, Property, Region, Specification


@pytest.mark.parametrize(("last", "answer"), [(-2, "unsat"), (0, "sat")])
def test_cases_are_evened(last: int, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_onnx(tmp_path / "f.onnx", ReLUNetwork((Affine(np.ones((1, 1)), np.zeros(1)),)))
    shapes = []

    def seen(conjunctions: list[list[object]], outputs: int) -> object:
        shapes.append([len(one) for one in conjunctions])
        return made(conjunctions, outputs)

    made = module.unions
    monkeypatch.setattr(module, "unions", seen)
    rows = [Conjunction(((Fraction(1),),), (Fraction(b),)) for b in range(-40, -2)]
    regions = [Region((Fraction(-1),), (Fraction(k),)) for k in range(1, 9)]
    cases = [Case(region, Property((Conjunction(((Fraction(1),),), (Fraction(last),)),))) for region in regions]
    asked = Specification(1, 1, (Case(regions[0], Property((*rows, rows[0]))), *cases))
    monkeypatch.setattr(module, "_MOST", 100)
    assert module.verify(tmp_path / "f.onnx", asked, seconds=1).answer == answer
    assert max(shapes[-1]) <= 6
    assert sum(shapes[-1]) == 39 + 8
