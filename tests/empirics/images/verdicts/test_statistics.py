"""The statistics on curves whose answers are known."""

import math

import numpy as np
import pytest

RADII = np.linspace(0, 0.4, 17)


def hinge(knot: float, inside: float = 0.1, outside: float = 10.0) -> np.ndarray:
    return 1 + inside * RADII + (outside - inside) * np.maximum(RADII - knot, 0)


@pytest.mark.parametrize(("power", "ratio"), [(1, 1.0), (2, 3.0), (3, 7.0)])
def test_slope_ratio_of_powers(power, ratio) -> None:
    from empirics.images.verdicts.statistics import slope_ratio

    assert slope_ratio(RADII, RADII**power, 0.1) == pytest.approx(ratio)


def test_slope_ratio_of_a_hinge_knows_where_the_kink_is() -> None:
    from empirics.images.verdicts.statistics import slope_ratio

    assert slope_ratio(RADII, hinge(0.1), 0.1) == pytest.approx(100)
    # Elsewhere the kink is inside or beyond, and the ratio tells.
    assert slope_ratio(RADII, hinge(0.1), 0.2) == pytest.approx(10 / 5.05)
    assert slope_ratio(RADII, hinge(0.2), 0.1) == pytest.approx(1)
    assert slope_ratio(RADII, np.maximum(RADII - 0.1, 0), 0.1) == math.inf
    assert slope_ratio(RADII, np.ones(17), 0.1) == 1


@pytest.mark.parametrize("knot", [0.05, 0.1, 0.2, 0.31])
def test_both_kinks_find_a_hinge(knot) -> None:
    from empirics.images.verdicts.statistics import rise_radius, two_segment_kink

    assert two_segment_kink(RADII, hinge(knot)) == pytest.approx(knot, abs=1e-3)
    curve = np.maximum(RADII - knot, 0)
    found = rise_radius(RADII, curve)
    assert found == pytest.approx(knot + 0.1 * (0.4 - knot), abs=0.01)


def test_a_line_and_a_constant_have_no_kink_of_their_own() -> None:
    from empirics.images.verdicts.statistics import rise_radius

    assert rise_radius(RADII, RADII) == pytest.approx(0.04)
    assert rise_radius(RADII, np.ones(17)) == 0.4


def test_inside_mean_and_slope() -> None:
    from empirics.images.verdicts.statistics import fitted_slope, inside_mean

    assert inside_mean(RADII, RADII, 0.1) == pytest.approx(0.05)
    assert inside_mean(RADII, hinge(0.1, 0.0), 0.1) == pytest.approx(1)
    assert fitted_slope([0.05, 0.1, 0.2], [0.15, 0.2, 0.3]) == pytest.approx(1)


def test_growing_series_correlate_on_levels_and_not_on_differences() -> None:
    from empirics.images.verdicts.statistics import correlation, correlation_interval

    rng = np.random.default_rng(7)
    x, y = (np.cumsum(5 + rng.standard_normal(200)) for _ in range(2))
    x, y = x.tolist(), y.tolist()
    assert correlation(x, y) > 0.99
    assert abs(correlation(x, y, differences=True)) < 0.25
    assert correlation(x, [2 * v for v in x], differences=True) == pytest.approx(1)
    assert correlation(x, [0.1] * 200) == 0
    found = correlation_interval([0.9, 0.8, 0.95])
    assert -1 < found.low < 0.8 < found.mean < found.high < 1


def test_student_interval_covers_as_often_as_it_says() -> None:
    """Coverage over 4,000 draws within a binomial limit at 1e-6; one a third as wide is caught."""
    from scipy.stats import binom

    from empirics.images.verdicts.statistics import student_interval

    rng = np.random.default_rng(11)
    found = [student_interval(rng.standard_normal(3).tolist()) for _ in range(4000)]
    covered = sum(i.low <= 0 <= i.high for i in found)
    narrow = sum(i.mean - (i.mean - i.low) / 3 <= 0 <= i.mean + (i.high - i.mean) / 3 for i in found)
    low, high = binom.interval(1 - 1e-6, 4000, 0.95)
    assert low <= covered <= high
    assert not low <= narrow <= high


def test_intervals_at_their_ends() -> None:
    from empirics.images.verdicts.statistics import geometric_interval, student_interval

    assert (student_interval([2.0]).low, student_interval([2.0]).high) == (-math.inf, math.inf)
    assert student_interval([3.0, 3.0]).high == 3
    assert geometric_interval([math.inf] * 3).low == math.inf
    assert geometric_interval([math.inf, 2.0, 3.0]).low == 0
    ratio = geometric_interval([1.0, 2.0, 4.0])
    assert ratio.mean == pytest.approx(2)
    assert ratio.low * ratio.high == pytest.approx(4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.student_interval([]), "at least one value"),
        (lambda s: s.student_interval([1.0, math.nan]), "no NaN"),
        (lambda s: s.slope_ratio(RADII, RADII, 0.11), "on the grid"),
        (lambda s: s.slope_ratio(RADII, RADII, 0.4), "larger ones"),
        (lambda s: s.slope_ratio(RADII[1:], RADII[1:], 0.1), "from 0 on"),
        (lambda s: s.rise_radius(RADII[::-1], RADII), "increasing"),
        (lambda s: s.two_segment_kink(RADII[:3], RADII[:3]), "at least 4"),
        (lambda s: s.inside_mean(RADII, RADII, 0.01), "two radii"),
        (lambda s: s.fitted_slope([1.0, 1.0], [1.0, 2.0]), "two different"),
        (lambda s: s.correlation([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], differences=True), "length >= 3"),
    ],
)
def test_bad_input(call, message) -> None:
    from empirics.images.verdicts import statistics

    with pytest.raises(ValueError, match=message):
        call(statistics)
