"""Files of tensors that are whole or absent: written beside their place, then moved there."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch


def write(path: Path, content: dict[str, Any]) -> None:
    """Write numbers, strings and tensors; a crash or a full disk leaves what was there before."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(content, beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path, keys: set[str], *, device: str = "cpu") -> dict[str, Any]:
    """Read what `write` wrote, nothing executed.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such file, or its keys are others.
    """
    try:
        stored = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is damaged or no checkpoint: delete it to start anew") from error
    if not isinstance(stored, dict) or set(stored) != keys:
        raise ValueError(f"{path} is no checkpoint of this training (needs {sorted(keys)}): give another path")
    return stored
