"""Networks that look like those for which the checker has rules by distances, and break a hypothesis of the rule.

*p = 2.* The squares of Yarotsky with weights, offsets, carried coordinates and sums, an excess for every point and a
ramp. *p = 1* and ∞: memorizers of the project. One thing is then another: mostly what no honest network would have.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from constructions import robust_memorizer
from constructions.networks.network import Affine, dense
from constructions.pieces.square import sum_of_squares
from tests.soundness.networks import Case, case_of

Arrays = list[np.ndarray]


def imitation(seed: tuple[int, ...], change: str | None = None) -> tuple[Case, tuple[int, ...]]:
    """A case, and the widths of its indicators as a certificate would state them.

    `change`: one of the squares; "memorizer" for one of these. Drawn if None.
    """
    rng = np.random.default_rng(seed)
    squares = rng.random() < 0.6 if change is None else change != "memorizer"
    case, widths = _squares(rng, seed) if squares else _memorizer(rng, seed)
    weights, biases = [w.copy() for w in case.weights], [b.copy() for b in case.biases]
    changes = CHANGES if case.kind == "squares" else {"any": _any_entry, "new": _new_entry, "bias": _any_bias}
    name = change if change in changes else str(rng.choice(list(changes)))
    changes[name](weights, biases, case.points.shape[1], rng)
    if case.kind == "squares" and rng.random() < 0.5:
        # Then the claim is false by more than little, if something else is taken for right.
        unit = abs(float(np.ptp(case.points[:, 0]))) / 2
        biases[-3] += rng.choice([-1, 1]) * unit**2 * 2.0 ** float(rng.uniform(-4, 2))
    case = replace(case, weights=tuple(weights), biases=tuple(biases), kind=f"{case.kind}, {name}")
    if name == "far":
        case = replace(case, points=case.points * 2.0 ** rng.integers(1, 8))
    return case, widths


def _squares(rng: np.random.Generator, seed: tuple[int, ...]) -> tuple[Case, tuple[int, ...]]:
    """`Σ_i y_i σ(1 - w (‖x - v_i‖² - ρ))` of two points, right on their balls before it is changed."""
    dim, tents = int(rng.integers(1, 3)), int(rng.integers(2, 6))
    unit = 2.0 ** int(rng.choice([0, 0, 0, rng.integers(-500, 500)]))
    points = rng.uniform(-1, 1, (2, dim)) * 0.5
    points[:, 0] = [-1.0, 1.0]
    radius = float(rng.uniform(0.05, 0.3))
    least, greatest = points.min(axis=0) - radius - 0.01, points.max(axis=0) + radius + 0.01
    alpha = 1 / (greatest - least)
    beta, shift = -least * alpha, 0.1 - least
    linear, constant = rng.choice([0.0, 1.0]) * rng.normal(size=dim), float(rng.choice([0.0, 1.0]) * rng.normal())
    carried = Affine(np.eye(dim), shift)
    net = sum_of_squares(
        Affine(np.diag(alpha), beta), (1 / alpha**2)[None], tents, carried=carried, linear=linear, constant=constant
    )
    # S = ‖x + β/α‖² + λ·(x + shift) + constant, up to the squares' error.
    slope = -2 * points - 2 * beta / alpha - linear
    room = float(np.sum(1 / alpha**2)) * 4.0 ** (-tents - 1)
    rho = radius**2 + room
    bias = np.sum(points**2, axis=1) - np.sum((beta / alpha) ** 2) - constant - slope @ shift - linear @ shift - rho
    labels = np.array([-1, 1])
    weights = [dense(layer.weight) for layer in net.layers]
    biases = [layer.bias.copy() for layer in net.layers]
    weights += [np.column_stack([np.ones(2), slope]), -4.0 * np.eye(2), labels[None].astype(float)]
    biases += [bias, np.ones(2), np.zeros(1)]
    # In other units: x = unit z.
    weights[0] = weights[0].copy()
    weights[0][: 2 * dim] /= unit
    biases[0][2 * dim :] *= unit
    for k in range(1, tents + 1):
        carry = slice(weights[k].shape[1] - dim, None)
        sums = 0 if k == tents else 2 * dim
        before = 2 * dim
        weights[k][sums, :before] *= unit**2
        if k == tents:
            weights[k][sums, carry] *= unit
            biases[k][sums] *= unit**2
    excess = tents + 1
    weights[excess][:, 1:] *= unit
    biases[excess] *= unit**2
    weights[excess + 1] /= unit**2
    widths = (dim, *(len(b) for b in biases[:-1]))
    case = Case(
        seed,
        "squares",
        tuple(weights),
        tuple(biases),
        (False,) * len(weights),
        points * unit,
        labels,
        radius * unit,
        2.0,
    )
    return case, widths


def _memorizer(rng: np.random.Generator, seed: tuple[int, ...]) -> tuple[Case, tuple[int, ...]]:
    dim, size = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    points = np.round(rng.uniform(-0.3, 0.3, (size, dim)), 3) + np.arange(size)[:, None]
    labels = [-1, 1, *rng.choice([-1, 1], size - 2).tolist()]
    p = float(rng.choice([1.0, 1.0, np.inf]))
    clean = Affine(rng.normal(size=(1, dim)) / 8, np.ones(1) / 8)
    method = str(rng.choice(["shared", "per_point"]))
    built = robust_memorizer(points, labels, radius=0.1, p=p, small="all", method=method, clean=clean)
    balls: Any = built.task.sample.points, built.task.sample.codes, 0.1, p
    return case_of(built.network, balls, seed, f"memorizer p={p:g} {method}"), built.widths


def _amount(rng: np.random.Generator) -> float:
    """A factor: next to 1, a power of two, or negative."""
    near = 1 + float(rng.choice([-1, 1])) * 2.0 ** float(rng.uniform(-52, -1))
    return float(rng.choice([near, 2.0 ** float(rng.integers(-4, 5)), -1.0, -near]))


def _omega(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    """A weight of a square, in all layers alike."""
    j, factor, tents = int(rng.integers(dim)), _amount(rng), len(weights) - 4
    for k in range(1, tents + 1):
        sums = 0 if k == tents else 2 * dim
        weights[k][sums, [j, dim + j]] *= factor


def _offset(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    """t leaves [0, 1]; the excess is made for it, as if squares were right there too."""
    moved = rng.normal() * 2.0 ** float(rng.integers(-20, 3))
    j = int(rng.integers(dim))
    alpha, excess = weights[0][j, j], len(weights) - 3
    before = biases[0][j] / alpha
    biases[0][[j, dim + j]] += moved
    after = biases[0][j] / alpha
    shift = biases[0][2 * dim + j]
    weights[excess][:, 1 + j] -= 2 * (after - before)
    biases[excess] += before**2 - after**2 + 2 * (after - before) * shift


def _half(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    biases[0][dim + int(rng.integers(dim))] += rng.normal() * 2.0 ** float(rng.integers(-40, 0))


def _carry(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    j = int(rng.integers(dim))
    weights[0][2 * dim + j, j] *= _amount(rng)


def _shift(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    """A carried coordinate that its ReLU cuts, with the excess made as if it did not."""
    j, excess, tents = int(rng.integers(dim)), len(weights) - 3, len(weights) - 4
    moved = abs(biases[0][2 * dim + j]) * 2.0 ** float(rng.uniform(-1, 3))
    biases[0][2 * dim + j] -= moved
    linear = weights[tents][0, weights[tents].shape[1] - dim + j]
    biases[excess] += moved * (weights[excess][:, 1 + j] + linear)


def _clipped_sum(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    """A constant taken from the sum and given back behind its ReLU."""
    tents, excess = len(weights) - 4, len(weights) - 3
    moved = float(np.abs(biases[excess]).max() + 1) * 2.0 ** float(rng.integers(-8, 4))
    biases[tents][0] -= moved
    biases[excess] += moved


def _lead(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    weights[len(weights) - 3][int(rng.integers(2)), 0] *= _amount(rng)


def _more_neurons(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    """A neuron more in the layer of the sums, read by an excess."""
    tents, excess = len(weights) - 4, len(weights) - 3
    row = np.zeros((1, weights[tents].shape[1]))
    row[0, int(rng.integers(row.shape[1]))] = 1.0
    weights[tents] = np.concatenate([weights[tents], row])
    biases[tents] = np.append(biases[tents], 0.0)
    column = rng.normal(size=(2, 1)) * 2.0 ** float(rng.integers(-10, 4))
    weights[excess] = np.concatenate([weights[excess], column], axis=1)


def _tent(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    """A weight or a bias of a tent."""
    k = int(rng.integers(1, len(weights) - 4))
    row = int(rng.integers(2 * dim))
    if rng.random() < 0.7:
        weights[k][row, [row % dim, dim + row % dim]] *= _amount(rng)
    else:
        biases[k][row] += rng.choice([-1, 1]) * 2.0 ** float(rng.integers(-10, 1))


def _flat_and_negative(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    """A square that hardly depends on x has a great negative weight: as a bound of errors it is of the wrong sign."""
    j, tents, excess = dim - 1, len(weights) - 4, len(weights) - 3
    omega, before = -(2.0 ** float(rng.integers(2, 12))), [w.copy() for w in weights]
    shrunk = 2.0**-30
    weights[0][[j, dim + j], j] *= shrunk
    biases[0][[j, dim + j]] = 0.25, -0.25
    for k in range(1, tents + 1):
        sums = 0 if k == tents else 2 * dim
        weights[k][sums, [j, dim + j]] *= omega / before[1][2 * dim if tents > 1 else 0, dim + j]
    # f_m(1/4) = 1/16 for two tents and more; the sum stays positive.
    biases[tents][0] += -omega
    biases[excess] += omega - omega / 16


def _any_entry(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    k = int(rng.integers(len(weights)))
    places = np.argwhere(weights[k] != 0)
    weights[k][tuple(places[int(rng.integers(len(places)))])] *= _amount(rng)


def _new_entry(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    k = int(rng.integers(len(weights)))
    places = np.argwhere(weights[k] == 0)
    if len(places):
        size = np.abs(weights[k]).max()
        weights[k][tuple(places[int(rng.integers(len(places)))])] = size * rng.normal()


def _any_bias(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    k = int(rng.integers(len(weights)))
    size = max(float(np.abs(biases[k]).max()), float(np.abs(weights[k]).max()))
    biases[k][int(rng.integers(len(biases[k])))] += size * rng.normal() * 2.0 ** float(rng.integers(-10, 3))


def _nothing(weights: Arrays, biases: Arrays, dim: int, rng: np.random.Generator) -> None:
    pass


Change = Callable[[Arrays, Arrays, int, np.random.Generator], None]
CHANGES: dict[str, Change] = {
    "nothing": _nothing,
    "far": _nothing,
    "omega": _omega,
    "offset": _offset,
    "half": _half,
    "carry": _carry,
    "shift": _shift,
    "clipped sum": _clipped_sum,
    "lead": _lead,
    "more neurons": _more_neurons,
    "tent": _tent,
    "flat and negative": _flat_and_negative,
    "any": _any_entry,
    "new": _new_entry,
    "bias": _any_bias,
}
