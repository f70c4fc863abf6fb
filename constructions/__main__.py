"""`python -m constructions DATA --radius R --p P`: memorize a data set, print its size and its certificate."""

import argparse
import sys

# The keys of `constructions.certificates.certificate.ARITHMETICS`.
_ARITHMETICS = ("reals", "rational", "float64", "float32")

_METHOD = (
    "indicators of balls with shared features, or each by itself; or the smallest: rules of robust literals, a compact "
    "Lipschitz network (p = 2), bits (radii below the distance of grey values; integer weights)"
)
SCHEDULER = "of a Dask cluster that does the work, such as tcp://host:8786; its workers have to see TMPDIR of this one"
DEVICE = "of torch, such as cuda, that names near pairs for the separation; what it answers is decided without it"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if every ball is certified, 1 if not, 2 for bad input."""
    options = _parser().parse_args(arguments)
    # Late, so that help and faults of the arguments need not wait for numpy and what rests on it.
    from constructions.command import run

    try:
        return run(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructions",
        description="Memorize a labelled sample robustly by a ReLU network; print its size and its certificate.",
    )
    parser.add_argument(
        "data",
        help="digits, mnist5k, mnist, fashion-mnist, cifar10; an .npz with points and labels, or X and y; or a table, "
        ".csv, .tsv (also .gz) or .parquet, label last",
    )
    parser.add_argument("--radius", type=float, required=True, help="radius of the balls, in l_p")
    parser.add_argument("--p", type=float, required=True, help="exponent of the norm, from 1 to inf")
    parser.add_argument("--shell", type=float, help="width of the transition; default separation - 2 radius")
    parser.add_argument("--classes", default="all", help='"all", "parity", or labels to keep such as 3,8')
    parser.add_argument("--label-column", metavar="NAME|NUMBER", help="of a table; numbers from 1, or -1 from the end")
    parser.add_argument(
        "--leave-out",
        metavar="NAME|NUMBER",
        action="append",
        default=[],
        help="a column of a table that is no feature, such as an index; may be given again",
    )
    parser.add_argument("--header", choices=("auto", "yes", "no"), default="auto", help="of a .csv or .tsv")
    parser.add_argument("--drop-missing", action="store_true", help="leave out lines of a table with missing values")
    parser.add_argument("--clean", help="a network file to use as the clean classifier; fitted when absent")
    parser.add_argument("--small", choices=("auto", "all"), help="which points to memorize, auto by default")
    parser.add_argument(
        "--method", choices=("shared", "per_point", "rules", "compact", "bits"), default="shared", help=_METHOD
    )
    parser.add_argument(
        "--image", metavar="H,W[,C]", help="rules, compact: the pixels that coordinates are; known by name"
    )
    parser.add_argument("--seconds", type=float, help="rules: after which the search stops; compact: the training")
    parser.add_argument("--resume", metavar="FILE", help="rules: keep what is found here, and go on from it")
    parser.add_argument("--seed", type=int, default=0, help="of fit, search or training")
    parser.add_argument("--data-root", help="folder of hub data sets, in the layout of the hub")
    parser.add_argument("--out", help="write the network here (.npz)")
    parser.add_argument("--compare", action="store_true", help="count every construction and published bound instead")
    parser.add_argument("--figure", help="with --compare: draw the counts here (.png, .pdf, .svg)")
    parser.add_argument("--report", metavar="FILE", help="with --compare: write all numbers here (.csv, .tex, .json)")
    parser.add_argument("--arithmetic", choices=_ARITHMETICS, default="reals", help="what the certificate speaks of")
    parser.add_argument("--certificate", help="write a certificate file here, for python -m constructions.check")
    parser.add_argument("--points", help="write the points and the network's labels here, for the same program (.npz)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help=SCHEDULER)
    parser.add_argument("--device", help=DEVICE)
    parser.add_argument("--json", help="write size and certificate here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
