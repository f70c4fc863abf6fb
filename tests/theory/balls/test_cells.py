"""Cells and distances to the decision boundary: closed forms, the definition, and solvers of another kind."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product
from math import comb
from typing import Any

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize, nnls

from constructions.networks.network import ReLUNetwork, network
from tests.rational import rational_value, rationals
from tests.strategies import arrays, dyadic, networks
from theory.balls import cells as regions
from theory.balls.cells import cells, distance_to_boundary, distance_to_sign, has_plateau
from theory.balls.small_margin import affine_distance
from theory.exact.rationals import exact, least_vertex
from theory.witnesses.decision_boundary import plateau_network

# Of the linear solver (feasibility 1e-10 of unit rows) after a few divisions by slopes.
SOLVER = 1e-7
exponents = st.sampled_from([1.0, 2.0, np.inf])
ABSOLUTE_VALUE = network(([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0]))
# -1 below -1, 0 on [-1, 1], 1 above: σ(x - 1) - σ(-x - 1).
DEAD_ZONE = network(([[1.0], [-1.0]], [-1.0, -1.0]), ([[1.0, -1.0]], [0.0]))


def uncovered(f, found, x: np.ndarray) -> list[int]:
    """Rows of x that are in no cell whose sign and affine map are those of f there."""
    missed = []
    for k, (z, value) in enumerate(zip(x, f(x)[:, 0], strict=True)):
        for cell in found:
            # From a point inside along the gradient; rounding of a few dozen terms below 2^10.
            reached = f(cell.inner[None])[0, 0] + cell.gradient @ (z - cell.inner)
            scale = 1 + np.abs(cell.inner).max() + abs(value)
            if (cell.normals @ z <= cell.offsets + SOLVER).all() and abs(reached - value) <= 1e-9 * scale:
                break
        else:
            missed.append(k)
    return missed


@given(networks(outputs=1, max_width=3), st.integers(0, 2**32 - 1))
def test_the_cells_cover_the_space_and_carry_the_affine_pieces(f, seed) -> None:
    rng = np.random.default_rng(seed)
    found = cells(f.layers)
    x = rng.normal(size=(20, f.inputs)) * 10.0 ** rng.integers(-2, 3, (20, 1))
    assert uncovered(f, found, x) == []
    for cell in found:
        (value,) = rational_value(f, rationals(cell.inner))
        assert (value > 0) - (value < 0) == cell.sign
        assert (cell.normals @ cell.inner < cell.offsets + 1e-12).all()


def test_a_missing_cell_is_noticed() -> None:
    f = network(([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]), ([[1.0, -1.0]], [0.5]))
    found = cells(f.layers)
    x = np.array([cell.inner for cell in found])
    assert uncovered(f, found, x) == []
    for k in range(len(found)):
        assert uncovered(f, found[:k] + found[k + 1 :], x) == [k]
    # And one with a wrong gradient.
    wrong = replace(found[0], gradient=found[0].gradient + 1)
    assert uncovered(f, (wrong, *found[1:]), x + 0.01) == [0]


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_hyperplanes_in_general_position_have_the_known_number_of_regions(n, d, seed) -> None:
    # Schläfli, Buck: Σ_{k <= d} C(n, k). The output is constant, so that it cuts nothing.
    rng = np.random.default_rng(seed)
    f = network((rng.normal(size=(n, d)), rng.normal(size=n)), (np.zeros((1, n)), [1.0]))
    assert len(cells(f.layers)) == sum(comb(n, k) for k in range(d + 1))


@given(st.data(), st.integers(1, 4), exponents)
def test_an_affine_network_has_the_distance_of_its_closed_form(data, d, p) -> None:
    f = network((data.draw(arrays((1, d))), data.draw(arrays((1,)))))
    x = data.draw(arrays((d,)))
    distance, point = distance_to_boundary(cells(f.layers), x, p)
    (layer,) = f.layers
    expected = abs(affine_distance(layer.weight, layer.bias, x[None], np.array([1]), p)[0])
    if not layer.weight.any():
        assert distance == np.inf
        return
    assert abs(distance - expected) <= SOLVER
    assert abs(f(point[None])[0, 0]) <= SOLVER


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_known_boundaries(p) -> None:
    def boundary(f, *x) -> float:
        return distance_to_boundary(cells(f.layers), np.array(x), p)[0]

    # Zeros without a change of sign, a plateau between the signs, a plateau beside one sign.
    assert boundary(ABSOLUTE_VALUE, 3.0) == np.inf
    assert boundary(DEAD_ZONE, 3.0) == np.inf
    assert boundary(network(([[1.0]], [0.0]), ([[1.0]], [0.0])), 3.0) == np.inf
    assert has_plateau(cells(DEAD_ZONE.layers))
    assert not has_plateau(cells(ABSOLUTE_VALUE.layers))
    assert abs(distance_to_sign(cells(DEAD_ZONE.layers), np.array([3.0]), -1, p) - 4.0) <= SOLVER
    assert distance_to_sign(cells(ABSOLUTE_VALUE.layers), np.array([3.0]), -1, p) == np.inf
    # x_1 - |x_2|: the boundary is the two half lines, nearest from (0, 2) at (1, 1), from (-3, 0) at 0.
    wedge = network(
        ([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], np.zeros(4)), ([[1.0, -1.0, -1.0, -1.0]], [0.0])
    )
    assert abs(boundary(wedge, 0.0, 2.0) - {1.0: 2.0, 2.0: 2**0.5, np.inf: 1.0}[p]) <= SOLVER
    assert abs(boundary(wedge, -3.0, 0.0) - 3.0) <= SOLVER
    assert abs(boundary(wedge, 0.0, 0.0)) <= SOLVER
    # The plateau that closes at |t| = 1/2, from several sides of it.
    layers = plateau_network(p).layers
    for x in ([21 / 32, 0.5], [0.5, 0.5], [0.25, 0.75], [0.75, 1.5]):
        s, t = abs(x[0] - 0.5), max(0.5 - abs(x[1] - 0.5), 0.0)
        reach = distance_to_boundary(cells(layers), np.array(x), p)[0]
        assert abs(reach - np.linalg.norm([s, t], p)) <= SOLVER


def zeros_with_a_change_of_sign(f, low: int, high: int, steps: int) -> list[Fraction]:
    """The definition on a line: walk over the grid `k / steps`, the values exact; between two neighbours f is affine
    if the grid contains all kinks, so the zeros with both signs beside them are all found."""
    grid = [Fraction(k, steps) for k in range(low * steps, high * steps + 1)]
    values = [rational_value(f, [z])[0] for z in grid]
    found = []
    for k in range(1, len(grid) - 1):
        if values[k] == 0 and values[k - 1] * values[k + 1] < 0:
            found.append(grid[k])
    for k in range(1, len(grid)):
        if values[k - 1] * values[k] < 0:
            slope = (values[k] - values[k - 1]) * steps
            found.append(grid[k - 1] - values[k - 1] / slope)
    return found


@pytest.mark.statement("definition-decision-boundary", form="repaired")
@given(st.data())
def test_on_a_line_the_boundary_is_the_definition(data) -> None:
    # Slopes ±1, ±1/2 ahead of one hidden layer and biases on a grid: every kink is a multiple of 1/4 in [-4, 4].
    width = data.draw(st.integers(1, 4))
    slopes = data.draw(st.lists(st.sampled_from([1.0, -1.0, 0.5, -0.5]), min_size=width, max_size=width))
    f = network(
        (np.array(slopes)[:, None], data.draw(arrays((width,), dyadic(-2, 2, 2)))),
        (data.draw(arrays((1, width))), data.draw(arrays((1,)))),
    )
    zeros = zeros_with_a_change_of_sign(f, -5, 5, 4)
    found = cells(f.layers)
    x = data.draw(dyadic(-4, 4, 3))
    distance = distance_to_boundary(found, np.array([x]), 2.0)[0]
    expected = min((abs(zero - Fraction(x)) for zero in zeros), default=None)
    # Outside [-5, 5] f is affine; a zero there is farther than one inside may be.
    if expected is not None and expected <= 5 - abs(x):
        assert abs(distance - float(expected)) <= SOLVER
    else:
        assert distance >= 5 - abs(x) - SOLVER


@pytest.mark.statement("definition-decision-boundary", form="repaired")
@given(st.data(), networks(outputs=1, max_width=3), exponents)
def test_the_nearest_point_is_in_the_boundary_by_its_definition(data, f, p) -> None:
    """A zero, and both signs in every neighbourhood: from there straight into a positive and a negative cell."""
    x = data.draw(arrays((f.inputs,)))
    found = cells(f.layers)
    distance, point = distance_to_boundary(found, x, p)
    if distance == np.inf:
        return
    assert abs(np.linalg.norm(point - x, p) - distance) <= SOLVER
    scale = 1 + np.abs(point).max()
    for sign in (1, -1):
        touching = [c for c in found if c.sign == sign and (c.normals @ point <= c.offsets + SOLVER * scale).all()]
        assert touching
        # Within 1e-3 of the point, along the segment to the inside; its first part is lost to rounding of the point.
        near = [point + 1e-3 * (c.inner - point) / (1 + np.abs(c.inner - point).max()) for c in touching]
        assert max(sign * f(z[None])[0, 0] for z in near) > 0
    assert abs(f(point[None])[0, 0]) <= SOLVER * scale * 100


@given(st.integers(1, 4), st.integers(1, 7), st.integers(0, 2**32 - 1), exponents)
def test_the_distance_of_a_polyhedron_against_another_solver(d, rows, seed, p) -> None:
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(rows, d))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    # 0 is inside, x outside, so there is a nearest point.
    offsets, x = rng.random(rows), 3 * rng.normal(size=d)
    distance, point = regions._nearest(normals, offsets, x, p)
    assert (normals @ point <= offsets + SOLVER).all()
    assert abs(np.linalg.norm(point - x, p) - distance) <= SOLVER
    # Sequential quadratic programming for p = 2; for any p no point of the segment to 0 or near `point` is better.
    if p == 2:
        other = minimize(
            lambda z: ((z - x) ** 2).sum(),
            np.zeros(d),
            jac=lambda z: 2 * (z - x),
            constraints={"type": "ineq", "fun": lambda z: offsets - normals @ z, "jac": lambda z: -normals},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert abs(np.linalg.norm(other.x - x) - distance) <= 1e-5
    tried = point + rng.normal(size=(300, d)) * 10.0 ** rng.integers(-4, 1, (300, 1))
    tried = tried[(tried @ normals.T <= offsets).all(axis=1)]
    assert (np.linalg.norm(tried - x, p, axis=1) >= distance - SOLVER).all()


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_an_empty_polyhedron_is_infinitely_far(p) -> None:
    normals, offsets = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([-1.0, -1.0])
    assert regions._nearest(normals, offsets, np.zeros(2), p)[0] == np.inf
    # One that is a single point has a distance.
    corner = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), np.array([1.0, -1.0, 2.0, -2.0])
    assert abs(regions._nearest(*corner, np.zeros(2), p)[0] - {1.0: 3.0, 2.0: 5**0.5, np.inf: 2.0}[p]) <= SOLVER


def test_pairs_of_cells_are_not_skipped_wrongly(monkeypatch) -> None:
    # Planted fault: a bound that is twice too large stops before the nearest pair.
    rng = np.random.default_rng(3)
    nets = [network((rng.normal(size=(4, 2)), rng.normal(size=4)), (rng.normal(size=(1, 4)), [0.1])) for _ in range(20)]
    found = [cells(f.layers) for f in nets]
    sound = [distance_to_boundary(c, np.zeros(2), 2.0)[0] for c in found]
    every = [
        min(
            regions._nearest(*regions._below(a.rows + b.rows), np.zeros(2), 2.0)[0]
            for a in c
            for b in c
            if a.sign > 0 > b.sign
        )
        if len({cell.sign for cell in c}) == 2
        else np.inf
        for c in found
    ]
    assert sound == every
    nearest = regions._nearest

    def far_cells(normals, offsets, x, p) -> tuple[float, np.ndarray]:
        reach, point = nearest(normals, offsets, x, p)
        return (reach if len(normals) > 5 else 40 * reach), point

    monkeypatch.setattr(regions, "_nearest", far_cells)
    assert [distance_to_boundary(c, np.zeros(2), 2.0)[0] for c in found] != sound


def spike(width: float) -> ReLUNetwork:
    """1/2 at 1/2 + width, falling to -1/2 within the width on either side: exact for powers of two."""
    return network(
        ([[1.0]] * 3, [-0.5, -(0.5 + width), -(0.5 + 2 * width)]), ([[1 / width, -2 / width, 1 / width]], [-0.5])
    )


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("width", [2.0**-10, 2.0**-22, 2.0**-31, 2.0**-34, 2.0**-50])
def test_a_thin_spike_is_found(width, p) -> None:
    found = cells(spike(width).layers)
    assert [cell.sign for cell in sorted(found, key=lambda cell: cell.inside[0])] == [-1, -1, 1, 1, -1, -1]
    assert distance_to_boundary(found, np.zeros(1), p)[0] == 0.5 + width / 2
    assert distance_to_sign(found, np.zeros(1), 1, p) == 0.5 + width / 2
    assert distance_to_sign(found, np.array([0.5 + width]), -1, p) == width / 2
    # From the far side, to a number that is no float.
    reach = Fraction(3) - (Fraction(0.5) + 3 * Fraction(width) / 2)
    assert abs(Fraction(distance_to_boundary(found, np.array([3.0]), p)[0]) - reach) <= reach / 2**52


def test_a_cell_without_any_float_inside() -> None:
    # f = 3x - 1 less twice its part above 1/2^60: positive between 1/3 and 1/3 + 2^-60 · 2/3, where there is no float.
    top = 2.0**-60
    f = network(([[3.0], [3.0]], [-1.0, -1.0]), ([[1.0, 0.0]], [-top]))
    thin = network(([[3.0]], [-1.0]), ([[1.0], [1.0]], [0.0, -top]), ([[1.0, -2.0]], [0.0]))
    assert [cell.sign for cell in sorted(cells(f.layers), key=lambda cell: cell.inside[0])] == [-1, -1, 1]
    found = cells(thin.layers)
    between = [cell for cell in found if cell.sign > 0]
    for cell in between:
        assert 0 < 3 * cell.inside[0] - 1 < 2 * Fraction(top)
        assert all(normal @ cell.inside + offset > 0 for normal, offset in cell.rows)
        assert cell.inner == np.array([1 / 3])
        assert [rational_value(thin, list(cell.inside))[0] > 0] == [True]
    assert len(between) == 2
    assert distance_to_boundary(found, np.array([1.0]), 2.0)[0] == float(Fraction(2, 3) - 2 * Fraction(top) / 3)


def test_two_kinks_that_differ_by_a_rounding_have_a_cell_between_them() -> None:
    found = cells(network(([[1.0], [1.0]], [0.0, 1e-7]), ([[1.0, -2.0]], [-1.0])).layers)
    assert [cell.gradient.tolist() for cell in sorted(found, key=lambda cell: cell.inside[0])] == [
        [0.0],
        [-2.0],
        [-1.0],
    ]


@given(st.integers(1, 3), st.integers(1, 6), st.integers(0, 2**32 - 1), exponents)
def test_the_nearest_point_has_a_rational_certificate(d, rows, seed, p) -> None:
    """Coarse polyhedra, often degenerate or empty: the emptiness against `linprog`, the least step against its dual."""
    rng = np.random.default_rng(seed)
    normals, room = rng.integers(-2, 3, (rows, d)).astype(float), rng.integers(-3, 4, rows).astype(float)
    least = regions._least_step_2 if p == 2 else lambda a, b: regions._least_step(a, b, p)
    step = least(exact(normals), exact(room))
    known = linprog(np.zeros(d), A_ub=normals, b_ub=room, bounds=(None, None))
    assert (step is None) == (known.status == 2)
    if step is None:
        return
    assert (exact(normals) @ step <= exact(room)).all()
    # Every feasible point of a grid is at least as far: exact, since the coordinates are multiples of 1/4.
    grid = np.stack(np.meshgrid(*[np.arange(-3, 3.25, 0.25 if d < 3 else 0.5)] * d), axis=-1).reshape(-1, d)
    grid = grid[(grid @ normals.T <= room).all(axis=1)]
    assert (np.linalg.norm(grid, p, axis=1) >= np.linalg.norm(step.astype(float), p) * (1 - 1e-15)).all()
    if p == 2 and (step != 0).any():  # Kuhn and Tucker: -step is in the cone of the rows that hold with equality.
        tight = normals[[bool(b == a @ step) for a, b in zip(exact(normals), exact(room), strict=True)]]
        assert nnls(tight.T, -step.astype(float))[1] <= 1e-9


def test_a_cell_that_is_lost_is_noticed(monkeypatch) -> None:
    # Planted fault: what holds no ball of radius 1e-9 is taken for empty.
    inside = regions._inside

    def coarse(rows) -> np.ndarray | None:
        found = inside(rows)
        normals, offsets = regions._below(rows)
        room = None if found is None else (offsets - normals @ found) / np.abs(normals).sum(axis=1)
        return found if room is not None and min(room) > 1e-9 else None

    monkeypatch.setattr(regions, "_inside", coarse)
    assert distance_to_boundary(cells(spike(2.0**-22).layers), np.zeros(1), 2.0)[0] == 0.5 + 2.0**-23
    assert distance_to_boundary(cells(spike(2.0**-34).layers), np.zeros(1), 2.0)[0] == np.inf


# -- p = 2 among integers that no float holds


def nearly_parallel(count: int) -> Iterator[tuple[Any, np.ndarray]]:
    """Networks on the plane with two kinks that differ by a few last bits, and a point: wedges between them."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        a = rng.random(2) + 0.5
        first, biases = np.array([[a[0], rng.random()], [rng.random(), a[1]]]), rng.random(2)
        one = np.array([rng.random() + 0.5, -rng.random() - 0.5])
        two = one.copy()
        for _ in range(int(rng.integers(1, 3))):
            two[0] = np.nextafter(two[0], 0)
        rise = float(rng.choice([1e-15, 1e-14, 1e-13, 1e-12]))
        f = network((first, biases), (np.vstack([one, two]), [0.0, rise]), ([[1.0, -1e6]], [0.0]))
        yield f, rng.random(2) * 2


def out_of_order(cases: list[tuple[Any, np.ndarray]], sign: int = 1) -> list[int]:
    """Where not `dist_inf <= dist_2 <= √d dist_inf`, up to three roundings."""
    wrong = []
    for k, (f, x) in enumerate(cases):
        found = cells(f.layers)
        two, largest = (distance_to_sign(found, x, sign, p) for p in (2, np.inf))
        room = 1 + 2.0**-50
        if not largest <= two * room or not two <= len(x) ** 0.5 * largest * room:
            wrong.append(k)
    return wrong


def test_distances_to_wedges_are_in_the_order_of_their_norms() -> None:
    assert out_of_order(list(nearly_parallel(300))) == []


def test_an_integer_that_is_rounded_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Planted fault: what no float holds is rounded to one.
    rounded = np.frompyfunc(lambda value: value if isinstance(value, Fraction) else Fraction(float(value)), 1, 1)
    monkeypatch.setattr(regions, "exact", lambda values: np.asarray(rounded(values), dtype=object))
    assert len(out_of_order(list(nearly_parallel(30)))) > 10


def squared_distance_to_positive(f: Any, x: np.ndarray) -> Fraction | None:
    """The square of `dist_2(x, {f > 0})` on the plane, by no solver: of every sign pattern the corners of its polygon,
    which is cut to a large square; x, its feet on all lines and all corners are tried."""
    start, wide = rationals(x), Fraction(2**60)
    square = [([s * Fraction(j == k) for j in range(2)], wide) for k in range(2) for s in (1, -1)]
    best = None
    for signs in product((1, 0), repeat=sum(f.widths[1:-1])):
        forms: list[tuple[list[Fraction], Fraction]] = [([Fraction(1), Fraction(0)], Fraction(0))]
        forms.append(([Fraction(0), Fraction(1)], Fraction(0)))
        sides, rest = list(square), list(signs)
        for k, layer in enumerate(f.layers):
            before = [
                (
                    [sum(Fraction(w) * g[j] for w, (g, _) in zip(row, forms, strict=True)) for j in range(2)],
                    sum(Fraction(w) * c for w, (_, c) in zip(row, forms, strict=True)) + Fraction(b),
                )
                for row, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
            ]
            if k == f.depth - 1:
                forms = before
                break
            on, rest = rest[: len(before)], rest[len(before) :]
            sides += [(g, c) if s else ([-g[0], -g[1]], -c) for s, (g, c) in zip(on, before, strict=True)]
            forms = [(g, c) if s else ([Fraction(0)] * 2, Fraction(0)) for s, (g, c) in zip(on, before, strict=True)]
        (top,) = forms
        if max((at(top, z) for z in corners(sides) if holds(sides, z)), default=Fraction(0)) <= 0:
            continue
        sides.append(top)
        for z in [start, *(foot(side, start) for side in sides if any(side[0])), *corners(sides)]:
            if holds(sides, z):
                square_of_length = sum(((a - b) ** 2 for a, b in zip(z, start, strict=True)), Fraction(0))
                best = square_of_length if best is None else min(best, square_of_length)
    return best


def at(side: tuple[list[Fraction], Fraction], z: list[Fraction]) -> Fraction:
    return side[0][0] * z[0] + side[0][1] * z[1] + side[1]


def holds(sides: list[tuple[list[Fraction], Fraction]], z: list[Fraction]) -> bool:
    return all(at(side, z) >= 0 for side in sides)


def foot(side: tuple[list[Fraction], Fraction], z: list[Fraction]) -> list[Fraction]:
    step = at(side, z) / (side[0][0] ** 2 + side[0][1] ** 2)
    return [z[j] - step * side[0][j] for j in range(2)]


def corners(sides: list[tuple[list[Fraction], Fraction]]) -> list[list[Fraction]]:
    met = []
    for (g, c), (h, e) in combinations(sides, 2):
        determinant = g[0] * h[1] - g[1] * h[0]
        if determinant:
            met.append([(g[1] * e - c * h[1]) / determinant, (c * h[0] - g[0] * e) / determinant])
    return met


def test_distances_to_wedges_are_those_of_an_enumeration() -> None:
    cases = list(nearly_parallel(179))
    for k in (*range(12), 170, 178):
        f, x = cases[k]
        expected = squared_distance_to_positive(f, x)
        assert expected is not None
        found = cells(f.layers)
        distance = distance_to_sign(found, x, 1, 2)
        assert abs(Fraction(distance) ** 2 - expected) <= expected / 2**50
        # The boundary is in the closure of {f > 0}.
        assert distance_to_boundary(found, x, 2)[0] >= distance
    f, x = cases[1]
    assert abs(distance_to_boundary(cells(f.layers), x, 2)[0] - 89.73951707826438) <= 1e-12


def test_on_a_line_all_norms_are_one_at_every_scale() -> None:
    """Weights between 2^-500 and 2^500: the integers in their proportions are beyond every float."""
    rng = np.random.default_rng(1)
    compared = 0
    for _ in range(300):
        w, b, v, c = rng.choice([-1, 1], 4) * (1 + rng.random(4)) * 2.0 ** rng.integers(-500, 500, 4)
        x = np.array([rng.normal() * 2.0 ** rng.integers(-1000, 500)])
        try:
            found = cells(network(([[w]], [b]), ([[v]], [c])).layers)
        except ValueError:
            continue  # a cell beyond the range of float64
        for sign in (1, -1):
            one, two, largest = (distance_to_sign(found, x, sign, p) for p in (1, 2, np.inf))
            assert one == largest
            assert two == one or abs(two - one) <= one * 2.0**-51
            compared += 0 < one < np.inf
    assert compared > 50


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Let the functions' own checks speak: the shape annotations would refuse these calls first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


class Layer:
    def __init__(self, weight, bias) -> None:
        self.weight, self.bias = np.array(weight), np.array(bias)


LINE = cells(network(([[1.0, 1.0]], [0.0])).layers)
STEEP = network(([[1e200], [-1e200]], [0.0, 0.0]), ([[1e200, -1e200]], [0.0]))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cells([]), "at least one layer"),
        (lambda: cells([Layer([[1.0], [1.0]], [0.0, 0.0])]), "one output, got 2"),
        (lambda: cells([Layer([[1.0, 2.0]], [0.0, 0.0])]), "layers that fit"),
        (lambda: cells([Layer([[1.0]], [0.0]), Layer([[1.0, 1.0]], [0.0])]), "layers that fit"),
        (lambda: cells([Layer([[np.inf]], [0.0])]), "finite weights"),
        (lambda: cells([Layer([[1.0]], [np.nan])]), "finite weights"),
        (lambda: cells([Layer(np.ones((21, 1)), np.zeros(21)), Layer(np.ones((1, 21)), [0.0])]), "20 ReLUs, got 21"),
        (lambda: cells(STEEP.layers), "beyond the range of float64"),
        (
            lambda: distance_to_boundary(LINE, np.full(2, 1.5e308), 1.0),
            "distance to a cell is beyond",
        ),
        (lambda: least_vertex(exact(np.array([-1.0])), exact(np.eye(1)), exact(np.ones(1))), "costs >= 0, got -1"),
        (lambda: distance_to_boundary(LINE, np.zeros(2), 3.0), "p = 1, 2 or inf, got p=3.0"),
        (lambda: distance_to_boundary(LINE, np.zeros(2), 0.5), "got p=0.5"),
        (lambda: distance_to_boundary(LINE, np.zeros(2), np.nan), "got p=nan"),
        (lambda: distance_to_boundary(LINE, np.zeros(3), 2.0), r"shape \(2,\)"),
        (lambda: distance_to_boundary(LINE, np.array([0.0, np.nan]), 2.0), "finite coordinates"),
        (lambda: distance_to_boundary((), np.zeros(2), 2.0), "cells of a network, got none"),
        (lambda: distance_to_sign(LINE, np.zeros(2), 0, 2.0), "sign needs to be -1 or 1, got 0"),
    ],
)
def test_bad_calls(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
