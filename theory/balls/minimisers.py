"""Points of regions at which linear forms are least, up to rounding: candidates, never a proof."""

import numpy as np

from theory.balls.descent import steepest
from theory.balls.regions import Regions


def minimisers(coefficient: np.ndarray, regions: Regions) -> np.ndarray:
    """About where `coefficient · x` is least over the regions, shape (n, k, d) as the coefficients.

    Over a ball that is cut off, the ball's minimiser clipped to the box.
    """
    with np.errstate(all="ignore"):
        centres = regions.centres[:, None].astype(coefficient.dtype)
        halves = regions.halves[:, None].astype(coefficient.dtype)
        if np.isinf(regions.p):
            return np.asarray(centres - halves * np.sign(coefficient))
        unit = steepest(coefficient.reshape(-1, coefficient.shape[-1]), regions.p).reshape(coefficient.shape)
        points = centres - halves * unit
        if regions.box is not None:
            points = np.clip(points, regions.box[0][:, None], regions.box[1][:, None]).astype(coefficient.dtype)
        return np.asarray(points)
