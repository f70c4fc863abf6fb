"""The formulas of the ledger, as they are written, read into sympy.

    N(N-1)/2 · e^{-t}        products by juxtaposition, `/` and `·` from left to right
    √(2D_0 - 4√(D_0 t))      √ takes what stands next to it
    ½ log2(x), a²            fractions and powers as single characters
    Φ(-β cot θ), Φ^{-1}(1-η) the normal law and its quantile; also ln, log⁺, exp, min, max, tan, cot, arctan, ⌈ ⌉
    h(α), C(n, k), Γ(x)      binary entropy, binomial coefficient, gamma function
    Σ_{k<D} …, Σ_{j≤J} …     of the product that follows, from k = 0 and from j = 1
    min over J of …          of all that follows, over J = 0, …, 12

Symbols are told by their names, the longest first: with n and d among them `nd` is `n · d`. A symbol of the same name
goes before a function or a constant (e, π, ∞).
"""

import re
from collections.abc import Callable, Iterable, Mapping

import sympy

# No more are needed while 4 N < 2^12.
_LEVELS = 13
_SUPERSCRIPTS = {"²": 2, "³": 3}
_VALUES = {
    "e": sympy.E,
    "π": sympy.pi,
    "∞": sympy.oo,
    "½": sympy.Rational(1, 2),
    "¼": sympy.Rational(1, 4),
    "¾": sympy.Rational(3, 4),
}
_FUNCTIONS: Mapping[str, Callable[..., sympy.Expr]] = {
    "log2": lambda x: sympy.log(x) / sympy.log(2),
    "log⁺": lambda x: sympy.Max(0, sympy.log(x)),
    "ln": sympy.log,
    "exp": sympy.exp,
    "min": sympy.Min,
    "max": sympy.Max,
    "tan": sympy.tan,
    "cot": sympy.cot,
    "arctan": sympy.atan,
    "Φ^{-1}": lambda q: sympy.sqrt(2) * sympy.erfinv(2 * q - 1),
    "Φ": lambda x: sympy.erfc(-x / sympy.sqrt(2)) / 2,
    "h": lambda x: -(x * sympy.log(x) + (1 - x) * sympy.log(1 - x)) / sympy.log(2),
    "C": sympy.binomial,
    "Γ": sympy.gamma,
    "√": sympy.sqrt,
}
_SUM = re.compile(r"Σ_\{(\w)([<≤])")
_MINIMUM = re.compile(r"min over (\w) of")
_NUMBER = re.compile(r"\d+(\.\d+)?")


def read_formula(text: str, values: Mapping[str, sympy.Expr], names: Mapping[str, str] | None = None) -> sympy.Expr:
    """The formula at these values of its symbols, as sympy has it.

    Args:
        text: such as "√(N ln(2/Δ) / 2)".
        values: from the names of the symbols, such as "N" and "Δ", to numbers, or to `sympy.Symbol`; where a sum ends
            has to be a number.
        names: parts of the text that are read as another formula.

    Raises:
        ValueError: if the text is no formula in these symbols; the message shows where the reading stopped.
    """
    for name in sorted(names or {}, key=len, reverse=True):
        text = text.replace(name, f"({(names or {})[name]})")
    return _Reader(text, values).read()


class _Reader:
    """Recursive descent: `sum` of products of factors with powers."""

    def __init__(self, text: str, values: Mapping[str, sympy.Expr]) -> None:
        self.text = text
        self.at = 0
        self.symbols = dict(values)

    def read(self) -> sympy.Expr:
        value = self.sum()
        if self.at < len(self.text):
            raise self.stopped("the end")
        return value

    def sum(self) -> sympy.Expr:
        value = -self.product() if self.takes("-") else self.product()
        while True:
            if self.takes("+"):
                value += self.product()
            elif self.takes("-"):
                value -= self.product()
            else:
                return value

    def product(self) -> sympy.Expr:
        value = self.factor()
        while True:
            if self.takes("/"):
                value /= self.factor()
            elif self.takes("·") or self.begins_a_factor():
                value *= self.factor()
            else:
                return value

    def factor(self) -> sympy.Expr:
        value = self.base()
        while True:
            square = next((power for sign, power in _SUPERSCRIPTS.items() if self.takes(sign)), None)
            if square is not None:
                value **= square
            elif self.takes("^"):
                value **= self.exponent()
            else:
                return value

    def exponent(self) -> sympy.Expr:
        if self.takes("{"):
            return self.closed("}")
        return -self.base() if self.takes("-") else self.base()

    def base(self) -> sympy.Expr:
        self.skip()
        rest = self.text[self.at :]
        if found := _SUM.match(rest):
            return self.series(found)
        if found := _MINIMUM.match(rest):
            return self.minimum(found)
        name = self.next_name((*self.symbols, *_FUNCTIONS, *_VALUES))
        if name in self.symbols:
            return self.symbols[name]
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](*self.arguments())
        if name:
            return _VALUES[name]
        if found := _NUMBER.match(rest):
            self.at += found.end()
            return sympy.Rational(found.group())
        for opening, closing in (("(", ")"), ("⌈", "⌉")):
            if self.takes(opening):
                value = self.closed(closing)
                return sympy.ceiling(value) if opening == "⌈" else value
        raise self.stopped("a number, a symbol, a function or a bracket")

    def arguments(self) -> list[sympy.Expr]:
        """Those in brackets, or the one factor that follows."""
        if not self.takes("("):
            return [self.base()]
        values = [self.sum()]
        while self.takes(","):
            values.append(self.sum())
        self.needs(")")
        return values

    def closed(self, closing: str) -> sympy.Expr:
        value = self.sum()
        self.needs(closing)
        return value

    def series(self, found: re.Match[str]) -> sympy.Expr:
        index, relation = found.groups()
        self.at += found.end()
        end = self.closed("}")
        if not end.is_Integer:
            raise self.stopped(f"a sum up to a whole number, not to {end},")
        levels = range(int(end)) if relation == "<" else range(1, int(end) + 1)
        return sympy.Add(*self.at_each(index, levels, self.product))

    def minimum(self, found: re.Match[str]) -> sympy.Expr:
        self.at += found.end()
        return sympy.Min(*self.at_each(found.group(1), range(_LEVELS), self.sum))

    def at_each(self, index: str, levels: range, body: Callable[[], sympy.Expr]) -> list[sympy.Expr]:
        """The values of what follows at these values of the index; without any it is passed."""
        start, outer = self.at, self.symbols
        values = []
        for level in levels or range(1):
            self.at, self.symbols = start, outer | {index: sympy.Integer(level)}
            values.append(body())
        self.symbols = outer
        return values if levels else []

    def begins_a_factor(self) -> bool:
        self.skip()
        rest = self.text[self.at :]
        known = (*self.symbols, *_FUNCTIONS, *_VALUES)
        return bool(_SUM.match(rest) or _NUMBER.match(rest) or rest.startswith(("(", "⌈", *known)))

    def next_name(self, names: Iterable[str]) -> str:
        """Passes and gives the longest of the names that stands here, or ""."""
        name = max((name for name in names if self.text.startswith(name, self.at)), key=len, default="")
        self.at += len(name)
        return name

    def takes(self, sign: str) -> bool:
        self.skip()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def needs(self, sign: str) -> None:
        if not self.takes(sign):
            raise self.stopped(repr(sign))

    def skip(self) -> None:
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1

    def stopped(self, wanted: str) -> ValueError:
        return ValueError(
            f"{self.text!r} needs {wanted} after {self.text[: self.at]!r}, got {self.text[self.at :]!r}; the symbols "
            f"are {', '.join(self.symbols)}"
        )
