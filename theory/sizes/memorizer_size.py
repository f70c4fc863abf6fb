"""The size of the network of Theorem 3.3 in closed form, before any network is built.

`constructions` counts the network that it builds; these bounds hold for every sample of n points in the cube, and say
what it costs as a function of n, d, the radius δ, the shell γ and p.
"""

import math

from theory.arguments.scalars import read_exponent
from theory.errors import AssumptionError


def level_bound(n: int, dim: int, shell: float, p: float) -> float:
    """F, the levels that all coordinates share: `min(nd, d(1 + 2.01/γ))` for p = ∞, with `8.01 d^{1/p}` else.

    Source: Theorem 3.3, repaired form. Arguments and errors as for `size_bound`.
    """
    p = _check(n, dim, 0.0, shell, p)
    width = 2.01 if math.isinf(p) else 8.01 * dim ** (1 / p)
    return min(float(n * dim), dim * (1 + width / shell))


def tent_bound(dim: int, radius: float, shell: float) -> int:
    """m, the tents of the squares for p = 2: `max(1, ⌈½ log2(2d(1+2δ)² / (γ(2δ+γ)))⌉)`.

    Source: Theorem 3.3, repaired form. Arguments and errors as for `size_bound`.
    """
    _check(1, dim, radius, shell, 2.0)
    return max(1, math.ceil(math.log2(2 * dim * (1 + 2 * radius) ** 2 / (shell * (2 * radius + shell))) / 2))


def power_ratio(radius: float, shell: float, p: float) -> float:
    """D, how thin the shell is for the p-th power: `(2δ + 1.5γ)/(pγ)`.

    Source: Theorem 3.3, repaired form. Arguments and errors as for `size_bound`.
    """
    p = _check(1, 1, radius, shell, p)
    return (2 * radius + 1.5 * shell) / (p * shell)


def piece_bound(dim: int, radius: float, shell: float, p: float) -> float:
    """s, the linear pieces of `|t|^p` for 1 < p < ∞: `3 + 1.45 max(1, √D) log⁺(2.7 dD)`.

    Source: Theorem 3.3, repaired form. Arguments and errors as for `size_bound`.
    """
    ratio = power_ratio(radius, shell, p)
    return 3 + 1.45 * max(1.0, math.sqrt(ratio)) * max(0.0, math.log(2.7 * dim * ratio))


def indicator_count(
    n: int, dim: int, p: float, *, levels: float = 0.0, tents: float = 0.0, pieces: float = 0.0
) -> float:
    """A, the non-zeros of the soft indicators and of what puts their classes together.

    `(d+2)n + 6F` for p = ∞, `(d+5)n + 2F + d + 1` for p = 1, `(d+5)n + 8dm + 2d + m` for p = 2, and `(d+4)n + (4s+3)F`
    for any other p.

    Source: Theorem 3.3, repaired form.

    Args:
        n: memorized points.
        dim: d.
        p: of the norm, in [1, ∞].
        levels: F, used for p other than 2.
        tents: m, used for p = 2.
        pieces: s, used for p other than 1, 2 and ∞.
    """
    p = _check(n, dim, 0.0, 1.0, p)
    if math.isinf(p):
        return (dim + 2) * n + 6 * levels
    if p == 1:
        return (dim + 5) * n + 2 * levels + dim + 1
    if p == 2:
        return (dim + 5) * n + 8 * dim * tents + 2 * dim + tents
    return (dim + 4) * n + (4 * pieces + 3) * levels


def network_count(indicator: float, clean: int, depth: int, outputs: int = 1) -> float:
    """`A + 2 nonzero(f_clean) + 2 depth(f̂) + 23`: the indicators, the gate, the clean classifier and what waits.

    For `C >= 2` outputs, one a class, `A + 2 nonzero(f_clean) + 2C depth(f̂) + 15C + 3`.

    Source: Theorem 3.3, repaired form.
    """
    # The four layers of the gate count 5 a class sum and 10 an output; an output waits as a signed pair.
    return indicator + 2 * clean + 2 * outputs * depth + 5 * max(outputs, 2) + 10 * outputs + 3


def size_bound(
    n: int, dim: int, radius: float, shell: float, p: float, *, clean: int, depth: int, outputs: int = 1
) -> float:
    """At least the non-zeros of the network of Theorem 3.3, for every n memorized points in the cube.

    Source: Theorem 3.3, repaired form.

    Args:
        n: memorized points, >= 1.
        dim: d >= 1.
        radius: δ >= 0; > 0 for p other than 1, 2 and ∞.
        shell: γ > 0.
        p: of the norm, in [1, ∞].
        clean: non-zeros of the clean classifier.
        depth: affine layers of the network.
        outputs: 1 for labels ±1, else the classes.

    Raises:
        AssumptionError: if a hypothesis on n, d, δ, γ or p fails, or on the outputs.
    """
    p = _check(n, dim, radius, shell, p)
    if not outputs >= 1:
        raise AssumptionError(f"the size of Theorem 3.3 needs outputs >= 1, got {outputs}: 1 for labels ±1")
    tents = tent_bound(dim, radius, shell) if p == 2 else 0
    pieces = 0.0 if p in (1, 2, math.inf) else piece_bound(dim, radius, shell, p)
    levels = level_bound(n, dim, shell, p)
    return network_count(indicator_count(n, dim, p, levels=levels, tents=tents, pieces=pieces), clean, depth, outputs)


def _check(n: int, dim: int, radius: float, shell: float, p: float) -> float:
    if not n >= 1 or not dim >= 1 or not 0 <= radius < math.inf or not 0 < shell < math.inf:
        raise AssumptionError(
            "the size of Theorem 3.3 needs n >= 1, dim >= 1, a finite radius >= 0 and a finite shell > 0, got "
            f"n={n}, dim={dim}, radius={radius}, shell={shell}: without a shell a continuous network cannot jump"
        )
    return read_exponent(p)
