"""Laws of the data against frequencies, each with a binomial limit at 1e-6."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import binom, chi2

from theory.errors import AssumptionError
from theory.gaussian.laws import (
    linear_adversarial_error,
    linear_clean_error,
    separation_bound,
    transfer_sample_size,
)


def agrees(count, trials, probability) -> bool:
    """Whether a frequency is compatible with a probability, from both sides."""
    return min(binom.cdf(count, trials, probability), binom.sf(count - 1, trials, probability)) >= 1e-6


def minimum_margins(seed, scale, angle, radius, trials=20000) -> np.ndarray:
    """`min over the ball of y⟨w, x⟩` by evaluation at the worst point, in the plane of w and w* plus noise."""
    rng = np.random.default_rng(seed)
    w = np.array([math.cos(angle), math.sin(angle), 0.0])
    y = rng.choice([-1, 1], trials)
    x = np.column_stack([scale * y, rng.standard_normal((trials, 2))])
    return y * ((x - radius * y[:, None] * w) @ w)


@pytest.mark.parametrize("angle", [0.1, 0.5, 1.2, math.pi / 2])
@pytest.mark.parametrize("radius", [0.0, 0.7])
def test_errors_of_a_linear_classifier(angle, radius) -> None:
    found = int((minimum_margins(1, 0.5, angle, radius) <= 0).sum())
    assert agrees(found, 20000, linear_adversarial_error(0.5, angle, radius))
    # Planted: the radius forgotten, and tan for cot.
    if radius:
        assert not agrees(found, 20000, linear_clean_error(0.5, angle))
    elif 0.1 < angle < 1.2:
        assert not agrees(found, 20000, linear_clean_error(0.5, math.pi / 2 - angle))


def test_errors_without_an_angle() -> None:
    assert linear_clean_error(0.1, 0.0) == 0.0
    assert linear_adversarial_error(0.5, 0.0, 0.5) == 1.0
    assert linear_adversarial_error(0.5, 0.0, 0.499) == 0.0
    assert linear_clean_error(0.3, math.pi / 2) == pytest.approx(0.5, abs=1e-15)


def closest_pairs(dim, n, trials) -> np.ndarray:
    rng = np.random.default_rng(2)
    return np.array([pdist(rng.standard_normal((n, dim - 1))).min() for _ in range(trials)])


def test_the_sample_is_separated_as_often_as_the_bound_says() -> None:
    bound = separation_bound(101, 10, 6.0)
    assert 0 < bound.failure < 0.2
    found = closest_pairs(101, 10, 300)
    assert binom.sf((found < bound.distance).sum() - 1, 300, bound.failure) >= 1e-6
    # Planted: without the deviation the distance is wrong about every second time.
    wrong = int((found < math.sqrt(200)).sum())
    assert binom.sf(wrong - 1, 300, bound.failure) < 1e-6


@pytest.mark.parametrize("t", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("dim", [101, 10**4 + 1])
def test_one_pair_is_close_at_most_as_often_as_the_bound_says(dim, t) -> None:
    """`‖ξ_1 - ξ_2‖² / 2` is a χ² with d - 1 degrees: the exact chance."""
    bound = separation_bound(dim, 2, t)
    chance = float(chi2.cdf(bound.distance**2 / 2, dim - 1))
    assert chance <= bound.failure == pytest.approx(math.exp(-t), rel=1e-15)
    # Planted: the distance without half of its deviation.
    wider = dim - 1 - math.sqrt((dim - 1) * t)
    assert (float(chi2.cdf(wider, dim - 1)) > bound.failure) == (t > 0.5)


def test_every_pair_counts() -> None:
    """200 points have 19,900 pairs: two times of three one is close; were there 100, at most one time of eleven."""
    rng = np.random.default_rng(3)
    dim, n, trials, t = 2501, 200, 24, 7.0
    bound = separation_bound(dim, n, t)
    close = 0
    for _ in range(trials):
        points = rng.standard_normal((n, dim - 1))
        products = points @ points.T
        squares = np.diag(products)[:, None] + np.diag(products) - 2 * products
        # Rounded by less than 1e-9 of the 4,470 that are compared.
        close += bool(squares[np.triu_indices(n, 1)].min() < bound.distance**2)
    assert binom.sf(close - 1, trials, bound.failure) >= 1e-6
    assert binom.sf(close - 1, trials, n / 2 * math.exp(-t)) < 1e-6
    assert separation_bound(dim, n, 12.0).failure == pytest.approx(19_900 * math.exp(-12.0), rel=1e-14)


def test_the_separation_bound_grows_like_the_root_of_the_dimension() -> None:
    assert separation_bound(10**6 + 1, 100, 30.0).distance / math.sqrt(2 * 10**6) > 0.98
    assert separation_bound(5, 2, 1.0).distance == 0.0
    assert separation_bound(5, 100, 1.0).failure == 1.0


def test_the_transfer_sample_size_gives_an_angle_small_enough() -> None:
    n = transfer_sample_size(50, 3.0, 0.5, 0.01, 3.0)
    for count, holds in ((n, True), (n - 1, False)):
        worst = math.atan((math.sqrt(49) + 3.0) / (3.0 * math.sqrt(count)))
        assert (linear_clean_error(0.5, worst) <= 0.01) == holds


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: separation_bound(1, 5, 0.1), ValueError, "dim >= 2"),
        (lambda: separation_bound(9, 5, 3.0), AssumptionError, "got t=3"),
        (lambda: separation_bound(9, 5, math.nan), AssumptionError, "got t=nan"),
        (lambda: separation_bound(9, 5, 0.0), AssumptionError, "0 < t"),
        (lambda: linear_clean_error(1.0, 2.0), ValueError, "angle"),
        (lambda: linear_clean_error(1.0, math.nan), ValueError, "angle"),
        (lambda: linear_clean_error(0.0, 1.0), ValueError, "scale > 0"),
        (lambda: linear_adversarial_error(1.0, 1.0, -0.1), ValueError, "radius >= 0"),
        (lambda: transfer_sample_size(9, 1.0, 1.0, 0.5, 1.0), ValueError, "error in"),
        (lambda: transfer_sample_size(9, 1.0, math.nan, 0.1, 1.0), ValueError, "beta=nan"),
    ],
)
def test_bad_calls(call, kind, message) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.usefixtures("untyped")
def test_counts_and_deviations_of_numpy_do_not_wrap_around() -> None:
    assert separation_bound(np.int32(1000), np.int32(70_000), 30.0) == separation_bound(1000, 70_000, 30.0)
    assert separation_bound(1000, 70_000, 30.0).failure < 1
    assert separation_bound(np.uint8(255), np.uint8(200), np.uint8(20)) == separation_bound(255, 200, 20.0)
    assert linear_adversarial_error(np.uint8(3), 0.5, np.uint8(2)) == linear_adversarial_error(3.0, 0.5, 2.0)
