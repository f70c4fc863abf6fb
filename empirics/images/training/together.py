"""Runs that differ by seed, trained as one program: networks of one architecture, stacked.

Where a device waits for its next instruction, as a GPU does for small networks, a step of all runs takes about as long
as a step of one. Each run keeps what it has alone: images, order, starts of attacks, optimizer, loss scale, records,
checkpoint. So it goes on, together or alone, from what either left, and up to rounding it ends the same.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from empirics.images.training.attacks import ascend, random_offsets
from empirics.images.training.data import Split
from empirics.images.training.log import TrainingLog
from empirics.images.training.recipe import Recipe
from empirics.images.training.stacked import Stacked
from empirics.images.training.state import AfterEpoch, TrainingState
from empirics.images.training.training import epoch_bar, fabric


def train_together(
    models: Sequence[nn.Module],
    splits: Sequence[Split],
    recipes: Sequence[Recipe],
    *,
    folders: Sequence[Path] | None = None,
    progress: bool = False,
    after_epoch: Sequence[AfterEpoch] | None = None,
    accelerator: str = "auto",
) -> list[TrainingLog]:
    """Train the models in place, as `train` does one after the other, up to rounding.

    Gradients are rounded in another order, and the sign of one near 0 moves an attacked pixel, so weights differ by
    what another order of sums in `train` would change too. `seconds` of a record is the epoch's time divided by the
    number of runs.

    Args:
        models: of one architecture that `Stacked` takes, each with initial weights of its own.
        splits: of each run, with as many training images.
        recipes: of each run, the same but for the seed.
        folders: of each run, as `train` has them.
        progress: whether to draw a bar.
        after_epoch: of each run, as `train` has it.
        accelerator: "auto", "cpu", "cuda", ….

    Raises:
        ValueError: if the runs cannot be stacked, or for what `train` refuses.
    """
    _check_runs(models, splits, recipes)
    places: Sequence[Path | None] = folders or [None] * len(models)
    callbacks: Sequence[AfterEpoch | None] = after_epoch or [None] * len(models)
    runs = [
        TrainingState(model, split, recipe, fabric(recipe, accelerator=accelerator), folder)
        for model, split, recipe, folder in zip(models, splits, recipes, places, strict=True)
    ]
    first = min(len(run.records) for run in runs)
    with epoch_bar(recipes[0], runs[0].steps, first, progress) as advance:
        for epoch in range(first + 1, recipes[0].epochs + 1):
            # A kill may have come between two checkpoints.
            left = [k for k, run in enumerate(runs) if len(run.records) < epoch]
            started = time.perf_counter()
            losses, rate = _run_epoch([runs[k] for k in left], epoch, advance)
            seconds = (time.perf_counter() - started) / len(left)
            for k, loss in zip(left, losses, strict=True):
                advance(0, runs[k].finish_epoch(loss, rate, seconds, callbacks[k]))
    return [run.log() for run in runs]


def _run_epoch(runs: Sequence[TrainingState], epoch: int, advance: Callable[..., None]) -> tuple[list[float], float]:
    """One pass of all runs; the mean loss of each, and the last learning rate."""
    device = runs[0].using.device
    stacked = Stacked([run.model for run in runs])
    generators = [run.generator(epoch) for run in runs]
    orders = torch.from_numpy(np.stack([run.order(epoch) for run in runs])).to(device)
    totals = torch.zeros(len(runs), device=device)
    for step, rows in enumerate(torch.tensor_split(orders, runs[0].steps, dim=1)):
        for run in runs:
            rate = run.set_rate(epoch, step)
        totals += step_together(stacked, runs, rows, generators)
        advance(1)
    return [run.mean_loss(total, epoch) for run, total in zip(runs, totals.tolist(), strict=True)], rate


def step_together(
    stacked: Stacked, runs: Sequence[TrainingState], rows: torch.Tensor, generators: Sequence[torch.Generator]
) -> torch.Tensor:
    """One step of every run on its row of `rows`, shape (k, n); the sums of its losses, shape (k,)."""
    attack, count = runs[0].recipe.attack, rows.shape[1]
    images = [run.split.train for run in runs]
    x = torch.cat([part.x[taken] for part, taken in zip(images, rows, strict=True)])
    y = torch.cat([part.y[taken] for part, taken in zip(images, rows, strict=True)])
    if attack is not None:
        drawn = [random_offsets((count, *images[0].shape), attack, generator) for generator in generators]
        stacked.eval()
        with runs[0].using.autocast():
            x = ascend(stacked, x, y, torch.cat(drawn, dim=1).transpose(0, 1), attack)
    stacked.train()
    precision = runs[0].using.strategy.precision
    with precision.forward_context():
        logits = precision.convert_output(stacked(precision.convert_input(x)))
    losses: torch.Tensor = cross_entropy(logits, y, reduction="none").unflatten(0, (len(runs), count)).sum(dim=1)
    scaled = [_scaled(run, loss / count) for run, loss in zip(runs, losses, strict=True)]
    torch.stack(scaled).sum().backward()
    for run in runs:
        run.optimizer.step()
        run.optimizer.zero_grad()
    return losses.detach()


def _scaled(run: TrainingState, loss: torch.Tensor) -> torch.Tensor:
    """By the run's own factor, in half precision: where one run's gradients overflow, the others step."""
    scaler = getattr(run.using.strategy.precision, "scaler", None)
    scaled: torch.Tensor = loss if scaler is None else scaler.scale(loss)
    return scaled


def _check_runs(models: Sequence[nn.Module], splits: Sequence[Split], recipes: Sequence[Recipe]) -> None:
    if not len(models) == len(splits) == len(recipes) >= 1:
        raise ValueError(
            "train_together needs a split and a recipe for each of at least one model, "
            f"got {len(models)} models, {len(splits)} splits and {len(recipes)} recipes"
        )
    others = {repr({**vars(recipe), "seed": 0}) for recipe in recipes}
    if len(others) > 1 or recipes[0].compile:
        raise ValueError("runs together need recipes that differ by the seed alone, with compile=False")
    sizes = {(len(split.train), split.train.shape) for split in splits}
    if len(sizes) > 1:
        raise ValueError(f"runs together need as many training images of one shape, got {sorted(sizes)}")
    Stacked(models)
