"""What is right is confirmed, by files of the project and by a program of its own."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from constructions import Affine, ReLUNetwork, certify, robust_memorizer, write_certificate, write_points
from constructions.certificates.digests import network_digest
from constructions.check.__main__ import main
from tests.constructions.check.checked_files import changed, code, memorized, written


@pytest.mark.parametrize("arithmetic", ["rational", "float64", "float32"])
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("outputs", [1, 3])
def test_interval_certificates_are_confirmed(tmp_path: Path, arithmetic: str, p: float, outputs: int) -> None:
    assert code(written(tmp_path, arithmetic, p, outputs)) == 0


def test_storage_does_not_change_the_digest() -> None:
    weight, bias = np.array([[1.0, 0.0], [-0.0, 2.0]]), np.array([-0.0, 1.0])
    dense, sparse = ReLUNetwork((Affine(weight, bias),)), ReLUNetwork((Affine(sp.csr_array(weight), bias + 0.0),))
    assert network_digest(dense) == network_digest(sparse)


@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
def test_memorizers_are_confirmed_by_a_program_of_its_own(tmp_path: Path, arithmetic: str) -> None:
    points = np.random.default_rng(0).random((60, 6))
    labels = ["a", "b", "c"] * 20
    built = robust_memorizer(points, labels, radius=0.02, p=math.inf, small="all")
    certificate = certify(built.network, points, labels, 0.02, math.inf, arithmetic=arithmetic)
    assert certificate.certified.all()
    built.save(tmp_path / "n.npz")
    write_points(tmp_path / "p.npz", built.network, points, labels)
    write_certificate(tmp_path / "c.json", certificate, built.network, points, labels)
    names = [str(tmp_path / name) for name in ("n.npz", "p.npz", "c.json")]
    if arithmetic == "float32":
        done = subprocess.run([sys.executable, "-m", "constructions.check", *names], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["confirmed"] == 60
    else:
        assert main(names) == 0


@pytest.mark.parametrize(
    ("p", "arithmetic", "method"),
    [
        (1.0, "reals", "shared"),
        (1.0, "reals", "per_point"),
        (2.0, "reals", "shared"),
        (math.inf, "reals", "shared"),
        (math.inf, "reals", "per_point"),
        (math.inf, "float64", "shared"),
        (math.inf, "float32", "shared"),
    ],
)
def test_structural_certificates_are_confirmed_to_the_last_bit(
    tmp_path: Path, p: float, arithmetic: str, method: str
) -> None:
    files = memorized(tmp_path, p, arithmetic, method)
    assert code(files) == 0
    changed(files, lambda c: c["records"][7].update(lower=1.0000000001))
    assert code(files) == 1
    changed(files, lambda c: c.update(radius=1.3 * c["radius"]))
    assert code(files) == 1


def test_the_checker_uses_nothing_of_the_project() -> None:
    allowed = ("hashlib", "json", "math", "sys", "collections.abc", "dataclasses", "decimal", "fractions", "functools")
    allowed = (*allowed, "itertools", "re", "typing")
    sources = list((Path(__file__).parents[3] / "constructions" / "check").glob("*.py"))
    assert len(sources) >= 5
    for source in sources:
        for line in source.read_text().splitlines():
            if line.startswith(("import ", "from ")):
                name = line.split()[1]
                assert name in (*allowed, "numpy") or name.startswith("constructions.check."), line
