"""Certificates of robustness on the training balls of any ReLU network, read from its weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from constructions.attack import Function, guided_attack
from constructions.network import ReLUNetwork
from constructions.sample import read_points
from theory.losses import check_labels
from theory.relaxation import margin_lower_bound

CERTIFIED, REFUTED, UNDECIDED = "certified", "refuted", "undecided"

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
        arithmetic: what the bound speaks of.
        counterexamples: for each refuted point the adversarial example.
    """

    radius: float
    p: float
    status: Shaped[np.ndarray, " n"]
    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]
    method: Shaped[np.ndarray, " n"]
    arithmetic: str
    counterexamples: Mapping[int, np.ndarray]

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
            f"{low:.4g} <= adversarial error <= {high:.4g}; by {methods}, for {self.arithmetic}"
        )

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
            "lower": [float(v) if np.isfinite(v) else None for v in self.lower],
            "upper": [float(v) if np.isfinite(v) else None for v in self.upper],
            "method": self.method.tolist(),
            "counterexamples": {str(i): x.tolist() for i, x in self.counterexamples.items()},
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict())


REALS = "the function of the network's float64 weights over the reals"


def certify(
    network: ReLUNetwork, points: Any, labels: Int[np.ndarray, " n_labels"], radius: float, p: float, *, seed: int = 0
) -> Certificate:
    """Sound bounds on the margin of any network on every ball `B_p(x_i, radius)`; an attack on the rest.

    Interval propagation first (for p = ∞ on the ball itself), then linear relaxation for balls that it leaves
    open and networks up to 300,000 parameters, then `guided_attack`. Nothing is known of how the network
    was made.

    Args:
        network: any `ReLUNetwork`.
        points: shape (n, d).
        labels: -1 and +1 for one output, else class numbers 0, …, outputs - 1.
        radius: of the balls, > 0.
        p: in [1, ∞].
        seed: of the attack.
    """
    points = read_points(points, network.inputs)
    if labels.shape != (len(points),):
        raise ValueError(f"labels must hold one label a point, got {len(points)} points and shape {labels.shape}")
    check_labels(labels, network.outputs)
    lower = margin_lower_bound(network.layers, points, labels, radius, p, method="interval")
    method = np.full(len(points), "interval", dtype="<U9")
    still_open = np.flatnonzero(~(lower > 0))
    if len(still_open) and network.parameters <= _LINEAR_LIMIT:
        linear = margin_lower_bound(network.layers, points[still_open], labels[still_open], radius, p, method="linear")
        lower[still_open], method[still_open] = linear, "linear"
    return decide(network, points, labels, radius, p, lower, method, seed=seed)


def decide(
    function: Function,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    lower: Float[np.ndarray, " n"],
    method: Shaped[np.ndarray, " n"],
    *,
    shell: float | None = None,
    seed: int = 0,
) -> Certificate:
    """The certificate for given sound lower bounds: balls without a positive one are attacked."""
    status = np.where(lower > 0, CERTIFIED, UNDECIDED).astype("<U9")
    upper = np.full(len(points), np.inf)
    counterexamples = {}
    attacked = np.flatnonzero(status == UNDECIDED)
    worst, where = guided_attack(function, points, labels, radius, p, indices=attacked, shell=shell, seed=seed)
    upper[attacked] = worst
    for i, margin, x in zip(attacked, worst, where, strict=True):
        if margin <= 0:
            status[i] = REFUTED
            counterexamples[int(i)] = x
    return Certificate(radius, p, status, lower, upper, method, REALS, counterexamples)
