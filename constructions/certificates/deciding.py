"""Sound bounds of the margins on balls, and the certificate that they give with an attack on the rest."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from constructions.certificates.certificate import ARITHMETICS, Certificate, assembled_certificate
from constructions.certificates.decision import ALLOWED
from constructions.certificates.executed_intervals import FORMATS, executed_margin_bound
from constructions.certificates.guided_attack import Function
from constructions.certificates.rational_intervals import largest_float_at_most, rational_margin_bound
from constructions.certificates.witness import executed_witnesses, real_witnesses
from constructions.networks.network import ReLUNetwork
from constructions.samples.sample import shown
from constructions.samples.task import Task
from theory.arguments.subnormals import check_subnormals
from theory.balls.propagation import linear_cost
from theory.balls.relaxation import margin_lower_bound, read_ball
from theory.cluster import in_blocks
from theory.setting.losses import check_labels

# Balls whose bounds are computed together: always these, so that rounding does not depend on who computes them.
_BALLS = 1024


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
    check_arithmetic(arithmetic)
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


def check_arithmetic(arithmetic: Any) -> None:
    """Raise a ValueError unless a certificate can speak of this arithmetic."""
    if not (isinstance(arithmetic, str) and arithmetic in ARITHMETICS):
        raise ValueError(f"arithmetic must be one of {', '.join(ARITHMETICS)}, got {arithmetic!r}")


def real_margin_bounds(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
) -> tuple[Float[np.ndarray, " n"], Shaped[np.ndarray, " n"]]:
    """Lower bounds of the least margins over the reals by intervals, then by linear relaxation, and which gave them.

    Linear relaxation where it takes minutes at most for all balls that intervals leave open.
    """
    lower = margin_lower_bound(network.layers, points, labels, radius, p, method="interval")
    method = np.full(len(points), "interval", dtype="<U9")
    still_open = np.flatnonzero(~(lower > 0))
    if len(still_open) and linear_cost(network.layers) * len(still_open) <= ALLOWED:
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
    check_arithmetic(arithmetic)
    check_subnormals("a certificate")
    radius, p = read_ball(radius, p)
    lower = np.where(np.isnan(lower), -np.inf, lower)
    attacked = np.flatnonzero(~(lower > 0))
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
        counterexamples = found.examples(attacked)
        taken[attacked] += (time.perf_counter() - started) / len(attacked)
    return assembled_certificate(
        network,
        points,
        labels,
        radius=radius,
        p=p,
        lower=lower,
        upper=upper,
        method=method,
        seconds=taken,
        counterexamples=counterexamples,
        arithmetic=arithmetic,
        misclassified=misclassified,
    )
