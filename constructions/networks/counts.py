"""What is counted in the layers of a network, of floats or of integers."""

from typing import Any


class Counts:
    """Sizes of `f(x) = W_L σ(… σ(W_1 x + b_1) …) + b_L`, by what its layers say of themselves."""

    layers: tuple[Any, ...]

    @property
    def inputs(self) -> int:
        return int(self.layers[0].inputs)

    @property
    def outputs(self) -> int:
        return int(self.layers[-1].outputs)

    @property
    def depth(self) -> int:
        """L, the number of affine layers."""
        return len(self.layers)

    @property
    def widths(self) -> tuple[int, ...]:
        """m_0, …, m_L: inputs, hidden layers, outputs."""
        return (self.inputs, *(layer.outputs for layer in self.layers))

    @property
    def width(self) -> int:
        """max{m_0, …, m_L}, as in the paper (inputs and outputs included)."""
        return max(self.widths)

    @property
    def neurons(self) -> int:
        """Number of ReLUs, m_1 + … + m_{L-1}."""
        return sum(self.widths[1:-1])

    @property
    def parameters(self) -> int:
        """All entries of the W_k and b_k, zeros included (the count of Kim et al. 2025)."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def nonzero(self) -> int:
        """Non-zero entries of the W_k and b_k (the count of Li et al. 2022 and Yu et al. 2024)."""
        return sum(layer.nonzero for layer in self.layers)

    @property
    def description_bits(self) -> int:
        """Length of a binary text from which the network can be read, with 64 bits for the value of a non-zero.

        For each non-zero its place, `⌈log2(inputs + 2)⌉` bits (an input, the bias, or the end of the row, which every
        row has once more), and its float64.
        """
        return sum(
            (layer.inputs + 1).bit_length() * (layer.nonzero + layer.outputs) + 64 * layer.nonzero
            for layer in self.layers
        )
