"""Networks that did not learn their training images, and so say nothing of what training does."""

from collections.abc import Mapping
from typing import Any

from scipy.stats import binom

from empirics.images.verdicts.result import Result

# Of a guesser to be taken for a network that learned.
_ERROR = 1e-6
# Of results that do not say it: ten classes, and the images that every run monitors.
_GUESSING, _MONITORED = 0.1, 200


def at_chance(run: Mapping[str, Any]) -> bool:
    """Whether guessing explains the accuracy on monitored training images: always the most frequent class.

    A guesser exceeds the limit, the quantile of the binomial distribution, with probability at most 1e-6.
    """
    guessing, count = float(run.get("guessing", _GUESSING)), int(run.get("monitored", _MONITORED))
    return bool(round(run["last"]["train_clean"] * count) <= binom.ppf(1 - _ERROR, count, guessing))


def fitted(result: Result, condition: str, *, radius: float | None = None, width: float | None = None) -> bool:
    """Whether every network of a condition learned its sample better than at chance.

    Args:
        result: with the runs.
        condition: of the networks; one without runs, such as "initialisation", is not asked to learn.
        radius: of those trained at it only; None for all.
        width: of those with it only; None for all.
    """
    return not any(
        at_chance(run)
        for run in result.runs
        if run["condition"] == condition and radius in (None, run["radius"]) and width in (None, run["width"])
    )


def role(result: Result, kind: str, *conditions: str, width: float | None = None) -> str:
    """The kind of a judgement, or "not fitted" if a network of these conditions is at chance."""
    return kind if all(fitted(result, condition, width=width) for condition in conditions) else "not fitted"
