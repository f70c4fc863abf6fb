"""Certificates of robustness on the training balls of any ReLU network, read from its weights."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from constructions.certificates.digests import network_digest, points_digest
from constructions.certificates.executed_intervals import FORMATS, executed_margin_bound
from constructions.certificates.guided_attack import Function
from constructions.certificates.rational_intervals import largest_float_at_most, rational_margin_bound
from constructions.certificates.witness import executed_witnesses, real_witnesses
from constructions.networks.network import ReLUNetwork
from constructions.samples.sample import read_labelled_points, shown
from constructions.samples.task import Task
from theory.arguments.read_only import restore
from theory.arguments.subnormals import check_subnormals
from theory.balls.relaxation import margin_lower_bound, read_ball
from theory.cluster import in_blocks
from theory.setting.losses import check_labels

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

# Balls whose bounds are computed together: always these, so that rounding does not depend on who computes them.
_BALLS = 1024
# Linear relaxation carries a dense matrix per ball through every layer.
_LINEAR_LIMIT = 300_000


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
        method: what gave the bound, per point: "interval", "linear", "structure".
        arithmetic: what it speaks of, a key of `ARITHMETICS`. For "float64" and "float32" the inputs are the vectors
            of that format in the real balls, and margins are differences of computed outputs.
        counterexamples: for each refuted point the adversarial example: in the ball exactly, and surely an error.
        seconds: time of bound and attack, per point, an equal share for points treated together.
        misclassified: the points that are surely misclassified themselves.
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
    seal: str = field(init=False, default="", repr=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(s)} {s}" for s in (CERTIFIED, REFUTED, UNDECIDED))
        return f"<Certificate: {counts}, l_{self.p:g}, radius {self.radius:g}, {self.arithmetic}>"

    def is_of(self, network: ReLUNetwork, points: Any, labels: Any) -> bool:
        """Whether it was made of these, and neither they nor the certificate were changed since.

        A certificate put together by hand, or by `dataclasses.replace`, is of nothing.
        """
        check_subnormals("a comparison")
        try:
            points, codes = read_labelled_points(points, labels, network.classes, network.inputs)
        except ValueError:
            return False
        return self.seal == _seal(self, network, points, codes)

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
        zeros = sum(1 for i in self.counterexamples if self.upper[i] == 0)
        ties = f" ({zeros} of the refuted because f = 0, which is an error for every label)" if zeros else ""
        return (
            f"{counts} of {len(self.status)} balls, l_{self.p:g}, radius {self.radius:g}{ties}; "
            f"clean error {self.clean_error:.4g}; "
            f"{low:.4g} <= adversarial error <= {high:.4g}; by {methods}, for {ARITHMETICS[self.arithmetic]}"
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
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict())


def _finite(value: np.floating[Any]) -> float | None:
    return float(value) if np.isfinite(value) else None


def _seal(
    certificate: Certificate, network: ReLUNetwork, points: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]
) -> str:
    """Of every bit that claims something: not the seconds."""
    c = certificate
    seal = hashlib.sha256(repr((c.radius, c.p, c.arithmetic, sorted(c.misclassified))).encode())
    seal.update(repr((c.status.tolist(), c.method.tolist(), sorted(c.counterexamples))).encode())
    for array in (c.lower, c.upper, *(c.counterexamples[i] for i in sorted(c.counterexamples))):
        seal.update(repr((array.dtype.str, array.shape)).encode() + np.ascontiguousarray(array).tobytes())
    seal.update((network_digest(network) + points_digest(points, labels)).encode())
    return seal.hexdigest()


def certify(
    network: ReLUNetwork,
    points: Any,
    labels: Any,
    radius: Any,
    p: Any,
    *,
    arithmetic: str = "reals",
    seed: int = 0,
    client: Any = None,
) -> Certificate:
    """Sound bounds on the margin of any network on every ball `B_p(x_i, radius)`; an attack on the rest.

    Interval propagation first (for p = ∞ on the ball itself); over the reals then linear relaxation for balls
    that it leaves open and networks up to 300,000 parameters; then `guided_attack`. Nothing is known of how the
    network was made. A refutation is confirmed: its witness is in the ball exactly, and over the reals an error by a
    rigorous bound or exactly, under "float64" and "float32" of the executed network at a vector of that format. A ball
    on which numbers overflow is left undecided.

    Args:
        network: any `ReLUNetwork`.
        points: shape (n, d).
        labels: of `network.classes`; without these -1 and +1 for one output, else class numbers 0, …, outputs - 1.
        radius: of the balls, finite and >= 0; any number that float64 holds exactly.
        p: in [1, ∞], or "inf"; 1, 2 or ∞ for "rational".
        arithmetic: "reals", with float64 bounds that include their rounding; "rational", the same claim in exact
            arithmetic, for small networks; "float64" or "float32", the network as executed, see
            `constructions.certificates.executed_intervals`.
        seed: of the attack.
        client: a Dask client or the address of a scheduler, to compute the bounds on many machines, see
            `theory.cluster`; the balls that are left are attacked here.

    Raises:
        ValueError: for malformed arguments, or a network too large for exact arithmetic.
    """
    _check_arithmetic(arithmetic)
    if not isinstance(network, ReLUNetwork):
        raise ValueError(f"certify needs a ReLUNetwork, such as Memorizer.network, got {type(network).__name__}")
    radius, p = read_ball(radius, p)
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed must be a whole number >= 0, got {seed!r}")
    points, codes = read_labelled_points(points, labels, network.classes, network.inputs)
    started = time.perf_counter()
    balls = points, codes, radius, p
    lower, method = margin_bounds(network, *balls, arithmetic, client=client)
    seconds = (time.perf_counter() - started) / len(points)
    return decide(network, *balls, lower, method, arithmetic=arithmetic, seconds=seconds, seed=seed)


def certificate_of_task(
    network: ReLUNetwork,
    task: Task,
    bounds: Callable[[], tuple[Float[np.ndarray, " n"], Shaped[np.ndarray, " n"]]],
    arithmetic: str,
    *,
    function: Function | None = None,
) -> Certificate:
    """The certificate of a network on the balls of a task, by bounds of the construction's own.

    Args:
        network: that is certified.
        task: the balls.
        bounds: gives sound lower bounds of the margins, and which method gave each.
        arithmetic: of the claim, a key of `ARITHMETICS`.
        function: as for `decide`.

    Raises:
        ValueError: for another arithmetic, or labels that are none of the network.
    """
    _check_arithmetic(arithmetic)
    sample = task.sample
    check_labels(sample.codes, network.outputs)
    if network.classes not in (None, sample.classes):
        raise ValueError(
            f"the network needs the classes of the task, {shown(sample.classes)}, got {shown(network.classes)}: its "
            "outputs stand for other labels than those of the points"
        )
    started = time.perf_counter()
    lower, method = bounds()
    seconds = (time.perf_counter() - started) / len(lower)
    balls, shell = (sample.points, sample.codes, task.radius, task.p), task.shell
    return decide(
        network, *balls, lower, method, seconds=seconds, arithmetic=arithmetic, function=function, shell=shell
    )


def margin_bounds(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    codes: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    arithmetic: str,
    *,
    client: Any = None,
) -> tuple[Float[np.ndarray, " n"], Shaped[np.ndarray, " n"]]:
    """Sound lower bounds of the least margins of any network, and which method gave each; see `certify`."""
    starts = range(0, len(points), _BALLS)
    found = in_blocks(_block_bounds, (network, points, codes, radius, p, arithmetic), starts, client=client)
    return np.concatenate([lower for lower, _ in found]), np.concatenate([method for _, method in found])


def _block_bounds(shared: tuple[Any, ...], start: int) -> tuple[np.ndarray, np.ndarray]:
    network, points, codes, radius, p, arithmetic = shared
    rows = slice(start, start + _BALLS)
    balls = points[rows], codes[rows], radius, p
    if arithmetic == "reals":
        return real_margin_bounds(network, *balls)
    if arithmetic == "rational":
        exact = rational_margin_bound(network.layers, *balls)
        lower = np.array([largest_float_at_most(value) for value in exact])
    else:
        lower = executed_margin_bound(network.layers, *balls, arithmetic)
    return lower, np.full(len(lower), "interval", dtype="<U9")


def _check_arithmetic(arithmetic: Any) -> None:
    if not (isinstance(arithmetic, str) and arithmetic in ARITHMETICS):
        raise ValueError(f"arithmetic must be one of {', '.join(ARITHMETICS)}, got {arithmetic!r}")


def real_margin_bounds(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
) -> tuple[Float[np.ndarray, " n"], Shaped[np.ndarray, " n"]]:
    """Lower bounds of the least margins over the reals by intervals, then by linear relaxation, and which gave them."""
    lower = margin_lower_bound(network.layers, points, labels, radius, p, method="interval")
    method = np.full(len(points), "interval", dtype="<U9")
    still_open = np.flatnonzero(~(lower > 0))
    if len(still_open) and network.parameters <= _LINEAR_LIMIT:
        some = points[still_open], labels[still_open], radius, p
        lower[still_open], method[still_open] = margin_lower_bound(network.layers, *some, method="linear"), "linear"
    return lower, method


def decide(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    lower: Float[np.ndarray, " n"],
    method: Shaped[np.ndarray, " n"],
    *,
    seconds: float,
    arithmetic: str = "reals",
    function: Function | None = None,
    shell: float | None = None,
    seed: int = 0,
) -> Certificate:
    """The certificate for given sound lower bounds: balls without a positive one are attacked.

    Args:
        network: that the bounds are about.
        points: shape (n, d).
        labels: ±1 for one output, else class numbers.
        radius: of the balls.
        p: in [1, ∞].
        lower: the bounds.
        method: what gave them.
        seconds: time that they took, per point.
        arithmetic: of the claim, a key of `ARITHMETICS`.
        function: a quicker way to about the same values, for the attack to look for candidates.
        shell: as for `guided_attack`.
        seed: of the attack.
    """
    _check_arithmetic(arithmetic)
    check_subnormals("a certificate")
    radius, p = read_ball(radius, p)
    lower = np.where(np.isnan(lower), -np.inf, lower)
    status = np.where(lower > 0, CERTIFIED, UNDECIDED).astype("<U9")
    attacked = np.flatnonzero(status == UNDECIDED)
    upper, taken = np.full(len(points), np.inf), np.full(len(points), seconds)
    counterexamples: dict[int, np.ndarray] = {}
    misclassified: frozenset[int] = frozenset()
    started = time.perf_counter()
    if len(attacked):
        balls = points, labels, radius, p
        if arithmetic in FORMATS:
            found = executed_witnesses(network, *balls, attacked, arithmetic, seed=seed)
        else:
            found = real_witnesses(network, *balls, attacked, function=function, shell=shell, seed=seed)
        upper[attacked], misclassified = found.upper, frozenset(attacked[found.misclassified].tolist())
        refuted = found.upper <= 0
        status[attacked[refuted]] = REFUTED
        witnesses = zip(attacked[refuted].tolist(), found.where[refuted], strict=True)
        counterexamples = {i: x.copy() for i, x in witnesses}
        taken[attacked] += (time.perf_counter() - started) / len(attacked)
    for array in (status, lower, upper, method, taken, *counterexamples.values()):
        array.flags.writeable = False
    made = Certificate(radius, p, status, lower, upper, method, arithmetic, counterexamples, taken, misclassified)
    object.__setattr__(made, "seal", _seal(made, network, points, labels))
    return made
