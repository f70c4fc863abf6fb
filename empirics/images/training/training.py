"""Adversarial training with FGSM from a random start or PGD: resumable, on any device, in one or several processes.

The recipe is that of fast adversarial training: SGD with momentum and weight decay (or Adam), a learning rate that
rises and falls once, the attack against the current network in eval mode, then one step on the attacked batch.

Source: Wong, Rice, Kolter (2020); Madry et al. (2018) for PGD.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn
from torch.nn.functional import cross_entropy

from empirics.images.training.attacks import perturb, random_offsets
from empirics.images.training.data import Images, Split
from empirics.images.training.log import EpochRecord, TrainingLog
from empirics.images.training.recipe import Recipe
from empirics.images.training.state import AfterEpoch, TrainingState, seed_of


def fabric(recipe: Recipe, *, accelerator: str = "auto", devices: int | str = 1) -> Fabric:
    """Device, precision and processes for `train`, started.

    With several devices the script is started again for each of them and every process runs all of it: let only the
    one with `fabric.is_global_zero` write results.

    Args:
        recipe: gives the precision.
        accelerator: "auto", "cpu", "cuda", …
        devices: number of devices, on a CPU of processes, or "auto".
    """
    strategy = "auto" if devices == 1 else "ddp"
    started = Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=recipe.precision)
    started.launch()
    return started


def train(
    model: nn.Module,
    split: Split,
    recipe: Recipe,
    *,
    folder: Path | None = None,
    progress: bool = False,
    after_epoch: AfterEpoch | None = None,
    using: Fabric | None = None,
) -> TrainingLog:
    """Train the model in place.

    Every random number belongs to (seed, epoch), so a run that was killed and goes on from its folder ends, on a CPU
    with the same number of threads, with the same bits as one that was not. Several processes share each batch and draw
    the random numbers of the whole batch, so they do what one does, up to the order of sums; batch normalisation takes
    the statistics of all on GPUs, of each process's share on CPUs.

    Args:
        model: logits of shape (n, classes).
        split: images to train on, and to test on.
        recipe: what to do.
        folder: gets `checkpoint.pt` and `log.jsonl`, each written anew after every epoch, whole or not at all; a run
            goes on from the checkpoint that is there.
        progress: whether to draw a bar.
        after_epoch: called with the number of the epoch and the model in eval mode, on every process, before the
            checkpoint of that epoch: after a kill it may be called again for it. What it returns is put in the
            record, and must be plain finite numbers, strings, lists and dicts.
        using: device, precision and processes; by default one device, a GPU if there is one.

    Raises:
        ValueError: if the data do not fit the model, the checkpoint is damaged or of another run, the loss is not
            finite, or there are more processes than images in a batch.
    """
    using = using or fabric(recipe)
    steps = recipe.steps(len(split.train))
    if len(split.train) // steps < using.world_size:
        raise ValueError(
            f"{using.world_size} processes need as many images in a batch, got {len(split.train) // steps}: raise batch"
        )
    if using.world_size > 1 and using.device.type != "cpu":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    run = TrainingState(model, split, recipe, using, folder)
    with epoch_bar(recipe, run.steps, len(run.records), progress and using.is_global_zero) as advance:
        for epoch in range(len(run.records) + 1, recipe.epochs + 1):
            started = time.perf_counter()
            loss, rate = _run_epoch(run, epoch, advance)
            advance(0, run.finish_epoch(loss, rate, time.perf_counter() - started, after_epoch))
    return run.log()


def _run_epoch(run: TrainingState, epoch: int, advance: Callable[..., None]) -> tuple[float, float]:
    recipe, using, images = run.recipe, run.using, run.split.train
    generator = run.generator(epoch)
    parts = np.array_split(run.order(epoch), run.steps)
    total = torch.zeros((), device=using.device)
    devices = [using.device] if using.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # For networks that draw random numbers themselves.
        torch.manual_seed(seed_of(recipe.seed, epoch, 1 + using.global_rank))
        for step, part in enumerate(parts):
            rate = run.set_rate(epoch, step)
            total += train_step(run.fast, run.wrapped, run.optimizer, images, part, recipe, generator, using)
            advance(1)
    for buffer in run.model.buffers():
        if using.world_size > 1 and buffer.is_floating_point():
            buffer.copy_(cast(torch.Tensor, using.all_reduce(buffer, reduce_op="mean")))
    return run.mean_loss(float(cast(torch.Tensor, using.all_reduce(total, reduce_op="sum"))), epoch), rate


def train_step(
    model: nn.Module,
    wrapped: Any,
    optimizer: Any,
    images: Images,
    rows: np.ndarray,
    recipe: Recipe,
    generator: torch.Generator,
    using: Fabric,
) -> torch.Tensor:
    """One step on the rows, of which this process takes its share; the sum of its losses."""
    mine = slice(using.global_rank, None, using.world_size)
    taken = torch.from_numpy(rows).to(using.device)
    x, y = images.x[taken[mine]], images.y[taken[mine]]
    if recipe.attack is not None:
        offsets = random_offsets((len(rows), *images.shape), recipe.attack, generator)
        with using.autocast():
            x = perturb(model, x, y, recipe.attack, offsets=offsets[:, mine])
    wrapped.train()
    loss = cross_entropy(wrapped(x), y, reduction="sum")
    # Processes are averaged, so each brings its part of the sum over the batch times their number.
    using.backward(loss * (using.world_size / len(rows)))
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


@contextmanager
def epoch_bar(
    recipe: Recipe, steps: int, done: int, shown: bool
) -> Iterator[Callable[[int, EpochRecord | None], None]]:
    """A bar, drawn if `shown`, and a function to call after a number of steps, or with the record of an epoch."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not shown) as progress:
        task = progress.add_task("training", total=recipe.epochs * steps, completed=done * steps)

        def advance(count: int, record: EpochRecord | None = None) -> None:
            progress.advance(task, count)
            if record and shown:
                progress.console.print(record.line())

        yield advance
