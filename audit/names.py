"""The public names of the three packages, read from their stubs, and where the reference has them."""

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("theory", "constructions", "empirics")
# The folder of the reference within that of a report.
FOLDER = "api"


@dataclass(frozen=True)
class Name:
    """A public name.

    Attributes:
        package: that exports it.
        name: as it is imported from there.
        at: the dotted name of where it is defined.
        summary: the first line of its docstring; empty if it has none.
    """

    package: str
    name: str
    at: str
    summary: str

    @property
    def link(self) -> str:
        """Its place in the reference."""
        return f"{FOLDER}/{self.package}.html#{self.name}"


def public_names(root: Path = ROOT) -> list[Name]:
    """Of all packages, in the order of their `__all__`; nothing is imported for it."""
    return [name for package in PACKAGES for name in _names(root, package)]


def _names(root: Path, package: str) -> list[Name]:
    modules: dict[str, str] = {}
    exported: list[str] = []
    for node in ast.parse((root / package / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            modules |= {alias.name: str(node.module) for alias in node.names}
        elif isinstance(node, ast.Assign):
            exported = ast.literal_eval(node.value)
    return [Name(package, name, f"{modules[name]}.{name}", _summary(root, modules[name], name)) for name in exported]


def _summary(root: Path, module: str, name: str) -> str:
    """From the source: of a function, a class, or what stands as a text below a constant."""
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return (ast.get_docstring(node) or "").partition("\n")[0]
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return _summary(root, str(node.module), name)
    return ""
