"""Samples of section 5 on which the mixed model does not do what is printed."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.scalars import read_scalar
from theory.errors import AssumptionError
from theory.gaussian.mixed_model import MixedModel, target_model
from theory.setting.ideal import IdealClassifier

_DIRECTION = np.array([1.0, 0.0])


@dataclass(frozen=True, eq=False)
class ZeroInBall:
    """A sample with 0 in the ball of a small-margin point, where every mixed model with a threshold b >= 0 is 0.

    Attributes:
        points: shape (n, 2), the first with a small margin.
        labels: shape (n,).
        radius: δ, with `β < δ < α` and `2 δ` below the separation of the labels.
        probability: that the ball of a random small-margin point in two dimensions holds 0.
    """

    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    radius: float
    probability: float

    @property
    def least_error(self) -> float:
        """The least adversarial training error of any parameters: 0 is an error for a point whose ball holds it."""
        return float(np.mean(np.linalg.norm(self.points, axis=1) <= self.radius))


def zero_in_a_ball(radius: float, alpha: float, beta: float) -> ZeroInBall:
    """Breaks the printed Theorem 5.2, which has training error 0 with high probability and names no regime.

    Two dimensions, `w* = e_1`: a small-margin point `(β, δ/2)` with label +1, large-margin ones `(α, 0)` and `(-α, 0)`.
    At 0 the model is `Σ a_j σ(-b) = 0` whatever its parameters, if b >= 0: an error for the first point. Drawn at
    random, a small-margin point is so with probability `P(|g| <= √(δ² - β²))`, g normal, whatever N is.

    Source: Theorem 5.2, printed form.

    Args:
        radius: δ > 0.
        alpha: α, above δ.
        beta: β in (0, δ/2], so that the first point is near 0.

    Raises:
        AssumptionError: if not `0 < 2 β <= δ < α`.
    """
    radius, alpha, beta = read_scalar(radius, "radius"), read_scalar(alpha, "alpha"), read_scalar(beta, "beta")
    if not 0 < 2 * beta <= radius < alpha < math.inf:
        raise AssumptionError(f"zero_in_a_ball needs 0 < 2 beta <= radius < alpha, got {beta=}, {radius=}, {alpha=}")
    points = np.array([[beta, radius / 2], [alpha, 0.0], [-alpha, 0.0]])
    probability = math.erf(math.sqrt((radius - beta) * (radius + beta) / 2))
    return ZeroInBall(points, np.array([1, 1, -1]), radius, probability)


@dataclass(frozen=True, eq=False)
class HalfSpace:
    """A point where the limit f* and f_adv have different signs, though both are right on the sample's balls.

    Attributes:
        f_star: the limit of Theorem 5.2.
        f_adv: the ideal classifier of the same sample.
        points: shape (3, 2), of the sample, the first with a small margin.
        labels: shape (3,).
        far: shape (2,), far along the noise of the first point.
        value_of_f_star: `f*(far)`.
        value_of_f_adv: `f_adv(far)`.
    """

    f_star: MixedModel
    f_adv: IdealClassifier
    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    far: Float[np.ndarray, " d"]
    value_of_f_star: float
    value_of_f_adv: float

    @property
    def signs(self) -> tuple[int, int]:
        """Of f* and of f_adv at `far`."""
        return int(np.sign(self.value_of_f_star)), int(np.sign(self.value_of_f_adv))


def half_space_of_a_neuron(noise: float) -> HalfSpace:
    """Breaks "the limit is the function of section 3": a neuron acts on a half-space, the indicator on a ball.

    Two dimensions, `w* = e_1`, α = 4, β = 1/8, δ = 2: a small-margin point `(1/8, t)`, +1, and `(4, 0)`, `(-4, 0)`. The
    limit is `f*(x) = x_1 + σ(t x_2 - t²/2)`, and meets the conditions of Theorem 5.2. At `(-1/4, 3t)`, far from the
    sample, it is `5 t²/2 - 1/4 > 0`, while f_adv is the clean `x_1 = -1/4`. Scaling changes no sign.

    Source: claim-linear-limit, printed form.

    Args:
        noise: t >= 6, the length of the noise.

    Raises:
        AssumptionError: if not `noise >= 6`: below 5 the target does not memorize the first point at radius 2.
    """
    noise = read_scalar(noise, "noise")
    if not 6 <= noise < 2.0**400:
        raise AssumptionError(f"half_space_of_a_neuron needs noise from 6 to 2^400, got {noise}")
    points, labels = np.array([[0.125, noise], [4.0, 0.0], [-4.0, 0.0]]), np.array([1, 1, -1])
    f_star = target_model(_DIRECTION, np.array([[0.0, noise]]), np.array([1]), noise**2 / 2)
    f_adv = IdealClassifier(points, labels, np.array([0]), 2.0, 2.0, _first_coordinate)
    far = np.array([-0.25, 3 * noise])
    return HalfSpace(f_star, f_adv, points, labels, far, float(f_star(far[None])[0]), float(f_adv(far[None])[0]))


def _first_coordinate(x: np.ndarray) -> np.ndarray:
    return np.asarray(x[:, 0])
