"""The distributions of Theorem 3.5: easy to classify, and robustly only by networks of exponential size.

Words `c_k ∈ {0, …, m-1}^{d-1}` that differ pairwise in at least b places, K of them (all `m^{d-1}` for b = 1), give
places `u_k = η + s c_k` on the grid of step `s = (1 - 2η) / (m - 1)`. With labels `y ∈ {-1, +1}^K` stand cubes `Q_k` of
half-width `η` with centres `(u_k, 1/2 + τ y_k)`. If

    0 < η < τ,    τ + η <= 1/2,    τ + dη <= δ,    b^{1/p} (s - 3η) > 2δ,

then the cubes lie in `[0, 1]^d` and: the classes are more than `R = b^{1/p} (s - 3η) > 2δ` apart in l_p (cubes of
different labels stand over different words, so at least b coordinates differ by at least `s - 2η`), for b = 1 in
every l_p; `f_clean(x) = x_d - 1/2` has no error and all points are of small margin; and the mid-point `(u_k, 1/2)` lies
in `B_q(x, δ)` for every `x ∈ Q_k` and every q, as `‖x - (u_k, 1/2)‖_1 <= (d - 1) η + (τ + η)`. So a classifier without
the sign `y_k` at the mid-point is wrong on all of `Q_k`.

Large-margin mass goes to one cube more: over `u_1`, at the far side of `[0, 1]^d` from `x_d = 1/2`, if δ < 1/2 - 2η.
Nothing in the cube is as far as 1/2 from there; for larger δ it stands in the corner, with centre `(η, …, η, 1 - η)`
and label +1, where the word 0 is none of the words and differs from each in b places or more. Let S be their least sum
of letters. Each `Q_k` has `Σ_{j<d} x_j >= sS`, and a point within δ of the corner's cube has
`Σ_{j<d} x_j <= 2η(d-1) + δ(d-1)^{1-1/p}`. If that is less, by some g > 0, let θ lie half way between and
`a = 4(δ + 2η)/g`. Then `f_clean(x) = x_d - 1/2 + a σ(θ - Σ_{j<d} x_j)`, of d + 5 non-zeros, is `x_d - 1/2` on all `Q_k`
and at their mid-points, and is more than 1/2 within δ of the corner's cube, as there `x_d >= 1 - 2η - δ`.

For small η that is `S > (m-1) δ (d-1)^{1-1/p}`. As `2 (m-1) δ < b^{1/p}`, `S >= (m-1)(d-1)/2` is enough; and no
letter exceeds m - 1, so that such words differ from 0 in (d-1)/2 places: in b, if 2b < d. Of any words, or of their
reflections `m - 1 - c`, which are as far apart, half at least have such sums: `theory.sizes.codes.heavier_half`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from theory.arguments.plain_array import plain_array
from theory.arguments.scalars import read_exponent
from theory.errors import AssumptionError
from theory.sizes.codes import least_distance, root_below
from theory.sizes.halfspaces import Halfspace, HalfspaceAndCorner

# Labels are an array: one entry a cube.
_MOST_CUBES = 2**26


@dataclass(frozen=True, eq=False)
class HardDistribution:
    """Labelled cubes over words: mass `μ/K` uniform on each `Q_k`, `1 - μ` on one of large margin.

    The grid is the one of the floats in `levels`, and every hypothesis is checked for those in rational arithmetic: the
    properties below hold exactly for the points that `sample` returns. `hard_distribution` chooses `eta` and `tau`.

    Source: Theorem 3.5, repaired form. Here `m_0` is uniform on the cubes.

    Args:
        dim: d >= 2.
        m: grid points along each of the first d - 1 coordinates, >= 2.
        radius: δ, in (0, b^{1/p} / (2 (m - 1))).
        labels: y, shape (K,), entries -1 and +1.
        eta: η, the half-width of the cubes.
        tau: τ, the height of their centres above or below 1/2.
        mu: μ, the mass of the small-margin cubes, in (0, 1]; for μ < 1 the cube with number K has the rest of it:
            centre `(u_1, 1/2 + y_1 (1/2 - η))` and label y_1 if δ < 1/2 - 2η, else the corner and +1.
        words: shape (K, d - 1), entries 0..m-1: cube k stands over the place whose j-th coordinate is the level with
            number `words[k, j]`. All words for None, and `k // m^j mod m`.
        p: of the norm in which classes are apart, in [1, ∞]; then also in l_q for q <= p, and in every one for b = 1.

    Raises:
        AssumptionError: if a hypothesis on d, m, δ, η, τ or μ fails.
        ValueError: if the labels or words have another shape or another value, or there are more than 2^26 cubes.
    """

    dim: int
    m: int
    radius: float
    labels: Int[np.ndarray, " K"]
    eta: float
    tau: float
    mu: float = 1.0
    words: Int[np.ndarray, "K n"] | None = None
    p: float = math.inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", read_exponent(self.p))
        object.__setattr__(self, "words", _read_words(self.words, self.dim, self.m))
        _check_radius(self.radius, self.m, self.spread)
        object.__setattr__(self, "labels", plain_array(self.labels, "labels"))
        _check_labels(self.labels, self.m ** (self.dim - 1) if self.words is None else len(self.words))
        if not 0 < self.mu <= 1:
            raise AssumptionError(f"Theorem 3.5 needs a mass of small-margin data mu in (0, 1], got mu={self.mu}")
        if not 0 < self.eta < self.tau <= self.radius:
            raise AssumptionError(
                f"Theorem 3.5 needs 0 < eta < tau <= radius, got eta={self.eta}, tau={self.tau}, radius={self.radius}"
            )
        eta, radius = Fraction(self.eta), Fraction(self.radius)
        # With the heights as floats, ½ + τ is rounded: the hypotheses are about what it is rounded to.
        rises = [abs(Fraction(h) - Fraction(1, 2)) for h in self._heights]
        if not max(rises) + self.dim * eta <= radius:
            raise AssumptionError(
                f"Theorem 3.5 needs tau + dim * eta <= radius, got tau={self.tau}, eta={self.eta}, dim={self.dim}, "
                f"radius={self.radius}: the mid-points must be in reach of all of their cube; take a smaller eta or tau"
            )
        if not max(rises) + eta <= Fraction(1, 2):
            raise AssumptionError(
                f"Theorem 3.5 needs tau + eta <= 1/2, got tau={self.tau}, eta={self.eta}: the cubes must lie in "
                "[0, 1]^d; take a smaller tau"
            )
        low, high = Fraction(float(self.levels[0])) - eta, Fraction(float(self.levels[-1])) + eta
        if not (min(rises) > eta and low >= 0 and high <= 1 and self._apart > 2 * radius):
            raise AssumptionError(
                "Theorem 3.5 needs b^(1/p) * (s - 3 * eta) > 2 * radius with s = (1 - 2 eta) / (m - 1), got "
                f"radius={self.radius}, eta={self.eta}, s={float(self._step)} (the least step of the grid of floats), "
                f"b^(1/p)={self.spread}: take a smaller eta or a smaller radius"
            )
        if self.in_corner:
            self._check_corner()

    @cached_property
    def levels(self) -> Float[np.ndarray, " m"]:
        """The grid along one coordinate: `η + j s`, `0 <= j < m`, rounded; the last one down."""
        eta = Fraction(self.eta)
        levels = [float(eta + j * (1 - 2 * eta) / (self.m - 1)) for j in range(self.m)]
        levels[-1] = _largest_float(1 - eta)
        return np.array(levels)

    @property
    def cubes(self) -> int:
        """K, the number of small-margin cubes."""
        return len(self.labels)

    @cached_property
    def in_corner(self) -> bool:
        """Whether the large-margin cube, if there is one, is the one in the corner."""
        ends = Fraction(float(self.levels[0])), 1 - Fraction(float(self.levels[-1]))
        # Its points are farther than that from x_d = 1/2.
        margin = Fraction(1, 2) - max(ends) - Fraction(self.eta)
        return self.mu < 1 and not margin > self.radius

    @cached_property
    def distance(self) -> int:
        """b, the least number of places in which two words differ."""
        return 1 if self.words is None else least_distance(self.words)

    @property
    def spread(self) -> float:
        """`b^{1/p}`, rounded down."""
        return root_below(self.distance, self.p)

    @property
    def separation(self) -> float:
        """R: classes are more than this apart in l_p; `b^{1/p} (s - 3η)` for the grid of floats, rounded down."""
        return _largest_float(self._apart)

    @property
    def balance(self) -> float:
        """`μ_0`, the largest with `D(E) >= μ_0 m_0(E)` for all E: 1 for μ = 1, else the less full of the two kinds."""
        if self.mu == 1:
            return 1.0
        return (self.cubes + 1) * min(self.mu / self.cubes, 1 - self.mu)

    @property
    def f_clean(self) -> Halfspace | HalfspaceAndCorner:
        """`x ↦ x_d - 1/2`: no clean error, 2 non-zeros, distance to its boundary below δ on all `Q_k`.

        With a large-margin cube in the corner more near that, and d + 5 non-zeros.
        """
        if self.in_corner:
            low, gap = self._corner_sums
            slope = float(4 * (Fraction(self.radius) + 2 * Fraction(self.eta)) / gap)
            return HalfspaceAndCorner(self.dim, float(low + gap / 2), slope, self.radius)
        weight = np.zeros((1, self.dim))
        weight[0, -1] = 1.0
        return Halfspace(weight, np.array([-0.5]))

    def centres(self, cubes: Int[np.ndarray, " n"] | None = None) -> Float[np.ndarray, "n d"]:
        """Centres of the cubes with these numbers, of all K by default; number K is the large-margin cube."""
        number = self._numbers(cubes)
        return np.column_stack([self.levels[self._digits(number)], self._centre_heights(number)])

    def midpoints(self, cubes: Int[np.ndarray, " n"] | None = None) -> Float[np.ndarray, "n d"]:
        """`(u_k, 1/2)` for the cubes with these numbers in 0..K-1, of all K by default."""
        number = self._numbers(cubes)
        if (number == self.cubes).any():
            raise ValueError(f"the large-margin cube, number {self.cubes}, has no mid-point in reach")
        return np.column_stack([self.levels[self._digits(number)], np.full(len(number), 0.5)])

    def labels_of(self, cubes: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Labels of the cubes with these numbers."""
        number = self._numbers(cubes)
        far = 1 if self.in_corner else self.labels[0]
        return np.asarray(np.where(number == self.cubes, far, self.labels[np.where(number == self.cubes, 0, number)]))

    def sample_cubes(self, n: int, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
        """Numbers of the cubes of `n` independent draws; K for the large-margin cube."""
        if not n >= 1:
            raise ValueError(f"a sample needs n >= 1 points, got {n}")
        cubes = rng.integers(self.cubes, size=n)
        if self.mu < 1:
            cubes[rng.random(n) >= self.mu] = self.cubes
        return cubes

    def points_in(self, cubes: Int[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
        """One uniform point in each of the cubes with these numbers; inside the cube also as a real number."""
        number = self._numbers(cubes)
        digits, heights = self._digits(number), self._centre_heights(number)
        eta = Fraction(self.eta)
        grid_low, grid_high = _inner_box(self.levels, eta)
        values, index = np.unique(heights, return_inverse=True)
        height_low, height_high = _inner_box(values, eta)
        low = np.column_stack([grid_low[digits], height_low[index]])
        high = np.column_stack([grid_high[digits], height_high[index]])
        return np.asarray(np.minimum(low + (high - low) * rng.random(low.shape), high))

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
        """`n` independent points, shape (n, d), and their labels, shape (n,)."""
        cubes = self.sample_cubes(n, rng)
        return self.points_in(cubes, rng), self.labels_of(cubes)

    def wrong_midpoints(self, classifier: Callable[[np.ndarray], np.ndarray]) -> Bool[np.ndarray, " K"]:
        """For each cube, whether the classifier lacks the sign `y_k` at `(u_k, 1/2)`; then all of `Q_k` is an error.

        Args:
            classifier: from (n, d) to (n,) or (n, 1); a value 0 counts as wrong.

        Raises:
            ValueError: if a value is NaN or the shape is another one.
        """
        values = np.asarray(classifier(self.midpoints()), dtype=np.float64)
        shapes = (self.cubes,), (self.cubes, 1)
        if values.shape not in shapes:
            raise ValueError(f"a classifier needs to return shape {shapes[0]} or {shapes[1]}, got {values.shape}")
        if np.isnan(values).any():
            row = int(np.argmax(np.isnan(values)))
            raise ValueError(f"a classifier needs to return numbers, got NaN at the mid-point of cube {row}")
        return np.asarray(self.labels * values.reshape(-1) <= 0)

    def robust_error_bound(self, classifier: Callable[[np.ndarray], np.ndarray]) -> float:
        """`D(∪ Q_k over the wrong mid-points) <= L_D^{adv,δ}(classifier)`, in every l_p; no sampling.

        Equality for a classifier that is right on the large-margin cube, if there is one, and has one sign on all
        points within δ of a `Q_k`, for each k.
        """
        return self.mu * float(np.count_nonzero(self.wrong_midpoints(classifier))) / self.cubes

    def cover_radius(self, p: float) -> float:
        """`δ + η d^{1/p}`, rounded up: `B_p(x, δ)`, `x` in a cube, lies in the ball of this radius around its centre.

        So a classifier that is certified at the K centres at this radius has robust error 0 on the cubes.
        """
        if not p >= 1:
            raise ValueError(f"an l_p norm needs p >= 1, got p={p}")
        # The rounded power is off by less than the factor for any d below 2^1000.
        corner = 1.0 if math.isinf(p) else float(self.dim) ** (1 / p) * (1 if p == 1 else 1 + 2.0**-40)
        exact = Fraction(self.radius) + Fraction(self.eta) * Fraction(corner)
        return -_largest_float(-exact)

    @cached_property
    def _step(self) -> Fraction:
        exact = [Fraction(float(level)) for level in self.levels]
        return min(b - a for a, b in pairwise(exact))

    @property
    def _apart(self) -> Fraction:
        return Fraction(self.spread) * (self._step - 3 * Fraction(self.eta))

    @cached_property
    def _corner_sums(self) -> tuple[Fraction, Fraction]:
        """The largest `Σ_{j<d} x_j` within δ of the corner's cube, rounded up, and what all `Q_k` have above it."""
        eta, count = Fraction(self.eta), self.dim - 1
        # (d-1)^{1-1/p}, the largest l_1 norm in the unit ball of l_p.
        low = 2 * eta * count + Fraction(self.radius) * count / Fraction(root_below(count, self.p))
        return low, int(self._letters.sum(axis=1, dtype=np.int64).min()) * self._step - low

    @property
    def _letters(self) -> np.ndarray:
        # The word 0 is one of all words.
        return np.zeros((1, self.dim - 1), dtype=np.int8) if self.words is None else self.words

    def _check_corner(self) -> None:
        if int((self._letters != 0).sum(axis=1).min()) < self.distance:
            raise AssumptionError(
                f"a large-margin cube, mu < 1, needs radius < 1/2 - 2 * eta, or words without a 0 in at least b places "
                f"each, got radius={self.radius}, eta={self.eta}, b={self.distance}: nothing in [0, 1]^d is "
                "farther from x_d = 1/2, and the corner has to be free; take theory.sizes.codes.heavier_half of a code "
                "with 2 b < dim, or mu = 1"
            )
        low, gap = self._corner_sums
        if not gap > 0:
            raise AssumptionError(
                f"a large-margin cube in the corner needs s S > 2 (dim - 1) eta + radius (dim - 1)^(1 - 1/p) = "
                f"{float(low):g}, S the least sum of the letters of a word, got s S = {float(low + gap):g} with "
                f"radius={self.radius}, eta={self.eta}: take heavier words, such as theory.sizes.codes.heavier_half, "
                "or mu = 1"
            )

    @property
    def _heights(self) -> tuple[float, float]:
        return 0.5 - self.tau, 0.5 + self.tau

    def _centre_heights(self, number: np.ndarray) -> np.ndarray:
        low, high = self._heights
        heights = np.where(self.labels_of(number) > 0, high, low)
        far = float(self.levels[-1] if self.in_corner or self.labels[0] > 0 else self.levels[0])
        return np.where(number == self.cubes, far, heights)

    def _digits(self, number: np.ndarray) -> np.ndarray:
        place = np.where(number == self.cubes, 0, number)
        if self.words is not None:
            digits = self.words[place]
            return np.where((number == self.cubes)[:, None], 0, digits) if self.in_corner else digits
        return np.asarray(place[:, None] // self.m ** np.arange(self.dim - 1) % self.m)

    def _numbers(self, cubes: np.ndarray | None) -> np.ndarray:
        if cubes is None:
            return np.arange(self.cubes)
        last = self.cubes if self.mu < 1 else self.cubes - 1
        if cubes.ndim != 1 or not len(cubes) or not 0 <= cubes.min() <= cubes.max() <= last:
            raise ValueError(f"cubes need numbers in 0..{last}, shape (n >= 1,), got {cubes}")
        return cubes


def hard_distribution(
    dim: int,
    m: int,
    labels: Int[np.ndarray, " K"],
    *,
    radius: float | None = None,
    mu: float = 1.0,
    words: Int[np.ndarray, "K n"] | None = None,
    p: float = math.inf,
) -> HardDistribution:
    """The distribution of Theorem 3.5 for these labels, with `η` and `τ` chosen.

    With `B = b^{1/p}`, `η` is the largest power of two with `η <= (B/(m-1) - 2δ) / (4 (d + 2B))` and
    `η <= δ / (2 (d + 1))`, and for a cube in the corner `η <= (S/(m-1) - δ(d-1)^{1-1/p}) / (8 (d-1))`; and
    `τ = min(δ - dη, 1/2 - η)`. Then also `2 (δ + dη) < B s`: the balls of `cover_radius` around centres with different
    labels are disjoint in l_p, so that all cubes can be memorized.

    Args:
        dim: d >= 2.
        m: grid points a coordinate, >= 2.
        labels: shape (K,), entries -1 and +1, such as `rng.choice([-1, 1], K)`.
        radius: δ, in (0, b^{1/p} / (2 (m - 1))); half of that limit by default.
        mu: mass of the small-margin cubes, in (0, 1]; for radii near 1/2 and above 1, or words that leave the corner
            free, such as those of `theory.sizes.codes.heavier_half`.
        words: shape (K, d - 1), entries 0..m-1, such as `theory.sizes.codes.lexicode(d - 1, b, m)`; all m^(d-1) words
            for None.
        p: of the norm in which classes are apart, in [1, ∞]; every one for all words.

    Raises:
        AssumptionError: if a hypothesis on d, m, δ or μ fails, or δ is so near its limit that the levels, rounded to
            floats, are too close.
        ValueError: if the labels or words have another shape or another value.
    """
    p, words = read_exponent(p), _read_words(words, dim, m)
    spread = root_below(1 if words is None else least_distance(words), p)
    if radius is None:
        radius = spread / (4 * (m - 1))
    _check_radius(radius, m, spread)
    room = Fraction(spread) / (m - 1) - 2 * Fraction(radius)
    most = min(room / (4 * (dim + 2 * Fraction(spread))), Fraction(radius) / (2 * (dim + 1)))
    if mu < 1 and words is not None and 2 * Fraction(radius) + 8 * most > 1:
        # Half of what the sums in the corner have to spare for η = 0; if that is nothing, the distribution says so.
        reach = Fraction(radius) * (dim - 1) / Fraction(root_below(dim - 1, p))
        spare = Fraction(int(words.sum(axis=1, dtype=np.int64).min()), m - 1) - reach
        most = min(most, spare / (8 * (dim - 1))) if spare > 0 else most
    eta = 2.0 ** math.floor(math.log2(most))
    # On the grid of floats in [1/2, 1], so that ½ ± τ are floats too.
    tau = math.floor(min(Fraction(radius) - dim * Fraction(eta), Fraction(1, 2) - Fraction(eta)) * 2**53) / 2**53
    return HardDistribution(dim, m, radius, labels, eta, tau, mu, words, p)


def _read_words(words: np.ndarray | None, dim: int, m: int) -> Int[np.ndarray, "K n"] | None:
    if not dim >= 2:
        raise AssumptionError(f"Theorem 3.5 needs a dimension d >= 2, a grid and a height, got dim={dim}")
    if not m >= 2:
        raise AssumptionError(f"Theorem 3.5 needs m >= 2 grid points a coordinate, got m={m}")
    if words is None:
        return None
    words = plain_array(words, "words")
    if words.ndim != 2 or words.shape[1] != dim - 1 or not len(words):
        raise ValueError(f"words need shape (K >= 1, {dim - 1}), a letter for each of d - 1 places, got {words.shape}")
    if words.dtype.kind not in "iu" or words.min() < 0 or words.max() >= m:
        raise ValueError(f"words need whole numbers in 0..{m - 1} as letters, got {np.unique(words)[:5]}")
    if len(np.unique(words, axis=0)) < len(words):
        raise ValueError("words need to be different, got one twice: classes that stand over it are not apart")
    return words


def _check_radius(radius: float, m: int, spread: float) -> None:
    if not (0 < radius < math.inf and Fraction(radius) < Fraction(spread) / (2 * (m - 1))):
        raise AssumptionError(
            f"Theorem 3.5 needs 0 < radius < b^(1/p) / (2 (m - 1)) = {spread / (2 * (m - 1)):g}, half the step of the "
            f"grid in the b places in which words differ, got radius={radius} with m={m}, b^(1/p)={spread:g}: take "
            "fewer grid points, words that differ in more places, or a smaller radius"
        )


def _check_labels(labels: np.ndarray, cubes: int) -> None:
    if cubes > _MOST_CUBES:
        raise ValueError(
            f"labels need one entry a cube and more than 2^26 cubes do not fit, got 2^{math.log2(cubes):.1f}: take a "
            "smaller grid or a code; theory.sizes.growth bounds the size of networks in any dimension"
        )
    if labels.shape != (cubes,):
        raise ValueError(f"labels need shape ({cubes},), one entry for each cube, got {labels.shape}")
    if not np.isin(labels, (-1, 1)).all():
        raise ValueError(f"labels need to be -1 and +1, got {np.setdiff1d(labels, (-1, 1))[:5].tolist()}")


def _largest_float(bound: Fraction) -> float:
    """The largest float at most `bound`."""
    value = float(bound)
    return value if Fraction(value) <= bound else math.nextafter(value, -math.inf)


def _inner_box(centres: np.ndarray, eta: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest float in `[c - η, c + η]`, for each centre c."""
    low = [-_largest_float(-(Fraction(float(c)) - eta)) for c in centres]
    high = [_largest_float(Fraction(float(c)) + eta) for c in centres]
    return np.array(low), np.array(high)
