"""Adversarial training of many small ReLU networks at once, one for each of several samples of one size.

Full-batch l_∞ adversarial training on the logistic loss `log(1 + e^{-y f(x + ξ)})`: signed-gradient ascent from a
random start in the ball, then one Adam step. For experiments that average over samples.
"""

from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int

from constructions import Affine, ReLUNetwork
from constructions.networks.one_thread import one_thread


def train_adversarially(
    points: Float[np.ndarray, "draws n d"],
    labels: Int[np.ndarray, "draws n"],
    radius: float,
    *,
    width: int = 64,
    depth: int = 3,
    steps: int = 600,
    attack_steps: int = 3,
    rate: float = 1e-2,
    seed: int = 0,
) -> tuple[ReLUNetwork, ...]:
    """One network per sample, each trained on its own sample alone.

    Args:
        points: shape (draws, n, d).
        labels: ±1, shape (draws, n).
        radius: δ of the attack, in l_∞, > 0.
        width: of the hidden layers.
        depth: number of affine layers, >= 2.
        steps: of Adam; the rate falls to 0 along a half cosine.
        attack_steps: of the ascent in each, with step size `2δ / attack_steps`.
        rate: of Adam.
        seed: of initialisation and random starts.

    Raises:
        ValueError: if shapes do not fit, a label is not ±1, or an option is out of range.
    """
    if points.ndim != 3 or 0 in points.shape or labels.shape != points.shape[:2] or not np.isin(labels, (-1, 1)).all():
        raise ValueError(
            "train_adversarially needs points (draws, n, d) and labels ±1 of shape (draws, n), got "
            f"{points.shape} and {labels.shape}"
        )
    if not radius > 0 or not (width >= 1 and depth >= 2 and steps >= 1 and attack_steps >= 1 and rate > 0):
        raise ValueError(
            "train_adversarially needs radius, rate > 0, width, steps, attack_steps >= 1 and depth >= 2, got "
            f"{radius=}, {rate=}, {width=}, {steps=}, {attack_steps=}, {depth=}"
        )
    draws, _, dim = points.shape
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.tensor(points, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)
    sizes = [dim, *[width] * (depth - 1), 1]
    parameters = []
    for before, after in pairwise(sizes):
        weight = torch.randn(draws, before, after, generator=generator) * (2 / before) ** 0.5
        bias = torch.rand(draws, 1, after, generator=generator) - 0.5
        parameters += [weight.requires_grad_(), bias.requires_grad_()]
    optimizer = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with one_thread():
        for _ in range(steps):
            start = radius * (2 * torch.rand(x.shape, generator=generator) - 1)
            shift = _ascent(parameters, x, y, start, radius, attack_steps)
            optimizer.zero_grad()
            torch.autograd.backward(_loss(parameters, x + shift, y))
            optimizer.step()
            schedule.step()
    arrays = [p.detach().double().numpy() for p in parameters]
    return tuple(
        ReLUNetwork(tuple(Affine(w[k].T, b[k, 0]) for w, b in zip(arrays[::2], arrays[1::2], strict=True)))
        for k in range(draws)
    )


def _ascent(
    parameters: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor, shift: torch.Tensor, radius: float, steps: int
) -> torch.Tensor:
    for _ in range(steps):
        shift = shift.requires_grad_()
        (gradient,) = torch.autograd.grad(_loss(parameters, x + shift, y), shift)
        shift = (shift.detach() + 2 * radius / steps * gradient.sign()).clamp(-radius, radius)
    return shift


def _loss(parameters: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Sum over the samples of their mean loss: the samples' gradients do not mix."""
    z = x
    for k in range(0, len(parameters), 2):
        z = torch.baddbmm(parameters[k + 1], torch.relu(z) if k else z, parameters[k])
    return torch.nn.functional.softplus(-y * z[..., 0]).mean(dim=1).sum()
