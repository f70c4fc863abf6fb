"""Table 1: clean and robust accuracy on training and test images, after clean and after adversarial training."""

from empirics.images.experiments.kept import losses, record
from empirics.images.experiments.presets import Preset
from empirics.images.experiments.trained import Condition, Place, Run, trained
from empirics.images.verdicts.result import Record


def measure(preset: Preset, place: Place) -> tuple[list[Record], list[Run]]:
    """The four accuracies of either way of training; the robust ones, under attack, are upper bounds."""
    records, used = [], []
    for condition in (
        Condition("adversarial", preset.radius, preset.width),
        Condition("clean", 0.0, preset.width),
    ):
        runs = trained(preset, condition, place)
        used += runs
        for part in ("train", "test"):
            place.say(f"attacking {condition.name}, {part}")
            found = [losses(run, preset.epochs, part, images=preset.attacked) for run in runs]
            records += [
                record(runs, part, f"{kind}_accuracy", (at,), [[1 - one[f"{kind}_error"]] for one in found])
                for kind, at in (("clean", 0.0), ("robust", preset.radius))
            ]
    return records, used
