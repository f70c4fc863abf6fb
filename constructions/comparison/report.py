"""What a parameter report holds, and how it is shown: rows, published bounds, growth exponents."""

import json
import math
import os
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from constructions.comparison.figure import draw

AXES = ("N", "d", "mu", "rho")


@dataclass(frozen=True)
class Row:
    """Size of one construction at one place.

    Attributes:
        construction: its name.
        axis: what varies along this row's series: "N", "d", "mu" or "rho"; "base" for the whole sample.
        N: points.
        d: dimension.
        mu: fraction of the points that is memorized.
        rho: 2 radius / separation.
        radius: δ.
        shell: γ.
        nonzero: on this data, beside the clean network's own.
        general: the same for data in general position, without zeros.
        parameters: all entries of all layers; None where the network is too large to build and has no formula for it.
        built: whether the network was built and counted, or counted by its formula.
        certified: certified balls, over the reals; None where none was asked for or the network was not built.
        executed: certified balls of the network as executed in float64, likewise; None for integers.
        bits: length of a description of the whole network; None where it was not built.
        dim: dimension behind the projection; d for all others.
    """

    construction: str
    axis: str
    N: int
    d: int
    mu: float
    rho: float
    radius: float
    shell: float
    nonzero: int
    general: int
    parameters: int | None
    built: bool
    certified: int | None
    executed: int | None
    bits: int | None
    dim: int


@dataclass(frozen=True)
class Refusal:
    """A construction that is not counted at a place, and why.

    Attributes:
        construction: its name.
        axis, N, d, rho: as of a row.
        reason: what it needs.
    """

    construction: str
    axis: str
    N: int
    d: int
    rho: float
    reason: str


@dataclass(frozen=True)
class Exponent:
    """`count ∝ axis^exponent`, least squares in logarithms, with a 95 % confidence interval of the slope.

    The counts are deterministic: the interval says how far they are from a power law, not how they would vary.
    """

    construction: str
    axis: str
    count: str
    exponent: float
    low: float
    high: float
    places: int


@dataclass(frozen=True)
class Published:
    """A published bound along an axis; `value` is None where a hypothesis fails, and `note` says which."""

    name: str
    source: str
    counts: str
    kind: str
    form: str
    axis: str
    at: float
    value: float | None
    note: str


@dataclass(frozen=True)
class ParameterReport:
    """All rows, published bounds, exponents; `p`, `seed`, `separation` and the notes on vacuous theorems.

    `refusals` say what has no row where, and why; `sources` and `colours` of every construction where it is from and
    how its lines are drawn.
    """

    p: float
    seed: int
    separation: float
    rows: tuple[Row, ...]
    refusals: tuple[Refusal, ...]
    published: tuple[Published, ...]
    exponents: tuple[Exponent, ...]
    notes: tuple[str, ...]
    sources: dict[str, str]
    colours: dict[str, str]

    def __repr__(self) -> str:
        return f"<ParameterReport of {len(self.sources)} constructions in l_{self.p:g}, {len(self.rows)} rows>"

    def base(self, construction: str) -> Row:
        """The row of the whole sample."""
        return next(row for row in self.rows if row.axis == "base" and row.construction == construction)

    def table(self) -> list[Table]:
        """The sizes on the whole sample, the published bounds there, the exponents, and what was refused there."""
        base = [row for row in self.rows if row.axis == "base"]
        first = base[0]
        sizes = Table(
            title=f"N = {first.N}, d = {first.d}, l_{self.p:g}, radius {first.radius:g}, shell {first.shell:g}, "
            f"separation {self.separation:.6g}, rho = {first.rho:.4g}, every point memorized"
        )
        columns = ("construction", "source", "non-zeros", "without zeros in the data", "over N d", "all entries")
        for column in (*columns, "bits", "certified", "as executed", "counted"):
            sizes.add_column(column, justify="left" if column in columns[:2] else "right")
        for row in base:
            sizes.add_row(
                row.construction + (f" to {row.dim}" if row.dim != row.d else ""),
                self.sources[row.construction],
                f"{row.nonzero:,}",
                f"{row.general:,}",
                f"{row.nonzero / (row.N * row.d):.4f} / {row.general / (row.N * row.d):.4f}",
                *("–" if count is None else f"{count:,}" for count in (row.parameters, row.bits)),
                *("–" if count is None else f"{count} of {row.N}" for count in (row.certified, row.executed)),
                "built" if row.built else "formula",
            )
        bounds = Table(title="published bounds, worst cases over data sets, O and Ω without their constants")
        for column in ("bound", "source", "of", "kind", "form", "value"):
            bounds.add_column(column)
        for bound in self.published:
            if bound.axis == "base":
                value = bound.note if bound.value is None else f"{bound.value:,.6g}"
                bounds.add_row(bound.name, bound.source, bound.counts, bound.kind, bound.form, value)
        growth = Table(title="fitted growth exponents, 95 % confidence")
        for column in ("construction", *AXES):
            growth.add_column(column)
        for name in dict.fromkeys(e.construction for e in self.exponents):
            cells = []
            for axis in AXES:
                found = [e for e in self.exponents if (e.construction, e.axis) == (name, axis)]
                cells.append("\n".join(f"{e.count} {e.exponent:.3f} ({e.low:.3f}, {e.high:.3f})" for e in found))
            growth.add_row(name, *cells)
        refused = Table(title="not built here")
        for column in ("construction", "why"):
            refused.add_column(column)
        for refusal in self.refusals:
            if refusal.axis == "base":
                refused.add_row(refusal.construction, refusal.reason)
        return [sizes, bounds, growth, refused]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "p": "inf" if math.isinf(self.p) else self.p}

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=1)

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Non-zeros and all entries against N, d, μ and ρ, on logarithmic axes."""
        draw(self.rows, self.published, self.colours, self.p, path)
