"""Training of a 1-Lipschitz GroupSort network on the radius that it certifies.

The loss sees the certified radius of each rival class, `(f_y - f_c) / (‖w_y - w_c‖ Π ‖W_k‖)`, through a softmax whose
temperature falls, and asks for `radius + room`. After each step `W ← 3/2 W - 1/2 W Wᵀ W` on the entries that are kept
brings the singular values back to 1 (Björck, Bowie 1971). Nothing is believed of the outcome: it is certified later.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from constructions.compact.lipschitz import GroupSort
from constructions.networks.network import Affine
from constructions.networks.one_thread import one_thread

_RATE, _WARM = 1e-2, 200
_COOL, _HOT = 10.0, 50.0
# Share of the steps from which on most batches are of points near the radius.
_ALL = 0.1
# With entries dropped: steps beside those before, and their rate.
_AGAIN, _AGAIN_RATE, _ROUNDS = 0.5, 4e-3, 20
# Passes over such points until they are found again; and the share of the others that goes with them.
_PASSES, _OTHERS = 12, 0.15
# Radius and room in the unit of the training, two radii.
_RADIUS, _ROOM = 0.5, 0.1
_BLOCK = 10_000


@dataclass(frozen=True)
class Plan:
    """What is trained, and how long.

    Attributes:
        hidden: widths of the hidden layers behind the first.
        steps: of Adam.
        batch: points a step.
        seed: of the first weights and the order of the points.
        density: if less than 1, the part of the entries between hidden layers that is kept, the largest; half as many
            steps follow.
        seconds: after which it stops, the rate having fallen with the time, which is never the same; None for no limit.
    """

    hidden: tuple[int, ...]
    steps: int = 40_000
    batch: int = 300
    seed: int = 0
    density: float = 1.0
    seconds: float | None = None

    @property
    def again(self) -> int:
        """Steps with entries dropped."""
        return math.ceil(_AGAIN * self.steps) if self.density < 1 else 0


@dataclass(frozen=True)
class _Phase:
    """Steps behind others, with a rate and a temperature that fall; all points are seen for that share of them."""

    steps: int
    seconds: float | None
    rate: float = _RATE
    cool: float = _COOL
    all: float = _ALL
    behind: int = 0


@one_thread()
def train(
    points: Float[np.ndarray, "n k"],
    labels: Int[np.ndarray, " n"],
    outputs: int,
    first: Float[np.ndarray, "m k"],
    mask: Bool[np.ndarray, "m k"],
    radius: float,
    plan: Plan,
    report: Callable[[int, int], None],
    device: str = "cpu",
) -> GroupSort:
    """The trained network.

    On one kind of machine and one version of torch the same arguments give the same network; on a CPU by one thread.

    Args:
        points: shape (n, k).
        labels: class numbers.
        outputs: classes.
        first: orthonormal rows to start the first layer with.
        mask: its entries that may differ from 0.
        radius: to be certified.
        plan: widths, steps, seed.
        report: is told the steps done and the points that are not certified, now and then.
        device: of torch.
    """
    generator = torch.Generator().manual_seed(plan.seed)
    unit, middle = 2 * radius, points.mean(axis=0)
    x = torch.tensor((points - middle) / unit, dtype=torch.float32, device=device)
    y = torch.tensor(labels, dtype=torch.int64, device=device)
    weights, biases = _start(x, first, (*plan.hidden, outputs), generator)
    kept = [torch.tensor(mask, dtype=torch.float32, device=device), *[torch.ones_like(w) for w in weights[1:-1]]]
    share = plan.steps / (plan.steps + plan.again)
    limits = [None if plan.seconds is None else part * plan.seconds for part in (share, 1 - share)]
    _descend(weights, biases, kept, x, y, plan.batch, _Phase(plan.steps, limits[0]), generator, report)
    if plan.again:
        _drop(weights[1:-1], kept[1:], plan.density)
        # The order of points is not to depend on how many were taken before.
        generator.manual_seed(plan.seed)
        again = _Phase(plan.again, limits[1], _AGAIN_RATE, _HOT, 0.0, plan.steps)
        _descend(weights, biases, kept, x, y, plan.batch, again, generator, report)
    report(plan.steps + plan.again, int((certified_radii(weights, biases, x, y) <= _RADIUS).sum()))
    layers = [
        (w.detach().double().cpu().numpy(), unit * b.detach().double().cpu().numpy()) for w, b in _both(weights, biases)
    ]
    first_weight, first_bias = layers[0]
    return GroupSort((Affine(first_weight, first_bias - first_weight @ middle), *(Affine(*f) for f in layers[1:])))


def _descend(
    weights: list[torch.Tensor],
    biases: list[torch.Tensor],
    kept: list[torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    batch: int,
    phase: _Phase,
    generator: torch.Generator,
    report: Callable[[int, int], None],
) -> None:
    """Change weights and biases, in place."""
    parameters = [p.requires_grad_() for p in (*weights, *biases)]
    optimizer = torch.optim.Adam(parameters, lr=phase.rate, betas=(0.9, 0.99))
    pool = order = torch.randperm(len(x), generator=generator)
    place = passes = 0
    norm, wanted, started = 1.0, _RADIUS + _ROOM, time.monotonic()
    for step in range(phase.steps):
        share = step / phase.steps
        if phase.seconds is not None:
            share = max(share, (time.monotonic() - started) / phase.seconds)
            if share >= 1:
                break
        for group in optimizer.param_groups:
            group["lr"] = phase.rate * min(1.0, step / _WARM + 0.05) * (1 - share) + 1e-6
        if place + batch > len(order):
            passes, place = passes + 1, 0
            if share > phase.all and passes % _PASSES == 0:
                found = certified_radii(weights, biases, x, y)
                report(phase.behind + step, int((found <= _RADIUS).sum()))
                near = (found < wanted).cpu() | (torch.rand(len(x), generator=generator) < _OTHERS)
                pool = torch.nonzero(near if near.any() else ~near)[:, 0]
            elif share <= phase.all:
                pool = torch.arange(len(x))
            order = pool[torch.randperm(len(pool), generator=generator)]
        rows = order[place : place + batch].to(x.device)
        place += batch
        if step % 50 == 0:
            norm = _norm(weights)
        heat = phase.cool * (_HOT / phase.cool) ** share
        short = heat * (wanted - _radii(weights, biases, x[rows], y[rows]) / norm)
        loss = torch.logsumexp(short.scatter(1, y[rows, None], 0.0), 1).mean() / heat
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for weight, entries in zip(weights[:-1], kept, strict=True):
                weight.copy_(_towards_isometry(weight, entries))


def _drop(weights: list[torch.Tensor], kept: list[torch.Tensor], density: float) -> None:
    """Keep the largest entries of each weight, and bring its singular values back to 1 with those."""
    with torch.no_grad():
        for weight, entries in zip(weights, kept, strict=True):
            sizes = weight.abs()
            least = sizes.flatten().sort(descending=True).values[max(1, round(density * sizes.numel())) - 1]
            entries.copy_(sizes >= least)
            weight.mul_(entries)
            for _ in range(_ROUNDS):
                weight.copy_(_towards_isometry(weight, entries))


def certified_radii(
    weights: list[torch.Tensor], biases: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """The least certified radius of each point, in float32 and without its rounding."""
    with torch.no_grad():
        norm, least = _norm(weights), []
        for start in range(0, len(x), _BLOCK):
            rows = slice(start, start + _BLOCK)
            radii = _radii(weights, biases, x[rows], y[rows]) / norm
            least.append(radii.scatter(1, y[rows, None], math.inf).amin(1))
    return torch.cat(least)


def _both(weights: list[torch.Tensor], biases: list[torch.Tensor]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(zip(weights, biases, strict=True))


def _start(
    x: torch.Tensor, first: np.ndarray, widths: tuple[int, ...], generator: torch.Generator
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    weights = [torch.tensor(first, dtype=torch.float32, device=x.device)]
    biases = [-(weights[0] @ x.mean(0))]
    for inputs, width in zip((len(first), *widths), widths, strict=False):
        size = max(inputs, width)
        isometry = torch.linalg.qr(torch.randn(size, size, generator=generator))[0][:width, :inputs]
        weights.append(isometry.contiguous().to(x.device))
        biases.append(torch.zeros(width, device=x.device))
    return weights, biases


def _outputs(weights: list[torch.Tensor], biases: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    for k, (weight, bias) in enumerate(_both(weights, biases)):
        if k:
            first, second = x[:, 0::2], x[:, 1::2]
            x = torch.cat([torch.maximum(first, second), torch.minimum(first, second)], 1)
        x = torch.addmm(bias, x, weight.T)
    return x


def _radii(weights: list[torch.Tensor], biases: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Certified radii against each class, if all norms were 1."""
    last, outputs = weights[-1], _outputs(weights, biases, x)
    apart = (last[:, None] - last[None]).pow(2).sum(-1).clamp_min(1e-6).sqrt()
    return (outputs.gather(1, y[:, None]) - outputs) / apart[y]


def _norm(weights: list[torch.Tensor]) -> float:
    return math.prod(float(torch.linalg.matrix_norm(w.detach(), 2)) for w in weights[:-1])


def _towards_isometry(weight: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    tall = weight.shape[0] > weight.shape[1]
    w, kept = (weight.T, mask.T) if tall else (weight, mask)
    for _ in range(2):
        w = kept * (1.5 * w - 0.5 * (w @ w.T) @ w)
    return w.T if tall else w
