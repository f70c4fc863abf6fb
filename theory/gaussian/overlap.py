"""Theorem 5.2 beyond half of √d: wrong neurons may be on, and are outweighed together.

The certificate of `theory.gaussian.mixed_model` takes each wrong neuron at its own worst point of the ball. Nearly
orthogonal neurons share the radius: k of them move by at most `δ‖Σ w_j‖ ≈ δ√(kd)` together, and each still pays its
threshold.

With b = qd and δ = r√d, wrong neurons overcome the own one iff `r >= min over k of (1 + (k-1)q)/√(k+1)`: `1 - q` for
k = 0, and `1/√2`, half the separation of the noise, for k = 1. At q = 1/4 the least is `1/√2`: no classifier can do
better. On large-margin data they take up to `d max over k of (r√k - kq)` together, so α has to be of the order of d.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.arguments.scalars import read_scalar
from theory.gaussian.mixed_model import MixedModel, read_balls, row_norms
from theory.gaussian.tails import union_bound
from theory.gaussian.target_conditions import (
    largest_deviation,
    noise_lengths,
    other_products,
    read_sample,
    read_scales,
    read_sizes,
)
from theory.roundoff import TINY, gamma


def overlap_radius(q: float) -> float:
    """The largest r, in the limit d → ∞ and for large α, with δ = r√d and b = qd: `min over k of (1 + (k-1)q)/√(k+1)`.

    Equal to `1/√2` for q in `[√(3/2) - 1, 1 - 1/√2]`, which contains 1/4; below that two or more wrong neurons win,
    above it the own neuron is switched off.

    Source: Theorem 5.2, repaired form.

    Args:
        q: in (0, 1).
    """
    q = read_scalar(q, "q")
    if not 0 < q < 1:
        raise ValueError(f"overlap_radius needs q in (0, 1), got {q}")
    # Over real s = k + 1 > 0 it falls until s = (1 - 2q)/q and then rises.
    least = (1 - 2 * q) / q
    return min((1 + (s - 2) * q) / math.sqrt(s) for s in (max(math.floor(least), 1), max(math.ceil(least), 1)))


@dataclass(frozen=True, eq=False)
class OverlapConditions:
    """Least margins of f* over the balls of large- and of small-margin points, bounded from below; to be > 0.

    Attributes:
        large_margin: `min over k of α + k(b - c) - δ√(1 + Λ_k)`.
        small_margin: `min over k of β + a² - b + k(b - c) - δ√(1 + Λ_{k+1})`.
    """

    large_margin: float
    small_margin: float

    @property
    def failed(self) -> tuple[str, ...]:
        """Which conditions do not hold, in words with their slack."""
        return tuple(
            f"wrong neurons may win on {name}-margin points, bound {value:.4g}: {remedy}"
            for name, value, remedy in (
                ("large", self.large_margin, "raise alpha or b, or lower δ"),
                ("small", self.small_margin, "lower δ or move b towards d/4"),
            )
            if not value > 0
        )

    @property
    def hold(self) -> bool:
        return not self.failed


def overlap_conditions(
    points: Float[np.ndarray, "n d"],
    small: Bool[np.ndarray, " n"],
    noise: Float[np.ndarray, "m d"],
    *,
    alpha: float,
    beta: float,
    radius: float,
    b: float,
) -> OverlapConditions:
    """Conditions under which f* has adversarial training error 0 though wrong neurons may be on.

    Let `a <= ‖ξ_i‖ <= M` for i small, `c >= |⟨ξ_j, ξ_i⟩|` for j small and i ≠ j, and λ the largest eigenvalue of the
    Gram matrix of the small-margin noise. If k wrong neurons S are on at `x_i + ζ`, then `y_i f*(x_i + ζ)` is at least

        β + ‖ξ_i‖² - b + Σ_S (b - ⟨ξ_j, ξ_i⟩) + ⟨y_i w* + ξ_i - Σ_S ξ_j, ζ⟩     for small i,
        α + Σ_S (b - ⟨ξ_j, ξ_i⟩) + ⟨y_i w* - Σ_S ξ_j, ζ⟩                         for large i,

    by `σ(t) >= t` for the own neuron and `σ >= 0` for the others of the right label. A sum of k noise vectors with
    signs has at most the square `Λ_k = k min(λ, M² + (k-1) c)`, and w* is orthogonal to it. A point has at most
    `|S_small|` wrong neurons, a small one fewer.

    Source: Theorem 5.2, repaired form; derived here. Arguments and errors as `theory.target_conditions`.
    """
    alpha, beta, radius = read_scales(alpha, beta, radius)
    points, noise, own, b = read_sample(points, small, noise, b)
    if not len(own):
        return OverlapConditions(alpha - radius, math.inf)
    norms = row_norms(noise)
    # The noise vectors are orthogonal to w*, so these are the ⟨ξ_i, ξ_j⟩.
    product = max(float(np.abs(products).max()) for products in other_products(points, noise, own, 0.0))
    singular = float(np.linalg.norm(noise, 2))
    return _conditions(
        len(own), alpha, beta, radius, b, float(norms.min()), float(norms.max()), product, singular * singular
    )


def overlap_failure(dim: int, n: int, n_small: int, *, alpha: float, beta: float, radius: float, b: float) -> float:
    """Upper bound of the probability that `overlap_conditions` fail; 1 if it says nothing.

    At most `(2 n_small n + 1) e^{-t}` for every t in (0, D/4) for which they hold with `M = √D + √(2t)`,
    `a = √(D - 2√(Dt))`, `c = M √(2t)` and `λ = (√D + √n_small + √(2t))²`: two tails for each norm (Laurent, Massart
    2000), two for each of the `n_small (n - 1)` products, one for the largest singular value (Davidson, Szarek 2001).

    Source: Theorem 5.2, repaired form; derived here. Arguments and errors as `memorization_failure`.
    """
    dim, n, n_small = read_sizes("overlap_failure", dim, n, n_small)
    alpha, beta, radius = read_scales(alpha, beta, radius)
    b = read_scalar(b, "b")
    if not n_small:
        return 0.0 if radius < alpha else 1.0

    def holds(t: float) -> bool:
        least, most = noise_lengths(dim, t)
        largest = (most + math.sqrt(n_small)) ** 2
        return _conditions(n_small, alpha, beta, radius, b, least, most, most * math.sqrt(2 * t), largest).hold

    deviation = largest_deviation(holds, dim)
    return 1.0 if deviation is None else min(1.0, union_bound(2 * n_small * n + 1, deviation))


def _conditions(
    n_small: int,
    alpha: float,
    beta: float,
    radius: float,
    b: float,
    least: float,
    most: float,
    product: float,
    largest: float,
) -> OverlapConditions:
    reach = [joint_reach(radius, joint_square(k, largest, most, product)) for k in range(n_small + 1)]
    large = [large_gain(k, alpha, b, product) - reach[k] for k in range(n_small + 1)]
    small = [small_gain(k, beta, b, product, least) - reach[k + 1] for k in range(n_small)]
    # Numbers beyond floats are infinite, and their differences NaN, which numpy keeps: no condition holds by them.
    return OverlapConditions(float(np.min(large)), float(np.min(small)))


def joint_square(k: int, largest: float, most: float, product: float) -> float:
    """`Λ_k = k min(λ, M² + (k-1)c)`, at least the square of a sum of k noise vectors with signs; 0 for k = 0.

    Source: Theorem 5.2, repaired form.
    """
    return k * min(largest, most * most + (k - 1) * product) if k else 0.0


def joint_reach(radius: float, square: float) -> float:
    """`δ√(1 + Λ_k)`: how far a perturbation moves `y f*` when k neurons and w* share it.

    Source: Theorem 5.2, repaired form.
    """
    return radius * math.sqrt(1 + square)


def large_gain(k: int, alpha: float, b: float, product: float) -> float:
    """`α + k(b - c)`: the least value of `y f*` at a large-margin point when k wrong neurons are on.

    Source: Theorem 5.2, repaired form.
    """
    return alpha + k * (b - product)


def small_gain(k: int, beta: float, b: float, product: float, least: float) -> float:
    """`β + a² - b + k(b - c)`: the same at a small-margin point, whose own neuron gives the square.

    Source: Theorem 5.2, repaired form.
    """
    return beta + least * least - b + k * (b - product)


def overlap_certificate(
    model: MixedModel, points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], radius: float
) -> Float[np.ndarray, " n"]:
    """Sound lower bounds of `min over ‖ζ‖_2 <= δ of y f(x + ζ)` that take the wrong neurons together.

    With `g_j = |a_j| w_j`, P the neurons of the right label that are on at x and `v = y w_0 + Σ_P g_j`: if S are the
    wrong neurons that are on at `x + ζ`, then `y f(x + ζ)` is at least

        y w_0·x + Σ_P |a_j|(w_j·x - b) - Σ_S |a_j|(w_j·x - b) - δ‖v - Σ_S g_j‖.

    For each k = |S| the first sum over S is at most its k largest terms, and `‖v - Σ_S g_j‖²` at most `‖v‖²` plus the k
    largest `‖g_j‖² - 2⟨v, g_j⟩` plus k(k-1) times the largest product of two wrong neurons, none below 0.

    Computed in units of the largest entry of w_0 and of the g_j, and of the largest of x and δ: the model is linear in
    the one and all is homogeneous in the other, so that no square that counts vanishes or overflows.

    Source: Theorem 5.2, repaired form; derived here.

    Args:
        model: the classifier.
        points: shape (n, d).
        labels: shape (n,), ±1.
        radius: δ >= 0.

    Raises:
        ValueError: if shapes do not fit, an entry or the radius is not finite or no float64, or a label is not ±1.
    """
    points, labels, radius = read_balls(points, labels, radius, len(model.linear))
    unit, linear, scaled, level, level_unit = _in_units(model)
    lower = np.empty(len(points))
    # What overflowed is no bound.
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(scaled, axis=1)
        for y in (-1, 1):
            wrong = model.signs * y < 0
            gram = scaled[wrong] @ scaled[wrong].T
            np.fill_diagonal(gram, 0.0)
            product = max(float(gram.max(initial=0.0)), 0.0)
            for i in np.flatnonzero(labels == y):
                reach = max(float(np.abs(points[i]).max()), radius)
                far = math.frexp(reach)[1] if reach > 0 else 0
                x, near = np.ldexp(points[i], -far), math.ldexp(radius, -far)
                own = np.ldexp(level, level_unit - unit - far)
                found = _one_ball(x, y * linear, scaled, own, lengths, wrong, product, near)
                # Rounded down, where the product is subnormal.
                lower[i] = np.nextafter(np.ldexp(found, unit + far), -np.inf)
    return np.where(np.isnan(lower), -np.inf, lower)


def _in_units(model: MixedModel) -> tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """An exponent e, `2^-e w_0` and `2^-e |a_j| w_j` with a largest entry near 1, and `|a_j| b` as `f 2^{e_j}`."""
    size, size_unit = np.frexp(np.abs(model.signs))
    weights = model.weights
    top = np.maximum(weights.max(axis=1, initial=0.0), -weights.min(axis=1, initial=0.0))
    row_unit = np.frexp(top)[1]
    largest = float(np.abs(model.linear).max())
    used = (size > 0) & (top > 0)
    units = [*(size_unit + row_unit)[used].tolist(), *([math.frexp(largest)[1]] if largest > 0 else [])]
    unit = max(units, default=0)
    # In one array: there may be thousands of neurons in as many dimensions.
    scaled = np.ldexp(weights, -row_unit[:, None])
    scaled *= size[:, None]
    np.ldexp(scaled, (size_unit + row_unit - unit)[:, None], out=scaled)
    threshold, threshold_unit = math.frexp(model.threshold)
    return unit, np.ldexp(model.linear, -unit), scaled, size * threshold, size_unit + threshold_unit


def _one_ball(
    x: np.ndarray,
    linear: np.ndarray,
    scaled: np.ndarray,
    level: np.ndarray,
    lengths: np.ndarray,
    wrong: np.ndarray,
    product: float,
    radius: float,
) -> float:
    """The bound for one point, `linear` times its label, with room for every rounding.

    For weights, points and a radius with largest entries near 1: what underflows then is below `slack` of the total, or
    below `TINY`.
    """
    values = scaled @ x - level
    right = ~wrong & (values > 0)
    v = linear + scaled[right].sum(axis=0)
    change = lengths[wrong] ** 2 - 2 * (scaled[wrong] @ v)
    # Largest terms first: S of size k is at worst the first k of each.
    k = np.arange(1 + len(change))
    costs = np.concatenate([[0.0], np.cumsum(np.sort(values[wrong])[::-1])])
    growth = np.concatenate([[0.0], np.cumsum(np.sort(change)[::-1])]) + k * (k - 1) * product
    # Each sum below is of products that add up, in absolute value, to less than `size` or `total²`.
    total = float(np.linalg.norm(linear) + lengths.sum())
    size = total * float(np.linalg.norm(x)) + float(np.abs(level).sum())
    slack = 8 * gamma(len(x) + len(level) + 8)
    reach = radius * np.sqrt(np.maximum(v @ v + growth, 0.0) + slack * total**2 * (1 + k)) * (1 + slack)
    bound = linear @ x + values[right].sum() - costs - reach
    return float((bound - slack * (size + reach) - TINY).min())
