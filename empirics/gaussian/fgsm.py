"""FGSM training of the linear part: a batch of runs in one tensor program, in logarithms, resumable.

For `f(x) = w·x` one normalised gradient step is the exact inner maximum: the worst point of `B_2(x, δ)` is
`x - δ y w/‖w‖`, and the adversarial exponential loss `(1/N) Σ exp(-m_i)`, `m_i = y_i w·x_i - δ‖w‖`. With `p` the
softmax of `-m`, its gradient is `-e^{log L} Σ p_i (y_i x_i - δ w/‖w‖)`; at w = 0 the direction of FGSM is undefined
and the first step is the plain gradient.

Step rules: "constant", `w ← w - η ∇L`, the one of the printed theorem, whose direction moves like `1 / log k`; and
"normalised", `w ← w - η ∇ log L`, whose direction moves like `1 / k`. Neither forms `exp(-m)` by itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch

from empirics.gaussian.samples import LinearSample
from empirics.gaussian.tensors import unit
from empirics.progress import bar
from empirics.tensor_files import read, write
from theory.errors import AssumptionError

StepRule: TypeAlias = Literal["constant", "normalised"]


@dataclass(frozen=True, eq=False)
class LinearBatch:
    """B samples side by side, the shorter ones filled up; points with label 0 have no weight.

    Attributes:
        points: shape (B, N, d), float64.
        labels: ±1, shape (B, N), and 0 where there is no point to train on.
        radius: δ, shape (B,).
        w_star: shape (B, d).
    """

    points: torch.Tensor
    labels: torch.Tensor
    radius: torch.Tensor
    w_star: torch.Tensor


def linear_batch(
    samples: Sequence[LinearSample], radius: float | Sequence[float], *, device: str = "cpu"
) -> LinearBatch:
    """The large-margin points of the samples as one batch on a device.

    One sample on the CPU is used in place, its small-margin points without weight, so that nothing is copied.

    Args:
        samples: of one dimension, of any sizes and scales.
        radius: δ, one for all or one each.
        device: of the tensors.

    Raises:
        AssumptionError: if some `δ >= α`, so that not every sample is separable with that margin, or a sample has
            no large-margin point.
        ValueError: if there is no sample or the dimensions differ.
    """
    if not samples or len({sample.source.dim for sample in samples}) > 1:
        raise ValueError(f"linear_batch needs samples of one dimension, got {[s.source.dim for s in samples]}")
    radii = [float(radius)] * len(samples) if isinstance(radius, (int, float)) else [float(r) for r in radius]
    if len(radii) != len(samples):
        raise ValueError(f"linear_batch needs one radius, or one for each of {len(samples)} samples, got {len(radii)}")
    for k, (sample, r) in enumerate(zip(samples, radii, strict=True)):
        if not 0 <= r < sample.source.alpha:
            raise AssumptionError(
                f"Theorem 5.1 needs 0 <= δ < α, got δ={r} with α={sample.source.alpha} in run {k}: lower the radius"
            )
        if sample.small.all():
            raise AssumptionError(
                f"Theorem 5.1 needs a point of large margin, got none of {len(sample.labels)} in run {k}: "
                "take mu < 1 or more points"
            )
    shape = (len(samples), max(len(sample.labels) for sample in samples))
    labels = torch.zeros(shape, dtype=torch.float64)
    for signs, sample in zip(labels, samples, strict=True):
        signs[: len(sample.labels)] = torch.from_numpy(np.where(sample.small, 0, sample.labels))
    if len(samples) == 1:
        points = torch.from_numpy(samples[0].points)[None]
    else:
        points = torch.zeros(*shape, samples[0].source.dim, dtype=torch.float64)
        for row, sample in zip(points, samples, strict=True):
            row[: len(sample.labels)] = torch.from_numpy(sample.points)
    w_star = torch.from_numpy(np.stack([sample.source.w_star for sample in samples]))
    radius_each = torch.tensor(radii, dtype=torch.float64)
    return LinearBatch(points.to(device), labels.to(device), radius_each.to(device), w_star.to(device))


@dataclass(frozen=True, eq=False)
class LinearState:
    """Where training stands: the number of steps done and `w`, shape (B, d). It is all that is needed to go on."""

    step: int
    w: torch.Tensor

    def save(self, path: Path) -> None:
        """Write the state; the file is whole or absent."""
        write(path, {"step": self.step, "w": self.w})

    @staticmethod
    def load(path: Path, *, device: str = "cpu") -> "LinearState":
        """Read what `save` wrote; a `ValueError` if it is something else."""
        stored = read(path, {"step", "w"}, device=device)
        return LinearState(stored["step"], stored["w"])


@dataclass(frozen=True, eq=False)
class LinearRecord:
    """What is seen after `step` steps, each an array of shape (B,).

    Attributes:
        step: number of steps done.
        direction_error: `‖w/‖w‖ - w*‖_2`.
        margin: `min_i y_i⟨w, x_i⟩/‖w‖ - δ`.
        log_loss: log of the adversarial exponential loss.
        log_clean_loss: log of the exponential loss.
        certified_error: fraction of points without a positive exact minimum margin.
        attacked_error: fraction of points that FGSM misclassifies, by evaluation at its points.
    """

    step: int
    direction_error: np.ndarray
    margin: np.ndarray
    log_loss: np.ndarray
    log_clean_loss: np.ndarray
    certified_error: np.ndarray
    attacked_error: np.ndarray


def initial_state(batch: LinearBatch) -> LinearState:
    """Zero, as in Theorem 5.1."""
    return LinearState(0, torch.zeros_like(batch.w_star))


def train_linear(
    batch: LinearBatch,
    steps: int,
    *,
    rule: StepRule = "normalised",
    step_size: float | None = None,
    state: LinearState | None = None,
    record_at: Sequence[int] | None = None,
    progress: bool = False,
) -> tuple[LinearState, list[LinearRecord]]:
    """FGSM training of `w` for `steps` further steps.

    Args:
        batch: the runs.
        steps: number of steps from the given state.
        rule: "constant" or "normalised".
        step_size: η; by default one over the largest `‖x_i‖²` of each run, where log-sum-exp descends.
        state: where to go on from; zero by default. Going on is the same, to the last bit, as never having stopped.
        record_at: numbers of steps (counted from zero) after which to record; every step by default.
        progress: whether to show a bar on stderr.

    Raises:
        FloatingPointError: if `w` stops being finite: the step size is too large.
    """
    if not steps >= 0 or rule not in ("constant", "normalised"):
        raise ValueError(f'train_linear needs steps >= 0 and rule "constant" or "normalised", got {steps}, {rule!r}')
    if step_size is not None and not 0 < step_size < math.inf:
        raise ValueError(f"train_linear needs a finite step_size > 0, got {step_size}")
    state = initial_state(batch) if state is None else state
    if step_size is None:
        lengths = torch.linalg.vector_norm(batch.points, dim=2)
        rate = 1 / lengths.masked_fill(batch.labels == 0, 0.0).amax(dim=1) ** 2
    else:
        rate = torch.full_like(batch.radius, step_size)
    absent = batch.labels == 0
    log_count = torch.log((~absent).sum(dim=1).to(torch.float64))
    wanted = None if record_at is None else set(record_at)
    w, records = state.w, []
    for step in bar(range(state.step + 1, state.step + steps + 1), "linear part", show=progress):
        length = torch.linalg.vector_norm(w, dim=1)
        negative = batch.radius * length
        logits = negative[:, None] - batch.labels * torch.bmm(batch.points, w[:, :, None])[:, :, 0]
        logits.masked_fill_(absent, -torch.inf)
        log_sum = torch.logsumexp(logits, dim=1)
        weights = torch.exp(logits - log_sum[:, None])
        pull = torch.bmm((weights * batch.labels)[:, None, :], batch.points)[:, 0, :]
        # At w = 0, where the direction is undefined, `unit` is 0: the plain gradient.
        pull -= batch.radius[:, None] * unit(w)
        size = rate if rule == "normalised" else torch.exp(torch.log(rate) + log_sum - log_count)
        w = w + size[:, None] * pull
        if wanted is None or step in wanted:
            if not torch.isfinite(w).all():
                raise FloatingPointError(f"w is not finite after step {step}: lower step_size")
            records.append(observe(batch, LinearState(step, w)))
    if not torch.isfinite(w).all():
        raise FloatingPointError(f"w is not finite after {state.step + steps} steps: lower step_size")
    return LinearState(state.step + steps, w), records


def observe(batch: LinearBatch, state: LinearState) -> LinearRecord:
    """The record of a state."""
    absent = batch.labels == 0
    count = (~absent).sum(dim=1)
    length = torch.linalg.vector_norm(state.w, dim=1)
    direction = unit(state.w)
    # y⟨w/‖w‖, x⟩, from which everything follows; the losses scale it up again.
    signed = batch.labels * torch.bmm(batch.points, direction[:, :, None])[:, :, 0]
    exact = signed - batch.radius[:, None]
    # The value at x - δ y w/‖w‖, with f at the step and at x added up.
    attacked = signed - batch.radius[:, None] * (direction * direction).sum(dim=1, keepdim=True)

    def mean_log(margins: torch.Tensor) -> torch.Tensor:
        logits = (-margins * length[:, None]).masked_fill(absent, -torch.inf)
        return torch.logsumexp(logits, dim=1) - torch.log(count.to(torch.float64))

    def error(margins: torch.Tensor) -> torch.Tensor:
        return ((margins <= 0) & ~absent).sum(dim=1) / count

    values = (
        torch.linalg.vector_norm(direction - batch.w_star, dim=1),
        exact.masked_fill(absent, torch.inf).amin(dim=1),
        mean_log(exact),
        mean_log(signed),
        error(exact),
        error(attacked),
    )
    return LinearRecord(state.step, *(value.cpu().numpy() for value in values))


def geometric_steps(last: int, count: int) -> list[int]:
    """About `count` different numbers of steps from 1 to `last`, evenly spaced in the logarithm."""
    if not (last >= 1 and count >= 1):
        raise ValueError(f"geometric_steps needs last >= 1 and count >= 1, got {last}, {count}")
    return sorted({round(step) for step in np.geomspace(1, last, count)})
