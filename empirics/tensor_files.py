"""Files of tensors and numbers, whole or absent, in which a changed bit is noticed."""

import zipfile
from pathlib import Path
from typing import Any

import torch

from constructions.networks.whole_file import replacing


def write(path: Path, content: dict[str, Any]) -> None:
    """Write numbers, strings and tensors, all of it or nothing."""
    with replacing(path) as partial:
        torch.save(content, partial)


def read(path: Path, keys: set[str], *, device: str = "cpu") -> dict[str, Any]:
    """Read what `write` wrote, nothing executed.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such file, or its keys are others.
    """
    try:
        # A changed bit would go unnoticed: torch does not look at the checksums that it writes.
        with zipfile.ZipFile(path) as file:
            if damaged := file.testzip():
                raise ValueError(f"the checksum of {damaged} is wrong")
        stored = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged archive can fail in many ways
        raise ValueError(f"{path} is damaged or no checkpoint, remove it to train anew: {error}") from error
    if not isinstance(stored, dict) or set(stored) != keys:
        raise ValueError(f"{path} is no checkpoint of this training (needs {sorted(keys)}): take another place")
    return stored
