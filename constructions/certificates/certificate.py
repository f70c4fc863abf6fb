"""What is known of every ball around the points of a sample: certified, refuted or undecided."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from constructions.certificates.digests import network_digest, points_digest
from constructions.networks.network import ReLUNetwork
from constructions.networks.reading import read_network
from constructions.samples.sample import read_labelled_points
from theory.arguments.read_only import restore
from theory.arguments.subnormals import check_subnormals
from theory.balls.prepared import Prepared

CERTIFIED, REFUTED, UNDECIDED = "certified", "refuted", "undecided"

# How a network may be executed; a narrower format inside makes it another network.
_ANY_RUN = "in any order of summation, fused or not, subnormals kept or taken for zero, nothing in bfloat16 or the like"
# What a certificate may speak of.
ARITHMETICS = {
    "reals": "the function of the network's float64 weights over the reals",
    "rational": "the function of the network's float64 weights over the reals, in exact arithmetic",
    "float64": f"the network as executed in float64, {_ANY_RUN}",
    "float32": f"the network as executed in float32 with its weights rounded to it, {_ANY_RUN}",
}


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is known of every ball `B_p(x_i, radius)`.

    Attributes:
        radius: of the balls.
        p: of the norm.
        status: "certified" (a sound bound shows the margin positive on the whole ball), "refuted" (a point of
            the ball with margin <= 0 is known) or "undecided", per point.
        lower: sound lower bound on the least margin over the ball, per point.
        upper: an upper bound of the least margin over the ball: of the margin at the worst point of it that an attack
            found (over the reals rounded up, else as executed); infinite where no attack was run.
        method: what gave the bound, per point: "interval", "linear", "slopes", "splitting", "structure"; by `certify`,
            of a refuted ball what refuted it: "attack", "splitting".
        arithmetic: what it speaks of, a key of `ARITHMETICS`. For "float64" and "float32" the inputs are the vectors
            of that format in the real balls, and margins are differences of computed outputs.
        counterexamples: for each refuted point the adversarial example: in the ball exactly, and surely an error.
        seconds: time of bound and attack, per point, an equal share for points treated together.
        misclassified: the points that are surely misclassified themselves.
        radii: for p = ∞ a radius for each coordinate, shape (d,) or (n, d), where not all are `radius`, the greatest.
        low, high: ends of the box that cuts the balls off, numbers or arrays; None for whole balls.
        untried: for undecided points which step was not tried, or not to its end, and why.
        seal: digest of all this and of the network, the points and the labels, see `is_of`.
    """

    radius: float
    p: float
    status: Shaped[np.ndarray, " n"]
    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]
    method: Shaped[np.ndarray, " n"]
    arithmetic: str
    counterexamples: Mapping[int, np.ndarray]
    seconds: Float[np.ndarray, " n"]
    misclassified: frozenset[int] = frozenset()
    radii: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    untried: Mapping[int, str] = field(default_factory=dict)
    seal: str = field(init=False, default="", repr=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(s)} {s}" for s in (CERTIFIED, REFUTED, UNDECIDED))
        return f"<Certificate: {counts}, l_{self.p:g}, radius {self.radius:g}, {self.arithmetic}>"

    def is_of(self, network: Any, points: Any, labels: Any) -> bool:
        """Whether it was made of these, and neither they nor the certificate were changed since.

        A certificate put together by hand, or by `dataclasses.replace`, is of nothing.
        """
        check_subnormals("a comparison")
        network = read_network(network)
        try:
            points, codes = read_labelled_points(points, labels, network.classes, network.inputs)
        except ValueError:
            return False
        return self.seal == _seal(self, network_digest(network), points, codes)

    def count(self, status: str) -> int:
        """Number of points with the given status."""
        return int(np.sum(self.status == status))

    @property
    def certified(self) -> Bool[np.ndarray, " n"]:
        return np.asarray(self.status == CERTIFIED)

    @property
    def clean_error(self) -> float:
        """Share of the points that are surely misclassified themselves."""
        return len(self.misclassified) / len(self.status)

    @property
    def error_bracket(self) -> tuple[float, float]:
        """Bounds on the adversarial training error: refuted points, and all that are not certified."""
        size = len(self.status)
        return self.count(REFUTED) / size, 1 - self.count(CERTIFIED) / size

    def __str__(self) -> str:
        low, high = self.error_bracket
        counts = ", ".join(f"{self.count(s)} {s}" for s in (CERTIFIED, REFUTED, UNDECIDED))
        methods = ", ".join(sorted(set(self.method.tolist())))
        cut = "" if self.low is None and self.high is None else f", cut off at {_ends(self.low)} and {_ends(self.high)}"
        each = "" if self.radii is None else " at most, one for each coordinate"
        left = Counter(self.untried.values())
        untried = "".join(f"; of {count} undecided: {why}" for why, count in sorted(left.items()))
        zeros = sum(1 for i in self.counterexamples if self.upper[i] == 0)
        ties = f" ({zeros} of the refuted because f = 0, which is an error for every label)" if zeros else ""
        return (
            f"{counts} of {len(self.status)} balls, l_{self.p:g}, radius {self.radius:g}{each}{cut}{ties}; "
            f"clean error {self.clean_error:.4g}; "
            f"{low:.4g} <= adversarial error <= {high:.4g}; by {methods}, for {ARITHMETICS[self.arithmetic]}{untried}"
        )

    def records(self) -> list[dict[str, Any]]:
        """One record a point, of plain values: status, lower (None for -inf), method, arithmetic, seconds, witness."""
        return [
            {
                "status": str(self.status[i]),
                "lower": _finite(self.lower[i]),
                "method": str(self.method[i]),
                "arithmetic": self.arithmetic,
                "seconds": _finite(self.seconds[i]),
                "witness": self.counterexamples[i].tolist() if i in self.counterexamples else None,
            }
            for i in range(len(self.status))
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, for JSON; infinities become None."""
        return {
            "radius": self.radius,
            "p": "inf" if np.isinf(self.p) else self.p,
            "arithmetic": self.arithmetic,
            "certified": self.count(CERTIFIED),
            "refuted": self.count(REFUTED),
            "undecided": self.count(UNDECIDED),
            "clean_error": self.clean_error,
            "error_bracket": list(self.error_bracket),
            "status": self.status.tolist(),
            "lower": [_finite(v) for v in self.lower],
            "upper": [_finite(v) for v in self.upper],
            "method": self.method.tolist(),
            "seconds": [_finite(v) for v in self.seconds],
            "misclassified": sorted(self.misclassified),
            "counterexamples": {str(i): x.tolist() for i, x in self.counterexamples.items()},
            "untried": {str(i): why for i, why in self.untried.items()},
            **{
                name: np.asarray(v).tolist()
                for name in ("radii", "low", "high")
                if (v := getattr(self, name)) is not None
            },
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict())


def _finite(value: np.floating[Any]) -> float | None:
    return float(value) if np.isfinite(value) else None


def _ends(ends: np.ndarray | None) -> str:
    if ends is None:
        return "no end"
    return f"{float(ends):g}" if ends.ndim == 0 else f"ends of shape {ends.shape}"


def _seal(
    certificate: Certificate, network: str, points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]
) -> str:
    """Of every bit that claims something: not the seconds."""
    c = certificate
    seal = hashlib.sha256(repr((c.radius, c.p, c.arithmetic, sorted(c.misclassified))).encode())
    seal.update(repr((c.status.tolist(), c.method.tolist(), sorted(c.counterexamples))).encode())
    region = [(a.shape, a.tolist()) if a is not None else None for a in (c.radii, c.low, c.high)]
    if any(region):
        seal.update(repr(region).encode())
    for array in (c.lower, c.upper, *(c.counterexamples[i] for i in sorted(c.counterexamples))):
        seal.update(repr((array.dtype.str, array.shape)).encode() + np.ascontiguousarray(array).tobytes())
    seal.update((network + points_digest(points, labels)).encode())
    return seal.hexdigest()


def assembled_certificate(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    *,
    lower: Float[np.ndarray, " n"],
    upper: Float[np.ndarray, " n"],
    method: Shaped[np.ndarray, " n"],
    seconds: Float[np.ndarray, " n"],
    counterexamples: Mapping[int, np.ndarray],
    layers: Sequence[Prepared] | None = None,
    **others: Any,
) -> Certificate:
    """The certificate of these findings, read-only and sealed.

    Args:
        network, points, labels: of which it is.
        lower, upper, method, seconds, counterexamples: as of `Certificate`.
        layers: of the network, prepared, where the findings are about these.
        others: its other attributes.
    """
    status = np.where(lower > 0, CERTIFIED, UNDECIDED).astype("<U9")
    status[list(counterexamples)] = REFUTED
    arrays: dict[str, Any] = {"status": status, "lower": lower, "upper": upper, "method": method, "seconds": seconds}
    examples = {i: x.copy() for i, x in sorted(counterexamples.items())}
    for array in (*arrays.values(), *examples.values(), *(others.get(name) for name in ("radii", "low", "high"))):
        if array is not None:
            array.flags.writeable = False
    made = Certificate(**arrays, counterexamples=examples, **others)
    object.__setattr__(made, "seal", _seal(made, network_digest(network, layers), points, labels))
    return made
