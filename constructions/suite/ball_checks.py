"""What every memorizer claims: no point of a ball is misclassified."""

import math

import numpy as np

from constructions.certificates.any_network import certify
from constructions.certificates.guided_attack import guided_attack
from constructions.networks.network import ReLUNetwork
from constructions.suite.building import Built
from constructions.suite.failure import CheckFailed, NotChecked, described, require, require_margins
from constructions.suite.samples import scaled, scaled_instances
from constructions.suite.strategies import Instance
from constructions.suite.trials import Trials

# Just inside the ball: the points are rounded.
INSIDE = 1 - 1e-9


def arguments_are_left_alone(trials: Trials) -> None:
    """Fails when the builder writes into the points or labels of its caller."""
    for built in trials.all_built():
        require(not built.changed, "the builder wrote into the points or labels that it was given")


def every_point_has_its_label(trials: Trials) -> None:
    """Fails when a sign is flipped, or classes are taken for others."""
    for built in trials.all_built():
        require_at_points(built, "> 0")


def radius_is_reached(trials: Trials) -> None:
    """Fails when the balls are smaller than asked for, or of another norm."""
    for built in trials.all_built():
        require_on_rim(built, trials.seed, "> 0")


def no_ball_holds_an_error(trials: Trials) -> None:
    """Fails when the guided attack finds a misclassified point of a ball."""
    for built in trials.all_built():
        instance = built.instance
        ball = instance.radius, instance.p
        worst, where = guided_attack(
            built.values, instance.points, built.codes, *ball, shell=instance.shell, seed=trials.seed
        )
        require_margins(instance, where, np.arange(len(worst)), worst, "> 0")


def no_ball_is_refuted(trials: Trials) -> None:
    """Fails when the function over the reals, which no run computes, is wrong on a ball; for a `ReLUNetwork`."""
    found = False
    for built in trials.all_built():
        if isinstance(built.network, ReLUNetwork):
            found = True
            instance = built.instance
            certificate = certify(built.network, instance.points, instance.labels, instance.radius, instance.p)
            refuted = np.flatnonzero(certificate.status == "refuted")
            if len(refuted):
                i = int(refuted[0])
                raise CheckFailed(
                    f"point {i} (label {instance.labels[i]}): its ball of radius {instance.radius:.6g} in "
                    f"l_{instance.p:g} is refuted over the reals, margin at most {certificate.upper[i]:.6g}, needs > 0",
                    described(instance),
                    point=i,
                )
    if not found:
        raise NotChecked("the builder gives no ReLUNetwork: there are no weights")


def every_scale_is_right(trials: Trials) -> None:
    """Fails when squares overflow or vanish, or a tolerance is absolute: the theorem knows no unit.

    A builder may refuse a scale, by a ValueError.
    """
    refused = []
    scales = scaled_instances(trials.norms)
    for instance, factor in scales:
        x, owner = rim(instance, instance.radius * INSIDE, trials.seed)
        x, owner = np.concatenate([x, instance.points]), np.concatenate([owner, np.arange(len(instance.points))])
        there = scaled(instance, factor)
        # What overflows on the way is the builder's own affair, if it comes out right.
        with np.errstate(all="ignore"):
            try:
                built = trials.try_one(there, (ValueError,))
            except NotChecked as error:
                refused.append(str(error))
                continue
            margins = built.margins(x * factor, owner)
        require_margins(there, x * factor, owner, margins, "> 0")
    if len(refused) == len(scales):
        raise NotChecked(f"every scale was {refused[0]}" if refused else "for p = 1, 2 and ∞")


def require_at_points(built: Built, least: str) -> None:
    """Every point has a margin of "> 0", or ">= 1"."""
    owner = np.arange(len(built.instance.points))
    margins = built.margins(built.instance.points, owner)
    require_margins(built.instance, built.instance.points, owner, margins, least)


def require_on_rim(built: Built, seed: int, least: str) -> None:
    """So have the points just inside the rim of every ball."""
    x, owner = rim(built.instance, built.instance.radius * INSIDE, seed)
    require_margins(built.instance, x, owner, built.margins(x, owner), least)


def rim(instance: Instance, reach: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """For every point: points at l_p distance `reach`, along axes, diagonals and towards the other points.

    Returns them with the index of the point they belong to.
    """
    rng = np.random.default_rng(seed)
    dim = instance.points.shape[1]
    axes = np.concatenate([np.eye(dim), -np.eye(dim)])
    diagonals = rng.choice([-1.0, 1.0], (4, dim)) / (1 if math.isinf(instance.p) else dim ** (1 / instance.p))
    tried, owner = [], []
    for i, x in enumerate(instance.points):
        towards = instance.points - x
        length = np.linalg.norm(towards, instance.p, axis=1)
        towards = towards[length > 0] / length[length > 0, None]
        steps = np.concatenate([axes, diagonals, towards])
        tried.append(x + reach * steps)
        owner.append(np.full(len(steps), i))
    return np.concatenate(tried), np.concatenate(owner)
