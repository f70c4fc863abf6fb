"""Theorem 3.5 over codes: the count of patterns by enumeration, radii that grow with d, and most labellings."""

import itertools
import math
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.test_theorem_3_5 import exact_patterns_of_two, memorize
from theory.balls.small_margin import affine_margin
from theory.setting.separation import separation
from theory.sizes.codes import gilbert_varshamov, lexicode
from theory.sizes.growth import growth_bound, labelling_failure, pattern_room, robust_size_bound
from theory.sizes.hard_distribution import HardDistribution, hard_distribution

repaired = pytest.mark.statement("theorem-3.5", form="repaired")
seeds = st.integers(0, 2**32 - 1)
TWICE_E = 2 * math.e


def log_growth(nonzero: int, count: int, dim: int, depth: int | None = None) -> float:
    return float(growth_bound(nonzero, count, dim, depth))


# --- the number of sign patterns, by enumeration -----------------------------------------------------


def enumerated(nonzero: int, count: int, dim: int, depth: int) -> float:
    """log2 of the sum over all graphs of Warren's product: the theorem of Bartlett et al. without simplification.

    Graphs by layers: k neurons and w >= k non-zeros in each, at `C(k (k' + 1), w)` choices of places.
    """

    @cache
    def rest(layer: int, before: int, used: int) -> Decimal:
        total = Decimal(0)
        for w in range(1, nonzero - used + 1):
            for k in range(1, w + 1):
                places = math.comb(k * (before + 1), w)
                signs = 2 * (Decimal(TWICE_E) * count * k * layer / (used + w)) ** (used + w)
                total += places * signs * ((k == 1) + (rest(layer + 1, k, used + w) if layer < depth else 0))
        return total

    return float(rest(1, dim, 0).ln() / Decimal(2).ln())


CASES = [
    (w, count, dim, depth)
    for w in (1, 2, 3, 5, 8)
    for count in (w, 20, 10**5)
    for dim in (1, 5, 1000)
    for depth in (1, 2, w)
    if count >= w >= depth
]


@repaired
def test_the_bound_is_above_the_sum_over_all_graphs(record) -> None:
    for case in CASES:
        assert enumerated(*case) <= log_growth(*case)
    record("examples", len(CASES))


# Planted faults: what W non-zeros, K points, dimension d and L layers are said to allow.
FAULTS = {
    "no graphs": lambda w, k, d, ell: ell + (w * ell - ell * (ell - 1) / 2) * math.log2(TWICE_E * k),
    "W places for each non-zero": lambda w, k, d, ell: log_growth(w, k, d, ell) + w * (math.log2(w / (w + d))),
    "parameters counted in one layer only": lambda w, k, d, ell: (
        w * math.log2(TWICE_E * (w + d)) + ell + w * math.log2(TWICE_E * k)
    ),
    "no points in the logarithm": lambda w, k, d, ell: (
        w * math.log2(TWICE_E * (w + d)) + ell + (w * ell - ell * (ell - 1) / 2) * math.log2(TWICE_E)
    ),
}


@repaired
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_wrong_count_is_refuted_by_the_sum_over_all_graphs(fault) -> None:
    assert any(enumerated(*case) > fault(*case) for case in CASES)


@repaired
@given(st.integers(1, 11), st.integers(0, 10**6), st.integers(1, 100))
def test_the_signs_are_those_of_the_worst_profile_of_widths(nonzero, more, dim) -> None:
    """Equality: the largest of Warren's products over all profiles is that of a chain; no exponent can be smaller."""
    count = nonzero + more

    def product(profile: tuple[int, ...]) -> float:
        total, value = 0, 0.0
        for i, w in enumerate(profile, 1):
            total += w
            # As many neurons as non-zeros, and one output.
            neurons = 1 if i == len(profile) else w
            value += 1 + total * math.log2(TWICE_E * count * i * neurons / total)
        return value

    cuts = itertools.product((False, True), repeat=nonzero - 1)
    profiles = [
        tuple(b - a for a, b in pairwise([0, *(j + 1 for j, cut in enumerate(row) if cut), nonzero])) for row in cuts
    ]
    signs = log_growth(nonzero, count, dim) - nonzero * math.log2(TWICE_E * (nonzero + dim))
    assert max(map(product, profiles)) == pytest.approx(signs, rel=1e-12)
    for depth in (1, 2, 3):
        most = max(product(profile) for profile in profiles if len(profile) <= depth)
        bounded = log_growth(nonzero, count, dim, depth) - nonzero * math.log2(TWICE_E * (nonzero + dim))
        assert most <= bounded * (1 + 1e-12)


@repaired
@given(st.integers(1, 10**5), st.integers(0, 10**12), st.integers(1, 10**4), st.integers(1, 10**5))
def test_it_is_never_above_the_bound_with_all_parameters_widths_and_degrees_in_each_layer(w, more, dim, depth) -> None:
    """`3 W log2(W + d + 1) + L + W L log2(2e K W)`; for W >= 50 and any depth it is less than half of that."""
    count, layers = w + more, min(w, depth)
    coarse = 3 * w * math.log2(w + dim + 1) + layers + w * layers * math.log2(TWICE_E * count * w)
    assert log_growth(w, count, dim, depth) <= coarse
    if w >= 50:
        coarse = 3 * w * math.log2(w + dim + 1) + w + w * w * math.log2(TWICE_E * count * w)
        assert log_growth(w, count, dim) < coarse / 2


# --- most labellings ---------------------------------------------------------------------------------


@repaired
@given(st.integers(1, 3000), st.floats(0.001, 0.499))
def test_the_labellings_near_one_pattern_are_as_few_as_the_entropy_says(count, alpha) -> None:
    """`Σ_{j <= αK} C(K, j) <= 2^{h(α) K}`; and not fewer than that over K + 1, so no smaller entropy would do."""
    most = math.floor(alpha * count)
    near = math.log2(sum(math.comb(count, j) for j in range(most + 1)))
    entropy = count - float(pattern_room(count, alpha))
    assert near <= entropy + 1e-9
    sharp = count - float(pattern_room(count, most / count)) if most else 0.0
    assert near >= sharp - math.log2(count + 1) - 1e-9


@repaired
def test_the_labellings_that_some_small_network_fits_one_by_one(record) -> None:
    """K = 16 places of a code, d = 8: all 2^16 labellings against all patterns of two non-zeros, errors <= K/8.

    Exact: their share is at most P 2^{h(α) K - K}, P the number of patterns, as in the theorem.
    """
    code = lexicode(7, 3)
    middles = hard_distribution(8, 2, np.ones(16, dtype=int), words=code, p=2.0).midpoints()
    found = np.array([np.frombuffer(pattern, bool) for pattern in exact_patterns_of_two(middles)])
    patterns = found @ (1 << np.arange(16))
    fits = np.zeros(2**16, dtype=bool)
    for wrong in range(3):
        for places in itertools.combinations(range(16), wrong):
            fits[patterns ^ sum(1 << j for j in places)] = True
    share = fits.mean()
    assert 0 < share <= len(found) * 2.0 ** (16 - float(pattern_room(16, 1 / 8)) - 16) < 1
    # The planted fault: only the labellings that are patterns.
    assert share > len(found) / 2**16
    record("examples", 2**16)


@repaired
def test_random_labels_are_a_witness_but_for_a_named_probability() -> None:
    """d = 24, words that differ in 3 places: N_d = 24 by all labellings but 2^-299 of them; half of it but 2^-4260."""
    size = robust_size_bound(24, 2, 0.25, distance=3)
    count = gilbert_varshamov(23, 3)
    assert size == 24
    assert labelling_failure(size, count, 24, 0.25) < -299
    assert labelling_failure(size + 1, count, 24, 0.25) > 0
    assert labelling_failure(size // 2, count, 24, 0.25) < -4260


# --- the distribution over a code --------------------------------------------------------------------


@repaired
@pytest.mark.parametrize(("p", "power", "radius"), [(1.0, 1, 1.4375), (2.0, 2, 0.859375), (math.inf, 0, 0.484375)])
def test_a_lexicode_corner_by_corner(p, power, radius, record) -> None:
    """n = 7, h = 3, K = 16; integers, so nothing is rounded: all corners of all cubes, all their pairs."""
    code = lexicode(7, 3)
    labels = np.random.default_rng(0).choice([-1, 1], 16)
    hard = hard_distribution(8, 2, labels, radius=radius, words=code, p=p)
    assert len(code) == 16
    assert hard.distance == 3
    scale = 2**20
    whole = lambda x: np.asarray(x * scale, dtype=np.int64)  # noqa: E731
    steps = np.array(list(itertools.product((-1, 1), repeat=8)))
    corners = whole(hard.centres())[:, None] + whole(hard.eta) * steps
    # The scale holds every coordinate.
    np.testing.assert_array_equal(corners / scale, hard.centres()[:, None] + hard.eta * steps)
    assert corners.min() >= 0
    assert corners.max() <= scale
    # In each coordinate two cubes have the same side or disjoint ones: the nearest two of their points are corners.
    positive, negative = corners[labels > 0].reshape(-1, 8), corners[labels < 0].reshape(-1, 8)
    apart = math.inf
    for block in np.array_split(positive, 16):
        gap = np.abs(block[:, None] - negative)
        size = gap.max(axis=2) if power == 0 else (gap**power).sum(axis=2)
        apart = min(apart, int(size.min()))
    assert apart > Fraction(2 * radius * scale) ** max(power, 1)
    assert apart > Fraction(hard.separation * scale) ** max(power, 1)
    # Each corner is within δ of its mid-point, in l_1.
    reach = np.abs(corners - whole(hard.midpoints())[:, None]).sum(axis=2)
    assert reach.max() <= radius * scale
    assert (labels[:, None] * (corners[:, :, -1] - scale // 2) > 0).all()
    # More than the grid allows, and not more than the code does.
    limit = 3 ** (1 / p) / 2
    assert radius < limit
    assert radius > 0.85 * limit
    record("examples", corners.shape[0] * corners.shape[1])


@st.composite
def over_codes(draw: Any) -> HardDistribution:
    m, length, distance = draw(st.sampled_from([(2, 7, 3), (2, 8, 4), (2, 6, 2), (3, 4, 3), (4, 3, 2), (2, 5, 5)]))
    words = lexicode(length, distance, m)
    p = draw(st.sampled_from([1.0, 1.5, 2.0, 3.0, math.pi, math.inf]))
    labels = np.random.default_rng(draw(seeds)).choice([-1, 1], len(words))
    labels[:2] = 1, -1
    limit = distance ** (1 / p) / (2 * (m - 1))
    return hard_distribution(length + 1, m, labels, radius=draw(st.floats(0.05, 0.99)) * limit, words=words, p=p)


@repaired
@given(over_codes(), seeds)
def test_the_distribution_over_a_code_meets_the_assumptions(hard, seed) -> None:
    rng = np.random.default_rng(seed)
    points = hard.points_in(np.arange(hard.cubes), rng)
    assert hard.separation > 2 * hard.radius
    for p in {1.0, hard.p}:
        assert separation(points, hard.labels, p).distance > hard.separation
    assert points.min() >= 0
    assert points.max() <= 1
    assert hard.balance == 1
    assert np.all(hard.labels * hard.f_clean(points) > 0)
    assert np.all(np.abs(points - hard.midpoints()).sum(axis=1) <= hard.radius * (1 + 1e-14))
    # The clean classifier is wrong within δ of every point, and so is any affine rule near a mid-point it is wrong at.
    assert hard.robust_error_bound(hard.f_clean) == 1
    weight = rng.normal(size=(1, hard.dim))
    bias = -weight @ hard.midpoints().mean(axis=0)
    wrong = hard.wrong_midpoints(lambda x: x @ weight[0] + bias[0])
    margins = affine_margin(weight, bias, points, hard.labels, hard.radius, hard.p)
    assert np.all(margins[wrong] <= 1e-13 * np.abs(weight).sum())


@repaired
@pytest.mark.parametrize(("m", "length", "distance"), [(2, 7, 3), (2, 6, 2), (4, 3, 2)])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_all_cubes_over_a_code_can_be_memorized(m, length, distance, p) -> None:
    """At 0.99 of the limit of δ: a certified network without robust error, with more than N_d non-zeros."""
    words = lexicode(length, distance, m)
    labels = np.random.default_rng(0).choice([-1, 1], len(words))
    limit = distance ** (1 / p) / (2 * (m - 1))
    hard = hard_distribution(length + 1, m, labels, radius=0.99 * limit, words=words, p=p)
    built = memorize(hard, hard.centres(), hard.labels, hard.cover_radius(p), p, "per_point")
    assert built.certify().error_bracket == (0.0, 0.0)
    assert hard.robust_error_bound(built.network) == 0
    assert built.size.nonzero > robust_size_bound(hard.dim, m, 0.25, distance=distance)


# --- the numbers of the statement --------------------------------------------------------------------

EXAMPLE = re.compile(r"b = (\d+) at d = (\d+)(?: allow)? δ < (\d+\.\d+) and N_d ≥ 2\^(\d+)")


@repaired
def test_the_numbers_that_are_quoted_are_those_of_the_bound() -> None:
    from theory.ledger.ledger import statement

    quoted = EXAMPLE.findall(statement("theorem-3.5").repaired)
    assert [(int(d), int(b)) for b, d, _, _ in quoted] == [(784, 87), (3072, 153)]
    for places, dim, radius, log_size in quoted:
        limit = math.sqrt(int(places)) / 2
        assert limit - 0.01 < float(radius) < limit
        size = robust_size_bound(int(dim), 2, 0.25, distance=int(places))
        assert size.bit_length() - 1 == int(log_size)


@repaired
def test_the_powers_of_the_number_of_cubes_and_of_the_radius() -> None:
    """N_d is √K but for logarithms; and δ <= s/(11K√d) with small cubes is a ratio within the published range."""
    for log_count in (20, 200, 2000):
        size = math.log2(robust_size_bound(log_count + 1, 2, 0.25))
        assert log_count / 2 - math.log2(log_count) / 2 - 1 < size < log_count / 2
    for dim, count in ((5, 16), (300, 10**6)):
        radius, eta = 1 / (11 * count * math.sqrt(dim)), 1e-12
        # Of the balls around the centres, to half of the separation of these, s = 1 - 2η.
        ratio = 2 * (radius * (1 - 2 * eta) + eta * math.sqrt(dim)) / (1 - 2 * eta)
        assert ratio <= 1 / (5 * count * math.sqrt(dim))


@repaired
@pytest.mark.parametrize("share", [0.05, 0.11, 0.25])
def test_the_size_is_exponential_at_radii_that_grow_like_the_root_of_d(share) -> None:
    """`log2 N_d = ½ (1 - H(β)) d` up to logarithms for b = β d, so for δ < ½ √(β d), p = 2."""
    entropy = -(share * math.log2(share) + (1 - share) * math.log2(1 - share))
    for dim in (200, 800, 3200):
        size = math.log2(robust_size_bound(dim + 1, 2, 0.25, distance=int(share * dim)))
        assert abs(size - (1 - entropy) * dim / 2) < math.log2(dim)
    # On the grid δ < ½: there the exponent is ½ d.
    assert math.log2(robust_size_bound(3201, 2, 0.25)) > 1590
