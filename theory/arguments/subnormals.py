"""The arithmetic that every proof in float64 rests on: subnormal numbers are numbers."""

import math


def check_subnormals(what: str) -> None:
    """Check that this thread keeps subnormal numbers.

    A thread can be told to read and write them as zero, for numpy and Python as well: by
    `torch.set_flush_denormal(True)`, or by a library that was compiled for speed.

    Raises:
        ValueError: if it does not, with what needs them.
    """
    if not math.ulp(0.0) > 0:
        raise ValueError(
            f"{what} needs subnormal numbers, got a thread that takes them for zero: switch that off, for example by "
            "torch.set_flush_denormal(False)"
        )
