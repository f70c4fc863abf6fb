"""The checker confirms what is right, and refuses what was changed or does not follow."""

import hashlib
import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from constructions import Affine, ReLUNetwork, certify, check, robust_memorizer
from constructions.certificate_file import network_digest, write_certificate

Files = tuple[Path, Path, Path]


def written(folder: Path, arithmetic: str, p: float, outputs: int = 1) -> Files:
    """A random network with certified, undecided and refuted balls, bounded by intervals only."""
    rng = np.random.default_rng(outputs)
    sizes = [4, 12, 8, outputs]
    layers = [Affine(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in pairwise(sizes)]
    layers[1] = Affine(sp.csr_array(np.where(rng.random((8, 12)) < 0.2, layers[1].weight, 0)), layers[1].bias)
    network = ReLUNetwork(tuple(layers))
    points = rng.normal(size=(16, 4))
    values = network(points)
    labels = np.where(values[:, 0] > 0, 1, -1) if outputs == 1 else values.argmax(axis=1)
    # One wrong label, which every arithmetic refutes.
    labels[0] = -labels[0] if outputs == 1 else (labels[0] + 1) % outputs
    certificate = certify(network, points, labels, 0.02, p, arithmetic=arithmetic)
    assert certificate.certified.any()
    assert certificate.status[0] == "refuted"
    files = folder / "network.npz", folder / "points.npz", folder / "certificate.json"
    network.save(files[0])
    np.savez(files[1], points=points, labels=labels)
    write_certificate(files[2], certificate, network, points, labels)
    return files


def code(files: Files) -> int:
    return check.main([str(f) for f in files])


@pytest.mark.parametrize("arithmetic", ["rational", "float64", "float32"])
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("outputs", [1, 3])
def test_interval_certificates_are_confirmed(tmp_path: Path, arithmetic: str, p: float, outputs: int) -> None:
    assert code(written(tmp_path, arithmetic, p, outputs)) == 0


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
            check.read_certificate(str(files[2]))
    for changed in (raw + b"\n", raw[:-1], b""):
        files[2].write_bytes(changed)
        assert code(files) == 2
    assert "refused" in capsys.readouterr().err


def changed(files: Files, change: Any) -> None:
    """A false claim with a digest that fits it."""
    content = json.loads(files[2].read_text())
    change(content)
    del content["digest"]
    content["digest"] = hashlib.sha256(check.canonical(content)).hexdigest()
    files[2].write_bytes(check.canonical(content))


def first(status: str, content: dict[str, Any]) -> dict[str, Any]:
    return next(r for r in content["records"] if r["status"] == status)


@pytest.mark.parametrize(
    ("arithmetic", "change"),
    [
        ("float64", lambda c: first("refuted", c).update(status="certified", lower=0.5, witness=None)),
        ("float64", lambda c: first("refuted", c).update(status="certified", witness=None)),
        ("float64", lambda c: first("certified", c).update(lower=9.0)),
        ("rational", lambda c: first("certified", c).update(lower=9.0)),
        ("float64", lambda c: first("certified", c).update(lower=None)),
        ("float32", lambda c: first("certified", c).update(status="refuted", witness=[0.0] * 4)),
        ("float32", lambda c: first("refuted", c)["witness"].__setitem__(0, 100.0)),
        ("float64", lambda c: first("refuted", c).update(witness=None)),
        ("rational", lambda c: first("certified", c).update(status="undecided", lower=9.0)),
        ("float64", lambda c: c.update(radius=5.0)),
    ],
)
def test_false_claims_are_not_confirmed(tmp_path: Path, arithmetic: str, change: Any) -> None:
    files = written(tmp_path, arithmetic, math.inf)
    changed(files, change)
    assert code(files) == 1


def test_a_witness_that_is_no_error_or_no_vector_of_the_format_is_not_confirmed(tmp_path: Path) -> None:
    files = written(tmp_path, "float32", math.inf)
    with np.load(files[1]) as points:
        centre = points["points"]
    witness = centre[1].astype(np.float32).astype(float).tolist()
    changed(files, lambda c: c["records"][1].update(status="refuted", witness=witness))
    assert code(files) == 1
    changed(files, lambda c: c["records"][0].update(witness=(centre[0] + 2.0**-40).tolist()))
    assert code(files) == 1


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
    assert check.main([]) == 2


def test_storage_does_not_change_the_digest() -> None:
    weight, bias = np.array([[1.0, 0.0], [-0.0, 2.0]]), np.array([-0.0, 1.0])
    dense, sparse = ReLUNetwork((Affine(weight, bias),)), ReLUNetwork((Affine(sp.csr_array(weight), bias + 0.0),))
    assert network_digest(dense) == network_digest(sparse)


@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
def test_memorizers_are_confirmed_by_a_program_of_its_own(tmp_path: Path, arithmetic: str) -> None:
    points = np.random.default_rng(0).random((60, 6))
    built = robust_memorizer(points, ["a", "b", "c"] * 20, radius=0.02, p=math.inf, small="all")
    certificate = certify(built.network, points, built.sample.codes, 0.02, math.inf, arithmetic=arithmetic)
    assert certificate.certified.all()
    built.save(tmp_path / "n.npz")
    # Labels as the user has them, not as the network counts them.
    np.savez(tmp_path / "p.npz", points=points, labels=["a", "b", "c"] * 20)
    write_certificate(tmp_path / "c.json", certificate, built.network, points, built.sample.codes)
    names = [str(tmp_path / name) for name in ("n.npz", "p.npz", "c.json")]
    if arithmetic == "float32":
        done = subprocess.run([sys.executable, "-m", "constructions.check", *names], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["confirmed"] == 60
    else:
        assert check.main(names) == 0


def test_the_checker_uses_nothing_of_the_project() -> None:
    source = Path(check.__file__).read_text()
    imports = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    allowed = ("hashlib", "json", "math", "sys", "dataclasses", "fractions", "itertools", "typing", "numpy")
    assert all(line.split()[1] in allowed for line in imports)


def test_as_many_records_as_points_are_written(tmp_path: Path) -> None:
    line = ReLUNetwork((Affine(np.ones((1, 1)), np.zeros(1)),))
    certificate = certify(line, np.array([[1.0]]), np.array([1]), 0.1, math.inf)
    with pytest.raises(ValueError, match="1 records, 2 points"):
        write_certificate(tmp_path / "c", certificate, line, np.ones((2, 1)), np.array([1, 1]))
