"""Between `ReLUNetwork` and torch: `to_torch`, and `from_torch` by what a module's forward does."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from constructions.networks.folded import FoldedNetwork
from constructions.networks.torch_forward import first_size, forward, traced
from constructions.networks.torch_out import SparseLinear, to_torch
from constructions.networks.torch_parts import check_parts, refused
from constructions.networks.torch_values import Tracing

__all__ = ["SparseLinear", "from_torch", "to_torch"]

# Random points on which network and module are compared; not the number of points that is followed.
_POINTS = 5
# How much further than the root of the sum of their squares rounding errors may add up.
_SLACK = 64


def from_torch(module: Any, *, input_shape: Any = None, exact: bool = False) -> FoldedNetwork:
    """The strict ReLU network of a torch module, over the reals, on points flattened in torch's order.

    Read are Linear, Conv, BatchNorm in eval mode, average and max-pooling (also adaptive), Dropout in eval mode,
    padding, everything that only reorders, sums of branches (skip connections), constants of the module added,
    subtracted, multiplied and divided by (normalisation), ReLU, LeakyReLU, PReLU, ReLU6, Hardtanh, clamp, abs, and
    modules with a forward of their own of these, which is followed by `torch.fx`. What waits for a deeper branch is
    carried by ReLUs without loss, and `max(a, b) = a + σ(b - a)`.

    *Which function.* That of the module's weights as they are now, which float64 holds exactly, of its Python numbers,
    and of constants that forward computes of these alone as torch computes them; conversions between floating-point
    types change nothing. Affine maps without a ReLU between them are multiplied out exactly, and each weight of the
    result is rounded to the nearest float64 once. If `rounded` of the result is 0 (as a rule for Linear, Conv, ReLU and
    max-pooling in float32) the network is the module over the reals. Else a certificate speaks of the network, each
    weight of which is off by at most 2^-53 of itself; `distance(low, high)` bounds what this makes of the outputs.

    Network and module, in its own arithmetic, are compared on random points, up to the rounding of that arithmetic.

    Args:
        module: a `torch.nn.Module`; its parts that depend on it in eval mode.
        input_shape: of one point as the module takes it, such as (3, 32, 32); None where the first layer is a Linear
            or BatchNorm1d, which tell it, with or without a Flatten ahead.
        exact: carry values through a layer of their own, `z = σ(z) - σ(-z)`, where products are no float64, so that
            `rounded` is 0; refused for BatchNorm and divisions by other numbers than powers of two.

    Raises:
        ValueError: for what is neither affine nor made of ReLUs, by name, with the way out; for hooks, parametrizations
            and replaced methods; for training mode where it matters; for weights that are not real, finite and in
            memory; if the module changes its buffers, cannot be run, or answers otherwise than the network.
    """
    check_parts(module)
    buffers = {name: buffer.detach().clone() for name, buffer in module.named_buffers()}
    kinds = [p.dtype for p in (*module.parameters(), *module.buffers()) if p.is_floating_point()]
    dtype = kinds[0] if kinds else torch.get_default_dtype()
    roundoff = max((torch.finfo(kind).eps / 2 for kind in kinds), default=torch.finfo(dtype).eps / 2)
    least = max((torch.finfo(kind).smallest_normal for kind in kinds), default=torch.finfo(dtype).smallest_normal)
    try:
        root, graph = traced(module)
        shape = _read_shape(input_shape, first_size(root, graph))
        batch = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (_POINTS, *shape))).to(dtype)
        points = batch.double().numpy().reshape(_POINTS, -1)
        t = Tracing(points, roundoff, least, exact=exact)
        try:
            found = t.flat(forward(t, root, graph, t.input(shape)))
        except ValueError as error:
            if input_shape is None:
                raise ValueError(f"{error} (points of shape {shape}, as input_shape was not given)") from error
            raise
        made = t.graph.finish(found.value)
        network = FoldedNetwork(made.layers, rounded=made.rounded, rounding=made.rounding)
        answers = _answers(module, batch)
    finally:
        changed = _restore(module, buffers)
    if changed:
        raise refused(f"a forward that changes its buffers ({', '.join(changed)})", "keep it a function of its input")
    _compare(network(points), answers, found.error.T)
    return network


def _read_shape(given: Any, size: int | None) -> tuple[int, ...]:
    if given is None:
        if size is None:
            raise ValueError(
                "a torch module must tell the shape of one point by its first layer, or be given with it: "
                "from_torch(module, input_shape=(3, 32, 32)), and certify has an input_shape= too, or takes images"
            )
        return (size,)
    shape = tuple(given) if isinstance(given, Sequence) else ()
    if not shape or not all(isinstance(n, int) and n >= 1 for n in shape):
        raise ValueError(f"input_shape must be the axes of one point, such as (3, 32, 32), got {given!r}")
    return shape


def _answers(module: nn.Module, batch: torch.Tensor) -> np.ndarray:
    """What the module itself makes of the points."""
    device = next((p.device for p in (*module.parameters(), *module.buffers())), batch.device)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # What torch has to say of the module's speed is not of its network.
            warnings.simplefilter("ignore")
            found = module(batch.to(device))
        return np.asarray(found.detach().cpu().double().reshape(len(batch), -1).numpy())
    except Exception as error:  # whatever the module's own code raises
        raise refused(
            f"a module that does not run on a batch of shape {tuple(batch.shape)} of {batch.dtype} "
            f"({type(error).__name__}: {error})",
            "give the input_shape that it takes",
        ) from error


def _restore(module: nn.Module, before: dict[str, torch.Tensor]) -> list[str]:
    """The names of the buffers that are not as they were; they are again."""
    changed = []
    for name, buffer in module.named_buffers():
        if name in before and not torch.equal(buffer, before[name]):
            changed.append(name)
            buffer.detach().copy_(before[name])
    return changed


def _compare(ours: np.ndarray, theirs: np.ndarray, error: np.ndarray) -> None:
    if ours.shape == theirs.shape and np.all(abs(ours - theirs) <= _SLACK * error):
        return
    apart = np.max(abs(ours - theirs)) if ours.shape == theirs.shape else np.inf
    raise refused(
        f"a module whose outputs at random points are {apart:g} from those of the network that was read "
        f"(rounding explains {_SLACK * error.max():g})",
        "keep forward a function of its input alone, without operations in place, randomness or states",
    )
