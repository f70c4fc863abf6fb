"""The batched trainer: it fits robustly, its samples do not mix, and it refuses malformed samples."""

import math

import numpy as np
import pytest
import torch

from empirics.small_networks import _ascent, train_adversarially
from theory.balls.small_margin import small_margin

POINTS = np.array([[[0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9]]] * 2)
LABELS = np.array([[1, 1, -1, -1], [-1, 1, 1, -1]])


def test_every_training_ball_is_certified() -> None:
    # No affine classifier fits the first; radius 0.15 of the 0.2 that there is in l_∞.
    nets = train_adversarially(POINTS, LABELS, 0.15, width=16, steps=300)
    for net, points, labels in zip(nets, POINTS, LABELS, strict=True):
        assert (small_margin(net.layers, points, labels, 0.15, math.inf).lower > 0).all()


def test_the_attack_reaches_the_worst_corner_of_an_affine_classifier() -> None:
    # Catches an ascent of the wrong sign, one that never moves, and one that leaves the ball.
    weight, labels = torch.tensor([[[2.0], [-3.0]]]), torch.tensor([[1.0, -1.0]])
    start = torch.tensor([[[0.1, -0.1], [0.05, 0.1]]])
    shift = _ascent([weight, torch.zeros(1, 1, 1)], torch.zeros(1, 2, 2), labels, start, 0.1, 3)
    expected = 0.1 * torch.tensor([[[-1.0, 1.0], [1.0, -1.0]]])
    torch.testing.assert_close(shift, expected)


def test_the_samples_do_not_mix() -> None:
    other = LABELS.copy()
    other[1] *= -1
    first, second = (train_adversarially(POINTS, y, 0.1, width=8, steps=20)[0] for y in (LABELS, other))
    np.testing.assert_array_equal(first(POINTS[0]), second(POINTS[0]))
    again = train_adversarially(POINTS, LABELS, 0.1, width=8, steps=20, seed=1)[0]
    assert not np.array_equal(first(POINTS[0]), again(POINTS[0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": POINTS[:0], "labels": LABELS[:0]}, "labels ±1"),
        ({"labels": np.zeros((2, 4), dtype=np.int64)}, "labels ±1"),
        ({"radius": 0.0}, "radius, rate > 0"),
        ({"radius": math.nan}, "radius, rate > 0"),
        ({"depth": 1}, "depth >= 2"),
        ({"steps": 0}, "steps"),
        ({"rate": 0.0}, "rate"),
    ],
)
def test_bad_samples_and_options_are_refused(change, message) -> None:
    arguments = {"points": POINTS, "labels": LABELS, "radius": 0.1} | change
    with pytest.raises(ValueError, match=message):
        train_adversarially(**arguments)
