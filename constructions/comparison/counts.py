"""How many parameters each construction takes on the same data at the same shell, beside the published bounds.

Every construction of the norm at hand is counted along four axes: the number of points N, the dimension d, the fraction
μ of memorized points and `ρ = 2 δ / R`. Growth exponents are fitted in logarithms.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console
from scipy import stats

from constructions.comparison.entries import ENTRIES, Entry, Place
from constructions.comparison.report import AXES, Exponent, ParameterReport, Published, Row
from constructions.samples.task import Task, read_task, task_for
from theory.errors import AssumptionError
from theory.sizes.published import PUBLISHED, applicable, logarithmic_width

# Points of the sample on which d, μ and ρ vary.
_SAMPLE = 500
_LEVEL = 0.95


def parameter_report(
    points: Any,
    labels: Any,
    *,
    radius: Any,
    p: Any,
    shell: Any = None,
    seed: int = 0,
    progress: bool = False,
    entries: tuple[Entry, ...] = ENTRIES,
) -> ParameterReport:
    """Count every construction on the sample and along N, d, μ and ρ, beside every published bound of the norm.

    One shell for all constructions at each place. N varies over random subsets at the radius and shell of the whole
    sample; d, μ and ρ on a subset of at most 500 points: d over its coordinates of largest variance, with ρ and
    `γ / (R - 2 δ)` kept; μ over memorized fractions, for the constructions that have a clean classifier; ρ over radii.
    Counts are beside the clean network's own, so a least-squares affine map stands for it. Balls are certified on the
    whole sample, where networks with up to 3,000,000 non-zeros (the narrow and deep one up to 200
    points) are built, and larger ones counted by formula.

    Args:
        points: shape (n, d).
        labels: -1 and +1, or any hashable classes.
        radius: δ > 0, in l_p, with `2 δ < R`.
        p: in [1, ∞].
        shell: γ; `(R - 2 δ) / 8` when None, so that a projection has room to lose.
        seed: of subsets and of the random projection.
        progress: whether to show on stderr what is being done.
        entries: the constructions; one of your own is `Entry(name, …)` beside `ENTRIES`.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if `2 δ + γ <= R` fails.
    """
    task = read_task(points, labels, radius, shell, p)
    entries = _read_entries(entries, task.p)
    if shell is None:
        task = replace(task, shell=task.shell / 8)
    whole = _Part(task, task.separation)
    size, count = len(task.sample.points), partial(_rows, entries=entries, seed=seed)
    say = Console(stderr=True, quiet=not progress).print
    say(f"{size} points memorized by every construction")
    rows = count(whole, "base", certificates=True)
    order = np.random.default_rng(seed).permutation(size)
    say("along N")
    for some in _geometric(size, 8):
        if some == size:
            rows += [replace(row, axis="N") for row in rows if row.axis == "base"]
        elif part := _subset(whole, order[:some]):
            rows += count(part, "N")
    part = _subset(whole, order[:_SAMPLE])
    if part is not None:
        part = _exact(part, whole)
        say("along d, μ and ρ")
        for dim in _geometric(part.task.sample.points.shape[1], 1):
            if fewer := _coordinates(part, dim):
                rows += count(fewer, "d")
        for mu in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0):
            rows += count(part, "mu", mu=mu)
        for rho in (0.1, 0.2, 0.4, 0.6, 0.8):
            rows += count(_scaled(part, rho, part.separation), "rho")
    names = [entry.name for entry in entries]
    return ParameterReport(
        task.p,
        seed,
        whole.separation,
        tuple(rows),
        _published(rows, task.p),
        _exponents(rows, names),
        _notes(rows[0], task.p),
        sources={entry.name: entry.source for entry in entries},
        colours={entry.name: entry.colour for entry in entries},
    )


def _geometric(size: int, least: int) -> list[int]:
    return sorted({max(least, size // 2**k) for k in range(5)} & set(range(least, size + 1)))


def _read_entries(entries: Any, p: float) -> tuple[Entry, ...]:
    """Those of the norm, all of them entries of different names."""
    given = tuple(entries) if isinstance(entries, Iterable) else ()
    names = [entry.name for entry in given if isinstance(entry, Entry)]
    if len(set(names)) != len(given) or not any(entry.is_for(p) for entry in given):
        raise ValueError(
            f"entries must be a tuple of Entry with different names, one at least for p={p:g}, got "
            f"{names or type(entries).__name__}: take (*ENTRIES, mine)"
        )
    return given


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the data; `separation` is that of the whole for a subset, a lower bound of its own."""

    task: Task
    separation: float


def _subset(part: _Part, index: np.ndarray) -> _Part | None:
    """The points of the index, at the same radius, shell and separation; None for one class."""
    sample = part.task.sample
    codes = sample.codes[index]
    if len(set(codes.tolist())) < len(sample.classes):
        return None
    return replace(part, task=replace(part.task, sample=replace(sample, points=sample.points[index], codes=codes)))


def _exact(part: _Part, whole: _Part) -> _Part:
    """The same with its own separation, radius and shell at the same ρ and share of the room."""
    task = part.task
    own = task_for(task.sample, 1e-3 * task.radius, None, task.p)
    found = replace(part, task=replace(task, neighbours=own.neighbours))
    return _scaled(found, 2 * whole.task.radius / whole.separation, own.separation)


def _scaled(part: _Part, rho: float, separation: float) -> _Part:
    task = part.task
    share = task.shell / (part.separation - 2 * task.radius)
    radius = rho * separation / 2
    # A part in 10^9 less, so that the rounding of a share of 1 cannot exceed the room.
    shell = share * (separation - 2 * radius) * (1 - 1e-9)
    return _Part(replace(task, radius=radius, shell=shell), separation)


def _coordinates(part: _Part, dim: int) -> _Part | None:
    sample = part.task.sample
    chosen = np.sort(np.argsort(-sample.points.var(axis=0), kind="stable")[:dim])
    reduced = replace(sample, points=np.ascontiguousarray(sample.points[:, chosen]))
    try:
        return _exact(replace(part, task=replace(part.task, sample=reduced)), part)
    except AssumptionError:  # differently labelled points that agree in these coordinates
        return None


def _rows(
    part: _Part,
    axis: str,
    *,
    entries: tuple[Entry, ...],
    seed: int,
    mu: float = 1.0,
    certificates: bool = False,
) -> list[Row]:
    """All constructions of the norm at one place; along μ those with a clean classifier."""
    task = part.task
    size, dim = task.sample.points.shape
    place = Place(task, mu, seed)
    rows = []
    for entry in entries:
        if not entry.is_for(task.p) or (axis == "mu" and not entry.has_clean):
            continue
        count = entry.count(place)
        if count is None:
            continue
        certified = executed = None
        if certificates and count.built is not None:
            certified, executed = (count.built.certify(a).count("certified") for a in ("reals", "float64"))
        rows.append(
            Row(
                construction=entry.name,
                axis=axis,
                N=size,
                d=dim,
                mu=mu,
                rho=2 * task.radius / part.separation,
                radius=task.radius,
                shell=task.shell,
                nonzero=count.nonzero,
                general=count.general,
                parameters=count.parameters,
                built=count.built is not None,
                certified=certified,
                executed=executed,
                dim=count.dim or dim,
            )
        )
    return rows


def _published(rows: list[Row], p: float) -> tuple[Published, ...]:
    found: dict[tuple[str, str, float], Published] = {}
    for row in rows:
        at = float(getattr(row, row.axis)) if row.axis != "base" else 0.0
        # Li et al. write δ for the radius and ask δ < ε / 2.
        values = {"N": row.N, "d": row.d, "rho": row.rho, "delta": row.radius, "eps": 2 * row.radius / row.rho}
        holds = applicable(p, **values)
        for bound in PUBLISHED.values():
            if bound.norm not in (None, p) or not set(bound.symbols) <= set(values):
                continue
            value, note = holds.get(bound.name), ""
            if value is None:
                failed = [str(h) for h in bound.hypotheses]
                note = f"needs {' and '.join(failed)}: fails for N = {row.N}, d = {row.d}, rho = {row.rho:.4g}"
            found[bound.name, row.axis, at] = Published(
                bound.name, bound.source, bound.counts, bound.kind, bound.form, row.axis, at, value, note
            )
    return tuple(found.values())


def _exponents(rows: list[Row], names: list[str]) -> tuple[Exponent, ...]:
    found = []
    for name in names:
        for axis in AXES:
            series = [row for row in rows if (row.construction, row.axis) == (name, axis)]
            for count in ("nonzero", "general", "parameters"):
                places = [(getattr(row, axis), getattr(row, count)) for row in series if getattr(row, count)]
                if len(places) < 3:
                    continue
                x, y = np.log(np.array(places, dtype=np.float64)).T
                fit = stats.linregress(x, y)
                reach = float(stats.t.ppf((1 + _LEVEL) / 2, len(places) - 2)) * float(fit.stderr)
                slope = float(fit.slope)
                if np.ptp(y) == 0:  # the standard error of a constant is 0/0
                    slope = reach = 0.0
                found.append(Exponent(name, axis, count, slope, slope - reach, slope + reach, len(places)))
    return tuple(found)


def _notes(row: Row, p: float) -> tuple[str, ...]:
    """Which published theorems say nothing at these numbers."""
    notes = []
    if p == 2 and row.d >= 2:
        try:
            width = logarithmic_width(row.N, row.d, row.rho)
            notes.append(f"Egosi et al. (2025): width {width} is enough, of d + 5 = {row.d + 5}")
        except AssumptionError as error:
            notes.append(f"Egosi et al. (2025) is vacuous here: {error}")
        for name in ("any ρ", "any ρ, non-zeros"):
            value, trivial = PUBLISHED[name](N=row.N, d=row.d, rho=row.rho), row.N * row.d
            verdict = "less than" if value < trivial else "vacuous here, not less than"
            notes.append(
                f"Kim et al. (2025), {name}: {value:,.0f} without its constant and logarithms, "
                f"{verdict} N d = {trivial:,}"
            )
    if math.isinf(p):
        notes.append(f"Yu et al. (2024): depth 2 N + 1 = {2 * row.N + 1}, width 3 d + 1 = {3 * row.d + 1}")
    return tuple(notes)
