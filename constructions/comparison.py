"""How many parameters each construction takes on the same data at the same shell, beside the published bounds.

Every construction of the norm at hand is counted along four axes: the number of points N, the dimension d, the fraction
μ of memorized points and `ρ = 2 δ / R`. Growth exponents are fitted in logarithms.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from rich.console import Console
from scipy import stats

from constructions.certificate import Certificate, certify
from constructions.comparison_report import (
    AXES,
    NARROW,
    PCA,
    RANDOM,
    SHARED,
    SKETCH,
    SOURCES,
    TREE,
    Exponent,
    ParameterReport,
    Published,
    Row,
)
from constructions.executed_structure import certify_executed
from constructions.max_tree import certify_max_tree, max_tree_memorizer, max_tree_nonzero, max_tree_widths
from constructions.memorizer import Memorizer, robust_memorizer
from constructions.narrow_deep import narrow_deep_memorizer, narrow_deep_nonzero, narrow_deep_parameters
from constructions.projection import projection_memorizer
from constructions.rivals import Task, least_squares, read_task
from theory.errors import AssumptionError
from theory.literature import PUBLISHED, applicable, logarithmic_width

# From an arithmetic to the certificate in it.
Proof: TypeAlias = Callable[[str], Certificate]

# Networks with more non-zeros than this are counted by the formula that is tested on smaller ones.
_BUILT = 3_000_000
# Intervals pass through all layers, for every point.
_DEEPEST = 200
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

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if `2 δ + γ <= R` fails.
    """
    whole = read_task(points, labels, radius, shell, p)
    if shell is None:
        whole = replace(whole, shell=whole.shell / 8)
    say = Console(stderr=True, quiet=not progress).print
    say(f"{len(whole.sample.points)} points memorized by every construction")
    rows = _sizes(whole, "base", 1.0, seed, certificates=True)
    order = np.random.default_rng(seed).permutation(len(whole.sample.points))
    say("along N")
    for size in _geometric(len(order), 8):
        if size == len(order):
            rows += [replace(row, axis="N") for row in rows if row.axis == "base"]
        elif task := _subset(whole, order[:size]):
            rows += _sizes(task, "N", 1.0, seed)
    some = _subset(whole, order[:_SAMPLE])
    if some is not None:
        some = _exact(some, whole)
        say("along d, μ and ρ")
        for dim in _geometric(some.sample.points.shape[1], 1):
            if task := _coordinates(some, dim):
                rows += _sizes(task, "d", 1.0, seed)
        for mu in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0):
            rows += _sizes(some, "mu", mu, seed)
        for rho in (0.1, 0.2, 0.4, 0.6, 0.8):
            rows += _sizes(_scaled(some, rho, some.separation), "rho", 1.0, seed)
    return ParameterReport(
        whole.p,
        seed,
        whole.separation,
        tuple(rows),
        _published(rows, whole.p),
        _exponents(rows),
        _notes(rows[0], whole.p),
    )


def _geometric(size: int, least: int) -> list[int]:
    return sorted({max(least, size // 2**k) for k in range(5)} & set(range(least, size + 1)))


def _subset(task: Task, index: np.ndarray) -> Task | None:
    """The points of the index, at the same radius, shell and separation (a lower bound); None for one class."""
    codes = task.sample.codes[index]
    if len(set(codes.tolist())) < len(task.sample.classes):
        return None
    return replace(task, sample=replace(task.sample, points=task.sample.points[index], codes=codes))


def _exact(task: Task, whole: Task) -> Task:
    """The same with its own separation, radius and shell at the same ρ and share of the room."""
    own = read_task(task.sample.points, task.sample.labels, 1e-3 * task.radius, None, task.p).separation
    return _scaled(task, 2 * whole.radius / whole.separation, own)


def _scaled(task: Task, rho: float, separation: float) -> Task:
    share = task.shell / (task.separation - 2 * task.radius)
    radius = rho * separation / 2
    # A part in 10^9 less, so that the rounding of a share of 1 cannot exceed the room.
    return replace(task, radius=radius, separation=separation, shell=share * (separation - 2 * radius) * (1 - 1e-9))


def _coordinates(task: Task, dim: int) -> Task | None:
    points = task.sample.points
    chosen = np.sort(np.argsort(-points.var(axis=0), kind="stable")[:dim])
    reduced = replace(task, sample=replace(task.sample, points=np.ascontiguousarray(points[:, chosen])))
    try:
        return _exact(reduced, task)
    except AssumptionError:  # differently labelled points that agree in these coordinates
        return None


def _sizes(task: Task, axis: str, mu: float, seed: int, *, certificates: bool = False) -> list[Row]:
    """All constructions of the norm at one place."""
    sample = task.sample
    size, dim = sample.points.shape
    labels = task.sample.labels
    rows: list[Row] = []

    def add(name: str, nonzero: int, general: int, parameters: int | None, built: bool, proof: Proof | None,
            k: int = dim) -> None:  # fmt: skip
        certified = executed = None
        if certificates and proof:
            certified, executed = (proof(arithmetic).count("certified") for arithmetic in ("reals", "float64"))
        rho = 2 * task.radius / task.separation
        rows.append(
            Row(
                name,
                axis,
                size,
                dim,
                mu,
                rho,
                task.radius,
                task.shell,
                nonzero,
                general,
                parameters,
                built,
                certified,
                executed,
                k,
            )
        )

    common: dict[str, Any] = {
        "radius": task.radius,
        "p": task.p,
        "shell": task.shell,
        "clean": least_squares(sample.points, sample),
    }
    small = np.arange(max(1, round(mu * size)))
    shared = robust_memorizer(sample.points, labels, small=small, **common)
    beside = shared.size.nonzero - shared.size.clean
    add(SHARED, beside, beside + shared.size.symbols["Z"], shared.size.parameters, True, _proof(shared))
    if shared.size.sketch <= _BUILT:
        sketch = robust_memorizer(sample.points, labels, small=small, method="per_point", **common)
        count, whole = sketch.size.indicators, sketch.size.indicators + sketch.size.symbols["Z"]
        add(SKETCH, count, whole, sketch.size.parameters, True, _proof(sketch))
    else:
        zeros = _zeros(task, small)
        add(SKETCH, shared.size.sketch - zeros, shared.size.sketch, None, False, None)
    if axis == "mu":
        return rows
    if math.isinf(task.p):
        _sizes_linf(task, labels, add)
    if task.p == 2:
        for name, basis in ((PCA, "pca"), (RANDOM, "random")):
            try:
                found = projection_memorizer(
                    sample.points, labels, radius=task.radius, shell=task.shell, basis=basis, seed=seed
                )
            except AssumptionError:  # no room for the rounding of a projection
                continue
            general = found.network.nonzero + found.inner.size.symbols["Z"]
            add(name, found.network.nonzero, general, found.network.parameters, True, found.certify, found.dim)
    return rows


def _proof(built: Memorizer) -> Proof:
    return lambda arithmetic: built.certify() if arithmetic == "reals" else certify_executed(built, arithmetic)


def _sizes_linf(task: Task, labels: list[Any], add: Callable[..., None]) -> None:
    sample = task.sample
    size, dim = sample.points.shape
    outputs, classes = sample.outputs, max(2, sample.outputs)
    others = int(np.sum(sample.codes > 0))
    zeros = _zeros(task, np.arange(size))
    general, widths = max_tree_nonzero(size, dim), max_tree_widths(size, dim, outputs)
    entries = sum(before * after + after for before, after in pairwise(widths))
    if general <= _BUILT:
        tree = max_tree_memorizer(sample.points, labels, radius=task.radius, shell=task.shell)
        add(TREE, tree.network.nonzero, general, tree.network.parameters, True,
            lambda a: certify_max_tree(tree.network, tree.task, a))  # fmt: skip
    else:
        add(TREE, general - zeros, general, entries, False, None)
    general = narrow_deep_nonzero(others, dim, classes)
    if others <= _DEEPEST and general <= _BUILT:
        deep = narrow_deep_memorizer(sample.points, labels, radius=task.radius, shell=task.shell)
        balls = sample.points, sample.codes, task.radius, task.p
        add(NARROW, deep.network.nonzero, general, deep.network.parameters, True,
            lambda a: certify(deep.network, *balls, arithmetic=a))  # fmt: skip
    else:
        # Its biases hold c - low - t, which are 0 by rare coincidence only; they are counted as non-zero.
        add(NARROW, general, general, narrow_deep_parameters(others, dim, classes, outputs), False, None)


def _zeros(task: Task, small: np.ndarray) -> int:
    """Weights of a network with features of its own for each point that are 0 on this data."""
    c = task.sample.points[small]
    if math.isinf(task.p):
        t = task.radius + task.shell / 4
        return int(np.sum(c == t) + np.sum(c == -t))
    return 2 * int(np.sum(c == 0))


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


def _exponents(rows: list[Row]) -> tuple[Exponent, ...]:
    found = []
    for name in SOURCES:
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
