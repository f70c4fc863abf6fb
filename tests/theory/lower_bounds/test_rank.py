"""The bound on the rank: exact eigenvalue sums, known answers, and changed certificates."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from theory import AssumptionError
from theory.lower_bounds.rank import (
    RankBound,
    eigenvalue_sum,
    first_layer_rank_needed,
    inner_radius,
    proves_rank,
)
from theory.sizes.published import extremal_sample


@pytest.mark.parametrize("seed", range(8))
def test_an_eigenvalue_sum_is_above_and_near(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 9))
    turn = rng.integers(-9, 10, (size, size + 2)).astype(object)
    gram = turn @ turn.T
    # Rational enclosures of the eigenvalues come from floats with room for their error.
    values = np.linalg.eigvalsh(gram.astype(float))
    for count in range(1, size + 1):
        found, true = eigenvalue_sum(gram, count), values[-count:].sum()
        assert float(found) >= true * (1 - 1e-12)
        assert float(found) <= true + 1e-6 * int(gram.trace())


def test_an_eigenvalue_sum_is_exact_where_it_is_rational() -> None:
    gram = np.diag(np.array([5, 3, 2, 0], dtype=object))
    for count, true in ((1, 5), (2, 8), (3, 10), (4, 10)):
        assert Fraction(true) <= eigenvalue_sum(gram, count) <= true + Fraction(1, 10**5)


def test_a_wrong_factor_makes_the_bound_larger_and_never_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the floats say: the residual pays for it."""
    gram = np.array([[4, 1, 0], [1, 3, 1], [0, 1, 2]], dtype=object)
    true = np.linalg.eigvalsh(gram.astype(float))[-2:].sum()
    right = float(eigenvalue_sum(gram, 2))
    eigh, cholesky = np.linalg.eigh, np.linalg.cholesky
    for wrong in (0.5, 0.9, 1.2):
        monkeypatch.setattr(np.linalg, "cholesky", lambda a, wrong=wrong: wrong * cholesky(a))
        assert right < float(eigenvalue_sum(gram, 2))
        monkeypatch.setattr(np.linalg, "cholesky", cholesky)
        monkeypatch.setattr(np.linalg, "eigh", lambda a, wrong=wrong: (wrong * eigh(a)[0], eigh(a)[1]))
        assert float(eigenvalue_sum(gram, 2)) >= true - 1e-12
        monkeypatch.setattr(np.linalg, "eigh", eigh)


@pytest.mark.parametrize(("ratio", "rank"), [(0.3, 1), (0.5, 2), (0.7, 3), (0.9, 5), (0.99, 6)])
def test_the_extremal_sample_needs_what_the_published_bound_says(ratio: float, rank: int) -> None:
    """`rank > ρ² n`, and no more is provable by equal weights: the least sum of k eigenvalues is k/n."""
    points, labels = extremal_sample(7, 6)
    bound = first_layer_rank_needed(points, labels, radius=ratio / 2)
    bound.check(points, labels)
    assert bound.rank == rank == int(ratio**2 * 6) + 1
    assert bound.entries == rank * 7


def separation_of(points: np.ndarray, labels: np.ndarray) -> float:
    """The least distance of two labels."""
    steps = points[:, None] - points[None]
    return float(np.sqrt((steps**2).sum(axis=-1))[labels[:, None] != labels[None]].min())


@pytest.mark.parametrize("seed", range(6))
def test_no_bound_is_above_the_rank_of_a_robust_classifier(seed: int) -> None:
    """In so many coordinates as the projection has, and noise beside them: some robust classifier has that rank."""
    rng = np.random.default_rng(seed)
    rank, dim = int(rng.integers(1, 4)), 8
    turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    inner, labels = rng.uniform(0, 4, (60, rank)), rng.integers(0, 2, 60)
    radius = 0.49 * separation_of(inner, labels)
    points = np.hstack([inner, rng.standard_normal((60, dim - rank)) * rng.choice([0.01, 1.0])]) @ turn
    bound = first_layer_rank_needed(points, labels, radius=radius)
    bound.check(points, labels)
    assert 1 <= bound.rank <= rank


def test_balls_of_other_norms_hold_those_of_the_inner_radius() -> None:
    assert inner_radius(0.5, 3.0, 9) == inner_radius(0.5, np.inf, 9) == 0.5
    assert Fraction(inner_radius(0.5, 1.0, 9)) < Fraction(1, 6)
    points, labels = extremal_sample(7, 6)
    small = first_layer_rank_needed(points, labels, radius=0.49, p=1)
    assert small.rank == first_layer_rank_needed(points, labels, radius=0.49 / 6**0.5).rank == 1
    assert first_layer_rank_needed(points, labels, radius=0.45, p=np.inf).rank == 5


@pytest.fixture(scope="module")
def bound() -> tuple[RankBound, np.ndarray, np.ndarray]:
    """A bound and its data."""
    points, labels = extremal_sample(9, 8)
    return first_layer_rank_needed(points, labels, radius=0.4), points, labels


def test_a_changed_certificate_is_refused(bound: tuple[RankBound, np.ndarray, np.ndarray]) -> None:
    right, points, labels = bound
    right.check(points, labels)
    assert right.rank == 6
    uneven = right.roots.copy()
    uneven[0] *= 4
    wrong = [
        replace(right, rank=right.rank + 1),
        replace(right, roots=uneven),
        replace(right, roots=0 * right.roots),
        replace(right, roots=-right.roots),
        replace(right, radius=right.radius / 2),
        replace(right, pairs=right.pairs[:1], roots=right.roots[:1]),
        replace(right, dim=9),
    ]
    for changed in wrong:
        with pytest.raises(ValueError, match=r"a (RankBound|bound) needs"):
            changed.check(points, labels)
    with pytest.raises(ValueError, match="pairs of differently labelled points"):
        replace(right, pairs=np.array([[0, 1]] * len(right.pairs))).check(points, labels)
    with pytest.raises(ValueError, match="it is of other points"):
        right.check(1.5 * points, labels)


def test_equality_proves_and_more_does_not() -> None:
    """The sum of one eigenvalue is 1/4 of the weights: 2δ = 1/2 is where rank 2 begins, as near as the shift allows."""
    points, pairs = np.vstack([np.zeros(4), np.eye(4)]), np.array([[0, j] for j in range(1, 5)])
    assert proves_rank(points, pairs, np.ones(4), 0.25 + 1e-7, 2)
    assert not proves_rank(points, pairs, np.ones(4), 0.25 - 1e-12, 2)


def test_time_and_meeting_balls() -> None:
    points, labels = extremal_sample(7, 6)
    quick = first_layer_rank_needed(points, labels, radius=0.45, seconds=0)
    quick.check(points, labels)
    assert quick.rank == 1
    with pytest.raises(AssumptionError, match=r"needs a separation above 2 \* radius, got radius=0\.5"):
        first_layer_rank_needed(points, labels, radius=0.5)
    assert first_layer_rank_needed(points, labels, radius=0.0).rank == 1


def test_a_subnormal_radius_is_not_rounded_up() -> None:
    """On l_1 balls of radius u the sums of (0, 0, 0) and (u, u, u) are told apart by one form: the rank is 1."""
    least = 5e-324
    points, labels = np.array([[0.0, 0.0, 0.0], [least] * 3]), np.array([0, 1])
    assert inner_radius(least, 1.0, 3) == 0
    assert first_layer_rank_needed(points, labels, radius=least, p=1).rank == 1
    with pytest.raises(ValueError, match="weights that do not"):
        RankBound(2, least, 1.0, 3, np.array([[0, 1]]), np.ones(1)).check(points, labels)
