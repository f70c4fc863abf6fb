"""No bound over the reals is above the exact minimum, no certified ball holds an error, every witness is exact."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from constructions import certify
from tests.soundness.attacks import Tally, attack_real_bounds, check_real_certificate, known_minimum
from tests.soundness.networks import PATHS, draw
from tests.soundness.truth import is_inside, least_margin, least_margin_found, smt_violates

Number, Judged = Callable[[int], int], Callable[[Tally], None]


@pytest.mark.parametrize("kind", list(PATHS))
def test_bounds_over_the_reals(kind: str, number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(16)):
        attack_real_bounds(draw((1, k), kind=kind), tally)
    judged(tally)


@pytest.mark.parametrize("kind", list(PATHS))
def test_bounds_on_a_line(kind: str, number: Number, judged: Judged) -> None:
    """In one dimension the least margin is known exactly, whatever the depth."""
    tally = Tally()
    for k in range(number(10)):
        attack_real_bounds(draw((2, k), kind=kind, dim=1), tally)
    judged(tally)


@pytest.mark.parametrize("p", [1.0, np.inf, 2.0])
def test_bounds_against_a_solver(p: float, number: Number, judged: Judged) -> None:
    """A solver of real arithmetic looks for a point of the ball with a margin below the bound."""
    tally = Tally()
    for k in range(number(12 if p != 2 else 4)):
        case = replace(draw((3, k), kind=("dyadic", "normal", "active", "scaled")[k % 4], dim=2 + k % 2), p=p)
        found = certify(case.network, case.points, case.labels, case.radius, p)
        for i in range(0, len(case.points), 2):
            if not np.isfinite(found.lower[i]):
                continue
            answer = smt_violates(case, i, float(found.lower[i]), work=200_000)
            tally.attacked(f"certify reals, solver, p={p:g}" + (", undecided" if answer is None else ""))
            if answer:
                tally.is_false("solver", case, f"ball {i}: a margin below {found.lower[i]!r}")
    judged(tally)


@pytest.mark.parametrize("p", [1.0, np.inf])
def test_the_solver_finds_what_is_below(p: float) -> None:
    """The second route to the truth agrees with the first: below what was found nothing, above it something."""
    for k in range(12):
        case = replace(draw((4, k), kind="dyadic", dim=1), p=p)
        least = least_margin(case, 0)
        assert least is not None
        step = Fraction(1, 2**20)
        assert smt_violates(case, 0, float(least + step)) is True
        assert smt_violates(case, 0, float(least - step)) is False
        assert least <= least_margin_found(case, 0)


def test_points_that_are_tried_lie_in_the_ball() -> None:
    """Exactly, for every exponent: else a truth would be none."""
    from tests.soundness.truth import fraction, points_of_ball

    for k in range(60):
        case = draw((5, k))
        x, exponent = points_of_ball(case, 0)
        for column in x.T:
            point = [fraction(v, exponent) for v in column]
            steps = [abs(a - Fraction(float(b))) for a, b in zip(point, case.points[0], strict=True)]
            radius = Fraction(case.radius)
            if case.p == 1:
                assert sum(steps) <= radius
            elif case.p in (2, 3):
                assert sum(s ** int(case.p) for s in steps) <= radius ** int(case.p)
            assert max(steps) <= radius
    assert not is_inside(np.array([1.0, 2.0**-60]), np.zeros(2), 1.0, 2.0)
    assert is_inside(np.array([0.6, 0.6]), np.zeros(2), 1.0, 1.5) == (2 * 0.6**1.5 <= 1)


@pytest.mark.parametrize("fault", ["lower", "witness", "status"])
def test_a_changed_certificate_is_found_false(fault: str) -> None:
    """The judge itself: one unit in the last place too much, a witness elsewhere, a verdict that does not follow."""
    case = replace(draw((6, 1), kind="dyadic", dim=1), p=np.inf)
    right = certify(case.network, case.points, case.labels, case.radius, case.p)
    truth = [known_minimum(case, i) for i in range(len(case.points))]
    lower = np.array([np.nextafter(float(t), np.inf) for t in truth])
    wrong = {
        "lower": replace(right, lower=lower),
        "witness": replace(
            right, status=np.full(4, "refuted"), counterexamples={i: x for i, x in enumerate(case.points + 9)}
        ),
        "status": replace(right, status=np.full(4, "certified"), lower=np.full(4, -1.0)),
    }[fault]
    tally = Tally()
    check_real_certificate("", case, right, truth, tally)
    assert not tally.false
    check_real_certificate("", case, wrong, truth, tally)
    assert tally.false
