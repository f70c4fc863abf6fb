"""The presets are whole, and say what they cannot do; what is changed is part of their name."""

import re
from typing import Any

import pytest


def test_the_paper_presets_are_the_papers() -> None:
    from empirics.images.experiments.presets import preset

    mnist, cifar = preset("mnist", "paper"), preset("cifar10", "paper")
    assert (mnist.model, mnist.width, mnist.epochs, mnist.radius, mnist.train) == ("lenet5", 1, 20, 0.1, None)
    assert (cifar.model, cifar.width, cifar.epochs, cifar.radius) == ("resnet9", 64, 15, 8 / 255)
    assert mnist.precision == cifar.precision == "auto"
    assert mnist.method == cifar.method == "fgsm"
    assert (mnist.sweep, cifar.sweep) == ((0.1,), (8 / 255,))


def test_every_preset_measures_what_its_verdicts_need() -> None:
    from empirics.images.experiments.presets import PRESETS
    from empirics.images.experiments.trained import accuracy_attack, training_attack
    from empirics.images.training.attacks import LOSSES

    for (dataset, name), one in PRESETS.items():
        assert (one.dataset, one.name) == (dataset, name)
        assert one.radius in one.sweep
        assert one.width in one.widths
        assert one.radius in one.radii
        assert one.radii[-1] >= 2 * max(one.sweep) * (1 - 1e-9)
        assert one.radius in one.epoch_radii
        assert one.kept[-1] == one.epochs
        assert len(one.seeds) == (2 if name == "mini" else 3)
        assert training_attack(one, one.radius).radius == accuracy_attack(one, one.radius).radius == one.radius
        assert one.losses == LOSSES
        assert (one.source, one.folder) == (dataset, f"{dataset}-{name}")


def test_changes() -> None:
    from empirics.images.experiments.presets import preset

    one = preset("mnist5k", "small", seeds=5, epochs=7, width=2.0)
    assert one.seeds == (0, 1, 2, 3, 4)
    assert one.kept == (1, 2, 4, 6, 7)
    assert one.widths == (1, 2, 4)
    assert preset("mnist5k", "small", epochs=None) == preset("mnist5k", "small")


@pytest.mark.parametrize(
    ("changes", "name", "folder"),
    [
        ({}, "small", "mnist5k-small"),
        ({"epochs": 20, "train": 4000, "seeds": 3, "radius": 0.1}, "small", "mnist5k-small"),
        ({"seeds": 5, "epochs": 3}, "small-epochs-3-seeds-5", "mnist5k-small-epochs-3"),
        ({"train": 500, "images": 20}, "small-train-500-images-20", "mnist5k-small-train-500"),
        ({"sweep": (0.1, 0.2)}, "small-sweep-0.1-0.2", "mnist5k-small"),
        ({"attacked": 7, "epoch_images": 8, "test_steps": 9}, "small-epoch-images-8-attacked-7-test-steps-9", None),
        ({"losses": ("cross_entropy",)}, "small-losses-cross_entropy", "mnist5k-small"),
        ({"pgd": 7}, "small-pgd-7", "mnist5k-small-pgd-7"),
        ({"radius": 0.05}, "small-radius-0.05-sweep-0.025-0.05-0.1", "mnist5k-small"),
        ({"model": "a.b:c"}, "small-model-a.b.c", "mnist5k-small-model-a.b.c"),
        ({"learning_rate": 0.5}, "small-learning-rate-0.5", "mnist5k-small"),
        ({"data": "there/mine.npz", "epochs": 2}, "mnist5k-small-epochs-2", "mine-mnist5k-small-epochs-2"),
    ],
)
def test_other_settings_have_another_name(changes: dict[str, Any], name: str, folder: str | None) -> None:
    from empirics.images.experiments.presets import preset

    one = preset("mnist5k", "small", **changes)
    assert one.name == name
    assert one.folder == (folder or "mnist5k-small")
    # And what has the preset's name is the preset.
    assert (one == preset("mnist5k", "small")) == (name == "small")


def test_the_grids_go_with_the_radius() -> None:
    from empirics.images.experiments.presets import preset

    one = preset("cifar10", "small", radius=4 / 255)
    assert one.radius == 4 / 255
    assert one.radii == pytest.approx([k * 2 / 255 for k in range(7)])
    assert one.radius in one.radii
    assert one.sweep == (one.radius,)
    pgd = preset("cifar10", "paper", pgd=7)
    assert (pgd.method, pgd.attack_steps, pgd.name) == ("pgd", 7, "paper-pgd-7")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("mnist", "large"), {}, "no preset 'large' for 'mnist'; there are: mnist paper"),
        (("digits", "paper"), {}, "no preset 'paper'"),
        (("mnist", "small"), {"seeds": 0}, "at least one seed, got 0"),
        (("mnist", "small"), {"epochs": 0}, "at least one epoch, got 0"),
        (("mnist", "small"), {"radius": 0.0}, "radius must be positive and finite, got 0"),
        (("mnist", "small"), {"radius": float("nan")}, "radius must be positive"),
        (("mnist", "small"), {"sweep": (0.05, 0.2)}, "have the training radius 0.1 among them, got (0.05, 0.2)"),
        (("mnist", "small"), {"sweep": (0.1, 0.05)}, "radii must increase"),
        (("mnist", "small"), {"sweep": (0.1, 0.4)}, "sweep needs radii below 0.4"),
        (("mnist", "small"), {"pgd": 0}, "PGD needs at least one step, got 0"),
        (("mnist", "small"), {"epoch_images": 0}, "figure2 and figure3 need at least one image"),
        (("mnist", "small"), {"width": 0.0}, "width must be positive, got 0"),
    ],
)
def test_bad_input(arguments, options, message) -> None:
    from empirics.images.experiments.presets import preset

    with pytest.raises(ValueError, match=re.escape(message)):
        preset(*arguments, **options)
