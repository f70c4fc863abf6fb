"""The range of the sums of one layer, `W h + b`, in float64 from outside, over the reals and as executed.

Every rule names its hypothesis and checks it. What rounds here is bounded by `γ_k` times a sum of absolute values, and
what underflows by TINY; what rounds in an executed network by `γ_k` in its format, and what it flushes to zero by the
least normal number λ of that format: results, weights, and inputs that are read as zero.
"""

import numpy as np

from constructions.check.files import Layer
from constructions.check.products import absolute, of_sign, product

ROUNDOFF = {"reals": 0.0, "float64": 2.0**-53, "float32": 2.0**-24}
LEAST = {"reals": 0.0, "float64": 2.0**-1022, "float32": 2.0**-126}
GREATEST = {"reals": 1e300, "float64": 1e300, "float32": 3.4e38}
TINY = 2.0**-960
# Products of TINY with weights of at least this size do not vanish.
SMALLEST = 2.0**-60
# Layers of sums over classes have few rows.
FEW = 64


def gamma(k: np.ndarray, roundoff: float) -> np.ndarray:
    """`k u / (1 - k u)`, rounded up; infinite where it says nothing."""
    spent = k * roundoff
    return np.where(spent < 0.5, spent / (1 - np.minimum(spent, 0.5)), np.inf) * (1 + 2.0**-40)


def rounding(k: np.ndarray, own: np.ndarray, total: np.ndarray, arithmetic: str) -> np.ndarray:
    """The error of k products and a bias, as executed, and of `own` products here; `total`: sums of their sizes.

    That `total` is rounded itself, and that a few numbers are added to it, is in the units beyond `own` and in 2^-30,
    for up to 2^22 terms.
    """
    result: np.ndarray = (gamma(k + 1.0, ROUNDOFF[arithmetic]) + gamma(own + 6.0, 2.0**-53)) * total * (1 + 2.0**-30)
    return result


def underflow(k: np.ndarray, largest: np.ndarray | float, arithmetic: str) -> np.ndarray:
    """What k products, their sum and a bias lose: every result may be flushed to zero, and every subnormal weight.

    A sum that is positive in spite of it is at least λ as computed, so that nothing takes it for zero later.
    """
    result: np.ndarray = (2 * k + 2) * LEAST[arithmetic] * (1 + largest) + TINY
    return result


def affine(
    f: Layer,
    low: np.ndarray,
    high: np.ndarray,
    arithmetic: str,
    ball: tuple[np.ndarray, float, float] | None,
    sizes: Layer | None = None,
    terms: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Range of the computed `W h + b`, and a bound of all partial sums; `sizes` and `terms` of a merged form.

    With a `ball` (centres, radius, p) the layer is the first, and low and high are those of the box around it.
    """
    # No number so small that its product with a weight could vanish, and the row look like a sum of zeros.
    largest = np.maximum(np.abs(low), np.abs(high))
    largest = np.where(largest > 0, np.maximum(largest, TINY), 0.0)
    bias, k, least = f.bias[:, None], np.diff(f.start)[:, None], LEAST[arithmetic]
    size = absolute(f) if sizes is None else sizes
    weighted = product(size, largest)
    total = weighted + size.bias[:, None]
    count, own = (k, k) if terms is None else (2 * terms[:, None], 2 * terms[:, None] + 4)
    floor = underflow(count, largest.max(axis=0, initial=0.0), arithmetic)
    error = rounding(k if terms is None else terms[:, None], own, total, arithmetic) + floor
    if ball is not None:
        centre, radius, p = ball
        value = product(f, centre) + bias
        reach = radius * _row_norms(f, p)[:, None] * (1 + gamma(k + 8.0, 2.0**-53))
        if least:  # and every subnormal input
            reach += 2 * least * product(size, np.ones((f.shape[1], 1)))
        return value - reach - error, value + reach + error, total
    balls, both = low.shape[1], np.hstack([low, high])
    up, down = product(of_sign(f, 1), both), product(of_sign(f, -1), both)
    lower = up[:, :balls] - down[:, balls:] + bias
    upper = up[:, balls:] - down[:, :balls] + bias
    below, above = lower - error, upper + error
    if sizes is None:
        share, offset = rounding(k, own, np.ones((1, 1)), arithmetic), np.abs(bias)
        # Behind a ReLU `W h + b - ρ (|W| h + |b|)` is linear in h >= 0; for ρ < 1 its terms are least where those of
        # W h are: the error counts by the values there, and a sum of terms <= 0 is not taken for a positive one.
        behind = (share < 1) & (low.min(axis=0, initial=0.0) >= 0)
        below = np.where(behind, lower - (share * (up[:, :balls] + down[:, balls:] + offset) + floor), below)
        above = np.where(behind, upper + (share * (up[:, balls:] + down[:, :balls] + offset) + floor), above)
        one = _one_power_of_two(f)[:, None]
        below, above = [
            np.where(one, bound, plain)
            for bound, plain in zip(_one_rounding(f, lower, upper, arithmetic, floor), (below, above), strict=True)
        ]
        # In no order is a sum of products <= 0 and a bias <= 0 computed as a positive number.
        seen = behind & ((high == 0) | (high >= TINY)).all(axis=0)
        off = seen & (up[:, balls:] == 0) & (bias <= 0) & bool(not len(f.value) or np.abs(f.value).min() >= SMALLEST)
        above = np.where(off, np.minimum(above, 0), above)
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
    if f.shape[0] > FEW or not low.min(initial=0.0) >= 0:
        return
    for r in range(f.shape[0]):
        part = slice(f.start[r], f.start[r + 1])
        value = f.value[part, None]
        if len(value) and value.min() >= SMALLEST and f.bias[r] >= 0:
            best = np.max(value * low[f.column[part]] * kept(value, arithmetic), axis=0)
            lower[r] = np.maximum(lower[r], np.where(best > SMALLEST, best, -np.inf))


def kept(value: np.ndarray, arithmetic: str) -> np.ndarray:
    """What is left of a product after its rounding, there and here: all for a power of two, none for a subnormal."""
    share = np.where(np.frexp(value)[0] == 0.5, 1.0, 1 - 2 * ROUNDOFF[arithmetic] - 2.0**-51)
    return np.where(np.abs(value) < LEAST[arithmetic], 0.0, share)


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
