"""The measures of section 4 for the constructed memorizer `f̂`, p = ∞: exact curves, for the search to approach.

Around a memorized point `x_i` with label y the soft indicator is `I(x) = 1 - E(x) / ramp`, as long as that is
positive, with `E(x) = Σ_j σ(|x_j - c_j| - t)`, `t = δ + shell/4`, `ramp = shell/2` and `c = x_i`, or its levels for
`method="shared"`. In the ball of radius ε, coordinate j leaves the cube around c by at most

    r_j = (ε + |x_ij - c_j| - t)^+,    with `clip` after ε is cut to the room on either side,

and by every amount from 0 to `r_j`, independently of the others. Let `m` be the number of `r_j > 0`, and
`e = min(Σ_j r_j, ramp)`. Suppose that

(a) no other indicator is positive in the ball, and
(b) `1 - e / ramp >= |f_clean| / M` in the ball, M the bound with which `f̂` locks `f_clean` out.

Then `f̂ = I` at the output of y and 0 at the other outputs (`f̂ = y I` for labels ±1), so that for C classes

    L = ℓ(I) = log(1 + (C - 1) e^{-I}),    ‖∇_x L‖_1 = q(I) #{j outside} / ramp,    q(I) = (C - 1) / (C - 1 + e^I).

ℓ and q fall with I, and all m coordinates can be outside together with any sum of excesses in (0, e]. Hence

    max ‖∇_x L‖_1 = q(1 - e / ramp) m / ramp,    max L(x + ξ) - L(x) = ℓ(1 - e / ramp) - ℓ(1).

Both are 0 for ε up to `t - max_j |x_ij - c_j|`, which is `δ + shell/4` for `per_point`: the kink, where the
gradient norm *jumps*, by `q(1) m / ramp`. Both are constant after `Σ_j r_j = ramp`, a distance `ramp / d` further. The
first maximum is attained at a vertex of the ball until then, and a supremum afterwards.

Where (a) or (b) fails nothing is claimed but what smaller balls give from below. (b) matters: once `f_clean` leaks
through the lock, slopes of size `M m / ramp` appear; with `f_clean = 0` it always holds. So does (a) for points of the
*same* class: with two such indicators positive `f̂` is their sum and not flat. Float64 arithmetic moves the kink and
the values by a few units in the last place.

Source: Theorem 3.3, repaired form; definition-maximum-gradient-norm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.memorizers.memorizer import Memorizer
from constructions.pieces.levels import shared_levels
from constructions.pieces.soft_indicators import ramp_of
from constructions.samples.sample import class_positions
from empirics.images.flatness.bracket import FlatnessBracket
from theory.balls.relaxation import interval_bounds
from theory.errors import AssumptionError
from theory.generalization.flatness import PointwiseMaximum


def exact_curves(
    memorizer: Memorizer,
    rows: Iterable[Any],
    radii: Sequence[float] | Float[np.ndarray, " k"],
    *,
    clip: bool,
) -> list[FlatnessBracket]:
    """The maxima around memorized points at each radius: `lower == upper` where the module's formula holds.

    Where (a) or (b) fails, lower is the maximum of the last smaller radius and upper is ∞.

    Args:
        memorizer: for p = ∞.
        rows: numbers of memorized points of its sample.
        radii: increasing, >= 0.
        clip: keep to `[0, 1]^d`.

    Raises:
        AssumptionError: if p is finite, or a row is no memorized point.
        ValueError: for malformed rows or radii, or points outside `[0, 1]^d` with `clip`.
    """
    if memorizer.task.p != np.inf:
        raise AssumptionError(f"the curve is known for memorizers with p=inf, got p={memorizer.task.p:g}")
    chosen, grid = np.asarray(list(rows)), np.asarray(radii, dtype=np.float64)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise ValueError(f"exact_curves needs at least one row, as integers, got {chosen.tolist()}")
    if not np.isin(chosen, memorizer.small).all():
        missing = chosen[~np.isin(chosen, memorizer.small)][0]
        raise AssumptionError(
            f'the curve is known around memorized points, and {missing} is none: build the memorizer with small="all"'
        )
    if grid.ndim != 1 or not len(grid) or not (np.isfinite(grid) & (grid >= 0)).all() or not (np.diff(grid) > 0).all():
        raise ValueError(f"exact_curves needs finite radii >= 0 in increasing order, got {radii}")
    points = memorizer.task.sample.points
    if clip and not ((points[chosen] >= 0) & (points[chosen] <= 1)).all():
        raise ValueError("clip=True needs points in [0, 1]^d: rescale them, or take clip=False")
    t, ramp = ramp_of(memorizer.task.radius, memorizer.task.shell)
    centres = _centres(memorizer, ramp)
    around = [_Cube(points[i], centres, int(np.searchsorted(memorizer.small, i)), t, ramp) for i in chosen]
    _, classes = class_positions(memorizer.task.sample.codes[:1], memorizer.clean.outputs)
    brackets = []
    reached = np.zeros((2, len(chosen)))
    for radius in grid:
        known = [cube.maxima(float(radius), clip, classes, memorizer) for cube in around]
        exact = np.array([k is not None for k in known])
        values = np.array([k if k is not None else (0.0, 0.0) for k in known]).T
        reached = np.maximum(reached, values)
        upper = np.where(exact, reached, np.inf)
        norm, change = (
            PointwiseMaximum(a, b, float(radius), unit_box=clip) for a, b in zip(reached, upper, strict=True)
        )
        brackets.append(FlatnessBracket(norm, change))
    return brackets


def _centres(memorizer: Memorizer, ramp: float) -> np.ndarray:
    centres = memorizer.task.sample.points[memorizer.small]
    return centres if memorizer.method == "per_point" else shared_levels(centres, ramp / 2, np.inf).rounded()


@dataclass(frozen=True, eq=False)
class _Cube:
    """A memorized point x, the centres of all indicators, which of them is its own, and their t and ramp."""

    x: Float[np.ndarray, " d"]
    centres: Float[np.ndarray, "n d"]
    own: int
    t: float
    ramp: float

    def maxima(self, radius: float, clip: bool, classes: int, memorizer: Memorizer) -> tuple[float, float] | None:
        """`max ‖∇_x L‖_1` and `max L(x + ξ) - L(x)`; None where the formula does not hold."""
        ahead = self.x - self.centres[self.own]
        up, down = (np.minimum(radius, room) if clip else radius for room in (1.0 - self.x, self.x))
        r = np.maximum(np.maximum(up + ahead, down - ahead) - self.t, 0.0)
        outside, excess = int(np.count_nonzero(r)), min(float(r.sum()), self.ramp)
        indicator = 1.0 - excess / self.ramp
        if not self._alone(radius) or not self._locked(radius, indicator, memorizer):
            return None
        wrong = (classes - 1) / (classes - 1 + np.exp(indicator))
        change = np.log1p((classes - 1) * np.exp(-indicator)) - np.log1p((classes - 1) * np.exp(-1.0))
        return float(wrong * outside / self.ramp), float(change)

    def _alone(self, radius: float) -> bool:
        """(a): the least excess over every other cube in the ball is at least the ramp."""
        far = np.abs(np.delete(self.centres, self.own, axis=0) - self.x) - (radius + self.t)
        return bool((np.maximum(far, 0.0).sum(axis=1) >= self.ramp).all())

    def _locked(self, radius: float, indicator: float, memorizer: Memorizer) -> bool:
        """(b), by an interval bound of `f_clean` on the ball."""
        low, high = interval_bounds(memorizer.clean.layers, (self.x - radius)[None], (self.x + radius)[None])
        return bool(indicator * memorizer.bound >= max(np.abs(low).max(), np.abs(high).max()))
