"""The parts of a parameter report as tables of text, for terminals of 80 columns and for LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

COUNTS = {"nonzero": "non-zeros", "general": "general", "parameters": "entries"}
_SIGNS = {"lower": "≥", "upper": "≤"}


@dataclass(frozen=True)
class Section:
    """A table of text.

    Attributes:
        title: what it shows.
        columns: their names.
        layout: for each column "l" for names, "r" for numbers, "p" for sentences.
        rows: cells.
    """

    title: str
    columns: tuple[str, ...]
    layout: str
    rows: tuple[tuple[str, ...], ...]

    def table(self) -> Table:
        """For a terminal of 80 columns or more: numbers are not broken."""
        table = Table(title=self.title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
        for name, kind in zip(self.columns, self.layout, strict=True):
            table.add_column(name, justify="right" if kind == "r" else "left", no_wrap=kind == "r", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table


def sections(report: Any, axes: Sequence[str]) -> tuple[Section, ...]:
    """Those of a `constructions.comparison.report.ParameterReport`.

    Args:
        report: of which the rows, bounds and refusals of the whole sample are shown, and the exponents.
        axes: names of what varies.
    """
    base = [row for row in report.rows if row.axis == "base"]
    first = base[0]
    bounds = [bound for bound in report.published if bound.axis == "base"]
    where = (
        f"N = {first.N}, d = {first.d}, l_{report.p:g}, radius {first.radius:g}, shell {first.shell:g}, separation "
        f"{report.separation:.6g}, rho = {first.rho:.4g}"
    )
    sizes = Section(
        f"{where}, every point memorized",
        ("construction", "non-zeros", "over N d", "all entries", "certified", "float64"),
        "lrrrrr",
        tuple(
            (
                _name(row, report.norms),
                f"{row.nonzero:,}",
                _share(row.nonzero, row),
                _number(row.parameters),
                *(_of(count, row.N) for count in (row.certified, row.executed)),
            )
            for row in base
        ),
    )
    general = Section(
        "the same without zeros in the data, and bits of a description",
        ("construction", "non-zeros", "over N d", "bits", "counted"),
        "lrrrl",
        tuple(
            (
                row.construction,
                f"{row.general:,}",
                _share(row.general, row),
                _number(row.bits),
                "built" if row.built else "by formula",
            )
            for row in base
        ),
    )
    sources = Section(
        "the constructions",
        ("construction", "source", "for"),
        "lpl",
        tuple((name, source, report.norms[name]) for name, source in report.sources.items()),
    )
    published = Section(
        "published bounds, worst cases over data sets; O, Õ and Ω without their constants",
        ("bound", "source", "of", "value"),
        "ppll",
        tuple(
            (bound.name, bound.source, bound.counts, f"{_SIGNS[bound.kind]} {_with_form(bound)}")
            for bound in bounds
            if bound.status == "holds"
        ),
    )
    silent = Section(
        "published bounds that say nothing here",
        ("bound", "source", "why"),
        "ppp",
        tuple(
            (bound.name, bound.source, f"{bound.status}: {bound.note}") for bound in bounds if bound.status != "holds"
        ),
    )
    growth = Section(
        "fitted growth exponents, 95 %; (k): of k places only, too few for an interval",
        ("construction", "count", *axes),
        "ll" + "r" * len(axes),
        tuple(_growth(report.exponents, axes)),
    )
    refused = Section(
        "not built here",
        ("construction", "why"),
        "lp",
        tuple((refusal.construction, refusal.reason) for refusal in report.refusals if refusal.axis == "base"),
    )
    return tuple(part for part in (sizes, general, sources, published, silent, growth, refused) if part.rows)


def _name(row: Any, norms: dict[str, str]) -> str:
    name = row.construction + (f" to {row.dim}" if row.dim != row.d else "")
    return f"{name}, {norms[row.construction]}" if norms[row.construction].endswith("only") else name


def _growth(exponents: Sequence[Any], axes: Sequence[str]) -> list[tuple[str, ...]]:
    found = {(e.construction, e.count, e.axis): e for e in exponents}
    pairs = dict.fromkeys((e.construction, e.count) for e in exponents)
    return [
        (name, COUNTS[count], *(_exponent(found.get((name, count, axis))) for axis in axes)) for name, count in pairs
    ]


def _exponent(fit: Any) -> str:
    if fit is None:
        return "–"
    if fit.too_few:
        return f"{fit.exponent:.2f} ({fit.places})"
    return f"{fit.exponent:.2f} ± {(fit.high - fit.low) / 2:.2f}"


def _with_form(bound: Any) -> str:
    value = f"{bound.value:,.4g}" if bound.value >= 1e6 else f"{bound.value:,.0f}"
    return value if bound.form == "explicit" else f"{bound.form}({value})"


def _share(count: int, row: Any) -> str:
    share = count / (row.N * row.d)
    return f"{share:,.4f}" if share < 10 else f"{share:,.2f}"


def _number(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def _of(count: int | None, size: int) -> str:
    return "–" if count is None else "all" if count == size else f"{count:,}"
