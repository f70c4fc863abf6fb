"""The exact routes over wild scales: an answer is right, or an error is raised.

Three routes to the truth that share nothing with them: on a line, all kinks over the rationals; in the plane, an SMT
solver over the reals; and closed forms.
"""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from constructions.networks.network import network
from tests.rational import rational_value, rationals
from tests.smt import Query, real
from theory.balls import cells as regions
from theory.balls import exact_minimum
from theory.balls.cells import cells, distance_to_boundary, distance_to_sign
from theory.balls.exact_minimum import minimum_over_ball

TOLERANCE = Fraction(1, 10**6)


def wild_network(rng: np.random.Generator, centre: np.ndarray, radius: float, widths: list[int]) -> Any:
    """Weights between 1e-8 and 1e8, a scale for each layer and one for each neuron, most kinks in the ball."""
    layers: list[tuple[np.ndarray, np.ndarray]] = []
    spread = [0.0, 2.0, 8.0][rng.integers(3)]
    for before, after in pairwise([len(centre), *widths, 1]):
        scale = 10.0 ** np.clip(rng.uniform(-8, 8) + rng.uniform(-spread, spread, (after, 1)), -8, 8)
        weight = rng.normal(size=(after, before)) * scale
        kink = (centre + radius * rng.uniform(-0.9, 0.9, len(centre)) / len(centre)).astype(np.float64)
        value = network(*layers, (weight, np.zeros(after)))(kink[None])[0]
        # Some kinks nearly at one point, some far away from the ball.
        bias = -value * np.array([1.0, 1.0, 1 + 1e-9, 0.5])[rng.integers(4, size=after)]
        layers.append((weight, bias))
    return network(*layers)


def wild_ball(rng: np.random.Generator, dim: int) -> tuple[np.ndarray, float]:
    radius = float(10.0 ** rng.uniform(-9, 3))
    return rng.normal(size=dim) * 10.0 ** rng.uniform(-3, 1) * rng.integers(0, 2), radius


def kinks_on_a_line(f: Any, low: Fraction, high: Fraction) -> tuple[list[Fraction], list[Fraction]]:
    """All points of [low, high] where a neuron changes its phase, and the ends; the values of f there. Exact."""
    points = [low, high]
    for depth in range(1, len(f.layers) + 1):
        part = type(f)(f.layers[:depth])
        values = [rational_value(part, [x]) for x in points]
        if depth == len(f.layers):
            return points, [value for (value,) in values]
        more = {
            a + (b - a) * u / (u - v)
            for (a, left), (b, right) in pairwise(zip(points, values, strict=True))
            for u, v in zip(left, right, strict=True)
            if u * v < 0
        }
        points = sorted({*points, *more})
    raise AssertionError("a network has a last layer")


def line_minimum(f: Any, centre: float, radius: float, sign: int) -> Fraction:
    low, high = Fraction(centre) - Fraction(radius), Fraction(centre) + Fraction(radius)
    return min(sign * value for value in kinks_on_a_line(f, low, high)[1])


def right(value: float, true: Fraction) -> bool:
    """The claim of `minimum_over_ball`, up to the rounding of the value itself."""
    slack = abs(true) / 2**50 + Fraction(1, 2**1070)
    return true - slack <= Fraction(value) <= true + 2 * TOLERANCE * abs(true) + slack


def answers_on_a_line(seeds: range) -> dict[str, int]:
    count = {"right": 0, "wrong": 0, "raised": 0}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        centre, radius = wild_ball(rng, 1)
        f = wild_network(rng, centre, radius, [int(k) for k in rng.integers(1, 5, rng.integers(1, 3))])
        sign, p = int(rng.choice([-1, 1])), float(rng.choice([1.0, np.inf]))
        true = line_minimum(f, float(centre[0]), radius, sign)
        try:
            value, argmin = minimum_over_ball(f.layers, centre, radius, p, np.array([float(sign)]))
        except RuntimeError:
            count["raised"] += 1
            continue
        inside = abs(Fraction(float(argmin[0])) - Fraction(float(centre[0]))) <= Fraction(radius)
        count["right" if right(value, true) and inside else "wrong"] += 1
    return count


def test_no_minimum_on_a_line_is_wrong() -> None:
    count = answers_on_a_line(range(200))
    assert count["wrong"] == 0, count
    assert count["right"] >= 180, count


def test_a_minimum_without_its_proof_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: a solver that lost all neurons, and nobody who asks for a proof."""
    monkeypatch.setattr(exact_minimum, "_solved", lambda task, _: (float(task.value(task.centre)), task.centre))
    assert answers_on_a_line(range(30))["wrong"] == 0
    monkeypatch.setattr(exact_minimum, "proved_minimum", lambda task, best, *_: best)
    assert answers_on_a_line(range(30))["wrong"] > 0


def reaches(f: Any, centre: np.ndarray, radius: float, p: float, sign: int, level: Fraction) -> bool:
    """Whether some real point of the ball has `sign · f <= level`, decided by an SMT solver."""
    query = Query(len(centre))
    query.require(query.within(centre, radius, p), sign * query.outputs(f)[0] <= real(level))
    return query.point() is not None


def answers_in_space(seeds: range) -> dict[str, int]:
    count = {"right": 0, "wrong": 0, "raised": 0}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        dim = int(rng.integers(2, 4))
        centre, radius = wild_ball(rng, dim)
        f = wild_network(rng, centre, radius, [int(k) for k in rng.integers(2, 4, rng.integers(1, 3))])
        sign, p = int(rng.choice([-1, 1])), float(rng.choice([1.0, np.inf]))
        try:
            value, argmin = minimum_over_ball(f.layers, centre, radius, p, np.array([float(sign)]))
        except RuntimeError:
            count["raised"] += 1
            continue
        slack = abs(Fraction(value)) / 2**50 + Fraction(1, 2**1070)
        reached = reaches(f, centre, radius, p, sign, Fraction(value) + slack)
        below = reaches(f, centre, radius, p, sign, Fraction(value) - 2 * TOLERANCE * abs(Fraction(value)) - slack)
        steps = [abs(a - b) for a, b in zip(rationals(argmin), rationals(centre), strict=True)]
        inside = (sum(steps) if p == 1 else max(steps)) <= Fraction(radius)
        count["right" if reached and not below and inside else "wrong"] += 1
    return count


def test_no_minimum_in_space_is_wrong() -> None:
    count = answers_in_space(range(60))
    assert count["wrong"] == 0, count
    assert count["right"] >= 54, count


def right_distance(distance: float, true: Fraction) -> bool:
    return distance < np.inf and abs(Fraction(distance) - true) <= true / 2**50


def distances_on_a_line(seeds: range) -> dict[str, int]:
    """Cells, distances to the boundary and to either sign, against all kinks and zeros within a long interval."""
    count = {"right": 0, "wrong": 0, "raised": 0}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        centre, radius = wild_ball(rng, 1)
        f = wild_network(rng, centre, radius, [int(k) for k in rng.integers(1, 5, rng.integers(1, 3))])
        x = Fraction(float(centre[0]))
        reach = 10**40 * (1 + abs(x))
        points, values = kinks_on_a_line(f, x - reach, x + reach)
        steps = list(pairwise(zip(points, values, strict=True)))
        zeros = [a + (b - a) * u / (u - v) for (a, u), (b, v) in steps if u * v < 0]
        inner = zip(pairwise(values), points[1:-1], values[2:], strict=False)
        zeros += [a for (u, v), a, w in inner if v == 0 and u * w < 0]
        true = {0: min((abs(z - x) for z in zeros), default=None)}
        for sign in (-1, 1):
            # The closure of {sign · f > 0} is the union of the steps with such an end.
            near = []
            for (a, u), (b, v) in steps:
                if max(sign * u, sign * v) > 0:
                    cut = [a + (b - a) * u / (u - v)] if u * v < 0 else []
                    ends = sorted(([a] if sign * u >= 0 else []) + cut + ([b] if sign * v >= 0 else []))
                    near.append(max(ends[0] - x, x - ends[-1], Fraction(0)))
            true[sign] = min(near, default=None)
        p = float(rng.choice([1.0, 2.0, np.inf]))
        try:
            found = cells(f.layers)
            answers = {0: distance_to_boundary(found, centre, p)[0]}
            answers |= {sign: distance_to_sign(found, centre, sign, p) for sign in (-1, 1)}
        except (ValueError, RuntimeError):
            count["raised"] += 1
            continue
        good = all(answers[k] == np.inf if true[k] is None else right_distance(answers[k], true[k]) for k in true)
        count["right" if good else "wrong"] += 1
    return count


def test_no_distance_on_a_line_is_wrong() -> None:
    count = distances_on_a_line(range(150))
    assert count == {"right": 150, "wrong": 0, "raised": 0}


def test_a_distance_without_thin_cells_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: cells without a float inside are dropped."""
    inside = regions._inside

    def floats(rows: Any) -> Any:
        found = inside(rows)
        return None if found is None or any(z != float(z) for z in found) else found

    monkeypatch.setattr(regions, "_inside", floats)
    assert distances_on_a_line(range(150))["wrong"] > 0
