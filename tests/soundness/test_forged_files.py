"""The checker confirms no false claim: bounds and witnesses that are wrong by little, in files that look right."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.soundness.attacks import Tally
from tests.soundness.forgeries import (
    CONFIRMED,
    NOT_CONFIRMED,
    attack_round_trip,
    attack_with_false_bounds,
    attack_with_false_witnesses,
    checked,
    record,
    write_files,
)
from tests.soundness.imitations import imitation
from tests.soundness.networks import PATHS, draw

Number, Judged = Callable[[int], int], Callable[[Tally], None]
ARITHMETICS = ["reals", "rational", "float64", "float32"]
# The checker bounds these by intervals; other exponents it never confirms.
_USUAL = (1.0, 2.0, np.inf, np.inf)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("kind", list(PATHS))
def test_false_bounds(tmp_path: Path, kind: str, arithmetic: str, number: Number, judged: Judged) -> None:
    tally = Tally()
    networks = number(20 if arithmetic in ("reals", "rational") else 6) * (3 if kind == "signed" else 1)
    for k in range(networks):
        case = draw((21, k), arithmetic, kind, dim=(None, 1, 2)[k % 3])
        # Sums of one sign have rules of their own on boxes.
        p = np.inf if kind == "signed" else _USUAL[k % 4]
        attack_with_false_bounds(tmp_path, replace(case, p=p) if k % 8 else case, arithmetic, tally)
    judged(tally)


def test_false_bounds_where_rules_by_distances_are_imitated(tmp_path: Path, number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(90)):
        case, widths = imitation((22, k))
        attack_with_false_bounds(tmp_path, case, "reals", tally, widths, case.kind.split(",")[0])
        if case.p == np.inf:
            attack_with_false_bounds(tmp_path, case, "float32", tally, widths, case.kind.split(",")[0])
    judged(tally)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_false_witnesses(tmp_path: Path, arithmetic: str, number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(14)):
        attack_with_false_witnesses(tmp_path, draw((23, k), arithmetic), arithmetic, tally)
    judged(tally)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_round_trips(tmp_path: Path, arithmetic: str, number: Number, judged: Judged) -> None:
    """Certified and refuted balls, written and read again: no file is refused, and what has a rule is confirmed."""
    tally = Tally()
    for k in range(number(24)):
        case = draw((24, k), arithmetic)
        attack_round_trip(
            tmp_path, replace(case, p=_USUAL[k % 4]) if arithmetic == "rational" else case, arithmetic, tally
        )
    assert {f"round trip {arithmetic}, {status}" for status in ("certified", "refuted")} <= set(tally.cases)
    judged(tally)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_files_of_true_claims_are_confirmed(tmp_path: Path, arithmetic: str) -> None:
    """The files are refused for nothing but the claim: f(x) = x_1 - x_2 + 3 on a ball of radius 1, and -f."""
    case = replace(
        draw((25, 0), kind="dyadic", dim=2),
        weights=(np.array([[1.0, -1.0]]),),
        biases=(np.array([3.0]),),
        stored_sparse=(False,),
        points=np.array([[0.0, 0.0], [-5.0, 0.0]]),
        labels=np.array([1, 1]),
        radius=0.5,
        p=np.inf,
    )
    names = write_files(
        tmp_path,
        case,
        arithmetic,
        [record("certified", 1.99, arithmetic), record("refuted", None, arithmetic, [-5.0, 0.25])],
    )
    assert checked(names)[:2] == (CONFIRMED, 2)
    for wrong in (record("certified", 2.000001, arithmetic), record("refuted", None, arithmetic, [0.0, 0.0])):
        names = write_files(
            tmp_path, replace(case, points=case.points[:1], labels=case.labels[:1]), arithmetic, [wrong]
        )
        assert checked(names)[:2] == (NOT_CONFIRMED, 0)


def test_squares_that_keep_the_hypotheses_are_confirmed(tmp_path: Path) -> None:
    """So the imitations are next to what the rule confirms."""
    confirmed = 0
    for k in range(60):
        case, widths = imitation((26, k))
        if case.kind in ("squares, nothing", "squares, far"):
            claims = [record("certified", 0.25, "reals")] * 2
            confirmed += checked(write_files(tmp_path, case, "reals", claims, widths))[1]
    assert confirmed >= 4


@pytest.mark.parametrize(
    ("arithmetic", "weight", "x"), [("float32", 2.0**-140, 2.0**120), ("float64", 2.0**-1060, 2.0**1020)]
)
def test_a_weight_that_may_be_read_as_zero_confirms_nothing(
    tmp_path: Path, arithmetic: str, weight: float, x: float
) -> None:
    """`f(x) = w x` with w subnormal is 0 in a run that flushes, however large x is."""
    case = replace(
        draw((27, 0), kind="dyadic", dim=1),
        weights=(np.array([[weight]]),),
        biases=(np.zeros(1),),
        stored_sparse=(False,),
        points=np.array([[x]]),
        labels=np.array([1]),
        radius=x / 4,
        p=np.inf,
    )
    names = write_files(tmp_path, case, arithmetic, [record("certified", 5e-324, arithmetic)])
    assert checked(names)[:2] == (NOT_CONFIRMED, 0)
