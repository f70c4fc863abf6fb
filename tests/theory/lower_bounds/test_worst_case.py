"""The worst case: its points are shattered, and its numbers are those of the growth bound."""

import itertools

import numpy as np
import pytest

from theory import AssumptionError, growth_bound
from theory.lower_bounds.worst_case import worst_case_nonzero


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_two_balls_hold_k_points_with_any_signs(k: int, p: float) -> None:
    radius, separation = (k - 1) ** (1 / p), 2 * k ** (1 / p)
    for signs in itertools.product((-1, 1), repeat=k):
        x = np.array(signs, dtype=float)
        assert np.linalg.norm(2 * x, p) == pytest.approx(separation)
        for j, sign in enumerate(signs):
            assert np.linalg.norm(sign * x - np.eye(k)[j], p) <= radius + 1e-12
    assert (2 * radius / separation) ** p == pytest.approx((k - 1) / k)


@pytest.mark.parametrize(
    ("count", "ratio", "p", "points"),
    [
        (5000, 0.9995, 2, 2500 * 784),
        (5001, 0.95, 2, 2500 * 10),
        (10, 0.5, 1, 5 * 2),
        (10, 0.9, np.inf, 5),
        (9, 0.1, 2, 4),
    ],
)
def test_it_is_the_least_size_that_the_growth_bound_allows(count: int, ratio: float, p: float, points: int) -> None:
    least = worst_case_nonzero(count, 784, ratio=ratio, p=p, depth=9)
    assert growth_bound(least, points, 784, 9) >= points
    assert least == 1 or growth_bound(least - 1, points, 784, 9) < points


def test_for_images_and_nine_layers() -> None:
    assert worst_case_nonzero(5000, 784, ratio=0.9995, p=2, depth=9) == 8686
    assert worst_case_nonzero(60_000, 784, ratio=0.9995, p=2, depth=9) == 90_021
    assert worst_case_nonzero(60_000, 784, ratio=0.9995, p=2) < 90_021


@pytest.mark.parametrize(
    "change", [{"count": 1}, {"dim": 0}, {"ratio": 0.0}, {"ratio": 1.0}, {"ratio": float("nan")}, {"depth": 0}]
)
def test_hypotheses(change: dict[str, float]) -> None:
    arguments = {"count": 10, "dim": 3, "ratio": 0.5, "p": 2, "depth": 3} | change
    with pytest.raises(AssumptionError, match="a worst case needs"):
        worst_case_nonzero(arguments.pop("count"), arguments.pop("dim"), **arguments)
