"""Figure 1: both measures over the radius of the ball, after training at one radius, with the controls."""

from empirics.images.experiments import constructed_control as constructed
from empirics.images.experiments.kept import curves
from empirics.images.experiments.presets import Preset
from empirics.images.experiments.trained import Condition, Place, Run, trained
from empirics.images.verdicts.result import Record

MEASURES = ("gradient_norm", "loss_change")
PARTS = ("train", "test")


def conditions(preset: Preset) -> list[Condition]:
    """What is trained: adversarially at every radius of the sweep, cleanly, and adversarially on random labels."""
    return [
        *(Condition("adversarial", radius, preset.width) for radius in preset.sweep),
        Condition("clean", 0.0, preset.width),
        Condition("random labels", preset.radius, preset.width),
    ]


def measure(preset: Preset, place: Place) -> tuple[list[Record], list[Run]]:
    """The curves of every condition on training and test images, and the runs they come from.

    Balls are cut off at `[0, 1]^d`; at the preset's own radius whole balls are measured too.
    """
    records, used = [], []
    for condition in conditions(preset):
        runs = trained(preset, condition, place)
        used += runs
        main = condition.name == "adversarial" and condition.radius == preset.radius
        for clip in (True, False) if main else (True,):
            records += _records(runs, condition.name, runs[0].epochs, clip=clip, place=place)
        if main:
            records += _records(runs, "initialisation", 0, clip=True, place=place)
    if preset.constructed:
        records += constructed.measure(preset, place)
    return records, used


def _records(runs: list[Run], name: str, epoch: int, *, clip: bool, place: Place) -> list[Record]:
    preset, condition = runs[0].preset, runs[0].condition
    records = []
    for part in PARTS:
        place.say(f"measuring {name} {condition.radius:.4g}, {part}, {'in the box' if clip else 'whole balls'}")
        found = [curves(run, epoch, part, preset.radii, clip=clip, images=preset.images) for run in runs]
        records += [
            Record(
                condition=name,
                radius=0.0 if name == "initialisation" else condition.radius,
                epoch=epoch,
                split=part,
                clip=clip,
                measure=measure,
                at=preset.radii,
                values=tuple(one[measure] for one in found),
                width=condition.width,
            )
            for measure in MEASURES
        ]
    return records
