"""The rule for p = 2 and networks that sort pairs: margins by Lipschitz constants, and what balls add to them.

Let h be the values of the layer before the last, z those before its ReLU, and let `B_2(x_j, r)` be a ball. On it

- the neurons G that are no balls are `σ(W y + b)` with y within `r Λ` of `y(x_j)` (`constructions.check.steepness`);
  where `W y(x_j) + b` is so great that no ReLU is off, `d_G·h` is within `r Λ ‖d_G W‖` of its value at `x_j`;
- the coordinates u of the balls are within `ε = r Λ_u` of `u(x_j)`, and a ball (`constructions.check.balls`) with
  `q = ‖u(x_j) - v/2‖_S` has `κ - (q + ε)² - Σ_S θ⁺ <= z <= κ - (q - ε)₊² - Σ_S θ⁻`, where `[θ⁻, θ⁺]` is the range of
  what differs from a square on `[0, U]`, and U the greatest value of a coordinate on all balls.

So the margin is at least the least over rivals of `d_G·h(x_j) - r Λ ‖d_G W‖ + Σ (least of d_i h_i over the balls)`, for
the differences d of two rows of the last layer. Values at `x_j` are computed in float64, and a network is executed,
with errors of `|W| e + γ (|W| (|h| + e) + |b|)` in a layer whose inputs have errors e, and what underflows: |h| is
bounded by intervals. Only for numbers up to 2^200, and for networks that sort pairs at least once.
"""

from dataclasses import dataclass

import numpy as np

from constructions.check.affine import GREATEST, LEAST, ROUNDOFF, TINY, affine, gamma, rounding, underflow
from constructions.check.balls import Balls, read_balls, square_error
from constructions.check.files import Layer
from constructions.check.known import LARGEST, unit
from constructions.check.outputs import margin_forms
from constructions.check.products import BLOCK, absolute, dense, product
from constructions.check.steepness import operator_norm, steepness

# Layers of a network that sorts pairs.
FEWEST = 5
# Above the rounding of a few operations.
UP, DOWN = 1 + 2.0**-48, 1 - 2.0**-48


@dataclass(frozen=True, eq=False)
class Neurons:
    """Of the layer before the last those that are no balls.

    `rows`: their numbers; `values` (rows, points): behind the ReLU at the points; `errors`: of these, and of executed
    ones on the balls; `steep`: on a ball `d·h` differs from its value at the point by at most `‖d steep‖`.
    """

    rows: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    steep: np.ndarray

    def at(self, points: np.ndarray) -> "Neurons":
        return Neurons(self.rows, self.values[:, points], self.errors[:, points], self.steep)


def lipschitz_bounds(
    layers: list[Layer], points: np.ndarray, labels: np.ndarray, radius: float, arithmetic: str
) -> np.ndarray:
    """Lower bounds of the margins on the balls of l_2; `-inf` where the rule does not apply."""
    size = len(points)
    lower, fits = np.full(size, -np.inf), np.ones(size, dtype=bool)
    numbers = [np.array([radius]), points, *(f.value for f in layers), *(f.bias for f in layers)]
    if len(layers) < FEWEST or not all(np.all(np.abs(n) <= LARGEST) for n in numbers):
        return lower
    balls = read_balls(layers)
    others = np.setdiff1d(np.arange(layers[-1].shape[1]), balls.rows)
    weight, constant, pairs = steepness(layers[:-1], others)
    if not pairs:
        return lower
    values, errors = np.empty((2, len(others), size))
    plain = Neurons(others, values, errors, weight * (radius * constant * UP))
    u, near, lost = np.empty((len(balls.coordinates), size)), np.empty(size), np.zeros(len(balls.rows))
    step = max(1, BLOCK // 8 // max(max(f.shape) for f in layers))
    blocks = [np.arange(start, min(start + step, size)) for start in range(0, size, step)]
    with np.errstate(all="ignore"):
        for b in blocks:
            through = _through(layers[:-1], points[b].T, radius, arithmetic)
            sums, own, _, _ = through[balls.layer]
            u[:, b], near[b] = np.maximum(sums[balls.coordinates], 0), _norms(own[balls.coordinates].T)
            sums, own, executed, _ = through[-1]
            fits[b] = np.all([fine for *_, fine in through], axis=0)
            values[:, b], errors[:, b] = np.maximum(sums[others], 0), own[others] + executed[others]
            lost = np.maximum(lost, executed[balls.rows][:, fits[b]].max(axis=1, initial=0.0))
        fits &= np.all(values * DOWN >= errors + _norms(plain.steep)[:, None], axis=0)
        weight, constant, _ = steepness(layers[: balls.layer + 1], balls.coordinates)
        near = (near + radius * constant * operator_norm(weight)) * UP
        off = np.zeros((2, len(u)))
        for f, most in enumerate(((u + near) * UP)[:, fits].max(axis=1, initial=0.0)):
            off[:, f] = square_error(balls.squares[f], float(most)) if most <= LARGEST else np.nan
        for b in blocks:
            least, most = _gains(balls, off, u[:, b], near[b], lost)
            for label in np.unique(labels[b]):
                mine = labels[b] == label
                gains = balls.rows, least[:, mine], most[:, mine]
                lower[b[mine]] = _margins(layers[-1], int(label), plain.at(b[mine]), *gains, arithmetic)
    return np.where(np.isfinite(lower) & fits, lower, -np.inf)


def _through(
    layers: list[Layer], x: np.ndarray, radius: float, arithmetic: str
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Of each layer, before the ReLU: values at points (dim, balls), bounds of their errors, and of what an executed
    network differs from the real one anywhere on the ball; and on which balls nothing overflows."""
    low, high = np.nextafter(x - radius, -np.inf), np.nextafter(x + radius, np.inf)
    values, own, executed = x, np.zeros(x.shape), np.full(x.shape, LEAST[arithmetic])
    found = []
    for k, f in enumerate(layers):
        terms = np.diff(f.start)[:, None]
        largest = (np.maximum(np.abs(low), np.abs(high)) + executed).max(axis=0, initial=0.0)
        low, high, total = affine(f, low, high, "reals", None if k else (x, radius, 2.0))
        moved, passed = np.hsplit(product(absolute(f), np.hstack([own, executed])) * (1 + 2.0**-30), 2)
        own = moved + rounding(terms, terms, total + moved, "reals") + TINY
        total = (total + passed) * (1 + 2.0**-30)
        executed = passed + gamma(terms + 1.0, ROUNDOFF[arithmetic]) * total + underflow(terms, largest, arithmetic)
        sums = product(f, values) + f.bias[:, None]
        fits = np.all(total <= GREATEST[arithmetic] / 8, axis=0) & np.isfinite(own + executed).all(axis=0)
        found.append((sums, own, executed, fits))
        # No positive number so small that its product with a weight could vanish.
        values, low, high = np.maximum(sums, 0), np.maximum(low, 0), np.where(high > 0, np.maximum(high, TINY), 0.0)
    return found


def _gains(
    balls: Balls, off: np.ndarray, u: np.ndarray, near: np.ndarray, lost: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest values (rows, points) of the balls behind the ReLU where u is as near as that."""
    centre, share = balls.twice / 2, unit(3 * len(u))
    lengths = np.square(centre).sum(axis=1)
    room = share * (np.abs(balls.bias) + lengths + balls.member @ np.abs(off).sum(axis=0)) + lost + TINY
    high, low = (balls.bias + lengths - balls.member @ side for side in off)
    high, low = high + room, low - room

    # First in a way that is rough near the centre: most balls are off.
    inside = balls.member @ np.square(u) + lengths[:, None]
    square = inside - balls.twice @ u - (2 * share * inside + TINY)
    nearest = np.maximum(np.sqrt(np.maximum(square, 0)) * (1 - share) - near, 0)
    i, j = np.nonzero(~(high[:, None] - nearest**2 * (1 - share) <= 0))
    distance = np.sqrt((balls.member[i] * np.square(u.T[j] - centre[i])).sum(axis=1))
    nearest, farthest = np.maximum(distance * (1 - share) - near[j], 0), distance * (1 + share) + near[j]
    least, most = np.zeros((2, *inside.shape))
    least[i, j] = np.maximum(low[i] - farthest**2 * (1 + share), 0)
    most[i, j] = np.maximum(high[i] - nearest**2 * (1 - share), 0)
    return least, most


def _margins(
    last: Layer,
    label: int,
    plain: Neurons,
    balls: np.ndarray,
    least: np.ndarray,
    most: np.ndarray,
    arithmetic: str,
) -> np.ndarray:
    """Lower bounds of the differences of outputs, with balls between least and most."""
    form, sizes, terms = margin_forms(last, label)
    weight, size = dense(form), dense(sizes)
    (d, d_balls), (s, s_balls) = ((w[:, plain.rows], w[:, balls]) for w in (weight, size))
    reach = _norms(d @ plain.steep) + unit(len(plain.rows)) * _norms(s @ np.abs(plain.steep))
    spread = s @ plain.errors * (1 + 2.0**-30)
    total = s @ (plain.values + _norms(plain.steep)[:, None]) + spread + sizes.bias[:, None]
    # Of each term d h an output has at least d h - ρ |d| h, in any order of summation, and so have the sums here.
    rate = rounding(terms, 2 * terms + 64, np.ones(len(terms)), arithmetic)[:, None]
    given = d_balls - rate * s_balls
    lower = d @ plain.values + form.bias[:, None] - reach[:, None] - spread - rate * total
    lower += np.maximum(given, 0) @ least - np.maximum(-given, 0) @ most
    largest = (plain.values + plain.errors).max(axis=0, initial=0.0) + most.max(axis=0, initial=0.0)
    lower -= underflow(2 * terms[:, None], largest + _norms(plain.steep).max(initial=0.0), arithmetic)
    fits = np.all(total + s_balls @ most <= GREATEST[arithmetic] / 8, axis=0)
    return np.where(fits, lower.min(axis=0), -np.inf)


def _norms(rows: np.ndarray) -> np.ndarray:
    """Of rows in l_2, rounded up; squares that vanish are lost in the root of the least of all."""
    found: np.ndarray = np.sqrt(np.square(rows).sum(axis=1)) * (1 + unit(rows.shape[1])) + 2.0**-500
    return found
