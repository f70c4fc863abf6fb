"""Each bound alone names every pair that counts and is within the reach, decided in integers."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.closest.bounds import BOUNDS, TORCH, is_usable, sides_between, sides_of
from tests.theory.closest.samples import KINDS, samples
from tests.theory.closest.truth import Truth
from theory.closest.coordinates import Coordinates
from theory.closest.everything import Everything, distances
from theory.closest.projections import Projections
from theory.closest.sides import Reach, Sides
from theory.device import HOST, Place

EXPONENTS = [1.0, 1.3, 2.0, 3.0, 100.0, math.inf]


def named(sides: Sides, within: Callable[..., object], reach: Reach) -> np.ndarray:
    """Which pairs are named, as a table of sorted rows and columns; a bound may name pairs that do not count."""
    found = np.zeros((len(sides.x), len(sides.y)), dtype=bool)
    for rows, columns in sides.units():
        for i, j in within(rows, columns, reach if isinstance(reach, float) else reach[rows]):
            assert np.all((rows.start <= i) & (i < rows.stop) & (columns.start <= j) & (j < columns.stop))
            assert np.all(sides.x_codes[i] != sides.y_codes[j])
            found[i, j] = True
    return found | found.T if sides.same else found


def missed(sides: Sides, bound: object, reach: Reach, truth: Truth) -> np.ndarray:
    counts = sides.x_codes[:, None] != sides.y_codes[None]
    near = truth.is_within(np.broadcast_to(reach, len(sides.x)))
    return np.argwhere(counts & near & ~named(sides, bound.within, reach))


def reaches(rng: np.random.Generator, truth: Truth) -> tuple[float, np.ndarray]:
    """A distance that occurs, as the least float at or above it, or 0; and one a row, of four such floats."""
    rows, columns = truth.values.shape
    some = zip(rng.integers(0, rows, 3), rng.integers(0, columns, 3), strict=True)
    floats = [0.0, truth.float_above(*np.unravel_index(truth.values.argmin(), truth.values.shape))]
    floats += [min(truth.float_above(i, j), float(np.finfo(float).max)) for i, j in some]
    return float(rng.choice(floats)), rng.choice(floats, rows)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), p=st.sampled_from(EXPONENTS))
def test_no_near_pair_is_left_out(kind: str, data: st.DataObject, p: float) -> None:
    points, labels = data.draw(samples(kind, 16))
    rng, half = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))), len(points) // 2
    way = data.draw(st.sampled_from(["one set", "both orders", "two sets"]))
    if way == "two sets":
        sides = sides_between(points[:half], labels[:half], points[half:], labels[half:])
    else:
        sides = sides_of(points, labels, same=way == "one set")
    truth = Truth(sides.x[:], sides.y[:], p)
    one, each = reaches(rng, truth)
    largest = max(one, float(each.max()))
    for make in BOUNDS.values():
        bound = make(sides, p, largest)
        if is_usable(bound):
            assert not len(missed(sides, bound, one, truth))
            assert not len(missed(sides, bound, largest, truth))
            if way != "one set":
                assert not len(missed(sides, bound, each, truth))


@pytest.mark.parametrize("kind", KINDS)
def test_an_infinite_reach_is_beyond_all_pairs(kind: str) -> None:
    rng = np.random.default_rng(5)
    points, labels = KINDS[kind](rng, 30, 2), np.arange(30) % 3
    sides = sides_of(points, labels, same=False)
    for p in EXPONENTS:
        for name in ("projections", "everything"):
            bound = BOUNDS[name](sides, p, math.inf)
            if is_usable(bound):
                assert named(sides, bound.within, math.inf).sum() == 600


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_duplicates_far_from_the_centre_are_at_distance_0(p: float, scale: float) -> None:
    """Their squares are large, so that the product of their images is rounded above 0."""
    rng = np.random.default_rng(0)
    points = scale * rng.choice([-1.0, 1.0], (200, 60)) * rng.uniform(0.9, 1.0, (200, 60))
    sides = sides_between(points, np.zeros(200, dtype=int), points[::-1].copy(), np.ones(200, dtype=int))
    bound = Projections(sides, p)
    found = named(sides, bound.within, 0.0)
    assert found[np.arange(200), np.arange(200)[::-1]].all()
    assert found.sum() <= 220


@pytest.mark.parametrize("p", [1.0, 1.3, 2.0, 3.0, math.inf])
def test_projections_tell_most_pairs_apart(p: float) -> None:
    """Of points near a plane, as images are."""
    rng = np.random.default_rng(1)
    points = rng.standard_normal((300, 2)) @ rng.standard_normal((2, 40)) + 1e-3 * rng.standard_normal((300, 40))
    sides = sides_of(points, np.arange(300) % 3, same=True)
    reach = float(np.sort(distances(points, points, p)[np.triu_indices(300, 1)])[100])
    assert named(sides, Everything(sides, p).within, reach).mean() < 0.01
    assert named(sides, Projections(sides, p).within, reach).mean() < 0.1


def test_groups_tell_apart_what_the_product_does_not() -> None:
    rng = np.random.default_rng(2)
    points = rng.random((300, 40))
    sides = sides_of(points, np.arange(300) % 3, same=True)
    bound = Projections(sides, 1.0, directions=1)
    reach = 7.0
    with_groups = named(sides, bound.within, reach).mean()
    bound._groups = (None, None)
    assert with_groups < named(sides, bound.within, reach).mean() / 2


@pytest.mark.parametrize("on", [HOST, TORCH])
def test_coordinates_tell_most_pairs_apart(on: Place) -> None:
    """Cells and bits leave little more than the coordinates themselves, by which the pairs are looked at in the end."""
    points = np.random.default_rng(3).random((300, 10))
    sides = sides_of(points, np.arange(300) % 3, same=True)
    bound = Coordinates(sides, 0.4, on)
    truth = Truth(sides.x[:], sides.y[:], math.inf)
    counts = sides.x_codes[:, None] != sides.x_codes[None]
    near = truth.is_within(np.full(300, 0.4)) & counts
    assert near.sum() > 500
    assert np.array_equal(named(sides, bound.within, 0.4), near)
    cells = np.stack(bound._cells, axis=1)
    swept = sum(
        len(found)
        for run, ranges in sides.runs(slice(0, 300), slice(0, 300))
        for part in ranges
        for _, found in bound._sweep(run.start, cells[run.start : run.stop], part)
    )
    # Of a third of all pairs, which count in one order.
    assert swept < 0.3 * 300**2 / 3


def test_coordinates_refuse_a_reach_beyond_their_tables() -> None:
    points = np.random.default_rng(4).random((30, 3))
    sides = sides_of(points, np.arange(30) % 2, same=True)
    bound = Coordinates(sides, 0.25)
    with pytest.raises(ValueError, match=r"distances up to 0\.25, got 0\.5"):
        list(bound.within(slice(0, 7), slice(0, 30), 0.5))


def test_everything_names_no_pair_that_is_surely_beyond() -> None:
    points = np.arange(30.0)[:, None]
    sides = sides_of(points, np.arange(30) % 2, same=False)
    found = named(sides, BOUNDS["everything"](sides, 2.0, 1.0).within, 1.0)
    assert found.sum() == 2 * 29


@pytest.mark.parametrize("p", EXPONENTS)
def test_coordinates_beyond_the_range_of_projections_are_not_projected(p: float) -> None:
    points = np.array([[2.0**1000], [0.0], [1.0]])
    assert not Projections(sides_of(points, np.array([0, 1, 0]), same=True), p).usable
