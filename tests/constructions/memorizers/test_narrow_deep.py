"""One point after the other: width, depth and count as stated, certified by interval bounds alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from constructions.certificates.any_network import certify
from constructions.memorizers.narrow_deep import narrow_deep_memorizer, narrow_deep_nonzero, narrow_deep_parameters
from tests.strategies import Instance, instances
from theory.errors import AssumptionError
from theory.sizes.published import PUBLISHED

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
XOR = [1, -1, -1, 1]


@settings(max_examples=25)
@given(instances(p=math.inf))
def test_every_ball_is_certified_by_intervals(instance: Instance) -> None:
    built = narrow_deep_memorizer(instance.points, instance.labels, radius=instance.radius, shell=instance.shell)
    certificate = certify(built.network, instance.points, built.task.sample.codes, instance.radius, math.inf)
    assert certificate.certified.all(), str(certificate)
    assert set(certificate.method) == {"interval"}
    # 1/2 up to the rounding of the bound itself
    assert certificate.lower.min() >= 0.5 - 1e-9


@settings(max_examples=25)
@given(instances(p=math.inf))
def test_size_is_the_formula_and_within_the_published_bound(instance: Instance) -> None:
    built = narrow_deep_memorizer(instance.points, instance.labels, radius=instance.radius, shell=instance.shell)
    network, (size, dim) = built.network, instance.points.shape
    classes = max(2, network.outputs)
    others = int(np.sum(built.task.sample.codes > 0))
    assert network.nonzero == built.size.formula_nonzero
    assert network.parameters == narrow_deep_parameters(others, dim, classes, network.outputs)
    assert network.depth == 2 * others + 1
    assert max(network.widths[1:]) == 3 * dim + classes - 1
    ratio = 2 * instance.radius / built.task.separation
    assert network.depth <= PUBLISHED["optimal depth, l_inf"](N=size, rho=ratio)
    if classes == 2:
        assert max(network.widths[1:]) == PUBLISHED["optimal width, l_inf"](d=dim, rho=ratio)


def test_count_in_general_position() -> None:
    points = np.random.default_rng(0).uniform(3, 4, (6, 5))
    built = narrow_deep_memorizer(points, [0, 1, 2, 0, 1, 2], radius=1e-3)
    assert built.network.nonzero == narrow_deep_nonzero(4, 5, 3) == 4 * (40 + 6) + 6


def test_a_larger_radius_is_refuted() -> None:
    built = narrow_deep_memorizer(SQUARE, XOR, radius=0.3, shell=0.4)
    certificate = certify(built.network, SQUARE, built.task.sample.codes, 0.9, math.inf)
    assert certificate.count("refuted") == 4


def test_forgotten_points_are_refuted() -> None:
    built = narrow_deep_memorizer(SQUARE[:3], XOR[:3], radius=0.2)
    certificate = certify(built.network, SQUARE, np.array(XOR), 0.2, math.inf)
    assert certificate.status.tolist() == ["certified"] * 3 + ["refuted"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"radius": 0.9}, AssumptionError, r"got radius=0.9, .*separation=1, of points 0 and 1"),
        ({"radius": math.nan}, ValueError, "radius=nan"),
        ({"shell": 0.0}, ValueError, "shell=0.0"),
        ({"labels": ["a"] * 4}, AssumptionError, "at least two classes"),
        ({"points": SQUARE[[0, 0, 1, 1]]}, AssumptionError, "equal points"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        narrow_deep_memorizer(**{"points": SQUARE, "labels": XOR, "radius": 0.2, **change})  # type: ignore[arg-type]


def test_a_bias_that_happens_to_be_0_is_not_counted() -> None:
    """A side is `σ(±(x_j - c_j) - t)` with `t = 0.25 + 0.5 / 4`: at ±0.375 one of the biases is 0."""
    built = narrow_deep_memorizer([[0.375, 0.0], [2.0, -0.375]], [1, -1], radius=0.25, shell=0.5)
    assert (built.size.zeros, built.size.general) == (1, narrow_deep_nonzero(1, 2, 2))
    assert built.size.formula_nonzero == built.network.nonzero == built.size.general - 1
