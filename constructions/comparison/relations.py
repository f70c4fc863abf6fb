"""Hypotheses of published bounds as a person writes them."""

import re
from typing import Any

import sympy
from sympy.core.relational import Relational

_SIGNS = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "<": "<", ">": ">"}
_NAMES = {"oo": "∞", "rho": "ρ", "delta": "δ", "gamma": "γ", "eps": "ε"}


def in_words(hypothesis: Any) -> str:
    """A relation in one line, such as `p ≠ ∞`, `p is a whole number` or `ρ < d^(-|1/2 - 1/p|)`.

    Args:
        hypothesis: a relation of sympy, or several of which one has to hold.
    """
    if isinstance(hypothesis, sympy.Or):
        return " or ".join(sorted(in_words(each) for each in hypothesis.args))
    if isinstance(hypothesis, sympy.Eq) and isinstance(hypothesis.lhs, sympy.Mod) and hypothesis.lhs.args[1] == 1:
        return f"{_expression(hypothesis.lhs.args[0])} is a whole number"
    if isinstance(hypothesis, Relational):
        return f"{_expression(hypothesis.lhs)} {_SIGNS[hypothesis.rel_op]} {_expression(hypothesis.rhs)}"
    return _expression(hypothesis)


def _expression(value: Any) -> str:
    text = re.sub(r"Abs\(([^()]*)\)", r"|\1|", str(value)).replace("**", "^")
    return re.sub(r"[a-z]+", lambda name: _NAMES.get(name[0], name[0]), text)
