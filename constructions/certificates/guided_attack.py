"""A guided attack on memorizing networks.

Such networks are flat almost everywhere, so gradients lead nowhere. What can go wrong goes wrong at known
places: at the point itself, on the segment to a nearby point (where its shell begins, its indicator acts
and the gate opens), on the surface of the ball, at its vertices. The attack evaluates all of these and
reports the worst. It can only refute; the absence of a find proves nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist

from constructions.samples.sample import read_labelled_points
from theory.balls.budget import is_over
from theory.balls.relaxation import read_ball
from theory.setting.losses import known_margins
from theory.setting.membership import is_in_ball
from theory.setting.norms import norm

Function: TypeAlias = Callable[[np.ndarray], np.ndarray]

_NEIGHBOURS = 3
_FRACTIONS = (1.0, 0.999, 0.9, 0.75, 0.5, 0.25)
_RANDOM = 6
# Shrinks a step so far that membership of the ball is decided in float64.
_INSIDE = 1 - 2.0**-20
# Of the points tried, so many of the worst are looked at for one inside the ball.
_LOOKED_AT = 8


def guided_attack(
    function: Any,
    points: Any,
    labels: Any,
    radius: Any,
    p: Any,
    *,
    indices: Int[np.ndarray, " k"] | None = None,
    shell: float | None = None,
    seed: int = 0,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k d"]]:
    """The worst margin found in the balls `B_p(x_i, radius)` and the points where it was found.

    Args:
        function: `f`, from (k, d) to (k, outputs); a `ReLUNetwork` or what has one as its `network`.
        points: the sample, shape (n, d).
        labels: of the network's `classes`; without these ±1 for one output, else class numbers.
        radius: of the balls, finite and >= 0.
        p: in [1, ∞].
        indices: the balls to attack; all by default.
        shell: if the network has soft indicators with this shell around the points, points just inside and
            just outside every shell that reaches into the ball are tried too.
        seed: of the random directions.

    Returns:
        The margins (an error where `<= 0`; `f = 0` is one) and the points, both in the order of `indices`. The points
        are in the balls, exactly; the centre at worst. Where f is not a number the margin counts as infinite.
    """
    classes = getattr(getattr(function, "network", function), "classes", None)
    (points, labels), (radius, p) = read_labelled_points(points, labels, classes), read_ball(radius, p)
    if not callable(function):
        function = function.network
    return attack_balls(function, points, labels, radius, p, indices=indices, shell=shell, seed=seed)


def attack_balls(
    function: Function,
    points: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    radius: float,
    p: float,
    *,
    indices: Int[np.ndarray, " k"] | None = None,
    shell: float | None = None,
    seed: int = 0,
    low: Any = -np.inf,
    high: Any = np.inf,
    deadline: float = np.inf,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k d"]]:
    """`guided_attack` with labels as the network has them: ±1, or class numbers.

    Args:
        function, points, labels, radius, p, indices, shell, seed: as for `guided_attack`.
        low, high: ends of boxes that cut the balls off, numbers or of shape (d,) or (k, d).
        deadline: by `time.monotonic`; the margins of balls that are left then are infinite.
    """
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(points)) if indices is None else indices
    low, high = (np.broadcast_to(end, (len(chosen), points.shape[1])) for end in (low, high))
    worst, where = np.full(len(chosen), np.inf), points[chosen].clip(low, high)
    for k, i in enumerate(chosen):
        if is_over(deadline):
            break
        # Beyond the largest float a step only costs a candidate.
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            tried = np.concatenate(list(_candidates(points, labels, int(i), radius, p, shell, rng)))
            ball = points[i], radius, p
            tried, drawn = (x.clip(low[k], high[k]) for x in (tried, _into_ball(tried, *ball)))
            worst[k], where[k] = _worst_in_ball(function, (tried, drawn), where[k], int(labels[i]), ball)
    return worst, where


def _worst_in_ball(
    function: Function,
    tried: Iterable[np.ndarray],
    first: np.ndarray,
    label: int,
    ball: tuple[np.ndarray, float, float],
) -> tuple[float, np.ndarray]:
    """The worst point found in the ball: of the first, and of others until they are no worse outside the ball."""
    worst, where = np.inf, first
    if is_in_ball(first, *ball):
        worst = float(_margins(function, first[None], label)[0])
    for drawn in tried:
        found = _margins(function, drawn, label)
        order = np.argsort(found, kind="stable")[:_LOOKED_AT]
        inside = next((n for n in order if found[n] < worst and is_in_ball(drawn[n], *ball)), None)
        if inside is not None:
            worst, where = float(found[inside]), drawn[inside]
        if not found[order[0]] < worst:
            break
    return worst, where


def _margins(function: Function, x: np.ndarray, label: int) -> np.ndarray:
    found = np.full(len(x), np.inf)
    finite = np.isfinite(x).all(axis=1)
    if finite.any():
        found[finite] = known_margins(function(x[finite]), np.full(int(finite.sum()), label))
    return found


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
    yield x + radius * directions / norm(directions, p)[:, None]
    yield x + radius * np.sign(directions)
    axes = rng.permutation(len(x))[:_RANDOM]
    for sign in (1.0, -1.0):
        vertices = np.tile(x, (len(axes), 1))
        vertices[np.arange(len(axes)), axes] += sign * radius
        yield vertices


_METRIC = {1.0: "cityblock", 2.0: "euclidean", np.inf: "chebyshev"}


def _into_ball(tried: np.ndarray, centre: np.ndarray, radius: float, p: float) -> np.ndarray:
    """Scales every step down to the ball, and rounds every sum toward the centre."""
    step = tried - centre
    length = norm(step, p)
    factor = np.where(length > radius * _INSIDE, radius * _INSIDE / np.where(length > 0, length, 1.0), 1.0)
    step = factor[:, None] * step
    drawn = centre + step
    beyond = np.abs(drawn - centre) > np.abs(step)
    return np.asarray(np.where(beyond, np.nextafter(drawn, centre), drawn))
