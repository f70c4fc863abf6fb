"""What a builder claims: only that is checked."""

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from theory.arguments.scalars import read_exponent
from theory.errors import AssumptionError

Builder = Callable[..., Any]
_ATTRIBUTE = "suite_claims"


@dataclass(frozen=True)
class Claims:
    """What a builder claims beside the least: that no point of a ball `B_p(x_i, radius)` is misclassified.

    Attributes:
        f_adv: that its network equals `f_adv` off the shells, as in Theorem 3.3 (repaired): the label on the balls,
            with margin 1 or more, and `clean` beyond every shell. The builder has parameters `clean` and `shell`.
        contract: that it returns a `constructions.Construction`, with an exact size and true certificates.
        norms: exponents p that it is for, numbers or "inf"; by default all if it has a parameter `p`, else that of the
            task of what it builds.
        binary: that it is for labels -1 and +1 only.
        refuses: what it raises for a sample that it does not take, exception types.

    Raises:
        ValueError: for no norm, or one that is no number in [1, ∞].
    """

    f_adv: bool = False
    contract: bool = False
    norms: Any = None
    binary: bool = False
    refuses: Any = (AssumptionError,)

    def __post_init__(self) -> None:
        if self.norms is not None:
            several = isinstance(self.norms, Iterable) and not isinstance(self.norms, str)
            given = self.norms if several else (self.norms,)
            object.__setattr__(self, "norms", tuple(read_exponent(p) for p in given))
            if not self.norms:
                raise ValueError("norms must hold an exponent, or be None for all, got none")
        single = isinstance(self.refuses, type)
        object.__setattr__(self, "refuses", (self.refuses,) if single else tuple(self.refuses))


def claims(**declared: Any) -> Callable[[Builder], Builder]:
    """A decorator that declares what a builder claims, or what the builder of another does.

    `@claims(norms=[2], binary=True)` above a function, or `claims(f_adv=True)(build)`, which leaves `build` as it is.

    Args:
        declared: the fields of `Claims`.
    """
    found = Claims(**declared)

    def declare(builder: Builder) -> Builder:
        @functools.wraps(builder)
        def claimed(*arguments: Any, **named: Any) -> Any:
            return builder(*arguments, **named)

        setattr(claimed, _ATTRIBUTE, found)
        return claimed

    return declare


def claims_of(builder: Builder) -> Claims:
    """What was declared of a builder, or of the function of a `functools.partial`; else the least."""
    declared = getattr(builder, _ATTRIBUTE, None)
    if declared is None and isinstance(builder, functools.partial):
        return claims_of(builder.func)
    return Claims() if declared is None else declared


def name_of(builder: Builder) -> str:
    """What a builder is called in messages and in the ids of tests."""
    inner = inspect.unwrap(builder)
    while isinstance(inner, functools.partial):
        inner = inner.func
    return str(getattr(inner, "__name__", type(inner).__name__))
