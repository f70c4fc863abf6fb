"""Figure 1: flat inside the training radius and sharp outside it; the kink moves with the radius."""

import math

import numpy as np

from empirics.images.verdicts.chance import fitted, role
from empirics.images.verdicts.result import Judgement, Record, Result
from empirics.images.verdicts.statistics import (
    fitted_slope,
    geometric_interval,
    rise_radius,
    slope_ratio,
    two_segment_kink,
)
from empirics.images.verdicts.thresholds import KINK_SPEED, RANDOM_FITTED, SLOPE_RATIO, judge


def figure1(result: Result) -> list[Judgement]:
    """Flat inside the training radius and sharp outside; the kink moves with the radius."""
    main = float(result.settings["radius"])
    found = []
    for record in result.records:
        if record.measure not in ("gradient_norm", "loss_change"):
            continue
        control = record.condition != "adversarial"
        if not control and record.radius != main:
            continue
        # On training points of random labels, and of f̂, a flat zone is what memorization means: it is claimed.
        memorized = record.condition in ("random labels", "constructed") and record.split == "train"
        kind = "control" if control and not memorized else "claim"
        if not fitted_condition(result, record.condition, record.radius):
            kind = "not fitted"
        where = f"{record.measure}, {record.split}, {'balls in [0,1]^d' if record.clip else 'whole balls'}"
        found.append(
            judge(
                "figure-1",
                f"flat inside, sharp outside: {record.condition}, {where}",
                "slope outside over slope inside the training radius",
                [slope_ratio(record.grid(), row, main) for row in record.rows()],
                SLOPE_RATIO,
                role=kind,
                averaging=geometric_interval,
            )
        )
    for split in ("train", "test"):
        swept = sorted(
            result.select(condition="adversarial", measure="gradient_norm", split=split, clip=True),
            key=lambda record: record.radius,
        )
        if len(swept) < 2:
            continue
        for name, locate, kind in (
            ("radius of 10 % of the rise", rise_radius, "claim"),
            ("knot of the best two segments", two_segment_kink, "second route"),
        ):
            found.append(
                judge(
                    "figure-1",
                    f"the kink moves with the training radius: {split}, {name}",
                    f"slope of the kink over training radii {', '.join(f'{r.radius:.4g}' for r in swept)}",
                    [
                        fitted_slope([r.radius for r in swept], [locate(r.grid(), r.rows()[k]) for r in swept])
                        for k in range(len(result.seeds))
                    ],
                    KINK_SPEED,
                    role=role(result, kind, "adversarial"),
                )
            )
    return found


def fitted_condition(result: Result, condition: str, radius: float) -> bool:
    """Whether the networks of a condition and radius learned their sample: random labels robustly, others at all."""
    if condition == "random labels":
        return fitted_random_labels(result)
    return fitted(result, condition, radius=radius)


def fitted_random_labels(result: Result) -> bool:
    """Whether every network with random labels fits them robustly; otherwise it says nothing about memorization."""
    runs = [run["last"]["train_pgd"] for run in result.runs if run["condition"] == "random labels"]
    return all(accuracy >= RANDOM_FITTED for accuracy in runs)


def flat_zone_reading(result: Result) -> str:
    """What Figure 1's verdicts on train and on test say about memorization."""
    outcome = {
        split: next(
            (
                v.outcome
                for v in result.verdicts
                if v.claim.endswith(f"adversarial, gradient_norm, {split}, balls in [0,1]^d")
            ),
            "undecided",
        )
        for split in ("train", "test")
    }
    if outcome["train"] != "reproduced":
        return f"no flat zone established on training points ({outcome['train']})"
    return {
        "reproduced": "the same flat zone on test points: robustness that generalizes, not memorization",
        "not reproduced": "a flat zone on training points only: local, as memorization has it",
        "undecided": "a flat zone on training points; on test points undecided",
    }[outcome["test"]]


def kinks(record: Record) -> dict[str, float]:
    """Both locations of the kink, the median over seeds."""
    rows, grid = record.rows(), record.grid()
    return {
        "rise": float(np.median([rise_radius(grid, row) for row in rows])),
        "two segments": float(np.median([two_segment_kink(grid, row) for row in rows])) if len(grid) > 3 else math.nan,
    }
