"""A sweep is its blocks, one after the other; on a cluster: tests/theory/test_cluster.py."""

import math

import numpy as np
import pytest
import torch

from empirics import LinearData, LinearSample, StagedRecipe, linear_batch, random_direction, train_linear
from empirics.gaussian import sweep
from empirics.gaussian.stages import train_batch_in_stages
from empirics.gaussian.sweep import sweep_in_stages, sweep_linear
from theory import AssumptionError

RADII, LEVELS = [0.5, 1.0, 1.5, 2.0, 2.5], [6.0, 7.0, 8.0, 9.0, 10.0]
SHORT = StagedRecipe(linear_steps=30, steps=10)


def samples() -> list[LinearSample]:
    return [LinearData(random_direction(16, k), 8.0 + k, 0.5, 0.5).sample(5 + 4 * k, k, n_small=2) for k in range(5)]


@pytest.fixture(autouse=True)
def blocks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_RUNS", 2)


def test_the_linear_part_is_that_of_the_blocks() -> None:
    state, records = sweep_linear(samples(), RADII, 20, rule="constant", step_size=0.01, record_at=[3, 20])
    assert state.step == 20
    assert [record.step for record in records] == [3, 20]
    for block in (slice(0, 2), slice(2, 4), slice(4, 5)):
        batch = linear_batch(samples()[block], RADII[block])
        alone, seen = train_linear(batch, 20, rule="constant", step_size=0.01, record_at=[3, 20])
        assert torch.equal(state.w[block], alone.w)
        for record, other in zip(records, seen, strict=True):
            assert np.array_equal(record.margin[block], other.margin)
            assert np.array_equal(record.direction_error[block], other.direction_error)


def test_runs_in_stages_are_those_of_the_blocks() -> None:
    runs = sweep_in_stages(samples(), RADII, LEVELS, SHORT, record_at=[0, 10])
    alone = [
        run
        for block in (slice(0, 2), slice(2, 4), slice(4, 5))
        for run in train_batch_in_stages(samples()[block], RADII[block], LEVELS[block], SHORT, record_at=[0, 10])
    ]
    assert len(runs) == len(alone) == 5
    for run, other in zip(runs, alone, strict=True):
        assert run.records == other.records
        assert np.array_equal(run.lower, other.lower)
        assert np.array_equal(run.model.weights, other.model.weights)


def test_one_number_is_that_of_all() -> None:
    one, each = (sweep_in_stages(samples(), radius, 8.0, SHORT) for radius in (0.5, [0.5] * 5))
    assert [run.records for run in one] == [run.records for run in each]


def test_threads_are_the_callers() -> None:
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        with sweep._alone():
            seen.append(torch.get_num_threads())
        assert [*seen, torch.get_num_threads()] == [1, 2]
    finally:
        torch.set_num_threads(before)


def test_what_cannot_be_swept_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one for each of 5, got \[0\.5, 1\.0\]"):
        sweep_linear(samples(), [0.5, 1.0], 3)
    with pytest.raises(ValueError, match="a sweep needs a sample"):
        sweep_in_stages([], 0.5, 8.0)
    with pytest.raises(AssumptionError, match=r"got δ=100\.0 with α=12\.0"):
        sweep_linear(samples(), [0.5, 0.5, 0.5, 0.5, 100.0], 3)
    with pytest.raises(AssumptionError, match="got nan"):
        sweep_in_stages(samples(), 0.5, [8.0, 8.0, 8.0, math.nan, 8.0], SHORT)


def test_a_bar_is_shown_if_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    sweep_linear(samples(), 0.5, 2)
    assert capsys.readouterr().err == ""
    sweep_linear(samples(), 0.5, 2, progress=True)
    assert "linear parts" in capsys.readouterr().err
