"""Which tests audit a statement, read from the sources of the tests without running them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def own_tests(root: Path = ROOT) -> Path | None:
    """The tests of a checkout; None for an installed package, beside which a folder of that name is somebody else's."""
    return root / "tests" if (root / "pyproject.toml").is_file() else None


def marked_tests(folder: Path | None) -> dict[str, list[tuple[str, str]]]:
    """From ids to (form, "file::test") for each `@pytest.mark.statement(id, form=…)`, under any name, or `pytestmark`.

    Empty if there is no folder.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    if folder is None:
        return found
    for path in sorted(folder.rglob("test_*.py")):
        name = str(path.relative_to(folder.parent))
        for statement_id, form, test in _marks(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(statement_id, []).append((form, f"{name}::{test}" if test else name))
    return found


def _marks(module: ast.Module) -> Iterator[tuple[str, str, str]]:
    named: dict[str, list[tuple[str, str]]] = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            marks = list(_statements(node.value))
            named |= {target.id: marks for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                known = named.get(decorator.id, []) if isinstance(decorator, ast.Name) else _statements(decorator)
                yield from ((*mark, node.name) for mark in known)
    yield from ((*mark, "") for mark in named.get("pytestmark", []))


def _statements(node: ast.AST) -> Iterator[tuple[str, str]]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "statement":
            values = [*call.args, *(keyword.value for keyword in call.keywords)]
            texts = [value.value for value in values if isinstance(value, ast.Constant)]
            if len(texts) == 2 and all(isinstance(text, str) for text in texts):
                yield str(texts[0]), str(texts[1])
