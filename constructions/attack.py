"""A guided attack on memorizing networks.

Such networks are flat almost everywhere, so gradients lead nowhere. What can go wrong goes wrong at known
places: at the point itself, on the segment to a nearby point (where its shell begins, its indicator acts
and the gate opens), on the surface of the ball, at its vertices. The attack evaluates all of these and
reports the worst. It can only refute; the absence of a find proves nothing.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist

from theory.losses import margins
from theory.norms import norm
from theory.relaxation import gamma

Function: TypeAlias = Callable[[np.ndarray], np.ndarray]

_NEIGHBOURS = 3
_FRACTIONS = (1.0, 0.999, 0.9, 0.75, 0.5, 0.25)
_RANDOM = 6
# Shrinks a step so that x + step, rounded, is still inside the ball.
_INSIDE = 1 - 2.0**-40
# Whole exponents up to here are decided without rounding.
_MOST_RATIONAL = 64


def guided_attack(
    function: Function,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    *,
    indices: Int[np.ndarray, " k"] | None = None,
    shell: float | None = None,
    seed: int = 0,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k d"]]:
    """The worst margin found in the balls `B_p(x_i, radius)` and the points where it was found.

    Args:
        function: `f`, from (k, d) to (k, outputs).
        points: the sample.
        labels: ±1 for one output, else class numbers.
        radius: of the balls.
        p: in [1, ∞].
        indices: the balls to attack; all by default.
        shell: if the network has soft indicators with this shell around the points, points just inside and
            just outside every shell that reaches into the ball are tried too.
        seed: of the random directions.

    Returns:
        The margins (an error where `<= 0`; `f = 0` is one) and the points, both in the order of `indices`.
    """
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(points)) if indices is None else indices
    worst = np.full(len(chosen), np.inf)
    where = points[chosen].copy()
    for k, i in enumerate(chosen):
        tried = np.concatenate(list(_candidates(points, labels, int(i), radius, p, shell, rng)))
        found = margins(function(tried), np.full(len(tried), labels[i]))
        best = int(np.argmin(found))
        if not is_in_ball(tried[best], points[i], radius, p):
            tried = _into_ball(tried, points[i], radius, p)
            found = margins(function(tried), np.full(len(tried), labels[i]))
            best = int(np.argmin(found))
        worst[k], where[k] = found[best], tried[best]
    return worst, where


def is_in_ball(x: Float[np.ndarray, " d"], centre: Float[np.ndarray, " d"], radius: float, p: float) -> bool:
    """Whether `‖x - centre‖_p <= radius`, in rational arithmetic for p = ∞ and whole p up to 64.

    For other p in float64, with a rest for its rounding: never true of a point outside.
    """
    if not np.isinf(p) and (p > _MOST_RATIONAL or p != int(p)):
        return bool(_length((x - centre) / radius, p) <= _INSIDE - 2 * gamma(len(x) + 160))
    steps = [abs(Fraction(float(a)) - Fraction(float(b))) for a, b in zip(x, centre, strict=True)]
    if np.isinf(p):
        return max(steps) <= Fraction(radius)
    return sum(step ** int(p) for step in steps) <= Fraction(radius) ** int(p)


def _candidates(
    points: np.ndarray,
    labels: np.ndarray,
    i: int,
    radius: float,
    p: float,
    shell: float | None,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    x = points[i]
    yield x[None]
    # An overflow or a vanishing power only costs a candidate here.
    distances = cdist(x[None], points, _METRIC.get(p, "minkowski"), **({} if p in _METRIC else {"p": p}))[0]
    fractions = radius * np.array(_FRACTIONS)[:, None]
    for group in (labels != labels[i], (labels == labels[i]) & (np.arange(len(points)) != i)):
        others = np.flatnonzero(group)
        for j in others[np.argsort(distances[others])[:_NEIGHBOURS]]:
            step = points[j] - x
            if distances[j] == 0:
                continue
            yield x + step / distances[j] * fractions
            yield (x + radius * np.sign(step))[None]
            if shell is not None:
                # Where the segment to x_j enters its shell, leaves it, and enters its ball.
                depths = distances[j] - radius - shell * np.array([1 + 1e-6, 1 - 1e-6, 0.75, 0.5, 0.25, 1e-6, -1e-6])
                yield x + step / distances[j] * depths[(depths > 0) & (depths <= radius)][:, None]
    directions = rng.standard_normal((_RANDOM, len(x)))
    yield x + radius * directions / _length(directions, p)[:, None]
    yield x + radius * np.sign(directions)
    axes = rng.permutation(len(x))[:_RANDOM]
    for sign in (1.0, -1.0):
        vertices = np.tile(x, (len(axes), 1))
        vertices[np.arange(len(axes)), axes] += sign * radius
        yield vertices


_METRIC = {1.0: "cityblock", 2.0: "euclidean", np.inf: "chebyshev"}


def _length(steps: np.ndarray, p: float) -> np.ndarray:
    """`‖steps‖_p` along the last axis, in units of the greatest entry, whose p-th power may be no float."""
    unit = np.abs(steps).max(axis=-1, keepdims=True)
    unit = np.where(unit > 0, unit, 1.0)
    with np.errstate(under="ignore"):
        return np.asarray(unit[..., 0] * norm(steps / unit, p))


def _into_ball(tried: np.ndarray, centre: np.ndarray, radius: float, p: float) -> np.ndarray:
    """Scales every step down to the ball, with a rest for the rounding of the sum."""
    step = tried - centre
    length = _length(step, p)
    factor = np.where(length > radius * _INSIDE, radius * _INSIDE / np.where(length > 0, length, 1.0), 1.0)
    return np.asarray(centre + factor[:, None] * step)
