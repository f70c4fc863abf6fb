"""Interval bounds of the margins, layer by layer, in float64 from outside.

Neurons that are surely off on all balls of a block are left out of the next layer: their outputs are 0, products of
finite weights with it are 0, and adding these rounds nothing in any order of summation. So of a layer of indicators,
nearly all of which are off on a ball, few rows are bounded, and few columns read.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from constructions.check.affine import GREATEST, LEAST, TINY, affine, rounding, underflow
from constructions.check.files import Layer
from constructions.check.known import Known
from constructions.check.outputs import margin_forms, monotone_margin, separate_margin
from constructions.check.products import BLOCK, SHORT, dense, of_sign, part, product, transposed

# Balls at one time: few leave many neurons off, many share what is computed of the weights.
BALLS = 128
# Columns that are enough to see of most neurons of a layer that they are off.
COLUMNS = 128


def rounded(f: Layer, arithmetic: str) -> Layer:
    """The layer with its weights and biases in the format."""
    if arithmetic != "float32":
        return f
    with np.errstate(over="ignore"):
        value, bias = f.value.astype(np.float32).astype(np.float64), f.bias.astype(np.float32).astype(np.float64)
    return Layer(f.shape, f.start, f.column, value, bias)


def margin_bounds(
    layers: list[Layer],
    points: np.ndarray,
    labels: np.ndarray,
    radius: float,
    p: float,
    arithmetic: str,
    known: Known | None = None,
) -> np.ndarray:
    """Interval bounds of the margins over the balls in float64, from outside."""
    if not all(np.isfinite(f.value).all() and np.isfinite(f.bias).all() for f in layers):
        return np.full(len(points), -np.inf)
    # Of the layers before bounds that stand alone, what the rest of theirs reads.
    wanted = [np.arange(f.shape[0]) for f in layers]
    if known is not None and known.alone:
        wanted[known.number] = wanted[known.number][known.size :]
        for k in range(known.number, 0, -1):
            wanted[k - 1] = np.unique(part(layers[k], wanted[k]).column)
    reads = [
        Read(f.shape[0], rows, f if len(rows) == f.shape[0] else part(f, rows))
        for f, rows in zip(layers[:-1], wanted, strict=False)
    ]
    step = min(BALLS, max(1, BLOCK // max(max(f.shape) for f in layers)))
    blocks = [np.arange(s, min(s + step, len(points))) for s in range(0, len(points), step)]
    with np.errstate(all="ignore"):
        return np.concatenate(
            [_bounds(reads, layers[-1], points, b, labels[b], radius, p, arithmetic, known) for b in blocks]
        )


@dataclass(frozen=True)
class Read:
    """The rows of a layer that are read, by their numbers in it, and what of them is computed once for all balls."""

    size: int
    rows: np.ndarray
    layer: Layer

    @cached_property
    def total(self) -> np.ndarray:
        """Sums of absolute values, row by row."""
        f = self.layer
        return np.bincount(np.repeat(np.arange(f.shape[0]), np.diff(f.start)), np.abs(f.value), f.shape[0])

    @cached_property
    def positive(self) -> Layer:
        return of_sign(self.layer, 1)

    @cached_property
    def negative(self) -> Layer:
        return of_sign(self.layer, -1)

    @cached_property
    def columns(self) -> Layer:
        """Those of the negative part, as rows."""
        return transposed(self.negative)

    @cached_property
    def weights(self) -> np.ndarray:
        """Sums of the negative part, column by column."""
        return np.bincount(self.negative.column, self.negative.value, self.layer.shape[1])


def _bounds(
    reads: list[Read],
    last: Layer,
    points: np.ndarray,
    balls: np.ndarray,
    labels: np.ndarray,
    radius: float,
    p: float,
    arithmetic: str,
    known: Known | None,
) -> np.ndarray:
    x = points[balls].T
    low, high = np.nextafter(x - radius, -np.inf), np.nextafter(x + radius, np.inf)
    # An executed network may read a subnormal input as zero.
    flushed = LEAST[arithmetic]
    low, high = np.nextafter(low - flushed, -np.inf), np.nextafter(high + flushed, np.inf)
    safe = np.ones(x.shape[1], dtype=bool)
    # A ball of another p lies in the box.
    dual: tuple[np.ndarray, float, float] | None = (x, radius, p) if p in (1, 2) else None
    for number, read in enumerate(reads):
        nearby = known if known is not None and number == known.number else None
        low, high, fits = _hidden(read, low, high, dual, arithmetic, nearby, points[balls])
        safe, dual = safe & fits, None
    lower = np.empty(x.shape[1])
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        centre = None if dual is None else (dual[0][:, mine], dual[1], dual[2])
        form, sizes, terms = margin_forms(last, int(label))
        found, _, size = affine(form, low[:, mine], high[:, mine], arithmetic, centre, sizes, terms)
        safe[mine] &= size.max(axis=0) <= GREATEST[arithmetic] / 8
        lower[mine] = found.min(axis=0)
        if centre is None:
            for margin in (separate_margin, monotone_margin):
                other = margin(last, int(label), low[:, mine], high[:, mine], arithmetic)
                lower[mine] = np.maximum(lower[mine], other)
    return np.where(safe & np.isfinite(lower), lower, -np.inf)


def _hidden(
    read: Read,
    low: np.ndarray,
    high: np.ndarray,
    dual: tuple[np.ndarray, float, float] | None,
    arithmetic: str,
    known: Known | None,
    points: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ranges of the values behind the ReLU, and for which balls nothing overflows and no bounds contradict each other.

    Of the layer without ReLU before it `dual` is the ball. Neurons that are not read count as off; `known` is about
    this layer, or None.
    """
    on = _may_be_on(read, low, high, arithmetic)
    skipped = np.zeros(len(on), dtype=bool)
    if known is not None:
        least, greatest = known.bounds(points)
        if not known.alone:
            skipped[: known.size] = (least >= known.enough[:, None]).all(axis=1)
    rows = np.flatnonzero(on & ~skipped)
    # Inputs that are 0 on all these balls add nothing, in any order, and round nothing: the weights are finite.
    filled = np.flatnonzero(low.any(axis=1) | high.any(axis=1))
    if dual is not None:
        filled = np.arange(len(low))
    own = affine(part(read.layer, rows, filled), low[filled], high[filled], arithmetic, dual)
    safe = own[2].max(axis=0, initial=0.0) <= GREATEST[arithmetic] / 8
    low, high = np.full((read.size, low.shape[1]), -np.inf), np.zeros((read.size, low.shape[1]))
    low[read.rows[rows]], high[read.rows[rows]] = own[:2]
    if known is not None:
        first = slice(known.size)
        if not known.alone:
            low[skipped], high[skipped] = -np.inf, np.inf
            np.maximum(least, low[first], out=least)
            np.minimum(greatest, high[first], out=greatest)
        low[first], high[first] = least, greatest
        safe &= np.all(least <= greatest, axis=0)
    # No positive number so small that its product with a weight could vanish.
    off = high <= 0
    np.maximum(low, 0, out=low)
    np.maximum(high, TINY, out=high)
    high[off] = 0
    return low, high, safe


def _may_be_on(read: Read, low: np.ndarray, high: np.ndarray, arithmetic: str) -> np.ndarray:
    """Neurons of which it is not seen at once that they are off, `W h + b <= 0`, on all the balls, and do not overflow.

    With `W = P - N` and `low <= h <= high`: `W h + b <= b + P high - N low`, and where `low >= 0` some columns of N
    are enough. The error is that of `affine`, with the greatest number of all for every input.
    """
    f, k = read.layer, np.diff(read.layer.start)
    largest = np.maximum(np.abs(low), np.abs(high)).max()
    total = read.total * largest + np.abs(f.bias)
    upper = f.bias + rounding(k, k, total, arithmetic) + underflow(k, largest, arithmetic)
    if len(read.negative.value) <= SHORT * len(k) or not low.min() >= 0:
        upper -= product(read.negative, low).min(axis=1)
    else:
        best = np.sort(np.argsort(read.weights * low.sum(axis=1))[-COLUMNS:])
        upper -= (dense(part(read.columns, best)).T @ low[best]).min(axis=1)
    on: np.ndarray = ~((upper <= 0) & (total <= GREATEST[arithmetic] / 8))
    off = np.flatnonzero(~on)
    on[off] = ~(upper[off] + product(part(read.positive, off), high).max(axis=1) <= 0)
    return on
