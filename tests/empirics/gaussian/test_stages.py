"""Training in stages: certified zero, the bound on the cosines, and each way to break it."""

import math

import numpy as np
import pytest
import torch

from empirics.gaussian import neurons
from empirics.gaussian.mixed_attack import attacked_margins
from empirics.gaussian.neurons import StagedRecipe
from empirics.gaussian.samples import LinearData, LinearSample, random_direction
from empirics.gaussian.stages import train_in_stages
from theory import AssumptionError
from theory.gaussian.mixed_model import margin_certificate

pytestmark = pytest.mark.statement("theorem-5.2", form="repaired")


def draw(dim, n, seed=0, alpha=None, beta=0.1) -> LinearSample:
    alpha = 4 * dim**0.5 if alpha is None else alpha
    return LinearData(random_direction(dim, seed), alpha, beta, 0.5).sample(n, seed + 100)


@pytest.mark.parametrize(("dim", "n", "r", "q"), [(100, 50, 0.2, 0.5), (400, 50, 0.2, 0.5), (400, 100, 0.3, 0.45)])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_certified_training_error_reaches_zero_and_stays(dim, n, r, q, seed) -> None:
    sample = draw(dim, n, seed)
    run = train_in_stages(sample, r * dim**0.5, q * dim, StagedRecipe(linear_steps=500))
    certified = [record.certified_error for record in run.records]
    first = certified.index(0.0)
    assert certified[0] > 0.2
    assert certified[first:] == [0.0] * (len(certified) - first)
    assert run.certified_error == 0.0
    assert "certified" in str(run)
    # A second route: the attack finds nothing, and stays above the certificate.
    found = attacked_margins(run.model, sample.points, sample.labels, r * dim**0.5)
    assert (found > 0).all()
    assert (run.lower <= found).all()
    assert np.array_equal(run.lower, margin_certificate(run.model, sample.points, sample.labels, r * dim**0.5))


@pytest.mark.parametrize("alpha", [4.0, 40.0])
@pytest.mark.parametrize("beta", [0.1, 2.5])
@pytest.mark.parametrize("steps", [3, 200])
def test_the_cosines_keep_their_bound(alpha, beta, steps) -> None:
    sample = draw(100, 60, 3, alpha=alpha, beta=beta)
    run = train_in_stages(sample, 2.0, 50.0, StagedRecipe(linear_steps=200, steps=steps))
    assert (run.cosine >= run.cosine_bound - 1e-12).all()
    assert run.cosine_bound.min() > 0.9


def test_the_cosine_bound_says_something() -> None:
    """A bound for β = 0.1 does not hold for data with β = 5, so it is no triviality."""
    sample = draw(100, 60, 3, alpha=40.0, beta=5.0)
    run = train_in_stages(sample, 2.0, 50.0, StagedRecipe(linear_steps=200, steps=3))
    other = train_in_stages(draw(100, 60, 3, alpha=40.0), 2.0, 50.0, StagedRecipe(linear_steps=200, steps=3))
    assert (run.cosine < other.cosine_bound).any()


def test_the_algorithm_as_its_docstring_states_it() -> None:
    """Re-implemented from the docstring, in numpy, a loop over neurons."""
    sample, radius, b, steps = draw(60, 20), 2.0, 30.0, 50
    run = train_in_stages(sample, radius, b, StagedRecipe(linear_steps=100, steps=steps))
    x, y = sample.points[sample.small], sample.labels[sample.small]
    w0 = run.model.linear
    assert abs(np.linalg.norm(w0) - 1) <= 1e-14
    for i in range(len(x)):
        w = 1.2 * b * x[i] / np.linalg.norm(x[i]) ** 2
        for t in range(1, steps + 1):
            now = radius * min(1, t / (0.6 * steps))
            g = y[i] * w0 + (w @ x[i] > b) * w
            moved = x[i] - now * g / np.linalg.norm(g)
            w = w + 0.05 * (w @ moved > b) * moved
            w = w * min(1, math.sqrt(60) / np.linalg.norm(w))
        assert np.abs(w - run.model.weights[i]).max() <= 1e-10


def test_where_the_conditions_fail_the_run_says_so_and_claims_nothing() -> None:
    """Small d and large δ."""
    for dim, r in ((50, 0.42), (400, 0.7)):
        run = train_in_stages(draw(dim, 100), r * dim**0.5, dim / 2, StagedRecipe(linear_steps=100))
        assert not run.conditions.hold
        assert run.certified_error > 0
        assert "no claim about them" in str(run)
        assert "fails" in str(run)


def test_a_threshold_that_leaves_neurons_dead_is_named() -> None:
    """‖w_i‖ <= √d, so for b above √d ‖x_i‖ no neuron can be alive on its own point."""
    run = train_in_stages(draw(100, 40), 1.0, 300.0, StagedRecipe(linear_steps=100))
    assert "Threshold b leaves 100.0% of the neurons dead" in str(run)
    assert run.certified_error > 0
    assert any("lower b or δ" in text for text in run.conditions.failed)
    assert "dead" not in str(train_in_stages(draw(100, 40), 1.0, 50.0, StagedRecipe(linear_steps=100)))


BROKEN = {
    "full radius at once": StagedRecipe(ramp=0.0, linear_steps=200),
    "no cap": StagedRecipe(capped=False, linear_steps=200),
    "free w_0": StagedRecipe(frozen=False, linear_steps=200),
    "random neurons": StagedRecipe(start="random", linear_steps=200),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_recipe_breaks(name) -> None:
    # Without the cap it is data of moderate margin that fall.
    sample = draw(400, 200, beta=1.0, alpha=12.0 if name == "no cap" else 80.0)
    radius, large = 0.3 * 20, ~sample.small
    reference = train_in_stages(sample, radius, 0.45 * 400, StagedRecipe(linear_steps=200), record_at=[])
    assert reference.certified_error == 0.0
    run = train_in_stages(sample, radius, 0.45 * 400, BROKEN[name], record_at=[])
    attacked = attacked_margins(run.model, sample.points, sample.labels, radius) <= 0
    assert run.certified_error >= attacked.mean()
    if name == "free w_0":
        # The training error is certified all the same; what breaks is w_0, and with it fresh data.
        fresh = sample.source.sample(500, 7)
        assert not (fresh.labels * reference.model(fresh.points) <= 0).any()
        assert np.mean(fresh.labels * run.model(fresh.points) <= 0) > 0.05
        assert run.direction_error > 0.5 > 10 * reference.direction_error
    elif name == "no cap":
        assert attacked[large].all()
    else:
        assert attacked[~large].all()
        assert not attacked[large].any()
    if name == "random neurons":
        assert run.records[-1].dead == 1.0


def test_a_step_at_half_the_radius_is_caught(monkeypatch) -> None:
    """Planted: FGSM at δ/2. The neurons land elsewhere than the stated algorithm's."""
    sample = draw(60, 20)
    right = train_in_stages(sample, 2.0, 30.0, StagedRecipe(linear_steps=50))
    original = neurons._neuron_step
    monkeypatch.setattr(neurons, "_neuron_step", lambda w, s, v, r, e, c: original(w, s, v, r / 2, e, c))
    wrong = train_in_stages(sample, 2.0, 30.0, StagedRecipe(linear_steps=50))
    assert np.abs(right.model.weights - wrong.model.weights).max() > 1e-3


def test_a_sample_without_small_margin_needs_the_first_stage_only() -> None:
    sample = LinearData(random_direction(20, 0), 8.0, 0.1, 0.0).sample(30, 0)
    run = train_in_stages(sample, 1.0, 10.0, StagedRecipe(linear_steps=100))
    assert run.model.weights.shape == (0, 20)
    assert run.certified_error == 0.0


def test_records_are_where_they_are_asked_for() -> None:
    run = train_in_stages(draw(60, 20), 2.0, 30.0, StagedRecipe(linear_steps=20, steps=50), record_at=[0, 10])
    assert [record.step for record in run.records] == [0, 10, 50]
    assert [record.radius for record in run.records] == [0.0, pytest.approx(2 * 10 / 30), 2.0]
    assert torch.get_default_dtype() == torch.float32


SAMPLE = draw(20, 10)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: train_in_stages(SAMPLE, 40.0, 10.0), AssumptionError, "δ < α"),
        (lambda: train_in_stages(SAMPLE, math.nan, 10.0), AssumptionError, "got δ=nan"),
        (lambda: train_in_stages(SAMPLE, 1.0, 0.0), AssumptionError, "b > 0, got 0"),
        (lambda: train_in_stages(SAMPLE, 1.0, math.nan), AssumptionError, "b > 0, got nan"),
        (
            lambda: train_in_stages(SAMPLE.source.sample(5, 0, n_small=5), 1.0, 10.0),
            AssumptionError,
            "point of large margin",
        ),
        (lambda: StagedRecipe(ramp=1.5), ValueError, "ramp in"),
        (lambda: StagedRecipe(step_size=0.0), ValueError, "step_size in"),
        (lambda: StagedRecipe(linear_steps=0), ValueError, "linear_steps >= 1"),
    ],
)
def test_bad_calls(call, kind, message) -> None:
    with pytest.raises(kind, match=message):
        call()
