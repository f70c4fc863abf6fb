"""Several runs of the stages at once: each is its own run, a stopped one goes on, records say what they claim."""

import dataclasses
import math
import os
from typing import Never

import numpy as np
import pytest
import torch

from empirics import tensor_files as checkpoint
from empirics.gaussian import neurons, stage_record, stages
from empirics.gaussian.mixed_attack import attacked_margins
from empirics.gaussian.neurons import StagedRecipe, neuron_steps, staged_batch, start_neurons
from empirics.gaussian.samples import LinearData, LinearSample, random_direction
from empirics.gaussian.stage_record import observe_stages
from empirics.gaussian.stages import train_batch_in_stages, train_in_stages
from theory import AssumptionError
from theory.gaussian.mixed_model import batch_certificate, margin_certificate

pytestmark = pytest.mark.statement("theorem-5.2", form="repaired")

DIM = 40
SHORT = StagedRecipe(linear_steps=120, steps=40)


def draw(n, seed, alpha=40.0, n_small=None, dim=DIM) -> LinearSample:
    return LinearData(random_direction(dim, seed), alpha, 0.5, 0.5).sample(n, seed + 100, n_small=n_small)


def several() -> list[LinearSample]:
    """Other seeds, N, α, shares of small-margin points; one with none."""
    return [draw(12, 0), draw(30, 1, 20.0), draw(20, 2, 60.0, n_small=19), draw(7, 3, n_small=0), draw(12, 4, 8.0)]


RADII, LEVELS = [1.0, 1.5, 0.5, 1.0, 4.0], [20.0, 18.0, 22.0, 20.0, 10.0]


def close(a, b) -> bool:
    return a == b or abs(a - b) <= 1e-9 * (1 + abs(a))


@pytest.mark.parametrize(
    "change", [{}, {"frozen": False}, {"start": "random"}, {"capped": False, "ramp": 0.0}], ids=lambda c: "".join(c)
)
def test_a_batch_is_its_runs(change) -> None:
    recipe = dataclasses.replace(SHORT, **change)
    together = train_batch_in_stages(several(), RADII, LEVELS, recipe, record_at=[0, 20])
    for run, sample, radius, level in zip(together, several(), RADII, LEVELS, strict=True):
        alone = train_in_stages(sample, radius, level, recipe, record_at=[0, 20])
        for name in ("linear", "weights", "signs"):
            assert np.allclose(getattr(run.model, name), getattr(alone.model, name), rtol=1e-9, atol=1e-11)
        assert np.allclose(run.lower, alone.lower, rtol=1e-9, atol=1e-9)
        assert [r.step for r in run.records] == [0, 20, 40]
        for a, b in zip(run.records, alone.records, strict=True):
            assert all(close(u, v) for u, v in zip(dataclasses.astuple(a), dataclasses.astuple(b), strict=True))


@pytest.mark.parametrize("fault", ["one radius for all", "one threshold for all", "w_0 of another run"])
def test_runs_that_mix_are_caught(fault, monkeypatch) -> None:
    right = train_batch_in_stages(several(), RADII, LEVELS, SHORT, record_at=[])
    original = neurons._neuron_step

    def faulty(weights, batch, linear, radius, step_size, cap) -> None:
        if fault == "one radius for all":
            radius = torch.full_like(radius, float(radius[0]))
        if fault == "one threshold for all":
            batch = dataclasses.replace(batch, threshold=torch.full_like(batch.threshold, float(batch.threshold[0])))
        if fault == "w_0 of another run":
            linear = linear.roll(1, dims=0)
        original(weights, batch, linear, radius, step_size, cap)

    monkeypatch.setattr(neurons, "_neuron_step", faulty)
    wrong = train_batch_in_stages(several(), RADII, LEVELS, SHORT, record_at=[])
    assert (
        max(np.abs(a.model.weights - b.model.weights).max(initial=0) for a, b in zip(right, wrong, strict=True)) > 0.1
    )


def test_blocks_of_neurons_change_nothing(monkeypatch) -> None:
    whole = train_batch_in_stages(several(), RADII, LEVELS, SHORT, record_at=[])
    monkeypatch.setattr(neurons, "blocks", lambda rows, columns: [slice(k, k + 2) for k in range(0, rows, 2)])
    pieces = train_batch_in_stages(several(), RADII, LEVELS, SHORT, record_at=[])
    for a, b in zip(whole, pieces, strict=True):
        assert np.array_equal(a.model.weights, b.model.weights)


def test_the_records_against_the_definitions() -> None:
    """One run by theory's own functions, and the bracket of each quantity in the right order."""
    sample, radius = draw(30, 1, 20.0), 3.0
    run = train_in_stages(sample, radius, 14.0, SHORT, record_at=range(0, 41, 10))
    for record in run.records:
        assert record.margin <= record.attacked_margin
        assert record.attacked_log_loss <= record.log_loss
        assert record.log_clean_loss <= record.attacked_log_loss
        assert record.attacked_error <= record.certified_error
    last, clean = run.records[-1], sample.labels * run.model(sample.points)
    assert last.margin == pytest.approx(run.lower.min(), abs=1e-10)
    assert last.log_loss == pytest.approx(math.log(np.mean(np.exp(-run.lower))), abs=1e-10)
    assert last.log_clean_loss == pytest.approx(math.log(np.mean(np.exp(-clean))), abs=1e-10)
    assert last.certified_error == np.mean(run.lower <= 0) == run.certified_error
    w0 = run.model.linear / np.linalg.norm(run.model.linear)
    assert last.direction_error == pytest.approx(np.linalg.norm(w0 - sample.source.w_star), abs=1e-14)
    own = np.sum(run.model.weights * sample.points[sample.small], axis=1)
    assert last.dead == np.mean(own <= run.model.threshold)
    assert [r.radius for r in run.records] == [pytest.approx(radius * min(1, t / 24)) for t in range(0, 41, 10)]
    # Early in the run something is wrong, and the attack sees it.
    assert 0 < run.records[0].attacked_error <= run.records[0].certified_error


def sizes_in_groups(sizes) -> list[list[int]]:
    samples = [draw(n, 0) for n in sizes]
    return [[sizes[k] for k in runs.tolist()] for runs in staged_batch(samples, 1.0, 20.0).alike()]


def test_runs_of_one_group_are_of_about_one_size() -> None:
    assert sizes_in_groups([40, 10, 12, 50, 13, 10]) == [[10, 10, 12], [13], [40, 50]]
    # 5/4 is in, and more is not.
    assert sizes_in_groups([5, 4]) == [[4, 5]]
    assert sizes_in_groups([51, 40]) == [[40], [51]]
    assert sizes_in_groups([9]) == [[9]]


def test_runs_of_other_sizes_are_observed_apart(monkeypatch) -> None:
    """None is filled up to the largest of all, and the records are in the order of the runs."""
    batch = staged_batch(several(), RADII, LEVELS)
    linear = torch.from_numpy(np.random.default_rng(0).standard_normal((5, DIM)))
    state, seen = start_neurons(batch, linear, SHORT), []
    original = stage_record.least_margins

    def least_margins(model, x, y, radius) -> torch.Tensor:
        seen.append((tuple(x.shape), tuple(model.weights.shape)))
        return original(model, x, y, radius)

    monkeypatch.setattr(stage_record, "least_margins", least_margins)
    records = observe_stages(batch, state, 0.5)
    small = [int(sample.small.sum()) for sample in several()]
    assert seen == [
        ((1, 7, DIM), (1, 0, DIM)),
        ((2, 12, DIM), (2, max(small[0], small[4]), DIM)),
        ((1, 20, DIM), (1, 19, DIM)),
        ((1, 30, DIM), (1, small[1], DIM)),
    ]
    for k, (sample, record) in enumerate(zip(several(), records, strict=True)):
        model = state.model(batch).run(k, small[k]).numpy()
        lower = margin_certificate(model, sample.points, sample.labels, RADII[k])
        reached = attacked_margins(model, sample.points, sample.labels, RADII[k])
        assert close(record.margin, lower.min())
        assert close(record.attacked_margin, reached.min())
        assert record.radius == 0.5 * RADII[k]


def test_runs_of_one_size_are_observed_in_place(monkeypatch) -> None:
    """At the largest sizes a copy would be as large as the data."""
    batch = staged_batch([draw(10, 0), draw(12, 1)], 1.0, 20.0)
    state, seen = start_neurons(batch, torch.ones(2, DIM, dtype=torch.float64), SHORT), []
    original = stage_record.least_margins

    def least_margins(model, x, y, radius) -> torch.Tensor:
        seen.append(x is batch.large.points and model.weights is state.weights)
        return original(model, x, y, radius)

    monkeypatch.setattr(stage_record, "least_margins", least_margins)
    observe_stages(batch, state, 1.0)
    assert seen == [True]


def test_the_certificate_of_several_is_that_of_each() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((3, 4), (3, 5, 4), (3, 5), (3,), (3, 6, 4))]
    labels, radius = rng.choice([-1, 1], (3, 6)), np.array([0.1, 0.5, 2.0])
    together = batch_certificate(*arrays, labels, radius)
    from theory.gaussian.mixed_model import MixedModel

    for k in range(3):
        model = MixedModel(arrays[0][k], arrays[1][k], arrays[2][k], float(arrays[3][k]))
        alone = margin_certificate(model, arrays[4][k], labels[k], float(radius[k]))
        assert np.allclose(together[k], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("frozen", [True, False])
def test_going_on_is_the_same_as_never_having_stopped(frozen) -> None:
    recipe = dataclasses.replace(SHORT, frozen=frozen)
    batch = staged_batch(several(), RADII, LEVELS)
    start = start_neurons(batch, torch.eye(5, DIM, dtype=torch.float64), recipe)
    kept = start.weights.clone()
    for state in neuron_steps(batch, recipe, start):
        if state.step == 13:
            half = dataclasses.replace(state, weights=state.weights.clone(), linear=state.linear.clone())
    assert torch.equal(start.weights, kept)
    *_, again = neuron_steps(batch, recipe, half)
    assert again.step == state.step == 40
    assert torch.equal(again.weights, state.weights)
    assert torch.equal(again.linear, state.linear)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("writes", [1, 2, 3, 30, 41, 43])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(writes, tmp_path, monkeypatch) -> None:
    """Stopped after so many checkpoints: in stage 1, between the stages, in stage 2, at the end."""
    monkeypatch.setattr(stages, "_SECONDS", 0.0)
    path, done = tmp_path / "run.pt", []
    whole = train_batch_in_stages(several(), RADII, LEVELS, SHORT, record_at=[0, 7, 33])
    original = stages.write

    def write(to, content) -> None:
        original(to, content)
        done.append(to)
        if len(done) == writes:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(stages, "write", write)
        with pytest.raises(Stopped):
            train_batch_in_stages(several(), RADII, LEVELS, SHORT, record_at=[0, 7, 33], checkpoint=path)
    again = train_batch_in_stages(several(), RADII, LEVELS, SHORT, record_at=[0, 7, 33], checkpoint=path)
    for a, b in zip(whole, again, strict=True):
        assert np.array_equal(a.model.weights, b.model.weights)
        assert np.array_equal(a.model.linear, b.model.linear)
        assert a.records == b.records
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_a_checkpoint_belongs_to_one_training(tmp_path) -> None:
    path = tmp_path / "run.pt"
    sample = draw(12, 0)
    train_in_stages(sample, 1.0, 20.0, SHORT, checkpoint=path)
    for other, radius, level, recipe in (
        (draw(12, 1), 1.0, 20.0, SHORT),
        (sample, 1.1, 20.0, SHORT),
        (sample, 1.0, 20.1, SHORT),
        (sample, 1.0, 20.0, dataclasses.replace(SHORT, seed=1)),
    ):
        with pytest.raises(ValueError, match=r"run\.pt is of other samples.*another path"):
            train_in_stages(other, radius, level, recipe, checkpoint=path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"run\.pt is damaged or no checkpoint, remove it"):
        train_in_stages(sample, 1.0, 20.0, SHORT, checkpoint=path)
    torch.save({"step": 1}, path)
    with pytest.raises(ValueError, match="is no checkpoint of this training"):
        train_in_stages(sample, 1.0, 20.0, SHORT, checkpoint=path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "state.pt"
    checkpoint.write(path, {"step": 1})

    def broken(content, to) -> Never:
        to.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.write(path, {"step": 2})
    assert checkpoint.read(path, {"step"}) == {"step": 1}
    assert os.listdir(tmp_path) == ["state.pt"]


def test_progress_is_shown_where_it_is_asked_for(capfd) -> None:
    train_in_stages(draw(12, 0), 1.0, 20.0, SHORT)
    assert capfd.readouterr() == ("", "")
    train_in_stages(draw(12, 0), 1.0, 20.0, SHORT, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "stage 1" in err
    assert "stage 2" in err
    assert "100%" in err


SAMPLE = draw(12, 0)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: staged_batch([], 1.0, 1.0), ValueError, "samples of one dimension"),
        (lambda: staged_batch([SAMPLE, draw(5, 1, dim=9)], 1.0, 1.0), ValueError, r"\[40, 9\]"),
        (lambda: staged_batch([SAMPLE, SAMPLE], 1.0, [1.0]), ValueError, "one threshold, or one for each of 2"),
        (lambda: staged_batch([SAMPLE, SAMPLE], [1.0, 50.0], 1.0), AssumptionError, r"δ=50\.0 with α=40\.0 in run 1"),
        (lambda: staged_batch([SAMPLE, SAMPLE], 1.0, [1.0, -1.0]), AssumptionError, r"got -1\.0 in run 1"),
        (lambda: staged_batch([SAMPLE], 1.0, math.inf), AssumptionError, "b > 0, got inf"),
        (lambda: train_in_stages(SAMPLE, 1.0, 20.0, SHORT, record_at=[41]), ValueError, "steps 0 to 40"),
    ],
)
def test_bad_calls(call, kind, message) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.usefixtures("untyped")
def test_certificates_of_arrays_in_single_precision_are_computed_in_double() -> None:
    rng = np.random.default_rng(0)
    shapes = ((3, 4), (3, 5, 4), (3, 5), (3,), (3, 6, 4))
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    labels, radius = rng.choice([-1, 1], (3, 6)).astype(np.int8), np.array([0.5, 1.0, 2.0], dtype=np.float32)
    found = batch_certificate(*arrays, labels, radius)
    expected = batch_certificate(*(a.astype(np.float64) for a in (*arrays, labels, radius)))
    assert found.dtype == np.float64
    assert np.array_equal(found, expected)
