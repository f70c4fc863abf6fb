"""Certificates of robustness on the training balls of any ReLU network, read from its weights."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from constructions.attack import Function, guided_attack, is_in_ball
from constructions.network import ReLUNetwork
from constructions.rational import fits_rational, rational_margin_bound, round_down
from constructions.rounding import FORMATS, ExecutedLayer, executed_layers, executed_margin_bound, run
from constructions.sample import read_points
from theory.losses import check_labels, margins
from theory.relaxation import form_lower_bounds, margin_forms, margin_lower_bound

CERTIFIED, REFUTED, UNDECIDED = "certified", "refuted", "undecided"

# What a certificate may speak of.
ARITHMETICS = {
    "reals": "the function of the network's float64 weights over the reals",
    "rational": "the function of the network's float64 weights over the reals, in exact arithmetic",
    "float64": "the network as executed in float64, in any order of summation",
    "float32": "the network as executed in float32 with its weights rounded to it, in any order of summation",
}

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
        upper: the margin at the worst point that an attack found; infinite where none was run.
        method: what gave the bound, per point: "interval", "linear", "structure".
        arithmetic: what it speaks of, a key of `ARITHMETICS`. For "float64" and "float32" the inputs are the vectors
            of that format in the real balls, and margins are differences of computed outputs.
        counterexamples: for each refuted point the adversarial example.
        seconds: time of bound and attack, per point, an equal share for points treated together.
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

    def count(self, status: str) -> int:
        """Number of points with the given status."""
        return int(np.sum(self.status == status))

    @property
    def certified(self) -> Bool[np.ndarray, " n"]:
        return np.asarray(self.status == CERTIFIED)

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
            "error_bracket": list(self.error_bracket),
            "status": self.status.tolist(),
            "lower": [_finite(v) for v in self.lower],
            "upper": [_finite(v) for v in self.upper],
            "method": self.method.tolist(),
            "seconds": [_finite(v) for v in self.seconds],
            "counterexamples": {str(i): x.tolist() for i, x in self.counterexamples.items()},
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict())


def _finite(value: np.floating[Any]) -> float | None:
    return float(value) if np.isfinite(value) else None


def certify(
    network: ReLUNetwork,
    points: Any,
    labels: Any,
    radius: float,
    p: float,
    *,
    arithmetic: str = "reals",
    seed: int = 0,
) -> Certificate:
    """Sound bounds on the margin of any network on every ball `B_p(x_i, radius)`; an attack on the rest.

    Interval propagation first (for p = ∞ on the ball itself); over the reals then linear relaxation for balls
    that it leaves open and networks up to 300,000 parameters; then `guided_attack`. Nothing is known of how the
    network was made. A refutation is confirmed: over the reals by a rigorous bound or exactly, under "float64" and
    "float32" by the executed network at a vector of that format, which must lie in the real ball.

    Args:
        network: any `ReLUNetwork`.
        points: shape (n, d).
        labels: -1 and +1 for one output, else class numbers 0, …, outputs - 1, as `Memorizer.sample.codes`.
        radius: of the balls, > 0.
        p: in [1, ∞]; 1, 2 or ∞ for "rational".
        arithmetic: "reals", with float64 bounds that include their rounding; "rational", the same claim in exact
            arithmetic, for small networks; "float64" or "float32", the network as executed, see
            `constructions.rounding`.
        seed: of the attack.

    Raises:
        ValueError: for malformed arguments, or a network too large for exact arithmetic.
    """
    if arithmetic not in ARITHMETICS:
        raise ValueError(f"arithmetic must be one of {', '.join(ARITHMETICS)}, got {arithmetic!r}")
    if not isinstance(network, ReLUNetwork):
        raise ValueError(f"certify needs a ReLUNetwork, such as Memorizer.network, got {type(network).__name__}")
    points, labels = read_points(points, network.inputs), _read_codes(labels)
    if labels.shape != (len(points),):
        raise ValueError(f"labels must hold one label a point, got {len(points)} points and shape {labels.shape}")
    check_labels(labels, network.outputs)
    started = time.perf_counter()
    method = np.full(len(points), "interval", dtype="<U9")
    if arithmetic in FORMATS:
        lower = executed_margin_bound(network.layers, points, labels, radius, p, arithmetic)
    elif arithmetic == "rational":
        exact = rational_margin_bound(network.layers, points, labels, radius, p)
        lower = np.array([round_down(value) for value in exact])
    else:
        lower = margin_lower_bound(network.layers, points, labels, radius, p, method="interval")
    seconds = np.full(len(points), (time.perf_counter() - started) / len(points))
    still_open = np.flatnonzero(~(lower > 0))
    if arithmetic == "reals" and len(still_open) and network.parameters <= _LINEAR_LIMIT:
        started = time.perf_counter()
        linear = margin_lower_bound(network.layers, points[still_open], labels[still_open], radius, p, method="linear")
        lower[still_open], method[still_open] = linear, "linear"
        seconds[still_open] += (time.perf_counter() - started) / len(still_open)
    if arithmetic in FORMATS:
        return decide_executed(
            network, points, labels, radius, p, lower, method, arithmetic, seconds=seconds, seed=seed
        )
    found = decide(network, points, labels, radius, p, lower, method, seconds=seconds, seed=seed)
    found = _confirmed(found, lambda i, x: x if _is_error(network, x, int(labels[i])) else None)
    return replace(found, arithmetic=arithmetic)


def decide_executed(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    lower: Float[np.ndarray, " n"],
    method: Shaped[np.ndarray, " n"],
    arithmetic: str,
    *,
    seconds: Float[np.ndarray, " n"] | float,
    seed: int = 0,
) -> Certificate:
    """`decide` for the executed network: a witness is a vector of the format in the ball that its run misclassifies."""
    layers = executed_layers(network.layers, arithmetic)
    found = decide(partial(_answer, layers), points, labels, radius, p, lower, method, seconds=seconds, seed=seed)
    found = _confirmed(found, lambda i, x: _executed_error(layers, x, points[i], int(labels[i]), radius, p))
    return replace(found, arithmetic=arithmetic)


def _read_codes(labels: Any) -> Int[np.ndarray, " n_labels"]:
    codes = np.asarray(labels)
    if codes.dtype.kind == "f" and np.array_equal(codes, np.rint(codes)):
        codes = codes.astype(np.int64)
    if codes.dtype.kind not in "iu" or codes.ndim != 1:
        raise ValueError(
            f"labels must be -1 and +1 or class numbers, shape (n,), got {codes.dtype} of shape {codes.shape}: "
            "Memorizer.sample.codes has them for other classes"
        )
    return codes.astype(np.int64)


def decide(
    function: Function,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    lower: Float[np.ndarray, " n"],
    method: Shaped[np.ndarray, " n"],
    *,
    seconds: Float[np.ndarray, " n"] | float,
    shell: float | None = None,
    seed: int = 0,
) -> Certificate:
    """The certificate for given sound lower bounds: balls without a positive one are attacked.

    `seconds`: time that the bounds took, per point.
    """
    status = np.where(lower > 0, CERTIFIED, UNDECIDED).astype("<U9")
    upper = np.full(len(points), np.inf)
    counterexamples = {}
    attacked = np.flatnonzero(status == UNDECIDED)
    taken = np.zeros(len(points)) + seconds
    started = time.perf_counter()
    worst, where = guided_attack(function, points, labels, radius, p, indices=attacked, shell=shell, seed=seed)
    upper[attacked] = worst
    taken[attacked] += (time.perf_counter() - started) / max(1, len(attacked))
    for i, margin, x in zip(attacked, worst, where, strict=True):
        if margin <= 0:
            status[i] = REFUTED
            counterexamples[int(i)] = x
    return Certificate(radius, p, status, lower, upper, method, "reals", counterexamples, taken)


def _confirmed(found: Certificate, witness: Callable[[int, np.ndarray], np.ndarray | None]) -> Certificate:
    """The refutations that hold in the arithmetic of the certificate; the others become undecided."""
    witnesses = {i: witness(i, x) for i, x in found.counterexamples.items()}
    status = found.status.copy()
    status[[i for i, x in witnesses.items() if x is None]] = UNDECIDED
    return replace(found, status=status, counterexamples={i: x for i, x in witnesses.items() if x is not None})


def _is_error(network: ReLUNetwork, x: np.ndarray, label: int) -> bool:
    """Whether the margin at x is surely <= 0 over the reals."""
    forms = -margin_forms(label, network.outputs)
    if (form_lower_bounds(network.layers, x[None], 0.0, np.inf, forms, method="interval") >= 0).any():
        return True
    if not fits_rational(network.layers, 1):
        return False
    return rational_margin_bound(network.layers, x[None], np.array([label]), 0.0, np.inf)[0] <= 0


def _answer(layers: tuple[ExecutedLayer, ...], x: np.ndarray) -> np.ndarray:
    """The executed network in float64 numbers; 0, an error, where it overflows and has no answer."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        values = run(layers, x).astype(np.float64)
    return np.where(np.isfinite(values).all(axis=1, keepdims=True), values, 0.0)


def _executed_error(
    layers: tuple[ExecutedLayer, ...], x: np.ndarray, centre: np.ndarray, label: int, radius: float, p: float
) -> np.ndarray | None:
    """A vector of the format next to x, in the ball, which the executed network misclassifies, or None."""
    near = x.astype(layers[0].bias.dtype)
    outward = np.abs(near.astype(np.float64) - centre) > np.abs(x - centre)
    inner = np.where(outward, np.nextafter(near, centre.astype(near.dtype)), near)
    for vector in (near, inner):
        exact = vector.astype(np.float64)
        if margins(_answer(layers, exact[None]), np.array([label]))[0] <= 0 and is_in_ball(exact, centre, radius, p):
            return exact
    return None
