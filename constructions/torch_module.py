"""Between `ReLUNetwork` and torch; the only module of `constructions` that imports torch."""

from typing import Any, TypeGuard, TypeVar, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from constructions.network import Affine, ReLUNetwork
from constructions.network import dense as dense_array

# Above this many bytes of dense float64 weights the sparse module is built instead.
_DENSE_LIMIT = 2**29

_Kind = TypeVar("_Kind", bound=nn.Module)


class SparseLinear(nn.Module):
    """`x ↦ x Wᵀ + b` with a sparse `W` of fixed pattern; its stored values and `b` are parameters."""

    def __init__(self, layer: Affine):
        super().__init__()
        weight = sp.coo_array(layer.weight)
        self.shape = weight.shape
        self.register_buffer("index", torch.from_numpy(np.stack(weight.coords).astype(np.int64)))
        self.values = nn.Parameter(torch.from_numpy(weight.data.copy()))
        self.bias = nn.Parameter(torch.from_numpy(layer.bias.copy()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        index = cast(torch.Tensor, self.index)
        weight = torch.sparse_coo_tensor(index, self.values, self.shape, check_invariants=False, is_coalesced=True)
        return cast(torch.Tensor, torch.sparse.mm(weight, x.T).T + self.bias)


def to_torch(network: ReLUNetwork, *, dense: bool | None = None) -> nn.Sequential:
    """The same function as a `torch.nn.Sequential` of float64 layers and `torch.nn.ReLU`.

    Args:
        network: any `ReLUNetwork`.
        dense: True for plain `torch.nn.Linear` layers, False for sparse ones where the network stores sparse
            weights, None to choose dense when all weights together take at most 512 MB that way.
    """
    if dense is None:
        dense = 8 * network.parameters <= _DENSE_LIMIT
    modules: list[nn.Module] = []
    for layer in network.layers:
        if modules:
            modules.append(nn.ReLU())
        modules.append(_linear(layer) if dense or not sp.issparse(layer.weight) else SparseLinear(layer))
    return nn.Sequential(*modules)


def _linear(layer: Affine) -> nn.Linear:
    linear = nn.Linear(layer.inputs, layer.outputs, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(dense_array(layer.weight)))
        linear.bias.copy_(torch.from_numpy(layer.bias))
    return linear


def from_torch(module: Any) -> ReLUNetwork:
    """The strict ReLU network of a torch module made of Linear, ReLU and Flatten.

    Consecutive Linear layers are multiplied out; Dropout in no form, convolutions and the like are refused.

    Raises:
        ValueError: for any other module, two ReLUs without Linear between being the identity on the second.
    """
    layers: list[Affine] = []
    after_relu = True
    for part in _leaves(module):
        if _is(part, nn.Linear):
            weight = _copied(part.weight)
            bias = np.zeros(part.out_features) if part.bias is None else _copied(part.bias)
            if after_relu:
                layers.append(Affine(weight, bias))
            else:
                inner = layers.pop()
                layers.append(Affine(weight @ inner.weight, weight @ inner.bias + bias))
            after_relu = False
        elif _is(part, nn.ReLU) and layers:
            after_relu = True
        elif not ((_is(part, nn.Flatten) or _is(part, nn.Identity)) and not layers):
            raise ValueError(
                f"a clean torch module may hold Linear, ReLU and a leading Flatten only, got {part}: "
                "convert it, or pass a ReLUNetwork"
            )
    if not layers or after_relu:
        raise ValueError("a clean torch module must end with a Linear layer, got " + str(module))
    return ReLUNetwork(tuple(layers))


def _leaves(module: nn.Module) -> list[nn.Module]:
    if _is(module, nn.Sequential):
        return [leaf for child in module for leaf in _leaves(child)]
    return [module]


def _is(module: nn.Module, kind: type[_Kind]) -> TypeGuard[_Kind]:
    """Whether the module computes what `kind` does; a subclass with a `forward` of its own does not."""
    return isinstance(module, kind) and type(module).forward is kind.forward


def _copied(parameter: torch.Tensor) -> np.ndarray:
    """The values in float64, apart from the module's own memory, which further training would change."""
    return np.array(parameter.detach().cpu().double().numpy())
