"""What is read off curves over radii and series over epochs, with confidence intervals. Pure numpy and scipy.

A curve `m(ε)` is the average of a maximum over the ball of radius ε, on a grid of radii that starts at 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

Curve = Float[np.ndarray, " k"]


@dataclass(frozen=True)
class Interval:
    """A mean with its two-sided confidence limits, in the units of what was averaged."""

    mean: float
    low: float
    high: float


def student_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's interval of the mean over independent seeds.

    A seed draws the images too, from one data set: two training sets may share most of theirs. The interval is
    symmetric, also for shares, and says nothing of how few images a value was averaged over.

    One value gives no limits: (-∞, ∞). Equal values, ±∞ included, give the value itself.

    Raises:
        ValueError: without values, or if one is NaN.
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size or np.isnan(array).any():
        raise ValueError(f"a confidence interval needs at least one value and no NaN, got {list(values)}")
    mean = float(array.mean()) if np.isfinite(array).all() else float(np.median(array))
    if array.size == 1:
        return Interval(mean, -math.inf, math.inf)
    if (array == array[0]).all():
        return Interval(mean, mean, mean)
    if not np.isfinite(array).all():
        return Interval(mean, -math.inf, math.inf)
    half = float(student.ppf(0.5 + level / 2, array.size - 1)) * float(array.std(ddof=1)) / math.sqrt(array.size)
    return Interval(mean, mean - half, mean + half)


def geometric_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's interval of the logarithms, back on the scale of the values: for ratios. Values may be 0 or ∞."""
    with np.errstate(divide="ignore"):
        logs = student_interval(np.log(np.asarray(values, dtype=np.float64)).tolist(), level)
    with np.errstate(over="ignore"):
        return Interval(*(float(np.exp(x)) for x in (logs.mean, logs.low, logs.high)))


def slope_ratio(radii: Curve, curve: Curve, radius: float) -> float:
    """Mean slope of the curve on `[radius, 2 radius]` over its mean slope on `[0, radius]`.

    A power `m = ε^k` gives `2^k - 1`: 1 for a line, 3 for a parabola, 7 for a cubic. ∞ if the curve is constant inside
    and rises outside, 1 if it is constant.

    Args:
        radii: increasing, from 0 on, holding `radius`; where it ends before `2 radius`, its end is taken instead.
        curve: one value a radius.
        radius: where inside ends, > 0.

    Raises:
        ValueError: if the grid lacks 0, `radius`, or anything beyond it.
    """
    check_grid(radii, curve)
    if not 0 < radius < radii[-1] or not np.isclose(radii, radius).any():
        raise ValueError(f"a slope ratio needs the radius {radius} on the grid, with larger ones, got {radii}")
    end = min(2 * radius, float(radii[-1]))
    at_radius, at_end = (float(np.interp(x, radii, curve)) for x in (radius, end))
    inside, outside = (at_radius - curve[0]) / radius, (at_end - at_radius) / (end - radius)
    if inside == 0:
        return math.inf if outside > 0 else 1.0
    return float(outside / inside)


def rise_radius(radii: Curve, curve: Curve, fraction: float = 0.1) -> float:
    """The radius at which the curve has risen by `fraction` of its whole rise, by linear interpolation.

    A location of the kink, if there is one (`empirics.images.verdicts.kink`). A line gives `fraction` of the largest
    radius, so it says something only where curves on one grid are compared. The largest radius for a curve that does
    not rise.
    """
    check_grid(radii, curve)
    level = curve[0] + fraction * (curve[-1] - curve[0])
    above = np.flatnonzero(curve > level)
    if not curve[-1] > curve[0] or not above.size:
        return float(radii[-1])
    k = int(above[0])
    share = (level - curve[k - 1]) / (curve[k] - curve[k - 1])
    return float(radii[k - 1] + share * (radii[k] - radii[k - 1]))


def fitted_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Slope of the least-squares line of y on x.

    Raises:
        ValueError: for fewer than two different x.
    """
    if len(set(x)) < 2 or len(x) != len(y):
        raise ValueError(f"a slope needs at least two different places, one value each, got {list(x)} and {list(y)}")
    return float(np.polyfit(np.asarray(x), np.asarray(y), 1)[0])


def inside_mean(radii: Curve, curve: Curve, radius: float) -> float:
    """Mean of the curve over `[0, radius]`, by the trapezoidal rule on the grid."""
    check_grid(radii, curve)
    kept = radii <= radius * (1 + 1e-9)
    if kept.sum() < 2:
        raise ValueError(f"a mean inside the radius {radius} needs two radii up to it, got {radii}")
    return float(np.trapezoid(curve[kept], radii[kept]) / radii[kept][-1])


def correlation(x: Sequence[float], y: Sequence[float], *, differences: bool = False) -> float:
    """Pearson's correlation of two series over epochs, on the levels or on the differences from one to the next.

    Two growing series always correlate on the levels. NaN is not returned: a constant series correlates 0.

    Raises:
        ValueError: for series of different lengths, or with fewer than 3 values to correlate.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if differences:
        a, b = np.diff(a), np.diff(b)
    if a.shape != b.shape or a.size < 3:
        raise ValueError(f"a correlation needs two series of one length >= 3, got {a.size} and {b.size}")
    # Relative to the values: a constant series must not correlate by its rounding.
    if min(np.ptp(s) / max(float(np.abs(s).max()), 1e-300) for s in (a, b)) < 1e-12:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def partial_correlation(
    x: Sequence[float], y: Sequence[float], given: Sequence[float], *, differences: bool = False
) -> float:
    """Correlation of what a line through a third series leaves of x and of y; 0 if it leaves nothing of one.

    Raises:
        ValueError: for series of different lengths, or with fewer than 4 values to correlate.
    """
    table = np.array([x, y, given], dtype=np.float64) if len(x) == len(y) == len(given) else np.empty((3, 0))
    if differences:
        table = np.diff(table) if table.size else table
    if table.shape[1] < 4:
        raise ValueError(
            f"a partial correlation needs three series of one length >= 4, got {len(x)}, {len(y)} and {len(given)}"
        )
    centred = table - table.mean(axis=1, keepdims=True)
    line = centred[2] / max(float(np.linalg.norm(centred[2])), np.finfo(np.float64).tiny)
    left = centred[:2] - np.outer(centred[:2] @ line, line)
    # Relative to the values: rounding must not correlate.
    if (np.linalg.norm(left, axis=1) <= 1e-9 * np.linalg.norm(table[:2], axis=1)).any():
        return 0.0
    return float(np.corrcoef(left)[0, 1])


def correlation_interval(correlations: Sequence[float], level: float = 0.95) -> Interval:
    """Student's interval over seeds after Fisher's `artanh`, back on the scale of correlations."""
    limit = 1 - 1e-12
    z = student_interval(np.arctanh(np.clip(np.asarray(correlations), -limit, limit)).tolist(), level)
    return Interval(math.tanh(z.mean), math.tanh(z.low), math.tanh(z.high))


def check_grid(radii: np.ndarray, curve: np.ndarray) -> None:
    """Refuses what is no curve.

    Raises:
        ValueError: unless there is one value on each of increasing radii from 0 on.
    """
    if radii.shape != curve.shape or len(radii) < 2 or radii[0] != 0 or not (np.diff(radii) > 0).all():
        raise ValueError(f"a curve needs one value on each of increasing radii from 0 on, got {curve} at {radii}")
