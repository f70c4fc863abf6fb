"""A network that was read from elsewhere, with what its rounding amounts to."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from constructions.networks.network import ReLUNetwork
from theory.arguments.plain_array import exact_floats
from theory.balls.intervals import interval_preactivations
from theory.roundoff import TINY, gamma


@dataclass(frozen=True, eq=False, repr=False)
class FoldedNetwork(ReLUNetwork):
    """A `ReLUNetwork` whose layers are compositions of the affine maps of a model, each weight rounded once.

    Factors that are no floats, such as 1/3 and the roots of a BatchNorm, are taken to 2^-100 of themselves.

    Attributes:
        rounded: how many weights and biases differ from those of the exact compositions; if 0, the network is the model
            over the reals.
        rounding: by which part of themselves they do at most, about 2^-53; infinite where such factors cancelled, as in
            3 (x / 3) - x, so that nothing is known of a weight but that it is small.
    """

    rounded: int = 0
    rounding: float = 0.0

    def distance(self, low: Float[np.ndarray, " d"], high: Float[np.ndarray, " d"]) -> Float[np.ndarray, " outputs"]:
        """Upper bounds on how far each output of the network is from that of the model, on a box, over the reals.

        With errors `e` of the values `h` before a layer, `|h| <= m` by intervals, and weights off by the part `u` of
        themselves, those behind it are off by `|W| e + u |W| (m + e) + u |b|`. What is certified of the network with a
        margin above the sum of two of them holds of the model. Infinite where numbers leave float64.

        Args:
            low: least corner of the box.
            high: its greatest corner.
        """
        low, high = exact_floats(low, "low"), exact_floats(high, "high")
        part = max(2.0**-52, 2 * self.rounding) if self.rounded else 0.0
        error, size = np.zeros(self.inputs), np.maximum(abs(low), abs(high))
        above = [upper[0] for _, upper in interval_preactivations(self.layers, low[None], high[None])]
        for layer, upper in zip(self.layers, above, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                weight = abs(layer.weight)
                terms = int(np.diff(sp.csr_array(weight).indptr).max(initial=0))
                grown = weight @ error + part * (weight @ (size + error) + abs(layer.bias))
                error = grown * (1.0 + gamma(2 * terms + 16)) + (TINY if part else 0.0)
            # Behind its ReLU, which is 1-Lipschitz.
            size = np.maximum(upper, 0.0)
        return np.where(np.isnan(error), np.inf, error)
