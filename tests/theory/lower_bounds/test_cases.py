"""Bounds by cases: never above the least set, which they reach where they may take their time; changed ones refused."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from rich.console import Console

from tests.theory.lower_bounds.test_coordinates import least_set, sample
from theory.lower_bounds.branching import solve_case, split_cases, weight_rows
from theory.lower_bounds.cases import Case, Group, cases, least_proved, proved_in_case
from theory.lower_bounds.coordinates import CoordinateBound, coordinates_needed
from theory.lower_bounds.covering import demands, shares

BALLS = {"radius": 0.375, "p": 2}


def random_tree(rng: np.random.Generator, dim: int, splits: int) -> list[Group]:
    """In preorder; groups that overlap, and repeat."""
    if not splits:
        return [()]
    left = int(rng.integers(splits))
    group = tuple(int(j) for j in rng.integers(0, dim, rng.integers(1, 4)))
    return [group, *random_tree(rng, dim, left), *random_tree(rng, dim, splits - 1 - left)]


def test_the_cases_are_all_there_is() -> None:
    """Every set of coordinates is in one case and no more."""
    rng = np.random.default_rng(0)
    for splits in (0, 1, 2, 5, 9):
        found = list(cases(random_tree(rng, 6, splits), 6))
        assert len(found) == splits + 1
        for bits in range(2**6):
            chosen = {j for j in range(6) if bits >> j & 1}
            holds = [
                case for case in found if all(chosen & set(g) for _, g in case.some) and not chosen & set(case.none)
            ]
            assert len(holds) == 1


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_any_weights_in_any_cases_are_sound(p: float) -> None:
    """Those of the linear program, which prove most, and others, in cases taken at random."""
    rng, tight = np.random.default_rng(1), 0
    for seed in range(6):
        points, labels, radius = sample(seed, p)
        least = least_set(points, labels, radius, p)
        pairs = np.array([(i, j) for i in range(12) for j in range(i) if labels[i] != labels[j]])
        sizes, reach = demands(points, pairs, radius, p)
        rows = shares(points, pairs, radius, p)
        for splits in (0, 1, 3, 6):
            groups = random_tree(rng, 7, splits)
            solved = [solve_case(rows, case, np.arange(len(pairs))) for case in cases(groups, 7)]
            weights = weight_rows(solved, len(pairs))
            proved = least_proved(sizes, reach, groups, weights)
            assert proved <= least
            tight += proved > least - 1
            for other in (
                1.1 * weights,
                weights * rng.uniform(0.5, 2, weights.shape),
                rng.exponential(0.1, weights.shape),
            ):
                assert least_proved(sizes, reach, groups, other) <= least
    assert tight >= 12


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("seed", range(8))
def test_with_all_pairs_and_time_the_bound_is_the_least_set(seed: int, p: float) -> None:
    """Of balls a little smaller than those where a coordinate at distance 2δ is not enough."""
    points, labels, radius = sample(seed, p)
    radius *= 0.99
    pairs = np.array([(i, j) for i in range(12) for j in range(i) if labels[i] != labels[j]])
    rows = shares(points, pairs, radius, p)
    groups, weights = split_cases(rows, np.ones(7), 8, math.inf, Console(quiet=True))
    least = least_set(points, labels, radius, p)
    assert math.ceil(least_proved(*demands(points, pairs, radius, p), groups, weights)) == least
    bound = coordinates_needed(points, labels, radius=radius, p=p, enough=8)
    bound.check(points, labels)
    assert coordinates_needed(points, labels, radius=radius, p=p).count <= bound.count <= least


@pytest.fixture(scope="module")
def complete() -> tuple[CoordinateBound, np.ndarray, np.ndarray]:
    """Of each two of seven coordinates one is needed: six are, and the linear program says 3.5."""
    edges = list(combinations(range(7), 2))
    points = np.zeros((len(edges) + 1, 7))
    for row, (i, j) in zip(points[1:], edges, strict=True):
        row[[i, j]] = 1
    labels = np.array([0] + [1] * len(edges))
    return coordinates_needed(points, labels, **BALLS, enough=6), points, labels


def test_cases_prove_what_the_linear_program_does_not(
    complete: tuple[CoordinateBound, np.ndarray, np.ndarray],
) -> None:
    bound, points, labels = complete
    bound.check(points, labels)
    assert coordinates_needed(points, labels, **BALLS).count == 4
    assert bound.count == 6 == least_set(points, labels, 0.375, 2)
    assert coordinates_needed(points, labels, **BALLS, enough=7).count == 6
    assert coordinates_needed(points, labels, **BALLS, enough=5).count == 5
    assert coordinates_needed(points, labels, **BALLS, enough=6, seconds=0).count == 4


def test_a_changed_proof_is_refused(complete: tuple[CoordinateBound, np.ndarray, np.ndarray]) -> None:
    right, points, labels = complete
    groups, weights, m = right.groups, right.weights, len(right.pairs)
    assert len(weights) > 2
    last = next(k for k in reversed(range(len(groups))) if groups[k])
    kept = [k for k in range(weights.shape[1]) if k != m]
    off = weights.copy()
    used = off[:, :m] > 0
    off[:, :m][used] = np.maximum(off[:, :m][used] - 1, 0)
    negative = weights.copy()
    negative[0, m:] = -1
    changed = [
        replace(right, count=right.count + 1),
        replace(right, groups=((),), weights=weights[:1, :m]),
        replace(right, groups=groups[:-1], weights=weights[:-1]),
        replace(right, groups=(*groups, ())),
        replace(right, groups=(*groups[:last], (), *groups[last + 3 :]), weights=weights[:-1][:, kept]),
        replace(right, groups=((*groups[0], 7), *groups[1:])),
        replace(right, groups=((-1,), *groups[1:])),
        replace(right, weights=weights[::-1]),
        replace(right, weights=off),
        replace(right, weights=negative),
        replace(right, weights=weights[:, :-1]),
        replace(right, pairs=right.pairs[::-1]),
    ]
    for wrong in changed:
        with pytest.raises(ValueError, match=r"a (CoordinateBound|bound) (by cases )?needs"):
            wrong.check(points, labels)


def test_an_impossible_case_does_not_spoil_the_bound() -> None:
    """Without one coordinate a pair is not told apart at all: its weight is as high as it has to be."""
    points, labels = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 1]]), np.array([0, 1, 1])
    sizes, reach = demands(points, np.array([[0, 1], [0, 2]]), 0.375, 2)
    weights = np.array([[0.0, 1, 0], [9, 0, 0]])
    assert least_set(points, labels, 0.375, 2) == 2
    assert least_proved(sizes, reach, ((0,), (), ()), weights) == 2


def test_what_is_read_lowers_what_is_needed() -> None:
    case = Case(((0, (2,)), (1, (0, 1))), (3,))
    assert case.read == [2]
    assert case.open == [(1, (0, 1))]
    assert case.free(5).tolist() == [True, True, False, False, True]
    assert Case(((0, (2,)), (1, (2, 1)))).open == []


def test_a_group_proves_one_coordinate_and_no_more() -> None:
    sizes, case = np.zeros((1, 3), dtype=object), Case(((0, (0, 1)),))
    for weight, proved in ((0.5, 0.5), (1.0, 1.0), (1.5, 0.5), (3.0, 0.0)):
        assert proved_in_case(sizes, 4, case, np.zeros(1), np.array([weight])) == proved


@pytest.mark.parametrize(
    ("groups", "message"),
    [(((0,), ()), "leave out 1"), (((), ()), "too much"), (((), (0,), ()), "too much"), (((3,), (), ()), "3 coord")],
)
def test_what_is_no_tree_is_refused(groups: tuple[Group, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(cases(groups, 3))
