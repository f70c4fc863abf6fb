"""One experiment from its preset to its stored result: train, measure, judge, write."""

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch

from empirics.images.experiments import figure1, memorization, table1
from empirics.images.experiments import figures2and3 as epochs
from empirics.images.experiments.presets import Preset
from empirics.images.experiments.trained import Place, Run, device
from empirics.images.training.data import file_digest
from empirics.images.verdicts import verdicts as claims
from empirics.images.verdicts.result import Record, Result

Measure = Callable[[Preset, Place], tuple[list[Record], list[Run]]]
MEASURES: dict[str, Measure] = {
    "figure1": figure1.measure,
    "figure2": epochs.measure_figure2,
    "figure3": epochs.measure_figure3,
    "table1": table1.measure,
    "memorization": memorization.measure,
}


def run(experiment: str, preset: Preset, place: Place, out: Path, *, command: str = "") -> Result:
    """Trains what is missing, measures what is missing, and writes JSON and CSV into a folder.

    Args:
        experiment: "figure1", "figure2", "figure3", "table1" or "memorization".
        preset: its settings.
        place: of runs and data.
        out: folder of the result.
        command: that makes it again, to be stored.

    Raises:
        ValueError: for an unknown experiment, or settings that do not fit.
        FileNotFoundError: if the data set is not there.
    """
    if experiment not in MEASURES:
        raise ValueError(f"experiments are {', '.join(MEASURES)}, got {experiment!r}")
    started = time.perf_counter()
    records, used = MEASURES[experiment](preset, place)
    settings = asdict(preset)
    if preset.data is not None:
        settings["data"] = {"file": Path(preset.data).name, "sha256": file_digest(preset.data)}
    result = Result(
        experiment=experiment,
        dataset=preset.source,
        preset=preset.name,
        settings=settings,
        seeds=preset.seeds,
        records=tuple(records),
        runs=tuple(one.summary() for one in used),
        command=command,
        machine={
            "device": str(device()),
            "card": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "processor": platform.machine(),
            # Of this call; what was there already is not in it. Training is given run by run.
            "seconds_of_this_call": round(time.perf_counter() - started, 1),
        },
    )
    result = replace(result, verdicts=claims.verdicts(result))
    result.save(out)
    return result
