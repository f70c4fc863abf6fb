"""The presets are whole, and say what they cannot do."""

import pytest


def test_the_paper_presets_are_the_papers() -> None:
    from empirics.images.experiments.presets import preset

    mnist, cifar = preset("mnist", "paper"), preset("cifar10", "paper")
    assert (mnist.model, mnist.width, mnist.epochs, mnist.radius, mnist.train) == ("lenet5", 1, 20, 0.1, None)
    assert (cifar.model, cifar.width, cifar.epochs, cifar.radius) == ("resnet9", 64, 15, 8 / 255)
    assert mnist.precision == cifar.precision == "auto"


def test_every_preset_measures_what_its_verdicts_need() -> None:
    from empirics.images.experiments.presets import PRESETS

    for (dataset, name), one in PRESETS.items():
        assert (one.dataset, one.name) == (dataset, name)
        assert one.radius in one.sweep
        assert one.width in one.widths
        assert one.radius in one.radii
        assert one.radii[-1] >= 2 * max(one.sweep) * (1 - 1e-9)
        assert one.radius in one.epoch_radii
        assert one.kept[-1] == one.epochs
        assert len(one.seeds) == (2 if name == "mini" else 3)
        assert one.attack(one.radius).radius == one.test_attack(one.radius).radius == one.radius


def test_changes() -> None:
    from empirics.images.experiments.presets import preset

    one = preset("mnist5k", "small", seeds=5, epochs=7, width=2.0)
    assert one.seeds == (0, 1, 2, 3, 4)
    assert one.kept == (1, 2, 4, 6, 7)
    assert one.widths == (1, 2, 4)
    assert preset("mnist5k", "small", epochs=None) == preset("mnist5k", "small")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("mnist", "large"), {}, "no preset 'large' for 'mnist'; there are: mnist paper"),
        (("digits", "paper"), {}, "no preset 'paper'"),
        (("mnist", "small"), {"seeds": 0}, "at least one seed, got 0"),
        (("mnist", "small"), {"epochs": 0}, "at least one epoch, got 0"),
        (("mnist", "small"), {"radius": 0.11}, "the grids need the training radius 0.11"),
        (("mnist", "small"), {"width": 0.0}, "width must be positive, got 0"),
    ],
)
def test_bad_input(arguments, options, message) -> None:
    from empirics.images.experiments.presets import preset

    with pytest.raises(ValueError, match=message):
        preset(*arguments, **options)
