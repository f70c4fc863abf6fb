"""`python -m constructions.certify`: exit codes, what it prints, and that it does not take the function's place."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork
from constructions.exchange.vnnlib_file import read_vnnlib
from constructions.exchange.witness_file import read_witness
from tests.interface.test_start_up import command, loaded_by, modules_after
from tests.rational import rational_value

pytest.importorskip("onnx")
ROOT = Path(__file__).parents[2]
DECLARED = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 0.5)) (assert (<= X_0 1.0))"
# |x - 1/4|, on [1/2, 1] from 1/4 to 3/4.
FOLD = ReLUNetwork(
    (Affine(np.array([[1.0], [-1.0]]), np.array([-0.25, 0.25])), Affine(np.array([[1.0, 1.0]]), np.zeros(1)))
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from constructions.exchange.onnx_file import write_onnx

    write_onnx(tmp_path / "fold.onnx", FOLD, dtype="float32")
    asked = {"unsat": "(<= Y_0 0.2)", "sat": "(<= Y_0 0.3)", "strict": "(< Y_0 0.25)", "damaged": "(<= Y_0"}
    for name, one in asked.items():
        (tmp_path / f"{name}.vnnlib").write_text(f"{DECLARED}\n(assert {one})\n")
    (tmp_path / "other.vnnlib").write_text(
        f"{DECLARED} (declare-const X_1 Real) (assert (>= X_1 0)) (assert (<= X_1 1)) (assert (<= Y_0 0))"
    )
    (tmp_path / "damaged.onnx").write_bytes(b"\x08\x08 no model")
    return tmp_path


def called(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "constructions.certify", *arguments], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("name", "answers", "code"), [("unsat", {"unsat"}, 20), ("sat", {"sat"}, 10), ("strict", {"unknown", "timeout"}, 0)]
)
def test_answers_and_exit_codes(name: str, answers: set[str], code: int, folder: Path) -> None:
    path = folder / "witness.txt"
    done = called(
        str(folder / "fold.onnx"), str(folder / f"{name}.vnnlib"), "--seconds", "2", "--witness", str(path), "--quiet"
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.strip() in answers
    assert path.exists() == (name == "sat")
    if name == "sat":
        x, y = read_witness(path)
        assert y == [Fraction(float(v)) for v in rational_value(FOLD, x)]
        assert read_vnnlib(folder / "sat.vnnlib").is_witness(x, rational_value(FOLD, x))
    else:
        assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.onnx", "sat.vnnlib"], "missing.onnx"),
        (["fold.onnx", "missing.vnnlib"], "missing.vnnlib"),
        (["damaged.onnx", "sat.vnnlib"], "damaged.onnx"),
        (["fold.onnx", "damaged.vnnlib"], "damaged.vnnlib: brackets must be closed"),
        (["fold.onnx", "other.vnnlib"], "1 inputs and 1 outputs, got one of 2 inputs and 1 outputs"),
        (["fold.onnx", "sat.vnnlib", "--seconds", "-1"], "seconds must be a number >= 0"),
        (["fold.onnx", "sat.vnnlib", "--seconds", "soon"], "invalid float value"),
        (["fold.onnx", "sat.vnnlib", "--seed", "-1"], "seed must be a whole number >= 0, got -1"),
        (["fold.onnx", "sat.vnnlib", "--witness", "nowhere.d/w"], "nowhere.d"),
        (["fold.onnx"], "PROPERTY.vnnlib"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], message: str, folder: Path) -> None:
    given = [str(folder / word) if "." in word else word for word in arguments]
    done = called(*given)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_help_needs_no_library() -> None:
    found = modules_after(command("constructions.certify", "--help"))
    assert loaded_by(command("constructions.certify", "--help")) == set()
    assert not {"numpy", "scipy", "onnx"} & found
    assert "20 unsat, 10 sat, 0 unknown or timeout; 2 bad input" in " ".join(called("--help").stdout.split())


def test_importing_the_command_raises_and_leaves_the_function() -> None:
    program = (
        "import constructions\n"
        "first = constructions.certify\n"
        "try:\n"
        "    import constructions.certify\n"
        "except ImportError as error:\n"
        "    print(error)\n"
        "assert callable(constructions.certify) and constructions.certify is first\n"
        "from constructions import certify\n"
        "assert certify is first\n"
        "try:\n"
        "    from constructions.certify import anything\n"
        "except ImportError:\n"
        "    print('refused')\n"
        "assert constructions.certify is first\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "constructions.certify is a function: from constructions import certify",
        "refused",
    ]
