"""`python -m empirics figure1 --dataset mnist5k`: the experiments of section 4, at any scale."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from empirics.images.experiments.presets import PRESETS, preset
from empirics.images.experiments.run import EXPERIMENTS, run
from empirics.images.experiments.trained import Place
from empirics.images.training.threads import passive_environment, threads
from empirics.images.verdicts.figure1 import flat_zone_reading, kinks
from empirics.images.verdicts.figures import draw
from empirics.images.verdicts.result import Result
from empirics.images.verdicts.verdicts import controls

OUT = "report/section4"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if it was done, 2 for bad input, 130 if it was interrupted."""
    options = _parser().parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False)
    out = Path(options.out)
    changes = {name: getattr(options, name) for name in ("epochs", "train", "test", "width")}
    try:
        settings = preset(options.dataset, options.preset, seeds=options.seeds, **changes)
        stored = out / f"{options.experiment}-{settings.dataset}-{settings.name}.json"
        if options.draw is not None:
            results = [Result.load(Path(name)) for name in options.draw or [stored]]
        else:
            console.print(str(threads(options.threads)))
            place = Place(out / "runs", options.data_root, console.print, progress=sys.stderr.isatty())
            results = [run(options.experiment, settings, place, out, command=command(options))]
        drawn = draw(results, out)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    for result in results:
        show(result, console)
    if options.draw is None:
        console.print(f"written to {stored} and {stored.with_suffix('.csv').name}")
    console.print("drawn: " + ", ".join(map(str, drawn)))
    return 0


def show(result: Result, console: Console) -> None:
    """Prints the verdicts of a result, and what they say together."""
    table = Table(title=f"{result.name}, seeds {', '.join(map(str, result.seeds))}: statistic with 95 % interval")
    table.add_column("claim (control: must not be reproduced)")
    for name in ("statistic", "low", "high", "holds if"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for v in result.verdicts:
        claim = v.claim if v.role == "claim" else f"{v.role}: {v.claim}"
        numbers = (f"{x:.3g}" for x in (v.mean, v.low, v.high))
        table.add_row(claim, *numbers, f"{'>' if v.direction == 'above' else '<'} {v.threshold:g}", v.outcome)
    Console(width=max(console.width, 120), highlight=False).print(table)
    if result.experiment == "figure1":
        console.print(f"reading: {flat_zone_reading(result)}")
        for record in result.select(condition="adversarial", measure="gradient_norm", clip=True):
            found = ", ".join(f"{name} {place:.3g}" for name, place in kinks(record).items())
            console.print(f"kink after training at {record.radius:.3g}, {record.split}: {found}")
    for claim in controls(result, "reproduced"):
        console.print(f"not specific, for a control shows it too: {claim}")
    for claim in controls(result, "undecided"):
        console.print(f"perhaps not specific, for a control is undecided: {claim}")
    for one in result.runs:
        if one["catastrophic_overfitting"]:
            console.print(
                f"catastrophic overfitting: {one['condition']}, radius {one['radius']:.4g}, seed {one['seed']}, "
                f"epochs {one['catastrophic_overfitting']}"
            )


def command(options: argparse.Namespace) -> str:
    """The command that makes the result again, without the places of this machine."""
    words = ["python -m empirics", options.experiment, f"--dataset {options.dataset}", f"--preset {options.preset}"]
    given: dict[str, Any] = {name: getattr(options, name) for name in ("seeds", "epochs", "train", "test", "width")}
    return " ".join([*words, *(f"--{name} {value:g}" for name, value in given.items() if value is not None)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m empirics",
        description="Train, measure and judge one experiment of section 4; interrupted, it goes on where it was. "
        "Trained networks are shared by all experiments with one --out.",
    )
    parser.add_argument("experiment", choices=tuple(EXPERIMENTS))
    parser.add_argument("--dataset", required=True, choices=sorted({dataset for dataset, _ in PRESETS}))
    parser.add_argument("--preset", default="small", choices=("mini", "small", "paper"), help="the scale")
    parser.add_argument("--seeds", type=int, help="how many")
    parser.add_argument("--epochs", type=int, help="of training, instead of the preset's")
    parser.add_argument("--train", type=int, help="training images, instead of the preset's")
    parser.add_argument("--test", type=int, help="test images, instead of the preset's")
    parser.add_argument("--width", type=float, help="of the network, instead of the preset's")
    parser.add_argument("--out", default=OUT, metavar="DIR", help=f"folder of results and runs; default {OUT}")
    parser.add_argument("--data-root", metavar="DIR", help="folder of hub data sets, in the layout of the hub")
    parser.add_argument("--threads", type=int, help="of torch on a CPU; default OMP_NUM_THREADS, or the processors")
    parser.add_argument(
        "--draw", nargs="*", metavar="FILE", help="draw stored results again, one row each, without training"
    )
    return parser


if __name__ == "__main__":
    if "OMP_WAIT_POLICY" not in os.environ:
        # Threads that spin while they wait make a busy machine many times slower, and OpenMP reads this when loaded.
        os.execve(sys.executable, [sys.executable, "-m", "empirics", *sys.argv[1:]], passive_environment())
    sys.exit(main())
