"""Which points are memorized where `f_clean` is given, and the lock behind which it is left to the others."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from constructions.certificates.executed_intervals import FORMATS, executed_bounds
from constructions.certificates.executed_proof import kept, run_margins
from constructions.certificates.structural_proof import box_of_balls
from constructions.networks.network import ReLUNetwork
from constructions.pieces.assembly import clean_bound
from constructions.samples.task import Task


def lock_of(clean: ReLUNetwork, low: Float[np.ndarray, " d"], high: Float[np.ndarray, " d"]) -> float:
    """A power of two `M >= |f_clean|` on the box, also as computed in float64 and float32 if these come near it.

    Raises:
        ValueError: if the interval bound is not finite.
    """
    if not clean.nonzero:
        # Any lock holds the constant 0: one far above the rounding that the checker allows for, and of little slope.
        return 2.0**-28
    lock = clean_bound(clean.layers, low, high)
    for arithmetic in FORMATS:
        try:
            computed = executed_bounds(clean.layers, low[None], high[None], arithmetic)
        except ValueError:  # weights beyond the format
            continue
        if lock < max(np.abs(end).max() for end in computed) <= 2 * lock:
            lock *= 2
    return lock


def points_to_memorize(
    lower: Float[np.ndarray, " n"],
    clean: ReLUNetwork,
    task: Task,
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
    formats: tuple[str, ...],
    *,
    client: Any = None,
) -> Int[np.ndarray, " n_small"]:
    """The points that are not known to have a large margin, and those whose margin a run may lose.

    What is memorized is proved by its indicator alone, over the reals and as executed. On another ball the proof as
    executed needs a margin of `f_clean` beyond what a run in that format, and the lock, may lose. Each bound here is
    that of the proof, on the balls that are left at last.

    Args:
        lower: sound lower bounds of the margin of `f_clean` over the balls.
        clean: `f_clean`.
        task: the balls.
        low: least corner of the box.
        high: its greatest corner.
        formats: of the runs, keys of `FORMATS`.
        client: a Dask client or the address of a scheduler, for blocks of balls; see `theory.cluster`.
    """
    small, lock = np.flatnonzero(~(lower > 0)), lock_of(clean, low, high)
    while len(small) < len(lower):
        rest = np.setdiff1d(np.arange(len(lower)), small)
        real = lower[rest], np.full(len(rest), "linear", dtype="<U9")
        # Where nothing is memorized there is no lock, and no box but that of the balls.
        ends = (low, high) if len(small) else box_of_balls(task.sample.points, task.radius)
        lost = np.zeros(len(rest), dtype=bool)
        for arithmetic in formats:
            try:
                margins, _ = run_margins(clean, task, rest, *ends, arithmetic, real=real, client=client)
            except ValueError:  # weights beyond the format: memorizing does not help
                continue
            lost |= ~((kept(margins, lock, arithmetic) if len(small) else margins) > 0)
        if not lost.any():
            break
        small = np.union1d(small, rest[lost])
    return small
