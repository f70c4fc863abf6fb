"""The front door: what is refused, and what a certificate keeps, says and writes."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import certify, write_certificate, write_points
from constructions.check.__main__ import main as check
from tests.constructions.certificates.answers import EVERY, PLANE, deep, some_balls

# --- what is refused --------------------------------------------------------------------------------

POINTS, LABELS = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((2, 3))}, "dimension 2, got 3"),
        ({"points": np.zeros((2, 1, 1, 3))}, "dimension 2, got 3"),
        ({"points": np.zeros(2)}, "shape"),
        ({"points": np.full((2, 2), np.nan)}, "finite"),
        ({"labels": [1]}, "labels"),
        ({"labels": [0, 1]}, "labels of a network with 1 output"),
        ({"radius": -1.0}, "radius >= 0"),
        ({"radius": np.inf}, "finite radius"),
        ({"radius": np.nan}, "radius"),
        ({"radius": [0.1, np.nan]}, "radius"),
        ({"radius": [0.1, -0.1]}, "radius >= 0, got -0.1"),
        ({"radius": np.zeros(3)}, r"radius needs one number, shape \(2,\) or \(2, 2\), got \(3,\)"),
        ({"radius": np.zeros((1, 2, 2))}, "radius needs one number"),
        ({"radius": [0.1, 0.1], "p": 2}, "a radius for each coordinate needs p=inf, whose balls are boxes, got p=2"),
        ({"radius": [0.1, 0.1], "p": 1}, "a radius for each coordinate needs p=inf"),
        ({"p": 0.5}, "p"),
        ({"p": "two"}, "p"),
        ({"low": np.nan}, "low needs numbers, got NaN"),
        ({"high": [0.0, np.nan]}, "high needs numbers, got NaN"),
        ({"low": np.zeros(3)}, r"low needs one number, shape \(2,\) or \(2, 2\), got \(3,\)"),
        ({"high": np.zeros((2, 1))}, "high needs one number"),
        ({"low": 1.0, "high": 0.0}, "a ball has to meet its box"),
        ({"low": 5.0}, r"a ball has to meet its box, got 5.0 > .* in box 0, coordinate 0"),
        ({"high": -5.0, "p": 2}, "a ball has to meet its box"),
        ({"low": "zero"}, "low and high"),
        ({"arithmetic": "float16"}, "arithmetic must be one of reals, rational, float64, float32"),
        ({"arithmetic": "rational", "low": 0}, "needs whole balls of one radius: leave out low and high"),
        ({"arithmetic": "rational", "radius": [0.1, 0.2]}, "needs whole balls of one radius"),
        ({"arithmetic": "rational", "p": 3}, "p in 1, 2, inf"),
        *(
            ({"seconds": seconds, "arithmetic": arithmetic}, "seconds must be a number >= 0, or None for no splitting")
            for seconds in (-1, True, "5", np.nan)
            for arithmetic in EVERY
        ),
        ({"seed": -1}, r"seed must be a whole number >= 0 and < 2\^31, got -1"),
        ({"seed": True}, "seed must be a whole number, got True"),
        ({"model": "model.pt"}, r"an \.npz file .* got the path 'model.pt', a module for torch.load"),
        ({"model": 3}, "model must be a ReLUNetwork, an Affine, a torch.nn.Module, or the path .* got int"),
    ],
)
def test_bad_input_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    arguments = {"model": PLANE, "points": POINTS, "labels": LABELS, "radius": 0.1, "p": np.inf} | change
    with pytest.raises(ValueError, match=message):
        certify(**arguments)


def test_a_file_that_is_not_there() -> None:
    for name in ("missing.npz", "missing.onnx"):
        with pytest.raises(FileNotFoundError):
            certify(name, POINTS, LABELS, 0.1, np.inf)


# --- certificates -----------------------------------------------------------------------------------


def test_changed_ends_and_radii_are_seen() -> None:
    radii, low, high = np.array([0.25, 0.125]), np.array([-1.0, 0.0]), np.float64(1.5)
    found = certify(PLANE, POINTS, LABELS, radii, np.inf, low=low, high=high)
    assert found.is_of(PLANE, POINTS, LABELS)
    whole = certify(PLANE, POINTS, LABELS, 0.25, np.inf)
    assert found.seal != whole.seal
    for name in ("radii", "low", "high"):
        for other in (None, np.asarray(getattr(found, name) + 1e-9)):
            changed = replace(found, **{name: other})
            object.__setattr__(changed, "seal", found.seal)
            assert not changed.is_of(PLANE, POINTS, LABELS)
        with pytest.raises(ValueError, match="read-only"):
            getattr(found, name)[...] = 7
    # What the caller does with its own arrays afterwards changes nothing.
    radii[:], low[:] = 9, 9
    assert found.is_of(PLANE, POINTS, LABELS)
    assert found.radii is not None
    assert found.radii.tolist() == [0.25, 0.125]


def test_the_record_says_the_region_and_what_was_left() -> None:
    radii = np.array([[0.25, 0.125], [0.5, 0.5]])
    found = certify(PLANE, POINTS, LABELS, radii, np.inf, low=0, high=[2.0, 2.0])
    record = json.loads(found.to_json())
    assert (record["radii"], record["low"], record["high"]) == (radii.tolist(), 0.0, [2.0, 2.0])
    assert record["radius"] == 0.5
    assert record["untried"] == {}
    assert "radius 0.5 at most, one for each coordinate, cut off at 0 and ends of shape (2,)" in str(found)
    assert not {"radii", "low", "high"} & set(json.loads(certify(PLANE, POINTS, LABELS, 0.5, np.inf).to_json()))
    network = deep()
    quick = certify(network, *some_balls(network, 30), 0.12, np.inf)
    assert {int(i): why for i, why in json.loads(quick.to_json())["untried"].items()} == quick.untried
    assert quick.untried


@pytest.mark.parametrize("region", [{"low": 0}, {"high": 1}, {"radius": np.array([0.1, 0.2])}])
def test_the_file_of_the_checker_has_whole_balls_only(region: dict[str, Any], tmp_path: Path) -> None:
    """The file says one radius, so that a part of a ball would be read as all of it."""
    given: dict[str, Any] = {"radius": 0.1} | region
    found = certify(PLANE, POINTS, LABELS, p=np.inf, **given)
    with pytest.raises(ValueError, match="whole balls of one radius"):
        write_certificate(tmp_path / "certificate.json", found, PLANE, POINTS, LABELS)
    assert not list(tmp_path.iterdir())


def test_the_checker_reads_every_step_and_confirms_what_it_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = deep(0, 3, 20, 20, 20, 3)
    points, labels = some_balls(network, 60)
    found = certify(network, points, labels, 0.15, np.inf, seconds=60)
    assert {"attack", "slopes", "splitting"} <= set(found.method.tolist())
    names = [str(tmp_path / name) for name in ("network.npz", "points.npz", "certificate.json")]
    network.save(names[0])
    write_points(names[1], network, points, labels)
    write_certificate(names[2], found, network, points, labels)
    assert check(names) == 1
    report = json.loads(capsys.readouterr().out)
    # Intervals are all that it has for any network; witnesses it evaluates itself.
    open_ = {int(re.findall(r"\d+", text)[0]) for text in report["not confirmed"]}
    assert set(np.flatnonzero(found.status == "certified").tolist()) >= open_ - set(found.counterexamples)
    assert not any("witness" in text for text in report["not confirmed"])
    assert set(np.flatnonzero(np.isin(found.method, ["slopes", "splitting"]) & found.certified).tolist()) <= open_
