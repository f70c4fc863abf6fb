"""Robust radii by bisection, where they are known, and distances to training points."""

import numpy as np
import pytest
import torch


def linear(weights, bias=0.0):
    """Two classes, logits (0, w·x + b): PGD with signs finds the worst point of a ball in one step."""
    layer = torch.nn.Linear(len(weights), 2)
    with torch.no_grad():
        layer.weight[0], layer.weight[1] = 0.0, torch.tensor(weights)
        layer.bias[0], layer.bias[1] = 0.0, bias
    return torch.nn.Sequential(torch.nn.Flatten(), layer).eval()


def images(x, y, classes=2):
    from empirics.images.data import Images

    return Images("made", torch.tensor(x, dtype=torch.float32).reshape(len(x), 1, 1, -1), torch.tensor(y), classes)


def test_bisection_finds_the_exact_radius_of_a_linear_classifier():
    """Away from the faces of the cube the largest robust radius is margin / ‖w‖_1."""
    from empirics.images.memorization import PITCH, robust_levels

    weights, radius = [2.0, -1.0, 1.0], 0.04
    rng = np.random.default_rng(0)
    x = 0.5 + 0.08 * rng.uniform(-1, 1, (60, 3))
    value = x @ weights - 1.0
    y = (value > 0).astype(int)
    y[::7] = 1 - y[::7]
    found = robust_levels(linear(weights, -1.0), images(x, y.tolist()), radius, steps=5, seed=0)
    exact = np.where(y == (value > 0), np.abs(value) / 4.0, -1)
    expected = np.where(exact < 0, -1, np.floor(exact * PITCH / radius).clip(max=31))
    # On the grid, up to float32 at a radius that is met exactly.
    assert (found == expected).mean() > 0.95
    assert np.abs(found - expected).max() <= 1
    assert (found[::7] == -1).all()
    # The planted fault: a radius that is off by a tenth is noticed.
    off = np.where(exact < 0, -1, np.floor(1.1 * exact * PITCH / radius).clip(max=31))
    assert (found == off).mean() < 0.95


def test_distances_to_the_nearest_of_the_class():
    from empirics.images.memorization import nearest_of_class

    train = images([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]], [0, 0, 1])
    test = images([[0.1, 0.3], [0.9, 0.5], [0.5, 0.25]], [0, 1, 1])
    assert nearest_of_class(test, train) == pytest.approx([0.3, 0.4, 0.25])
    alone = images([[0.0, 0.0]], [0])
    assert nearest_of_class(test, alone)[1] == np.inf
