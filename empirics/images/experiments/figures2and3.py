"""Figures 2 and 3: the same measurements after every kept epoch, read in two ways."""

from collections.abc import Callable

import numpy as np

from empirics.images.experiments.kept import curves, losses, record
from empirics.images.experiments.presets import Preset
from empirics.images.experiments.trained import Condition, Place, Run, trained
from empirics.images.verdicts.result import Record

PARTS = ("train", "test")
Read = Callable[[list[Run], int, str], list[Record]]


def measure_figure2(preset: Preset, place: Place) -> tuple[list[Record], list[Run]]:
    """The curve of the maximum gradient norm by epoch, and the robust error that says when the sample is fitted."""
    return _measure(preset, place, _curves)


def measure_figure3(preset: Preset, place: Place) -> tuple[list[Record], list[Run]]:
    """Flatness at the training radius, robust loss and robust error by epoch: their test minus train is the gap."""
    return _measure(preset, place, _scalars)


def _measure(preset: Preset, place: Place, read: Read) -> tuple[list[Record], list[Run]]:
    records: list[Record] = []
    used: list[Run] = []
    for condition in (
        Condition("adversarial", preset.radius, preset.width),
        Condition("clean", 0.0, preset.width),
    ):
        runs = trained(preset, condition, place)
        used += runs
        for epoch in preset.kept:
            place.say(f"measuring {condition.name}, epoch {epoch}")
            for part in PARTS:
                records += read(runs, epoch, part)
    return records, used


def _curves(runs: list[Run], epoch: int, part: str) -> list[Record]:
    preset = runs[0].preset
    found = [_at_epoch(run, epoch, part) for run in runs]
    return [
        record(
            runs, part, "gradient_norm", preset.epoch_radii, [one["gradient_norm"] for one, _ in found], epoch=epoch
        ),
        record(runs, part, "robust_error", (preset.radius,), [(o["robust_error"],) for _, o in found], epoch=epoch),
    ]


def _scalars(runs: list[Run], epoch: int, part: str) -> list[Record]:
    preset = runs[0].preset
    at = int(np.argmin(np.abs(np.array(preset.epoch_radii) - preset.radius)))
    values: dict[str, list[tuple[float, ...]]] = {"flatness": [], "robust_loss": [], "robust_error": []}
    for run in runs:
        curve, other = _at_epoch(run, epoch, part)
        values["flatness"].append((curve["gradient_norm"][at],))
        # The loss that the search of the curves reached in the ball.
        values["robust_loss"].append((other["clean_loss"] + curve["loss_change"][at],))
        values["robust_error"].append((other["robust_error"],))
    return [record(runs, part, name, (preset.radius,), rows, epoch=epoch) for name, rows in values.items()]


def _at_epoch(run: Run, epoch: int, part: str) -> tuple[dict[str, tuple[float, ...]], dict[str, float]]:
    images = run.preset.epoch_images
    return (
        curves(run, epoch, part, run.preset.epoch_radii, clip=True, images=images),
        losses(run, epoch, part, images=images),
    )
