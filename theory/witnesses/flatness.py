"""What breaks the printed Theorem 6.3 and Proposition 6.4: each takes the constants that a reader names."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from theory.errors import AssumptionError
from theory.witnesses.smooth_law import density_bound


def memorizing_loss(
    x: Float[np.ndarray, "n d"], sample: Float[np.ndarray, "m d"], radius: float
) -> Float[np.ndarray, " n"]:
    """`min(max(dist_∞(x, S) - δ, 0) / δ, 1)`: 0 on the balls of radius δ, 1 beyond 2δ, a ramp between.

    It is the hinge loss at label +1 of `max_i σ(1 - σ(‖x - x_i‖_∞ - δ) / δ)`, soft indicators with shell δ.
    """
    if not 0 < radius < math.inf:
        raise ValueError(f"memorizing_loss needs a finite radius > 0, got {radius}")
    return np.asarray(np.clip(_distance_to(x, sample) / radius - 1.0, 0.0, 1.0))


def memorizing_loss_flatness(
    x: Float[np.ndarray, "n d"], sample: Float[np.ndarray, "m d"], radius: float, at: float
) -> Float[np.ndarray, " n"]:
    """Upper bounds of `max over ‖ξ‖_∞ <= at of ‖∇g(x + ξ)‖_1`, g the memorizing loss: 1/δ or 0.

    The ramps lie where `δ <= dist_∞(·, S) <= 2δ`, and the distance changes by at most `at`: 0 if none is in reach.
    Exact for one point in S, but for balls that only touch its ramp.
    """
    reach = _distance_to(x, sample)
    return np.where((reach + at >= radius) & (reach - at <= 2 * radius), 1.0 / radius, 0.0)


@dataclass(frozen=True)
class FlatnessFailure:
    """Numbers for which the memorizing loss breaks the printed Theorem 6.3, for every sample.

    Attributes:
        dim: d; D is any law on `[0, 1]^d` with a density of at most κ, such as the C^∞ one of `sample_smooth_law`.
        density: `κ = 2^d`.
        n: N, a power of two.
        radius: δ, a power of two.
        left: `1 - κN (4δ)^d`, at most the gap.
        flatness: `κN (6δ)^d / δ`, at least the global flatness.
        right: `C N^{-1/(d+2)} (flatness + C(D, L) / √Δ)`, at least the printed right side.
    """

    dim: int
    density: float
    n: int
    radius: float
    left: float
    flatness: float
    right: float


def flatness_failure(constant: float, distribution_constant: float, failure: float, dim: int = 2) -> FlatnessFailure:
    """Breaks the printed Theorem 6.3 for the named constants: `left >= 3/4`, `right <= 1/4`.

    First N, so that `C N^{-1/(d+2)} C(D, L) / √Δ <= 1/8`; then δ, so that `κN (4δ)^d <= 1/4` and the flatness has
    at most another 1/8: it falls like `δ^{d-1}`, hence d >= 2. The loss is `memorizing_loss` on the sample: its
    adversarial mean is 0 on S, and on D at least the mass that is 2δ away from S; a slope is within δ of x only if x
    is within 3δ of S. Balls of radius r around S have at most the mass `κN (2r)^d`, whatever else D is.

    Source: Theorem 6.3, printed form.

    Args:
        constant: C > 0, what `≲` hides.
        distribution_constant: C(D, L) >= 0.
        failure: Δ in (0, 1).
        dim: d >= 2.

    Raises:
        AssumptionError: if `dim < 2`: there the bound on the flatness stays above 6 N.
        ValueError: if a constant is out of range, or one or the dimension so large that δ or κ is no float.
    """
    if not dim >= 2:
        raise AssumptionError(f"flatness_failure needs dim >= 2, got {dim}: N (6δ)^d / δ has to fall with δ")
    if not 0 < constant < math.inf or not 0 <= distribution_constant < math.inf or not 0 < failure < 1:
        raise ValueError(
            "flatness_failure needs constant > 0, distribution_constant >= 0 and failure in (0, 1), got "
            f"{constant}, {distribution_constant}, {failure}"
        )
    offset = constant * distribution_constant / math.sqrt(failure)
    if math.isinf(8 * offset):
        raise ValueError(f"the right side is no float for {constant}, {distribution_constant}, {failure}: name less")
    # Logarithms to base 2, N, κ and δ powers of two; the rounding of a logarithm is paid for by half a bit.
    density = density_bound(dim)
    log_n = max(0, math.ceil((dim + 2) * math.log2(8 * offset) + 0.5)) if offset > 0 else 0
    mass = log_n + math.log2(density)
    near = -(2 + mass) / dim - 2
    flat = -(3.5 + math.log2(constant) + mass - log_n / (dim + 2) + dim * math.log2(6)) / (dim - 1)
    log_radius = math.floor(min(near, flat))
    if not log_radius > -1022:
        raise ValueError(f"the radius 2^{log_radius} is no float: name smaller constants, or a smaller dim")
    left = 1.0 - 2.0 ** (mass + dim * (2 + log_radius))
    flatness = 2.0 ** (mass + (dim - 1) * log_radius + dim * math.log2(6))
    right = 2.0 ** (-log_n / (dim + 2)) * (constant * flatness + offset)
    return FlatnessFailure(dim, density, 2**log_n, 2.0**log_radius, left, flatness, right)


@dataclass(frozen=True)
class Oscillation:
    """`L(x) = 1 + a sin(x/a)` on the line, `a = 1 / (2πk)`, D the law of `sample_smooth_law`, with a C^∞ density.

    For even k the means over D are those over one period. Whatever density D has, `left <= 2a`, and the right side
    tends to `2δ/π` as a → 0, by the lemma of Riemann and Lebesgue for each term of the Fourier series of |cos|.

    Attributes:
        periods: k, even: [0, 1] is k periods.
        radius: δ >= half a period.
    """

    periods: int
    radius: float

    @property
    def amplitude(self) -> float:
        """The a in the loss."""
        return 1 / (2 * math.pi * self.periods)

    @property
    def left(self) -> float:
        """`E max over |ξ| <= δ of L(x + ξ) - L(x)`, exactly a: a maximum is in reach of every x, and E sin = 0."""
        return self.amplitude

    @property
    def right(self) -> float:
        """`δ E|L'(x)| = 2δ/π`, exactly."""
        return 2 * self.radius / math.pi

    def loss(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """L."""
        return np.asarray(1 + self.amplitude * np.sin(x / self.amplitude))

    def slope(self, x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """L'."""
        return np.asarray(np.cos(x / self.amplitude))


def oscillating_loss(constant: float, radius: float) -> Oscillation:
    """Breaks the printed Proposition 6.4 for the named c: `left < c · right`, by a factor of 2.

    `left = a = 1/(2πk)` for `δ >= πa`, and `c · right = 2cδ/π`: any `k >= 1/(2cδ)` with `k >= 1/(2δ)`, rounded up to
    an even number.

    Source: Proposition 6.4, printed form.

    Args:
        constant: c > 0, what `Ω` hides.
        radius: δ > 0.

    Raises:
        ValueError: if one is not > 0 and finite, or they are so small that the amplitude is no float.
    """
    if not 0 < constant < math.inf or not 0 < radius < math.inf:
        raise ValueError(f"oscillating_loss needs a finite constant and radius > 0, got {constant}, {radius}")
    least = 4 * min(constant, 1.0) * radius
    if not least >= 2.0**-1000:
        raise ValueError(
            f"oscillating_loss needs min(constant, 1) * radius >= 2^-1002, got {constant}, {radius}: the amplitude is "
            "no float, name a larger constant or radius"
        )
    return Oscillation(2 * max(math.ceil(1 / least), 1), radius)


def _distance_to(x: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """`dist_∞(x_i, S)`."""
    best = np.full(len(x), np.inf)
    for point in sample:
        np.minimum(best, np.abs(x - point).max(axis=1), out=best)
    return best
