"""No published lower bound contradicts a published upper bound: over N, d, ρ and p, at the edges of every range too.

A lower and an upper bound are about the same thing if the lower count is at most the upper one (a first layer is at
most the width, non-zeros are at most all entries), for the same norm and no error; what memorization alone needs,
robust memorization needs. Explicit bounds are compared as they stand. Constants and powers of logarithms are left out
of the others, so all are compared at places that grow like powers of `t = 2^200`, `N = t^a`, `d = t^b`, `ρ = t^-c` or
`1 - t^-c`: a factor of 2^40 stands for whatever is left out, so exponents may differ by 0.2 and no more.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import mpmath
import pytest
import sympy

from theory.errors import AssumptionError
from theory.sizes.published import PUBLISHED, PublishedBound
from theory.sizes.published_bound import N, d, p, rho

LOG_T = 200
LEFT_OUT = 40.0
NUDGE = 2.0**-40
NORMS = (1.0, 1.5, 2.0, 3.0, math.inf)
# What a lower bound on the key is a lower bound on.
BOUNDS = {
    "width of the first hidden layer": {"width of the first hidden layer", "width"},
    "non-zeros": {"non-zeros", "all entries"},
}


def comparable(lower: PublishedBound, upper: PublishedBound) -> bool:
    """The counts and the kind of memorization; the norm is that of the place."""
    same = upper.counts in BOUNDS.get(lower.counts, {lower.counts})
    return same and upper.exact and (upper.robust or not lower.robust)


@cache
def compiled(expression: Any) -> Any:
    names = sorted(expression.free_symbols, key=str)
    return sympy.lambdify(names, expression, "mpmath"), tuple(str(name) for name in names)


def at(expression: Any, place: dict[str, Any]) -> Any:
    function, names = compiled(expression)
    return function(*(place[name] for name in names))


def log_value(bound: PublishedBound, place: dict[str, Any]) -> float | None:
    """log2 of the formula there; None where the bound says nothing."""
    if bound.norm not in (None, place["p"]) or not all(bool(at(h, place)) for h in bound.hypotheses):
        return None
    return float(mpmath.log(at(bound.formula, place), 2))


def radii(count: Any, dim: Any, exponent: float) -> Iterator[Any]:
    """Constants, powers of t and of its inverse below 1, and both sides of the edges of all ranges."""
    one = mpmath.mpf(1)
    spread = dim ** abs(1 / mpmath.mpf(exponent) - 0.5)
    yield from map(mpmath.mpf, (0.1, 0.45, 0.6, 0.9))
    for c in (0.5, 1, 2):
        yield mpmath.ldexp(one, -int(c * LOG_T))
        yield one - mpmath.ldexp(one, -int(c * LOG_T))
    root = mpmath.sqrt(dim)
    edges = (1 / (5 * count * root * spread), 1 / (5 * root * spread), 1 / spread, 1 / root, one / 2, one * 4 / 5)
    for edge in edges:
        yield from (edge * (1 - NUDGE), edge * (1 + NUDGE))
    for room in (1 - mpmath.sqrt(1 - 1 / dim), 1 - (1 - 1 / dim) ** (1 / mpmath.mpf(exponent))):
        yield from (1 - room * (1 - NUDGE), 1 - room * (1 + NUDGE))


@cache
def places() -> list[dict[str, Any]]:
    """Classes a constant apart in the unit ball; some points as close as 1/N."""
    found = []
    counts = [mpmath.mpf(2), *(mpmath.ldexp(mpmath.mpf(1), int(a * LOG_T)) for a in (0.5, 1, 4))]
    dims = [
        mpmath.mpf(1),
        mpmath.mpf(2),
        mpmath.ldexp(mpmath.mpf(1), LOG_T // 2),
        mpmath.ldexp(mpmath.mpf(1), 2 * LOG_T),
    ]
    for exponent, count, dim in itertools.product(NORMS, counts, dims):
        for ratio in radii(count, dim, exponent):
            if 0 < ratio < 1:
                half = mpmath.mpf(0.25)
                found.append({
                    "N": count, "d": dim, "rho": ratio, "p": exponent, "R": mpmath.mpf(2), "eps": half,
                    "delta": half * ratio, "gamma": half * (1 - ratio), "s": 1 / count,
                    "k": min(dim + 5, 7 + mpmath.ceil(4 * mpmath.log(count))),
                })  # fmt: skip
    return found


def values(bound: PublishedBound) -> list[float | None]:
    """log2 of the bound at all places."""
    with mpmath.workprec(10 * LOG_T):
        return [log_value(bound, place) for place in places()]


@cache
def table() -> dict[str, list[float | None]]:
    return {name: values(bound) for name, bound in PUBLISHED.items()}


def contradict(lower: PublishedBound, upper: PublishedBound, below: list[Any], above: list[Any]) -> bool:
    """Whether they differ by more than what is left out, somewhere; `below` and `above` are their `values`."""
    # What is explicit is compared as it stands, up to the rounding of the logarithms.
    slack = 1e-9 if lower.form == upper.form == "explicit" else LEFT_OUT
    both = [(need, enough) for need, enough in zip(below, above, strict=True) if None not in (need, enough)]
    return any(need > enough + slack for need, enough in both)


def test_no_lower_bound_contradicts_an_upper_bound() -> None:
    known = table()
    for lower, upper in itertools.product(PUBLISHED.values(), PUBLISHED.values()):
        if (lower.kind, upper.kind) == ("lower", "upper") and comparable(lower, upper):
            assert not contradict(lower, upper, known[lower.name], known[upper.name]), (lower.name, upper.name)


def test_every_bound_is_compared_somewhere() -> None:
    """So that a hypothesis that never holds does not hide an entry."""
    known, compared = table(), set()
    for lower, upper in itertools.product(PUBLISHED.values(), PUBLISHED.values()):
        if (lower.kind, upper.kind) == ("lower", "upper") and comparable(lower, upper):
            pairs = zip(known[lower.name], known[upper.name], strict=True)
            if any(None not in pair for pair in pairs):
                compared |= {lower.name, upper.name}
    # Nobody bounds the depth from below, or the width without perturbations, or what allows an error.
    assert set(PUBLISHED) - compared == {
        "optimal depth, l_inf",
        "optimal depth, l_p",
        "large ρ, depth",
        "moderate ρ, error η",
        "no perturbation, width",
    }


EXPLICIT = [bound for bound in PUBLISHED.values() if bound.form == "explicit"]


def test_explicit_bounds_agree_as_they_stand() -> None:
    """Exact rationals, at sizes of real data and at the edges of the ranges."""
    compared = 0
    for count, dim, exponent in itertools.product((2, 11, 60_000), (1, 2, 784), (1.0, 2.0, 3.0, math.inf)):
        ratios = {1e-12, 1e-3, 0.5, math.nextafter(0.5, 1), 0.8, 0.999, 1 / dim}
        for ratio, k in itertools.product(ratios - {1.0}, {7, dim + 5}):
            values = []
            for bound in EXPLICIT:
                if bound.norm in (None, exponent):
                    try:
                        values.append((bound, bound(N=count, d=dim, rho=ratio, p=exponent, k=k)))
                    except AssumptionError:
                        continue
            for (lower, needed), (upper, enough) in itertools.product(values, values):
                if (lower.kind, upper.kind) == ("lower", "upper") and comparable(lower, upper):
                    compared += 1
                    assert needed <= enough, (lower.name, upper.name, count, dim, ratio, exponent)
    assert compared > 100


def planted(name: str, **change: Any) -> PublishedBound:
    return replace(PUBLISHED[name], name="planted", **change)


WRONG = [
    # as they were once stored here
    (planted("large ρ", norm=2, formula=N * d**2 * rho**4, hypotheses=(rho < 1,)), "entries from below"),
    (planted("large ρ, non-zeros", hypotheses=(rho < 1,)), "non-zeros from below"),
    (planted("small ρ", formula=sympy.sqrt(N)), "entries from below"),
    (
        planted("moderate ρ, error η", norm=2, hypotheses=(rho <= 1 / (5 * sympy.sqrt(d)),), exact=True),
        "non-zeros from below",
    ),
    (planted("robust training from below", norm=None, hypotheses=()), "small ρ"),
    # a wrong power, norm, range or count
    (planted("large ρ", formula=N * d**2 * (rho * d ** sympy.Abs(1 / p - 0.5)) ** 8), "entries from below"),
    (planted("small ρ", hypotheses=(rho <= 1,)), "entries from below"),
    (planted("width of the first layer, l_inf", norm=2, hypotheses=(rho < 1,)), "logarithmic width"),
    (planted("width of the first layer", formula=sympy.Min(N - 1, d) / 2), "logarithmic width"),
    (planted("optimal width, l_inf", formula=sympy.sqrt(d)), "width of the first layer, l_inf"),
    (planted("optimal width, l_inf", formula=d - 1), "width of the first layer for more than d points"),
    (planted("entries from below", formula=N * d), "large ρ"),
    (planted("no perturbation, from below", formula=N), "small ρ"),
]


@pytest.mark.parametrize(("wrong", "against"), WRONG)
def test_a_wrong_entry_is_caught(wrong: PublishedBound, against: str) -> None:
    known, wrongs, found = table(), values(wrong), set()
    for name, other in PUBLISHED.items():
        if wrong.kind == "lower" and other.kind == "upper" and comparable(wrong, other):
            found |= {name} if contradict(wrong, other, wrongs, known[name]) else set()
        if wrong.kind == "upper" and other.kind == "lower" and comparable(other, wrong):
            found |= {name} if contradict(other, wrong, known[name], wrongs) else set()
    assert against in found
