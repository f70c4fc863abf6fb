"""What is loaded when: no command loads a heavy library before it needs it, and every public name is there."""

import ast
import importlib
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("theory", "constructions", "empirics")
HEAVY = {"datasets", "matplotlib", "pandas", "scipy.optimize", "scipy.stats", "sklearn", "sympy", "torch"}


def modules_after(code: str) -> set[str]:
    """The modules that a new process has loaded after this code, or when it leaves by `SystemExit` without an error."""
    program = f"import sys\ntry:\n    {code}\nexcept SystemExit as end:\n    assert not end.code\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}print(*sys.modules)"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def loaded_by(code: str) -> set[str]:
    return HEAVY & modules_after(code)


def command(module: str, *arguments: str) -> str:
    return f"import runpy; sys.argv[1:] = {arguments}; runpy.run_module({module!r}, run_name='__main__')"


@pytest.mark.parametrize(
    "code",
    [
        "import theory, constructions, empirics; dir(theory)",
        command("theory"),
        command("theory", "--help"),
        command("theory", "definition-clean-error"),
        command("constructions", "--help"),
        command("empirics", "--help"),
        "import constructions.check.__main__",
        "from theory import LEDGER, AssumptionError, norm, separation, small_margin",
        "from constructions import ReLUNetwork, certify, load_sample, lp_excess, read_task, square",
        "from constructions import robust_memorizer, soft_indicator; import constructions.command",
        "from constructions import load_sample; load_sample('mnist5k')",
    ],
)
def test_no_heavy_library_is_loaded(code: str) -> None:
    assert loaded_by(code) == set()


def test_a_library_that_is_loaded_is_noticed() -> None:
    """The planted fault."""
    assert loaded_by("import sympy") == {"sympy"}
    assert loaded_by("from theory import max_margin_direction") == {"scipy.optimize"}
    assert loaded_by("import theory.sizes.published") == {"sympy"}
    assert "sklearn" in loaded_by("from constructions import load_sample; load_sample('digits')")


def test_a_memorizer_is_built_and_certified_with_little() -> None:
    """The affine fit needs L-BFGS; sympy is for formulas that are asked for, sklearn for hidden layers."""
    arguments = ("mnist5k", "--radius", "0.5", "--p", "2")
    assert loaded_by(command("constructions", *arguments)) == {"scipy.optimize"}


def test_the_checker_loads_nothing_else_of_ours() -> None:
    """It has to be trusted alone."""
    ours = {name for name in modules_after("import constructions.check.__main__") if name.split(".")[0] in PACKAGES}
    beside = {name for name in ours if not name.startswith("constructions.check")}
    assert ours > beside == {"constructions", "theory", "theory.lazy"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_what_its_module_calls_so(package: str) -> None:
    module = importlib.import_module(package)
    body = ast.parse((ROOT / package / "__init__.pyi").read_text()).body
    homes = {alias.name: node.module for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert sorted(homes) == sorted(module.__all__)
    assert len(homes) > 10
    for name, home in homes.items():
        assert home is not None
        assert home.startswith(f"{package}.")
        assert getattr(module, name) is getattr(importlib.import_module(home), name)
    starred: dict[str, object] = {}
    exec(f"from {package} import *", starred)
    assert set(homes) <= set(starred)
    assert {*homes, "__doc__", "__all__"} <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_version_is_that_of_the_project(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module = importlib.import_module(package)
    assert module.__version__ == project["version"]

    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(AttributeError, match="sources that are not installed: pip install"):
        _ = module.__version__


@pytest.mark.parametrize("package", PACKAGES)
def test_another_name_is_refused(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'robust_memoriser'"):
        _ = importlib.import_module(package).robust_memoriser
    with pytest.raises(ImportError, match="cannot import name 'robust_memoriser'"):
        exec(f"from {package} import robust_memoriser")


def test_the_arithmetics_of_the_command_line_are_those_of_certificates() -> None:
    from constructions.__main__ import _ARITHMETICS
    from constructions.certificates.certificate import ARITHMETICS

    assert tuple(ARITHMETICS) == _ARITHMETICS
