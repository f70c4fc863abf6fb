"""Memorization by a tree of maxima: equal to the largest coordinate excess, counted, certified, faults caught."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructions.certificates.guided_attack import guided_attack
from constructions.memorizers.max_tree import max_tree_memorizer, max_tree_nonzero, max_tree_widths
from constructions.networks.network import Affine, ReLUNetwork
from tests.replaced import replaced
from tests.strategies import Instance, instances
from theory.errors import AssumptionError

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
XOR = [1, -1, -1, 1]


@settings(max_examples=25)
@given(instances(p=math.inf), st.integers(0, 10**6))
def test_is_the_sum_of_indicators_of_the_distance(instance: Instance, seed: int) -> None:
    built = max_tree_memorizer(instance.points, instance.labels, radius=instance.radius, shell=instance.shell)
    x = np.random.default_rng(seed).integers(-8, 25, (40, instance.points.shape[1])) / 16
    t, ramp = instance.radius + instance.shell / 4, instance.shell / 2
    reach = np.abs(x[:, None] - instance.points[None]).max(axis=2)
    soft = np.maximum(1 - np.maximum(reach - t, 0) / ramp, 0)
    codes = built.task.sample.codes
    expected = soft @ (codes[:, None] if built.network.outputs == 1 else np.eye(built.network.outputs)[codes])
    error = 64 * 2.0**-53 * (4 + 1 / ramp) * len(codes)
    assert np.abs(built.network(x) - expected).max() <= error


@settings(max_examples=25)
@given(instances(p=math.inf))
def test_counted_certified_and_not_refuted(instance: Instance) -> None:
    built = max_tree_memorizer(instance.points, instance.labels, radius=instance.radius, shell=instance.shell)
    dim = instance.points.shape[1]
    assert built.network.nonzero == built.size.formula_nonzero
    assert built.network.depth == 3 + math.ceil(math.log2(dim))
    certificate = built.certify()
    assert certificate.certified.all(), str(certificate)
    worst, _ = guided_attack(
        built.network, instance.points, built.task.sample.codes, instance.radius, math.inf, shell=instance.shell
    )
    assert np.all(worst > 0)


@pytest.mark.parametrize("dim", [1, 2, 3, 5, 6, 7, 8, 11, 16])
def test_count_in_general_position(dim: int) -> None:
    points = np.random.default_rng(dim).uniform(3, 4, (5, dim))
    built = max_tree_memorizer(points, [0, 1, 2, 0, 1], radius=1e-4)
    assert built.network.nonzero == max_tree_nonzero(5, dim)
    assert built.network.widths == max_tree_widths(5, dim, 3)
    if dim & (dim - 1) == 0:
        assert built.network.nonzero == 5 * (10 * dim - 2)


def changed(network: ReLUNetwork, k: int, weight: float = 1.0, bias: float = 0.0) -> ReLUNetwork:
    layers = list(network.layers)
    layers[k] = Affine(layers[k].weight * weight, layers[k].bias + bias)
    return ReLUNetwork(tuple(layers))


@pytest.mark.parametrize(
    ("k", "weight", "bias"),
    # thresholds too low and too high, a tree that is none, a ramp too flat, labels turned round
    [(0, 1.0, 0.2), (0, 1.0, -0.3), (1, 1.01, 0.0), (1, 1.0, -0.01), (-2, 0.3, 0.0), (-2, 1.0, -0.1), (-1, -1.0, 0.0)],
)
def test_faults_are_not_certified(k: int, weight: float, bias: float) -> None:
    built = max_tree_memorizer(SQUARE, XOR, radius=0.3, shell=0.4)
    assert built.certify().certified.all()
    assert not replace(built, network=changed(built.network, k, weight, bias)).certify().certified.all()


def test_a_larger_radius_is_refuted() -> None:
    built = max_tree_memorizer(SQUARE, XOR, radius=0.3, shell=0.4)
    certificate = replaced(built, radius=0.9).certify()
    assert certificate.count("refuted") == 4


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"radius": 0.5}, AssumptionError, r"got radius=0.5, .*separation=1, of points 0 and 1"),
        ({"shell": 0.7}, AssumptionError, r"shell=0.7"),
        ({"radius": math.nan}, ValueError, "radius=nan"),
        ({"radius": 0.0}, ValueError, "radius > 0, got radius=0.0"),
        ({"shell": math.nan}, ValueError, "shell=nan"),
        ({"shell": -1.0}, ValueError, "shell=-1.0"),
        ({"labels": [1, 1, 1, 1]}, AssumptionError, "at least two classes"),
        ({"labels": [1, -1]}, ValueError, "4 points and 2 labels"),
        ({"points": np.full((4, 2), math.nan)}, ValueError, "finite"),
        ({"points": np.empty((0, 2)), "labels": []}, ValueError, r"got \(0, 2\)"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        max_tree_memorizer(**{"points": SQUARE, "labels": XOR, "radius": 0.2, **change})  # type: ignore[arg-type]


def test_a_bias_that_happens_to_be_0_is_not_counted() -> None:
    """A side is `σ(±(x_j - c_j) - t)` with `t = 0.25 + 0.5 / 4`: at ±0.375 one of the biases is 0."""
    built = max_tree_memorizer([[0.375, 0.0], [2.0, -0.375]], [1, -1], radius=0.25, shell=0.5)
    assert (built.size.zeros, built.size.general) == (2, max_tree_nonzero(2, 2))
    assert built.size.formula_nonzero == built.network.nonzero == built.size.general - 2
