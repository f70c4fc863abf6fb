"""The plan of the house, read from the imports: packages, and within them folders, in one direction.

`theory ← constructions ← empirics`; `audit`, `tests` and `benchmarks` are imported by none of them. Below, a folder may
import itself, what stands beside it, and nothing else of its package; a package's own modules beside the folders are
for all.
"""

import ast
import importlib
import sys
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"theory": {"theory"}, "constructions": {"theory", "constructions"}}
PACKAGES["empirics"] = {*PACKAGES["constructions"], "empirics"}
OURS = {*PACKAGES, "tests", "benchmarks", "audit"}
FOLDERS: dict[str, set[str]] = {
    # The statements as data: they name code, and import none.
    "theory.ledger": set(),
    # Reads what users give: for every folder, see `SHARED`.
    "theory.arguments": set(),
    "theory.exact": set(),
    "theory.closest": {"theory.exact"},
    "theory.setting": {"theory.closest", "theory.exact"},
    "theory.balls": {"theory.setting", "theory.exact"},
    "theory.sizes": set(),
    "theory.lower_bounds": {"theory.sizes", "theory.setting"},
    "theory.gaussian": {"theory.setting"},
    "theory.generalization": {"theory.setting"},
    "theory.witnesses": {"theory.generalization", "theory.gaussian", "theory.sizes", "theory.setting"},
    "constructions.samples": set(),
    "constructions.networks": {"constructions.samples"},
    "constructions.pieces": {"constructions.networks", "constructions.samples"},
    "constructions.certificates": {"constructions.pieces", "constructions.networks", "constructions.samples"},
    # Files of others: networks and properties.
    "constructions.exchange": {"constructions.certificates", "constructions.networks", "constructions.samples"},
    "constructions.memorizers": {
        *("constructions.certificates", "constructions.pieces", "constructions.networks", "constructions.samples")
    },
    "constructions.compact": {
        *("constructions.memorizers", "constructions.certificates", "constructions.pieces"),
        *("constructions.networks", "constructions.samples"),
    },
    "constructions.bits": {
        *("constructions.memorizers", "constructions.certificates", "constructions.networks", "constructions.samples")
    },
    "constructions.rules": {
        *("constructions.memorizers", "constructions.certificates", "constructions.networks", "constructions.samples")
    },
    "constructions.comparison": {
        *("constructions.rules", "constructions.compact", "constructions.bits", "constructions.memorizers"),
        *("constructions.certificates", "constructions.pieces", "constructions.networks", "constructions.samples"),
    },
    # Instances for verifiers, from every construction.
    "constructions.benchmark": {
        *("constructions.rules", "constructions.compact", "constructions.bits", "constructions.memorizers"),
        *("constructions.exchange", "constructions.certificates", "constructions.pieces"),
        *("constructions.networks", "constructions.samples"),
    },
    # Checks for the builders of others.
    "constructions.suite": {
        *("constructions.memorizers", "constructions.certificates", "constructions.networks", "constructions.samples")
    },
    # Trusts nothing: it stands alone, and what it needs it has again.
    "constructions.check": set(),
    "empirics.gaussian": set(),
    "empirics.images.training": set(),
    "empirics.images.flatness": set(),
    # What stored numbers say: nothing that trains or measures.
    "empirics.images.verdicts": set(),
    "empirics.images.experiments": {
        *("empirics.images.training", "empirics.images.flatness", "empirics.images.verdicts")
    },
}
# Beside the folders: what all of them may import.
SHARED = {
    "theory": {
        *("theory.arguments", "theory.errors", "theory.layers", "theory.roundoff", "theory.blocks"),
        *("theory.cluster", "theory.device", "theory.lazy"),
    },
    "constructions": set(),
    "empirics": {"empirics.progress", "empirics.tensor_files"},
}
NO_TORCH = ("theory", "constructions.check", "empirics.images.verdicts")
# But for a search that is asked to use a device.
MAY_NEED_TORCH = {"theory.device"}
# Places that import only themselves and these; of the standard library all.
ALONE = {
    "theory.ledger": {"numpy", "sympy"},
    "constructions.check": {"numpy"},
    # The writer of whole files is all that verdicts need of constructions.
    "empirics.images.verdicts": {"constructions.networks.whole_file", "jaxtyping", "matplotlib", "numpy", "scipy"},
}


def imported(source: str) -> set[str]:
    """Modules that a source imports, anywhere in its text; relative imports as ''."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)} if node.level == 0 else {""}
    return names


def violations(place: str, source: str) -> set[str]:
    """What a module at a place, such as "theory.balls" or "theory", imports and may not."""
    package = place.split(".")[0]
    names = imported(source)
    top = {name.split(".")[0] for name in names}
    wrong = (top & OURS) - PACKAGES[package]
    if "" in names:
        wrong.add("a relative import")
    if "torch" in top and place.startswith(NO_TORCH) and place not in MAY_NEED_TORCH:
        wrong.add("torch")
    if place in ALONE:
        known = {place, *ALONE[place], *sys.stdlib_module_names}
        return wrong | {name for name in names if not _within(name, known)}
    if place in FOLDERS or _within(place, SHARED[package]):
        own = {name for name in names if name.split(".")[0] == package}
        allowed = {place, *FOLDERS.get(place, ()), *SHARED[package]}
        wrong |= {name for name in own if not _within(name, allowed)}
    return wrong


def _within(name: str, allowed: Iterable[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def place_of(path: Path) -> str:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    folder = module.rpartition(".")[0]
    if folder in FOLDERS or folder not in PACKAGES:
        return folder
    return module if module in SHARED[folder] else folder


MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_imports_go_one_way_only() -> None:
    found = {str(path.relative_to(ROOT)): violations(place_of(path), path.read_text()) for path in MODULES}
    assert len(found) > 100
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_plan_has_no_circle_and_no_other_folder() -> None:
    assert list(TopologicalSorter(FOLDERS).static_order())
    folders = {".".join(path.relative_to(ROOT).parent.parts) for path in MODULES}
    assert folders - set(FOLDERS) <= {
        "theory",
        "constructions",
        "empirics",
        "empirics.images",
        "empirics.images.results",
    }
    assert set(FOLDERS) <= folders


@pytest.mark.parametrize(
    ("place", "source", "wrong"),
    [
        ("theory", "from constructions.networks.network import Affine", {"constructions"}),
        ("theory.balls", "def f():\n    import torch", {"torch"}),
        ("theory.setting", "from theory.balls.relaxation import interval_bounds", {"theory.balls.relaxation"}),
        ("theory.ledger", "from theory.setting import norms", {"theory.setting"}),
        ("theory.balls", "from theory.roundoff import gamma", set()),
        ("theory.roundoff", "from theory.balls.relaxation import interval_bounds", {"theory.balls.relaxation"}),
        ("theory.layers", "from theory.errors import AssumptionError", set()),
        ("theory.device", "def f():\n    import torch", set()),
        ("theory.closest", "from theory.device import HOST\nimport torch", {"torch"}),
        ("theory.ledger", "from theory.arguments import scalars", {"theory.arguments"}),
        ("constructions.check", "import hashlib\nimport numpy as np", set()),
        ("constructions.check", "from scipy import sparse", {"scipy"}),
        ("empirics.images.verdicts", "from constructions.networks.whole_file import replacing", set()),
        ("empirics.images.verdicts", "from constructions import robust_memorizer", {"constructions"}),
        ("empirics.images.verdicts", "from constructions.networks import torch_module", {"constructions.networks"}),
        ("constructions.memorizers", "import empirics.gaussian.fgsm as fgsm", {"empirics"}),
        ("constructions.pieces", "from constructions.certificates import certificate", {"constructions.certificates"}),
        ("constructions.networks", "from constructions import robust_memorizer", {"constructions"}),
        ("constructions.check", "from theory.setting.norms import norm", {"theory.setting.norms"}),
        (
            "constructions.check",
            "from constructions.networks.network import Affine",
            {"constructions.networks.network"},
        ),
        ("constructions.memorizers", "from constructions.networks.network import Affine", set()),
        (
            "empirics.images.flatness",
            "from empirics.images.training.training import train",
            {"empirics.images.training"},
        ),
        ("empirics.images.verdicts", "import torch", {"torch"}),
        ("empirics.images.experiments", "from tests.strategies import instances", {"tests"}),
        ("theory.ledger", "from audit.words import title", {"audit"}),
        ("empirics.gaussian", "from . import fgsm", {"a relative import"}),
        ("constructions", "import theory\nfrom constructions import Affine", set()),
    ],
)
def test_a_planted_violation_is_found(place: str, source: str, wrong: set[str]) -> None:
    found = violations(place, source)
    assert bool(found) == bool(wrong)
    # Named as the module, or as what is imported from it.
    assert all(any(name == one or name.startswith(one) for name in found) for one in wrong)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_is_a_module_of_its_package(package: str) -> None:
    """`theory.separation` is a function: a module of that name would be hidden by it, or hide it."""
    beside = {path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or path.is_dir()}
    assert len(beside) > 3
    assert (beside - PROGRAMS).isdisjoint(importlib.import_module(package).__all__)


# Modules of `python -m` that cannot be imported, and so take no name away.
PROGRAMS = {"certify"}


def test_a_program_with_the_name_of_a_function_leaves_it_alone() -> None:
    with pytest.raises(ImportError, match="from constructions import certify"):
        importlib.import_module("constructions.certify")
    from constructions import certify

    assert callable(certify)
