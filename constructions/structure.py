"""The structural proof: Corollary 3.4 checked on the weights of one network.

Interval bounds treat the coordinates of a ball one by one and fail for p = 1 and 2. The proof here follows
the corollary instead. It reads from the weights of the network, for every memorized point (`indicator_check`),

- *inner*: `I_i = 1` on `B_p(x_i, δ)`,
- *outer*: `I_i = 0` off `B_p(x_i, δ + γ)`, within the box,

and that the rest of the network is the assembly of `constructions.assembly` with a lock bound
`M >= sup |f_clean|`. With the exact separation `R >= 2δ + γ` every ball is then free of error: on the ball of
a memorized point `T >= 1`, all active indicators carry its label, the lock is 1, the margin at least 1; on
the ball of another point active indicators carry its label too, and the soft threshold of `f_clean` is
monotone, so the margin is at least `μ / max(1, 2M)` where `μ` bounds the margin of `f_clean` from below.

Every inequality leaves an allowance for the float64 arithmetic of this proof itself; the function that it
speaks of is the one of the float64 weights over the reals.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.assembly import clean_bound, memorizing_network
from constructions.indicator_check import IndicatorCheck, check_indicators, is_same
from constructions.indicators import Method
from constructions.network import Affine, ReLUNetwork, dense


def structural_bounds(
    network: ReLUNetwork,
    widths: tuple[int, ...],
    clean: ReLUNetwork,
    clean_margin: Float[np.ndarray, " n"],
    points: Float[np.ndarray, "n d"],
    codes: Int[np.ndarray, " n"],
    small: Int[np.ndarray, " n_small"],
    separation: float,
    *,
    radius: float,
    shell: float,
    p: float,
    method: Method,
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
) -> Float[np.ndarray, " n"]:
    """Sound lower bounds on the margin over every ball `B_p(x_i, radius)`; `-inf` where the proof fails.

    Args:
        network: the network to be proved.
        widths: `m_0, …, m_L` of its indicator part.
        clean: the clean classifier it was built with.
        clean_margin: sound lower bounds on the margin of `clean` over the balls; used off `small`.
        points: the sample.
        codes: ±1 or class numbers.
        small: memorized points.
        separation: R, at most the distance of any two differently labelled points.
        radius: δ.
        shell: γ.
        p: in [1, ∞].
        method: how the indicators were built.
        low: least corner of the box, at most `points - radius`.
        high: greatest corner of the box.
    """
    failed = np.full(len(points), -np.inf)
    if not Fraction(separation) >= 2 * Fraction(radius) + Fraction(shell) or not covers(low, high, points, radius):
        return failed
    parts = memorizing_parts(network, widths, clean, codes[small])
    if parts is None or not parts.lock >= clean_bound(clean.layers, low, high):
        return failed
    check = check_indicators(parts.indicators, points[small], radius, shell, low, high, p=p, method=method)
    # One float down, for the rounding of the quotient.
    kept = np.nextafter(clean_margin / max(1.0, 2 * parts.lock), -np.inf)
    return ball_margins(check, np.where(kept > 0, kept, -np.inf), codes, small)


@dataclass(frozen=True, eq=False)
class Parts:
    """What a network is assembled of: the indicators, whose ReLU is `I_i`, and the bound M of the lock."""

    indicators: ReLUNetwork
    lock: float


def memorizing_parts(
    network: ReLUNetwork, widths: tuple[int, ...], clean: ReLUNetwork, codes: Int[np.ndarray, " n_small"]
) -> Parts | None:
    """The parts, when the network is `memorizing_network` of them weight for weight; else None."""
    block = _indicator_part(network, widths, len(codes))
    if block is None:
        return None
    lock = float(-dense(network.layers[-2].weight[[-1]])[0, 0])
    return Parts(block, lock) if is_same(network, memorizing_network(block, codes, clean, lock)) else None


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


def _indicator_part(network: ReLUNetwork, widths: tuple[int, ...], size: int) -> ReLUNetwork | None:
    """The leading rows and columns of the layers: the indicators, when they depend on nothing else."""
    if not widths or len(widths) > network.depth or widths[-1] != size:
        return None
    layers = []
    for k, layer in enumerate(network.layers[: len(widths) - 1]):
        weight = layer.weight[: widths[k + 1]]
        own = weight if k == 0 else weight[:, : widths[k]]
        if k and not _all_zero(weight, widths[k]):
            return None
        layers.append(Affine(own, layer.bias[: widths[k + 1]]))
    return ReLUNetwork(tuple(layers))


def _all_zero(weight: np.ndarray | sp.csr_array, start: int) -> bool:
    rest = weight[:, start:]
    return not (rest.any() if isinstance(rest, np.ndarray) else rest.count_nonzero())


def box_of_balls(points: Float[np.ndarray, "n d"], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a box that contains the balls `B_∞(x_i, radius)`, one float outward for the rounding."""
    low, high = points.min(axis=0) - radius, points.max(axis=0) + radius
    return np.nextafter(low, -np.inf), np.nextafter(high, np.inf)


def covers(low: np.ndarray, high: np.ndarray, points: np.ndarray, radius: float) -> bool:
    """Whether the box surely contains the balls `B_∞(x_i, radius)`."""
    least, greatest = box_of_balls(points, radius)
    return bool(np.all(least >= low) and np.all(greatest <= high))
