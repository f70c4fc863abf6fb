"""Joint FGSM training, without stages, on the data of section 5: does it find the target form?

Two learners: the mixed model, all of it from a small start; and a plain two-layer ReLU network. What they find is
measured beside the same network before training, and beside clean training (radius 0).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from constructions import Affine, ReLUNetwork
from empirics.gaussian.samples import LinearSample
from empirics.gaussian.tensors import MixedTensors, loss_gradients, sample_tensors, unit
from empirics.progress import bar
from theory.gaussian.mixed_model import MixedModel


def train_jointly(
    sample: LinearSample,
    radius: float,
    threshold: float,
    *,
    steps: int = 500,
    step_size: float = 0.01,
    scale: float = 0.1,
    seed: int = 0,
    device: str = "cpu",
    progress: bool = False,
) -> MixedModel:
    """The mixed model with one neuron for each small-margin point, all on the mean adversarial loss of S.

    Gradient descent on the log of the loss at the FGSM points, from `w_0 = 0` and `w_i ~ scale N(0, I/d)`, `a_i = y_i`.

    Args:
        sample: the data.
        radius: δ.
        threshold: b.
        steps: number of steps.
        step_size: of the normalised gradient steps.
        scale: length of the neurons at the start.
        seed: of the start, which is drawn on the CPU and so the same on every device.
        device: where to train.
        progress: whether to show a bar on stderr.
    """
    if not (0 <= radius < sample.source.alpha and threshold >= 0 and steps >= 0 and step_size > 0 and scale > 0):
        raise ValueError(
            f"train_jointly needs radius in [0, alpha={sample.source.alpha}), threshold, steps >= 0 and step_size, "
            f"scale > 0, got {radius}, {threshold}, {steps}, {step_size}, {scale}"
        )
    x, y = sample_tensors(sample.points, sample.labels, device=device)
    dim, signs = x.shape[1], sample.labels[sample.small]
    generator = torch.Generator().manual_seed(seed)
    weights = scale / dim**0.5 * torch.randn(len(signs), dim, generator=generator, dtype=torch.float64)
    start = MixedModel(np.zeros(dim), weights.numpy(), signs.astype(np.float64), threshold)
    model = MixedTensors.of(start, device=device)
    for _ in bar(range(steps), "joint training", show=progress):
        linear, neurons = loss_gradients(model, x, y, radius)
        model = replace(model, linear=model.linear - step_size * linear, weights=model.weights - step_size * neurons)
    return model.numpy()


@dataclass(frozen=True, eq=False)
class TwoLayer:
    """A trained network `x ↦ Σ_j a_j σ(w_j·x + b_j) + c`, as it started and as it ended.

    Attributes:
        start: before training.
        network: after it.
        log_loss: log of the exponential loss at the FGSM points, by step.
    """

    start: ReLUNetwork
    network: ReLUNetwork
    log_loss: Float[np.ndarray, " steps"]


def train_two_layer(
    sample: LinearSample,
    radius: float,
    *,
    width: int,
    steps: int = 500,
    rate: float = 0.003,
    seed: int = 0,
    device: str = "cpu",
    progress: bool = False,
) -> TwoLayer:
    """Ordinary FGSM training of a plain two-layer ReLU network: full batch, Adam, exponential loss, torch's own start.

    Args:
        sample: the data.
        radius: δ; 0 trains on clean data, a control.
        width: number of neurons.
        steps: of Adam.
        rate: its learning rate.
        seed: of the start, which is drawn on the CPU and so the same on every device.
        device: where to train.
        progress: whether to show a bar on stderr.
    """
    if not (width >= 1 and steps >= 1 and 0 < rate < math.inf and 0 <= radius < math.inf):
        raise ValueError(
            "train_two_layer needs width, steps >= 1 and a finite rate > 0 and radius >= 0, "
            f"got {width}, {steps}, {rate}, {radius}"
        )
    x, y = sample_tensors(sample.points, sample.labels, device=device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(x.shape[1], width, dtype=torch.float64), nn.Linear(width, 1, dtype=torch.float64)]
    parameters = [p.detach().to(device).requires_grad_() for layer in layers for p in layer.parameters()]
    start = _network(parameters)

    def value(x: torch.Tensor) -> torch.Tensor:
        weight, bias, out, constant = parameters
        return nn.functional.linear(torch.relu(nn.functional.linear(x, weight, bias)), out, constant)[:, 0]

    optimizer = torch.optim.Adam(parameters, lr=rate)
    losses = []
    for _ in bar(range(steps), "two layers", show=progress):
        clean = x.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad((y * value(clean)).sum(), clean)
        moved = x - radius * unit(gradient)
        # The log of the loss has the same descent directions, and a gradient that does not vanish.
        loss = torch.logsumexp(-y * value(moved), dim=0) - math.log(len(y))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.detach())
    log_loss = torch.stack(losses).cpu().numpy()
    return TwoLayer(start, _network(parameters), log_loss)


def _network(parameters: list[torch.Tensor]) -> ReLUNetwork:
    first, bias, second, constant = (p.detach().cpu().numpy().copy() for p in parameters)
    return ReLUNetwork((Affine(first, bias), Affine(second, constant)))


@dataclass(frozen=True)
class Alignment:
    """How near the neurons of a two-layer network come to those of the target.

    Attributes:
        noise: mean over small-margin points of the largest `cos(w_j, ξ_i)` over neurons j with `a_j y_i > 0`.
        noise_least: the least of these.
        linear: largest `|cos(w_j, w*)|`.
        matched: fraction of the small-margin points with a neuron at a cosine above ½.
    """

    noise: float
    noise_least: float
    linear: float
    matched: float


def alignment(network: ReLUNetwork, sample: LinearSample) -> Alignment:
    """Alignment of the first layer of a two-layer network with the `ξ_i` of small margin and with w*."""
    if network.depth != 2 or not sample.small.any():
        raise ValueError("alignment needs a two-layer network and a point of small margin")
    weights = np.asarray(network.layers[0].weight)
    signs = np.asarray(network.layers[1].weight)[0]
    units = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    noise = sample.noise(sample.small)
    cosines = noise / np.linalg.norm(noise, axis=1, keepdims=True) @ units.T
    cosines[sample.labels[sample.small][:, None] * signs <= 0] = -1.0
    best = cosines.max(axis=1)
    return Alignment(
        noise=float(best.mean()),
        noise_least=float(best.min()),
        linear=float(np.abs(units @ sample.source.w_star).max()),
        matched=float(np.mean(best > 0.5)),
    )
