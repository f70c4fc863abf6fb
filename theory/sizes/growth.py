"""How many sign patterns ReLU networks of a given size have, and the size `N_d` that robust classification needs.

**Lemma.** For `1 <= W <= K`, `L = min(depth, W)` and `V = W L - L(L-1)/2`,

    log2 Π_W(K) <= W log2(2e (W + d)) + L + V log2(2e K).

Proof. Neurons without non-zeros are dropped, with what leaves them, so that each of the `k_i` neurons in layer i has
some of its `w_i >= k_i` non-zeros; a constant network is one bias. Graphs: there are at most `2^{W-1}` choices of
`k_1, …, k_ℓ = 1` with a sum of at most W, for each at most `W (W + d)` places of parameters, as a neuron has at most
`max(W, d + 1)`, and at most `(e (W + d))^W` sets of at most W of them. Signs: on one graph Warren's bound layer by
layer gives `Π_i 2 (2e K i k_i / W_i)^{W_i}` patterns, `W_i = w_1 + … + w_i <= K` (Bartlett, Harvey, Liaw, Mehrabian
2019, Theorem 7). Put `v = Σ W_i` and `a = (ℓ + 1) W`. As `Σ i k_i <= Σ i w_i <= a - v` and log is concave, log2 of the
product is at most `ℓ + v log2(2e K (a/v - 1))`. Each later layer has a non-zero, so `W_i <= W - (ℓ - i)` and
`v <= V_ℓ = W ℓ - ℓ(ℓ-1)/2`, where `V_ℓ >= a/2`. For `v >= a/2` the factor `a/v - 1` is at most 1; up to a/2 the bound
grows with v for `K >= 2`, as its derivative, in natural logarithms `ln(2e K (a/v - 1)) - a/(a - v)`, is at least
`ln(2e K) - 2` there; for `K = 1`, `v = a/2`. So it is at most `ℓ + V_ℓ log2(2e K)`, which grows with ℓ. (Equality for
a chain: `ℓ = W`, all `k_i = w_i = 1`.)

A pattern errs on at most `αK` cubes for at most `2^{h(α) K}` labellings. So if the bound is less than `(1 - h(α)) K`,
K the number of cubes, some labelling of the cubes of `theory.hard_distribution` makes every such network err on more
than `αK` of them: all labellings but a fraction of `2^{bound - (1 - h(α)) K}` do.

`K` overflows floats: integers are exact here, and real numbers are `decimal.Decimal`, rounded to the safe side.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from typing import Any

import sympy

from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError
from theory.sizes.codes import gilbert_varshamov

_DIGITS = 60
# Each bound is a sum of a few products, each right to 58 digits.
_ROUNDING = Decimal("1e-50")
# N_d is rounded down to so many significant bits.
_BITS = 64


def warren_bound(polynomials: int, degree: int, variables: int) -> Decimal:
    """`1 + w log2(2 e M D / w)`: log2 of the number of sign patterns of M polynomials in w variables, rounded up.

    Sign patterns tell `> 0` from `<= 0`; the degree of each polynomial is at most D.

    Source: Bartlett, Harvey, Liaw, Mehrabian (2019), Lemma 17; Warren (1968).

    Raises:
        AssumptionError: if not `1 <= variables <= polynomials` or not `degree >= 1`.
    """
    polynomials, degree = read_whole(polynomials, "polynomials"), read_whole(degree, "degree")
    variables = read_whole(variables, "variables")
    if not 1 <= variables <= polynomials or not degree >= 1:
        raise AssumptionError(
            f"Warren's bound needs 1 <= variables <= polynomials and degree >= 1, got variables={variables}, "
            f"polynomials={polynomials}, degree={degree}: with fewer polynomials 2^M is the bound"
        )
    with _digits():
        return _up(1 + variables * _log2(2 * Decimal(1).exp() * polynomials * degree / variables))


def growth_bound(nonzero: int, count: int, dim: int, depth: int | None = None) -> Decimal:
    """Upper bound of `log2 Π_W(K)`, the sign patterns of all networks with at most W non-zeros on K points of R^d.

    `W log2(2e (W + d)) + L + V log2(2e K)` with `L = min(depth, W)` and `V = W L - L(L-1)/2`; 0 for W = 0. Sign
    patterns tell `f > 0` from `f <= 0`. Rounded up.

    Source: Theorem 3.5, repaired form; Bartlett et al. (2019), Theorem 7.

    Args:
        nonzero: W, in 0..K.
        count: K >= 1.
        dim: d >= 1.
        depth: the largest number of affine layers; any for None.

    Raises:
        AssumptionError: if a hypothesis fails.
    """
    nonzero, count, dim = read_whole(nonzero, "nonzero"), read_whole(count, "count"), read_whole(dim, "dim")
    depth = None if depth is None else read_whole(depth, "depth")
    if not count >= 1 or not dim >= 1 or not (depth is None or depth >= 1):
        raise AssumptionError(
            f"the growth bound needs count >= 1, dim >= 1 and depth >= 1, got count={count}, dim={dim}, depth={depth}"
        )
    if not 0 <= nonzero <= count:
        raise AssumptionError(
            f"the growth bound needs 0 <= nonzero <= count, got nonzero={nonzero}, count={count}: with more non-zeros "
            "than points 2^count is the bound"
        )
    if nonzero == 0:
        return Decimal(0)
    layers = nonzero if depth is None else min(depth, nonzero)
    with _digits():
        twice_e = 2 * Decimal(1).exp()
        graphs = nonzero * _log2(twice_e * (nonzero + dim))
        exponent = nonzero * layers - layers * (layers - 1) // 2
        return _up(graphs + layers + exponent * _log2(twice_e * count))


def pattern_room(count: int, alpha: float) -> Decimal:
    """`(1 - h(α)) K`, h the binary entropy, rounded down: with fewer patterns, in log2, some labelling costs `α`.

    Source: Theorem 3.5, repaired form.

    Args:
        count: K >= 1.
        alpha: α, in (0, 1/2).
    """
    with _digits():
        return (1 - _entropy(Decimal(alpha)) - _ROUNDING) * count


def labelling_failure(nonzero: int, count: int, dim: int, alpha: float, depth: int | None = None) -> Decimal:
    """log2 of the probability, at most, that K fair signs leave a network with at most W non-zeros right on `(1-α) K`.

    `growth_bound(W, K, d, depth) - (1 - h(α)) K`, rounded up: says nothing from 0 on. Any other labelling is one of
    Theorem 3.5 for `N_d = W`.

    Source: Theorem 3.5, repaired form.

    Args:
        nonzero: W, in 0..K.
        count: K >= 1.
        dim: d >= 1.
        alpha: α, in (0, 1/2).
        depth: the largest number of affine layers; any for None.

    Raises:
        AssumptionError: if a hypothesis fails.
    """
    count, alpha = read_whole(count, "count"), _share(alpha)
    growth = growth_bound(nonzero, count, dim, depth)
    with _digits():
        difference = growth - pattern_room(count, alpha)
        return _up(difference) if difference > 0 else difference * (1 - _ROUNDING)


def robust_size_bound(dim: int, m: int, alpha: float, depth: int | None = None, distance: int = 1) -> int:
    """`N_d`: some distribution of Theorem 3.5 costs every network with at most so many non-zeros more than `α μ_0`.

    The largest W with `growth_bound(W, K, d, depth) < (1 - h(α)) K`, `h` the binary entropy, for a code of
    `K = gilbert_varshamov(d - 1, b, m)` words, `m^{d-1}` for b = 1. For some labelling of the cubes, every
    `μ_0`-balanced D on them and every δ in `(0, b^{1/p}/(2(m-1)))`, every network f with at most W non-zeros has
    `L_D^{adv,δ}(f) > α μ_0`. A network has no more non-zeros than entries, so that this bounds both counts. Above 2^64
    it is rounded down to 64 significant bits; `math.log2` takes it whatever its size.

    For b = 1 it is `m^{d/2}` up to powers of d, three times the exponent of the theorem that Theorem 3.5 follows,
    `Ω((2ε)^{-(d-1)/6})` with `1/(2ε) = m - 1` (Li et al. 2022, Theorem 4.3). No larger power of K holds for every δ: K
    balls in l_2 of radius below `1/(10 K √d)` of their separation are classified by `Õ(√K + d)` parameters (Kim, Moon,
    Yun 2025, Theorem 4.2).

    Source: Theorem 3.5, repaired form.

    Args:
        dim: d >= 2.
        m: grid points a coordinate, >= 2.
        alpha: α, in (0, 1/2).
        depth: the largest number of affine layers; any for None.
        distance: b, in 1..d-1, the places in which words differ.

    Raises:
        AssumptionError: if a hypothesis fails.
    """
    dim, m, alpha = read_whole(dim, "dim"), read_whole(m, "m"), _share(alpha)
    depth = None if depth is None else read_whole(depth, "depth")
    distance = read_whole(distance, "distance")
    if not dim >= 2 or not m >= 2 or not 1 <= distance < dim:
        raise AssumptionError(
            "Theorem 3.5 needs dim >= 2, m >= 2 grid points a coordinate and distance in 1..dim - 1, got "
            f"dim={dim}, m={m}, distance={distance}"
        )
    count = gilbert_varshamov(dim - 1, distance, m)
    room = pattern_room(count, alpha)

    def is_below(nonzero: int) -> bool:
        return nonzero <= count and bool(growth_bound(nonzero, count, dim, depth) < room)

    low, high = 0, count.bit_length()  # is_below(2^low) unless low = 0; never is_below(2^high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_below(1 << middle) else (low, middle)
    if not is_below(1 << low):
        return 0
    size = 1 << low
    for bit in range(low - 1, max(low - _BITS, -1), -1):
        if is_below(size + (1 << bit)):
            size += 1 << bit
    return size


def size_bound_bracket(dim: Any, m: Any, room: Any) -> tuple[sympy.Expr, sympy.Expr]:
    """Closed forms `A <= N_d + 1` and `N_d < B`, for numbers or symbols.

    For the grid, `K = m^{d-1}`. `B = √K`, as `W² < growth_bound < K`. And for `W <= K`, `growth_bound <= W² (log2(2e
    (K + d)) + 1 + log2(2e K))`, so each `W < A = √(c K / (log2(2e (K + d)) + 1 + log2(2e K)))` will do. Both are
    `m^{d/2}` up to powers of d: `log N_d / d → ½ log m`.

    Args:
        dim: d.
        m: grid points a coordinate.
        room: c = 1 - h(α).
    """
    dim, m, room = sympy.sympify(dim), sympy.sympify(m), sympy.sympify(room)
    cubes = m ** (dim - 1)
    # The logarithms of powers of m written out, so that limits in d are found.
    log2_cubes = (dim - 1) * sympy.log(m, 2)
    logarithm = sympy.log(2 * sympy.E * (cubes + dim), 2) + 1 + sympy.log(2 * sympy.E, 2) + log2_cubes
    return sympy.sqrt(room * cubes / logarithm), m ** ((dim - 1) / 2)


def _share(alpha: float) -> float:
    alpha = read_scalar(alpha, "alpha")
    if not 0 < alpha < 0.5:
        raise AssumptionError(
            f"Theorem 3.5 needs alpha in (0, 1/2), got {alpha}: a constant classifier errs on at most half of the cubes"
        )
    return alpha


@contextmanager
def _digits() -> Iterator[None]:
    with localcontext(prec=_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN):
        yield


def _log2(x: Decimal) -> Decimal:
    return x.ln() / Decimal(2).ln()


def _entropy(alpha: Decimal) -> Decimal:
    return -(alpha * _log2(alpha) + (1 - alpha) * _log2(1 - alpha))


def _up(value: Decimal) -> Decimal:
    return value * (1 + _ROUNDING)
