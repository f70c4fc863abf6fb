"""Sound bounds of a ReLU network over l_p balls and boxes: interval propagation and linear relaxation.

Everything returned here is a bound over the **real numbers** for the given float64 weights, centres and
radius, not for the floating-point evaluation of the network. It is computed in float64, and where it
only matters whether regions are right by linear relaxation in float32 first; every step widens its result by
a rigorous rounding bound `γ_k = k u / (1 - k u)`, `u = 2^-53` or `2^-24` (Higham, Accuracy and
Stability of Numerical Algorithms, section 3.1), which holds for any order of summation, and by what
underflow may cost. A bound that overflows becomes infinite, never wrong. The claim rests on IEEE
arithmetic in round-to-nearest (fused multiply-adds allowed) and, for p other than 1, 2 and infinity, on
a power function within 4 units in the last place.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.plain_array import plain_array
from theory.balls.intervals import interval_bounds, interval_preactivations, read_points
from theory.balls.prepared import prepare
from theory.balls.propagation import BoundMethod, all_bounds, check_task, rows_lower_bounds
from theory.balls.regions import Bounds, Regions, balls, read_ball
from theory.balls.violations import Violations, margin_forms, margin_violations
from theory.layers import Layers

__all__ = [
    "BoundMethod",
    "Bounds",
    "ball_bounds",
    "form_lower_bounds",
    "interval_bounds",
    "interval_preactivations",
    "linear_bounds",
    "margin_forms",
    "margin_lower_bound",
    "preactivation_bounds",
    "read_ball",
    "violation_lower_bounds",
]


def ball_bounds(
    layers: Layers, centres: Float[np.ndarray, "n d"], radius: Any, p: Any
) -> tuple[Float[np.ndarray, "n outputs"], Float[np.ndarray, "n outputs"]]:
    """Output bounds over the balls `B_p(centre, radius)` by interval propagation.

    The first layer has its exact range `W x0 + b ± radius ‖W_row‖_q` (dual norm), so a single affine
    layer is exact up to rounding for every p; for p = ∞ this is the interval bound of the box.

    Args:
        layers: the network.
        centres: shape (n, d).
        radius: of the balls, finite and >= 0.
        p: of the norm, in [1, ∞].

    Raises:
        ValueError: if shapes do not fit, or an argument is NaN, infinite (p may be) or out of range.
    """
    return preactivation_bounds(layers, centres, radius, p, method="interval")[-1]


def linear_bounds(
    layers: Layers, centres: Float[np.ndarray, "n d"], radius: Any, p: Any
) -> tuple[Float[np.ndarray, "n outputs"], Float[np.ndarray, "n outputs"]]:
    """Output bounds over balls by backward linear relaxation, never looser than `ball_bounds`.

    Each unstable neuron is bounded above by the chord of its ReLU and below by 0 or the identity,
    whichever has the smaller area; hidden layers are bounded the same way first.

    Source: Zhang, Weng, Chen, Hsieh, Daniel (2018), CROWN, arXiv:1811.00866, adaptive lower slopes.

    Arguments and errors as for `ball_bounds`.
    """
    return preactivation_bounds(layers, centres, radius, p, method="linear")[-1]


def preactivation_bounds(
    layers: Layers, centres: Float[np.ndarray, "n d"], radius: Any, p: Any, *, method: BoundMethod = "linear"
) -> tuple[Bounds, ...]:
    """Bounds over balls of every layer's value before its ReLU, as (lower, upper) of shape (n, width).

    The last pair is the output's. Arguments and errors as for `ball_bounds`; `method` as for
    `margin_lower_bound`.
    """
    affines = prepare(layers)
    regions = balls(read_points(affines, centres), *read_ball(radius, p))
    _check_method(method)
    return all_bounds(affines, regions, method)


def form_lower_bounds(
    layers: Layers,
    centres: Float[np.ndarray, "n d"],
    radius: Any,
    p: Any,
    forms: Float[np.ndarray, "k outputs"],
    *,
    method: BoundMethod = "linear",
) -> Float[np.ndarray, "n k"]:
    """Lower bounds of the linear forms `forms @ f(x)` of the outputs over balls.

    A form is merged with the last layer before bounding, so what its outputs share cancels.

    Args:
        layers: the network.
        centres: shape (n, d).
        radius: of the balls, finite and >= 0.
        p: of the norm, in [1, ∞].
        forms: shape (k, outputs), the same for all balls.
        method: as for `margin_lower_bound`.

    Raises:
        ValueError: as `ball_bounds`, or if `forms` does not fit the outputs.
    """
    affines = prepare(layers)
    regions = balls(read_points(affines, centres), *read_ball(radius, p))
    _check_method(method)
    outputs = affines[-1].weight.shape[0]
    if forms.ndim != 2 or forms.shape[1] != outputs or not len(forms) or not np.isfinite(forms).all():
        raise ValueError(f"forms need finite values of shape (k >= 1, outputs={outputs}), got {forms.shape}")
    return rows_lower_bounds(affines, regions, Violations(forms[None, :, None], np.zeros((1, len(forms), 1))), method)


def margin_lower_bound(
    layers: Layers,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: Any,
    p: Any,
    *,
    method: BoundMethod = "linear",
) -> Float[np.ndarray, " n"]:
    """Sound lower bounds of `min over B_p(point, radius)` of the margin.

    The margin of (x, y) is `y f(x)` for one output and `min_{c != y} f_y(x) - f_c(x)` for several; a
    positive bound certifies the point, over the reals.

    Args:
        layers: the network.
        points: shape (n, d).
        labels: shape (n,), in {-1, +1} for one output, in 0..C-1 for C outputs.
        radius: of the balls, finite and >= 0.
        p: of the norm, in [1, ∞].
        method: "interval" (cheap) or "linear" (backward linear relaxation; at least as tight).

    Raises:
        ValueError: as `ball_bounds`, or if a label is not one of the network's.
    """
    affines = prepare(layers)
    regions = balls(read_points(affines, points), *read_ball(radius, p))
    _check_method(method)
    labels = plain_array(labels, "labels")
    if labels.shape != (len(regions),):
        raise ValueError(f"labels need shape ({len(regions)},), one a point, got {labels.shape}")
    violations = margin_violations(labels, int(affines[-1].weight.shape[0]))
    return np.asarray(rows_lower_bounds(affines, regions, violations, method).min(axis=1))


def violation_lower_bounds(
    layers: Layers,
    regions: Regions,
    violations: Violations,
    *,
    method: BoundMethod = "linear",
    until_proved: bool = False,
) -> Float[np.ndarray, "n conjunctions"]:
    """Sound lower bounds, for each region and conjunction, of the greatest row of `A f(x) - b` over the region.

    A positive one proves that the conjunction holds nowhere in the region; a region is right if all are positive.

    Args:
        layers: the network.
        regions: of its inputs.
        violations: of its outputs, for each region its own or one for all.
        method: as for `margin_lower_bound`.
        until_proved: no tighter bound is sought for a region that is right already: faster.

    Raises:
        ValueError: if shapes do not fit.
    """
    affines = prepare(layers)
    check_task(affines, regions, violations)
    _check_method(method)
    return violations.excluded(rows_lower_bounds(affines, regions, violations, method, until_proved=until_proved))


def _check_method(method: str) -> None:
    if method not in ("interval", "linear"):
        raise ValueError(f"method must be 'interval' or 'linear', got {method!r}")
