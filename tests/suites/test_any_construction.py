"""The contract of a construction, for any builder: `pytest --construction mypkg.mymodule:build --p inf`.

The builder is called as `build(points, labels, radius=…, shell=…)` and returns a `constructions.Construction`; `--p` is
the norm it is for. Each test is named for what is wrong when it fails. Without the option the tests run on the
project's own builders.
"""

import importlib
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import Instance, instances

OWN = [
    ("constructions:max_tree_memorizer", math.inf, {}),
    ("constructions:narrow_deep_memorizer", math.inf, {}),
    ("constructions:projection_memorizer", 2.0, {}),
    *(("constructions:rule_memorizer", p, {"p": p, "levels": 3, "tries": 1}) for p in (2.0, math.inf)),
    *(("constructions:robust_memorizer", p, {"p": p, "small": "all"}) for p in (1.0, math.inf)),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    given_name = metafunc.config.getoption("--construction")
    rows = [(given_name, metafunc.config.getoption("--p"), {})] if given_name else OWN
    ids = [f"{name.partition(':')[2]}-{p:g}" for name, p, _ in rows]
    metafunc.parametrize("built_in", rows, ids=ids, indirect=True, scope="module")


@pytest.fixture(scope="module")
def built_in(request: pytest.FixtureRequest) -> Any:
    """The norm, and how to build for an instance with labels of the user's own."""
    name, p, options = request.param
    module, _, attribute = name.partition(":")
    try:
        builder = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.UsageError(
            f"--construction needs MODULE:BUILDER, importable from here, got {name!r}: {error}"
        ) from error
    return p, partial(build, builder, options)


def build(builder: Callable[..., Any], options: dict[str, Any], instance: Instance) -> tuple[Any, list[str]]:
    """The construction, and the labels: text, of which the first class stands last in the order of the points."""
    labels = [f"class {9 - label}" for label in instance.labels.tolist()]
    # A projection needs room beside the shell.
    built = builder(instance.points, labels, radius=instance.radius / 2, shell=instance.shell / 4, **options)
    return built, labels


@given(data=st.data())
def test_it_keeps_the_contract(built_in: Any, data: Any) -> None:
    """Fails when a part of the contract is missing, or the task is not the one that was asked for."""
    from constructions import Construction

    p, make = built_in
    instance = data.draw(instances(p=p))
    built, labels = make(instance)
    assert isinstance(built, Construction)
    task = built.task
    assert np.array_equal(task.sample.points, instance.points)
    assert task.sample.labels == labels
    assert (task.radius, task.shell, task.p) == (instance.radius / 2, instance.shell / 4, p)


@given(data=st.data())
def test_labels_are_those_that_were_given(built_in: Any, data: Any) -> None:
    """Fails when the network does not know the labels that the builder took."""
    from constructions import certify

    p, make = built_in
    instance = data.draw(instances(p=p))
    built, labels = make(instance)
    at_points = certify(built.network, instance.points, labels, 0.0, p)
    assert at_points.count("refuted") == 0, str(at_points)


@given(data=st.data())
def test_count_is_exact(built_in: Any, data: Any) -> None:
    """Fails when the size is not that of the network, or the formula is wrong."""
    p, make = built_in
    built, _ = make(data.draw(instances(p=p)))
    network, size = built.network, built.size
    entries = [np.asarray(matrix) for f in network.layers for matrix in (as_dense(f.weight), f.bias)]
    assert size.nonzero == sum(np.count_nonzero(matrix) for matrix in entries)
    assert size.parameters == sum(matrix.size for matrix in entries)
    assert size.formula_nonzero == size.nonzero
    assert size.general >= size.nonzero


def as_dense(weight: Any) -> np.ndarray:
    return weight if isinstance(weight, np.ndarray) else weight.toarray()


@given(data=st.data())
def test_every_ball_is_certified(built_in: Any, data: Any) -> None:
    """Fails when the construction cannot prove what it was built for."""
    p, make = built_in
    built, _ = make(data.draw(instances(p=p)))
    certificate = built.certify()
    assert certificate.certified.all(), str(certificate)


@given(data=st.data())
def test_certificates_say_what_they_speak_of(built_in: Any, data: Any) -> None:
    """Fails when a certificate is of another arithmetic, norm, radius or sample than was asked for."""
    p, make = built_in
    instance = data.draw(instances(p=p))
    built, labels = make(instance)
    for arithmetic in ("reals", "float64", "float32"):
        certificate = built.certify(arithmetic)
        assert certificate.arithmetic == arithmetic
        assert (certificate.p, certificate.radius) == (p, built.task.radius)
        assert certificate.is_of(built.network, instance.points, labels)
    with pytest.raises(ValueError, match="arithmetic"):
        built.certify("nonsense")


@given(data=st.data())
def test_the_task_of_now_is_certified(built_in: Any, data: Any) -> None:
    """Fails when certify speaks of another task than the one held now: a ball with a point of another label is none."""
    from theory.setting.nearest import nearest_of_other_label

    p, make = built_in
    built, _ = make(data.draw(instances(p=p)))
    sample = built.task.sample
    farthest = float(nearest_of_other_label(sample.points, sample.codes, p).distances.max())
    wide = replace(built, task=replace(built.task, radius=2 * farthest))
    assert not wide.certify().certified.any()
    other = np.roll(sample.codes, 1)
    exchanged = replace(built, task=replace(built.task, sample=replace(sample, codes=other)))
    assert not exchanged.certify().certified[other != sample.codes].any()


@given(data=st.data())
def test_certificates_are_true(built_in: Any, data: Any) -> None:
    """Fails when a point of a ball has a smaller margin than was proved; over the reals and executed."""
    from constructions import guided_attack

    p, make = built_in
    instance = data.draw(instances(p=p))
    built, labels = make(instance)
    task = built.task
    worst, _ = guided_attack(built.network, instance.points, labels, task.radius, p, shell=task.shell)
    for arithmetic in ("reals", "float64", "float32"):
        certificate = built.certify(arithmetic)
        # The attack rounds in float64; a lower bound of 1 is met to the last bits.
        assert np.all(certificate.lower <= worst + 1e-4 * np.abs(worst)), arithmetic


@given(data=st.data())
def test_the_network_of_now_is_certified(built_in: Any, data: Any) -> None:
    """Fails when certify repeats what was true of another network: with the signs changed nothing may stand."""
    from constructions import Affine, ReLUNetwork

    p, make = built_in
    built, _ = make(data.draw(instances(p=p)))
    *rest, last = built.network.layers
    changed = ReLUNetwork((*rest, Affine(-last.weight, -last.bias)), built.network.classes)
    for arithmetic in ("reals", "float64"):
        assert not replace(built, network=changed).certify(arithmetic).certified.any()


@given(data=st.data())
def test_what_has_no_room_is_refused(built_in: Any, data: Any) -> None:
    """Fails when balls that meet are taken for a task."""
    from theory import AssumptionError

    p, make = built_in
    instance = data.draw(instances(p=p))
    with pytest.raises(AssumptionError, match="separation"):
        make(replace(instance, radius=4 * instance.radius + 8 * instance.shell + 1))


def test_the_saved_network_is_the_same(built_in: Any, tmp_path: Path) -> None:
    """Fails when the file holds another network, or its classes are lost."""
    from constructions import ReLUNetwork
    from constructions.certificates.digests import network_digest

    p, make = built_in
    # No number of a third is short in binary.
    points = np.array([[0.0, 0.0], [1.0, 1 / 3], [1 / 7, 1.0]])
    built, labels = make(Instance(points, np.array([0, 1, 2]), None, p, 0.25, 0.25))
    built.save(tmp_path / "network.npz")
    loaded = ReLUNetwork.load(tmp_path / "network.npz")
    assert network_digest(loaded) == network_digest(built.network)
    assert loaded.classes == tuple(sorted(labels))
