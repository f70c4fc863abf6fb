"""`python -m constructions.separations [NAME ...]`: how far differently labelled images are apart, exactly.

The least distance of training images from each other, and of test images from training images, for p = 1, 2 and ∞, with
the first pair that has it. Without names all data sets that are there; the others are named.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from constructions.__main__ import DEVICE, SCHEDULER
from constructions.networks.whole_file import write_whole
from constructions.samples.hub import SOURCES
from constructions.samples.loading import load_sample
from theory.cluster import connected
from theory.errors import AssumptionError
from theory.setting.separation import separation, separation_between
from theory.sizes.measured import PUBLISHED_SEPARATION, USUAL_RADII, MeasuredSeparation

NAMES = ("digits", "mnist5k", *SOURCES)


def separations(
    name: str, data_root: str | None = None, *, progress: bool = False, client: Any = None, device: Any = None
) -> Iterator[MeasuredSeparation]:
    """Of one data set.

    Args:
        name: one of `NAMES`.
        data_root: a local folder that holds the hub data sets, as for `load_sample`.
        progress: whether to show a bar for each search.
        client: a Dask client or the address of a scheduler, for searches on many machines; see `theory.cluster`.
        device: of torch, as for `theory.separation`.

    Raises:
        FileNotFoundError: if the data set is not there.
    """
    points, labels = load_sample(name, data_root=data_root)
    where: dict[str, Any] = {"client": client, "device": device, "progress": progress}
    for p in (1.0, 2.0, math.inf):
        found = separation(points, labels, p, **where)
        yield MeasuredSeparation(name, "train to train", len(points), len(points), p, found.distance, found.pair)
    if name in SOURCES:
        tests, test_labels = load_sample(name, split="test", data_root=data_root)
        for p in (1.0, 2.0, math.inf):
            found = separation_between(tests, test_labels, points, labels, p, **where)
            yield MeasuredSeparation(name, "test to train", len(tests), len(points), p, found.distance, found.pair)


def table(rows: list[MeasuredSeparation]) -> Table:
    """With what was published, and ρ = radius / (distance / 2) at the usual radii, "-" where it is 1 or more."""
    radii = sorted({radius for some in USUAL_RADII.values() for radius in some})
    drawn = Table(title="least distances of differently labelled images")
    for column in ("data", "between", "p", "distance", "pair", "published"):
        drawn.add_column(column, justify="left" if column in ("data", "between") else "right", no_wrap=True)
    for radius in radii:
        drawn.add_column(f"ρ at {'8/255' if radius == 8 / 255 else f'{radius:g}'}", justify="right", no_wrap=True)
    for row in rows:
        published = ""
        if math.isinf(row.p) and row.data in PUBLISHED_SEPARATION:
            published = f"{PUBLISHED_SEPARATION[row.data][row.between == 'test to train']:.3f}"
        cells = (row.data, row.between, f"{row.p:g}", f"{row.distance:.7g}", "{} {}".format(*row.pair), published)
        drawn.add_row(*cells, *(_ratio(row, radius) for radius in radii))
    return drawn


def _ratio(row: MeasuredSeparation, radius: float) -> str:
    if radius not in USUAL_RADII[row.p]:
        return ""
    try:
        return f"{row.ratio(radius):.4f}"
    except AssumptionError:
        return "-"


def main() -> int:
    """Print the table; write it if asked to."""
    parser = argparse.ArgumentParser(prog="python -m constructions.separations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--data-root", metavar="DIR", help="folder of the hub data sets")
    parser.add_argument("--scheduler", metavar="ADDRESS", help=SCHEDULER)
    parser.add_argument("--device", help=DEVICE)
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"there is no data set {', '.join(unknown)}; there are {', '.join(NAMES)}")
    console = Console()
    rows: list[MeasuredSeparation] = []
    try:
        with connected(options.scheduler) as client:
            for name in options.names or NAMES:
                try:
                    rows += separations(name, options.data_root, progress=True, client=client, device=options.device)
                except FileNotFoundError as error:
                    if options.names:
                        raise
                    console.print(f"{name} is left out: {error}", highlight=False, soft_wrap=True)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    # As wide as it is, also where a file or a pipe takes it.
    drawn = table(rows)
    Console(width=max(console.width, console.measure(drawn).maximum)).print(drawn)
    if options.json:
        command = "python -m constructions.separations --json FILE"
        stored = {"command": command, "numpy": np.__version__, "separations": [row.record() for row in rows]}
        write_whole(options.json, json.dumps(stored, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
