"""Right on all of every ball: decided by Z3 for small networks of the other constructions, weights as they are.

Z3 is asked for a point of the ball with a margin below that of the claim. The discs of the compact networks (p = 2) are
not linear: it looks in a polygon of 16 sides around each, which is more than is claimed, and beyond the plane rules of
p = 2 have to be right on the cube. Compact networks of more than two coordinates are left out.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import z3

from constructions import (
    Affine,
    IntegerNetwork,
    ReLUNetwork,
    code_memorizer,
    compact_memorizer,
    max_tree_memorizer,
    narrow_deep_memorizer,
    rule_memorizer,
)
from constructions.compact.lipschitz import GroupSort
from tests.constructions.bits.test_network import value
from tests.rational import is_inside, rational_value, rationals
from tests.smt import Query, grid_points, normals, real
from theory import separation

# What is built: to be right with at least this margin, or for 0 with a positive one.
Built = tuple[Any, float]


def sample(dim: int, size: int, classes: int, p: float, base: int = 16) -> tuple[np.ndarray, np.ndarray, float]:
    """Whole multiples of `1 / base` in the unit cube, labels, and their separation."""
    labels = np.resize([-1, 1] if classes == 2 else np.arange(classes), size)
    points = grid_points(np.random.default_rng([dim, size, classes, base]), labels, dim, base)
    return points, labels, float(separation(points, labels, p).distance)


def rules(dim: int, classes: int, p: float) -> Built:
    """With γ a power of two and dyadic thresholds no weight is rounded, and the margin is 1/2."""
    points, labels, _ = sample(dim, 6, classes, p)
    return rule_memorizer(points, labels, radius=2.0**-6, p=p, shell=2.0**-7), 0.5


def rounded_rules(dim: int, classes: int, p: float) -> Built:
    points, labels, apart = sample(dim, 6, classes, p, base=10)
    return rule_memorizer(points, labels, radius=apart / 5, p=p), 0


def codes(dim: int, classes: int, p: float) -> Built:
    points, labels, _ = sample(dim, 4, classes, p)
    return code_memorizer(points, labels, radius=2.0**-6, p=p), 1


def max_tree(dim: int, classes: int, p: float) -> Built:
    points, labels, apart = sample(dim, 4, classes, p)
    return max_tree_memorizer(points, labels, radius=apart / 4), 0


def narrow_deep(dim: int, classes: int, p: float) -> Built:
    points, labels, apart = sample(dim, 4, classes, p)
    return narrow_deep_memorizer(points, labels, radius=apart / 4), 0


def compact(labels: list[int]) -> Built:
    """A classifier by the first coordinate, `1.2 x_1 - 0.6` as the sum of the maximum and minimum of two features."""
    classes = len(set(labels))
    points = np.array([[1 / 8, 1 / 2], [7 / 8, 1 / 4], [7 / 8, 7 / 8], [1 / 8, 1 / 8]])
    first = Affine(np.array([[3, 4], [3, -4]]) / 5, np.zeros(2))
    last = Affine(np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]][:classes]), np.array([0.0, -0.6, -1.0][:classes]))
    clean = GroupSort((first, last))
    return compact_memorizer(points, labels, radius=1 / 16, features=2, hidden=(), coordinates=2, clean=clean), 0


SMALL = list(itertools.product((1, 2, 3), (2, 3)))
CASES: list[tuple[Callable[..., Built], tuple[Any, ...]]] = [
    *((builder, (*dims, p)) for builder in (rules, rounded_rules) for dims in SMALL for p in (1.0, 2.0, math.inf)),
    *((codes, (*dims, math.inf)) for dims in SMALL),
    *((builder, (dim, 2, math.inf)) for builder in (max_tree, narrow_deep) for dim in (1, 2, 3)),
    # With no ball of its own, with one, with two, and with one and three classes.
    *((compact, (labels,)) for labels in ([-1, 1, 1, -1], [-1, 1, 1, 1], [-1, 1, -1, 1], [0, 1, 1, 2])),
]
# On which the first weight of the first layer matters too.
FIRST_TOO = (rules, rounded_rules, codes)


def wrong(built: Any, i: int, margin: float, network: Any = None, radius: float | None = None) -> list | None:
    """A point of the ball of point i, or next to it for p = 2, with less than the margin; None if there is none."""
    task = built.task
    centre, code = task.sample.points[i], int(task.sample.codes[i])
    radius = task.radius if radius is None else radius
    query = Query(len(centre))
    if task.p == 2 and len(centre) == 2:
        query.require(query.around(centre, radius))
    else:
        query.require(query.within(centre, radius, math.inf if task.p == 2 else task.p))
    least = margins(query.outputs(network or built.network), code)
    query.require(z3.Or([m < real(margin) if margin else m <= 0 for m in least]))
    return query.point()


def margins(outputs: list[Any], code: int) -> list[Any]:
    if len(outputs) == 1:
        return [code * outputs[0]]
    return [outputs[code] - f for c, f in enumerate(outputs) if c != code]


def found(built: Any, margin: float, network: Any, radius: float | None = None) -> bool:
    """Whether there is such a point, one that rational arithmetic confirms; for p = 2 that much next to the ball."""
    task = built.task
    for i, (centre, code) in enumerate(zip(task.sample.points, task.sample.codes.tolist(), strict=True)):
        x = wrong(built, i, margin, network, radius)
        if x is not None:
            steps = [abs(a - b) for a, b in zip(x, rationals(centre), strict=True)]
            room = (1, 33 / 32, 2)[len(x) - 1] if task.p == 2 else 1
            assert is_inside(steps, room * (task.radius if radius is None else radius), task.p)
            outputs = value(network, x) if isinstance(network, IntegerNetwork) else rational_value(network, x)
            least = min(margins(outputs, code))
            assert least < Fraction(margin) if margin else least <= 0
            return True
    return False


def flipped(network: Any, k: int, number: int = 0) -> Any:
    """The sign of the first weight of a layer, or of another by its number (of floats)."""
    layers = list(network.layers)
    if isinstance(network, IntegerNetwork):
        rows = list(layers[k].rows)
        row = next(r for r, weights in enumerate(rows) if weights)
        (column, weight), *rest = rows[row]
        rows[row] = ((column, -weight), *rest)
        layers[k] = replace(layers[k], rows=tuple(rows))
        return IntegerNetwork(tuple(layers), network.classes)
    weight = layers[k].weight
    weight = weight.copy() if isinstance(weight, np.ndarray) else weight.toarray()
    row, column = np.argwhere(weight)[number]
    weight[row, column] *= -1
    layers[k] = Affine(weight, layers[k].bias)
    return ReLUNetwork(tuple(layers), network.classes)


def shifted(network: Any, k: int, shift: int) -> Any:
    """The first bias of a layer."""
    layers, layer = list(network.layers), network.layers[k]
    if isinstance(network, IntegerNetwork):
        layers[k] = replace(layer, bias=(layer.bias[0] + shift, *layer.bias[1:]))
        return IntegerNetwork(tuple(layers), network.classes)
    layers[k] = Affine(layer.weight, layer.bias + shift * (np.arange(layer.outputs) == 0))
    return ReLUNetwork(tuple(layers), network.classes)


def named(value: Any) -> str:
    return value.__name__ if callable(value) else "-".join(map(str, value))


@pytest.mark.parametrize(("builder", "arguments"), CASES, ids=named)
def test_no_point_of_a_ball_is_wrong(builder: Callable[..., Built], arguments: tuple[Any, ...]) -> None:
    built, margin = builder(*arguments)
    for i in range(len(built.task.sample.points)):
        assert wrong(built, i, margin) is None


@pytest.mark.parametrize(("builder", "arguments"), CASES, ids=named)
def test_balls_of_two_labels_that_meet_are_wrong(builder: Callable[..., Built], arguments: tuple[Any, ...]) -> None:
    built, margin = builder(*arguments)
    assert found(built, margin, built.network, built.task.separation)


@pytest.mark.parametrize(("builder", "arguments"), CASES, ids=named)
def test_a_flipped_sign_is_found(builder: Callable[..., Built], arguments: tuple[Any, ...]) -> None:
    """In the last layer and, where it matters, the first: in compact networks one of the coordinates may not."""
    built, margin = builder(*arguments)
    assert found(built, margin, flipped(built.network, -1))
    if builder is compact:
        assert any(found(built, margin, flipped(built.network, 0, number)) for number in (0, 1))
    elif builder in FIRST_TOO:
        assert found(built, margin, flipped(built.network, 0))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_shifted_bias_is_found(dim: int, classes: int) -> None:
    """In the last layer of integers, by 1, their margin; in the first of rules by 2^9, the cube over γ / 4."""
    built, margin = codes(dim, classes, math.inf)
    assert found(built, margin, shifted(built.network, -1, -1))
    built, margin = rules(dim, classes, 1.0)
    assert any(found(built, margin, shifted(built.network, 0, shift)) for shift in (-(2**9), 2**9))


def test_a_network_that_is_right_at_the_points_alone_is_wrong() -> None:
    """Near the edge of one ball, by 2^-30."""
    points, labels = np.array([[0.0], [1.0]]), [-1, 1]
    built = rule_memorizer(points, labels, radius=2.0**-6, p=math.inf, shell=2.0**-7)
    edge = 2.0**-6
    line = ReLUNetwork((Affine(np.ones((1, 1)), np.array([-edge])), Affine(np.ones((1, 1)), np.array([-(2.0**-30)]))))
    assert not found(built, 0, line)
    beyond = ReLUNetwork((Affine(np.ones((1, 1)), np.array([-edge + 2.0**-29])), line.layers[1]))
    assert found(built, 0, beyond)


def test_the_polygon_is_around_the_disc() -> None:
    """Sides at distance 1 of the centre, and next to it: see `found`."""
    assert all(a * a + b * b == 1 for a, b in normals())
    assert len(set(normals())) == 16


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_balls_are_asked_for_with_their_edge(dim: int, p: float) -> None:
    """Nothing is proved of what a question leaves out: on a grid it has the ball, its edge, and what is beyond."""
    grid = [Fraction(k, 4) for k in ((-5, -4, -2, 0, 1, 3, 4) if dim < 3 else (-4, -2, 0, 1, 4))]
    for steps in itertools.product(grid, repeat=dim):
        x = [Fraction(1, 2) + step for step in steps]
        sizes = [abs(s) for s in steps]
        norm = max(sizes) if p == math.inf else sum(s ** int(p) for s in sizes)
        for side, expected in (("within", norm <= 1), ("beyond", norm >= 1)):
            if side == "within" or p != 2:
                query = Query(dim)
                query.require(*[v == real(c) for v, c in zip(query.x, x, strict=True)])
                query.require(getattr(query, side)([0.5] * dim, 1, p))
                assert (query.point() is not None) == expected
