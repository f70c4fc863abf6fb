"""The structural proof carried over to the executed network, for every p: where it is exact, and why.

Let the indicators of the executed network be 1 on their own balls and 0 on the balls with other labels, exactly. Then,
in any order of summation, because rounding is monotone: the class sum of the label is at least 1 on the ball of a
memorized point and the others are 0, the lock `1 - σ(1 - T)` is 1, `±f - M` is at most 0 when the computed `|f|` is at
most M, and the margin is at least 1.

*Indicators, p < ∞.* `E_i` is computed with an error of at most `e_i` (`constructions.certificates.execution_error`):
`E_i <= -e_i` over the reals gives a computed `E_i <= 0` and `I_i = 1 - 0`; and `w (E_i - e_i) >= 1` gives `I_i = 0`.

*p = ∞.* No error bound: let the weights be rounded to the format, and let the proof hold for them over the reals with
the radius `δ + 2λ` and a shell `γ' <= γ (1 - 2^-13) - 8λ`, while the separation is at least `2δ + γ`; λ, the least
normal number, is how far a subnormal coordinate or bias moves that is read as zero. A feature `±x_j + b` has one
rounding, which keeps its sign: on the own ball all are 0. A rounded sum of terms of one sign is at least its greatest
term. The features of an indicator with another label have a term `w V` with `w V' >= 1` and `V' <= γ'`, and V exceeds
`V'` by `2^-13 γ >= 2λ`, so V is no number that counts as zero and `w V >= 1 + 2^-13`, which outweighs the few roundings
of one term. No weight is subnormal.

*Points that are not memorized.* Let the executed `f_clean` have at least the margin m on the ball, in any orders of
summation, and let `κ = 32 u (1 + M)` stand for the roundings of the last layers. T comes from the label alone, the
computed lock is `k <= T + 3u`, and `L = M k` is exact, M being a power of two. The network computes f and -f of each
output, which may round differently: let a be the lesser for the label, b the greater for another output, so that
`a - b >= m`, and the soft thresholds at L are monotone. If they keep a margin of m/2 between a and b, then `m/2 - κ` is
left of it. Else more than m/2 of the interval `[b, a]` lies in `[-L, L]`: so `2L >= m/2`, and the thresholds leave
nothing positive of the other output and nothing negative of the label's, exactly; the margin is at least
`T >= m / (4M) - 3u`.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from constructions.certificates.deciding import margin_bounds
from constructions.certificates.executed_intervals import (
    FORMATS,
    as_executed,
    executed_bounds,
    subnormal_weights,
)
from constructions.certificates.execution_error import execution_error, shared_l2_error
from constructions.certificates.indicator_proof import IndicatorCheck, check_indicators
from constructions.certificates.structural_proof import Parts, ball_margins, covers, memorizing_parts
from constructions.networks.network import ReLUNetwork
from constructions.pieces.assembly import Assembled
from constructions.samples.task import Task

_LESS_SHELL = 1 - 2.0**-13


def executed_structural_bounds(assembled: Assembled, arithmetic: str, *, client: Any = None) -> Float[np.ndarray, " n"]:
    """Lower bounds of the executed margins by the proof of this module; `-inf` where it fails.

    Args:
        assembled: whose weights are read.
        arithmetic: "float64" or "float32".
        client: a Dask client or the address of a scheduler, for blocks of balls; see `theory.cluster`.
    """
    task, small = assembled.task, assembled.small
    codes = task.sample.codes
    failed = np.full(len(codes), -np.inf)
    if not (len(small) and covers(assembled.low, assembled.high, task.sample.points, task.radius)):
        return failed
    if not task.is_separated:
        return failed
    parts = memorizing_parts(assembled)
    if parts is None or not _locks(assembled, parts, arithmetic):
        return failed
    others = failed.copy()
    rest = np.setdiff1d(np.arange(len(codes)), small)
    if len(rest):
        margins, _ = run_margins(assembled.clean, task, rest, assembled.low, assembled.high, arithmetic, client=client)
        others[rest] = kept(margins, parts.lock, arithmetic)
    return ball_margins(_executed_indicators(assembled, parts, arithmetic, client), others, codes, small)


def executed_indicators(assembled: Assembled, arithmetic: str) -> IndicatorCheck:
    """Which indicators are proved as executed; none where the network is not assembled of them.

    Raises:
        ValueError: for another arithmetic, or weights beyond it.
    """
    parts = memorizing_parts(assembled)
    return _nothing(assembled) if parts is None else _executed_indicators(assembled, parts, arithmetic, None)


def run_margins(
    network: ReLUNetwork,
    task: Task,
    rows: Int[np.ndarray, " k"],
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
    arithmetic: str,
    *,
    real: tuple[Float[np.ndarray, " k"], Shaped[np.ndarray, " k"]] | None = None,
    client: Any = None,
) -> tuple[Float[np.ndarray, " k"], Shaped[np.ndarray, " k"]]:
    """Lower bounds of the margins that any network computes on balls, and which method gave each.

    By intervals for the run, or the bounds over the reals less twice what a run may differ from them on the box.

    Args:
        network: that is executed.
        task: the balls.
        rows: which of them.
        low: least corner of a box that contains them.
        high: its greatest corner.
        arithmetic: "float64" or "float32".
        real: lower bounds of the margins over the reals and the methods that gave them, where they are known.
        client: a Dask client or the address of a scheduler, for blocks of balls; see `theory.cluster`.

    Raises:
        ValueError: for another arithmetic, or weights beyond it.
    """
    balls = task.sample.points[rows], task.sample.codes[rows], task.radius, task.p
    executed, direct = margin_bounds(network, *balls, arithmetic, client=client)
    bounds, how = margin_bounds(network, *balls, "reals", client=client) if real is None else real
    # A float down, for the rounding of the difference.
    less = np.nextafter(bounds - 2 * float(execution_error(network.layers, low, high, arithmetic).max()), -np.inf)
    return np.maximum(executed, less), np.where(executed >= less, direct, how)


def kept(margins: Float[np.ndarray, " k"], lock: float, arithmetic: str) -> Float[np.ndarray, " k"]:
    """What is left of executed margins of `f_clean` behind the lock M on balls that are not memorized; else `-inf`."""
    roundoff = FORMATS[arithmetic].roundoff
    lost = 32 * roundoff * (1 + lock)
    left = np.minimum(margins / 2 - lost, margins / (2 * max(1.0, 2 * lock)) - 3 * roundoff) * (1 - 2.0**-48)
    return np.where(left > 0, left, -np.inf)


def _locks(assembled: Assembled, parts: Parts, arithmetic: str) -> bool:
    """Whether M is a power of two of the format, no computed `|f_clean|` exceeds it, and no partial sum overflows."""
    low, high = assembled.low[None], assembled.high[None]
    clean = executed_bounds(assembled.clean.layers, low, high, arithmetic)
    whole = executed_bounds(assembled.network.layers, low, high, arithmetic)
    exact = np.frexp(parts.lock)[0] == 0.5 and parts.lock >= FORMATS[arithmetic].least
    return bool(exact and max(np.abs(b).max() for b in clean) <= parts.lock and np.isfinite(whole).all())


def _executed_indicators(assembled: Assembled, parts: Parts, arithmetic: str, client: Any) -> IndicatorCheck:
    points, low, high, p = assembled.task.sample.points, assembled.low, assembled.high, assembled.task.p
    form, block, moved = FORMATS[arithmetic], parts.indicators, None
    radius, shell, least = assembled.task.radius, assembled.task.shell, form.least
    size = len(assembled.small)
    if block.depth < 2:
        return _nothing(assembled)
    excess, executed = ReLUNetwork(block.layers[:-1]), as_executed(block, arithmetic)
    if not np.isinf(p) and excess.outputs != size:
        return _nothing(assembled)
    # For p < ∞ the error bound allows for subnormal weights of the excess; those of the ramp are left.
    read = executed.layers if np.isinf(p) else executed.layers[-1:]
    if any(subnormal_weights(f.weight, form).any() for f in read):
        return _nothing(assembled)
    if np.isinf(p):
        # No feature that counts may be read as zero.
        if not shell >= 2.0**14 * least:
            return _nothing(assembled)
        block, radius = executed, float(np.nextafter(radius + 2 * least, np.inf))
        shell = float(np.nextafter(shell * _LESS_SHELL - 8 * least - (radius - assembled.task.radius), 0.0))
    elif p == 2 and assembled.method == "shared":
        moved = shared_l2_error(excess, points, radius, low, high, arithmetic)
    else:
        moved = execution_error(excess.layers, low, high, arithmetic)
    check = check_indicators(
        block, assembled.centres, radius, shell, low, high, p=p, method=assembled.method, moved=moved, client=client
    )
    if np.isinf(p) and not check.inner.all():
        # V' <= γ' rests on every indicator being 1 on its own ball.
        return _nothing(assembled)
    return check


def _nothing(assembled: Assembled) -> IndicatorCheck:
    size = len(assembled.small)
    return IndicatorCheck(np.zeros(size, dtype=bool), np.zeros(size, dtype=bool))
