"""The whole path at its smallest scale: training, measuring, judging, storing, drawing, from the command line."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

EXPERIMENTS = ("figure1", "figure2", "figure3", "table1", "memorization")


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    from empirics.__main__ import main

    folder = tmp_path_factory.mktemp("section4")
    for experiment in EXPERIMENTS:
        assert (
            main([experiment, "--dataset", "digits", "--preset", "mini", "--out", str(folder), "--threads", "1"]) == 0
        )
    return folder


def arguments(out, experiment="figure1", *more) -> list[str]:
    return [experiment, "--dataset", "digits", "--preset", "mini", "--out", str(out), "--threads", "1", *more]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_results_are_stored_and_their_verdicts_follow(out, experiment) -> None:
    from empirics.images.verdicts.result import Result
    from empirics.images.verdicts.verdicts import verdicts

    stem = f"{experiment}-digits-mini"
    result = Result.load(out / f"{stem}.json")
    assert result.verdicts
    assert result.verdicts == verdicts(result)
    assert result.command == f"python -m empirics {experiment} --dataset digits --preset mini"
    assert str(out) not in (out / f"{stem}.json").read_text()
    for ending in ("csv", "png", "svg"):
        assert (out / f"{stem}.{ending}").stat().st_size > 500
    assert not list(out.rglob("*partial*"))


def test_the_constructed_memorizer_has_its_kink_at_the_radius(out) -> None:
    """Figure 1's positive control: constant up to the radius, not beyond; and not so around test points."""
    from empirics.images.verdicts.result import Result

    result = Result.load(out / "figure1-digits-mini.json")
    for row in result.one(condition="constructed", split="train", measure="gradient_norm").values:
        assert row[:3] == (0, 0, 0)
        assert row[3] > 0
    wanted = "flat inside, sharp outside: constructed, gradient_norm, train, balls in [0,1]^d"
    assert [v.outcome for v in result.verdicts if v.claim == wanted] == ["reproduced"]


def test_nothing_is_trained_or_measured_twice(out, monkeypatch) -> None:
    from empirics.__main__ import main
    from empirics.images.experiments import kept as measured
    from empirics.images.training import training

    def never(*_args, **_kwargs) -> None:
        pytest.fail("this was there already")

    before = (out / "table1-digits-mini.json").read_text()
    monkeypatch.setattr(training, "_run_epoch", never)
    monkeypatch.setattr(measured, "flatness_curves", never)
    monkeypatch.setattr(measured, "robust_correct", never)
    for experiment in ("figure3", "table1"):
        assert main(arguments(out, experiment)) == 0
    after = (out / "table1-digits-mini.json").read_text()
    assert json.loads(before)["records"] == json.loads(after)["records"]


def test_drawn_again_without_training(out, tmp_path, capsys, monkeypatch) -> None:
    from empirics.__main__ import main
    from empirics.images.experiments import trained as runs

    monkeypatch.setattr(runs, "train", lambda *_args, **_kwargs: pytest.fail("--draw trains nothing"))
    stored = out / "figure2-digits-mini.json"
    (out / "figure2-digits-mini.png").unlink()
    assert main(arguments(out, "figure2", "--draw")) == 0
    assert (out / "figure2-digits-mini.png").is_file()
    assert main(arguments(tmp_path, "figure2", "--draw", str(stored), str(stored))) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "figure2-digits-mini-digits.png",
        "figure2-digits-mini-digits.svg",
    ]
    assert "the train curve descends" in capsys.readouterr().out


def test_random_labels_are_those_of_the_run(out) -> None:
    """The control's network is measured against the labels it was trained on, on both parts."""
    from empirics.images.experiments.presets import preset
    from empirics.images.experiments.trained import Condition, Place, trained

    place = Place(out / "runs", None, lambda _: None)
    settings = preset("digits", "mini")
    random = trained(settings, Condition("random labels", 0.1, 32), place)[0]
    true = trained(settings, Condition("adversarial", 0.1, 32), place)[0]
    assert len(random.part("train")) == settings.random_train
    assert random.epochs == settings.random_epochs
    for part in ("train", "test"):
        made, given = random.part(part), true.part(part, len(random.part(part)))
        assert (made.x == given.x).all()
        assert (made.y == given.y).float().mean() < 0.4
    start, end = (true.model(epoch)(true.part("train").x) for epoch in (0, None))
    assert (start != end).any()


def test_weights_that_are_lost_are_noticed(out) -> None:
    from empirics.images.experiments.presets import preset
    from empirics.images.experiments.trained import Condition, Place, trained

    place, condition = Place(out / "runs", None, lambda _: None), Condition("clean", 0.0, 32)
    path = out / "runs" / "digits-mini" / condition.slug(1) / "weights-010.pt"
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(ValueError, match=r"lacks the weights of the epochs \[10\]"):
        trained(preset("digits", "mini"), condition, place)
    path.write_bytes(content)


def test_seeds_trained_together_are_those_trained_alone(out, tmp_path, monkeypatch) -> None:
    """By the option; then the records are the same up to rounding, and both kinds of training read the same folders."""
    from empirics.__main__ import main
    from empirics.images.experiments import trained as runs
    from empirics.images.verdicts.result import Result

    assert main(arguments(out, "table1")) == 0
    assert main(arguments(tmp_path, "table1", "--together")) == 0
    alone, joined = (Result.load(folder / "table1-digits-mini.json") for folder in (out, tmp_path))
    for record, other in zip(alone.records, joined.records, strict=True):
        assert replace(other, values=()) == replace(record, values=())
        np.testing.assert_allclose(other.values, record.values, atol=0.02)
    assert [one["last"]["loss"] for one in joined.runs] == pytest.approx(
        [one["last"]["loss"] for one in alone.runs], rel=1e-2
    )
    monkeypatch.setattr(runs, "train_together", lambda *_args, **_kwargs: pytest.fail("asked to train alone"))
    assert main(arguments(tmp_path, "table1", "--no-together")) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--seeds", "0"), "at least one seed, got 0"),
        (("--epochs", "0"), "at least one epoch, got 0"),
        (("--train", "5000"), "asked for 5000"),
        (("--draw", "missing.json"), "there is no result missing.json"),
        (("--draw", "table1-digits-mini.json"), "is a result of table1, got the experiment figure1"),
        (("--threads", "0"), "threads must be >= 1"),
        (("--data", "missing.npz"), "there is no file missing.npz"),
        (("--model", "cnn"), "or package.module:builder, got 'cnn'"),
        (("--model", "nowhere:cnn"), "there is no such builder: No module named 'nowhere'"),
        (("--sweep", "0.05", "0.2"), "radii must increase and have the training radius 0.1"),
    ],
)
def test_bad_input_is_an_error_of_one_line(out, capsys, more, message) -> None:
    from empirics.__main__ import main

    more = tuple(str(out / word) if word.startswith("table1") else word for word in more)
    assert main([*arguments(out), *more]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error


def test_results_of_different_experiments_make_no_figure(out, capsys) -> None:
    from empirics.__main__ import main

    files = [str(out / f"{name}-digits-mini.json") for name in ("figure1", "table1")]
    assert main(arguments(out, "figure1", "--draw", *files)) == 2
    assert "is a result of table1, got the experiment figure1" in capsys.readouterr().err
    assert main(["figure1", "--out", str(out)]) == 2
    assert "--dataset is needed" in capsys.readouterr().err
    assert main(["figure2", "--out", str(out), "--draw", str(out / "figure2-digits-mini.json")]) == 0


def test_a_run_with_other_settings_has_another_name(out, capsys) -> None:
    """And leaves the preset's own result and networks as they were; what is only measured shares its networks."""
    from empirics.__main__ import main
    from empirics.images.verdicts.result import Result

    before = (out / "table1-digits-mini.json").read_bytes()
    networks = sorted(out.glob("runs/digits-mini/*"))
    assert main(arguments(out, "table1", "--attacked", "7", "--seeds", "1")) == 0
    assert "one seed gives no interval" in capsys.readouterr().out
    assert sorted(out.glob("runs/digits-mini/*")) == networks
    assert main(arguments(out, "table1", "--epochs", "2", "--seeds", "1")) == 0
    assert sorted(path.name for path in (out / "runs").iterdir()) == ["digits-mini", "digits-mini-epochs-2"]
    for label, words, key, value in (
        ("seeds-1-attacked-7", "--seeds 1 --attacked 7", "attacked", 7),
        ("epochs-2-seeds-1", "--seeds 1 --epochs 2", "epochs", 2),
    ):
        result = Result.load(out / f"table1-digits-mini-{label}.json")
        assert result.preset == f"mini-{label}"
        assert result.settings[key] == value
        assert result.command == f"python -m empirics table1 --dataset digits --preset mini {words}"
    assert (out / "table1-digits-mini.json").read_bytes() == before


def test_networks_at_chance_are_flagged(out, capsys, tmp_path) -> None:
    """One epoch of a learning rate near 0: nothing is learned, under any condition."""
    from rich.console import Console

    from empirics.images.experiments.command import show
    from empirics.images.experiments.presets import preset
    from empirics.images.experiments.run import run
    from empirics.images.experiments.trained import Place
    from empirics.images.verdicts.result import Result

    settings = replace(preset("digits", "mini", seeds=1, epochs=1), learning_rate=1e-9)
    result = run("table1", settings, Place(tmp_path / "runs", None, lambda _: None), tmp_path)
    assert {v.role for v in result.verdicts} == {"not fitted"}
    show(result, Console())
    printed = capsys.readouterr().out
    for condition in ("adversarial", "clean"):
        assert f"on training images is at chance: {condition}, radius" in printed
    # Trained networks are not.
    assert "not fitted" not in {v.role for v in Result.load(out / "table1-digits-mini.json").verdicts}


def test_another_network_is_measured_anew(tmp_path) -> None:
    """What was measured of one network is never taken for another's that was trained in its folder."""
    from empirics.images.experiments.presets import preset
    from empirics.images.experiments.run import run
    from empirics.images.experiments.trained import Place

    def accuracy(folder, **changes) -> list[tuple[tuple[float, ...], ...]]:
        settings = replace(preset("digits", "mini", seeds=1), **changes)
        records = run("table1", settings, Place(folder / "runs", None, lambda _: None), folder).records
        return [record.values for record in records]

    again, fresh = tmp_path / "again", tmp_path / "fresh"
    first = accuracy(again)
    with pytest.raises(ValueError, match="is of another run"):
        accuracy(again, learning_rate=0.05)
    for checkpoint in again.rglob("checkpoint.pt"):
        checkpoint.unlink()
    assert accuracy(again, learning_rate=0.05) == accuracy(fresh, learning_rate=0.05) != first


def test_measurements_say_how_long_they_took(tmp_path) -> None:
    from empirics.images.experiments.presets import preset
    from empirics.images.experiments.run import run
    from empirics.images.experiments.trained import Place

    said: list[str] = []
    run("table1", preset("digits", "mini", seeds=1), Place(tmp_path / "runs", None, said.append), tmp_path)
    timed = [line for line in said if re.fullmatch(r"  losses-020-(train|test), .*-seed-0: \d+\.\d s", line)]
    assert len(timed) == 4
