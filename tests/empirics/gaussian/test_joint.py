"""Joint training and the comparison with the target: what the measures measure."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from constructions import Affine, ReLUNetwork
from empirics.gaussian.joint import alignment, train_jointly, train_two_layer
from empirics.gaussian.neurons import StagedRecipe
from empirics.gaussian.overfitting import at_angle, compare, errors, predict
from empirics.gaussian.samples import LinearData, LinearSample, random_direction
from empirics.gaussian.stages import train_in_stages
from theory.gaussian.mixed_model import MixedModel, target_model


def draw(n=20, dim=30, alpha=10.0) -> LinearSample:
    return LinearData(random_direction(dim, 0), alpha, 0.5, 0.5).sample(n, 1)


def test_the_alignment_of_the_target_itself_is_one() -> None:
    sample = draw()
    noise, signs = sample.noise(sample.small), sample.labels[sample.small].astype(float)
    first = np.vstack([noise, sample.source.w_star])
    network = ReLUNetwork((Affine(first, np.zeros(len(first))), Affine(np.append(signs, 1.0)[None], np.zeros(1))))
    found = alignment(network, sample)
    assert found.noise_least == pytest.approx(1, abs=1e-12)
    assert found.linear == pytest.approx(1, abs=1e-12)
    assert found.matched == 1.0
    # Neurons of the wrong sign do not count.
    flipped = ReLUNetwork((network.layers[0], Affine(-network.layers[1].weight, np.zeros(1))))
    assert alignment(flipped, sample).noise < 0.9


def test_fgsm_training_of_two_layers_lowers_its_loss_and_is_seeded() -> None:
    sample = draw()
    state = torch.get_rng_state()
    first = train_two_layer(sample, 0.5, width=16, steps=60, seed=3)
    again = train_two_layer(sample, 0.5, width=16, steps=60, seed=3)
    other = train_two_layer(sample, 0.5, width=16, steps=60, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(first.log_loss, again.log_loss)
    assert not np.array_equal(first.log_loss, other.log_loss)
    assert first.log_loss[-1] < first.log_loss[0] - 1
    assert np.abs(first.start.layers[0].weight - first.network.layers[0].weight).max() > 0


def test_two_layer_training_at_no_radius_is_clean_training() -> None:
    """The first loss is the exponential loss of the start at the points themselves."""
    sample = draw()
    run = train_two_layer(sample, 0.0, width=8, steps=1)
    margins = sample.labels * run.start(sample.points)[:, 0]
    assert abs(run.log_loss[0] - math.log(np.mean(np.exp(-margins)))) <= 1e-12
    at_radius = train_two_layer(sample, 2.0, width=8, steps=1)
    assert at_radius.log_loss[0] > run.log_loss[0]


def test_joint_training_leaves_small_neurons_dead() -> None:
    sample = draw(40, 60, alpha=30.0)
    model = train_jointly(sample, 1.5, 30.0, steps=200)
    assert (sample.points @ model.weights.T <= 30.0).all()
    start = train_jointly(sample, 1.5, 30.0, steps=0)
    assert np.array_equal(model.weights, start.weights)
    unit = model.linear / np.linalg.norm(model.linear)
    assert np.linalg.norm(unit - sample.source.w_star) > 0.5


def test_errors_bracket_the_truth_on_a_line() -> None:
    sample = draw(200)
    model = MixedModel(sample.source.w_star, np.zeros((0, 30)), np.zeros(0), 1.0)
    for radius, small, attacked in ((0.4, True, 0.0), (0.6, True, 1.0), (0.6, False, 0.0), (10.1, False, 1.0)):
        found = errors(model, sample, radius, small=small)
        assert (found.clean, found.attacked, found.not_certified) == (0.0, attacked, attacked)


def test_predictions_at_the_ends() -> None:
    few, many = (predict(100, n, alpha=4.0, beta=0.5, radius=1.0) for n in (20, 400))
    assert few.angle > many.angle == 0.0
    assert (many.clean_small, many.clean_large, many.adversarial_small) == (0.0, 0.0, 1.0)
    # For κ well above 0 the mean E[(κ + g)_+²] is 1 + κ²: κ² = 99/20 - 1.
    assert abs(few.clean_small - norm.cdf(-0.5 * 4.0 / math.sqrt(99 / 20 - 1))) <= 2e-3
    assert at_angle(few.angle, alpha=4.0, beta=0.5, radius=1.0) == few


def test_a_trained_network_against_the_target() -> None:
    sample = draw(30, 200, alpha=50.0)
    run = train_in_stages(sample, 2.0, 100.0, StagedRecipe(linear_steps=200))
    target = target_model(sample.source.w_star, sample.noise(sample.small), sample.labels[sample.small], 100.0)
    found = compare(run.model, target, sample, 2.0)
    assert (found.agreement, found.both_certified) == (1.0, 1.0)
    assert found.linear_distance == pytest.approx(run.direction_error, abs=1e-12)
    lengths = np.linalg.norm(target.weights, axis=1)
    # Both lie in the plane of ξ_i and w_0, up to the direction of w_0: the norms √d and ‖ξ_i‖ differ, little else.
    assert found.neuron_distance <= np.abs(np.sqrt(200) / lengths - 1).max() + math.acos(run.cosine.min()) + 1e-9
    itself = compare(target, target, sample, 2.0)
    assert (itself.linear_distance, itself.neuron_distance, itself.agreement) == (0.0, 0.0, 1.0)
    flipped = MixedModel(-target.linear, target.weights, -target.signs, target.threshold)
    assert compare(flipped, target, sample, 2.0).agreement == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train_two_layer(draw(), 0.5, width=0), "width, steps >= 1"),
        (lambda: train_two_layer(draw(), math.nan, width=3), "radius >= 0"),
        (lambda: train_two_layer(draw(), math.inf, width=3), "radius >= 0"),
        (lambda: train_two_layer(draw(), 0.5, width=3, rate=math.nan), "rate > 0"),
        (lambda: train_jointly(draw(), 10.0, 1.0), r"alpha=10\.0"),
        (lambda: train_jointly(draw(), math.nan, 1.0), "got nan"),
        (lambda: train_jointly(draw(), 0.5, math.nan), "threshold"),
        (lambda: train_jointly(draw(), 0.5, 1.0, step_size=0.0), "step_size"),
        (lambda: predict(1, 5, alpha=1.0, beta=0.5, radius=0.1), "dim >= 2"),
        (
            lambda: errors(
                MixedModel(np.ones(30), np.ones((1, 30)), np.ones(1), 1.0),
                draw().source.sample(3, 0, n_small=3),
                1.0,
                small=False,
            ),
            "small=False, got none",
        ),
        (lambda: alignment(ReLUNetwork((Affine(np.ones((1, 30)), np.zeros(1)),)), draw()), "two-layer"),
    ],
)
def test_bad_calls(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
