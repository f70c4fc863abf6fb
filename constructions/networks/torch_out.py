"""A `ReLUNetwork` as a torch module."""

from typing import Any, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from constructions.networks.network import Affine, ReLUNetwork
from constructions.networks.network import dense as dense_array
from constructions.networks.torch_parts import numbers

# Above this many bytes of dense weights the sparse module is built instead.
_DENSE_LIMIT = 2**29


class SparseLinear(nn.Module):
    """`x ↦ x Wᵀ + b` with a sparse `W` of fixed pattern; its stored values and `b` are parameters."""

    def __init__(self, layer: Affine, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        weight = sp.coo_array(layer.weight)
        self.shape = weight.shape
        self.register_buffer("index", torch.from_numpy(np.stack(weight.coords).astype(np.int64)))
        self.values = nn.Parameter(_rounded(weight.data, dtype))
        self.bias = nn.Parameter(_rounded(layer.bias, dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        index = cast(torch.Tensor, self.index)
        weight = torch.sparse_coo_tensor(index, self.values, self.shape, check_invariants=False, is_coalesced=True)
        return cast(torch.Tensor, torch.sparse.mm(weight, x.T).T + self.bias)

    def matrix(self) -> sp.csr_array:
        """`W` in float64, as it is now."""
        row, column = cast(torch.Tensor, self.index).cpu().numpy()
        return sp.csr_array((numbers(self.values, "a weight"), (row, column)), shape=self.shape)


class Layers(nn.Sequential):
    """Affine layers with ReLUs between them; a batch of any floating-point type is converted to theirs first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        own = cast(torch.Tensor, self[0].bias)
        return cast(torch.Tensor, nn.Sequential.forward(self, x.to(own.dtype)))  # type: ignore[no-untyped-call]


def to_torch(network: ReLUNetwork, *, dense: bool | None = None, dtype: Any = torch.float64) -> Layers:
    """The same function as a `torch.nn.Sequential` of affine layers and `torch.nn.ReLU`.

    A batch of another floating-point type is converted to that of the weights, and the outputs are of that: a float32
    batch may go into a float64 module.

    Args:
        network: any `ReLUNetwork`.
        dense: True for plain `torch.nn.Linear` layers, False for sparse ones where the network stores sparse
            weights, None to choose dense when all weights together take at most 512 MB that way.
        dtype: `torch.float64`, or `torch.float32`, to which the weights are rounded: that is the network of which
            certificates for "float32" speak.

    Raises:
        ValueError: for another dtype, or a weight beyond it.
    """
    if dtype not in (torch.float64, torch.float32):
        raise ValueError(f"to_torch needs dtype torch.float64 or torch.float32, got {dtype}")
    if dense is None:
        dense = dtype.itemsize * network.parameters <= _DENSE_LIMIT
    modules: list[nn.Module] = []
    for layer in network.layers:
        if modules:
            modules.append(nn.ReLU())
        plain = dense or not sp.issparse(layer.weight)
        modules.append(_linear(layer, dtype) if plain else SparseLinear(layer, dtype))
    return Layers(*modules)


def _linear(layer: Affine, dtype: torch.dtype) -> nn.Linear:
    linear = nn.Linear(layer.inputs, layer.outputs, dtype=dtype)
    with torch.no_grad():
        linear.weight.copy_(_rounded(dense_array(layer.weight), dtype))
        linear.bias.copy_(_rounded(layer.bias, dtype))
    return linear


def _rounded(entries: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    """A copy, each entry the nearest number of the type."""
    tensor = torch.tensor(entries, dtype=torch.float64).to(dtype)
    if not torch.isfinite(tensor).all():
        raise ValueError(
            f"to_torch needs weights that {dtype} holds, got {abs(entries).max():g}: rescale them, or use float64"
        )
    return tensor
