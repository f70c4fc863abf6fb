"""Hypotheses as a person writes them: nothing of the program's notation is left."""

import re
from typing import Any

import pytest
import sympy

from constructions.comparison.relations import in_words
from theory.sizes.published import PUBLISHED

p, d, rho = sympy.symbols("p d rho")


@pytest.mark.parametrize(
    ("hypothesis", "text"),
    [
        (sympy.Ne(p, sympy.oo), "p ≠ ∞"),
        (sympy.Eq(p, 2) | sympy.Eq(p, sympy.oo), "p = 2 or p = ∞"),
        (sympy.Eq(sympy.Mod(p, 1), 0), "p is a whole number"),
        (rho < d ** (-sympy.Abs(sympy.Rational(1, 2) - 1 / p)), "ρ < d^(-|1/2 - 1/p|)"),
        (rho >= sympy.sqrt(1 - 1 / d), "ρ ≥ sqrt(1 - 1/d)"),
        (rho <= sympy.exp(d), "ρ ≤ exp(d)"),
    ],
)
def test_relations(hypothesis: Any, text: str) -> None:
    assert in_words(hypothesis) == text


def test_every_published_hypothesis_is_readable() -> None:
    relations = [h for bound in PUBLISHED.values() for h in bound.hypotheses]
    assert relations
    for relation in relations:
        assert not re.search(r"Ne\(|Eq\(|Mod\(|Abs\(|\boo\b|\*\*|<=|>=|rho|eps", in_words(relation)), in_words(relation)
