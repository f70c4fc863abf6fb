"""Maximum gradient norm and loss change of small ReLU networks, bracketed: a search from below, intervals from above.

With `t_c = z_c - z_y` the differences of the logits, `p = softmax(z)` and `D_k` the 0-1 matrix of the active neurons,

    L = log(1 + Σ_{c≠y} e^{t_c}),    ∇_x L = Σ_{c≠y} p_c ∇_x t_c,    ∇_x t_c = W_1ᵀ D_1 … W_{L-1}ᵀ D_{L-1} (w_c - w_y).

Over a ball, bounds of `t` bound every `p_c` and L, which are monotone in each `t_c`; bounds before each ReLU say which
neurons are active on the whole ball, which on no point of it, and which have `D` anywhere in [0, 1]. The intervals of
`p`, or of 1 for each class alone, are sent back through the layers. Between two radii the loss rises by at most the
difference of the radii times the gradient norm.

Everything holds over the **real numbers** for the given float64 weights, points and radii, as in
`theory.balls.relaxation`; in addition exp, log and log1p of numpy are taken to be right within `2^-46` of the result.
At a kink the gradient stands for those of the regions that meet there, and for backpropagation with `σ'(0) = 0`.

Source: definition-maximum-gradient-norm; intervals of gradients as in Weng et al. (2018), Fast-Lip, arXiv:1804.09699.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from scipy.special import logsumexp
from torch import nn

from constructions.networks.network import Affine, ReLUNetwork, dense
from constructions.networks.torch_module import from_torch, to_torch
from empirics.images.flatness.search import flatness_curves
from theory.balls.relaxation import (
    BoundMethod,
    Bounds,
    form_lower_bounds,
    interval_bounds,
    interval_preactivations,
    preactivation_bounds,
)
from theory.generalization.flatness import PointwiseMaximum
from theory.roundoff import TINY, UNIT_ROUNDOFF, gamma
from theory.setting.losses import check_labels

# Allowed relative error of exp, log and log1p, and of the few operations around them.
_TRANSCENDENTAL = 2.0**-44


@dataclass(frozen=True, eq=False)
class Range:
    """What `‖∇_x L‖_1` and L are confined to on the ball around each point, as (lower, upper) of shape (n,)."""

    gradient_norm: Bounds
    loss: Bounds


@dataclass(frozen=True)
class FlatnessBracket:
    """Brackets of `max ‖∇_x L‖_1` and of `max L(x + ξ) - L(x)` at one radius."""

    gradient_norm: PointwiseMaximum
    loss_change: PointwiseMaximum


def flatness_brackets(
    network: ReLUNetwork | nn.Module,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n_labels"],
    radii: Sequence[float] | Float[np.ndarray, " k"],
    *,
    clip: bool,
    steps: int = 20,
    restarts: int = 1,
    gradient_steps: int = 20,
    seed: int = 0,
    method: BoundMethod = "linear",
) -> list[FlatnessBracket]:
    """Brackets around each point at each radius: `flatness_curves` from below, `flatness_range` from above.

    The lower bounds are those of the real gradient and loss at the points found, rounding included.

    Args:
        network: a `ReLUNetwork`, or a torch module that `constructions.from_torch` reads, with at least two outputs.
        points: shape (n, d).
        labels: in 0..outputs-1.
        radii: increasing, >= 0.
        clip: keep to `[0, 1]^d`.
        steps, restarts, gradient_steps, seed: of the search.
        method: of the bounds before each ReLU.

    Raises:
        ValueError: for malformed arguments.
    """
    net = network if isinstance(network, ReLUNetwork) else from_torch(network)
    _check_classes(net, labels)
    curves = flatness_curves(
        to_torch(net).eval(),
        torch.tensor(points),
        torch.from_numpy(labels.astype(np.int64)),
        radii,
        clip=clip,
        steps=steps,
        restarts=restarts,
        gradient_steps=gradient_steps,
        seed=seed,
        keep_points=True,
    )
    assert curves.gradient_points is not None
    assert curves.loss_points is not None
    uppers = [flatness_range(net, points, labels, radius, clip=clip, method=method) for radius in curves.radii]
    # A bound for a larger ball is one for the smaller.
    steepest = np.minimum.accumulate([r.gradient_norm[1] for r in uppers][::-1])[::-1]
    start = flatness_range(net, points, labels, 0.0, clip=False).loss
    brackets = []
    lowest, rise, last = np.zeros((2, len(points))), np.zeros(len(points)), 0.0
    for k, radius in enumerate(curves.radii):
        reached = flatness_range(net, curves.gradient_points[k].numpy(), labels, 0.0, clip=False).gradient_norm[0]
        gained = _down(flatness_range(net, curves.loss_points[k].numpy(), labels, 0.0, clip=False).loss[0] - start[1])
        lowest = np.maximum(lowest, [reached, gained])
        width = np.nextafter(radius - last, np.inf) if radius > last else 0.0
        along = _up(rise + _up(width * steepest[k])) if width else rise
        rise, last = np.minimum(along, np.maximum(_up(uppers[k].loss[1] - start[0]), 0.0)), float(radius)
        brackets.append(
            FlatnessBracket(
                PointwiseMaximum(lowest[0], steepest[k], last, unit_box=clip),
                PointwiseMaximum(lowest[1], rise, last, unit_box=clip),
            )
        )
    return brackets


def flatness_range(
    network: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n_labels"],
    radius: float,
    *,
    clip: bool,
    method: BoundMethod = "linear",
) -> Range:
    """Sound bounds of `‖∇_x L‖_1` and L at every point of `B_∞(x_i, radius)`, or of its part in `[0, 1]^d`.

    At radius 0 both are the values at the points up to rounding. For two classes and one affine layer the upper bounds
    are the maxima, up to rounding.

    Args:
        network: at least two outputs.
        points: shape (n, d).
        labels: in 0..outputs-1.
        radius: >= 0.
        clip: intersect with the bounds over the part of the ball in `[0, 1]^d`.
        method: "interval" or "linear", see `theory.balls.relaxation.margin_lower_bound`.

    Raises:
        ValueError: if shapes do not fit, a label is none of the outputs, an argument is NaN or out of range, or a
            point is outside `[0, 1]^d` with `clip`.
    """
    _check_classes(network, labels)
    if labels.shape != (len(points),):
        raise ValueError(f"flatness_range needs a label for each of the {len(points)} points, got {labels.shape}")
    before = preactivation_bounds(network.layers, points, radius, np.inf, method=method)
    if clip:
        before = tuple(_intersect(one, two) for one, two in zip(before, _clipped(network, points, radius), strict=True))
    norm, loss = np.empty((2, len(points))), np.empty((2, len(points)))
    for y in np.unique(labels):
        rows = np.flatnonzero(labels == y)
        own = [(low[rows], high[rows]) for low, high in before]
        differences = _differences(network, points[rows], int(y), radius, method, own[-1])
        loss[:, rows] = _loss(differences)
        norm[:, rows] = _norm(network, int(y), own[:-1], differences)
    return Range((norm[0], norm[1]), (loss[0], loss[1]))


def _check_classes(network: ReLUNetwork, labels: np.ndarray) -> None:
    if network.outputs < 2:
        raise ValueError(
            "the cross entropy needs a network with at least two outputs, got one: "
            "models.two_logits makes them of a network for labels ±1"
        )
    check_labels(labels, network.outputs)


def _clipped(network: ReLUNetwork, points: np.ndarray, radius: float) -> tuple[Bounds, ...]:
    if not ((points >= 0) & (points <= 1)).all():
        raise ValueError(
            f"clip=True needs points in [0, 1]^d, got values from {points.min():g} to {points.max():g}: "
            "rescale them, or take clip=False"
        )
    low, high = np.maximum(_down(points - radius), 0.0), np.minimum(_up(points + radius), 1.0)
    return interval_preactivations(network.layers, low, high)


def _differences(
    network: ReLUNetwork, points: np.ndarray, y: int, radius: float, method: BoundMethod, logits: Bounds
) -> Bounds:
    """Bounds of `t_c = z_c - z_y`, c ≠ y, shape (n, outputs - 1)."""
    others = np.flatnonzero(np.arange(network.outputs) != y)
    forms = np.eye(network.outputs)[others] - np.eye(network.outputs)[y]
    both = form_lower_bounds(network.layers, points, radius, np.inf, np.concatenate([forms, -forms]), method=method)
    low, high = logits
    apart = _down(low[:, others] - high[:, [y]]), _up(high[:, others] - low[:, [y]])
    return _intersect((both[:, : len(others)], -both[:, len(others) :]), apart)


def _loss(t: Bounds) -> tuple[np.ndarray, np.ndarray]:
    """`log(1 + Σ e^{t_c})` at both ends."""
    low, high = (_log_sum(end) for end in t)
    return np.maximum(low - _slack(t[0], low), 0.0), high + _slack(t[1], high)


def _probabilities(t: Bounds) -> Bounds:
    """Bounds of `p_c = e^{t_c} / (1 + Σ_k e^{t_k})`, rising in t_c and falling in the others."""
    ends = []
    for own, rest, sign in ((t[0], t[1], -1.0), (t[1], t[0], 1.0)):
        classes = own.shape[1]
        mixed = np.where(np.eye(classes, dtype=bool), own[:, :, None], rest[:, None, :])
        total = _log_sum(mixed)
        size = np.abs(np.where(np.isneginf(mixed), 0.0, mixed)).max(axis=-1)
        with np.errstate(invalid="ignore"):
            p = np.exp(np.minimum(own - total, 0.0))
            moved = p * (1.0 + sign * _TRANSCENDENTAL * classes * (1.0 + np.abs(total) + size)) + sign * TINY
        # Infinite bounds say nothing.
        ends.append(np.clip(np.where(np.isnan(moved), max(sign, 0.0), moved), 0.0, 1.0))
    return ends[0], ends[1]


def _log_sum(t: np.ndarray) -> np.ndarray:
    """`log(1 + Σ e^{t})` along the last axis, accurate relatively also where it is near 0."""
    top = np.maximum(t.max(axis=-1), 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        small = np.log1p(np.exp(t).sum(axis=-1))
        large = logsumexp(np.concatenate([np.zeros((*t.shape[:-1], 1)), t], axis=-1), axis=-1)
    return np.asarray(np.where(top == 0, small, large))


def _slack(t: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Error of `_log_sum`, relative while every t <= 0 and with the size of t else; ∞ for infinite t."""
    size = np.abs(np.where(np.isneginf(t), 0.0, t)).max(axis=-1)
    return np.asarray(_TRANSCENDENTAL * t.shape[-1] * (np.abs(total) + np.where(t.max(axis=-1) > 0, size, 0.0)) + TINY)


def _norm(network: ReLUNetwork, y: int, hidden: Sequence[Bounds], t: Bounds) -> tuple[np.ndarray, np.ndarray]:
    """`‖Σ_c p_c ∇t_c‖_1`: from the sum of intervals; from above also by the triangle inequality, as `Σ_c p_c <= 1`."""
    p = _probabilities(t)
    lower, upper = _l1(_sent_back(network, y, hidden, p))
    alone = np.stack(
        [_l1(_sent_back(network, y, hidden, (unit, unit)))[1] for unit in _units(len(lower), t[0].shape[1])], axis=1
    )
    wrong = np.minimum(-np.expm1(-_loss(t)[1]) * (1.0 + _TRANSCENDENTAL) + TINY, 1.0)
    g = 1.0 + gamma(2 * alone.shape[1] + 2)
    by_class = np.minimum((p[1] * alone).sum(axis=1), wrong * alone.max(axis=1)) * g + TINY
    return lower, np.minimum(upper, by_class)


def _units(rows: int, classes: int) -> list[np.ndarray]:
    return [np.broadcast_to(unit, (rows, classes)).copy() for unit in np.eye(classes)]


def _sent_back(network: ReLUNetwork, y: int, hidden: Sequence[Bounds], p: Bounds) -> Bounds:
    """Range of `Σ_c p_c ∇_x t_c` for `p` in its bounds and every activation that `hidden` leaves open."""
    last = dense(network.layers[-1].weight)
    rows = np.delete(last, y, axis=0) - last[y]
    low, high = interval_bounds((Affine(rows.T, np.zeros(rows.shape[1])),), *p)
    # The differences of the weights are rounded.
    error = 4 * UNIT_ROUNDOFF * (p[1] @ np.abs(rows)) + TINY * rows.any(axis=0)
    low, high = low - error, high + error
    for layer, (below, above) in zip(reversed(network.layers[:-1]), reversed(hidden), strict=True):
        low, high = _through_relu(low, high, below, above)
        weight = layer.weight.T if isinstance(layer.weight, np.ndarray) else sp.csr_array(layer.weight.T)
        low, high = interval_bounds((Affine(weight, np.zeros(layer.inputs)),), low, high)
    return low, high


def _through_relu(low: np.ndarray, high: np.ndarray, below: np.ndarray, above: np.ndarray) -> Bounds:
    """Range of `s v` for v in [low, high] and the slope s of a ReLU on [below, above]: 0, 1, or anything between."""
    dead, active = above <= 0, below > 0
    return (
        np.where(dead, 0.0, np.where(active, low, np.minimum(low, 0.0))),
        np.where(dead, 0.0, np.where(active, high, np.maximum(high, 0.0))),
    )


def _l1(gradient: Bounds) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest `‖v‖_1`, v in the bounds."""
    low, high = gradient
    g = gamma(low.shape[1] + 2)
    least = np.maximum(np.maximum(low, -high), 0.0).sum(axis=1)
    return least * (1.0 - g), np.maximum(-low, high).sum(axis=1) * (1.0 + g)


def _intersect(one: Bounds, two: Bounds) -> Bounds:
    return np.maximum(one[0], two[0]), np.minimum(one[1], two[1])


def _down(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.nextafter(x, -np.inf))


def _up(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.nextafter(x, np.inf))
