"""The structural proof: Corollary 3.4 checked on the weights of one network.

Interval bounds treat the coordinates of a ball one by one and fail for p = 1 and 2. The proof here follows
the corollary instead. It reads from the weights of the network, for every memorized point (`indicator_proof`),

- *inner*: `I_i = 1` on `B_p(x_i, δ)`,
- *outer*: `I_i = 0` off `B_p(x_i, δ + γ)`, within the box,

and that the rest of the network is the assembly of `constructions.pieces.assembly` with a lock bound
`M >= sup |f_clean|`. With the exact separation `R >= 2δ + γ` every ball is then free of error: on the ball of
a memorized point `T >= 1`, all active indicators carry its label, the lock is 1, the margin at least 1; on
the ball of another point active indicators carry its label too, and the soft threshold of `f_clean` is
monotone, so the margin is at least `μ / max(1, 2M)` where `μ` bounds the margin of `f_clean` from below.

Every inequality leaves an allowance for the float64 arithmetic of this proof itself; the function that it
speaks of is the one of the float64 weights over the reals.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.certificates.deciding import margin_bounds
from constructions.certificates.indicator_proof import IndicatorCheck, check_indicators, is_same
from constructions.networks.network import Affine, ReLUNetwork, dense
from constructions.pieces.assembly import Assembled, clean_bound, memorizing_network, without_weights
from theory.layers import Matrix


def structural_bounds(
    assembled: Assembled, *, margins: Float[np.ndarray, " n"] | None = None, client: Any = None
) -> Float[np.ndarray, " n"]:
    """Sound lower bounds on the margin over every ball of the task; `-inf` where the proof fails.

    Args:
        assembled: whose weights are read.
        margins: sound lower bounds of the margin of `f_clean` over these balls, where they are known.
        client: a Dask client or the address of a scheduler, for blocks of balls; see `theory.cluster`.
    """
    task, small = assembled.task, assembled.small
    points, codes, low, high = task.sample.points, task.sample.codes, assembled.low, assembled.high
    failed = np.full(len(points), -np.inf)
    if not (covers(low, high, points, task.radius) and task.is_separated):
        return failed
    parts = memorizing_parts(assembled)
    if parts is None or not parts.lock >= clean_bound(assembled.clean.layers, low, high):
        return failed
    balls = assembled.centres, task.radius, task.shell
    check = check_indicators(parts.indicators, *balls, low, high, p=task.p, method=assembled.method, client=client)
    # One float down, for the rounding of the quotient.
    margins = _clean_margins(assembled, client) if margins is None else margins
    kept = np.nextafter(margins / max(1.0, 2 * parts.lock), -np.inf)
    return ball_margins(check, np.where(kept > 0, kept, -np.inf), codes, small)


def _clean_margins(assembled: Assembled, client: Any) -> Float[np.ndarray, " n"]:
    """Sound lower bounds of the margin of `f_clean` over the balls that are not memorized; `-inf` for the others."""
    task = assembled.task
    margin = np.full(len(task.sample.points), -np.inf)
    others = np.setdiff1d(np.arange(len(margin)), assembled.small)
    if len(others):
        balls = task.sample.points[others], task.sample.codes[others], task.radius, task.p
        margin[others] = margin_bounds(assembled.clean, *balls, "reals", client=client)[0]
    return margin


@dataclass(frozen=True, eq=False)
class Parts:
    """What a network is assembled of: the indicators, whose ReLU is `I_i`, and the bound M of the lock."""

    indicators: ReLUNetwork
    lock: float


def memorizing_parts(assembled: Assembled) -> Parts | None:
    """The parts, when the network is `memorizing_network` of them weight for weight; else None."""
    network, clean, codes = assembled.network, assembled.clean, assembled.task.sample.codes[assembled.small]
    block = indicator_part(network, assembled.widths, len(codes))
    if block is None:
        return None
    lock = float(-dense(network.layers[-2].weight[[-1]])[0, 0])
    # What the assembly adds to the indicators, which are the first rows and columns of what they are read from.
    added = memorizing_network(without_weights(block), codes, clean, lock)
    return Parts(block, lock) if is_same(network, added, beyond=block.widths[1:]) else None


def ball_margins(
    check: IndicatorCheck,
    others: Float[np.ndarray, " n"],
    codes: Int[np.ndarray, " n"],
    small: Int[np.ndarray, " n_small"],
) -> Float[np.ndarray, " n"]:
    """1 on the balls of memorized points, `others` elsewhere; `-inf` where an indicator fails or may leak in."""
    lower = others.copy()
    lower[small] = np.where(check.inner, 1.0, -np.inf)
    for code in np.unique(codes[small[~check.outer]]):
        # A leaking indicator may reach into any ball with another label.
        lower[codes != code] = -np.inf
    return lower


def indicator_part(network: ReLUNetwork, widths: tuple[int, ...], size: int) -> ReLUNetwork | None:
    """The leading rows and columns of the layers: the indicators, when they depend on nothing else."""
    if not widths or len(widths) > network.depth or widths[-1] != size:
        return None
    layers = []
    for k, layer in enumerate(network.layers[: len(widths) - 1]):
        columns = layer.inputs if k == 0 else widths[k]
        own = _leading_block(layer.weight, widths[k + 1], columns)
        if own is None:
            return None
        layers.append(Affine(own, layer.bias[: widths[k + 1]]))
    return ReLUNetwork(tuple(layers))


def _leading_block(weight: Matrix, rows: int, columns: int) -> Matrix | None:
    """The first rows and columns of a matrix, of the same memory; None if those rows have entries beside them, or if
    there are fewer."""
    if rows > weight.shape[0] or columns > weight.shape[1]:
        return None
    if isinstance(weight, np.ndarray):
        return None if weight[:rows, columns:].any() else weight[:rows, :columns]
    end = int(weight.indptr[rows])
    data, indices = weight.data[:end], weight.indices[:end]
    if end and indices.max() >= columns:
        return None
    return sp.csr_array((data, indices, weight.indptr[: rows + 1]), shape=(rows, columns))


def box_of_balls(points: Float[np.ndarray, "n d"], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a box that contains the balls `B_∞(x_i, radius)`, one float outward for the rounding."""
    low, high = points.min(axis=0) - radius, points.max(axis=0) + radius
    return np.nextafter(low, -np.inf), np.nextafter(high, np.inf)


def covers(low: np.ndarray, high: np.ndarray, points: np.ndarray, radius: float) -> bool:
    """Whether the box surely contains the balls `B_∞(x_i, radius)`."""
    least, greatest = box_of_balls(points, radius)
    return bool(np.all(least >= low) and np.all(greatest <= high))
