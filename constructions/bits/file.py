"""Certificates of integer networks as files that `constructions.check` checks again."""

import hashlib
import json
import os
from typing import Any

import numpy as np

from constructions.bits.certificate import ExactCertificate
from constructions.bits.network import IntegerNetwork
from constructions.certificates.digests import points_digest
from constructions.certificates.file import FORMAT
from constructions.networks.whole_file import replacing
from constructions.samples.sample import read_labelled_points


def write_integer_certificate(
    path: str | os.PathLike[str], certificate: ExactCertificate, network: IntegerNetwork, points: Any, labels: Any
) -> None:
    """Write the certificate of this network on these balls, in the form of `constructions.write_certificate`.

    Args:
        path: of the file.
        certificate: to be written.
        network: that it speaks of.
        points: centres of the balls.
        labels: as given to the builder.

    Raises:
        ValueError: if the certificate is not of these, as it was made.
    """
    if not certificate.is_of(network, points, labels):
        raise ValueError(
            "a certificate file needs the network, the points and the labels that the certificate was made of, and the "
            "certificate as it was made: one of them was changed since; certify again"
        )
    written, codes = read_labelled_points(points, labels, network.classes, network.inputs)
    content: dict[str, Any] = {
        "format": FORMAT,
        "network": network.digest,
        "points": points_digest(written, codes),
        "radius": float(certificate.radius),
        "p": "inf" if np.isinf(certificate.p) else float(certificate.p),
        "arithmetic": certificate.arithmetic,
        "indicators": [],
        "records": certificate.records(),
    }
    content["digest"] = hashlib.sha256(_canonical(content)).hexdigest()
    with replacing(path) as partial:
        partial.write_bytes(_canonical(content))


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
