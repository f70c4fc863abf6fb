"""The exact separation of CIFAR-10 by torch on a card, in seconds: three norms are to take less than 10 s on an H100.

Where torch finds no card it computes on the CPU. The answers have to be those of this process, whose seconds stand
beside. A card is started before, by a search in a few points. Points are in memory: reading the images takes longer,
see `separation`.
"""

import time
from typing import Any

import numpy as np
import torch

from constructions.samples.loading import load_sample
from theory import separation

_NORMS = (1.0, 2.0, np.inf)
_FEW = 2000
# Seconds of all norms, on a card.
_REQUIRED = 10.0


def rows() -> list[dict[str, Any]]:
    cards = torch.cuda.is_available()
    device = "cuda" if cards else "cpu"
    name = torch.cuda.get_device_name() if cards else "torch on a CPU"
    points, labels = load_sample("cifar10")
    started = time.perf_counter()
    separation(points[:_FEW], labels[:_FEW], 2, device=device)
    start = time.perf_counter() - started
    result = [_row(points, labels, p, device, name) for p in _NORMS]
    seconds = {key: sum(row[key] for row in result) for key in ("s", "processor s", "s without")}
    required = _REQUIRED if cards else None
    return [*result, {**result[0], "p": "all", "distance": None, **seconds, "start s": start, "required": required}]


def _row(points: np.ndarray, labels: list[Any], p: float, device: str, name: str) -> dict[str, Any]:
    there, seconds, processor = _timed(points, labels, p, device)
    here, without, _ = _timed(points, labels, p, None)
    if (there, there.of) != (here, here.of):
        raise AssertionError(f"{name} has to answer {here}, got {there}")
    return {
        "device": name,
        "data": f"{len(points)} of cifar10",
        "p": p,
        "distance": there.distance,
        "s": seconds,
        "processor s": processor,
        "s without": without,
        "start s": None,
        "required": None,
    }


def _timed(points: np.ndarray, labels: list[Any], p: float, device: str | None) -> tuple[Any, float, float]:
    started, processor = time.perf_counter(), time.process_time()
    found = separation(points, labels, p, device=device)
    return found, time.perf_counter() - started, time.process_time() - processor
