"""The robust generalization gap by one transport problem, whose cost has the slopes inside: Theorem 6.3, sharper.

Let `g_y(x) = max over ‖ξ‖_p <= δ of L(f(x + ξ), y)` with losses in [0, B], and `M_y(x, r)` the largest
`‖∇_x L(f(·), y)‖_q` in `B_p(x, r)`, over the points of differentiability. With ξ a worst perturbation at x and
`t = ‖x - z‖_p`,

    g_y(x) - g_y(z) <= L(f(x + ξ), y) - L(f(z + ξ), y),

and the point `x + ξ + s(z - x)` of the segment between the two is within `δ + st` of x and within `δ + (1 - s)t` of z.
A locally Lipschitz function on a ball has its largest slope there as Lipschitz constant, so for `0 = s_0 < … < s_k = 1`

    g_y(x) - g_y(z) <= c_y(x, z) = min(B, Σ_j (s_j - s_{j-1}) t min(M_y(x, δ + s_j t), M_y(z, δ + (1 - s_{j-1}) t))).

With k = 1 that is `min(B, t M_y(x, δ + t), t M_y(z, δ + t))`; a finer division never costs more. Integrated along any
couplings of D_c and S_c,

    L_D^{adv,δ} - L_S^{adv,δ} <= Σ_c π_c OT_c + T,    OT_c = min over couplings of E c_c(x, z).

It contains both bounds of `theory.generalization.robust_gap`: `c <= G t` for the couplings of W_1, and
`c <= h M(x, δ + h)` for those of W_∞. Where a steep place is far from all that has to move, or what has to move is
little, both are vacuous and this is not.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent, read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.generalization.robust_gap import GapBound, LabelledLosses, class_points, gap_bound, shared_classes
from theory.generalization.transport import check_pairs, pair_distances, transport_cost
from theory.roundoff import gamma

Slopes: TypeAlias = Callable[
    [Float[np.ndarray, "k d"], Int[np.ndarray, " k"], Float[np.ndarray, " k"]], Float[np.ndarray, " k"]
]


def transport_gap_bound(
    population: LabelledLosses,
    sample: LabelledLosses,
    slopes: Slopes,
    *,
    radius: float,
    loss_bound: float,
    p: float = math.inf,
    pieces: int = 1,
) -> GapBound:
    """The gap and `Σ_c π_c OT_c + T`, the cost of a pair by the slopes that its segment can meet.

    Source: Theorem 6.3, repaired form; third bound.

    Args:
        population: D, uniform on its points.
        sample: S.
        slopes: from points (k, d), labels (k,) and radii (k,) to upper bounds, shape (k,), of the largest
            `‖∇_x L(f(·), y_i)‖_q` in `B_p(x_i, r_i)`, whole balls; ∞ where nothing is known.
        radius: δ.
        loss_bound: B.
        p: of perturbations and transport.
        pieces: k, equal parts of each segment.

    Raises:
        AssumptionError: if a class of D does not occur in S, or a loss is not in [0, B].
        ValueError: if a slope is negative or NaN, their number is wrong, a distance is no float, or a class has more
            than MOST_PAIRS pairs.
    """
    radius, loss_bound = read_scalar(radius, "radius"), read_scalar(loss_bound, "loss_bound")
    p, pieces = read_exponent(p), read_whole(pieces, "pieces")
    if not 0 <= radius < math.inf or not pieces >= 1:
        raise ValueError(f"transport_gap_bound needs a finite radius >= 0 and pieces >= 1, got {radius} and {pieces}")
    classes, priors, class_term = shared_classes(population, sample, loss_bound)
    costs = []
    for c in classes:
        x, z = class_points(population, sample, c)
        check_pairs(len(x), len(z))
        # Upper bounds of the distances: a slope just beyond a ball may count.
        distances = pair_distances(x, z, p) * (1 + gamma(x.shape[1] + 8))
        rows = [_costs(slopes, c, x[i], z, distances[i], radius, loss_bound, pieces) for i in range(len(x))]
        costs.append(transport_cost(np.array(rows)))
    return gap_bound(population, sample, 1.0, float(priors @ costs), class_term, loss_bound)


def pair_cost(
    length: Float[np.ndarray, " m"], near: Float[np.ndarray, " m"], far: Float[np.ndarray, " m"], loss_bound: float
) -> Float[np.ndarray, " m"]:
    """`min(B, t M(x, δ+t), t M(z, δ+t))`: what a loss in [0, B] changes by along a segment that both slopes bound.

    Source: Theorem 6.3, repaired form.

    Args:
        length: t >= 0 of each segment.
        near, far: the two slopes, of the balls around its two ends.
        loss_bound: B.
    """
    length = exact_floats(length, "length")
    with np.errstate(over="ignore", invalid="ignore"):
        cost = np.minimum(length * np.minimum(near, far), loss_bound)
    # A point that does not move costs nothing, however steep the loss.
    return np.where(length > 0, cost, 0.0)


def _costs(
    slopes: Slopes,
    label: int,
    x: np.ndarray,
    z: np.ndarray,
    distances: np.ndarray,
    radius: float,
    loss_bound: float,
    pieces: int,
) -> np.ndarray:
    """Upper bounds of `c_y(x, z_j)`, for all j."""
    total = np.zeros(len(z))
    for j in range(pieces):
        near = _slopes_at(slopes, np.repeat(x[None], len(z), axis=0), label, radius, distances * ((j + 1) / pieces))
        far = _slopes_at(slopes, z, label, radius, distances * ((pieces - j) / pieces))
        # Rounded up, so that a subnormal length does not vanish beside an infinite slope.
        length = np.where(distances > 0, np.nextafter(distances / pieces, math.inf), 0.0)
        total += pair_cost(length, near, far, loss_bound)
    return np.minimum(total * (1 + gamma(pieces + 8)), loss_bound)


def _slopes_at(slopes: Slopes, points: np.ndarray, label: int, radius: float, moved: np.ndarray) -> np.ndarray:
    # Rounded up twice: the product of the distance, and the sum.
    reach = np.nextafter(radius + np.nextafter(moved, math.inf), math.inf)
    found = exact_floats(slopes(points, np.full(len(points), label), reach), "slopes")
    if found.shape != (len(points),) or not (found >= 0).all():
        raise ValueError(
            f"slopes need to be numbers >= 0 of shape ({len(points)},), one a ball, got shape {found.shape}, "
            f"least {found.min(initial=math.inf)}"
        )
    return found
