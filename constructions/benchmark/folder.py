"""The folder of a benchmark, in VNN-COMP's layout: every truth in it is proved on the files before they are there."""

import csv
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from constructions.benchmark.margins import Instance
from constructions.benchmark.models import FromFile, Model
from constructions.benchmark.suites import instances
from constructions.benchmark.truth import Truth, network_of_file, proved
from constructions.certificates.rational_intervals import largest_float_at_most, rational_outputs
from constructions.exchange.onnx_file import write_onnx
from constructions.exchange.vnnlib_file import decimal, write_specification
from constructions.exchange.witness_file import write_witness

COLUMNS = (
    *("vnnlib", "onnx", "truth", "margin", "least", "reason", "theorem", "family", "construction", "p"),
    *("inputs", "outputs", "depth", "nonzero", "format", "witness"),
)
# Longer numbers are rounded towards 0 in the table.
_LONGEST = 80
# Seconds, for networks of up to so many entries and beyond.
_TIMEOUTS, _LARGE = (30, 300), 20_000


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        instances: how many.
        bytes: of all files.
    """

    instances: int
    bytes: int


def write_benchmark(
    path: str | os.PathLike[str], *, size: str = "small", seed: int = 0, progress: bool = False
) -> Written:
    """Write a benchmark, the whole folder or nothing; the same bytes for the same size and seed.

    The folder holds `onnx/` (one Gemm a layer, float32 where the network rounded to it is proved right, else float64),
    `vnnlib/` (version 1.0), `instances.csv` (onnx, vnnlib, seconds), `truth.csv` and `witnesses/`. Rows are ordered by
    the number of inputs. In `truth.csv` `margin` is the margin less its threshold, a lower bound for unsat, at the
    witness for sat, and `least` its exact minimum where that is known; the function is that of the weights of the file
    over the reals.

    Args:
        path: of the folder, which must not be there, or be empty.
        size: "small" or "full".
        seed: of the samples, and of searches and training.
        progress: whether to show on stderr what is being done.

    Raises:
        ValueError: for a folder that is not empty, or another size or seed.
        Unproved: if a truth is not proved on the files: nothing is written then.
        ImportError: without onnx.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed must be a whole number >= 0, got {seed!r}")
    target = Path(path)
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise ValueError(f"{target} must be a new or an empty folder: name another one, or remove it")
    console = Console(stderr=True, quiet=not progress)
    partial = target.with_name(f".partial-{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for folder in ("onnx", "vnnlib", "witnesses"):
            (partial / folder).mkdir(parents=True)
        console.print(f"building the networks of {size}, seed {seed}", highlight=False)
        planned: list[Instance] = []
        for instance in instances(size, seed):
            if not planned or planned[-1].model is not instance.model:
                console.print(f"  {instance.model.name}, {instance.model.dtype}", highlight=False)
            planned.append(instance)
        planned.sort(key=lambda instance: instance.model.network.inputs)
        rows = write_instances(partial, track(planned, "writing and proving", console=console, disable=not progress))
        _write_csv(partial / "truth.csv", [COLUMNS, *([row[name] for name in COLUMNS] for row in rows)])
        timeouts = [_TIMEOUTS[one.model.network.parameters > _LARGE] for one in planned]
        _write_csv(
            partial / "instances.csv",
            [(row["onnx"], row["vnnlib"], str(seconds)) for row, seconds in zip(rows, timeouts, strict=True)],
        )
        if target.exists():
            target.rmdir()
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Written(len(planned), sum(file.stat().st_size for file in target.rglob("*") if file.is_file()))


def write_instances(folder: Path, planned: Iterable[Instance]) -> list[dict[str, str]]:
    """Write the files of instances, prove each from its files, and give their rows of `truth.csv`.

    Raises:
        Unproved: if files do not bear out a truth.
    """
    networks: dict[str, FromFile] = {}
    rows = []
    for number, instance in enumerate(planned):
        model = instance.model
        onnx = f"onnx/{model.name}.onnx"
        if onnx not in networks:
            write_onnx(folder / onnx, model.network, dtype=model.dtype, plain=True)
            networks[onnx] = network_of_file(folder / onnx, model)
        name = f"{number:04d}_{instance.family.replace(', ', '_').replace(' ', '_')}"
        vnnlib, witness = f"vnnlib/{name}.vnnlib", f"witnesses/{name}.txt" if instance.truth == "sat" else ""
        write_specification(folder / vnnlib, instance.cases, comment=f"{instance.family}: {instance.truth}")
        if instance.witness is not None:
            _write_exact_witness(folder / witness, model, instance.witness)
        truth = proved(instance, networks[onnx], folder / vnnlib, folder / witness if witness else None)
        rows.append(_row(instance, truth, {"onnx": onnx, "vnnlib": vnnlib, "witness": witness}))
    return rows


def _write_exact_witness(path: Path, model: Model, x: np.ndarray) -> None:
    if model.dtype == "float32" and not np.array_equal(x.astype(np.float32), x):
        raise AssertionError(f"a witness of a float32 network must be of that format, for {model.name}")
    outputs = rational_outputs(model.network.layers, x)
    write_witness(path, x, np.array([float(v) for v in outputs]))


def _row(instance: Instance, truth: Truth, files: dict[str, str]) -> dict[str, str]:
    network = instance.model.network
    return {
        **files,
        "truth": truth.answer,
        "margin": _number(truth.margin),
        "least": "" if truth.least is None else _number(truth.least),
        "reason": truth.reason,
        "theorem": instance.why,
        "family": instance.family,
        "construction": instance.model.arguments,
        "p": f"{instance.model.task.p:g}",
        "inputs": str(network.inputs),
        "outputs": str(network.outputs),
        "depth": str(network.depth),
        "nonzero": str(network.nonzero),
        "format": instance.model.dtype,
    }


def _number(value: Fraction) -> str:
    text = decimal(value)
    if len(text) <= _LONGEST:
        return text
    return repr(largest_float_at_most(value) if value > 0 else -largest_float_at_most(-value))


def _write_csv(path: Path, rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)
