"""SHA-256 digests that bind a claim to what it is about."""

import hashlib
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from jaxtyping import Float, Int

from constructions.networks.network import ReLUNetwork, sparse
from theory.balls.prepared import Prepared, kept
from theory.layers import Layers

_BLOCK = 2**20
# Of networks whose layers are kept prepared, and so known to be the same.
_known: WeakKeyDictionary[ReLUNetwork, tuple[list[Any], str]] = WeakKeyDictionary()


def network_digest(network: ReLUNetwork, layers: Sequence[Prepared] | None = None) -> str:
    """SHA-256 of all layers in order: shape, row pointers, columns and values of the non-zeros, biases.

    Integers and float64 of 8 bytes, little-endian; -0.0 counts as 0.0; the same for dense and sparse storage.

    Args:
        network: any.
        layers: what `prepare` gave for its layers, where the digest of these numbers is wanted.
    """
    prepared = [kept(layer) for layer in network.layers] if layers is None else layers
    before, found = _known.get(network, ([], ""))
    if None not in prepared and [of() for of in before] == prepared:
        return found
    found = _network_digest(network.layers if layers is None else layers)
    _known[network] = [ref(layer) for layer in prepared if layer is not None], found
    return found


def _network_digest(layers: Layers) -> str:
    digest = hashlib.sha256()
    for layer in layers:
        shape = layer.weight.shape
        if isinstance(layer.weight, np.ndarray) and layer.weight.all():
            # What CSR would hold of it, without its arrays.
            columns = np.broadcast_to(np.arange(shape[1]), shape)
            stored = shape[1] * np.arange(shape[0] + 1), columns, layer.weight
        else:
            weight = sparse(layer.weight)
            stored = weight.indptr, weight.indices, weight.data
        for part in (np.array(shape), *stored[:2]):
            _add(digest, part, "<i8")
        for part in (stored[2], layer.bias):
            _add(digest, part, "<f8")
    return digest.hexdigest()


def points_digest(points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> str:
    """SHA-256 of shape, coordinates and labels, in the same form."""
    digest = hashlib.sha256()
    _add(digest, np.array(points.shape), "<i8")
    _add(digest, points, "<f8")
    _add(digest, labels, "<i8")
    return digest.hexdigest()


def _add(digest: Any, array: np.ndarray, kind: str) -> None:
    """The entries in that form, by blocks of rows, so that there is never a second copy of a large array."""
    step = max(1, _BLOCK * len(array) // max(1, array.size))
    for start in range(0, len(array), step):
        # + 0 turns -0.0 into 0.0.
        digest.update(np.ascontiguousarray(np.asarray(array[start : start + step], dtype=kind) + 0).data)
