"""What of a torch module can be read: its parts compute what their classes say, from real numbers in memory."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules import module as torch_module

# What `module(x)` calls; each may be replaced on one instance.
_CALLED = {"forward", "_call_impl", "_compiled_call_impl"}
_LOGITS = "remove it: the greatest logit is the same, and certificates speak of it"
_CURVED = "no ReLU network computes it; train with ReLU instead"
_MEASURED = "it divides by what it measures of its input; use BatchNorm, in eval mode"
_ELSE = "write it by Linear, Conv, BatchNorm, pooling and ReLU, export it to ONNX, or pass a ReLUNetwork"
_WAYS: dict[str, str] = {
    **dict.fromkeys(["softmax", "log_softmax"], _LOGITS),
    **dict.fromkeys(["sigmoid", "logsigmoid"], "remove it: its sign is the same, and certificates speak of it"),
    **dict.fromkeys(["tanh", "gelu", "silu", "elu", "selu", "celu", "mish", "softplus", "hardswish"], _CURVED),
    **dict.fromkeys(["layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"], _MEASURED),
}


def refused(found: str, way: str = _ELSE) -> ValueError:
    """The error for what cannot be read."""
    return ValueError(f"a torch module must be of affine maps and ReLUs, of one point each, got {found}: {way}")


def unknown(kind: str, where: str) -> ValueError:
    """The error for a function or method that is not read."""
    return refused(kind + where, _WAYS.get(kind, _ELSE))


def check_parts(module: Any) -> None:
    """Raises: ValueError if a part of the module is, or may be, another function than its class says."""
    if not isinstance(module, nn.Module):
        raise refused(f"{type(module).__name__} {module!s:.60}", "give a torch.nn.Module")
    if torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks:
        raise refused("global forward hooks of torch.nn", "remove them, or pass a ReLUNetwork")
    for part in module.modules():
        name = type(part).__name__
        if isinstance(part, torch.jit.ScriptModule):
            raise refused(f"the scripted {name}", "give the module that it was made of")
        if type(part).__module__.startswith(("torch.ao.", "torch.nn.quantized", "torch.nn.intrinsic")):
            raise refused(f"the quantised {name}", "give the module before its quantisation")
        if torch.nn.utils.parametrize.is_parametrized(part):
            raise refused(name, "torch.nn.utils.parametrize.remove_parametrizations keeps the weights")
        if isinstance(part, nn.modules.lazy.LazyModuleMixin):
            raise refused(name, "run it once on a batch, which makes its weights")
        if hasattr(part, "_orig_mod"):
            raise refused(f"the compiled {name}", "give the module that it was made of, its ._orig_mod")
        if change := _change(part):
            raise refused(
                f"{name} with {change}",
                "take that away (torch.nn.utils.prune.remove, remove_weight_norm, "
                "parametrize.remove_parametrizations keep the weights), or pass a ReLUNetwork",
            )
        if part in part.children():
            raise refused(f"{name} that holds itself", "a part may be called twice, but not within itself")


def check_eval(part: nn.Module) -> None:
    """Raises: ValueError in training mode."""
    if part.training:
        raise refused(f"{type(part).__name__} in training mode", "call module.eval() before")


def _change(module: nn.Module) -> str | None:
    """What of this module a call runs beside or in place of the `forward` of its class."""
    if module._forward_pre_hooks:
        return "a forward pre-hook"
    if module._forward_hooks:
        return "a forward hook"
    own = _CALLED & vars(module).keys()
    for kind in type(module).mro():
        if kind is nn.Module:
            break
        if not kind.__module__.startswith("torch."):
            own |= {"_call_impl", "_wrapped_call_impl", "__call__"} & vars(kind).keys()
    return f"its own {', '.join(sorted(own))}" if own else None


def numbers(tensor: torch.Tensor, name: str) -> np.ndarray:
    """The entries in float64, apart from the module's own memory, which further training would change.

    Raises:
        ValueError: unless they are real, in memory and finite.
    """
    if type(tensor) not in (nn.Parameter, nn.Buffer, torch.Tensor) or not (
        tensor.dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16) or _is_whole(tensor)
    ):
        raise refused(f"{type(tensor).__name__} of {tensor.dtype} as {name}", "convert it to float32 or float64")
    if tensor.layout is not torch.strided:
        raise refused(f"{tensor.layout} as {name}", "give it by to_dense()")
    if tensor.is_meta:
        raise refused(f"{name} on the meta device", "load its numbers")
    entries = np.array(tensor.detach().cpu().double().resolve_neg().numpy())
    if not np.isfinite(entries).all():
        raise refused(f"NaN or infinity in {name}", "weights must be finite")
    return entries


def _is_whole(tensor: torch.Tensor) -> bool:
    """Whether these are integers that float64 holds."""
    kinds = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
    return tensor.dtype in kinds and not tensor.is_meta and bool((tensor.double().long() == tensor.long()).all())
