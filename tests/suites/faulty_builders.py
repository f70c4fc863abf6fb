"""Builders for `pytest --memorizer tests.suites.faulty_builders:NAME`: one right, five subtly wrong.

Each takes the arguments of `robust_memorizer` and returns a network with the right shape and the right answer at
almost every point.
"""

from typing import Any

import numpy as np

from constructions import ReLUNetwork, indicators, robust_memorizer
from constructions.pieces.assembly import memorizing_network


def right(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return robust_memorizer(points, labels, **options).network


def radius_too_small(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, radius=0.9, shell=0.5)


def ramp_too_wide(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, shell=1.6)


def sign_flipped(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, flipped=True)


def point_forgotten(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, forgotten=True)


def lock_too_weak(points: Any, labels: Any, **options: Any) -> ReLUNetwork:
    return _assembled(points, labels, options, bound=2.0**-10)


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
