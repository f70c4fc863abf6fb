"""The mixed model in torch: values and gradients, of one network or of several of one shape at once.

Leading axes, written "…", are of independent networks: each has its own points, its own label row, its own radius.
A neuron of sign 0 is absent, and so is a point of label 0.
"""

from dataclasses import dataclass

import numpy as np
import torch

from theory.arguments.plain_array import exact_floats
from theory.blocks import blocks
from theory.gaussian.mixed_model import MixedModel


@dataclass(frozen=True, eq=False)
class MixedTensors:
    """`f(x) = w_0·x + Σ_j a_j σ(w_j·x - b)` as float64 tensors of one device.

    Attributes:
        linear: `w_0`, shape (…, d).
        weights: the `w_j`, shape (…, m, d).
        signs: the `a_j`, shape (…, m).
        threshold: b, shape (…).
    """

    linear: torch.Tensor
    weights: torch.Tensor
    signs: torch.Tensor
    threshold: torch.Tensor

    @staticmethod
    def of(model: MixedModel, *, device: str = "cpu") -> "MixedTensors":
        """One network; on the CPU the tensors share its memory."""
        arrays = (model.linear, model.weights, model.signs, np.array(model.threshold))
        return MixedTensors(*(torch.as_tensor(a, dtype=torch.float64, device=device) for a in arrays))

    def numpy(self) -> MixedModel:
        """The network, when there is one: a copy."""
        linear, weights, signs = (a.detach().cpu().numpy().copy() for a in (self.linear, self.weights, self.signs))
        return MixedModel(linear, weights, signs, float(self.threshold))

    def run(self, k: int, neurons: int) -> "MixedTensors":
        """Network k of several, with its first so many neurons."""
        return MixedTensors(self.linear[k], self.weights[k, :neurons], self.signs[k, :neurons], self.threshold[k])

    def before(self, x: torch.Tensor) -> torch.Tensor:
        """`w_j·x - b`, shape (…, n, m), for x of shape (…, n, d)."""
        products = x @ self.weights.mT
        products -= self.threshold[..., None, None]
        return products

    def value_at(self, x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """The value, from `before(x)`."""
        return dot(x, self.linear) + dot(torch.relu(before), self.signs)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Value at each row, shape (…, n), for x of shape (…, n, d)."""
        values = dot(x, self.linear)
        for rows in blocks(x.shape[-2], self.signs.numel()):
            values[..., rows] += dot(torch.relu(self.before(x[..., rows, :])), self.signs)
        return values

    def gradient_at(self, before: torch.Tensor) -> torch.Tensor:
        """`∇_x f`, from `before(x)`, with slope 0 for a neuron at its threshold."""
        # Straight into floats: through an array of truth values it takes three times as long.
        active = torch.gt(before, 0, out=torch.empty_like(before))
        active *= self.signs[..., None, :]
        gradient = active @ self.weights
        gradient += self.linear[..., None, :]
        return gradient

    def input_gradient(self, x: torch.Tensor) -> torch.Tensor:
        """`∇_x f` at each row."""
        return self.gradient_at(self.before(x))


def fgsm(model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float | torch.Tensor) -> torch.Tensor:
    """One normalised gradient step: `x - δ y ∇f/‖∇f‖_2`; x itself where the gradient is 0."""
    return x - per_row(radius, x) * y[..., None] * unit(model.input_gradient(x))


def loss_gradients(
    model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float | torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients in `w_0` and in the `w_j` of the log of the exponential loss at the FGSM points (held fixed)."""
    moved = fgsm(model, x, y, radius)
    before = model.before(moved)
    logits = (-y * model.value_at(moved, before)).masked_fill(y == 0, -torch.inf)
    pull = torch.softmax(logits, dim=-1) * y
    active = (before > 0).to(x.dtype) * model.signs[..., None, :]
    return -(pull[..., None, :] @ moved)[..., 0, :], -((pull[..., None] * active).mT @ moved)


def sample_tensors(points: np.ndarray, labels: np.ndarray, *, device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Points and labels in float64; on the CPU the points share the array's memory."""
    arrays = exact_floats(points, "points"), exact_floats(labels, "labels")
    x, y = (torch.as_tensor(a, dtype=torch.float64, device=device) for a in arrays)
    return x, y


def unit(v: torch.Tensor) -> torch.Tensor:
    """`v / ‖v‖_2` along the last axis, and 0 at 0."""
    return v / lengths(v)


def lengths(v: torch.Tensor) -> torch.Tensor:
    """`‖v‖_2` along the last axis, which stays, and the least normal float at 0: one to divide by."""
    norms: torch.Tensor = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    return norms.clamp_min(torch.finfo(v.dtype).tiny)


def dot(rows: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """The rows, shape (…, n, k), times a vector of shape (…, k)."""
    return (rows @ vector[..., None])[..., 0]


def per_row(value: float | torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One number for each network, of shape (…), beside x of shape (…, n, d)."""
    return value[..., None, None] if isinstance(value, torch.Tensor) else x.new_full((1, 1), value)
