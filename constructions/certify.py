"""`python -m constructions.certify MODEL.onnx PROPERTY.vnnlib`: `unsat`, `sat`, `unknown` or `timeout`.

Exit status, as of SAT solvers: 20 for unsat, 10 for sat, 0 for unknown and timeout; 2 for bad input.
"""

if __name__ != "__main__":
    # Imported, this module would take the place of the function.
    raise ImportError("constructions.certify is a function: from constructions import certify")

import argparse
import sys

_STATUS = {"unsat": 20, "sat": 10, "unknown": 0, "timeout": 0}


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


def _main() -> int:
    options = _parser().parse_args()
    # Late, so that help need not wait for numpy and what rests on it.
    from constructions.exchange.command import run

    try:
        return _STATUS[run(options)]
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


sys.exit(_main())
