"""How far memorizing helps on unseen data: distributions on which the errors of f_adv are computed, for every sample.

The bounds that they are to meet are in `theory.generalization.robust_ratio`.

`Columns` are distributions in [0, 1]^d on which the adversarial error of f_adv is known for every sample, for p = ∞.
Over each of K = m^{d-1} cubes in the first d - 1 coordinates stands data of one label, above the height 1/2 for +1,
below it for -1, and `f_clean(x) = x_d - 1/2`. Columns are more than 2δ apart, so no ball meets two of them. Take x in
a column with label +1, at height 1/2 + h, h <= δ. The part `{z_d <= 1/2}` of its ball, where f_clean is wrong, is
over the base of the ball, down to `1/2 + h - δ`; the ball of a memorized point at height `1/2 + h_i` goes from
`1/2 + h_i - δ` to above 1/2. So f_adv is right on the whole ball of x exactly when the bases of the memorized points
with `h_i <= h` cover the base of x. For d = 2 bases are intervals of length 2δ with the middles `u_i`, and
`[u - δ, u + δ]` is covered exactly when u lies between two neighbouring `u_i` that are at most 2δ apart. For label -1
by symmetry, and f_adv is right on the ball of every x with h > δ, as f_clean is.
"""

import math
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.errors import AssumptionError
from theory.generalization.robust_ratio import check_mu
from theory.setting.ideal import IdealClassifier

# Heights are multiples of this, so that 1/2 + h and differences of heights are exact.
UNIT = 2.0**-40
_MOST_COLUMNS = 2**20

# Of one column: first coordinates and heights of its memorized points, its sides -> a share of its data.
_Share: TypeAlias = Callable[[np.ndarray, np.ndarray, tuple[float, float]], float]


@dataclass(frozen=True, eq=False)
class Columns:
    """Data over a grid of cubes: a column uniformly, then its base uniformly, then the height `1/2 + y h`.

    With probability μ, h is uniform on [lowest, radius] (small margin), else on (radius, 1/2]. Labels alternate like
    the squares of a chessboard. Heights are rounded to multiples of UNIT.

    Args:
        dim: d >= 2.
        m: cubes along each of the first d - 1 coordinates, >= 2.
        radius: δ, in (0, 1/2), a multiple of UNIT.
        half_width: η >= 0, of the cubes; 0 gives a product grid.
        lowest: the least height, in (0, radius], a multiple of UNIT; `radius` gives one height.
        mu: μ, the mass of the small-margin data, in (0, 1].

    Raises:
        AssumptionError: if a hypothesis fails, above all that columns are more than 2δ apart.
        ValueError: if δ or the least height is no multiple of UNIT, or there are more than 2^20 columns.
    """

    dim: int
    m: int
    radius: float
    half_width: float
    lowest: float
    mu: float = 1.0

    def __post_init__(self) -> None:
        if not (self.dim >= 2 and self.m >= 2):
            raise AssumptionError(f"Columns need dim >= 2 and m >= 2, got dim={self.dim}, m={self.m}")
        check_mu(self.mu)
        if not 0 < self.lowest <= self.radius < 0.5:
            raise AssumptionError(
                f"Columns need 0 < lowest <= radius < 1/2, got lowest={self.lowest}, radius={self.radius}"
            )
        if not 0 <= self.half_width < 0.5:
            raise AssumptionError(f"Columns need 0 <= half_width < 1/2, got {self.half_width}")
        if (self.lowest / UNIT) % 1 or (self.radius / UNIT) % 1:
            raise ValueError(f"lowest and radius need to be multiples of 2^-40, got {self.lowest} and {self.radius}")
        if not self.m ** (self.dim - 1) <= _MOST_COLUMNS:
            raise ValueError(f"Columns need m^(dim - 1) <= 2^20, got m={self.m}, dim={self.dim}")
        if not self._gap > 2 * Fraction(self.radius):
            raise AssumptionError(
                f"Columns need a separation of more than 2 * radius, got {float(self._gap):g} with radius={self.radius}"
                f", m={self.m}, half_width={self.half_width}: take fewer or thinner columns, or a smaller radius"
            )

    @cached_property
    def _sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the cubes along one coordinate."""
        middles = np.linspace(self.half_width, 1 - self.half_width, self.m)
        return np.maximum(middles - self.half_width, 0.0), np.minimum(middles + self.half_width, 1.0)

    @cached_property
    def _gap(self) -> Fraction:
        low, high = self._sides
        return min(Fraction(float(b)) - Fraction(float(a)) for a, b in zip(high[:-1], low[1:], strict=True))

    @property
    def columns(self) -> int:
        """K."""
        return int(self.m ** (self.dim - 1))

    @property
    def separation(self) -> float:
        """R: points of different columns are at least this far apart, which is more than 2δ; rounded down."""
        gap = float(self._gap)
        return gap if Fraction(gap) <= self._gap else math.nextafter(gap, 0.0)

    @property
    def density(self) -> float:
        """κ, the density on X_small; ∞ if the columns or their heights have no extent."""
        volume = self.columns * (2 * self.half_width) ** (self.dim - 1) * (self.radius - self.lowest)
        return self.mu / volume if volume else math.inf

    @property
    def ball_mass(self) -> float:
        """An upper bound of `sup_z D(X_small ∩ B_∞(z, 2δ))`, by the part of the cubes in an interval of length 4δ."""
        low, high = self._sides
        met = max(int(np.count_nonzero((low <= end + 4 * self.radius) & (high >= end))) for end in high)
        share = float(met)
        if self.half_width:
            share = min(share, 4 * self.radius / (2 * self.half_width))
        return min(1.0, (share / self.m) ** (self.dim - 1)) * self.mu

    def clean(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """`f_clean(x) = x_d - 1/2`: no clean error, adversarial error exactly μ."""
        return np.asarray(x[:, -1] - 0.5)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
        """`n` independent points, shape (n, d), and their labels ±1, shape (n,)."""
        if not n >= 1:
            raise ValueError(f"a sample needs n >= 1 points, got {n}")
        digits = rng.integers(self.m, size=(n, self.dim - 1))
        labels = 1 - 2 * (digits.sum(axis=1) % 2)
        low, high = self._sides
        base = low[digits] + (high - low)[digits] * rng.random(digits.shape)
        small = rng.random(n) < self.mu
        part = rng.random(n)
        height = np.where(small, self.lowest + (self.radius - self.lowest) * part, 0.5 - (0.5 - self.radius) * part)
        # Down to the grid for small margins, up for large ones: neither crosses the radius.
        height = np.where(small, np.floor(height / UNIT), np.ceil(height / UNIT)) * UNIT
        height = np.where(small, height, np.maximum(height, self.radius + UNIT))
        return np.column_stack([np.minimum(base, high[digits]), 0.5 + labels * height]), labels

    def small(self, points: Float[np.ndarray, "n d"]) -> Bool[np.ndarray, " n"]:
        """Whether the least margin of f_clean over the closed ball is <= 0."""
        return np.asarray(np.abs(points[:, -1] - 0.5) <= self.radius)

    def ideal(self, points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> IdealClassifier:
        """f_adv of this sample, for p = ∞."""
        return IdealClassifier(points, labels, np.flatnonzero(self.small(points)), self.radius, np.inf, self.clean)

    def adversarial_ratio(self, points: Float[np.ndarray, "n d"]) -> float:
        """`L_D^{adv,δ}(f_adv) / L_D^{adv,δ}(f_clean)` for f_adv of this sample; exact up to rounding.

        Raises:
            ValueError: if `half_width > 0` and `dim > 2` (covers by boxes), or a point is in no column.
        """
        return self._uncovered(points, self._robust_share)

    def far_ratio(self, points: Float[np.ndarray, "n d"]) -> float:
        """`P(x ∈ X_small, dist_∞(x, S_small) > 2δ) / μ`, a lower bound of `adversarial_ratio`; the same errors."""
        return self._uncovered(points, self._near_share)

    def _uncovered(self, points: np.ndarray, share: _Share) -> float:
        """`1 - mean over the columns of the share`, which is 0 in a column without memorized points."""
        if self.half_width and self.dim > 2:
            raise ValueError(
                f"exact errors need dim = 2 or half_width = 0, got dim={self.dim}, half_width={self.half_width}"
            )
        chosen = points[self.small(points)]
        return (self.columns - math.fsum(share(*column) for column in self._by_column(chosen))) / self.columns

    def _by_column(self, points: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[float, float]]]:
        """First coordinates and heights of the points of each column that has any, and the sides of the column."""
        low, high = self._sides
        base = points[:, :-1]
        digits = np.minimum(np.searchsorted(high, base), self.m - 1)
        if not ((base >= low[digits]) & (base <= high[digits])).all():
            raise ValueError("every point needs to lie in a column")
        number = digits @ self.m ** np.arange(self.dim - 1)
        heights = np.abs(points[:, -1] - 0.5)
        for k in np.unique(number):
            here = number == k
            first = digits[here][0, 0]
            yield base[here, 0], heights[here], (float(low[first]), float(high[first]))

    def _robust_share(self, base: np.ndarray, height: np.ndarray, side: tuple[float, float]) -> float:
        """Share of the column's small-margin data on which f_adv is robust."""
        order = np.argsort(height, kind="stable")
        above = np.append(height[order], self.radius)
        rises = np.diff(above) if self.radius > self.lowest else np.append(np.zeros(len(base) - 1), 1.0)
        extent = (self.radius - self.lowest) if self.radius > self.lowest else 1.0
        if not self.half_width:
            return math.fsum(rises) / extent
        placed: list[float] = []
        covered, area = 0.0, []
        for u, rise in zip(base[order].tolist(), rises.tolist(), strict=True):
            k = bisect(placed, u)
            left = u - placed[k - 1] if k else math.inf
            right = placed[k] - u if k < len(placed) else math.inf
            covered += self._bridged(left) + self._bridged(right) - self._bridged(left + right)
            placed.insert(k, u)
            area.append(covered * rise)
        return math.fsum(area) / (extent * (side[1] - side[0]))

    def _bridged(self, gap: float) -> float:
        return gap if gap <= 2 * self.radius else 0.0

    def _near_share(self, base: np.ndarray, _: np.ndarray, side: tuple[float, float]) -> float:
        """Share of the column within 2δ of the points; heights differ by less than δ and do not matter."""
        if not self.half_width:
            return 1.0
        low, high = side
        middles = np.sort(base)
        starts, ends = np.maximum(middles - 2 * self.radius, low), np.minimum(middles + 2 * self.radius, high)
        starts = np.maximum(starts, np.append(low, ends[:-1]))
        return math.fsum(np.maximum(ends - starts, 0.0)) / (high - low)
