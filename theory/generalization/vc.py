"""Generalization bounds of section 6 by the VC dimension, with every constant.

F is a class of classifiers, an error is `y f(x) <= 0`, and v is the VC dimension of the sets `{(x, y) : y f(x) <= 0}`.
The points of a shattered set differ in x (of (x, +1) and (x, -1) at least one is an error), so that bounds by the
number of sign patterns of `f` apply to `y f` too.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError


def affine_vc_dimension(dim: int) -> int:
    """`d + 1` for `f(x) = ⟨w, x⟩ + b` on R^d: `(x, y) ↦ y f(x)` is a vector space of functions of dimension d + 1."""
    dim = read_whole(dim, "dim")
    if not dim >= 1:
        raise ValueError(f"affine_vc_dimension needs dim >= 1, got {dim}")
    return dim + 1


def relu_vc_dimension_bound(widths: Sequence[int]) -> int:
    """`VCdim <= L + Σ_i W_i log2(4 e R log2(2 e R))`, `R = Σ_i i k_i`, for fully connected ReLU networks.

    `k_i` neurons in layer i and `W_i` parameters, weights and biases, in the layers up to i; i = 1..L. Of order
    `W L log W`. Rounded down to an integer.

    Its hypothesis is `r = 2eR >= 16`, that is R >= 3: more than one layer. One layer has R = 1 and VC dimension d + 1,
    less than the formula, so it bounds that too.

    Source: Bartlett, Harvey, Liaw, Mehrabian (2019), Theorem 7, with two pieces of degree 1.

    Args:
        widths: m_0, …, m_L: inputs, hidden layers, one output.

    Raises:
        ValueError: if there are fewer than two widths, one is not >= 1, or the last is not 1.
    """
    widths = [read_whole(k, "each width") for k in widths]
    upto = _parameters_up_to(widths)
    r = sum(i * k for i, k in enumerate(widths[1:], start=1))
    return math.floor(len(upto) + sum(upto) * math.log2(4 * math.e * r * math.log2(2 * math.e * r)))


def relu_vc_dimension_by_counting(widths: Sequence[int]) -> int:
    """The largest N with `N <= Σ_i (1 + W_i log2(2 e N i k_i / W_i))`; it is more than `W = Σ_i W_i`.

    The inequality that the closed form of `relu_vc_dimension_bound` solves: a class that shatters `N >= W` points has
    `2^N` patterns on them, and Warren's bound layer by layer allows so many.

    With more than one layer it is never more than the closed form. The logarithm is concave: `N <= L + W log2(r N / W)`
    with `r = 2eR`. At `N = L + W log2(2 r log2 r)` and beyond this fails if `2 log2 r >= L/W + log2(2 r log2 r)`, for
    which, by `L <= W`, `r >= 4 log2 r` is enough: r >= 16. For one layer R = 1, and widths (3, 1) count 20 where the
    closed form has 19.

    Source: proof of Theorem 7 in Bartlett, Harvey, Liaw, Mehrabian (2019). Arguments and errors as there.
    """
    widths = [read_whole(k, "each width") for k in widths]
    upto = _parameters_up_to(widths)

    def allowed(n: int) -> bool:
        terms = zip(upto, enumerate(widths[1:], start=1), strict=True)
        return n <= sum(1 + w * math.log2(2 * math.e * n * i * k / w) for w, (i, k) in terms)

    # Allowed at N = Σ W_i, where each logarithm is at least log2(2e); the right side is concave, so there is one end.
    low = high = sum(upto)
    while allowed(high):
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return low


def uniform_bound(n: int, vc_dimension: int, failure: float) -> float:
    """`√((8/N)(v ln(2eN/v) + ln(4/Δ)))`: with probability >= 1 - Δ, `|L_D - L_S|` is at most this for all of F at once.

    From 1 on it is vacuous; by `P(sup > ε) <= 4 Π(2N) exp(-N ε² / 8)` and Sauer's lemma.

    Source: claim-standard-bound, repaired form; Vapnik and Chervonenkis (1971).

    Args:
        n: N >= v.
        vc_dimension: v >= 1, or an upper bound of it.
        failure: Δ in (0, 1).

    Raises:
        AssumptionError: if `N >= v >= 1` or `0 < Δ < 1` fails.
    """
    n, vc_dimension, failure = _read_sample(n, vc_dimension, failure)
    growth = vc_dimension * math.log(2 * math.e * n / vc_dimension)
    return math.sqrt(8 / n * (growth + math.log(4 / failure)))


def consistent_bound(n: int, vc_dimension: int, failure: float) -> float:
    """`(2/N)(v log2(2eN/v) + log2(2/Δ))`: with probability >= 1 - Δ it bounds `L_D` of every f in F with `L_S = 0`.

    From 1 on it is vacuous. Proof: let ε be the bound. That a second sample has at least `Nε/2` errors of an f without
    any in the first has probability at most `2^{-Nε/2}` under swaps, for each of at most `(2eN/v)^v` patterns; and
    given `L_D > ε` it has so many with probability >= 1 - exp(-Nε/8) >= 1/2, as `Nε >= 2 (log2(2e) + 1) > 6.8`.

    Source: Theorem 6.2, repaired form; Blumer, Ehrenfeucht, Haussler, Warmuth (1989), Theorem A2.1. Arguments and
    errors as for `uniform_bound`.
    """
    n, vc_dimension, failure = _read_sample(n, vc_dimension, failure)
    growth = vc_dimension * math.log2(2 * math.e * n / vc_dimension)
    return 2 / n * (growth + math.log2(2 / failure))


def consistent_sample_size(vc_dimension: int, failure: float, error: float = 1.0) -> int:
    """The least N >= v with `consistent_bound(N, v, Δ) < error`; the bound decreases in N. For error 1: not vacuous.

    Raises:
        AssumptionError: if `v >= 1` or `0 < Δ < 1` fails.
        ValueError: if not `0 < error <= 1`.
    """
    error = read_scalar(error, "error")
    if not 0 < error <= 1:
        raise ValueError(f"consistent_sample_size needs an error in (0, 1], got {error}")
    _, vc_dimension, failure = _read_sample(vc_dimension, vc_dimension, failure)
    low, high = vc_dimension, 2 * vc_dimension
    # At N = v the bound is at least 2 log2(2e) > 1.
    while not consistent_bound(high, vc_dimension, failure) < error:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        below = consistent_bound(middle, vc_dimension, failure) < error
        low, high = (low, middle) if below else (middle, high)
    return high


def _parameters_up_to(widths: Sequence[int]) -> list[int]:
    if not len(widths) >= 2 or not all(k >= 1 for k in widths) or widths[-1] != 1:
        raise ValueError(f"a network needs widths (inputs, hidden layers, 1), each >= 1, got {tuple(widths)}")
    return list(accumulate(after * (before + 1) for before, after in pairwise(widths)))


def _read_sample(n: int, vc_dimension: int, failure: float) -> tuple[int, int, float]:
    n, vc_dimension = read_whole(n, "n"), read_whole(vc_dimension, "vc_dimension")
    failure = read_scalar(failure, "failure")
    if not n >= vc_dimension >= 1:
        raise AssumptionError(
            f"the bound needs N >= v >= 1, got N={n}, v={vc_dimension}: with fewer points it would be vacuous"
        )
    if not 0 < failure < 1:
        raise AssumptionError(f"the bound needs a probability of failure in (0, 1), got {failure}")
    return n, vc_dimension, failure
