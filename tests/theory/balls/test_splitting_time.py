"""Splitting where the time is over before it begins: nothing is prepared for a region that has no turn."""

from typing import Any

import numpy as np
import pytest

from constructions.networks.network import Affine
from theory.balls import input_splitting
from theory.balls.regions import boxes
from theory.balls.violations import margin_violations


def test_regions_without_a_turn_are_not_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    layers = (Affine(rng.normal(size=(6, 2)), rng.normal(size=6)), Affine(rng.normal(size=(3, 6)), np.zeros(3)))
    centres = rng.random((20, 2))
    task = layers, boxes(centres - 0.1, centres + 0.1), margin_violations(np.zeros(20, int), 3)
    made = []
    real = input_splitting.merge

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(input_splitting, "merge", counted)
    monkeypatch.setattr(input_splitting, "is_over", lambda deadline: True)
    found = input_splitting.split_inputs(*task, seconds=0)
    assert made == []
    assert np.isneginf(found.lower).all()
    assert not (found.proved | found.refuted).any()
    assert np.isnan(found.points).all()
    monkeypatch.setattr(input_splitting, "is_over", lambda deadline: False)
    assert (input_splitting.split_inputs(*task, nodes=100).nodes > 0).all()
    assert len(made) == 20
