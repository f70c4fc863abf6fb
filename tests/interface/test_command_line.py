"""`python -m constructions`: what it prints and writes, and one line and exit code 2 for bad input."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork
from constructions.__main__ import main
from constructions.certificates.any_network import certify
from constructions.check.__main__ import main as check

SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([-1, 1, 1, -1])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.savez(tmp_path / "xor.npz", points=SQUARE, labels=XOR)
    rows = [f"{x},{y},{label}" for (x, y), label in zip(SQUARE, ["even", "odd", "odd", "even"], strict=True)]
    (tmp_path / "xor.csv").write_text("\n".join(rows) + "\n")
    np.savez(tmp_path / "twins.npz", points=SQUARE[[0, 0]], labels=[1, -1])
    np.savez(tmp_path / "nan.npz", points=np.where(SQUARE > 0, np.nan, SQUARE), labels=XOR)
    np.savez(tmp_path / "one_class.npz", points=SQUARE, labels=np.ones(4))
    np.savez(tmp_path / "unnamed.npz", x=SQUARE, y=XOR)
    (tmp_path / "ragged.csv").write_text("0,1,a\n0,b\n")
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 not an archive")
    return tmp_path


@pytest.mark.parametrize("name", ["xor.npz", "xor.csv"])
@pytest.mark.parametrize("p", ["1", "2", "3", "inf"])
def test_a_file_is_memorized_and_the_network_written(
    files: Path, name: str, p: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, record = files / "network.npz", files / "record.json"
    code = main([str(files / name), "--radius", "0.3", "--p", p, "--out", str(out), "--json", str(record)])
    printed = capsys.readouterr().out
    assert code == 0
    assert "4 certified, 0 refuted, 0 undecided of 4 balls" in " ".join(printed.split())
    network = ReLUNetwork.load(out)
    written = json.loads(record.read_text())
    assert written["certificate"]["certified"] == 4
    assert written["size"]["nonzero"] == network.nonzero == written["size"]["formula_nonzero"]
    assert f"{network.nonzero:,}" in printed
    if network.outputs == 1:
        assert certify(network, SQUARE, XOR, 0.3, float(p)).count("refuted") == 0


@pytest.mark.parametrize("arithmetic", ["reals", "rational", "float64", "float32"])
def test_the_three_files_that_it_writes_are_what_the_checker_reads(files: Path, arithmetic: str) -> None:
    names = [str(files / name) for name in ("network.npz", "points.npz", "certificate.json")]
    given = [value for pair in zip(("--out", "--points", "--certificate"), names, strict=True) for value in pair]
    task = [str(files / "xor.csv"), "--radius", "0.3", "--p", "inf", "--small", "all", "--arithmetic", arithmetic]
    assert main([*task, *given]) == 0
    assert check(names) == 0


def test_another_clean_classifier_is_taken_from_its_file(files: Path) -> None:
    out = files / "first.npz"
    task = [str(files / "xor.npz"), "--radius", "0.2", "--p", "inf"]
    assert main([*task, "--out", str(out)]) == 0
    # A memorizer is a ReLU network that classifies the sample, so it will do as the clean classifier of the next.
    assert main([*task, "--clean", str(out), "--json", str(files / "second.json")]) == 0
    assert json.loads((files / "second.json").read_text())["size"]["clean"] == ReLUNetwork.load(out).nonzero


def test_what_the_given_clean_classifier_gets_wrong_is_memorized(files: Path) -> None:
    ReLUNetwork((Affine(np.zeros((1, 2)), np.array([5.0])),)).save(files / "constant.npz")
    np.savez(files / "pair.npz", points=SQUARE[[0, 3]], labels=[1, -1])
    task = [str(files / "pair.npz"), "--radius", "0.1", "--p", "inf", "--clean", str(files / "constant.npz")]
    assert main([*task, "--json", str(files / "record.json")]) == 0
    assert json.loads((files / "record.json").read_text())["size"]["n_small"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.npz", "--radius", "0.1", "--p", "2"], "there is no file"),
        (["digitz", "--radius", "0.1", "--p", "2"], "data must be digits, mnist5k, mnist"),
        (["twins.npz", "--radius", "0.1", "--p", "2"], "equal points 0 and 1"),
        (["nan.npz", "--radius", "0.1", "--p", "2"], "finite, got NaN or infinity in point 1"),
        (["one_class.npz", "--radius", "0.1", "--p", "2"], "at least two classes"),
        (["unnamed.npz", "--radius", "0.1", "--p", "2"], "arrays named points and labels"),
        (["ragged.csv", "--radius", "0.1", "--p", "2"], "numbers and a label on every line: line 2 has 2"),
        (["damaged.npz", "--radius", "0.1", "--p", "2"], "not a readable .npz"),
        (["xor.npz", "--radius", "0.5", "--p", "inf"], "needs 2 * radius + shell <= separation"),
        (["xor.npz", "--radius", "nan", "--p", "inf"], "finite radius > 0, got radius=nan"),
        (["xor.npz", "--radius", "0.1", "--p", "0.5"], "p"),
        (["xor.npz", "--radius", "0.1", "--p", "nan"], "p"),
        (["xor.npz", "--radius", "0.1", "--p", "inf", "--shell", "0.9"], "take a shell of at most 0.8"),
        (["xor.npz", "--radius", "0.1", "--p", "inf", "--clean", "xor.npz"], "not a network saved by"),
        (["xor.npz", "--radius", "0.1", "--p", "inf", "--classes", "7,8"], "7"),
        (["xor.npz", "--radius", "0.1", "--p", "inf", "--compare", "--method", "per_point"], "leave out --clean"),
        (["xor.npz", "--radius", "0.1", "--p", "inf", "--figure", "x.png"], "--figure draws the counts of --compare"),
        (["xor.npz", "--radius", "0.1", "--p", "inf", "--image", "1,2"], "--method shared needs no --image"),
        (["xor.npz", "--radius", "0.1", "--p", "2", "--method", "rules", "--small", "all"], "rules needs no --small"),
        (
            ["xor.npz", "--radius", "0.1", "--p", "2", "--method", "rules", "--image", "2"],
            "image must be (height, width)",
        ),
        (
            ["xor.npz", "--radius", "0.1", "--p", "2", "--method", "rules", "--image", "a,b"],
            "--image needs HEIGHT,WIDTH",
        ),
        (["xor.npz", "--radius", "0.1", "--p", "2", "--method", "rules", "--seconds", "0"], "give more seconds"),
        (["xor.npz", "--radius", "0.1", "--p", "inf", "--method", "compact"], "p = 2"),
        (["xor.npz", "--radius", "0.1", "--p", "inf", "--method", "bits", "--shell", "0.1"], "bits needs no --shell"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    files: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    before = set(files.iterdir())
    assert main([*arguments, "--out", "network.npz", "--json", "record.json"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in lines[0]
    assert set(files.iterdir()) == before, "something half-written is left"


def test_an_unwritable_target_leaves_nothing(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = files / "absent" / "network.npz"
    assert main([str(files / "xor.npz"), "--radius", "0.1", "--p", "2", "--out", str(target)]) == 2
    assert re.search(r"error: .*absent", capsys.readouterr().err)
    assert not target.parent.exists()


@pytest.mark.parametrize("method", ["rules", "bits"])
def test_the_smallest_are_written_and_checked(files: Path, method: str) -> None:
    from constructions.check.__main__ import main as check

    written = [str(files / name) for name in ("network", "points.npz", "certificate.json")]
    options = ["--out", written[0], "--points", written[1], "--certificate", written[2], "--method", method]
    assert main([str(files / "xor.npz"), "--radius", "0.2", "--p", "inf", *options]) == 0
    assert check(written) == 0
