"""The rules by distances: they hold, and each hypothesis is asked for."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from constructions import Affine, ReLUNetwork, robust_memorizer
from constructions.certificates.digests import network_digest
from constructions.networks.calculus import chain
from constructions.pieces.assembly import memorizing_network
from constructions.pieces.square import sum_of_squares
from tests.constructions.check.checked_files import changed, claimed, code, forged, line, memorized, resigned


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_no_weight_of_the_indicators_may_be_another(tmp_path: Path, p: float) -> None:
    """One weight or bias changed in any layer of the indicators, with digests that fit: never confirmed."""
    files = memorized(tmp_path, p)
    right, content = ReLUNetwork.load(files[0]), json.loads(files[2].read_text())
    rng = np.random.default_rng(0)
    for k, width in enumerate(content["indicators"][1:]):
        layer = right.layers[k]
        weight = layer.weight.toarray() if sp.issparse(layer.weight) else layer.weight.copy()
        rows, columns = np.nonzero(weight[:width])
        place = rng.integers(len(rows))
        weight[rows[place], columns[place]] *= -1
        wrong = ReLUNetwork((*right.layers[:k], Affine(weight, layer.bias), *right.layers[k + 1 :]))
        wrong.save(files[0])
        digest = network_digest(wrong)
        changed(files, lambda c, new=digest: c.update(network=new))
        assert code(files) == 1


def test_a_sum_of_squares_that_is_clipped_is_not_confirmed(tmp_path: Path) -> None:
    """8 y taken from the sum and given back behind its ReLU: the same numbers, but for the ReLU."""
    files = memorized(tmp_path, 2.0)
    layers = list(ReLUNetwork.load(files[0]).layers)
    k = len(json.loads(files[2].read_text())["indicators"]) - 4
    sums, excess = (sp.lil_array(layers[n].weight) for n in (k, k + 1))
    before = sums.shape[1]
    carried = np.flatnonzero(layers[k].weight.toarray()[1, :])[0]
    for j in range(64):
        sums[0, carried + j] = sums[0, carried + j] - 8
        for i in range(24):
            excess[i, 1 + j] = excess[i, 1 + j] + 8
    assert carried + 64 <= before
    layers[k], layers[k + 1] = (Affine(sp.csr_array(w), layers[n].bias) for n, w in ((k, sums), (k + 1, excess)))
    resigned(files, tuple(layers))
    assert code(files) == 1


def test_negative_weights_of_squares_are_not_confirmed(tmp_path: Path) -> None:
    """A square with the weight -160 of a coordinate that is constant: as an error bound it would be negative."""
    points, codes = np.array([[-0.45, 0.0], [0.45, 0.0]]), np.array([-1, 1])
    constant = ReLUNetwork((Affine(np.zeros((1, 2)), np.zeros(1)),))
    scalars = Affine(np.diag([1 / 1.1, 1e-6]), np.array([0.5, 0.25]))
    carried = Affine(sp.eye_array(2, format="csr"), np.ones(2))
    omega = sp.csr_array(np.array([[1.1**2, -160.0]]))
    squares = sum_of_squares(scalars, omega, 1, carried=carried, linear=np.zeros(2), constant=100.0)
    # (x_1 - c)² - 0.45, from S = (x_1 + 0.55)² - 10 + 100 and x + 1.
    slope = -2 * points[:, 0] - 1.1
    bias = -0.45 + points[:, 0] ** 2 - 0.3025 - slope + 10 - 100
    excess = ReLUNetwork((Affine(np.column_stack([np.ones(2), slope, np.zeros(2)]), bias),))
    ramp = ReLUNetwork((Affine(sp.diags_array([-20.0, -20.0], format="csr"), np.ones(2)),))
    indicators = chain(squares, excess, ramp)
    network = memorizing_network(indicators, codes, constant, 1.0)
    assert (codes * network(points)[:, 0] < 0.1).any()
    assert claimed(tmp_path, network, points, codes, indicators.widths) == 1


def test_a_point_outside_the_box_of_the_squares_is_not_confirmed(tmp_path: Path) -> None:
    """At 30 the squares of the box around [0, 1] are far too small, and the indicator of 1 is on."""
    clean = Affine(np.zeros((1, 1)), np.array([-0.125]))
    built = robust_memorizer(np.array([[0.0], [1.0]]), [-1, 1], radius=0.05, p=2, small="all", clean=clean)
    points, codes = np.array([[0.0], [1.0], [30.0]]), np.array([-1, 1, -1])
    assert claimed(tmp_path, built.network, points[:2], codes[:2], built.widths) == 0
    assert codes[2] * built.network(points)[2, 0] < 0
    assert claimed(tmp_path, built.network, points, codes, built.widths) == 1


def test_widths_that_are_wrong_confirm_nothing_new(tmp_path: Path) -> None:
    files = memorized(tmp_path, 2.0)
    widths = json.loads(files[2].read_text())["indicators"]
    for wrong in ([], widths[:-1], [*widths, 1], [widths[0], *widths], widths[::-1]):
        changed(files, lambda c, value=wrong: c.update(indicators=value))
        assert code(files) == 1
    for malformed in ("64", [0], [1.5], None):
        changed(files, lambda c, value=malformed: c.update(indicators=value))
        assert code(files) == 2


def test_bounds_by_distances_hold_at_points_of_the_balls(tmp_path: Path) -> None:
    """The second route: the network itself at random points of all balls, and at the nearest and farthest ones."""
    from constructions.check.distances import indicator_bounds
    from constructions.check.files import read_network
    from theory.setting.norms import sample_ball

    rng = np.random.default_rng(0)
    for p in (1.0, 2.0):
        files = memorized(tmp_path, p)
        network, content = ReLUNetwork.load(files[0]), json.loads(files[2].read_text())
        with np.load(files[1]) as stored:
            points = stored["points"]
        widths, radius = content["indicators"], content["radius"]
        known = indicator_bounds(read_network(str(files[0])), widths, points, radius, p)
        assert known is not None
        least, greatest = known.bounds(points)
        part = ReLUNetwork(network.layers[: known.number + 1])
        toward = points[3] - points
        toward *= radius / np.maximum(np.linalg.norm(toward, p, axis=1, keepdims=True), 1e-9)
        for step in (sample_ball(rng, 24, 64, p, radius), toward, -toward):
            values = part(points + step).T
            assert np.all(values[: len(least)] >= least - 1e-12)
            assert np.all(values[: len(least)] <= greatest + 1e-12)
        # Sharp: reached in the direction of a point, up to the accuracy of levels and squares.
        others = np.arange(24) != 3
        reached = part(points + toward)[others, 3]
        assert np.all(reached <= least[3, others] + 0.25 * (greatest - least)[3, others])


@pytest.mark.parametrize(
    ("layers", "x", "radius", "lower", "widths"),
    [
        # ω α² vanishes, and the least value of the sum is 0 / 0: the sum is -100, and its ReLU 100 more.
        (
            [
                ([[2.0**-240], [2.0**-240], [1.0]], [0.0, -0.5, 0.0]),
                ([[2.0**-601, 2.0**-600, 0.0], [0, 0, 1.0]], [-100.0, 0.0]),
                ([[1.0, 0.0]], [50.0]),
                ([[1.0]], [0.0]),
                ([[-1.0]], [10.0]),
            ],
            [0.5],
            0.25,
            9.0,
            [1, 3, 2, 1, 1],
        ),
        # λ = 2^60 in the sum, which the excess takes back: the rounding of the sum alone is what counts for its ReLU.
        (
            [
                ([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0, 1]], [0, 0, -0.5, -0.5, 0, 2.0**-55]),
                ([[0.5, 0.5, 1, 1, 2.0**60, -(2.0**60)], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]], [0.0, 0, 0]),
                ([[1.0, -(2.0**60), 2.0**60]], [-10.0]),
                ([[1.0]], [0.0]),
                ([[-1.0]], [1.0]),
            ],
            [0.5, 0.5],
            2.0**-100,
            0.9,
            [2, 6, 3, 1, 1],
        ),
    ],
)
def test_sums_of_squares_whose_least_value_is_not_known_are_not_confirmed(
    tmp_path: Path, layers: Any, x: list[float], radius: float, lower: float, widths: list[int]
) -> None:
    assert forged(tmp_path, line(*layers), np.array([x]), np.array([1]), radius, 2.0, "reals", lower, widths) == 1


@pytest.mark.parametrize(("x", "confirmed"), [(1.0, 0), (0.25, 1)])
def test_a_slope_is_fixed_only_where_its_neuron_is_positive_on_all_balls(
    tmp_path: Path, x: float, confirmed: int
) -> None:
    """With s = x_1 + x_2 in [2x - 1, 2x + 1], E = σ(s) - σ(s + 10) + 10 is 0 for s >= 0, and 1/2 at s = -1/2."""
    network = line(([[1.0, 1.0], [1.0, 1.0]], [0.0, 10.0]), ([[1.0, -1.0]], [10.0]), ([[-1.0]], [0.5]))
    assert forged(tmp_path, network, np.full((1, 2), x), np.array([1]), 1.0, 1.0, "reals", 0.25) == confirmed


def test_a_second_layer_may_have_no_weights(tmp_path: Path) -> None:
    network = line(([[1.0]], [0.0]), ([[0.0]], [1.0]), ([[1.0]], [0.0]))
    for lower, confirmed in ((0.75, 0), (1.25, 1)):
        assert forged(tmp_path, network, np.zeros((1, 1)), np.array([1]), 1.0, 1.0, "reals", lower) == confirmed


def test_bounds_that_contradict_each_other_are_no_bounds() -> None:
    """E = x on the ball of radius 1 around 5, f = 9 - E: 3 by intervals, and by bounds of E that are given."""
    from constructions.check.files import Layer
    from constructions.check.intervals import margin_bounds
    from constructions.check.known import Known

    def layer(weight: float, bias: float) -> Layer:
        return Layer((1, 1), np.array([0, 1]), np.array([0]), np.array([weight]), np.array([bias]))

    layers, points, labels = [layer(1.0, 0.0), layer(1.0, 0.0), layer(-1.0, 9.0)], np.array([[5.0]]), np.array([1])

    def bound(least: float, greatest: float, alone: bool, enough: float = math.inf) -> float:
        known = Known(
            1, 1, lambda x: (np.full((1, len(x)), least), np.full((1, len(x)), greatest)), np.array([enough]), alone
        )
        return float(margin_bounds(layers, points, labels, 1.0, math.inf, "reals", known)[0])

    assert bound(-9.0, 9.0, False) == pytest.approx(3.0)
    assert bound(4.5, 5.5, False) == pytest.approx(3.5)
    assert bound(1.0, 2.0, False) == -math.inf
    # Intervals are not asked.
    assert bound(-9.0, 9.0, False, enough=-9.0) == pytest.approx(0.0)
    assert bound(4.5, 7.5, True) == pytest.approx(1.5)
    assert bound(5.5, 4.5, True) == -math.inf
