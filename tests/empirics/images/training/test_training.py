"""Training: the step by hand, learning, kills, processes, records, catastrophic overfitting, bad input."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from empirics.images.training.attacks import Attack, correct, fgsm, perturb, pgd, random_offsets
from empirics.images.training.data import Images, Split, load_images, random_labels
from empirics.images.training.log import overfits_catastrophically
from empirics.images.training.models import build_model
from empirics.images.training.recipe import Recipe
from empirics.images.training.state import evaluate
from empirics.images.training.training import fabric, train, train_step
from tests.empirics.images.training.training_in_processes import run

HERE = Path(__file__).parent
RECIPE = Recipe(3, fgsm(0.1), batch=32, optimizer="adam", learning_rate=5e-3, weight_decay=0, monitor=60)


@pytest.fixture(scope="module")
def split() -> Split:
    return load_images("digits", train=250, test=100)


def network(seed: int = 0) -> nn.Sequential:
    return build_model("mlp", (1, 8, 8), 10, width=32, seed=seed)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def program(name: str, *arguments: str) -> subprocess.CompletedProcess:
    """One of the programs beside this file; every warning is an error there too."""
    command = [sys.executable, "-W", "error", str(HERE / name), *arguments]
    paths = os.pathsep.join([str(HERE.parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer


# -- one step


def test_a_step_is_the_gradient_at_the_attacked_batch(split: Split) -> None:
    """By hand: attack, mean loss, gradient, SGD with momentum 0.9 from rest and weight decay."""
    recipe = Recipe(1, pgd(0.1, 3), learning_rate=0.5, weight_decay=0.01)
    model, by_hand = network(), network()
    using = fabric(recipe, accelerator="cpu")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.01)
    wrapped, optimizer = using.setup(model, optimizer)
    rows = np.arange(3, 40)
    generator = torch.Generator().manual_seed(5)
    total = train_step(model, wrapped, optimizer, split.train, rows, recipe, generator, using)
    x, y = split.train.x[3:40], split.train.y[3:40]
    offsets = random_offsets(x.shape, recipe.attack, torch.Generator().manual_seed(5))
    loss = cross_entropy(by_hand(perturb(by_hand, x, y, recipe.attack, offsets=offsets)), y)
    gradients = torch.autograd.grad(loss, list(by_hand.parameters()))
    for p, g, q in zip(by_hand.parameters(), gradients, model.parameters(), strict=True):
        torch.testing.assert_close(q.detach(), p.detach() - 0.5 * (g + 0.01 * p.detach()), rtol=0, atol=1e-6)
    torch.testing.assert_close(total, loss.detach() * 37, rtol=1e-5, atol=0)
    assert all(p.grad is None for p in model.parameters())


def test_the_learning_rate_rises_and_falls_once() -> None:
    cyclic = Recipe(1, None, learning_rate=0.2)
    assert [cyclic.rate(done) for done in (0, 0.2, 0.4, 0.7, 1)] == pytest.approx([0, 0.1, 0.2, 0.1, 0])
    assert replace(cyclic, schedule="constant").rate(0.9) == 0.2


# -- whole runs


def test_adversarial_training_makes_robust(split: Split) -> None:
    clean, robust = network(), network()
    longer = replace(RECIPE, epochs=40, learning_rate=1e-2)
    quiet = train(clean, split, replace(longer, attack=None))
    log = train(robust, split, longer)
    attack = pgd(0.1, 10)
    assert evaluate(clean, split.train) > 0.97
    assert evaluate(robust, split.train, attack) > evaluate(clean, split.train, attack) + 0.1
    assert log.records[-1].loss < log.records[0].loss
    assert [record.epoch for record in log.records] == list(range(1, 41))
    assert log.overfitted_at is None
    assert quiet.records[-1].train_pgd is None
    assert not robust.training


def test_records_are_what_evaluate_finds(split: Split) -> None:
    model = network()
    (record,) = train(model, split, replace(RECIPE, epochs=1)).records
    for part, images in (("train", split.train), ("test", split.test)):
        head = images.head(60)
        assert getattr(record, f"{part}_clean") == evaluate(model, head)
        assert getattr(record, f"{part}_fgsm") == evaluate(model, head, fgsm(0.1))
        assert getattr(record, f"{part}_pgd") == evaluate(model, head, pgd(0.1, 10))
    assert f"epoch 1: loss {record.loss:.4f}; train clean" in record.line()


def test_accuracies_do_not_depend_on_the_batch(split: Split) -> None:
    model = network()
    train(model, split, replace(RECIPE, epochs=2))
    assert evaluate(model, split.test) == float(correct(model, split.test.x, split.test.y).double().mean())
    attack = pgd(0.1, 5, random_start=False)
    assert evaluate(model, split.test, attack, batch=7) == evaluate(model, split.test, attack)


def test_runs_repeat_and_seeds_differ(split: Split) -> None:
    first, again, other = (network() for _ in range(3))
    state = torch.random.get_rng_state()
    train(first, split, RECIPE)
    assert torch.equal(state, torch.random.get_rng_state()), "the caller's generator was used"
    torch.manual_seed(99)
    train(again, split, RECIPE)
    train(other, split, replace(RECIPE, seed=1))
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_networks_that_draw_numbers_draw_new_ones_in_every_step(split: Split) -> None:
    """In train mode, whatever a callback left the network in, and whatever the caller drew before."""

    class Drawing(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.training:
                draws.append(float(torch.rand(())))
            return super().forward(x.flatten(1))

    runs = []
    for seed in (1, 2):
        draws: list[float] = []
        torch.manual_seed(seed)
        train(Drawing(64, 10), split, RECIPE, after_epoch=lambda _, model: model.eval() and None)
        runs.append(draws)
    assert len(set(runs[0])) == 3 * 8
    assert runs[0] == runs[1]


@pytest.mark.parametrize("name", ["resnet9", "lenet5"])
@pytest.mark.parametrize("change", [{"channels_last": True}, {"precision": "bf16-mixed"}])
def test_layout_and_precision_change_rounding_only(name: str, change: dict, split: Split) -> None:
    losses = []
    for recipe in (replace(RECIPE, epochs=1), replace(RECIPE, epochs=1, **change)):
        model = build_model(name, (1, 8, 8), 10, width={"resnet9": 4, "lenet5": 1}[name])
        losses.append(train(model, split, recipe).records[0].loss)
    assert losses[0] != losses[1] or change == {"channels_last": True}
    assert abs(losses[0] - losses[1]) < 0.05 * losses[0]


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_does_the_same(split: Split) -> None:
    models = [network(), network()]
    for model, compile in zip(models, (False, True), strict=True):
        train(model, split, replace(RECIPE, compile=compile))
    torch.testing.assert_close(*(weights(model) for model in models), rtol=0, atol=1e-3)


def test_the_bar_shows_epochs_and_overfitting(split: Split, capsys: pytest.CaptureFixture) -> None:
    train(network(), split, replace(RECIPE, epochs=1), progress=True)
    shown = " ".join(capsys.readouterr().out.split())
    assert "epoch 1: loss" in shown
    assert "8/8" in shown
    train(network(), split, replace(RECIPE, epochs=1))
    assert not capsys.readouterr().out


# -- checkpoints and records


def test_a_run_goes_on_from_its_folder(split: Split, tmp_path: Path) -> None:
    """Stopped by an exception in the third epoch's callback, which comes before that epoch's checkpoint."""
    called: list[int] = []

    def after_epoch(epoch: int, model: nn.Module) -> dict[str, float]:
        assert not model.training
        called.append(epoch)
        if called == [1, 2, 3]:
            raise KeyboardInterrupt
        return {"norm": float(weights(model).norm())}

    whole, model = network(), network()
    log = train(whole, split, RECIPE)
    with pytest.raises(KeyboardInterrupt):
        train(model, split, RECIPE, folder=tmp_path, after_epoch=after_epoch)
    model = network()
    resumed = train(model, split, RECIPE, folder=tmp_path, after_epoch=after_epoch)
    assert called == [1, 2, 3, 3]
    assert torch.equal(weights(model), weights(whole))
    assert [r.loss for r in resumed.records] == [r.loss for r in log.records]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in lines] == [r.loss for r in log.records]
    assert lines[2]["measures"] == {"norm": float(weights(model).norm())}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "log.jsonl"]
    # A finished run is read, not run.
    model = network()
    assert train(model, split, RECIPE, folder=tmp_path) == resumed
    assert torch.equal(weights(model), weights(whole))


def test_a_killed_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    found = json.loads(program("interrupted_training.py", str(tmp_path)).stdout)
    assert found == {
        "in the first epoch": [0, True],
        "in the third epoch": [2, True],
        "in half a checkpoint": [1, True],
        "before the checkpoint has its name": [1, True],
        "between checkpoint and log": [1, True],
        "after the log": [2, True],
    }


@pytest.mark.nightly
def test_runs_killed_at_random_end_with_the_same_bits(tmp_path: Path) -> None:
    found = json.loads(program("interrupted_training.py", str(tmp_path), "15").stdout)
    assert len(found) == 21
    assert all(same for _, same in found.values())


def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    """Up to the order of sums: 1e-5 of how far the weights have moved."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    run(tmp_path / "one", 1)
    program("training_in_processes.py", str(tmp_path / "two"), "2")
    one = dict(np.load(tmp_path / "one" / "rank0.npz"))
    two = [dict(np.load(tmp_path / "two" / f"rank{k}.npz")) for k in range(2)]
    assert (two[0]["weights"] == two[1]["weights"]).all()
    assert abs(one["moved"]).max() > 0.05
    assert abs(two[0]["moved"] - one["moved"]).max() <= 1e-5 * abs(one["moved"]).max()
    np.testing.assert_allclose(two[0]["losses"], one["losses"], rtol=1e-6)
    # Each batch is shared: the attack on it sees every image once.
    assert (two[0]["shares"] + two[1]["shares"] == one["shares"]).all()
    assert abs(two[0]["shares"] - two[1]["shares"]).max() == 1
    assert len((tmp_path / "two" / "run" / "log.jsonl").read_text().splitlines()) == 2


# -- catastrophic overfitting


@pytest.mark.parametrize(
    ("weak", "strong", "found"),
    [
        (0.9, 0.0, True),
        (0.9, 0.44, True),
        (0.9, 0.46, False),
        (0.11, 0.0, True),
        (0.1, 0.0, False),
        (None, None, False),
    ],
)
def test_what_counts_as_catastrophic(weak: float | None, strong: float | None, found: bool) -> None:
    assert overfits_catastrophically(weak, strong) == found


def test_fgsm_training_overfits_catastrophically_where_pgd_does_not(capsys: pytest.CaptureFixture) -> None:
    """A real case: one step of a large radius from the image itself.

    With each of five seeds it is seen first between epochs 8 and 12, and in most epochs from then on; when, is a matter
    of rounding, which machines differ in. At 0.3 it may be after epoch 14, and after many epochs PGD has it too.
    """
    split = load_images("digits", train=500, test=100)
    logs = []
    for attack in (fgsm(0.25, random_start=False), pgd(0.25, 7)):
        recipe = replace(
            RECIPE, epochs=25, attack=attack, batch=50, learning_rate=2e-3, schedule="constant", monitor=300
        )
        model = build_model("mlp", (1, 8, 8), 10, width=200)
        logs.append(train(model, split, recipe, progress=True))
    assert logs[0].overfitted_at is not None
    assert logs[1].overfitted_at is None
    assert "CATASTROPHIC OVERFITTING" in capsys.readouterr().out


# -- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs, batch, monitor >= 1"),
        ({"batch": 0}, "epochs, batch, monitor >= 1"),
        ({"monitor": 0}, "epochs, batch, monitor >= 1"),
        ({"seed": -1}, "seed >= 0"),
        ({"learning_rate": 0.0}, "learning_rate > 0"),
        ({"learning_rate": math.nan}, "learning_rate > 0"),
        ({"momentum": 1.0}, "0 <= momentum < 1"),
        ({"weight_decay": -0.1}, "weight_decay >= 0"),
    ],
)
def test_bad_recipes_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **change)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [("optimizer", "adamw", "sgd, adam"), ("schedule", "cosine", "cyclic, constant"), ("precision", "8", "32-true")],
)
def test_unknown_names_are_refused(field: str, value: str, message: str) -> None:
    """Where types are not checked, as they are in these tests."""
    recipe = object.__new__(Recipe)
    for name, known in {**vars(RECIPE), field: value}.items():
        object.__setattr__(recipe, name, known)
    with pytest.raises(ValueError, match=f"{field} must be one of {message}.*got '{value}'"):
        Recipe.__post_init__(recipe)


def test_models_that_do_not_fit_are_refused(split: Split) -> None:
    with pytest.raises(ValueError, match=r"does not take images of shape \(1, 8, 8\)"):
        train(build_model("mlp", (1, 9, 9), 10), split, RECIPE)
    with pytest.raises(ValueError, match=r"must give 10 logits an image, got shape \(2, 7\)"):
        train(build_model("mlp", (1, 8, 8), 7), split, RECIPE)


def test_a_run_that_diverges_says_so(split: Split, tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(ValueError, match=r"training diverged: mean loss (nan|inf) in epoch 1; lower the learning rate"):
        train(network(), split, recipe, folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b""), "is damaged or no checkpoint, remove it"),
        (lambda path: path.write_bytes(b"no checkpoint"), "is damaged or no checkpoint, remove it"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "is damaged or no checkpoint, remove it"),
        (lambda path: torch.save({"weights": torch.zeros(3)}, path), "is no checkpoint of this training"),
        (lambda path: torch.save(torch.zeros(3), path), "is no checkpoint of this training"),
        (lambda path: torch.save(network(), path), "is damaged or no checkpoint, remove it"),
    ],
)
def test_damaged_checkpoints_are_refused(damage, message: str, split: Split, tmp_path: Path) -> None:
    train(network(), split, replace(RECIPE, epochs=1), folder=tmp_path)
    damage(tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match=rf"checkpoint.pt {message}"):
        train(network(), split, replace(RECIPE, epochs=1), folder=tmp_path)


def test_a_changed_byte_is_seen(split: Split, tmp_path: Path) -> None:
    train(network(), split, replace(RECIPE, epochs=1), folder=tmp_path)
    path = tmp_path / "checkpoint.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        train(network(), split, replace(RECIPE, epochs=1), folder=tmp_path)


def test_checkpoints_of_other_runs_are_refused(split: Split, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=1)
    train(network(), split, recipe, folder=tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    others = {
        "attack .*radius.: 0.1.* there, .*radius.: 0.2": (network(), split, replace(recipe, attack=fgsm(0.2))),
        "epochs '1' there, '2' here": (network(), split, replace(recipe, epochs=2)),
        "model ": (network(seed=1), split, recipe),
        "images ": (network(), Split(random_labels(split.train), split.test), recipe),
    }
    for message, (model, images, other) in others.items():
        with pytest.raises(ValueError, match=f"of another run: {message}.*take another folder"):
            train(model, images, other, folder=tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_measures_that_are_not_json_are_refused(split: Split, tmp_path: Path) -> None:
    for value in (math.nan, object()):
        with pytest.raises(ValueError, match="what after_epoch returns must be JSON"):
            train(network(), split, RECIPE, folder=tmp_path, after_epoch=lambda *_, v=value: {"x": v})
        assert not list(tmp_path.iterdir())


def test_more_processes_than_images_are_refused(split: Split) -> None:
    class Many:
        world_size = 40

    with pytest.raises(ValueError, match="40 processes need as many images in a batch, got 31: raise batch"):
        train.__wrapped__(network(), split, RECIPE, using=Many())


def test_evaluate_takes_images_it_was_not_trained_on() -> None:
    images = Images("own", torch.rand(3, 1, 8, 8), torch.tensor([0, 1, 2]), 10)
    assert evaluate(network(), images, Attack(0.0, 0, 0.0)) == evaluate(network(), images)
