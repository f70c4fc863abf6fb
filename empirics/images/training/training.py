"""Adversarial training with FGSM from a random start or PGD: resumable, on any device, in one or several processes.

The recipe is that of fast adversarial training: SGD with momentum and weight decay (or Adam), a learning rate that
rises and falls once, the attack against the current network in eval mode, then one step on the attacked batch.

Source: Wong, Rice, Kolter (2020); Madry et al. (2018) for PGD.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn
from torch.nn.functional import cross_entropy

from empirics.images.training.attacks import Attack, correct, evaluating, perturb, random_offsets, robust_correct
from empirics.images.training.checkpoint import Checkpoint, run_identity
from empirics.images.training.data import Images, Split
from empirics.images.training.log import EpochRecord, TrainingLog, overfits_catastrophically
from empirics.images.training.recipe import Recipe


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
    after_epoch: Callable[[int, nn.Module], Mapping[str, Any] | None] | None = None,
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
    steps = math.ceil(len(split.train) / recipe.batch)
    if len(split.train) // steps < using.world_size:
        raise ValueError(
            f"{using.world_size} processes need as many images in a batch, got {len(split.train) // steps}: raise batch"
        )
    if using.world_size > 1 and using.device.type != "cpu":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    checkpoint = Checkpoint(folder, run_identity(model, split, recipe)) if folder else None
    if recipe.channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = _optimizer(model, recipe)
    fast = cast(nn.Module, torch.compile(model)) if recipe.compile else model
    wrapped, optimizer = using.setup(fast, optimizer)
    split = Split(*(_on_device(part, using, recipe) for part in split))
    _check_logits(model, split)
    records: list[EpochRecord] = []
    if checkpoint and (saved := checkpoint.load(using.device)):
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        using.strategy.precision.load_state_dict(saved["precision"])
        records = [EpochRecord(**record) for record in saved["records"]]
        if using.is_global_zero:
            checkpoint.write_log(saved["records"])
    with _bar(recipe, steps, len(records), progress and using.is_global_zero) as advance:
        for epoch in range(len(records) + 1, recipe.epochs + 1):
            started = time.perf_counter()
            loss, rate = _run_epoch(fast, wrapped, optimizer, split.train, recipe, epoch, using, advance)
            record = _record(model, split, recipe, epoch, loss, rate, time.perf_counter() - started)
            if after_epoch:
                model.eval()
                record = replace(record, measures=dict(after_epoch(epoch, model) or {}))
            records.append(record)
            advance(0, record)
            if checkpoint and using.is_global_zero:
                checkpoint.save(
                    {
                        "model": model.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "precision": using.strategy.precision.state_dict(),
                        "records": [asdict(r) for r in records],
                    }
                )
            using.barrier()
    model.eval()
    return TrainingLog(tuple(records))


def evaluate(
    model: nn.Module, images: Images, attack: Attack | None = None, *, batch: int = 500, seed: int = 0
) -> float:
    """Accuracy, under attack if there is one: an upper bound, then, of the robust accuracy.

    Args:
        model: on any device.
        images: all of them count.
        attack: each of its restarts, on either loss of `robust_correct`, must fail for an image to count as correct.
        batch: images at a time.
        seed: of the random starts.
    """
    device = next((p.device for p in model.parameters()), images.x.device)
    generator = torch.Generator(device).manual_seed(seed)
    hits = 0
    for start in range(0, len(images), batch):
        x, y = (part[start : start + batch].to(device) for part in (images.x, images.y))
        hit = robust_correct(model, x, y, attack, generator) if attack else correct(model, x, y)
        hits += int(hit.sum())
    return hits / len(images)


def _run_epoch(
    model: nn.Module,
    wrapped: Any,
    optimizer: Any,
    images: Images,
    recipe: Recipe,
    epoch: int,
    using: Fabric,
    advance: Callable[..., None],
) -> tuple[float, float]:
    generator = torch.Generator(using.device)
    generator.manual_seed(_seed(recipe.seed, epoch))
    # The order is drawn on the CPU, where it is the same for all devices.
    order = np.random.default_rng(_seed(recipe.seed, epoch)).permutation(len(images))
    parts = np.array_split(order, math.ceil(len(order) / recipe.batch))
    total = torch.zeros((), device=using.device)
    devices = [using.device] if using.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # For networks that draw random numbers themselves.
        torch.manual_seed(_seed(recipe.seed, epoch, 1 + using.global_rank))
        for step, part in enumerate(parts):
            rate = recipe.rate(((epoch - 1) * len(parts) + step + 0.5) / (recipe.epochs * len(parts)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            total += train_step(model, wrapped, optimizer, images, part, recipe, generator, using)
            advance(1)
    for buffer in model.buffers():
        if using.world_size > 1 and buffer.is_floating_point():
            buffer.copy_(cast(torch.Tensor, using.all_reduce(buffer, reduce_op="mean")))
    loss = float(cast(torch.Tensor, using.all_reduce(total, reduce_op="sum"))) / len(images)
    if not math.isfinite(loss):
        raise ValueError(
            f"training diverged: mean loss {loss} in epoch {epoch}; lower the learning rate {recipe.learning_rate}"
        )
    return loss, rate


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


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)
    return torch.optim.SGD(model.parameters(), lr=rate, momentum=recipe.momentum, weight_decay=decay)


def _record(
    model: nn.Module, split: Split, recipe: Recipe, epoch: int, loss: float, rate: float, seconds: float
) -> EpochRecord:
    weak, strong = recipe.monitors()
    train, test = ([_accuracy(model, images, recipe, a) for a in (weak, strong)] for images in split)
    return EpochRecord(
        epoch=epoch,
        loss=loss,
        learning_rate=rate,
        seconds=seconds,
        train_clean=evaluate(model, split.train.head(recipe.monitor)),
        train_fgsm=train[0],
        train_pgd=train[1],
        test_clean=evaluate(model, split.test.head(recipe.monitor)),
        test_fgsm=test[0],
        test_pgd=test[1],
        catastrophic_overfitting=overfits_catastrophically(*train),
    )


def _accuracy(model: nn.Module, images: Images, recipe: Recipe, attack: Attack | None) -> float | None:
    return evaluate(model, images.head(recipe.monitor), attack, seed=recipe.seed) if attack else None


def _on_device(images: Images, using: Fabric, recipe: Recipe) -> Images:
    form = torch.channels_last if recipe.channels_last else torch.contiguous_format
    return replace(images, x=images.x.to(using.device, memory_format=form), y=images.y.to(using.device))


def _check_logits(model: nn.Module, split: Split) -> None:
    for images in split:
        try:
            with evaluating(model), torch.no_grad():
                shape = tuple(model(images.x[:2]).shape)
        except RuntimeError as error:
            raise ValueError(f"the model does not take images of shape {images.shape}: {error}") from error
        if shape != (len(images.x[:2]), images.classes):
            raise ValueError(
                f"the model must give {images.classes} logits an image, "
                f"got shape {shape} for {len(images.x[:2])} images"
            )


@contextmanager
def _bar(recipe: Recipe, steps: int, done: int, shown: bool) -> Iterator[Callable[[int, EpochRecord | None], None]]:
    """A function to call after a number of steps, or with the record of an epoch."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not shown) as progress:
        task = progress.add_task("training", total=recipe.epochs * steps, completed=done * steps)

        def advance(count: int, record: EpochRecord | None = None) -> None:
            progress.advance(task, count)
            if record and shown:
                progress.console.print(record.line())

        yield advance


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
