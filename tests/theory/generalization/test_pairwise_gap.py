"""The transport bound with slopes in its cost: on the line all terms are exact, so that it may never be violated."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import arrays, dyadic
from theory.errors import AssumptionError
from theory.generalization import pairwise_gap
from theory.generalization.flatness import PointwiseMaximum
from theory.generalization.pairwise_gap import transport_gap_bound
from theory.generalization.robust_gap import GapBound, LabelledLosses, flatness_gap_bound, lipschitz_gap_bound


@dataclass(frozen=True)
class Line:
    """A piecewise linear loss in [0, 1] on the line, constant beyond its knots, and two samples of one class."""

    knots: np.ndarray
    values: np.ndarray
    population: np.ndarray
    sample: np.ndarray
    radius: float

    def loss(self, x) -> np.ndarray:
        """The largest value on `[x - δ, x + δ]`: at an end, or at a knot inside."""
        ends = np.interp([x - self.radius, x + self.radius], self.knots, self.values).max(axis=0)
        inside = np.abs(self.knots - x[:, None]) <= self.radius
        return np.maximum(ends, np.where(inside, self.values, 0.0).max(axis=1))

    def slopes(self, points, labels, radii) -> np.ndarray:
        """The steepest piece that the interval meets in more than a point, or touches."""
        x, steep = points[:, 0], np.abs(np.diff(self.values) / np.diff(self.knots))
        met = (self.knots[:-1] <= (x + radii)[:, None]) & (self.knots[1:] >= (x - radii)[:, None])
        return np.where(met, steep, 0.0).max(axis=1)

    @property
    def parts(self) -> tuple[LabelledLosses, LabelledLosses]:
        pair = (self.population, self.sample)
        return tuple(LabelledLosses(x[:, None], np.ones(len(x), int), self.loss(x)) for x in pair)  # type: ignore[return-value]

    def bound(self, **options) -> GapBound:
        return transport_gap_bound(*self.parts, self.slopes, radius=self.radius, loss_bound=1.0, **options)

    def old_bounds(self) -> list[float]:
        """Both of `theory.generalization.robust_gap`."""

        def maxima(reach) -> PointwiseMaximum:
            found = self.slopes(self.population[:, None], None, np.full(len(self.population), reach))
            return PointwiseMaximum(found, found, reach)

        lipschitz = float(np.abs(np.diff(self.values) / np.diff(self.knots)).max())
        return [
            lipschitz_gap_bound(*self.parts, lipschitz=lipschitz, loss_bound=1.0).bound,
            flatness_gap_bound(*self.parts, maxima, radius=self.radius, loss_bound=1.0).bound,
        ]


@st.composite
def lines(draw) -> Line:
    knots = np.cumsum(draw(st.lists(dyadic(0.125, 1.0), min_size=2, max_size=6))) - 1
    values = draw(arrays((len(knots),), dyadic(0.0, 1.0)))
    sizes = draw(st.integers(1, 9)), draw(st.integers(1, 6))
    population, sample = (draw(arrays((size,), dyadic(-2.0, 3.0))) for size in sizes)
    return Line(knots, values, population, sample, draw(st.sampled_from([0.0, 0.125, 0.5])))


@pytest.mark.statement("theorem-6.3", form="repaired")
@given(lines(), st.integers(2, 4))
def test_it_is_never_violated_and_never_above_the_other_two(case, pieces) -> None:
    one, finer = case.bound(), case.bound(pieces=pieces)
    assert one.gap <= one.bound
    assert finer.gap <= finer.bound
    # The tolerance of two transport programs.
    assert one.bound <= min(case.old_bounds()) + 1e-7
    assert finer.bound <= one.bound + 1e-7


def outlier(far=1.0) -> Line:
    """A point in ten moves from 0 to `far`; the loss is steep, beyond its way, on [-0.8, -0.7] and [1.7, 1.8]."""
    population = np.linspace(0.0, 0.1, 10)
    sample = population.copy()
    sample[0] = far
    return Line(np.array([-0.8, -0.7, 1.7, 1.8]), np.array([0.0, 1.0, 1.0, 0.0]), population, sample, 0.05)


@pytest.mark.statement("theorem-6.3", form="repaired")
def test_where_both_others_say_nothing_it_does() -> None:
    """The steepest place is nobody's way, so `G W_1 = 1`, and `h` times the flatness at δ + h, 10, are vacuous."""
    case = outlier()
    assert min(case.old_bounds()) >= 1.0
    found = case.bound()
    # One pair in ten may cost 1, whatever it meets.
    assert found.transport == pytest.approx(0.1, abs=1e-7)
    assert found.check.status == "holds"
    # In halves each is seen from its nearer end, within δ + 1/2, and from there nothing is steep.
    assert case.bound(pieces=2).transport <= 1e-7
    assert found.gap == 0.0


def shifted(low=0.7, high=0.8) -> Line:
    """D = {0}, S = {1}, δ = 0.1; the loss falls from 1 to 0 on [low, high]."""
    return Line(np.array([low, high]), np.array([1.0, 0.0]), np.array([0.0]), np.array([1.0]), 0.1)


@pytest.mark.parametrize("pieces", [1, 2, 5])
@pytest.mark.parametrize("low", [0.2, 0.45, 0.7])
def test_it_is_reached_where_the_segment_crosses_the_ramp(low, pieces) -> None:
    found = shifted(low, low + 0.1).bound(pieces=pieces)
    assert (found.gap, found.class_term) == (1.0, 0.0)
    assert 1.0 <= found.bound <= 1 + 1e-12


def test_a_linear_loss_reaches_it_in_every_norm() -> None:
    """`L = ⟨w, x⟩ + const`, D = S + v with `⟨w, v⟩ = ‖w‖_q ‖v‖_p`: the cost of each pair is the change of the loss."""
    sample = np.array([[0.0, 0.0], [0.5, 0.25], [0.25, 0.5]])
    for p, w, v in (
        (math.inf, [0.25, 0.25], [0.5, 0.5]),
        (2.0, [0.375, 0.5], [0.1875, 0.25]),
        (1.0, [0.25, 0.5], [0.0, 0.5]),
    ):
        q = {math.inf: 1.0, 2.0: 2.0, 1.0: math.inf}[p]
        steep = float(np.linalg.norm(w, q))
        parts = [LabelledLosses(x, np.zeros(3, int), x @ np.array(w)) for x in (sample + v, sample)]
        found = transport_gap_bound(
            *parts, lambda points, _, radii, s=steep: np.full(len(points), s), radius=0.125, loss_bound=1.0, p=p
        )
        assert found.gap == pytest.approx(steep * np.linalg.norm(v, p), abs=1e-15)
        assert found.gap <= found.bound <= found.gap + 1e-12


def test_classes_are_transported_apart_and_weighted_by_the_priors_of_d() -> None:
    d = LabelledLosses(np.array([[0.0], [0.0], [0.0], [1.0]]), np.array([0, 0, 0, 1]), np.zeros(4))
    s = LabelledLosses(np.array([[0.5], [0.25]]), np.array([0, 1]), np.zeros(2))

    def slopes(points, labels, radii) -> np.ndarray:
        return np.where(labels == 0, 1.0, 0.5)

    found = transport_gap_bound(d, s, slopes, radius=0.1, loss_bound=2.0)
    assert found.transport == pytest.approx(0.75 * 0.5 + 0.25 * 0.75 / 2, abs=1e-7)
    assert found.class_term == 2.0 * 0.25


@pytest.mark.parametrize(("share", "pieces"), [(0.5, 1), (0.0, 1), (0.0, 3)])
def test_slopes_within_less_than_the_whole_way_are_not_enough(share, pieces, monkeypatch) -> None:
    """Planted: balls of radius δ + t/2, or of δ. A ramp that is near to one end is not seen from the other."""
    original = pairwise_gap._slopes_at
    monkeypatch.setattr(
        pairwise_gap, "_slopes_at", lambda slopes, x, y, radius, moved: original(slopes, x, y, radius, share * moved)
    )
    found = shifted(0.15, 0.25).bound(pieces=pieces)
    assert found.bound < found.gap == 1.0


def test_distances_that_are_summed_too_short_are_made_up_for() -> None:
    """A thousand tenths add up, in floats, to many roundings too few: the balls reach as far as the points are."""
    far, near = (LabelledLosses(np.full((1, 1000), x), np.zeros(1, int), np.zeros(1)) for x in (0.1, 0.0))
    exact = 1000 * Fraction(0.1)
    assert float(np.cumsum(far.points)[-1]) < exact * (1 - Fraction(2) ** -51)
    met = []

    def slopes(points, labels, radii) -> np.ndarray:
        met.extend(radii)
        return np.ones(len(points))

    found = transport_gap_bound(far, near, slopes, radius=0.0, loss_bound=200.0, p=1.0)
    assert min(map(Fraction, met)) >= exact
    assert found.transport == pytest.approx(float(exact), rel=1e-9)


def test_nothing_known_of_the_slopes_leaves_the_ceiling_and_a_point_that_stays_costs_nothing() -> None:
    points = LabelledLosses(np.array([[0.0], [5e-324]]), np.zeros(2, int), np.zeros(2))

    def unknown(points, labels, radii) -> np.ndarray:
        return np.full(len(points), math.inf)

    for pieces in (1, 3):
        assert transport_gap_bound(points, points, unknown, radius=0.1, loss_bound=1.0, pieces=pieces).transport == 0.0
    moved = LabelledLosses(np.array([[1.0], [5e-324]]), np.zeros(2, int), np.zeros(2))
    found = transport_gap_bound(points, moved, unknown, radius=0.1, loss_bound=1.0, pieces=3)
    assert found.transport == 0.5


X = LabelledLosses(np.zeros((1, 1)), np.zeros(1, int), np.zeros(1))
Z = LabelledLosses(np.ones((1, 1)), np.zeros(1, int), np.zeros(1))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"slopes": lambda x, y, r: np.full(len(x), -1.0)}, ValueError, "least -1"),
        ({"slopes": lambda x, y, r: np.full(len(x), math.nan)}, ValueError, "numbers >= 0"),
        ({"slopes": lambda x, y, r: np.zeros(2)}, ValueError, r"got shape \(2,\)"),
        ({"radius": -0.1}, ValueError, "radius >= 0"),
        ({"radius": math.nan}, ValueError, "radius >= 0"),
        ({"pieces": 0}, ValueError, "pieces >= 1"),
        ({"loss_bound": 0.0}, ValueError, "finite bound > 0"),
        ({"sample": LabelledLosses(np.ones((1, 1)), np.ones(1, int), np.zeros(1))}, AssumptionError, "every class"),
        ({"sample": LabelledLosses(np.ones((1, 1)), np.zeros(1, int), np.full(1, 2.0))}, AssumptionError, "losses in"),
    ],
)
def test_bad_calls(change, kind, message) -> None:
    arguments: dict[str, Any] = {"population": X, "sample": Z, "slopes": lambda x, y, r: np.ones(len(x))}
    arguments |= {"radius": 0.1, "loss_bound": 1.0}
    with pytest.raises(kind, match=message):
        transport_gap_bound(**arguments | change)
