"""Data of patches, convolutional filters with odd powers, and what they do at a new point.

A point is `X = (X[1], …, X[P])`: one patch is `α y w*`, the others are noise `ξ_j ~ N(0, σ²(I - w* w*ᵀ))`. With
`φ(z) = sign(z) |z|^q = ReLU^q(z) - ReLU^q(-z)` a network is `f(X) = Σ_r Σ_j φ(⟨w_r, X[j]⟩)`. As φ is multiplicative,

    y f(X) = α^q U + V,    U = Σ_r φ(⟨w_r, w*⟩),    V = y Σ_r Σ_j φ(⟨w_r, ξ_j⟩),

and moving the signal patch by `t w*` turns α into `α + y t`. At a new point V is independent of U and odd in the
noise: its law is symmetric. As f = 0 is an error, for U > 0 and 0 <= δ <= α the two errors are

    P(V <= -α^q U)    and    P(V <= -(α-δ)^q U),    where    P(V <= -t) = ½ P(|V| >= t) <= ½ for t > 0

and `½ (1 + P(V = 0))` for t = 0, that is δ = α. V has no other atom than 0: along each ray it grows like a power. For
q = 3 it is a polynomial, so that P(V = 0) is 0 or 1. For q = 2 it may lie between: of `φ(x_1) + φ(x_2) -
φ((x_1 + x_2)/√2) - φ((x_1 - x_2)/√2)` it is ¼. It is 0 if the matrices `w_r w_rᵀ` of the filters off w* are
independent: between two of the planes `⟨w_r, x⟩ = 0` their sum, with signs, is the form that V is there.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import chi2, norm

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole

_BLOCK = 2_000


def odd_power(z: Float[np.ndarray, "*shape"], power: int) -> Float[np.ndarray, "*shape"]:
    """`φ(z) = sign(z) |z|^q`."""
    return np.asarray(z * np.abs(z) ** (power - 1))


@dataclass(frozen=True, eq=False)
class PatchNetwork:
    """`f(X) = Σ_r Σ_j φ(⟨w_r, X[j]⟩)`.

    Attributes:
        filters: w_r, shape (m, d).
        power: q >= 2.
    """

    filters: Float[np.ndarray, "m d"]
    power: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", exact_floats(self.filters, "filters"))

    def __call__(self, points: Float[np.ndarray, "n P d"]) -> Float[np.ndarray, " n"]:
        products = exact_floats(points, "points") @ self.filters.T
        return np.asarray(odd_power(products, self.power).sum(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class UnseenNoise:
    """The law of `V = Σ_r Σ_j φ(⟨w_r, ξ_j⟩)` at a new point: symmetric, so that the label does not matter.

    Source: later-claim-unseen, repaired form.

    Attributes:
        covariance: of `(⟨w_r, ξ⟩)_r`, that is `σ²` times the Gram matrix of the filters off w*, shape (m, m).
        power: q, 2 or 3.
        patches: number of noise patches, >= 1.

    Raises:
        ValueError: if the matrix is not square or a number is out of its range.
    """

    covariance: Float[np.ndarray, "m m_again"]
    power: int
    patches: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariance", exact_floats(self.covariance, "covariance"))
        if self.covariance.ndim != 2 or self.covariance.shape[0] != self.covariance.shape[1]:
            raise ValueError(f"UnseenNoise needs a square covariance, got shape {self.covariance.shape}")
        if not np.all(np.diag(self.covariance) >= 0):
            raise ValueError(f"UnseenNoise needs variances >= 0, got {np.diag(self.covariance).min()}")
        if self.power not in (2, 3) or self.patches < 1:
            raise ValueError(f"UnseenNoise needs power 2 or 3 and patches >= 1, got {self.power} and {self.patches}")

    @property
    def variance(self) -> float:
        """`Var V`, the number of patches times `Σ_{r,s} E φ(g_r) φ(g_s)`.

        For normal g, h of variances a, b and correlation ρ: `E g³ h³ = (ab)^{3/2} (9ρ + 6ρ³)` and
        `E φ_2(g) φ_2(h) = ab (2/π) (3ρ√(1-ρ²) + (1+2ρ²) arcsin ρ)`.
        """
        sizes = np.sqrt(np.diag(self.covariance))
        scale = np.outer(sizes, sizes)
        rho = np.clip(np.divide(self.covariance, scale, out=np.zeros_like(scale), where=scale > 0), -1, 1)
        if self.power == 3:
            moments = scale**3 * (9 * rho + 6 * rho**3)
        else:
            moments = scale**2 * (2 / np.pi) * (3 * rho * np.sqrt(1 - rho**2) + (1 + 2 * rho**2) * np.arcsin(rho))
        return float(self.patches * moments.sum())

    def error_bound(self, threshold: float) -> float:
        """`P(V <= -t) <= min(½, Var V / (2t²))`, by symmetry and Chebyshev's inequality; 1 for t = 0, as V may be 0."""
        if not threshold > 0:
            return 1.0
        # The squares alone may be no floats; what is smaller than any float is not 0.
        share = math.sqrt(self.variance) / threshold
        return min(0.5, max(share * share / 2, math.ulp(0.0)))

    def error(self, threshold: float, *, directions: int = 2_000, seed: int = 0) -> tuple[float, float]:
        """`P(V <= -t)` with its standard error; at t = 0 it is `½ (1 + P(V = 0))`: exactly ½, with 0, if V is never 0.

        The noise is `ρ θ`, θ uniform on a sphere of R^D and ρ² ~ χ²_D; V is homogeneous of degree q in it. So for t > 0
        `P(V <= -t) = ½ E_θ P(χ²_D >= (t / |V(θ)|)^{2/q})`, of which only the mean over θ is simulated. At t = 0 V(θ)
        counts as 0 where rounding of the covariance can make it 0: of another V that is a share of 1e-7 or so of all θ.

        Args:
            threshold: t >= 0, such as `α^q U` or `(α-δ)^q U`.
            directions: number of θ, >= 2.
            seed: of their generator.

        Raises:
            ValueError: if the threshold is negative or NaN, or there are fewer than two directions.
        """
        if not (threshold >= 0 and directions >= 2):
            raise ValueError(f"error needs threshold >= 0 and directions >= 2, got {threshold} and {directions}")
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        # Powers and Størmer: roots of two matrices differ in square by no more than the matrices do in trace norm.
        blur = math.sqrt(len(root) * np.finfo(float).eps * np.trace(self.covariance))
        rng = np.random.default_rng(seed)
        dim = self.patches * len(root)
        tails = []
        for start in range(0, directions, _BLOCK):
            theta = rng.standard_normal((min(_BLOCK, directions - start), dim))
            theta /= np.linalg.norm(theta, axis=1, keepdims=True)
            z = theta.reshape(-1, self.patches, len(root)) @ root.T
            at = np.abs(odd_power(z, self.power).sum(axis=(1, 2)))
            if threshold > 0:
                with np.errstate(divide="ignore"):
                    tails.append(chi2.sf((threshold / at) ** (2 / self.power), dim) / 2)
            else:
                tied = at <= blur * self.power * (np.abs(z) ** (self.power - 1)).sum(axis=(1, 2))
                tails.append((1 + tied) / 2)
        found = np.concatenate(tails)
        return float(found.mean()), float(found.std(ddof=1) / math.sqrt(directions))


def orthogonal_memorizer_noise(dim: int, n: int, power: int) -> UnseenNoise:
    """V at a new point, of the network that memorizes n points of orthogonal noise.

    One noise patch a point, σ = 1, `ξ_i = √D e_i`, D = d - 1; `w_i = w* / (α n^{1/q}) + y_i ξ_i / D`. Then `U = α^{-q}`
    and `V_i = 1` for all i, and at a new point `V = Σ_i φ(g_i) D^{-q/2}` with independent normal g_i. For n = 1,
    `P(V <= -(α-δ)^q U) = Φ(-(1 - δ/α) √D)`.

    Source: later-claim-unseen, repaired form.

    Args:
        dim: d >= 2.
        n: at most d - 1, >= 1.
        power: q, 2 or 3.

    Raises:
        ValueError: if n is not in 1..d-1.
    """
    dim, n = read_whole(dim, "dim"), read_whole(n, "n")
    if not 1 <= n <= dim - 1:
        raise ValueError(f"n orthogonal noise vectors need 1 <= n <= dim - 1, got n={n}, dim={dim}")
    return UnseenNoise(np.eye(n) / (dim - 1), power, 1)


def memorizer_error(dim: int, gap: float) -> float:
    """`Φ(-κ √(d-1))`, κ = 1 - δ/α: the robust error at a new point of the network that memorizes one point.

    `w = w*/α + y ξ/‖ξ‖²`, one noise patch, `‖ξ‖² = (d-1) σ²`: U = α^{-q}, V_1 = 1, and under attack the sign of a new
    point is that of `κ + ⟨ξ, ξ'⟩/‖ξ‖²`, for every q. The clean error is that at κ = 1.

    Source: later-claim-unseen, repaired form.

    Args:
        dim: d >= 2.
        gap: κ in [0, 1].

    Raises:
        ValueError: if d < 2 or κ is not in [0, 1].
    """
    dim, gap = read_whole(dim, "dim"), read_scalar(gap, "gap")
    if not (dim >= 2 and 0 <= gap <= 1):
        raise ValueError(f"memorizer_error needs dim >= 2 and gap in [0, 1], got {dim} and {gap}")
    return float(norm.sf(gap * math.sqrt(dim - 1)))
