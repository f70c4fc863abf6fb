"""What `python -m constructions` does once it has read its arguments."""

import argparse
import json
from typing import Any

from rich.console import Console

from constructions.certificates.certificate import Certificate
from constructions.certificates.file import write_certificate, write_points
from constructions.methods import build
from constructions.networks.network import ReLUNetwork
from constructions.networks.whole_file import write_whole
from constructions.samples.layout import Layout
from constructions.samples.loading import load_with_note
from theory.cluster import connected

_HEADER = {"auto": None, "yes": True, "no": False}


def run(options: argparse.Namespace) -> int:
    """Memorize the data and print size and certificate; 0 if every ball is certified, 1 if not.

    Raises:
        ValueError, OSError, ImportError: for bad input, or a scheduler that is not there.
    """
    console = Console()
    layout = Layout(
        options.label_column, tuple(options.leave_out), _HEADER[options.header], drop_missing=options.drop_missing
    )
    loaded = load_with_note(options.data, layout, classes=options.classes, data_root=options.data_root)
    points, labels = loaded.points, loaded.labels
    if loaded.note:
        console.print(f"{options.data}: {loaded.note}", highlight=False, markup=False, soft_wrap=True)
    if options.figure and not options.compare:
        raise ValueError("--figure draws the counts of --compare: give both")
    if options.report and not options.compare:
        raise ValueError("--report writes the counts of --compare: give both")
    if options.compare:
        return _compare(points, labels, options, console)
    with connected(options.scheduler) as client:
        memorizer = build(points, labels, options, client)
        # Only indicators and rules are bounded on other machines.
        certificate = memorizer.certify(options.arithmetic, **({"client": client} if client else {}))
    _write(memorizer, certificate, options)
    console.print(memorizer.size.table())
    console.print(
        f"separation {memorizer.task.neighbours.distance:.6g}, shell {memorizer.task.shell:.6g}, seed {options.seed}",
        highlight=False,
    )
    console.print(f"certificate: {certificate}", highlight=False)
    if options.out:
        console.print(f"network written to {options.out}", highlight=False, soft_wrap=True)
    return 0 if certificate.certified.all() else 1


def _write(memorizer: Any, certificate: Any, options: argparse.Namespace) -> None:
    """The files that are asked for."""
    network, sample = memorizer.network, memorizer.task.sample
    balls = sample.points, sample.labels
    if options.certificate and isinstance(network, ReLUNetwork):
        write_certificate(
            options.certificate, certificate, network, *balls, indicators=getattr(memorizer, "widths", ())
        )
    elif options.certificate:
        from constructions.bits.file import write_integer_certificate

        write_integer_certificate(options.certificate, certificate, network, *balls)
    if options.points:
        write_points(options.points, network, *balls)
    if options.out:
        memorizer.save(options.out)
    if options.json:
        write_whole(options.json, json.dumps(_record(memorizer, certificate), indent=1))


def _compare(points: Any, labels: Any, options: argparse.Namespace, console: Console) -> int:
    given = [
        name
        for name in ("image", "seconds", "resume", "clean", "out", "points", "certificate", "scheduler", "device")
        if getattr(options, name)
    ]
    if given or options.small is not None or options.method != "shared" or options.arithmetic != "reals":
        raise ValueError(
            "--compare memorizes every point in every way and writes no network: leave out --clean, --small, --method, "
            "--image, --seconds, --resume, --arithmetic, --out, --points, --certificate, --scheduler and --device"
        )
    from constructions.comparison.counts import parameter_report
    from constructions.comparison.report import text_for

    if options.report:
        # Before the counts, which take long.
        text_for(options.report)
    report = parameter_report(
        points,
        labels,
        radius=options.radius,
        p=options.p,
        shell=options.shell,
        seed=options.seed,
        progress=True,
    )
    for table in report.table():
        console.print(table)
    for note in report.notes:
        console.print(note, highlight=False, markup=False)
    if options.figure:
        report.figure(options.figure)
        console.print(f"figure written to {options.figure}", highlight=False)
    if options.json:
        write_whole(options.json, report.to_json())
    if options.report:
        report.write(options.report)
        console.print(f"report written to {options.report}", highlight=False, soft_wrap=True)
    proved = [n for row in report.rows for n in (row.certified, row.executed) if n is not None]
    return 0 if all(count == len(points) for count in proved) else 1


def _record(memorizer: Any, certificate: Certificate) -> dict[str, Any]:
    return {
        "separation": memorizer.task.neighbours.distance,
        "shell": memorizer.task.shell,
        "size": memorizer.size.to_dict(),
        "certificate": certificate.to_dict(),
    }
