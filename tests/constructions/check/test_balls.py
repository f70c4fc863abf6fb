"""Balls as the checker reads them from weights, and how far functions of one coordinate are from squares, exactly."""

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork
from constructions.check import balls as module
from constructions.check.balls import read_balls, square_error
from constructions.check.files import Layer
from constructions.pieces.square import interpolated_square, sum_of_squares
from tests.constructions.check.test_exact import layer, layers_of

Weights = list[tuple[list[list[float]], list[float]]]


def hand_made() -> Weights:
    """u of two inputs; (φ_1, φ_2, u_1, u_2); (φ_1 + φ_2, φ_1, u_1, u_2); balls of both and of the first; one output."""
    return [
        ([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]),
        # φ(u) = σ(u) + 2 σ(u - 1), which is u² at 0, 1 and 2.
        ([[1.0, 0], [1, 0], [0, 1], [0, 1], [1, 0], [0, 1]], [0.0, -1, 0, -1, 0, 0]),
        ([[1.0, 2, 0, 0, 0, 0], [0, 0, 1, 2, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]], [0.0] * 4),
        ([[1.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], [0.0] * 4),
        ([[-1.0, 0, 2, 3], [0, -1, 1, 0]], [0.5, 0.25]),
        ([[1.0, -1.0]], [0.0]),
    ]


def layers(weights: Weights) -> list[Layer]:
    return [layer(w, b) for w, b in weights]


def test_hand_made_balls_are_read() -> None:
    found = read_balls(layers(hand_made()))
    assert (found.rows.tolist(), found.layer, found.coordinates.tolist()) == ([0, 1], 0, [0, 1])
    assert found.member.tolist() == [[1, 1], [1, 0]]
    assert found.twice.tolist() == [[2, 3], [1, 0]]
    assert found.bias.tolist() == [0.5, 0.25]
    for square in found.squares:
        assert square_error(square, 2.0) == (pytest.approx(0, abs=1e-300), pytest.approx(0.25))


def entry(k: int, *entries: tuple[int, int, float]) -> Callable[[Weights], None]:
    def change(weights: Weights) -> None:
        for row, column, value in entries:
            weights[k][0][row][column] = value

    return change


def bias(k: int, row: int, value: float) -> Callable[[Weights], None]:
    def change(weights: Weights) -> None:
        weights[k][1][row] = value

    return change


def both(*changes: Callable[[Weights], None]) -> Callable[[Weights], None]:
    def change(weights: Weights) -> None:
        for other in changes:
            other(weights)

    return change


@pytest.mark.parametrize(
    "change",
    [
        # Sums with other weights, a bias, or of what depends on two coordinates.
        entry(3, (0, 1, 2.0)),
        entry(3, (0, 1, -1.0)),
        bias(3, 0, -0.5),
        bias(3, 2, 0.5),
        entry(2, (0, 5, 0.5)),
        # A square that counts twice, is added, or is subtracted twice.
        entry(4, (0, 1, -1.0)),
        entry(4, (0, 0, 1.0)),
        entry(4, (0, 0, -2.0)),
        # A coordinate outside of the sum.
        entry(4, (1, 3, 1.0)),
        # Carried otherwise: another factor, a bias, and so a second function of the coordinate.
        entry(3, (2, 2, 0.5)),
        entry(2, (2, 4, 2.0)),
        bias(2, 2, -0.5),
        # Two coordinates carried as one, and one twice.
        entry(3, (2, 3, 1.0)),
        entry(2, (2, 0, 1.0)),
        # A function of two coordinates with no linear part beside it, alone and with that of the second.
        both(entry(2, (0, 5, 0.5)), entry(4, (0, 2, 0.0), (1, 2, 0.0))),
        both(entry(2, (0, 5, 0.5)), entry(3, (0, 1, 0.0)), entry(4, (0, 2, 0.0), (1, 2, 0.0), (0, 3, 0.0))),
        # Two functions of one coordinate, both subtracted.
        both(bias(2, 2, -0.5), entry(4, (0, 2, -1.0), (1, 2, -1.0))),
        # The weight of a square is -1 by rounding only.
        entry(4, (0, 1, 2.0**-60)),
    ],
)
def test_whatever_is_no_ball_is_none(change: Callable[[Weights], None]) -> None:
    weights = hand_made()
    change(weights)
    found = read_balls(layers(weights))
    # A row that reads nothing else may be one still.
    assert len(found.rows) < 2


def test_each_function_of_the_sum_is_of_one_coordinate() -> None:
    """A row that reads nothing, or is always the same, belongs to none."""
    weights = hand_made()
    weights[2][0][0] = [0.0] * 6
    assert len(read_balls(layers(weights)).rows) == 0


def test_coordinates_may_be_the_last_of_many() -> None:
    """Their numbers are greater than the widths of later layers."""
    weights = hand_made()
    weights[0] = [[0.0, 0.0]] * 20 + weights[0][0], [1.0] * 20 + weights[0][1]
    weights[1] = [[0.0] * 20 + row for row in weights[1][0]], weights[1][1]
    found = read_balls(layers(weights))
    assert (found.rows.tolist(), found.coordinates.tolist()) == ([0, 1], [20, 21])


def test_too_great_arrays_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 15)
    assert len(read_balls(layers(hand_made())).rows) == 0


@pytest.mark.parametrize("tents", [1, 2, 5, 9])
@pytest.mark.parametrize("width", [1.0, 16.0])
def test_interpolated_squares(tents: int, width: float) -> None:
    """`W² f_m(u / W)` on `[0, U]` is above u² by as much as Yarotsky says, exactly where U is the end of a piece."""
    network = sum_of_squares(Affine(np.array([[1 / width]]), np.zeros(1)), np.array([[width**2]]), tents)
    accuracy = width**2 * 4.0 ** (-tents - 1)
    for share in (1.0, 0.5, 2.0**-tents):
        least, greatest = square_error(layers_of(network), share * width)
        assert least == pytest.approx(0, abs=1e-300)
        assert greatest == pytest.approx(accuracy, rel=1e-15)
    # In the middle of a piece, and before it.
    for end in (0.75, 0.5, 0.3):
        _, greatest = square_error(layers_of(network), end * 2.0**-tents * width)
        assert greatest == pytest.approx(4 * accuracy * min(end, 0.5) * (1 - min(end, 0.5)), rel=1e-14)
    # Beyond W it is no square at all.
    least, greatest = square_error(layers_of(network), 2 * width)
    assert max(-least, greatest) > width**2 / 4
    assert interpolated_square(np.array([0.5]), tents)[0] == 0.25


def test_ranges_hold_and_are_reached() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        sizes = [1, *rng.integers(1, 4, size=int(rng.integers(1, 4))), 1]
        network = ReLUNetwork(tuple(Affine(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in pairwise(sizes)))
        end = float(rng.uniform(0.5, 4))
        u = np.linspace(0, end, 4001)
        off = np.maximum(network(u[:, None])[:, 0], 0) - u**2
        least, greatest = square_error(layers_of(network), end)
        assert least <= off.min() + 1e-12
        assert greatest >= off.max() - 1e-12
        assert least >= off.min() - 1e-2
        assert greatest <= off.max() + 1e-2


def test_ranges_are_rounded_outwards() -> None:
    """φ(u) = σ(3 u) at `[0, 1/10]`: 0 at 0, and `3 u - u²` at the end, where the difference is greatest."""
    least, greatest = square_error([layer([[3.0]], [0.0])], 0.1)
    exact = 3 * Fraction(0.1) - Fraction(0.1) ** 2
    assert Fraction(least) <= 0
    assert exact <= Fraction(greatest) <= exact * (1 + Fraction(2) ** -50)
    least, _ = square_error([layer([[-1.0]], [0.0])], 0.1)
    assert -(Fraction(0.1) ** 2) * (1 + Fraction(2) ** -50) <= Fraction(least) <= -(Fraction(0.1) ** 2)


def test_functions_of_too_many_pieces_or_too_great_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    steep = [layer([[2.0**150]], [0.0]), layer([[2.0**150]], [0.0])]
    assert square_error(steep, 1.0) == (-math.inf, math.inf)
    many = layer([[1.0]] * 9 + [[0.0]], [-k / 8 for k in range(9)] + [1.0])
    pieces = [many, layer([[1.0] * 10], [0.0])]
    assert square_error(pieces, 2.0)[1] < math.inf
    monkeypatch.setattr(module, "PIECES", 8)
    assert square_error(pieces, 2.0) == (-math.inf, math.inf)
