"""Whether a curve has a kink, and where: the likelihood of a broken line beside that of smooth curves.

On the radii up to the first at which the curve has half of its rise, for it levels off later, two models are fitted by
least squares, u being ε over the last of these radii:

    broken line    a + c max(u - κ, 0),                 0 < κ: flat up to the knot;
    smooth curve   a + c ((u + s) / (1 + s))^p,         s >= 0, p >= 1/2: powers, and exponentials as s and p grow.

The smooth ones grow by at most a factor e between the last two radii: what turns within one step of the grid cannot be
told from a kink. They have one parameter more, so that doubt is on their side. With independent normal errors of one
unknown deviation, n radii, and mean squares m, the log-likelihoods differ by `n/2 log(m_smooth / m_broken)`. To m the
square of `RESOLUTION` is added, in units of the rise: so exact are the curves. What is left of them beside either model
is no noise, so no error probability follows; the difference says which one fits.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from empirics.images.verdicts.statistics import Curve, check_grid
from empirics.images.verdicts.thresholds import KINK_LIKELIHOOD

RESOLUTION = 1e-3
# Six say little, five less than the smooth model's four parameters and the deviation.
FEWEST = 6
_KNOTS, _SHIFTS, _POWERS = 400, 60, 120


@dataclass(frozen=True)
class Kink:
    """Of one curve.

    Attributes:
        knot: radius of the broken line's knot.
        low: the least knot whose log-likelihood is within `KINK_LIKELIHOOD` of the best: a profile limit.
        high: the greatest.
        likelihood: log-likelihood of the broken line minus that of the smooth curve.
    """

    knot: float
    low: float
    high: float
    likelihood: float

    @property
    def flat(self) -> float:
        """Up to which radius the curve is flat: `low`, or 0 where a smooth curve fits about as well or better."""
        return self.low if self.likelihood > KINK_LIKELIHOOD else 0.0


def kink(radii: Curve, curve: Curve) -> Kink | None:
    """The kink of a curve; None if half of the rise comes within fewer than `FEWEST` radii, or it does not rise.

    Args:
        radii: increasing from 0, shape (k,).
        curve: one value on each, shape (k,).

    Raises:
        ValueError: if they do not fit.
    """
    check_grid(radii, curve)
    rise = curve[-1] - curve[0]
    count = int(np.argmax(curve >= curve[0] + rise / 2)) + 1
    if not rise > 0 or count < FEWEST:
        return None
    u, y = radii[:count] / radii[count - 1], curve[:count]
    y = (y - y.mean()) / np.ptp(y)
    knots = np.linspace(0, u[-2], _KNOTS + 1)[1:]
    broken = _mean_squares(np.maximum(u - knots[:, None], 0), y)
    shifts = np.concatenate([[0.0], np.geomspace(0.01, 100, _SHIFTS)])[:, None]
    base = (u + shifts) / (1 + shifts)
    steepest = -1 / np.log(base[:, -2])
    powers = np.geomspace(0.5, steepest, _POWERS, axis=1)
    smooth = _mean_squares(base[:, None, :] ** powers[:, :, None], y).min()
    gain = count / 2 * np.log(smooth / broken)
    near = knots[gain >= gain.max() - KINK_LIKELIHOOD] * radii[count - 1]
    best = knots[int(np.argmax(gain))] * radii[count - 1]
    return Kink(float(best), float(near[0]), float(near[-1]), float(gain.max()))


def _mean_squares(shapes: Float[np.ndarray, "*models k"], y: Curve) -> Float[np.ndarray, "*models"]:
    """Of what the best `a + c shape`, c >= 0, leaves of y, which has the mean 0."""
    centred = shapes - shapes.mean(axis=-1, keepdims=True)
    size = (centred**2).sum(axis=-1)
    slopes = np.maximum(centred @ y, 0) / np.maximum(size, np.finfo(np.float64).tiny)
    found: np.ndarray = ((y - slopes[..., None] * centred) ** 2).mean(axis=-1) + RESOLUTION**2
    return found
