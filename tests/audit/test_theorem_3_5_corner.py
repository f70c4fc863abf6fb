"""Theorem 3.5 with large-margin mass at radii of ½ and more: one cube in the corner, and a clean classifier for it."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.small_margin import small_margin
from theory.errors import AssumptionError
from theory.setting.separation import rational_distance, separation
from theory.sizes.codes import gilbert_varshamov, heavier_half, least_distance, lexicode
from theory.sizes.growth import labelling_failure, robust_size_bound
from theory.sizes.halfspaces import HalfspaceAndCorner
from theory.sizes.hard_distribution import HardDistribution, hard_distribution

repaired = pytest.mark.statement("theorem-3.5", form="repaired")
seeds = st.integers(0, 2**32 - 1)
# Letters, length, distance b <= length / 2: radii up to b^{1/p} / (2 (m - 1)).
CODES = [(2, 7, 3), (2, 8, 4), (2, 6, 3), (2, 10, 5), (3, 8, 4)]


@st.composite
def in_corner(draw: Any) -> HardDistribution:
    m, length, distance = draw(st.sampled_from(CODES))
    p = draw(st.sampled_from([1.0, 1.5, 2.0, math.pi] if m == 2 else [1.0]))
    limit = distance ** (1 / p) / (2 * (m - 1))
    words = heavier_half(lexicode(length, distance, m), m)
    labels = np.random.default_rng(draw(seeds)).choice([-1, 1], len(words))
    labels[:2] = draw(st.sampled_from([(1, -1), (-1, 1)]))
    radius = max(0.5, draw(st.floats(0.5, 0.999)) * limit)
    mu = draw(st.sampled_from([0.1, 0.5, 0.9]))
    return hard_distribution(length + 1, m, labels, radius=radius, mu=mu, words=words, p=p)


def network_of(clean: HalfspaceAndCorner) -> Any:
    from constructions.networks.network import network

    return network(*clean.layers)


def exact_value(clean: HalfspaceAndCorner, x: list[Fraction]) -> Fraction:
    over = Fraction(clean.threshold) - sum(x[:-1])
    return x[-1] - Fraction(1, 2) + Fraction(clean.slope) * max(over, Fraction(0))


@repaired
@given(in_corner(), seeds)
def test_the_clean_classifier_in_rational_arithmetic(hard, seed) -> None:
    """At corners of all cubes it is right, at the mid-points of the small ones it is 0, and all is in the cube."""
    assert hard.in_corner
    rng = np.random.default_rng(seed)
    clean, eta = hard.f_clean, Fraction(hard.eta)
    numbers = np.arange(hard.cubes + 1)
    labels = hard.labels_of(numbers)
    assert labels[-1] == 1
    assert hard.centres()[:, :-1].sum(axis=1).min() > hard.centres(numbers)[-1, :-1].sum()
    for sign in (np.full((len(numbers), hard.dim), -1), rng.choice([-1, 1], (len(numbers), hard.dim))):
        for centre, signs, label in zip(hard.centres(numbers), sign, labels, strict=True):
            x = [Fraction(float(c)) + int(s) * eta for c, s in zip(centre, signs, strict=True)]
            assert 0 <= min(x) <= max(x) <= 1
            assert label * exact_value(clean, x) > 0
    for middle in hard.midpoints():
        assert exact_value(clean, [Fraction(float(c)) for c in middle]) == 0
    assert hard.robust_error_bound(clean) == pytest.approx(hard.mu, rel=1e-15)
    assert clean.nonzero == network_of(clean).nonzero == hard.dim + 5


@repaired
@given(in_corner(), seeds)
def test_the_corner_is_of_large_margin_and_all_else_of_small(hard, seed) -> None:
    """The bound of the proof, linear relaxation around the whole cube, and what an attack finds around the others."""
    clean = hard.f_clean
    built = network_of(clean)
    corner = hard.centres(np.array([hard.cubes]))
    bracket = small_margin(built.layers, corner, np.array([1]), hard.cover_radius(hard.p), hard.p)
    assert bracket.lower[0] > 0
    # The proof, exactly for p = 1: all of the radius on the sum, or all of it downwards.
    eta, radius = Fraction(hard.eta), Fraction(hard.radius)
    low = 2 * eta * (hard.dim - 1) + radius * Fraction(math.nextafter((hard.dim - 1) ** (1 - 1 / hard.p), math.inf))
    assert Fraction(clean.threshold) > low
    least = Fraction(1, 2) - 2 * eta - radius + Fraction(clean.slope) * (Fraction(clean.threshold) - low)
    assert least > Fraction(1, 2)
    points = hard.points_in(np.arange(hard.cubes), np.random.default_rng(seed))
    assert np.all(np.abs(points - hard.midpoints()).sum(axis=1) <= hard.radius * (1 + 1e-14))
    assert np.all(hard.labels * clean(hard.midpoints()) == 0)
    # The planted fault: with x_d - 1/2 alone the corner is no better than the rest.
    assert corner[0, -1] - 0.5 < hard.radius


@repaired
@pytest.mark.parametrize("radius", [0.5, 1.0, 1.49])
def test_the_least_value_around_the_corner_by_a_mixed_integer_program(radius) -> None:
    """p = 1, ball around the centre: the minimum of the two-layer network, with proof, is beyond the bound of ½."""
    words = heavier_half(lexicode(7, 3))
    hard = hard_distribution(8, 2, np.resize([1, -1], len(words)), radius=radius, mu=0.5, words=words, p=1.0)
    centre = hard.centres(np.array([hard.cubes]))[0]
    value, _ = minimum_over_ball(network_of(hard.f_clean).layers, centre, radius, 1.0, np.array([1.0]))
    assert value > 0.5
    # A radius that reaches the others is too large.
    value, _ = minimum_over_ball(network_of(hard.f_clean).layers, centre, 7.0, 1.0, np.array([1.0]))
    assert value < 0


@repaired
@given(in_corner(), seeds)
def test_classes_are_apart_with_the_corner_too(hard, seed) -> None:
    numbers = np.arange(hard.cubes + 1)
    points, labels = hard.points_in(numbers, np.random.default_rng(seed)), hard.labels_of(numbers)
    assert hard.separation > 2 * hard.radius
    for p in {1.0, hard.p}:
        assert separation(points, labels, p).distance > hard.separation
    # Words that differ from 0 in b places only: the nearest are `b^{1/p} (s - 2η)` apart.
    light = np.array([[0, 0, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    near = hard_distribution(7, 2, np.array([-1, 1]), radius=1.4, mu=0.5, words=light, p=1.0)
    assert near.in_corner
    centres = near.centres(np.array([0, 2]))
    faces = centres[0] - near.eta * np.append(light[0], 0), centres[1] + near.eta * np.append(light[0], 0)
    apart = rational_distance(faces[0][:-1], faces[1][:-1], 1.0)
    assert apart == 3 * (1 - 4 * Fraction(near.eta)) > near.separation


@repaired
@given(in_corner(), seeds)
def test_its_mass_costs_the_factor_of_the_statement(hard, seed) -> None:
    weight = np.random.default_rng(seed).normal(size=hard.dim)
    rule = lambda x: (x - 0.5) @ weight  # noqa: E731
    share = hard.wrong_midpoints(rule).mean()
    assert hard.robust_error_bound(rule) >= share * hard.balance * hard.cubes / (hard.cubes + 1) * (1 - 1e-15)
    assert hard.balance == pytest.approx((hard.cubes + 1) * min(hard.mu / hard.cubes, 1 - hard.mu), rel=1e-15)


@repaired
def test_the_corner_needs_not_be_memorized() -> None:
    """Theorem 3.3 on this distribution: the K small-margin cubes memorized, the corner left to f_clean, certified."""
    from constructions import robust_memorizer

    words = heavier_half(lexicode(7, 3))
    hard = hard_distribution(8, 2, np.resize([1, -1], len(words)), radius=0.8, mu=0.5, words=words, p=2.0)
    numbers = np.arange(hard.cubes + 1)
    built = robust_memorizer(
        hard.centres(numbers),
        hard.labels_of(numbers),
        radius=hard.cover_radius(2.0),
        p=2.0,
        clean=network_of(hard.f_clean),
    )
    assert built.size.symbols["n"] == hard.cubes
    assert built.certify().error_bracket == (0.0, 0.0)
    assert hard.robust_error_bound(built.network) == 0


@pytest.mark.parametrize(("m", "length", "distance"), [*CODES, (2, 7, 1), (4, 3, 2), (5, 3, 3)])
def test_half_of_the_words_are_heavy(m, length, distance) -> None:
    words = lexicode(length, distance, m)
    for code in (words, m - 1 - words, words[: len(words) // 2 + 1]):
        heavy = heavier_half(code, m)
        assert 2 * len(heavy) >= len(code)
        assert 2 * heavy.sum(axis=1).min() >= (m - 1) * length
        assert len(heavy) < 2 or least_distance(heavy) >= distance
        assert 2 * (heavy != 0).sum(axis=1).min() >= length
        both = {tuple(word) for word in code.tolist()} | {tuple(word) for word in (m - 1 - code).tolist()}
        assert {tuple(word) for word in heavy.tolist()} <= both


@repaired
@pytest.mark.parametrize(("dim", "distance", "log_size"), [(784, 87, 192), (3072, 153, 1094)])
def test_half_of_the_words_cost_a_root_of_two(dim, distance, log_size) -> None:
    """`N_d >= 2^192` with large-margin mass at d = 784 and δ < 4.66, 2^193 without: half a power of two less."""
    half = -(-gilbert_varshamov(dim - 1, distance) // 2)
    assert 2 * distance < dim
    assert labelling_failure(2**log_size, half, dim, 0.25) < 0
    size = robust_size_bound(dim, 2, 0.25, distance=distance)
    assert labelling_failure(size * 7 // 10, half, dim, 0.25) < 0 < labelling_failure(size * 71 // 100, half, dim, 0.25)


LIGHT = np.array([[1, 0, 0, 0, 0, 1, 1], [0, 1, 1, 1, 1, 0, 0]])
BAD = [
    (
        lambda: hard_distribution(8, 2, np.array([1, -1]), radius=0.9, mu=0.5, words=LIGHT, p=2.0),
        "in at least b places",
    ),
    (
        lambda: hard_distribution(
            9, 2, np.array([1, -1]), radius=0.86, mu=0.5, words=np.array([[0] * 5 + [1] * 3, [1] * 5 + [0] * 3]), p=2.0
        ),
        "in at least b places",
    ),
    (
        lambda: hard_distribution(
            33,
            2,
            np.array([1, -1]),
            radius=0.9,
            mu=0.5,
            words=np.array([[1] * 4 + [0] * 28, [1] * 2 + [0] * 28 + [1] * 2]),
            p=2.0,
        ),
        "s S > 2",
    ),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_words_that_leave_no_corner_are_refused(call, message) -> None:
    with pytest.raises(AssumptionError, match=message):
        call()


@given(st.integers(2, 4), st.floats(0.9, 1 - 2.0**-40))
def test_on_the_grid_the_cube_over_the_first_place_always_has_room(m, share) -> None:
    hard = hard_distribution(3, m, np.resize([1, -1], m**2), radius=share / (2 * (m - 1)), mu=0.5)
    assert not hard.in_corner
    assert abs(hard.centres(np.array([m**2]))[0, -1] - 0.5) - hard.eta > hard.radius


@pytest.mark.parametrize("m", [2, 3, 4])
def test_a_radius_beside_its_limit_leaves_floats_no_room(m) -> None:
    """By theorem 3.5 there is room; the levels, rounded, are closer than twice the radius."""
    radius = np.nextafter(1 / (2 * (m - 1)), 0)
    with pytest.raises(AssumptionError, match=r"smaller radius|the corner has to be free"):
        hard_distribution(3, m, np.resize([1, -1], m**2), radius=radius, mu=0.5)


def test_a_cube_too_thin_for_floats_has_no_room_and_no_corner() -> None:
    """The last level is rounded down by more than η: what is left is the radius."""
    with pytest.raises(AssumptionError, match="the corner has to be free"):
        HardDistribution(2, 2, 0.5 - 2.0**-53, np.array([1, -1]), 2.0**-60, 0.25, 0.5)


NO_WORDS = [(np.zeros((0, 3), int), 2), (np.array([[0, 2]]), 2), (-np.ones((1, 2), int), 3)]


@pytest.mark.parametrize(("words", "letters"), NO_WORDS)
def test_what_are_no_words_is_refused(words, letters) -> None:
    with pytest.raises(ValueError, match="words need shape"):
        heavier_half(words, letters)
