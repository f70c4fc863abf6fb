"""The suite for the builders of others, on the project's own."""

from functools import partial
from typing import Any

import pytest
from hypothesis import settings

import constructions
from constructions.suite import CheckFailed, NotChecked, check_memorizer, claims, parametrize_with_checks
from constructions.suite.own_data import CONCLUSIONS, HYPOTHESES, OwnData
from theory import AssumptionError

# Every sample is for all checks, and some are chosen by hand.
EXAMPLES = max(10, settings().max_examples // 3)
rules = partial(constructions.rule_memorizer, levels=3, tries=1)
OWN = [
    claims(f_adv=True)(constructions.robust_memorizer),
    *(
        claims(contract=True)(builder)
        for builder in (
            constructions.max_tree_memorizer,
            constructions.narrow_deep_memorizer,
            constructions.projection_memorizer,
            partial(rules, p=2.0),
            partial(rules, p="inf"),
            partial(constructions.robust_memorizer, p=1, small="all"),
            partial(constructions.robust_memorizer, p="inf", small="all"),
        )
    ),
]


@parametrize_with_checks(OWN, max_examples=EXAMPLES)
def test_own_builders(builder: Any, check: Any) -> None:
    check(builder)


@pytest.mark.parametrize(
    "builder",
    [constructions.max_tree_memorizer, constructions.narrow_deep_memorizer, constructions.projection_memorizer],
)
def test_rivals_pass_as_they_are(builder: Any) -> None:
    found = check_memorizer(builder, max_examples=5)
    assert len(found.held) == 6
    assert not found.not_checked
    assert found.samples - found.refused >= 5


@pytest.mark.parametrize("conclusion", [*HYPOTHESES, *CONCLUSIONS])
def test_the_theorem_on_digits(conclusion: Any) -> None:
    conclusion(DIGITS)


DIGITS = OwnData("digits", "parity", 0.1, float("inf"), constructions.robust_memorizer)


def test_what_nothing_is_concluded_of_is_not_checked() -> None:
    """For a builder that returns a function alone, half of the conclusions say nothing."""

    def network_alone(points: Any, labels: Any, radius: Any, p: Any) -> Any:
        return constructions.robust_memorizer(points, labels, radius=radius, p=p, small="all").network

    own = OwnData("digits", "3,8", 0.1, 2.0, network_alone)
    for conclusion in CONCLUSIONS:
        if conclusion.__name__ == "attack_finds_no_error":
            conclusion(own)
        else:
            with pytest.raises(NotChecked, match="the builder gives no "):
                conclusion(own)


def test_own_data_that_cannot_be_memorized() -> None:
    """A hypothesis that fails is said, and nothing is concluded; a refusal without one is a failure."""
    own = OwnData("digits", "3,8", 5.0, 2.0, constructions.robust_memorizer)
    with pytest.raises(CheckFailed, match=r"radius 5.0 is too large: points \d+ and \d+ .* so at most"):
        HYPOTHESES[2](own)
    for conclusion in CONCLUSIONS:
        with pytest.raises(NotChecked, match="a hypothesis fails"):
            conclusion(own)

    def never(points: Any, labels: Any, radius: Any, p: Any) -> Any:
        raise AssumptionError("no clean classifier")

    refused = OwnData("digits", "3,8", 0.1, 2.0, never)
    for conclusion in CONCLUSIONS:
        with pytest.raises(
            CheckFailed, match=r"no memorizer is built, though the hypotheses hold.*no clean classifier"
        ):
            conclusion(refused)
    other = OwnData("digits", "3,8", 0.1, float("inf"), constructions.projection_memorizer)
    with pytest.raises(CheckFailed, match="for p = "):
        CONCLUSIONS[0](other)
    with pytest.raises(CheckFailed, match="the data cannot be used"):
        HYPOTHESES[0](OwnData("nothing.npz", "all", 0.1, 2.0, constructions.robust_memorizer))
