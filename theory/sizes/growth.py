"""How many sign patterns ReLU networks of a given size have, and the size `N_d` that robust classification needs.

A network with at most W non-zeros has, after neurons without any are dropped, at most W neurons, in at most W layers:
at most `(W + d + 1)^{3W}` graphs (layer of each neuron, target and source of each parameter). For one graph with L
layers, `W_i` parameters up to layer i and `k_i` neurons in it, Warren's bound layer by layer gives at most
`Π_i 2 (2e K k_i i / W_i)^{W_i}` patterns on K points (Bartlett, Harvey, Liaw, Mehrabian 2019, Theorem 7); `k_i <= W_i`
and `i <= W`. Hence, for `W <= K`,

    log2 Π_W(K) <= 3 W log2(W + d + 1) + L + W L log2(2 e K W),    L = min(depth, W).

A pattern errs on at most `αK` cubes for at most `2^{h(α) K}` labellings. So if the bound is less than `(1 - h(α)) K`,
with `K = m^{d-1}`, some labelling of the cubes of `theory.hard_distribution` makes every such network err on more than
`αK` of them.

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

    `3 W log2(W + d + 1) + L + W L log2(2 e K W)` with `L = min(depth, W)`; 0 for W = 0. Sign patterns tell `f > 0`
    from `f <= 0`. Rounded up.

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
        graphs = 3 * nonzero * _log2(Decimal(nonzero + dim + 1))
        signs = layers + nonzero * layers * _log2(2 * Decimal(1).exp() * count * nonzero)
        return _up(graphs + signs)


def pattern_room(count: int, alpha: float) -> Decimal:
    """`(1 - h(α)) K`, h the binary entropy, rounded down: with fewer patterns, in log2, some labelling costs `α`.

    Source: Theorem 3.5, repaired form.

    Args:
        count: K >= 1.
        alpha: α, in (0, 1/2).
    """
    with _digits():
        return (1 - _entropy(Decimal(alpha)) - _ROUNDING) * count


def robust_size_bound(dim: int, m: int, alpha: float, depth: int | None = None) -> int:
    """`N_d`: some distribution of Theorem 3.5 costs every network with at most so many non-zeros more than `α μ_0`.

    The largest W with `growth_bound(W, K, d, depth) < (1 - h(α)) K`, `K = m^{d-1}`, `h` the binary entropy. For some
    labelling of the cubes, every `μ_0`-balanced D on them and every `δ` in `(0, 1/(2(m-1)))`, every network f with at
    most W non-zeros has `L_D^{adv,δ}(f) > α μ_0`. A network has no more non-zeros than entries, so that this bounds
    both counts. Above 2^64 it is rounded down to 64 significant bits; `math.log2` takes it whatever its size.

    Source: Theorem 3.5, repaired form.

    Args:
        dim: d >= 2.
        m: grid points a coordinate, >= 2.
        alpha: α, in (0, 1/2).
        depth: the largest number of affine layers; any for None.

    Raises:
        AssumptionError: if a hypothesis fails.
    """
    dim, m, alpha = read_whole(dim, "dim"), read_whole(m, "m"), read_scalar(alpha, "alpha")
    depth = None if depth is None else read_whole(depth, "depth")
    if not dim >= 2 or not m >= 2:
        raise AssumptionError(f"Theorem 3.5 needs dim >= 2 and m >= 2 grid points a coordinate, got dim={dim}, m={m}")
    if not 0 < alpha < 0.5:
        raise AssumptionError(
            f"Theorem 3.5 needs alpha in (0, 1/2), got {alpha}: a constant classifier errs on at most half of the cubes"
        )
    count = m ** (dim - 1)
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

    `B = √K`, as `W² < growth_bound < K`. And `growth_bound <= W² (3 log2(K + d + 1) + 1 + log2(2 e K²))` for `W <= K`,
    so each `W < A = √(c K / (3 log2(K + d + 1) + 1 + log2(2 e K²)))` will do. Both are `m^{d/2}` up to powers of d:
    `log N_d / d → ½ log m`.

    Args:
        dim: d.
        m: grid points a coordinate.
        room: c = 1 - h(α).
    """
    dim, m, room = sympy.sympify(dim), sympy.sympify(m), sympy.sympify(room)
    cubes = m ** (dim - 1)
    # The logarithms of powers of m written out, so that limits in d are found.
    logarithm = 3 * sympy.log(cubes + dim + 1, 2) + 1 + sympy.log(2 * sympy.E, 2) + 2 * (dim - 1) * sympy.log(m, 2)
    return sympy.sqrt(room * cubes / logarithm), m ** ((dim - 1) / 2)


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
