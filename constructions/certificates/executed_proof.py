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
from jaxtyping import Float, Int

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
        others[rest] = _other_margins(assembled, parts, rest, arithmetic, client)
    return ball_margins(_executed_indicators(assembled, parts, arithmetic, client), others, codes, small)


def _other_margins(
    assembled: Assembled, parts: Parts, rest: Int[np.ndarray, " k"], arithmetic: str, client: Any
) -> Float[np.ndarray, " k"]:
    clean, roundoff, task = assembled.clean, FORMATS[arithmetic].roundoff, assembled.task
    balls = task.sample.points[rest], task.sample.codes[rest], task.radius, task.p
    error = float(execution_error(clean.layers, assembled.low, assembled.high, arithmetic).max())
    real, executed = (margin_bounds(clean, *balls, kind, client=client)[0] for kind in ("reals", arithmetic))
    margin = np.maximum(executed, real - 2 * error)
    lost = 32 * roundoff * (1 + parts.lock)
    kept = np.minimum(margin / 2 - lost, margin / (2 * max(1.0, 2 * parts.lock)) - 3 * roundoff) * (1 - 2.0**-48)
    return np.where(kept > 0, kept, -np.inf)


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
    nothing = IndicatorCheck(np.zeros(size, dtype=bool), np.zeros(size, dtype=bool))
    if block.depth < 2:
        return nothing
    excess, executed = ReLUNetwork(block.layers[:-1]), as_executed(block, arithmetic)
    if not np.isinf(p) and excess.outputs != size:
        return nothing
    # For p < ∞ the error bound allows for subnormal weights of the excess; those of the ramp are left.
    read = executed.layers if np.isinf(p) else executed.layers[-1:]
    if any(subnormal_weights(f.weight, form).any() for f in read):
        return nothing
    if np.isinf(p):
        # No feature that counts may be read as zero.
        if not shell >= 2.0**14 * least:
            return nothing
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
        return nothing
    return check
