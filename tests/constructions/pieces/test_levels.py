"""Shared levels: no point moves too far, and there are no more levels than needed."""

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from constructions import Levels, shared_levels
from tests.strategies import arrays, dyadic

# The part of the tolerance that the levels may use; the rest is left to the network's arithmetic.
USED = 1 - 2.0**-10

shapes = st.tuples(st.integers(1, 7), st.integers(1, 3))
grids = shapes.flatmap(lambda shape: arrays(shape, dyadic(-2, 2, 4)))
clouds = shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=st.floats(-2, 2, allow_subnormal=False)))
norms = st.sampled_from([1.0, 1.5, 3.0, 200.0, math.inf])


def moved(points: np.ndarray, levels: Levels, p: float) -> Any:
    """How far the points moved, in exact arithmetic for p = 1 and ∞, with 60 digits for others."""
    worst = Fraction(0)
    if 1 < p < math.inf:
        with mpmath.workdps(60):
            steps = [
                [mpmath.mpf(a) - mpmath.mpf(b) for a, b in zip(*rows, strict=True)] for rows in _rows(points, levels)
            ]
            return max(mpmath.fsum(abs(s) ** p for s in row) ** (1 / mpmath.mpf(p)) for row in steps)
    for point, rounded in zip(points.tolist(), levels.rounded().tolist(), strict=True):
        steps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(point, rounded, strict=True)]
        worst = max(worst, max(steps) if math.isinf(p) else sum(steps, Fraction(0)))
    return worst


def _rows(points: np.ndarray, levels: Levels) -> list[tuple[list[float], list[float]]]:
    return list(zip(points.tolist(), levels.rounded().tolist(), strict=True))


def fewest_intervals(values: np.ndarray, width: float) -> int:
    """The least number of intervals of the given width that cover the values, over all ways to split them."""
    distinct = sorted(set(values.tolist()))
    for pieces in range(1, len(distinct) + 1):
        for cuts in itertools.combinations(range(1, len(distinct)), pieces - 1):
            ends = [0, *cuts, len(distinct)]
            if all(distinct[b - 1] - distinct[a] <= width for a, b in itertools.pairwise(ends)):
                return pieces
    raise AssertionError("each value alone is a cover")


@given(grids | clouds, st.floats(1e-9, 4), norms)
def test_no_point_moves_further_than_the_tolerance(points: np.ndarray, tolerance: float, p: float) -> None:
    assert moved(points, shared_levels(points, tolerance, p), p) <= (
        Fraction(tolerance) if p in (1, math.inf) else tolerance
    )


@pytest.mark.parametrize("p", [1.0, 3.0, math.inf])
@pytest.mark.parametrize("exponent", [0, 13, 30, 43])
def test_where_float64_is_coarse_no_point_moves_further_either(exponent: int, p: float) -> None:
    """Tolerances of a few last bits of the points: an interval's middle is rounded, and so are its ends."""
    rng = np.random.default_rng(exponent)
    joined = 0
    for _ in range(100):
        points = 2.0**exponent * (1 + rng.random((6, 1)) * 2.0**-49)
        tolerance = float(2.0 ** (exponent - 52) * rng.uniform(0.4, 6))
        levels = shared_levels(points, tolerance, p)
        assert moved(points, levels, p) <= (Fraction(tolerance) if p != 3.0 else tolerance)
        joined += len(levels.value) < len(np.unique(points))
    assert joined > 20


def test_a_middle_that_float64_does_not_hold_is_not_taken() -> None:
    points = np.array([10000000000000.012, 10000000000000.025, 10000000000000.01, 10000000000000.035])[:, None]
    tolerance = 0.0009889209959734451
    levels = shared_levels(points, tolerance, math.inf)
    assert moved(points, levels, math.inf) <= Fraction(tolerance)
    # Nor one whose interval is beyond the range of float64.
    far = np.array([[-1.5e308], [1.5e308]])
    assert moved(far, shared_levels(far, 1.6e308, math.inf), math.inf) <= Fraction(1.6e308)


@given(grids | clouds, st.floats(0, 4), norms)
def test_a_level_belongs_to_one_coordinate_and_is_used(points: np.ndarray, tolerance: float, p: float) -> None:
    levels = shared_levels(points, tolerance, p)
    size, dim = points.shape
    assert levels.index.shape == (size, dim)
    assert levels.value.shape == levels.coordinate.shape
    assert set(levels.index.ravel().tolist()) == set(range(len(levels.value)))
    assert all(np.array_equal(levels.coordinate[row], np.arange(dim)) for row in levels.index)
    assert np.all(np.diff(levels.coordinate) >= 0)
    for j in range(dim):
        # Distinct levels in order, and points in the order of their levels.
        assert np.all(np.diff(levels.value[levels.coordinate == j]) > 0)
        order = np.argsort(points[:, j], kind="stable")
        assert np.all(np.diff(levels.index[order, j]) >= 0)


@given(grids, dyadic(1 / 16, 3, 4))
def test_for_p_inf_there_are_as_few_levels_as_can_be(points: np.ndarray, tolerance: float) -> None:
    levels = shared_levels(points, tolerance, math.inf)
    fewest = [fewest_intervals(column, 2 * tolerance * USED) for column in points.T]
    assert np.bincount(levels.coordinate).tolist() == fewest


@given(grids, dyadic(1 / 16, 3, 4), st.sampled_from([1.0, 1.5, 3.0, 200.0]))
def test_for_other_p_there_are_not_many_more(points: np.ndarray, tolerance: float, p: float) -> None:
    """A median is within 2τ of its points: `2 τ d^{1/p} <= room` fits, and halving stops before half that."""
    levels = shared_levels(points, tolerance, p)
    narrow = 2 * tolerance * USED / (4 * points.shape[1] ** (1 / p))
    assert np.all(np.bincount(levels.coordinate) <= [fewest_intervals(column, narrow) for column in points.T])


@given(grids | clouds, norms, st.sampled_from([0.0, 5e-324, 1e-300]))
def test_without_tolerance_every_value_is_a_level(points: np.ndarray, p: float, tolerance: float) -> None:
    # Points that differ by less than the two smallest tolerances cannot be told from equal ones.
    points = points + 0.0
    levels = shared_levels(points, tolerance, p)
    if tolerance == 0 or all(np.diff(np.unique(c)).min(initial=1) > 1e-200 for c in points.T):
        assert levels.rounded().tolist() == points.tolist()
        assert np.bincount(levels.coordinate).tolist() == [len(set(column.tolist())) for column in points.T]


@given(grids, norms)
def test_a_tolerance_below_half_the_smallest_gap_changes_nothing(points: np.ndarray, p: float) -> None:
    assert shared_levels(points, 1 / 33, p).rounded().tolist() == points.tolist()


def test_a_tolerance_of_half_the_gap_joins_two_points_only_with_the_reserve_paid() -> None:
    points = np.array([[0.0], [1.0]])
    assert len(shared_levels(points, 0.5, math.inf).value) == 2
    joined = shared_levels(points, 0.5 / USED, math.inf)
    assert joined.value.tolist() == [0.5]
    assert joined.rounded(slice(1, 2)).tolist() == [[0.5]]
    assert joined.rounded(np.array([0, 0])).tolist() == [[0.5], [0.5]]


@given(st.data(), st.integers(1, 3), st.integers(0, 4), dyadic(), st.floats(1e-3, 4))
@example(data=None, dim=1, others=4, background=0.0, tolerance=4.0)
def test_for_p_1_and_3_what_most_points_share_stays_exact(
    data: st.DataObject | None, dim: int, others: int, background: float, tolerance: float
) -> None:
    """A black background stays black: five points share it, at most four do not."""
    foreground = np.linspace(-1, 1, 4)[:others, None] if data is None else data.draw(arrays((others, dim)))
    points = np.vstack([np.full((5, dim), background), foreground])
    for p in (1.0, 3.0):
        assert np.all(shared_levels(points, tolerance, p).rounded(slice(0, 5)) == background)


def test_for_p_inf_the_background_moves_to_the_middle() -> None:
    """So that the test above can fail."""
    points = np.array([[0.0]] * 5 + [[0.25]])
    assert shared_levels(points, 1.0, math.inf).value.tolist() == [0.125]
    assert shared_levels(points, 1.0, 1.0).value.tolist() == [0.0]


@pytest.mark.parametrize("p", [1.0, math.inf])
def test_many_points_share_few_levels(p: float) -> None:
    """Levels depend on the tolerance and not on the number of points; more than one block of rows."""
    points = np.random.default_rng(0).random((3000, 2))
    levels = shared_levels(points, 0.1, p)
    # Intervals of width 0.2 cover [0, 1]; for p = 1 of width 0.05 at the least.
    assert len(levels.value) <= 2 * (6 if math.isinf(p) else 21)
    assert moved(points, levels, p) <= Fraction(0.1)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3), 1.0, 1.0), r"shape \(n, d\), not empty, got shape \(3,\)"),
        ((np.zeros((0, 2)), 1.0, 1.0), r"got shape \(0, 2\)"),
        ((np.array([[np.nan]]), 1.0, 1.0), "finite points"),
        ((np.zeros((1, 1)), -1.0, 1.0), "tolerance >= 0, got -1.0"),
        ((np.zeros((1, 1)), math.nan, 3.0), "got nan"),
        ((np.zeros((1, 1)), math.inf, math.inf), "got inf"),
        ((np.zeros((1, 1)), 1.0, 0.5), "p >= 1"),
    ],
)
def test_malformed_arguments_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shared_levels(*arguments)
