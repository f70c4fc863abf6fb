"""`python -m benchmarks.mutants [MODULE ...]`: every change of the trusted modules, and a sample of the others'.

A change of the source, a mutant, is killed if a test fails. Stopped, the next call goes on where it was. Without names
of modules the result is written to `benchmarks/results/mutants.json`.
"""

import argparse
import json
import tomllib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.mutants.generation import Mutant, check_operators, mutants, sample
from benchmarks.mutants.reach import Reach, reach
from benchmarks.mutants.servers import ROOT, Server, copies_of_project
from benchmarks.mutants.trials import Run, check_servers, try_all

# What a certificate, a checker or a separation rests on. What else is wrong shows in them, or claims nothing: an attack
# proposes points, and `witness` decides.
TRUSTED = [
    "constructions/check/*.py",
    *(f"constructions/certificates/{name}.py" for name in ("certificate", "file", "digests", "witness")),
    *(f"constructions/certificates/{name}.py" for name in ("rational_intervals", "executed_intervals")),
    *(f"constructions/certificates/{name}.py" for name in ("execution_error", "executed_proof")),
    *(f"constructions/certificates/{name}.py" for name in ("indicator_proof", "structural_proof")),
    *("constructions/samples/task.py", "theory/roundoff.py"),
    *(f"theory/balls/{name}.py" for name in ("regions", "prepared", "intervals", "backward", "cut_balls")),
    *(f"theory/balls/{name}.py" for name in ("propagation", "relaxation", "violations")),
    *(f"theory/balls/{name}.py" for name in ("input_splitting", "relu_splitting")),
    *("theory/setting/separation.py", "theory/setting/labelled_points.py", "theory/closest/*.py"),
    *("theory/setting/membership.py", "theory/exact/exact_distance.py"),
    *("constructions/compact/proof.py", "constructions/compact/norms.py"),
    *("constructions/bits/certificate.py", "constructions/bits/intervals.py"),
    *(f"theory/lower_bounds/{name}.py" for name in ("covering", "cases", "coordinates", "rank", "integers")),
]
OTHERS = ["theory/**/*.py", "constructions/**/*.py"]
SAMPLE, SEED = 300, 20230602
RESULT = ROOT / "benchmarks" / "results" / "mutants.json"
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


def chosen_mutants(root: Path, names: list[str]) -> dict[str, list[Mutant]]:
    """All mutants of the trusted modules and the sample of the others; or all of the named ones."""

    def files(patterns: Iterable[str]) -> set[str]:
        return {str(path.relative_to(root)) for pattern in patterns for path in root.glob(pattern)}

    def found(modules: Iterable[str]) -> list[Mutant]:
        with ProcessPoolExecutor() as pool:
            return [mutant for part in pool.map(partial(mutants, root), sorted(modules)) for mutant in part]

    if names:
        return {"named": found(names)}
    trusted = files(TRUSTED)
    if missing := [pattern for pattern in TRUSTED if not files([pattern])]:
        raise RuntimeError(f"there is no trusted module {', '.join(missing)}: they have other names now")
    return {"trusted": found(trusted), "others": sample(found(files(OTHERS) - trusted), SAMPLE, SEED)}


def reasons(found: list[Mutant], runs: dict[str, Run], sampled: bool) -> dict[str, str]:
    """Why survivors change nothing that is claimed, by key; entries for what did not survive are shown."""
    given = {}
    for entry in tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("equivalent", []):
        for after in [entry["after"]] if isinstance(entry["after"], str) else entry["after"]:
            given[f"{entry['module']}::{entry['definition']}: {entry['before']} -> {after}"] = entry["reason"]
    tried, modules = {mutant.key for mutant in found}, {mutant.module for mutant in found}
    survivors = {key for key in tried if runs[key].status == "survived"}
    for key in given.keys() - survivors:
        if key in tried or (not sampled and key.split("::")[0] in modules):
            print(f"{EQUIVALENT.name} has an entry for what did not survive: {key}")
    return {key: reason for key, reason in given.items() if key in survivors}


def summary(found: list[Mutant], runs: dict[str, Run], equivalent: dict[str, str]) -> list[dict[str, Any]]:
    """Counts by module."""
    rows = []
    for module in sorted({mutant.module for mutant in found}):
        keys = [mutant.key for mutant in found if mutant.module == module]
        count = Counter("equivalent" if key in equivalent else runs[key].status for key in keys)
        columns = ("killed", "timed out", "equivalent", "survived")
        rows.append({"module": module, "mutants": len(keys)} | {column: count[column] for column in columns})
    return rows


def survivors(found: list[Mutant], runs: dict[str, Run], equivalent: dict[str, str]) -> list[dict[str, Any]]:
    """Each survivor: where, what, how many tests it passed, and why it is equivalent, or null."""
    return [
        {
            "module": mutant.module,
            "definition": mutant.definition,
            "operator": mutant.operator,
            "before": mutant.before,
            "after": mutant.numbered_after,
            "tests": runs[mutant.key].tests,
            "equivalent": equivalent.get(mutant.key),
        }
        for mutant in found
        if runs[mutant.key].status == "survived"
    ]


def show(console: Console, title: str, rows: list[dict[str, Any]], alive: list[dict[str, Any]]) -> None:
    table = Table(title=title)
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "module" else "right")
    for row in [*rows, {"module": "all"} | {key: sum(row[key] for row in rows) for key in rows[0] if key != "module"}]:
        table.add_row(*map(str, row.values()))
    console.print(table)
    for one in alive:
        if one["equivalent"] is None:
            place = f"{one['module']}::{one['definition']}, {one['operator']}, {one['tests']} tests"
            console.print(f"{place}\n  - {one['before']}\n  + {one['after']}", markup=False, highlight=False)


def run(names: list[str], workers: int, console: Console) -> tuple[dict[str, list[Mutant]], dict[str, Run], Reach]:
    check_operators()
    copies = copies_of_project(workers)
    pairs = [(Server("hot", copy), Server("cold", copy)) for copy in copies]
    cold: SimpleQueue[Server] = SimpleQueue()
    both: SimpleQueue[tuple[Server, Server]] = SimpleQueue()
    for pair in pairs:
        cold.put(pair[1])
        both.put(pair)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as bar:
            files = bar.add_task("test files", total=None)
            reached = reach(copies[0], cold, workers, lambda done, of: bar.update(files, completed=done, total=of))
            check_servers(copies[0], reached, *pairs[0])
            parts = chosen_mutants(copies[0], names)
            found = [mutant for part in parts.values() for mutant in part]
            return parts, try_all(found, copies[0], reached, both, workers, bar), reached
    finally:
        for pair in pairs:
            for server in pair:
                server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as theory/setting/norms.py: all its mutants")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if unknown := [name for name in options.modules if not (ROOT / name).is_file()]:
        parser.error(f"there is no file {', '.join(unknown)}")
    console = Console()
    try:
        parts, runs, reached = run(options.modules, options.workers, console)
    except KeyboardInterrupt:
        parser.exit(130, "stopped; the next call goes on from here\n")
    result: dict[str, Any] = {
        "tool": f"cosmic-ray {version('cosmic-ray')}, its operators and those of benchmarks/mutants/operators.py",
        "sample": {"size": SAMPLE, "seed": SEED},
        "tests": len(reached.seconds),
        "tests that fail without a change": sorted(reached.failing),
    }
    for name, part in parts.items():
        equivalent = reasons(part, runs, sampled=name == "others")
        rows, alive = summary(part, runs, equivalent), survivors(part, runs, equivalent)
        result[name] = {"modules": rows, "survivors": alive}
        show(console, name, rows, alive)
    if not options.modules:
        RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
