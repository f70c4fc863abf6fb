"""A parameter report as files for others: CSV with one number a line, and LaTeX."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from constructions.comparison.sections import COUNTS, Section

_COLUMNS = (
    *(
        "part",
        "p",
        "name",
        "source",
        "norms",
        "count",
        "kind",
        "form",
        "axis",
        "N",
        "d",
        "mu",
        "rho",
        "radius",
        "shell",
    ),
    *("dim", "value", "low", "high", "places", "status", "note"),
)
_ROW = {**COUNTS, "parameters": "all entries", "bits": "bits", "certified": "certified", "executed": "float64"}
# Of the width of a line in the class article: between two columns, and a letter.
_GAP, _LETTER = 0.035, 0.015
_TEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": "$|$",
    "<": "$<$",
    ">": "$>$",
    "≠": r"$\ne$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "±": r"$\pm$",
    "∞": r"$\infty$",
    "Ω": r"$\Omega$",
    "Õ": r"$\tilde O$",
    "ε": r"$\varepsilon$",
    "η": r"$\eta$",
    "μ": r"$\mu$",
    "ρ": r"$\rho$",
    "δ": r"$\delta$",
    "γ": r"$\gamma$",
    "√": r"$\sqrt{\cdot}$",
    "–": "--",
}


def csv_text(report: Any) -> str:
    """One number a line, of a part "construction", "published", "exponent" or "refused"; see `to_csv` of the report."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in _lines(report):
        writer.writerow({"p": f"{report.p:g}", **line})
    return text.getvalue()


def _lines(report: Any) -> Iterator[dict[str, Any]]:
    line: dict[str, Any]
    place: dict[str, Any]
    for row in report.rows:
        place = {name: getattr(row, name) for name in ("axis", "N", "d", "mu", "rho", "radius", "shell", "dim")}
        place |= {"source": report.sources[row.construction], "norms": report.norms[row.construction]}
        for field, count in _ROW.items():
            value = getattr(row, field)
            if value is not None:
                status = "built" if row.built else "by formula"
                line = {"part": "construction", "name": row.construction, "count": count, "value": value}
                yield {**line, **place, "status": status}
    for bound in report.published:
        line = {"part": "published", "name": bound.name, "source": bound.source, "count": bound.counts}
        line |= {"kind": bound.kind, "form": bound.form, "axis": bound.axis, "status": bound.status, "note": bound.note}
        line |= {bound.axis: bound.at} if bound.axis != "base" else {}
        yield {**line, "value": bound.value if bound.status == "holds" else ""}
    for fit in report.exponents:
        line = {"part": "exponent", "name": fit.construction, "count": _ROW[fit.count], "axis": fit.axis}
        line |= {"value": fit.exponent, "places": fit.places}
        line |= {"source": report.sources[fit.construction], "norms": report.norms[fit.construction]}
        ends = {"status": "too few places"} if fit.too_few else {"low": fit.low, "high": fit.high}
        yield {**line, **ends}
    for refusal in report.refusals:
        place = {name: getattr(refusal, name) for name in ("axis", "N", "d", "rho")}
        line = {"part": "refused", "name": refusal.construction, "status": "not built", "note": refusal.reason}
        yield {**line, **place, "norms": report.norms[refusal.construction]}


def latex_text(parts: Sequence[Section]) -> str:
    """A `table` for each section, with the rules of booktabs."""
    return "% \\usepackage{booktabs}\n" + "\n".join(map(_latex_table, parts))


def _latex_table(part: Section) -> str:
    cells = list(zip(part.columns, *part.rows, strict=True))
    names = sum(max(map(len, cell)) for cell, kind in zip(cells, part.layout, strict=True) if kind != "p")
    room = 1 - _GAP * len(cells) - _LETTER * names
    wide = max(room / max(1, part.layout.count("p")), 0.1)
    layout = "".join(f"p{{{wide:.2f}\\linewidth}}" if kind == "p" else kind for kind in part.layout)
    lines = [
        "\\begin{table}",
        f"\\caption{{{tex(part.title)}}}",
        f"\\begin{{tabular}}{{{layout}}}",
        "\\toprule",
        " & ".join(map(tex, part.columns)) + r" \\",
        "\\midrule",
        *(" & ".join(map(tex, row)) + r" \\" for row in part.rows),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def tex(text: str) -> str:
    """Plain text for LaTeX."""
    return "".join(_TEX.get(c, c) for c in text.replace(">=", "≥").replace("<=", "≤"))
