"""Certificates as files that `constructions.check` can check again: canonical JSON, bound by digests.

`{"arithmetic", "digest", "format", "indicators", "network", "p", "points", "radius", "records"}` in canonical form:
sorted keys, no spaces, shortest decimals that read back as the same float64, one line. "network" and "points" are
SHA-256 digests of what the certificate speaks of, "digest" is that of the canonical form without itself.
"""

import hashlib
import json
import os
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from constructions.certificate import Certificate
from constructions.network import ReLUNetwork, sparse
from constructions.whole_file import replacing

FORMAT = "robust memorization certificate 2"


def write_certificate(
    path: str | os.PathLike[str],
    certificate: Certificate,
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    *,
    indicators: tuple[int, ...] = (),
) -> None:
    """Write the certificate of this network on these balls, all of it or nothing.

    Args:
        path: of the file.
        certificate: to be written.
        network: that it speaks of.
        points: centres of the balls.
        labels: as given to `certify`.
        indicators: `Memorizer.widths`, with which the checker can follow a structural proof for p = 2 and shared
            features over the reals; it trusts them no more than the rest.

    Raises:
        ValueError: if the certificate is not one of so many points.
    """
    if not len(certificate.status) == len(points) == len(labels):
        raise ValueError(
            f"a certificate file needs one point and label a record, got {len(certificate.status)} records, "
            f"{len(points)} points and {len(labels)} labels"
        )
    content: dict[str, Any] = {
        "format": FORMAT,
        "network": network_digest(network),
        "points": points_digest(points, labels),
        "radius": float(certificate.radius),
        "p": "inf" if np.isinf(certificate.p) else float(certificate.p),
        "arithmetic": certificate.arithmetic,
        "indicators": [int(width) for width in indicators],
        "records": certificate.records(),
    }
    content["digest"] = hashlib.sha256(_canonical(content)).hexdigest()
    with replacing(path) as partial:
        partial.write_bytes(_canonical(content))


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def network_digest(network: ReLUNetwork) -> str:
    """SHA-256 of all layers in order: shape, row pointers, columns and values of the non-zeros, biases.

    Integers and float64 of 8 bytes, little-endian; -0.0 counts as 0.0; the same for dense and sparse storage.
    """
    digest = hashlib.sha256()
    for layer in network.layers:
        weight = sparse(layer.weight)
        weight.sort_indices()
        for part in (layer.weight.shape, weight.indptr, weight.indices):
            digest.update(np.asarray(part, dtype="<i8").tobytes())
        for values in (weight.data, layer.bias):
            digest.update((np.asarray(values, dtype="<f8") + 0.0).tobytes())
    return digest.hexdigest()


def points_digest(points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> str:
    """SHA-256 of shape, coordinates and labels, in the same form."""
    digest = hashlib.sha256(np.asarray(points.shape, dtype="<i8").tobytes())
    digest.update((np.asarray(points, dtype="<f8") + 0.0).tobytes())
    digest.update(np.asarray(labels, dtype="<i8").tobytes())
    return digest.hexdigest()
