"""The structural proof of the executed network: every norm, both formats, memorized points and the others."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from constructions import Affine, Memorizer, ReLUNetwork, certify, load_sample, robust_memorizer
from constructions.certificates.executed_intervals import FORMATS, executed_layers, executed_margin_bound, run
from constructions.certificates.executed_proof import executed_structural_bounds
from constructions.memorizers.clean import fit_clean
from constructions.memorizers.max_tree import max_tree_memorizer
from constructions.memorizers.narrow_deep import narrow_deep_memorizer
from constructions.memorizers.projection import projection_memorizer
from tests.constructions.certificates.test_structural_proof import with_entry
from tests.execution import summed_at_random
from tests.replaced import replaced
from tests.strategies import EXPONENTS, Instance, instances, methods
from theory.setting.norms import sample_ball
from theory.setting.separation import separation

formats = st.sampled_from(["float64", "float32"])


def margin(values: np.ndarray, code: int) -> float:
    return float(code * values[0] if len(values) == 1 else values[code] - np.delete(values, code).max())


@settings(max_examples=40)
@given(instances(consistent=True), methods, formats, st.sampled_from(["auto", "all"]), st.integers(0, 10_000))
def test_no_executed_margin_falls_below_the_bound(
    instance: Instance, method: str, arithmetic: str, small: str, seed: int
) -> None:
    built = robust_memorizer(
        instance.points,
        instance.labels,
        radius=instance.radius,
        p=instance.p,
        shell=instance.shell,
        clean=instance.clean,
        method=method,
        small=small,
    )
    lower = executed_structural_bounds(built, arithmetic)
    rng = np.random.default_rng(seed)
    kind, dim = FORMATS[arithmetic].dtype, instance.points.shape[1]
    for i in np.flatnonzero(lower > 0):
        for step in sample_ball(rng, 4, dim, instance.p, 0.999 * instance.radius):
            x = (instance.points[i] + step).astype(kind).astype(np.float64)
            if np.linalg.norm(x - instance.points[i], instance.p) < instance.radius * (1 - 1e-12):
                values = summed_at_random(built.network, x, arithmetic, rng)
                assert margin(values, int(built.task.sample.codes[i])) >= lower[i]


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize("arithmetic", list(FORMATS))
def test_memorized_points_are_certified_in_every_norm(p: float, method: str, arithmetic: str) -> None:
    rng = np.random.default_rng(3)
    points, labels = rng.random((40, 5)), rng.integers(0, 3, 40)
    radius = 0.4 * float(separation(points, labels, p).distance)
    built = robust_memorizer(points, labels, radius=radius, p=p, small="all", method=method)
    certificate = built.certify(arithmetic)
    assert certificate.certified.all(), str(certificate)
    assert set(certificate.method.tolist()) == {"structure"}
    # Exactly at least 1, whatever the run does inside the balls.
    x = points + sample_ball(rng, 40, 5, p, 0.999 * radius)
    f = run(executed_layers(built.network.layers, arithmetic), x)
    rivals = f.copy()
    rivals[np.arange(40), labels] = -np.inf
    assert np.all(f[np.arange(40), labels] - rivals.max(axis=1) >= 1)


@pytest.mark.parametrize("arithmetic", list(FORMATS))
@pytest.mark.parametrize("ratio", [0.1, 0.45, 0.499])
@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_intervals_certify_the_same_for_the_maximum_norm(arithmetic: str, ratio: float, method: str) -> None:
    rng = np.random.default_rng(3)
    points, labels = rng.random((40, 5)), rng.integers(0, 3, 40)
    radius = ratio * float(separation(points, labels, np.inf).distance)
    built = robust_memorizer(points, labels, radius=radius, p=math.inf, small="all", method=method)
    assert np.all(executed_structural_bounds(built, arithmetic) == 1)
    bound = executed_margin_bound(built.network.layers, points, built.task.sample.codes, radius, math.inf, arithmetic)
    assert np.all(bound > 0)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("classes", ["3,8", "1,7,9"])
def test_points_that_are_not_memorized_are_certified_too(p: float, classes: str) -> None:
    """Images of digits: `f_clean` decides on some balls, with the lock half open on some of them."""
    points, labels = load_sample("digits", classes=classes)
    radius = 0.4 * float(separation(points, np.array(labels), p).distance)
    built = robust_memorizer(points, labels, radius=radius, p=p)
    others = np.setdiff1d(np.arange(len(points)), built.small)
    assert 0 < len(others) < len(points)
    for arithmetic in FORMATS:
        certificate = built.certify(arithmetic)
        assert certificate.certified.all(), str(certificate)
        assert set(certificate.method.tolist()) == {"structure"}
        # Less than over the reals, where half of the margin is not given up.
        assert np.all(certificate.lower[others] < built.certify().lower[others])


def test_too_thin_a_shell_is_certified_in_double_and_not_in_single_precision() -> None:
    rng = np.random.default_rng(0)
    points, labels = rng.random((20, 200)), np.arange(20) % 2
    gap = float(separation(points, labels, 2.0).distance)
    built = robust_memorizer(points, labels, radius=0.1, p=2, small="all", shell=(gap - 0.2) * 1e-3)
    assert np.all(executed_structural_bounds(built, "float64") == 1)
    assert np.all(executed_structural_bounds(built, "float32") == -np.inf)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_every_weight_matters_to_the_proof(p: float, method: str) -> None:
    points, labels = np.random.default_rng(5).random((9, 3)), [0, 1, 2] * 3
    # The lock matters where there is something to lock out.
    clean = fit_clean(points, np.array(labels), 3)
    right = robust_memorizer(points, labels, radius=0.05, p=p, method=method, small="all", clean=clean)
    assert np.all(executed_structural_bounds(right, "float32") == 1)
    rng = np.random.default_rng(0)
    for layer, affine in enumerate(right.network.layers):
        rows, columns = np.nonzero(affine.weight if isinstance(affine.weight, np.ndarray) else affine.weight.toarray())
        for k in rng.integers(len(rows), size=3):
            wrong = with_entry(right.network, layer, int(rows[k]), int(columns[k]), float(rng.choice([-1.0, 0.5])))
            assert not (executed_structural_bounds(replace(right, network=wrong), "float32") > 0).all()


def always_on(built: Memorizer) -> ReLUNetwork:
    """One indicator turned into the constant 1: its ramp upside down, its excess negative everywhere."""
    layers, k = list(built.network.layers), len(built.widths) - 2
    ramp = sp.lil_array(layers[k].weight)
    ramp[0] = -ramp[0]
    layers[k] = Affine(sp.csr_array(ramp), layers[k].bias)
    if not np.isinf(built.task.p):
        bias = layers[k - 1].bias.copy()
        bias[0] -= 1000
        layers[k - 1] = Affine(layers[k - 1].weight, bias)
    return ReLUNetwork(tuple(layers))


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize("arithmetic", ["reals", *FORMATS])
def test_an_indicator_that_is_always_on_is_noticed(p: float, method: str, arithmetic: str) -> None:
    """Several weights at once, each factor of the proof's product negative: no bound may exceed the margin there."""
    points, labels = np.random.default_rng(5).random((9, 3)), [0, 1, 2] * 3
    right = robust_memorizer(points, labels, radius=0.05, p=p, method=method, small="all")
    wrong = replace(right, network=always_on(right))
    lower = wrong.certify().lower if arithmetic == "reals" else executed_structural_bounds(wrong, arithmetic)
    at_centres = np.array([margin(f, c) for f, c in zip(wrong.network(points), right.task.sample.codes, strict=True)])
    assert (at_centres < 1).any()
    assert np.all(lower <= at_centres)


@pytest.mark.parametrize("arithmetic", ["reals", *FORMATS])
def test_a_tree_that_is_always_on_is_noticed(arithmetic: str) -> None:
    points, labels = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), [1, -1, -1, 1]
    tree = max_tree_memorizer(points, labels, radius=0.3, shell=0.4)
    ramp = sp.lil_array(tree.network.layers[-2].weight)
    ramp[0] = -ramp[0]
    layers = (*tree.network.layers[:-2], Affine(sp.csr_array(ramp), tree.network.layers[-2].bias))
    wrong = ReLUNetwork((*layers, tree.network.layers[-1]))
    at_centres = tree.task.sample.codes * wrong(points)[:, 0]
    assert (at_centres < 1).any()
    assert np.all(replace(tree, network=wrong).certify(arithmetic).lower <= at_centres)


def shifted_first_layer(built: Memorizer) -> dict[str, Any]:
    first = built.network.layers[0]
    return {"network": ReLUNetwork((Affine(first.weight, first.bias + 0.5), *built.network.layers[1:]))}


@pytest.mark.parametrize(
    "fault",
    [
        shifted_first_layer,
        lambda built: {"shell": built.task.shell * 1.01},
        lambda built: {"high": built.high - 0.5},
        lambda built: {"radius": built.task.radius * 2},
        lambda built: {"sample": replace(built.task.sample, codes=-built.task.sample.codes)},
        lambda built: {"clean": ReLUNetwork((Affine(1e6 * built.clean.layers[0].weight, np.zeros(1)),))},
    ],
)
@pytest.mark.parametrize("p", [2.0, math.inf])
def test_faults_break_the_proof(fault: Any, p: float) -> None:
    points = np.random.default_rng(4).random((12, 3))
    clean = ReLUNetwork((Affine(np.ones((1, 3)), np.array([-1.5])),))
    built = robust_memorizer(points, [1, -1] * 6, radius=0.03, p=p, small="all", clean=clean)
    assert np.all(executed_structural_bounds(built, "float32") == 1)
    assert np.all(executed_structural_bounds(replaced(built, **fault(built)), "float32") == -np.inf)


@pytest.mark.parametrize("arithmetic", list(FORMATS))
def test_the_rivals_are_certified_as_executed(arithmetic: str) -> None:
    rng = np.random.default_rng(8)
    points, labels = rng.random((30, 6)), rng.integers(0, 3, 30)
    gap = float(separation(points, labels, np.inf).distance)
    tree = max_tree_memorizer(points, labels, radius=0.3 * gap)
    assert tree.certify(arithmetic).certified.all()
    deep = narrow_deep_memorizer(points, labels, radius=0.3 * gap)
    codes = deep.task.sample.codes
    assert certify(deep.network, points, codes, 0.3 * gap, math.inf, arithmetic=arithmetic).certified.all()
    gap = float(separation(points, labels, 2.0).distance)
    for basis in ("pca", "random"):
        built = projection_memorizer(
            points, labels, radius=0.2 * gap, shell=0.5 * gap, basis=basis, arithmetic=arithmetic
        )
        certificate = built.certify(arithmetic)
        assert certificate.certified.all()
        assert certificate.arithmetic == arithmetic
        wrong = replaced(built, radius=built.task.radius * 1.01)
        assert not wrong.certify(arithmetic).certified.any()


@pytest.mark.parametrize("layer", [0, 1, -2, -1])
def test_a_changed_tree_is_not_certified_as_executed(layer: int) -> None:
    points, labels = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), [1, -1, -1, 1]
    tree = max_tree_memorizer(points, labels, radius=0.3, shell=0.4)
    layers = list(tree.network.layers)
    layers[layer] = Affine(layers[layer].weight * (-1.0 if layer == -1 else 1.0), layers[layer].bias - 0.3)
    assert not replace(tree, network=ReLUNetwork(tuple(layers))).certify("float32").certified.all()


def test_projection_refuses_another_arithmetic() -> None:
    built = projection_memorizer(np.eye(3), [0, 1, 2], radius=0.1, shell=0.1)
    with pytest.raises(ValueError, match=r"arithmetic must be one of .* got 'float16'"):
        built.certify("float16")
    with pytest.raises(ValueError, match="float16"):
        projection_memorizer(np.eye(3), [0, 1, 2], radius=0.1, shell=0.1, arithmetic="float16")
