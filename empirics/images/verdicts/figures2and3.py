"""Figures 2 and 3: the curves inside the training radius over the epochs, flatness and the robust gap."""

import numpy as np

from empirics.images.verdicts.chance import role
from empirics.images.verdicts.result import Judgement, Result
from empirics.images.verdicts.statistics import (
    correlation,
    correlation_interval,
    geometric_interval,
    inside_mean,
    partial_correlation,
)
from empirics.images.verdicts.thresholds import CORRELATION, END_OVER_PEAK, FITTED, GROWTH, PARTIAL, judge

# The paper's Figure 2 has the test curve rise on CIFAR-10 and descend on MNIST.
TEST_CURVE_RISES = ("cifar10",)


def _inside(result: Result, condition: str, split: str) -> list[tuple[int, np.ndarray]]:
    """Mean of the curve inside the training radius: epochs, each with one value a seed."""
    radius = float(result.settings["radius"])
    records = result.select(condition=condition, split=split, measure="gradient_norm", clip=True)
    return [
        (record.epoch, np.array([inside_mean(record.grid(), row, radius) for row in record.rows()]))
        for record in sorted(records, key=lambda record: record.epoch)
    ]


def figure2(result: Result) -> list[Judgement]:
    """The curve inside the training radius, from the first measured epoch to the last."""
    rises = result.dataset in TEST_CURVE_RISES
    found = []
    for condition in ("adversarial", "clean"):
        for split in ("train", "test"):
            series = _inside(result, condition, split)
            if len(series) < 2:
                continue
            up = split == "test" and rises and condition == "adversarial"
            found.append(
                judge(
                    "figure-2",
                    f"the {split} curve {'rises' if up else 'descends'} inside the radius: {condition}",
                    f"mean inside the radius, epoch {series[-1][0]} over epoch {series[0][0]}",
                    (series[-1][1] / series[0][1]).tolist(),
                    1.0,
                    direction="above" if up else "below",
                    role=role(result, "claim" if condition == "adversarial" else "control", condition),
                    averaging=geometric_interval,
                )
            )
    found += _descent_once_fitted(result)
    return found


def _descent_once_fitted(result: Result) -> list[Judgement]:
    """The train curve from its highest epoch, and from the first epoch that fits the sample, to the last."""
    series = _inside(result, "adversarial", "train")
    if len(series) < 2:
        return []
    curves = np.array([values for _, values in series])
    claim = "the train curve descends inside the radius"
    from_peak = (curves[-1] / curves.max(axis=0)).tolist()
    # 1 where the last epoch is the highest; then the limit 1 is not below the threshold 1, and nothing descends.
    found = [
        judge(
            "figure-2",
            f"{claim} in the end: adversarial",
            "mean inside the radius, last epoch over highest epoch",
            from_peak,
            END_OVER_PEAK,
            direction="below",
            role=role(result, "claim", "adversarial"),
            averaging=geometric_interval,
        )
    ]
    errors = sorted(
        result.select(condition="adversarial", split="train", measure="robust_error"), key=lambda record: record.epoch
    )
    ratios = []
    for k in range(len(result.seeds)):
        fitted = [i for i, record in enumerate(errors) if record.values[k][0] <= FITTED]
        if not fitted or fitted[0] == len(errors) - 1:
            return found
        ratios.append(float(curves[-1, k] / curves[fitted[0], k]))
    found.append(
        judge(
            "figure-2",
            f"{claim} once the sample is fitted: adversarial",
            f"mean inside the radius, last epoch over the first with robust training error <= {FITTED}",
            ratios,
            1.0,
            direction="below",
            role=role(result, "claim", "adversarial"),
            averaging=geometric_interval,
        )
    )
    return found


def _series(result: Result, condition: str, measure: str, split: str) -> np.ndarray:
    """One scalar over the epochs, shape (epochs, seeds)."""
    records = result.select(condition=condition, measure=measure, split=split, clip=True)
    return np.array([[row[-1] for row in r.values] for r in sorted(records, key=lambda record: record.epoch)])


def figure3(result: Result) -> list[Judgement]:
    """Local and global flatness at the training radius over epochs, and the robust generalization gap."""
    found = []
    for condition in ("adversarial", "clean"):
        local, overall = (_series(result, condition, "flatness", split) for split in ("train", "test"))
        if len(local) < 2:
            continue
        main = "claim" if condition == "adversarial" else "control"
        found.append(
            judge(
                "figure-3",
                f"global flatness grows much faster than local flatness: {condition}",
                "growth of global over growth of local flatness, first to last epoch",
                ((overall[-1] / overall[0]) / (local[-1] / local[0])).tolist(),
                GROWTH,
                role=role(result, main, condition),
                averaging=geometric_interval,
            )
        )
        if len(local) < 4:
            continue
        for measure in ("robust_loss", "robust_error"):
            gap = _series(result, condition, measure, "test") - _series(result, condition, measure, "train")
            epochs = np.repeat(np.arange(len(gap), dtype=np.float64)[:, None], gap.shape[1], axis=1)
            for differences in (False, True):
                on = "differences between measured epochs" if differences else "levels"
                for other, name, kind in (
                    (overall, "global flatness", main),
                    (epochs, "the number of the epoch", "control"),
                    (np.roll(overall, 1, axis=1), "global flatness of another seed", "control"),
                ):
                    # The two controls are of the claim; the steps of the epoch's number are those of the schedule.
                    if other is not overall and (main == "control" or (other is epochs and differences)):
                        continue
                    if name.endswith("seed") and gap.shape[1] < 2:
                        continue
                    found.append(
                        judge(
                            "figure-3",
                            f"the gap in {measure.replace('_', ' ')} grows with {name}: {condition}, {on}",
                            f"correlation over epochs, on the {on}",
                            [
                                correlation(gap[:, k].tolist(), other[:, k].tolist(), differences=differences)
                                for k in range(gap.shape[1])
                            ],
                            CORRELATION,
                            role=role(result, kind, condition),
                            averaging=correlation_interval,
                        )
                    )
            if condition == "adversarial" and gap.shape[1] > 1:
                found += [_specific(result, measure, gap, overall, differences) for differences in (False, True)]
    return found


def _specific(result: Result, measure: str, gap: np.ndarray, overall: np.ndarray, differences: bool) -> Judgement:
    """Whether gap and flatness have more in common than the schedule, which all seeds share.

    The schedule is what the other seeds' mean flatness explains of both. Seeds are independent, but the means of the
    others overlap, and so the interval is approximate.
    """
    seeds = range(gap.shape[1])
    others = [np.delete(overall, k, axis=1).mean(axis=1) for k in seeds]
    return judge(
        "figure-3",
        f"the gap in {measure.replace('_', ' ')} grows with global flatness beyond that of other seeds: adversarial, "
        + ("differences between measured epochs" if differences else "levels"),
        "partial correlation over epochs, given the mean flatness of the other seeds",
        [
            partial_correlation(gap[:, k].tolist(), overall[:, k].tolist(), others[k].tolist(), differences=differences)
            for k in seeds
        ],
        PARTIAL,
        role=role(result, "claim", "adversarial"),
        averaging=correlation_interval,
    )
