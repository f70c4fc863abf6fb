"""The reference of the public names, made by pdoc from the docstrings."""

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from audit.names import FOLDER, PACKAGES


def write_reference(folder: Path) -> list[str]:
    """Writes a page for each package into a folder of the report; gives the warnings of pdoc: there are to be none."""
    from pdoc import render

    render.configure(docformat="google", show_source=False, footer_text="robust-memorization")
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        modules = {package: _documented(package) for package in PACKAGES}
        for package, module in modules.items():
            (place / f"{package}.html").write_text(render.html_module(module, modules), encoding="utf-8")
        (place / "index.html").write_text(render.html_index(modules), encoding="utf-8")
        (place / "search.js").write_text(render.search_index(modules), encoding="utf-8")
    return [str(warning.message) for warning in found]


def _documented(package: str) -> Any:
    """A package with its public names, and without its modules, which are no public names.

    pdoc looks names up in the package itself, so each is loaded before.
    """
    from pdoc.doc import Module

    class Package(Module):
        submodules: list[Module] = []  # noqa: RUF012  (overrides a property)

    module = import_module(package)
    for name in module.__all__:
        getattr(module, name)
    return Package(module)
