"""What is seen of the networks of stage 2 after a step, for all runs at once."""

from dataclasses import dataclass

import torch

from empirics.gaussian.mixed_attack import least_margins
from empirics.gaussian.neurons import StagedBatch, StageState
from empirics.gaussian.tensors import unit
from theory.gaussian.mixed_model import batch_certificate


@dataclass(frozen=True)
class StageRecord:
    """One run after `step` steps. What is certified or attacked is so over the balls of the full radius δ.

    The least margin of a ball, and with it loss and error, lies between a certificate and an attack:
    `margin <= adversarial margin <= attacked_margin`, `attacked_log_loss <= … <= log_loss`,
    `attacked_error <= … <= certified_error`.

    Attributes:
        step: number of steps done.
        radius: of that step.
        direction_error: `‖w_0/‖w_0‖ - w*‖_2`.
        margin: least sound lower bound of `y f` over the balls of S.
        attacked_margin: least `y f` that the attack reaches.
        log_clean_loss: log of the exponential loss at the points.
        log_loss: upper bound of the log of the adversarial exponential loss, by certificate.
        attacked_log_loss: lower bound of it, by attack.
        certified_error: fraction of S not certified.
        attacked_error: fraction of S that the attack misclassifies.
        dead: fraction of the neurons that are off at their own points.
    """

    step: int
    radius: float
    direction_error: float
    margin: float
    attacked_margin: float
    log_clean_loss: float
    log_loss: float
    attacked_log_loss: float
    certified_error: float
    attacked_error: float
    dead: float


def observe_stages(batch: StagedBatch, state: StageState, fraction: float) -> tuple[StageRecord, ...]:
    """The records of the runs after a step whose radius was this fraction of δ, in the order of the runs.

    Certificate and attack take time that grows with N times the neurons. So runs of other sizes are seen apart, none
    filled up to the largest of all; the steps of the training grow with N only and take all runs at once.
    """
    groups = batch.alike()
    if len(groups) == 1:
        return tuple(_observed(batch, state, fraction))
    records: dict[int, StageRecord] = {}
    for runs in groups:
        part = batch.part(runs)
        found = _observed(part, state.part(runs, part.signs.shape[1]), fraction)
        records.update(zip(runs.tolist(), found, strict=True))
    return tuple(records[run] for run in sorted(records))


def _observed(batch: StagedBatch, state: StageState, fraction: float) -> list[StageRecord]:
    model, x, y, radius = state.model(batch), batch.large.points, batch.labels, batch.large.radius
    absent = y == 0
    count = (~absent).sum(dim=1)
    # The certificate and its rounding bounds are those of `theory`, so they are computed there, on the CPU.
    arrays = (model.linear, model.weights, model.signs, model.threshold, x, y, radius)
    bounds = batch_certificate(*(a.cpu().numpy() for a in arrays))
    lower = torch.as_tensor(bounds, device=x.device)
    clean = y * model(x)
    reached = least_margins(model, x, y, radius)

    def log_loss(margins: torch.Tensor) -> torch.Tensor:
        return torch.logsumexp((-margins).masked_fill(absent, -torch.inf), dim=1) - torch.log(count.to(margins.dtype))

    def error(margins: torch.Tensor) -> torch.Tensor:
        return ((margins <= 0) & ~absent).sum(dim=1) / count.to(margins.dtype)

    def least(margins: torch.Tensor) -> torch.Tensor:
        return margins.masked_fill(absent, torch.inf).amin(dim=1)

    neurons = batch.signs.abs().sum(dim=1)
    asleep = (torch.sum(batch.own * state.weights, dim=2) <= batch.threshold[:, None]) * batch.signs.abs()
    columns = (
        fraction * radius,
        torch.linalg.vector_norm(unit(state.linear) - batch.large.w_star, dim=1),
        least(lower),
        least(reached),
        log_loss(clean),
        log_loss(lower),
        log_loss(reached),
        error(lower),
        error(reached),
        asleep.sum(dim=1) / neurons.clamp_min(1.0),
    )
    table = torch.stack(columns, dim=1).cpu().tolist()
    return [StageRecord(state.step, *row) for row in table]
