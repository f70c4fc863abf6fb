"""Bounds of all layers and of forms of the outputs, by intervals and by linear relaxation, block after block."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np

from theory.balls.backward import Relaxed, backward, relax
from theory.balls.intervals import after_relu, first_range, least_after_relu, least_of_forms
from theory.balls.prepared import Head, Prepared, blocks, merge, widest
from theory.balls.regions import Bounds, Regions, boxes
from theory.balls.violations import Violations
from theory.layers import Layers
from theory.roundoff import DOUBLE, SINGLE, Format

BoundMethod: TypeAlias = Literal["interval", "linear"]
# Lower bounds of forms of the last of some hidden layers.
Bounder: TypeAlias = Callable[[Head, Sequence[Relaxed], Regions], np.ndarray]

# All that is held at once; and the coefficients of one step, of which a dozen passes are made.
BLOCK_BYTES = 2**25
STEP_BYTES = 2**21
# Networks of such widths are bounded in float32 first: narrower ones gain nothing, for wider ones it is too coarse.
_SINGLE_WIDTHS = range(64, 2**16)


def check_task(affines: Sequence[Prepared], regions: Regions, violations: Violations) -> None:
    """Refuse regions and violations that do not fit the network or one another."""
    inputs, outputs = affines[0].weight.shape[1], affines[-1].weight.shape[0]
    if regions.centres.shape[1] != inputs:
        raise ValueError(f"regions need {inputs} coordinates, the network's inputs, got {regions.centres.shape[1]}")
    if violations.forms.shape[3] != outputs or len(violations.forms) not in (1, len(regions)):
        raise ValueError(
            f"violations need {outputs} outputs, and one list or one for each of the {len(regions)} regions, got "
            f"{violations.forms.shape[3]} outputs and {len(violations.forms)} lists"
        )


def all_bounds(affines: Sequence[Prepared], regions: Regions, method: BoundMethod) -> tuple[Bounds, ...]:
    """Bounds of every layer's value before its ReLU, as (lower, upper) of shape (n, width); the outputs' are last."""
    found = []
    size = BLOCK_BYTES if method == "interval" else STEP_BYTES
    for rows in blocks(len(regions), _floats_per_region(affines, method), size):
        with np.errstate(over="ignore", invalid="ignore"):
            some = regions.take(rows)
            bounds = interval_ranges(affines, some)
            if method == "linear":
                hidden = relaxed(affines[:-1], some, bounds)
                last = narrowed(affines[-1], hidden, some, bounds[-1], whole=True)
                bounds = [*(layer.bounds for layer in hidden), last]
            found.append(bounds)
    return tuple(
        (np.concatenate([b[k][0] for b in found]), np.concatenate([b[k][1] for b in found]))
        for k in range(len(affines))
    )


def linear_cost(layers: Layers) -> float:
    """About how many multiplications and additions the linear step takes for one region at most.

    Every neuron counts as unstable: of real networks a part is. In sparse layers only stored entries count.
    """
    weights = [layer.weight for layer in layers]
    entries = [float(w.size if isinstance(w, np.ndarray) else w.nnz) for w in weights]
    outputs = [float(layer.weight.shape[0]) for layer in layers]
    return sum(4.0 * outputs[k] * (sum(entries[:k]) + sum(outputs[:k])) for k in range(1, len(layers)))


def rows_lower_bounds(
    affines: Sequence[Prepared],
    regions: Regions,
    violations: Violations,
    method: BoundMethod,
    *,
    until_proved: bool = False,
) -> np.ndarray:
    """Lower bounds (n, k) of all rows of all conjunctions, see `violation_lower_bounds`."""
    lower = np.empty((len(regions), int(np.prod(violations.offsets.shape[1:]))))
    hidden = affines[:-1]
    floats = _floats_per_region(affines, "interval") + 4 * lower.shape[1] * affines[-1].weight.shape[1]
    for rows in blocks(len(regions), floats, BLOCK_BYTES):
        with np.errstate(over="ignore", invalid="ignore"):
            some, wrong = regions.take(rows), violations.take(rows)
            head = merge(*wrong.flat(), affines[-1])
            if not hidden:
                lower[rows] = least_of_forms(head, some)
                continue
            plain = interval_ranges(hidden, some)
            best = least_after_relu(head, plain[-1])
            if method == "linear":
                todo = np.arange(len(some))
                # In float32 the most are proved in half the time, and none that is not in float64.
                for form in (SINGLE, DOUBLE) if until_proved and widest(hidden) in _SINGLE_WIDTHS else (DOUBLE,):
                    if until_proved:
                        todo = np.flatnonzero(~(wrong.excluded(best) > 0).all(axis=1))
                    for part in blocks(len(todo), _floats_per_region(affines, "linear"), STEP_BYTES):
                        at = todo[part]
                        known = [(low[at], high[at]) for low, high in plain]
                        goal = wrong.take(at) if until_proved else None
                        found = _linear(hidden, head.take(at), some.take(at), known, goal, form)
                        best[at] = np.maximum(best[at], found)
            lower[rows] = best
    return lower


def upper_values(affines: Sequence[Prepared], points: np.ndarray, violations: Violations) -> np.ndarray:
    """Upper bounds (n,) of `min over conjunctions, max over rows of A f(x) - b` at points, over the reals.

    A violation for sure where <= 0.
    """
    negated = Violations(-violations.forms, -violations.offsets)
    upper = -rows_lower_bounds(affines, boxes(points, points), negated, "interval")
    return np.asarray(violations.excluded(np.where(np.isnan(upper), np.inf, upper)).min(axis=1))


def _linear(
    hidden: Sequence[Prepared],
    head: Head,
    regions: Regions,
    plain: list[Bounds],
    goal: Violations | None,
    form: Format,
) -> np.ndarray:
    """Bounds of the head's forms; with a goal, of a region that is right only until that is seen."""
    layers: list[Relaxed] = []
    lower = np.full((len(regions), head.weight.shape[1]), -np.inf)
    left = np.arange(len(regions))
    for k, affine in enumerate(hidden):
        known = narrowed(affine, layers, regions, plain[k], form=form)
        is_last = k == len(hidden) - 1
        layers.append(relax(affine, known, layers[-1] if layers else None, regions, thin=not is_last))
        if not is_last and (goal is None or 0 < k < len(hidden) // 2):
            # An attempt with few layers bounded well is cheap with one, and seldom better with two or three.
            continue
        # The layers to come by intervals: cheap beside bounding them as well.
        rest = list(layers)
        for j in range(k + 1, len(hidden)):
            known = plain[j] if k == 0 else _within(after_relu(hidden[j], rest[-1].bounds), plain[j])
            rest.append(relax(hidden[j], known, rest[-1], regions, thin=False))
        found = np.maximum(least_after_relu(head, rest[-1].bounds), backward(head, rest, regions, form=form).lower)
        lower[left] = np.maximum(lower[left], found)
        if goal is not None and not is_last:
            some = np.flatnonzero(~(goal.excluded(lower[left]) > 0).all(axis=1))
            if not len(some):
                break
            if len(some) < len(left):
                left, layers, goal = left[some], [layer.take(some) for layer in layers], goal.take(some)
                head, regions, plain = head.take(some), regions.take(some), [(a[some], b[some]) for a, b in plain]
    return lower


def _within(bounds: Bounds, known: Bounds) -> Bounds:
    return np.maximum(bounds[0], known[0]), np.minimum(bounds[1], known[1])


def interval_ranges(affines: Sequence[Prepared], regions: Regions) -> list[Bounds]:
    """Ranges of the layers' values by intervals."""
    bounds = [first_range(affines[0], regions)]
    for affine in affines[1:]:
        bounds.append(after_relu(affine, bounds[-1]))
    return bounds


def relaxed(
    hidden: Sequence[Prepared], regions: Regions, plain: Sequence[Bounds], bounder: Bounder | None = None
) -> list[Relaxed]:
    """Hidden layers with bounds by linear relaxation, one after the other, never looser than the given ones."""
    layers: list[Relaxed] = []
    for k, affine in enumerate(hidden):
        known = plain[k] if k == 0 else narrowed(affine, layers, regions, plain[k], bounder=bounder)
        layers.append(relax(affine, known, layers[-1] if layers else None, regions))
    return layers


def narrowed(
    affine: Prepared,
    layers: Sequence[Relaxed],
    regions: Regions,
    known: Bounds,
    *,
    whole: bool = False,
    bounder: Bounder | None = None,
    form: Format = DOUBLE,
) -> Bounds:
    """Known bounds of a layer, improved by the relaxation of those before; the stable neurons' only with `whole`.

    By `backward` in a format, or by the bounder.
    """
    if not layers:
        return known
    lower, upper = _within(after_relu(affine, layers[-1].bounds), known) if len(layers) > 1 else known
    # Stable neurons are linear already; of the output all is wanted.
    rows = np.flatnonzero(whole | ((lower < 0) & (upper > 0)).any(axis=0))
    lower, upper = lower.copy(), upper.copy()
    floats = 2 * len(regions) * widest([layer.affine for layer in layers])
    for part in blocks(len(rows), floats, STEP_BYTES):
        some = rows[part]
        head = affine.rows(some, form)
        found = backward(head, layers, regions, form=form).lower if bounder is None else bounder(head, layers, regions)
        lower[:, some] = np.maximum(lower[:, some], found[:, : len(some)])
        upper[:, some] = np.minimum(upper[:, some], -found[:, len(some) :])
    return lower, upper


def _floats_per_region(affines: Sequence[Prepared], method: BoundMethod) -> int:
    if method == "interval":
        return 8 * sum(sum(a.weight.shape) for a in affines)
    return 2 * widest(affines[1:] or affines) * widest(affines)
