"""Runs of a network in another order of summation."""

from typing import Any

import numpy as np


def summed_at_random(network: Any, x: np.ndarray, arithmetic: str, rng: np.random.Generator) -> np.ndarray:
    """The executed network by random binary trees of additions."""
    from constructions.certificates.executed_intervals import FORMATS, executed_layers

    kind = FORMATS[arithmetic].dtype
    h = x.astype(kind)
    for k, layer in enumerate(executed_layers(network.layers, arithmetic)):
        h = np.maximum(h, kind(0)) if k else h
        weight = layer.weight if isinstance(layer.weight, np.ndarray) else layer.weight.toarray()
        values = []
        for row, bias in zip(weight, layer.bias, strict=True):
            terms = [*(row * h), bias]
            while len(terms) > 1:
                i, j = rng.choice(len(terms), 2, replace=False)
                rest = [t for n, t in enumerate(terms) if n not in (i, j)]
                terms = [*rest, kind(terms[i] + terms[j])]
            values.append(terms[0])
        h = np.array(values, dtype=kind)
    return h.astype(np.float64)
