"""Auto-PGD: projected descent with momentum, whose steps are halved where they do not help, in many regions at once.

Source: Croce, Hein (2020), Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
attacks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.balls.descent import into_balls, is_surely_inside, steepest, values_and_gradients
from theory.balls.regions import Regions
from theory.balls.violations import Violations
from theory.layers import Layers
from theory.roundoff import gamma
from theory.setting.membership import is_in_ball

# So much of a step is new, the rest the last one again.
_NEW = 0.75
# Steps are halved where a smaller share of them since the last look made the value smaller.
_SUCCESS = 0.75
# A descent is done where its value is negative by this share of what it was: in float32, too, that is no rounding.
_FAR = 2.0**-6
# A gradient along which the value would fall by less than this share of it is no guide; random steps may be.
_FLAT = 2.0**-12


@dataclass(frozen=True, eq=False)
class Place:
    """Regions, in the format of a search.

    Attributes:
        centres, halves, p: as of the regions.
        low, high: ends of the boxes of floats around them.
        start: the points of these boxes next to the centres; None where those are the centres.
        cut: whether the boxes are ends of the regions, not just around a ball.
    """

    centres: np.ndarray
    halves: np.ndarray
    p: float
    low: np.ndarray
    high: np.ndarray
    start: np.ndarray | None
    cut: bool

    @staticmethod
    def of(regions: Regions) -> "Place":
        low, high = regions.inner()
        start = np.clip(regions.centres, low, np.maximum(low, high))
        same = bool((start == regions.centres).all())
        cut = regions.box is not None or bool(np.isinf(regions.p))
        return Place(regions.centres, regions.halves, regions.p, low, high, None if same else start, cut)

    @property
    def nearest(self) -> np.ndarray:
        """Of the boxes of floats the points next to the centres."""
        return self.centres if self.start is None else self.start

    def take(self, rows: np.ndarray) -> "Place":
        """Those of some of the regions."""
        return self._each(lambda a: a[rows])

    def astype(self, kind: np.dtype[Any]) -> "Place":
        """The same, rounded to a format."""
        return self._each(lambda a: a.astype(kind))

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Place":
        start = None if self.start is None else change(self.start)
        centres, halves, low, high = (change(a) for a in (self.centres, self.halves, self.low, self.high))
        return Place(centres, halves, self.p, low, high, start, self.cut)

    def into(self, x: np.ndarray) -> np.ndarray:
        """Points moved into the regions, up to rounding."""
        if self.cut:
            x = np.minimum(np.maximum(x, self.low), self.high)
        return x if np.isinf(self.p) else into_balls(x, self.centres, self.halves, self.p, self.start)

    def surely_into(self, x: np.ndarray) -> np.ndarray:
        """Points moved into the regions, so far that it can be told where there is room for that; in float64."""
        x = np.minimum(np.maximum(x, self.low), self.high)
        if np.isinf(self.p):
            return np.asarray(x)
        radius = self.halves * (1.0 - 2.0 * gamma(2 * x.shape[1] + 128))
        x = into_balls(x, self.centres, radius, self.p, self.start)
        # Rounding of sums is not little beside a small radius.
        out = ~is_surely_inside(x, self.centres, self.halves, self.p)
        x[out] = np.nextafter(x[out], self.nearest[out])
        return x

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Whether points are in the regions, exactly."""
        inside = np.asarray(((self.low <= x) & (x <= self.high)).all(axis=1))
        if np.isinf(self.p):
            return inside
        sure = is_surely_inside(x, self.centres, self.halves, self.p)
        for k in np.flatnonzero(inside & ~sure):
            inside[k] = is_in_ball(x[k], self.centres[k], float(self.halves[k, 0]), self.p)
        return inside

    def direction(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The steepest step up, of the size of the region; for p < ∞ along what is not at an end of a box."""
        if self.cut and not np.isinf(self.p):
            gradient = np.where(((gradient > 0) & (x <= self.low)) | ((gradient < 0) & (x >= self.high)), 0, gradient)
        return np.asarray(self.halves * steepest(gradient, self.p))


class Descent:
    """Auto-PGD from one start in each region."""

    def __init__(self, net: Layers, place: Place, wrong: Violations, target: np.ndarray | None, x: np.ndarray) -> None:
        self.net, self.place, self.wrong, self.target = net, place, wrong, target
        self.x = self.before = self.best = x
        self.value, self.gradient = values_and_gradients(net, x, wrong, target)
        self.first = self.least = self.least_before = self.value
        self.best_gradient = self.gradient
        # In radii, as after the last look; and the steps since then, and those that went down.
        self.rate = np.full((len(x), 1), 2.0, x.dtype)
        self.halved = np.zeros(len(x), bool)
        self.steps, self.down = 0, np.zeros(len(x), int)
        # Whether no gradient said more so far than chance.
        self.is_flat = np.ones(len(x), bool)

    def take(self, rows: np.ndarray) -> None:
        """Go on with some of the regions."""
        self.place, self.wrong = self.place.take(rows), self.wrong.take(rows)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[rows])

    @property
    def is_far_below(self) -> np.ndarray:
        """Whether the least value is negative beyond rounding, beside the first."""
        return np.asarray(self.least < -_FAR * np.abs(self.first))

    def step(self, rng: np.random.Generator) -> None:
        """One step down, or a random one where it is flat."""
        direction = self.place.direction(self.x, self.gradient)
        falls = np.einsum("nd,nd->n", self.gradient, direction)
        flat = ~((falls > _FLAT * np.abs(self.value)) & (falls < np.inf))
        if flat.any():
            random = rng.standard_normal((int(flat.sum()), self.x.shape[1])).astype(self.x.dtype)
            direction[flat] = self.place.take(flat).direction(self.x[flat], random)
        self.is_flat = self.is_flat & flat
        x = self.place.into(self.x - self.rate * direction)
        if self.before is not self.x:
            x = self.place.into(self.x + _NEW * (x - self.x) + (1 - _NEW) * (self.x - self.before))
        last = self.value
        self.before, self.x = self.x, x
        self.value, self.gradient = values_and_gradients(self.net, x, self.wrong, self.target)
        self.steps, self.down = self.steps + 1, self.down + (self.value < last)
        better = self.value < self.least
        self.least = np.where(better, self.value, self.least)
        self.best = np.where(better[:, None], x, self.best)
        self.best_gradient = np.where(better[:, None], self.gradient, self.best_gradient)

    def look(self) -> None:
        """Halve the steps that do not help, and go on from the best point there."""
        vain = (self.down < _SUCCESS * self.steps) | (~self.halved & (self.least >= self.least_before))
        self.rate = np.where(vain[:, None], 0.5 * self.rate, self.rate)
        rows = vain[:, None]
        self.x, self.gradient = np.where(rows, self.best, self.x), np.where(rows, self.best_gradient, self.gradient)
        self.before, self.value = np.where(rows, self.x, self.before), np.where(vain, self.least, self.value)
        self.halved, self.least_before = vain, self.least
        self.steps, self.down = 0, np.zeros(len(self.x), int)


def looks(steps: int) -> set[int]:
    """After which steps a descent is looked at: gaps of 22 % of them, each by 3 % shorter, 6 % at least."""
    at, gap, last = 0.0, 0.22, set()
    while at < 1:
        at, gap = at + gap, max(gap - 0.03, 0.06)
        last.add(math.ceil(at * steps))
    return last
