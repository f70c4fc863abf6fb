"""A device that is not there: tensors that say "meta", compute on the CPU, and refuse to meet a CPU tensor.

Code that makes a tensor on the CPU by accident fails on it as it would on a GPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = "meta"


class Elsewhere(torch.Tensor):
    """A tensor on that device; `inner` holds its numbers."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "Elsewhere":
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=DEVICE, requires_grad=False
        )
        made.inner = inner
        return made

    def __repr__(self) -> str:
        return f"Elsewhere({self.inner!r})"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


class _Device(TorchDispatchMode):
    """Makes new tensors there where they are asked for."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


def _run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given, _ = tree_flatten((args, kwargs))
    tensors = [a for a in given if isinstance(a, torch.Tensor)]
    there = [isinstance(a, Elsewhere) for a in tensors]
    copying = function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
    # As on a GPU: a number on the CPU, of no axis, may take part.
    if any(there) and not copying:
        for tensor, elsewhere in zip(tensors, there, strict=True):
            assert elsewhere or not tensor.dim(), (
                f"{function} mixes devices: a CPU tensor of shape {tuple(tensor.shape)}"
            )
    asked = kwargs.get("device")
    wraps = any(there) if asked is None else torch.device(asked).type == DEVICE
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    unwrap = lambda a: a.inner if isinstance(a, Elsewhere) else a  # noqa: E731
    found = function(*tree_map(unwrap, args), **tree_map(unwrap, kwargs))
    # In place: the tensor that was given is the result.
    if function._schema.is_mutable and tensors and found is unwrap(tensors[0]):
        return tensors[0]
    return tree_map(lambda a: Elsewhere(a) if wraps and isinstance(a, torch.Tensor) else a, found)


@contextmanager
def elsewhere() -> Iterator[str]:
    """The name of the device, inside."""
    with _Device():
        yield DEVICE
