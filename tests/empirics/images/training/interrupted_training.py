"""Trains in children that are killed at chosen moments, goes on from what they left, and compares the bits.

Run as a program, `python interrupted_training.py FOLDER [RANDOM_KILLS]`: prints one JSON object, for each way to be
killed the number of epochs that were found again and whether parameters and records are those of a run in one go.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from empirics.images.training.attacks import fgsm
from empirics.images.training.data import load_images
from empirics.images.training.recipe import Recipe
from empirics.images.training.training import train

RECIPE = Recipe(4, fgsm(0.1), batch=40, monitor=50)


def network() -> nn.Module:
    """With running statistics and random numbers of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(144, 10)
        )


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_forward(count: int) -> Callable[[nn.Module], None]:
    """After so many training batches and their attacks."""

    def arm(model: nn.Module) -> None:
        seen = [0]

        def hook(module: nn.Module, _: Any) -> None:
            seen[0] += module.training
            if seen[0] == count:
                killed()

        model.register_forward_pre_hook(hook)

    return arm


def at_replace(count: int, *, after: bool) -> Callable[[nn.Module], None]:
    """Just before or after one of the files gets its name: the checkpoint of an epoch first, then the log."""

    def arm(_: nn.Module) -> None:
        real, seen = os.replace, [0]

        def replace(source: Any, target: Any) -> None:
            seen[0] += 1
            if seen[0] == count and not after:
                killed()
            real(source, target)
            if seen[0] == count and after:
                killed()

        os.replace = replace  # type: ignore[assignment]

    return arm


def in_half_a_checkpoint(_: nn.Module) -> None:
    """When the second checkpoint is partly written."""
    real, seen = torch.save, [0]

    def save(state: Any, path: Path) -> None:
        seen[0] += 1
        if seen[0] == 2:
            path.write_bytes(b"half of it")
            killed()
        real(state, path)

    torch.save = save  # type: ignore[assignment]


# Ten batches an epoch: 400 images.
MOMENTS: dict[str, Callable[[nn.Module], None]] = {
    "in the first epoch": at_forward(4),
    "in the third epoch": at_forward(25),
    "in half a checkpoint": in_half_a_checkpoint,
    "before the checkpoint has its name": at_replace(3, after=False),
    "between checkpoint and log": at_replace(3, after=True),
    "after the log": at_replace(4, after=True),
}


def run(folder: Path, arm: Callable[[nn.Module], None] | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    model, split = network(), load_images("digits", train=400, test=50)
    if arm:
        arm(model)
    train(model, split, RECIPE, folder=folder)
    records = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return model.state_dict(), [{k: v for k, v in record.items() if k != "seconds"} for record in records]


def child(folder: Path, arm: Callable[[nn.Module], None] | None, after: float | None = None) -> bool:
    """Whether a training process was killed, by itself or after some seconds."""
    pid = os.fork()
    if not pid:
        run(folder, arm)
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def epochs_left(folder: Path) -> int:
    log = folder / "log.jsonl"
    return len(log.read_text().splitlines()) if log.exists() else 0


def same(first: tuple[Any, Any], second: tuple[Any, Any]) -> bool:
    return first[1] == second[1] and all(torch.equal(first[0][k], second[0][k]) for k in first[0])


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    answers = {}
    whole = run(folder / "whole")
    for name, arm in MOMENTS.items():
        assert child(folder / name, arm), name
        left = epochs_left(folder / name)
        answers[name] = [left, same(whole, run(folder / name))]
    rng = np.random.default_rng(0)
    for k in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0):
        place = folder / f"random {k}"
        while child(place, None, after=rng.uniform(0, 0.5)):
            pass
        answers[place.name] = [epochs_left(place), same(whole, run(place))]
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
