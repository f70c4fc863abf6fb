"""The proved checker confirms what `constructions.check` does for p = inf over the reals, and refuses what is false."""

import json
import math
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from constructions import (
    Affine,
    ReLUNetwork,
    certify,
    load_sample,
    robust_memorizer,
    rule_memorizer,
    write_certificate,
    write_points,
)
from constructions.check.__main__ import main
from constructions.check.files import points_digest
from tests.constructions.check.checked_files import Files, changed, first, memorized, resigned, rewritten, written

PROOFS = Path(__file__).parents[3] / "proofs"
SOURCES = ("Network.v", "Trees.v", "Checker.v", "Propagation.v", "CheckerSound.v", "Extract.v", "twin.ml")


def is_built() -> bool:
    program = PROOFS / "twin"
    return program.is_file() and all(program.stat().st_mtime >= (PROOFS / name).stat().st_mtime for name in SOURCES)


pytestmark = pytest.mark.skipif(
    not (shutil.which("coqc") and is_built()), reason="`make proofs` builds the twin where coqc and ocamlopt are"
)


def answer(files: Files) -> tuple[int, set[int]]:
    """Exit code of the twin, and the points that it does not confirm."""
    command = [sys.executable, str(PROOFS / "twin.py"), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 2:
        assert done.stderr.startswith("refused: ")
        return 2, set()
    said = json.loads(done.stdout)
    left = set(said["not confirmed"])
    assert said["confirmed"] == said["points"] - len(left)
    assert done.returncode == bool(left), done.stderr
    return done.returncode, left


def checked(files: Files, capsys: pytest.CaptureFixture[str]) -> set[int]:
    """The points that `constructions.check` does not confirm."""
    main([str(f) for f in files])
    said = json.loads(capsys.readouterr().out)["not confirmed"]
    return {int(line.removeprefix("point ").partition(":")[0]) for line in said}


def saved(folder: Path, built: Any, points: Any, labels: Any) -> Files:
    files = folder / "n.npz", folder / "p.npz", folder / "c.json"
    built.save(files[0])
    write_points(files[1], built.network, points, labels)
    write_certificate(files[2], built.certify(), built.network, points, labels)
    return files


def test_it_rests_on_the_axioms_of_the_reals_alone(tmp_path: Path) -> None:
    theorems = "bounded_sound", "certified_sound", "refuted_sound"
    asked = "".join(f"Print Assumptions CheckerSound.{name}.\n" for name in theorems)
    (tmp_path / "Ask.v").write_text(f"Require CheckerSound.\n{asked}")
    command = ["coqc", "-q", "-w", "none", "-Q", str(PROOFS), "", str(tmp_path / "Ask.v")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = {"ClassicalDedekindReals.sig_forall_dec", "FunctionalExtensionality.functional_extensionality_dep"}
    assert set(re.findall(r"^([^\s:]+)", said, re.MULTILINE)) == {"Axioms", *names}
    assert said.count("Axioms:") == len(theorems)


def test_rules_of_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points, labels = load_sample("digits")
    files = saved(tmp_path, rule_memorizer(points, labels, radius=0.1, p=math.inf), points, labels)
    assert checked(files, capsys) == set()
    assert answer(files) == (0, set())


@pytest.mark.parametrize(("classes", "small"), [("all", "all"), ("parity", "all"), ("all", "auto")])
def test_memorizers_of_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str], classes: str, small: str) -> None:
    points, labels = load_sample("digits", classes=classes)
    files = saved(tmp_path, robust_memorizer(points, labels, radius=0.1, p=math.inf, small=small), points, labels)
    confirmed = set(range(len(points))) - checked(files, capsys)
    assert len(confirmed) > 1000
    assert (len(confirmed) == len(points)) == (small == "all")
    assert not confirmed & answer(files)[1]


@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("arithmetic", ["reals", "rational"])
def test_networks_that_err(tmp_path: Path, capsys: pytest.CaptureFixture[str], outputs: int, arithmetic: str) -> None:
    files = written(tmp_path, arithmetic, math.inf, outputs)
    assert not answer(files)[1] - checked(files, capsys)
    # By linear relaxation more is claimed than intervals confirm.
    assert arithmetic == "reals" or answer(files) == (0, set())
    content = json.loads(files[2].read_text())
    number = content["records"].index(first("certified", content))
    centre = np.load(files[1])["points"][0].tolist()

    def far(c: dict[str, Any]) -> None:
        c["records"][0].update(witness=[a + 0.021 for a in centre])

    def right(c: dict[str, Any]) -> None:
        c["records"][number].update(status="refuted", witness=np.load(files[1])["points"][number].tolist())

    def high(c: dict[str, Any]) -> None:
        c["records"][number].update(lower=c["records"][number]["lower"] + 1)

    def nothing(c: dict[str, Any]) -> None:
        c["records"][number].update(lower=None)

    for fault, place in ((far, 0), (right, number), (high, number), (nothing, number)):
        files[2].write_text(json.dumps(content))
        changed(files, fault)
        assert place in answer(files)[1], fault.__name__


def shifted(files: Files, layer: int, by: float) -> None:
    """The same claims of the network with the biases of one layer shifted."""
    layers = list(ReLUNetwork.load(files[0]).layers)
    layers[layer] = Affine(layers[layer].weight, layers[layer].bias + by)
    resigned(files, tuple(layers))


def test_planted_faults_are_refused(tmp_path: Path) -> None:
    files = memorized(tmp_path, math.inf)
    original = [path.read_bytes() for path in files]
    assert answer(files) == (0, set())

    def labels(_: Files) -> None:
        with np.load(files[1]) as stored:
            points, codes = stored["points"], stored["labels"]
        swapped = -codes if (codes < 0).any() else 1 - codes
        rewritten(files[1], labels=swapped)
        changed(files, lambda c: c.update(points=points_digest(points, swapped)))

    everything = set(range(24))
    faults: list[tuple[Any, set[int]]] = [
        (labels, everything),
        (lambda f: changed(f, lambda c: c.update(radius=3.0)), everything),
        (lambda f: changed(f, lambda c: c["records"][7].update(lower=1.0 + 2.0**-40)), {7}),
        (lambda f: changed(f, lambda c: c["records"][7].update(lower=0.0)), {7}),
        # The features, and the indicators, which are 1 on a ball and now 0.
        (lambda f: shifted(f, 0, 0.25), everything),
        (lambda f: shifted(f, 2, -1.0), everything),
    ]
    for fault, wrong in faults:
        for path, content in zip(files, original, strict=True):
            path.write_bytes(content)
        fault(files)
        assert answer(files) == (1, wrong)


def test_a_witness_is_not_read_as_the_claims_that_follow_it(tmp_path: Path) -> None:
    """Behind its coordinates the words of records without a claim, so that the false ones would never be read."""
    files = written(tmp_path, "rational", math.inf)

    def longer(c: dict[str, Any]) -> None:
        refuted, *others = c["records"]
        refuted["witness"] += [0.0] * 4 * len(others)
        for record in others:
            record.update(status="certified", lower=1e6, witness=None)

    changed(files, longer)
    assert answer(files)[0] == 2
    changed(files, lambda c: c["records"][0].update(witness=c["records"][0]["witness"][:3]))
    assert answer(files)[0] == 2


@pytest.mark.parametrize("arithmetic", ["float32", "float64"])
def test_claims_of_another_kind_are_refused(tmp_path: Path, arithmetic: str) -> None:
    assert answer(memorized(tmp_path, math.inf, arithmetic))[0] == 2
    assert answer(memorized(tmp_path, 1.0))[0] == 2


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    files = memorized(tmp_path, math.inf)
    original = files[0].read_bytes()
    layers = ReLUNetwork.load(files[0]).layers
    ReLUNetwork((Affine(layers[0].weight, layers[0].bias + 0.25), *layers[1:])).save(files[0])
    assert answer(files)[0] == 2
    files[0].write_bytes(original)
    assert answer(files)[0] == 0
    shifted_points = np.load(files[1])["points"] + 0.5
    rewritten(files[1], points=shifted_points)
    assert answer(files)[0] == 2


def test_an_error_is_not_claimed_without_its_witness(tmp_path: Path) -> None:
    files = written(tmp_path, "rational", math.inf)
    original = files[2].read_bytes()
    changed(files, lambda c: c["records"][0].update(lower=None, witness=None))
    assert answer(files)[0] == 2
    files[2].write_bytes(original)
    changed(files, lambda c: c["records"][0].update(status="undecided"))
    assert answer(files)[0] == 2


def test_nothing_is_read_where_subnormal_numbers_are_zero(tmp_path: Path) -> None:
    """There weights are no part of the network and of its digest: it would be confirmed, and err."""
    x, label, tiny = np.array([[2.0**1020]]), np.array([1]), np.array([[-(2.0**-1060)]])
    network = ReLUNetwork((Affine(tiny, np.array([2.0**-50])),))
    without = ReLUNetwork((Affine(0 * tiny, network.layers[0].bias),))
    assert network(x)[0, 0] < 0 < without(x)[0, 0]
    files = tmp_path / "n.npz", tmp_path / "p.npz", tmp_path / "c.json"
    write_points(files[1], without, x, label)
    write_certificate(files[2], certify(without, x, label, 1.0, math.inf), without, x, label)
    without.save(files[0])
    assert answer(files) == (0, set())
    network.save(files[0])
    words = runpy.run_path(str(PROOFS / "twin.py"))["words"]
    assert torch.set_flush_denormal(True)
    try:
        with pytest.raises(ValueError, match="takes subnormal numbers for zero"):
            words(*map(str, files))
    finally:
        torch.set_flush_denormal(False)
