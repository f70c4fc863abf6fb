"""The same code on another device: nothing on the way is made on the CPU by accident, and the numbers are the same.

There need be no GPU: `tests.elsewhere` is a device whose tensors refuse to meet those of the CPU.
"""

from typing import Any

import numpy as np
import pytest
import torch

from empirics.gaussian import fgsm, neurons
from empirics.gaussian.fgsm import linear_batch, train_linear
from empirics.gaussian.joint import train_jointly, train_two_layer
from empirics.gaussian.mixed_attack import attacked_margins
from empirics.gaussian.neurons import StagedRecipe
from empirics.gaussian.overfitting import errors
from empirics.gaussian.samples import LinearData, random_direction
from empirics.gaussian.stages import train_batch_in_stages
from tests.elsewhere import Elsewhere, elsewhere
from theory.gaussian.mixed_model import target_model

# Of sizes that are observed apart.
SAMPLES = [LinearData(random_direction(12, seed), 20.0, 0.5, 0.5).sample(9 + 4 * seed, seed + 5) for seed in range(3)]
TARGET = target_model(
    SAMPLES[0].source.w_star, SAMPLES[0].noise(SAMPLES[0].small), SAMPLES[0].labels[SAMPLES[0].small], 3.0
)


def linear(device) -> list[np.ndarray]:
    state, records = train_linear(linear_batch(SAMPLES, 0.5, device=device), 20)
    return [state.w.cpu().numpy(), records[-1].log_loss]


def staged(device, **change) -> list[Any]:
    recipe = StagedRecipe(linear_steps=20, steps=10, **change)
    runs = train_batch_in_stages(SAMPLES, 0.5, 5.0, recipe, device=device)
    return [array for run in runs for array in (run.model.weights, run.model.linear, [run.records[-1].attacked_margin])]


def two_layers(device) -> list[np.ndarray]:
    run = train_two_layer(SAMPLES[0], 0.5, width=5, steps=4, device=device)
    return [run.log_loss, run.network.layers[0].weight, run.network.layers[1].bias]


def joint(device) -> list[np.ndarray]:
    model = train_jointly(SAMPLES[0], 0.5, 0.1, steps=5, scale=3.0, device=device)
    return [model.linear, model.weights]


def attacked(device) -> list[Any]:
    found = errors(TARGET, SAMPLES[0], 1.5, small=False, device=device)
    return [attacked_margins(TARGET, SAMPLES[0].points, SAMPLES[0].labels, 1.5, device=device), [found.attacked]]


RUNS = {
    "linear": linear,
    "staged": staged,
    "unfrozen": lambda device: staged(device, frozen=False),
    "random": lambda device: staged(device, start="random"),
    "two layers": two_layers,
    "joint": joint,
    "attacked": attacked,
}


@pytest.mark.parametrize("name", RUNS)
def test_another_device_gives_the_same_numbers(name) -> None:
    expected = RUNS[name]("cpu")
    with elsewhere() as device:
        found = RUNS[name](device)
    for a, b in zip(expected, found, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no card")
@pytest.mark.parametrize("name", RUNS)
def test_a_card_gives_the_same_numbers(name: str) -> None:
    """Up to the order of sums, in float64."""
    for a, b in zip(RUNS[name]("cpu"), RUNS[name]("cuda"), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-7, atol=1e-9)


def test_the_device_keeps_what_it_is_given() -> None:
    with elsewhere() as device:
        x = torch.ones(3).to(device)
        assert isinstance(x, Elsewhere)
        assert x.device.type == torch.zeros(2, device=device).device.type == "meta"
        assert (x * 2).cpu().tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("fault", ["labels on the CPU", "the start on the CPU", "zeros on the CPU"])
def test_a_tensor_on_the_cpu_is_caught(fault, monkeypatch) -> None:
    if fault == "labels on the CPU":
        original = fgsm.LinearBatch
        monkeypatch.setattr(fgsm, "LinearBatch", lambda p, y, r, w: original(p, y.cpu(), r, w))
    elif fault == "the start on the CPU":
        monkeypatch.setattr(fgsm, "initial_state", lambda b: fgsm.LinearState(0, torch.zeros(3, 12).double()))
    else:
        original = neurons.unit
        monkeypatch.setattr(neurons, "unit", lambda v: original(v) + torch.zeros(12))
    with elsewhere() as device, pytest.raises(AssertionError, match="mixes devices: a CPU tensor"):
        (staged if fault == "zeros on the CPU" else linear)(device)
