"""Sound bounds of a ReLU network over l_p balls: interval propagation and linear relaxation.

Everything returned here is a bound over the **real numbers** for the given float64 weights, centres and
radius, not for the floating-point evaluation of the network. It is computed in float64; every step
widens its result by a rigorous rounding bound `γ_k = k u / (1 - k u)`, `u = 2^-53` (Higham, Accuracy and
Stability of Numerical Algorithms, section 3.1), which holds for any order of summation, and by `TINY`
against underflow. A bound that overflows becomes infinite, never wrong. The claim rests on IEEE
arithmetic in round-to-nearest (fused multiply-adds allowed) and, for p other than 1, 2 and infinity, on
a power function within 4 units in the last place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.scalars import read_exponent, read_scalar
from theory.arguments.subnormals import check_subnormals
from theory.layers import Layers, Matrix
from theory.roundoff import TINY, UNIT_ROUNDOFF, gamma, norm_upper_bound
from theory.setting.losses import check_labels
from theory.setting.norms import dual_exponent

BoundMethod: TypeAlias = Literal["interval", "linear"]
Bounds: TypeAlias = tuple[np.ndarray, np.ndarray]

BLOCK_BYTES = 2**28


def interval_bounds(
    layers: Layers, lower: Float[np.ndarray, "n d"], upper: Float[np.ndarray, "n d"]
) -> tuple[Float[np.ndarray, "n outputs"], Float[np.ndarray, "n outputs"]]:
    """Output bounds over boxes: for every real x with `lower <= x <= upper`, `out[0] <= f(x) <= out[1]`.

    Args:
        layers: the network.
        lower, upper: shape (n, d), one box a row.

    Raises:
        ValueError: if shapes do not fit, an entry is not finite, or some `lower > upper`.
    """
    return interval_preactivations(layers, lower, upper)[-1]


def interval_preactivations(
    layers: Layers, lower: Float[np.ndarray, "n d"], upper: Float[np.ndarray, "n d"]
) -> tuple[Bounds, ...]:
    """Bounds over boxes of every layer's value before its ReLU, as (lower, upper) of shape (n, width).

    The last pair is what `interval_bounds` returns. Arguments and errors are the same.
    """
    affines = _prepare(layers)
    lower, upper = _read_points(affines, lower), _read_points(affines, upper)
    if lower.shape != upper.shape:
        raise ValueError(f"boxes need corners of one shape, got {lower.shape} and {upper.shape}")
    if (lower > upper).any():
        row, column = np.argwhere(lower > upper)[0]
        raise ValueError(
            f"boxes need lower <= upper, got {lower[row, column]} > {upper[row, column]} "
            f"in box {row}, coordinate {column}"
        )
    bounds: list[Bounds] = []
    with np.errstate(over="ignore", invalid="ignore"):
        for affine in affines:
            bounds.append(_after_relu(affine, bounds[-1]) if bounds else _affine_interval(affine, lower, upper))
    return tuple(bounds)


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
    affines = _prepare(layers)
    centres = _read_points(affines, centres)
    radius, p = read_ball(radius, p)
    _check_method(method)
    blocks = []
    for rows in _blocks(len(centres), _floats_per_point(affines)):
        with np.errstate(over="ignore", invalid="ignore"):
            ball = _Ball(centres[rows], radius, p)
            blocks.append(_ball_preactivations(affines, ball, method, whole=True))
    return tuple(
        (np.concatenate([b[k][0] for b in blocks]), np.concatenate([b[k][1] for b in blocks]))
        for k in range(len(affines))
    )


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
    affines = _prepare(layers)
    centres = _read_points(affines, centres)
    radius, p = read_ball(radius, p)
    _check_method(method)
    outputs = affines[-1].weight.shape[0]
    if forms.ndim != 2 or forms.shape[1] != outputs or not len(forms) or not np.isfinite(forms).all():
        raise ValueError(f"forms need finite values of shape (k >= 1, outputs={outputs}), got {forms.shape}")
    return _form_lower_bounds(affines, centres, radius, p, forms, method)


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
    affines = _prepare(layers)
    points = _read_points(affines, points)
    radius, p = read_ball(radius, p)
    _check_method(method)
    outputs = int(affines[-1].weight.shape[0])
    labels = plain_array(labels, "labels")
    if labels.shape != (len(points),):
        raise ValueError(f"labels need shape ({len(points)},), one a point, got {labels.shape}")
    check_labels(labels, outputs)
    lower = np.empty(len(points))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        forms = margin_forms(int(label), outputs)
        bounds = _form_lower_bounds(affines, points[rows], radius, p, forms, method)
        lower[rows] = bounds.min(axis=1)
    return lower


def margin_forms(label: int, outputs: int) -> Float[np.ndarray, "k outputs"]:
    """Rows whose minimum over `rows @ f(x)` is the margin: `±1`, or `e_y - e_c` for every `c != y`."""
    if outputs == 1:
        return np.array([[float(label)]])
    identity = np.eye(outputs)
    return np.asarray(identity[label] - np.delete(identity, label, axis=0))


@dataclass(frozen=True)
class _Ball:
    centres: np.ndarray
    radius: float
    p: float


@dataclass(frozen=True)
class _Affine:
    """A layer with its absolute weight; the true weight is within `error` of `weight`, entry by entry.

    The true bias is within `γ_spent bias_size` of `bias`.
    """

    weight: Matrix
    absolute: Matrix
    bias: np.ndarray
    bias_size: np.ndarray
    floor: np.ndarray
    error: np.ndarray | None = None
    spent: int = 0

    @cached_property
    def parts(self) -> tuple[Matrix, Matrix]:
        """Matrices P, N >= 0 of which no entry is positive in both: `P - N` is W, or W less its error."""
        weight = self.weight if self.error is None else self.weight - self.error
        if isinstance(weight, np.ndarray):
            return np.maximum(weight, 0.0), np.maximum(-weight, 0.0)
        return sp.csr_array(weight.maximum(0.0)), sp.csr_array((-weight).maximum(0.0))

    @property
    def slack(self) -> float:
        # Generous on purpose: pays for the value, for the sums that bound its error, for a rounded
        # radius of the input box, and for the last subtraction.
        return gamma(2 * (self.weight.shape[1] + self.spent) + 32)


def _affine(weight: Matrix, bias: np.ndarray) -> _Affine:
    absolute = abs(weight)
    # Rows of huge weights may sum to infinity, which is still positive.
    with np.errstate(over="ignore"):
        floor = TINY * (np.asarray(absolute.sum(axis=1)).ravel() > 0)
    return _Affine(weight, absolute, bias, np.abs(bias), floor)


def _prepare(layers: Layers) -> list[_Affine]:
    """Check the layers, and take absolute values once."""
    check_subnormals("a sound bound")
    if not len(layers):
        raise ValueError("a network needs at least one affine layer, got none")
    affines: list[_Affine] = []
    for k, layer in enumerate(layers):
        weight, bias = layer.weight, np.asarray(layer.bias, dtype=np.float64)
        if weight.ndim != 2 or 0 in weight.shape or bias.shape != (weight.shape[0],):
            raise ValueError(
                f"layer {k} needs a weight of shape (outputs, inputs) and a bias of shape (outputs,), "
                f"got {weight.shape} and {bias.shape}"
            )
        if affines and weight.shape[1] != affines[-1].weight.shape[0]:
            raise ValueError(
                f"layer {k} takes {weight.shape[1]} inputs but layer {k - 1} has {affines[-1].weight.shape[0]} outputs"
            )
        if isinstance(weight, np.ndarray):
            weight = entries = np.asarray(weight, dtype=np.float64)
        else:
            weight = sp.csr_array(weight, dtype=np.float64)
            entries = weight.data
            if not weight.has_canonical_format:
                raise ValueError(f"layer {k} stores an entry twice: call sum_duplicates() on its weight")
        if not (np.isfinite(entries).all() and np.isfinite(bias).all()):
            raise ValueError(f"layer {k} needs finite weights and biases, got NaN or infinity")
        affines.append(_affine(weight, bias))
    return affines


def _read_points(affines: Sequence[_Affine], points: np.ndarray) -> np.ndarray:
    """The points in float64: in a narrower format the bounds would be computed in it."""
    points = exact_floats(points, "points")
    inputs = affines[0].weight.shape[1]
    if points.ndim != 2 or not len(points) or points.shape[1] != inputs:
        raise ValueError(f"points need shape (n >= 1, {inputs}), the network's inputs, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"points need finite coordinates, got {points[~np.isfinite(points)][0]}")
    return points


def read_ball(radius: Any, p: Any) -> tuple[float, float]:
    """The radius and the exponent of a ball as floats.

    Raises:
        ValueError: unless the radius is finite and >= 0 and p is in [1, ∞], and float64 holds them exactly.
    """
    size = read_scalar(radius, "radius")
    if not 0 <= size < np.inf:
        raise ValueError(f"a ball needs a finite radius >= 0, got {radius}")
    return size, read_exponent(p)


def _check_method(method: str) -> None:
    if method not in ("interval", "linear"):
        raise ValueError(f"method must be 'interval' or 'linear', got {method!r}")


def _floats_per_point(affines: Sequence[_Affine]) -> int:
    return 8 * sum(sum(a.weight.shape) for a in affines)


def _blocks(count: int, floats: int) -> Iterator[slice]:
    """Slices of `range(count)` such that `floats` numbers an element fit in BLOCK_BYTES."""
    size = max(1, BLOCK_BYTES // (8 * max(1, floats)))
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _apply(matrix: Matrix, x: np.ndarray) -> np.ndarray:
    """`matrix @ x_i` for each row x_i."""
    return x @ matrix.T if isinstance(matrix, np.ndarray) else np.asarray((matrix @ x.T).T)


def _outward(lower: np.ndarray, upper: np.ndarray) -> Bounds:
    """Replace what overflowed by infinities."""
    return (
        np.where(np.isfinite(lower), lower, -np.inf),
        np.where(np.isfinite(upper), upper, np.inf),
    )


def _affine_interval(affine: _Affine, lower: np.ndarray, upper: np.ndarray) -> Bounds:
    """Range of `W h + b` over boxes, by centre and half-width: two products, rounding included."""
    g = affine.slack
    centre = 0.5 * lower + 0.5 * upper
    half = np.maximum(upper - centre, centre - lower)
    size = np.abs(centre) + half + TINY
    value = _apply(affine.weight, centre) + affine.bias
    spread = _apply(affine.absolute, half + g * size + TINY) + g * affine.bias_size + affine.floor
    if affine.error is not None:
        spread = spread + _apply(affine.error, size)
    return _outward(value - spread, value + spread)


def _affine_ball(affine: _Affine, ball: _Ball) -> Bounds:
    """Range of `W x + b` over balls: exact dual norm, rounding included."""
    g = affine.slack
    size = np.abs(ball.centres)
    value = _apply(affine.weight, ball.centres) + affine.bias
    dual = _row_norms(affine.weight, dual_exponent(ball.p))
    error = g * (_apply(affine.absolute, size) + affine.bias_size) + affine.floor
    if affine.error is not None:
        error = error + _apply(affine.error, size + (ball.radius + TINY))
    spread = ball.radius * dual * (1.0 + g) + error
    return _outward(value - spread, value + spread)


def _row_norms(weight: Matrix, q: float) -> np.ndarray:
    """Upper bounds of the l_q norms of the rows."""
    if isinstance(weight, np.ndarray):
        return norm_upper_bound(weight, q)
    norms = np.zeros(weight.shape[0])
    # Rows of equal count together: a dense array of the stored entries, no larger than the matrix.
    counts = np.diff(weight.indptr)
    for count in np.unique(counts[counts > 0]):
        rows = np.flatnonzero(counts == count)
        norms[rows] = norm_upper_bound(weight.data[weight.indptr[rows][:, None] + np.arange(count)], q)
    return norms


def _ball_preactivations(affines: Sequence[_Affine], ball: _Ball, method: BoundMethod, *, whole: bool) -> list[Bounds]:
    """Bounds of the values before each ReLU; with `whole`, of the output too."""
    last = len(affines) if whole else len(affines) - 1
    bounds: list[Bounds] = []
    plain: list[Bounds] = []
    for k in range(last):
        if k == 0:
            bounds.append(_affine_ball(affines[0], ball))
            plain.append(bounds[0])
            continue
        lower, upper = _after_relu(affines[k], plain[-1])
        plain.append((lower, upper))
        if method == "linear" and k > 1:
            again = _after_relu(affines[k], bounds[-1])
            lower, upper = np.maximum(lower, again[0]), np.minimum(upper, again[1])
        if method == "linear":
            # Stable neurons are linear already; the output is wanted whole.
            output = k == len(affines) - 1
            rows = np.flatnonzero(output | ((lower < 0) & (upper > 0)).any(axis=0))
            lower, upper = _tightened(affines, bounds, ball, rows, (lower, upper))
        bounds.append((lower, upper))
    return bounds


def _after_relu(affine: _Affine, before: Bounds) -> Bounds:
    """Range of `W h + b` behind a ReLU, each term at the end of the range of `h_j >= 0` at which it is least, or most.

    What is rounded is counted by the values there: a sum of terms <= 0 is never taken for a positive one.
    """
    low, high = np.maximum(before[0], 0.0), np.maximum(before[1], 0.0)
    up, down = affine.parts
    most = _apply(up, high) * (1.0 + affine.slack) - _apply(down, low) * (1.0 - affine.slack)
    upper = most + affine.bias + (affine.slack * affine.bias_size + affine.floor)
    return _least_after_relu(affine, before), np.where(np.isfinite(upper), upper, np.inf)


def _least_after_relu(affine: _Affine, before: Bounds) -> np.ndarray:
    """The lower ends of `_after_relu`, also for a layer that is known up to an error of its weights."""
    low, high = np.maximum(before[0], 0.0), np.maximum(before[1], 0.0)
    up, down = affine.parts
    least = _apply(up, low) * (1.0 - affine.slack) - _apply(down, high) * (1.0 + affine.slack)
    lower = least + affine.bias - (affine.slack * affine.bias_size + affine.floor)
    return np.where(np.isfinite(lower), lower, -np.inf)


def _tightened(
    affines: Sequence[_Affine], bounds: Sequence[Bounds], ball: _Ball, rows: np.ndarray, known: Bounds
) -> Bounds:
    """Known bounds of layer `len(bounds)`, improved by linear relaxation for its neurons `rows`."""
    lower, upper = known[0].copy(), known[1].copy()
    k = len(bounds)
    affine = affines[k]
    floats = 5 * len(lower) * _widest(affines[: k + 1])
    for part in _blocks(len(rows), 2 * floats):
        some = rows[part]
        weight = affine.weight[some]
        weight = weight if isinstance(weight, np.ndarray) else weight.toarray()
        bias = affine.bias[some]
        both = _affine(np.concatenate([weight, -weight]), np.concatenate([bias, -bias]))
        linear = _backward(both, affines[:k], bounds, ball)
        lower[:, some] = np.maximum(lower[:, some], linear[:, : len(some)])
        upper[:, some] = np.minimum(upper[:, some], -linear[:, len(some) :])
    return lower, upper


def _widest(affines: Sequence[_Affine]) -> int:
    return int(max(max(a.weight.shape) for a in affines))


def _form_lower_bounds(
    affines: Sequence[_Affine],
    centres: np.ndarray,
    radius: float,
    p: float,
    forms: np.ndarray,
    method: BoundMethod,
) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        head = _merge(forms, affines[-1])
    hidden = affines[:-1]
    floats = _floats_per_point([*hidden, head])
    if method == "linear" and hidden:
        floats += 5 * len(forms) * _widest(hidden)
    lower = np.empty((len(centres), len(forms)))
    for rows in _blocks(len(centres), floats):
        with np.errstate(over="ignore", invalid="ignore"):
            ball = _Ball(centres[rows], radius, p)
            if not hidden:
                lower[rows] = _affine_ball(head, ball)[0]
                continue
            plain = _ball_preactivations(affines, ball, "interval", whole=False)
            best = _least_after_relu(head, plain[-1])
            if method == "linear":
                bounds = plain
                if len(hidden) > 1:
                    bounds = _ball_preactivations(affines, ball, "linear", whole=False)
                    best = np.maximum(best, _least_after_relu(head, bounds[-1]))
                best = np.maximum(best, _backward(head, hidden, bounds, ball))
            lower[rows] = best
    return lower


def _merge(forms: np.ndarray, last: _Affine) -> _Affine:
    """The layer `forms @ last`, with the error of the product of the weights."""
    weight = np.asarray(forms @ last.weight)
    g = gamma(2 * forms.shape[1] + 16)
    size = np.abs(forms)
    error = g * np.asarray(size @ last.absolute)
    # A row of ±1 loses nothing, and zeros stay zeros.
    exact = (np.count_nonzero(forms, axis=1) == 1) & (size.max(axis=1) == 1)
    error = np.where(exact[:, None], 0.0, error + TINY)
    merged = _affine(weight, forms @ last.bias)
    # The product of a form and a bias may underflow, also where all weights are 0.
    floor = merged.floor + np.where(exact, 0.0, TINY)
    return replace(merged, bias_size=size @ last.bias_size, floor=floor, error=error, spent=forms.shape[1])


def _backward(head: _Affine, hidden: Sequence[_Affine], bounds: Sequence[Bounds], ball: _Ball) -> np.ndarray:
    """Lower bounds (n, k) of `head(h)`, h the last hidden layer, by substituting layer after layer.

    Invariant: on the ball, `head >= coefficient · h + constant - error` (coefficient: n × k × width).
    """
    tops = [np.maximum(upper, 0.0) for _, upper in bounds]
    inputs = np.abs(ball.centres) + (ball.radius + TINY)
    coefficient = np.broadcast_to(head.weight, (len(ball.centres), *head.weight.shape))
    constant = np.broadcast_to(head.bias, coefficient.shape[:2])
    error = np.broadcast_to(head.slack * head.bias_size, coefficient.shape[:2])
    if head.error is not None:
        error = error + _apply(head.error, tops[-1]) * (1.0 + head.slack)
    for k in reversed(range(len(hidden))):
        affine = hidden[k]
        low_slope, high_slope, offset = _relu_lines(*bounds[k])
        negative = np.minimum(coefficient, 0.0)
        coefficient = np.maximum(coefficient, 0.0) * low_slope[:, None] + negative * high_slope[:, None]
        raised = (negative @ offset[:, :, None])[..., 0]
        del negative
        before = (tops[k - 1] if k else inputs * (1.0 + 4.0 * UNIT_ROUNDOFF)) + TINY
        # |z| and all that rounding touches in z = W h + b, for |h| <= before.
        size = _apply(affine.absolute, before) + affine.bias_size + TINY
        g = gamma(4 * max(affine.weight.shape) + 64)
        touched = (np.abs(coefficient) @ size[:, :, None])[..., 0]
        shift = np.asarray(coefficient @ affine.bias)
        tiny = TINY * (1.0 + size.sum(axis=1) + before.sum(axis=1))[:, None]
        error = (error + g * (touched + np.abs(raised) + np.abs(constant)) + tiny) * (1.0 + g)
        constant = constant + raised + shift
        flat = coefficient.reshape(-1, coefficient.shape[-1])
        coefficient = np.asarray(flat @ affine.weight).reshape(*coefficient.shape[:2], -1)
    g = gamma(4 * coefficient.shape[-1] + 64)
    centres = ball.centres[:, :, None]
    value = constant + (coefficient @ centres)[..., 0]
    touched = np.abs(constant) + (np.abs(coefficient) @ np.abs(centres))[..., 0]
    drop = ball.radius * norm_upper_bound(coefficient, dual_exponent(ball.p))
    lower = value - (drop + error + g * touched + TINY) * (1.0 + g)
    return np.where(np.isfinite(lower), lower, -np.inf)


def _relu_lines(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes α, s and offset t with `α z <= σ(z) <= s z + t` for every z in [lower, upper].

    Sound for whatever s in [0, 1] the division returns: σ is convex, so t only has to make the line
    right at the two ends.
    """
    unstable = (lower < 0) & (upper > 0)
    active = (lower >= 0).astype(np.float64)
    chord = np.clip(upper / np.where(unstable, upper - lower, 1.0), 0.0, 1.0)
    high = np.where(unstable, chord, active)
    offset = np.maximum(-high * lower, (1.0 - high) * upper) * (1.0 + 8.0 * UNIT_ROUNDOFF) + TINY
    low = np.where(unstable, (upper >= -lower).astype(np.float64), active)
    return low, high, np.where(unstable, offset, 0.0)
