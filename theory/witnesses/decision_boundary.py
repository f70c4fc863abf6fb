"""Where the margin and the distance to the decision boundary disagree: witnesses against Proposition 3.1.

Each is a ReLU network, a data point in the cube, and both sides' values in closed form; the coordinates are dyadic, so
that values are exact. `margin` is `min over B_p(point, radius) of label · f`, `distance` is `dist_p(point, DB(f))` in
the reading that the witness is about.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from theory.errors import AssumptionError
from theory.layers import Layers
from theory.setting.norms import dual_exponent, norm


class _Layer(NamedTuple):
    weight: Float[np.ndarray, "outputs inputs"]
    bias: Float[np.ndarray, " outputs"]


@dataclass(frozen=True, eq=False)
class MarginAndDistance:
    """Both sides of Proposition 3.1 at one point.

    Attributes:
        layers: the network f.
        point: x, shape (d,), in the cube.
        label: y.
        radius: δ.
        p: of the norm.
        margin: the left side is `margin >= 0`.
        distance: the right side is `distance >= radius`.
        support: data beside the point on which the witness rests, shape (n, d), possibly none.
    """

    layers: Layers
    point: Float[np.ndarray, " d"]
    label: int
    radius: float
    p: float
    margin: float
    distance: float
    support: Float[np.ndarray, "n d"]

    @property
    def sides(self) -> tuple[bool, bool]:
        """Whether `margin >= 0`, and whether `distance >= radius`; the proposition says that they are equal."""
        return self.margin >= 0, self.distance >= self.radius


def misclassified_point(radius: float = 0.25, p: float = 2.0) -> MarginAndDistance:
    """Breaks the printed Proposition 3.1 at a misclassified point far from the boundary.

    One dimension, `f(x) = x - 1/2`, the point 1 with label -1: `y f = -1/2` at the point itself and `-1/2 - radius`
    at its worst, while `DB(f) = {1/2}` is 1/2 away.

    Source: Proposition 3.1, printed form; it does not ask for `y f(x) > 0`.

    Args:
        radius: δ, in (0, 1/2].
        p: of the norm, in [1, ∞].

    Raises:
        AssumptionError: if the radius is not in (0, 1/2].
        ValueError: if p < 1.
    """
    _check_radius("misclassified_point", radius, "the boundary is 1/2 away")
    dual_exponent(p)
    return MarginAndDistance(
        _first_coordinate_less_half(1), np.array([1.0]), -1, radius, p, -0.5 - radius, 0.5, np.zeros((0, 1))
    )


def boundary_inside_support(radius: float = 0.25, p: float = 2.0) -> MarginAndDistance:
    """Breaks the printed Proposition 3.1, and the printed decision boundary, which is a part of the support.

    Two dimensions, `f(x) = x_1 - 1/2`, a support with the point `(1/2 + radius/2, 0)` and with `(1/2, 1)`, its only
    zero of f, so the only point of the printed boundary. The first point is rightly classified, with a margin of
    `-radius/2`, and the printed boundary is `‖(radius/2, 1)‖_p >= 1` away; in R^d the distance is `radius/2`.
    Without the second point, as when f is right on all of the support, the printed boundary is empty.

    Source: definition-decision-boundary, printed form; Proposition 3.1, printed form.

    Args:
        radius: δ, in (0, 1/2].
        p: of the norm, in [1, ∞].

    Raises:
        AssumptionError: if the radius is not in (0, 1/2].
        ValueError: if p < 1.
    """
    _check_radius("boundary_inside_support", radius, "data lie in [0, 1] and the printed boundary is 1 away")
    point, zero = np.array([0.5 + radius / 2, 0.0]), np.array([0.5, 1.0])
    distance = float(norm(point - zero, p))
    return MarginAndDistance(
        _first_coordinate_less_half(2), point, 1, radius, p, -radius / 2, distance, np.stack([point, zero])
    )


def plateau_network(p: float = 2.0) -> MarginAndDistance:
    """Breaks Proposition 3.1 with the boundary in R^d and a rightly classified point: signs change across a plateau.

    With `s = x_1 - 1/2`, `t = x_2 - 1/2`: `f(x) = σ(s - w(t)) - σ(-s - w(t))`, `w(t) = σ(1 - 2|t|) / 8`, so `f = 0`
    where `|s| <= w(t)`, and `DB(f) = {s = 0, |t| >= 1/2}`: elsewhere both signs are never together near a zero. At
    `(21/32, 1/2)`, `y = +1` and radius 3/8, `f = 1/32`, the distance is `‖(5/32, 1/2)‖_p >= 1/2`, and the margin is
    `9/32 - (3/8) ‖(1, 1/4)‖_q`, `1/p + 1/q = 1`, at most -3/32. Both sides of the plateau and two points of `DB(f)`
    are in the cube.

    Source: Proposition 3.1, printed form; what it misses is that `{f = 0}` has empty interior.

    Args:
        p: of the norm, in [1, ∞].

    Raises:
        ValueError: if p < 1.
    """
    q = dual_exponent(p)
    layers = (
        # (σ(s), σ(-s), σ(t), σ(-t))
        _Layer(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), np.array([-0.5, 0.5, -0.5, 0.5])),
        # (σ(s), σ(-s), w(t))
        _Layer(
            np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, -0.25, -0.25]]), np.array([0, 0, 0.125])
        ),
        _Layer(np.array([[1.0, -1.0, -1.0], [-1.0, 1.0, -1.0]]), np.zeros(2)),
        _Layer(np.array([[1.0, -1.0]]), np.zeros(1)),
    )
    margin = 9 / 32 - 3 / 8 * float(norm(np.array([1.0, 0.25]), q))
    distance = float(norm(np.array([5 / 32, 0.5]), p))
    return MarginAndDistance(layers, np.array([21 / 32, 0.5]), 1, 3 / 8, p, margin, distance, np.zeros((0, 2)))


def touching_zero(radius: float = 0.125, p: float = 2.0) -> MarginAndDistance:
    """Breaks the printed split by margin: a point of `X_large` that is not classified robustly.

    One dimension, `f(x) = |x - 1/2| - 4 σ(1/8 - x)`, so `DB(f) = {0}` and f touches 0 at 1/2 without a change of
    sign. The point `1/2 + radius/2` with label +1 is more than `radius` away from `DB(f)`, its margin is 0, as
    Proposition 3.1 has it, and `f = 0` is an error: the 0-1 loss asks for a margin > 0.

    Source: definition-margin-split, printed form; with the losses' sgn(0) ≠ y.

    Args:
        radius: δ, in (0, 1/4], so that f > 0 in the ball elsewhere.
        p: of the norm, in [1, ∞].

    Raises:
        AssumptionError: if the radius is not in (0, 1/4].
        ValueError: if p < 1.
    """
    _check_radius("touching_zero", radius, "the ball is to stay above 1/4", 0.25)
    dual_exponent(p)
    layers = (
        _Layer(np.array([[1.0], [-1.0], [-1.0]]), np.array([-0.5, 0.5, 0.125])),
        _Layer(np.array([[1.0, 1.0, -4.0]]), np.zeros(1)),
    )
    point = 0.5 + radius / 2
    return MarginAndDistance(layers, np.array([point]), 1, radius, p, 0.0, point, np.zeros((0, 1)))


def _first_coordinate_less_half(dim: int) -> Layers:
    return (_Layer(np.eye(1, dim), np.array([-0.5])),)


def _check_radius(name: str, radius: float, reason: str, most: float = 0.5) -> None:
    if not 0 < radius <= most:
        raise AssumptionError(f"{name} needs 0 < radius <= {most}, got {radius}: {reason}")
