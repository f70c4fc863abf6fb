"""Small objects that break a printed form; the ledger names them, tests verify them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from theory.errors import AssumptionError
from theory.setting.ideal import IdealClassifier
from theory.setting.norms import distance


@dataclass(frozen=True, eq=False)
class Discontinuity:
    """A point where `f_adv` jumps, so that no continuous function is uniformly near to it.

    Attributes:
        f_adv: the ideal classifier.
        point: where it jumps.
        left: its limit from the left at `point`.
        right: its value at `point`, and its limit from the right.
    """

    f_adv: IdealClassifier
    point: float
    left: float
    right: float

    @property
    def sup_error_bound(self) -> float:
        """Half the jump: `sup |g - f_adv|` is at least this for every continuous `g`."""
        return abs(self.right - self.left) / 2


def discontinuity_of_f_adv(radius: float) -> Discontinuity:
    """Breaks the printed Theorem 3.3, which has a ReLU network within every eps of `f_adv` on `[0, 1]`.

    One dimension, `f_clean(x) = x - 1/2`, data 0 with label -1 (large margin) and `1/2 + radius/2` with label
    +1 (small margin), more than `2 radius` apart. At `1/2 - radius/2`, inside `[0, 1]`, `f_adv` goes from
    `-radius/2` to 1, so every continuous function is off by `1/2 + radius/4` or more.

    Source: Theorem 3.3, printed form.

    Args:
        radius: δ, in (0, 1/3).

    Raises:
        AssumptionError: if the radius is not in (0, 1/3).
    """
    centre = 0.5 + radius / 2
    if not radius > 0 or not centre > 2 * radius:
        raise AssumptionError(
            f"discontinuity_of_f_adv needs 0 < radius < 1/3, got {radius}: the theorem asks for labels more than "
            f"2 radius apart, and these are {centre} apart"
        )
    f_adv = IdealClassifier(
        np.array([[0.0], [centre]]), np.array([-1, 1]), np.array([1]), radius, np.inf, _first_coordinate_less_half
    )
    point = centre - radius
    # The rounded difference may lie just outside the closed ball; the next float does not.
    if centre - point > radius:
        point = float(np.nextafter(point, 1.0))
    return Discontinuity(f_adv, point, left=point - 0.5, right=1.0)


@dataclass(frozen=True, eq=False)
class Cancellation:
    """A point within `radius` of two training points of opposite labels, where `f_adv = 0`.

    Attributes:
        f_adv: the ideal classifier.
        point: shape (d,).
    """

    f_adv: IdealClassifier
    point: Float[np.ndarray, " d"]

    @property
    def error(self) -> float:
        """The share of the training points with an error of `f_adv` at `point`, within `radius` of them."""
        near = distance(self.f_adv.points, self.point, self.f_adv.p) <= self.f_adv.radius
        return float(np.mean(near & (self.f_adv.labels * self.f_adv(self.point[None])[0] <= 0)))


def midpoint_of_opposite_labels(radius: float) -> Cancellation:
    """Breaks the printed Proposition 3.2 (i), which says that the adversarial training error of `f_adv` is 0.

    One dimension, `f_clean(x) = x - 1/2`, the training points `1/2 ± 3 radius/4`, labelled by `f_clean`: both of
    small margin, neither within `radius` of the other. Half way the two indicators cancel, an error for both.

    Source: Proposition 3.2 (i), printed form.

    Args:
        radius: δ, in (0, 2/3], so that the points lie in `[0, 1]`.

    Raises:
        AssumptionError: if the radius is not in (0, 2/3].
    """
    if not 0 < radius <= 2 / 3:
        raise AssumptionError(f"midpoint_of_opposite_labels needs 0 < radius <= 2/3, got {radius}: data lie in [0, 1]")
    points = np.array([[0.5 - 0.75 * radius], [0.5 + 0.75 * radius]])
    f_adv = IdealClassifier(points, np.array([-1, 1]), np.array([0, 1]), radius, np.inf, _first_coordinate_less_half)
    return Cancellation(f_adv, np.array([0.5]))


@dataclass(frozen=True, eq=False)
class MemorizedPopulation:
    """A finite population, each point with the same probability, that the sample contains as a whole.

    Attributes:
        f_adv: the ideal classifier of the sample that is the population; `f_adv.clean` is f_clean.
        error_of_f_adv: `L_D^{adv,δ}(f_adv)`.
        error_of_f_clean: `L_D^{adv,δ}(f_clean) = μ`.
    """

    f_adv: IdealClassifier
    error_of_f_adv: float
    error_of_f_clean: float


def memorized_population(radius: float) -> MemorizedPopulation:
    """Breaks the printed Proposition 3.2 (iii), which says that the error of `f_adv` is at least a share of f_clean's.

    Two dimensions, p = ∞, `f_clean(x) = x_1 - 1/2`, and four points: (0, 0) and `(1/2 - radius/2, 0)` with label -1,
    (1, 1) and `(1/2 + radius/2, 1)` with label +1. Classes are `1 > 2 radius` apart, and half of the points are of
    small margin, so f_clean is wrong near half of them. A sample of N points contains all four except with
    probability at most `4 (3/4)^N`; then f_adv is right on every ball.

    Source: Proposition 3.2 (iii), printed form; it has no bound on N.

    Args:
        radius: δ, in (0, 1/2).

    Raises:
        AssumptionError: if the radius is not in (0, 1/2).
    """
    if not 0 < radius < 0.5:
        raise AssumptionError(
            f"memorized_population needs 0 < radius < 1/2, got {radius}: its classes are 1 apart, and (i) needs more "
            "than 2 radius"
        )
    points = np.array([[0.0, 0.0], [0.5 - radius / 2, 0.0], [0.5 + radius / 2, 1.0], [1.0, 1.0]])
    labels = np.array([-1, -1, 1, 1])
    f_adv = IdealClassifier(points, labels, np.array([1, 2]), radius, np.inf, _first_coordinate_less_half)
    return MemorizedPopulation(f_adv, 0.0, 0.5)


def _first_coordinate_less_half(x: np.ndarray) -> np.ndarray:
    return np.asarray(x[:, 0] - 0.5)
