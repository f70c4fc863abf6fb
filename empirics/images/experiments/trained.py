"""Trained networks on disk: one training run for each condition and seed, shared by all experiments."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from constructions.networks.whole_file import replacing
from empirics.images.experiments.presets import Preset
from empirics.images.training.attacks import Attack, fgsm, pgd
from empirics.images.training.checkpoint import digest
from empirics.images.training.data import Images, Split, load_file, load_images, random_labels
from empirics.images.training.log import TrainingLog, overfits_catastrophically
from empirics.images.training.models import MODELS, build_model
from empirics.images.training.recipe import Recipe
from empirics.images.training.together import train_together
from empirics.images.training.training import train
from empirics.images.verdicts.result import significant

# Images whose accuracy the training log gives after every epoch.
MONITORED = 200


@dataclass(frozen=True)
class Place:
    """Where runs are kept and data are found.

    Attributes:
        runs: folder of the training runs.
        data_root: local folder of hub data sets, or None.
        say: told what happens.
        progress: whether to draw bars.
        together: whether the seeds of a condition are trained as one program; None for on a GPU.
    """

    runs: Path
    data_root: str | None
    say: Callable[[str], None]
    progress: bool = False
    together: bool | None = None


@dataclass(frozen=True)
class Condition:
    """What a network was trained on.

    Attributes:
        name: "adversarial", "clean" or "random labels" (adversarially).
        radius: of the adversary, 0 for clean training.
        width: of the network.
    """

    name: str
    radius: float
    width: float

    def slug(self, seed: int) -> str:
        """Folder name of the run with a seed."""
        return f"{self.name.replace(' ', '-')}-{self.radius:.4f}-width-{self.width:g}-seed-{seed}"


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        preset: its settings.
        condition: its condition.
        seed: of subset, start and training.
        split: the images it was trained and is tested on; with random labels where it was.
        folder: of checkpoint, log and kept weights.
        log: one record an epoch.
        place: where it is kept; told how long each measurement took.
    """

    preset: Preset
    condition: Condition
    seed: int
    split: Split
    folder: Path
    log: TrainingLog
    place: Place | None = None

    @property
    def epochs(self) -> int:
        """Number of the last epoch."""
        return self.log.records[-1].epoch

    def model(self, epoch: int | None = None) -> nn.Module:
        """The network after a kept epoch, after the last by default, or at its start for 0, in eval mode."""
        model = _start(self.preset, self.condition, self.seed, self.split)
        if epoch != 0:
            path = _weights(self.folder, epoch or self.epochs)
            model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        return model.to(device()).eval()

    @cached_property
    def digest(self) -> str:
        """Of the network after the last epoch: another training gives another one."""
        weights = torch.load(_weights(self.folder, self.epochs), map_location="cpu", weights_only=True)
        return digest(weights.values())

    def part(self, name: str, count: int | None = None) -> Images:
        """The first images of "train" or "test", on the device that measures; they come in random order."""
        images = (self.split.train if name == "train" else self.split.test).head(count)
        return replace(images, x=images.x.to(device()), y=images.y.to(device()))

    def summary(self) -> dict[str, Any]:
        """What a result says of the run."""
        shown = ("loss", "train_clean", "train_fgsm", "train_pgd", "test_clean", "test_fgsm", "test_pgd")
        last = {name: value for name, value in asdict(self.log.records[-1]).items() if name in shown}
        return {
            "condition": self.condition.name,
            "radius": self.condition.radius,
            "width": self.condition.width,
            "seed": self.seed,
            # Accuracy of whoever always says the most frequent class, and how many images `last` is taken of.
            "guessing": significant(float(self.split.train.y.bincount().max()) / len(self.split.train)),
            "monitored": min(MONITORED, len(self.split.train)),
            "last": last | {"loss": significant(last["loss"])},
            "catastrophic_overfitting": [
                r.epoch for r in self.log.records if overfits_catastrophically(r.train_fgsm, r.train_pgd)
            ],
            "training_seconds": round(sum(r.seconds for r in self.log.records), 1),
        }


def trained(preset: Preset, condition: Condition, place: Place) -> list[Run]:
    """The runs of all seeds with these settings, trained now, or from where they were interrupted, if not there.

    Raises:
        ValueError: if a folder holds a run with other settings, or lacks weights.
        FileNotFoundError: if the data set is not there.
    """
    jobs = [_job(preset, condition, seed, place) for seed in preset.seeds]
    # A network of one's own may have layers that are not stacked.
    together = place.together if place.together is not None else torch.cuda.is_available() and preset.model in MODELS
    if together and len(jobs) > 1:
        place.say("\n".join(job.name for job in jobs))
        logs = train_together(
            [job.start for job in jobs],
            [job.split for job in jobs],
            [job.recipe for job in jobs],
            folders=[job.folder for job in jobs],
            progress=place.progress,
            after_epoch=[job.keep for job in jobs],
        )
    else:
        logs = [_alone(job, place) for job in jobs]
    for job in jobs:
        lost = [epoch for epoch in job.kept if not _weights(job.folder, epoch).is_file()]
        if lost:
            raise ValueError(f"{job.folder} lacks the weights of the epochs {lost}: delete it, and it is trained anew")
    return [
        Run(preset, condition, job.recipe.seed, job.split, job.folder, log, place)
        for job, log in zip(jobs, logs, strict=True)
    ]


@dataclass(frozen=True)
class _Job:
    """What is trained, and the epochs whose weights are kept."""

    start: nn.Module
    split: Split
    recipe: Recipe
    folder: Path
    kept: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    def keep(self, epoch: int, model: nn.Module) -> None:
        if epoch in self.kept:
            weights = {name: value.cpu() for name, value in model.state_dict().items()}
            with replacing(_weights(self.folder, epoch)) as partial:
                torch.save(weights, partial)


def _alone(job: _Job, place: Place) -> TrainingLog:
    place.say(job.name)
    return train(job.start, job.split, job.recipe, folder=job.folder, progress=place.progress, after_epoch=job.keep)


def _job(preset: Preset, condition: Condition, seed: int, place: Place) -> _Job:
    split = load_split(preset, seed, place.data_root)
    if condition.name == "random labels":
        train_part = random_labels(split.train.head(preset.random_train), seed)
        split = Split(train_part, random_labels(split.test, seed + 1_000_003))
    recipe = _recipe(preset, condition, seed)
    return _Job(
        start=_start(preset, condition, seed, split),
        split=split,
        recipe=recipe,
        folder=place.runs / preset.folder / condition.slug(seed),
        kept=preset.kept if recipe.epochs == preset.epochs else (recipe.epochs,),
    )


def device() -> torch.device:
    """Where networks are measured: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def training_attack(preset: Preset, radius: float) -> Attack:
    """The attack of adversarial training at a radius."""
    return fgsm(radius) if preset.method == "fgsm" else pgd(radius, preset.attack_steps)


def accuracy_attack(preset: Preset, radius: float) -> Attack:
    """The attack that measures accuracy; stronger than that of training."""
    return pgd(radius, preset.test_steps, restarts=2)


def _start(preset: Preset, condition: Condition, seed: int, split: Split) -> nn.Module:
    shape, classes = split.train.shape, split.train.classes
    return build_model(preset.model, shape, classes, width=condition.width, seed=seed)


def _recipe(preset: Preset, condition: Condition, seed: int) -> Recipe:
    mixed = "16-mixed" if torch.cuda.is_available() else "32-true"
    precision = mixed if preset.precision == "auto" else preset.precision
    random = condition.name == "random labels"
    return Recipe(
        epochs=(preset.random_epochs if random else None) or preset.epochs,
        batch=preset.batch,
        attack=training_attack(preset, condition.radius) if condition.radius > 0 else None,
        learning_rate=preset.learning_rate,
        weight_decay=preset.weight_decay,
        precision=precision,  # type: ignore[arg-type]
        channels_last=preset.model == "resnet9",
        monitor=MONITORED,
        seed=seed,
    )


@lru_cache(maxsize=4)
def load_split(preset: Preset, seed: int, data_root: str | None) -> Split:
    """The images of a seed.

    Raises:
        ValueError: if there are not as many, or a file of images is malformed.
        FileNotFoundError: if they are not there.
    """
    if preset.data is not None:
        return load_file(preset.data, train=preset.train, test=preset.test, seed=seed)
    return load_images(preset.dataset, train=preset.train, test=preset.test, seed=seed, data_root=data_root)


def _weights(folder: Path, epoch: int) -> Path:
    return folder / f"weights-{epoch:03d}.pt"
