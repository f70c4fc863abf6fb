"""What Theorem 3.3 (repaired) says more: the network equals `f_adv` off the shells."""

import math

import numpy as np

from constructions.certificates.any_network import certify
from constructions.networks.network import ReLUNetwork
from constructions.suite.ball_checks import INSIDE, require_at_points, require_on_rim, rim
from constructions.suite.failure import CheckFailed, NotChecked, described, require
from constructions.suite.strategies import Instance
from constructions.suite.trials import Trials


def no_point_is_forgotten(trials: Trials) -> None:
    """Against a clean classifier that is wrong there, only memory gives a point its label: margin 1 or more."""
    for built in trials.all_opposed():
        require_at_points(built, ">= 1")


def margin_is_one_on_balls(trials: Trials) -> None:
    """On the whole ball `f̂ = f_adv`, so its margin is 1 or more: fails when the indicator is 1 on less."""
    for built in trials.all_built():
        require_on_rim(built, trials.seed, ">= 1")


def ramp_ends_within_the_shell(trials: Trials) -> None:
    """Beyond every shell `f̂ = f_clean`: fails when the ramp is too wide."""
    found = False
    for built in trials.all_built():
        instance = built.instance
        reach = instance.radius + instance.shell
        x, owner = rim(instance, reach * (1 + 1e-9), trials.seed)
        beyond = distances(instance, x).min(axis=1) >= reach
        low, high = instance.points.min(axis=0), instance.points.max(axis=0)
        inside = np.all((x >= np.minimum(low, 0)) & (x <= np.maximum(high, 1)), axis=1)
        x, owner = x[beyond & inside], owner[beyond & inside]
        if not len(x):
            continue
        found = True
        expected = instance.clean(x)
        off = np.abs(built.values(x).reshape(expected.shape) - expected).max(axis=1)
        k = int(off.argmax())
        if not off[k] <= 1e-9 * (1 + np.abs(expected).max()):
            distance = np.linalg.norm(x[k] - instance.points[owner[k]], instance.p)
            raise CheckFailed(
                f"point {owner[k]}, at distance {distance:.6g}, beyond radius + shell = {reach:.6g} in "
                f"l_{instance.p:g}: off f_clean by {off[k]:.6g}, needs 0",
                described(instance, x=x[k]),
                point=int(owner[k]),
                x=x[k],
            )
    if not found:
        raise NotChecked("no sample has room beyond its shells")


def clean_classifier_is_locked_out(trials: Trials) -> None:
    """Where an indicator is 1 the clean classifier must not show: fails when the gate's bound is too small."""
    for built in trials.all_opposed():
        instance = built.instance
        x, owner = rim(instance, instance.radius * INSIDE, trials.seed)
        x, owner = np.concatenate([x, instance.points]), np.concatenate([owner, np.arange(len(instance.points))])
        largest = np.abs(built.values(x)).max(axis=1)
        k, most = int(largest.argmax()), len(instance.points)
        if not largest[k] <= most * (1 + 1e-9):
            distance = np.linalg.norm(x[k] - instance.points[owner[k]], instance.p)
            raise CheckFailed(
                f"point {owner[k]}, at distance {distance:.6g} of radius {instance.radius:.6g} in l_{instance.p:g}: an "
                f"output of {largest[k]:.6g}, needs at most {most}, the number of points; f_clean shows",
                described(instance, x=x[k]),
                point=int(owner[k]),
                x=x[k],
            )


def interval_bounds_certify_it(trials: Trials) -> None:
    """Sound bounds from the weights alone, for p = ∞; for builders that give a `ReLUNetwork`."""
    found = False
    for built in trials.all_built():
        instance = built.instance
        if math.isinf(instance.p) and isinstance(built.network, ReLUNetwork):
            found = True
            certificate = certify(built.network, instance.points, instance.labels, instance.radius, math.inf)
            require(certificate.certified.all(), " ".join(str(certificate).split()))
    if not found:
        raise NotChecked("for p = ∞ and a ReLUNetwork")


def distances(instance: Instance, x: np.ndarray) -> np.ndarray:
    """l_p distances from each x to each point, shape (k, n)."""
    return np.asarray(np.linalg.norm(x[:, None] - instance.points[None], instance.p, axis=2))
