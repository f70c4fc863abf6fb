"""Builders for the suite: right ones, and ten and more that are wrong in one way each.

The first five are wrong about `f_adv` and mostly right on the balls; the others are of the kinds that were found in
code that people wrote, and claim no more than to be right on all balls, or a certificate.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from constructions import Affine, ReLUNetwork, indicators, max_tree_memorizer, robust_memorizer
from constructions.pieces.assembly import memorizing_network
from constructions.suite import claims
from theory import AssumptionError


@claims(f_adv=True)
def right(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return robust_memorizer(points, labels, **options).network


@claims(f_adv=True)
def radius_too_small(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, radius=0.9, shell=0.5)


@claims(f_adv=True)
def ramp_too_wide(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, shell=1.6)


@claims(f_adv=True)
def sign_flipped(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, flipped=True)


@claims(f_adv=True)
def point_forgotten(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, forgotten=True)


@claims(f_adv=True)
def lock_too_weak(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, bound=2.0**-10)


def right_on_balls(points: Any, labels: Any, radius: Any, p: Any) -> ReLUNetwork:
    """Claims no more."""
    return robust_memorizer(points, labels, radius=radius, p=p, small="all").network


def classes_as_they_come(points: Any, labels: Any, radius: Any, p: Any) -> Any:
    """Outputs in the order in which the classes first occur."""
    order = list(dict.fromkeys(labels.tolist()))
    codes = np.array([order.index(label) for label in labels.tolist()])
    network = ReLUNetwork(right_on_balls(points, codes, radius, p).layers)
    return network if min(order) >= 0 else lambda x: np.diff(network(x)[:, np.argsort(order)])


def single_precision(points: Any, labels: Any, radius: Any, p: Any) -> ReLUNetwork:
    """Weights as torch keeps them."""
    built = right_on_balls(points, labels, radius, p)
    layers = (Affine(_single(f.weight), f.bias.astype(np.float32).astype(np.float64)) for f in built.layers)
    return ReLUNetwork(tuple(layers), built.classes)


def squares_vanish(points: Any, labels: Any, radius: Any, p: Any) -> Any:
    """The label of the nearest point, by squares of distances."""
    centres, codes = points.copy(), labels.copy()

    def nearest(x: np.ndarray) -> np.ndarray:
        steps = x[:, None] - centres[None]
        with np.errstate(over="ignore", under="ignore"):
            found = (steps**2).sum(axis=2) if p == 2 else np.linalg.norm(steps, p, axis=2)
        own = codes[found.argmin(axis=1)]
        return own.astype(np.float64) if codes.min() < 0 else np.eye(codes.max() + 1)[own]

    return nearest


def last_ball_left_out(points: Any, labels: Any, radius: Any, p: Any) -> Any:
    """A loop that ends a point early."""
    memorizer = robust_memorizer(points, labels, radius=radius, p=p, small="all")
    parts = indicators(
        points[:-1], radius, memorizer.task.shell, memorizer.low, np.asarray(memorizer.high), p=p, method="per_point"
    )
    return memorizing_network(parts.network, memorizer.task.sample.codes[:-1], memorizer.clean, memorizer.bound)


def always_euclidean(points: Any, labels: Any, radius: Any, p: Any) -> ReLUNetwork:
    """l_2 balls of the radius, whatever the norm is."""
    try:
        return robust_memorizer(points, labels, radius=radius, p=2, shell=radius / 64, small="all").network
    except AssumptionError:
        return right_on_balls(points, labels, radius, p)


def keeps_the_first(points: Any, labels: Any, radius: Any, p: Any) -> ReLUNetwork:
    """A cache whose key has the shape of the points, and not what they are."""
    key = points.shape, int(labels.max()), int(labels.min())
    if key not in _KEPT:
        _KEPT[key] = right_on_balls(points, labels, radius, p)
    return _KEPT[key]


_KEPT: dict[Any, ReLUNetwork] = {}


def scales_in_place(points: Any, labels: Any, radius: Any, p: Any) -> ReLUNetwork:
    """Centres the points of its caller."""
    network = right_on_balls(points, labels, radius, p)
    points -= points.mean(axis=0)
    return network


def absolute_tolerance(points: Any, labels: Any, radius: Any, p: Any) -> ReLUNetwork:
    """A shell that is never below 1e-9."""
    memorizer = robust_memorizer(points, labels, radius=radius, p=p, small="all")
    if memorizer.task.shell >= 1e-9:
        return memorizer.network
    return robust_memorizer(points, labels, radius=radius / 2, p=p, shell=memorizer.task.shell / 4).network


def nan_far_out(points: Any, labels: Any, radius: Any, p: Any) -> Any:
    """Not a number beyond half the radius, where a margin of NaN is not below 0."""
    network = right_on_balls(points, labels, radius, p)

    def spoilt(x: np.ndarray) -> np.ndarray:
        far = np.linalg.norm(x[:, None] - points[None], p, axis=2).min(axis=1) > radius / 2
        return np.where(far[:, None], math.nan, network(x))

    return spoilt


@claims(contract=True)
def stale_margins(points: Any, labels: Any, *, radius: Any, shell: Any = None) -> Any:
    """Certifies what it built, whatever it holds now."""
    built = max_tree_memorizer(points, labels, radius=radius, shell=shell)
    return replace(built, proof=lambda network, task, arithmetic: np.ones(len(points)))


def refuses_everything(points: Any, labels: Any, radius: Any, p: Any) -> Any:
    raise AssumptionError("the moon is full")


def _single(weight: Any) -> Any:
    return weight.astype(np.float32).astype(np.float64)


def _assembled(
    points: Any,
    labels: Any,
    options: dict[str, Any],
    *,
    radius: float = 1.0,
    shell: float = 1.0,
    bound: float = 1.0,
    flipped: bool = False,
    forgotten: bool = False,
) -> ReLUNetwork:
    """The right construction, with the radius, the shell or the lock scaled, or one point spoilt."""
    right = robust_memorizer(points, labels, **options)
    small, codes = right.small, right.task.sample.codes.copy()
    if flipped:
        codes[small[-1]] = (
            -codes[small[-1]] if right.clean.outputs == 1 else (codes[small[-1]] + 1) % right.clean.outputs
        )
    if forgotten:
        small = small[:-1]
    parts = indicators(
        right.task.sample.points[small],
        radius * right.task.radius,
        shell * right.task.shell,
        right.low,
        np.asarray(right.high),
        p=right.task.p,
        method="per_point",
    )
    return memorizing_network(parts.network, codes[small], right.clean, bound * right.bound)
