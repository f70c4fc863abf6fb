"""Between `ReLUNetwork` and torch; the only module of `constructions` that imports torch."""

from typing import Any, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.nn.modules import module as torch_module

from constructions.networks.calculus import signed_pair
from constructions.networks.network import Affine, ReLUNetwork
from constructions.networks.network import dense as dense_array

# Above this many bytes of dense float64 weights the sparse module is built instead.
_DENSE_LIMIT = 2**29

# What `module(x)` calls; each may be replaced on one instance.
_CALLED = {"forward", "_call_impl", "_compiled_call_impl"}
# What a subclass of Sequential may have of its own; the rest are notes that Python takes on any class.
_CONSTRUCTS = {"__init__", "__repr__", "extra_repr"}
_NOTES = {"__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__firstlineno__"}
_NOTES |= {"__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__"}


class SparseLinear(nn.Module):
    """`x ↦ x Wᵀ + b` with a sparse `W` of fixed pattern; its stored values and `b` are parameters."""

    def __init__(self, layer: Affine) -> None:
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
        linear.weight.copy_(torch.tensor(dense_array(layer.weight)))
        linear.bias.copy_(torch.tensor(layer.bias))
    return linear


def from_torch(module: Any) -> ReLUNetwork:
    """The strict ReLU network of a torch module made of Linear, ReLU and a leading Flatten, over the reals.

    Its weights are those of the module as they are now, in float64, which holds them exactly. Between consecutive
    Linear layers values are carried as `z = σ(z) - σ(-z)`: their product would be rounded, and another function.
    Flatten and Identity do nothing to points of shape (n, d).

    Refused is what makes a module another function than its layers say: forward hooks and pre-hooks, its own or
    global ones (also of weight norm and pruning), a replaced `forward`, parametrizations, subclasses, except those of
    Sequential that only construct it.

    Args:
        module: a `torch.nn.Sequential`, nested as you like, or a `torch.nn.Linear`.

    Raises:
        ValueError: for any other module, also Dropout, convolutions and the like; for weights that are not real
            floating-point numbers in memory, or not finite; unless the module ends with a Linear layer.
    """
    if torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks:
        raise ValueError(
            "a clean torch module must be all there is of its function, got global forward hooks of torch.nn: remove "
            "them, or pass a ReLUNetwork"
        )
    layers: list[Affine] = []
    after_relu = True
    try:
        parts = _leaves(module)
    except RecursionError as error:
        raise ValueError("a clean torch module must not hold itself") from error
    for part in parts:
        kind = type(part)
        if kind is nn.Linear:
            layers += _affine(part, layers.pop() if layers and not after_relu else None)
            after_relu = False
        elif kind is nn.ReLU and layers:
            after_relu = True
        elif layers or not (kind is nn.Identity or (kind is nn.Flatten and (part.start_dim, part.end_dim) == (1, -1))):
            raise ValueError(
                f"a clean torch module may hold Linear, ReLU and a leading Flatten only, got {part}: "
                "convert it, or pass a ReLUNetwork"
            )
    if not layers or after_relu:
        raise ValueError("a clean torch module must end with a Linear layer, got " + str(module))
    return ReLUNetwork(tuple(layers))


def _affine(linear: nn.Linear, inner: Affine | None) -> list[Affine]:
    """The layer; with `inner`, the affine map before it, both with a ReLU between them that changes nothing."""
    weight = _values(linear, "weight")
    bias = np.zeros(len(weight)) if linear.bias is None else _values(linear, "bias")
    if inner is None:
        return [Affine(weight, bias)]
    return [*signed_pair(ReLUNetwork((inner,))).layers, Affine(np.hstack([weight, -weight]), bias)]


def _leaves(module: Any) -> list[Any]:
    """The parts that are no Sequential, in order, each computing what its class says, as do those around them."""
    if isinstance(module, nn.Module) and (change := _change(module)):
        raise ValueError(
            f"a clean torch module must compute what its class does, got {type(module).__name__} with {change}: take "
            "that away (torch.nn.utils.prune.remove, remove_weight_norm, parametrize.remove_parametrizations keep the "
            "weights), put it into Linear layers, or pass a ReLUNetwork"
        )
    if isinstance(module, nn.Sequential):
        return [leaf for child in module._modules.values() for leaf in _leaves(child)]
    return [module]


def _change(module: nn.Module) -> str | None:
    """What of this module a call runs beside or in place of the `forward` of its class."""
    if module._forward_pre_hooks:
        return "a forward pre-hook"
    if module._forward_hooks:
        return "a forward hook"
    own = _CALLED & vars(module).keys()
    if isinstance(module, nn.Sequential):
        # A subclass, or a class beside Sequential, may construct itself, hold a name, or have further methods.
        others = [kind for kind in type(module).mro() if kind not in nn.Sequential.mro()]
        held = {*dir(nn.Sequential), *vars(nn.Sequential())}
        own |= {name for kind in others for name in vars(kind)} & held - _CONSTRUCTS - _NOTES
    return f"its own {', '.join(sorted(own))}" if own else None


def _values(linear: nn.Linear, name: str) -> np.ndarray:
    """The values in float64, apart from the module's own memory, which further training would change."""
    tensor = getattr(linear, name)
    if type(tensor) not in (nn.Parameter, torch.Tensor) or not (
        tensor.is_floating_point() and tensor.layout is torch.strided
    ):
        raise ValueError(
            f"a clean torch module must have dense real floating-point weights, got {type(tensor).__name__} "
            f"of {tensor.dtype}, {tensor.layout}, as {name} of {linear}: convert it to float32 or float64"
        )
    if tensor.is_meta:
        raise ValueError(f"a clean torch module must have weights in memory, got {name} of {linear} on the meta device")
    return np.array(tensor.detach().cpu().double().resolve_neg().numpy())
