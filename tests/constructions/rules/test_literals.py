"""Robust literals: what is called high or low is so on the whole ball, exactly; thresholds and patches."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.rules.literals import Candidates, Directions, coordinates, patches
from constructions.rules.packed import count, pack, some, unpack
from tests.strategies import arrays, exponents
from theory.setting.norms import dual_exponent


@given(st.integers(1, 200), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_packing_keeps_truth(width: int, rows: int, seed: int) -> None:
    truth = np.random.default_rng(seed).random((rows, width)) < 0.5
    words = pack(truth)
    assert np.array_equal(unpack(words, width), truth)
    assert np.array_equal(count(words), truth.sum(axis=1))
    chosen = np.flatnonzero(truth[0])
    assert np.array_equal(some(width, chosen), words[0])


@given(arrays((6, 2)), arrays((3, 2)), exponents, st.sampled_from([0.125, 0.25]), st.integers(1, 3))
def test_what_is_true_is_true_on_the_whole_ball(
    points: np.ndarray, forms: np.ndarray, p: float, radius: float, thresholds: int
) -> None:
    import scipy.sparse as sp

    forms = forms[np.abs(forms).max(axis=1) > 0]
    if not len(forms):
        return
    shell = 1 / 16
    literals = Candidates.of(points, sp.csr_array(forms), radius, p, shell).literals(thresholds)
    weight, threshold = literals.directions.weight.toarray(), literals.directions.threshold
    truth = unpack(literals.true, len(points))
    assert len(literals) == 2 * len(threshold)
    # A form takes its extremes on a ball where it takes its norm.
    reach = radius * np.linalg.norm(weight, ord=dual_exponent(p), axis=1)
    centre = weight @ points.T
    assert np.all(np.where(truth[0::2], centre - reach[:, None] >= (threshold + 0.49 * shell)[:, None], True))
    assert np.all(np.where(truth[1::2], centre + reach[:, None] <= (threshold - 0.49 * shell)[:, None], True))
    assert not np.any(truth[0::2] & truth[1::2])
    assert truth.any(axis=1).all()
    by_point = np.unpackbits(literals.by_point, axis=1, count=len(literals)).view(bool)
    assert np.array_equal(by_point.T, truth)


def test_a_threshold_tells_most_pairs_apart() -> None:
    points = np.array([[0.0], [0.1], [0.2], [1.0], [1.1], [1.2], [5.0]])
    literals = Candidates.of(points, coordinates(1), 0.05, math.inf, 0.01).literals(1)
    assert 0.25 < float(literals.directions.threshold[0]) < 0.95
    two = Candidates.of(points, coordinates(1), 0.05, math.inf, 0.01).literals(2).directions.threshold
    assert two[0] < 1 < two[1]


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_any_two_points_with_room_are_told_apart(p: float) -> None:
    """Also where no coordinate does: by the form that takes the norm of their difference."""
    points = np.array([[0.0, 0.0, 0.0], [0.6, 0.5, 0.55]])
    gap = float(np.linalg.norm(points[1] - points[0], ord=p))
    radius, shell = 0.49 * gap, 0.019 * gap
    candidates = Candidates.of(points, coordinates(3), radius, p, shell)
    none = candidates.literals(1)
    addition = candidates.separating(0, 1)
    assert addition is not None
    more = none.extended([addition])
    assert len(more) == len(none) + 2
    assert unpack(more.rejected(0), 2).tolist() == [False, True]
    truth = unpack(more.true, 2)
    assert sorted(truth[-2:].tolist()) == [[False, True], [True, False]]
    wide = Candidates.of(points, coordinates(3), radius, p, 0.03 * gap)
    assert wide.separating(0, 1) is None


def test_patches_have_norm_one() -> None:
    """Exactly m weights of m^(-1/q): each rectangle once, in one channel."""
    for p in (1.0, 1.5, 2.0, math.inf):
        weight = patches((3, 4, 2), ((1, 1), (2, 2), (9, 1)), p).toarray()
        assert weight.shape == (2 * (3 * 4 + 2 * 3), 24)
        assert np.allclose(np.linalg.norm(weight, ord=dual_exponent(p), axis=1), 1)
    square = patches((3, 4), ((2, 2),), math.inf).toarray().reshape(-1, 3, 4)
    assert square[0].tolist() == [[0.25, 0.25, 0, 0], [0.25, 0.25, 0, 0], [0, 0, 0, 0]]
    assert square[-1].tolist() == [[0, 0, 0, 0], [0, 0, 0.25, 0.25], [0, 0, 0.25, 0.25]]
    colours = patches((1, 2, 2), ((1, 2),), math.inf).toarray()
    assert colours.tolist() == [[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]]


def test_a_neuron_costs_its_weights_and_a_bias() -> None:
    weight = patches((2, 2), ((1, 1), (2, 2)), math.inf)
    assert Directions(weight, np.zeros(5)).neuron_cost.tolist() == [2, 2, 2, 2, 5]


def test_a_point_counts_from_the_margin_on() -> None:
    """Of which the norm is known up to 1e-13."""
    radius, shell = 0.25, 0.125
    edge = 0.5 + radius + shell / 2
    points = np.array([[edge + 1e-12], [edge - 1e-12], [1 - edge - 1e-12]])
    candidates = Candidates.of(points, coordinates(1), radius, math.inf, shell)
    addition = candidates.separating(0, 2)
    assert addition is not None
    assert addition.threshold == 0.5
    assert addition.high.tolist() == [True, False, False]
