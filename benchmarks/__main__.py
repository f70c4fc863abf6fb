"""`python -m benchmarks [NAME …]`: run benchmarks, print their tables, write `benchmarks/results/NAME.json`."""

import argparse
import json
import os
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent
NAMES = sorted(
    path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "__main__", "timing", "earlier")
)


def table(name: str, rows: list[dict[str, Any]]) -> Table:
    drawn = Table(title=name)
    for column in rows[0]:
        drawn.add_column(column, justify="right")
    for row in rows:
        drawn.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    return drawn


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all when none is given")
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    console = Console()
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "machine": platform.machine()}
    for name in names:
        module = import_module(f"benchmarks.{name}")
        rows = module.rows()
        console.print(table(f"{name}: {module.__doc__.splitlines()[0]}", rows))
        (FOLDER / "results").mkdir(exist_ok=True)
        text = json.dumps({**machine, "rows": rows}, indent=1).replace("Infinity", '"inf"')
        (FOLDER / "results" / f"{name}.json").write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
