"""The figure of a parameter report: counts against N, d, μ and ρ on logarithmic axes."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {"N": "points N", "d": "dimension d", "mu": "memorized fraction μ", "rho": "ρ = 2 radius / separation"}
MARKERS = "osD^vPX<>"
# Capitals that no line hides.
LETTERS = "ABCDEFGHKLMNPRSTUWXYZ"
COUNTS = {"nonzero": "non-zeros", "parameters": "all entries"}


def draw(
    rows: Sequence[Any],
    published: Sequence[Any],
    colours: Mapping[str, str],
    p: float,
    path: str | os.PathLike[str],
) -> None:
    """Solid lines: constructions. Grey lines: published bounds of the same count, dashed from above, dotted from below.

    Each bound has a letter, for the eye does not tell as many greys apart.

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

    figure = Figure(figsize=(12.5, 8.5), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, 4, sharey="row", squeeze=False)
    handles: dict[str, Any] = {}
    letters = {
        place: LETTERS[k % len(LETTERS)] for k, place in enumerate(dict.fromkeys(map(_which, _drawn(published))))
    }
    for line, (count, title) in enumerate(COUNTS.items()):
        for column, axis in enumerate(NAMES):
            axes = grid[line][column]
            for (name, colour), marker in zip(colours.items(), MARKERS * len(colours), strict=False):
                series = [
                    (getattr(r, axis), getattr(r, count)) for r in rows if (r.construction, r.axis) == (name, axis)
                ]
                series = sorted(place for place in series if place[1])
                if series:
                    (handles[name],) = axes.loglog(
                        *zip(*series, strict=True), color=colour, marker=marker, markersize=4
                    )
            _bounds(axes, [b for b in _drawn(published) if b.axis == axis and b.counts == title], letters, handles)
            places = sorted({getattr(row, axis) for row in rows if row.axis == axis})
            axes.set_xticks(places, [f"{place:.3g}" if place < 1 else f"{place:g}" for place in places])
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(NAMES[axis])
            axes.grid(True, which="major", linewidth=0.3)
        grid[line][0].set_ylabel(title)
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize="small")
    norm = r"\infty" if math.isinf(p) else f"{p:g}"
    figure.suptitle(
        f"Theorem 3.3, robust memorization in $\\ell_{{{norm}}}$: constructions (colours) "
        "and published bounds (letters, no constants)\n"
        "A curve ends early where a network is too large to count, or a bound does not hold",
        fontsize="medium",
    )
    figure.savefig(path, dpi=110)


def _drawn(published: Sequence[Any]) -> list[Any]:
    """The bounds that hold at their place, those of non-zeros first."""
    return [b for title in COUNTS.values() for b in published if b.counts == title and b.status == "holds"]


def _which(bound: Any) -> tuple[str, str]:
    return bound.counts, bound.name


def _bounds(
    axes: Any, published: Sequence[Any], letters: Mapping[tuple[str, str], str], handles: dict[str, Any]
) -> None:
    for k, place in enumerate(dict.fromkeys(map(_which, published))):
        own = [bound for bound in published if _which(bound) == place]
        series = sorted((bound.at, bound.value) for bound in own)
        (handle,) = axes.loglog(
            *zip(*series, strict=True),
            color="dimgrey",
            linestyle="--" if own[0].kind == "upper" else ":",
            linewidth=1,
            marker=rf"$\mathrm{{{letters[place]}}}$",
            markersize=7,
            markeredgewidth=0.3,
            markerfacecolor="black",
            # One letter a curve, and those of curves that coincide at different points.
            markevery=[k % len(series)],
        )
        author = own[0].source.split(",")[0].split(" (")[0]
        handles[f"{own[0].form} {own[0].name}, {author} ({own[0].kind})"] = handle
