"""Trains in as many processes as are asked for and stores what comes out.

Run as a program, `python training_in_processes.py OUT PROCESSES`; fabric starts it again for the other processes.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from empirics.images.training import training
from empirics.images.training.attacks import pgd
from empirics.images.training.data import load_images
from empirics.images.training.models import build_model
from empirics.images.training.recipe import Recipe
from empirics.images.training.training import fabric, train


def run(out: Path, processes: int) -> None:
    """Writes `rank0.npz` and so on to the folder: weights, how far they moved, losses, images a process attacked."""
    # 13 batches of 15 or 16 images, which two processes cannot share evenly.
    recipe = Recipe(2, pgd(0.1, 2, restarts=2), batch=16, monitor=40)
    started = fabric(recipe, accelerator="cpu", devices=processes)
    shares: list[int] = []
    attacked = training.perturb

    def counted(model, x, *rest, **options) -> torch.Tensor:
        shares.append(len(x))
        return attacked(model, x, *rest, **options)

    training.perturb = counted
    try:
        _train(out, recipe, started, shares)
    finally:
        training.perturb = attacked


def _train(out: Path, recipe: Recipe, started: Fabric, shares: list[int]) -> None:
    model = build_model("mlp", (1, 8, 8), 10, width=64)
    start = torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()
    split = load_images("digits", train=199, test=40)
    log = train(model, split, recipe, folder=out / "run", using=started)
    rank = started.global_rank
    weights = torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()
    np.savez(
        out / f"rank{rank}.npz",
        weights=weights,
        moved=weights - start,
        shares=shares,
        losses=[r.loss for r in log.records],
    )
    started.barrier()


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(Path(sys.argv[1]), int(sys.argv[2]))
