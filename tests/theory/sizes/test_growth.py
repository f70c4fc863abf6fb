"""Warren's bound against counts, and N_d against a second computation in logarithms and one to 120 digits."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from theory.errors import AssumptionError
from theory.sizes.growth import (
    growth_bound,
    labelling_failure,
    pattern_room,
    robust_size_bound,
    size_bound_bracket,
    warren_bound,
)
from theory.witnesses.sizes import equal_sizes, one_class_only

grids = st.integers(2, 12)
alphas = st.floats(0.01, 0.49)
depths = st.one_of(st.none(), st.integers(1, 50))


def entropy(alpha: float) -> float:
    return -(alpha * math.log2(alpha) + (1 - alpha) * math.log2(1 - alpha))


# --- Warren's bound ----------------------------------------------------------------------------------


def half_spaces(count: int, variables: int) -> int:
    """Cover (1965): dichotomies of `count` points in general position by half-spaces through 0 in R^variables."""
    return 2 * sum(math.comb(count - 1, i) for i in range(variables))


@given(st.integers(1, 40), st.data())
def test_warrens_bound_dominates_the_exact_count_of_half_spaces(variables, data) -> None:
    count = data.draw(st.integers(variables, 400))
    assert math.log2(half_spaces(count, variables)) <= warren_bound(count, 1, variables)


def test_a_bound_without_the_factor_2e_is_refuted_by_half_spaces() -> None:
    """The planted fault: `1 + w log2(M D / w)`."""
    assert math.log2(half_spaces(10, 10)) > 1 + 10 * math.log2(10 / 10)
    assert math.log2(half_spaces(200, 10)) > 1 + 10 * math.log2(200 / 10)


@given(st.integers(1, 60), st.integers(1, 30), st.data())
def test_warrens_bound_in_floats(variables, degree, data) -> None:
    count = data.draw(st.integers(variables, 10**6))
    value = 1 + variables * math.log2(2 * math.e * count * degree / variables)
    assert float(warren_bound(count, degree, variables)) == pytest.approx(value, rel=1e-14)


# --- the growth bound --------------------------------------------------------------------------------


@given(st.integers(1, 10**4), st.integers(1, 4000), depths, st.integers(0, 10**6))
def test_the_growth_bound_in_floats(nonzero, dim, depth, more) -> None:
    """The formula as it stands in the repaired theorem (½W(W+1) for no depth), in floats."""
    count = nonzero + more
    layers = nonzero if depth is None else min(nonzero, depth)
    value = nonzero * math.log2(2 * math.e * (nonzero + dim)) + layers
    value += layers * (2 * nonzero - layers + 1) / 2 * math.log2(2 * math.e * count)
    assert float(growth_bound(nonzero, count, dim, depth)) == pytest.approx(value, rel=1e-14)


@given(st.integers(1, 1000), st.integers(1, 100), depths)
def test_the_growth_bound_grows_with_its_arguments(nonzero, dim, depth) -> None:
    value = growth_bound(nonzero, 2000, dim, depth)
    assert growth_bound(nonzero - 1, 2000, dim, depth) < value < growth_bound(nonzero, 2001, dim, depth)
    assert value < growth_bound(nonzero, 2000, dim + 1, depth)
    assert value <= growth_bound(nonzero, 2000, dim)


# --- N_d ---------------------------------------------------------------------------------------------


def log2_size(dim: int, m: int, alpha: float, depth: int | None = None, graph: float = 2 * math.e) -> float:
    """log2 of the real root W of the equation of N_d in float64 logarithms, for `(graph (W + d))^W` graphs."""
    cubes = (dim - 1) * math.log2(m)
    room = math.log2(1 - entropy(alpha)) + cubes

    def excess(w: float) -> float:
        layers = w if depth is None else min(w, math.log2(depth))
        graphs = w + math.log2(math.log2(graph) + np.logaddexp2(w, math.log2(dim)))
        exponent = w + layers + math.log2(1 - 2.0 ** (layers - w - 1) + 2.0 ** (-w - 1))
        signs = exponent + math.log2(math.log2(2 * math.e) + cubes)
        return float(np.logaddexp2(np.logaddexp2(graphs, layers), signs)) - room

    # Below W = 1/2 it does not matter where.
    return float(brentq(excess, -1.0, cubes + 1, xtol=1e-13, rtol=1e-15)) if excess(-1.0) < 0 else -math.inf


@given(st.integers(2, 3072), grids, alphas, depths)
def test_the_size_bound_by_logarithms(dim, m, alpha, depth) -> None:
    """Second route. Its logarithms are below 2^14, so that each operation loses at most 2^-39; there are a dozen."""
    size = robust_size_bound(dim, m, alpha, depth)
    root = log2_size(dim, m, alpha, depth)
    if root < 40:
        real = 2.0**root
        # Up to the rounding of the root, any integer may be right.
        assert math.floor(real * (1 - 1e-9)) <= size <= math.floor(real * (1 + 1e-9))
    else:
        assert abs(math.log2(size) - root) < 1e-9


@given(st.integers(2, 200), grids, alphas, depths)
def test_the_size_bound_to_120_digits(dim, m, alpha, depth) -> None:
    """N_d satisfies the inequality and N_d + 1 does not, or for large N_d a relative 2^-63 more does not."""
    size = robust_size_bound(dim, m, alpha, depth)
    count = m ** (dim - 1)
    exact = sympy.Rational(alpha)

    def log2(value: Any) -> sympy.Expr:
        return (sympy.log(value) / sympy.log(2)).evalf(120)

    room = (1 + exact * log2(exact) + (1 - exact) * log2(1 - exact)) * count

    def bound(nonzero: int) -> sympy.Expr:
        if nonzero == 0:
            return sympy.Integer(0)
        layers = nonzero if depth is None else min(depth, nonzero)
        signs = sympy.Rational(layers * (2 * nonzero - layers + 1), 2) * log2(2 * sympy.E * count)
        return nonzero * log2(2 * sympy.E * (nonzero + dim)) + layers + signs

    assert bound(size) < room
    assert not bound(size + 1 + (size >> 63)) < room
    assert (size & -size).bit_length() + 64 > size.bit_length()


@given(st.integers(2, 3072), grids, alphas)
def test_the_closed_forms_bracket_the_size_bound(dim, m, alpha) -> None:
    # The room rounded down, N_d to 64 bits.
    lower, upper = size_bound_bracket(dim, m, sympy.Rational(1 - entropy(alpha) - 1e-12))
    size = robust_size_bound(dim, m, alpha)
    assert lower.evalf(30) <= (size + 1) * (1 + sympy.Rational(1, 2**62))
    assert size**2 < upper**2
    # The planted fault: without the logarithms the lower form fails.
    assert dim < 8 or (size + 1) ** 2 < (1 - entropy(alpha) - 1e-12) * sympy.Integer(m) ** (dim - 1)


@pytest.mark.parametrize("m", [2, 3, 10])
def test_the_slope_tends_to_half_the_logarithm_of_m(m) -> None:
    d = sympy.Symbol("d", positive=True)
    for bound in size_bound_bracket(d, m, sympy.Rational(1, 5)):
        limit = sympy.limit(sympy.expand_log(sympy.log(bound), force=True) / d, d, sympy.oo)
        assert sympy.simplify(limit - sympy.log(m) / 2) == 0


@pytest.mark.parametrize(("depth", "factor"), [(None, 0.5), (3, 1.0)])
@pytest.mark.parametrize("m", [2, 3, 10])
def test_the_measured_slope(m, depth, factor) -> None:
    """Of log2 N_d: below its limit by less than 2/d, for the logarithms in the bound. Depth 3: log m, not half."""
    dims = [50, 100, 200, 400, 800, 1600, 3072]
    sizes = [math.log2(robust_size_bound(dim, m, 0.25, depth)) for dim in dims]
    for (low, high), (first, last) in zip(pairwise(dims), pairwise(sizes), strict=True):
        slope = (last - first) / (high - low)
        assert factor * math.log2(m) - 2 / low < slope < factor * math.log2(m)


@given(st.integers(2, 60), grids, alphas)
def test_the_size_bound_is_monotone(dim, m, alpha) -> None:
    size = robust_size_bound(dim, m, alpha)
    assert robust_size_bound(dim + 1, m, alpha) >= size
    assert robust_size_bound(dim, m + 1, alpha) >= size
    assert robust_size_bound(dim, m, alpha / 2) >= size
    assert robust_size_bound(dim, m, alpha, 1) >= robust_size_bound(dim, m, alpha, 2) >= size


@pytest.mark.parametrize("fault", [{}, {"graph": math.e}, {"depth": 1}])
def test_a_wrong_bound_is_noticed_by_the_second_route(fault) -> None:
    """Planted faults: a smaller union over graphs, which moves N_d by 0.1 or so, and n for n²/2."""
    cases = [(dim, 2, alpha) for dim in range(10, 40) for alpha in (0.1, 0.2, 0.3)]
    agree = [robust_size_bound(*case) == math.floor(2.0 ** log2_size(*case, **fault)) for case in cases]
    assert all(agree) == (not fault)


@given(st.integers(1, 300), st.integers(0, 10**6), st.integers(1, 100), alphas, depths)
def test_the_failure_of_a_random_labelling(nonzero, more, dim, alpha, depth) -> None:
    """It is below 1 for N_d, and the power of two in the theorem."""
    count = nonzero + more
    log_failure = labelling_failure(nonzero, count, dim, alpha, depth)
    growth = float(growth_bound(nonzero, count, dim, depth))
    assert float(log_failure) == pytest.approx(growth - (1 - entropy(alpha)) * count, rel=1e-9, abs=1e-9 * count)
    assert (log_failure < 0) == (growth_bound(nonzero, count, dim, depth) < pattern_room(count, alpha))


# --- witnesses ---------------------------------------------------------------------------------------


def test_witnesses() -> None:
    pair = one_class_only(0.9, 0.6, 5)
    assert pair.radius == 0.9 * 0.6
    assert pair.separation == 2
    assert np.ptp(pair.points) == 1
    assert pair.classifier.nonzero == 1
    three = equal_sizes()
    assert three.classifier.nonzero == 2
    assert (three.labels * three.classifier(three.points) > three.radius).all()


BAD = [
    (lambda: warren_bound(3, 1, 4), AssumptionError, "variables <= polynomials"),
    (lambda: warren_bound(3, 0, 2), AssumptionError, "degree >= 1"),
    (lambda: warren_bound(3, 1, 0), AssumptionError, "1 <= variables"),
    (lambda: growth_bound(5, 4, 2), AssumptionError, "nonzero <= count"),
    (lambda: growth_bound(-1, 4, 2), AssumptionError, "0 <= nonzero"),
    (lambda: growth_bound(1, 0, 2), AssumptionError, "count >= 1"),
    (lambda: growth_bound(1, 4, 0), AssumptionError, "dim >= 1"),
    (lambda: growth_bound(1, 4, 2, 0), AssumptionError, "depth >= 1"),
    (lambda: labelling_failure(1, 4, 2, 0.5), AssumptionError, "alpha in"),
    (lambda: labelling_failure(5, 4, 2, 0.1), AssumptionError, "nonzero <= count"),
    (lambda: robust_size_bound(5, 2, 0.1, distance=0), AssumptionError, "distance in"),
    (lambda: robust_size_bound(5, 2, 0.1, distance=5), AssumptionError, "distance in"),
    (lambda: robust_size_bound(1, 2, 0.1), AssumptionError, "dim >= 2"),
    (lambda: robust_size_bound(5, 1, 0.1), AssumptionError, "m >= 2"),
    (lambda: robust_size_bound(5, 2, 0.0), AssumptionError, "alpha in"),
    (lambda: robust_size_bound(5, 2, 0.5), AssumptionError, "alpha in"),
    (lambda: robust_size_bound(5, 2, math.nan), AssumptionError, "alpha in"),
    (lambda: robust_size_bound(5, 2, 0.1, 0), AssumptionError, "depth >= 1"),
    (lambda: one_class_only(0.6, 0.5, 3, 0.5), ValueError, "p >= 1"),
    (lambda: one_class_only(1.0, 0.6, 3), AssumptionError, "eps and c"),
    (lambda: one_class_only(math.nan, 0.6, 3), AssumptionError, "eps and c"),
    (lambda: one_class_only(0.9, 0.6, 0), AssumptionError, "dim >= 1"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_calls(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint32, np.array, float])
def test_counts_of_other_types_are_python_ints(kind: Any) -> None:
    assert growth_bound(kind(10**6), kind(10**8), kind(3), kind(7)) == growth_bound(10**6, 10**8, 3, 7)
    assert robust_size_bound(kind(40), kind(10), 0.125, kind(5)) == robust_size_bound(40, 10, 0.125, 5)
    assert robust_size_bound(100, kind(10), 0.1) == robust_size_bound(100, 10, 0.1)
    assert warren_bound(kind(2**20), kind(2**20), kind(5)) == warren_bound(2**20, 2**20, 5)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("count", [2.5, math.nan, math.inf, "3", True, None, [3]])
def test_what_is_no_count_is_refused_by_name(count: Any) -> None:
    for call in (lambda: growth_bound(2, count, 3), lambda: robust_size_bound(3, count, 0.1)):
        with pytest.raises(ValueError, match="must be a whole number"):
            call()
