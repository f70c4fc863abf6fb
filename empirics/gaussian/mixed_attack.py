"""Attacks on the mixed model: gradient steps, and starts at the neurons that gradient steps cannot see.

A neuron that is off at x has no gradient there. Where wrong-label neurons are off at every point and on within
every ball, gradient attacks report an error of 0 and the truth is 1: so `mixed_attack` starts at each of them.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int

from empirics.gaussian.tensors import MixedTensors, dot, lengths, per_row, sample_tensors, unit
from theory.gaussian.mixed_model import MixedModel
from theory.setting.losses import check_labels

# Doubles in one block.
_BLOCK = 2**22
# Points in one block: few, so that few neurons can be on in their balls.
_ROWS = 64
# Shrinks a step so that x + step, rounded, stays inside the ball.
_INSIDE = 1 - 2.0**-40

_Found = tuple[torch.Tensor, torch.Tensor]


def pgd(
    model: MixedTensors,
    x: torch.Tensor,
    y: torch.Tensor,
    radius: float | torch.Tensor,
    *,
    start: torch.Tensor,
    steps: int = 10,
) -> _Found:
    """The multi-step attack: normalised gradient steps of length δ/4, each back into the ball; the best point met.

    Args:
        model: the classifier, or several.
        x: centres, shape (…, n, d).
        y: labels ±1, shape (…, n).
        radius: δ, one number or shape (…).
        start: perturbations to start from, shape (…, n, d).
        steps: number of steps.

    Returns:
        The smallest `y f` met, shape (…, n), and the points, shape (…, n, d).
    """
    limit = per_row(radius, x)
    step = _into_ball(start, limit)
    best = x + step
    before = model.before(best)
    least = y * model.value_at(best, before)
    for _ in range(steps):
        pull = model.gradient_at(before)
        pull *= y[..., None] / lengths(pull)
        step = _into_ball(torch.addcmul(step, limit, pull, value=-0.25), limit)
        moved = x + step
        before = model.before(moved)
        value = y * model.value_at(moved, before)
        better = value < least
        best = torch.where(better[..., None], moved, best)
        least = torch.where(better, value, least)
    return least, best


def blind_attack(
    model: MixedTensors,
    x: torch.Tensor,
    y: torch.Tensor,
    radius: float | torch.Tensor,
    *,
    steps: int = 10,
    seed: int | np.random.Generator = 0,
) -> _Found:
    """PGD from the centre and from one random point: what is usually reported. It cannot see inactive neurons.

    The random directions are of the points by their number, the same for every network and every device.
    """
    random = np.random.default_rng(seed).standard_normal(tuple(x.shape[-2:]))
    direction = unit(torch.as_tensor(random, dtype=x.dtype, device=x.device)).expand_as(x)
    return _least(
        pgd(model, x, y, radius, start=torch.zeros_like(x), steps=steps),
        pgd(model, x, y, radius, start=per_row(radius, x) * direction, steps=steps),
    )


def mixed_attack(
    model: MixedTensors,
    x: torch.Tensor,
    y: torch.Tensor,
    radius: float | torch.Tensor,
    *,
    steps: int = 10,
    seed: int = 0,
) -> _Found:
    """`blind_attack`, and `x + δ w_j/‖w_j‖` for every neuron j of the wrong label, with PGD from the worst of them.

    All these starts are evaluated, through the products of the neurons with each other. Beyond its arguments and
    its results it takes memory for a block of points, whatever their number.

    Returns:
        The smallest `y f` met, shape (…, n), and the points: upper bounds of the minimum over each ball.
    """
    values, points = torch.empty_like(y), torch.empty_like(x)
    for rows, (value, point) in _by_blocks(model, x, y, radius, steps, seed):
        values[..., rows], points[..., rows, :] = value, point
    return values, points


def attacked_margins(
    model: MixedModel,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n_labels"],
    radius: float,
    *,
    device: str = "cpu",
) -> Float[np.ndarray, " n"]:
    """Smallest margins that `mixed_attack` reaches, from and to numpy.

    Raises:
        ValueError: if shapes do not fit, an entry is not finite, a label is not ±1 or the radius is not in [0, ∞).
    """
    if not 0 <= radius < np.inf:
        raise ValueError(f"attacked_margins needs a finite radius >= 0, got {radius}")
    if not len(points) or labels.shape != (len(points),) or points.shape[1] != len(model.linear):
        raise ValueError(
            f"attacked_margins needs points (n >= 1, {len(model.linear)}) and labels (n,), "
            f"got {points.shape} and {labels.shape}"
        )
    if not np.isfinite(points).all():
        raise ValueError("attacked_margins needs points with finite entries, got NaN or infinity")
    check_labels(labels, 1)
    x, y = sample_tensors(points, labels, device=device)
    return least_margins(MixedTensors.of(model, device=device), x, y, radius).cpu().numpy()


def least_margins(model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float | torch.Tensor) -> torch.Tensor:
    """The values of `mixed_attack` without its points, which are of the size of the data."""
    values = torch.empty_like(y)
    for rows, (value, _) in _by_blocks(model, x, y, radius, 10, 0):
        values[..., rows] = value
    return values


def _by_blocks(
    model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float | torch.Tensor, steps: int, seed: int
) -> Iterator[tuple[slice, _Found]]:
    rng = np.random.default_rng(seed)
    columns = max(x.shape[-1], model.signs.shape[-1], 1) * max(1, model.signs[..., :1].numel())
    size = min(_ROWS, max(1, _BLOCK // columns))
    for begin in range(0, x.shape[-2], size):
        rows = slice(begin, begin + size)
        here, label = x[..., rows, :], y[..., rows]
        near = _reachable(model, here, radius)
        found = blind_attack(near, here, label, radius, steps=steps, seed=rng)
        value, neuron = _worst_neuron(model, near, here, label, radius)
        if bool(torch.isfinite(value).any()):
            direction = unit(torch.take_along_dim(model.weights, neuron[..., None], dim=-2))
            start = per_row(radius, here) * direction * torch.isfinite(value)[..., None]
            found = _least(found, pgd(near, here, label, radius, start=start, steps=steps))
        yield rows, found


def _reachable(model: MixedTensors, x: torch.Tensor, radius: float | torch.Tensor) -> MixedTensors:
    """The network with those neurons only that can be on somewhere in these balls: there it is the same function."""
    norms = torch.linalg.vector_norm(model.weights, dim=-1)[..., None, :]
    # 1e-9 of what a product can be, far above its rounding.
    room = 1e-9 * (torch.linalg.vector_norm(x, dim=-1)[..., None] * norms + model.threshold[..., None, None].abs())
    on = model.before(x) + per_row(radius, x) * norms + room > 0
    chosen = torch.nonzero(on.flatten(0, -2).any(dim=0))[:, 0]
    if len(chosen) == on.shape[-1]:
        return model
    return replace(model, weights=model.weights[..., chosen, :], signs=model.signs[..., chosen])


def _worst_neuron(
    model: MixedTensors, near: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float | torch.Tensor
) -> _Found:
    """Least `y f(x + δ w_j/‖w_j‖)` over the wrong-label neurons, and that j; infinity where there is none.

    `near` is the same function on the balls.
    """
    least = torch.full_like(y, torch.inf)
    which = torch.zeros_like(y, dtype=torch.long)
    count, kept = model.signs.shape[-1], near.signs.shape[-1]
    size = max(1, _BLOCK // max(y.numel() * kept, y[..., 0].numel() * x.shape[-1], 1))
    before, base, limit = near.before(x), dot(x, model.linear), per_row(radius, x)
    for begin in range(0, count, size):
        chosen = slice(begin, begin + size)
        units, signs = unit(model.weights[..., chosen, :]), model.signs[..., None, chosen]
        moved = limit * (units @ near.weights.mT)
        on = torch.relu_(before[..., :, None, :] + moved[..., None, :, :])
        values = (on @ near.signs[..., None, :, None])[..., 0]
        values = values + base[..., None] + limit * dot(units, model.linear)[..., None, :]
        values = torch.where(signs * y[..., None] < 0, y[..., None] * values, torch.inf)
        value, place = values.min(dim=-1)
        better = value < least
        which = torch.where(better, begin + place, which)
        least = torch.where(better, value, least)
    return least, which


def _least(first: _Found, second: _Found) -> _Found:
    better = second[0] < first[0]
    return torch.where(better, second[0], first[0]), torch.where(better[..., None], second[1], first[1])


def _into_ball(step: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    return step * (radius * _INSIDE / lengths(step)).clamp_max(1.0)
