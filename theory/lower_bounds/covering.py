"""What a pair of balls asks of a set of coordinates, in integers.

A function reads only the coordinates S if it has equal values wherever those are equal. Let x and x' have different
labels and closed l_p balls of radius δ.

**Lemma.** If `‖(x - x')_S‖_p <= 2δ`, no function that reads only S is right on both balls. For z equal to
`(x + x')/2` on S and to x elsewhere, z' equal to it on S and to x' elsewhere, `‖z - x‖_p = ‖z' - x'‖_p =
½ ‖(x - x')_S‖_p <= δ`, and z and z' are equal on S. (Conversely, where it is above 2δ for all pairs, no two balls of
different labels have such points, and some function is right on all of them.)

So a robust function reads S with `Σ_{j ∈ S} |x_j - x'_j|^p > (2δ)^p` for every such pair, for p = ∞ with some
`|x_j - x'_j| > 2δ`. No coefficient matters beyond the right side, so `Σ_{j ∈ S} min(|x_j - x'_j|^p, (2δ)^p) >= (2δ)^p`.
"""

import math

import numpy as np
from jaxtyping import Float, Int, Shaped

from theory.arguments.scalars import read_exponent, read_scalar
from theory.errors import AssumptionError
from theory.lower_bounds.integers import differences

# Floats in [0, 1] as integers.
_GRID = 2**60
_LARGEST_EXPONENT = 2.0**20
# Up to this share above 2δ, integers decide whether balls meet.
_TOLERANCE = 1e-6


def read_balls(radius: object, p: object) -> tuple[float, float]:
    """The radius and the exponent.

    Raises:
        ValueError: if not `0 <= radius < ∞`, or for a p that is below 1 or large and not ∞.
    """
    delta, exponent = read_scalar(radius, "radius"), read_exponent(p)
    if not 0 <= delta < math.inf:
        raise ValueError(f"a lower bound needs a radius that is finite and >= 0, got radius={radius}")
    if _LARGEST_EXPONENT < exponent < math.inf:
        raise ValueError(f"a lower bound needs p <= 2^20 or p = ∞, got p={p}: its balls hold those of a smaller p")
    return delta, exponent


def demands(
    points: Float[np.ndarray, "n d"], pairs: Int[np.ndarray, "m 2"], radius: float, p: float
) -> tuple[Shaped[np.ndarray, "m d"], int]:
    """Integers a and B: coordinates S suffice for a pair only if `Σ_{j ∈ S} a_j > B`.

    `|x_j - x'_j|^p` and `(2δ)^p` in one unit, exactly for p = 1 and 2, else with the former rounded up; for p = ∞ and
    for δ = 0 it is 2 where `|x_j - x'_j| > 2δ`, and B = 1.
    """
    steps, (delta,) = differences(points, pairs, radius)
    steps, reach = np.abs(steps), 2 * delta
    if math.isinf(p) or not reach:
        return np.asarray(np.where(steps > reach, 2, 0).astype(object)), 1
    if p in (1, 2):
        return np.asarray(steps ** int(p)), int(reach ** int(p))
    # Division of integers is rounded once, a power by a few units, and its base's error counts p times.
    ratios = (np.minimum(steps, 2 * reach) / reach).astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        powers = np.minimum(np.minimum(ratios, 1.0) ** p * (1 + (p + 64) * 2.0**-50) * _GRID + 1, 2 * _GRID)
    # Whole numbers of Python, not floats with whole values: sums of them are exact.
    rounded = np.ceil(np.where(steps > 0, powers, 0)).astype(np.int64).astype(object)
    # From 2δ on, the coordinate is enough by itself, but for equality.
    return np.asarray(np.where(steps > reach, 2 * _GRID, rounded)), _GRID


def shares(points: np.ndarray, pairs: np.ndarray, radius: float, p: float) -> Float[np.ndarray, "m d"]:
    """`min(a_pj, B)/B` in floats, which are near.

    Raises:
        AssumptionError: with a pair whose balls meet, if there is one.
    """
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        steps = np.abs(points[pairs[:, 0]] - points[pairs[:, 1]]) / (2 * radius)
        whole = steps if np.isinf(p) or not radius else np.minimum(steps, 2.0) ** p
    if np.isinf(p) or not radius:
        rows = (np.nan_to_num(steps) > 1).astype(np.float64)
        totals = 2 * rows.sum(axis=1)
    else:
        rows, totals = np.minimum(whole, 1.0), whole.sum(axis=1)
    _check_separated(points, pairs[totals <= 1 + _TOLERANCE], radius, p)
    return np.asarray(rows)


def _check_separated(points: Float[np.ndarray, "n d"], pairs: Int[np.ndarray, "m 2"], radius: float, p: float) -> None:
    """Check that the balls of no pair meet.

    Raises:
        AssumptionError: with a pair whose balls do.
    """
    if not len(pairs):
        return
    sizes, reach = demands(points, pairs, radius, p)
    meeting = np.asarray(sizes.sum(axis=1) <= reach, dtype=bool)
    if meeting.any():
        i, j = pairs[int(np.argmax(meeting))]
        raise AssumptionError(
            f"a lower bound needs a separation above 2 * radius, got radius={radius} in l_{p:g}: the balls of points "
            f"{i} and {j} meet and have different labels, so that nothing is robust on both; take a smaller radius"
        )
