"""Lipschitz constants of the checker: norms that are rounded up, and pairs that are recognised one by one."""

from fractions import Fraction

import numpy as np
import pytest

from constructions.check.affine import gamma
from constructions.check.files import Layer
from constructions.check.steepness import LARGE, is_sorting, operator_norm, read_by, steepness
from tests.constructions.check.test_exact import layer

# a, b, a - b of one pair, c, d, d - c of another.
READ = [[1, 0, 0, 0], [0, 1, 0, 0], [1, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, -1, 1]]
# max, min; max, min.
SORT = [[0, 1, 1, 0, 0, 0], [1, 0, -1, 0, 0, 0], [0, 0, 0, 1, 0, 1], [0, 0, 0, 0, 1, -1]]


def changed(weight: list[list[int]], *entries: tuple[int, int, float]) -> Layer:
    """The layer without biases, with other entries."""
    other = np.array(weight, dtype=float)
    for r, j, value in entries:
        other[r, j] = value
    return layer(other.tolist(), [0.0] * len(weight))


def test_the_network_of_these_layers_sorts() -> None:
    h = np.random.default_rng(0).random((4, 50))
    sorted_pairs = np.array(SORT) @ np.maximum(np.array(READ) @ h, 0)
    assert np.allclose(sorted_pairs[[1, 0]], np.sort(h[:2], axis=0))
    assert np.allclose(sorted_pairs[[3, 2]], np.sort(h[2:], axis=0))


def test_pairs_are_recognised_in_any_order_and_in_part() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        f, g = rng.permutation(6), rng.permutation(4)
        assert is_sorting(changed(np.array(READ)[f].tolist()), changed(np.array(SORT)[g][:, f].tolist()))
        assert is_sorting(changed(np.array(READ)[f].tolist()), changed(np.array(SORT)[g[:2]][:, f].tolist()))


@pytest.mark.parametrize(
    ("read", "sort"),
    [
        # A sign of the difference, of the step, of a copy.
        ([(2, 0, -1), (2, 1, 1)], []),
        ([], [(0, 2, -1)]),
        ([], [(1, 2, 1)]),
        ([(0, 0, -1)], []),
        ([], [(0, 1, -1)]),
        # Both of the pair with the same sign.
        ([(2, 1, 1)], []),
        # A pair is missing: neither step nor copy.
        ([], [(0, 2, 0)]),
        ([], [(0, 1, 0)]),
        # Factors other than 1.
        ([(2, 1, -2)], []),
        ([(2, 0, 2), (2, 1, -2)], []),
        ([(1, 1, 2)], []),
        ([], [(0, 2, 2)]),
        ([], [(0, 1, 2)]),
        # One value too many.
        ([(2, 2, 1)], []),
        ([(1, 2, 1)], []),
        ([], [(0, 3, 1)]),
        # The copy of another pair, or of the other one of this.
        ([], [(0, 1, 0), (0, 3, 1)]),
        ([], [(0, 1, 0), (0, 0, 1)]),
        # A value in two pairs.
        ([(5, 2, 0), (5, 1, -1), (3, 2, 0), (3, 1, 1)], []),
        ([(5, 3, 0), (5, 0, 1), (4, 3, 0), (4, 0, 1)], []),
        # Twice the same maximum.
        ([], [(1, 0, 0), (1, 1, 1), (1, 2, 1)]),
        # Two copies.
        ([], [(0, 2, 0), (0, 0, 1)]),
    ],
)
def test_whatever_is_no_sorting_is_none(read: list[tuple[int, int, float]], sort: list[tuple[int, int, float]]) -> None:
    assert not is_sorting(changed(READ, *read), changed(SORT, *sort))


def test_the_same_maximum_by_the_other_difference_is_put_out_twice() -> None:
    """`b + σ(a - b)` and `a + σ(b - a)`."""
    read = layer([[1, 0], [0, 1], [1, -1], [-1, 1]], [0.0] * 4)
    assert is_sorting(read, layer([[0, 1, 1, 0], [0, 1, 0, -1]], [0.0] * 2))
    assert not is_sorting(read, layer([[0, 1, 1, 0], [1, 0, 0, 1]], [0.0] * 2))


@pytest.mark.parametrize("which", [0, 1])
def test_a_bias_is_no_sorting(which: int) -> None:
    layers = [changed(READ), changed(SORT)]
    layers[which].bias[1] = 2.0**-1074
    assert not is_sorting(*layers)


def test_behind_the_first_layer_nothing_is_sorted() -> None:
    """Inputs may be negative, where `b + σ(a - b)` of rectified values is no maximum."""
    layers = [changed(READ), changed(SORT), layer(np.eye(4).tolist(), [0.0] * 4)]
    _, constant, pairs = steepness([*layers[:2], layer((2 * np.eye(4)).tolist(), [0.0] * 4)], np.arange(4))
    assert pairs == 0
    assert constant >= 3
    weight, constant, pairs = steepness(
        [layers[2], *layers[:2], layer((2 * np.eye(4)).tolist(), [0.0] * 4)], np.arange(4)
    )
    assert (pairs, constant) == (1, pytest.approx(1.0))
    assert np.array_equal(weight, 2 * np.eye(4))


def test_the_constant_is_the_product_of_all_norms() -> None:
    """Carried values, in any order, cost nothing; a bias, a factor, or another value is no carrying."""
    rng = np.random.default_rng(1)
    first, second, last = rng.normal(size=(4, 5)), rng.normal(size=(4, 4)), rng.normal(size=(3, 4))
    order = [2, 0, 1]
    carry = np.eye(3)[order].tolist()
    layers = [layer(w.tolist(), [0.5] * len(w)) for w in (first, second)] + [changed(READ), changed(SORT)]
    layers += [layer(last.tolist(), [1.0] * 3), layer(carry, [0.0] * 3)]
    weight, constant, pairs = steepness(layers, np.arange(3))
    norms = np.linalg.norm(first, 2) * np.linalg.norm(second, 2)
    assert constant == pytest.approx(norms, rel=1e-12)
    assert constant >= norms
    assert pairs == 1
    assert np.array_equal(weight, last[order])
    weight, _, _ = steepness(layers, np.array([1]))
    assert np.array_equal(weight, last[[0]])
    for other, bias in ((carry, 0.5), ((2 * np.array(carry)).tolist(), 0.0), (np.ones((3, 3)).tolist(), 0.0)):
        weight, constant, _ = steepness([*layers[:-1], layer(other, [bias] * 3)], np.arange(3))
        assert np.array_equal(weight, np.array(other))
        assert constant == pytest.approx(norms * np.linalg.norm(last, 2), rel=1e-12)


def test_only_what_is_read_counts() -> None:
    layers = [layer([[1.0, 0.0], [0.0, 50.0]], [0.0] * 2), layer([[1.0, 0.0], [1.0, 9.0]], [0.0] * 2)]
    assert [f.shape for f in read_by(layers, np.array([0]))] == [(1, 1), (1, 1)]
    assert steepness(layers, np.array([0]))[1] == pytest.approx(1.0)
    assert steepness(layers, np.array([1]))[1] == pytest.approx(50.0)


def is_at_least_the_norm(bound: float, weight: np.ndarray) -> bool:
    """For two columns, exactly: `λ = bound²` is not below the greater root of `λ² - t λ + d`."""
    w = [[Fraction(v) for v in row] for row in weight.tolist()]
    a, b, c = (sum((r[i] * r[j] for r in w), Fraction(0)) for i, j in ((0, 0), (0, 1), (1, 1)))
    square = Fraction(bound) ** 2
    return bool(2 * square >= a + c and square * square - (a + c) * square + a * c - b * b >= 0)


def test_norms_are_never_too_small_and_hardly_too_great() -> None:
    rng = np.random.default_rng(2)
    for k in range(300):
        weight = rng.normal(size=(int(rng.integers(2, 6)), 2)) * 2.0 ** float(rng.integers(-400, 150))
        if k % 3 == 0:
            # Nearly orthogonal columns, about as long.
            weight = np.linalg.qr(weight)[0] * np.array([1.0, 1 - 2.0 ** -float(rng.integers(1, 53))])
        bound = operator_norm(weight if k % 2 else weight.T)
        assert is_at_least_the_norm(bound, weight)
        assert bound <= np.linalg.norm(weight, 2) * (1 + 1e-12)


def test_what_a_sum_of_squares_loses_is_counted() -> None:
    """The small squares vanish next to 1 in each of a few partial sums."""
    weight = np.full((2**15, 2), 2.0**-27.5)
    weight[::1024, 0] = 1.0
    weight[1::1024, 1] = 1.0
    terms = gamma(np.array([2.0**15]), 2.0**-53)[0]
    bound = operator_norm(weight)
    assert is_at_least_the_norm(bound, weight)
    assert bound >= np.linalg.norm(weight, 2) * (1 + 0.4 * terms)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 7), (40, 30), (64, 64), (5, LARGE + 3)])
def test_norms_of_all_shapes(rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows)
    for weight in (rng.normal(size=(rows, columns)), np.ones((rows, columns)), np.eye(rows, columns)):
        found = operator_norm(weight)
        assert np.linalg.norm(weight, 2) * (1 - 1e-14) <= found <= np.linalg.norm(weight, 2) * (1 + 1e-11)


def test_norms_at_the_ends() -> None:
    assert 0 <= operator_norm(np.zeros((3, 2))) < 2.0**-900
    assert 0 <= operator_norm(np.zeros((3, 0))) < 2.0**-900
    assert 2.0**-1074 <= operator_norm(np.array([[2.0**-1074]])) < 2.0**-900
    wide = np.eye(LARGE + 1)
    assert 1 <= operator_norm(wide) <= 1 + 1e-11
    wide[0, 1] = 1.0
    assert operator_norm(wide) >= np.sqrt(LARGE + 2.0)
    for broken in (np.nan, np.inf):
        with np.errstate(all="ignore"):
            assert not operator_norm(np.array([[broken, 1.0], [1.0, 1.0]])) < np.inf


@pytest.mark.parametrize("size", [2.0**-400, 1e-170, 1e-300, 2.0**-1021, 2.0**-1074])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (LARGE + 1, LARGE + 1)], ids=["one", "two", "large"])
def test_no_square_that_counts_vanishes(size: float, shape: tuple[int, int]) -> None:
    """A norm that is too small is a false claim, however small it is: later layers may be large."""
    weight = np.full(shape, size)
    # Of rank one: the norm is known.
    assert Fraction(operator_norm(weight)) >= Fraction(size) * shape[0]
    if shape == (2, 2):
        weight[1, 1] = -size
        assert 2 * Fraction(size) ** 2 <= Fraction(operator_norm(weight)) ** 2
