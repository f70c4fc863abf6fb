"""Bounds of the literature on the size of networks that memorize N points of R^d robustly, as data.

All are worst cases over data sets: a lower bound says that some data set needs so much, and a network for other data
may lie below it (data separable in one coordinate need one neuron). Form "explicit" is an inequality as it stands. The
others hold up to a constant, "Õ" also up to powers of logarithms: the value is that of the formula without them, and
bounds nothing by itself.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, Int

from theory.errors import AssumptionError
from theory.sizes.memorization import CONTEXT, MEMORIZATION
from theory.sizes.published_bound import PublishedBound
from theory.sizes.robust_memorization import EGOSI, KIM, LI, YU

__all__ = ["CONTEXT", "PUBLISHED", "PublishedBound", "applicable", "extremal_sample", "logarithmic_width"]

PUBLISHED: Mapping[str, PublishedBound] = MappingProxyType(
    {bound.name: bound for bound in (*KIM, *EGOSI, *YU, *LI, *MEMORIZATION)}
)
"""The bounds by name."""


def applicable(norm: float, **values: float) -> dict[str, float]:
    """All bounds for perturbations in this norm whose symbols are given and whose hypotheses hold, with their values.

    Worst cases over data sets, beside which a size can be put: no bounds on the data at hand. Those with `exact` False
    allow an error, those with `robust` False are about memorization alone.

    Args:
        norm: p, 1 <= p <= ∞.
        **values: such as `N=100, d=20, rho=0.5`.
    """
    if not norm >= 1:
        raise ValueError(f"an l_p norm needs p >= 1, got p={norm}")
    values["p"] = norm
    found = {}
    for bound in PUBLISHED.values():
        if bound.norm in (None, norm) and set(bound.symbols) <= set(values):
            try:
                found[bound.name] = bound(**values)
            except AssumptionError:
                continue
    return found


def logarithmic_width(count: int, dim: int, ratio: float) -> int:
    """The least k in [7, d + 5] with `ρ <= (1/(4√e)) √((k-6)/d) N^{-2/(k-6)}`: a width that memorizes robustly in l_2.

    Source: Egosi, Yehudai, Shamir (2025).

    Args:
        count: N.
        dim: d.
        ratio: ρ.

    Raises:
        AssumptionError: if there is none.
    """
    if not count >= 1 or not dim >= 2 or not ratio > 0:
        raise ValueError(f"logarithmic_width needs N >= 1, d >= 2 and ρ > 0, got {count}, {dim}, {ratio}")

    def reach(width: int) -> float:
        return math.sqrt((width - 6) / dim) * math.exp(-2 / (width - 6) * math.log(count)) / (4 * math.sqrt(math.e))

    # reach grows with the width.
    low, high = 7, dim + 5
    if not ratio <= reach(high):
        raise AssumptionError(
            f"logarithmic_width needs ρ <= {reach(high):.4g}, what the largest width d + 5 = {high} reaches for "
            f"N={count}, got ρ={ratio}"
        )
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if ratio <= reach(middle) else (middle + 1, high)
    return low


def extremal_sample(count: int, dim: int) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
    """Data that need a first layer of rank more than `ρ² min{N-1, d}` (l_2), or `min{N-1, d}` (l_inf, `ρ >= ½`).

    `e_1, …, e_d, 2 e_1, …` with label +1, 0 with label -1; separation 1, `δ = ρ/2`, `n = min{N-1, d}`. If f is robust
    and V the kernel of its first weight, `e_j + u` with `‖u‖ <= 2δ` is never in V: it would be `x - x'` with x and x'
    in balls of different labels. So `dist(e_j, V) > ρ`. In l_2 the sum of `dist(e_j, V)²` over `j <= n` is at most the
    rank. In l_inf, if the rank were below n, some `z ≠ 0` in V would be supported on the first n coordinates; scaled to
    `z_j = ½ = ‖z‖_inf` for some j, it gives `‖e_j - z‖_inf = ½ <= ρ`.

    Source: Kim, Moon, Yun (2025), proofs of the width bounds.

    Args:
        count: N >= 2.
        dim: d >= 1.

    Raises:
        ValueError: if not `count >= 2` or not `dim >= 1`.
    """
    if not count >= 2 or not dim >= 1:
        raise ValueError(f"extremal_sample needs count >= 2 points of both labels and dim >= 1, got {count}, {dim}")
    points = np.zeros((count, dim))
    index = np.arange(count - 1)
    points[index, index % dim] = 1.0 + index // dim
    return points, np.array([1] * (count - 1) + [-1])
