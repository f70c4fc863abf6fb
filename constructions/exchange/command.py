"""What `python -m constructions.certify` does once it has read its arguments."""

import argparse
import sys

from constructions.exchange.verify import verify
from constructions.exchange.vnnlib_file import read_vnnlib
from constructions.exchange.witness_file import write_witness


def run(options: argparse.Namespace) -> str:
    """Print the answer, and on stderr by what; write the witness if it is asked for.

    Raises:
        ValueError, OSError, ImportError: for bad input.
    """
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
