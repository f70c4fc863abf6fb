"""The trainer of the linear part: its gradient, its logarithms, its batches, its limit."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from empirics.gaussian.fgsm import (
    LinearBatch,
    LinearState,
    geometric_steps,
    initial_state,
    linear_batch,
    observe,
    train_linear,
)
from empirics.gaussian.samples import LinearData, LinearSample, random_direction
from theory import AssumptionError, log_exponential_loss
from theory.gaussian.max_margin import max_margin_direction


def samples(*sizes, dim=8, alpha=2.0) -> list[LinearSample]:
    return [LinearData(random_direction(dim, seed), alpha, 0.5, 0.0).sample(n, seed) for seed, n in enumerate(sizes)]


@pytest.mark.statement("definition-exponential-loss", form="printed")
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1.0, 1e3]))
def test_the_loss_is_that_of_the_worst_points(seed, size) -> None:
    """The logged loss against the definition: the mean of exp at the worst points found over the sphere."""
    rng = np.random.default_rng(seed)
    (sample,) = samples(5, dim=3)
    w = size * rng.standard_normal(3)
    record = observe(linear_batch([sample], 0.7), LinearState(3, torch.from_numpy(w)[None]))
    exact = sample.labels * (sample.points @ w) - 0.7 * np.linalg.norm(w)
    assert abs(record.log_loss[0] - log_exponential_loss(exact)) <= 1e-11 * (1 + size)
    assert abs(record.log_clean_loss[0] - log_exponential_loss(sample.labels * (sample.points @ w))) <= 1e-11 * (
        1 + size
    )
    steps = rng.standard_normal((4000, 3))
    steps *= 0.7 / np.linalg.norm(steps, axis=1, keepdims=True)
    tried = sample.labels[:, None] * ((sample.points[:, None] + steps) @ w)
    assert (tried.min(axis=1) >= exact - 1e-9 * size).all()
    # Not merely a bound: the sphere is searched finely enough to come near.
    assert (tried.min(axis=1) <= exact + 0.02 * np.linalg.norm(w)).all()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["constant", "normalised"]))
def test_one_step_against_autograd(seed, rule) -> None:
    rng = np.random.default_rng(seed)
    (sample,) = samples(6, dim=4)
    batch = linear_batch([sample], 0.7)
    w = torch.from_numpy(rng.standard_normal(4)).requires_grad_(True)
    x, y = torch.from_numpy(sample.points), torch.from_numpy(sample.labels.astype(float))
    log_loss = torch.logsumexp(-y * (x @ w) + 0.7 * torch.linalg.vector_norm(w), 0) - math.log(6)
    (gradient,) = torch.autograd.grad(log_loss if rule == "normalised" else log_loss.exp(), w)
    state, _ = train_linear(batch, 1, rule=rule, step_size=0.1, state=LinearState(5, w.detach()[None]))
    assert torch.allclose(state.w[0], (w - 0.1 * gradient).detach(), rtol=1e-12, atol=1e-12)
    assert state.step == 6


def test_the_first_step_from_zero_is_the_plain_gradient() -> None:
    (sample,) = samples(6)
    for rule in ("constant", "normalised"):
        state, _ = train_linear(linear_batch([sample], 1.9), 1, rule=rule, step_size=0.5)
        assert np.allclose(state.w[0].numpy(), 0.5 * (sample.labels[:, None] * sample.points).mean(axis=0), atol=1e-15)


def distances_to_the_limit(rule, steps, direction=max_margin_direction) -> np.ndarray:
    found = samples(4, 8, 12, dim=10, alpha=3.0)
    state, _ = train_linear(linear_batch(found, 1.0), steps, rule=rule, record_at=[])
    limits = np.stack([direction(sample.points, sample.labels) for sample in found])
    w = state.w.numpy()
    return np.linalg.norm(w / np.linalg.norm(w, axis=1, keepdims=True) - limits, axis=1)


@pytest.mark.statement("theorem-5.1", form="repaired")
def test_normalised_steps_converge_to_the_max_margin_direction() -> None:
    at = {steps: distances_to_the_limit("normalised", steps) for steps in (100, 1000, 5000)}
    assert (at[1000] < at[100] / 2).all()
    assert (at[5000] < at[1000] / 2).all()
    assert at[5000].max() < 0.02


def test_another_direction_is_no_limit() -> None:
    """Planted: the mean of the y_i x_i for the max-margin direction."""

    def mean(points, labels) -> np.ndarray:
        v = (labels[:, None] * points).mean(axis=0)
        return v / np.linalg.norm(v)

    assert distances_to_the_limit("normalised", 5000, mean).max() > 0.1


def test_constant_steps_hardly_move() -> None:
    at = {steps: distances_to_the_limit("constant", steps) for steps in (100, 1000)}
    assert (at[1000] < at[100]).all()
    assert (at[1000] > at[100] / 2).all()


@pytest.mark.parametrize("rule", ["constant", "normalised"])
def test_a_batch_is_its_runs(rule) -> None:
    """Different sizes, radii and scales side by side, against each alone. Catches weight on the filling."""
    found = samples(3, 9, 20) + samples(5, alpha=7.0)
    radii = [0.1, 1.9, 0.5, 5.0]
    together, records = train_linear(linear_batch(found, radii), 200, rule=rule)
    for k, (sample, radius) in enumerate(zip(found, radii, strict=True)):
        alone, single = train_linear(linear_batch([sample], radius), 200, rule=rule)
        assert torch.allclose(alone.w[0], together.w[k], rtol=1e-10, atol=1e-12)
        for a, b in zip(records, single, strict=True):
            for name in ("direction_error", "margin", "log_loss", "log_clean_loss"):
                assert abs(getattr(a, name)[k] - getattr(b, name)[0]) <= 1e-9
            assert (a.certified_error[k], a.attacked_error[k]) == (b.certified_error[0], b.attacked_error[0])


def test_weight_on_the_filling_is_caught(monkeypatch) -> None:
    found = samples(3, 20)
    right, _ = train_linear(linear_batch(found, 0.5), 50)
    monkeypatch.setattr(torch.Tensor, "masked_fill_", lambda self, mask, value: self)
    wrong, _ = train_linear(linear_batch(found, 0.5), 50)
    assert (right.w[0] - wrong.w[0]).abs().max() > 1e-3


@pytest.mark.parametrize("rule", ["constant", "normalised"])
def test_going_on_is_the_same_as_never_having_stopped(rule, tmp_path) -> None:
    batch = linear_batch(samples(5, 9), 0.5)
    whole, records = train_linear(batch, 60, rule=rule)
    half, first = train_linear(batch, 25, rule=rule)
    half.save(tmp_path / "state.pt")
    rest, second = train_linear(batch, 35, rule=rule, state=LinearState.load(tmp_path / "state.pt"))
    assert torch.equal(whole.w, rest.w)
    assert whole.step == rest.step == 60
    assert [r.step for r in records] == [r.step for r in first + second] == list(range(1, 61))
    assert [r.log_loss.tolist() for r in records] == [r.log_loss.tolist() for r in first + second]


def test_small_margin_points_have_no_weight() -> None:
    sample = LinearData(random_direction(8, 0), 2.0, 0.5, 0.5).sample(20, 3)
    large = ~sample.small
    only = type(sample)(sample.points[large], sample.labels[large], sample.small[large], sample.source)
    a, _ = train_linear(linear_batch([sample], 0.7), 50)
    b, _ = train_linear(linear_batch([only], 0.7), 50)
    assert torch.allclose(a.w, b.w, rtol=1e-10, atol=1e-13)


def test_the_state_of_a_million_steps_does_not_overflow() -> None:
    """w is of the length that a million normalised steps give; exp of its margins is no float64."""
    batch = linear_batch(samples(12, 20), 0.5)
    early, _ = train_linear(batch, 2000, record_at=[])
    late = LinearState(10**6, early.w * 500)
    for rule in ("constant", "normalised"):
        state, (record,) = train_linear(batch, 5, rule=rule, state=late, record_at=[10**6 + 5])
        assert torch.isfinite(state.w).all()
        assert (record.log_loss < -1e4).all()
        assert np.exp(record.log_loss).tolist() == [0.0, 0.0]
        # The direction of normalised steps is alive where the loss itself is 0 in float64.
        moved = (state.w != late.w).any(dim=1)
        assert bool(moved.all()) == (rule == "normalised")
        assert not record.certified_error.any()
        assert not record.attacked_error.any()


@pytest.mark.nightly
def test_a_million_steps() -> None:
    batch = linear_batch(samples(4, 8, 12, dim=10, alpha=3.0), 1.0)
    for rule in ("constant", "normalised"):
        _, records = train_linear(batch, 10**6, rule=rule, record_at=geometric_steps(10**6, 7))
        assert all(np.isfinite(r.log_loss).all() for r in records)
        assert (records[-1].log_loss < records[0].log_loss).all()
        if rule == "normalised":
            assert (records[-1].log_loss < -1e4).all()


def test_certified_and_attacked_error_agree_and_find_errors() -> None:
    batch = linear_batch(samples(30), 1.5)
    w = torch.from_numpy(random_direction(8, 77))[None]
    record = observe(batch, LinearState(1, w))
    assert record.certified_error[0] == record.attacked_error[0] > 0
    assert record.margin[0] < 0
    zero = observe(batch, initial_state(batch))
    assert zero.certified_error[0] == 1.0


def test_a_step_that_is_too_large_is_reported() -> None:
    batch = LinearBatch(
        torch.full((1, 1, 2), 1e200, dtype=torch.float64),
        -torch.ones(1, 1, dtype=torch.float64),
        torch.zeros(1, dtype=torch.float64),
        torch.eye(1, 2, dtype=torch.float64),
    )
    with pytest.raises(FloatingPointError, match="lower step_size"):
        train_linear(batch, 3, step_size=1e200, rule="constant")


def test_geometric_steps() -> None:
    assert geometric_steps(1000, 4) == [1, 10, 100, 1000]
    assert geometric_steps(3, 10) == [1, 2, 3]


def bad_batch(radius, n_small=0, count=1) -> LinearBatch:
    data = LinearData(random_direction(4, 0), 2.0, 0.5, 0.0)
    return linear_batch([data.sample(3, 0, n_small=n_small)] * count, radius)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: bad_batch(2.0), AssumptionError, r"δ < α, got δ=2\.0 with α=2\.0"),
        (lambda: bad_batch(math.nan), AssumptionError, "got δ=nan"),
        (lambda: bad_batch(-0.1), AssumptionError, r"got δ=-0\.1"),
        (lambda: bad_batch(1.0, n_small=3), AssumptionError, "point of large margin, got none of 3"),
        (lambda: bad_batch([1.0], count=2), ValueError, "one for each of 2"),
        (lambda: bad_batch(1.0, count=0), ValueError, "one dimension, got"),
        (lambda: linear_batch(samples(2) + samples(2, dim=3), 0.5), ValueError, r"\[8, 3\]"),
        (lambda: train_linear(bad_batch(1.0), -1), ValueError, "steps >= 0"),
        (lambda: train_linear(bad_batch(1.0), 1, step_size=0.0), ValueError, "step_size > 0"),
        (lambda: train_linear(bad_batch(1.0), 1, step_size=math.nan), ValueError, "step_size > 0"),
        (lambda: geometric_steps(0, 1), ValueError, "last >= 1"),
    ],
)
def test_bad_calls(call, kind, message) -> None:
    with pytest.raises(kind, match=message):
        call()
