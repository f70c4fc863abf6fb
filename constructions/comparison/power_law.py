"""`count ∝ place^exponent`: the slope of a least-squares line in logarithms, with its confidence interval."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def power_law(places: Sequence[float], counts: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """The exponent and the ends of its interval, by Student's t with two degrees of freedom less than places.

    The interval is right for independent normal errors of the logarithms. Of deterministic counts it says how far they
    are from a power law.

    Args:
        places: at least three, > 0, two different ones.
        counts: > 0, one a place.
        level: of confidence.

    Raises:
        ValueError: for other places or counts.
    """
    x, y = np.asarray(places, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if x.shape != y.shape or x.size < 3 or not (x > 0).all() or not (y > 0).all() or np.ptp(x) == 0:
        raise ValueError(f"power_law needs as many places as counts, three at least, all > 0, got {x} and {y}")
    x, y = np.log(x), np.log(y)
    if np.ptp(y) == 0:  # the standard error of a constant is 0/0
        return 0.0, 0.0, 0.0
    fit = stats.linregress(x, y)
    reach = float(stats.t.ppf((1 + level) / 2, x.size - 2)) * float(fit.stderr)
    return float(fit.slope), float(fit.slope) - reach, float(fit.slope) + reach
