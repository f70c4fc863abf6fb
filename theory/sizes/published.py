"""Bounds of the literature on the size of networks that memorize N points of R^d robustly, as data.

All are worst cases over data sets: a lower bound says that some data set needs so much, and a network for other data
may lie below it (data separable in one coordinate need one neuron). Form "explicit" is an inequality as it stands. The
others hold up to a constant, "Õ" also up to powers of logarithms: the value is that of the formula without them, and
bounds nothing by itself.

Symbols: N points, d their dimension, `ρ = δ / (½ min separation)` of differently labelled points, and the source's own.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np
import sympy
from jaxtyping import Float, Int

from theory.errors import AssumptionError

Count: TypeAlias = Literal["all entries", "non-zeros", "width", "width of the first hidden layer", "depth"]

N, d, k = sympy.symbols("N d k", integer=True, positive=True)
rho, p, delta, eps, gamma, R = sympy.symbols("rho p delta eps gamma R", positive=True)

_KIM = "Kim, Moon, Yun (2025), NeurIPS, arXiv:2510.24643"
_YU = "Yu, Gao, Zhang (2024), ICLR"
_EGOSI = "Egosi, Yehudai, Shamir (2025), arXiv:2502.11162"
_LI = "Li, Jin, Zhong, Hopcroft, Wang (2022), NeurIPS, arXiv:2205.13863"
_VARDI = "Vardi, Yehudai, Shamir (2022), ICLR, arXiv:2110.03187"


@dataclass(frozen=True)
class PublishedBound:
    """One bound, called with the values of its symbols.

    Attributes:
        name: a few words, the key in `PUBLISHED`.
        source: where it is from.
        norm: exponent of the perturbations: 2, ∞, None for every p.
        counts: what is bounded.
        kind: "lower" (some data set needs so much) or "upper" (so much is enough for every data set).
        form: "explicit", or "Ω", "O", "Õ": the formula without its constant.
        formula: a sympy expression.
        hypotheses: sympy relations of the same symbols.
        robust: False if it is for memorization without perturbations.
    """

    name: str
    source: str
    norm: float | None
    counts: Count
    kind: Literal["lower", "upper"]
    form: Literal["explicit", "Ω", "O", "Õ"]
    formula: sympy.Expr
    hypotheses: tuple[Any, ...] = ()
    robust: bool = True

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the values that the formula and the hypotheses need."""
        free = self.formula.free_symbols.union(*(relation.free_symbols for relation in self.hypotheses))
        return tuple(sorted(symbol.name for symbol in free))

    def __call__(self, **values: float) -> float:
        """The formula at these values, such as `N=100, d=20, rho=0.5`; others than its own are ignored.

        Raises:
            ValueError: if a value is missing, or not positive and finite.
            AssumptionError: if a hypothesis fails.
        """
        missing = [name for name in self.symbols if name not in values]
        if missing:
            raise ValueError(
                f"{self.name!r} ({self.source}) needs {', '.join(self.symbols)}; missing {', '.join(missing)}"
            )
        used = {name: values[name] for name in self.symbols}
        if not all(0 < value < math.inf for value in used.values()):
            raise ValueError(f"{self.name!r} ({self.source}) needs finite values > 0, got {used}")
        for relation in self.hypotheses:
            if not bool(_at(relation, used)):
                raise AssumptionError(f"{self.name!r} ({self.source}) needs {relation}, got {used}")
        return float(_at(self.formula, used))


_BOUNDS = (
    PublishedBound(
        "width of the first layer", _KIM, 2, "width of the first hidden layer", "lower", "explicit",
        rho**2 * sympy.Min(N - 1, d), (N >= 2, rho < 1),
    ),
    PublishedBound(
        "width of the first layer, l_inf", _KIM, math.inf, "width of the first hidden layer", "lower", "explicit",
        sympy.Min(N - 1, d), (N >= 2, rho > sympy.Rational(1, 2), rho < 1),
    ),
    PublishedBound(
        "parameters from below", _KIM, 2, "all entries", "lower", "Ω",
        (rho**2 * sympy.Min(N, d) + 1) * d + sympy.Min(1 / sympy.sqrt(1 - rho**2), sympy.sqrt(d)) * sympy.sqrt(N),
        (rho < 1,),
    ),
    PublishedBound(
        "small ρ", _KIM, 2, "all entries", "upper", "Õ", sympy.sqrt(N), (rho <= 1 / (5 * N * sympy.sqrt(d)),)
    ),
    PublishedBound(
        "moderate ρ", _KIM, 2, "all entries", "upper", "Õ",
        N * d ** sympy.Rational(1, 4) * sympy.sqrt(rho), (rho <= 1 / (5 * sympy.sqrt(d)),),
    ),
    PublishedBound("any ρ", _KIM, 2, "all entries", "upper", "Õ", N * d**2 * rho**4, (rho < 1,)),
    PublishedBound("any ρ, non-zeros", _KIM, 2, "non-zeros", "upper", "Õ", N * d * rho**2 + d, (rho < 1,)),
    PublishedBound("optimal width, l_inf", _YU, math.inf, "width", "upper", "explicit", 3 * d + 1, (rho < 1,)),
    PublishedBound("optimal depth, l_inf", _YU, math.inf, "depth", "upper", "explicit", 2 * N + 1, (rho < 1,)),
    PublishedBound("optimal non-zeros, l_inf", _YU, math.inf, "non-zeros", "upper", "O", N * d, (rho < 1,)),
    PublishedBound("optimal width, l_p", _YU, None, "width", "upper", "O", d, (rho < 1,)),
    # p > 1, γ and R as the source defines them.
    PublishedBound(
        "optimal depth, l_p", _YU, None, "depth", "upper", "O",
        N * p * (sympy.log(d / gamma**p) + p * sympy.log(R) + sympy.log(p)), (rho < 1,),
    ),
    PublishedBound(
        "logarithmic width", _EGOSI, 2, "width", "upper", "explicit", k,
        (
            k >= 7,
            k <= d + 5,
            rho <= sympy.sqrt((k - 6) / d) * N ** (-2 / (k - 6)) / (4 * sympy.sqrt(sympy.E)),
        ),
    ),
    # Li et al. write δ for the radius, ε for half of the separation: δ < ε / 2.
    PublishedBound(
        "robust training", _LI, None, "non-zeros", "upper", "Õ",
        N * d * sympy.log(d / delta) + N * sympy.log(N / delta), (delta < eps / 2,),
    ),
    PublishedBound("robust training from below", _LI, None, "non-zeros", "lower", "Ω", sympy.sqrt(N * d)),
    PublishedBound("no perturbation", _VARDI, None, "all entries", "upper", "Õ", sympy.sqrt(N), robust=False),
    PublishedBound(
        "no perturbation, width", _VARDI, None, "width", "upper", "explicit", sympy.Integer(12), robust=False
    ),
)  # fmt: skip

PUBLISHED: Mapping[str, PublishedBound] = MappingProxyType({bound.name: bound for bound in _BOUNDS})
"""The bounds by name."""


def applicable(norm: float, **values: float) -> dict[str, float]:
    """All bounds for perturbations in this norm whose symbols are given and whose hypotheses hold, with their values.

    Worst cases over data sets, beside which a size can be put: no bounds on the data at hand.

    Args:
        norm: p, 1 <= p <= ∞.
        **values: such as `N=100, d=20, rho=0.5`.
    """
    if not norm >= 1:
        raise ValueError(f"an l_p norm needs p >= 1, got p={norm}")
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


def _at(expression: Any, values: Mapping[str, float]) -> Any:
    """The expression at these values, as exact rationals, so that `<` and `<=` are decided and not rounded."""
    exact = {s: sympy.Rational(values[s.name]) for s in expression.free_symbols}
    return expression.xreplace(exact) if expression.free_symbols else expression
