"""Linear relaxation: forms of a network's hidden values bounded by substituting layer after layer.

A ReLU `h = σ(z)` lies above the line `α z`, whatever α in [0, 1], and below the chord `s z + t` of its range. For any
`β >= 0`, a form is at least itself less `β z` where `z >= 0`, and plus `β z` where `z <= 0`: so regions split at a ReLU
are bounded. Whatever α and β, the value is a sound bound, rounding included.

Sources: Zhang et al. (2018), CROWN, arXiv:1811.00866; Xu et al. (2021), α-CROWN, arXiv:2011.13824; Wang et al. (2021),
β-CROWN, arXiv:2103.06624.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from theory.balls.cut_balls import least_over_cut
from theory.balls.prepared import Head, Prepared, apply, forms_at
from theory.balls.regions import Bounds, Regions
from theory.layers import Matrix
from theory.roundoff import DOUBLE, TINY, UNIT_ROUNDOFF, Format, gamma, norm_upper_bound
from theory.setting.norms import dual_exponent

# Neurons that are off everywhere are left out, and the lines of those that are on everywhere are not applied, where a
# layer is as wide as this, and at most so large a part of it is left: to copy the weights takes its time.
_WIDE, _MOST = 64, 0.75


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A hidden layer with its ReLUs as lines, over n regions.

    Args:
        affine: the layer.
        lower, upper: of its values before the ReLU, shape (n, width).
        before: upper bounds of what it reads, in absolute value, shape (n, inputs).
        kept: its neurons that are not off in all regions, first those that are not on in all either; or all.
        bent: how many, first, may be either.
        inputs: of the neurons that it reads those that a coefficient is wanted of: those kept of the layer below, or
            all.
    """

    affine: Prepared
    lower: np.ndarray
    upper: np.ndarray
    before: np.ndarray
    kept: np.ndarray | slice
    bent: int
    inputs: np.ndarray | slice

    @property
    def bounds(self) -> Bounds:
        """Of the values before the ReLU, as a pair."""
        return self.lower, self.upper

    @cached_property
    def lines(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lower slopes, upper slopes, upper offsets, see `relu_lines`."""
        return relu_lines(self.lower, self.upper)

    @cached_property
    def top(self) -> np.ndarray:
        """Upper bounds of the values behind the ReLU, shape (n, width)."""
        return np.asarray(np.maximum(self.upper, 0.0))

    @cached_property
    def unstable(self) -> np.ndarray:
        """Which neurons may be on and may be off."""
        return (self.lower < 0) & (self.upper > 0)

    @cached_property
    def size(self) -> np.ndarray:
        """|z| and all that rounding touches in `z = W h + b`, for |h| <= before."""
        return np.asarray(apply(self.affine.absolute, self.before + TINY) + self.affine.bias_size + TINY)

    @cached_property
    def reach(self) -> np.ndarray:
        """By how much a form may move where each of its coefficients does by 1, here and below, shape (n, 1)."""
        return np.asarray(1.0 + self.size.sum(axis=1) + (self.before + TINY).sum(axis=1))[:, None]

    @cached_property
    def steps(self) -> dict[Format, "Step"]:
        """What was asked for of `step`."""
        return {}

    def step(self, form: Format) -> "Step":
        """What it takes to substitute the layer, in a format."""
        if form not in self.steps:
            self.steps[form] = self._step(form)
        return self.steps[form]

    def _step(self, form: Format) -> "Step":
        weight = self.affine.weight if form == DOUBLE else self.affine.single
        weight, bias, size = _part(weight, self.kept, self.inputs), self.affine.bias[self.kept], self.size
        some = self.lower[:, self.kept][:, : self.bent], self.upper[:, self.kept][:, : self.bent]
        low, high, offset = relu_lines(*some, form)
        top = self.top
        if form != DOUBLE:
            # Rounded up, to normal numbers.
            size = size + form.tiny * self.reach
            offset, size, top = ((a + form.tiny) * (1.0 + 2.0 * form.unit) for a in (offset, size, top))
        size, top = size[:, self.kept], top[:, self.kept]
        parts = (a.astype(form.kind, copy=False) for a in (weight, bias, size, top, low, high, offset))
        return Step(*parts)

    def take(self, rows: np.ndarray | list[int]) -> "Relaxed":
        """The layer over some of the regions."""
        some = self.lower[rows], self.upper[rows], self.before[rows]
        return Relaxed(self.affine, *some, self.kept, self.bent, self.inputs)


@dataclass(frozen=True, eq=False)
class Step:
    """A hidden layer in a format: of kept neurons weight, bias, size and top, of those that are bent the lines."""

    weight: Matrix
    bias: np.ndarray
    size: np.ndarray
    top: np.ndarray
    low: np.ndarray
    high: np.ndarray
    offset: np.ndarray


def relax(affine: Prepared, bounds: Bounds, below: "Relaxed | None", regions: Regions, *, thin: bool = True) -> Relaxed:
    """The next hidden layer, with these bounds of its values.

    Its weight is made thin, by what is off, for many forms: for few it takes longer than it saves.
    """
    before = below.top if below is not None else regions.reach * (1.0 + 4.0 * UNIT_ROUNDOFF)
    if not thin:
        return Relaxed(affine, *bounds, before, slice(None), bounds[0].shape[1], slice(None))
    return Relaxed(affine, *bounds, before, *_kept(*bounds), slice(None) if below is None else below.kept)


def _kept(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray | slice, int]:
    width = lower.shape[1]
    if width >= _WIDE:
        off, on = (upper <= 0).all(axis=0), (lower >= 0).all(axis=0)
        bent, straight = np.flatnonzero(~(on | off)), np.flatnonzero(on & ~off)
        if len(bent) + len(straight) <= _MOST * width:
            return np.concatenate([bent, straight]), len(bent)
    return slice(None), width


def _part(matrix: Matrix, rows: np.ndarray | slice, columns: np.ndarray | slice) -> Matrix:
    if isinstance(matrix, np.ndarray):
        matrix = matrix if isinstance(rows, slice) else matrix.take(rows, axis=0)
        return matrix if isinstance(columns, slice) else matrix.take(columns, axis=1)
    return sp.csr_array(matrix[rows][:, columns])


@dataclass(frozen=True, eq=False)
class Choice:
    """What may be chosen of a hidden layer; any choice is sound.

    Args:
        slopes: of the lower lines of its unstable neurons, clipped to [0, 1], shape (n, k, width); None for those of
            least area.
        signs: +1 where a region is split to z >= 0, -1 to z <= 0, else 0, shape (n, width); None for no splits.
        multipliers: of the splits, negative ones count as 0, shape (n, k, width).
    """

    slopes: np.ndarray | None = None
    signs: np.ndarray | None = None
    multipliers: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """Lower bounds (n, k) of forms, and the linear functions of the inputs of which they are the minima."""

    lower: np.ndarray
    coefficient: np.ndarray


def backward(
    head: Head,
    hidden: Sequence[Relaxed],
    regions: Regions,
    choices: Sequence[Choice] | None = None,
    *,
    form: Format = DOUBLE,
) -> Found:
    """Sound lower bounds of the head's forms of the last hidden layer.

    Invariant: on the region, `head >= coefficient · h + constant - error` (coefficient: n × k × width). In float32 it
    takes half the time, and the bounds are a little looser: a coefficient that is rounded is a coefficient, and what is
    lost is counted in units of the format. The slopes are numbers of it; constants and errors are float64.
    """
    last = hidden[-1]
    weight = head.weight[..., last.kept].astype(form.kind, copy=isinstance(last.kept, slice))
    coefficient = weight if len(weight) == len(regions) else np.repeat(weight, len(regions), axis=0)
    constant = np.broadcast_to(head.bias, coefficient.shape[:2])
    error = np.broadcast_to(head.slack * head.bias_size, coefficient.shape[:2])
    if head.error is not None:
        error = error + forms_at(head.error, last.top) * (1.0 + head.slack)
    if form != DOUBLE:
        # What is lost where the head's weights are rounded.
        error = error + 4.0 * form.unit * forms_at(np.abs(coefficient), last.step(form).top) + form.tiny * last.reach
    for k in reversed(range(len(hidden))):
        layer, step = hidden[k], hidden[k].step(form)
        choice = None if choices is None else choices[k]
        raised = _bend(coefficient, step, step.low[:, None] if choice is None else _chosen(layer, choice))
        weight, bias = step.weight, step.bias
        if choice is None or choice.signs is None or choice.multipliers is None:
            touched = forms_at(np.abs(coefficient), step.size)
        else:
            # Splits may weigh neurons that are off.
            weight, bias = _part(layer.affine.weight, slice(None), layer.inputs), layer.affine.bias
            moved = np.maximum(choice.multipliers, 0.0) * choice.signs[:, None]
            whole = np.zeros(moved.shape)
            whole[..., layer.kept] = coefficient
            # Before they cancel.
            touched = forms_at(np.abs(whole) + np.abs(moved), layer.size)
            coefficient = whole - moved
        g = _slack(form, layer.affine.weight.shape[0], max(layer.affine.weight.shape))
        lost = g * np.asarray(touched + np.abs(raised), np.float64) + gamma(64) * np.abs(constant)
        error = (error + lost + form.tiny * layer.reach) * (1.0 + g)
        constant = constant + raised + coefficient @ bias
        coefficient = apply(weight, coefficient, transposed=False)
        if k and isinstance(layer.inputs, slice):
            coefficient = coefficient[..., hidden[k - 1].kept]
    return Found(_least(coefficient, constant, error, regions, form), coefficient)


def _slack(form: Format, terms: int, most: int) -> float:
    """The relative rounding of sums of so many terms in a format, of sizes that are sums of at most others in float64.

    By 64 operations more than that of the sum, so that a factor of `1 + slack` pays for the rounding of what it is of,
    up to 2^16 terms in float32.
    """
    return gamma(terms + 64, form.unit) + gamma(4 * most + 64)


def _chosen(layer: Relaxed, choice: Choice) -> np.ndarray:
    """Lower slopes of the neurons that are kept and bent."""
    low = layer.step(DOUBLE).low[:, None]
    if choice.slopes is None:
        return low
    unstable, given = layer.unstable[:, layer.kept][:, : layer.bent], choice.slopes[..., layer.kept][..., : layer.bent]
    return np.where(unstable[:, None], np.clip(given, 0.0, 1.0), low)


def _bend(coefficient: np.ndarray, step: Step, slopes: np.ndarray) -> np.ndarray:
    """Turn coefficients of the kept σ(z) into those of z, in place; the constant that comes off."""
    bent = coefficient[..., : slopes.shape[-1]]
    negative = np.minimum(bent, 0)
    raised = forms_at(negative, step.offset)
    bent -= negative
    bent *= slopes
    negative *= step.high[:, None]
    bent += negative
    return raised


def _least(
    coefficient: np.ndarray, constant: np.ndarray, error: np.ndarray, regions: Regions, form: Format
) -> np.ndarray:
    """Lower bounds of `coefficient · x + constant - error` over the regions."""
    if not np.isinf(regions.p):
        coefficient, form = np.asarray(coefficient, np.float64), DOUBLE
    g = _slack(form, coefficient.shape[-1], coefficient.shape[-1])
    size, centres = np.abs(coefficient), np.abs(regions.centres)
    if np.isinf(regions.p):
        # In one pass: what rounding touches, and the l_1 norm in units of the half-widths.
        ends = np.stack([centres, np.broadcast_to(regions.halves, centres.shape)], axis=2) + form.tiny
        ends *= 1.0 + 2.0 * form.unit
        touched, drop = np.moveaxis(size @ ends.astype(form.kind), 2, 0).astype(np.float64)
        drop *= 1.0 + g
    else:
        touched = forms_at(size, centres)
        drop = regions.halves * norm_upper_bound(coefficient, dual_exponent(regions.p))
    value = constant + forms_at(coefficient, regions.centres.astype(form.kind))
    lower = value - (drop + error + g * touched + gamma(64) * np.abs(constant) + form.tiny) * (1.0 + g)
    if regions.cut is not None:
        lower = np.fmax(lower, least_over_cut(coefficient, constant, error, regions))
    return np.where(np.isfinite(lower), lower, -np.inf)


def relu_lines(
    lower: np.ndarray, upper: np.ndarray, form: Format = DOUBLE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes α, s and offset t with `α z <= σ(z) <= s z + t` for every z in [lower, upper].

    Sound for whatever s in [0, 1] the division returns: σ is convex, so t only has to make the line
    right at the two ends. Slopes are numbers of the format.
    """
    unstable = (lower < 0) & (upper > 0)
    active = (lower >= 0).astype(np.float64)
    chord = np.clip(upper / np.where(unstable, upper - lower, 1.0), 0.0, 1.0).astype(form.kind).astype(np.float64)
    high = np.where(unstable, chord, active)
    offset = np.maximum(-high * lower, (1.0 - high) * upper) * (1.0 + 8.0 * UNIT_ROUNDOFF) + TINY
    low = np.where(unstable, (upper >= -lower).astype(np.float64), active)
    return low, high, np.where(unstable, offset, 0.0)
