"""The witnesses break what they are said to break, by the definitions and not by the witness's own numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.errors import AssumptionError
from theory.witnesses import ideal_classifier as witnesses
from theory.witnesses.ideal_classifier import discontinuity_of_f_adv, midpoint_of_opposite_labels

# Dyadic, so that centres, balls and values are exact.
dyadic_radii = st.integers(1, 341).map(lambda k: k / 1024)


def f_adv_of_theorem_33(x: np.ndarray, radius: float) -> np.ndarray:
    """The definition, written out for `f_clean(x) = x - 1/2` and the one point `1/2 + radius/2` with label +1."""
    return np.where(np.abs(x - (0.5 + radius / 2)) <= radius, 1.0, x - 0.5)


def grid_around(point: float) -> np.ndarray:
    """Coarse on `[0, 1]`, and ever finer on both sides of `point`, with the neighbouring floats themselves."""
    steps = 2.0 ** -np.arange(1, 53)
    near = np.concatenate([point - steps, point + steps, [point, np.nextafter(point, 0), np.nextafter(point, 1)]])
    return np.union1d(np.linspace(0, 1, 2049), near[(near >= 0) & (near <= 1)])


def soft_version(x: np.ndarray, radius: float, width: float, shift: float) -> tuple[np.ndarray, float]:
    """`I + (1 - I) f_clean` with a ramp of the given width in place of the indicator, and its Lipschitz constant.

    The ramp begins `shift · width` inside the ball. On `[0, 1]` `|f_clean| <= 1/2`: slope `<= 1.5 / width + 1`.
    """
    outside = np.abs(x - (0.5 + radius / 2)) - radius
    indicator = np.clip(1 - (outside + shift * width) / width, 0, 1)
    return indicator + (1 - indicator) * (x - 0.5), 1.5 / width + 1


def best_continuous(x: np.ndarray, radius: float) -> np.ndarray:
    """Half way across each jump, and back to `f_adv` within radius/2 on both of its sides."""
    g = f_adv_of_theorem_33(x, radius)
    for jump, outward in ((0.5 - radius / 2, -1), (0.5 + 1.5 * radius, 1)):
        half = (1.0 - (jump - 0.5)) / 2
        fade = np.clip(1 - np.abs(x - jump) / (radius / 2), 0, 1) * half
        g += np.where(outward * (x - jump) > 0, fade, -fade)
    return g


@pytest.mark.statement("theorem-3.3", form="printed")
@given(dyadic_radii)
def test_f_adv_jumps_at_the_point_by_its_definition(radius) -> None:
    witness = discontinuity_of_f_adv(radius)
    before = np.nextafter(witness.point, 0)
    assert 0 < witness.point < 1
    assert f_adv_of_theorem_33(np.array([witness.point]), radius).tolist() == [witness.right]
    # The limit from the left: values there differ from it by their distance, no more.
    assert abs(f_adv_of_theorem_33(np.array([before]), radius)[0] - witness.left) <= witness.point - before
    assert (witness.left, witness.right) == (-radius / 2, 1.0)
    assert witness.sup_error_bound == 0.5 + radius / 4


@pytest.mark.statement("theorem-3.3", form="printed")
@given(dyadic_radii)
def test_the_instance_meets_every_hypothesis_and_is_the_definition(radius) -> None:
    witness = discontinuity_of_f_adv(radius)
    f_adv = witness.f_adv
    points, labels = f_adv.points[:, 0], f_adv.labels
    clean = points - 0.5
    assert (labels * clean > 0).all()
    # The distance to DB = {1/2} is |x - 1/2|; both margins occur, and the memorized points are the small ones.
    assert np.flatnonzero(np.abs(clean) < radius).tolist() == f_adv.small.tolist() == [1]
    assert points[1] - points[0] > 2 * radius
    assert ((points >= 0) & (points <= 1)).all()
    x = grid_around(witness.point)
    assert f_adv(x[:, None]).tolist() == f_adv_of_theorem_33(x, radius).tolist()


@pytest.mark.statement("theorem-3.3", form="printed")
@given(dyadic_radii)
def test_no_soft_indicator_of_any_width_gets_below_the_bound(radius) -> None:
    witness = discontinuity_of_f_adv(radius)
    x = grid_around(witness.point)
    target = f_adv_of_theorem_33(x, radius)
    gap = witness.point - np.nextafter(witness.point, 0)
    for k, shift in itertools.product(range(0, 30, 3), (0.0, 0.5, 1.0)):
        values, slope = soft_version(x, radius, 2.0**-k, shift)
        # The two errors beside the jump add up to the jump, less what the candidate can change between two
        # neighbouring floats; 8 roundings of numbers below 2.
        slack = slope * gap / 2 + 8 * 2.0**-52
        assert np.abs(values - target).max() >= witness.sup_error_bound - slack
        assert slack < 2.0**-20


@pytest.mark.statement("theorem-3.3", form="printed")
@given(dyadic_radii)
def test_the_bound_is_the_best_one(radius) -> None:
    # Catches a bound that claims too little (a quarter of the jump): then this candidate would exceed it.
    witness = discontinuity_of_f_adv(radius)
    x = grid_around(witness.point)
    values = best_continuous(x, radius)
    error = np.abs(values - f_adv_of_theorem_33(x, radius)).max()
    assert abs(error - witness.sup_error_bound) <= 8 * 2.0**-52
    # Continuous: between neighbours of the grid it changes by its slope times their distance.
    assert (np.abs(np.diff(values)) <= (2 / radius + 1) * np.diff(x) + 8 * 2.0**-52).all()


@given(st.floats(2.0**-20, 0.333))
def test_for_any_radius_the_point_is_the_first_float_of_the_ball(radius) -> None:
    # Catches a point left just outside the closed ball by rounding.
    witness = discontinuity_of_f_adv(radius)
    point = np.array([[witness.point], [np.nextafter(witness.point, 0)]])
    inside, outside = witness.f_adv(point).tolist()
    assert inside == witness.right == 1.0
    assert outside == point[1, 0] - 0.5 < 0


@pytest.mark.statement("proposition-3.2", form="printed")
@pytest.mark.statement("proposition-3.2-i", form="printed")
@given(st.integers(1, 682).map(lambda k: k / 1024))
def test_opposite_indicators_cancel_on_the_training_balls(radius) -> None:
    witness = midpoint_of_opposite_labels(radius)
    points, labels = witness.f_adv.points[:, 0], witness.f_adv.labels
    # The hypotheses: f_clean is right, both margins small, no data within radius of the other, all in [0, 1].
    assert np.sign(points - 0.5).tolist() == labels.tolist()
    assert (np.abs(points - 0.5) < radius).all()
    assert points[1] - points[0] > radius
    assert ((points >= 0) & (points <= 1)).all()
    assert witness.f_adv.small.tolist() == [0, 1]
    # The conclusion fails at both points: an adversarial training error of 1.
    within = np.abs(witness.point - points) <= radius
    assert within.all()
    value = sum(label for label, close in zip(labels, within, strict=True) if close)
    assert value == 0
    assert witness.f_adv(witness.point[None, :]).tolist() == [0.0]


@pytest.mark.parametrize(
    ("name", "radius"),
    [
        ("discontinuity_of_f_adv", 0.0),
        ("discontinuity_of_f_adv", -0.1),
        ("discontinuity_of_f_adv", float("nan")),
        ("discontinuity_of_f_adv", 0.34),
        ("discontinuity_of_f_adv", float("inf")),
        ("midpoint_of_opposite_labels", 0.0),
        ("midpoint_of_opposite_labels", 0.67),
        ("midpoint_of_opposite_labels", float("nan")),
    ],
)
def test_a_radius_out_of_range_is_refused(name, radius) -> None:
    with pytest.raises(AssumptionError, match="needs 0 < radius"):
        getattr(witnesses, name)(radius)
