"""Proposition 6.4: an oscillating loss breaks every constant; convex, smooth, and the limit of small radii hold."""

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter1d

from theory.generalization.flatness import gradient_norm, loss_change_lower_bound, maximum_by_search, ridge_smoothness
from theory.witnesses.flatness import Oscillation, oscillating_loss
from theory.witnesses.smooth_law import sample_smooth_law

printed = pytest.mark.statement("proposition-6.4", form="printed")
repaired = pytest.mark.statement("proposition-6.4", form="repaired")
seeds = st.integers(0, 2**32 - 1)
radii = st.floats(-4, 0.5).map(lambda k: 10.0**k)
Measure = Callable[[np.ndarray], np.ndarray]
# Values below 100, a few hundred operations each.
ROUNDING = 1e-11


# --- as printed --------------------------------------------------------------------------------------


@printed
@given(st.floats(1e-3, 10), st.floats(1e-2, 10))
def test_no_constant_survives_the_oscillation(constant, radius) -> None:
    """The two sides by quadrature over whole periods, where the trapezium rule is exact for sines."""
    found = oscillating_loss(constant, radius)
    assert found.left <= constant * found.right * (0.5 + 1e-9)
    # [0, 1] is k periods, half of it k/2: one of them, and what is in reach of it, is enough.
    assert found.periods % 2 == 0
    x = np.arange(1024) / 1024 / found.periods
    reach = min(radius, 1 / found.periods)
    shifts = reach * np.linspace(-1, 1, 401)
    best = np.max([found.loss(x + s) for s in shifts], axis=0)
    left = float(np.mean(best - found.loss(x)))
    # Half a period is in reach, so a maximum is: the grid of the shifts misses it by at most a/2 (h/a)², h = reach/200.
    step = 2 * math.pi * found.periods * reach / 200
    assert left <= found.left * (1 + 1e-9)
    assert left >= found.left * (1 - step**2 / 2 - 1e-9)
    assert abs(radius * np.mean(np.abs(found.slope(x))) - found.right) <= 1e-5 * found.right


@printed
@pytest.mark.parametrize("constant", [1.0, 0.1])
def test_the_means_of_the_witness_in_draws_of_its_smooth_law(constant, record) -> None:
    """Both sides within 5 standard deviations of what is claimed; a law that is not even over periods is not."""
    found = oscillating_loss(constant, 0.125)
    draws = 40_000
    record("examples", draws)
    x = sample_smooth_law(draws, 1, np.random.default_rng(64))[:, 0]

    def off(values: np.ndarray, mean: float) -> float:
        return abs(values.mean() - mean) / (values.std() / math.sqrt(draws))

    # Half a period is in reach of every x: what is gained there is the maximum less L.
    assert found.radius >= math.pi * found.amplitude
    assert off(1 + found.amplitude - found.loss(x), found.left) < 5
    slopes = found.radius * np.abs(found.slope(x))
    assert off(slopes, found.right) < 5
    assert off(slopes, 1.02 * found.right) > 5
    # Of x in a quarter of a period, near the slope's maximum, the mean is another.
    assert off(found.radius * np.abs(found.slope((x - 0.5) / (4 * found.periods))), found.right) > 5


@printed
def test_the_ratio_of_the_witness_falls_with_its_period() -> None:
    ratios = [oscillating_loss(c, 0.1).left / oscillating_loss(c, 0.1).right for c in (1.0, 0.1, 0.01, 0.001)]
    assert all(later < earlier for earlier, later in itertools.pairwise(ratios))
    assert ratios[-1] < 1e-3


@pytest.mark.parametrize(
    ("constant", "radius"), [(0.0, 1.0), (1.0, 0.0), (math.nan, 1.0), (1.0, math.nan), (math.inf, 1.0)]
)
def test_a_witness_needs_positive_numbers(constant, radius) -> None:
    with pytest.raises(ValueError, match="needs a finite constant and radius > 0"):
        oscillating_loss(constant, radius)


# --- repaired ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loss:
    value: Measure
    gradient: Measure
    smoothness: float


def convex_loss(rng: np.random.Generator, dim: int) -> Loss:
    """`log(1 + e^{g})`, g a network with outgoing weights >= 0, so convex in x."""
    w, b, a = rng.normal(size=(5, dim)), rng.normal(size=5), np.abs(rng.normal(size=5))
    linear = rng.normal(size=dim)

    def inner(x: np.ndarray) -> np.ndarray:
        return np.maximum(x @ w.T + b, 0) @ a + x @ linear

    def gradient(x: np.ndarray) -> np.ndarray:
        slope = 1 / (1 + np.exp(-inner(x)))
        return slope[:, None] * (((x @ w.T + b > 0) * a) @ w + linear)

    return Loss(lambda x: np.logaddexp(0.0, inner(x)), gradient, 0.0)


def smooth_loss(rng: np.random.Generator, dim: int) -> Loss:
    """`Σ a_j tanh(⟨w_j, x⟩ + b_j)`, of either sign: a smooth network; `|tanh''| <= 4 / (3√3)`."""
    w, b, a = rng.normal(size=(5, dim)), rng.normal(size=5), rng.normal(size=5)
    return Loss(
        lambda x: np.tanh(x @ w.T + b) @ a,
        lambda x: (a / np.cosh(x @ w.T + b) ** 2) @ w,
        ridge_smoothness(w, a, 4 / (3 * math.sqrt(3))),
    )


def relu_loss(rng: np.random.Generator, dim: int) -> Loss:
    """A ReLU network with weights of both signs; not C¹, and no β."""
    w, b, a = rng.normal(size=(6, dim)), rng.normal(size=6), rng.normal(size=6)
    return Loss(lambda x: np.maximum(x @ w.T + b, 0) @ a, lambda x: ((x @ w.T + b > 0) * a) @ w, math.inf)


def reached(loss: Loss, x: np.ndarray, radius: float) -> np.ndarray:
    """Values of the loss change that are reached in the ball: at all corners, and at the one of the gradient."""
    corners = [np.array(signs) for signs in itertools.product((-1.0, 1.0), repeat=x.shape[1])]
    values = [loss.value(x + radius * s) for s in [*corners, np.sign(loss.gradient(x))]]
    return np.max(values, axis=0) - loss.value(x)


@repaired
@given(seeds, st.integers(1, 5), radii)
def test_convex_losses_change_by_at_least_the_gradient_times_any_radius(seed, dim, radius) -> None:
    """(i), point by point; a convex function has its maximum over a cube at a corner, so the left side is exact."""
    rng = np.random.default_rng(seed)
    loss, x = convex_loss(rng, dim), rng.normal(size=(20, dim))
    norms = gradient_norm(loss.gradient(x))
    left = reached(loss, x, radius)
    assert (left >= loss_change_lower_bound(norms, radius) - ROUNDING).all()
    # Random points of the ball find nothing above the corners: what is called exact is.
    found = maximum_by_search(loss.value, x, radius, rng, draws=20)
    assert (found.lower - loss.value(x) <= left + ROUNDING).all()


@repaired
@given(seeds, st.integers(1, 5), radii)
def test_smooth_losses_lose_at_most_half_beta_delta_squared(seed, dim, radius) -> None:
    """(ii), point by point: what is reached already exceeds the bound."""
    rng = np.random.default_rng(seed)
    loss, x = smooth_loss(rng, dim), rng.normal(size=(20, dim))
    gradients = loss.gradient(x)
    bound = loss_change_lower_bound(gradient_norm(gradients), radius, smoothness=loss.smoothness)
    assert (reached(loss, x, radius) >= bound - ROUNDING).all()
    # The hypothesis itself: from l_∞ to l_1.
    z = x + radius * rng.uniform(-1, 1, x.shape)
    change = np.abs(loss.gradient(z) - gradients).sum(axis=1)
    assert (change <= loss.smoothness * np.abs(z - x).max(axis=1) + ROUNDING).all()


@repaired
def test_half_of_beta_is_needed() -> None:
    """`-x²/2` at 1: the change within δ is δ - δ²/2, β = 1. Catches a β/4, and the convex form for a concave loss."""
    for radius in (0.125, 0.5, 1.0):
        left = 0.5 - (1 - radius) ** 2 / 2
        assert loss_change_lower_bound(np.ones(1), radius, smoothness=1.0).tolist() == [left]
        assert left < loss_change_lower_bound(np.ones(1), radius).item()


@repaired
@given(seeds, st.integers(1, 4))
def test_the_ratio_tends_to_one(seed, dim) -> None:
    """(iii) for C¹ losses, with the speed: |ratio - 1| <= βδ / (2 E‖∇L‖_1); what is reached is on the same side."""
    rng = np.random.default_rng(seed)
    loss, x = smooth_loss(rng, dim), rng.normal(size=(50, dim))
    mean = gradient_norm(loss.gradient(x)).mean()
    for radius in (1e-1, 1e-2, 1e-3, 1e-4):
        found = maximum_by_search(loss.value, x, radius, rng, draws=10)
        left = np.maximum(found.lower - loss.value(x), reached(loss, x, radius)).mean()
        slack = loss.smoothness * radius / (2 * mean) + ROUNDING / (radius * mean)
        assert abs(left / (radius * mean) - 1) <= slack


@repaired
@given(seeds, st.integers(1, 4))
def test_for_relu_networks_the_ratio_is_one_at_once(seed, dim) -> None:
    """Off the kinks: exactly δ‖∇L‖_1 for every δ that reaches none, so that (iii) holds under a density."""
    rng = np.random.default_rng(seed)
    w, b, a = rng.normal(size=(6, dim)), rng.normal(size=6), rng.normal(size=6)
    x = rng.normal(size=(20, dim))
    before = x @ w.T + b
    gradient = ((before > 0) * a) @ w
    radius = 0.9 * float((np.abs(before) / np.abs(w).sum(axis=1)).min())

    def value(z: np.ndarray) -> np.ndarray:
        return np.maximum(z @ w.T + b, 0) @ a

    left = value(x + radius * np.sign(gradient)) - value(x)
    np.testing.assert_allclose(left, radius * gradient_norm(gradient), rtol=0, atol=ROUNDING)
    found = maximum_by_search(value, x, radius, rng, draws=20)
    assert (found.lower - value(x) <= left + ROUNDING).all()


# --- the figure --------------------------------------------------------------------------------------


def ratios_on_the_line(loss: Loss, steps: np.ndarray, spacing: float) -> np.ndarray:
    """`E change / (δ E|L'|)` for D uniform on [0, 1], δ = steps · spacing, by a grid that reaches beyond.

    The grid's maximum is below the true one by at most `spacing` times the slope, a share of `1/steps`.
    """
    reach = int(steps.max())
    count = round(1 / spacing) + 1
    grid = (np.arange(-reach, count + reach) * spacing)[:, None]
    values = loss.value(grid)
    inside = slice(reach, reach + count)
    mean = np.abs(loss.gradient(grid[inside])[:, 0]).mean()
    changes = [
        (maximum_filter1d(values, 2 * int(s) + 1, mode="nearest") - values)[inside].mean() / (s * spacing)
        for s in steps
    ]
    return np.array(changes) / mean


@repaired
@printed
@pytest.mark.whole_audit
def test_the_ratio_against_the_radius(record: Any, figure_path: Any) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rng = np.random.default_rng(64)
    spacing = 1e-5
    steps = np.unique(np.round(np.logspace(1.5, 5, 29))).astype(int)
    radii = steps * spacing
    kinds = {"convex": convex_loss, "smooth network": smooth_loss, "ReLU network": relu_loss}
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    rows: dict[str, Any] = {"seed": 64, "radius": radii.tolist()}
    for (kind, build), colour in zip(kinds.items(), ("tab:green", "tab:blue", "tab:purple"), strict=True):
        for k in range(4):
            loss = build(rng, 1)
            ratio = ratios_on_the_line(loss, steps, spacing)
            rows[f"{kind} {k}"] = ratio.tolist()
            axes.loglog(radii, ratio, color=colour, label=kind if k == 0 else None)
            grid_error = 1 / steps
            if kind == "convex":
                assert (ratio >= 1 - grid_error).all()
            elif kind == "smooth network":
                mean = np.abs(loss.gradient(np.linspace(0, 1, 10001)[:, None])).mean()
                assert (ratio >= 1 - loss.smoothness * radii / (2 * mean) - 2 * grid_error).all()
            # The grid's error, and kinks within 10^-3 of at most 6 · 2 · 10^-3 of the mass.
            near = np.searchsorted(radii, 1e-3)
            assert abs(ratio[near] - 1) < 0.1, (kind, ratio[near])
    for periods, style in ((10, "-"), (100, "--"), (1000, ":")):
        width = Oscillation(periods, 1.0).amplitude
        wave = Loss(
            lambda x, a=width: 1 + a * np.sin(x[:, 0] / a), lambda x, a=width: np.cos(x / a), 2 * math.pi * periods
        )
        ratio = ratios_on_the_line(wave, steps, spacing)
        rows[f"1 + a sin(x/a), {periods} periods"] = ratio.tolist()
        axes.loglog(radii, ratio, color="tab:red", linestyle=style, label=f"1 + a sin(x/a), {periods} periods")
        # From half a period on the two sides are those of the witness, over whole periods of the uniform law too.
        far = radii >= math.pi * width
        assert far.any()
        sides = [Oscillation(periods, radius) for radius in radii[far].tolist()]
        expected = np.array([side.left / side.right for side in sides])
        # The maximum on the grid is low by (h/a)²/8 at most, the mean of |cos| off by less, and [0, 1] has both ends.
        np.testing.assert_allclose(ratio[far], expected, rtol=(spacing / width) ** 2 / 4 + 2 * spacing)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(xlabel="δ", ylabel="E[max change of the loss within δ] / (δ E|L'|)")
    axes.set_title("Proposition 6.4 in one dimension, D uniform on [0, 1]")
    axes.legend(fontsize="small")
    path = figure_path("loss_change_ratio.png")
    figure.savefig(path, dpi=150)
    plt.close(figure)
    path.with_suffix(".json").write_text(json.dumps(rows, indent=1))
    record("examples", 15 * len(steps))
