"""What the checker leaves out: neurons that are off, columns, neurons and coordinates of first bounds."""

import math
from pathlib import Path

import numpy as np
import pytest

from constructions.check import intervals, slopes, squares
from constructions.check.files import Layer
from constructions.check.known import enough, in_two_steps
from constructions.check.products import absolute, dense, of_sign, part, product, transposed
from tests.constructions.check.checked_files import forged, line
from tests.constructions.check.test_exact import layer
from tests.soundness.attacks import Tally
from tests.soundness.forgeries import attack_with_false_bounds
from tests.soundness.imitations import imitation
from tests.soundness.networks import PATHS, draw


def drawn(rng: np.random.Generator, rows: int, columns: int, density: float) -> tuple[np.ndarray, Layer]:
    """Whole numbers, so that sums are exact."""
    weight = rng.integers(-9, 10, (rows, columns)) * (rng.random((rows, columns)) < density)
    return weight, layer(weight.tolist(), rng.integers(-9, 10, rows).tolist())


@pytest.mark.parametrize("density", [0.0, 0.01, 0.1, 0.9])
def test_parts_and_products_are_those_of_arrays(density: float) -> None:
    rng = np.random.default_rng(0)
    for rows, columns in ((1, 1), (3, 40), (200, 30), (90, 1000)):
        weight, f = drawn(rng, rows, columns, density)
        some, few = (np.flatnonzero(rng.random(size) < 0.5) for size in (rows, columns))
        assert np.array_equal(dense(f), weight)
        assert np.array_equal(dense(f, few), weight[:, few])
        assert np.array_equal(dense(part(f, some, few)), weight[some][:, few])
        assert np.array_equal(part(f, some).bias, f.bias[some])
        assert np.array_equal(dense(transposed(f)), weight.T)
        assert np.array_equal(dense(of_sign(f, 1)), np.maximum(weight, 0))
        assert np.array_equal(dense(of_sign(f, -1)), np.maximum(-weight, 0))
        assert np.array_equal(dense(absolute(f)), np.abs(weight))
        x = rng.integers(-9, 10, (columns, 5)) * (rng.random((columns, 1)) < 0.5).astype(float)
        assert np.array_equal(product(f, x), weight @ x)
        assert np.array_equal(product(f, x[:, :0]), weight @ x[:, :0])


@pytest.mark.parametrize("columns", [1, 128])
@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
def test_bounds_are_no_lower_for_what_is_left_out(
    arithmetic: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Networks of which most neurons are off, against all neurons bounded one by one."""
    rng, off = np.random.default_rng(0), 0
    monkeypatch.setattr(intervals, "COLUMNS", columns)
    monkeypatch.setattr(intervals, "BALLS", 2)
    guess = intervals._may_be_on
    for k in range(30):
        layers = [drawn(rng, *shape, 0.5)[1] for shape in ((40, 4), (60, 40), (20, 60), (3, 20))]
        for f in layers[:-1]:
            f.bias[:] -= 4 * rng.integers(0, 20)
        points, labels = rng.normal(size=(6, 4)), rng.integers(0, 3, 6)
        given = layers, points, labels, 0.1, (1.0, 2.0, math.inf)[k % 3], arithmetic
        with monkeypatch.context() as patch:
            patch.setattr(intervals, "_may_be_on", lambda read, *_: np.ones(len(read.rows), dtype=bool))
            whole = intervals.margin_bounds(*given)
        seen: list[int] = []

        def counted(*arguments: object, seen: list[int] = seen) -> np.ndarray:
            found = guess(*arguments)  # type: ignore[arg-type]
            seen.append(int((~found).sum()))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(intervals, "_may_be_on", counted)
            found = intervals.margin_bounds(*given)
        # Sums of fewer numbers round in another order.
        assert np.all(found >= whole - 1e-12 * np.abs(whole))
        off += sum(seen)
    assert off > 500


@pytest.mark.parametrize("arithmetic", ["reals", "float32"])
@pytest.mark.parametrize("kind", list(PATHS))
def test_false_bounds_are_not_confirmed_by_few_columns(
    tmp_path: Path, kind: str, arithmetic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervals, "COLUMNS", 1)
    monkeypatch.setattr(intervals, "SHORT", 0)
    tally = Tally()
    for k in range(8):
        attack_with_false_bounds(tmp_path, draw((61, k), arithmetic, kind), arithmetic, tally)
    assert tally.cases
    assert not tally.false


def test_false_bounds_are_not_confirmed_by_few_neurons_and_coordinates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slopes, "NEURONS", 1)
    monkeypatch.setattr(squares, "COORDINATES", 1)
    tally = Tally()
    for k in range(60):
        case, widths = imitation((62, k))
        attack_with_false_bounds(tmp_path, case, "reals", tally, widths)
    assert tally.cases
    assert not tally.false


def test_a_weight_beyond_the_format_is_not_left_out(tmp_path: Path) -> None:
    """f = σ(x) + 1e39 σ(x - 9) is 5 at 5, and in float32, where 1e39 is infinite, 5 + ∞ · 0: not a number."""
    network = line(([[1.0], [1.0]], [0.0, -9.0]), ([[1.0, 1e39]], [0.0]), ([[1.0]], [0.0]))
    for arithmetic, code in (("reals", 0), ("float64", 0), ("float32", 1)):
        assert forged(tmp_path, network, np.array([[5.0]]), np.array([1]), 0.5, math.inf, arithmetic, 4.0) == code


def test_a_neuron_that_is_off_but_overflows_is_not_left_out(tmp_path: Path) -> None:
    """-3e38 x - 3e38 y + 1 overflows at (2, 2) and is off; read by a weight 0.5 it may be σ(-∞) or not a number."""
    network = line(([[1.0, 0.0], [-3e38, 3e38]], [0.0, -3e38]), ([[1.0, 0.5]], [0.0]))
    x = np.array([[2.0, 2.0]])
    assert forged(tmp_path, network, x, np.array([1]), 2.0**-20, math.inf, "float64", 1.5) == 0
    assert forged(tmp_path, network, x, np.array([1]), 2.0**-20, math.inf, "float32", 1.5) == 1


def test_enough_turns_all_readers_off() -> None:
    """σ(4 - 2 h_0 - h_1) is off from h_0 = 2 or h_1 = 4 on, σ(1 - h_1) from 1; h_2 is added, h_3 read by nothing."""
    readers = layer([[-2.0, -1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]], [4.0, 1.0, -9.0])
    found = enough([readers, readers], np.array([8.0, 0.0, 0.0, 0.0]))
    assert np.all(found[:2] > [2, 4])
    assert found == pytest.approx([2, 4, math.inf, 0], abs=1e-7)
    assert np.array_equal(enough([readers], np.zeros(4)), np.full(4, math.inf))


def test_what_is_not_enough_is_bounded_again() -> None:
    least, greatest = in_two_steps(
        np.array([1.0, 2.0, math.nan]),
        np.array([9.0, 8.0, 7.0]),
        np.full(3, 2.0),
        2,
        lambda rows: (np.outer(rows, [3.0, 4.0]), np.outer(rows, [5.0, 6.0])),
    )
    assert least.tolist() == [[0, 0], [2, 2], [6, 8]]
    assert greatest.tolist() == [[0, 0], [8, 8], [10, 12]]
