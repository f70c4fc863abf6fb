"""How far a network as executed is from the function of its float64 weights over the reals.

With `h` the real values, `a >= |h|` on a box and `e` a bound of `|h̃ - h|` for the executed values `h̃`, one layer whose
rows have at most k non-zero weights gives

    |z̃ - z| <= |W| e + γ_{k+2} (|W| (a + e) + |b|) + floor,    γ_k = k u / (1 - k u):

one factor `1 + u` for rounding each weight and bias to the format, k + 1 for the products and additions in any order
(see `constructions.certificates.executed_intervals`); the floor allows for underflow, also of weights. The ReLU does
not increase `e`. At the input `e = λ`, the least normal number: a subnormal input may be read as zero.
"""

import math

import numpy as np
from jaxtyping import Float

from constructions.certificates.executed_intervals import Format, read_format
from constructions.networks.network import ReLUNetwork, dense
from theory.balls.relaxation import interval_preactivations
from theory.layers import Layers, Matrix
from theory.roundoff import TINY, gamma

_BLOCK = 1024


def execution_error(
    layers: Layers, low: Float[np.ndarray, " d"], high: Float[np.ndarray, " d"], arithmetic: str
) -> Float[np.ndarray, " outputs"]:
    """Bounds of `|executed - real|` of every output, for every vector of the format in the box; infinite on overflow.

    Args:
        layers: the network, in float64; executed with its weights rounded to the format.
        low: least corner of the box.
        high: its greatest corner.
        arithmetic: "float64" or "float32".

    Raises:
        ValueError: for another arithmetic.
    """
    form = read_format(arithmetic)
    bounds = interval_preactivations(layers, low[None], high[None])
    size, error = np.maximum(np.abs(low), np.abs(high)), np.full_like(low, form.least)
    with np.errstate(over="ignore", invalid="ignore"):
        for layer, (lower, upper) in zip(layers, bounds, strict=True):
            error, sums = _layer_error(layer.weight, layer.bias, size, error, form)
            size = np.maximum(np.abs(lower), np.abs(upper))[0]
            if not max(float(sums.max()), float((size + error).max())) <= form.greatest / 4:
                return np.full(layers[-1].weight.shape[0], np.inf)
    return error


def _layer_error(
    weight: Matrix, bias: np.ndarray, size: np.ndarray, error: np.ndarray, form: Format
) -> tuple[np.ndarray, np.ndarray]:
    """The error of a layer, and bounds of all its partial sums."""
    absolute = abs(weight)
    terms = np.count_nonzero(weight, axis=1) if isinstance(weight, np.ndarray) else np.diff(weight.indptr)
    most = int(terms.max())
    relative = form.gamma(most + 2) * (1 + 2.0**-20)
    sums = absolute @ (size + error) + np.abs(bias)
    moved = absolute @ error + relative * sums
    floor = (most * (2 + 2 * float((size + error).max())) + 2) * form.least + TINY
    return np.asarray((moved + floor) * (1 + gamma(2 * most + 32))), np.asarray(sums * (1 + relative))


def shared_l2_error(
    block: ReLUNetwork,
    points: Float[np.ndarray, "n d"],
    radius: float,
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
    arithmetic: str,
) -> Float[np.ndarray, " n_small"]:
    """The same for `shared_l2_excess`, on the balls `B_2(x_k, radius)`: its tents double errors and no more.

    A tent is `g(t) = 2σ(t) - 4σ(t - ½)`, of slope ±2, and both of its neurons see the same t but for one rounding
    each. So the error `d_k` of the k-th tent obeys `d_{k+1} <= 2 d_k + 36 γ_3`, where `execution_error` would take
    `6 d_k`; it enters the sum with `4^-k`. The sums have at most `3 d + 4` terms, and all that is added up is
    bounded on the balls by `Q = max_k (‖x_k - low‖ + radius)²` and the accuracy `Σ width² 4^{-k-1}` of partial sums.

    Args:
        block: `shared_l2_excess`: all layers of the indicators but the ramp.
        points: centres of the balls.
        radius: of the balls.
        low: least corner of the box that contains the balls.
        high: its greatest corner.
        arithmetic: "float64" or "float32".
    """
    form, dim, tents = read_format(arithmetic), len(low), block.depth - 2
    width, reach = high - low, np.maximum(np.abs(low), np.abs(high))
    rounding, sums = form.gamma(3), form.gamma(3 * dim + 4)
    total = float(width @ width)
    shifted = float(np.linalg.norm(points - low, axis=1).max()) + radius
    squares, linear = shifted**2, 2 * np.abs(low)
    start = rounding * (float(((reach + np.abs(low)) / width).max()) + 0.5) + 2 * form.least / float(width.min())
    carried = rounding * (reach + np.abs(low)) + 2 * form.least
    error, before, tent = 0.0, 0.0, 6 * start
    for k in range(1, tents + 1):
        terms = squares + total / 16 if k == 1 else 4.0 ** (1 - k) * total
        moved = 1.5 * total * start if k == 1 else 6 * 4.0**-k * total * (tent + 6 * rounding)
        if k == tents:
            terms += float(np.linalg.norm(linear)) * shifted + float(low @ low)
            moved += float(linear @ carried)
        error += moved + sums * (before + error + terms + moved)
        before = squares + total * 4.0 ** (-k - 1)
        if k > 1:
            tent = 2 * tent + 36 * rounding
    if not tent <= 0.125:
        return np.full(block.outputs, np.inf)
    final = before + float(np.linalg.norm(linear)) * shifted + float(low @ low)
    excess = block.layers[-1]
    result = np.empty(block.outputs)
    for first in range(0, block.outputs, _BLOCK):
        rows = slice(first, first + _BLOCK)
        weight = np.abs(dense(excess.weight[rows]))[:, 1:]
        drift = error + weight @ carried
        size = final + np.linalg.norm(weight, axis=1) * shifted + np.abs(excess.bias[rows]) + drift
        result[rows] = drift + sums * size
    floor = 64.0 * dim * 2.0**tents * (1 + total + squares) * (1 + float(result.max())) * form.least + TINY
    safe = math.isfinite(floor) and float(result.max()) + final <= form.greatest / 64
    return (result + floor) * (1 + 2.0**-20) if safe else np.full(block.outputs, np.inf)
