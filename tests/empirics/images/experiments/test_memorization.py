"""Robust radii by bisection, where they are known, and distances to training points."""

from typing import Any

import numpy as np
import pytest
import torch


def linear(weights, bias=0.0) -> torch.nn.Sequential:
    """Two classes, logits (0, w·x + b): PGD with signs finds the worst point of a ball in one step."""
    layer = torch.nn.Linear(len(weights), 2)
    with torch.no_grad():
        layer.weight[0], layer.weight[1] = 0.0, torch.tensor(weights)
        layer.bias[0], layer.bias[1] = 0.0, bias
    return torch.nn.Sequential(torch.nn.Flatten(), layer).eval()


def images(x, y, classes=2) -> Any:
    from empirics.images.training.data import Images

    return Images("made", torch.tensor(x, dtype=torch.float32).reshape(len(x), 1, 1, -1), torch.tensor(y), classes)


def test_bisection_finds_the_exact_radius_of_a_linear_classifier() -> None:
    """Away from the faces of the cube the largest robust radius is margin / ‖w‖_1."""
    from empirics.images.experiments.memorization import PITCH, robust_levels

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


def test_points_that_the_clean_network_has_wrong_have_no_small_margin() -> None:
    from pathlib import Path

    from empirics.images.experiments.memorization import PITCH, _rescued, _share_of_right
    from empirics.images.experiments.presets import preset
    from empirics.images.experiments.trained import Condition, Run
    from empirics.images.training.data import Split
    from empirics.images.training.log import TrainingLog

    some = images([[0.0]], [0])
    run = Run(
        preset("digits", "mini"),
        Condition("adversarial", 0.1, 32.0),
        0,
        Split(some, some),
        Path("."),
        TrainingLog(()),
    )
    clean = np.array([-1, -1, 2, 3, PITCH])
    adversarial = np.array([-1, -1, PITCH, 1, 0])
    assert _rescued([run], "test", [clean], [adversarial]).values == ((0.5, 0.4),)
    assert _share_of_right(adversarial) == pytest.approx(1 / 3, abs=1e-5)


def test_distances_to_the_nearest_of_the_class() -> None:
    from empirics.images.experiments.memorization import nearest_of_class

    train = images([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]], [0, 0, 1])
    test = images([[0.1, 0.3], [0.9, 0.5], [0.5, 0.25]], [0, 1, 1])
    assert nearest_of_class(test, train) == pytest.approx([0.3, 0.4, 0.25])
    alone = images([[0.0, 0.0]], [0])
    assert nearest_of_class(test, alone)[1] == np.inf


def test_images_near_one_that_stays_are_left_out() -> None:
    from empirics.images.experiments.constructed_control import apart

    x = [[0.0, 0.0], [0.25, 0.125], [0.3125, 0.0], [0.5, 0.5], [0.75, 0.125]]
    kept = apart(images(x, [0, 1, 0, 1, 0]), 0.25)
    # The second goes for the first; the third then has no one near; the edge of the distance counts as near.
    assert kept.x.flatten(1).tolist() == [[0.0, 0.0], [0.3125, 0.0], [0.5, 0.5], [0.75, 0.125]]
    assert kept.y.tolist() == [0, 0, 1, 0]


def test_the_constructed_network_is_not_flat_where_shells_of_one_label_overlap() -> None:
    """Why they are left out: the sum of two indicators of one label varies on the ball of a training point."""
    from constructions import robust_memorizer
    from empirics.images.flatness.search import flatness_curves
    from empirics.images.training.models import as_classifier

    radius, shell = 0.1, 0.2
    for gap, flat in ((0.6, True), (0.25, False)):
        x = np.array([[0.2, 0.5], [0.2 + gap, 0.5], [0.2, 0.0]])
        built = robust_memorizer(x, [0, 0, 1], radius=radius, p=np.inf, shell=shell, small="all")
        some = images(x[:1], [0])
        model = as_classifier(built.network).eval()
        curves = flatness_curves(model, some.x, some.y, [0.0, radius], clip=True, restarts=20)
        assert (curves.gradient_norm[-1] == 0).all() == flat
