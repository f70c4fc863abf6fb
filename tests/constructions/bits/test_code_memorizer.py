"""Robust codes: every ball certified exactly, as executed too, the count equal to the formula; and what is refused."""

import itertools
import math
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructions import Construction, load_sample
from constructions.bits.certificate import _spread
from constructions.bits.keys import short_key
from constructions.bits.layer import IntegerLayer
from constructions.bits.memorizer import IntegerMemorizer, code_memorizer
from constructions.bits.network import IntegerNetwork
from constructions.bits.thresholds import check_separable, gaps, informative, separating, threshold
from constructions.samples.task import read_task
from tests.replaced import replaced
from theory.errors import AssumptionError
from theory.setting.norms import sample_ball

RADIUS = 0.03


@pytest.fixture(scope="module")
def digits() -> IntegerMemorizer:
    points, labels = load_sample("digits")
    return code_memorizer(points[:600], labels[:600], radius=RADIUS)


@pytest.fixture(scope="module")
def executed() -> IntegerMemorizer:
    points, labels = load_sample("digits")
    return code_memorizer(points[:300], labels[:300], radius=RADIUS, arithmetic="float64")


def test_every_ball_is_certified(digits: IntegerMemorizer) -> None:
    certificate = digits.certify()
    assert certificate.certified.all()
    assert certificate.lower.min() == 1
    assert isinstance(digits, Construction)
    assert digits.size.nonzero == digits.size.formula_nonzero == digits.network.nonzero
    assert digits.exceptions > 0
    points, labels = digits.task.sample.points, digits.task.sample.codes
    assert certificate.is_of(digits.network, points, labels)
    assert not certificate.is_of(digits.network, points + 1e-9, labels)
    assert not certificate.is_of(changed(digits, 0).network, points, labels)
    assert "exactly" in str(certificate)


def test_points_of_the_balls_are_right(digits: IntegerMemorizer) -> None:
    rng = np.random.default_rng(0)
    points, codes = digits.task.sample.points[:40], digits.task.sample.codes[:40]
    for _ in range(5):
        corner = points + RADIUS * rng.choice([-1, 1], points.shape)
        assert np.array_equal(digits.network(corner).argmax(axis=1), codes)


def test_the_same_arguments_give_the_same_network(executed: IntegerMemorizer) -> None:
    points, labels = load_sample("digits")
    again = code_memorizer(points[:300], labels[:300], radius=RADIUS, arithmetic="float64")
    assert again.network.digest == executed.network.digest


def changed(built: IntegerMemorizer, which: int) -> IntegerMemorizer:
    """One bias of some layer, one more."""
    layers = list(built.network.layers)
    k = len(layers) * which // 8
    layers[k] = replace(layers[k], bias=(layers[k].bias[0] + 1, *layers[k].bias[1:]))
    return replace(built, network=IntegerNetwork(tuple(layers), built.network.classes))


@pytest.mark.parametrize("which", range(8))
def test_claims_about_a_changed_network_are_true(digits: IntegerMemorizer, which: int) -> None:
    other = changed(digits, which)
    certificate = other.certify()
    right = other.network(digits.task.sample.points).argmax(axis=1) == digits.task.sample.codes
    assert right[certificate.certified].all()
    assert not right[[i for i, s in enumerate(certificate.status) if s == "refuted"]].any()


def test_a_table_entry_that_is_wrong_is_refuted(digits: IntegerMemorizer) -> None:
    # The widest layer reads the words: without one block's some exceptions are missed.
    layers = list(digits.network.layers)
    k = max(
        range(1, len(layers)), key=lambda k: max(map(len, layers[k].rows)) if layers[k].inputs < 400 and k > 3 else 0
    )
    rows = list(layers[k].rows)
    r = max(range(len(rows)), key=lambda r: len(rows[r]))
    rows[r] = rows[r][1:]
    layers[k] = IntegerLayer(layers[k].inputs, tuple(rows), layers[k].bias)
    certificate = replace(digits, network=IntegerNetwork(tuple(layers), digits.network.classes)).certify()
    assert certificate.count("refuted") > 0
    assert certificate.count("certified") < 600
    for i, x in certificate.counterexamples.items():
        assert np.array_equal(x, digits.task.sample.points[i])
        assert i in certificate.misclassified


def test_a_larger_radius_is_not_certified(digits: IntegerMemorizer) -> None:
    certificate = replaced(digits, radius=0.05).certify()
    assert not certificate.certified.all()
    # Thresholds leave no room beyond the gaps of 1/16.
    assert replaced(digits, radius=0.0312).certify().count("certified") < 600


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_smaller_balls_are_certified_too(p: float, digits: IntegerMemorizer) -> None:
    assert replaced(digits, p=p).certify().certified.all()


def test_as_executed_in_float64(executed: IntegerMemorizer) -> None:
    certificate = executed.certify("float64")
    assert certificate.certified.all()
    assert executed.certify().certified.all()
    assert executed.network.weight_bits <= 53
    assert executed.size.nonzero == executed.size.formula_nonzero
    sample = executed.task.sample
    rng = np.random.default_rng(1)
    for points in (sample.points, sample.points + RADIUS * 0.999 * rng.choice([-1, 1], sample.points.shape)):
        for reverse in (False, True):
            assert np.array_equal(run(executed.network, points, reverse=reverse).argmax(axis=1), sample.codes)


def scaled(network: IntegerNetwork, factor: int) -> IntegerNetwork:
    """Outputs so many times as large."""
    last = network.layers[-1]
    rows = tuple(tuple((j, w * factor) for j, w in row) for row in last.rows)
    larger = IntegerLayer(last.inputs, rows, tuple(b * factor for b in last.bias))
    return IntegerNetwork((*network.layers[:-1], larger), network.classes)


def test_integers_that_float64_does_not_hold_are_an_error(executed: IntegerMemorizer) -> None:
    long = replace(executed, network=scaled(executed.network, 2**60))
    assert long.certify().lower.min() == 2**60
    with pytest.raises(ValueError, match=r"weights of \d+ bits.*float64"):
        long.certify("float64")
    # Weights that it holds, and sums that it does not.
    with pytest.raises(ValueError, match="a sum of this network reaches"):
        replace(executed, network=scaled(executed.network, 2**46)).certify("float64")


def run(network: IntegerNetwork, x: np.ndarray, *, reverse: bool) -> np.ndarray:
    """In float64, term by term."""
    for k, layer in enumerate(network.layers):
        x = np.maximum(x, 0.0) if k else x
        values = []
        for row, bias in zip(layer.rows, layer.bias, strict=True):
            terms = [np.full(len(x), float(bias)), *(float(w) * x[:, j] for j, w in row)]
            values.append(sum(reversed(terms) if reverse else terms))
        x = np.stack(values, axis=1)
    return x


@pytest.mark.parametrize(
    ("labels", "outputs"),
    [([1, -1, -1, 1, 1, -1], 1), ([0, 1, 1, 0, 0, 1], 2), (list("abcaab"), 3), ([True, False] * 3, 2)],
)
def test_labels_of_any_kind(labels: list[object], outputs: int) -> None:
    points = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 0.5], [2.0, 3.0]])
    built = code_memorizer(points, labels, radius=0.2)
    assert built.certify().certified.all()
    assert built.network.outputs == outputs
    assert built.size.nonzero == built.size.formula_nonzero
    values = built.network(points)
    found = (
        [1 if v > 0 else -1 for v in values[:, 0]]
        if outputs == 1
        else [built.network.classes[k] for k in values.argmax(axis=1)]
    )
    assert found == labels


def test_a_classifier_that_is_right_needs_no_table() -> None:
    points = np.repeat([[0.0], [1.0]], 20, axis=0)
    labels = [-1] * 20 + [1] * 20
    built = code_memorizer(points, labels, radius=0.4)
    assert built.exceptions == 0
    assert built.certify().certified.all()
    assert built.size.nonzero == built.size.formula_nonzero < 60


@settings(max_examples=8)
@given(st.integers(1, 3), st.integers(2, 12), st.integers(2, 4), st.integers(0, 2**32))
def test_any_separated_grid(dim: int, size: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = np.array(list(itertools.product(range(4), repeat=dim)), dtype=float)
    points = grid[rng.permutation(len(grid))[:size]]
    labels = rng.integers(0, classes, len(points))
    labels[:2] = 0, 1
    built = code_memorizer(points / 3, labels, radius=0.9 / 6, budget=20)
    assert built.certify().certified.all()
    assert built.size.nonzero == built.size.formula_nonzero
    ball = sample_ball(rng, 3, dim, math.inf, 0.9 / 6)
    for x, label in zip(points / 3, labels, strict=True):
        assert {built.network.classes[k] for k in built.network(x + ball).argmax(axis=1)} == {label}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"radius": 0.6}, AssumptionError, "separation"),
        ({"radius": math.nan}, ValueError, "radius"),
        ({"arithmetic": "float32"}, ValueError, "'float32'"),
        ({"budget": 0}, ValueError, "budget"),
        ({"seed": -1}, ValueError, "seed"),
        ({"p": 0.5}, ValueError, "0.5"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    arguments = {"radius": 0.2, **change}
    with pytest.raises(error, match=message):
        code_memorizer([[0.0], [1.0], [2.0]], [0, 1, 0], **arguments)


def test_points_that_no_threshold_parts_are_named() -> None:
    # Far apart in l_1 and l_2, but in no coordinate where there is room between all points.
    points = np.array([[0.0, 0.0], [0.4, 0.4], [0.8, 0.8], [0.4, 3.0], [3.0, 0.4]])
    with pytest.raises(AssumptionError, match=r"between points 0 and 1"):
        code_memorizer(points, [0, 1, 1, 0, 0], radius=0.25, p=1)
    with pytest.raises(AssumptionError, match="smaller radius"):
        code_memorizer([[0.0, 0.3], [0.3, 0.0]], [0, 1], radius=0.2, p=1)


def test_another_arithmetic_or_network_is_refused(digits: IntegerMemorizer) -> None:
    with pytest.raises(ValueError, match="'float32'"):
        digits.certify("float32")
    other = replace(digits, network=IntegerNetwork(digits.network.layers, tuple("abcdefghij")))
    with pytest.raises(ValueError, match="classes"):
        other.certify()


@given(st.floats(-10, 10), st.floats(1e-6, 3), st.floats(0.01, 0.49), st.booleans())
def test_a_threshold_has_a_unit_of_room(low: float, width: float, share: float, above: bool) -> None:
    high = low + width
    radius = share * (high - low)
    found = threshold(0, low, high, radius, above=above)
    ends = Fraction(low) + Fraction(radius), Fraction(high) - Fraction(radius)
    at = [found.weight * end - found.bias for end in ends]
    one, zero = (at[1], at[0]) if above else (at[0], at[1])
    assert one <= -1
    assert zero >= 2
    assert found.bit(np.array([low, high])).tolist() == [not above, above]


def test_gaps_and_their_information() -> None:
    points = np.array([[0.0, 0], [0.1, 0], [0.5, 0], [1.0, 0]])
    low, high = gaps(points[:, 0], 0.1)
    assert low.tolist() == [0.1, 0.5]
    assert high.tolist() == [0.5, 1.0]
    assert informative(points, np.array([0, 0, 0, 1]), 2, 0.1) == [(0, 0.5, 1.0)]
    assert informative(points, np.array([0, 0, 1, 1]), 2, 0.1) == [(0, 0.1, 0.5)]
    assert separating(points, np.array([[0, 2], [3, 1], [1, 0]]), 0.1) == (0, 0.1, 0.5)


@pytest.mark.parametrize("seed", range(40))
def test_two_labels_that_no_thresholds_part_are_told_at_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, labels = rng.integers(0, 4, (int(rng.integers(2, 7)), 2)) * [1.0, 0.5], rng.integers(0, 2, 7)
    labels = labels[: len(points)]
    radius = float(rng.choice([0.2, 0.3, 0.6]))
    parted = [
        any(np.any((low < max(x[j], z[j])) & (high > min(x[j], z[j]))) for j, (low, high) in enumerate(ends))
        for ends in [[gaps(column, radius) for column in points.T]]
        for (x, one), (z, other) in itertools.combinations(zip(points, labels.tolist(), strict=True), 2)
        if one != other
    ]
    if all(parted):
        check_separable(points, labels, radius)
        return
    with pytest.raises(AssumptionError, match=r"none between points \d and \d") as found:
        check_separable(points, labels, radius)
    i, k = map(int, re.findall(r"points (\d) and (\d)", str(found.value))[0])
    assert labels[i] != labels[k]
    with pytest.raises(AssumptionError, match="no ball of radius"):
        separating(points, np.array([[i, k]]), radius)


@pytest.mark.parametrize("seed", range(3))
def test_keys_part_the_exceptions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    code = np.unique(rng.random((400, 30)) < 0.4, axis=0)
    labels, exceptional = rng.integers(0, 3, len(code)), rng.random(len(code)) < 0.1
    key = short_key(code, labels, exceptional, seed)
    keys = key.of(code)
    for i in np.flatnonzero(exceptional):
        assert set(labels[keys == keys[i]]) == {labels[i]}
    # 40 exceptions and 400 points, of which chance lets some bits less than 14 part all.
    assert keys.max() <= 2**key.bits
    assert key.bits < 14


def test_keys_need_codes_that_differ() -> None:
    with pytest.raises(AssumptionError, match="codes that differ"):
        short_key(np.ones((2, 3), dtype=bool), np.array([0, 1]), np.array([True, False]), 0)


def test_rounding_lowers_the_bounds_of_what_is_executed() -> None:
    # A path of fractions beside the integers: a third of a coordinate at the outputs.
    layers = [IntegerLayer(1, (((0, 1),), ((0, -1),)), (0, 1)), IntegerLayer(2, (((0, 3),), ((1, 3),)), (0, 0))]
    points = np.array([[0.1], [0.7], [0.9]])
    task = read_task(points, [1, 0, 0], 0.001, None, np.inf)
    built = IntegerMemorizer(IntegerNetwork(tuple(layers), (0, 1)), task, 0, 0)
    exact, computed = built.certify().lower, built.certify("float64").lower
    assert np.all(computed < exact)
    assert np.all(computed > exact - 1e-13)


def test_only_known_integers_are_exact() -> None:
    # In quarters: 0, 1 and 5/4; then an interval.
    values, others = np.array([0, 4, 5, 4]), np.array([0, 4, 5, 8])
    spread = _spread(
        ((0, 3), (1, 1)), 7, [values, np.zeros(4, dtype=np.int64)], [others, np.zeros(4, dtype=np.int64)], 4
    )
    assert [bool(s) for s in spread] == [False, False, True, True]


@pytest.mark.parametrize("power", range(40, 75))
def test_errors_of_any_length_are_counted(power: int) -> None:
    """`3 σ(x) - 4` at the float next to 4/3 is positive, and 0 as executed: no ball around it is certified."""
    layers = (IntegerLayer(1, (((0, 3),), ()), (0, 1)), IntegerLayer(2, (((0, 1), (1, 1)),), (-5,)))
    x = float(np.nextafter(4 / 3, 2))
    assert 3 * Fraction(x) > 4
    assert 3 * x - 4 == 0
    task = read_task([[x], [0.0]], [1, -1], 2.0**-power, None, math.inf)
    built = IntegerMemorizer(IntegerNetwork(layers, (-1, 1)), task, 6, 0)
    assert built.certify("float64").status.tolist() == ["undecided", "certified"]


def test_distances_of_any_scale_are_certified_or_refused() -> None:
    points = [[1e-20, 1.0], [1.0, 1e-20], [1.0, 1.0], [0.0, 0.0]]
    built = code_memorizer(points, [0, 1, 2, 0], radius=0.1, arithmetic="float64")
    assert built.certify("float64").count("certified") == 4
