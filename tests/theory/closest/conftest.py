"""Bounds are for thousands of points: here every constant is small, so that few points pass through all of them."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import theory.closest
import theory.device

SMALL = {
    "coordinates": {
        **{"_CELLS": 8, "_COORDINATES": 6, "_ADDED": 2, "_LOOK": 2, "_SAMPLE": 5, "_PAIRS": 40, "_YIELD": 9, "_PART": 2}
    },
    "projections": {"_SAMPLE": 12, "_LOOKED_AT": 60, "_ROWS": 10, "_GROUP": 3, "_CHUNK": 11},
    "search": {"_FEW": 4, "_NEAR": 5, "_KEPT": 6, "_SHARE": 0.5},
}


@pytest.fixture(scope="module", autouse=True)
def small_constants() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for found in pkgutil.iter_modules(theory.closest.__path__):
            module = importlib.import_module(f"theory.closest.{found.name}")
            for name, value in SMALL.get(found.name, {}).items():
                patch.setattr(module, name, value)
            if hasattr(module, "BLOCK"):
                patch.setattr(module, "BLOCK", 7)
        patch.setattr(theory.device, "_WORDS", 3)
        yield
