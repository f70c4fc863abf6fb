"""Robust overfitting of the mixed model: errors on fresh data against what section 5 predicts."""

import math
from dataclasses import dataclass

import numpy as np

from empirics.gaussian.mixed_attack import attacked_margins
from empirics.gaussian.samples import LinearSample
from theory.gaussian.laws import linear_adversarial_error, linear_clean_error
from theory.gaussian.max_margin import gordon_margin, limit_angle
from theory.gaussian.mixed_model import MixedModel, margin_certificate
from theory.setting.losses import adversarial_error, clean_error


@dataclass(frozen=True)
class FreshErrors:
    """Errors on one scale of data; the adversarial one lies between `attacked` and `not_certified`."""

    clean: float
    attacked: float
    not_certified: float


def errors(model: MixedModel, sample: LinearSample, radius: float, *, small: bool, device: str = "cpu") -> FreshErrors:
    """Errors of a network on the small- or the large-margin points of a sample, attacked on the device.

    Raises:
        ValueError: if the sample has no such point.
    """
    chosen = sample.small == small
    if not chosen.any():
        raise ValueError(f"errors needs a point with small={small}, got none of {len(chosen)}")
    points, labels = sample.points[chosen], sample.labels[chosen]
    lower = margin_certificate(model, points, labels, radius)
    attacked, not_certified = adversarial_error(lower, attacked_margins(model, points, labels, radius, device=device))
    return FreshErrors(clean_error(labels * model(points)), attacked, not_certified)


@dataclass(frozen=True)
class Prediction:
    """Errors of `w_0·x` on fresh data at one angle to w*; nothing is trained for it."""

    angle: float
    clean_small: float
    clean_large: float
    adversarial_small: float


def predict(dim: int, n_large: int, *, alpha: float, beta: float, radius: float) -> Prediction:
    """What section 5 predicts of fresh data, where every neuron is off and `f = w_0·x`.

    The angle is `arctan(max(κ, 0)/α)` with Gordon's κ at the ratio `D/n_large`.
    """
    if not (dim >= 2 and n_large >= 1):
        raise ValueError(f"predict needs dim >= 2 and n_large >= 1, got {dim} and {n_large}")
    angle = limit_angle(gordon_margin((dim - 1) / n_large), alpha)
    return at_angle(angle, alpha=alpha, beta=beta, radius=radius)


def at_angle(angle: float, *, alpha: float, beta: float, radius: float) -> Prediction:
    """The same for a known angle of w_0 to w*, in radians."""
    return Prediction(
        angle,
        linear_clean_error(beta, angle),
        linear_clean_error(alpha, angle),
        linear_adversarial_error(beta, angle, radius),
    )


@dataclass(frozen=True)
class Comparison:
    """A trained network beside the target `f*`.

    Attributes:
        linear_distance: `‖w_0 - w*‖`, w_0 being of norm 1.
        neuron_distance: largest `‖w_i - ξ_i‖ / ‖ξ_i‖`.
        agreement: fraction of random points of the sample's balls where both have one sign.
        both_certified: fraction of the balls on which both are certified, so that the signs agree everywhere.
    """

    linear_distance: float
    neuron_distance: float
    agreement: float
    both_certified: float


def compare(
    model: MixedModel, target: MixedModel, sample: LinearSample, radius: float, *, tries: int = 5, seed: int = 0
) -> Comparison:
    """As functions on the balls of the sample, and as parameters; neuron i of both belongs to one point."""
    rng = np.random.default_rng(seed)
    same = []
    for _ in range(tries):
        steps = rng.standard_normal(sample.points.shape)
        x = sample.points + radius * steps / np.linalg.norm(steps, axis=1, keepdims=True)
        same.append(np.sign(model(x)) == np.sign(target(x)))
    certified = [margin_certificate(f, sample.points, sample.labels, radius) > 0 for f in (model, target)]
    distances = np.linalg.norm(model.weights - target.weights, axis=1) / np.linalg.norm(target.weights, axis=1)
    return Comparison(
        linear_distance=float(np.linalg.norm(model.linear - target.linear)),
        neuron_distance=float(distances.max()) if len(distances) else math.nan,
        agreement=float(np.mean(same)),
        both_certified=float(np.mean(certified[0] & certified[1])),
    )
