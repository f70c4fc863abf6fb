"""The structural certificates of memorizers, on samples at all scales, against exact margins and real runs."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.soundness.attacks import Tally
from tests.soundness.memorized import attack_memorizer, attack_rivals, build, draw_sample

Number, Judged = Callable[[int], int], Callable[[Tally], None]


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf, 1.5])
def test_memorizers(p: float, number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(4 if p == 2 else 10)):
        seed = (31, k)
        try:
            memorizer = build(draw_sample(seed, p), seed)
        except ValueError:
            # A scale or a radius that is refused by name, also by its subclass AssumptionError, leaves no claim.
            tally.attacked("memorizer refused")
            continue
        attack_memorizer(memorizer, seed, tally)
    assert tally.cases["memorizer refused"] < sum(tally.cases.values()) / 3
    judged(tally)


@pytest.mark.parametrize("p", [2.0, np.inf])
def test_rivals(p: float, number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(12)):
        seed = (32, k)
        try:
            attack_rivals(draw_sample(seed, p), seed, tally)
        except ValueError:
            tally.attacked("rival refused")
    assert tally.cases["rival refused"] < sum(tally.cases.values()) / 3
    judged(tally)
