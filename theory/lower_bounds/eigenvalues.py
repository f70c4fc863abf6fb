"""The least sum of the k largest eigenvalues of `Σ λ d dᵀ` over weights λ of sum 1: floats that prove nothing.

That sum is `max tr(P M)` over `0 ⪯ P ⪯ I`, `tr P = k`; with `-μ/2 ‖P‖²` added it is smooth, and P is a projection of
the eigenvalues. Accelerated entropic descent, for one smaller μ after the other.

Source: Nesterov (2005), Smooth minimization of non-smooth functions; Tseng (2008), the accelerated method used.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_SMOOTHINGS = (0.05, 0.015, 0.005, 0.0015)
_STEPS = 200
# Of the bound 1/μ of the curvature, which holds for differences in one direction: they are in many.
_CURVATURE = 1 / 16
# Directions beside the k that are needed.
_MORE = 20
# Of the sum of all weights, what the smallest may be together.
_FEW = 1e-5


@dataclass(frozen=True, eq=False)
class Projection:
    """`P = B diag(v) Bᵀ`, B with orthonormal columns."""

    basis: Float[np.ndarray, "d r"]
    values: Float[np.ndarray, " r"]

    def features(self, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n r"]:
        """Points whose squared distances are `dᵀ P d`, in float32."""
        used = self.values > 0
        scaled = self.basis[:, used] * np.sqrt(self.values[used])
        return np.asarray(points @ scaled.astype(np.float32))


def least_eigenvalue_sum(
    steps: Float[np.ndarray, "m d"], count: int, weights: Float[np.ndarray, " m"], enough: float
) -> tuple[Float[np.ndarray, " m"], Projection, float]:
    """Weights with a small sum of the `count` largest eigenvalues, the P that says which d to add, and that sum.

    The sum is one for weights of sum 1, at most the true one but for rounding; the smallest weights are then dropped.

    Args:
        steps: rows d.
        count: k < d.
        weights: to start from, > 0.
        enough: a sum at which to stop; also where no weights on these rows reach it.
    """
    scale = float(np.einsum("ij,ij->i", steps, steps).mean())
    rows = (steps / np.sqrt(scale)).astype(np.float32)
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((rows.shape[1], min(count + _MORE, rows.shape[1]))))[
        0
    ]
    current = weights / weights.sum()
    for smoothing in _SMOOTHINGS:
        mirror, theta, mean = current, 1.0, np.zeros(len(rows))
        for step in range(_STEPS):
            middle = (1 - theta) * current + theta * mirror
            basis = np.linalg.qr(rows.T @ ((rows @ basis) * middle[:, None].astype(np.float32)))[0].astype(np.float32)
            seen = rows @ basis
            values, turn = np.linalg.eigh((seen * middle[:, None].astype(np.float32)).T @ seen)
            basis, lengths = basis @ turn, (seen @ turn) ** 2
            shares = _capped(values / smoothing, count)
            gradient = lengths @ shares
            mean = (1 - theta) * mean + theta * gradient
            # Where all weights are 0 but one, the others stay above it.
            logarithm = np.log(np.maximum(mirror, 1e-300)) - gradient * (smoothing / (theta * _CURVATURE))
            mirror = np.exp(logarithm - logarithm.max())
            mirror /= mirror.sum()
            current = (1 - theta) * current + theta * mirror
            theta = 2 / (step + 3)
        # The largest eigenvalues, as far as this subspace holds them.
        total = scale * float(values[-count:].sum())
        if total <= enough or scale * mean.min() > enough:
            break
    return _pruned(current, total / enough), Projection(basis, shares), total


def _pruned(weights: Float[np.ndarray, " m"], share: float) -> Float[np.ndarray, " m"]:
    """Without the smallest: what is left has at least half of the sum that is more than the share that is needed."""
    order = np.argsort(weights)
    spare = max(1 - share, 0.0) / 2
    dropped = order[np.cumsum(weights[order]) <= max(spare, _FEW)]
    pruned = weights.copy()
    pruned[dropped] = 0.0
    return pruned


def _capped(values: Float[np.ndarray, " r"], count: int) -> Float[np.ndarray, " r"]:
    """The nearest numbers in [0, 1] of sum `count`: `v - t` cut off, t by bisection."""
    low, high = float(values.min()) - 1.0, float(values.max())
    for _ in range(60):
        middle = (low + high) / 2
        if np.clip(values - middle, 0.0, 1.0).sum() > count:
            low = middle
        else:
            high = middle
    return np.asarray(np.clip(values - high, 0.0, 1.0))
