"""Adversarial training against a bare hand-written loop, and PGD against attack libraries, one thread each.

The libraries are peers, in the extra `peers`; torchattacks too is compared where it is, but asks for versions of other
packages that cannot be had beside ours. What is not installed is left out, and the table says what was compared.
Times are seconds of the processor, of the two sides in turns.
"""

import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.timing import in_turns
from empirics.images.training.attacks import fgsm, perturb, pgd
from empirics.images.training.data import Images
from empirics.images.training.models import build_model
from empirics.images.training.recipe import Recipe
from empirics.images.training.training import fabric, train_step

_BATCH = 128
_REPEATS = 9
_RADIUS = 0.1


def _networks() -> list[tuple[str, str, float, tuple[int, int, int]]]:
    return [("LeNet5 28×28", "lenet5", 1, (1, 28, 28)), ("ResNet9 width 16, 32×32×3", "resnet9", 16, (3, 32, 32))]


def _images(shape: tuple[int, int, int]) -> Images:
    """Speed does not depend on what the images show, so nothing needs to be loaded."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2 * _BATCH, *shape, generator=generator)
    return Images("noise", x, torch.randint(10, (len(x),), generator=generator), 10)


def _steps(name: str, width: float, images: Images) -> tuple[Callable[[], None], Callable[[], None]]:
    """Two steps of FGSM training: by hand, and by ours."""
    bare = build_model(name, images.shape, 10, width=width)
    by_hand = torch.optim.SGD(bare.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def hand() -> None:
        order = torch.randperm(len(images))
        for k in range(0, len(images), _BATCH):
            rows = order[k : k + _BATCH]
            x, y = images.x[rows], images.y[rows]
            bare.eval()
            delta = torch.empty_like(x).uniform_(-_RADIUS, _RADIUS).requires_grad_()
            loss = cross_entropy(bare((x + delta).clamp(0, 1)), y)
            (gradient,) = torch.autograd.grad(loss, delta)
            delta = (delta.detach() + 1.25 * _RADIUS * gradient.sign()).clamp(-_RADIUS, _RADIUS)
            bare.train()
            by_hand.zero_grad()
            cross_entropy(bare((x + delta).clamp(0, 1)), y).backward()
            by_hand.step()

    recipe = Recipe(1, fgsm(_RADIUS), batch=_BATCH, learning_rate=0.01)
    using = fabric(recipe, accelerator="cpu")
    model = build_model(name, images.shape, 10, width=width)
    sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    wrapped, optimizer = using.setup(model, sgd)
    generator = torch.Generator().manual_seed(0)

    def ours() -> None:
        order = np.random.default_rng(0).permutation(len(images))
        for rows in np.array_split(order, len(images) // _BATCH):
            train_step(model, wrapped, optimizer, images, rows, recipe, generator, using)

    return hand, ours


def _libraries(model: nn.Module, images: Images) -> dict[str, Callable[[], Any]]:
    """PGD-10 in l_∞ from a random start by the libraries that are here."""
    x, y = images.x, images.y
    step = _RADIUS / 4
    found: dict[str, Callable[[], Any]] = {}
    try:
        import foolbox

        attack = foolbox.attacks.LinfPGD(abs_stepsize=step, steps=10, random_start=True)
        peer = foolbox.PyTorchModel(model, bounds=(0, 1))
        # `run` is the attack alone, without the success of each image that a call of the attack adds.
        found[f"foolbox {version('foolbox')}"] = lambda: attack.run(peer, x, y, epsilon=_RADIUS)
    except ImportError:
        pass
    try:
        from art.attacks.evasion import ProjectedGradientDescentPyTorch
        from art.estimators.classification import PyTorchClassifier

        classifier = PyTorchClassifier(
            model, nn.CrossEntropyLoss(), images.shape, 10, clip_values=(0, 1), device_type="cpu"
        )
        toolbox = ProjectedGradientDescentPyTorch(
            classifier, eps=_RADIUS, eps_step=step, max_iter=10, num_random_init=1, batch_size=len(x), verbose=False
        )
        numbers, one_hot = x.numpy(), np.eye(10, dtype=np.float32)[y.numpy()]
        found[f"adversarial-robustness-toolbox {version('adversarial-robustness-toolbox')}"] = lambda: toolbox.generate(
            numbers, one_hot
        )
    except ImportError:
        pass
    try:
        import torchattacks

        pgd10 = torchattacks.PGD(model, eps=_RADIUS, alpha=step, steps=10, random_start=True)
        found[f"torchattacks {version('torchattacks')}"] = lambda: pgd10(x, y)
    except ImportError:
        pass
    return found


def _seconds(theirs: Callable[[], Any], ours: Callable[[], Any]) -> tuple[float, float]:
    return in_turns(theirs, ours, _REPEATS, time.process_time)


def rows() -> list[dict[str, Any]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            # The libraries' own.
            warnings.simplefilter("ignore")
            return [row for network in _networks() for row in _rows(*network)]
    finally:
        torch.set_num_threads(threads)


def _rows(title: str, name: str, width: float, shape: tuple[int, int, int]) -> list[dict[str, Any]]:
    images = _images(shape)
    result = []

    def add(what: str, against: str, count: int, theirs: float, ours: float, least: float) -> None:
        result.append(
            {
                "network": title,
                "what": what,
                "against": against,
                "images/s there": count / theirs,
                "images/s here": count / ours,
                "ratio": theirs / ours,
                "least": least,
            }
        )

    add("FGSM training", "bare loop", len(images), *_seconds(*_steps(name, width, images)), 0.9)
    batch = images.head(_BATCH)
    model = build_model(name, shape, 10, width=width).eval()
    attack, generator = pgd(_RADIUS, 10, step_size=_RADIUS / 4), torch.Generator().manual_seed(0)
    for library, run in _libraries(model, batch).items():
        times = _seconds(run, lambda: perturb(model, batch.x, batch.y, attack, generator))
        add("PGD-10", library, len(batch), *times, 1.0)
    return result
