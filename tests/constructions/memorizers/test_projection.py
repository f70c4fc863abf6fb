"""Memorization behind a projection: the smallest dimension, certified on the balls of the points themselves."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from constructions import chain, robust_memorizer
from constructions.certificates.guided_attack import guided_attack
from constructions.memorizers import projection
from constructions.memorizers.projection import ProjectionMemorizer, projection_memorizer
from constructions.networks.network import Affine, ReLUNetwork, dense
from constructions.samples.task import read_task
from tests.replaced import replaced
from tests.strategies import Instance, instances
from theory.errors import AssumptionError
from theory.setting.norms import sample_ball
from theory.setting.separation import separation

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
XOR = [1, -1, -1, 1]


def planted(seed: int, size: int = 30, dim: int = 20, true: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Points on a `true`-dimensional subspace, but for 1e-3 in the others."""
    rng = np.random.default_rng(seed)
    plane = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    scale = np.where(np.arange(dim) < true, 1.0, 1e-3)
    return rng.uniform(-1, 1, (size, dim)) * scale @ plane.T, np.arange(size) % 3


@settings(max_examples=20)
@given(instances(p=2.0), st.sampled_from(["pca", "random"]))
def test_every_ball_is_certified(instance: Instance, basis: str) -> None:
    shell = instance.shell * 0.999
    assume(2 * instance.radius + shell < 0.9999 * separation(instance.points, instance.labels, 2.0).distance)
    built = projection_memorizer(instance.points, instance.labels, radius=instance.radius, shell=shell, basis=basis)
    certificate = built.certify()
    assert certificate.certified.all(), str(certificate)
    codes = built.task.sample.codes
    worst, _ = guided_attack(built.network, instance.points, codes, instance.radius, 2.0, shell=shell)
    assert np.all(worst > 0)


@pytest.mark.parametrize("basis", ["pca", "random"])
def test_the_dimension_is_the_smallest(basis: str) -> None:
    points, labels = planted(0)
    gap = separation(points, labels, 2.0).distance
    built = projection_memorizer(points, labels, radius=gap / 4, shell=gap / 4, basis=basis)
    vectors = dense(built.network.layers[0].weight)
    kept = [separation(points @ vectors[:k].T, labels, 2.0).distance for k in range(1, built.dim + 1)]
    assert kept[-1] >= 0.75 * gap > kept[-2]
    if basis == "pca":
        assert built.dim <= 3
    assert np.linalg.norm(vectors @ vectors.T - np.eye(built.dim), 2) < 1e-13
    assert built.certify().certified.all()


def test_count_is_the_projection_and_the_inner_network() -> None:
    points, labels = planted(1)
    built = projection_memorizer(points, labels, radius=0.01, shell=0.01)
    assert built.network.nonzero == built.dim * (20 + 1) + built.inner.network.nonzero
    assert built.inner.size.nonzero == built.inner.size.formula_nonzero


@pytest.mark.parametrize("seed", range(5))
def test_images_of_balls_are_in_the_covered_balls(seed: int) -> None:
    points, labels = planted(seed)
    built = projection_memorizer(1e3 * points, labels, radius=1.0, shell=0.1, basis="random", seed=seed)
    first = built.network.layers[0]
    ball = sample_ball(np.random.default_rng(seed), 200, 20, 2.0, 1.0)
    ball *= 1 / np.linalg.norm(ball, axis=1, keepdims=True)
    # The directions that a projection does not shorten.
    ball[: built.dim] = dense(first.weight)
    for point, centre in zip(1e3 * points, built.inner.task.sample.points, strict=True):
        image = (point + ball) @ dense(first.weight).T + first.bias
        assert np.linalg.norm(image - centre, axis=1).max() <= built.inner.task.radius * (1 + 1e-9)
        assert image.min() >= 0


def with_first(built: ProjectionMemorizer, factor: float, shift: float) -> ProjectionMemorizer:
    first, *rest = built.network.layers
    return replace(built, network=ReLUNetwork((Affine(first.weight * factor, first.bias + shift), *rest)))


@pytest.mark.parametrize(("factor", "shift"), [(1.001, 0.0), (1.5, 0.0), (1.0, 1e-6), (1.0, -3.0)])
def test_another_first_layer_is_not_certified(factor: float, shift: float) -> None:
    built = projection_memorizer(SQUARE, XOR, radius=0.3, shell=0.3)
    assert built.certify().certified.all()
    assert not with_first(built, factor, shift).certify().certified.any()


def test_a_norm_that_is_not_bounded_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    # Vectors 1.1 times too long, at a radius that takes them for orthonormal.
    orthonormal = projection._basis
    monkeypatch.setattr(projection, "_basis", lambda *args: 1.1 * orthonormal(*args))
    reach = projection._reach
    monkeypatch.setattr(projection, "_reach", lambda first, points, radius, arithmetic: np.full(len(points), radius))
    built = projection_memorizer(SQUARE, XOR, radius=0.3, shell=0.3)
    monkeypatch.setattr(projection, "_reach", reach)
    assert not built.certify().certified.any()


def test_a_larger_radius_is_refuted() -> None:
    built = projection_memorizer(SQUARE, XOR, radius=0.3, shell=0.3)
    certificate = replaced(built, radius=0.9).certify()
    assert certificate.count("refuted") == 4


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"basis": "fourier"}, ValueError, "'fourier'"),
        ({"shell": 0.7}, AssumptionError, r"shell=0.7.*points 0 and 1"),
        # no room for rounding
        ({"radius": 0.25, "shell": 0.5}, AssumptionError, "rounding included: take a smaller shell"),
        ({"radius": math.nan}, ValueError, "radius=nan"),
        ({"shell": math.inf}, ValueError, "shell=inf"),
        ({"points": np.full((4, 2), math.inf)}, ValueError, "finite"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        projection_memorizer(
            **{"points": SQUARE, "labels": XOR, "radius": 0.2, "shell": 0.2, **change}  # type: ignore[arg-type]
        )


def test_the_inner_memorizer_must_be_of_the_same_norm() -> None:
    """Balls of l_1 are smaller than the images of balls of l_2."""
    dim = 9
    points, labels, shift = np.array([[4.0] * dim, [8.0] * dim]), [-1, 1], np.full(dim, 8.0)
    first, task = Affine(np.eye(dim), shift), read_task(points, labels, 1.0, 0.5, 2.0)
    clean = Affine(np.zeros((1, dim)), np.ones(1))
    for p in (1, 2):
        inner = robust_memorizer(points + shift, labels, radius=1 + 1e-6, p=p, shell=0.5, small="all", clean=clean)
        built = ProjectionMemorizer(chain(ReLUNetwork((first,)), inner.network), inner, task, "pca")
        for arithmetic in ("reals", "float64"):
            found = built.certify(arithmetic)
            assert found.certified.all() == (p == 2)
    assert built.network((points[0] + 0.33)[None])[0, 0] < 0
