"""What rank the first weight of every robust network for given points has, in l_2: the dual of a Ky Fan norm.

Let `f(z) = g(W z)`, for any g, be right on all closed l_2 balls of radius δ around the points, and V the kernel of W.

**Lemma.** `dist(x - x', V) > 2δ` for x and x' of different labels. Else `x - x' = v + e`, `v ∈ V`, `‖e‖ <= 2δ`, and
`z = x - e/2`, `z' = x' + e/2` are in the two balls with `z - z' = v`, so `f(z) = f(z')`.

With P the projection onto the complement of V, of rank r, and weights `λ >= 0` on pairs with differences `d`,

    4δ² Σ λ < Σ λ ‖P d‖² = tr(P M) <= the sum of the r largest eigenvalues of M,    M = Σ λ d dᵀ,

unless all weights are 0. So if the k largest eigenvalues of some M have a sum of at most `4δ² Σ λ`, then `r >= k + 1`.
For k = 0 that holds: f is not constant.

**Certificate.** `M = Dᵀ diag(w²) D` has the positive eigenvalues of `K = diag(w) D Dᵀ diag(w)`. If
`K = t I + G Gᵀ - Rᵀ R - N`, any Q with `0 ⪯ Q ⪯ I` and trace k has `tr(Q K) <= k (t + φ) + tr(G Gᵀ)` with φ the largest
sum of absolute entries of a row of N (its spectral norm is at most that), as `G Gᵀ` and `Rᵀ R` have no negative
eigenvalue. G and R are found in floats; N, φ and the inequality are computed in integers.

Source: Kim, Moon, Yun (2025), width bounds, here for given data.
"""

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from rich.console import Console

from theory.arguments.read_only import read_only
from theory.lower_bounds.covering import read_balls, shares
from theory.lower_bounds.eigenvalues import least_eigenvalue_sum
from theory.lower_bounds.integers import as_integers, differences, product
from theory.lower_bounds.near_pairs import check_pairs, in_unit, near_pairs, read_sample

_PAIRS, _ADDED = 2500, 1000
_ROUNDS = 2
# Weights as multiples of this; what is below is dropped.
_WEIGHT_UNIT = 2.0**-20
# G and R as multiples of this, for a Gram matrix of trace 1.
_UNIT = 2.0**-40
# What t is above the eigenvalue that follows, so that rounding leaves R.
_SHIFT = 1e-8


@dataclass(frozen=True, eq=False)
class RankBound:
    """For every `f = g(W x)` that is right on all closed l_p balls around the points, W has at least this rank.

    So a network with that first weight has at least `rank` neurons in its first layer, and `rank (d + 1)` entries of
    weight and bias there.

    Attributes:
        rank: the bound.
        radius, p: δ and the exponent of the balls.
        dim: d.
        pairs: shape (m, 2), points of different labels.
        roots: shape (m,), w >= 0, the square roots of the weights; each float is the rational number that it is.
    """

    rank: int
    radius: float
    p: float
    dim: int
    pairs: Int[np.ndarray, "m 2"]
    roots: Float[np.ndarray, " m"]

    def __post_init__(self) -> None:
        for name in ("pairs", "roots"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __repr__(self) -> str:
        return f"<RankBound {self.rank} of {self.dim}, l_{self.p:g}, radius {self.radius:g}>"

    @property
    def entries(self) -> int:
        """`rank (d + 1)`: weights and biases of the first layer, zeros included."""
        return self.rank * (self.dim + 1)

    def check(self, points: Any, labels: Any) -> None:
        """Check the bound by the data, the pairs and the weights, in integers; nothing else is trusted.

        Raises:
            ValueError: if it does not follow, or for malformed points or labels.
        """
        x, codes = read_sample(points, labels)
        read_balls(self.radius, self.p)
        check_pairs(self.pairs, codes, self.roots)
        inner = inner_radius(self.radius, self.p, x.shape[1])
        if x.shape[1] != self.dim or not proves_rank(x, self.pairs, self.roots, inner, self.rank):
            raise ValueError(
                f"a RankBound needs weights that prove rank {self.rank} in dimension {self.dim}, got dimension "
                f"{x.shape[1]} or weights that do not: it is of other points, or was changed"
            )


def inner_radius(radius: float, p: float, dim: int) -> float:
    """A radius, rounded down, of l_2 balls inside the l_p balls: δ for `p >= 2`, else `δ d^{1/2 - 1/p}`."""
    if p >= 2:
        return radius
    inner = radius * float(dim) ** (0.5 - 1 / p) * (1 - 2.0**-40)
    # Subnormal numbers are not rounded by a relative error.
    return inner if inner >= 2.0**-1000 else 0.0


def proves_rank(
    points: Float[np.ndarray, "n d"],
    pairs: Int[np.ndarray, "m 2"],
    roots: Float[np.ndarray, " m"],
    radius: float,
    rank: int,
) -> bool:
    """Whether the weights `roots²` prove a rank for l_2 balls; False is no statement."""
    if rank <= 1:
        # Differently labelled points there are: f is not constant.
        return True
    if not roots.any():
        return False
    used = roots > 0
    steps, (delta,) = differences(points, pairs[used], radius)
    weights, _ = as_integers(roots[used])
    weighted = steps * weights[:, None]
    gram = product(weighted, weighted.T)
    return eigenvalue_sum(gram, rank - 1) <= 4 * delta * delta * int((weights * weights).sum())


def eigenvalue_sum(gram: Shaped[np.ndarray, "m m"], count: int) -> Fraction:
    """At least the sum of the `count` largest eigenvalues of a symmetric matrix of integers, and not much more.

    The matrix has no negative eigenvalue; infinity cannot come out, but a useless bound where floats fail.
    """
    trace = int(gram.trace())
    if count >= len(gram) or not trace:
        return Fraction(trace)
    # The Gram matrix in units of its trace; no entry of it is above 1.
    floats = (gram / trace).astype(np.float64)
    values, vectors = np.linalg.eigh(floats)
    level = max(float(values[-count - 1]), 0.0)
    above = np.maximum(values[-count:] - level, 0.0)
    low = vectors[:, -count:] * np.sqrt(above)
    try:
        factor = np.linalg.cholesky((level + _SHIFT) * np.eye(len(gram)) + low @ low.T - floats).T
    except np.linalg.LinAlgError:
        return Fraction(trace)
    spread, root = _on_grid(low), _on_grid(factor)
    # All in units of trace · _UNIT²; the Gram matrix, an integer, is divided by none of them.
    scale = round(1 / _UNIT**2)
    t = round((level + _SHIFT) * scale)
    left = product(spread, spread.T) - product(root.T, root)
    left[np.diag_indices(len(left))] += t
    residual = np.abs(left * trace - gram * scale).sum(axis=1).max()
    bound = count * (t * trace + int(residual)) + int((spread * spread).sum()) * trace
    return min(Fraction(bound, scale), Fraction(trace))


def _on_grid(values: np.ndarray) -> Shaped[np.ndarray, "m k"]:
    return np.rint(values / _UNIT).astype(np.int64).astype(object)


def first_layer_rank_needed(
    points: Any,
    labels: Any,
    *,
    radius: Any,
    p: Any = 2,
    seconds: float | None = None,
    progress: bool = False,
) -> RankBound:
    """A lower bound of the rank of W for any `f = g(W x)` that is right on all closed l_p balls of radius δ.

    The bound is that of the l_2 balls inside them: of the same radius for `p >= 2`. One rank after the other is proved
    by weights on pairs of points, which minimise the sum of the largest eigenvalues; pairs near in the directions of
    these are added, and any pairs give a sound bound. Time `O(n² r)` a round, r the rank, after `O(n² d)`; memory
    `O(n d)`.

    Args:
        points: shape (n, d), finite.
        labels: n labels, two classes at least.
        radius: δ >= 0.
        p: in [1, 2^20], or ∞.
        seconds: after so many no further rank is tried, and the bound is what is proved so far; None for no limit.
        progress: whether to print each rank's proof on stderr.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if there is one class only, or if balls of two labels are found to meet.
    """
    ends = np.inf if seconds is None else time.monotonic() + seconds
    delta, p = read_balls(radius, p)
    x, codes = read_sample(points, labels)
    inner = inner_radius(delta, p, x.shape[1])
    features, console = in_unit(x), Console(stderr=True, quiet=not progress)
    pairs = near_pairs(features, codes)[:_PAIRS]
    shares(x, pairs, delta, p)
    rank, proof = 1, (pairs[:1], np.ones(1))
    weights, rounds = np.full(len(pairs), 1 / len(pairs)), 0
    while rank < x.shape[1] and time.monotonic() < ends:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            steps = (x[pairs[:, 0]] - x[pairs[:, 1]]) / (2 * inner)
        if not np.isfinite(np.square(steps)).all():
            # Balls so small prove no more.
            break
        weights, projection, total = least_eigenvalue_sum(steps, rank, weights, 1.0)
        roots = np.rint(np.sqrt(weights / weights.max()) / _WEIGHT_UNIT) * _WEIGHT_UNIT
        used = roots > 0
        if total <= 1 and proves_rank(x, pairs[used], roots[used], inner, rank + 1):
            rank, rounds, proof = rank + 1, 0, (pairs[used], roots[used])
            console.print(f"rank: at least {rank}")
        else:
            rounds += 1
            near = near_pairs(projection.features(features), codes)[:_ADDED]
            with np.errstate(over="ignore"):
                lengths = projection.features((x[near[:, 0]] - x[near[:, 1]]) / (2 * inner))
            near = near[np.square(lengths).sum(axis=1) < 1]
            if rounds > _ROUNDS or not len(near):
                break
            shares(x, near, delta, p)
            pairs = np.concatenate([pairs, near])
        # All can have weight again.
        weights = 0.9 * np.append(weights, np.zeros(len(pairs) - len(weights))) + 0.1 / len(pairs)
    return RankBound(rank, delta, p, x.shape[1], *proof)
