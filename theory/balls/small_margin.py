"""Which points have a small margin: exactly for affine classifiers, as a bracket for deep networks.

A point is *small-margin* at radius δ when `min over B_p(x, δ)` of its margin is <= 0, that is unless its
distance to the decision boundary, read in R^d, is strictly more than δ (a zero output is an error).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.whole_numbers import read_whole
from theory.balls.descent import gradient_of_form, is_surely_inside, layer_values, steepest
from theory.balls.prepared import blocks, widest
from theory.balls.regions import balls
from theory.balls.relaxation import form_lower_bounds, margin_forms, margin_lower_bound, read_ball
from theory.layers import Layers, evaluate
from theory.setting.losses import check_labels, known_margins
from theory.setting.norms import dual_exponent, norm

# One array of the attack; small, because it makes a dozen passes over each.
BLOCK_BYTES = 2**22
# Of 0, below the exponent of every product of two floats.
_NO_EXPONENT = -(10**5)


@dataclass(frozen=True, eq=False)
class MarginBracket:
    """Bracket of each point's minimum margin over its ball.

    `small` contains every small-margin point, `small_at_least` only small-margin points, so
    `len(small_at_least) <= n_small <= len(small)`.

    Args:
        lower: shape (n,), sound over the reals.
        upper: shape (n,), margin reached at a point that is verified to lie in the ball, rounded up.
    """

    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]

    @property
    def small(self) -> Int[np.ndarray, " m"]:
        """Indices of the points that are not certified large-margin (`lower <= 0`)."""
        return np.flatnonzero(self.lower <= 0)

    @property
    def small_at_least(self) -> Int[np.ndarray, " m"]:
        """Indices of the points that are surely small-margin (`upper <= 0`)."""
        return np.flatnonzero(self.upper <= 0)

    @property
    def n_small(self) -> tuple[int, int]:
        """The least and the largest number of small-margin points that the bounds allow."""
        return len(self.small_at_least), len(self.small)


def affine_distance(
    weight: Float[np.ndarray, "outputs d"],
    bias: Float[np.ndarray, " outputs"],
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    p: Any,
) -> Float[np.ndarray, " n"]:
    """Signed l_p distance of each point to the decision boundary of `f(x) = W x + b`.

    One output: `y f(x) / ‖w‖_q`. Several: `min_{c != y} (f_y(x) - f_c(x)) / ‖w_y - w_c‖_q`, which for a
    rightly classified point is the distance to the nearest point that is not; negative when
    misclassified. A constant difference gives ±∞, and 0 where it is 0. Exact up to rounding.

    Args:
        weight: shape (outputs, d).
        bias: shape (outputs,).
        points: shape (n, d).
        labels: shape (n,), ±1 for one output, 0..C-1 for C.
        p: of the norm, in [1, ∞].

    Raises:
        ValueError: if shapes do not fit, an entry is not finite, p < 1, or a label is none.
    """
    found = _gaps_and_norms(weight, bias, points, labels, p)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.ldexp(found.gaps / found.norms, found.gap_exponents - found.norm_exponents)
    return np.asarray(np.where(found.gaps == 0, 0.0, ratios).min(axis=1))


def affine_margin(
    weight: Float[np.ndarray, "outputs d"],
    bias: Float[np.ndarray, " outputs"],
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: Any,
    p: Any,
) -> Float[np.ndarray, " n"]:
    """Minimum over `B_p(point, radius)` of the margin of `f(x) = W x + b`, exact up to rounding.

    `min_{c != y} (f_y(x) - f_c(x)) - radius ‖w_y - w_c‖_q`; `small_margin` gives the sound bound.
    Arguments and errors as for `affine_distance`; `radius` is finite and >= 0.
    """
    radius, p = read_ball(radius, p)
    found = _gaps_and_norms(weight, bias, points, labels, p)
    fraction, exponent = math.frexp(radius)
    lost = found.norm_exponents + (exponent if radius > 0 else _NO_EXPONENT)
    unit = np.maximum(found.gap_exponents, lost)
    with np.errstate(over="ignore"):
        rest = np.ldexp(found.gaps, found.gap_exponents - unit) - np.ldexp(fraction * found.norms, lost - unit)
        return np.asarray(np.ldexp(rest, unit).min(axis=1))


def small_margin(
    layers: Layers,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: Any,
    p: Any,
    *,
    steps: int = 10,
) -> MarginBracket:
    """Bracket of `min over B_p(point, radius)` of the margin, and so of the set of small-margin points.

    Upper: the best of the centre and of `steps` Frank–Wolfe steps on the margin (for one affine layer the
    exact minimiser), at a point verified to lie in the ball. Lower: the dual norm for one affine
    layer; for deeper networks interval bounds, and linear relaxation on those points that neither the
    intervals certify nor the attack refutes.

    Args:
        layers: the network.
        points: shape (n, d).
        labels: shape (n,), ±1 for one output, 0..C-1 for C.
        radius: of the balls, finite and >= 0.
        p: of the norm, in [1, ∞].
        steps: of the attack, >= 0.

    Raises:
        ValueError: if shapes do not fit, an argument is NaN or out of range, or a label is none.
    """
    steps = read_whole(steps, "steps")
    if not steps >= 0:
        raise ValueError(f"the attack needs steps >= 0, got {steps}")
    radius, p = read_ball(radius, p)
    points, labels = exact_floats(points, "points"), plain_array(labels, "labels")
    lower = margin_lower_bound(layers, points, labels, radius, p, method="interval")
    upper = np.empty(len(points))
    for rows in blocks(len(points), widest(layers), BLOCK_BYTES):
        # Numbers that overflow only make the attack weaker.
        with np.errstate(over="ignore", invalid="ignore"):
            reached = _attack(layers, points[rows], labels[rows], radius, p, steps)
        upper[rows] = margin_upper_bound(layers, reached, labels[rows])
    unknown = np.flatnonzero((lower <= 0) & (upper > 0))
    if len(layers) > 1 and len(unknown):
        linear = margin_lower_bound(layers, points[unknown], labels[unknown], radius, p, method="linear")
        lower[unknown] = np.maximum(lower[unknown], linear)
    return MarginBracket(lower, upper)


def margin_upper_bound(
    layers: Layers, x: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Upper bounds, over the reals, of the margins at the points themselves; infinite where numbers overflow.

    Args:
        layers: the network.
        x: shape (n, d), finite.
        labels: shape (n,), ±1 for one output, 0..C-1 for C.
    """
    outputs = int(layers[-1].weight.shape[0])
    x, labels = exact_floats(x, "x"), plain_array(labels, "labels")
    if labels.shape != (len(x),):
        raise ValueError(f"labels need shape ({len(x)},), one a point, got {labels.shape}")
    check_labels(labels, outputs)
    upper = np.empty(len(x))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        negated = form_lower_bounds(layers, x[rows], 0.0, np.inf, -margin_forms(int(label), outputs), method="interval")
        upper[rows] = -negated.max(axis=1)
    return upper


@dataclass(frozen=True, eq=False)
class _Gaps:
    """`f_y - f_c = gap 2^gap_exponent` and `‖w_y - w_c‖_q = norm 2^norm_exponent` for every c, shapes (n, C).

    Each in its own unit, so that nothing that matters overflows or vanishes. A constant +∞ gap at c = y; for one output
    `y f(x)` and `‖w‖_q`, with C = 1.
    """

    gaps: np.ndarray
    gap_exponents: np.ndarray
    norms: np.ndarray
    norm_exponents: np.ndarray


def _gaps_and_norms(weight: Any, bias: Any, points: Any, labels: Any, p: Any) -> _Gaps:
    q = dual_exponent(p)
    weight, bias = exact_floats(weight, "weight"), exact_floats(bias, "bias")
    points, labels = exact_floats(points, "points"), plain_array(labels, "labels")
    if weight.ndim != 2 or 0 in weight.shape or bias.shape != weight.shape[:1]:
        raise ValueError(f"weight needs shape (outputs, d), bias (outputs,), got {weight.shape}, {bias.shape}")
    if points.ndim != 2 or not len(points) or points.shape[1] != weight.shape[1]:
        raise ValueError(f"points need shape (n >= 1, {weight.shape[1]}), got {points.shape}")
    if labels.shape != (len(points),):
        raise ValueError(f"labels need shape ({len(points)},), one a point, got {labels.shape}")
    if not all(np.isfinite(a).all() for a in (weight, bias, points)):
        raise ValueError("weight, bias and points need finite entries, got NaN or infinity")
    check_labels(labels, len(weight))
    shape = (len(points), len(weight))
    found = _Gaps(np.empty(shape), np.empty(shape, np.int64), np.empty(shape), np.empty(shape, np.int64))
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        if len(weight) == 1:
            none = np.zeros(1, np.int64)
            normals, offsets = (label * weight, none), (label * bias[:, None], none)
        else:
            normals, offsets = _differences(weight, label), _differences(bias[:, None], label)
        _fill(found, rows, normals, offsets, points[rows], q)
        if len(weight) > 1:
            found.gaps[rows, label] = np.inf
    return found


def _fill(
    found: _Gaps,
    rows: np.ndarray,
    normals: tuple[np.ndarray, np.ndarray],
    offsets: tuple[np.ndarray, np.ndarray],
    points: np.ndarray,
    q: float,
) -> None:
    """The gaps `⟨a_c, x⟩ + b_c` at these points and the norms of the a_c, both given as rows with exponents."""
    a, a_exponent = _in_units(*normals)
    x, x_exponent = _in_units(points, np.zeros(len(points), np.int64))
    b, b_exponent = _in_units(*offsets)
    product = a_exponent + x_exponent[:, None]
    unit = np.maximum(product, b_exponent)
    found.gaps[rows] = np.ldexp(x @ a.T, product - unit) + np.ldexp(b[:, 0], b_exponent - unit)
    found.gap_exponents[rows] = unit
    found.norms[rows], found.norm_exponents[rows] = norm(a, q), a_exponent


def _differences(rows: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
    """`2^-e (row_label - row_c)` for every c, and e: 1 where the difference itself overflows, else 0."""
    with np.errstate(over="ignore"):
        differences = rows[label] - rows
    large = ~np.isfinite(differences).all(axis=1)
    differences[large] = 0.5 * rows[label] - 0.5 * rows[large]
    return differences, large.astype(np.int64)


def _in_units(rows: np.ndarray, exponents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows `r 2^e` as such again, each with its greatest entry in [1/2, 1); zeros in a unit below every other."""
    greatest = np.abs(rows).max(axis=1)
    own = np.frexp(greatest)[1].astype(np.int64)
    return np.ldexp(rows, -own[:, None]), np.where(greatest > 0, own + exponents, _NO_EXPONENT)


def _rival_norms(weight: np.ndarray, q: float) -> np.ndarray:
    """`‖w_a - w_c‖_q` for every pair of classes, 0 on the diagonal."""
    weight = exact_floats(weight, "weight")
    return np.array([norm(weight - row, q) for row in weight])


def _attack(layers: Layers, points: np.ndarray, labels: np.ndarray, radius: float, p: float, steps: int) -> np.ndarray:
    """Points in the balls with a small margin; the balls' centres if nothing smaller was found."""
    q = dual_exponent(p)
    outputs = int(layers[0].weight.shape[0])
    penalty = np.zeros(1)
    if len(layers) == 1:
        # One step reaches the minimum of an affine gap, if the rival is the one that is lowest there.
        steps = min(steps, 1)
        if outputs > 1:
            first = layers[0].weight
            dense = first if isinstance(first, np.ndarray) else first.toarray()
            penalty = radius * _rival_norms(dense, q)
    best = points.copy()
    least = known_margins(evaluate(layers, points), labels)
    direction = np.zeros_like(points)
    for step in range(steps):
        gradient = _margin_gradient(layers, points + radius * direction, labels, penalty)
        # Frank–Wolfe: convex combinations of ball points need no projection, whatever p.
        direction += 2.0 / (step + 2.0) * (-steepest(gradient, p) - direction)
        candidate = _into_ball(points, direction, radius, p)
        value = known_margins(evaluate(layers, candidate), labels)
        better = value < least
        best[better], least[better] = candidate[better], value[better]
    return best


def _margin_gradient(layers: Layers, x: np.ndarray, labels: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """A gradient of the margin, against the rival with the largest output (plus penalty)."""
    values = layer_values(layers, x)
    outputs = values[-1]
    gradient = np.zeros_like(outputs)
    rows = np.arange(len(x))
    if outputs.shape[1] == 1:
        gradient[:, 0] = labels
    else:
        rivals = outputs + (penalty[labels] if penalty.ndim == 2 else 0.0)
        rivals[rows, labels] = -np.inf
        gradient[rows, labels] = 1.0
        gradient[rows, rivals.argmax(axis=1)] = -1.0
    return gradient_of_form(layers, values, gradient)


def _into_ball(points: np.ndarray, direction: np.ndarray, radius: float, p: float) -> np.ndarray:
    """`points + radius * direction` where that provably lies in the ball over the reals, else nearer."""
    low, high = balls(points, radius, p).inner()
    result = points.copy()
    outside = np.arange(len(points))
    # Rounding moves the second try by less than the 1e-9 it gives away, unless the radius is lost in the
    # rounding of the centre; then the centre stays.
    for factor in (1.0, 1.0 - 1e-9):
        x = np.clip(points[outside] + factor * radius * direction[outside], low[outside], high[outside])
        good = is_surely_inside(x, points[outside], radius, p)
        result[outside[good]] = x[good]
        outside = outside[~good]
    return result
