"""`python -m constructions.check NETWORK POINTS CERTIFICATE`: check a certificate file again, trusting nothing else.

The network is an `.npz` of layers, or a file of integer layers (`constructions.check.integers`), the points an `.npz`
with `points` and `labels`. Nothing else of the project is used: the digests are computed again, the bounds by interval
propagation of its own (`W = P - N` with P, N >= 0, float64 with rounding errors included; rational for "rational" and,
for small networks, wherever float64 leaves a claim open), for p = 1 and 2 with bounds of the indicators by distances
(`constructions.check.distances`), for p = 2 also by Lipschitz constants (`constructions.check.lipschitz`); the margins
at the witnesses in rational arithmetic or by running the network in its format, in three orders of summation. Exit code
0: every status and every lower bound confirmed. 1: some claim not confirmed, which is no proof that it is wrong: claims
by linear relaxation, those of points that are not memorized, and of indicators as executed for p = 1 and 2 may be
beyond these rules. 2: a file is unreadable, changed, or does not belong to the others. The outcome is printed as one
line of JSON.
"""

import json
import math
import sys
from collections.abc import Callable
from functools import partial

from constructions.check.claims import check
from constructions.check.files import network_digest, points_digest, read_certificate, read_network, read_points
from constructions.check.integers import check as check_integers
from constructions.check.integers import is_network as is_of_integers
from constructions.check.integers import read_network as read_integers

USAGE = "usage: python -m constructions.check NETWORK POINTS CERTIFICATE"
HELP = f"""{USAGE}

NETWORK       the .npz file that `memorizer.save` or `ReLUNetwork.save` wrote, or the JSON file of a network of integers
POINTS        the .npz file that `constructions.write_points` wrote
CERTIFICATE   the JSON file that `constructions.write_certificate` wrote

One line of JSON says how many claims are confirmed, and which are not.
exit code 0   every status and every lower bound is confirmed
          1   some claim is not, which is no proof that it is wrong
          2   a file is unreadable, changed, or does not belong to the others"""


def _read(path: str) -> tuple[Callable[..., list[str]], str, tuple[int, int]]:
    """Of the network in a file: what checks claims about it, its digest, its inputs and outputs."""
    if is_of_integers(path):
        integers, digest = read_integers(path)
        return partial(check_integers, layers=integers), digest, (integers[0].inputs, len(integers[-1].bias))
    layers = read_network(path)
    return partial(check, layers=layers), network_digest(layers), (layers[0].shape[1], layers[-1].shape[0])


def main(arguments: list[str] | None = None) -> int:
    """Check one file; the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given in (["--help"], ["-h"]):
        print(HELP)
        return 0
    if len(given) != 3:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        if not math.ulp(0.0) > 0:
            raise ValueError("this thread takes subnormal numbers for zero")
        certificate = read_certificate(given[2])
        check_claims, digest, sizes = _read(given[0])
        points, labels = read_points(given[1], *sizes)
        if certificate["network"] != digest:
            raise ValueError(f"the certificate is not of the network in {given[0]}")
        if certificate["points"] != points_digest(points, labels):
            raise ValueError(f"the certificate is not of the points in {given[1]}")
        if len(certificate["records"]) != len(points):
            raise ValueError(f"there are {len(certificate['records'])} records for {len(points)} points")
        failures = check_claims(certificate, points=points, labels=labels)
    except Exception as error:  # damaged archives fail in many ways, and each is a refusal
        print(f"refused: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"points": len(points), "confirmed": len(points) - len(failures), "not confirmed": failures}))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
