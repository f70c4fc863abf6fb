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

from constructions.certificates.certificate import Certificate
from constructions.certificates.digests import network_digest, points_digest
from constructions.networks.network import ReLUNetwork
from constructions.networks.whole_file import replacing
from constructions.samples.sample import read_labelled_points

FORMAT = "robust memorization certificate 2"


def write_certificate(
    path: str | os.PathLike[str],
    certificate: Certificate,
    network: ReLUNetwork,
    points: Any,
    labels: Any,
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
        ValueError: if the certificate is not of this network and these points, is not as it was made, is of radius 0,
            or of balls that are cut off or have a radius for each coordinate.
    """
    if not all(part is None for part in (certificate.radii, certificate.low, certificate.high)):
        raise ValueError(
            "a certificate file needs whole balls of one radius, got balls that are cut off, or a radius for each "
            "coordinate: `certify` without low and high and with one radius"
        )
    write_claims(path, certificate, network, network_digest(network), points, labels, indicators)


def write_claims(
    path: str | os.PathLike[str],
    certificate: Certificate,
    network: Any,
    digest: str,
    points: Any,
    labels: Any,
    indicators: tuple[int, ...] = (),
) -> None:
    """`write_certificate`, for a network of floats or of integers, whose digest is given."""
    written, codes = _as_written(network, points, labels)
    if len(certificate.status) != len(written):
        raise ValueError(
            f"a certificate file needs one point and label a record, got {len(certificate.status)} records, "
            f"{len(written)} points and {len(codes)} labels"
        )
    if not certificate.radius > 0:
        raise ValueError(f"a certificate file needs balls of a radius > 0, got radius {certificate.radius}")
    if not certificate.is_of(network, points, labels):
        raise ValueError(
            "a certificate file needs the network, the points and the labels that the certificate was made of, and the "
            "certificate as it was made: one of them was changed since; certify again"
        )
    content: dict[str, Any] = {
        "format": FORMAT,
        "network": digest,
        "points": points_digest(written, codes),
        "radius": float(certificate.radius),
        "p": "inf" if np.isinf(certificate.p) else float(certificate.p),
        "arithmetic": certificate.arithmetic,
        "indicators": [int(width) for width in indicators],
        "records": certificate.records(),
    }
    content["digest"] = hashlib.sha256(_canonical(content)).hexdigest()
    with replacing(path) as partial:
        partial.write_bytes(_canonical(content))


def write_points(path: str | os.PathLike[str], network: Any, points: Any, labels: Any) -> None:
    """Write the centres of the balls and the network's own labels as the `.npz` file that the checker reads.

    Args:
        path: of the file.
        network: whose labels they are; of floats or of integers.
        points: shape (n, d), float64.
        labels: as given to `certify`; written as -1 and +1, or as numbers of outputs.
    """
    written, codes = _as_written(network, points, labels)
    with replacing(path) as partial, partial.open("wb") as stream:
        np.savez(stream, points=written, labels=codes)


def _as_written(network: Any, points: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    written, codes = read_labelled_points(points, labels, network.classes, network.inputs)
    return np.ascontiguousarray(written), np.ascontiguousarray(codes)


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
