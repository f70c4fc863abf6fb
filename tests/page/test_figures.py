"""The figures of section 4 and of the sizes: their titles name the statement, and no legend or colour misleads."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

matplotlib = pytest.importorskip("matplotlib")

STORED = Path(__file__).parents[2] / "empirics" / "images" / "results"
NAMES = {
    "figure1": "Figure 1",
    "figure2": "Figure 2",
    "figure3": "Figure 3",
    "table1": "Table 1",
    "memorization": "Conjecture",
}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are saved, as objects."""
    from matplotlib.figure import Figure

    kept: list[Any] = []
    save = Figure.savefig

    def keep(figure: Any, *rest: Any, **options: Any) -> None:
        save(figure, *rest, **options)
        kept.append(figure)

    monkeypatch.setattr(Figure, "savefig", keep)
    return kept


@pytest.mark.parametrize("result", ["mnist5k-small", "cifar10-paper"])
@pytest.mark.parametrize("experiment", NAMES)
def test_figures_of_section_4(experiment: str, result: str, drawn: list[Any], tmp_path: Path) -> None:
    from empirics.images.verdicts.figures import COLOURS, draw
    from empirics.images.verdicts.result import Result

    draw([Result.load(STORED / f"{experiment}-{result}.json")], tmp_path, ["png"])
    (figure,) = drawn
    assert figure.get_suptitle().startswith(NAMES[experiment])
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    renderer = figure.canvas.get_renderer()
    for axes in panels:
        assert axes.get_ylabel()
        assert axes.get_xlabel() or experiment in ("table1", "memorization")
        legend = axes.get_legend()
        if legend:
            assert legend.get_window_extent(renderer).y1 < axes.get_window_extent(renderer).y0
        shown = [label.get_text() for label in axes.get_xticklabels() if label.get_text()]
        assert len(set(shown)) == len(shown)
    # No text is cut off, and no two panels' labels overlap.
    boxes = [axes.xaxis.label.get_window_extent(renderer) for axes in panels if axes.get_xlabel()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    if experiment == "figure3":
        # Seeds are told apart by marks, not by the colours of the two ways of training.
        lines = {matplotlib.colors.to_hex(line.get_color()).upper() for axes in panels[1:] for line in axes.lines}
        assert not lines & set(COLOURS.values())
        marks = [points.get_paths()[0].vertices.shape for points in panels[1].collections]
        assert len(set(marks)) == len(marks) == 3


def test_published_bounds_are_told_apart_by_letters(drawn: list[Any], tmp_path: Path) -> None:
    from constructions import parameter_report
    from constructions.comparison.entries import ENTRIES, SHARED
    from constructions.samples.loading import load_sample

    points, labels = load_sample("digits")
    entries = tuple(entry for entry in ENTRIES if entry.name == SHARED)
    report = parameter_report(points[:60], labels[:60], radius=0.1, p=2, entries=entries)
    report.figure(tmp_path / "sizes.png")
    (figure,) = drawn
    assert figure.get_suptitle().startswith("Theorem 3.3")
    (legend,) = figure.legends
    letters = [str(line.get_marker()) for line in legend.get_lines() if "mathrm" in str(line.get_marker())]
    assert len(set(letters)) == len(letters) > 5
    # Curves of one panel have their letters at different points, or at the only one.
    for axes in figure.axes:
        own = [line for line in axes.lines if "mathrm" in str(line.get_marker())]
        places = [line.get_markevery()[0] for line in own if len(line.get_xdata()) > 4]
        assert len(set(places)) >= min(len(places), 2)
