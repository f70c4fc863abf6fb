"""Local and global flatness: one definition for exact computations, for searches, and for data of any kind.

At a point, `max over ‖ξ‖_p <= δ of ‖∇_x L(f(x + ξ), y)‖_q` (over the points where L∘f is differentiable), with p = ∞
and q = 1 in the paper. *Local* flatness is its average over the training sample, *global* flatness its mean over the
distribution: an average over held-out points, or over a finite population. What computes the maxima does not matter
here: a closed form gives them exactly, a search from below, a sound bound from above, each as a `PointwiseMaximum`.
Maxima over whole balls and over their parts in `[0, 1]^d` are kept apart.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent, read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.setting.norms import dual_exponent, norm, sample_ball

Bracket = tuple[float, float]
Measure = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class PointwiseMaximum:
    """Bracket of the maximum of a measure over the ball around each point.

    Attributes:
        lower: values that were reached, shape (n,).
        upper: sound upper bounds, shape (n,); the same array where the maximum is exact, ∞ after a mere search.
        radius: δ of the balls.
        p: of their norm.
        unit_box: whether the balls are cut off at `[0, 1]^d`.

    Raises:
        ValueError: if there is no point, shapes differ, some `lower > upper`, an entry is NaN, or not `radius >= 0`.
    """

    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]
    radius: float
    p: float = math.inf
    unit_box: bool = False

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            object.__setattr__(self, name, exact_floats(getattr(self, name), name))
        object.__setattr__(self, "radius", read_scalar(self.radius, "radius"))
        object.__setattr__(self, "p", read_scalar(self.p, "p"))
        if not len(self.lower) or self.lower.shape != self.upper.shape or not (self.lower <= self.upper).all():
            raise ValueError(
                "maxima over balls need brackets lower <= upper of one shape (n >= 1,), without NaN, got "
                f"{self.lower} and {self.upper}"
            )
        if not 0 <= self.radius < math.inf or not self.p >= 1:
            raise ValueError(f"balls need a finite radius >= 0 and p >= 1, got radius={self.radius}, p={self.p}")

    @property
    def mean(self) -> Bracket:
        """Bracket of the average over the points."""
        return float(self.lower.mean()), float(self.upper.mean())


@dataclass(frozen=True)
class Flatness:
    """Averages of one pointwise maximum over the training sample and over the distribution, as brackets.

    Attributes:
        local: over the training sample.
        overall: over the population or held-out points: global flatness.
        radius: δ.
    """

    local: Bracket
    overall: Bracket
    radius: float

    @property
    def ratio(self) -> Bracket:
        """Bracket of global over local flatness; ∞ over 0."""
        low = self.overall[0] / self.local[1] if self.local[1] > 0 else (math.inf if self.overall[0] > 0 else 0.0)
        high = self.overall[1] / self.local[0] if self.local[0] > 0 else math.inf
        return low, high


def flatness(sample: PointwiseMaximum, population: PointwiseMaximum) -> Flatness:
    """Local and global flatness from the maxima over the balls of the sample and of the population.

    Source: Theorem 6.3; Figure 3; definition-maximum-gradient-norm.

    Raises:
        ValueError: if the two are of different balls.
    """
    ours, theirs = ((m.radius, m.p, m.unit_box) for m in (sample, population))
    if ours != theirs:
        raise ValueError(
            "local and global flatness need maxima over the same balls, got (radius, p, unit_box) = "
            f"{ours} on the sample and {theirs} on the population"
        )
    return Flatness(sample.mean, population.mean, sample.radius)


def gradient_norm(gradient: Float[np.ndarray, "n d"], p: float = math.inf) -> Float[np.ndarray, " n"]:
    """`‖∇‖_q` row by row, q dual to the p of the perturbations."""
    return norm(gradient, dual_exponent(p))


def maximum_by_search(
    measure: Measure,
    points: Float[np.ndarray, "n d"],
    radius: float,
    rng: np.random.Generator,
    *,
    p: float = math.inf,
    draws: int = 32,
    unit_box: bool = False,
) -> PointwiseMaximum:
    """Lower bounds of `max over B_p(x_i, radius)` of a measure: the centre and random points of each ball.

    The plainest search, for whatever can be called on an array: gradient norms, or a loss. One that uses gradients
    finds more, and returns the same object.

    Args:
        measure: from (n, d) to (n,), row i for point i; such as `x ↦ gradient_norm(gradient(x), p)`.
        points: shape (n, d).
        radius: of the balls.
        rng: of the draws.
        p: of the norm.
        draws: in each ball, besides its centre.
        unit_box: move the candidates into `[0, 1]^d`; the points need to lie there.

    Raises:
        ValueError: if the measure returns another shape or NaN, not `draws >= 0`, or a point is outside the box.
    """
    points, radius, p = exact_floats(points, "points"), read_scalar(radius, "radius"), read_exponent(p)
    draws = read_whole(draws, "draws")
    if not draws >= 0:
        raise ValueError(f"a search needs draws >= 0, got {draws}")
    if unit_box and not ((points >= 0) & (points <= 1)).all():
        raise ValueError("balls cut off at [0, 1]^d need points in it: take unit_box=False for other data")
    best = _values(measure, points)
    for _ in range(draws):
        candidate = points + sample_ball(rng, len(points), points.shape[1], p, radius)
        if unit_box:
            candidate = np.clip(candidate, 0.0, 1.0)
        best = np.maximum(best, _values(measure, candidate))
    return PointwiseMaximum(best, np.full(len(points), math.inf), radius, p, unit_box)


def loss_change_lower_bound(
    gradient_norms: Float[np.ndarray, " n"], radius: float, *, smoothness: float = 0.0
) -> Float[np.ndarray, " n"]:
    """`δ ‖∇_x L(x)‖_q - β δ² / 2 <= max over ‖ξ‖_p <= δ of L(x + ξ) - L(x)`, point by point.

    With β = 0 for L convex in x, and β > 0 if `‖∇L(x) - ∇L(z)‖_q <= β ‖x - z‖_p`: take `ξ = δ v`, v the unit vector
    with `⟨∇L(x), v⟩ = ‖∇L(x)‖_q`. The averages are the repaired Proposition 6.4, with p = ∞.

    Source: Proposition 6.4, repaired form.

    Args:
        gradient_norms: shape (n,), at the points themselves.
        radius: δ >= 0.
        smoothness: β >= 0.
    """
    gradient_norms = exact_floats(gradient_norms, "gradient_norms")
    radius, smoothness = read_scalar(radius, "radius"), read_scalar(smoothness, "smoothness")
    if not 0 <= radius < math.inf or not 0 <= smoothness < math.inf or not (gradient_norms >= 0).all():
        raise ValueError(
            "loss_change_lower_bound needs radius, smoothness and gradient norms >= 0, got "
            f"radius={radius}, smoothness={smoothness}, least norm {gradient_norms.min(initial=0.0)}"
        )
    # The square of a large radius may be no float where its product with the smoothness is one.
    return np.asarray(radius * gradient_norms - smoothness * radius * radius / 2)


def ridge_smoothness(
    directions: Float[np.ndarray, "k d"], amplitudes: Float[np.ndarray, " k"], curvature: float
) -> float:
    """`β = c Σ_j |a_j| ‖w_j‖_1²` for `L(x) = Σ_j a_j ψ(⟨w_j, x⟩ + b_j)` with `|ψ''| <= c`: from l_∞ to l_1.

    `‖∇L(x) - ∇L(z)‖_1 <= Σ |a_j| ‖w_j‖_1 c |⟨w_j, x - z⟩|`. For sin c = 1, for tanh `4 / (3√3)`, for log(1 + e^t) 1/4.
    """
    directions, amplitudes = exact_floats(directions, "directions"), exact_floats(amplitudes, "amplitudes")
    lengths = np.abs(directions).sum(axis=1)
    # Not by squares: of short directions they vanish.
    return float(read_scalar(curvature, "curvature") * (np.abs(amplitudes) * lengths @ lengths))


def _values(measure: Measure, points: np.ndarray) -> np.ndarray:
    values = np.asarray(measure(points), dtype=np.float64)
    if values.shape != (len(points),) or np.isnan(values).any():
        raise ValueError(
            f"a measure needs to return numbers of shape ({len(points)},), one a point, got shape {values.shape}, "
            f"NaN: {bool(np.isnan(values).any())}"
        )
    return values
