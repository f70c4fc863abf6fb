"""The figure of a parameter report: counts against N, d, μ and ρ on logarithmic axes."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

GREYS = ("black", "dimgrey", "grey", "darkgrey", "silver")
NAMES = {"N": "points N", "d": "dimension d", "mu": "memorized fraction μ", "rho": "ρ = 2 radius / separation"}


def draw(
    rows: Sequence[Any],
    published: Sequence[Any],
    colours: Mapping[str, str],
    p: float,
    path: str | os.PathLike[str],
) -> None:
    """Solid lines: constructions. Grey lines: published bounds of the same count, dashed from above, dotted from below.

    Args:
        rows: of `constructions.comparison.report.Row`.
        published: of `constructions.comparison.report.Published`.
        colours: of the constructions, in their order.
        p: of the norm.
        path: of the image, its ending names the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(16, 8.5), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, 4, sharey="row", squeeze=False)
    handles: dict[str, Any] = {}
    for line, (count, title) in enumerate((("nonzero", "non-zeros"), ("parameters", "all entries"))):
        for column, axis in enumerate(NAMES):
            axes = grid[line][column]
            for name, colour in colours.items():
                series = [
                    (getattr(r, axis), getattr(r, count)) for r in rows if (r.construction, r.axis) == (name, axis)
                ]
                series = sorted(place for place in series if place[1])
                if series:
                    (handles[name],) = axes.loglog(*zip(*series, strict=True), color=colour, marker="o", markersize=4)
            _bounds(axes, [b for b in published if b.axis == axis and b.counts == title], handles)
            places = sorted({getattr(row, axis) for row in rows if row.axis == axis})
            axes.set_xticks(places, [f"{place:.3g}" if place < 1 else f"{place:g}" for place in places])
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(NAMES[axis])
            axes.grid(True, which="major", linewidth=0.3)
        grid[line][0].set_ylabel(title)
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize="small")
    figure.suptitle(
        f"robust memorization in l_{p:g}: constructions (colours) and published bounds (grey, no constants)"
    )
    figure.savefig(path, dpi=110)


def _bounds(axes: Any, published: Sequence[Any], handles: dict[str, Any]) -> None:
    names = dict.fromkeys(bound.name for bound in published)
    for name, colour in zip(names, GREYS * len(names), strict=False):
        own = [bound for bound in published if bound.name == name]
        series = sorted((bound.at, bound.value) for bound in own if bound.status == "holds")
        if series:
            style = "--" if own[0].kind == "upper" else ":"
            (handle,) = axes.loglog(*zip(*series, strict=True), color=colour, linestyle=style, marker=".", markersize=3)
            author = own[0].source.split(",")[0].split(" (")[0]
            handles[f"{own[0].form} {name}, {author} ({own[0].kind})"] = handle
