"""Adversarial training in stages, which reaches certified robust memorization, and what breaks it.

The algorithm, for a sample `S = S_small ∪ S_large` in R^d, a radius δ and a threshold b:

1. `w_0` from 0 by FGSM on `S_large` (`empirics.fgsm`, loss-normalised steps); then `w_0 ← w_0/‖w_0‖`, frozen.
2. One neuron for each point i of `S_small`: `a_i = y_i`, `w_i = 1.2 b x_i/‖x_i‖²`, so that `w_i·x_i = 1.2 b > b` is
   alive. For t = 1..T, with `δ_t = δ min(1, t/(ρT))`, `ρ = 0.6`, every neuron at once:
   `g = y_i w_0 + 1{w_i·x_i > b} w_i`;
   `x̃_i = x_i - δ_t g/‖g‖`, FGSM on the neuron's own point with the other neurons left out;
   `w_i ← w_i + η 1{w_i·x̃_i > b} x̃_i`, gradient descent on the log of its own adversarial exponential loss;
   `w_i ← w_i min(1, √d/‖w_i‖)`.

What each step is for: with the full radius from the first step the adversary switches the neuron off
and its gradient vanishes; without the cap other points' balls reach into the neuron; with `w_0` free it fits the noise.
The neurons start at the training points: a run shows that robust memorization can be reached, not that it is found.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from empirics.fgsm import linear_batch, train_linear
from empirics.linear_data import LinearSample
from empirics.mixed_model import MixedTensors, loss_gradients, sample_tensors
from theory.errors import AssumptionError
from theory.losses import clean_error
from theory.mixed_model import MixedModel, margin_certificate, neuron_cosine_bound
from theory.target_conditions import TargetConditions, target_conditions


@dataclass(frozen=True)
class Recipe:
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
            raise ValueError(f'Recipe needs start "points" or "random", got {self.start!r}')
        if not (self.linear_steps >= 1 and self.steps >= 0 and 0 < self.step_size < 1 and 0 <= self.ramp <= 1):
            raise ValueError(
                "Recipe needs linear_steps >= 1, steps >= 0, step_size in (0, 1) and ramp in [0, 1], "
                f"got {self.linear_steps}, {self.steps}, {self.step_size}, {self.ramp}"
            )


@dataclass(frozen=True)
class StageRecord:
    """After `step` steps: the radius of that step, the fraction of S not certified at δ, and that of dead neurons."""

    step: int
    radius: float
    certified_error: float
    dead: float


@dataclass(frozen=True, eq=False)
class StagedRun:
    """A trained network and what can be claimed of it.

    Attributes:
        model: the network.
        records: of stage 2.
        lower: sound lower bounds of the margins over the balls of S, shape (N,).
        conditions: of the repaired Theorem 5.2, for the target on this sample.
        direction_error: `‖w_0/‖w_0‖ - w*‖`.
        cosine: `cos(w_i, ξ_i)` of each neuron.
        cosine_bound: its proved lower bound, for the recipe's defaults; -1 where it says nothing.
    """

    model: MixedModel
    records: tuple[StageRecord, ...]
    lower: np.ndarray
    conditions: TargetConditions
    direction_error: float
    cosine: np.ndarray
    cosine_bound: np.ndarray

    @property
    def certified_error(self) -> float:
        """Upper bound of the adversarial training error; 0 is a certificate."""
        return clean_error(self.lower)

    def __str__(self) -> str:
        claim = (
            "adversarial training error 0, certified"
            if self.certified_error == 0
            else f"{self.certified_error:.1%} of the points not certified, no claim about them"
        )
        failed = "; ".join(self.conditions.failed) or "all hold"
        dead = self.records[-1].dead
        asleep = f" Threshold b leaves {dead:.1%} of the neurons dead on their own points: lower b." if dead else ""
        return f"{claim}. Conditions of Theorem 5.2 for the target: {failed}.{asleep}"


def train_in_stages(
    sample: LinearSample,
    radius: float,
    threshold: float,
    recipe: Recipe | None = None,
    *,
    record_at: Sequence[int] | None = None,
    device: str = "cpu",
) -> StagedRun:
    """The algorithm of this module on one sample; a failed hypothesis of the target is reported in the run.

    Args:
        sample: with at least one large-margin point.
        radius: δ in [0, α).
        threshold: b > 0.
        recipe: the algorithm by default.
        record_at: steps of stage 2 to record, the last always; ten of them by default.
        device: where to train.

    Raises:
        AssumptionError: if `δ >= α`, there is no large-margin point, or not `b > 0` (a neuron could not be off at 0).
    """
    recipe = Recipe() if recipe is None else recipe
    if record_at is not None and not all(0 <= step <= recipe.steps for step in record_at):
        raise ValueError(f"train_in_stages records steps 0 to {recipe.steps}, got {list(record_at)}")
    if not 0 < threshold < math.inf:
        raise AssumptionError(f"train_in_stages needs a finite threshold b > 0, got {threshold}")
    source = sample.source
    state, _ = train_linear(linear_batch([sample], radius, device=device), recipe.linear_steps, record_at=[])
    linear = state.w[0] / torch.linalg.vector_norm(state.w[0])
    model, records = _second_stage(sample, radius, threshold, recipe, linear, record_at)
    noise = sample.noise(sample.small)
    norms = np.linalg.norm(noise, axis=1)
    unit = model.linear / np.linalg.norm(model.linear)
    error = float(np.linalg.norm(unit - source.w_star))
    return StagedRun(
        model=model,
        records=records,
        lower=margin_certificate(model, sample.points, sample.labels, radius),
        conditions=target_conditions(
            sample.points,
            sample.small,
            noise,
            alpha=source.alpha,
            beta=source.beta,
            radius=radius,
            b=threshold,
        ),
        direction_error=error,
        cosine=np.sum(model.weights * noise, axis=1) / (np.linalg.norm(model.weights, axis=1) * norms),
        cosine_bound=neuron_cosine_bound(
            norms,
            np.linalg.norm(sample.points[sample.small], axis=1),
            beta=source.beta,
            radius=radius,
            b=threshold,
            direction_error=2 * math.asin(min(1.0, error / 2)),
        ),
    )


def _second_stage(
    sample: LinearSample,
    radius: float,
    threshold: float,
    recipe: Recipe,
    linear: torch.Tensor,
    record_at: Sequence[int] | None,
) -> tuple[MixedModel, tuple[StageRecord, ...]]:
    device = linear.device
    x, y = sample_tensors(sample.points[sample.small], sample.labels[sample.small], device=str(device))
    everything = sample_tensors(sample.points, sample.labels, device=str(device))
    cap = math.sqrt(sample.points.shape[1])
    lengths = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    start = x / lengths
    if recipe.start == "random":
        generator = torch.Generator().manual_seed(recipe.seed)
        start = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(device)
        start = start / torch.linalg.vector_norm(start, dim=1, keepdim=True)
    model = MixedTensors(linear, 1.2 * threshold / lengths * start, y, threshold)
    wanted = set(np.linspace(0, recipe.steps, 11).astype(int).tolist() if record_at is None else record_at)
    wanted.add(recipe.steps)
    records = []
    for step in range(recipe.steps + 1):
        now = radius * min(1.0, step / max(recipe.ramp * recipe.steps, 1.0)) if recipe.ramp else radius
        if step:
            model = _neuron_step(model, x, y, now, recipe.step_size, cap if recipe.capped else math.inf)
            if not recipe.frozen:
                gradient, _ = loss_gradients(model, *everything, now)
                model = replace(model, linear=model.linear - recipe.step_size * gradient)
        if step in wanted:
            certified = margin_certificate(model.numpy(), sample.points, sample.labels, radius)
            dead = (torch.sum(x * model.weights, dim=1) <= threshold).double().mean() if len(x) else torch.zeros(())
            records.append(StageRecord(step, now, clean_error(certified), float(dead)))
    return model.numpy(), tuple(records)


def _neuron_step(
    model: MixedTensors, x: torch.Tensor, y: torch.Tensor, radius: float, step_size: float, cap: float
) -> MixedTensors:
    """One step of every neuron on its own point: neuron i and point i are a row each."""
    weights = model.weights
    alive = (torch.sum(x * weights, dim=1, keepdim=True) > model.threshold).to(x.dtype)
    gradient = y[:, None] * model.linear + alive * weights
    moved = x - radius * gradient / torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    still = (torch.sum(moved * weights, dim=1, keepdim=True) > model.threshold).to(x.dtype)
    weights = weights + step_size * still * moved
    length = torch.linalg.vector_norm(weights, dim=1, keepdim=True)
    return replace(model, weights=weights * torch.clamp(cap / length, max=1.0))
