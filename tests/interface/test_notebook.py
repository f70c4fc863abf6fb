"""The notebook runs from an empty folder, prints what is stored in it, and ends with a figure."""

import ast
import base64
import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "memorize.ipynb"
STORED = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
CODE = [cell for cell in STORED["cells"] if cell["cell_type"] == "code"]


def run(source: str, names: dict[str, Any]) -> tuple[str, Any]:
    """What a cell prints, and the value of its last line, as Jupyter shows it."""
    body = ast.parse(source).body
    last = ast.Expression(body.pop().value) if isinstance(body[-1], ast.Expr) else None  # type: ignore[attr-defined]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), NOTEBOOK.name, "exec"), names)
        value = eval(compile(last, NOTEBOOK.name, "eval"), names) if last else None
    return printed.getvalue(), value


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Any]]:
    names: dict[str, Any] = {}
    with contextlib.chdir(tmp_path_factory.mktemp("notebook")):
        return [run("".join(cell["source"]), names) for cell in CODE]


def stored_text(cell: dict[str, Any]) -> str:
    return "".join("".join(out["text"]) for out in cell["outputs"] if out["output_type"] == "stream")


def test_it_prints_what_is_stored(cells: list[tuple[str, Any]]) -> None:
    for (printed, _), cell in zip(cells, CODE, strict=True):
        now, then = printed.splitlines(), stored_text(cell).splitlines()
        # A fit may take another path elsewhere: how much is memorized, and no more, is left open.
        if "memorized" in printed:
            assert [line.split(" points in ")[0] for line in now[:1]] == [
                line.split(" points in ")[0] for line in then[:1]
            ]
        else:
            assert now == then


def test_every_ball_is_certified(cells: list[tuple[str, Any]]) -> None:
    text = "".join(printed for printed, _ in cells)
    assert "60 certified, 0 refuted, 0 undecided of 60 balls" in text
    assert "60 certified as executed in float32" in text


def test_it_ends_with_the_figure_that_is_stored(cells: list[tuple[str, Any]]) -> None:
    figure = cells[-1][1]
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_title() == "60 of 60 balls certified"
    assert len(figure.axes[0].patches) == 60
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    (output,) = CODE[-1]["outputs"]
    new, old = (imread(io.BytesIO(data)) for data in (drawn.getvalue(), base64.b64decode(output["data"]["image/png"])))
    assert new.shape == old.shape
    # Fonts and a fit may differ a little.
    assert float(np.mean(np.abs(new - old))) < 0.05
    assert float(old[..., :3].std()) > 0.05


def test_it_is_small_and_was_run_from_top_to_bottom() -> None:
    assert NOTEBOOK.stat().st_size < 100_000
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    assert not any(out["output_type"] == "error" for cell in CODE for out in cell["outputs"])
    assert STORED["nbformat"] == 4
