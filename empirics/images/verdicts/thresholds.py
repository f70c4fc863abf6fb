"""How a claim of section 4 is judged: by a statistic, a threshold fixed before the measurement, and an interval.

A claim is *reproduced* when the whole 95 % confidence interval of its statistic lies on the claim's side of the
threshold, *not reproduced* when it lies on the other side, and *undecided* when it straddles the threshold. Controls
are judged by the same statistic and must not come out as reproduced.
"""

from collections.abc import Callable, Sequence

from empirics.images.verdicts.result import Judgement, significant
from empirics.images.verdicts.statistics import Interval, student_interval

# Slope outside over slope inside: a cubic has 7, so more than 7 is steeper than a cubic.
SLOPE_RATIO = 7.0
# The kink moves by at least half of what the training radius moves by.
KINK_SPEED = 0.5
# In log-likelihood, as for one parameter: half the 95 % quantile of χ². Fixed when the curves at full size were known,
# as was the next.
KINK_LIKELIHOOD = 1.92
# Up to which part of the training radius a curve with a kink is flat.
KINK_RADIUS = 0.5
# "Much faster": global flatness grows by at least twice the factor of local flatness.
GROWTH = 2.0
CORRELATION = 0.5
# Of what other seeds do not explain: that anything is left.
PARTIAL = 0.0
# Table 1: "100 %", "far more", "small". Quoted there: drops of 54.2 points robust and 12.7 clean.
ROBUST_TRAIN = 0.99
ROBUST_DROP = 0.2
CLEAN_DROP = 0.2
DROP_FACTOR = 2.0
# The curve inside the radius in the end, over its highest epoch.
END_OVER_PEAK = 0.5
# The sample counts as fitted from the first measured epoch with at most this robust training error.
FITTED = 0.01
# Set when it was known how well random labels are fitted, and before their curves were.
# Two images within two radii can have different ones, and then not both are robust.
RANDOM_FITTED = 0.95
# Memorization: differences in robust fraction, and in robust radius over the training radius.
SHARE = 0.2
RADIUS_SHARE = 0.25
RESCUED = 0.9
WIDTH_FALL = 0.1


Averaging = Callable[[Sequence[float]], Interval]


def judge(
    statement: str,
    claim: str,
    statistic: str,
    values: Sequence[float],
    threshold: float,
    *,
    direction: str = "above",
    role: str = "claim",
    averaging: Averaging = student_interval,
) -> Judgement:
    """The verdict on one claim from its statistic's values over seeds.

    Args:
        statement: id in the ledger.
        claim: in words.
        statistic: in words.
        values: one a seed.
        threshold: of the claim.
        direction: on which side of it the claim holds, "above" or "below".
        role: "claim" or "control".
        averaging: the interval from the values.

    Raises:
        ValueError: for another direction.
    """
    if direction not in ("above", "below"):
        raise ValueError(f'a claim holds "above" or "below" its threshold, got {direction!r}')
    found = averaging(list(values))
    side = 1.0 if direction == "above" else -1.0
    low, high = sorted((side * (found.low - threshold), side * (found.high - threshold)))
    outcome = "reproduced" if low > 0 else "not reproduced" if high < 0 else "undecided"
    mean, ends = significant(found.mean), (significant(found.low), significant(found.high))
    seen = tuple(map(significant, values))
    return Judgement(statement, role, claim, statistic, threshold, direction, seen, mean, *ends, outcome)
