"""A network from whatever people have it in."""

import os
import pkgutil
from pathlib import Path
from typing import Any

from constructions.networks.network import Affine, ReLUNetwork


def read_network(model: Any, *, input_shape: Any = None, name: str = "model") -> ReLUNetwork:
    """The strict ReLU network of a model, over the reals.

    Args:
        model: a `ReLUNetwork`, an `Affine`, a `torch.nn.Module` that `from_torch` reads, or the path of an `.npz` file
            of `ReLUNetwork.save` or of an `.onnx` file.
        input_shape: of one point, for a torch module whose first layer does not tell it.
        name: of the argument, for messages.

    Raises:
        ValueError: for anything else, or what cannot be read.
        FileNotFoundError: if there is no such file.
        ImportError: for an `.onnx` file, without the extra `onnx`.
    """
    if isinstance(model, ReLUNetwork):
        return model
    if isinstance(model, Affine):
        return ReLUNetwork((model,))
    if hasattr(model, "named_parameters"):
        # torch takes a second to import, and who has a module has it.
        from constructions.networks.torch_module import from_torch

        return from_torch(model, input_shape=input_shape)
    if isinstance(model, str | os.PathLike):
        ending = Path(os.fspath(model).removesuffix(".gz")).suffix.lower()
        if ending == ".npz":
            return ReLUNetwork.load(model)
        if ending == ".onnx":
            # By its name: files of others are read by a folder that imports this one.
            network: ReLUNetwork = pkgutil.resolve_name("constructions.exchange.onnx_file:read_onnx")(model)
            return network
        found = f"the path {os.fspath(model)!r}" + (", a module for torch.load" if ending in (".pt", ".pth") else "")
    else:
        found = type(model).__name__
        if isinstance(getattr(model, "network", None), ReLUNetwork):
            found += ", whose .network is one"
    raise ValueError(
        f"{name} must be a ReLUNetwork, an Affine, a torch.nn.Module, or the path of an .npz file of ReLUNetwork.save "
        f"or of an .onnx file, got {found}"
    )
