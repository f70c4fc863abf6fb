"""Public names of a package, each loaded when it is first asked for: what a command does not use costs it nothing."""

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def attach_stub(package: dict[str, Any]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package (PEP 562), by the stub `__init__.pyi` beside `__init__.py`.

    Type checkers read the same stub, which holds `from module import name` for each name, and `__all__`. So does the
    library lazy_loader (SPEC 1 of Scientific Python), for relative imports only. Beside these there is `__version__`,
    of the installed distribution.

    Args:
        package: the `globals()` of its `__init__.py`; a name stays there once it is loaded.
    """
    modules: dict[str, str] = {}
    exported: list[str] = []
    for node in ast.parse(Path(package["__file__"]).with_suffix(".pyi").read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            modules |= {alias.name: str(node.module) for alias in node.names}
        elif isinstance(node, ast.Assign):
            exported = ast.literal_eval(node.value)

    def load(name: str) -> Any:
        if name == "__version__":
            return _version()
        if name not in modules:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        found = package[name] = getattr(import_module(modules[name]), name)
        return found

    def names() -> list[str]:
        return sorted({*package, *exported})

    return load, names, exported


def _version() -> str:
    """That of the installed distribution, which has it from pyproject.toml.

    Raises:
        AttributeError: if the sources were never installed.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("robust-memorization")
    except PackageNotFoundError as error:
        raise AttributeError("there is no __version__ of sources that are not installed: pip install .") from error
