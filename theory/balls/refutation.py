"""Points at which a property is violated: candidates, and those that surely are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.balls.descent import into_balls, values_and_gradients
from theory.balls.prepared import Prepared
from theory.balls.propagation import upper_values
from theory.balls.regions import Regions
from theory.balls.violations import Violations
from theory.layers import Layers, evaluate
from theory.setting.membership import is_in_ball

# Whether the point of that region is a violation, decided by whoever is asked: exactly, if it can.
Confirm: TypeAlias = Callable[[int, np.ndarray], bool]
# Candidates from which a violation is looked for downhill, and below what value one that rounding leaves open is shown.
_DESCENTS, _NEAR = 4, 1e-9


def is_in_region(regions: Regions, i: int, x: np.ndarray) -> bool:
    """Whether a point of floats is in a region, exactly, and never true of one outside."""
    low, high = regions.inner()
    if not ((low[i] <= x) & (x <= high[i])).all():
        return False
    return bool(np.isinf(regions.p)) or is_in_ball(x, regions.centres[i], float(regions.halves[i, 0]), regions.p)


def into_region(regions: Regions, points: np.ndarray) -> np.ndarray:
    """Points moved into the box of floats of their region; for p < ∞ also next to the ball, perhaps not into it."""
    low, high = regions.inner()
    if not np.isinf(regions.p):
        points = into_balls(points, regions.centres, (1.0 - 2.0**-45) * regions.halves, regions.p)
    return np.asarray(np.clip(points, low, np.maximum(low, high)))


def descended(
    layers: Layers, region: Regions, points: np.ndarray, violations: Violations, *, steps: int = 20
) -> np.ndarray:
    """Points of one region moved downhill in the margin of its violations, by signed steps that are halved in vain."""
    same = region.take(np.zeros(len(points), int))
    low, high = region.outer()
    size = np.full((len(points), 1), 0.25) * (high - low)
    value, slope = values_and_gradients(layers, points, violations)
    for _ in range(steps):
        moved = into_region(same, points - size * np.sign(slope))
        there, turned = values_and_gradients(layers, moved, violations)
        better = there < value
        points, slope = np.where(better[:, None], moved, points), np.where(better[:, None], turned, slope)
        value, size = np.where(better, there, value), np.where(better[:, None], size, 0.5 * size)
    return points


class Hunt:
    """The least margin met in one region, and whether it is a violation for sure."""

    def __init__(
        self,
        layers: Layers,
        affines: Sequence[Prepared],
        region: Regions,
        violations: Violations,
        index: int,
        confirm: Confirm | None,
    ) -> None:
        self.layers, self.affines, self.region, self.violations = layers, affines, region, violations
        self.index, self.confirm = index, confirm
        self.point, self.value, self.refuted = np.full(region.centres.shape[1], np.nan), np.inf, False

    def look(self, points: np.ndarray) -> None:
        """Try points, and what is downhill of the best of them if they are better than any before."""
        with np.errstate(all="ignore"):
            points = into_region(self.region.take(np.zeros(len(points), int)), np.nan_to_num(points))
            values = self._values(points)
            best = np.argsort(values)[:_DESCENTS]
            if values[best[0]] < self.value:
                points = np.concatenate([points, descended(self.layers, self.region, points[best], self.violations)])
                values = np.concatenate([values, self._values(points[-len(best) :])])
        best = np.argsort(values)[:_DESCENTS]
        if values[best[0]] < self.value:
            self.point, self.value = points[best[0]], float(values[best[0]])
        for k in best:
            # What is a little above 0 may be 0 but for rounding.
            if values[k] > (0.0 if self.confirm is None else _NEAR):
                break
            if self._is_witness(points[k]):
                self.point, self.value, self.refuted = points[k], float(values[k]), True
                break

    def _values(self, points: np.ndarray) -> np.ndarray:
        return self.violations.margins(evaluate(self.layers, points))

    def _is_witness(self, x: np.ndarray) -> bool:
        if not is_in_region(self.region, 0, x):
            return False
        if upper_values(self.affines, x[None], self.violations)[0] <= 0:
            return True
        return self.confirm is not None and bool(self.confirm(self.index, x))


@dataclass(frozen=True, eq=False)
class Splitting:
    """What splitting says of n regions.

    Args:
        proved: no violation in the region.
        refuted: at `points`, a float64 point of the region, the outputs are a violation over the reals.
        lower: sound lower bounds of `min over x, min over conjunctions, max over rows of A f(x) - b`.
        points: where the least value of it was met, up to rounding; NaN where nothing was tried.
        values: these values.
        nodes: the numbers of parts that were bounded.
    """

    proved: Bool[np.ndarray, " n"]
    refuted: Bool[np.ndarray, " n"]
    lower: Float[np.ndarray, " n"]
    points: Float[np.ndarray, "n d"]
    values: Float[np.ndarray, " n"]
    nodes: Int[np.ndarray, " n"]


def splitting(regions: Regions, hunts: Sequence[Hunt], lower: Sequence[float], nodes: Sequence[int]) -> Splitting:
    """The answer from what was found of the first regions, those that had a turn; a refuted one is not proved."""
    size, some = len(regions), len(hunts)
    refuted, bounds, values = np.zeros(size, dtype=bool), np.full(size, -np.inf), np.full(size, np.inf)
    points, count = np.full(regions.centres.shape, np.nan), np.zeros(size, dtype=np.int64)
    for i, hunt in enumerate(hunts):
        refuted[i], points[i], values[i] = hunt.refuted, hunt.point, hunt.value
    bounds[:some], count[:some] = lower, nodes
    return Splitting((bounds > 0) & ~refuted, refuted, bounds, points, values, count)
