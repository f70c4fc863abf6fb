"""Training on patches in signal and noise coordinates, against gradient descent on whole filters by autograd."""

import numpy as np
import pytest
import torch

from empirics.gaussian.patches import PatchSample, patch_sample, train_patches
from theory.gaussian.patches import odd_power


def whole_descent(
    sample: PatchSample, radius: float, *, weight: float, power: int, rate: float, steps: int
) -> np.ndarray:
    """Filters after gradient descent in R^d; the adversary takes the worse end of the segment, point by point."""
    points, labels = torch.tensor(sample.points), torch.tensor(sample.labels, dtype=torch.float64)
    filters = torch.tensor(sample.start, requires_grad=True)

    def margins(x: torch.Tensor) -> torch.Tensor:
        z = x @ filters.T
        return labels * (torch.relu(z) ** power - torch.relu(-z) ** power).sum(dim=(1, 2))

    for _ in range(steps):
        ends = []
        for sign in (-1.0, 1.0):
            moved = points.clone()
            moved[:, 0, 0] += sign * radius
            ends.append(margins(moved))
        worst = torch.minimum(*ends)
        loss = torch.nn.functional.softplus(-margins(points)).mean()
        loss = loss + weight * torch.nn.functional.softplus(-worst).mean()
        (gradient,) = torch.autograd.grad(loss, filters)
        filters = (filters - rate * gradient).detach().requires_grad_()
    return filters.detach().numpy()


@pytest.mark.parametrize("power", [2, 3])
@pytest.mark.parametrize(("seed", "weight", "share"), [(0, 0.5, 0.99), (1, 0.5, 0.5), (2, 0.0, 0.99), (3, 2.0, 1.0)])
def test_the_reduction_is_gradient_descent_on_whole_filters(power: int, seed: int, weight: float, share: float) -> None:
    sample = patch_sample(30, 6, 5, alpha=2.0, seed=seed, scale=0.2)
    arguments = {"weight": weight, "power": power, "rate": 0.05, "steps": 200}
    run = train_patches(sample, 2.0 * share, **arguments)
    whole = whole_descent(sample, 2.0 * share, **arguments)
    np.testing.assert_allclose(run.network.filters, whole, rtol=0, atol=1e-10)
    assert np.abs(whole - sample.start).max() > 0.2
    noise = np.pad(sample.noise, ((0, 0), (0, 0), (1, 0)))
    own = sample.labels * odd_power(noise @ whole.T, power).sum(axis=(1, 2))
    np.testing.assert_allclose(run.v[-1], own, atol=1e-9)
    np.testing.assert_allclose(run.u[-1], odd_power(whole[:, 0], power).sum(), atol=1e-9)
    found = sample.labels * run.network(sample.points)
    np.testing.assert_allclose(found, run.clean_threshold + run.v[-1], atol=1e-9)


def test_some_of_them_start_with_the_signal_turned_round() -> None:
    """So that the attack outward is tried above."""
    starts = [patch_sample(30, 6, 5, alpha=2.0, seed=seed, scale=0.2).start[:, 0] for seed in range(4)]
    signs = {bool(odd_power(start, power).sum() < 0) for start in starts for power in (2, 3)}
    assert signs == {True, False}


def test_the_signal_only_grows_and_nothing_else_moves() -> None:
    sample = patch_sample(50, 6, 5, alpha=2.0, seed=4, scale=0.3)
    run = train_patches(sample, 1.9, weight=0.5, steps=500, record=30)
    assert (np.diff(run.u) > 0).all()
    moved = run.network.filters - sample.start
    basis = np.linalg.qr(sample.noise.reshape(12, -1).T)[0]
    off = moved[:, 1:]
    np.testing.assert_allclose(off, off @ basis @ basis.T, atol=1e-12)


def test_one_seed_has_one_noise_whatever_the_signal() -> None:
    one, two = (patch_sample(20, 5, 3, alpha=alpha, seed=7) for alpha in (1.0, 4.0))
    assert np.array_equal(one.noise, two.noise)
    assert np.array_equal(one.start, two.start)
    assert abs(one.labels.sum()) == 1
    assert (one.points[:, 0, 0] == one.labels).all()


def test_errors_at_new_points_are_those_of_drawn_ones() -> None:
    """The law of V given the trained filters, and 40,000 new points, clean and attacked."""
    sample = patch_sample(40, 6, 8, alpha=1.0, seed=0, scale=0.5)
    run = train_patches(sample, 0.6, weight=0.5, steps=150)
    fresh = patch_sample(40, 40_000, 1, alpha=1.0, seed=1)
    for radius, threshold in ((0.0, run.clean_threshold), (0.6, run.robust_threshold)):
        points = fresh.points
        points[:, 0, 0] -= radius * fresh.labels
        wrong = np.mean(fresh.labels * run.network(points) < 0)
        error, spread = run.unseen.error(threshold, directions=20_000)
        assert abs(wrong - error) < 5 * np.hypot(spread, np.sqrt(error / 40_000))
        assert 0.001 < error < 0.5


@pytest.mark.parametrize("changes", [{"radius": 3.0}, {"weight": -1.0}, {"power": 4}, {"steps": 0}, {"rate": 0.0}])
def test_bad_input_is_refused(changes: dict[str, float]) -> None:
    sample = patch_sample(10, 4, 2, alpha=2.0, seed=0)
    arguments = {"radius": 1.0, "weight": 0.5} | changes
    with pytest.raises(ValueError, match="train_patches needs"):
        train_patches(sample, **arguments)
    with pytest.raises(ValueError, match="patch_sample needs"):
        patch_sample(10, 0, 2, alpha=2.0, seed=0)
