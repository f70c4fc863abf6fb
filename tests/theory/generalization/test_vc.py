"""VC dimensions and the bounds made of them: shattering, counting, and the arithmetic of the bounds."""

import itertools
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from theory.errors import AssumptionError
from theory.generalization.bound_check import BoundCheck
from theory.generalization.vc import (
    affine_vc_dimension,
    consistent_bound,
    consistent_sample_size,
    relu_vc_dimension_bound,
    relu_vc_dimension_by_counting,
    uniform_bound,
)
from theory.sizes.growth import warren_bound

widths = st.lists(st.integers(1, 40), min_size=1, max_size=5).map(lambda sizes: [*sizes, 1])


def shattered_by_affine(points) -> bool:
    lifted = np.hstack([points, np.ones((len(points), 1))])
    for signs in itertools.product((-1.0, 1.0), repeat=len(points)):
        rows = -np.array(signs)[:, None] * lifted
        result = linprog(np.zeros(lifted.shape[1]), A_ub=rows, b_ub=-np.ones(len(points)), bounds=(None, None))
        if not result.success:
            return False
    return True


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_affine_classifiers_shatter_d_plus_1_points_and_no_more(dim) -> None:
    rng = np.random.default_rng(dim)
    v = affine_vc_dimension(dim)
    assert shattered_by_affine(rng.normal(size=(v, dim)))
    for _ in range(5):
        assert not shattered_by_affine(rng.normal(size=(v + 1, dim)))


@given(widths)
def test_the_closed_form_is_never_below_the_count_of_two_layers_or_more(sizes) -> None:
    counted = relu_vc_dimension_by_counting(sizes)
    if len(sizes) > 2:
        assert counted <= relu_vc_dimension_bound(sizes)
    upto = list(itertools.accumulate(b * (a + 1) for a, b in itertools.pairwise(sizes)))

    def patterns(n) -> Decimal:
        # Warren's bound, layer by layer, in exact decimals: n i k polynomials of degree i come as degree · number.
        layers = zip(upto, sizes[1:], range(1, len(sizes)), strict=True)
        return sum(warren_bound(n * k, i, w) for w, k, i in layers)

    # The largest N with 2^N patterns allowed: catches a missing k_i or i, and an end that is off by one.
    assert counted <= float(patterns(counted)) + 1e-9
    assert counted + 1 > float(patterns(counted + 1)) - 1e-9


@pytest.mark.parametrize("dim", [1, 3, 10])
def test_one_layer_is_affine(dim) -> None:
    assert affine_vc_dimension(dim) <= relu_vc_dimension_by_counting([dim, 1]) <= 6 * (dim + 1)
    assert affine_vc_dimension(dim) <= relu_vc_dimension_bound([dim, 1])


def test_one_layer_is_outside_the_hypothesis_of_the_closed_form() -> None:
    """`2eR >= 16` fails for R = 1 and holds for every deeper network, whose R is at least 3: 16.3."""
    assert relu_vc_dimension_by_counting([3, 1]) == 20 > 19 == relu_vc_dimension_bound([3, 1])
    for sizes in itertools.product((1, 2, 3, 50), repeat=2):
        assert relu_vc_dimension_by_counting([*sizes, 1]) <= relu_vc_dimension_bound([*sizes, 1])


def test_the_closed_form_by_hand() -> None:
    # widths 2, 3, 1: W_1 = 9, W_2 = 13, R = 3 + 2 = 5, L = 2.
    assert relu_vc_dimension_bound([2, 3, 1]) == math.floor(2 + 22 * math.log2(20 * math.e * math.log2(10 * math.e)))


@pytest.mark.parametrize("sizes", [[2], [], [2, 0, 1], [2, 3], [0, 1]])
def test_bad_widths_are_refused(sizes) -> None:
    for function in (relu_vc_dimension_bound, relu_vc_dimension_by_counting):
        with pytest.raises(ValueError, match=r"widths \(inputs"):
            function(sizes)


def test_the_bounds_by_hand() -> None:
    assert consistent_bound(4, 4, 0.5) == pytest.approx(0.5 * (4 * math.log2(2 * math.e) + 2), rel=1e-15)
    assert uniform_bound(4, 4, 0.5) == pytest.approx(math.sqrt(2 * (4 * math.log(2 * math.e) + math.log(8))), rel=1e-15)


@given(st.integers(1, 1000), st.floats(1e-9, 0.99), st.floats(1e-4, 1.0))
def test_the_sample_size_is_the_first_below_the_error(v, failure, error) -> None:
    n = consistent_sample_size(v, failure, error)
    assert consistent_bound(n, v, failure) < error <= consistent_bound(n - 1, v, failure)


@pytest.mark.parametrize(("n", "v", "failure"), [(3, 4, 0.1), (4, 0, 0.1), (4, 4, 0.0), (4, 4, 1.0), (4, 4, math.nan)])
def test_bounds_outside_their_hypotheses_are_refused(n, v, failure) -> None:
    for function in (uniform_bound, consistent_bound):
        with pytest.raises(AssumptionError, match="the bound needs"):
            function(n, v, failure)


def test_other_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="dim >= 1"):
        affine_vc_dimension(0)
    for error in (0.0, 1.5, math.nan):
        with pytest.raises(ValueError, match="error in"):
            consistent_sample_size(3, 0.1, error)


def test_a_bound_that_nothing_can_exceed_is_vacuous() -> None:
    statuses = [BoundCheck(*numbers).status for numbers in ((0.2, 0.5), (0.2, 1.0), (0.2, math.inf), (0.2, 0.1))]
    assert statuses == ["holds", "vacuous", "vacuous", "violated"]
    assert BoundCheck(1.5, 2.0, ceiling=3.0).status == "holds"
    assert BoundCheck(0.25, 0.5).looseness == 2.0
    assert BoundCheck(-0.25, 0.5).looseness == math.inf
    for numbers in ((math.nan, 0.5), (0.5, math.nan), (1.5, 0.5), (0.5, 0.5, 0.0), (0.5, 0.5, math.nan)):
        with pytest.raises(ValueError, match="a bound is checked"):
            BoundCheck(*numbers)


@pytest.mark.usefixtures("untyped")
def test_widths_and_counts_of_numpy_do_not_wrap_around() -> None:
    widths = [100_000, 100_000, 1]
    for function in (relu_vc_dimension_bound, relu_vc_dimension_by_counting):
        assert function(np.array(widths, dtype=np.int32)) == function(widths) > 0
    assert affine_vc_dimension(np.uint8(255)) == 256
    for bound in (uniform_bound, consistent_bound):
        assert bound(np.uint8(250), np.uint8(100), 0.125) == bound(250, 100, 0.125)
    assert consistent_sample_size(np.uint8(200), 0.125) == consistent_sample_size(200, 0.125)
