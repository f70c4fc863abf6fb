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
def test_a_hinge_rises_behind_its_knot(knot) -> None:
    from empirics.images.verdicts.statistics import rise_radius

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


def test_partial_correlation_is_that_of_the_residuals() -> None:
    """Against the formula from the three correlations, and against series with a known common part."""
    from empirics.images.verdicts.statistics import correlation, partial_correlation

    rng = np.random.default_rng(3)
    common, own = np.cumsum(1 + rng.random(400)), rng.standard_normal((3, 400))
    x, y, given = (common + own[0]).tolist(), (common + own[0] + 0.1 * own[1]).tolist(), common.tolist()
    for differences in (False, True):
        xy, xg, yg = (correlation(a, b, differences=differences) for a, b in ((x, y), (x, given), (y, given)))
        expected = (xy - xg * yg) / math.sqrt((1 - xg**2) * (1 - yg**2))
        assert partial_correlation(x, y, given, differences=differences) == pytest.approx(expected, rel=1e-6)
        # What is left is their own part; with nothing in common but the schedule, nothing is left.
        assert expected > 0.98
        alone = (common + own[2]).tolist()
        assert correlation(x, alone) > 0.99
        assert abs(partial_correlation(x, alone, given, differences=differences)) < 0.25
    assert partial_correlation(x, given, given) == 0
    assert partial_correlation(x, [0.1] * 400, given) == 0


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
        (lambda s: s.partial_correlation([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], [0.0, 1.0, 1.0]), "length >= 4"),
        (lambda s: s.partial_correlation([1.0] * 5, [1.0] * 5, [1.0] * 4), "got 5, 5 and 4"),
        (lambda s: s.inside_mean(RADII, RADII, 0.01), "two radii"),
        (lambda s: s.fitted_slope([1.0, 1.0], [1.0, 2.0]), "two different"),
        (lambda s: s.correlation([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], differences=True), "length >= 3"),
    ],
)
def test_bad_input(call, message) -> None:
    from empirics.images.verdicts import statistics

    with pytest.raises(ValueError, match=message):
        call(statistics)
