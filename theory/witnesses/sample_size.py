"""What breaks the printed forms of section 6, up to Theorem 6.2: each takes the constants that a reader names."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import binom

from theory.errors import AssumptionError
from theory.gaussian.tails import union_bound
from theory.generalization.transfer import log_linear_transfer_constant
from theory.setting.losses import clean_error
from theory.sizes.halfspaces import Halfspace


@dataclass(frozen=True)
class RademacherFailure:
    """A class of two classifiers whose gap exceeds `√(C · Rademacher complexity / N)`.

    Attributes:
        n: N.
        complexity: `E |Σ σ_i| / N`, of the constants ±1: normalised by N.
        bound: `√(C complexity / N)`.
        probability: that `L_D - L_S` of the better constant is more than the bound; exact.
    """

    n: int
    complexity: float
    bound: float
    probability: float


def rademacher_failure(constant: float, failure: float) -> RademacherFailure:
    """Breaks the printed standard bound with the Rademacher complexity in it: it fails with probability `>= 1 - Δ`.

    The classifiers ±1, labels of a fair coin: `L_D = 1/2`, and the constant that fits the sample better has
    `L_D - L_S = |B/N - 1/2|`, B binomial: of order `N^{-1/2}`. The complexity `R_N = E|Σ σ_i|/N`, normalised, is of
    that order by itself, and `√(C R_N / N)` of order `N^{-3/4}`. N is a power of four, large enough. With the sum
    `E|Σ σ_i|` in place of `R_N` the bound is of order `N^{-1/4}`, and holds.

    Source: claim-standard-bound, printed form.

    Args:
        constant: C > 0, whatever "high probability" and "complexity" hide.
        failure: Δ in (0, 1).

    Raises:
        ValueError: if an argument is out of range, or N would exceed 2^50.
    """
    if not 0 < constant < math.inf or not 0 < failure < 1:
        raise ValueError(f"rademacher_failure needs constant > 0 and failure in (0, 1), got {constant}, {failure}")
    for log in range(2, 52, 2):
        found = _rademacher(2**log, constant)
        if found.probability >= 1 - failure:
            return found
    raise ValueError(f"failure={failure} with constant={constant} needs more than 2^50 points: take larger a failure")


def _rademacher(n: int, constant: float) -> RademacherFailure:
    # E|Σ σ_i| = 2 (n/2) C(n, n/2) / 2^n for even n.
    half = n // 2
    log = math.lgamma(n + 1) - 2 * math.lgamma(half + 1) - n * math.log(2)
    complexity = math.exp(log) if n < 2**20 else math.sqrt(2 / (math.pi * n)) * (1 - 1 / (4 * n))
    bound = math.sqrt(constant * complexity / n)
    most = min(math.floor(n * bound), half)
    inside = binom.cdf(half + most, n, 0.5) - binom.cdf(half - most - 1, n, 0.5)
    return RademacherFailure(n, complexity, bound, float(1 - inside))


@dataclass(frozen=True, eq=False)
class OtherDirections:
    """A population of three points, its clean classifier, and a homogeneous classifier.

    Attributes:
        points: shape (3, d), in [0, 1]^d.
        labels: shape (3,).
        radius: δ.
        small: indices of the small-margin points.
        f_clean: with no error on the points.
        homogeneous: `f(tx) = t f(x)`, right on the large-margin points, wrong on the small-margin one.
    """

    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    radius: float
    small: Int[np.ndarray, " k"]
    f_clean: Halfspace
    homogeneous: Halfspace

    @property
    def small_error(self) -> float:
        """`L_small` of the homogeneous classifier."""
        return clean_error(self._margins[self.small])

    @property
    def large_error(self) -> float:
        """`L_large` of the homogeneous classifier."""
        return clean_error(np.delete(self._margins, self.small))

    @property
    def _margins(self) -> Float[np.ndarray, " n"]:
        return np.asarray(self.labels * self.homogeneous(self.points))


def other_directions(radius: float, scale: float, dim: int = 2) -> OtherDirections:
    """Breaks the remark after Assumption 6.1: small norm, homogeneous, all of section 3 holds, and no C is enough.

    Large margin: (1, 1/2) with label +1, (1/2, 1) with -1. Small margin: (t, 2t) with label +1. `f_clean(x) = x_1 - x_2
    + 2t`; `f(x) = x_1 - x_2` has `L_large = 0` and `L_small = 1`. In every l_p the classes are at least 1/2 > 2δ apart,
    and the distances to the boundary of `f_clean` are at most t < δ and at least 1/8 >= δ.

    Source: assumption-6.1-remark, printed form.

    Args:
        radius: δ in (0, 1/8].
        scale: t in (0, δ): the small-margin data have norm `2t` in l_∞, the others 1.
        dim: d >= 2; further coordinates are 0.

    Raises:
        AssumptionError: if an argument is out of range.
    """
    if not 0 < radius <= 0.125 or not 0 < scale < radius or not dim >= 2:
        raise AssumptionError(
            f"other_directions needs 0 < scale < radius <= 1/8 and dim >= 2, got {scale=}, {radius=}, {dim=}"
        )
    points, weight = np.zeros((3, dim)), np.zeros((1, dim))
    points[:, :2] = [[1.0, 0.5], [0.5, 1.0], [scale, 2 * scale]]
    weight[0, :2] = 1.0, -1.0
    f_clean, homogeneous = Halfspace(weight, np.array([2 * scale])), Halfspace(weight, np.zeros(1))
    return OtherDirections(points, np.array([1, -1, 1]), radius, np.array([2]), f_clean, homogeneous)


def angle_beyond(constant: float, alpha: float, beta: float) -> float:
    """Breaks "verified in section 5": an angle θ so that linear classifiers at angles in (0, θ] need more than this C.

    The least constant `Φ(-β cot θ) / Φ(-α cot θ)` grows as θ falls; θ is the first `π/4 · 2^-k` where it exceeds C.

    Source: assumption-6.1-verification, printed form.

    Args:
        constant: C > 0, finite.
        alpha: scale of the large-margin data.
        beta: scale of the small-margin data, in (0, α).
    """
    if not 0 < constant < math.inf:
        raise ValueError(f"angle_beyond needs a finite constant > 0, got {constant}")
    angle = math.pi / 4
    while not log_linear_transfer_constant(alpha, beta, angle) > math.log(constant):
        angle /= 2
    return angle


@dataclass(frozen=True)
class TransferFailure:
    """An angle at which a linear classifier of the data of section 5 needs more than a stated C.

    Attributes:
        angle: θ, in radians.
        constant: C.
        log_needed: `ln` of the least C at this angle; it is larger still at smaller angles.
    """

    angle: float
    constant: float
    log_needed: float

    @property
    def log_constant(self) -> float:
        """`ln C`."""
        return math.log(self.constant)


def transfer_failure(constant: float, alpha: float, beta: float) -> TransferFailure:
    """Breaks "verified in section 5" for the named C, by the angle of `angle_beyond`.

    Source: assumption-6.1-verification, printed form. Arguments and errors as for `angle_beyond`.
    """
    angle = angle_beyond(constant, alpha, beta)
    return TransferFailure(angle, constant, log_linear_transfer_constant(alpha, beta, angle))


@dataclass(frozen=True)
class SampleSizeFailure:
    """Numbers for which no algorithm meets the printed Theorem 6.2.

    Attributes:
        dim: d; the distribution stands on `K = 2^{d-1}` cubes.
        n: N.
        right: `C √(d^k / N)`; the clean training error of a robustly fitted sample is 0.
        mean: lower bound of `E L_D^{adv,δ}`, over labels and sample, for any algorithm.
        left: lower bound of `L_D^{adv,δ}` itself but with probability `failure`.
        failure: `exp(-K/32)`, never 0.
    """

    dim: int
    n: int
    right: float
    mean: float
    left: float
    failure: float


def unseen_error_bounds(n: int, cubes: int) -> tuple[float, float]:
    """`½(1 - 1/K)^N >= ½(1 - N/K)`: the least mean error of an algorithm that has seen N draws of K labelled cubes.

    A cube is not drawn with probability `(1 - 1/K)^N`, and its label, a fair coin, is then guessed.

    Source: Theorem 6.2, repaired form.

    Args:
        n: N >= 0.
        cubes: K >= 1.
    """
    if not n >= 0 or not cubes >= 1:
        raise ValueError(f"unseen_error_bounds needs n >= 0 and cubes >= 1, got n={n}, cubes={cubes}")
    return (1 - 1 / cubes) ** n / 2, (1 - n / cubes) / 2


def polynomial_sample_failure(constant: float, degree: float, mu: float = 1.0) -> SampleSizeFailure:
    """Breaks the printed Theorem 6.2 for the named C and `poly(d) = d^k`: `right <= μ/8`, `left >= μ/4`.

    On `hard_distribution(d, 2, y, mu=μ)` with random labels y, whoever has seen N of the K cubes guesses the labels of
    the others at their mid-points: the wrong ones are at least binomial, of K - N fair coins. So `E L_D^adv >=
    μ ½(1 - N/K)`, and by Hoeffding `L_D^adv > μ (½(1 - N/K) - 1/8)` but with probability `exp(-K/32)`. Then some y has
    these, too; all y but a share `exp(-K/64)` have the latter but with probability `exp(-K/64)` over the sample, by
    Markov's inequality. An algorithm is a map of the sample: one that knows y needs no sample.

    Source: Theorem 6.2, printed form.

    Args:
        constant: C > 0 in `L_S^clean + C √(d^k / N)`.
        degree: k >= 0.
        mu: mass of the small-margin cubes, in (0, 1].

    Raises:
        ValueError: if an argument is out of range.
    """
    if not 0 < constant < math.inf or not 0 <= degree < math.inf or not 0 < mu <= 1:
        raise ValueError(
            "polynomial_sample_failure needs constant > 0, degree >= 0 and mu in (0, 1], got "
            f"{constant=}, {degree=}, {mu=}"
        )
    dim = 3
    while True:
        log_n = 2 * math.log2(8 * constant / mu) + degree * math.log2(dim)
        # 4 N <= K, with a bit to spare for rounding up.
        if log_n + 3 <= dim - 1:
            break
        dim += 1
    n = max(1, math.ceil(2.0**log_n)) if log_n < 1000 else 2 ** math.ceil(log_n)
    share = 2.0 ** (math.log2(n) - (dim - 1))
    right = constant * 2.0 ** ((degree * math.log2(dim) - math.log2(n)) / 2)
    mean = mu * (1 - share) / 2
    failure = union_bound(1, 2.0 ** min(dim - 1, 1000) / 32)
    return SampleSizeFailure(dim, n, right, mean, mean - mu / 8, failure)
