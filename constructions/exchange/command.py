"""`python -m constructions.certify MODEL.onnx PROPERTY.vnnlib`: `unsat`, `sat`, `unknown` or `timeout`.

Exit status, as of SAT solvers: 20 for unsat, 10 for sat, 0 for unknown and timeout; 2 for bad input.
"""

import argparse
import sys

_STATUS = {"unsat": 20, "sat": 10, "unknown": 0, "timeout": 0}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit status says the answer."""
    options = _parser().parse_args(arguments)
    try:
        return _STATUS[_run(options)]
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m constructions.certify",
        description="Whether some input of a region has outputs that are not allowed, as VNN-COMP asks.",
        epilog="exit status, as of SAT solvers: 20 unsat, 10 sat, 0 unknown or timeout; 2 bad input",
    )
    parser.add_argument("model", metavar="MODEL.onnx")
    parser.add_argument("property", metavar="PROPERTY.vnnlib", help="VNN-LIB 1.0 or 2.0, plain or gzipped")
    parser.add_argument("--seconds", type=float, default=60.0, help="after which the search stops; 60 by default")
    parser.add_argument("--witness", metavar="FILE", help="write the input of sat, and its outputs, here")
    parser.add_argument("--seed", type=int, default=0, help="of the attack")
    parser.add_argument("--quiet", action="store_true", help="say on stderr nothing of the steps")
    return parser


def _run(options: argparse.Namespace) -> str:
    """Print the answer, and on stderr by what; write the witness if it is asked for.

    Raises:
        ValueError, OSError, ImportError: for bad input.
    """
    # Late, so that help need not wait for numpy and what rests on it.
    from constructions.exchange.verify import verify
    from constructions.exchange.vnnlib_file import read_vnnlib
    from constructions.exchange.witness_file import write_witness

    specification = read_vnnlib(options.property)
    found = verify(options.model, specification, seconds=options.seconds, seed=options.seed, progress=not options.quiet)
    print(found.answer)
    if not options.quiet:
        for step, count in found.steps.items():
            print(f"{count} of {len(specification.cases)} regions proved by {step}", file=sys.stderr)
        if found.computed:
            print(
                f"constants computed by {', '.join(found.computed)} are taken as float64 rounds them", file=sys.stderr
            )
        for reason in found.untried:
            print(reason, file=sys.stderr)
    if found.x is not None and found.y is not None and options.witness:
        write_witness(options.witness, found.x, found.y)
        print(f"witness written to {options.witness}", file=sys.stderr)
    return found.answer
