"""A bound of the literature as data: what it counts, its formula, its hypotheses, and where it was read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import sympy

from theory.errors import AssumptionError

Count: TypeAlias = Literal[
    "all entries", "non-zeros", "width", "width of the first hidden layer", "depth", "width times depth"
]

N, d, k = sympy.symbols("N d k", integer=True, positive=True)
rho, delta, eps, gamma, R, s = sympy.symbols("rho delta eps gamma R s", positive=True)
# No assumptions: p = ∞ is a norm, and of extended numbers sympy takes `p != ∞` for False.
p = sympy.Symbol("p")


@dataclass(frozen=True)
class PublishedBound:
    """One bound, called with the values of its symbols.

    Symbols: N points, d their dimension, ρ the radius over half of the least distance R_S of differently labelled
    points, p of the norm, k a width. In the units in which the data lie in the unit ball of l_p: δ the radius, ε half
    of R_S, s the least distance of any two points. `γ = (1 - ρ) R_S/2`, and R > 1 at least every `‖x_i‖_∞`.

    Attributes:
        name: a few words, the key in `PUBLISHED`.
        source: authors, year, venue.
        place: theorem or page of the source.
        read: "source", or where it was read that the source says so.
        norm: exponent of the perturbations, if it is one; None for several: p is a symbol then, or every p is meant.
        counts: what is bounded.
        kind: "lower" (some data set needs so much) or "upper" (so much is enough for every data set).
        form: "explicit", or "Ω", "O", "Õ": the formula without its constant.
        formula: a sympy expression.
        hypotheses: sympy relations of the same symbols.
        assumes: hypotheses that are not about these symbols.
        robust: False if it is for memorization without perturbations.
        exact: False if at most a fraction η > 0 of the volume of each ball may be classified wrongly, any η.
    """

    name: str
    source: str
    place: str
    read: str
    norm: float | None
    counts: Count
    kind: Literal["lower", "upper"]
    form: Literal["explicit", "Ω", "O", "Õ"]
    formula: sympy.Expr
    hypotheses: tuple[Any, ...] = ()
    assumes: str = ""
    robust: bool = True
    exact: bool = True

    @property
    def citation(self) -> str:
        """Source and place, and where both were read if not at the source."""
        return f"{self.source}, {self.place}" + ("" if self.read == "source" else f" (as in {self.read})")

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the values that the formula and the hypotheses need."""
        free = self.formula.free_symbols.union(*(relation.free_symbols for relation in self.hypotheses))
        return tuple(sorted(symbol.name for symbol in free))

    def __call__(self, **values: float) -> float:
        """The formula at these values, such as `N=100, d=20, rho=0.5`; others than its own are ignored.

        Raises:
            ValueError: if a value is missing, or not positive and finite; p may be ∞, and is at least 1.
            AssumptionError: if a hypothesis fails.
        """
        missing = [name for name in self.symbols if name not in values]
        if missing:
            raise ValueError(
                f"{self.name!r} ({self.source}) needs {', '.join(self.symbols)}; missing {', '.join(missing)}"
            )
        used = {name: values[name] for name in self.symbols}
        if not all(0 < value < math.inf for name, value in used.items() if name != "p"):
            raise ValueError(f"{self.name!r} ({self.source}) needs finite values > 0, got {used}")
        if not used.get("p", 1) >= 1:
            raise ValueError(f"{self.name!r} ({self.source}) needs p >= 1, got {used}")
        for relation in self.hypotheses:
            if not bool(_at(relation, used)):
                raise AssumptionError(f"{self.name!r} ({self.source}) needs {relation}, got {used}")
        return float(_at(self.formula, used))


def _at(expression: Any, values: Mapping[str, float]) -> Any:
    """The expression at these values, as exact rationals, so that `<` and `<=` are decided and not rounded."""
    exact = {s: _exact(values[s.name]) for s in expression.free_symbols}
    return expression.xreplace(exact) if expression.free_symbols else expression


def _exact(value: float) -> Any:
    return sympy.oo if value == math.inf else sympy.Rational(value)
