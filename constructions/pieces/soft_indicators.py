"""Soft indicators of l_p balls around many centres, as one ReLU network.

For centres `c_i` every builder gives a network `x ↦ 1 - E_i(x) / ramp`, whose ReLU `I_i` is
1 on `B_p(c_i, radius)` and 0 off `B_p(c_i, radius + shell)` for every `x` of the box `[low, high]`.
The ramp takes the middle half of the shell (of the gap of the squares for p = 2): the quarters on both
sides hold the rounding of the centres to shared levels, the error of the square network and the rounding
of the weights to float64, so the two properties are exact and not merely approximate. For other p < ∞ the middle
half, as a gap of p-th powers, is shared by the error of their interpolation (¾), the ramp (⅛) and the rounding
(1/16 on both sides).

Source: Theorem 3.3; `per_point` is the count of its proof sketch, `shared` the sharpened one.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from constructions.networks.calculus import carry, chain, compose
from constructions.networks.network import Affine, ReLUNetwork, sparse
from constructions.pieces.excess import (
    l1_excess,
    l2_excess,
    linf_excess,
    lp_excess,
    shared_l1_excess,
    shared_l2_excess,
    shared_linf_excess,
    shared_lp_excess,
)
from constructions.pieces.levels import shared_levels
from constructions.pieces.power import Hinges, interpolated_power, power_gap
from constructions.pieces.square import interpolated_square
from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent, read_scalar
from theory.errors import AssumptionError

if TYPE_CHECKING:
    import sympy

Method: TypeAlias = Literal["shared", "per_point"]
Pairwise: TypeAlias = Callable[[np.ndarray, np.ndarray], np.ndarray]
# Rows of centres by their numbers. Functions of the module, and not closures: they can be pickled.
Centre: TypeAlias = Callable[[np.ndarray], np.ndarray]

# Of named integers, or of the symbols of sympy for them: for numbers sympy need not be loaded.
Formula: TypeAlias = Callable[..., Any]


def symbols(names: Iterable[str]) -> "dict[str, sympy.Symbol]":
    """Symbols for numbers that are whole and not negative."""
    import sympy

    return {name: sympy.Symbol(name, integer=True, nonnegative=True) for name in names}


@dataclass(frozen=True, eq=False)
class Indicators:
    """The network `x ↦ (1 - E_i(x) / ramp)_i`, its count, and a direct evaluation.

    Attributes:
        network: the soft indicator `I_i` is the ReLU of its `i`-th output.
        shared: how many of its layers belong to no single centre.
        nonzero: its non-zeros by `n` centres, dimension `d`, `m` tents, `s` linear pieces, `F` levels and `Z`, the
            weights and biases that happen to be 0 on this data (black pixels, coincidences).
        counts: these numbers.
        sketched: non-zeros of the indicators that the paper's proof sketch gives for the same data and shell, by the
            same numbers.
        direct: `(x, i) ↦ I_i(x)` row by row, computed from the distances and not by the network.
    """

    network: ReLUNetwork
    shared: int
    nonzero: Formula
    counts: Mapping[str, int]
    sketched: Formula
    direct: Pairwise

    @property
    def formula(self) -> "sympy.Expr":
        """`nonzero` as an expression."""
        return self.nonzero(**symbols(self.counts))

    @property
    def sketch(self) -> "sympy.Expr":
        """`sketched` as an expression."""
        return self.sketched(**symbols(self.counts))

    @property
    def values(self) -> "dict[sympy.Symbol, int]":
        """The values of the symbols of both."""
        return {symbol: self.counts[name] for name, symbol in symbols(self.counts).items()}


# What the proof sketch costs: for each point its own l_p distance and soft indicator.
def _linf_sketch(n: Any, d: Any, **_: Any) -> Any:
    return n * (6 * d + 1)


def _l1_sketch(n: Any, d: Any, **_: Any) -> Any:
    return n * (6 * d + 3)


def _l2_sketch(n: Any, d: Any, m: Any, **_: Any) -> Any:
    return n * (d * (7 * m + 4) + m + 2)


def _lp_sketch(n: Any, d: Any, s: Any, **_: Any) -> Any:
    return n * (d * (4 * s + 3) + 3)


# The same less what happens to be 0, and what features shared by all points cost.
def _own(sketch: Formula, Z: Any, **others: Any) -> Any:
    return sketch(**others) - Z


def _linf_nonzero(n: Any, d: Any, F: Any, Z: Any) -> Any:
    return 6 * F + n * (d + 1) - Z


def _l1_nonzero(n: Any, d: Any, F: Any, Z: Any) -> Any:
    return 2 * F + d + 1 + n * (d + 4) - Z


def _l2_nonzero(n: Any, d: Any, m: Any, Z: Any) -> Any:
    return 8 * d * m + 2 * d + m + n * (d + 4) - Z


def _lp_nonzero(n: Any, d: Any, s: Any, F: Any, Z: Any) -> Any:
    return F * (4 * s + 3) + n * (d + 3) - Z


def soft_indicator(threshold: float, shell: float) -> ReLUNetwork:
    """ReLU network R -> R approximating `t ↦ 1{t <= threshold}`.

    Equal to 1 for `t <= threshold` and to 0 for `t >= threshold + shell`, for all real t and in float64 too: exact
    off the shell. Between it falls with the slope s, the least float64 that is at least 1 / shell, until it is 0; two
    neurons, `σ(1 - s σ(t - threshold))`, s-Lipschitz.

    Source: Theorem 3.3; proof sketch.

    Args:
        threshold: where the exact indicator jumps, in the units of t.
        shell: width of the transition, > 0.

    Raises:
        AssumptionError: if not shell > 0, or if 1 / shell is beyond the range of float64.
        ValueError: if the threshold is not finite.
    """
    threshold, shell = read_scalar(threshold, "threshold"), read_scalar(shell, "shell")
    if not 0 < shell < np.inf:
        raise AssumptionError(f"soft_indicator needs a finite shell > 0, got shell={shell}: a ReLU network cannot jump")
    excess = ReLUNetwork((Affine(np.ones((1, 1)), np.array([-threshold])),))
    slope = 1 / shell
    if slope < np.inf and Fraction(slope) * Fraction(shell) < 1:
        # Rounded down, it would leave 1e-16 beyond the shell; the product in float64 may be 1 all the same.
        slope = math.nextafter(slope, math.inf)
    if not slope < np.inf:
        raise AssumptionError(
            f"soft_indicator needs a shell whose inverse is a float64, got shell={shell}: multiply t by a power of two"
        )
    return chain(excess, ReLUNetwork((Affine(np.array([[-slope]]), np.ones(1)),)), carry(1, 1))


def indicators(
    centres: Float[np.ndarray, "n d"],
    radius: float,
    shell: float,
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
    *,
    p: float,
    method: Method,
) -> Indicators:
    """Soft indicators of `B_p(c_i, radius)` that vanish off `B_p(c_i, radius + shell)` on `[low, high]`.

    Args:
        centres: `c_i`, inside the box.
        radius: of the balls on which the indicator is 1.
        shell: width of the transition, > 0.
        low: least corner of the box.
        high: greatest corner of the box.
        p: in [1, ∞].
        method: "shared" or "per_point".

    Raises:
        ValueError: if not `p >= 1`.
    """
    p, centres = read_exponent(p), exact_floats(centres, "centres")
    radius, shell = read_scalar(radius, "radius"), read_scalar(shell, "shell")
    low, high = exact_floats(low, "low"), exact_floats(high, "high")
    if p == 2:
        build = _l2_shared if method == "shared" else _l2_per_point
        return build(centres, radius, shell, low, high)
    if p not in (1, np.inf):
        return _lp(centres, radius, shell, p, method)
    t, width = ramp_of(radius, shell)
    if method == "shared":
        return _l1_shared(centres, t, width, low) if p == 1 else _linf_shared(centres, t, width)
    return _l1_per_point(centres, t, width) if p == 1 else _linf_per_point(centres, t, width)


def ramp_of(radius: float, shell: float) -> tuple[float, float]:
    """Where a soft indicator of a distance begins to fall, and the width on which it falls: the shell's middle half."""
    return radius + shell / 4, shell / 2


def zeros_per_point(centres: Float[np.ndarray, "n d"], radius: float, shell: float, p: float) -> int:
    """How many weights and biases of `indicators` with features of each point's own happen to be 0."""
    if np.isinf(p):
        return _zeros_linf(centres, ramp_of(radius, shell)[0])
    return 2 * int(np.sum(centres == 0))


def _zeros_linf(values: np.ndarray, t: float) -> int:
    return int(np.sum(values == -t) + np.sum(values == t))


def _linf_per_point(c: np.ndarray, t: float, ramp: float) -> Indicators:
    return Indicators(
        compose(_ramp(len(c), ramp), linf_excess(c, t)),
        0,
        partial(_own, _linf_sketch),
        _values(c, Z=_zeros_linf(c, t)),
        _linf_sketch,
        partial(_soft_linf, c.__getitem__, t, ramp),
    )


def _linf_shared(c: np.ndarray, t: float, ramp: float) -> Indicators:
    levels = shared_levels(c, ramp / 2, np.inf)
    v = levels.value
    return Indicators(
        compose(_ramp(len(c), ramp), shared_linf_excess(levels, t)),
        2,
        _linf_nonzero,
        _values(c, F=len(v), Z=_zeros_linf(v, t)),
        _linf_sketch,
        partial(_soft_linf, levels.rounded, t, ramp),
    )


def _l1_per_point(c: np.ndarray, t: float, ramp: float) -> Indicators:
    return Indicators(
        chain(l1_excess(c, t), _ramp(len(c), ramp)),
        0,
        partial(_own, _l1_sketch),
        _values(c, Z=2 * int(np.sum(c == 0))),
        _l1_sketch,
        partial(_soft_l1, c.__getitem__, t, ramp),
    )


def _l1_shared(c: np.ndarray, t: float, ramp: float, low: np.ndarray) -> Indicators:
    # A sixteenth of the room stays for sums of d terms that are executed in single precision.
    levels = shared_levels(c, 15 / 32 * ramp, 1.0)
    excess = shared_l1_excess(levels, low, t)
    # The network has the levels as its columns, and one more: they are kept once.
    columns = sparse(excess.layers[1].weight).indices.reshape(len(c), -1)
    levels = replace(levels, index=columns[:, :-1])
    zeros = np.sum(levels.value == 0) + np.sum(low.sum() == 0) + np.sum(excess.layers[1].bias == 0)
    return Indicators(
        chain(excess, _ramp(len(c), ramp)),
        1,
        _l1_nonzero,
        _values(c, F=len(levels.value), Z=int(zeros)),
        _l1_sketch,
        partial(_soft_l1, levels.rounded, t, ramp),
    )


def _l2_shared(c: np.ndarray, radius: float, shell: float, low: np.ndarray, high: np.ndarray) -> Indicators:
    width = high - low
    gap, tents = _gap_and_tents(radius, shell, width)
    excess = shared_l2_excess(c, radius**2 + gap / 4, low, high, tents)
    bias = excess.layers[-1].bias
    zeros = np.sum(c == 0) + np.sum(excess.layers[0].bias == 0) + np.sum(bias == 0)
    # S(x) is put together from x - low with the weights 2 low and the constant ‖low‖².
    zeros += np.sum(low == 0) + (low @ low == 0)

    return Indicators(
        chain(excess, _ramp(len(c), gap / 2)),
        tents + 1,
        _l2_nonzero,
        _values(c, m=tents, Z=int(zeros)),
        _l2_sketch,
        partial(_soft_shared_l2, c, bias, low, width, tents, gap / 2),
    )


def _l2_per_point(c: np.ndarray, radius: float, shell: float, low: np.ndarray, high: np.ndarray) -> Indicators:
    width = high - low
    gap, tents = _gap_and_tents(radius, shell, width)
    threshold = radius**2 + gap / 4
    return Indicators(
        chain(l2_excess(c, threshold, width, tents), _ramp(len(c), gap / 2)),
        0,
        partial(_own, _l2_sketch),
        _values(c, m=tents, Z=zeros_per_point(c, radius, shell, 2)),
        _l2_sketch,
        partial(_soft_l2, c, width, tents, threshold, gap / 2),
    )


def _lp(c: np.ndarray, radius: float, shell: float, p: float, method: Method) -> Indicators:
    size, dim = c.shape
    inner, outer = radius + shell / 4, radius + 3 * shell / 4
    hinges, gap = interpolated_power(inner, outer, p, dim), power_gap(inner, outer, p)
    # In units of outer^p: Σ_j G <= 1 - gap / 4 on the ball, >= 1 off the shell.
    threshold, ramp = 1 - 3 / 16 * gap, gap / 8
    if method == "per_point":
        return Indicators(
            chain(lp_excess(c, hinges, threshold), _ramp(size, ramp)),
            0,
            partial(_own, _lp_sketch),
            _values(c, s=hinges.pieces, Z=2 * int(np.sum(c == 0))),
            _lp_sketch,
            partial(_soft_lp, c.__getitem__, hinges, threshold, ramp),
        )
    levels = shared_levels(c, shell / 4, p)
    return Indicators(
        chain(shared_lp_excess(levels, hinges, threshold), _ramp(size, ramp)),
        3,
        _lp_nonzero,
        _values(c, s=hinges.pieces, F=len(levels.value), Z=2 * int(np.sum(levels.value == 0))),
        _lp_sketch,
        partial(_soft_lp, levels.rounded, hinges, threshold, ramp),
    )


def _gap_and_tents(radius: float, shell: float, width: np.ndarray) -> tuple[float, int]:
    """`(radius + shell)² - radius²`, and the fewest tents whose square errors take at most 1/8 of it."""
    gap = shell * (2 * radius + shell)
    # Σ_j width_j² 2^{-2m-2} <= gap / 8
    tents = int(np.ceil(np.log2(2 * float(width @ width) / gap) / 2))
    return gap, max(tents, 1)


def _ramp(size: int, ramp: float) -> ReLUNetwork:
    """`E ↦ 1 - E / ramp`, coordinate by coordinate."""
    return ReLUNetwork((Affine(sp.diags_array(np.full(size, -1 / ramp), format="csr"), np.ones(size)),))


def _soft_linf(centre: Centre, t: float, ramp: float, x: np.ndarray, i: np.ndarray) -> np.ndarray:
    return _soft(np.maximum(np.abs(x - centre(i)) - t, 0.0).sum(axis=1), ramp)


def _soft_l1(centre: Centre, t: float, ramp: float, x: np.ndarray, i: np.ndarray) -> np.ndarray:
    return _soft(np.abs(x - centre(i)).sum(axis=1) - t, ramp)


def _soft_lp(centre: Centre, hinges: Hinges, threshold: float, ramp: float, x: np.ndarray, i: np.ndarray) -> np.ndarray:
    return _soft(hinges(np.abs(x - centre(i))).sum(axis=1) - threshold, ramp)


def _soft_shared_l2(
    c: np.ndarray,
    bias: np.ndarray,
    low: np.ndarray,
    width: np.ndarray,
    tents: int,
    ramp: float,
    x: np.ndarray,
    i: np.ndarray,
) -> np.ndarray:
    shifted = x - low
    squares = (width**2 * interpolated_square(np.clip(shifted / width, 0, 1), tents)).sum(axis=1)
    squares += 2 * shifted @ low + low @ low
    return _soft(squares - 2 * np.einsum("ij,ij->i", c[i], shifted) + bias[i], ramp)


def _soft_l2(
    c: np.ndarray, width: np.ndarray, tents: int, threshold: float, ramp: float, x: np.ndarray, i: np.ndarray
) -> np.ndarray:
    scaled = np.clip(np.abs(x - c[i]) / width, 0, 1)
    return _soft((width**2 * interpolated_square(scaled, tents)).sum(axis=1) - threshold, ramp)


def _soft(excess: np.ndarray, ramp: float) -> np.ndarray:
    return np.asarray(np.maximum(1 - np.maximum(excess, 0.0) / ramp, 0.0))


def _values(c: np.ndarray, **others: int) -> dict[str, int]:
    return {"n": c.shape[0], "d": c.shape[1], **others}
