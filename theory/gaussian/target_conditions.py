"""Conditions under which the target of section 5 memorizes robustly, and how often Gaussian noise meets them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.blocks import blocks
from theory.errors import AssumptionError
from theory.gaussian.mixed_model import row_norms
from theory.gaussian.tails import union_bound


@dataclass(frozen=True, eq=False)
class TargetConditions:
    """The three conditions under which f* has adversarial training error 0, each with its worst slack.

    Attributes:
        large_margin: `α - δ`, to be > 0.
        others_off: least `b - ⟨ξ_j, x_i⟩ - δ‖ξ_j‖` over j small and i ≠ j, to be >= 0.
        own_wins: least `β + ‖ξ_i‖² - b - δ√(1 + ‖ξ_i‖²)` over i small, to be > 0: `σ(t) >= t` for the own
            neuron, and `y_i w* + ξ_i` has that norm. The k = 0 of `theory.gaussian.overlap`, point by point.
    """

    large_margin: float
    others_off: float
    own_wins: float

    @property
    def failed(self) -> tuple[str, ...]:
        """Which conditions do not hold, in words with their slack."""
        return tuple(
            text
            for holds, text in (
                (self.large_margin > 0, f"δ < α fails: α - δ = {self.large_margin:.4g}"),
                (self.others_off >= 0, f"b >= ⟨ξ_j, x_i⟩ + δ‖ξ_j‖ fails by {-self.others_off:.4g}: raise b or lower δ"),
                (
                    self.own_wins > 0,
                    f"β + ‖ξ_i‖² - b > δ√(1 + ‖ξ_i‖²) fails, least difference {self.own_wins:.4g}: lower b or δ",
                ),
            )
            if not holds
        )

    @property
    def hold(self) -> bool:
        return not self.failed


def target_conditions(
    points: Float[np.ndarray, "n d"],
    small: Bool[np.ndarray, " n"],
    noise: Float[np.ndarray, "m d"],
    *,
    alpha: float,
    beta: float,
    radius: float,
    b: float,
) -> TargetConditions:
    """The conditions of the repaired Theorem 5.2 for one sample.

    Args:
        points: the `x_i`, shape (n, d).
        small: which of them are of small margin, shape (n,).
        noise: the `ξ_i` of those, in their order, shape (m, d).
        alpha, beta: scales of the data.
        radius: δ.
        b: threshold of the neurons.

    Raises:
        AssumptionError: if not `0 < beta <= alpha` or not `radius >= 0`.
        ValueError: if shapes do not fit, or a number is no float64.
    """
    alpha, beta, radius = read_scales(alpha, beta, radius)
    points, noise, own, b = read_sample(points, small, noise, b)
    if not len(own):
        return TargetConditions(alpha - radius, math.inf, math.inf)
    # Numbers beyond floats are infinite, and their differences NaN: no condition holds by them.
    with np.errstate(over="ignore", invalid="ignore"):
        norms = row_norms(noise)
        worst = max(float((some + radius * norms).max()) for some in other_products(points, noise, own, -math.inf))
        wins = beta + norms**2 - b - radius * np.hypot(1.0, norms)
    return TargetConditions(alpha - radius, b - worst, float(wins.min()))


def memorization_failure(
    dim: int, n: int, n_small: int, *, alpha: float, beta: float, radius: float, b: float
) -> float:
    """Upper bound of the probability that the conditions of the repaired Theorem 5.2 fail; 1 if it says nothing.

    With `A = √D + √(2t)`, `a = √(D - 2√(Dt))`: at most `n_small (n + 1) e^{-t}` for every t with
    `A (√(2t) + δ) <= b < β + a² - δ√(1 + a²)` and `δ <= 2√(1 + a²)`, from where on `s² - δ√(1 + s²)` rises, `t < D/4`
    (Laurent, Massart 2000, for `‖ξ‖`; a Gaussian tail for `⟨ξ_j, ξ_i⟩`). The conditions only get harder with t, so the
    largest such t is found by bisection.

    Source: Theorem 5.2, repaired form.

    Raises:
        AssumptionError: if not `0 < beta <= alpha` or not `radius >= 0`.
        ValueError: if the sizes do not fit.
    """
    dim, n, n_small = read_sizes("memorization_failure", dim, n, n_small)
    alpha, beta, radius = read_scales(alpha, beta, radius)
    b = read_scalar(b, "b")
    if not radius < alpha:
        return 1.0

    def fits(t: float) -> bool:
        least, most = threshold_range(dim, beta, radius, t)
        return least <= b < most and radius <= 2 * math.hypot(1.0, noise_lengths(dim, t)[0])

    deviation = largest_deviation(fits, dim)
    return 1.0 if deviation is None else min(1.0, failure_at(n, n_small, deviation))


def noise_lengths(dim: int, t: float) -> tuple[float, float]:
    """`a = √(D - 2√(Dt))` and `A = √D + √(2t)`: `a <= ‖ξ‖ <= A` but for a probability `2 e^{-t}`; a = 0 for t >= D/4.

    Source: Theorem 5.2, repaired form; Laurent, Massart (2000), lemma 1.
    """
    noise_dim = dim - 1
    least = math.sqrt(max(noise_dim - 2 * math.sqrt(noise_dim * t), 0.0))
    return least, math.sqrt(noise_dim) + math.sqrt(2 * t)


def threshold_range(dim: int, beta: float, radius: float, t: float) -> tuple[float, float]:
    """`A(√(2t) + δ)` and `β + a² - δ√(1 + a²)`: b is to be at least the first, and less than the second.

    Source: Theorem 5.2, repaired form.
    """
    least, most = noise_lengths(dim, t)
    return most * (math.sqrt(2 * t) + radius), beta + least**2 - radius * math.hypot(1.0, least)


def failure_at(n: int, n_small: int, t: float) -> float:
    """`n(N+1)e^{-t}` for n = n_small, N = n: two tails for each norm, one for each of the other products.

    Source: Theorem 5.2, repaired form.
    """
    return union_bound(n_small * (n + 1), t)


def largest_deviation(holds: Callable[[float], bool], dim: int) -> float | None:
    """The largest t in [0, (dim - 1)/4] at which conditions hold that only get harder with t; None if not at 0."""
    low, high = 0.0, (dim - 1) / 4
    if not holds(low):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def other_products(
    points: Float[np.ndarray, "n d"], noise: Float[np.ndarray, "m d"], own: Int[np.ndarray, " m"], instead: float
) -> Iterator[Float[np.ndarray, "rows m"]]:
    """The `⟨x_i, ξ_j⟩` in blocks of rows; `instead` where point i is j's own, ∞ where one is beyond floats."""
    for rows in blocks(len(points), len(own)):
        with np.errstate(over="ignore", invalid="ignore"):
            products = points[rows] @ noise.T
        products[~np.isfinite(products)] = math.inf
        inside = (own >= rows.start) & (own < rows.stop)
        products[own[inside] - rows.start, np.flatnonzero(inside)] = instead
        yield products


def read_sizes(name: str, dim: Any, n: Any, n_small: Any) -> tuple[int, int, int]:
    """The sizes as Python ints, if so many points of so many dimensions are a sample."""
    dim, n, n_small = read_whole(dim, "dim"), read_whole(n, "n"), read_whole(n_small, "n_small")
    if not (dim >= 2 and n >= n_small >= 0 and n >= 1):
        raise ValueError(
            f"{name} needs dim >= 2, n >= 1 and n >= n_small >= 0, got dim={dim}, n={n}, n_small={n_small}"
        )
    return dim, n, n_small


def read_sample(points: Any, small: Any, noise: Any, b: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Points, their noise, the rows of the small-margin points, and b; the numbers in float64."""
    points, noise, b = exact_floats(points, "points"), exact_floats(noise, "noise"), read_scalar(b, "b")
    small = plain_array(small, "small")
    own = np.flatnonzero(small)
    fits = points.ndim == 2 and len(points) > 0 and small.shape == (len(points),)
    if not fits or noise.shape != (len(own), points.shape[1]):
        raise ValueError(
            f"the conditions need points (n >= 1, d), small (n,) and one noise vector for each small point, "
            f"got {points.shape}, {small.shape} with {len(own)} small, and {noise.shape}"
        )
    if not (np.isfinite(points).all() and np.isfinite(noise).all() and math.isfinite(b)):
        raise ValueError(f"the conditions need finite points, noise and b, got NaN or infinity (b={b})")
    return points, noise, own, b


def read_scales(alpha: Any, beta: Any, radius: Any) -> tuple[float, float, float]:
    """The scales as floats, in their order."""
    alpha, beta, radius = read_scalar(alpha, "alpha"), read_scalar(beta, "beta"), read_scalar(radius, "radius")
    if not 0 < beta <= alpha < math.inf or not radius >= 0:
        raise AssumptionError(
            f"Theorem 5.2 needs 0 < beta <= alpha and radius >= 0, got alpha={alpha}, beta={beta}, radius={radius}: "
            "alpha is the scale of the large-margin data"
        )
    return alpha, beta, radius
