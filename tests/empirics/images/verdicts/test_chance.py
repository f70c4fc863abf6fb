"""A network that learned nothing says nothing: flagged under every condition, and no network that learned is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STORED = Path(__file__).parents[4] / "empirics" / "images" / "results"
# Of claims of every experiment: the conditions of which a network at chance makes it "not fitted".
NEEDED = {
    "figure1": ("adversarial", "clean"),
    "figure2": ("adversarial", "clean"),
    "figure3": ("adversarial", "clean"),
    "table1": ("adversarial", "clean"),
    "memorization": ("adversarial", "clean"),
}


def run(accuracy: float, **options: Any) -> dict[str, Any]:
    return {"condition": "clean", "radius": 0.0, "width": 1.0, "last": {"train_clean": accuracy}, **options}


def test_the_limit_is_that_of_a_guesser() -> None:
    """200 guesses among ten classes: hardly ever 44 are right."""
    from empirics.images.verdicts.chance import at_chance

    for accuracy in (0.0, 0.09, 0.135, 0.16, 0.2):
        assert at_chance(run(accuracy))
    for accuracy in (0.25, 0.5, 1.0):
        assert not at_chance(run(accuracy))
    # Two classes, one of which has 70 % of the images: who says it always has learned nothing.
    assert at_chance(run(0.7, guessing=0.7))
    assert not at_chance(run(0.95, guessing=0.7))
    # Few images say little.
    assert at_chance(run(0.4, monitored=10))
    assert not at_chance(run(0.4, monitored=200))


def test_guessers_are_flagged() -> None:
    from empirics.images.verdicts.chance import at_chance

    rng = np.random.default_rng(0)
    shares = rng.binomial(200, 0.1, 2000) / 200
    assert all(at_chance(run(float(share))) for share in shares)


@pytest.mark.parametrize("experiment", NEEDED)
def test_every_claim_on_networks_at_chance_is_not_fitted(experiment: str) -> None:
    """The planted fault: the stored networks, with the accuracy of one seed at chance."""
    from empirics.images.verdicts.result import Result
    from empirics.images.verdicts.verdicts import verdicts

    result = Result.load(STORED / f"{experiment}-cifar10-paper.json")
    assert "not fitted" not in {v.role for v in result.verdicts}
    flagged = set()
    for condition in NEEDED[experiment]:
        k = next(i for i, one in enumerate(result.runs) if one["condition"] == condition and one["seed"] == 1)
        lost = {**result.runs[k], "last": {**result.runs[k]["last"], "train_clean": 0.135}}
        changed = verdicts(replace(result, runs=(*result.runs[:k], lost, *result.runs[k + 1 :])))
        roles = {v.claim: v.role for v in changed}
        for claim, role in roles.items():
            if claim.endswith(f": {condition}") or f": {condition}, " in claim:
                assert role == "not fitted", claim
            if role == "not fitted":
                flagged.add(claim)
        # The numbers are the same; only what they say is.
        assert [(v.claim, v.values, v.outcome) for v in changed] == [
            (v.claim, v.values, v.outcome) for v in result.verdicts
        ]
    # What is left stands on other networks.
    left = {v.claim for v in result.verdicts} - flagged
    assert all("initialisation" in claim or "random labels" in claim for claim in left), left
