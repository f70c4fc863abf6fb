"""Losses at which the local measures of section 4 are not what is printed, or depend on what is not said."""

import math
from dataclasses import dataclass

from theory.arguments.scalars import read_scalar
from theory.errors import AssumptionError


@dataclass(frozen=True)
class Kink:
    """The loss of a ReLU network beside a point where it has no gradient.

    Attributes:
        point: x.
        left: the slope of the loss to its left.
        right: the slope to its right.
    """

    point: float
    left: float
    right: float


def kink() -> Kink:
    """Breaks the printed maximum gradient norm, which takes a gradient at every point of the ball.

    One dimension, `f(x) = σ(x)`, y = +1, the logistic loss: `L(x) = ln(1 + e^{-σ(x)})` is constant to the left of 0,
    and `L'(0+) = -1/2`, so that there is no gradient at 0, which is in every ball around 0.

    Source: definition-maximum-gradient-norm, printed form.
    """
    return Kink(0.0, 0.0, -0.5)


@dataclass(frozen=True)
class Readings:
    """The largest change of one loss near one point, over two sets.

    Attributes:
        radius: ε.
        over_ball: over the whole ball.
        in_cube: over its part in `[0, 1]`.
    """

    radius: float
    over_ball: float
    in_cube: float


def two_readings(radius: float) -> Readings:
    """Breaks the printed maximum change of the loss, which does not say whether `x + ξ` may leave the cube.

    One dimension, `f(x) = x`, y = +1, the logistic loss, at x = 0: the loss falls with x, so that over the ball its
    largest change is `ln(1 + e^ε) - ln 2`, at -ε, and over the part in `[0, 1]` it is 0, at 0 itself.

    Source: definition-maximum-loss-change, printed form.

    Args:
        radius: ε > 0.

    Raises:
        AssumptionError: if not radius > 0: the two sets are then one point.
    """
    radius = read_scalar(radius, "radius")
    if not 0 < radius < math.inf:
        raise AssumptionError(f"two_readings needs a finite radius > 0, got {radius}: the sets are to differ")
    return Readings(radius, math.log1p(math.exp(-radius)) + radius - math.log(2), 0.0)
