"""`python proofs/twin.py NETWORK POINTS CERTIFICATE`: what the proved checker says of what `constructions.check` reads.

This only reads: it hands the arrays on to the program `twin` beside it, whose answers are theorems about the network,
the balls and the claims that it is given (`CheckerSound.certified_sound`). For p = inf and claims over the reals. The
exit codes are those of `constructions.check`.
"""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np

from constructions.check.files import network_digest, points_digest, read_certificate, read_network, read_points

TWIN = Path(__file__).resolve().parent / "twin"


def words(network: str, points: str, certificate: str) -> bytes:
    """The content of the three files in 8 bytes a number, as `twin.ml` reads them."""
    if not math.ulp(0.0) > 0:
        raise ValueError("this thread takes subnormal numbers for zero")
    layers, claims = read_network(network), read_certificate(certificate)
    centres, labels = read_points(points, layers[0].shape[1], layers[-1].shape[0])
    if claims["p"] != "inf" or claims["arithmetic"] not in ("reals", "rational"):
        raise ValueError(f"claims need p = inf and the reals, got {claims['p']} and {claims['arithmetic']}")
    if claims["network"] != network_digest(layers) or claims["points"] != points_digest(centres, labels):
        raise ValueError("the certificate is of another network or of other points")
    if len(claims["records"]) != len(centres):
        raise ValueError(f"there are {len(claims['records'])} records for {len(centres)} points")
    whole, real = "<i8", "<f8"
    parts = [np.array([len(layers)], whole)]
    for f in layers:
        parts += [np.array([f.shape[0], len(f.value)], whole), f.start.astype(whole), f.column.astype(whole)]
        parts += [f.value.astype(real), f.bias.astype(real)]
    parts += [np.array(centres.shape, whole), np.array([claims["radius"]], real), centres.astype(real)]
    # With one output the labels are -1 and 1, here 0 and 1.
    numbers = np.maximum(labels, 0).tolist()
    for label, record in zip(numbers, claims["records"], strict=True):
        claim, witness = record["lower"], record["witness"]
        if (record["status"] == "refuted") != (witness is not None):
            raise ValueError(f"refuted are those with a witness, got {record['status']} and {witness}")
        if witness is not None and len(witness) != centres.shape[1]:
            # More would be read as the claims about the next points.
            raise ValueError(f"witnesses have {centres.shape[1]} coordinates, got {len(witness)}")
        parts.append(np.array([label, record["status"] == "certified", claim is not None], whole))
        parts.append(np.array([] if claim is None else [claim], real))
        parts.append(np.array([witness is not None], whole))
        parts.append(np.array(witness or [], real))
    return b"".join(part.tobytes() for part in parts)


def main() -> int:
    """Asks the twin; its exit code."""
    try:
        given = words(*sys.argv[1:])
    except Exception as error:
        print(f"refused: {error}", file=sys.stderr)
        return 2
    return subprocess.run([str(TWIN)], input=given).returncode


if __name__ == "__main__":
    sys.exit(main())
