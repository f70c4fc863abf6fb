"""Bounds on what a network computes in float64 or float32, not on the function over the reals.

The *executed* network has its weights and biases rounded to the format. It takes any input vector of that format in
the ball. A layer with at most k non-zero weights a row computes each output as `Σ w_j h_j + b` in any order and any
tree of additions, with or without fused multiply-adds, so that (Higham, Accuracy and Stability of Numerical
Algorithms, section 3.1; products with zero weights and additions of zero are exact)

    |computed - exact| <= γ_{k+1} (Σ |w_j| |h_j| + |b|) + (2 k + 2) λ,    γ_k = k u / (1 - k u),

where `h` are the values computed before and λ, the least normal number, allows for gradual underflow as well as
for results flushed to zero. Where subnormal numbers are also read as zero (a switch in torch, the default of JAX on a
CPU), an input moves by less than λ, a hidden value is one that was flushed when it was written, and a subnormal weight
or bias adds less than `λ |h_j|` or λ:

    ... <= γ_{k+1} (Σ |w_j| |h_j| + |b|) + (2 k + 2) λ + λ Σ_{|w_j| < λ} |h_j|   on the ball of radius δ + λ.

Wider accumulators only lose less; numbers narrower than the format inside (TF32, bfloat16 under autocast) and
Strassen-like products are not covered. The ReLU and the comparison of the outputs are exact. Intervals for the computed
values are carried through the layers; they are found in float64 themselves, with their own rounding included. A ball on
which some partial sum may overflow gets the bound `-inf`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.networks.network import Affine, ReLUNetwork, dense
from theory.arguments.plain_array import exact_floats
from theory.arguments.subnormals import check_subnormals
from theory.balls.relaxation import read_ball
from theory.layers import Layers, Matrix, evaluate
from theory.roundoff import TINY, gamma, norm_upper_bound
from theory.setting.losses import check_labels
from theory.setting.norms import dual_exponent

# Of the widest layer: what is carried from layer to layer should stay in the cache.
_BLOCK_FLOATS = 2**21
_BLOCK_WEIGHTS = 2**19
# A dense product is about so many times faster an entry than a sparse one.
_DENSE_GAIN = 20
_DENSE_FLOATS = 2**27
_NORM_ROWS = 1024


@dataclass(frozen=True)
class Format:
    """A floating-point format: unit roundoff u, least normal number λ, greatest number."""

    dtype: type[np.floating[Any]]
    roundoff: float
    least: float
    greatest: float

    def gamma(self, k: int) -> float:
        """`γ_k` in this format; infinite where `k u >= 1/2` and the bound says nothing."""
        spent = k * self.roundoff
        return spent / (1.0 - spent) * (1 + 4 * gamma(1)) if spent < 0.5 else np.inf


FORMATS = {
    "float64": Format(np.float64, 2.0**-53, 2.0**-1022, float(np.finfo(np.float64).max)),
    "float32": Format(np.float32, 2.0**-24, 2.0**-126, float(np.finfo(np.float32).max)),
}


@dataclass(frozen=True, eq=False)
class ExecutedLayer:
    """An affine layer in the format in which it is executed."""

    weight: Matrix
    bias: np.ndarray


def executed_layers(layers: Layers, arithmetic: str) -> tuple[ExecutedLayer, ...]:
    """The layers with weights and biases rounded to the nearest number of the format.

    Raises:
        ValueError: if the arithmetic is not "float64" or "float32", or an entry is too large for it.
    """
    kind = read_format(arithmetic).dtype
    with np.errstate(over="ignore"):
        cast = tuple(ExecutedLayer(f.weight.astype(kind), f.bias.astype(kind)) for f in layers)
    for k, layer in enumerate(cast):
        entries = layer.weight if isinstance(layer.weight, np.ndarray) else layer.weight.data
        if not (np.isfinite(entries).all() and np.isfinite(layer.bias).all()):
            raise ValueError(f"layer {k} has an entry beyond {arithmetic}: rescale the network, or use float64")
    return cast


def as_executed(network: ReLUNetwork, arithmetic: str) -> ReLUNetwork:
    """The network over the reals whose weights and biases are those of the executed one."""
    layers = executed_layers(network.layers, arithmetic)
    return ReLUNetwork(tuple(Affine(f.weight.astype(np.float64), f.bias.astype(np.float64)) for f in layers))


def run(layers: Sequence[ExecutedLayer], x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n outputs"]:
    """The executed network at the rows of x, which are rounded to its format first; one order of summation."""
    return evaluate(layers, x.astype(layers[0].bias.dtype))


def executed_margin_bound(
    layers: Layers,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: Any,
    p: Any,
    arithmetic: str,
    *,
    box: tuple[np.ndarray, np.ndarray] | None = None,
) -> Float[np.ndarray, " n"]:
    """Lower bounds of the least margin that the executed network computes on the balls `B_p(x_i, radius)`.

    The margin is `y f̂(x)` for one output and `min_{c != y} f̂_y(x) - f̂_c(x)` for several, an exact difference of
    computed outputs. A positive bound says that no input vector of the format in the real ball is misclassified,
    whatever the order of summation.

    Args:
        layers: the network, in float64; it is rounded to the format here.
        points: shape (n, d), the real centres.
        labels: shape (n,), in {-1, +1} for one output, in 0..C-1 for C outputs.
        radius: of the balls, finite and >= 0.
        p: in [1, ∞].
        arithmetic: "float64" or "float32".
        box: for p = ∞ the ends of boxes of floats, of shape (n, d), that are meant instead of the balls; not read for
            p < ∞.

    Raises:
        ValueError: for another arithmetic, radius, p or label, or weights beyond the format.
    """
    form = read_format(arithmetic)
    check_subnormals("a sound bound")
    radius, p = read_ball(radius, p)
    cast = executed_layers(layers, arithmetic)
    points = exact_floats(points, "points")
    if points.ndim != 2 or labels.shape != points.shape[:1]:
        raise ValueError(f"labels must hold one label a point, got points {points.shape} and labels {labels.shape}")
    check_labels(labels, len(cast[-1].bias))
    hidden = [_prepare(layer, form) for layer in cast[:-1]]
    heads = {int(label): _head(cast[-1], int(label), form) for label in np.unique(labels)}
    widest = max(max(layer.weight.shape) for layer in cast)
    lower = np.empty(len(points))
    step = min(512, max(16, _BLOCK_FLOATS // widest))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for start in range(0, len(points), step):
            rows = slice(start, start + step)
            ends = None if box is None or not np.isinf(p) else (box[0][rows], box[1][rows])
            lower[rows] = _block(hidden, heads, form, points[rows], labels[rows], radius, p, ends)
    return lower


def executed_bounds(
    layers: Layers, low: Float[np.ndarray, "n d"], high: Float[np.ndarray, "n d"], arithmetic: str
) -> tuple[Float[np.ndarray, "n outputs"], Float[np.ndarray, "n outputs"]]:
    """Bounds of all that the executed network computes on the boxes; infinite where a partial sum may overflow."""
    form = read_format(arithmetic)
    check_subnormals("a sound bound")
    low, high = exact_floats(low, "corners"), exact_floats(high, "corners")
    (lower, upper), safe = _with_flushed(low.T, high.T, form), np.ones(len(low), dtype=bool)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for k, layer in enumerate(executed_layers(layers, arithmetic)):
            if k:
                lower, upper = np.maximum(lower, 0.0), np.maximum(upper, 0.0)
            ends = []
            for rows in _row_blocks(layer):
                ready = _prepare(rows, form)
                safe &= _is_safe(ready, lower, upper, form)
                ends.append((_layer_behind if k else _layer_box)(ready, lower, upper))
            lower, upper = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    return np.where(safe[:, None], lower.T, -np.inf), np.where(safe[:, None], upper.T, np.inf)


def _row_blocks(layer: ExecutedLayer) -> Iterator[ExecutedLayer]:
    """The layer, some rows at a time: of few boxes the bounds take less memory than what is prepared of the weights."""
    outputs = len(layer.bias)
    step = max(1, outputs * _BLOCK_WEIGHTS // max(layer.weight.size, 1))
    for start in range(0, outputs, step):
        rows = slice(start, start + step)
        yield ExecutedLayer(layer.weight[rows], layer.bias[rows])


def read_format(arithmetic: str) -> Format:
    """The format of an executed network.

    Raises:
        ValueError: for another arithmetic.
    """
    if arithmetic not in FORMATS:
        raise ValueError(f"an executed network needs arithmetic float64 or float32, got {arithmetic!r}")
    return FORMATS[arithmetic]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of a layer with about as many non-zeros; `absolute` bounds `|weight|` and the terms that were rounded.

    `floor` bounds what results that count as zero take, `vanishing` times the greatest input what weights do.
    """

    index: np.ndarray
    weight: Matrix
    absolute: Matrix | None
    sign: float
    bias: np.ndarray
    bias_size: np.ndarray
    slack: float
    floor: float
    vanishing: float

    def spread(self, x: np.ndarray) -> np.ndarray:
        """`absolute @ x`."""
        return np.asarray(self.weight @ x * self.sign if self.absolute is None else self.absolute @ x)

    @cached_property
    def parts(self) -> tuple[Matrix | None, Matrix | None]:
        """The weight as a difference of two that are >= 0; None for a part that is 0."""
        if self.sign:
            return (self.weight, None) if self.sign > 0 else (None, -self.weight)
        weight = self.weight
        if isinstance(weight, np.ndarray):
            return np.maximum(weight, 0.0), np.maximum(-weight, 0.0)
        return sp.csr_array(weight.maximum(0.0)), sp.csr_array((-weight).maximum(0.0))


@dataclass(frozen=True, eq=False)
class _Layer:
    rows: list[_Rows]
    outputs: int
    gain: float
    offset: float


def _slack(terms: int, form: Format, *, exact: bool = False) -> float:
    """Relative error of one executed sum, and of its bound as computed here, generously."""
    executed = 0.0 if exact else form.gamma(terms + 1)
    return executed * (1 + 2.0**-20) + gamma(4 * terms + 64)


def _floor(terms: int, form: Format) -> float:
    return (2 * terms + 2) * form.least + TINY


def _prepare(layer: ExecutedLayer, form: Format) -> _Layer:
    weight, bias = layer.weight, layer.bias.astype(np.float64)
    stored = weight if isinstance(weight, np.ndarray) else weight.data
    terms = np.count_nonzero(weight, axis=1) if isinstance(weight, np.ndarray) else np.diff(weight.indptr)
    vanishing = subnormal_weights(weight, form)
    weight = _quick(weight.astype(np.float64))
    with np.errstate(over="ignore"):
        sums = np.asarray(abs(weight).sum(axis=1)).ravel()
    # A row ±2^k e_j without bias rounds nothing, and one without weights is its bias, unless that is subnormal; the
    # others in classes of about as many terms.
    exact = (terms == 1) & (bias == 0) & (np.frexp(sums)[0] == 0.5)
    constant = (terms == 0) & ((bias == 0) | (np.abs(bias) >= form.least))
    groups = np.select([constant, exact], [-2, -1], [int(t).bit_length() for t in terms])
    signed = 1.0 if np.all(stored >= 0) else -1.0 if np.all(stored <= 0) else 0.0
    rows = []
    for group in np.unique(groups):
        index = np.flatnonzero(groups == group)
        part = weight if len(index) == len(bias) else weight[index]
        most = int(terms[index].max())
        own = bias[index]
        absolute = None if signed else abs(part)
        slack = _slack(most, form, exact=bool(group == -1)) if most else 0.0
        floor = 0.0 if group == -2 else _floor(most, form)
        lost = form.least * float(vanishing[index].max())
        rows.append(_Rows(index, part, absolute, signed, own, np.abs(own), slack, floor, lost))
    return _Layer(rows, len(bias), float(sums.max()), float(np.abs(bias).max()))


def subnormal_weights(weight: Matrix, form: Format) -> np.ndarray:
    """How many weights of each row are subnormal numbers of the format."""
    entries = weight if isinstance(weight, np.ndarray) else weight.data
    small = (entries != 0) & (np.abs(entries) < form.least)
    if isinstance(weight, np.ndarray):
        return np.asarray(small.sum(axis=1))
    places = np.searchsorted(weight.indptr, np.flatnonzero(small), side="right") - 1
    return np.bincount(places, minlength=weight.shape[0])


def _quick(weight: Matrix) -> Matrix:
    """Dense where the dense product is the faster one and fits."""
    if isinstance(weight, np.ndarray):
        return weight
    size = weight.shape[0] * weight.shape[1]
    return dense(weight) if _DENSE_GAIN * weight.nnz > size and size <= _DENSE_FLOATS else weight


@dataclass(frozen=True, eq=False)
class _Head:
    """The forms `f_y - f_c` of the last layer, merged; `size` bounds what is rounded in both outputs."""

    weight: np.ndarray
    terms: int
    size: np.ndarray
    bias: np.ndarray
    bias_size: np.ndarray
    slack: float
    floor: float
    vanishing: float
    gain: float


def _head(last: ExecutedLayer, label: int, form: Format) -> _Head:
    weight = last.weight if isinstance(last.weight, np.ndarray) else last.weight.toarray()
    weight, bias = weight.astype(np.float64), last.bias.astype(np.float64)
    terms = int(np.count_nonzero(weight, axis=1).max())
    slack, floor = _slack(terms + 2, form), 2 * _floor(terms, form)
    vanishing = 2 * form.least * float(subnormal_weights(weight, form).max())
    with np.errstate(over="ignore"):
        gain = float(np.abs(weight).sum(axis=1).max() + np.abs(bias).max())
    if len(bias) == 1:
        return _Head(label * weight, terms, np.abs(weight), label * bias, np.abs(bias), slack, floor, vanishing, gain)
    others = np.delete(np.arange(len(bias)), label)
    with np.errstate(over="ignore"):
        size = np.abs(weight[label]) + np.abs(weight[others])
        bias_size = np.abs(bias[label]) + np.abs(bias[others])
        merged, shift = weight[label] - weight[others], bias[label] - bias[others]
    return _Head(merged, terms, size, shift, bias_size, slack, floor, vanishing, gain)


def _block(
    hidden: list[_Layer],
    heads: dict[int, _Head],
    form: Format,
    points: np.ndarray,
    labels: np.ndarray,
    radius: float,
    p: float,
    ends: tuple[np.ndarray, np.ndarray] | None,
) -> np.ndarray:
    """Lower bounds for some balls; inside, values have shape (neurons, balls)."""
    safe = np.ones(len(points), dtype=bool)
    ball: tuple[float, float] | None = None if np.isinf(p) else (radius, p)
    centre = np.ascontiguousarray(points.T)
    # The real box, one float outward.
    low, high = np.nextafter(centre - radius, -np.inf), np.nextafter(centre + radius, np.inf)
    if ends is not None:
        low, high = (np.ascontiguousarray(end.T) for end in ends)
    low, high = _with_flushed(low, high, form)
    for layer in hidden:
        safe &= _is_safe(layer, low, high, form)
        if layer is not hidden[0]:
            low, high = _layer_behind(layer, low, high)
        elif ball is None:
            low, high = _layer_box(layer, low, high)
        else:
            low, high = _layer_ball(layer, form, centre, low, high, *ball)
        np.maximum(low, 0.0, out=low)
        np.maximum(high, 0.0, out=high)
    lower = np.empty(len(points))
    for label, head in heads.items():
        mine = np.flatnonzero(labels == label)
        if len(mine):
            box = low[:, mine], high[:, mine]
            lower[mine] = (
                _margin_behind(head, form, *box) if hidden else _margin(head, form, *box, centre[:, mine], ball)
            )
    return np.where(safe & np.isfinite(lower), lower, -np.inf)


def _with_flushed(low: np.ndarray, high: np.ndarray, form: Format) -> tuple[np.ndarray, np.ndarray]:
    """The box of what may be read of its vectors when subnormal inputs count as zero."""
    return np.nextafter(low - form.least, -np.inf), np.nextafter(high + form.least, np.inf)


def _is_safe(layer: "_Layer", low: np.ndarray, high: np.ndarray, form: Format) -> np.ndarray:
    """Whether no partial sum of the layer can overflow."""
    reach = np.maximum(np.abs(low), np.abs(high)).max(axis=0)
    return np.asarray(layer.gain * reach + layer.offset <= form.greatest / 4)


def _middle(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = 0.5 * low + 0.5 * high
    return middle, np.maximum(high - middle, middle - low)


def _layer_box(layer: _Layer, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle, half = _middle(low, high)
    size = np.abs(middle) + half
    lower, upper = [np.empty((layer.outputs, low.shape[1])) for _ in range(2)]
    for rows in layer.rows:
        touched = rows.slack * size
        touched += half
        touched += TINY
        value, spread = rows.weight @ middle, rows.spread(touched)
        value += rows.bias[:, None]
        spread += (rows.slack * rows.bias_size)[:, None] + (rows.floor + rows.vanishing * size.max(axis=0))
        lower[rows.index], upper[rows.index] = value - spread, value + spread
    return lower, upper


def _layer_behind(layer: _Layer, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As for the box, for inputs >= 0: the error is that of the values at which a sum is least, or greatest.

    So a sum of terms <= 0 is never taken for a positive one.
    """
    largest = high.max(axis=0)
    lower, upper = [np.empty((layer.outputs, low.shape[1])) for _ in range(2)]
    for rows in layer.rows:
        up, down = rows.parts
        more, less = 1 + rows.slack, 1 - rows.slack
        lost = (rows.slack * rows.bias_size)[:, None] + (rows.floor + rows.vanishing * largest)
        least = _times(up, low) * less - _times(down, high) * more
        most = _times(up, high) * more - _times(down, low) * less
        lower[rows.index], upper[rows.index] = least + rows.bias[:, None] - lost, most + rows.bias[:, None] + lost
    return lower, upper


def _times(part: Matrix | None, x: np.ndarray) -> np.ndarray | float:
    return 0.0 if part is None else np.asarray(part @ x)


def _layer_ball(
    layer: _Layer, form: Format, centre: np.ndarray, low: np.ndarray, high: np.ndarray, radius: float, p: float
) -> tuple[np.ndarray, np.ndarray]:
    """As for the box, the exact range of a row being `radius` times its dual norm, and λ for inputs read as zero."""
    size = np.maximum(np.abs(low), np.abs(high))
    moved = np.full((len(centre), 1), 2 * form.least)
    lower, upper = [np.empty((layer.outputs, low.shape[1])) for _ in range(2)]
    for rows in layer.rows:
        value = rows.weight @ centre + rows.bias[:, None]
        dual = radius * _row_norms(rows.weight, dual_exponent(p)) * (1 + rows.slack)
        rounded = rows.slack * (rows.spread(size) + rows.bias_size[:, None]) + rows.spread(moved)
        spread = dual[:, None] + rounded + (rows.floor + rows.vanishing * size.max(axis=0))
        lower[rows.index], upper[rows.index] = value - spread, value + spread
    return lower, upper


def _margin_behind(head: _Head, form: Format, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Behind a ReLU, where `0 <= low <= h <= high`: the error is that of the values at which the margin is least.

    With `s` for `slack` the computed `f_y - f_c` is at least `Σ (w_j - s |w|_j) h_j` and the biases' part: a sum of
    terms linear in `h_j`, each least at an end of its range. What another output could be on the ball where this one
    is least does not count.
    """
    weight = head.weight - head.slack * head.size
    g = gamma(8 * head.terms + 64)
    least = np.maximum(weight, 0.0) @ low * (1 - g) - np.maximum(-weight, 0.0) @ high * (1 + g)
    lost = head.slack * head.bias_size[:, None] + head.floor + head.vanishing * high.max(axis=0)
    bound = least + head.bias[:, None] - lost
    safe = head.gain * (1 + high.max(axis=0)) <= form.greatest / 4
    return np.where(safe, bound.min(axis=0), -np.inf)


def _margin(
    head: _Head, form: Format, low: np.ndarray, high: np.ndarray, centre: np.ndarray, ball: tuple[float, float] | None
) -> np.ndarray:
    """Of a network of one layer."""
    middle, half = _middle(low, high)
    size = np.abs(middle) + half
    rounded = head.slack * (head.size @ size + head.bias_size[:, None]) + head.floor + head.vanishing * size.max(axis=0)
    if ball is None:
        reach = np.abs(head.weight) @ (half + TINY)
    else:
        dual = _row_norms(head.weight, dual_exponent(ball[1]))
        reach = (ball[0] * dual * (1 + head.slack) + 2 * form.least * head.size.sum(axis=1))[:, None]
        middle = centre
    bound = head.weight @ middle + head.bias[:, None] - reach - rounded
    safe = head.gain * (1 + size.max(axis=0)) <= form.greatest / 4
    return np.where(safe, bound.min(axis=0), -np.inf)


def _row_norms(weight: Matrix, q: float) -> np.ndarray:
    """Upper bounds of the l_q norms of the rows."""
    blocks = []
    for start in range(0, weight.shape[0], _NORM_ROWS):
        part = weight[start : start + _NORM_ROWS]
        blocks.append(norm_upper_bound(part if isinstance(part, np.ndarray) else part.toarray(), q))
    return np.concatenate(blocks)
