"""Linear forms over l_p balls cut off at boxes, p < ∞."""

import numpy as np

from theory.balls.regions import Regions
from theory.roundoff import TINY, gamma, norm_upper_bound
from theory.setting.norms import dual_exponent

_BISECTIONS = 40


def least_over_cut(coefficient: np.ndarray, constant: np.ndarray, error: np.ndarray, regions: Regions) -> np.ndarray:
    """Lower bounds of `coefficient · x + constant - error` over balls cut off at boxes, shape (n, k).

    For every split `c = a + b` of the coefficients, `min_ball a·x + min_box b·x` is one: of the two halves alone, and
    of the split that is best up to a bisection, `a_j = sign(c_j) min(|c_j|, λ r_j^(p-1))` with r_j the room of
    coordinate j up to the box: the multiplier λ of the ball is such that the minimum over both reaches its surface.
    """
    assert regions.cut is not None
    best = _split_bound(np.zeros_like(coefficient), coefficient, constant, error, regions)
    ball = _share_of_ball(coefficient, regions)
    return np.asarray(np.fmax(best, _split_bound(ball, coefficient, constant, error, regions)))


def _share_of_ball(coefficient: np.ndarray, regions: Regions) -> np.ndarray:
    """The part a of the best split; any answer is sound."""
    assert regions.box is not None
    p, q = regions.p, dual_exponent(regions.p)
    size = np.abs(coefficient)
    low, high = (end - regions.centres for end in regions.box)
    # The minimum goes against the coefficient; where the centre is beyond the box, there is no room.
    room = np.maximum(np.where(coefficient > 0, -low[:, None], high[:, None]), 0.0)
    radius = regions.halves[:, :1]
    with np.errstate(all="ignore"):
        power = room ** (p - 1.0)
        # |c_j| <= λ r_j^(p-1) for all j at the greatest λ: nothing is left to the box.
        least = np.full(size.shape[:2], -60.0)
        most = np.zeros(size.shape[:2])
        scale = np.maximum(size.max(axis=2), 1e-300) / np.maximum(radius, 1e-300) ** (p - 1.0)
        for _ in range(_BISECTIONS):
            middle = 0.5 * (least + most)
            rate = (scale * 2.0**middle)[..., None]
            step = np.where(size > rate, room, 0.0) if p == 1 else np.minimum((size / rate) ** (q - 1.0), room)
            beyond = (step**p).sum(axis=2) > radius**p
            least, most = np.where(beyond, middle, least), np.where(beyond, most, middle)
        part = np.minimum(size, (scale * 2.0**most)[..., None] * power)
    return np.where(np.isfinite(part), np.sign(coefficient) * part, 0.0)


def _split_bound(
    ball: np.ndarray, coefficient: np.ndarray, constant: np.ndarray, error: np.ndarray, regions: Regions
) -> np.ndarray:
    assert regions.cut is not None
    g = gamma(4 * coefficient.shape[-1] + 64)
    centre, half = regions.cut
    rest = coefficient - ball
    # One rounding of each difference is paid for by the sizes of the points of the box.
    value = constant + (ball @ regions.centres[:, :, None])[..., 0] + (rest @ centre[:, :, None])[..., 0]
    around = (np.abs(centre) + half + TINY)[:, :, None]
    touched = np.abs(constant) + (np.abs(ball) @ np.abs(regions.centres)[:, :, None])[..., 0]
    touched = touched + (np.abs(rest) @ around)[..., 0]
    drop = regions.halves * norm_upper_bound(ball, dual_exponent(regions.p))
    drop = drop + (np.abs(rest) @ (half + TINY)[:, :, None])[..., 0] * (1.0 + g)
    lower = value - (drop + error + g * touched + TINY) * (1.0 + g)
    return np.where(np.isfinite(lower), lower, -np.inf)
