"""What `python -m empirics` does once its arguments are read: run or draw, and say what came out."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from empirics.images.experiments.arguments import command
from empirics.images.experiments.presets import Preset
from empirics.images.experiments.run import run
from empirics.images.experiments.trained import Place
from empirics.images.training.threads import threads
from empirics.images.verdicts.chance import at_chance
from empirics.images.verdicts.figure1 import flat_zone_reading, kinks
from empirics.images.verdicts.figures import draw
from empirics.images.verdicts.result import Result
from empirics.images.verdicts.verdicts import controls


def perform(options: argparse.Namespace, settings: Preset | None) -> int:
    """Do what the arguments say; 0 if it was done, 2 for bad input, 130 if it was interrupted.

    Args:
        options: of the command line.
        settings: what they make of the preset; None to draw the files that they name.
    """
    console = Console(soft_wrap=True, highlight=False)
    out = Path(options.out)
    name = "" if settings is None else f"{options.experiment}-{settings.source}-{settings.name}"
    try:
        if settings is None:
            results = [_stored(Path(path), options.experiment) for path in options.draw]
        elif options.draw is not None:
            results = [_stored(out / f"{name}.json", options.experiment)]
        else:
            console.print(str(threads(options.threads)))
            progress = sys.stderr.isatty()
            place = Place(out / "runs", options.data_root, console.print, progress, options.together)
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
        console.print(f"written to {out / name}.json and {name}.csv")
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
    for what, how in result.differs.items():
        console.print(f"differs, {what.replace('_', ' ')}: {how}")
    if result.experiment == "figure1":
        console.print(f"reading: {flat_zone_reading(result)}")
        for record in result.select(condition="adversarial", measure="gradient_norm", clip=True):
            console.print(f"kink after training at {record.radius:.3g}, {record.split}: {kinks(record)}")
    for claim in controls(result, "reproduced"):
        console.print(f"not specific, for a control shows it too: {claim}")
    if len(result.seeds) == 1:
        console.print("one seed gives no interval, so that nothing is decided: take --seeds 2 or more")
    else:
        for claim in controls(result, "undecided"):
            console.print(f"perhaps not specific, for a control is undecided: {claim}")
    for one in result.runs:
        which = f"{one['condition']}, radius {one['radius']:.4g}, width {one['width']:g}, seed {one['seed']}"
        if at_chance(one):
            accuracy = one["last"]["train_clean"]
            console.print(f"not fitted, accuracy {accuracy:.3g} on training images is at chance: {which}")
        if one["catastrophic_overfitting"]:
            console.print(f"catastrophic overfitting: {which}, epochs {one['catastrophic_overfitting']}")


def _stored(path: Path, experiment: str) -> Result:
    result = Result.load(path)
    if result.experiment != experiment:
        raise ValueError(f"{path} is a result of {result.experiment}, got the experiment {experiment}: name that one")
    return result
