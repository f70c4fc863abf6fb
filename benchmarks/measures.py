"""Section 4: what each part of the search for the flatness measures finds and costs, on a trained LeNet5.

FGSM training with random starts on 4,000 images of MNIST at radius 0.1; measured on training images at 13 radii up to
0.24. The search is to take less than 60 s for 1,000 images.
"""

import time
from typing import Any

import numpy as np
import torch
from torch import nn

from empirics.images.flatness.search import Curves, flatness_curves
from empirics.images.training.attacks import fgsm
from empirics.images.training.data import Images, load_images
from empirics.images.training.models import build_model
from empirics.images.training.recipe import Recipe
from empirics.images.training.training import train

RADII = np.linspace(0.0, 0.24, 13)
SEARCHES: dict[str, dict[str, int]] = {
    "loss PGD alone": {"restarts": 0, "gradient_steps": 0},
    "default": {},
    "loss PGD from random vertices too": {"gradient_steps": 0},
    "loss PGD, double backward": {"restarts": 0},
    "loss PGD alone, three times the steps": {"steps": 30, "restarts": 0, "gradient_steps": 0},
    "default and 8 bisections": {"bisections": 8},
    "40 random vertices": {"steps": 0, "gradient_steps": 0, "restarts": 40},
}


def trained(train_images: int = 4000) -> tuple[nn.Module, Images]:
    split = load_images("mnist5k", train=train_images, test=None, seed=0)
    model = build_model("lenet5", tuple(split.train.x.shape[1:]), split.train.classes, seed=0)
    train(
        model,
        split,
        Recipe(epochs=20, batch=128, attack=fgsm(0.1), optimizer="adam", learning_rate=5e-3, weight_decay=0.0),
        folder=None,
        progress=False,
    )
    return model.eval(), split.train


def rows() -> list[dict[str, Any]]:
    model, images = trained()
    table = [_row(model, images, "default, 1,000 images", 1000, False, {}, None)[0]]
    for clip in (False, True):
        first: Curves | None = None
        for name, options in SEARCHES.items():
            row, curves = _row(model, images, name, 200, clip, options, first)
            first = first or curves
            table.append(row)
    return table


def _row(
    model: nn.Module, images: Images, name: str, n: int, clip: bool, options: dict[str, int], first: Curves | None
) -> tuple[dict[str, Any], Curves]:
    started = time.process_time()
    curves = flatness_curves(model, images.x[:n], images.y[:n], RADII, clip=clip, **options)
    # Processor time: a busy neighbour does not count.
    seconds = time.process_time() - started
    base = first or curves
    return {
        "search": name,
        "clip": clip,
        "norm at 0.1": float(curves.gradient_norm[5].mean()),
        "norm at 0.2": float(curves.gradient_norm[10].mean()),
        "over the first at 0.1": float(curves.gradient_norm[5].mean() / base.gradient_norm[5].mean()),
        "over the first at 0.2": float(curves.gradient_norm[10].mean() / base.gradient_norm[10].mean()),
        "loss over the first at 0.1": float(curves.loss_change[5].mean() / base.loss_change[5].mean()),
        "forward an image": curves.cost.forward / n,
        "double backward an image": curves.cost.double_backward / n,
        "processor s per 1,000 images": 1000 * seconds / n,
        "threads": torch.get_num_threads(),
    }, curves
