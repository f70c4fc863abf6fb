"""The mixed model in torch: values, gradients, FGSM, and an attack that also looks for inactive neurons."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from theory.mixed_model import MixedModel

# Doubles in one block of preactivations.
_BLOCK = 2**22
# Shrinks a step so that x + step, rounded, stays inside the ball.
_INSIDE = 1 - 2.0**-40


@dataclass(frozen=True, eq=False)
class MixedTensors:
    """The fields of `theory.mixed_model.MixedModel` as float64 tensors of one device."""

    linear: torch.Tensor
    weights: torch.Tensor
    signs: torch.Tensor
    threshold: float

    @staticmethod
    def of(model: MixedModel, *, device: str = "cpu") -> "MixedTensors":
        linear, weights, signs = (torch.tensor(a, device=device) for a in (model.linear, model.weights, model.signs))
        return MixedTensors(linear, weights, signs, model.threshold)

    def numpy(self) -> MixedModel:
        linear, weights, signs = (a.detach().cpu().numpy().copy() for a in (self.linear, self.weights, self.signs))
        return MixedModel(linear, weights, signs, self.threshold)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """`w_0·x + Σ_j a_j σ(w_j·x - b)`, x of shape (..., d)."""
        return x @ self.linear + torch.relu(x @ self.weights.T - self.threshold) @ self.signs

    def input_gradient(self, x: torch.Tensor) -> torch.Tensor:
        """`∇_x f`, with slope 0 for a neuron at its threshold."""
        active = (x @ self.weights.T > self.threshold).to(x.dtype)
        return self.linear + (active * self.signs) @ self.weights


def fgsm(model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float) -> torch.Tensor:
    """One normalised gradient step: `x - δ y ∇f/‖∇f‖_2`; x itself where the gradient is 0."""
    return x - radius * y[:, None] * _unit(model.input_gradient(x))


def pgd(
    model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float, *, start: torch.Tensor, steps: int = 10
) -> tuple[torch.Tensor, torch.Tensor]:
    """The multi-step attack: normalised gradient steps of length δ/4, each back into the ball; the best point met.

    Args:
        model: the classifier.
        x: centres, shape (n, d).
        y: labels ±1, shape (n,).
        radius: δ.
        start: perturbations to start from, shape (n, d).
        steps: number of steps.

    Returns:
        The smallest `y f` met, shape (n,), and the points, shape (n, d).
    """
    step = _into_ball(start, radius)
    best = x + step
    least = y * model(best)
    for _ in range(steps):
        step = _into_ball(step - radius / 4 * y[:, None] * _unit(model.input_gradient(x + step)), radius)
        value = y * model(x + step)
        better = value < least
        best = torch.where(better[:, None], x + step, best)
        least = torch.where(better, value, least)
    return least, best


def blind_attack(
    model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float, *, steps: int = 10, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """PGD from the centre and from one random point: what is usually reported. It cannot see inactive neurons."""
    generator = torch.Generator().manual_seed(seed)
    random = torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device)
    return _least(
        pgd(model, x, y, radius, start=torch.zeros_like(x), steps=steps),
        pgd(model, x, y, radius, start=radius * _unit(random), steps=steps),
    )


def mixed_attack(
    model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float, *, steps: int = 10, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """`blind_attack`, and `x + δ w_j/‖w_j‖` for every neuron j of the wrong label, with PGD from the worst of them.

    A neuron that is off at x has no gradient there, so gradient steps from near x never find it. All these starts
    are evaluated, through the products of the neurons with each other.

    Returns:
        The smallest `y f` met, shape (n,), and the points: upper bounds of the minimum over each ball.
    """
    found = blind_attack(model, x, y, radius, steps=steps, seed=seed)
    value, neuron = _worst_neuron(model, x, y, radius)
    some = torch.isfinite(value)
    if not bool(some.any()):
        return found
    start = torch.zeros_like(x)
    start[some] = radius * _unit(model.weights[neuron[some]])
    return _least(found, pgd(model, x, y, radius, start=start, steps=steps))


def _worst_neuron(
    model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Least `y f(x + δ w_j/‖w_j‖)` over the wrong-label neurons, and that j; infinity where there is none."""
    least = torch.full_like(y, torch.inf)
    which = torch.zeros(len(y), dtype=torch.long, device=y.device)
    if not len(model.signs):
        return least, which
    units = _unit(model.weights)
    for sign in (-1.0, 1.0):
        neurons = torch.nonzero(model.signs * sign < 0)[:, 0]
        rows = torch.nonzero(y == sign)[:, 0]
        for some in _blocks(rows, len(model.signs)):
            before = x[some] @ model.weights.T - model.threshold
            base = x[some] @ model.linear
            for chosen in _blocks(neurons, len(some) * len(model.signs)):
                moved = radius * (units[chosen] @ model.weights.T)
                values = torch.relu(before[:, None, :] + moved) @ model.signs
                values = sign * (values + base[:, None] + radius * (units[chosen] @ model.linear))
                value, place = values.min(dim=1)
                better = value < least[some]
                which[some] = torch.where(better, chosen[place], which[some])
                least[some] = torch.where(better, value, least[some])
    return least, which


def loss_gradients(
    model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients in `w_0` and in the `w_j` of the log of the exponential loss at the FGSM points (held fixed)."""
    moved = fgsm(model, x, y, radius)
    before = moved @ model.weights.T - model.threshold
    pull = torch.softmax(-y * (moved @ model.linear + torch.relu(before) @ model.signs), dim=0) * y
    active = (before > 0).to(x.dtype) * model.signs
    return -(pull @ moved), -((pull[:, None] * active).T @ moved)


def attacked_margins(model: MixedModel, points: np.ndarray, labels: np.ndarray, radius: float) -> np.ndarray:
    """Smallest margins that `mixed_attack` reaches, from and to numpy."""
    if not 0 <= radius < np.inf:
        raise ValueError(f"attacked_margins needs a finite radius >= 0, got {radius}")
    found, _ = mixed_attack(MixedTensors.of(model), *sample_tensors(points, labels), radius)
    return np.asarray(found.numpy())


def sample_tensors(points: np.ndarray, labels: np.ndarray, *, device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Points and labels in float64; on the CPU the points share the array's memory."""
    return torch.from_numpy(points).to(device), torch.from_numpy(labels.astype(np.float64)).to(device)


def _least(
    first: tuple[torch.Tensor, torch.Tensor], second: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    better = second[0] < first[0]
    return torch.where(better, second[0], first[0]), torch.where(better[:, None], second[1], first[1])


def _unit(v: torch.Tensor) -> torch.Tensor:
    length: torch.Tensor = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    return v / length.clamp_min(torch.finfo(v.dtype).tiny)


def _into_ball(step: torch.Tensor, radius: float) -> torch.Tensor:
    length = torch.linalg.vector_norm(step, dim=-1, keepdim=True)
    limit = radius * _INSIDE
    return torch.where(length > limit, step * (limit / length.clamp_min(torch.finfo(step.dtype).tiny)), step)


def _blocks(indices: torch.Tensor, columns: int) -> Iterator[torch.Tensor]:
    """Non-empty pieces of the indices, with at most `_BLOCK` entries for so many columns."""
    for start in range(0, len(indices), max(1, _BLOCK // max(columns, 1))):
        yield indices[start : start + max(1, _BLOCK // max(columns, 1))]
