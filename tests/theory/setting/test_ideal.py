import itertools
from collections.abc import Iterator

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.setting import ideal
from theory.setting.ideal import IdealClassifier
from theory.setting.membership import is_in_ball
from theory.setting.norms import distance


def half(x) -> np.ndarray:
    return x[:, 0] - 0.5


def by_definition(f, x, outputs) -> np.ndarray:
    """The formula of section 3, point by point, in scalar arithmetic."""
    values = []
    for row in x:
        total, near = np.zeros(outputs), False
        for i in f.small:
            difference = [abs(a - b) for a, b in zip(row, f.points[i], strict=True)]
            distance = (
                max(difference)
                if f.p == np.inf
                else sum(difference)
                if f.p == 1
                else sum(d**2 for d in difference) ** 0.5
            )
            if distance <= f.radius:
                near = True
                total += np.eye(outputs)[f.labels[i]] if outputs > 1 else f.labels[i]
        values.append(total if near else np.atleast_1d(f.clean(row[None])[0]))
    return np.array(values)


@pytest.mark.statement("definition-f-adv", form="printed")
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 2.0, np.inf]), st.sampled_from([1, 3]))
def test_it_is_the_definition(seed, p, outputs) -> None:
    rng = np.random.default_rng(seed)
    # Multiples of 1/8 up to 4: distances (and their squares) are exact, and ties on the sphere do occur.
    points = rng.integers(0, 32, (6, 2)) / 8
    labels = rng.choice([-1, 1], 6) if outputs == 1 else rng.integers(0, outputs, 6)
    weight = rng.normal(size=(2, outputs))
    clean = (lambda x: x @ weight[:, 0]) if outputs == 1 else (lambda x: x @ weight)
    small = rng.permutation(6)[: rng.integers(0, 7)]
    f = IdealClassifier(points, labels, small, rng.integers(0, 9) / 8, p, clean)
    x = np.concatenate([points, rng.integers(0, 32, (40, 2)) / 8])
    expected = by_definition(f, x, outputs)
    value = f(x)
    assert value.shape == ((46,) if outputs == 1 else (46, 3))
    # BLAS may order the two terms of `clean` by the number of rows: one unit of rounding.
    assert np.abs(value.reshape(46, -1) - expected).max() <= 1e-14


@pytest.mark.statement("definition-f-adv", form="printed")
def test_the_sphere_belongs_to_the_ball() -> None:
    points, labels = np.array([[0.5, 0.5], [2.0, 2.0]]), np.array([-1, 1])
    x = np.array([[0.75, 0.25], [0.75, 0.5], [np.nextafter(0.75, 1), 0.5]])
    for p, inside in ((1.0, [False, True, False]), (2.0, [False, True, False]), (np.inf, [True, True, False])):
        f = IdealClassifier(points, labels, np.array([0]), 0.25, p, lambda x: np.full(len(x), 7.0))
        assert f(x).tolist() == [-1.0 if k else 7.0 for k in inside]


def test_a_general_exponent_uses_minkowski_distances() -> None:
    # ‖(3, 4, 5)‖_3 = 6 exactly: 27 + 64 + 125 = 216.
    points = np.zeros((1, 3))
    x = np.array([[3.0, 4.0, 5.0]])
    for radius, value in ((6.000001, 1.0), (5.999999, -2.0)):
        f = IdealClassifier(points, np.array([1]), np.array([0]), radius, 3.0, lambda x: np.full(len(x), -2.0))
        assert f(x).tolist() == [value]


@pytest.mark.statement("definition-f-adv", form="printed")
def test_overlapping_balls_add_up_and_opposite_ones_cancel() -> None:
    # The witness against Proposition 3.2 (i): points 1.5 radius apart, f_adv = 0 half way.
    points, small = np.array([[0.0], [1.5]]), np.array([0, 1])
    middle = np.array([[0.75]])
    same = IdealClassifier(points, np.array([1, 1]), small, 1.0, 2.0, half)
    opposite = IdealClassifier(points, np.array([1, -1]), small, 1.0, 2.0, half)
    assert same(middle).tolist() == [2.0]
    assert opposite(middle).tolist() == [0.0]


def test_no_small_point_leaves_the_clean_classifier() -> None:
    f = IdealClassifier(np.zeros((1, 1)), np.array([1]), np.zeros(0, int), 1.0, 2.0, half)
    assert f(np.array([[0.0], [2.0]])).tolist() == [-0.5, 1.5]
    column = IdealClassifier(np.zeros((1, 1)), np.array([1]), np.zeros(0, int), 1.0, 2.0, lambda x: x)
    assert column(np.array([[0.0], [2.0]])).tolist() == [0.0, 2.0]


def test_several_outputs_give_one_hot_labels() -> None:
    f = IdealClassifier(np.zeros((2, 3)), np.array([1, 2]), np.array([0]), 0.5, 2.0, lambda x: x)
    assert f(np.array([[0.0, 0.0, 0.5], [0.0, 4.0, 0.0]])).tolist() == [[0.0, 1.0, 0.0], [0.0, 4.0, 0.0]]


def test_blocks_change_nothing(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    points, x = rng.random((9, 3)), rng.random((25, 3))
    f = IdealClassifier(points, rng.choice([-1, 1], 9), np.arange(9), 0.3, np.inf, half)
    whole = f(x)
    monkeypatch.setattr(ideal, "_BLOCK_BYTES", 1)
    assert (f(x) == whole).all()
    assert 0 < np.isin(whole, [1.0, -1.0]).sum() < 25


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Let the class's own checks speak: the shape annotations would refuse these calls first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


GOOD = dict(points=np.zeros((2, 3)), labels=np.array([1, -1]), small=np.array([0]), radius=0.5, p=2.0, clean=half)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros(3)}, "points of shape"),
        ({"points": np.zeros((0, 3)), "labels": np.zeros(0, int)}, "points of shape"),
        ({"points": np.full((2, 3), np.nan)}, "finite points"),
        ({"labels": np.array([1])}, "labels of shape"),
        ({"small": np.array([0, 0])}, "distinct"),
        ({"small": np.array([2])}, "0..1, got 2..2"),
        ({"small": np.array([-1])}, "got -1..-1"),
        ({"radius": -1.0}, "radius >= 0, got -1.0"),
        ({"radius": np.nan}, "got nan"),
        ({"p": 0.5}, "p >= 1, got p=0.5"),
        ({"p": np.nan}, "p >= 1, got p=nan"),
    ],
)
def test_bad_classifiers(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        IdealClassifier(**(GOOD | change))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("change", "x", "message"),
    [
        ({}, np.zeros((1, 2)), "finite x of shape"),
        ({}, np.zeros((0, 3)), "finite x of shape"),
        ({}, np.array([[0.0, np.nan, 0.0]]), "with NaN"),
        ({"labels": np.array([0, 1])}, np.zeros((1, 3)), "got 0 at row 0"),
        ({"clean": lambda x: x[:1, 0]}, np.zeros((2, 3)), "clean needs to return shape"),
    ],
)
def test_bad_evaluations(change, x, message) -> None:
    f = IdealClassifier(**(GOOD | change))
    with pytest.raises(ValueError, match=message):
        f(x)


@pytest.mark.parametrize(
    ("p", "radius", "x", "inside"),
    [
        (100.0, 1e-5, 1e-4, False),
        (100.0, 1e4, 2e3, True),
        (2.0, 1e-200, 1e-170, False),
        (2.0, 1e200, 1e160, True),
        (2.0, 1e-200, 5e-201, True),
        (1e300, 0.1, 0.5, False),
        (2000.0, 0.75, 0.7, True),
        (2000.0, 0.5, 0.7, False),
        (1.5, 0.0, 1e-300, False),
        (1.5, 0.0, 0.0, True),
    ],
)
def test_balls_of_any_scale_and_exponent(p: float, radius: float, x: float, inside: bool) -> None:
    """Powers that vanish or overflow: (x, x) in the ball around 0, where the clean classifier says -1."""
    target = IdealClassifier(np.zeros((1, 2)), np.array([1]), np.array([0]), radius, p, lambda z: np.full(len(z), -1.0))
    assert target(np.array([[x, x]]))[0] == (1 if inside else -1)


def inside(points, x, radius, p) -> np.ndarray:
    """Which rows of x are in some ball: 1 there, where the clean classifier says -1."""
    count = len(points)
    f = IdealClassifier(points, np.ones(count, int), np.arange(count), radius, p, lambda z: np.full(len(z), -1.0))
    return f(x) > 0


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.pi, 70.0, np.inf])
def test_membership_is_that_of_the_real_numbers(p) -> None:
    """At every scale, also far from the origin in units of the radius, and a rounding away from the sphere."""
    rng = np.random.default_rng(0)
    scales, shifts, factors = (1e-305, 1e-160, 1e-20, 1.0, 1e9, 1e160, 1e290), (0.0, 1e9, 1e15), (1 - 2.0**-53, 1.0)
    for scale, shift, factor in itertools.product(scales, shifts, factors):
        centres = scale * (shift + rng.random((3, 2)))
        x = centres[[0, 0, 1, 1, 2, 2]] + scale * rng.normal(size=(6, 2))
        radius = float(distance(x[0], centres[0], p)) * factor
        expected = [any(is_in_ball(row, c, radius, p) for c in centres) for row in x]
        assert inside(centres, x, radius, p).tolist() == expected


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.inf])
def test_a_point_is_in_its_own_ball_however_far_out(p) -> None:
    assert inside(np.array([[1e300, -1e300]]), np.array([[1e300, -1e300]]), 1e-9, p).tolist() == [True]
    apart = np.array([[8095858330855639.0]]), np.array([[8095858330855642.0]])
    assert inside(*apart, 2.515974146458225, p).tolist() == [False]
    assert inside(*apart, 3.0, p).tolist() == [True]
    # A difference beyond float64 is outside.
    assert inside(np.array([[1.5e308]]), np.array([[-1.5e308]]), 1e308, p).tolist() == [False]


def test_a_difference_that_rounds_to_the_radius_is_outside() -> None:
    # 1 + 2^-54 rounds to 1, and so does the sum of two halves and 2^-54.
    x, centre = np.array([[1.0, 0.0]]), np.array([[-(2.0**-54), 0.0]])
    for p in (1.0, 1.5, 2.0, np.inf):
        assert not inside(centre, x, 1.0, p)[0]
        assert inside(centre, x, np.nextafter(1.0, 2.0), p)[0]


def test_many_pairs_near_the_spheres_are_taken_block_by_block(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    centres, x = rng.random((20, 3)), rng.random((30, 3))
    whole = inside(centres, x, 0.3, 3.0)
    monkeypatch.setattr(ideal, "_BLOCK_BYTES", 64)
    assert inside(centres, x, 0.3, 3.0).tolist() == whole.tolist()
    assert 0 < whole.sum() < 30


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.float32])
@pytest.mark.parametrize("p", [2.0, 3.0])
def test_points_of_few_bits_do_not_wrap_around(kind, p) -> None:
    x, centres = np.array([[100, 3], [7, 90]], dtype=kind), np.array([[127, 5]], dtype=kind)
    assert inside(centres, x, 28.0, p).tolist() == [True, False]


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("small", [np.array([0.0]), np.array([True])])
def test_indices_are_whole_numbers(small: np.ndarray) -> None:
    with pytest.raises(ValueError, match="integer indices"):
        IdealClassifier(np.zeros((1, 2)), np.array([1]), small, 0.5, 2.0, lambda z: np.full(len(z), -1.0))
