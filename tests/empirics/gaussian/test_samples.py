"""The data of section 5: structure to rounding, laws to a binomial limit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, kstest

from empirics.gaussian import samples as linear_data
from empirics.gaussian.samples import LinearData, LinearSample, random_direction
from theory import AssumptionError, affine_distance

pytestmark = pytest.mark.statement("assumption-linear-data", form="printed")


@given(st.integers(0, 2**32 - 1), st.integers(2, 300), st.floats(0.01, 1.0), st.floats(1.0, 100.0))
def test_points_are_what_the_paper_says(seed, dim, beta, alpha) -> None:
    data = LinearData(random_direction(dim, seed), alpha, beta, 0.5)
    sample = data.sample(20, seed + 1)
    noise = sample.noise()
    size = np.linalg.norm(sample.points, axis=1)
    # dim operations on the entries of x and of w*, a few times.
    assert (np.abs(noise @ data.w_star) <= 8 * dim * 2.0**-53 * (size + 1)).all()
    scale = np.where(sample.small, beta, alpha)
    # f_clean = w* has margin c and, being of norm 1, distance c to its boundary: no clean error, small iff c < δ.
    distance = affine_distance(data.w_star[None], np.zeros(1), sample.points, sample.labels, 2.0)
    assert (np.abs(distance - scale) <= 8 * dim * 2.0**-53 * (size + 1)).all()


def test_orthogonality_is_exact_along_an_axis() -> None:
    data = LinearData(np.eye(1, 50, 7)[0], 2.0, 0.5, 0.3)
    sample = data.sample(200, 0)
    assert np.array_equal(sample.points[:, 7], sample.labels * np.where(sample.small, 0.5, 2.0))
    assert not sample.noise()[:, 7].any()


def test_noise_is_standard_in_every_direction_but_w_star() -> None:
    data = LinearData(random_direction(6, 3), 2.0, 0.5, 0.3)
    noise = data.sample(20000, 5).noise()
    covariance = noise.T @ noise / 20000
    # 5 standard deviations of an entry.
    assert np.abs(covariance - (np.eye(6) - np.outer(data.w_star, data.w_star))).max() <= 5 * math.sqrt(2 / 20000)
    across = random_direction(6, 9)
    across -= (across @ data.w_star) * data.w_star
    assert kstest(noise @ across / np.linalg.norm(across), "norm").pvalue > 1e-6


def test_proportions() -> None:
    sample = LinearData(random_direction(3, 0), 2.0, 0.5, 0.2).sample(5000, 1)
    for count, p in ((sample.small.sum(), 0.2), ((sample.labels > 0).sum(), 0.5)):
        assert min(binom.cdf(count, 5000, p), binom.sf(count - 1, 5000, p)) >= 1e-6
    assert LinearData(random_direction(3, 0), 2.0, 0.5, 0.2).sample(50, 1, n_small=7).small.sum() == 7


def test_seeds_blocks_and_fresh_data(monkeypatch) -> None:
    data = LinearData(random_direction(40, 0), 2.0, 0.5, 0.5)
    first, again, fresh = data.sample(30, 1), data.sample(30, 1), data.sample(30, 2)
    assert np.array_equal(first.points, again.points)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.points, fresh.points)
    monkeypatch.setattr(linear_data, "_BLOCK_BYTES", 1)
    # One row a block: a product of other shape, so equal up to rounding.
    assert np.abs(data.sample(30, 1).points - first.points).max() <= 1e-14


W = np.array([0.6, 0.8])
GOOD = dict(w_star=W, alpha=2.0, beta=0.5, mu=0.5)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"w_star": 1.001 * W}, AssumptionError, "divide w_star by its norm"),
        ({"w_star": W * math.nan}, AssumptionError, "= 1, got nan"),
        ({"w_star": np.ones(1)}, ValueError, "d >= 2"),
        ({"beta": 3.0}, AssumptionError, r"beta=3\.0, alpha=2\.0"),
        ({"beta": 0.0}, AssumptionError, "0 < beta"),
        ({"beta": math.nan}, AssumptionError, "0 < beta"),
        ({"alpha": math.inf}, AssumptionError, "alpha=inf"),
        ({"mu": 1.1}, ValueError, r"mu in .0, 1., got 1\.1"),
        ({"mu": math.nan}, ValueError, "mu in"),
    ],
)
def test_bad_parameters(change, kind, message) -> None:
    with pytest.raises(kind, match=message):
        LinearData(**GOOD | change)


@pytest.mark.parametrize(("n", "n_small", "message"), [(0, None, "n >= 1"), (3, 4, "n_small=4"), (3, -1, "n_small=-1")])
def test_bad_samples(n, n_small, message) -> None:
    with pytest.raises(ValueError, match=message):
        LinearData(**GOOD).sample(n, 0, n_small=n_small)


SAMPLE = LinearData(**GOOD).sample(4, 0)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"labels": -SAMPLE.labels}, AssumptionError, r"data that w\* separates.*at row 0: correct its label"),
        ({"small": ~SAMPLE.small}, AssumptionError, "`small`, or the scales"),
        ({"points": SAMPLE.points * 1.001}, AssumptionError, "separates"),
        ({"points": SAMPLE.points * math.nan}, ValueError, "finite points, got nan"),
        ({"points": SAMPLE.points + math.inf}, ValueError, "finite points, got inf"),
        ({"points": np.zeros((0, 2)), "labels": np.zeros(0, int), "small": np.zeros(0, bool)}, ValueError, "n >= 1"),
        ({"points": np.ones((4, 3))}, ValueError, r"points \(n >= 1, 2\)"),
        ({"labels": SAMPLE.labels[:3]}, ValueError, r"labels \(n,\)"),
        ({"small": SAMPLE.small[:3]}, ValueError, r"small \(n,\)"),
        ({"labels": 0 * SAMPLE.labels}, ValueError, "got 0 at row 0"),
    ],
)
def test_bad_data_of_ones_own(change, kind, message) -> None:
    given = {"points": SAMPLE.points, "labels": SAMPLE.labels, "small": SAMPLE.small, "source": SAMPLE.source} | change
    with pytest.raises(kind, match=message):
        LinearSample(**given)


@pytest.mark.usefixtures("untyped")
def test_a_sample_in_other_types_is_the_same_sample() -> None:
    """Signs and noise of eight bits would wrap around, and noise in single precision be rounded."""
    points = np.array([[100, 120, -120], [-2, 100, 90]], dtype=np.int8)
    source = LinearData([1, 0, 0], np.uint8(100), np.float32(2.0), 0.5)
    found = LinearSample(points, [1, -1], [False, True], source)
    given = LinearData(np.eye(3)[0], 100.0, 2.0, 0.5)
    expected = LinearSample(points.astype(float), np.array([1, -1]), np.array([False, True]), given)
    assert np.array_equal(found.noise(), expected.noise())
    assert found.points.dtype == np.float64
    with pytest.raises(ValueError, match="truth values"):
        LinearSample(points, [1, -1], [0, 1], source)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_samples_of_any_scale(scale) -> None:
    """Where squares vanish or overflow: a label is wrong, or right, as at scale 1."""
    given = LinearData(np.eye(3)[0], scale, scale, 0.5)
    points = scale * np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]])
    small = np.array([True, False])
    assert len(LinearSample(points, np.array([1, -1]), small, given).points) == 2
    with pytest.raises(AssumptionError, match="at row 1"):
        LinearSample(points, np.array([1, 1]), small, given)
