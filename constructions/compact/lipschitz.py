"""GroupSort networks: layers of small spectral norm with the maximum and minimum of pairs between them.

Source: Anil, Lucas, Grosse (2019), Sorting out Lipschitz function approximation.
"""

import os
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from constructions.networks.network import Affine, ReLUNetwork, dense


@dataclass(frozen=True, eq=False)
class GroupSort:
    """`x ↦ W_L g(… g(W_1 x + b_1) …) + b_L`, where g maps the pairs `(z_1, z_2), (z_3, z_4), …` to `(max, min)`.

    g is 1-Lipschitz in l_2, and so the difference of two outputs is `‖w_y - w_c‖ Π_k ‖W_k‖`-Lipschitz, with the rows
    w of the last layer and the norms of all others.

    Attributes:
        layers: of even width, but for the last.
    """

    layers: tuple[Affine, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", ReLUNetwork(tuple(self.layers)).layers)
        odd = [layer.outputs for layer in self.layers[:-1] if layer.outputs % 2]
        if odd or len(self.layers) < 2:
            raise ValueError(
                "GroupSort needs at least two layers, and an even number of outputs of all but the last, got "
                f"{[layer.outputs for layer in self.layers]}: take hidden layers of even width"
            )

    def features(self, x: Float[np.ndarray, "n d"]) -> list[Float[np.ndarray, "n outputs"]]:
        """The values of every layer before the pairs are sorted, in float64; the last are the outputs."""
        found: list[np.ndarray] = []
        for layer in self.layers:
            read = sorted_pairs(found[-1]) if found else x
            found.append(read @ dense(layer.weight).T + layer.bias)
        return found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the layers to a file that `load` reads."""
        ReLUNetwork(self.layers).save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "GroupSort":
        """Read what `save` wrote.

        Raises:
            ValueError: if the file is no such file.
        """
        return cls(ReLUNetwork.load(path).layers)


def sorted_pairs(z: Float[np.ndarray, "n width"]) -> Float[np.ndarray, "n width"]:
    """All maxima of neighbouring coordinates, then all minima."""
    first, second = z[:, 0::2], z[:, 1::2]
    return np.concatenate([np.maximum(first, second), np.minimum(first, second)], axis=1)
