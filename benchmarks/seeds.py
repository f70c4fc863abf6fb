"""Section 4 on a card: three seeds as one program, and the search of figure 1 with as many images as memory takes.

Against the same steps one run after the other, and the same search with 100 images at once, in turns. On a card 4 times
the speed is required for LeNet5, 2 for ResNet9, 5 for the search. Where torch finds no card everything is smaller, so
that it is tried, nothing is required, and times are of the processor, for one thread.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch

from benchmarks.timing import in_turns
from empirics.images.flatness.search import flatness_curves, images_at_once
from empirics.images.training.attacks import fgsm
from empirics.images.training.data import Images, Split
from empirics.images.training.models import Shape, build_model
from empirics.images.training.recipe import Recipe
from empirics.images.training.stacked import Stacked
from empirics.images.training.state import TrainingState
from empirics.images.training.together import step_together
from empirics.images.training.training import fabric, train_step

_SEEDS = 3
_REPEATS = 5
_MNIST, _CIFAR = (1, 28, 28), (3, 32, 32)
Precision = Literal["32-true", "16-mixed"]


def rows() -> list[dict[str, Any]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        card = torch.cuda.is_available()
        found = [
            _training("lenet5", _MNIST, 1, "32-true", 4.0),
            _training("resnet9", _CIFAR, 64 if card else 4, "16-mixed" if card else "32-true", 2.0),
            _search(5.0),
        ]
        return [row if card else {**row, "required": None} for row in found]
    finally:
        torch.set_num_threads(threads)


def _training(name: str, shape: Shape, width: float, precision: Precision, required: float) -> dict[str, Any]:
    """Steps of FGSM training; the difference is that of the losses of the first, in parts of them."""
    card = torch.cuda.is_available()
    batch, steps = (128, 50) if card else (16, 2)
    alone, joined = (_runs(name, shape, width, precision, batch, steps) for _ in range(2))
    order = torch.arange(batch * steps).reshape(steps, batch)
    own = [run.generator(1) for run in alone]

    def one_step(number: int, rows: np.ndarray) -> torch.Tensor:
        run = alone[number]
        return train_step(
            run.fast, run.wrapped, run.optimizer, run.split.train, rows, run.recipe, own[number], run.using
        )

    def one_by_one() -> None:
        for number in range(_SEEDS):
            for rows in order.numpy():
                one_step(number, rows)
        _wait()

    stacked, generators = Stacked([run.model for run in joined]), [run.generator(1) for run in joined]
    rows_of_all = order.to(joined[0].using.device).unsqueeze(1).expand(-1, _SEEDS, -1)

    def together() -> None:
        for rows in rows_of_all:
            step_together(stacked, joined, rows, generators)
        _wait()

    first = torch.stack([one_step(number, order[0].numpy()) for number in range(_SEEDS)])
    other = step_together(stacked, joined, rows_of_all[0], generators)
    difference = float(((first - other) / first).abs().max())
    return _row(
        f"{name}, {_SEEDS} seeds, {steps} steps of {batch}", precision, one_by_one, together, required, difference
    )


def _runs(name: str, shape: Shape, width: float, precision: Precision, batch: int, steps: int) -> list[TrainingState]:
    runs = []
    for seed in range(_SEEDS):
        recipe = Recipe(
            1, fgsm(0.1), batch, learning_rate=0.01, seed=seed, precision=precision, channels_last=name == "resnet9"
        )
        images = _images(shape, batch * steps, seed)
        model = build_model(name, shape, 10, width=width, seed=seed)
        runs.append(TrainingState(model, Split(images, images.head(2)), recipe, fabric(recipe), None))
    return runs


def _images(shape: Shape, count: int, seed: int) -> Images:
    """Speed does not depend on what the images show, so nothing needs to be loaded."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(count, *shape, generator=generator)
    return Images("noise", x, torch.randint(10, (count,), generator=generator), 10)


def _search(required: float) -> dict[str, Any]:
    """Both measures of figure 1; the difference is that of the mean gradient norms, in parts of them."""
    card = torch.cuda.is_available()
    device, count = ("cuda", 1000) if card else ("cpu", 150)
    images = _images(_MNIST, count, 0)
    model = build_model("lenet5", _MNIST, 10).to(device).eval()
    x, y = images.x.to(device), images.y.to(device)
    radii = np.linspace(0.0, 0.24, 13 if card else 2)
    at_once = min(count, images_at_once(model, x, y)) if card else count
    found = {}

    def search(batch: int) -> None:
        found[batch] = flatness_curves(model, x, y, radii, clip=True, steps=5, batch=batch).gradient_norm.mean(axis=1)
        _wait()

    title = f"both measures, {count} images, {at_once} instead of 100 at once"
    row = _row(title, "32-true", lambda: search(100), lambda: search(at_once), required, 0.0)
    return {**row, "difference": float(abs(found[at_once] / found[100] - 1).max())}


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _row(
    what: str,
    precision: str,
    before: Callable[[], None],
    after: Callable[[], None],
    required: float,
    difference: float,
) -> dict[str, Any]:
    card = torch.cuda.is_available()
    clock = time.perf_counter if card else time.process_time
    there, here = in_turns(before, after, _REPEATS if card else 1, clock)
    return {
        "on": torch.cuda.get_device_name() if card else "a CPU",
        "what": what,
        "precision": precision,
        "s one by one": there,
        "s together": here,
        "ratio": there / here,
        "required": required,
        "difference": difference,
    }
