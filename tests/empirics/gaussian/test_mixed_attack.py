"""Attacks on the mixed model: they stay in the ball, agree with autograd, and see inactive neurons."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empirics.gaussian import mixed_attack as attack_module
from empirics.gaussian.mixed_attack import attacked_margins, blind_attack, mixed_attack, pgd
from empirics.gaussian.samples import LinearData, random_direction
from empirics.gaussian.tensors import MixedTensors, fgsm, loss_gradients, sample_tensors
from theory.gaussian.mixed_model import MixedModel, margin_certificate, target_model


def random_case(seed, dim=4, width=6, n=7) -> tuple[MixedModel, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    model = MixedModel(
        rng.standard_normal(dim), rng.standard_normal((width, dim)), rng.choice([-1.0, 1.0, 2.0], width), 0.3
    )
    return model, rng.standard_normal((n, dim)), rng.choice([-1, 1], n)


@given(st.integers(0, 2**32 - 1))
def test_values_and_gradients_against_numpy_and_autograd(seed) -> None:
    model, points, labels = random_case(seed)
    tensors = MixedTensors.of(model)
    x, y = sample_tensors(points, labels)
    assert np.abs(tensors(x).numpy() - model(points)).max() <= 1e-12
    (gradient,) = torch.autograd.grad(tensors(x.requires_grad_(True)).sum(), x)
    assert torch.allclose(tensors.input_gradient(x.detach()), gradient, rtol=0, atol=1e-12)
    x = x.detach()
    moved = fgsm(tensors, x, y, 0.5)
    leaves = MixedTensors(
        tensors.linear.requires_grad_(True), tensors.weights.requires_grad_(True), tensors.signs, tensors.threshold
    )
    loss = torch.logsumexp(-y * leaves(moved), 0) - math.log(len(y))
    expected = torch.autograd.grad(loss, (leaves.linear, leaves.weights))
    for found, right in zip(loss_gradients(MixedTensors.of(model), x, y, 0.5), expected, strict=True):
        assert torch.allclose(found, right, rtol=0, atol=1e-11)
    back = MixedTensors.of(model).numpy()
    assert np.array_equal(back.weights, model.weights)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-6, 0.5, 30.0]))
def test_attacks_stay_in_the_ball_and_report_what_they_reach(seed, radius) -> None:
    model, points, labels = random_case(seed)
    x, y = sample_tensors(points, labels)
    value, reached = mixed_attack(MixedTensors.of(model), x, y, radius)
    for a, b in zip(reached.numpy(), points, strict=True):
        square = sum((Fraction(s) - Fraction(t)) ** 2 for s, t in zip(a.tolist(), b.tolist(), strict=True))
        # x + step is rounded: half a unit of the last place of x in each coordinate, 4 of them.
        assert square <= (Fraction(radius) + Fraction(8, 2**53) * Fraction(float(np.abs(a).max() + 1))) ** 2
    assert np.abs(value.numpy() - labels * model(reached.numpy())).max() <= 1e-10 * (1 + radius)
    assert (margin_certificate(model, points, labels, radius) <= value.numpy() + 1e-10 * (1 + radius)).all()
    # Not the same sums: neurons that are off in the whole block are left out of one of them.
    assert (value <= blind_attack(MixedTensors.of(model), x, y, radius)[0] + 1e-12 * (1 + radius)).all()


def pgd_by_loops(model, point, label, radius, step) -> float:
    """The definition, for one point in numpy: steps of δ/4 against the gradient, each back into the ball."""
    least = np.inf
    for _ in range(11):
        step = step * min(1.0, radius / max(np.linalg.norm(step), 1e-300))
        before = model.weights @ (point + step) - model.threshold
        least = min(least, label * (model.linear @ (point + step) + np.maximum(before, 0) @ model.signs))
        gradient = model.linear + ((before > 0) * model.signs) @ model.weights
        length = np.linalg.norm(gradient)
        if length > 0:
            step = step - radius / 4 * label * gradient / length
    return least


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 3.0]), st.sampled_from([0.0, 0.1, 10.0]))
def test_pgd_against_its_definition(seed, radius, length) -> None:
    model, points, labels = random_case(seed)
    x, y = sample_tensors(points, labels)
    start = length * torch.from_numpy(np.random.default_rng(seed).standard_normal(points.shape))
    given_start = start.clone()
    value, reached = pgd(MixedTensors.of(model), x, y, radius, start=start)
    assert torch.equal(start, given_start)
    expected = [pgd_by_loops(model, *case, radius, s) for *case, s in zip(points, labels, start.numpy(), strict=True)]
    assert np.abs(value.numpy() - expected).max() <= 1e-10
    assert np.abs(labels * model(reached.numpy()) - value.numpy()).max() <= 1e-10


def test_the_slope_at_a_threshold_is_0() -> None:
    tensors = MixedTensors.of(MixedModel(np.array([3.0, 4.0]), np.eye(2), np.array([1.0, -1.0]), 1.0))
    x, _ = sample_tensors(np.array([[1.0, 1.0], [1.0, 2.0]]), np.array([1, 1]))
    assert tensors.input_gradient(x).tolist() == [[3.0, 4.0], [3.0, 3.0]]


@pytest.mark.parametrize("radius", [0.0, 0.5])
def test_pgd_stays_where_the_gradient_is_zero(radius) -> None:
    """Off at the point and no linear part: neither the gradient nor the step, of length 0 too, is divided by 0."""
    model = MixedModel(np.zeros(2), np.eye(2), np.array([-1.0, -1.0]), 1.0)
    x, y = sample_tensors(np.array([[0.6, 0.4]]), np.array([1]))
    value, reached = pgd(MixedTensors.of(model), x, y, radius, start=torch.zeros_like(x))
    assert value.tolist() == [0.0]
    assert torch.equal(reached, x)


@given(st.integers(0, 2**32 - 1))
def test_every_wrong_neuron_is_tried(seed) -> None:
    """Against a loop over the neurons, in blocks of one entry as in one block."""
    model, points, labels = random_case(seed)
    x, y = sample_tensors(points, labels)
    units = model.weights / np.linalg.norm(model.weights, axis=1, keepdims=True)
    expected = np.full(len(points), np.inf)
    for i, (point, label) in enumerate(zip(points, labels, strict=True)):
        for unit, sign in zip(units, model.signs, strict=True):
            if sign * label < 0:
                expected[i] = min(expected[i], label * model((point + 0.5 * unit)[None])[0])
    for block in (1, 2**22):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(attack_module, "_BLOCK", block)
            tensors = MixedTensors.of(model)
            near = attack_module._reachable(tensors, x, 0.5)
            value, which = attack_module._worst_neuron(tensors, near, x, y, 0.5)
        finite = np.isfinite(expected)
        assert np.array_equal(np.isfinite(value.numpy()), finite)
        assert np.abs(value.numpy()[finite] - expected[finite]).max(initial=0) <= 1e-11
        assert (model.signs[which.numpy()] * labels < 0)[finite].all()


def test_blocks_of_points_change_nothing_but_rounding(monkeypatch) -> None:
    """One point a block, and neurons that are off in its ball left out: the same attack of every point."""
    for seed in range(6):
        model, points, labels = random_case(seed, width=30, n=9)
        x, y = sample_tensors(points, labels)
        value, _ = mixed_attack(MixedTensors.of(model), x, y, 0.5)
        for rows in (1, 4):
            monkeypatch.setattr(attack_module, "_ROWS", rows)
            found, at = mixed_attack(MixedTensors.of(model), x, y, 0.5)
            assert (found - value).abs().max() <= 1e-11
            assert np.abs(labels * model(at.numpy()) - value.numpy()).max() <= 1e-10
        monkeypatch.undo()


def test_a_neuron_is_left_out_only_where_it_is_off_in_the_whole_ball() -> None:
    """Neuron 0 is on at distance 0.4 of the point, neuron 1 at 0.6; at radius 0.5 the first stays, the second goes."""
    model = MixedModel(np.zeros(2), np.eye(2), np.array([-1.0, -1.0]), 1.0)
    x, _ = sample_tensors(np.array([[0.6, 0.4]]), np.array([1]))
    near = attack_module._reachable(MixedTensors.of(model), x, 0.5)
    assert near.weights.tolist() == [[1.0, 0.0]]
    assert attack_module._reachable(MixedTensors.of(model), x, 0.6).weights.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def masked_case(dim=400, n=60) -> tuple[MixedModel, np.ndarray, np.ndarray, float]:
    """b = d/4, α = 4√d, δ = 0.6√d: wrong neurons are off at each large-margin point and on within its ball."""
    sample = LinearData(random_direction(dim, 0), 4 * dim**0.5, 0.1, 0.5).sample(n, 1)
    noise = sample.noise(sample.small)
    target = target_model(sample.source.w_star, noise, sample.labels[sample.small], dim / 4)
    large = ~sample.small
    return target, sample.points[large], sample.labels[large], 0.6 * dim**0.5


@pytest.mark.statement("theorem-5.2", form="repaired")
def test_the_masked_case_is_seen_from_the_wrong_neurons_only() -> None:
    """The reported error of gradient attacks is 0 and the truth is 1."""
    model, points, labels, radius = masked_case()
    x, y = sample_tensors(points, labels)
    tensors = MixedTensors.of(model)
    assert (labels * model(points) > 0).all()
    for restart in range(3):
        blind, _ = blind_attack(tensors, x, y, radius, steps=20, seed=restart)
        assert (blind > 0).all()
    value, reached = mixed_attack(tensors, x, y, radius)
    assert (value <= 0).all()
    # The errors are real: evaluated in numpy, within the ball.
    assert (labels * model(reached.numpy()) <= 0).all()
    assert (np.linalg.norm(reached.numpy() - points, axis=1) <= radius).all()
    assert (attacked_margins(model, points, labels, radius) <= 0).all()
    assert (margin_certificate(model, points, labels, radius) <= 0).all()


def test_an_attack_without_those_starts_is_caught(monkeypatch) -> None:
    model, points, labels, radius = masked_case()

    def blind(model, near, x, y, radius) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full_like(y, torch.inf), torch.zeros(len(y)).long()

    monkeypatch.setattr(attack_module, "_worst_neuron", blind)
    assert (attacked_margins(model, points, labels, radius) > 0).all()


NET = MixedModel(np.ones(2), np.ones((1, 2)), np.ones(1), 0.5)
X, Y = np.ones((2, 2)), np.array([1, -1])


@pytest.mark.parametrize(
    ("points", "labels", "radius", "message"),
    [
        (X, Y, -1.0, "radius >= 0, got -1"),
        (X, Y, math.nan, "got nan"),
        (X[:0], Y[:0], 1.0, "n >= 1"),
        (np.ones((2, 3)), Y, 1.0, r"points \(n >= 1, 2\)"),
        (X, Y[:1], 1.0, r"labels \(n,\)"),
        (X * math.nan, Y, 1.0, "finite entries"),
        (X, 0 * Y, 1.0, "got 0 at row 0"),
    ],
)
def test_bad_calls(points, labels, radius, message) -> None:
    with pytest.raises(ValueError, match=message):
        attacked_margins(NET, points, labels, radius)


def test_a_network_without_neurons_is_attacked_exactly() -> None:
    model = MixedModel(np.array([3.0, 4.0]), np.zeros((0, 2)), np.zeros(0), 1.0)
    found = attacked_margins(model, np.array([[1.0, 1.0]]), np.array([1]), 0.5)
    assert abs(found[0] - 4.5) <= 1e-9


@pytest.mark.usefixtures("untyped")
def test_points_that_float64_does_not_hold_are_refused() -> None:
    """Rounded, the attack would be one on another point."""
    points = np.array([[2**53 + 1, 0]])
    with pytest.raises(ValueError, match="float64 holds exactly"):
        attacked_margins(NET, points, np.array([1]), 1.0)
