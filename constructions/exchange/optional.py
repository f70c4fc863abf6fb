"""The libraries of the extra `onnx`, loaded when they are needed."""

import importlib
from typing import Any


def optional(name: str) -> Any:
    """A module of onnx, onnxruntime or vnnlib.

    Raises:
        ImportError: naming the extra that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"ONNX and VNN-LIB files need the package {name.partition('.')[0]}: pip install robust-memorization[onnx]"
        ) from error
