"""The arguments of `python -m empirics`, and what they say; loads no library, so that help and errors come at once."""

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

from empirics.images.experiments.presets import EXPERIMENTS, PRESETS, Preset, preset

OUT = "report/section4"
# Arguments that change a preset, in the order in which a command is written.
CHANGES = (
    *("data", "model", "seeds", "epochs", "train", "test", "width", "radius", "sweep", "pgd"),
    *("images", "epoch_images", "attacked", "test_steps", "losses"),
)


def parser() -> argparse.ArgumentParser:
    """Of `python -m empirics`."""
    made = argparse.ArgumentParser(
        prog="python -m empirics",
        description="Train, measure and judge one experiment of section 4; interrupted, it goes on where it was. "
        "Trained networks are shared by all experiments with one --out. What is not as in the preset is part of the "
        "result's name.",
    )
    made.add_argument("experiment", choices=EXPERIMENTS)
    made.add_argument("--dataset", choices=sorted({dataset for dataset, _ in PRESETS}), help="images and preset")
    made.add_argument("--preset", default="small", choices=("mini", "small", "paper"), help="the scale")
    made.add_argument("--out", default=OUT, metavar="DIR", help=f"folder of results and runs; default {OUT}")
    made.add_argument("--data-root", metavar="DIR", help="folder of hub data sets, in the layout of the hub")
    made.add_argument("--threads", type=int, help="of torch on a CPU; default OMP_NUM_THREADS, or the processors")
    made.add_argument(
        "--together",
        action=argparse.BooleanOptionalAction,
        help="train all seeds as one program, with the same results up to rounding; default on a GPU",
    )
    made.add_argument(
        "--draw", nargs="*", metavar="FILE", help="draw stored results again, one row each, without training"
    )
    own = made.add_argument_group("own images, own network")
    own.add_argument(
        "--data",
        metavar="FILE.npz",
        help="points (n, height, width[, colours]) as bytes or in [0, 1], labels (n,); a fifth is to test on",
    )
    own.add_argument(
        "--model", metavar="package.module:builder", help="called as builder(shape, classes, width=..., seed=...)"
    )
    training = made.add_argument_group("training, instead of the preset's")
    training.add_argument("--seeds", type=int, help="how many")
    training.add_argument("--epochs", type=int)
    training.add_argument("--train", type=int, metavar="N", help="training images")
    training.add_argument("--test", type=int, metavar="N", help="test images")
    training.add_argument("--width", type=float, help="of the network")
    training.add_argument("--radius", type=_radius, help="of adversarial training; the measured radii go with it")
    training.add_argument("--sweep", type=_radius, nargs="+", metavar="R", help="training radii of figure1, as 4/255")
    training.add_argument("--pgd", type=int, metavar="STEPS", help="train with PGD instead of FGSM; 7 for CIFAR-10")
    measured = made.add_argument_group("what is measured, instead of the preset's")
    measured.add_argument("--images", type=int, metavar="N", help="in figure1, of either part")
    measured.add_argument("--epoch-images", type=int, metavar="N", help="in figure2 and figure3, after each epoch")
    measured.add_argument("--attacked", type=int, metavar="N", help="in table1 and memorization")
    measured.add_argument("--test-steps", type=int, metavar="STEPS", help="of PGD where accuracy is measured")
    measured.add_argument(
        "--losses",
        nargs="+",
        choices=("cross_entropy", "scaled", "margin"),
        help="that PGD ascends there; of the cross entropy alone it depends on the unit of the logits",
    )
    return made


def command(options: argparse.Namespace) -> str:
    """The command that makes the result again, without the places of this machine."""
    words = ["python -m empirics", options.experiment, f"--dataset {options.dataset}", f"--preset {options.preset}"]
    for key in CHANGES:
        value = getattr(options, key)
        if value is not None:
            shown = [Path(value).name] if key == "data" else value if isinstance(value, list) else [value]
            words.append(" ".join([f"--{key.replace('_', '-')}", *map(_word, shown)]))
    return " ".join(words)


def _radius(text: str) -> float:
    """A decimal number or a fraction, such as 8/255."""
    return float(Fraction(text))


def _word(value: Any) -> str:
    """A number as short as it can be read again."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def settings(options: argparse.Namespace) -> Preset:
    """The preset with what was changed.

    Raises:
        ValueError: without a data set, or if a change does not fit.
    """
    if options.dataset is None:
        raise ValueError("--dataset is needed, whose preset is taken (also for --data): only --draw FILE goes without")
    given: dict[str, Any] = {key: getattr(options, key) for key in CHANGES}
    for key in ("sweep", "losses"):
        given[key] = None if given[key] is None else tuple(given[key])
    return preset(options.dataset, options.preset, **given)
