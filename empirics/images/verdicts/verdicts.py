"""The empirical claims of section 4, each as a verdict that follows from stored records alone.

Sources: Figure 1, Figure 2, Figure 3, Table 1 and the paragraphs on them; section 3 for robust memorization.
"""

import numpy as np

from empirics.images.verdicts.chance import role
from empirics.images.verdicts.figure1 import figure1
from empirics.images.verdicts.figures2and3 import figure2, figure3
from empirics.images.verdicts.result import Judgement, Result
from empirics.images.verdicts.thresholds import (
    CLEAN_DROP,
    DROP_FACTOR,
    RADIUS_SHARE,
    RESCUED,
    ROBUST_DROP,
    ROBUST_TRAIN,
    SHARE,
    WIDTH_FALL,
    judge,
)


def verdicts(result: Result) -> tuple[Judgement, ...]:
    """Every verdict that follows from the records of a result.

    Raises:
        ValueError: for an unknown experiment.
    """
    of = {
        "figure1": figure1,
        "figure2": figure2,
        "figure3": figure3,
        "table1": table1,
        "memorization": memorization,
    }
    if result.experiment not in of:
        raise ValueError(f"experiments are {', '.join(of)}, got {result.experiment!r}")
    return tuple(of[result.experiment](result))


def _accuracy(result: Result, condition: str, measure: str, split: str) -> np.ndarray:
    """Accuracy of the trained network by seed."""
    return np.array([row[0] for row in result.one(condition=condition, measure=measure, split=split).values])


def table1(result: Result) -> list[Judgement]:
    """Robust training accuracy near 100 %, a large robust drop from train to test, a small clean one."""
    found = []
    for condition in ("adversarial", "clean"):
        kind = "claim" if condition == "adversarial" else "control"
        robust, clean = (
            [_accuracy(result, condition, measure, split) for split in ("train", "test")]
            for measure in ("robust_accuracy", "clean_accuracy")
        )
        drops = robust[0] - robust[1], clean[0] - clean[1]
        rows = (
            ("robust training accuracy is near 100 %", robust[0], ROBUST_TRAIN, "above"),
            ("the robust accuracy drops a lot", drops[0], ROBUST_DROP, "above"),
            ("the clean accuracy drops little", drops[1], CLEAN_DROP, "below"),
            (f"the robust drop is over {DROP_FACTOR:g} clean drops", drops[0] - DROP_FACTOR * drops[1], 0.0, "above"),
        )
        for claim, values, threshold, direction in rows:
            # Clean training also fits clean data with a small drop: that row cannot tell them apart, and is no control.
            if kind == "control" and direction == "below":
                continue
            found.append(
                judge(
                    "table-1",
                    f"{claim}: {condition}",
                    "accuracy" if threshold == ROBUST_TRAIN else "accuracy on train minus accuracy on test",
                    values.tolist(),
                    threshold,
                    direction=direction,
                    role=role(result, kind, condition),
                )
            )
    return found


def memorization(result: Result) -> list[Judgement]:
    """How much of the robust behaviour is local to the training points."""
    radius = float(result.settings["radius"])
    statement = "conjecture-robust-memorization"
    found = []

    def scalars(measure: str, split: str, **wanted: object) -> np.ndarray:
        return np.array([row[0] for row in result.one(measure=measure, split=split, **wanted).values])

    main = float(result.settings["width"])

    def add(
        claim: str,
        statistic: str,
        values: np.ndarray,
        threshold: float,
        *conditions: str,
        kind: str = "claim",
        width: float | None = main,
        direction: str = "above",
    ) -> None:
        part = role(result, kind, *conditions, width=width)
        found.append(judge(statement, claim, statistic, values.tolist(), threshold, direction=direction, role=part))

    for condition in ("adversarial", "clean"):
        kind = "claim" if condition == "adversarial" else "control"
        share, reach = (
            scalars(measure, "train", condition=condition, width=main)
            - scalars(measure, "test", condition=condition, width=main)
            for measure in ("robust_share", "robust_radius")
        )
        where = "robust behaviour is local to the training points"
        statistic = "share robust at the training radius, train minus test"
        add(f"{where}: {condition}", statistic, share, SHARE, condition, kind=kind)
        add(
            f"{where}, by robust radius: {condition}",
            "mean largest robust radius over the training radius, train minus test",
            reach / radius,
            RADIUS_SHARE,
            condition,
            kind=kind,
        )
        right = scalars("robust_share_of_right", "train", condition=condition, width=main) - scalars(
            "robust_share_of_right", "test", condition=condition, width=main
        )
        claim = f"{where}, of images classified correctly: {condition}"
        add(claim, "the same share of those", right, SHARE, condition, kind=kind)
    rescued = {split: scalars("rescued_share", split) for split in ("train", "test")}
    statistic = "share of the clean network's small-margin points that become robust"
    both = ("adversarial", "clean")
    add("small-margin training points become robust", f"{statistic}, train", rescued["train"], RESCUED, *both)
    apart = rescued["train"] - rescued["test"]
    add("small-margin test points do not", f"{statistic}, train minus test", apart, SHARE, *both)
    near = "test points near a training point of their class are more robust"
    statistic = "rank correlation of robust radius and l_∞ distance"
    correlation = scalars("distance_correlation", "test")
    add(f"{near}: adversarial", statistic, correlation, 0.0, "adversarial", direction="below")
    for condition in ("adversarial", "clean"):
        pair = np.array(result.one(measure="dependence_correlations", condition=condition).values)
        kind = "claim" if condition == "adversarial" else "control"
        add(
            f"{near} than near as many held-out ones: {condition}",
            f"{statistic}, to training images minus to held-out ones",
            pair[:, 0] - pair[:, 1],
            0.0,
            condition,
            direction="below",
            kind=kind,
        )
        if condition == "clean":
            add(f"{near}: clean", statistic, pair[:, 0], 0.0, condition, direction="below", kind=kind)
    widths = sorted({record.width for record in result.select(measure="robust_error", condition="adversarial")})
    if len(widths) > 1:
        fall = {
            split: scalars("robust_error", split, condition="adversarial", width=widths[0])
            - scalars("robust_error", split, condition="adversarial", width=widths[-1])
            for split in ("train", "test")
        }
        widest = f"width {widths[0]:g} to {widths[-1]:g}"
        claim = f"robust training error falls with width, {widest}"
        add(claim, "fall of the error", fall["train"], WIDTH_FALL, "adversarial", width=None)
        add(
            f"it falls more than the robust test error, {widest}",
            "fall on train minus fall on test",
            fall["train"] - fall["test"],
            WIDTH_FALL,
            "adversarial",
            width=None,
        )
    return found


def controls(result: Result, outcome: str) -> list[str]:
    """The controls with an outcome: "reproduced" as if the claim held of them, so that it is not specific."""
    return [v.claim for v in result.verdicts if v.role == "control" and v.outcome == outcome]
