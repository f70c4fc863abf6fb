"""Files that were changed, belong to others or are in another form are refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork, certify, write_certificate
from constructions.check.__main__ import main
from constructions.check.files import read_certificate
from tests.constructions.check.checked_files import (
    changed,
    code,
    rewritten,
    written,
)


def test_every_changed_byte_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line, points, labels = (
        ReLUNetwork((Affine(np.ones((1, 1)), np.zeros(1)),)),
        np.array([[1.0], [0.0]]),
        np.ones(2, int),
    )
    files = tmp_path / "network.npz", tmp_path / "points.npz", tmp_path / "certificate.json"
    line.save(files[0])
    np.savez(files[1], points=points, labels=labels)
    certificate = certify(line, points, labels, 0.5, math.inf, arithmetic="float32")
    write_certificate(files[2], certificate, line, points, labels)
    assert code(files) == 0
    raw = files[2].read_bytes()
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        files[2].write_bytes(changed)
        with pytest.raises(ValueError):  # noqa: PT011  (decoding, parsing or digest, by the byte)
            read_certificate(str(files[2]))
    for changed in (raw + b"\n", raw[:-1], b""):
        files[2].write_bytes(changed)
        assert code(files) == 2
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(arithmetic="decimal"),
        lambda c: c.update(radius="1"),
        lambda c: c.update(p=0.5),
        lambda c: c.update(more=1),
        lambda c: c["records"].pop(),
        lambda c: c["records"][0].update(status="proved"),
        lambda c: c["records"][0].pop("seconds"),
        lambda c: c["records"][0].update(arithmetic="reals"),
    ],
)
def test_malformed_certificates_are_refused(tmp_path: Path, change: Any) -> None:
    files = written(tmp_path, "float64", math.inf)
    changed(files, change)
    assert code(files) == 2


def test_another_network_and_other_points_are_refused(tmp_path: Path) -> None:
    files = written(tmp_path, "float64", math.inf)
    network = ReLUNetwork.load(files[0])
    bias = network.layers[0].bias.copy()
    bias[0] = np.nextafter(bias[0], 9)
    ReLUNetwork((Affine(network.layers[0].weight, bias), *network.layers[1:])).save(files[0])
    assert code(files) == 2
    network.save(files[0])
    assert code(files) == 0
    with np.load(files[1]) as stored:
        points, labels = stored["points"].copy(), stored["labels"]
    points[3, 2] = np.nextafter(points[3, 2], 9)
    np.savez(files[1], points=points, labels=labels)
    assert code(files) == 2
    assert code((files[0], files[1], tmp_path / "absent.json")) == 2
    assert main([]) == 2


def test_as_many_records_as_points_are_written(tmp_path: Path) -> None:
    line = ReLUNetwork((Affine(np.ones((1, 1)), np.zeros(1)),))
    certificate = certify(line, np.array([[1.0]]), np.array([1]), 0.1, math.inf)
    with pytest.raises(ValueError, match="1 records, 2 points"):
        write_certificate(tmp_path / "c", certificate, line, np.ones((2, 1)), np.array([1, 1]))


@pytest.mark.parametrize(
    "change",
    [
        lambda w: {"depth": np.array(3.0)},
        lambda w: {"depth": np.array([3])},
        lambda w: {"depth": np.array(3, dtype=np.int32)},
        lambda w: {"depth": np.array(0)},
        lambda w: {"depth": np.array(2)},
        lambda w: {"more": np.zeros(1)},
        lambda w: {"bias_2": None},
        lambda w: {"bias_0": w["bias_0"].astype(complex)},
        lambda w: {"bias_0": w["bias_0"].astype(np.float32)},
        lambda w: {"bias_0": w["bias_0"].astype(np.longdouble)},
        lambda w: {"bias_0": w["bias_0"].astype(">f8")},
        lambda w: {"bias_0": w["bias_0"].astype(str)},
        lambda w: {"bias_0": w["bias_0"][:, None]},
        lambda w: {"bias_0": w["bias_0"][:-1]},
        lambda w: {"weight_0": w["weight_0"].astype(complex)},
        lambda w: {"weight_0": w["weight_0"][None]},
        lambda w: {"weight_0": np.where(w["weight_0"] == w["weight_0"][0, 0], np.nan, w["weight_0"])},
        lambda w: {"data_1": w["data_1"].astype(np.float32)},
        lambda w: {"data_1": np.where(np.arange(len(w["data_1"])) == 0, 0.0, w["data_1"])},
        lambda w: {"indices_1": w["indices_1"].astype(float)},
        lambda w: {"indices_1": w["indices_1"] + 0.5},
        lambda w: {"indices_1": w["indices_1"].astype(np.int16), "indptr_1": w["indptr_1"].astype(np.int16)},
        lambda w: {"indptr_1": w["indptr_1"].astype(np.int64)},
        lambda w: {"indices_1": w["indices_1"][::-1].copy()},
        lambda w: {"indices_1": w["indices_1"] + w["shape_1"][1]},
        lambda w: {"indices_1": w["indices_1"] - w["shape_1"][1]},
        lambda w: {"indptr_1": w["indptr_1"][:-1]},
        lambda w: {"indptr_1": w["indptr_1"] + 1},
        lambda w: {"indptr_1": np.where(np.arange(len(w["indptr_1"])) == 1, w["indptr_1"][-1], w["indptr_1"])},
        lambda w: {"shape_1": w["shape_1"].astype(float)},
        lambda w: {"shape_1": np.append(w["shape_1"], 1)},
        lambda w: {"shape_1": w["shape_1"] + [0, 1]},
    ],
)
def test_a_network_in_another_form_is_refused(tmp_path: Path, change: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(tmp_path, "float64", math.inf)
    with np.load(files[0]) as stored:
        content = dict(stored)
    rewritten(files[0], **change(content))
    assert code(files) == 2
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda p: {"points": p["points"].astype(np.float32)},
        lambda p: {"points": p["points"].astype(complex)},
        lambda p: {"points": p["points"].astype(np.longdouble)},
        lambda p: {"points": p["points"].astype(str)},
        lambda p: {"points": p["points"].ravel()},
        lambda p: {"points": p["points"][:, :-1]},
        lambda p: {"points": p["points"][:0], "labels": p["labels"][:0]},
        lambda p: {"points": np.where(p["points"] == p["points"][3, 1], np.inf, p["points"])},
        lambda p: {"labels": p["labels"].astype(float)},
        lambda p: {"labels": p["labels"].astype(np.int8)},
        lambda p: {"labels": p["labels"].astype(str)},
        lambda p: {"labels": p["labels"][:, None]},
        lambda p: {"labels": p["labels"][:-1]},
        lambda p: {"labels": (p["labels"] + 1) // 2},
        lambda p: {"index": np.arange(len(p["labels"]))},
        lambda p: {"labels": None},
    ],
)
def test_points_in_another_form_are_refused(tmp_path: Path, change: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(tmp_path, "float64", math.inf)
    with np.load(files[1]) as stored:
        content = dict(stored)
    rewritten(files[1], **change(content))
    assert code(files) == 2
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(radius=0.0),
        lambda c: c.update(radius=1),
        lambda c: c.update(p=2),
        lambda c: c.update(p=True),
        lambda c: c.update(indicators=[True]),
        lambda c: c.update(records={}),
        lambda c: c["records"].__setitem__(3, None),
        lambda c: c["records"][0].update(lower="0.5"),
        lambda c: c["records"][0].update(lower=1),
        lambda c: c["records"][0].update(seconds=True),
        lambda c: c["records"][0].update(method="trust"),
        lambda c: c["records"][0].update(witness=[0.0, 0.0, 0.0, 1]),
        lambda c: c["records"][0].update(witness="0"),
        lambda c: c["records"][0].update(witness=[[0.0]]),
    ],
)
def test_values_of_another_type_are_refused(tmp_path: Path, change: Any) -> None:
    files = written(tmp_path, "float64", math.inf)
    changed(files, change)
    assert code(files) == 2
