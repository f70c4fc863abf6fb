import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.memorizers.near_pairs import near_pairs
from theory.setting.norms import distance


def found(x: np.ndarray, centres: np.ndarray, reach: float, p: float) -> np.ndarray:
    mask = np.zeros((len(x), len(centres)), dtype=bool)
    for rows, index in near_pairs(x, centres, reach, p):
        mask[rows, index] = True
    return mask


@given(
    st.integers(0, 10**6),
    st.sampled_from([1.0, 1.5, 2.0, 3.0, math.inf]),
    st.sampled_from([0.0, 1.0, 1e3, 1e7]),
    st.sampled_from([1e-200, 1e-18, 1e-3, 1.0, 1e6, 1e25]),
)
def test_no_near_pair_is_missed(seed: int, p: float, offset: float, unit: float) -> None:
    """Also where single precision, or any precision, cannot tell the points apart in a product."""
    rng = np.random.default_rng(seed)
    centres = (offset + rng.random((9, 5))) * unit
    x = centres[rng.integers(9, size=20)] + (rng.random((20, 5)) - 0.5) * unit * rng.choice([1.0, 1e-3])
    distances = distance(x[:, None], centres[None], p)
    reach = float(rng.choice(distances.ravel())) * (1 + 1e-6) + 1e-300
    assert np.all(found(x, centres, reach, p)[distances < reach])


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_far_pairs_are_left_out(p: float) -> None:
    """A filter that lets everything through would pass the test above."""
    rng = np.random.default_rng(0)
    points = rng.random((200, 50))
    reach = float(distance(points[0], points[1], p)) / 4
    assert np.array_equal(found(points, points, reach, p), np.eye(200, dtype=bool))
