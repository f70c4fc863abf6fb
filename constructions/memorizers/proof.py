"""Bounds on every training ball of a memorizer: by structure, and by those of any network where that is silent."""

from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from constructions.certificates.deciding import margin_bounds
from constructions.certificates.executed_proof import executed_structural_bounds, run_margins
from constructions.certificates.structural_proof import box_of_balls, structural_bounds
from constructions.pieces.assembly import Assembled


def ball_bounds_of(
    built: Assembled, arithmetic: str, client: Any
) -> tuple[Float[np.ndarray, " n"], Shaped[np.ndarray, " n"]]:
    """Sound lower bounds of the margins on the balls of the task, read from the weights, and how each was found.

    Args:
        built: whose weights are read.
        arithmetic: "reals", "float64", "float32" or "rational".
        client: a Dask client or the address of a scheduler, for blocks of balls; see `theory.cluster`.

    Raises:
        ValueError: for another arithmetic.
    """
    sample, radius, p = built.task.sample, built.task.radius, built.task.p
    if arithmetic == "rational" or (arithmetic == "reals" and not built.widths):
        return margin_bounds(built.network, sample.points, sample.codes, radius, p, arithmetic, client=client)
    method = np.full(len(sample.points), "structure", dtype="<U9")
    if arithmetic == "reals":
        return structural_bounds(built, client=client), method
    if not built.widths:
        low, high = box_of_balls(sample.points, radius)
        everything = np.arange(len(sample.points))
        return run_margins(built.network, built.task, everything, low, high, arithmetic, client=client)
    lower = executed_structural_bounds(built, arithmetic, client=client)
    rest = np.flatnonzero(~(lower > 0))
    if len(rest):
        balls = sample.points[rest], sample.codes[rest], radius, p
        lower[rest], method[rest] = margin_bounds(built.network, *balls, arithmetic, client=client)
    return lower, method
