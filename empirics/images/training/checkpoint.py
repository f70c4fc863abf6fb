"""Checkpoints of a training run: written whole or not at all, and refused by any other run."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from constructions.networks.whole_file import replacing
from empirics.images.training.data import Split
from empirics.images.training.recipe import Recipe
from empirics.tensor_files import read, write

_KEYS = {"identity", "model", "optimizer", "precision", "records"}


class Checkpoint:
    """`checkpoint.pt` and `log.jsonl` of one run in a folder.

    Args:
        folder: made if it is not there.
        identity: of the run, from `run_identity`.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "checkpoint.pt"
        self.log = folder / "log.jsonl"
        self.identity = dict(identity)

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state, with the model, and the log of its records, one JSON object a line.

        Raises:
            ValueError: if a record is not JSON; nothing is written then.
        """
        lines = _lines(state["records"])
        write(self.path, {"identity": self.identity, **state})
        self._write_lines(lines)

    def write_log(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write the log alone: a kill may have come between checkpoint and log."""
        self._write_lines(_lines(records))

    def _write_lines(self, lines: bytes) -> None:
        with replacing(self.log) as partial:
            partial.write_bytes(lines)

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """The state, or None if there is none.

        Raises:
            ValueError: if the file is damaged, or of another run.
        """
        if not self.path.exists():
            return None
        state = read(self.path, _KEYS, device=str(device))
        saved = state["identity"]
        other = [key for key in self.identity if saved.get(key) != self.identity[key]]
        if other:
            raise ValueError(
                f"{self.path} is of another run: "
                + ", ".join(f"{key} {saved.get(key)!r} there, {self.identity[key]!r} here" for key in other)
                + ": take another folder, or remove it"
            )
        return state


def run_identity(model: nn.Module, split: Split, recipe: Recipe) -> dict[str, Any]:
    """What a run is made of: the fields of the recipe, digests of the initial weights and of the images."""
    weights = model.state_dict()
    return {
        **{name: repr(value) for name, value in asdict(recipe).items()},
        "model": digest(weights.values(), str({name: tuple(value.shape) for name, value in weights.items()})),
        "images": digest([tensor for images in split for tensor in (images.x, images.y)], ""),
    }


def _lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        return "".join(json.dumps(record, allow_nan=False) + "\n" for record in records).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"what after_epoch returns must be JSON: finite numbers, strings, lists and dicts: {error}"
        ) from error


def digest(tensors: Any, text: str = "") -> str:
    """16 hexadecimal digits of types, shapes and values."""
    found = hashlib.sha256(text.encode())
    for tensor in tensors:
        array = tensor.detach().cpu().contiguous().numpy()
        found.update(str((array.dtype, array.shape)).encode())
        found.update(array.data)
    return found.hexdigest()[:16]
