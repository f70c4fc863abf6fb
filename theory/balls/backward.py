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
from theory.roundoff import TINY, UNIT_ROUNDOFF, gamma, norm_upper_bound
from theory.setting.norms import dual_exponent

# Columns of neurons that are off in all regions are left out where a layer is as wide as this.
_WIDE = 64


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A hidden layer with its ReLUs as lines, over n regions.

    Args:
        affine: the layer.
        lower, upper: of its values before the ReLU, shape (n, width).
        before: upper bounds of what it reads, in absolute value, shape (n, inputs).
    """

    affine: Prepared
    lower: np.ndarray
    upper: np.ndarray
    before: np.ndarray

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
    def tiny(self) -> np.ndarray:
        """What underflow may cost a form, shape (n, 1)."""
        return np.asarray(TINY * (1.0 + self.size.sum(axis=1) + (self.before + TINY).sum(axis=1))[:, None])

    @cached_property
    def live(self) -> np.ndarray | None:
        """The neurons that are on somewhere, or None for all: of the others every term is 0."""
        if self.upper.shape[1] < _WIDE:
            return None
        some = np.flatnonzero(~(self.upper <= 0).all(axis=0))
        return some if len(some) < 0.95 * self.upper.shape[1] else None

    @cached_property
    def thin(self) -> tuple[Matrix, np.ndarray]:
        """Weight and bias of the live neurons."""
        if self.live is None:
            return self.affine.weight, self.affine.bias
        weight = self.affine.weight[self.live]
        return (weight if isinstance(weight, np.ndarray) else sp.csr_array(weight)), self.affine.bias[self.live]

    def take(self, rows: np.ndarray | list[int]) -> "Relaxed":
        """The layer over some of the regions."""
        return Relaxed(self.affine, self.lower[rows], self.upper[rows], self.before[rows])


def relax(affine: Prepared, bounds: Bounds, below: "Relaxed | None", regions: Regions) -> Relaxed:
    """The next hidden layer, with these bounds of its values."""
    before = below.top if below is not None else regions.reach * (1.0 + 4.0 * UNIT_ROUNDOFF)
    return Relaxed(affine, *bounds, before)


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


def backward(head: Head, hidden: Sequence[Relaxed], regions: Regions, choices: Sequence[Choice] | None = None) -> Found:
    """Sound lower bounds of the head's forms of the last hidden layer.

    Invariant: on the region, `head >= coefficient · h + constant - error` (coefficient: n × k × width).
    """
    n = len(regions)
    coefficient = np.broadcast_to(head.weight, (n, *head.weight.shape[1:]))
    constant = np.broadcast_to(head.bias, coefficient.shape[:2])
    error = np.broadcast_to(head.slack * head.bias_size, coefficient.shape[:2])
    if head.error is not None:
        error = error + forms_at(head.error, hidden[-1].top) * (1.0 + head.slack)
    for k in reversed(range(len(hidden))):
        layer = hidden[k]
        choice = None if choices is None else choices[k]
        coefficient, raised, touched = _substituted(coefficient, layer, choice)
        # Splits may weigh neurons that are off.
        whole = choice is not None and choice.signs is not None
        weight, bias = (layer.affine.weight, layer.affine.bias) if whole else layer.thin
        g = gamma(4 * max(layer.affine.weight.shape) + 64)
        error = (error + g * (touched + np.abs(raised) + np.abs(constant)) + layer.tiny) * (1.0 + g)
        constant = constant + raised + coefficient @ bias
        coefficient = apply(weight, coefficient, transposed=False)
    return Found(_least(coefficient, constant, error, regions), coefficient)


def _substituted(
    coefficient: np.ndarray, layer: Relaxed, choice: Choice | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients of z in place of those of σ(z), the constant that comes off, and what rounding touches."""
    low, high, offset = layer.lines
    size, live = layer.size, layer.live
    signs = None if choice is None else choice.signs
    slopes = low[:, None]
    if choice is not None and choice.slopes is not None:
        slopes = np.where(layer.unstable[:, None], np.clip(choice.slopes, 0.0, 1.0), slopes)
    if live is not None and signs is None:
        coefficient, slopes = coefficient[..., live], slopes[..., live]
        high, offset, size = high[:, live], offset[:, live], size[:, live]
    negative = np.minimum(coefficient, 0.0)
    raised = (negative @ offset[:, :, None])[..., 0]
    result = coefficient - negative
    result *= slopes
    negative *= high[:, None]
    result += negative
    np.abs(result, out=negative)
    if choice is not None and signs is not None and choice.multipliers is not None:
        moved = np.maximum(choice.multipliers, 0.0) * signs[:, None]
        result -= moved
        # Before they cancel.
        negative += np.abs(moved)
    return result, raised, (negative @ size[:, :, None])[..., 0]


def _least(coefficient: np.ndarray, constant: np.ndarray, error: np.ndarray, regions: Regions) -> np.ndarray:
    """Lower bounds of `coefficient · x + constant - error` over the regions."""
    g = gamma(4 * coefficient.shape[-1] + 64)
    size = np.abs(coefficient)
    value = constant + (coefficient @ regions.centres[:, :, None])[..., 0]
    if np.isinf(regions.p):
        # In one pass: what rounding touches, and the l_1 norm in units of the half-widths.
        ends = np.stack(
            [np.abs(regions.centres), np.broadcast_to(regions.halves, regions.centres.shape) + TINY], axis=2
        )
        touched, drop = np.moveaxis(size @ ends, 2, 0)
        drop = drop * (1.0 + g)
    else:
        touched = (size @ np.abs(regions.centres)[:, :, None])[..., 0]
        drop = regions.halves * norm_upper_bound(coefficient, dual_exponent(regions.p))
    touched = touched + np.abs(constant)
    lower = value - (drop + error + g * touched + TINY) * (1.0 + g)
    if regions.cut is not None:
        lower = np.fmax(lower, least_over_cut(coefficient, constant, error, regions))
    return np.where(np.isfinite(lower), lower, -np.inf)


def relu_lines(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes α, s and offset t with `α z <= σ(z) <= s z + t` for every z in [lower, upper].

    Sound for whatever s in [0, 1] the division returns: σ is convex, so t only has to make the line
    right at the two ends.
    """
    unstable = (lower < 0) & (upper > 0)
    active = (lower >= 0).astype(np.float64)
    chord = np.clip(upper / np.where(unstable, upper - lower, 1.0), 0.0, 1.0)
    high = np.where(unstable, chord, active)
    offset = np.maximum(-high * lower, (1.0 - high) * upper) * (1.0 + 8.0 * UNIT_ROUNDOFF) + TINY
    low = np.where(unstable, (upper >= -lower).astype(np.float64), active)
    return low, high, np.where(unstable, offset, 0.0)
