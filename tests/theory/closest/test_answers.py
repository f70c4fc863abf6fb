"""What pruned searches answer, against distances in integers; and that no bound changes the answer."""

import math
from contextlib import nullcontext
from fractions import Fraction
from functools import partial

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.theory.closest.bounds import BOUNDS, forced
from tests.theory.closest.samples import GREATEST, KINDS, samples
from tests.theory.closest.truth import EXACT, ROUNDED, Truth
from theory.closest import search
from theory.closest.coordinates import Coordinates
from theory.closest.projections import Projections
from theory.errors import AssumptionError
from theory.exact.exact_distance import relative_error, round_down
from theory.setting.labelled_points import read_codes, sides_of
from theory.setting.nearest import Nearest, nearest_of_other_label
from theory.setting.separation import Separation, separation, separation_between

EXPONENTS = [1.0, 1.3, 2.0, 3.0, 100.0, math.inf]
LEAST = math.ulp(0.0)


def check(found: Separation, truth: Truth, counts: np.ndarray) -> None:
    """Of pairs that count the least distance, rounded down, and the first pair that has it."""
    values, p = truth.values, truth.p
    least = values[counts].min()
    i, j = found.pair
    assert counts[i, j]
    if p in EXACT:
        assert found.distance == round_down(least * truth.scale, p)
        assert [i, j] == min(np.argwhere(counts & (values == least)).tolist())
        return
    # Pairs of this are a least one, up to rounding that 60 digits tell from the float.
    near = np.argwhere(counts & (values <= least * (1 + 2 * ROUNDED)))[:3]
    exact = min(truth.distance(*pair) for pair in near)
    with mpmath.workdps(60):
        slack = 4 * relative_error(truth.dim, p)
        assert found.distance <= exact * (1 + mpmath.mpf(10) ** -50)
        assert found.distance >= min(exact, GREATEST) * (1 - slack) - LEAST
        assert truth.distance(i, j) <= exact * (1 + 2 * slack)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), p=st.sampled_from(EXPONENTS))
def test_the_separation_whatever_prunes(kind: str, data: st.DataObject, p: float) -> None:
    points, labels = data.draw(samples(kind, 20))
    truth = Truth(points, points, p)
    counts = labels[:, None] != labels[None]
    equal = counts & (truth.values == 0)
    if equal.any():
        i, j = np.argwhere(equal)[0]
        message = rf"equal points {i} and {j} \({equal.any(axis=1).sum()} points are in such pairs"
        with forced(data.draw(st.sampled_from(list(BOUNDS)))), pytest.raises(AssumptionError, match=message):
            separation(points, labels, p)
        return
    found = separation(points, labels, p)
    check(found, truth, counts & (np.arange(len(points))[:, None] < np.arange(len(points))))
    for name in ("projections", "coordinates", "everything"):
        with forced(name):
            assert separation(points, labels, p) == found, name


@pytest.mark.parametrize("p", EXPONENTS)
@given(data=st.data(), kind=st.sampled_from(list(KINDS)), name=st.sampled_from(list(BOUNDS)))
def test_two_samples_and_every_point(kind: str, data: st.DataObject, p: float, name: str) -> None:
    points, labels = data.draw(samples(kind, 20))
    a = len(points) // 2
    first, others = np.array_split(points, [a])
    truth = Truth(first, others, p)
    counts = labels[:a, None] != labels[None, a:]
    assume(counts.any())
    with forced(name):
        found = separation_between(first, labels[:a], others, labels[a:], p)
        assert (found.distance == 0) == bool((counts & (truth.values == 0)).any())
        check(found, truth, counts)
        nearest = partial(nearest_of_other_label, first, labels[:a], p, others=others, other_labels=labels[a:])
        if counts.any(axis=1).all():
            check_nearest(nearest(), truth, counts)
        else:
            with pytest.raises(AssumptionError, match="which all have one label"):
                nearest()
    assert separation_between(first, labels[:a], others, labels[a:], p) == found


@pytest.mark.parametrize("p", EXPONENTS)
@given(data=st.data(), kind=st.sampled_from(list(KINDS)), name=st.sampled_from(list(BOUNDS)))
def test_every_point_of_one_sample(kind: str, data: st.DataObject, p: float, name: str) -> None:
    points, labels = data.draw(samples(kind, 16))
    with forced(name):
        found = nearest_of_other_label(points, labels, p)
    check_nearest(found, Truth(points, points, p), labels[:, None] != labels[None])


def check_nearest(found: Nearest, truth: Truth, counts: np.ndarray) -> None:
    """The bounds that `Nearest` states, for each row."""
    indices, distances = found.indices, found.distances
    rows, slack = np.arange(len(counts)), Fraction(4 * relative_error(truth.dim, truth.p))
    room, power = (0 if truth.p in EXACT else ROUNDED), 2 if truth.p == 2 else 1
    assert counts[rows, indices].all()
    least = [min(row[own]) for row, own in zip(truth.values, counts, strict=True)]
    for value, of_index, bound in zip(least, truth.values[rows, indices], distances.tolist(), strict=True):
        exact = value * truth.scale
        assert of_index <= value * (1 + 2 * slack) ** power
        assert (bound == 0) == (value == 0)
        assert Fraction(bound) ** power <= exact * (1 + room)
        if value:
            reached = min(exact, Fraction(GREATEST) ** power)
            assert (Fraction(bound) + Fraction(LEAST)) ** power >= reached * (1 - slack) ** power * (1 - room)


@pytest.mark.parametrize("p", EXPONENTS)
@given(data=st.data(), kind=st.sampled_from(list(KINDS)), name=st.sampled_from(list(BOUNDS)))
def test_near_pairs_of_two_sets(kind: str, data: st.DataObject, p: float, name: str) -> None:
    points, _ = data.draw(samples(kind, 24))
    first, others = np.array_split(points, [len(points) // 2])
    truth = Truth(first, others, p)
    i, j = np.unravel_index(
        np.argsort(truth.values, axis=None, kind="stable")[truth.values.size // 4], truth.values.shape
    )
    reach = truth.float_above(i, j)
    near = truth.is_within(np.full(len(first), reach))
    found = np.zeros(near.shape, dtype=bool)
    with forced(name) if math.isfinite(reach) else nullcontext():
        for rows, columns in search.pairs_within(first, others, reach, p):
            found[rows, columns] = True
    assert not (near & ~found).any()


@pytest.mark.parametrize("way", ["two", "one point", "all", "images"])
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
def test_more_points(p: float, way: str) -> None:
    """140 points, in 20 blocks; those of images mostly 0."""
    rng, n = np.random.default_rng(1), 140
    points = rng.random((n, 6)) if way != "images" else np.round(rng.random((n, 30)) ** 8, 2)
    labels = {"two": rng.integers(0, 2, n), "one point": (np.arange(n) == 17).astype(int), "all": np.arange(n)}
    own = labels.get(way, rng.integers(0, 10, n))
    found = separation(points, own, p)
    check(found, Truth(points, points, p), (own[:, None] != own[None]) & (np.arange(n)[:, None] < np.arange(n)))
    for name in ("projections", "coordinates"):
        with forced(name):
            assert separation(points, own, p) == found, name


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize(("p", "t"), [*((3.0, t) for t in (1, 3, 5, 6, 7, 9)), (1.0, 0), (2.0, 0), (math.inf, 0)])
@pytest.mark.parametrize("labels", [[0, 0, 1, 0, 1], [0, 1, 2, 0, 3]])
def test_pairs_that_are_almost_tied(labels: list[int], name: str, p: float, t: int) -> None:
    """`(1, 2)` is farther than `(3, 4)` by t/2 units of the relative error: within 4 of them it is the first.

    Whether it is in the same block of rows or, as the rows are sorted by label, in one that is searched afterwards.
    """
    step = 1 + t / 2 * relative_error(1, 3.0)
    points = np.append([-500.0, 0.0, step, -10.0, -11.0], 100.0 * np.arange(5, 13))[:, None]
    with forced(name):
        found = separation(points, np.append(labels, np.zeros(8, dtype=int)), p)
    assert found.pair == ((1, 2) if t < 8 else (3, 4))


@pytest.mark.parametrize("p", EXPONENTS)
def test_distances_that_overflow_with_their_slack(p: float) -> None:
    for t in (3, 20, 30, 100, 200, 280):
        distance = GREATEST * (1 - t * 2.0**-53)
        points = np.array([[0.0], [0.0], [distance]])
        for name in BOUNDS:
            with forced(name):
                found = separation(points, np.array([0, 0, 1]), p)
            assert found.pair == (0, 2)
            assert distance * (1 - 4 * relative_error(1, p)) <= found.distance <= distance
            assert nearest_of_other_label(points, np.array([0, 0, 1]), p).indices.tolist() == [2, 2, 0]


@pytest.mark.parametrize(
    ("p", "bound"),
    [(1.0, Projections), (1.3, Projections), (2.0, Projections), (3.0, Projections), (math.inf, Coordinates)],
)
def test_what_prunes(p: float, bound: type) -> None:
    """With the constants of these tests, so that they are about the bounds that they name."""
    points, labels = np.random.default_rng(0).random((300, 4)), np.arange(300) % 10
    named, reach = search.candidates(sides_of(points, labels, read_codes(labels, 300)), p)
    assert isinstance(named, bound)
    assert 0 < reach < 0.5
