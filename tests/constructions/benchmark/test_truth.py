"""Truths are proved on the files: each planted fault is refused."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest

from constructions import robust_memorizer
from constructions.benchmark import families
from constructions.benchmark.folder import write_instances
from constructions.benchmark.margins import Instance, Margin, cube, read_margin
from constructions.benchmark.models import FromFile, Model, model
from constructions.benchmark.samples import spread
from constructions.benchmark.truth import Unproved, is_within_ball, network_of_file, proved
from constructions.certificates.rational_intervals import rational_outputs
from constructions.exchange.onnx_file import write_onnx
from constructions.exchange.properties import Case, Conjunction, Property, margin_property
from constructions.exchange.vnnlib_file import write_specification
from constructions.exchange.witness_file import read_witness, write_witness
from constructions.networks.network import Affine, ReLUNetwork, network

ROOM = {"radius": 0.0625, "shell": 0.125}


def made(p: float, method: str = "per_point") -> Model:
    half = network((np.zeros((1, 2)), [0.5]))
    return model("m", robust_memorizer, "", spread(2, 4, 0.25), p=p, method=method, clean=half, small="all", **ROOM)


@pytest.fixture(scope="module")
def euclidean() -> Model:
    """No interval or linear bound proves its balls: the structure has to."""
    return made(2.0)


@pytest.fixture(scope="module")
def maximal() -> Model:
    return made(np.inf)


def written(folder: Path, instance: Instance) -> tuple[FromFile, Path, Path]:
    onnx_path, vnnlib, witness = folder / "m.onnx", folder / "p.vnnlib", folder / "w.txt"
    write_onnx(onnx_path, instance.model.network, dtype=instance.model.dtype, plain=True)
    write_specification(vnnlib, instance.cases)
    if instance.witness is not None:
        y = np.array([float(v) for v in rational_outputs(instance.model.network.layers, instance.witness)])
        write_witness(witness, instance.witness, y)
    return network_of_file(onnx_path, instance.model), vnnlib, witness


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_balls_and_their_flipped_truths(tmp_path: Path, p: float) -> None:
    for instance in families.balls(made(p), 2):
        network_read, vnnlib, witness = written(tmp_path, instance)
        truth = proved(instance, network_read, vnnlib, None)
        # The margin on the ball of a memorized point is 1, and the proof is about no less.
        assert truth.answer == "unsat"
        assert truth.margin == truth.least == 1
        assert truth.reason.startswith("structure, ball of point")
        write_witness(witness, instance.model.sample.points[0], np.array([-1.0]))
        with pytest.raises(Unproved):
            proved(replace(instance, truth="sat"), network_read, vnnlib, witness)


def test_a_flipped_sat_is_refused(tmp_path: Path, maximal: Model) -> None:
    for instance in (*families.wrong_labels(maximal, 2), *families.reaching(maximal, 2)):
        network_read, vnnlib, witness = written(tmp_path, instance)
        assert proved(instance, network_read, vnnlib, witness).margin <= 0
        with pytest.raises(Unproved, match="not proved to be unsat"):
            proved(replace(instance, truth="unsat"), network_read, vnnlib, None)


def test_a_witness_one_float_outside_is_refused(tmp_path: Path, maximal: Model) -> None:
    (instance,) = families.reaching(maximal, 1)
    network_read, vnnlib, witness = written(tmp_path, instance)
    x, y = (np.array([float(v) for v in part]) for part in read_witness(witness))
    high = np.array([float(v) for v in instance.cases[0].region.high])
    low = np.array([float(v) for v in instance.cases[0].region.low])
    (face,) = np.flatnonzero((x == high) | (x == low))
    outside = x.copy()
    outside[face] = np.nextafter(x[face], np.inf if x[face] == high[face] else -np.inf)
    # Its outputs are those of the network, and it is misclassified: only the box refuses it.
    exact = rational_outputs(network_read.network.layers, outside)
    write_witness(witness, outside, np.array([float(v) for v in exact]))
    with pytest.raises(Unproved, match="in no box"):
        proved(instance, network_read, vnnlib, witness)
    write_witness(witness, x, y + 1)
    with pytest.raises(Unproved, match="other outputs"):
        proved(instance, network_read, vnnlib, witness)
    with pytest.raises(Unproved, match="needs a witness"):
        proved(instance, network_read, vnnlib, None)


def test_a_property_of_the_wrong_sign_is_refused(tmp_path: Path, euclidean: Model) -> None:
    instance, *_ = families.balls(euclidean, 1)
    network_read, vnnlib, _ = written(tmp_path, instance)
    label = read_margin(instance.cases[0].violated).label
    write_specification(vnnlib, [Case(instance.cases[0].region, margin_property(-label, 1))])
    with pytest.raises(Unproved, match="not proved"):
        proved(instance, network_read, vnnlib, None)


def test_a_file_with_one_weight_changed_is_refused(tmp_path: Path, euclidean: Model) -> None:
    path = tmp_path / "m.onnx"
    write_onnx(path, euclidean.network, dtype=euclidean.dtype, plain=True)
    stored = onnx.load(path)
    array = onnx.numpy_helper.to_array(stored.graph.initializer[0]).copy()
    array.flat[np.flatnonzero(array)[0]] *= 1 + 2.0**-52
    stored.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(array, stored.graph.initializer[0].name))
    onnx.save(stored, path)
    with pytest.raises(Unproved, match="another network"):
        network_of_file(path, euclidean)


def test_a_proof_is_made_again_for_the_network_of_the_file(tmp_path: Path, euclidean: Model) -> None:
    """Were the network of the file taken for the one that was built, this changed one would keep the old proof."""
    instance, *_ = families.balls(euclidean, 1)
    _, vnnlib, _ = written(tmp_path, instance)
    *rest, last = euclidean.network.layers
    changed = ReLUNetwork((*rest, Affine(-np.asarray(last.weight), -last.bias)), euclidean.network.classes)
    with pytest.raises(Unproved, match="not proved"):
        proved(instance, FromFile(euclidean, changed), vnnlib, None)


def test_a_threshold_that_is_reached_is_not_unsat(tmp_path: Path, euclidean: Model) -> None:
    *_, last, reached = families.tight(euclidean, (1, 52), ())
    network_read, vnnlib, witness = written(tmp_path, last)
    truth = proved(last, network_read, vnnlib, None)
    assert truth.margin == truth.least == Fraction(1, 2**52)
    network_read, vnnlib, witness = written(tmp_path, reached)
    truth = proved(reached, network_read, vnnlib, witness)
    assert truth.margin == truth.least == 0
    with pytest.raises(Unproved, match="not proved"):
        proved(replace(reached, truth="unsat"), network_read, vnnlib, None)


def test_a_union_is_as_its_worst_box(tmp_path: Path, maximal: Model) -> None:
    unsat, sat = families.unions(maximal, 3)
    network_read, vnnlib, _ = written(tmp_path, unsat)
    assert proved(unsat, network_read, vnnlib, None).least == 1
    network_read, vnnlib, witness = written(tmp_path, sat)
    assert proved(sat, network_read, vnnlib, witness).margin == -1
    with pytest.raises(Unproved, match="not proved"):
        proved(replace(sat, truth="unsat"), network_read, vnnlib, None)


def test_a_refused_truth_stops_the_writing(tmp_path: Path, maximal: Model) -> None:
    for name in ("onnx", "vnnlib", "witnesses"):
        (tmp_path / name).mkdir()
    right = list(families.wrong_labels(maximal, 1))
    assert len(write_instances(tmp_path, right)) == 1
    with pytest.raises(Unproved):
        write_instances(tmp_path, [replace(one, truth="unsat", witness=None) for one in right])


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_boxes_in_balls(p: float) -> None:
    """Of the half-width `d^(-1/p) δ` for d = 4, all exact; one float more is outside."""
    centre, radius = np.array([0.5, 0.25, 0.0, 1.0]), 0.125
    half = radius * 4 ** (-1 / p)
    assert is_within_ball(cube(centre, half), centre, radius, p)
    assert not is_within_ball(cube(centre, float(np.nextafter(half, 1))), centre, radius, p)
    moved = centre.copy()
    moved[2] = 2.0**-60
    assert not is_within_ball(cube(moved, half), centre, radius, p)


@pytest.mark.parametrize(("label", "outputs"), [(1, 1), (-1, 1), (2, 3), (0, 2)])
def test_margins_are_read_from_properties(label: int, outputs: int) -> None:
    asked = margin_property(label, outputs, Fraction(1, 4))
    read = read_margin(asked)
    assert (read.label, read.threshold) == (label, Fraction(1, 4))
    assert read.rivals == (() if outputs == 1 else tuple(c for c in range(outputs) if c != label))
    for y in ([1.0, 0.0, 0.0], [0.0, 0.0, 0.25], [-1.0, 0.0, 2.0]):
        values = [Fraction(v) for v in y[:outputs]]
        assert asked.contains(values) == (read.value(values) <= 0)


@pytest.mark.parametrize(
    "rows",
    [
        [[(Fraction(2),)]],
        [[(Fraction(1), Fraction(1))]],
        [[(Fraction(1), Fraction(-1), Fraction(0))], [(Fraction(-1), Fraction(0), Fraction(1))]],
        [[(Fraction(1), Fraction(-1)), (Fraction(1), Fraction(-1))]],
    ],
)
def test_other_properties_are_refused(rows: list[list[tuple[Fraction, ...]]]) -> None:
    asked = Property(tuple(Conjunction(tuple(part), (Fraction(0),) * len(part)) for part in rows))
    with pytest.raises(ValueError, match="margin of one label"):
        read_margin(asked)


def test_a_margin_is_the_worst_over_its_rivals() -> None:
    assert Margin(0, (1, 2), Fraction(1)).value([Fraction(3), Fraction(1), Fraction(2)]) == 0
