"""The task of a construction: the one check of `2 δ + γ <= R`, and what a task that was changed says of itself."""

import copy
import math
import pickle
from dataclasses import replace
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import (
    ENTRIES,
    Affine,
    ReLUNetwork,
    bit_complexity,
    certify,
    chain,
    guided_attack,
    max_tree_memorizer,
    narrow_deep_memorizer,
    parameter_report,
    projection_memorizer,
    read_task,
    robust_memorizer,
    write_certificate,
    write_points,
)
from constructions.certificates.deciding import decide
from constructions.memorizers import projection
from tests.replaced import replaced
from theory import AssumptionError


class Grade(IntEnum):
    """Numbers to Python, and no labels that JSON holds."""

    GOOD = 1
    BAD = 2


POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
LABELS = ["left", "right", "left", "right"]


def builders() -> list[Any]:
    return [
        pytest.param(lambda **room: robust_memorizer(POINTS, LABELS, p=math.inf, **room), id="memorizer"),
        pytest.param(lambda **room: max_tree_memorizer(POINTS, LABELS, **room), id="max tree"),
        pytest.param(lambda **room: narrow_deep_memorizer(POINTS, LABELS, **room), id="narrow and deep"),
        pytest.param(lambda **room: projection_memorizer(POINTS, LABELS, **room), id="projection"),
    ]


@pytest.mark.parametrize("build", builders())
@pytest.mark.parametrize(
    ("room", "way_out"),
    [
        ({"radius": 0.5, "shell": 0.25}, r"take a radius below 0\.5, or"),
        ({"radius": 0.25, "shell": 0.75}, r"take a shell of at most 0\.5, or"),
    ],
)
def test_every_builder_refuses_in_the_same_words(build: Any, room: dict[str, float], way_out: str) -> None:
    with pytest.raises(
        AssumptionError, match=r"needs 2 \* radius \+ shell <= separation .* of points 0 and 1, "
    ) as caught:
        build(**room)
    assert caught.match(way_out)


@pytest.mark.parametrize("build", builders())
@pytest.mark.parametrize(
    ("name", "value"), [("radius", 0.0), ("radius", math.inf), ("shell", -1.0), ("shell", math.nan)]
)
def test_every_builder_asks_for_a_positive_room(build: Any, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"finite {name} > 0, got {name}="):
        build(**({"radius": 0.1, "shell": 0.1} | {name: value}))


def test_the_default_shell_is_the_largest() -> None:
    task = read_task([[0.0], [1.0]], [-1, 1], 0.1, None, 2)
    assert Fraction(task.shell) <= 1 - 2 * Fraction(0.1) < Fraction(math.nextafter(task.shell, 1.0))
    assert task.is_separated


def test_a_changed_task_is_asked_again() -> None:
    task = read_task(POINTS, LABELS, 0.25, 0.5, math.inf)
    assert task.is_separated
    assert not replace(task, radius=0.2500001).is_separated
    assert not replace(task, shell=0.5000001).is_separated
    nearer = replace(task.sample, points=POINTS * 0.99)
    assert replace(task, sample=nearer).separation == 0.99
    assert not replace(task, sample=nearer).is_separated
    far = replace(task.neighbours, distance=64.0)
    assert replace(task, neighbours=far).separation == 1
    # The same point with both labels.
    assert not replace(task, sample=replace(task.sample, points=POINTS[[0, 0, 2, 3]])).is_separated
    # In l_1 the points are as far apart, in l_inf the diagonal is shorter.
    diagonal = read_task([[0.0, 0.0], [1.0, 1.0]], [-1, 1], 0.25, 0.5, 1)
    assert diagonal.separation == 2
    assert replace(diagonal, p=math.inf).separation == 1


@pytest.mark.parametrize("build", builders())
@pytest.mark.parametrize("copied", [lambda built: pickle.loads(pickle.dumps(built)), copy.deepcopy, copy.copy])
def test_a_copy_is_the_same_and_read_only(build: Any, copied: Any) -> None:
    built = build(radius=0.125, shell=0.25)
    other = copied(built)
    assert np.array_equal(other.network(POINTS), built.network(POINTS))
    assert other.task.neighbours == built.task.neighbours
    assert other.task.is_separated
    certificate = other.certify()
    assert certificate.certified.all()
    assert copied(certificate).is_of(built.network, POINTS, LABELS)
    arrays = [other.task.sample.points, other.task.sample.codes]
    arrays += [part for layer in other.network.layers for part in (layer.bias, getattr(layer.weight, "data", None))]
    arrays += [copied(certificate).lower]
    assert not any(array.flags.writeable for array in arrays if isinstance(array, np.ndarray))


def test_a_pickled_memorizer_evaluates() -> None:
    for p in (1.0, 2.0, 3.0, math.inf):
        for method in ("shared", "per_point"):
            built = robust_memorizer(POINTS, LABELS, radius=0.125, p=p, small="all", method=method)
            other = pickle.loads(pickle.dumps(built))
            x = np.random.default_rng(0).random((50, 2))
            assert np.array_equal(other(x), built(x))
            assert other.predict(POINTS) == LABELS


@pytest.mark.parametrize("build", builders())
def test_the_labels_that_were_given_are_those_of_the_network(build: Any) -> None:
    built = build(radius=0.125, shell=0.25)
    assert built.network.classes == ("left", "right")
    assert certify(built.network, POINTS, LABELS, 0.125, math.inf).count("refuted") == 0
    # Labels exchanged are other claims, and false ones.
    assert certify(built.network, POINTS, LABELS[::-1], 0.0, math.inf).count("refuted") == 4
    with pytest.raises(ValueError, match="labels must be classes of the network, 'left', 'right', got 0 for point 0"):
        certify(built.network, POINTS, [0, 1, 0, 1], 0.125, math.inf)
    certificate = built.certify()
    assert certificate.is_of(built.network, POINTS, LABELS)
    assert not certificate.is_of(built.network, POINTS, LABELS[::-1])


def test_class_numbers_are_no_labels_of_named_classes() -> None:
    """The classes 1, 2, 3 have the numbers 0, 1, 2: a part of the points must not be read by these."""
    points, labels = np.array([[0.0], [1.0], [2.0]]), [1, 2, 3]
    built = robust_memorizer(points, labels, radius=0.25, p=2, small="all")
    assert certify(built.network, points[:2], [1, 2], 0.0, 2).count("refuted") == 0
    assert built.predict(points) == labels
    worst, _ = guided_attack(built, points, labels, 0.25, 2)
    assert np.all(worst >= 0.99)
    assert guided_attack(built.network, points.astype(np.uint8), labels, 0.25, 2)[0].tolist() == worst.tolist()


def test_another_order_of_the_classes_of_the_clean_network_is_refused() -> None:
    clean = ReLUNetwork((Affine(np.eye(2), np.zeros(2)),), ("right", "left"))
    with pytest.raises(ValueError, match="clean must have the classes of the labels in their order"):
        robust_memorizer(POINTS, LABELS, radius=0.125, p=2, clean=clean)


@pytest.mark.parametrize(
    ("outputs", "classes", "message"),
    [
        (2, ("a",), "must be 2 different ones, one an output, got 'a'"),
        (2, ("a", "a"), "must be 2 different ones"),
        (1, ("a", "b"), "must be -1 and 1 for its one output, got 'a', 'b'"),
        (1, (1, -1), "must be -1 and 1"),
    ],
)
def test_classes_that_do_not_fit_are_refused(outputs: int, classes: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReLUNetwork((Affine(np.ones((outputs, 1)), np.zeros(outputs)),), classes)


@pytest.mark.parametrize("classes", [(-1, 1), ("a", "b"), (False, True), (0.5, 1.5)])
def test_classes_are_saved_where_a_file_can_hold_them(classes: tuple[Any, ...], tmp_path: Path) -> None:
    outputs = 1 if classes == (-1, 1) else 2
    network = ReLUNetwork((Affine(np.ones((outputs, 1)), np.zeros(outputs)),), classes)
    network.save(tmp_path / "network.npz")
    kept = ReLUNetwork.load(tmp_path / "network.npz").classes
    assert kept == classes
    assert [type(label) for label in kept] == [type(label) for label in classes]


@pytest.mark.parametrize("classes", [(("a", 1), ("a", 2)), (b"a", b"b"), (Grade.GOOD, Grade.BAD)])
def test_classes_that_a_file_cannot_hold_are_refused(classes: tuple[Any, ...], tmp_path: Path) -> None:
    """Read again without them, the labels 1 and 2 of the classes 1 and 2 would be numbers of outputs."""
    network = ReLUNetwork((Affine(np.ones((2, 1)), np.zeros(2)),), classes)
    with pytest.raises(ValueError, match="a network file holds classes that are numbers, text or booleans"):
        network.save(tmp_path / "network.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("build", builders())
@pytest.mark.parametrize("classes", [("right", "left"), ("x", "y")])
def test_a_network_of_other_classes_is_not_certified_for_the_task(build: Any, classes: tuple[str, ...]) -> None:
    built = build(radius=0.125, shell=0.25)
    other = replace(built, network=ReLUNetwork(built.network.layers, classes))
    with pytest.raises(ValueError, match="the network needs the classes of the task, 'left', 'right', got"):
        other.certify()
    with pytest.raises(ValueError, match="the network needs the classes of the task"):
        replaced(built, sample=replace(built.task.sample, classes=classes)).certify()


@pytest.mark.parametrize("labels", [[1, 2, 3], ["a", "b", "c"], [True, False, True], [0.5, 1.5, 2.5]])
def test_bit_complexity_is_of_the_labels_that_were_given(labels: list[Any]) -> None:
    points = np.array([[0.0], [1.0], [2.0]])
    built = narrow_deep_memorizer(points, labels, radius=0.125)
    balls, codes = (0.125, math.inf), built.task.sample.codes[:2]
    least = bit_complexity(built.network, points[:2], labels[:2], *balls)
    assert least.bits is not None
    assert least == bit_complexity(ReLUNetwork(built.network.layers), points[:2], codes, *balls)
    assert bit_complexity(built.network, points[:2], labels[1::-1], *balls).bits is None


@pytest.mark.parametrize("build", builders())
def test_the_attack_takes_every_construction(build: Any) -> None:
    built = build(radius=0.125, shell=0.25)
    found = [guided_attack(f, POINTS, LABELS, 0.125, 2)[0] for f in (built, built.network)]
    np.testing.assert_allclose(found[0], found[1])
    with pytest.raises(ValueError, match="one label a point, got 4 points and 3 labels"):
        guided_attack(built, POINTS, LABELS[:3], 0.125, 2)


def test_chained_networks_have_the_classes_of_the_last() -> None:
    built = max_tree_memorizer(POINTS, LABELS, radius=0.125)
    first = ReLUNetwork((Affine(np.eye(2), np.zeros(2)),))
    assert chain(first, built.network).classes == ("left", "right")


def test_points_of_other_sizes_are_not_written(tmp_path: Path) -> None:
    built = max_tree_memorizer(POINTS, LABELS, radius=0.125)
    for points, labels, message in (
        (POINTS, LABELS[:3], "4 points and 3 labels"),
        (np.eye(5)[:4], LABELS, "dimension 2, got 5"),
    ):
        with pytest.raises(ValueError, match=message):
            write_points(tmp_path / "p.npz", built.network, points, labels)
    assert not list(tmp_path.iterdir())


def test_a_projection_needs_a_shell() -> None:
    with pytest.raises(ValueError, match="needs a shell below R - 2"):
        projection_memorizer(POINTS, LABELS, radius=0.125, shell=None)
    with pytest.raises(AssumptionError, match="no projection on 2 directions"):
        projection_memorizer(POINTS, LABELS, radius=Fraction(1, 4), shell=0.5)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("entries", [(), (ENTRIES[2],), ENTRIES[0], (ENTRIES[0], ENTRIES[0])])
def test_entries_of_a_comparison_are_read(entries: Any) -> None:
    with pytest.raises(
        ValueError, match=r"entries must be a tuple of Entry with different names, one at least for p=2"
    ):
        parameter_report(POINTS, LABELS, radius=0.125, p=2, entries=entries)


@pytest.mark.parametrize("scale", [1e-305, 1e305])
@pytest.mark.parametrize("builder", [max_tree_memorizer, narrow_deep_memorizer])
def test_a_scale_without_room_for_the_weights_is_refused(builder: Any, scale: float) -> None:
    with pytest.raises(ValueError, match="rescale points and radius together"):
        builder(scale * POINTS, LABELS, radius=scale / 8, shell=scale / 8)


@pytest.mark.parametrize("exponent", [-930, 930])
def test_directions_of_points_whose_squares_are_no_floats(exponent: int) -> None:
    scale = 2.0**exponent
    points = np.random.default_rng(0).random((8, 5))
    one, other = (projection._basis(factor * points, "pca", 0) for factor in (1.0, scale))
    np.testing.assert_allclose(np.abs(np.sum(one * other, axis=1)), 1.0)


@pytest.mark.parametrize("radius", [-1.0, math.nan, math.inf])
def test_there_is_no_certificate_of_balls_that_are_none(radius: float) -> None:
    network = ReLUNetwork((Affine(np.ones((1, 1)), np.zeros(1)),))
    with pytest.raises(ValueError, match="radius"):
        decide(network, np.ones((1, 1)), np.array([1]), radius, 2.0, np.ones(1), np.array(["linear"]), seconds=0.0)
    task = read_task(POINTS, LABELS, 0.125, 0.25, math.inf)
    with pytest.raises(ValueError, match="finite radius > 0"):
        replace(task, radius=radius)


def test_balls_of_radius_0_are_certified_and_not_written(tmp_path: Path) -> None:
    built = max_tree_memorizer(POINTS, LABELS, radius=0.125)
    certificate = certify(built.network, POINTS, LABELS, 0.0, math.inf)
    with pytest.raises(ValueError, match="needs balls of a radius > 0, got radius 0"):
        write_certificate(tmp_path / "c.json", certificate, built.network, POINTS, LABELS)
    assert not (tmp_path / "c.json").exists()


def test_reprs_are_one_line() -> None:
    points, clean = np.random.default_rng(0).random((300, 6)), Affine(np.zeros((2, 6)), np.zeros(2))
    built = robust_memorizer(points, np.arange(300) % 2, radius=1e-4, p=2, small="all", clean=clean)
    things = [built, built.network, built.network.layers[0], built.task, built.task.sample, built.task.neighbours]
    things += [built.certify(), max_tree_memorizer(POINTS, LABELS, radius=0.1)]
    things += [projection_memorizer(POINTS, LABELS, radius=0.1, shell=0.1)]
    for thing in things:
        assert len(repr(thing)) < 140
        assert "\n" not in repr(thing)
        assert type(thing).__name__ in repr(thing)
    about = "300 points in R^6 (300 memorized), l_2, radius 0.0001"
    assert repr(built) == f"<Memorizer of {about}, {built.size.nonzero:,} non-zeros>"
