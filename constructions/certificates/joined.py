"""Certificates of some balls after the other as one of all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from constructions.certificates.certificate import Certificate, assembled_certificate
from constructions.networks.network import ReLUNetwork


def joined_certificate(
    parts: Sequence[Certificate],
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    **others: Any,
) -> Certificate:
    """One certificate of the balls of all parts.

    Args:
        parts: in the order of the points, of one network, one radius, one p and one arithmetic.
        network, points, labels: of which it is.
        others: `radii`, `low` and `high` of all balls.
    """
    starts = np.cumsum([0, *(len(part.lower) for part in parts)]).tolist()
    numbered = list(zip(starts, parts, strict=False))
    return assembled_certificate(
        network,
        points,
        labels,
        radius=parts[0].radius,
        p=parts[0].p,
        arithmetic=parts[0].arithmetic,
        lower=np.concatenate([part.lower for part in parts]),
        upper=np.concatenate([part.upper for part in parts]),
        method=np.concatenate([part.method for part in parts]),
        seconds=np.concatenate([part.seconds for part in parts]),
        counterexamples={start + i: x for start, part in numbered for i, x in part.counterexamples.items()},
        misclassified=frozenset(start + i for start, part in numbered for i in part.misclassified),
        untried={start + i: why for start, part in numbered for i, why in part.untried.items()},
        **others,
    )
