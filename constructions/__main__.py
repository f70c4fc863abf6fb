"""`python -m constructions DATA --radius R --p P`: memorize a data set, print its size and its certificate."""

import argparse
import json
import sys
from typing import Any

from rich.console import Console

from constructions.certificates.certificate import ARITHMETICS, Certificate
from constructions.certificates.file import write_certificate, write_points
from constructions.comparison.counts import parameter_report
from constructions.memorizers.memorizer import Memorizer, robust_memorizer
from constructions.networks.network import ReLUNetwork
from constructions.networks.whole_file import write_whole
from constructions.samples.loading import load_sample


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if every ball is certified, 1 if not, 2 for bad input."""
    options = _parser().parse_args(arguments)
    console = Console()
    try:
        points, labels = load_sample(options.data, classes=options.classes, data_root=options.data_root)
        if options.figure and not options.compare:
            raise ValueError("--figure draws the counts of --compare: give both")
        if options.compare:
            return _compare(points, labels, options, console)
        clean = ReLUNetwork.load(options.clean) if options.clean else None
        memorizer = robust_memorizer(
            points,
            labels,
            radius=options.radius,
            p=options.p,
            clean=clean,
            shell=options.shell,
            small=options.small,
            method=options.method,
            seed=options.seed,
            progress=True,
        )
        certificate = memorizer.certify(options.arithmetic)
        network, sample, widths = memorizer.network, memorizer.task.sample, memorizer.widths
        balls = sample.points, sample.labels
        if options.certificate:
            write_certificate(options.certificate, certificate, network, *balls, indicators=widths)
        if options.points:
            write_points(options.points, network, *balls)
        if options.out:
            memorizer.save(options.out)
        if options.json:
            write_whole(options.json, json.dumps(_record(memorizer, certificate), indent=1))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    console.print(memorizer.size.table())
    console.print(
        f"separation {memorizer.task.separation:.6g}, shell {memorizer.task.shell:.6g}, seed {options.seed}",
        highlight=False,
    )
    console.print(f"certificate: {certificate}", highlight=False)
    if options.out:
        console.print(f"network written to {options.out}", highlight=False, soft_wrap=True)
    return 0 if certificate.certified.all() else 1


def _compare(points: Any, labels: Any, options: argparse.Namespace, console: Console) -> int:
    given = [name for name in ("clean", "out", "points", "certificate") if getattr(options, name)]
    if given or options.small != "auto" or options.method != "shared" or options.arithmetic != "reals":
        raise ValueError(
            "--compare memorizes every point in every way and writes no network: leave out --clean, --small, --method, "
            "--arithmetic, --out, --points and --certificate"
        )
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
    proved = [n for row in report.rows for n in (row.certified, row.executed) if n is not None]
    return 0 if all(count == len(points) for count in proved) else 1


def _record(memorizer: Memorizer, certificate: Certificate) -> dict[str, Any]:
    return {
        "separation": memorizer.task.separation,
        "shell": memorizer.task.shell,
        "size": memorizer.size.to_dict(),
        "certificate": certificate.to_dict(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructions",
        description="Memorize a labelled sample robustly by a ReLU network; print its size and its certificate.",
    )
    parser.add_argument("data", help="digits, mnist5k, mnist, an .npz with points and labels, or a .csv, label last")
    parser.add_argument("--radius", type=float, required=True, help="radius of the balls, in l_p")
    parser.add_argument("--p", type=float, required=True, help="exponent of the norm, from 1 to inf")
    parser.add_argument("--shell", type=float, help="width of the transition; default separation - 2 radius")
    parser.add_argument("--classes", default="all", help='"all", "parity", or labels to keep such as 3,8')
    parser.add_argument("--clean", help="a network file to use as the clean classifier; fitted when absent")
    parser.add_argument("--small", choices=("auto", "all"), default="auto", help="which points to memorize")
    parser.add_argument("--method", choices=("shared", "per_point"), default="shared")
    parser.add_argument("--seed", type=int, default=0, help="of the clean fit")
    parser.add_argument("--data-root", help="folder of hub data sets, in the layout of the hub")
    parser.add_argument("--out", help="write the network here (.npz)")
    parser.add_argument("--compare", action="store_true", help="count every construction and published bound instead")
    parser.add_argument("--figure", help="with --compare: draw the counts here (.png, .pdf, .svg)")
    parser.add_argument(
        "--arithmetic", choices=tuple(ARITHMETICS), default="reals", help="what the certificate speaks of"
    )
    parser.add_argument("--certificate", help="write a certificate file here, for python -m constructions.check")
    parser.add_argument("--points", help="write the points and the network's labels here, for the same program (.npz)")
    parser.add_argument("--json", help="write size and certificate here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
