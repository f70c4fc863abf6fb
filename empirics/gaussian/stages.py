"""Adversarial training in stages, which reaches certified robust memorization, and what breaks it.

The algorithm, for a sample `S = S_small ∪ S_large` in R^d, a radius δ and a threshold b:

1. `w_0` from 0 by FGSM on `S_large` (`empirics.gaussian.fgsm`, loss-normalised steps); then `w_0 ← w_0/‖w_0‖`, frozen.
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

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from empirics.gaussian.fgsm import LinearState, initial_state, train_linear
from empirics.gaussian.neurons import StagedBatch, StagedRecipe, StageState, neuron_steps, staged_batch, start_neurons
from empirics.gaussian.samples import LinearSample
from empirics.gaussian.stage_record import StageRecord, observe_stages
from empirics.gaussian.tensors import MixedTensors
from empirics.progress import bar
from empirics.tensor_files import read, write
from theory.gaussian.mixed_model import MixedModel, margin_certificate, neuron_cosine_bound
from theory.gaussian.target_conditions import TargetConditions, target_conditions
from theory.setting.losses import clean_error

# Steps of stage 1 between two looks at the clock, and seconds between two checkpoints.
_STEPS = 100
_SECONDS = 30.0


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
    recipe: StagedRecipe | None = None,
    *,
    record_at: Sequence[int] | None = None,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: bool = False,
) -> StagedRun:
    """The algorithm of this module on one sample; see `train_batch_in_stages`."""
    return train_batch_in_stages(
        [sample],
        radius,
        threshold,
        recipe,
        record_at=record_at,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
    )[0]


def train_batch_in_stages(
    samples: Sequence[LinearSample],
    radius: float | Sequence[float],
    threshold: float | Sequence[float],
    recipe: StagedRecipe | None = None,
    *,
    record_at: Sequence[int] | None = None,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: bool = False,
) -> tuple[StagedRun, ...]:
    """The algorithm on several samples at once; a failed hypothesis of the target is reported in the run.

    Args:
        samples: of one dimension and any sizes and scales, each with at least one large-margin point.
        radius: δ in [0, α), one for all or one each.
        threshold: b > 0, one for all or one each.
        recipe: the algorithm by default.
        record_at: steps of stage 2 to record, the last always; eleven of them by default.
        device: where to train; what is certified is computed on the CPU.
        checkpoint: a file that is written about every half minute and at the end of each stage, whole or not at all.
            If it is there, training goes on from it, to the same result to the last bit. It belongs to the samples
            and the arguments that it was written for.
        progress: whether to show bars on stderr.

    Raises:
        AssumptionError: if `δ >= α`, there is no large-margin point, or not `b > 0` (a neuron could not be off at 0).
        ValueError: if the numbers are not one for each sample, or the checkpoint is of other samples or arguments.
    """
    recipe = StagedRecipe() if recipe is None else recipe
    if record_at is not None and not all(0 <= step <= recipe.steps for step in record_at):
        raise ValueError(f"train_in_stages records steps 0 to {recipe.steps}, got {list(record_at)}")
    batch = staged_batch(samples, radius, threshold, device=device)
    wanted = set(np.linspace(0, recipe.steps, 11).astype(int).tolist() if record_at is None else record_at)
    wanted.add(recipe.steps)
    file = _Checkpoint(checkpoint, _fingerprint(batch, recipe, wanted) if checkpoint else "", time.monotonic())
    linear, state, records = file.load(device)
    if state is None:
        linear = initial_state(batch.large) if linear is None else linear
        starts = range(linear.step, recipe.linear_steps, _STEPS)
        for start in bar(starts, "stage 1: linear part", show=progress):
            linear, _ = train_linear(batch.large, min(_STEPS, recipe.linear_steps - start), state=linear, record_at=[])
            file.save(linear, None, records)
        state = start_neurons(batch, linear.w, recipe)
        if 0 in wanted:
            records.append(observe_stages(batch, state, recipe.radius_at(0)))
        file.save(None, state, records, now=True)
    steps, left = neuron_steps(batch, recipe, state), recipe.steps - state.step
    for state in bar(steps, "stage 2: neurons", show=progress, total=left):
        if state.step in wanted:
            records.append(observe_stages(batch, state, recipe.radius_at(state.step)))
        file.save(None, state, records, now=state.step == recipe.steps)
    return tuple(
        _finished(sample, float(batch.large.radius[k]), state.model(batch), k, tuple(at[k] for at in records))
        for k, sample in enumerate(samples)
    )


def _finished(
    sample: LinearSample, radius: float, models: MixedTensors, k: int, records: tuple[StageRecord, ...]
) -> StagedRun:
    noise, source = sample.noise(sample.small), sample.source
    model, norms = models.run(k, len(noise)).numpy(), np.linalg.norm(noise, axis=1)
    error = records[-1].direction_error
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
            b=model.threshold,
        ),
        direction_error=error,
        cosine=np.einsum("ij,ij->i", model.weights, noise) / (np.linalg.norm(model.weights, axis=1) * norms),
        cosine_bound=neuron_cosine_bound(
            norms,
            np.linalg.norm(sample.points[sample.small], axis=1),
            beta=source.beta,
            radius=radius,
            b=model.threshold,
            direction_error=2 * math.asin(min(1.0, error / 2)),
        ),
    )


@dataclass
class _Checkpoint:
    """The file of one training, or none; `written` is when it was last written."""

    path: Path | None
    fingerprint: str
    written: float

    def load(self, device: str) -> tuple[LinearState | None, StageState | None, list[tuple[StageRecord, ...]]]:
        if self.path is None or not self.path.exists():
            return None, None, []
        stored = read(self.path, {"fingerprint", "stage", "step", "linear", "weights", "records"}, device=device)
        if stored["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"the checkpoint {self.path} is of other samples, radii, thresholds, recipe or recorded steps: "
                "give the same ones, or another path"
            )
        records = [tuple(StageRecord(**row) for row in at) for at in stored["records"]]
        if stored["stage"] == 1:
            return LinearState(stored["step"], stored["linear"]), None, records
        return None, StageState(stored["step"], stored["linear"], stored["weights"]), records

    def save(
        self,
        linear: LinearState | None,
        state: StageState | None,
        records: list[tuple[StageRecord, ...]],
        *,
        now: bool = False,
    ) -> None:
        if self.path is None or not (now or time.monotonic() - self.written >= _SECONDS):
            return
        rows = [[asdict(record) for record in at] for at in records]
        stage = {"stage": 1, "step": linear.step, "linear": linear.w, "weights": None} if linear else {}
        if state:
            stage = {"stage": 2, "step": state.step, "linear": state.linear, "weights": state.weights}
        write(self.path, {"fingerprint": self.fingerprint, "records": rows, **stage})
        self.written = time.monotonic()


def _fingerprint(batch: StagedBatch, recipe: StagedRecipe, wanted: set[int]) -> str:
    digest = hashlib.blake2b(repr((recipe, sorted(wanted))).encode())
    large = batch.large
    for tensor in (large.points, large.labels, batch.labels, large.radius, large.w_star, batch.threshold):
        digest.update(repr(tuple(tensor.shape)).encode())
        digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
    return digest.hexdigest()
