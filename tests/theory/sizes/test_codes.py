"""Codes by brute force, and the distributions over them at the edges of their hypotheses."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.errors import AssumptionError
from theory.setting.separation import separation
from theory.sizes.codes import gilbert_varshamov, least_distance, lexicode, root_below
from theory.sizes.hard_distribution import HardDistribution, hard_distribution


def brute_distance(words: np.ndarray) -> int:
    return min((sum(a != b for a, b in zip(u, v, strict=True)) for u, v in itertools.combinations(words, 2)), default=0)


@pytest.mark.parametrize(("letters", "length"), [(2, 1), (2, 6), (2, 8), (3, 5), (5, 3)])
def test_lexicodes_have_their_distance_and_at_least_the_words_of_gilbert_and_varshamov(letters, length) -> None:
    for distance in range(1, length + 1):
        code = lexicode(length, distance, letters)
        assert len(code) >= gilbert_varshamov(length, distance, letters)
        assert len(code) == 1 or least_distance(code) == brute_distance(code) >= distance
        # None can be added.
        every = np.array(list(itertools.product(range(letters), repeat=length)))
        assert ((every[:, None] != code).sum(axis=2).min(axis=1) < distance).all()


@pytest.mark.parametrize(
    ("length", "distance", "words"),
    # Hamming, its extension, parity bits, repetition; the ternary tetracode.
    [(7, 3, 16), (8, 4, 16), (9, 2, 256), (9, 9, 2)],
)
def test_known_lexicodes(length, distance, words) -> None:
    assert len(lexicode(length, distance)) == words
    assert len(lexicode(4, 3, letters=3)) == 9


@given(st.integers(1, 60), st.integers(2, 7), st.data())
def test_the_bound_of_gilbert_and_varshamov(length, letters, data) -> None:
    distance = data.draw(st.integers(1, length))
    ball = sum(math.comb(length, j) * (letters - 1) ** j for j in range(distance))
    assert gilbert_varshamov(length, distance, letters) == math.ceil(Fraction(letters**length, ball))


@given(st.integers(2, 300), st.integers(1, 40), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_the_least_distance(count, length, letters, seed) -> None:
    words = np.random.default_rng(seed).integers(letters, size=(count, length))
    words[-1, 0] = (words[0, 0] + 1) % letters
    words[-1, 1:] = words[0, 1:]
    assert least_distance(words) <= 1
    assert least_distance(words[:40]) == brute_distance(words[:40])


def test_the_least_distance_of_pairs_in_different_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("theory.sizes.codes._PAIRS", 30)
    words = np.random.default_rng(0).integers(2, size=(20, 40))
    words[19] = words[0]
    words[19, 7] ^= 1
    assert least_distance(words) == 1
    assert least_distance(words[:1]) == 40


@given(st.integers(1, 10**6), st.floats(1, 100))
def test_the_root_is_below_and_near(distance, p) -> None:
    root = root_below(distance, p)
    assert math.log(root) * p <= math.log(distance) * (1 + 1e-14)
    assert root == pytest.approx(distance ** (1 / p), rel=1e-11)
    for whole in (1, 2, 3):
        power = root_below(distance, float(whole))
        assert Fraction(power) ** whole <= distance
        assert root_below(distance**whole, float(whole)) == distance
    assert root_below(distance, math.inf) == 1


BAD_CODES = [(0, 1, 2), (3, 0, 2), (3, 4, 2), (3, 1, 1), (3, 1.5, 2)]


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("arguments", BAD_CODES)
@pytest.mark.parametrize("function", [gilbert_varshamov, lexicode])
def test_bad_codes(function, arguments) -> None:
    with pytest.raises(ValueError, match=r"a code needs|must be a whole number"):
        function(*arguments)


@pytest.mark.parametrize("letters", [128, 129, 200, 2**16])
def test_letters_beyond_a_byte(letters) -> None:
    assert lexicode(1, 1, letters)[:, 0].tolist() == list(range(letters))


def test_two_places_of_many_letters() -> None:
    """Words that differ in both places: the q pairs of equal letters, first in their order."""
    assert lexicode(2, 2, 200).tolist() == [[j, j] for j in range(200)]


def test_a_lexicode_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="2\\^16 words to go through"):
        lexicode(17, 3)


# --- the distributions over them ---------------------------------------------------------------------

EIGHT = lexicode(4, 2)
SIGNS = np.array([1, -1] * 4)


def over(**changes: Any) -> HardDistribution:
    arguments = {"dim": 5, "m": 2, "labels": SIGNS, "words": EIGHT, "p": 1.0} | changes
    return hard_distribution(**arguments)


def test_all_words_are_the_grid() -> None:
    """Cube k of the grid stands over the digits of k, the last place first of them."""
    words = np.arange(27)[:, None] // 3 ** np.arange(3) % 3
    labels = np.random.default_rng(0).choice([-1, 1], 27)
    grid = hard_distribution(4, 3, labels, radius=0.2)
    for p in (1.0, 2.0, math.inf):
        coded = hard_distribution(4, 3, labels, radius=0.2, words=words, p=p)
        assert (coded.eta, coded.tau, coded.separation) == (grid.eta, grid.tau, grid.separation)
        np.testing.assert_array_equal(coded.centres(), grid.centres())


def test_the_radius_of_a_code_may_come_near_to_its_limit_and_not_reach_it() -> None:
    """p = 1, b = 2, m = 2: δ < 1."""
    hard = over(radius=1 - 2.0**-30)
    assert 2 * hard.radius < hard.separation < 2
    assert hard.tau + hard.eta == 0.5
    for p, limit in ((1.0, 1.0), (2.0, 0.5 * root_below(2, 2.0)), (math.inf, 0.5)):
        assert over(p=p, radius=math.nextafter(limit, 0) - 2.0**-30).distance == 2
        with pytest.raises(AssumptionError, match="half the step of the grid in the b places"):
            over(p=p, radius=limit)


@given(st.integers(1, 12), st.floats(0.01, 0.999), st.sampled_from([1.0, 1.25, 2.0, math.inf]))
def test_words_that_differ_everywhere_leave_room_at_every_radius(length, share, p) -> None:
    """The two of a repetition code: b^{1/p} as large as it can be against d; both balls are memorized."""
    radius = share * length ** (1 / p) / 2
    labels = np.array([1, -1])
    hard = hard_distribution(length + 1, 2, labels, radius=radius, words=lexicode(length, length), p=p)
    assert hard.distance == length
    assert 2 * hard.cover_radius(p) < separation(hard.centres(), labels, p).distance


SIXTY_FOURTH = 2.0**-6


def test_separation_of_a_code_at_the_edge() -> None:
    """`b (s - 3η) = 2 (1 - 5η)` for p = 1: refused at δ = 1 - 5η; one float less is accepted."""
    limit = 1 - 5 * SIXTY_FOURTH
    with pytest.raises(AssumptionError, match=r"\(s - 3 \* eta\) > 2 \* radius"):
        HardDistribution(5, 2, limit, SIGNS, SIXTY_FOURTH, 0.25, 1.0, EIGHT, 1.0)
    hard = HardDistribution(5, 2, math.nextafter(limit, 0), SIGNS, SIXTY_FOURTH, 0.25, 1.0, EIGHT, 1.0)
    assert hard.separation == 2 * limit


def test_cubes_that_leave_the_unit_cube_are_refused() -> None:
    highest = 0.5 - SIXTY_FOURTH
    hard = HardDistribution(5, 2, 0.75, SIGNS, SIXTY_FOURTH, highest, 1.0, EIGHT, 1.0)
    assert hard.centres()[:, -1].max() + SIXTY_FOURTH == 1
    with pytest.raises(AssumptionError, match=r"tau \+ eta <= 1/2"):
        replace(hard, tau=math.nextafter(highest, 1))


def test_a_large_margin_needs_a_radius_that_the_cube_holds() -> None:
    """The far cube is `1/2 - 2η` from the boundary of f_clean."""
    limit = 0.5 - 2 * SIXTY_FOURTH
    with pytest.raises(AssumptionError, match="a large-margin cube"):
        HardDistribution(5, 2, limit, SIGNS, SIXTY_FOURTH, 0.25, 0.5, EIGHT, 1.0)
    hard = HardDistribution(5, 2, limit - 2.0**-40, SIGNS, SIXTY_FOURTH, 0.25, 0.5, EIGHT, 1.0)
    far = hard.points_in(np.full(200, 8), np.random.default_rng(0))
    assert np.abs(far[:, -1] - 0.5).min() > hard.radius


BAD = [
    ({"words": EIGHT[:, :3]}, ValueError, r"shape \(K >= 1, 4\)"),
    ({"words": EIGHT[:0]}, ValueError, r"shape \(K >= 1, 4\)"),
    ({"words": EIGHT[0]}, ValueError, r"shape \(K >= 1, 4\)"),
    ({"words": 2 * EIGHT}, ValueError, "whole numbers in 0..1"),
    ({"words": EIGHT - 1}, ValueError, "whole numbers in 0..1"),
    ({"words": EIGHT / 2}, ValueError, "whole numbers in 0..1"),
    ({"words": np.vstack([EIGHT[:7], EIGHT[:1]])}, ValueError, "one twice"),
    ({"labels": SIGNS[:7]}, ValueError, r"shape \(8,\)"),
    ({"p": 0.5}, ValueError, "p >= 1"),
    ({"radius": math.nan}, AssumptionError, "0 < radius"),
    ({"radius": math.inf}, AssumptionError, "0 < radius"),
    ({"radius": 0.6, "mu": 0.5}, AssumptionError, "or mu = 1"),
]


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(("changes", "error", "message"), BAD)
def test_bad_calls(changes, error, message) -> None:
    with pytest.raises(error, match=message):
        over(**changes)
