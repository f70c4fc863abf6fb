"""What a parameter report holds, and how it is shown: rows, published bounds, growth exponents."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from constructions.comparison.figure import draw
from constructions.comparison.sections import sections
from constructions.comparison.writing import csv_text, latex_text
from constructions.networks.whole_file import write_whole

AXES = ("N", "d", "mu", "rho")
# Places from which the interval of an exponent says something: three degrees of freedom.
_ENOUGH = 5


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

    @property
    def too_few(self) -> bool:
        """Whether the interval is of so few places that it is not shown."""
        return self.places < _ENOUGH


@dataclass(frozen=True)
class Published:
    """A published bound along an axis.

    Attributes:
        name, source, counts, kind, form: as of `theory.sizes.published.PublishedBound`; source with its place.
        axis, at: as of a row, and the value there; 0 for "base".
        value: of the formula, without its constant unless the form is "explicit"; None unless the status is "holds".
        status: "holds"; "does not apply" where a hypothesis fails; "vacuous" where every network is as large, or none
            as small, so that all is in the constant.
        note: why it does not hold or says nothing; "" for "holds".
    """

    name: str
    source: str
    counts: str
    kind: str
    form: str
    axis: str
    at: float
    value: float | None
    status: str
    note: str


@dataclass(frozen=True)
class ParameterReport:
    """All rows, published bounds, exponents; `p`, `seed`, `separation` and the notes on vacuous theorems.

    `refusals` say what has no row where, and why; `sources` and `colours` of every construction where it is from and
    how its lines are drawn, `norms` for which p it is.
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
    norms: dict[str, str]

    def __repr__(self) -> str:
        return f"<ParameterReport of {len(self.sources)} constructions in l_{self.p:g}, {len(self.rows)} rows>"

    def base(self, construction: str) -> Row:
        """The row of the whole sample."""
        return next(row for row in self.rows if row.axis == "base" and row.construction == construction)

    def table(self) -> list[Table]:
        """For a terminal of 80 columns: sizes on the whole sample, published bounds there, exponents, refusals."""
        return [part.table() for part in sections(self, AXES)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "p": "inf" if math.isinf(self.p) else self.p}

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=1)

    def to_csv(self) -> str:
        """All of it as comma-separated text, one number a line, at every place and not on the whole sample alone.

        The column `part` is "construction" (`count` says what is counted), "published", "exponent" or "refused". What
        has no value is empty: bounds that do not apply or are vacuous, which `status` says and `note` why, and the ends
        of intervals from too few places.
        """
        return csv_text(self)

    def to_latex(self) -> str:
        """The tables of `table` for LaTeX, with the package booktabs."""
        return latex_text(sections(self, AXES))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write it as the ending of the name says: `.csv`, `.tex` or `.json`; all of it or nothing.

        Raises:
            ValueError: for another ending.
        """
        write_whole(os.fspath(path), text_for(path)(self))

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Non-zeros and all entries against N, d, μ and ρ, on logarithmic axes."""
        draw(self.rows, self.published, self.colours, self.p, path)


def text_for(path: str | os.PathLike[str]) -> Callable[[ParameterReport], str]:
    """What makes the text for a file of this name.

    Raises:
        ValueError: for another ending than `.csv`, `.tex` and `.json`.
    """
    ending = Path(path).suffix.lower()
    if ending not in _WRITERS:
        raise ValueError(f"a report is written as {', '.join(_WRITERS)}, got {os.fspath(path)!r}")
    return _WRITERS[ending]


_WRITERS: dict[str, Callable[[ParameterReport], str]] = {
    ".csv": ParameterReport.to_csv,
    ".tex": ParameterReport.to_latex,
    ".json": ParameterReport.to_json,
}
