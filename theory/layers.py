"""What `theory` needs to know of a ReLU network: its affine layers, in order.

`f(x) = W_L σ(… σ(W_1 x + b_1) …) + b_L`, section 3 of the paper: strictly alternating affine maps and
ReLUs, no skip connections, no products. `constructions.ReLUNetwork` is one implementation.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

Matrix: TypeAlias = np.ndarray | sp.csr_array


@runtime_checkable
class AffineLayer(Protocol):
    """One affine map `x ↦ W x + b`; `weight` has shape (outputs, inputs), `bias` (outputs,)."""

    @property
    def weight(self) -> Matrix: ...

    @property
    def bias(self) -> np.ndarray: ...


Layers: TypeAlias = Sequence[AffineLayer]


def evaluate(layers: Layers, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n outputs"]:
    """Value of the network at each row of `x`, in float64."""
    z = x
    for k, layer in enumerate(layers):
        if k:
            z = np.maximum(z, 0.0)
        z = np.asarray((layer.weight @ z.T).T + layer.bias)
    return z
