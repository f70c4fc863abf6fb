"""Adversarial training of convolutional filters on patches, in the coordinates that it moves.

Model, U and V: `theory.gaussian.patches`. The loss is `(1/N) Σ_i ℓ(m_i) + λ ℓ(m_i^adv)`, `ℓ(m) = ln(1 + e^{-m})`, where
the adversary moves the signal patch along w* by at most δ <= α: `m_i = α^q U + V_i` and `m_i^adv = (α-δ)^q U + V_i`,
with α+δ in place of α-δ while U < 0. The gradient with respect to a filter lies in the span of w* and the noise
patches, so gradient descent is *exactly*, with k over all noise patches, i(k) the point of k, G their Gram matrix,
`u_r = ⟨w_r, w*⟩`, `v_rk = ⟨w_r, ξ_k⟩`, `g = -ℓ'(m)` and `h = -ℓ'(m^adv)`,

    u_r  <- u_r + (η/N) q |u_r|^{q-1} Σ_i (α^q g_i + λ (α∓δ)^q h_i)
    c_rk <- c_rk + (η/N) q |v_rk|^{q-1} y_i(k) (g_i(k) + λ h_i(k)),    v_r = v_r^0 + c_r G.

Every u_r grows, so U does. The filters are `w_r = w_r^0 + (u_r - u_r^0) w* + Σ_k c_rk ξ_k`.

Source: later-theorem-5.9.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from theory.gaussian.patches import PatchNetwork, UnseenNoise


@dataclass(frozen=True, eq=False)
class PatchSample:
    """N labelled points and the filters at their start, w* = e_1.

    Attributes:
        noise: the noise patches off w*, shape (N, P - 1, d - 1).
        labels: ±1, shape (N,).
        start: filters at the start, shape (m, d).
        alpha: α, length of the signal.
        sigma: σ, of the noise.
    """

    noise: Float[np.ndarray, "N patches off"]
    labels: Int[np.ndarray, " N"]
    start: Float[np.ndarray, "m d"]
    alpha: float
    sigma: float

    @property
    def points(self) -> Float[np.ndarray, "N P d"]:
        """The points themselves, the signal in the first patch."""
        n, patches, off = self.noise.shape
        points = np.zeros((n, patches + 1, off + 1))
        points[:, 0, 0] = self.alpha * self.labels
        points[:, 1:, 1:] = self.noise
        return points


def patch_sample(
    dim: int,
    n: int,
    filters: int,
    *,
    alpha: float,
    seed: int | Sequence[int],
    patches: int = 2,
    length: float = 1.0,
    scale: float = 0.1,
) -> PatchSample:
    """Points with `σ = length/√(d-1)`, the length of noise patches; filters from `N(0, scale² I)`.

    Args:
        dim: d >= 2.
        n: N, number of points; labels are balanced up to one.
        filters: m.
        alpha: α > 0.
        seed: of the generator. It does not depend on α: with one seed, noise and start are the same for all α.
        patches: number of noise patches, P - 1.
        length: of noise patches, in the mean of squares, > 0.
        scale: of the entries of the filters at the start.
    """
    if not (dim >= 2 and min(n, filters, patches) >= 1 and min(alpha, length, scale) > 0):
        raise ValueError(
            "patch_sample needs dim >= 2, n, filters, patches >= 1 and alpha, length, scale > 0, "
            f"got {dim}, {n}, {filters}, {patches}, {alpha}, {length}, {scale}"
        )
    rng = np.random.default_rng(seed)
    sigma = length * (dim - 1) ** -0.5
    labels = rng.permutation(np.where(np.arange(n) % 2, 1, -1))
    noise = sigma * rng.standard_normal((n, patches, dim - 1))
    return PatchSample(noise, labels, scale * rng.standard_normal((filters, dim)), alpha, sigma)


@dataclass(frozen=True, eq=False)
class PatchRun:
    """A trained network in its coordinates, and how it got there.

    Attributes:
        sample: data and start.
        power: q.
        radius: δ.
        signal: u_r at the end, shape (m,).
        coefficients: c_rk at the end, shape (m, N(P - 1)).
        step: at which U and V were recorded, shape (t,).
        u: U by recorded step, shape (t,).
        v: V_i by recorded step, shape (t, N).
    """

    sample: PatchSample
    power: int
    radius: float
    signal: Float[np.ndarray, " m"]
    coefficients: Float[np.ndarray, "m K"]
    step: Int[np.ndarray, " t"]
    u: Float[np.ndarray, " t"]
    v: Float[np.ndarray, "t N"]

    @property
    def network(self) -> PatchNetwork:
        """The filters in R^d."""
        noise = self.sample.noise.reshape(self.coefficients.shape[1], -1)
        off = self.sample.start[:, 1:] + self.coefficients @ noise
        return PatchNetwork(np.hstack([self.signal[:, None], off]), self.power)

    @property
    def unseen(self) -> UnseenNoise:
        """The law of V at a new point, given the filters."""
        off = self.network.filters[:, 1:]
        return UnseenNoise(self.sample.sigma**2 * off @ off.T, self.power, self.sample.noise.shape[1])

    @property
    def clean_threshold(self) -> float:
        """`α^q U`: a new point is misclassified if V is at most minus that."""
        return float(self.sample.alpha**self.power * self.u[-1])

    @property
    def robust_threshold(self) -> float:
        """`(α-δ)^q U`, or `(α+δ)^q U` if U < 0: the same under attack."""
        return float(attacked(self.sample.alpha, self.radius, self.u[-1]) ** self.power * self.u[-1])

    def training_errors(self) -> tuple[float, float]:
        """Shares of the points that are misclassified, and that are under attack."""
        return (
            float(np.mean(self.clean_threshold + self.v[-1] <= 0)),
            float(np.mean(self.robust_threshold + self.v[-1] <= 0)),
        )


def attacked(alpha: float, radius: float, u: float) -> float:
    """The signal as the adversary leaves it: α-δ, or α+δ while U < 0."""
    return alpha - radius if u >= 0 else alpha + radius


def train_patches(
    sample: PatchSample,
    radius: float,
    *,
    weight: float,
    power: int = 3,
    rate: float = 0.01,
    steps: int = 1_000,
    record: int = 50,
) -> PatchRun:
    """Full-batch gradient descent from the sample's start.

    Args:
        sample: data and start.
        radius: δ in [0, α].
        weight: λ of the adversarial loss, >= 0; 0 is clean training.
        power: q, 2 or 3.
        rate: η.
        steps: of gradient descent.
        record: U and V are recorded at so many steps, evenly on a logarithmic scale, with the first and the last.

    Raises:
        ValueError: if a number is out of its range.
    """
    if not (0 <= radius <= sample.alpha and weight >= 0 and power in (2, 3) and rate > 0 and steps >= 1 and record > 1):
        raise ValueError(
            f"train_patches needs 0 <= radius <= alpha = {sample.alpha}, weight >= 0, power 2 or 3, rate > 0, steps >= "
            f"1 and record > 1, got {radius}, {weight}, {power}, {rate}, {steps}, {record}"
        )
    n, patches, _ = sample.noise.shape
    noise = sample.noise.reshape(n * patches, -1)
    gram = noise @ noise.T
    u, start = sample.start[:, 0].copy(), sample.start[:, 1:] @ noise.T
    v, c = start.copy(), np.zeros_like(start)
    labels = sample.labels.astype(np.float64)
    kept = {*np.unique(np.geomspace(1, steps, record).astype(int)).tolist(), 0, steps}
    history: list[tuple[int, float, np.ndarray]] = []
    scale = rate * power / n
    for step in range(steps + 1):
        size_u, size_v = np.abs(u) ** (power - 1), np.abs(v) ** (power - 1)
        total = float(u @ size_u)
        own = labels * (v * size_v).sum(axis=0).reshape(n, patches).sum(axis=1)
        if step in kept:
            history.append((step, total, own))
        if step == steps:
            break
        clean = sample.alpha**power
        robust = attacked(sample.alpha, radius, total) ** power
        g, h = expit(-clean * total - own), weight * expit(-robust * total - own)
        u = u + scale * size_u * (clean * g.sum() + robust * h.sum())
        c = c + scale * size_v * np.repeat(labels * (g + h), patches)
        v = start + c @ gram
    at, totals, owns = zip(*history, strict=True)
    return PatchRun(sample, power, radius, u, c, np.array(at), np.array(totals), np.array(owns))
