"""A training run between its epochs: network, optimizer, device, records, checkpoint."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from empirics.images.training.attacks import Attack, correct, evaluating, robust_correct
from empirics.images.training.checkpoint import Checkpoint, run_identity
from empirics.images.training.data import Images, Split
from empirics.images.training.log import EpochRecord, TrainingLog, overfits_catastrophically
from empirics.images.training.recipe import Recipe

AfterEpoch = Callable[[int, nn.Module], Mapping[str, Any] | None]


class TrainingState:
    """A run, from its checkpoint if there is one.

    Args:
        model: logits of shape (n, classes); trained in place.
        split: images to train on, and to test on.
        recipe: what to do.
        using: device, precision and processes.
        folder: of checkpoint and log, or None.

    Raises:
        ValueError: if the data do not fit the model, or the checkpoint is damaged or of another run.
    """

    def __init__(self, model: nn.Module, split: Split, recipe: Recipe, using: Fabric, folder: Path | None) -> None:
        self.model, self.recipe, self.using = model, recipe, using
        self.steps = recipe.steps(len(split.train))
        checkpoint = Checkpoint(folder, run_identity(model, split, recipe)) if folder else None
        self.checkpoint = checkpoint
        if recipe.channels_last:
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = _optimizer(model, recipe)
        self.fast = cast(nn.Module, torch.compile(model)) if recipe.compile else model
        self.wrapped: Any
        self.optimizer: Any
        self.wrapped, self.optimizer = using.setup(self.fast, optimizer)
        self.split = Split(*(_on_device(part, using, recipe) for part in split))
        _check_logits(model, self.split)
        self.records: list[EpochRecord] = []
        if checkpoint and (saved := checkpoint.load(using.device)):
            model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            using.strategy.precision.load_state_dict(saved["precision"])
            self.records = [EpochRecord(**record) for record in saved["records"]]
            if using.is_global_zero:
                checkpoint.write_log(saved["records"])

    def order(self, epoch: int) -> np.ndarray:
        """Of the training images in an epoch: drawn on the CPU, where it is the same for all devices."""
        return np.random.default_rng(seed_of(self.recipe.seed, epoch)).permutation(len(self.split.train))

    def generator(self, epoch: int) -> torch.Generator:
        """Of the attacks' starts in an epoch."""
        return torch.Generator(self.using.device).manual_seed(seed_of(self.recipe.seed, epoch))

    def set_rate(self, epoch: int, step: int) -> float:
        """Sets the learning rate of a step, and returns it."""
        rate = self.recipe.rate(((epoch - 1) * self.steps + step + 0.5) / (self.recipe.epochs * self.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def mean_loss(self, total: float, epoch: int) -> float:
        """Of an epoch, from the sum over its images.

        Raises:
            ValueError: if it is not finite.
        """
        loss = total / len(self.split.train)
        if not math.isfinite(loss):
            raise ValueError(
                f"training diverged: mean loss {loss} in epoch {epoch}; "
                f"lower the learning rate {self.recipe.learning_rate}"
            )
        return loss

    def finish_epoch(self, loss: float, rate: float, seconds: float, after_epoch: AfterEpoch | None) -> EpochRecord:
        """Record and checkpoint of the epoch that was run."""
        epoch = len(self.records) + 1
        record = _record(self.model, self.split, self.recipe, epoch, loss, rate, seconds)
        if after_epoch:
            self.model.eval()
            record = replace(record, measures=dict(after_epoch(epoch, self.model) or {}))
        self.records.append(record)
        if self.checkpoint and self.using.is_global_zero:
            self.checkpoint.save(
                {
                    "model": self.model.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "precision": self.using.strategy.precision.state_dict(),
                    "records": [asdict(r) for r in self.records],
                }
            )
        self.using.barrier()
        return record

    def log(self) -> TrainingLog:
        """Of the finished run; the network is in eval mode then."""
        self.model.eval()
        return TrainingLog(tuple(self.records))


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


def seed_of(*numbers: int) -> int:
    """A seed for torch that belongs to these numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
