"""Stage 2 of the training by stages: the neurons of several runs, each on its own point, in one tensor program.

Runs of other N, α, δ, b and seed stand side by side, the shorter ones filled up with neurons of sign 0 at the point 0,
which never move. `empirics.gaussian.stages` states the algorithm.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from empirics.gaussian.fgsm import LinearBatch, linear_batch
from empirics.gaussian.samples import LinearSample
from empirics.gaussian.tensors import MixedTensors, loss_gradients, unit
from theory.blocks import blocks
from theory.errors import AssumptionError


@dataclass(frozen=True)
class StagedRecipe:
    """How to train; the defaults are the algorithm, every other value is a way to break it.

    Attributes:
        linear_steps: steps of stage 1.
        steps: T, steps of stage 2.
        step_size: η of stage 2.
        ramp: ρ, the fraction of the steps over which the radius rises; 0 for the full radius at once.
        capped: whether `‖w_i‖ <= √d`.
        frozen: whether w_0 stays; else it takes gradient steps of the loss over all of S.
        start: of the neurons: at their "points", or in "random" directions with the same length.
        seed: of random starts.
    """

    linear_steps: int = 2000
    steps: int = 200
    step_size: float = 0.05
    ramp: float = 0.6
    capped: bool = True
    frozen: bool = True
    start: Literal["points", "random"] = "points"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.start not in ("points", "random"):
            raise ValueError(f'StagedRecipe needs start "points" or "random", got {self.start!r}')
        if not (self.linear_steps >= 1 and self.steps >= 0 and 0 < self.step_size < 1 and 0 <= self.ramp <= 1):
            raise ValueError(
                "StagedRecipe needs linear_steps >= 1, steps >= 0, step_size in (0, 1) and ramp in [0, 1], "
                f"got {self.linear_steps}, {self.steps}, {self.step_size}, {self.ramp}"
            )

    def radius_at(self, step: int) -> float:
        """The radius of a step as a fraction of δ."""
        return min(1.0, step / max(self.ramp * self.steps, 1.0)) if self.ramp else 1.0


@dataclass(frozen=True, eq=False)
class StagedBatch:
    """B samples side by side for both stages.

    Attributes:
        large: the points with the labels of the large-margin ones, for stage 1.
        labels: ±1, shape (B, N), and 0 where there is no point.
        own: the small-margin points, one for each neuron, shape (B, m, d).
        signs: their labels, shape (B, m), and 0 where there is no neuron.
        threshold: b, shape (B,).
    """

    large: LinearBatch
    labels: torch.Tensor
    own: torch.Tensor
    signs: torch.Tensor
    threshold: torch.Tensor

    def alike(self) -> list[torch.Tensor]:
        """The runs in groups by N, the largest of a group at most 5/4 of its least."""
        sizes, order = (self.labels != 0).sum(dim=1).cpu().sort(stable=True)
        groups = []
        while len(order):
            count = int((4 * sizes <= 5 * sizes[0]).sum())
            groups.append(order[:count])
            sizes, order = sizes[count:], order[count:]
        return groups

    def part(self, runs: torch.Tensor) -> "StagedBatch":
        """These runs, filled up to the largest of them only."""
        runs, large = runs.to(self.labels.device), self.large
        points, neurons = (int((signs[runs] != 0).sum(dim=1).amax()) for signs in (self.labels, self.signs))
        return StagedBatch(
            LinearBatch(
                large.points[runs, :points], large.labels[runs, :points], large.radius[runs], large.w_star[runs]
            ),
            self.labels[runs, :points],
            self.own[runs, :neurons],
            self.signs[runs, :neurons],
            self.threshold[runs],
        )


def staged_batch(
    samples: Sequence[LinearSample],
    radius: float | Sequence[float],
    threshold: float | Sequence[float],
    *,
    device: str = "cpu",
) -> StagedBatch:
    """The samples as one batch on a device; one sample on the CPU is used in place.

    Args:
        samples: of one dimension, each with a large-margin point.
        radius: δ in [0, α), one for all or one each.
        threshold: b > 0, one for all or one each.
        device: of the tensors.

    Raises:
        AssumptionError: if some `δ >= α`, a sample has no large-margin point, or not `b > 0` (a neuron could not be
            off at 0).
        ValueError: if there is no sample, the dimensions differ, or the numbers are not one for each.
    """
    large = linear_batch(samples, radius, device=device)
    levels = [float(threshold)] * len(samples) if isinstance(threshold, (int, float)) else [float(b) for b in threshold]
    if len(levels) != len(samples):
        raise ValueError(f"staged_batch needs one threshold, or one for each of {len(samples)} samples, got {levels}")
    for k, level in enumerate(levels):
        if not 0 < level < math.inf:
            raise AssumptionError(f"training in stages needs a finite threshold b > 0, got {level} in run {k}")
    dim, runs = samples[0].source.dim, len(samples)
    neurons = max(int(sample.small.sum()) for sample in samples)
    labels = torch.zeros(large.labels.shape, dtype=torch.float64)
    own, signs = torch.zeros(runs, neurons, dim, dtype=torch.float64), torch.zeros(runs, neurons, dtype=torch.float64)
    for k, sample in enumerate(samples):
        count = int(sample.small.sum())
        labels[k, : len(sample.labels)] = torch.from_numpy(sample.labels)
        # Straight to their place; with another mode numpy makes a second copy first.
        np.take(sample.points, np.flatnonzero(sample.small), axis=0, out=own[k, :count].numpy(), mode="clip")
        signs[k, :count] = torch.from_numpy(sample.labels[sample.small])
    levels_each = torch.tensor(levels, dtype=torch.float64)
    return StagedBatch(large, labels.to(device), own.to(device), signs.to(device), levels_each.to(device))


@dataclass(frozen=True, eq=False)
class StageState:
    """Where stage 2 stands: the steps done, `w_0`, shape (B, d), and the neurons, shape (B, m, d)."""

    step: int
    linear: torch.Tensor
    weights: torch.Tensor

    def model(self, batch: StagedBatch) -> MixedTensors:
        """The networks."""
        return MixedTensors(self.linear, self.weights, batch.signs, batch.threshold)

    def part(self, runs: torch.Tensor, neurons: int) -> "StageState":
        """These runs with their first so many neurons."""
        runs = runs.to(self.linear.device)
        return StageState(self.step, self.linear[runs], self.weights[runs, :neurons])


def start_neurons(batch: StagedBatch, linear: torch.Tensor, recipe: StagedRecipe) -> StageState:
    """Step 0: `w_0` normalised, and every neuron of length `1.2 b / ‖x_i‖`."""
    direction = unit(batch.own)
    if recipe.start == "random":
        random = np.random.default_rng(recipe.seed).standard_normal(tuple(batch.own.shape[1:]))
        direction = unit(torch.as_tensor(random, device=batch.own.device)) * batch.signs[..., None].abs()
    # An absent neuron is at the point 0.
    lengths = torch.linalg.vector_norm(batch.own, dim=2, keepdim=True).masked_fill(batch.signs[..., None] == 0, 1.0)
    return StageState(0, unit(linear), direction.mul_(1.2 * batch.threshold[:, None, None] / lengths))


def neuron_steps(batch: StagedBatch, recipe: StagedRecipe, state: StageState) -> Iterator[StageState]:
    """The states after each further step, up to step T of the recipe.

    Going on from a state is the same, to the last bit, as never having stopped. The given state is left as it was; a
    state that was handed out is overwritten by the next step.
    """
    radius, first, linear, weights = batch.large.radius, state.step + 1, state.linear, state.weights.clone()
    del state  # So that the neurons are not kept twice.
    cap = math.sqrt(weights.shape[2]) if recipe.capped else math.inf
    for step in range(first, recipe.steps + 1):
        now = recipe.radius_at(step) * radius
        _neuron_step(weights, batch, linear, now, recipe.step_size, cap)
        if not recipe.frozen:
            model = MixedTensors(linear, weights, batch.signs, batch.threshold)
            gradient, _ = loss_gradients(model, batch.large.points, batch.labels, now)
            linear = linear - recipe.step_size * gradient
        yield StageState(step, linear, weights)


def _neuron_step(
    weights: torch.Tensor, batch: StagedBatch, linear: torch.Tensor, radius: torch.Tensor, step_size: float, cap: float
) -> None:
    """One step of every neuron on its own point, in place and in blocks: no array of the size of the neurons."""
    threshold, radius = batch.threshold[:, None, None], radius[:, None, None]
    for rows in blocks(weights.shape[1], weights.shape[0] * weights.shape[2]):
        w, x = weights[:, rows], batch.own[:, rows]
        alive = (torch.sum(x * w, dim=2, keepdim=True) > threshold).to(x.dtype)
        gradient = batch.signs[:, rows, None] * linear[:, None, :] + alive * w
        moved = x - radius * unit(gradient)
        still = (torch.sum(moved * w, dim=2, keepdim=True) > threshold).to(x.dtype)
        w += step_size * still * moved
        w *= torch.clamp(cap / torch.linalg.vector_norm(w, dim=2, keepdim=True), max=1.0)
