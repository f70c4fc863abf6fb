"""The structural proof for p = ∞ carried over to the executed network: exact signs instead of error bounds.

Let the weights be rounded to the format, and let the proof of `constructions.structure` hold for them over the reals
with a shell `γ' = γ (1 - 2^-13)` while the separation is at least `2δ + γ`. On the ball of a memorized point, in any
order of summation,

- a feature `±x_j + b` has one rounding, which keeps its sign: all features of the own indicator are 0, it is 1 exactly;
- a rounded sum of terms of one sign is at least its greatest term, because rounding is monotone. The features of an
  indicator with another label have a term `w V` with `w V' >= 1` and `V' <= γ'`, so `w V >= 1 + 2^-13`, which outweighs
  the few roundings of one term: it is 0 exactly;
- so the class sum of the label is at least 1 and the others are 0, the lock `1 - σ(1 - T)` is 1, `±f - M` is at
  most 0 when the computed `|f|` is at most M, and the margin is at least 1.

Points that are not memorized are left to interval propagation.
"""

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from constructions.certificate import Certificate, decide_executed
from constructions.memorizer import Memorizer
from constructions.network import Affine, ReLUNetwork, dense
from constructions.rounding import executed_bounds, executed_layers, executed_margin_bound
from constructions.structure import structural_bounds

_LESS_SHELL = 1 - 2.0**-13


def certify_executed(memorizer: Memorizer, arithmetic: str) -> Certificate:
    """Certificate of the executed network on every training ball: structure, then intervals, then the attack.

    Args:
        memorizer: for p other than ∞ intervals alone are left.
        arithmetic: "float64" or "float32".
    """
    started = time.perf_counter()
    network, points, codes = memorizer.network, memorizer.sample.points, memorizer.sample.codes
    lower = executed_structural_bounds(memorizer, arithmetic)
    method = np.full(len(points), "structure", dtype="<U9")
    rest = np.flatnonzero(~(lower > 0))
    if len(rest):
        some = points[rest], codes[rest], memorizer.radius, memorizer.p
        lower[rest], method[rest] = executed_margin_bound(network.layers, *some, arithmetic), "interval"
    seconds = (time.perf_counter() - started) / len(points)
    found = decide_executed(network, points, codes, memorizer.radius, memorizer.p, lower, method, arithmetic)
    return replace(found, seconds=seconds + np.nan_to_num(found.seconds))


def executed_structural_bounds(memorizer: Memorizer, arithmetic: str) -> Float[np.ndarray, " n"]:
    """1 for the memorized points when the proof holds, `-inf` otherwise."""
    points, small = memorizer.sample.points, memorizer.small
    failed = np.full(len(points), -np.inf)
    room = Fraction(memorizer.separation) - 2 * Fraction(memorizer.radius)
    if not (np.isinf(memorizer.p) and len(small) and room >= Fraction(memorizer.shell)):
        return failed
    network, clean = _cast(memorizer.network, arithmetic), _cast(memorizer.clean, arithmetic)
    low, high = memorizer.low[None], memorizer.high[None]
    lock = -dense(network.layers[-2].weight[[-1]])[0, 0]
    bounds = executed_bounds(clean.layers, low, high, arithmetic)
    whole = executed_bounds(network.layers, low, high, arithmetic)
    if not (max(np.abs(b).max() for b in bounds) <= lock and np.isfinite(whole).all()):
        return failed
    lower = structural_bounds(
        network,
        memorizer.widths,
        clean,
        failed,
        points,
        memorizer.sample.codes,
        small,
        memorizer.separation,
        radius=memorizer.radius,
        shell=memorizer.shell * _LESS_SHELL,
        p=memorizer.p,
        method=memorizer.method,
        low=memorizer.low,
        high=memorizer.high,
    )
    # V' <= γ' rests on every indicator being 1 on its own ball.
    return lower if np.all(lower[small] > 0) else failed


def _cast(network: ReLUNetwork, arithmetic: str) -> ReLUNetwork:
    layers = executed_layers(network.layers, arithmetic)
    return ReLUNetwork(tuple(Affine(f.weight.astype(np.float64), f.bias.astype(np.float64)) for f in layers))
