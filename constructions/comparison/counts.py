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

from constructions.bits.memorizer import IntegerMemorizer
from constructions.comparison.entries import ENTRIES, Count, Entry, Place
from constructions.comparison.power_law import power_law
from constructions.comparison.relations import in_words
from constructions.comparison.report import AXES, Exponent, ParameterReport, Published, Refusal, Row
from constructions.samples.task import Task, read_task, task_for
from theory.errors import AssumptionError
from theory.sizes.published import PUBLISHED, PublishedBound, applicable, logarithmic_width

# Points of the sample on which d, μ and ρ vary.
_SAMPLE = 500


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
    found = count(whole, "base", certificates=True)
    order = np.random.default_rng(seed).permutation(size)
    say("along N")
    for some in _geometric(size, 8):
        if some == size:
            found += [replace(row, axis="N") for row in found if row.axis == "base"]
        elif part := _subset(whole, order[:some]):
            found += count(part, "N")
    part = _subset(whole, order[:_SAMPLE])
    if part is not None:
        part = _exact(part, whole)
        say("along d, μ and ρ")
        for dim in _geometric(part.task.sample.points.shape[1], 1):
            if fewer := _coordinates(part, dim):
                found += count(fewer, "d")
        for mu in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0):
            found += count(part, "mu", mu=mu)
        for rho in (0.1, 0.2, 0.4, 0.6, 0.8):
            found += count(_scaled(part, rho, part.separation), "rho")
    rows = [row for row in found if isinstance(row, Row)]
    names = [entry.name for entry in entries]
    return ParameterReport(
        task.p,
        seed,
        whole.separation,
        tuple(rows),
        tuple(refusal for refusal in found if isinstance(refusal, Refusal)),
        _published(rows, task.p, task.sample.points),
        _exponents(rows, names),
        _notes(rows[0], task.p),
        sources={entry.name: entry.source for entry in entries},
        colours={entry.name: entry.colour for entry in entries},
        norms={entry.name: _norms(entry, task.p) for entry in entries},
    )


def _norms(entry: Entry, p: float) -> str:
    """For which p it is, in words."""
    return "any p" if entry.norms == Entry.norms and entry.is_for(p) else entry.norms


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
) -> list[Row | Refusal]:
    """All constructions at one place, or why not; along μ those with a clean classifier."""
    task = part.task
    size, dim = task.sample.points.shape
    rho = 2 * task.radius / part.separation
    place = Place(task, mu, seed)
    rows: list[Row | Refusal] = []
    for entry in entries:
        if axis != "base" and (entry.base_only or not entry.is_for(task.p) or (axis == "mu" and not entry.has_clean)):
            continue
        count = entry.count(place) if entry.is_for(task.p) else f"it is for {entry.norms}"
        if isinstance(count, str):
            rows.append(Refusal(entry.name, axis, size, dim, rho, count))
            continue
        certified, executed = _certified(count) if certificates else (None, None)
        rows.append(
            Row(
                construction=entry.name,
                axis=axis,
                N=size,
                d=dim,
                mu=mu,
                rho=rho,
                radius=task.radius,
                shell=task.shell,
                nonzero=count.nonzero,
                general=count.general,
                parameters=count.parameters,
                built=count.built is not None,
                certified=certified,
                executed=executed,
                bits=count.bits,
                dim=count.dim or dim,
            )
        )
    return rows


def _certified(count: Count) -> tuple[int | None, int | None]:
    """Certified balls over the reals, and as executed in float64."""
    if count.built is None:
        return None, None
    proved = count.built.certify().count("certified")
    # Integers are evaluated exactly, not in float64.
    exact = isinstance(count.built, IntegerMemorizer)
    return proved, None if exact else count.built.certify("float64").count("certified")


def _published(rows: list[Row], p: float, points: np.ndarray) -> tuple[Published, ...]:
    found: dict[tuple[str, str, float], Published] = {}
    extent = float(np.linalg.norm(points, ord=p, axis=1).max())
    largest = max(float(np.abs(points).max()), math.nextafter(1, 2))
    for row in rows:
        at = float(getattr(row, row.axis)) if row.axis != "base" else 0.0
        values = _values(row, extent, largest)
        holds = applicable(p, **values)
        for bound in PUBLISHED.values():
            if bound.norm not in (None, p) or not set(bound.symbols) <= {"p", *values}:
                continue
            value, status, note = holds.get(bound.name), "holds", ""
            if value is None:
                failed = [in_words(h) for h in bound.hypotheses]
                status, note = (
                    "does not apply",
                    f"needs {' and '.join(failed)}: fails for N = {row.N}, d = {row.d}, p = {p:g}, rho = {row.rho:.4g}",
                )
            elif note := _vacuous(bound, value):
                value, status = None, "vacuous"
            found[bound.name, row.axis, at] = Published(
                bound.name, bound.citation, bound.counts, bound.kind, bound.form, row.axis, at, value, status, note
            )
    return tuple(found.values())


def _vacuous(bound: PublishedBound, value: float) -> str:
    """Why the number says nothing about any network; "" if it does."""
    if bound.kind == "lower":
        return "" if value > 1 else "no more than 1, which every network has"
    return "" if value >= 1 else f"less than 1 without the constant of its {bound.form}, and no network has so few"


def _values(row: Row, extent: float, largest: float) -> dict[str, float]:
    """What the published bounds call by these names; `extent` is at least every `‖x‖_p`, `largest` every `‖x‖_∞`."""
    half = row.radius / row.rho
    # In the unit ball ε < 1/2 is asked for, and any ball that contains the data can be scaled to it.
    unit = max(extent, 2 * half * (1 + 1e-9))
    return {
        "N": row.N,
        "d": row.d,
        "rho": row.rho,
        "delta": row.radius / unit,
        "eps": half / unit,
        "gamma": (1 - row.rho) * half,
        "R": largest,
    }


def _exponents(rows: list[Row], names: list[str]) -> tuple[Exponent, ...]:
    found = []
    for name in names:
        for axis in AXES:
            series = [row for row in rows if (row.construction, row.axis) == (name, axis)]
            for count in ("nonzero", "general", "parameters"):
                places = [(getattr(row, axis), getattr(row, count)) for row in series if getattr(row, count)]
                if len(places) < 3:
                    continue
                slope, low, high = power_law([place for place, _ in places], [count for _, count in places])
                found.append(Exponent(name, axis, count, slope, low, high, len(places)))
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
        trivial = row.N * row.d
        holds = applicable(p, N=row.N, d=row.d, rho=row.rho)
        ranges = ("small ρ", "moderate ρ, error η", "large ρ", "large ρ, non-zeros")
        for name, value in ((name, holds[name]) for name in ranges if name in holds):
            verdict = "less than" if value < trivial else "vacuous here, not less than"
            notes.append(
                f"Kim et al. (2025), {name}: {value:,.0f} without its constant and logarithms, "
                f"{verdict} N d = {trivial:,}"
            )
    if math.isinf(p):
        notes.append(f"Yu et al. (2024): depth 2 N + 1 = {2 * row.N + 1}, width 3 d + 1 = {3 * row.d + 1}")
    return tuple(notes)
