"""Sets of coordinates: every one separates its point, and together they are cheaper than the first that come."""

import numpy as np
import pytest

from constructions.compact.subsets import separating_subsets
from theory.errors import AssumptionError


def sample(size: int = 400, dim: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of falling spread."""
    rng = np.random.default_rng(3)
    return rng.standard_normal((size, dim)) * np.linspace(6, 2, dim), rng.integers(0, 3, size)


def least(z: np.ndarray, codes: np.ndarray, i: int, subset: tuple[int, ...]) -> float:
    """The distance to other classes in the set."""
    seen = list(subset)
    return float(np.linalg.norm(z[codes != codes[i]][:, seen] - z[i, seen], axis=1).min())


def test_each_set_separates_its_point() -> None:
    z, codes = sample()
    chosen = np.arange(0, 400, 3)
    sets = separating_subsets(z, codes, chosen, 1.0)
    assert len(sets) == len(chosen)
    assert all(least(z, codes, i, s) >= 1.0 for i, s in zip(chosen, sets, strict=True))


def test_shared_sets_cost_less_than_one_for_each_and_than_first_coordinates() -> None:
    z, codes = sample()
    chosen = np.arange(200)
    sets = separating_subsets(z, codes, chosen, 1.0)
    cost = sum(map(len, sets)) + sum(map(len, set(sets)))
    first = [next(k for k in range(1, 11) if least(z, codes, i, tuple(range(k))) >= 1.0) for i in chosen]
    own = [len(separating_subsets(z, codes, np.array([i]), 1.0)[0]) for i in chosen[:40]]
    assert cost < sum(first) + sum(set(first))
    assert cost < 2 * np.mean(own) * len(chosen)


def test_points_at_the_distance_asked_for_come_to_an_end() -> None:
    """Sums in another order fall on the other side of it: what is looked for again has to be other points."""
    rng = np.random.default_rng(5)
    for number in range(200):
        z = np.vstack([np.zeros(12), rng.standard_normal(12), np.full(12, 50.0)])
        # About what is asked for, in units of rounding of float32.
        asked = (1 + 2.0**-16) + 2.0**-20 * 50
        z[1] *= asked * (1 + (number % 9 - 4) * 2.0**-25) / np.linalg.norm(z[1])
        try:
            sets = separating_subsets(z, np.array([0, 1, 1]), np.array([0]), 1.0)
        except AssumptionError:
            continue
        assert least(z, np.array([0, 1, 1]), 0, sets[0]) >= 1.0


def test_a_pair_that_is_too_near_is_named() -> None:
    z, codes = sample()
    z[7], codes[7], codes[11] = z[11] + 0.1, 0, 1
    with pytest.raises(AssumptionError, match=r"points 7 and 11"):
        separating_subsets(z, codes, np.array([7]), 1.0)
