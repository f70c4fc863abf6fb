"""What is run at each scale: one table of settings for all experiments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from empirics.images.training.attacks import Attack, fgsm, pgd


@dataclass(frozen=True)
class Search:
    """How the maxima over balls are searched; see `empirics.images.flatness.search.flatness_curves`."""

    steps: int = 5
    restarts: int = 1
    gradient_steps: int = 5


@dataclass(frozen=True)
class Preset:
    """Everything that an experiment on one data set needs to know.

    Attributes:
        dataset: its name.
        name: "small", "paper" or "mini".
        model: "lenet5", "resnet9" or "mlp".
        width: of the model, as `build_model` counts it.
        train: images to train on, None for all.
        test: images of the test part, None for all.
        epochs: of training.
        batch: images a step.
        method: "fgsm", with random start, or "pgd".
        attack_steps: of PGD in training.
        radius: of adversarial training, l_∞.
        sweep: training radii for the kink, `radius` among them.
        learning_rate: peak of the cyclic schedule.
        weight_decay: of SGD.
        precision: of training; "auto" is 16-bit mixed where the device has it.
        radii: grid of Figure 1, common to all conditions.
        epoch_radii: grid of Figure 2.
        kept: epochs whose weights are kept, for Figures 2 and 3.
        images: measured in Figure 1, of either part.
        epoch_images: measured after each kept epoch.
        attacked: images in Table 1 and in the memorization experiments.
        search: for the maxima over balls.
        test_steps: PGD steps wherever accuracy is measured.
        widths: swept in the memorization experiments, `width` among them.
        seeds: of subset, start, shuffling and attacks together.
        constructed: whether the network of Theorem 3.3 for the training images is measured too.
        random_train: images that get random labels, None for all of `train`: few enough for them to be fitted.
        random_epochs: of training on those, None for `epochs`.
    """

    dataset: str
    name: str
    model: str
    width: float
    train: int | None
    test: int | None
    epochs: int
    batch: int
    method: str
    attack_steps: int
    radius: float
    sweep: tuple[float, ...]
    learning_rate: float
    weight_decay: float
    precision: str
    radii: tuple[float, ...]
    epoch_radii: tuple[float, ...]
    kept: tuple[int, ...]
    images: int
    epoch_images: int
    attacked: int
    search: Search
    test_steps: int
    widths: tuple[float, ...]
    seeds: tuple[int, ...]
    constructed: bool = False
    random_train: int | None = None
    random_epochs: int | None = None

    def attack(self, radius: float) -> Attack:
        """The attack of adversarial training at a radius."""
        return fgsm(radius) if self.method == "fgsm" else pgd(radius, self.attack_steps)

    def test_attack(self, radius: float) -> Attack:
        """The attack that measures accuracy; stronger than that of training."""
        return pgd(radius, self.test_steps, restarts=2)


def _grid(end: float, count: int) -> tuple[float, ...]:
    """Radii from 0 to `end`; multiples of one pitch, the same floats for the same radius on any machine."""
    return tuple(round(end * k / count, 10) for k in range(count + 1))


def _epochs(last: int, every: int) -> tuple[int, ...]:
    return tuple(sorted({1, *range(every, last + 1, every), last}))


PIXEL = 1 / 255
# Table of scales; MNIST: LeNet5, ε = 0.1; CIFAR-10: ResNet9, ε = 8/255, as in section 4.
_MNIST = Preset(
    dataset="mnist",
    name="paper",
    model="lenet5",
    width=1,
    train=None,
    test=None,
    epochs=20,
    batch=128,
    method="fgsm",
    attack_steps=1,
    radius=0.1,
    sweep=(0.05, 0.1, 0.2),
    learning_rate=0.1,
    weight_decay=5e-4,
    precision="auto",
    radii=_grid(0.4, 16),
    epoch_radii=(0.0, 0.05, 0.1, 0.15, 0.2),
    kept=_epochs(20, 1),
    images=1000,
    epoch_images=500,
    attacked=1000,
    search=Search(steps=10, restarts=2, gradient_steps=10),
    test_steps=50,
    widths=(1, 2, 4),
    seeds=(0, 1, 2),
)
_CIFAR = replace(
    _MNIST,
    dataset="cifar10",
    model="resnet9",
    width=64,
    epochs=15,
    method="pgd",
    attack_steps=7,
    radius=8 * PIXEL,
    sweep=(4 * PIXEL, 8 * PIXEL, 16 * PIXEL),
    learning_rate=0.2,
    radii=tuple(k * 2 * PIXEL for k in range(17)),
    epoch_radii=tuple(k * 4 * PIXEL for k in range(5)),
    kept=_epochs(15, 1),
    widths=(16, 32, 64),
)
_SMALL_MNIST = replace(
    _MNIST,
    dataset="mnist5k",
    name="small",
    train=4000,
    test=1000,
    batch=50,
    precision="32-true",
    kept=_epochs(20, 2),
    images=200,
    epoch_images=100,
    attacked=500,
    search=Search(),
    test_steps=20,
    widths=(0.5, 1, 2),
)
_SMALL_CIFAR = replace(
    _CIFAR,
    name="small",
    width=16,
    train=1000,
    test=1000,
    epochs=45,
    batch=50,
    attack_steps=5,
    learning_rate=0.1,
    precision="32-true",
    # One training radius: a second costs as much as everything else, and MNIST answers how the kink moves.
    sweep=(8 * PIXEL,),
    radii=tuple(k * 4 * PIXEL for k in range(7)),
    epoch_radii=tuple(k * 4 * PIXEL for k in range(3)),
    kept=_epochs(45, 6),
    images=100,
    epoch_images=100,
    attacked=300,
    search=Search(),
    test_steps=20,
    widths=(4, 8, 16),
    random_train=100,
    random_epochs=75,
)
_SMALL_DIGITS = replace(
    _SMALL_MNIST,
    dataset="digits",
    model="mlp",
    width=128,
    train=1000,
    test=None,
    epochs=40,
    kept=_epochs(40, 4),
    attacked=300,
    widths=(32, 64, 128),
    constructed=True,
    random_train=100,
    random_epochs=600,
)
_MINI_DIGITS = replace(
    _SMALL_DIGITS,
    name="mini",
    width=32,
    train=100,
    test=50,
    epochs=20,
    batch=20,
    sweep=(0.05, 0.1),
    radii=_grid(0.3, 6),
    epoch_radii=(0.0, 0.05, 0.1),
    kept=(1, 5, 10, 15, 20),
    images=20,
    epoch_images=20,
    attacked=20,
    search=Search(steps=2, restarts=1, gradient_steps=2),
    test_steps=5,
    widths=(16, 32),
    random_train=20,
    random_epochs=20,
    seeds=(0, 1),
)
_ALL = (
    _MNIST,
    replace(_MNIST, dataset="fashion-mnist"),
    _CIFAR,
    _SMALL_MNIST,
    replace(_SMALL_MNIST, dataset="mnist"),
    replace(_SMALL_MNIST, dataset="fashion-mnist"),
    _SMALL_CIFAR,
    _SMALL_DIGITS,
    _MINI_DIGITS,
)
PRESETS = {(preset.dataset, preset.name): preset for preset in _ALL}


def preset(dataset: str, name: str, *, seeds: int | None = None, **changes: object) -> Preset:
    """The settings for a data set at a scale, with some of them changed.

    Args:
        dataset: its name.
        name: "small", "paper" or "mini".
        seeds: how many; None for those of the preset.
        changes: other attributes, such as `epochs`; None leaves one as it is.

    Raises:
        ValueError: if there is no such preset, or a change does not fit.
    """
    if (dataset, name) not in PRESETS:
        there = ", ".join(f"{d} {n}" for d, n in PRESETS)
        raise ValueError(f"there is no preset {name!r} for {dataset!r}; there are: {there}")
    if seeds is not None and not seeds >= 1:
        raise ValueError(f"an experiment needs at least one seed, got {seeds}")
    given = {key: value for key, value in changes.items() if value is not None}
    found = replace(PRESETS[dataset, name], **given)  # type: ignore[arg-type]
    if not found.width > 0:
        raise ValueError(f"width must be positive, got {found.width}")
    if found.width != PRESETS[dataset, name].width:
        factor = found.width / PRESETS[dataset, name].width
        found = replace(found, widths=tuple(factor * width for width in found.widths))
    if not found.epochs >= 1:
        raise ValueError(f"training needs at least one epoch, got {found.epochs}")
    if found.epochs != PRESETS[dataset, name].epochs:
        kept = {epoch for epoch in found.kept if epoch < found.epochs} | {1, found.epochs}
        found = replace(found, kept=tuple(sorted(kept)))
    _check_grids(found.radii, found.epoch_radii, found.radius)
    return found if seeds is None else replace(found, seeds=tuple(range(seeds)))


def _check_grids(radii: Sequence[float], epoch_radii: Sequence[float], radius: float) -> None:
    for grid in (radii, epoch_radii):
        if not np.isclose(grid, radius).any():
            raise ValueError(f"the grids need the training radius {radius:.4g}, got {grid}: change both or neither")
