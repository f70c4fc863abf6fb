"""The wheel: built, installed into a new environment, its suite run from a folder that is not the project's."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MINE = """
from constructions import robust_memorizer
from constructions.suite import claims, parametrize_with_checks

def build(points, labels, radius, p):
    return robust_memorizer(points, labels, radius=radius, p=p, small="all").network

def smaller(points, labels, radius, p):
    return robust_memorizer(points, labels, radius=0.9 * radius, p=p, shell=radius / 64, small="all").network

@parametrize_with_checks([build, claims(norms=[2])(build)], max_examples=2)
def test_mine(builder, check):
    check(builder)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel; what the wheel needs is that of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("theory", "constructions", "empirics"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    code = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    built = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=source, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    wheel = folder / built.stdout.splitlines()[-1]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / Path(sys.executable).name
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A path alone: the .pth files there, one of which makes the checkout importable, are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def run(python: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    command = [python, "-P", "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_the_packages_are_those_of_the_wheel(python: Path, folder: Path) -> None:
    code = "import constructions.suite, theory; print(constructions.suite.__file__, theory.__file__)"
    done = subprocess.run([python, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert str(ROOT) not in done.stdout
    assert done.stdout.count(str(python.parents[1])) == 2


def test_a_builder_by_the_command_line(python: Path, folder: Path) -> None:
    done = run(python, folder, "-q", "--memorizer", "mine:build", "--max-examples", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n6 conclusions checked (6 hold), 0 not checked\n" in done.stdout
    done = run(python, folder, "-q", "--memorizer", "mine:smaller", "--max-examples", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "\nsmaller: radius_is_reached: point " in done.stdout


def test_a_rival_from_an_empty_folder(python: Path, tmp_path: Path) -> None:
    # The plugin by its name too, as in a checkout: it is loaded once.
    plugin = "-p", "constructions.suite.plugin"
    done = run(python, tmp_path, "-q", *plugin, "--memorizer", "constructions:max_tree_memorizer")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n6 conclusions checked (6 hold), 0 not checked\n" in done.stdout


def test_data_from_an_empty_folder(python: Path, tmp_path: Path) -> None:
    done = run(python, tmp_path, "-q", "--data", "digits", "--classes", "3,8", "--p", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n4 conclusions checked (4 hold), 0 not checked\n" in done.stdout


def test_a_test_of_ones_own(python: Path, folder: Path) -> None:
    done = run(python, folder, "-v", "mine.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mine.py::test_mine[build-radius_is_reached0] PASSED" in done.stdout
    assert "12 passed" in done.stdout
