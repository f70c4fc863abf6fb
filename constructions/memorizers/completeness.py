"""Whether every ball of what `robust_memorizer` builds is proved, and what is said where one is not."""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from constructions.certificates.deciding import margin_bounds
from constructions.certificates.structural_proof import structural_bounds
from constructions.pieces.assembly import Assembled
from theory.errors import AssumptionError


class IncompleteCertificateWarning(UserWarning):
    """A memorizer was built whose own proof leaves balls open: the points `Memorizer.uncertified`."""


def unproved(
    built: Assembled, *, margins: Float[np.ndarray, " n"] | None = None, client: Any = None
) -> Int[np.ndarray, " k"]:
    """The points on whose balls the structural proof, over the reals, leaves the network open; a warning names them.

    Args:
        built: whose weights are read.
        margins: sound lower bounds of the margin of `f_clean` over the balls, where they are known.
        client: a Dask client or the address of a scheduler, for blocks of balls; see `theory.cluster`.

    Raises:
        AssumptionError: if it leaves a memorized ball open, or one where `margins` are positive: weights rounded to
            float64 are too coarse there.
    """
    task = built.task
    if built.widths:
        lower = structural_bounds(built, margins=margins, client=client)
    elif margins is not None:
        lower = margins
    else:
        balls = task.sample.points, task.sample.codes, task.radius, task.p
        lower = margin_bounds(built.network, *balls, "reals", client=client)[0]
    found = np.flatnonzero(~(lower > 0))
    if not len(found):
        return found
    # With known margins it is an indicator that reaches too far.
    if margins is not None or np.isin(found, built.small).any():
        raise AssumptionError(_too_coarse(built, found))
    warnings.warn(
        f"robust_memorizer has no proof for {len(found)} of {len(lower)} balls, the first that of point {found[0]}: "
        "they are not memorized, and f_clean is not certified to be right on them; add them "
        '(Memorizer.uncertified) to small, or take small="auto"; certify() looks for errors there',
        IncompleteCertificateWarning,
        stacklevel=3,
    )
    return found


def _too_coarse(built: Assembled, found: Int[np.ndarray, " k"]) -> str:
    task, points = built.task, built.task.sample.points
    # The network reads its inputs from the ends of the box.
    greatest = float(max(np.abs(built.low).max(), np.abs(built.high).max()))
    where = f"coordinates reach {greatest:.3g}, where floats are {np.spacing(greatest):.2g} apart"
    if task.p == 2:
        squares = points.shape[1] * greatest**2
        where += f", and their squares add up to {squares:.3g}, where floats are {np.spacing(squares):.2g} apart"
    return (
        f"robust_memorizer needs room for the rounding of its weights: there is no proof for {len(found)} of "
        f"{len(points)} balls, the first around point {found[0]}, for {where}, beside radius={task.radius:g} and "
        f"shell={task.shell:g}: subtract the mean of the points, divide points and radius by one number so that "
        "coordinates are about 1, or leave out shell for the largest"
        + (", or take p=1 or p=inf, for which nothing is squared" if task.p == 2 else "")
    )
