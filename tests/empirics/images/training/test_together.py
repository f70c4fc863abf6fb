"""Runs of several seeds as one program against the same runs alone: networks, whole runs, kills, scales, bad input."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from torch import nn

from empirics.images.training import stacked as stacks
from empirics.images.training import together
from empirics.images.training.attacks import fgsm, pgd
from empirics.images.training.data import Split, load_images
from empirics.images.training.models import Double, build_model
from empirics.images.training.recipe import Recipe
from empirics.images.training.stacked import Stacked
from empirics.images.training.state import TrainingState
from empirics.images.training.together import train_together
from empirics.images.training.training import train

SEEDS = range(3)
WIDTHS = {"lenet5": 1, "resnet9": 4, "mlp": 32}
RECIPE = Recipe(2, fgsm(0.1), batch=32, learning_rate=0.02, monitor=40)
NO_CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no card")


@pytest.fixture(scope="module")
def splits() -> list[Split]:
    """Batches of two sizes."""
    return [load_images("digits", train=101, test=40, seed=seed) for seed in SEEDS]


def networks(name: str, *, wide: bool = True) -> list[nn.Module]:
    """In float64, or in float32."""
    made = [build_model(name, (1, 8, 8), 10, width=WIDTHS[name], seed=seed) for seed in SEEDS]
    return [nn.Sequential(Double(), model.double()) if wide else model for model in made]


def recipes(**change: Any) -> list[Recipe]:
    return [replace(RECIPE, seed=seed, **change) for seed in SEEDS]


def numbers(model: nn.Module) -> torch.Tensor:
    """Weights and running statistics."""
    return torch.cat([v.detach().double().flatten() for v in model.state_dict().values() if v.is_floating_point()])


def differences(models: list[nn.Module], others: list[nn.Module], starts: list[nn.Module]) -> list[float]:
    """Of each pair, in the length of the way from the start."""
    ways = [[numbers(model) for model in row] for row in (models, others, starts)]
    return [float((a - b).norm() / (a - start).norm()) for a, b, start in zip(*ways, strict=True)]


# -- networks


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", WIDTHS)
def test_stacked_networks_are_the_networks(name: str, training: bool) -> None:
    """Logits, derivatives, running statistics; and images of one network do not reach the others."""
    alone, joined = ([model.train(training) for model in networks(name)] for _ in range(2))
    x = torch.rand(3, 7, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    own, all_of_them = x.clone().requires_grad_(), x.flatten(0, 1).requires_grad_()
    expected = torch.cat([model(part) for model, part in zip(alone, own, strict=True)])
    found = Stacked(joined).train(training)(all_of_them)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for logits in (found, expected):
        logits.square().sum().backward()
    assert own.grad is not None
    torch.testing.assert_close(all_of_them.grad, own.grad.flatten(0, 1), rtol=0, atol=1e-12)
    for model, other in zip(alone, joined, strict=True):
        torch.testing.assert_close(model.state_dict(), other.state_dict(), rtol=0, atol=1e-12)
        for p, q in zip(model.parameters(), other.parameters(), strict=True):
            if training:
                torch.testing.assert_close(q.grad, p.grad, rtol=0, atol=1e-11)
            assert training or q.grad is None, "parameters are constants in eval mode"


# -- whole runs


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"attack": None},
        {"attack": pgd(0.1, 3, restarts=2)},
        {"attack": pgd(0.5, 2, p=2)},
        {"optimizer": "adam", "learning_rate": 1e-3},
        {"channels_last": True},
    ],
    ids=lambda change: ", ".join(change) or "fgsm",
)
@pytest.mark.parametrize("name", WIDTHS)
def test_in_float64_runs_together_end_where_they_end_alone(name: str, change: dict, splits: list[Split]) -> None:
    alone, joined = networks(name), networks(name)
    logs = [train(*one) for one in zip(alone, splits, recipes(**change), strict=True)]
    found = train_together(joined, splits, recipes(**change))
    assert max(differences(alone, joined, networks(name))) < 1e-11
    for log, other in zip(logs, found, strict=True):
        for record, same in zip(log.records, other.records, strict=True):
            assert replace(same, seconds=0, loss=0) == replace(record, seconds=0, loss=0)
            assert same.loss == pytest.approx(record.loss, rel=1e-6)
    assert not any(model.training for model in joined)
    assert len({round(log.records[-1].loss, 5) for log in found}) == 3, "the runs are different ones"


@pytest.mark.parametrize("name", WIDTHS)
def test_in_float32_they_differ_by_rounding(name: str, splits: list[Split]) -> None:
    """Of signs of gradients near 0 too: mean losses within 1e-4 of themselves, weights 1 % of their way."""
    alone, joined = networks(name, wide=False), networks(name, wide=False)
    logs = [train(*one) for one in zip(alone, splits, recipes(), strict=True)]
    found = train_together(joined, splits, recipes())
    assert max(differences(alone, joined, networks(name, wide=False))) < 1e-2
    for log, other in zip(logs, found, strict=True):
        assert [r.loss for r in other.records] == pytest.approx([r.loss for r in log.records], rel=1e-4)


def with_starts_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    real, first = together.random_offsets, []

    def shared(shape: Any, attack: Any, generator: torch.Generator) -> torch.Tensor:
        first.append(generator)
        return real(shape, attack, first[0])

    monkeypatch.setattr(together, "random_offsets", shared)


def with_order_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingState, "order", lambda run, epoch: np.random.default_rng(epoch).permutation(101))


def with_statistics_that_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    real = stacks.functional.batch_norm

    def forgetful(x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor, *rest: Any) -> torch.Tensor:
        found: torch.Tensor = real(x, mean.clone(), var.clone(), *rest)
        return found

    monkeypatch.setattr(stacks.functional, "batch_norm", forgetful)


@pytest.mark.parametrize("fault", [with_starts_of_the_first, with_order_of_the_first, with_statistics_that_stay])
def test_what_belongs_to_another_run_is_noticed(
    fault: Callable[[pytest.MonkeyPatch], None], splits: list[Split], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, joined = networks("resnet9", wide=False), networks("resnet9", wide=False)
    for one in zip(alone, splits, recipes(), strict=True):
        train(*one)
    fault(monkeypatch)
    train_together(joined, splits, recipes())
    assert max(differences(alone, joined, networks("resnet9", wide=False))) > 1e-2


@pytest.mark.gpu
@NO_CARD
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("name", WIDTHS)
def test_on_a_card(name: str, precision: str, splits: list[Split]) -> None:
    """As alone up to the card's rounding, TF32 of convolutions included: mean losses within 2 %."""
    alone, joined = networks(name, wide=False), networks(name, wide=False)
    change = {"precision": precision, "channels_last": name == "resnet9"}
    logs = [train(*one) for one in zip(alone, splits, recipes(**change), strict=True)]
    found = train_together(joined, splits, recipes(**change))
    for log, other in zip(logs, found, strict=True):
        assert [r.loss for r in other.records] == pytest.approx([r.loss for r in log.records], rel=0.02)


# -- checkpoints


def test_runs_go_on_together_or_alone(splits: list[Split], tmp_path: Path) -> None:
    """Killed after the checkpoint of the first run and before those of the others."""
    folders = [tmp_path / str(seed) for seed in SEEDS]

    def stop(epoch: int, _: nn.Module) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    whole, joined = networks("mlp"), networks("mlp")
    three = recipes(epochs=3)
    logs = train_together(whole, splits, three)
    with pytest.raises(KeyboardInterrupt):
        train_together(joined, splits, three, folders=folders, after_epoch=[lambda *_: None, stop, stop])
    assert [len((folder / "log.jsonl").read_text().splitlines()) for folder in folders] == [2, 1, 1]
    alone = networks("mlp")
    train(alone[2], splits[2], three[2], folder=folders[2])
    joined = networks("mlp")
    again = train_together(joined, splits, three, folders=folders)
    assert max(differences(whole, joined, networks("mlp"))) < 1e-11
    for log, other in zip(logs, again, strict=True):
        assert [r.loss for r in other.records] == pytest.approx([r.loss for r in log.records], rel=1e-6)
    # What is finished is read, not run; by one run alone too.
    assert train_together(networks("mlp"), splits, three, folders=folders) == again
    assert train(networks("mlp")[0], splits[0], three[0], folder=folders[0]) == again[0]


def test_a_run_that_diverges_says_so(splits: list[Split]) -> None:
    models = networks("mlp", wide=False)
    nn.init.constant_(next(models[1].parameters()), torch.nan)
    with pytest.raises(ValueError, match="training diverged: mean loss nan in epoch 1"):
        train_together(models, splits, recipes())


def test_where_one_run_overflows_in_half_precision_the_others_step(
    splits: list[Split], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a loss scale of its own: the first is too large at its first steps."""

    def started(recipe: Recipe, **_: Any) -> Fabric:
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0 ** (40 if recipe.seed == 0 else 4))
        return Fabric(accelerator="cpu", plugins=MixedPrecision("16-mixed", "cpu", scaler))

    monkeypatch.setattr(together, "fabric", started)
    alone, joined = networks("mlp", wide=False), networks("mlp", wide=False)
    few = recipes(epochs=1, attack=None)
    for model, split, recipe in zip(alone, splits, few, strict=True):
        train(model, split, recipe, using=started(recipe))
    train_together(joined, splits, few)
    starts = networks("mlp", wide=False)
    moved = [float((numbers(model) - numbers(start)).norm()) for model, start in zip(joined, starts, strict=True)]
    assert moved[0] == 0
    assert min(moved[1:]) > 0.01
    assert torch.equal(numbers(alone[0]), numbers(joined[0]))
    assert max(differences(alone[1:], joined[1:], starts[1:])) < 0.05


# -- bad input


class Odd(nn.Module):
    """A layer that nobody knows."""


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Odd(), r"networks with Odd\(\) are not stacked: train them one by one"),
        (nn.Dropout(0.5), "networks with Dropout"),
        (nn.BatchNorm2d(1, momentum=None), "networks with BatchNorm2d"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), "networks with Conv2d"),
        (nn.Linear(8, 8), "affine layers take vectors: put nn.Flatten"),
    ],
)
def test_layers_that_are_not_stacked_are_refused(layer: nn.Module, message: str, splits: list[Split]) -> None:
    models = [nn.Sequential(layer, nn.Flatten(), nn.Linear(64, 10)) for _ in SEEDS]
    with pytest.raises(ValueError, match=message):
        train_together(models, splits, recipes())


def test_runs_that_do_not_go_together_are_refused(splits: list[Split]) -> None:
    models = networks("mlp")
    others = [*models[:2], build_model("mlp", (1, 8, 8), 10, width=31)]
    with pytest.raises(ValueError, match="of one architecture, got 2: train them one by one"):
        train_together(others, splits, recipes())
    with pytest.raises(ValueError, match="recipes that differ by the seed alone, with compile=False"):
        train_together(models, splits, [*recipes()[:2], replace(RECIPE, batch=16)])
    with pytest.raises(ValueError, match="recipes that differ by the seed alone, with compile=False"):
        train_together(models, splits, recipes(compile=True))
    shorter = Split(splits[2].train.head(100), splits[2].test)
    with pytest.raises(ValueError, match=r"as many training images of one shape, got \[\(100, .*\(101, "):
        train_together(models, [*splits[:2], shorter], recipes())
    with pytest.raises(ValueError, match="got 3 models, 2 splits and 3 recipes"):
        train_together(models, splits[:2], recipes())
