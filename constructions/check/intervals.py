"""Interval bounds of the margins, in float64 from outside, for the reals and for executed networks.

Every rule names its hypothesis and checks it. What rounds here is bounded by `γ_k` times a sum of absolute values, and
what underflows by TINY; what rounds in an executed network by `γ_k` in its format, and what it flushes to zero by the
least normal number λ of that format: results, weights, and inputs that are read as zero.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from constructions.check.files import Layer

ROUNDOFF = {"reals": 0.0, "float64": 2.0**-53, "float32": 2.0**-24}
LEAST = {"reals": 0.0, "float64": 2.0**-1022, "float32": 2.0**-126}
GREATEST = {"reals": 1e300, "float64": 1e300, "float32": 3.4e38}
TINY = 2.0**-960
# Products of TINY with weights of at least this size do not vanish.
SMALLEST = 2.0**-60
BLOCK = 2**22
# Layers of sums over classes have few rows.
FEW = 64

# Least and greatest values for given balls, shape (values, balls); with the number of the layer whose first they are.
KnownBounds: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Known: TypeAlias = tuple[int, KnownBounds]


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
    """Interval bounds of the margins over the balls in float64, from outside.

    `known` holds the number of a layer and bounds of its leading values, from another source, for given balls.
    """
    step = min(256, max(1, BLOCK // max(max(f.shape) for f in layers)))
    blocks = [np.arange(s, min(s + step, len(points))) for s in range(0, len(points), step)]
    with np.errstate(all="ignore"):
        return np.concatenate([_bounds(layers, points, b, labels[b], radius, p, arithmetic, known) for b in blocks])


def gamma(k: np.ndarray, roundoff: float) -> np.ndarray:
    """`k u / (1 - k u)`, rounded up; infinite where it says nothing."""
    spent = k * roundoff
    return np.where(spent < 0.5, spent / (1 - np.minimum(spent, 0.5)), np.inf) * (1 + 2.0**-40)


def _bounds(
    layers: list[Layer],
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
    for number, f in enumerate(layers[:-1]):
        low, high, size = _affine(f, low, high, arithmetic, dual)
        if known is not None and number == known[0]:
            least, greatest = known[1](balls)
            rows = slice(len(least))
            low[rows], high[rows] = np.maximum(low[rows], least), np.minimum(high[rows], greatest)
            # KnownBounds that contradict each other are no bounds.
            safe &= np.all(low <= high, axis=0)
        safe &= size.max(axis=0) <= GREATEST[arithmetic] / 8
        # No positive number so small that its product with a weight could vanish.
        low, high, dual = np.maximum(low, 0), np.where(high <= 0, 0.0, np.maximum(high, TINY)), None
    lower = np.empty(x.shape[1])
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        centre = None if dual is None else (dual[0][:, mine], dual[1], dual[2])
        form, sizes, terms = _margin_forms(layers[-1], int(label))
        found, _, size = _affine(form, low[:, mine], high[:, mine], arithmetic, centre, sizes, terms)
        safe[mine] &= size.max(axis=0) <= GREATEST[arithmetic] / 8
        lower[mine] = found.min(axis=0)
        if centre is None:
            plain = _monotone_margin(layers[-1], int(label), low[:, mine], high[:, mine], arithmetic)
            lower[mine] = np.maximum(lower[mine], plain)
    return np.where(safe & np.isfinite(lower), lower, -np.inf)


def _affine(
    f: Layer,
    low: np.ndarray,
    high: np.ndarray,
    arithmetic: str,
    ball: tuple[np.ndarray, float, float] | None,
    sizes: tuple[Layer, np.ndarray] | None = None,
    terms: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Range of the computed `W h + b`, and a bound of all partial sums; `sizes` and `terms` of a merged form.

    With a `ball` (centres, radius, p) the layer is the first, and low and high are those of the box around it.
    """
    # No number so small that its product with a weight could vanish, and the row look like a sum of zeros.
    largest = np.maximum(np.abs(low), np.abs(high))
    largest = np.where(largest > 0, np.maximum(largest, TINY), 0.0)
    bias, k, least = f.bias[:, None], np.diff(f.start), LEAST[arithmetic]
    absolute, size = (f, np.abs(f.value)) if sizes is None else (sizes[0], sizes[0].value)
    weighted = product(absolute, size, largest)
    if sizes is None:
        total = weighted + np.abs(bias)
        rounds, own, count = k + 1.0, k + 6.0, k
    else:
        assert terms is not None
        total = weighted + sizes[1][:, None]
        rounds, own, count = terms + 1.0, 2 * terms + 10.0, 2 * terms
    error = (gamma(rounds, ROUNDOFF[arithmetic]) + gamma(own, 2.0**-53))[:, None] * total * (1 + 2.0**-30)
    # Every result may be flushed to zero, and every subnormal weight.
    floor = ((2 * count + 2) * least)[:, None] * (1 + largest.max(axis=0)) + TINY
    error += floor
    if ball is not None:
        centre, radius, p = ball
        value = product(f, f.value, centre) + bias
        reach = radius * _row_norms(f, p) * (1 + gamma(k + 8.0, 2.0**-53))
        if least:  # and every subnormal input
            reach += 2 * least * product(absolute, size, np.ones((f.shape[1], 1)))[:, 0]
        return value - reach[:, None] - error, value + reach[:, None] + error, total
    positive, negative = np.maximum(f.value, 0), np.maximum(-f.value, 0)
    lower = product(f, positive, low) - product(f, negative, high) + bias
    upper = product(f, positive, high) - product(f, negative, low) + bias
    below, above = lower - error, upper + error
    if sizes is None:
        one = _one_power_of_two(f)[:, None]
        below, above = [
            np.where(one, bound, plain)
            for bound, plain in zip(_one_rounding(f, lower, upper, arithmetic, floor), (below, above), strict=True)
        ]
        # A sum of zeros is the bias and nothing else: no input is other than 0, and no number vanished.
        zero = (weighted == 0) & bool(not len(f.value) or np.abs(f.value).min() >= SMALLEST)
        zero &= (np.abs(bias) >= least) | (bias == 0)
        below, above = np.where(zero, bias, below), np.where(zero, bias, above)
        _raise_to_greatest_term(f, low, below, arithmetic)
    return below, above, total


def _one_power_of_two(f: Layer) -> np.ndarray:
    """Rows `±2^m h_j + b`."""
    one: np.ndarray = np.diff(f.start) == 1
    one[one] = np.frexp(np.abs(f.value[f.start[:-1][one]]))[0] == 0.5
    return one


def _one_rounding(
    f: Layer, lower: np.ndarray, upper: np.ndarray, arithmetic: str, floor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The range of `±2^m h + b` has one rounding, there and here, which keeps its sign; without b it has none.

    What underflow or flushing takes is at most the floor, and less than a rounding of values far above it.
    """
    one = np.where(f.bias == 0, 0.0, ROUNDOFF[arithmetic] + 2.0**-51)[:, None]
    lost = [one * np.abs(v) + np.where(np.abs(v) <= 2.0**60 * floor, floor, 0.0) for v in (lower, upper)]
    return lower - lost[0], upper + lost[1]


def _raise_to_greatest_term(f: Layer, low: np.ndarray, lower: np.ndarray, arithmetic: str) -> None:
    """Rounding is monotone: in any order a sum of terms >= 0 is at least its greatest term.

    Only for inputs, weights and a bias >= 0, none of which vanishes; for layers of few rows.
    """
    if f.shape[0] > FEW or not low.min() >= 0:
        return
    for r in range(f.shape[0]):
        part = slice(f.start[r], f.start[r + 1])
        value = f.value[part, None]
        if len(value) and value.min() >= SMALLEST and f.bias[r] >= 0:
            best = np.max(value * low[f.column[part]] * _kept(value, arithmetic), axis=0)
            lower[r] = np.maximum(lower[r], np.where(best > SMALLEST, best, -np.inf))


def _kept(value: np.ndarray, arithmetic: str) -> np.ndarray:
    """What is left of a product after its rounding, there and here: all for a power of two, none for a subnormal."""
    kept = np.where(np.frexp(value)[0] == 0.5, 1.0, 1 - 2 * ROUNDOFF[arithmetic] - 2.0**-51)
    return np.where(np.abs(value) < LEAST[arithmetic], 0.0, kept)


def _monotone_margin(last: Layer, label: int, low: np.ndarray, high: np.ndarray, arithmetic: str) -> np.ndarray:
    """The greatest term of the label's output where that has no negative term, and no other output a positive one.

    Rounding is monotone, so in any order of summation the one is at least its greatest term, and the others at most 0.
    Only for inputs >= 0, which the first layer of a network need not have.
    """
    single = len(last.bias) == 1
    valid, best = np.all(low >= 0, axis=0), np.zeros(low.shape[1])
    for r in range(last.shape[0]):
        own = single or r == label
        sign = label if single else (1 if own else -1)
        part = slice(last.start[r], last.start[r + 1])
        value, column = sign * last.value[part, None], last.column[part]
        valid &= np.all((value > 0) | (high[column] == 0), axis=0) & (sign * last.bias[r] >= 0)
        if own:
            best = np.max(value * low[column] * _kept(value, arithmetic), axis=0, initial=0.0)
    return np.where(valid & (best > SMALLEST), best, -np.inf)


def _margin_forms(last: Layer, label: int) -> tuple[Layer, tuple[Layer, np.ndarray], np.ndarray]:
    weight = dense(last, last.value, 0, last.shape[0])
    if len(last.bias) == 1:
        own, size, bias, total = label * weight, np.abs(weight), label * last.bias, np.abs(last.bias)
        terms = np.diff(last.start)
    else:
        others = np.delete(np.arange(len(last.bias)), label)
        own, size = weight[label] - weight[others], np.abs(weight[label]) + np.abs(weight[others])
        bias, total = last.bias[label] - last.bias[others], np.abs(last.bias[label]) + np.abs(last.bias[others])
        terms = np.maximum(np.diff(last.start)[label], np.diff(last.start)[others])
    return _layer(own, bias), (_layer(size, total), total), terms


def _layer(weight: np.ndarray, bias: np.ndarray) -> Layer:
    rows, column = np.nonzero(weight)
    start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(weight)))])
    return Layer((weight.shape[0], weight.shape[1]), start, column, weight[rows, column], bias)


def dense(f: Layer, value: np.ndarray, first: int, stop: int) -> np.ndarray:
    """Rows `first` to `stop` as an array, with other values at the places of W."""
    part = slice(f.start[first], f.start[stop])
    rows = np.repeat(np.arange(stop - first), np.diff(f.start[first : stop + 1]))
    weight = np.zeros((stop - first, f.shape[1]))
    weight[rows, f.column[part]] = value[part]
    return weight


def product(f: Layer, value: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`W @ x` with other values at the places of W: dense where there are many, else row by row."""
    result = np.zeros((f.shape[0], x.shape[1]))
    if not value.any():
        return result
    if 20 * len(value) > f.shape[0] * f.shape[1]:
        step = max(1, BLOCK // f.shape[1])
        for first in range(0, f.shape[0], step):
            stop = min(first + step, f.shape[0])
            result[first:stop] = dense(f, value, first, stop) @ x
        return result
    filled = np.flatnonzero(np.diff(f.start))
    first = 0
    while first < len(filled):
        limit = f.start[filled[first]] + max(1, BLOCK // x.shape[1])
        stop = max(first + 1, int(np.searchsorted(f.start[filled + 1], limit, side="right")))
        rows = filled[first:stop]
        part = slice(f.start[rows[0]], f.start[rows[-1] + 1])
        terms = value[part, None] * x[f.column[part]]
        result[rows] = np.add.reduceat(terms, f.start[rows] - f.start[rows[0]], axis=0)
        first = stop
    return result


def _row_norms(f: Layer, p: float) -> np.ndarray:
    """Norms dual to l_1 or l_2, before rounding."""
    result = np.zeros(f.shape[0])
    filled = np.flatnonzero(np.diff(f.start))
    if len(filled):
        size = np.abs(f.value)
        # Squares that underflow are lost in TINY's root.
        norms = np.maximum.reduceat(size, f.start[filled]) if p == 1 else np.add.reduceat(size**2, f.start[filled])
        result[filled] = norms if p == 1 else np.sqrt(norms) + 2.0**-500
    return result
