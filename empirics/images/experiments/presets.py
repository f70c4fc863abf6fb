"""What is run at each scale: one table of settings for all experiments. Loads no library, for command lines read it.

A run with other settings than those of its preset has them in its name: `small-epochs-3-seeds-5`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

EXPERIMENTS = ("figure1", "figure2", "figure3", "table1", "memorization")
# What `preset` changes one by one, in the order of names; those of which networks depend on are in names of folders.
CHANGES = (
    *("model", "train", "test", "epochs", "pgd", "width", "radius", "sweep"),
    *("seeds", "images", "epoch_images", "attacked", "test_steps", "losses"),
)
_OF_TRAINING = ("model", "train", "test", "epochs", "pgd")


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
        name: "small", "paper" or "mini", and what is not as there.
        model: "lenet5", "resnet9" or "mlp", or a builder of one's own, "package.module:builder".
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
        losses: that those ascend, see `empirics.images.training.attacks`.
        widths: swept in the memorization experiments, `width` among them.
        seeds: of subset, start, shuffling and attacks together.
        constructed: whether the network of Theorem 3.3 for the training images is measured too.
        random_train: images that get random labels, None for all of `train`: few enough for them to be fitted.
        random_epochs: of training on those, None for `epochs`.
        data: `.npz` file of images in place of the data set; None for that.
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
    losses: tuple[str, ...] = ("scaled", "margin")
    data: str | None = None

    @property
    def source(self) -> str:
        """Name of the images: of the data set, or of the file."""
        return self.dataset if self.data is None else Path(self.data).stem

    @property
    def folder(self) -> str:
        """Name of the folder of networks, which what is only measured does not change."""
        scale = self.name.removeprefix(f"{self.dataset}-").partition("-")[0]
        return f"{self.source}-{_label(self, PRESETS[self.dataset, scale], _OF_TRAINING)}"


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
    sweep=(0.1,),
    learning_rate=0.1,
    weight_decay=5e-4,
    precision="auto",
    radii=_grid(0.4, 16),
    epoch_radii=(0.0, 0.05, 0.1, 0.15, 0.2),
    kept=(1, 2, 4, 8, 12, 16, 20),
    images=500,
    epoch_images=200,
    attacked=1000,
    search=Search(steps=10),
    test_steps=20,
    widths=(1,),
    seeds=(0, 1, 2),
    random_train=500,
    random_epochs=400,
)
_CIFAR = replace(
    _MNIST,
    dataset="cifar10",
    model="resnet9",
    width=64,
    epochs=15,
    radius=8 * PIXEL,
    sweep=(8 * PIXEL,),
    learning_rate=0.2,
    radii=tuple(k * 4 * PIXEL for k in range(9)),
    epoch_radii=tuple(k * 4 * PIXEL for k in range(4)),
    kept=_epochs(15, 3),
    images=200,
    epoch_images=100,
    attacked=500,
    search=Search(),
    widths=(16, 32, 64),
    random_train=1000,
    random_epochs=200,
)
_SMALL_MNIST = replace(
    _MNIST,
    dataset="mnist5k",
    name="small",
    train=4000,
    test=1000,
    batch=50,
    sweep=(0.05, 0.1, 0.2),
    precision="32-true",
    kept=_epochs(20, 2),
    images=200,
    epoch_images=100,
    attacked=500,
    search=Search(),
    test_steps=20,
    widths=(0.5, 1, 2),
    random_train=None,
    random_epochs=None,
)
_SMALL_CIFAR = replace(
    _CIFAR,
    name="small",
    width=16,
    train=1000,
    test=1000,
    epochs=45,
    batch=50,
    method="pgd",
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


def preset(
    dataset: str,
    name: str,
    *,
    seeds: int | None = None,
    pgd: int | None = None,
    data: str | None = None,
    **changes: object,
) -> Preset:
    """The settings for a data set at a scale, with some of them changed, and then another name.

    Args:
        dataset: its name.
        name: "small", "paper" or "mini".
        seeds: how many; None for those of the preset.
        pgd: train with so many steps of PGD.
        data: `.npz` file of images instead of the data set, all of them unless `train` and `test` say how many.
        changes: other attributes, such as `epochs`; None leaves one as it is. The epochs that are kept, the widths and
            the grids of radii go with `epochs`, `width` and `radius`.

    Raises:
        ValueError: if there is no such preset, or a change does not fit.
    """
    if (dataset, name) not in PRESETS:
        there = ", ".join(f"{d} {n}" for d, n in PRESETS)
        raise ValueError(f"there is no preset {name!r} for {dataset!r}; there are: {there}")
    base = PRESETS[dataset, name]
    found = base
    if data is not None:
        # Its images may be nearer than two radii, which the constructed network does not take.
        found = replace(found, data=data, train=None, test=None, constructed=False)
    found = replace(found, **{key: value for key, value in changes.items() if value is not None})  # type: ignore[arg-type]
    if seeds is not None:
        if not seeds >= 1:
            raise ValueError(f"an experiment needs at least one seed, got {seeds}")
        found = replace(found, seeds=tuple(range(seeds)))
    if pgd is not None:
        if not pgd >= 1:
            raise ValueError(f"PGD needs at least one step, got {pgd}")
        found = replace(found, method="pgd", attack_steps=pgd)
    found = _fitting(found, base, changes)
    return replace(found, name=_label(found, base, (*CHANGES, *(key for key in changes if key not in CHANGES))))


def _fitting(found: Preset, base: Preset, given: Mapping[str, object]) -> Preset:
    """With widths, kept epochs and grids that go with what was changed."""
    for key, what in (
        ("epochs", "training needs at least one epoch"),
        ("images", "figure1 needs at least one image of either part"),
        ("epoch_images", "figure2 and figure3 need at least one image of either part"),
        ("attacked", "table1 and memorization need at least one image of either part"),
        ("test_steps", "an attack needs at least one step"),
    ):
        if not getattr(found, key) >= 1:
            raise ValueError(f"{what}, got {getattr(found, key)}")
    if not found.width > 0:
        raise ValueError(f"width must be positive, got {found.width}")
    if found.width != base.width:
        found = replace(found, widths=tuple(found.width / base.width * width for width in base.widths))
    if found.epochs != base.epochs:
        kept = {epoch for epoch in found.kept if epoch < found.epochs} | {1, found.epochs}
        found = replace(found, kept=tuple(sorted(kept)))
    if not 0 < found.radius < math.inf:
        raise ValueError(f"radius must be positive and finite, got {found.radius}")
    if found.radius != base.radius:
        grids = {
            key: tuple(
                found.radius if radius == base.radius else radius * (found.radius / base.radius) for radius in grid
            )
            for key, grid in (("radii", base.radii), ("epoch_radii", base.epoch_radii), ("sweep", base.sweep))
            if given.get(key) is None
        }
        found = replace(found, **grids)  # type: ignore[arg-type]
    for grid in (found.radii, found.epoch_radii, found.sweep):
        _check_grid(grid, found.radius)
    if not max(found.sweep) < found.radii[-1]:
        raise ValueError(
            f"sweep needs radii below {found.radii[-1]:.4g}, the largest that is measured, got {found.sweep}"
        )
    return found


def _check_grid(grid: Sequence[float], radius: float) -> None:
    if radius not in grid or list(grid) != sorted(set(grid)):
        raise ValueError(f"radii must increase and have the training radius {radius:.4g} among them, got {grid}")


def _label(found: Preset, base: Preset, keys: Sequence[str]) -> str:
    """Name of the scale, and what is not as there."""
    words = [base.name] if found.data is None else [base.dataset, base.name]
    for key in keys:
        if key == "pgd":
            if (found.method, found.attack_steps) != (base.method, base.attack_steps):
                words += [key, str(found.attack_steps)]
            continue
        value = getattr(found, key)
        if value == getattr(base, key) or (found.data is not None and value is None):
            continue
        shown = (len(value),) if key == "seeds" else value if isinstance(value, tuple) else (value,)
        words += [key.replace("_", "-"), *(f"{v:.6g}" if isinstance(v, float) else str(v) for v in shown)]
    return "-".join(words).replace(":", ".")
