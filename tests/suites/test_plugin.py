"""The plugin of pytest on real command lines, in a folder that is not the project's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MINE = """
import numpy as np
from constructions import max_tree_memorizer, robust_memorizer
from constructions.suite import claims
from theory import AssumptionError

@claims(norms=["inf"])
def good(points, labels, radius):
    return max_tree_memorizer(points, labels, radius=radius).network

def never(points, labels, radius, p):
    raise AssumptionError("not today")

@claims(norms=[2])
def smaller(points, labels, radius):
    return robust_memorizer(points, labels, radius=0.9 * radius, p=2, shell=radius / 64, small="all")

def picky(points, labels, radius, p):
    if len(points) > 2:
        raise AssumptionError("two points at most")
    return robust_memorizer(points, labels, radius=radius, p=p)

def no_radius(points, labels, eps, p):
    return None
"""


def run(folder: Path, *options: str, plugin: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest in a folder; its own name for the folder is not on the path of Python."""
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "-q"]
    command += ["-p", "constructions.suite.plugin"] if plugin else []
    variables = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTEST_ADDOPTS": ""} | environment
    return subprocess.run([*command, *options], cwd=folder, env=variables, capture_output=True, text=True, timeout=300)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With builders, and a test that fails, which is not to be run."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "test_other.py").write_text("def test_other():\n    assert False\n")
    return tmp_path


def test_a_builder_of_a_folder(folder: Path) -> None:
    done = run(folder, "--memorizer", "mine:good", "--max-examples", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n6 conclusions checked (6 hold), 0 not checked\n" in done.stdout
    assert "6 passed" in done.stdout


def test_a_wrong_builder_is_named_in_one_line(folder: Path) -> None:
    done = run(folder, "--memorizer", "mine:smaller", "--max-examples", "3", "-k", "radius_is_reached")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    (first,) = (k for k, line in enumerate(lines) if line.startswith("smaller: radius_is_reached: point "))
    assert re.search(
        r"point \d \(label -?\d\), at distance 0\.\d+ of radius 0\.\d+ in l_2: margin \S+, needs > 0; sample .* seed 0",
        lines[first],
    )
    assert lines[first + 1].startswith("points = ")
    assert "Traceback" not in done.stdout
    assert any(line.startswith("FAILED mine:smaller::radius_is_reached - point ") for line in lines)
    assert "\n1 conclusion checked (0 hold, 1 fail), 0 not checked\n" in done.stdout


def test_expected_failures(folder: Path) -> None:
    wrong = "--memorizer", "mine:smaller", "--max-examples", "1"
    failing = "radius_is_reached,no_ball_holds_an_error,no_ball_is_refuted,every_scale_is_right"
    done = run(folder, *wrong, "--expected-failures", failing)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n6 conclusions checked (2 hold, 4 fail as expected), 0 not checked\n" in done.stdout
    # That what is expected to fail holds is a failure.
    done = run(folder, *wrong, "--expected-failures", "every_point_has_its_label", "-k", "every_point")
    assert done.returncode == 1, done.stdout + done.stderr
    done = run(folder, *wrong, "--expected-failures", "every_pint")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "every_point_has_its_label" in done.stderr


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        ("nowhere:build", "nowhere:build"),
        ("mine:nothing", "has no attribute 'nothing'"),
        ("mine", "--memorizer needs MODULE:BUILDER"),
        ("mine:no_radius", "by these names; this has no radius"),
    ],
)
def test_what_is_no_builder_is_said_in_one_line(folder: Path, builder: str, said: str) -> None:
    done = run(folder, "--memorizer", builder)
    assert done.returncode == 4, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("options", [("--claims", "f_adv"), ("--claims", "everything"), ("--max-examples", "0")])
def test_options_that_do_not_fit_are_said(folder: Path, options: tuple[str, str]) -> None:
    done = run(folder, "--memorizer", "mine:good", *options)
    assert done.returncode == 4, done.stdout + done.stderr


def test_a_run_that_concludes_nothing_does_not_pass(folder: Path) -> None:
    """Only checks that say nothing of the builder are selected: all of them are skipped."""
    done = run(folder, "--memorizer", "mine:never", "-k", "every_scale")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not checked: every_scale_is_right: every scale was refused: not today" in done.stdout
    assert "\n0 conclusions checked (0 hold), 1 not checked\n" in done.stdout
    points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    np.savez(folder / "xor.npz", points=points, labels=[-1, 1, 1, -1])
    done = run(folder, "--data=xor.npz", "--memorizer", "mine:never", "--radius", "0.3", "-k", "count_equals")
    assert done.returncode == 1, done.stdout + done.stderr
    # Of one that refuses all samples every other check fails.
    done = run(folder, "--memorizer", "mine:never", "--max-examples", "2")
    assert done.returncode == 1
    assert "5 conclusions checked (0 hold, 5 fail), 1 not checked" in done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_samples_that_a_builder_refuses_are_counted(folder: Path, workers: tuple[str, ...]) -> None:
    """What it does not take says nothing of it, and the conclusions hold on the others only."""
    if workers:
        pytest.importorskip("xdist")
    done = run(folder, "--memorizer", "mine:picky", "--max-examples", "1", *workers)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"\nthe builder refused (\d+) of (\d+) samples\n5 conclusions checked", done.stdout)
    assert found, done.stdout
    assert 0 < int(found[1]) < int(found[2])
    assert "refused" not in run(folder, "--memorizer", "mine:good", "--max-examples", "1").stdout


@pytest.mark.parametrize("form", ["--data=xor.npz", "--data xor.npz"])
@pytest.mark.parametrize(("radius", "status"), [("0.3", 0), ("0.6", 1)])
def test_a_file_of_ones_own(folder: Path, form: str, radius: str, status: int) -> None:
    points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    np.savez(folder / "xor.npz", points=points, labels=[-1, 1, 1, -1])
    done = run(folder, *form.split(), "--radius", radius)
    assert done.returncode == status, done.stdout + done.stderr
    if status:
        assert "is too large" in done.stdout
        assert "\n0 conclusions checked (0 hold), 4 not checked\n" in done.stdout
    else:
        assert "7 passed" in done.stdout
        assert "\n4 conclusions checked (4 hold), 0 not checked\n" in done.stdout


def test_a_table_of_ones_own_is_read_as_it_is_told(folder: Path) -> None:
    (folder / "a.csv").write_text(",kind,x,y\n0,a,0.5,1\n1,b,2,3.5\n2,a,7,NA\n")
    done = run(folder, "--data=a.csv")
    assert done.returncode == 1
    assert "leave it out (--leave-out ''" in done.stdout
    told = "--data=a.csv", "--leave-out=", "--label-column", "kind", "--drop-missing", "--header", "yes"
    done = run(folder, *told)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n4 conclusions checked (4 hold), 0 not checked\n" in done.stdout


def test_checks_as_tests_show_what_failed_without_the_lines_of_the_suite(folder: Path) -> None:
    text = "import mine\nfrom constructions.suite import parametrize_with_checks\n\n"
    text += "@parametrize_with_checks([mine.smaller], max_examples=1)\ndef test(builder, check):\n    check(builder)\n"
    (folder / "test_mine.py").write_text(text)
    done = run(folder, "test_mine.py", "-k", "radius_is_reached", "--rootdir=.", "--import-mode=prepend")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "CheckFailed: smaller: radius_is_reached: point " in done.stdout
    assert "running.py" not in done.stdout


def test_other_runs_are_left_alone(folder: Path) -> None:
    """The options have general names: somebody's own `--data` keeps its meaning, and other tests are run."""
    (folder / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--radius', default='mine')\n    parser.addoption('--p')\n"
    )
    (folder / "test_other.py").write_text(
        "def test_other(request):\n    assert request.config.getoption('--radius') == 'theirs'\n"
    )
    assert "--radius" in run(folder, "--help").stdout
    done = run(folder, "--radius", "theirs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "conclusions" not in done.stdout


def test_the_options_are_listed(folder: Path) -> None:
    done = run(folder, "--memorizer", "mine:good", "--help")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"--claims", "--max-examples", "--suite-seed", "--expected-failures"} <= set(
        re.findall(r"--[\w-]+", done.stdout)
    )


def test_it_is_loaded_with_nothing_heavy() -> None:
    """pytest loads it in every run, wherever the package is installed."""
    code = "import pytest, sys; old = {*sys.modules}; import constructions.suite.plugin; print(*{*sys.modules} - old)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {
        *("constructions", "constructions.suite", "constructions.suite.plugin", "theory", "theory.lazy"),
        *("ast", "_ast", "shlex"),
    }


def test_with_workers(folder: Path) -> None:
    pytest.importorskip("xdist")
    done = run(folder, "--memorizer", "mine:good", "--max-examples", "2", "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n6 conclusions checked (6 hold), 0 not checked\n" in done.stdout
