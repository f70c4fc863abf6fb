"""Bit extraction on a line: intervals of whole balls, exactly."""

import math
from dataclasses import replace

import numpy as np
import pytest

from constructions import Construction, load_sample
from constructions.bits.memorizer import IntegerMemorizer
from constructions.bits.network import IntegerNetwork
from constructions.bits.projection import projection_code_memorizer
from tests.replaced import replaced
from theory.errors import AssumptionError
from theory.setting.norms import sample_ball


@pytest.fixture(scope="module")
def digits() -> IntegerMemorizer:
    points, labels = load_sample("digits")
    return projection_code_memorizer(points[:300], labels[:300], tries=100)


def test_every_ball_is_certified(digits: IntegerMemorizer) -> None:
    assert digits.certify().certified.all()
    assert isinstance(digits, Construction)
    assert digits.size.nonzero == digits.size.formula_nonzero
    assert digits.task.p == 2


def test_points_at_the_ends_of_the_intervals_are_right(digits: IntegerMemorizer) -> None:
    direction = np.zeros(64)
    for column, weight in digits.network.layers[0].rows[0]:
        direction[column] = weight
    direction /= np.linalg.norm(direction)
    points, codes = digits.task.sample.points, digits.task.sample.codes
    for side in (-1, 1):
        moved = points + side * (1 - 1e-9) * digits.task.radius * direction
        assert np.array_equal(digits.network(moved).argmax(axis=1), codes)


def test_a_larger_radius_is_not_certified(digits: IntegerMemorizer) -> None:
    # Less than half of the gap was taken.
    certificate = replaced(digits, radius=1.2 * digits.task.radius).certify()
    assert 0 < certificate.count("undecided") < 300
    assert certificate.count("refuted") == 0


def test_a_moved_cut_is_noticed(digits: IntegerMemorizer) -> None:
    layers = list(digits.network.layers)
    layers[0] = replace(layers[0], bias=(layers[0].bias[0] + 1000,))
    moved = replace(digits, network=IntegerNetwork(tuple(layers), digits.network.classes))
    assert not moved.certify().certified.all()


@pytest.mark.parametrize("seed", range(4))
def test_random_points_of_few_dimensions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, labels = rng.normal(size=(30, 1 + seed)), rng.choice([-1, 1], 30)
    built = projection_code_memorizer(100 * points, labels, tries=20, seed=seed)
    assert built.certify().certified.all()
    assert built.size.nonzero == built.size.formula_nonzero
    ball = sample_ball(rng, 5, 1 + seed, 2.0, 0.999 * built.task.radius)
    for x, label in zip(100 * points, labels, strict=True):
        assert np.all(label * built.network(x + ball)[:, 0] > 0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"tries": 0}, ValueError, "tries"),
        ({"seed": -1}, ValueError, "seed"),
        ({"radius": math.inf}, ValueError, "radius"),
        ({"radius": 0.4}, AssumptionError, "least gap between labels"),
        ({"radius": 0.6}, AssumptionError, "separation"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    points = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    with pytest.raises(error, match=message):
        projection_code_memorizer(points, [1, -1, -1, 1], **{"tries": 10, **change})


def test_equal_points_are_refused() -> None:
    with pytest.raises(AssumptionError):
        projection_code_memorizer([[0.0], [0.0]], [0, 1], tries=5)
