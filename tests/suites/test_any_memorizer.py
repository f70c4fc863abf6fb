"""The construction suite, for any builder: `pytest --memorizer mypkg.mymodule:build`.

The builder is called as `build(points, labels, radius=…, p=…, clean=…, shell=…, small="all")` with the arguments
of `constructions.robust_memorizer` and returns `f̂`: a `ReLUNetwork`, or any callable from (n, d) to (n, outputs),
or an object with one as its `.network`. `clean` is a `ReLUNetwork`. The tests check the theorem's conclusions on
generated data; each is named for what is wrong when it fails. Without the option they run on
`constructions:robust_memorizer`.
"""

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import Instance, instances

Network = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def build(request: pytest.FixtureRequest) -> Callable[[Instance], Network]:
    name = request.config.getoption("--memorizer") or "constructions:robust_memorizer"
    module, _, attribute = name.partition(":")
    try:
        builder = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.UsageError(
            f"--memorizer needs MODULE:BUILDER, importable from here, got {name!r}: {error}"
        ) from error

    def built(instance: Instance) -> Network:
        result = builder(
            instance.points,
            instance.labels,
            radius=instance.radius,
            p=instance.p,
            clean=instance.clean,
            shell=instance.shell,
            small="all",
        )
        return getattr(result, "network", result)

    return built


def rim(instance: Instance, reach: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """For every point: points at l_p distance `reach`, along axes, diagonals and towards the other points.

    Returns them with the index of the point they belong to.
    """
    rng = np.random.default_rng(seed)
    dim = instance.points.shape[1]
    axes = np.concatenate([np.eye(dim), -np.eye(dim)])
    diagonals = rng.choice([-1.0, 1.0], (4, dim)) / (1 if math.isinf(instance.p) else dim ** (1 / instance.p))
    tried, owner = [], []
    for i, x in enumerate(instance.points):
        towards = instance.points - x
        length = np.linalg.norm(towards, instance.p, axis=1)
        towards = towards[length > 0] / length[length > 0, None]
        steps = np.concatenate([axes, diagonals, towards])
        tried.append(x + reach * steps)
        owner.append(np.full(len(steps), i))
    return np.concatenate(tried), np.concatenate(owner)


def margin(network: Network, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    values = np.asarray(network(x)).reshape(len(x), -1)
    if values.shape[1] == 1:
        return values[:, 0] * labels
    own = values[np.arange(len(x)), labels]
    values = values.copy()
    values[np.arange(len(x)), labels] = -np.inf
    return own - values.max(axis=1)


def distances(instance: Instance, x: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(x[:, None] - instance.points[None], instance.p, axis=2))


def opposite(instance: Instance) -> Instance:
    """The same with a clean classifier that is large and wrong at most points: memory has to silence it."""
    from constructions import Affine, ReLUNetwork

    outputs = instance.clean.outputs
    wrong = (instance.labels + 1) % outputs if outputs > 1 else -instance.labels
    common = int(np.bincount(wrong + 1).argmax()) - 1
    bias = np.full(1, 100.0 * common) if outputs == 1 else 100.0 * (np.arange(outputs) == common)
    clean = ReLUNetwork((Affine(np.zeros((outputs, instance.points.shape[1])), bias),))
    return Instance(instance.points, instance.labels, clean, instance.p, instance.radius, instance.shell)


@given(instance=instances())
def test_every_point_has_its_label(build: Any, instance: Instance) -> None:
    """Fails when a sign is flipped."""
    assert np.all(margin(build(instance), instance.points, instance.labels) > 0)


@given(instance=instances())
def test_no_point_is_forgotten(build: Any, instance: Instance) -> None:
    """Against a clean classifier that is wrong there, only memory gives a point its label: margin 1 or more."""
    hard = opposite(instance)
    assert np.all(margin(build(hard), hard.points, hard.labels) >= 1)


@given(instance=instances(), seed=st.integers(0, 1000))
def test_radius_is_reached(build: Any, instance: Instance, seed: int) -> None:
    """On the whole ball f̂ = f_adv, so its margin is 1 or more: fails when the indicator is 1 on less."""
    x, owner = rim(instance, instance.radius * (1 - 1e-9), seed)
    assert np.all(margin(build(instance), x, instance.labels[owner]) >= 1 - 1e-9)


@given(instance=instances(), seed=st.integers(0, 1000))
def test_ramp_ends_within_the_shell(build: Any, instance: Instance, seed: int) -> None:
    """Beyond every shell f̂ = f_clean: fails when the ramp is too wide."""
    reach = instance.radius + instance.shell
    x, _ = rim(instance, reach * (1 + 1e-9), seed)
    beyond = distances(instance, x).min(axis=1) >= reach
    low, high = instance.points.min(axis=0), instance.points.max(axis=0)
    inside = np.all((x >= np.minimum(low, 0)) & (x <= np.maximum(high, 1)), axis=1)
    x = x[beyond & inside]
    assume(len(x))
    expected = instance.clean(x)
    scale = 1 + np.abs(expected).max()
    assert np.abs(np.asarray(build(instance)(x)).reshape(expected.shape) - expected).max() <= 1e-9 * scale


@given(instance=instances(), seed=st.integers(0, 1000))
def test_clean_classifier_is_locked_out_of_the_balls(build: Any, instance: Instance, seed: int) -> None:
    """Where an indicator is 1 the clean classifier must not show: fails when the gate's bound is too small."""
    hard = opposite(instance)
    x, _ = rim(hard, hard.radius * (1 - 1e-9), seed)
    x = np.concatenate([x, hard.points])
    values = np.asarray(build(hard)(x))
    assert np.abs(values).max() <= len(hard.points) * (1 + 1e-9)


@given(instance=instances(), seed=st.integers(0, 1000))
def test_no_ball_holds_an_error(build: Any, instance: Instance, seed: int) -> None:
    """The corollary itself, by the guided attack."""
    from constructions import guided_attack

    worst, _ = guided_attack(
        build(instance), instance.points, instance.labels, instance.radius, instance.p, shell=instance.shell, seed=seed
    )
    assert np.all(worst > 0)


@given(instance=instances(p=math.inf))
def test_interval_bounds_certify_it(build: Any, instance: Instance) -> None:
    """Sound bounds from the weights alone, for p = ∞; only for builders that give a `ReLUNetwork`."""
    from constructions import ReLUNetwork, certify

    network = build(instance)
    if not isinstance(network, ReLUNetwork):
        pytest.skip("the builder gives no ReLUNetwork: there are no weights to bound")
    certificate = certify(network, instance.points, instance.labels, instance.radius, math.inf)
    assert certificate.count("refuted") == 0
    assert certificate.certified.all(), str(certificate)
