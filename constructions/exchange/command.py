"""`python -m constructions.certify MODEL.onnx PROPERTY.vnnlib`: `unsat`, `sat`, `unknown` or `timeout`.

Exit status, as of SAT solvers: 20 for unsat, 10 for sat, 0 for unknown and timeout; 2 for bad input.
"""

import argparse
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Steps look at the clock themselves, and say what they left out. Reading, or one long product of matrices, does not.
_GRACE = 0.5
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
    parser.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        help="after which it stops, reading included, once libraries are loaded; 60 by default",
    )
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
    import constructions.exchange.verify  # noqa: F401 (loaded before the clock starts)
    from constructions.certificates.decision import read_seconds
    from constructions.exchange.optional import optional

    optional("onnx.reference")
    seconds = read_seconds(options.seconds) or 0.0
    if options.witness and not os.path.isdir(folder := os.path.dirname(os.path.abspath(options.witness))):
        raise ValueError(f"--witness needs a file in a folder that is there, got the folder {folder}")
    try:
        with _alarm(seconds):
            return _answered(options, time.monotonic() + seconds)
    except _TimeIsOverError:
        answer, why = "timeout", "the time was over while something was at work that does not look at the clock"
    except MemoryError as error:
        answer, why = "unknown", f"there was not enough memory: {error}"
    print(answer)
    if not options.quiet:
        print(why, file=sys.stderr)
    return answer


def _answered(options: argparse.Namespace, deadline: float) -> str:
    from constructions.exchange.verify import verify
    from constructions.exchange.vnnlib_file import read_vnnlib
    from constructions.exchange.witness_file import write_witness

    specification = read_vnnlib(options.property)
    left = max(0.0, deadline - time.monotonic())
    found = verify(options.model, specification, seconds=left, seed=options.seed, progress=not options.quiet)
    _no_alarm()
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
    if found.point is not None and found.y is not None and options.witness:
        write_witness(options.witness, found.point, found.y)
        print(f"witness written to {options.witness}", file=sys.stderr)
    return found.answer


class _TimeIsOverError(BaseException):
    """No error of what is at work, which may take any `Exception` for a damaged file."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Ends what is at work a little after so many seconds, where the system and the thread can be interrupted."""
    if not (0 <= seconds < math.inf and hasattr(signal, "setitimer") and _is_main_thread()):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TimeIsOverError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE)
    try:
        yield
    finally:
        _no_alarm()
        signal.signal(signal.SIGALRM, before)


def _no_alarm() -> None:
    if hasattr(signal, "setitimer") and _is_main_thread():
        signal.setitimer(signal.ITIMER_REAL, 0)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
