"""Clean classifiers of few non-zeros: a half-space, and one with a corner of the cube added."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Halfspace:
    """`f(x) = ⟨w, x⟩ + b`, one affine layer.

    Attributes:
        weight: shape (1, d).
        bias: shape (1,).
    """

    weight: Float[np.ndarray, "1 d"]
    bias: Float[np.ndarray, " 1"]

    def __call__(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return np.asarray(x @ self.weight[0] + self.bias[0])

    @property
    def nonzero(self) -> int:
        """Entries of weight and bias that are not 0."""
        return int(np.count_nonzero(self.weight) + np.count_nonzero(self.bias))


@dataclass(frozen=True, eq=False)
class HalfspaceAndCorner:
    """`f(x) = x_d - 1/2 + a σ(θ - Σ_{j<d} x_j)`: the half-space where the sum is at least θ, and more below.

    Attributes:
        dim: d >= 2.
        threshold: θ.
        slope: a > 0.
        reach: δ, > 0: `layers` are this function where `x_d >= -δ`.
    """

    dim: int
    threshold: float
    slope: float
    reach: float

    def __call__(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        return np.asarray(x[:, -1] - 0.5 + self.slope * np.maximum(self.threshold - x[:, :-1].sum(axis=1), 0.0))

    @property
    def layers(self) -> tuple[tuple[Float[np.ndarray, "m n"], Float[np.ndarray, " m"]], ...]:
        """Weight and bias of the two layers of a ReLU network: `σ(x_d + δ) + a σ(θ - Σ_{j<d} x_j) - 1/2 - δ`."""
        first = np.zeros((2, self.dim))
        first[0, -1], first[1, :-1] = 1.0, -1.0
        return (
            (first, np.array([self.reach, self.threshold])),
            (np.array([[1.0, self.slope]]), np.array([-0.5 - self.reach])),
        )

    @property
    def nonzero(self) -> int:
        """d + 5: entries of the `layers` that are not 0."""
        return sum(int(np.count_nonzero(weight) + np.count_nonzero(bias)) for weight, bias in self.layers)
