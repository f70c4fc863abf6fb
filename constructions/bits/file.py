"""Certificates of integer networks as files that `constructions.check` checks again."""

import os
from typing import Any

from constructions.bits.certificate import ExactCertificate
from constructions.bits.network import IntegerNetwork
from constructions.certificates.file import write_claims


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
        ValueError: if the certificate is not of these, is not as it was made, or is of radius 0.
    """
    write_claims(path, certificate, network, network.digest, points, labels)
