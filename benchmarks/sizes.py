"""Sizes of certified memorizers against ρ, N and random labels, and what no robust network of these points goes below.

Each construction is built and certified in a process of its own, with a limit of processor seconds; what it does not
finish, or cannot build, is a row that says so. Rows are kept in `build/sizes.jsonl` until all are there, so that a run
that was cut off goes on. MNIST comes from the folder in ROBUST_MEMORIZATION_DATA, or from the hub. All rows take about
half an hour. Then `sizes.png` is drawn; `python -m benchmarks.sizes` draws it again from the stored rows.
"""

import json
import multiprocessing
import resource
import signal
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.smallest import GREY, PATCHES, SMALL_NET
from constructions import (
    code_memorizer,
    compact_memorizer,
    load_sample,
    projection_code_memorizer,
    projection_memorizer,
    read_task,
    robust_memorizer,
    rule_memorizer,
)
from constructions.comparison.scaling_figure import draw_scaling
from constructions.pieces.soft_indicators import zeros_per_point
from theory.errors import AssumptionError
from theory.lower_bounds.coordinates import coordinates_needed
from theory.lower_bounds.network import network_size_needed
from theory.lower_bounds.rank import first_layer_rank_needed

FOLDER = Path(__file__).parent / "results"
_RECORD = Path(__file__).parents[1] / "build" / "sizes.jsonl"
_PIXELS = 28 * 28
# Radius in l_2 from which rules read patches of an image.
_PATCHED = 0.5
# Processor seconds of a row, wall seconds of each of two lower bounds.
_LIMIT, _BOUND_SECONDS = 300, 60.0


@dataclass(frozen=True)
class Case:
    """One row to be measured; `seed` is of the subset and of the random labels, p is "inf" for ∞ as in JSON."""

    series: str
    construction: str
    p: float | str
    radius: float | None
    data: str = "mnist5k"
    points: int = 5000
    labels: str = "true"
    seed: int = 0


def _over_rho() -> list[Case]:
    found = [Case("rho", "bits of a projection", 2.0, None)]
    for name, p, radii in (
        ("bits", "inf", (GREY,)),
        ("bits", 2.0, (GREY,)),
        ("rules", "inf", (1e-6, GREY, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45)),
        ("rules", 2.0, (1e-6, GREY, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9)),
        ("compact", 2.0, (0.1, 0.25, 0.5, 0.75, 0.9)),
        ("projection", 2.0, (0.1, 0.5, 0.9, 1.2, 1.5)),
        ("shared features", "inf", (0.1, 0.3, 0.45)),
        ("shared features", 2.0, (0.1, 0.5, 0.9, 1.5, 1.8)),
        ("proof sketch", "inf", (0.1, 0.45)),
        ("proof sketch", 2.0, (0.1, 0.5, 1.5)),
        ("lower bound", 2.0, (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.5, 1.8)),
        ("lower bound", "inf", (0.1, 0.2, 0.3, 0.45)),
    ):
        found += [Case("rho", name, p, radius) for radius in radii]
    return found


def _over_points() -> list[Case]:
    seeds = {1000: 3, 2000: 3, 5000: 3, 10_000: 3, 20_000: 2, 60_000: 1}
    found = [Case("N", "rules", "inf", 0.1, "mnist", size, seed=k) for size, n in seeds.items() for k in range(n)]
    for size in (1000, 2000, 5000):
        found += [Case("N", "rules", "inf", 0.1, "mnist", size, "random", k) for k in range(3)]
    return found


CASES = _over_rho() + _over_points()


def rows() -> list[dict[str, Any]]:
    found = []
    known = _recorded()
    for case in CASES:
        key = json.dumps(asdict(case))
        if key not in known:
            known[key] = _row(case)
            _RECORD.parent.mkdir(exist_ok=True)
            with _RECORD.open("a") as record:
                record.write(json.dumps({"case": key, "row": known[key]}) + "\n")
            print(known[key], flush=True)
        found.append(known[key])
    draw_scaling(found, FOLDER / "sizes.png")
    _RECORD.unlink()
    return found


def _recorded() -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in _RECORD.read_text().splitlines()] if _RECORD.exists() else []
    return {line["case"]: line["row"] for line in lines}


def _row(case: Case) -> dict[str, Any]:
    """What its process sends, or that it was ended."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(case, sender))
    process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        answer = {"outcome": f"not finished in {_LIMIT} s"}
    process.join()
    if process.exitcode not in (0, -signal.SIGXCPU):
        raise RuntimeError(f"no row of {case}: its process ended with {process.exitcode}")
    absent = dict.fromkeys(
        ("rho", "counted", "non-zeros", "all entries", "depth", "certified", "seconds", "outcome"), ""
    )
    return {**asdict(case), "dimension": _PIXELS, **absent, **answer}


def _send(case: Case, sender: Connection) -> None:
    # The kernel ends the process, whatever library it is in, by SIGXCPU.
    resource.setrlimit(resource.RLIMIT_CPU, (_LIMIT, _LIMIT + 10))
    try:
        sender.send(measured(case))
    except AssumptionError as error:
        sender.send({"outcome": f"cannot be built: {error}"})


def sample(case: Case) -> tuple[np.ndarray, list[Any]]:
    """Its points and labels: all images, or a random subset by size and seed, which true and random labels share."""
    points, labels = load_sample(case.data)
    if case.points < len(points):
        chosen = np.sort(np.random.default_rng((case.seed, case.points)).permutation(len(points))[: case.points])
        points, labels = points[chosen], [labels[k] for k in chosen]
    if case.labels == "random":
        labels = np.random.default_rng((case.seed, case.points, 1)).integers(0, 10, len(points)).tolist()
    return points, labels


def measured(case: Case) -> dict[str, Any]:
    """Counts, certified balls and processor seconds."""
    points, labels = sample(case)
    started = time.process_time()
    if case.construction == "lower bound":
        return _bounded(points, labels, case, started)
    built = _built(points, labels, case)
    row = {
        "radius": built.task.radius,
        "rho": 2 * built.task.radius / built.task.separation,
        "counted": "built",
        "non-zeros": built.network.nonzero,
        "all entries": built.size.parameters,
        "depth": built.network.depth,
    }
    if case.construction == "proof sketch":
        zeros = zeros_per_point(built.task.sample.points, built.task.radius, built.task.shell, built.task.p)
        row |= {"counted": "formula", "non-zeros": built.size.sketch - zeros, "all entries": "", "depth": ""}
    else:
        row["certified"] = built.certify().count("certified")
    return {**row, "seconds": time.process_time() - started}


def _built(points: np.ndarray, labels: list[Any], case: Case) -> Any:
    p = float(case.p)
    room: dict[str, Any] = {"radius": case.radius, "p": p}
    match case.construction:
        case "bits of a projection":
            # Its radius is what the projection leaves.
            return projection_code_memorizer(points, labels)
        case "bits":
            return code_memorizer(points, labels, **room)
        case "rules":
            # Of smaller balls single pixels know more.
            patched = p == 2 and room["radius"] >= _PATCHED
            return rule_memorizer(points, labels, **room, **(PATCHES if patched else {}))
        case "compact":
            # Larger balls of different classes are apart in more coordinates.
            wide = {"coordinates": SMALL_NET["features"]} if room["radius"] > _PATCHED else {}
            return compact_memorizer(points, labels, **room, **SMALL_NET | wide)
        case "projection":
            return projection_memorizer(points, labels, radius=case.radius, shell=0.3)
    return robust_memorizer(points, labels, **room, small="all")


def _bounded(points: np.ndarray, labels: list[Any], case: Case, started: float) -> dict[str, Any]:
    """What the data's own bounds say; both proofs are checked again."""
    room: dict[str, Any] = {"radius": case.radius, "p": float(case.p), "seconds": _BOUND_SECONDS}
    coordinates = coordinates_needed(points, labels, **room)
    rank = first_layer_rank_needed(points, labels, **room)
    for bound in (coordinates, rank):
        bound.check(points, labels)
    nonzero, entries = network_size_needed(coordinates, rank)
    task = read_task(points, labels, case.radius, None, float(case.p))
    return {
        "rho": 2 * task.radius / task.separation,
        "counted": "proved",
        "non-zeros": nonzero,
        "all entries": entries,
        "seconds": time.process_time() - started,
        "outcome": f"{coordinates.count} coordinates, rank {rank.rank}",
    }


if __name__ == "__main__":
    draw_scaling(json.loads((FOLDER / "sizes.json").read_text())["rows"], FOLDER / "sizes.png")
