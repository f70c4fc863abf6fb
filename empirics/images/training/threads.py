"""Threads of torch on the CPU; imports torch only where it is needed, so that the wait policy can be set before."""

import os
from dataclasses import dataclass

_POLICY = "OMP_WAIT_POLICY"


@dataclass(frozen=True)
class Threads:
    """What was set.

    Attributes:
        count: threads of one operation.
        wait_policy: of OpenMP, as it was when torch was loaded or will be; "" for its own default, to spin.
    """

    count: int
    wait_policy: str

    def __str__(self) -> str:
        waiting = self.wait_policy.lower() or "spinning (set OMP_WAIT_POLICY=PASSIVE)"
        return f"{self.count} thread{'s' * (self.count > 1)}, waiting: {waiting}"


def threads(count: int | None = None) -> Threads:
    """Sets the number of torch's threads.

    A thread that waits at a barrier spins by default, which on a busy machine makes several threads many times slower
    than one. Bits of a result may depend on the number of threads.

    Args:
        count: OMP_NUM_THREADS when None; else the number of processors of this process.

    Raises:
        ValueError: if not `count >= 1`.
    """
    import torch

    if count is None:
        given = os.environ.get("OMP_NUM_THREADS", "")
        count = int(given) if given.isdigit() and int(given) else _processors()
    if not count >= 1:
        raise ValueError(f"threads must be >= 1, got {count}")
    torch.set_num_threads(count)
    return Threads(count, os.environ.get(_POLICY, ""))


def passive_environment() -> dict[str, str]:
    """The environment with OMP_WAIT_POLICY=PASSIVE unless it is set: of a process that will load torch.

    OpenMP reads it when it is loaded, so in a process that has torch it is too late.
    """
    return {_POLICY: "PASSIVE", **os.environ}


def _processors() -> int:
    """Not fewer when the machine is busy: a run that goes on must have the threads with which it began."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
