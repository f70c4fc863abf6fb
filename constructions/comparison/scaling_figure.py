"""The figure of the sizes of certified memorizers: against ρ, against N, and with random labels."""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from constructions.comparison.scaling import (
    Curve,
    Growth,
    Row,
    growth,
    label_factors,
    published_curves,
    ratio_grid,
)

# Marker and colour of each construction, in the order of the legend.
STYLES = {
    "rules": ("o", "tab:red"),
    "compact": ("s", "tab:blue"),
    "bits": ("D", "tab:brown"),
    "bits of a projection": ("v", "tab:purple"),
    "projection": ("^", "tab:green"),
    "shared features": ("P", "tab:orange"),
    "proof sketch": ("X", "tab:pink"),
}
_PALE = 0.3
# Thin lines and open markers for p = 2, thick and filled ones for p = ∞.
_WIDTHS = {2.0: 0.9, math.inf: 2.0}
_NOTE = {"xytext": (4, -9), "textcoords": "offset points", "fontsize": 7.5}
# Name of the text in a PNG that says what is drawn.
KEY = "Drawn"


def draw_scaling(rows: Sequence[Row], path: str | os.PathLike[str]) -> None:
    """Non-zeros of what was built and certified, and pale all entries, against ρ and N; random labels over true ones.

    Filled markers and thick lines are for p = ∞, open and thin ones for p = 2. Dashed and dotted: published bounds,
    worst cases without constants. Solid: what any robust network needs for these points.

    Args:
        rows: as `constructions.comparison.scaling` has them.
        path: of the image, its ending names the format; a PNG holds a digest of all that it shows as the text `KEY`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    first = next(row for row in rows if row["series"] == "rho")
    curves = published_curves(first["points"], first["dimension"], ratio_grid())
    figure = Figure(figsize=(11, 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplot_mosaic([["rho", "N"], ["rho", "labels"]], width_ratios=(1.9, 1))
    _against_ratio(axes["rho"], rows, curves)
    _against_points(axes["N"], rows, growth(rows))
    _random_labels(axes["labels"], label_factors(rows))
    figure.suptitle("Theorem 3.3: certified networks that memorize MNIST robustly")
    for each in axes.values():
        each.grid(True, which="major", linewidth=0.3)
    figure.legend(*zip(*_legend(), strict=True), loc="outside lower center", ncols=4, fontsize=9)
    figure.savefig(path, dpi=150, metadata={KEY: _digest(rows, curves)} if os.fspath(path).endswith(".png") else None)


def _digest(rows: Sequence[Row], curves: Iterable[Curve]) -> str:
    # Rounded: the last digit may be another on another machine.
    drawn = [[curve.bound.name, f"{curve.p:g}", [f"{value:.6g}" for value in curve.values]] for curve in curves]
    return hashlib.sha256(json.dumps([[dict(row) for row in rows], drawn]).encode()).hexdigest()


def _against_ratio(axes: Any, rows: Sequence[Row], curves: Iterable[Curve]) -> None:
    for curve in curves:
        style = "--" if curve.bound.kind == "upper" else ":"
        _line(axes, curve.ratios, curve.values, curve.bound.counts, curve.p, color="black", linestyle=style)
        if curve.bound.kind == "upper":
            middle = len(curve.ratios) // 2
            axes.annotate(_formula(curve), (curve.ratios[middle], curve.values[middle]), **_NOTE)
    own = [row for row in rows if row["series"] == "rho" and row["non-zeros"]]
    for p in _WIDTHS:
        needed = sorted((r for r in own if r["counted"] == "proved" and float(r["p"]) == p), key=lambda row: row["rho"])
        # What is needed at one radius is needed at all larger ones, and nothing is proved between.
        for counts in ("non-zeros", "all entries") if needed else ():
            places = [*(row["rho"] for row in needed), 1.0]
            values = [*(row[counts] for row in needed), needed[-1][counts]]
            _line(axes, places, values, counts, p, color="teal", drawstyle="steps-post")
    for row in own:
        if row["construction"] in STYLES:
            _marker(axes, row["rho"], row)
    axes.set(xscale="log", yscale="log", xlim=(1e-7, 1.3), ylim=(1, 1e10))
    axes.set(xlabel="ρ = 2 radius / separation", ylabel="non-zeros (pale: all entries)")
    axes.set_title("5,000 images of MNIST, ten classes", fontsize=10)


def _formula(curve: Curve) -> str:
    import sympy

    p = sympy.oo if math.isinf(curve.p) else sympy.Integer(round(curve.p))
    own = curve.bound.formula.subs({symbol: p for symbol in curve.bound.formula.free_symbols if symbol.name == "p"})
    return f"${sympy.latex(own)}$"


def _line(axes: Any, places: Any, values: Any, counts: str, p: float, **style: Any) -> None:
    axes.plot(places, values, linewidth=_WIDTHS[p], alpha=1.0 if counts == "non-zeros" else _PALE, **style)


def _marker(axes: Any, place: float, row: Row, size: float = 6) -> None:
    """Both counts of a row, joined by a pale line."""
    marker, colour = STYLES[row["construction"]]
    filled = colour if row["p"] == "inf" else "white"
    style = {"marker": marker, "markersize": size, "color": colour, "markerfacecolor": filled}
    if row["all entries"]:
        axes.plot([place] * 2, [row["non-zeros"], row["all entries"]], color=colour, alpha=_PALE, linewidth=0.7)
        axes.plot(place, row["all entries"], alpha=_PALE, **style)
    axes.plot(place, row["non-zeros"], zorder=3, **style)


def _against_points(axes: Any, rows: Iterable[Row], fit: Growth) -> None:
    from matplotlib.ticker import NullFormatter

    for row in rows:
        if row["series"] == "N" and row["labels"] == "true" and row["non-zeros"]:
            _marker(axes, row["points"], row, 4)
    text = f"$N^{{{fit.exponent:.2f}}}$, 95 %: {fit.low:.2f} to {fit.high:.2f}"
    axes.plot(fit.sizes, [fit.line(size) for size in fit.sizes], color="black", linewidth=1, label=text)
    axes.set(xscale="log", yscale="log", xlabel="images N", ylabel="non-zeros (pale: all entries)")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title("rules, p = ∞, radius 0.1, subsets of MNIST", fontsize=10)
    axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)


def _random_labels(axes: Any, factors: Mapping[int, Sequence[float]]) -> None:
    from matplotlib.ticker import NullFormatter

    marker, colour = STYLES["rules"]
    for size, own in factors.items():
        axes.plot([size] * len(own), own, marker=marker, markersize=5, color=colour, linestyle="")
    axes.set(xscale="log", ylim=(0, None), xlabel="images N", ylabel="random over true labels")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(list(factors), [f"{size:,}" for size in factors])
    axes.set_title("times the non-zeros with random labels", fontsize=10)


def _legend() -> list[tuple[Any, str]]:
    from matplotlib.lines import Line2D

    def key(text: str, **style: Any) -> tuple[Any, str]:
        return Line2D([], [], **{"color": "black", **style}), text

    found = []
    for name, (marker, colour) in STYLES.items():
        shown = f"{name}, by formula" if name == "proof sketch" else f"{name}, certified"
        found.append(key(shown, marker=marker, color=colour, linestyle=""))
    return [
        *found,
        key("p = ∞", marker="o", linewidth=_WIDTHS[math.inf]),
        key("p = 2", marker="o", fillstyle="none", linewidth=_WIDTHS[2.0]),
        key("any robust network for these points", color="teal"),
        key("published upper bounds: worst case, without constants", linestyle="--"),
        key("published lower bounds: worst case, without constants", linestyle=":"),
    ]
