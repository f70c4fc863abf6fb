"""`theory ← constructions ← empirics`, read from the imports; `tests` and `benchmarks` are imported by none."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "theory": {"theory"},
    "constructions": {"theory", "constructions"},
    "empirics": {"theory", "constructions", "empirics"},
}
OURS = {*MAY_IMPORT, "tests", "benchmarks"}


def imported(source: str) -> set[str]:
    """Top-level packages that a module imports, anywhere in its text; relative imports as ''."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0] if node.level == 0 else "")
    return names


def violations(package: str, source: str) -> set[str]:
    wrong = (imported(source) & OURS) - MAY_IMPORT[package]
    return wrong | (imported(source) & {"torch"} if package == "theory" else set())


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way_only(package: str) -> None:
    modules = list((ROOT / package).rglob("*.py"))
    assert modules
    found = {str(path.relative_to(ROOT)): violations(package, path.read_text()) for path in modules}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("package", "source", "wrong"),
    [
        ("theory", "from constructions.network import Affine", {"constructions"}),
        ("theory", "def f():\n    import torch", {"torch"}),
        ("constructions", "import empirics.gaussian.fgsm as fgsm", {"empirics"}),
        ("empirics", "from tests.strategies import instances", {"tests"}),
        ("constructions", "import theory\nfrom constructions import Affine", set()),
    ],
)
def test_a_planted_violation_is_found(package: str, source: str, wrong: set[str]) -> None:
    assert violations(package, source) == wrong
