"""The transport bounds of the robust gap: cases of equality catch every constant that is too small; bad calls."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from theory.errors import AssumptionError
from theory.generalization.flatness import PointwiseMaximum
from theory.generalization.robust_gap import LabelledLosses, flatness_gap_bound, lipschitz_gap_bound


def part(points, labels, losses) -> LabelledLosses:
    return LabelledLosses(np.asarray(points, dtype=float), np.asarray(labels), np.asarray(losses, dtype=float))


def constant_maxima(value, count, *, unit_box=False, scale=1.0) -> Callable[[float], PointwiseMaximum]:
    def maxima(radius) -> PointwiseMaximum:
        array = np.full(count, float(value))
        return PointwiseMaximum(array, array, scale * radius, math.inf, unit_box)

    return maxima


def test_a_linear_loss_on_a_shifted_sample_reaches_both_bounds() -> None:
    # L = (x_1 + x_2)/4, G = 1/2; D lies 1/2 in both coordinates beyond S, radius 1/8 adds the same to both sides.
    sample = np.array([[0.0, 0.0], [0.5, 0.25]])
    population = sample + 0.5

    def loss(x) -> np.ndarray:
        return (x.sum(axis=1) + 2 / 8) / 4

    d, s = part(population, [1, 1], loss(population)), part(sample, [1, 1], loss(sample))
    first = lipschitz_gap_bound(d, s, lipschitz=0.5, loss_bound=1.0)
    second = flatness_gap_bound(d, s, constant_maxima(0.5, 2), radius=0.125, loss_bound=1.0)
    for found in (first, second):
        assert (found.gap, found.slope, found.transport, found.class_term) == (0.25, 0.5, 0.5, 0.0)
        assert 0.25 <= found.bound <= 0.25 + 1e-12
        assert found.check.status == "holds"


def test_the_class_term_is_reached_with_its_half() -> None:
    # Losses B and 0 by class, no transport: the gap is B times the excess of the one prior.
    points = np.zeros((4, 1))
    d, s = part(points, [0, 0, 0, 1], [2.0, 2.0, 2.0, 0.0]), part(points, [0, 1, 1, 1], [2.0, 0.0, 0.0, 0.0])
    found = lipschitz_gap_bound(d, s, lipschitz=0.0, loss_bound=2.0)
    assert (found.gap, found.class_term, found.transport) == (1.0, 1.0, 0.0)
    assert found.bound - 1.0 <= 1e-12
    assert lipschitz_gap_bound(d, s, lipschitz=math.inf, loss_bound=2.0).check.status == "holds"


def test_transport_stays_within_the_classes_and_is_weighted_by_the_priors_of_d() -> None:
    # As sets of points D and S are equal; each class has to cross.
    d = part([[0.0], [0.0], [0.0], [1.0]], [0, 0, 0, 1], [0.0] * 4)
    s = part([[1.0], [0.25]], [0, 1], [0.0] * 2)
    assert lipschitz_gap_bound(d, s, lipschitz=1.0, loss_bound=1.0).transport == 0.75 * 1 + 0.25 * 0.75
    assert flatness_gap_bound(d, s, constant_maxima(1.0, 4), radius=0.1, loss_bound=1.0).transport == 1.0


def test_the_slope_that_a_whole_move_reaches_counts() -> None:
    """D = {0}, S = {1}, δ = 0.1; L falls from 1 to 0 on [0.7, 0.8], beyond δ + h/2 from 0 and within δ + h."""

    def maxima(radius) -> PointwiseMaximum:
        slope = np.array([10.0 if radius >= 0.7 else 0.0])
        return PointwiseMaximum(slope, slope, radius)

    d, s = part([[0.0]], [1], [1.0]), part([[1.0]], [1], [0.0])
    found = flatness_gap_bound(d, s, maxima, radius=0.1, loss_bound=1.0)
    assert (found.gap, found.slope, found.transport) == (1.0, 10.0, 1.0)
    assert found.bound >= found.gap
    # Planted: maxima over balls of another radius are refused, the radius that is enough for half of the move, too.
    with pytest.raises(ValueError, match="needs the maxima over whole"):
        flatness_gap_bound(d, s, lambda _: maxima(0.6), radius=0.1, loss_bound=1.0)


def test_a_bound_from_the_ceiling_on_is_vacuous() -> None:
    d, s = part([[0.0]], [0], [1.0]), part([[1.0]], [0], [0.0])
    assert lipschitz_gap_bound(d, s, lipschitz=1.0, loss_bound=1.0).check.status == "vacuous"
    assert lipschitz_gap_bound(d, s, lipschitz=math.inf, loss_bound=1.0).check.status == "vacuous"


def test_a_mere_search_gives_no_bound() -> None:
    d, s = part([[0.0]], [0], [1.0]), part([[1.0]], [0], [0.0])

    def found(radius) -> PointwiseMaximum:
        return PointwiseMaximum(np.ones(1), np.full(1, math.inf), radius)

    assert flatness_gap_bound(d, s, found, radius=0.1, loss_bound=1.0).bound == math.inf


D = part([[0.0], [1.0]], [0, 1], [0.5, 0.5])


@pytest.mark.parametrize(
    ("sample", "options", "error", "message"),
    [
        (part([[0.0]], [0], [0.5]), {}, AssumptionError, r"none of class \[1\]"),
        (part([[0.0], [1.0], [2.0]], [0, 1, 2], [0.5] * 3), {}, ValueError, r"lacks, got \[2\]"),
        (part([[0.0], [1.0]], [0, 1], [0.5, 1.5]), {}, AssumptionError, r"on the sample, losses from 0.5 to 1.5"),
        (part([[0.0], [1.0]], [0, 1], [0.5, math.nan]), {}, AssumptionError, "losses in"),
        (D, {"loss_bound": 0.25}, AssumptionError, "on the population"),
        (D, {"loss_bound": 0.0}, ValueError, "finite bound > 0"),
        (D, {"loss_bound": math.nan}, ValueError, "finite bound > 0"),
        (D, {"p": 0.5}, ValueError, "p >= 1"),
    ],
)
def test_bad_samples_are_refused(sample, options, error, message) -> None:
    with pytest.raises(error, match=message):
        lipschitz_gap_bound(D, sample, **({"lipschitz": 1.0, "loss_bound": 1.0} | options))
    with pytest.raises(error, match=message):
        flatness_gap_bound(D, sample, constant_maxima(1.0, 2), **({"radius": 0.1, "loss_bound": 1.0} | options))


@pytest.mark.parametrize(
    ("maxima", "radius"),
    [
        (constant_maxima(1.0, 3), 0.1),
        (constant_maxima(1.0, 2, unit_box=True), 0.1),
        # Catches the flatness at the radius δ of the printed theorem.
        (constant_maxima(1.0, 2, scale=0.5), 0.1),
        (constant_maxima(1.0, 2), math.nan),
        (constant_maxima(1.0, 2), -0.1),
    ],
)
def test_maxima_over_other_balls_are_refused(maxima, radius) -> None:
    with pytest.raises(ValueError, match="flatness_gap_bound needs"):
        flatness_gap_bound(D, D, maxima, radius=radius, loss_bound=1.0)


def test_other_bad_arguments_are_refused() -> None:
    for lipschitz in (-1.0, math.nan):
        with pytest.raises(ValueError, match="Lipschitz"):
            lipschitz_gap_bound(D, D, lipschitz=lipschitz, loss_bound=1.0)
    with pytest.raises(ValueError, match="one label and one loss each"):
        part(np.zeros((0, 1)), np.zeros(0, dtype=int), [])
